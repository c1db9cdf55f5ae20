#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""volley profile list, show, check and diff: what they print, and what they say of bad profiles.

Each kind of bad input is one sentence that begins with the file and the line.
"""

import json
import os
import re
import sys

import harness

BASE = """headroom: 20%
retry: {first: 10m, factor: 2, max: 4h, give-up: 3d, jitter: 10%, greylist: 5m}
replies:
  busy: {code: 4xx, text: try again later, class: throttled}
"""

# Name: (text or octets, line, what is said).
BAD = {
    "unknown-key": ("title: x\nlimits:\n  a: {max: 5, off: messages, per: connection}\n", 3,
                    'limits.a.off: this key is not known here, did you mean "of"?'),
    "wrong-unit": ("title: x\nlimits:\n  a: {max: 5MB, of: connections, per: source}\n", 3,
                   "limits.a.max: .*expected a count"),
    "no-unit": ("title: x\nretry: {first: 10}\n", 2, "retry.first: .*has no unit"),
    "negative": ("title: x\nlimits:\n\n  a: {max: -5/h, of: messages, per: source}\n", 4,
                 "limits.a.max: .*is negative"),
    "no-regex": ("title: x\nreplies:\n  r:\n    class: policy\n    text: 'a(b'\n", 5,
                 "replies.r.text: the pattern does not compile"),
    "explosive": ("title: x\nreplies:\n  r:\n    text: '(a+)+$'\n    class: policy\n", 4,
                  "replies.r.text: the pattern would take for ever"),
    "circle": ("title: x\nextends: circle2\n", None, "extends goes in a circle: "),
    "circle2": ("extends: circle\n", None, "extends goes in a circle: "),
    "self": ("title: x\nextends: self\n", 2, 'extends: this is "self" itself'),
    "orphan": ("title: x\nextends: bass\n", 2, 'extends: there is no profile "bass"'),
    "empty": ("", 1, "the file is empty"),
    "comment": ("# nothing\n", 1, "the file is empty"),
    "twice": ("title: x\nabout: y\ntitle: z\n", 3, '"title" is given twice, first in line 1'),
    "alias": ("title: x\nabout: *title\n", 2, r'the alias "\*title" is not allowed'),
    "anchor": ("title: &t x\n", 1, 'the anchor "&t" is not allowed'),
    "tab": ("title: x\nmatch:\n\tmx: [a.example]\n", 3, "the line is indented with a tab"),
    "binary": (b"title: x\n\x7fELF\x02\x01\x01\x00", 2, "this is no text in UTF-8"),
    "two": ("title: x\n---\ntitle: y\n", 2, "a second document"),
    "dot": ("title: x\nmatch: {mx: [mx.example.net.]}\n", 2, "match.mx: .*ends in a dot"),
    "no-limit": ("title: x\nreplies:\n  r: {code: 421, class: throttled, when: {over: all},\n"
                 "      say: 421 slow}\n", 3, 'replies.r.when.over: there is no limit "all"'),
    "unsourced": ("title: x\nlimits:\n  a: {max: 5, of: connections, per: site, sure: common}\n",
                  3, "limits.a.sure: what is common has a source"),
    "shadowed": ("title: x\nreplies:\n  a: {code: 4xx, class: throttled}\n"
                 "  b: {code: 421, class: policy}\n", 4, "replies.b: the rule is never reached"),
}


def profile(case, *args, folder=None, env=None):
    extra = ["--profile-dir", folder] if folder else []
    environment = {**os.environ, "XDG_CONFIG_HOME": str(case.folder / "none"), **(env or {})}
    run = case.start([harness.volley(), "profile", *args, *extra], env=environment).wait()
    case.clean("it ends well and says nothing odd", run)
    return run


def folder_of(case, **texts):
    folder = case.folder / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_shipped(case):
    listed = profile(case, "list")
    case.check("the list has a head and a line a profile", listed.status == 0 and re.match(
        r"NAME +KIND +LIMITS +RULES +TITLE\n", listed.out) and "\ngmail " in listed.out, listed)
    rows = json.loads(profile(case, "list", "--json").out)
    case.equal("as many in JSON", len(rows), len(listed.out.splitlines()) - 1)
    case.check("with what they are for", all(
        set(row["kinds"]) <= {"destination", "submission", "general"} and row["kinds"]
        and row["title"] and row["file"].endswith(f"/{row['name']}.yaml") for row in rows), rows)
    checked = profile(case, "check", "--all")
    case.equal("all are right", (checked.status, checked.out),
               (0, f"{len(rows) + 1} profiles checked\n"), checked)
    folder = case.folder / "shown"
    folder.mkdir()
    for row in rows:
        shown = profile(case, "show", row["name"])
        (folder / f"{row['name']}.yaml").write_text(shown.out, encoding="utf-8")
    again = profile(case, "check", *(row["name"] for row in rows), folder=folder)
    case.equal("what is shown loads again", (again.status, again.out),
               (0, f"{len(rows)} profiles checked\n"), again)
    names = [row["name"] for row in rows[:5]]
    differs = [profile(case, "diff", name, str(folder / f"{name}.yaml")) for name in names]
    case.equal("and says the same", [run.out for run in differs], [""] * len(names), differs[0])


def test_show(case):
    folder = folder_of(
        case, low="title: Low\nlimits:\n  a: {max: 5, of: connections, per: source,\n"
        "      source: S, sure: common}\nsources: {S: {what: somewhere}}\n",
        high="extends: low\nheadroom: 10%\nlimits:\n  b:\n    max: 200/h\n    of: messages\n"
        "    per: account\n")
    run = profile(case, "show", "high", folder=folder)
    lines = {re.sub(r" +#.*", "", line): re.sub(r".*?# ", "", line)
             for line in run.out.splitlines() if line}
    case.equal("each value has its origin",
               (lines["title: Low"], lines["headroom: 10%"], lines["    max: 200/h"]),
               (f"{folder}/low.yaml:1", f"{folder}/high.yaml:2",
                f"{folder}/high.yaml:5; assumed, no source"), run)
    case.check("a figure has its source", f"# {folder}/low.yaml:3; common, S" in run.out
               or re.search(r"a: \{max: 5,.*\n? *.*low.yaml:3", run.out), run)
    columns = {line.index(" # ") for line in run.out.splitlines() if " # " in line
               and len(line.split(" # ")[0].rstrip()) <= 64}
    case.equal("origins are aligned", len(columns), 1, run)
    shown = json.loads(profile(case, "show", "high", "--json", folder=folder).out)
    case.equal("JSON has the same",
               (shown["name"], shown["document"]["headroom"],
                shown["document"]["limits"]["a"]["max"]),
               ("high", {"value": "10%", "origin": f"{folder}/high.yaml:2"},
                {"value": "5", "origin": f"{folder}/low.yaml:3"}), shown)
    run = profile(case, "diff", "low", "high", folder=folder)
    case.equal("differences by key", (run.status, run.out.splitlines()),
               (0, ["~ extends: base -> low", "~ headroom: 20% -> 10%",
                    "+ limits.b: {max: 200/h, of: messages, per: account}"]), run)


def test_bad_profiles(case):
    folder = folder_of(case)
    for name, (text, _, _) in BAD.items():
        octets = text if isinstance(text, bytes) else text.encode()
        (folder / f"{name}.yaml").write_bytes(octets)
    for name, (_, line, said) in BAD.items():
        run = profile(case, "check", name, folder=folder)
        # The circle closes in whichever file is read last.
        place = rf"{folder}/{name}\.yaml:{line}: " if line else rf"{folder}/circle2?\.yaml:\d: "
        case.check(f"{name}: one line with file and line, status 2", run.status == 2
                   and len(run.out.splitlines()) == 1 and re.match(place + said, run.out),
                   f"wanted {place}{said}", run)
    run = profile(case, "check", "--all", folder=folder)
    found = set(re.findall(rf"^{folder}/([\w-]+)\.yaml:\d+: ", run.out, re.MULTILINE))
    case.equal("check --all finds them all", (run.status, found), (2, set(BAD)), run)
    run = profile(case, "show", "twice", folder=folder)
    case.sentence("show says it too", run, 2, f"^volley profile: {folder}/twice.yaml:3: ")
    run = profile(case, "list", folder=folder)
    case.check("list shows the others", run.status == 2 and "\ngmail " in run.out
               and "twice.yaml:3: " in run.err, run)


def test_unreadable(case):
    folder = folder_of(case, x="title: x\n")
    (folder / "folder.yaml").mkdir()
    run = profile(case, "check", "folder", folder=folder)
    case.check("a folder is no file", run.status == 2 and "folder.yaml:1: this is no file" in
               run.out, run)
    run = profile(case, "check", str(folder / "gone.yaml"))
    case.check("a file that is not there", run.status == 2
               and re.match(r"/.*/gone\.yaml:1: cannot be read: No such file", run.out), run)
    (folder / "x.yaml").chmod(0)
    if not os.access(folder / "x.yaml", os.R_OK):
        run = profile(case, "check", "x", folder=folder)
        case.check("a file that may not be read", run.status == 2
                   and "x.yaml:1: cannot be read: Permission denied" in run.out, run)
    run = profile(case, "show", "gmial")
    case.sentence("a name that is misspelt", run, 2,
                  '^volley profile: there is no profile "gmial", did you mean "gmail"')


def test_ten_thousand(case):
    folder = folder_of(case)
    for i in range(10000):
        (folder / f"p{i:05}.yaml").write_text(f"title: Number {i}\n", encoding="utf-8")
    run = profile(case, "list", folder=folder)
    case.check("all are listed", run.status == 0 and "\np00000 " in run.out
               and "\np09999 " in run.out and len(run.out.splitlines()) > 10000, run.err)
    run = profile(case, "check", "--all", folder=folder)
    case.check("all are checked", run.status == 0
               and re.fullmatch(r"1\d{4} profiles checked\n", run.out), run)
    # Ten thousand files cost one of them nothing: told by two runs that differ in that alone.
    few = case.folder / "few"
    few.mkdir()
    for name in ("base", "p00000"):
        (few / f"{name}.yaml").write_bytes((folder / f"{name}.yaml").read_bytes())
    opened = []
    for where in (folder, few):
        trace = case.folder / "trace"
        strace = harness.tool("strace") if harness.shutil.which("strace") else None
        if not strace:
            break
        # The leak sanitizer traces the process itself, which only one can do.
        quiet = {"ASAN_OPTIONS": "detect_leaks=0"} if harness.SANITIZED else None
        case.start([strace, "-e", "trace=openat", "-o", trace, harness.volley(), "profile",
                    "show", "p00000", "--profile-dir", where], env=quiet).wait()
        opened.append(sum(".yaml" in line for line in trace.read_text().splitlines()))
    if opened:
        case.equal("loading one opens its own files alone", opened, [2, 2])


def test_usage(case):
    for args, said in (
            ((), "say what to do: list, show, check or diff"),
            (("lst",), '"lst" is nothing that can be done'),
            (("list", "gmail"), "list takes no names"),
            (("show",), "show takes NAME, and 0 names are given"),
            (("show", "a", "b"), "show takes NAME, and 2 names are given"),
            (("check",), "check takes NAME"),
            (("check", "--all", "x"), "check takes NAME"),
            (("diff", "a"), "diff takes NAME NAME, and 1 name is given"),
            (("list", "--all"), "--all goes with check alone"),
            (("check", "--json", "a"), "--json goes with list and show alone"),
            (("list", "--jsn"), "did you mean --json"),
            (("list", "--profile-dir", "/nonexistent"), "/nonexistent cannot be read"),
            (("list", "--profile-dir", "/dev/null"), "/dev/null cannot be read: Not a directory"),
            (("list", "--profile-dir", ""), "give the name of a folder")):
        case.sentence(" ".join(args) or "nothing", profile(case, *args), 2,
                      f"^volley profile: .*{said}")
    run = profile(case, "--help")
    case.check("--help names every task", run.status == 0 and all(
        f"\n  {task}" in run.out for task in ("list", "show", "check", "diff")), run)
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = harness.subprocess.run([harness.volley(), "profile", "list"], stdout=full,
                                         stderr=harness.subprocess.PIPE, check=False)
    case.check("a full disk is told", process.returncode == 1
               and b"cannot write to standard output" in process.stderr, process.stderr)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
