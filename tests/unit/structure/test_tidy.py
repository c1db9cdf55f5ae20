#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/tidy sees each breach that it is there for, and none where there is none.

Usage: test_tidy.py PATH-OF-tidy

Each case is a small tree with one thing wrong; what tidy prints must name the file and the line.
Prints TAP.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

LICENCE = "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"
TABLE = """\
# Contributing

## Rooms and edges

| room | may include |
|---|---|
| base | nothing |
| `net` | base |
| ring, dns | net, base |
| main.c | net |
| cmd | all |

## Tests

| folder | what |
|---|---|
| base | dns |
"""
CLEAN = {
    "CONTRIBUTING.md": TABLE,
    "engine/main.c": LICENCE + '#include "net/a.h"\n',
    "engine/base/a.h": LICENCE + "#ifndef A\n#define A\nextern int base_a;\n#endif\n",
    "engine/net/a.h": LICENCE + '#ifndef B\n#define B\n#include "base/a.h"\n#endif\n',
    "engine/dns/a.c": LICENCE + '#include "net/a.h"\n#include "base/a.h"\n#include "dns/b.h"\n'
                                "#include <ares.h>\n#include <sys/socket.h>\n",
    "engine/dns/b.h": LICENCE + "#ifndef C\n#define C\nextern int dns_b;\n#endif\n",
    "engine/cmd/a.c": LICENCE + '#include "dns/b.h"\n',
    "engine/base/clock.c": LICENCE + "int now(void)\n{\n\treturn clock_gettime(0, 0);\n}\n",
    # Nothing of this is a call.
    "engine/base/words.c": LICENCE + "/* sprintf(x) and time(0) */\n"
                                     'const char *w = "strcpy(a, b)";\n'
                                     "int run_time(int s);\nint x(struct s *p)\n{\n"
                                     "\treturn run_time(p->time(1)) + p.rand(2);\n}\n",
    "scripts/run": "#!/bin/sh\n# SPDX-License-Identifier: GPL-3.0-or-later\nexit 0\n",
}
# Words that tidy must find, and must not find in this file.
WORD = "FIX" + "ME"
HOST = "registry." + "npmjs.org"

