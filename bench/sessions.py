#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of a session: thousands held open and idle, then one message on each.

10,000 over TLS 1.3, 10,000 in clear, and 30,000 over TLS 1.3 under "ulimit -n 20000" on both sides.
One volley process sends, one volley process is the sink.
"""
import resource
import sys

from common import Sink, bench, head

CASES = [
    ("smtps", 10000, ()),
    ("smtp", 10000, ()),
    ("smtps", 30000, ("--source-ip", "127.0.0.2,127.0.0.3,127.0.0.4")),
]
FILES = 20000


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    head(f"sessions open and idle for 5 s, then one message of 4 KiB on each; ulimit -n {limit}")
    print(f"{'scheme':8}{'sessions':>9}{'at once':>9}{'accepted':>10}{'received':>10}{'lost':>6}"
          f"{'dup':>5}{'errors':>8}{'sender/session':>16}{'sink/session':>14}  TLS")
    is_fine = True
    for scheme, count, extra in CASES:
        with Sink("--max-sessions", str(count), scheme=scheme) as sink:
            d, _, rss, status = bench(sink.url, "--cafile", sink.ca, "-s", count, "-m", count,
                                      "--messages-per-connection", 1, "--idle", "5s", *extra,
                                      check=False)
            sink_rss = sink.peak_rss()
            sink.stop()
            e2e = sink.count()["end_to_end"]
        errors = sum(e["count"] for e in d["errors"])
        tls = ", ".join(f"{t['count']} {t['version']} {t['cipher']} {t['group']}" for t in d["tls"])
        print(f"{scheme:8}{count:9}{d['sessions']['peak']:9}{d['messages']['accepted']:10}"
              f"{e2e['received']:10}{e2e['lost']:6}{e2e['duplicated']:5}{errors:8}"
              f"{rss / count / 1024:12.2f} KiB{sink_rss / count / 1024:10.2f} KiB  {tls}")
        is_fine &= (status == 0 and errors == 0 and d["sessions"]["peak"] == count
                    and e2e["received"] == count and e2e["lost"] == e2e["duplicated"] == 0
                    and rss / count < (16384 if scheme == "smtps" else 4096))
    print("\npeak resident memory of the whole process, over its sessions; asked for: under 16 KiB "
          "over TLS, under 4 KiB in clear")
    sys.exit(0 if is_fine else 1)


main()
