#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of the shared host: 40,000 messages through an account that may send 200 an hour.

The sink imposes profiles/shared-host.yaml, in which an hour passes in a second; volley bench sends
40,000 messages with a login, once as fast as they go and once obeying the same profile. Replies of
both runs stand side by side, and beside them what the sink counted by itself.
"""
import os
import sys

from common import Sink, bench, head

MESSAGES = int(os.environ.get("MESSAGES", "40000"))
SCALE, SESSIONS = 3600, 100
USER, PASSWORD = "user@example.com", "secret"
BUDGET, HEADROOM = 200, 0.2


def run(*options):
    sink = Sink("--account", f"{USER}:{PASSWORD}", "--auth-clear", "--profile", "shared-host",
                "--scale", str(SCALE))
    with sink:
        d, _, _, status = bench(sink.url, "--auth-user", USER, "--auth-clear", "-f", USER, "-s",
                                SESSIONS, "-m", MESSAGES, *options, check=False)
        sink.stop()
        return d, sink.count(), status


def rows(d):
    """Replies of a run: {(command, code, enhanced): (count, sample)}."""
    return {(r["command"], r["code"], r["enhanced"] or ""): (r["count"], r["sample"])
            for r in d["replies"]}


def main():
    os.environ["VOLLEY_AUTH_PASSWORD"] = PASSWORD
    head(f"{MESSAGES:,} messages, 200 an hour allowed, an hour passes in a second, "
         f"{SESSIONS} sessions wanted")
    runs = [run(), run("--profile", "shared-host", "--scale", SCALE)]
    wild, obeyed = (r[0] for r in runs)
    print(f"{'':34}{'as fast as it goes':>20}{'--profile shared-host':>24}")
    for key in "started", "accepted", "deferred", "rejected", "failed":
        print(f"{key:34}{wild['messages'][key]:>20,}{obeyed['messages'][key]:>24,}")
    print(f"{'accepted, of those started':34}"
          + "".join(f"{d['messages']['accepted'] / d['messages']['started']:>{w}.1%}"
                    for d, w in ((wild, 20), (obeyed, 24))))
    print(f"{'seconds':34}{wild['run']['seconds']:>20.1f}{obeyed['run']['seconds']:>24.1f}")
    print(f"{'accepted a second (hour)':34}"
          + "".join(f"{d['messages']['accepted'] / d['run']['seconds']:>{w}.1f}"
                    for d, w in ((wild, 20), (obeyed, 24))))
    print("\nreplies")
    both = [rows(wild), rows(obeyed)]
    for key in dict.fromkeys([*both[0], *both[1]]):
        counts = [r.get(key, (0, ""))[0] for r in both]
        sample = next(r[key][1] for r in both if key in r).split("\n")[0][:60]
        name = f"  {key[0]:9}{key[1]:<5}{key[2]}"
        print(f"{name:34}{counts[0]:>20,}{counts[1]:>24,}  {sample}")
    print("\nthe sink's own count")
    for i in range(len(runs[0][1]["imposed"]["limits"])):
        limits = [r[1]["imposed"]["limits"][i] for r in runs]
        name = f"  {limits[0]['limit']}: most in a window"
        print(f"{name:34}{limits[0]['peak']:>20,}{limits[1]['peak']:>24,}  "
              f"of {limits[0]['amount']:,}")
    share = obeyed["messages"]["accepted"] / obeyed["run"]["seconds"] / (BUDGET * (1 - HEADROOM))
    refused = sum(n for (_, code, _), (n, _) in both[1].items() if code >= 400)
    print(f"\nobeyed: {share:.1%} of what the headroom leaves, {refused} refusals; "
          "asked for: at least 95 %, none")
    sys.exit(0 if share >= 0.95 and refused == 0 else 1)


main()