# What is wrong; files that are added to the clean tree; what tidy must say.
BREACHES = [
    ("an edge that the table lacks", {"engine/net/b.c": LICENCE + '\n#include "dns/b.h"\n'},
     "engine/net/b.c:3: net may not include dns"),
    ("main.c reaches into a room", {"engine/main.c": LICENCE + '#include "base/a.h"\n'},
     "engine/main.c:2: main.c may not include base"),
    ("a room that the table lacks", {"engine/attic/a.c": LICENCE},
     "engine/attic/a.c:1: attic is no room"),
    ("an include of a room that the table lacks",
     {"engine/net/b.c": LICENCE + '#include "attic/a.h"\n'},
     "engine/net/b.c:2: attic is no room"),
    ("an include without a room", {"engine/net/b.c": LICENCE + '#include "a.h"\n'},
     'engine/net/b.c:2: "a.h" names no room'),
    ("liburing outside ring", {"engine/net/b.c": LICENCE + "#include <liburing.h>\n"},
     "engine/net/b.c:2: liburing.h belongs to ring"),
    ("a part of wolfSSL outside tls", {"engine/dns/c.c": LICENCE + "#include <wolfssl/ssl.h>\n"},
     "engine/dns/c.c:2: wolfssl/ssl.h belongs to tls and crypt"),
    ("c-ares outside dns", {"engine/cmd/b.c": LICENCE + "# include <ares.h>\n"},
     "engine/cmd/b.c:2: ares.h belongs to dns"),
    ("SQLite outside spool", {"engine/cmd/b.c": LICENCE + '#include "sqlite3.h"\n'},
     "engine/cmd/b.c:2: sqlite3.h belongs to spool"),
    ("sockets in net", {"engine/net/b.h": LICENCE + "#include <sys/socket.h>\n"},
     "engine/net/b.h:2: sys/socket.h belongs to ring and dns"),
    ("a circle of edges",
     {"CONTRIBUTING.md": TABLE.replace("| base | nothing |", "| base | dns |")},
     "CONTRIBUTING.md:1: the edges run in a circle: base -> dns -> base"),
    ("an edge to nowhere",
     {"CONTRIBUTING.md": TABLE.replace("| base | nothing |", "| base | attic |")},
     "CONTRIBUTING.md:1: base may include attic, which has no row"),
    ("two rows for a room",
     {"CONTRIBUTING.md": TABLE.replace("| main.c", "| base | nothing |\n| main.c")},
     "CONTRIBUTING.md:10: base has two rows"),
    ("no table", {"CONTRIBUTING.md": "# Contributing\n"},
     'CONTRIBUTING.md:1: there is no heading "## Rooms and edges"'),
    ("a clock outside clock.c", {"engine/net/b.c": LICENCE + "int a = time(0);\n"},
     "engine/net/b.c:2: time() reads the time"),
    ("a file of 701 lines", {"engine/net/b.c": LICENCE + "\n" * 700},
     "engine/net/b.c:701: 701 lines"),
    ("a function of 91 lines",
     {"engine/net/b.c": LICENCE + "int a(void)\n{\n" + "\ta();\n" * 89 + "}\n"},
     "engine/net/b.c:3: a function of 91 lines"),
    ("a line of 101 columns, by tabs", {"engine/net/b.c": LICENCE + "\t" * 12 + "abcde;\n"},
     "engine/net/b.c:2: 102 columns"),
    ("white space at the end", {"engine/net/b.c": LICENCE + "int a; \n"},
     "engine/net/b.c:2: white space"),
    ("something left for later", {"scripts/x.sh": "#!/bin/sh\n# SPDX-License-Identifier: "
                                  f"GPL-3.0-or-later\n# {WORD}: later\n"},
     f"scripts/x.sh:3: {WORD}"),
    ("a source without a licence", {"engine/net/b.c": "int a;\n"},
     "engine/net/b.c:1: expected"),
    ("a script without a licence", {"scripts/x": "#!/bin/sh\nexit 0\n"},
     "scripts/x:2: expected"),
    ("a registry's host", {"tests/lock.json": '{\n"resolved": "https://' + HOST + '/x"\n}\n'},
     "tests/lock.json:2: names registry."),
    ("a header that needs another first",
     {"engine/net/b.h": LICENCE + "static inline size_t a(void)\n{\n\treturn 0;\n}\n"},
     "engine/net/b.h:1: does not compile alone"),
    ("a header without a guard", {"engine/net/b.h": LICENCE + "struct a {\n\tint b;\n};\n"},
     "engine/net/b.h:1: does not compile alone"),
]
BREACHES += [
    (f"a call of {call}", {"engine/net/b.c": LICENCE + f"\nint a(void)\n{{\n\t{call}(b);\n}}\n"},
     f"engine/net/b.c:5: {call}()")
    for call in ("sprintf", "vsprintf", "strcpy", "strcat", "strtok", "atoi", "rand",
                 "gettimeofday", "clock_gettime")
]


def tidy_run(tidy, files, *options):
    with tempfile.TemporaryDirectory(prefix="volley-tidy-") as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return subprocess.run([sys.executable, tidy, *options, folder], capture_output=True,
                              text=True, check=False)


def main():
    tidy = sys.argv[1]
    count = failed = 0

    def check(name, is_good, run):
        nonlocal count, failed
        count += 1
        failed += not is_good
        print(f"{'ok' if is_good else 'not ok'} {count} - {name}")
        if not is_good:
            for line in (run.stdout + run.stderr).splitlines():
                print(f"# {line}")

    run = tidy_run(tidy, CLEAN)
    check("a clean tree", run.returncode == 0 and run.stdout == "", run)
    run = tidy_run(tidy, CLEAN, "--tap")
    check("a clean tree, as TAP",
          run.returncode == 0 and run.stdout.startswith("1..") and "not ok" not in run.stdout, run)
    for name, files, expected in BREACHES:
        # Compiling is slow, and matters to headers alone.
        options = () if "compile" in expected else ("--skip-headers",)
        run = tidy_run(tidy, {**CLEAN, **files}, *options)
        is_good = run.returncode == 1 and any(
            line.startswith(expected) for line in run.stdout.splitlines())
        check(name, is_good, run)
    run = tidy_run(tidy, {**CLEAN, "engine/net/b.c": "int a;\n"}, "--tap", "--skip-headers")
    check("a breach, as TAP", run.returncode == 1 and run.stdout.count("\nnot ok ") == 1
          and "\n# engine/net/b.c:1: " in run.stdout, run)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
