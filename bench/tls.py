#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Full TLS handshakes per CPU second of the sending process, against the library's own limit.

The limit is build/bench/handshake_limit: wolfSSL handshaking with itself in memory, the client's
side alone, with the same suite, group and kind of certificate. The sender opens sessions to volley
sink, each with a full handshake, and closes them again: its CPU holds the sockets, greeting, EHLO
and QUIT as well. What the kernel takes of it (socket, connect, five sends, close) is shown beside,
and the ratio that would be left if volley itself cost nothing.
"""
import re
import subprocess
import sys

from common import BUILD, Sink, bench, head, median

ROUNDS, SESSIONS = 5, 4000


def limits():
    out = subprocess.run([str(BUILD / "bench" / "handshake_limit")], check=True,
                         capture_output=True, text=True).stdout
    return {verify: float(rate) for verify, rate in
            re.findall(r"^bare\s+(none|full)\s+(\d+)", out, flags=re.M)}


def main():
    head(f"{ROUNDS} rounds of {SESSIONS} sessions, smtps, TLS_AES_128_GCM_SHA256, X25519, P-256")
    ratios, ceilings = {"none": [], "full": []}, {"none": [], "full": []}
    print(f"{'round':6}{'verify':8}{'limit/CPU s':>12}{'sender/CPU s':>14}{'ratio':>8}"
          f"{'kernel us':>11}{'at most':>9}")
    for i in range(ROUNDS):
        limit = limits()
        for verify in ratios:
            with Sink("--max-sessions", str(SESSIONS), scheme="smtps") as sink:
                d, cpu, _, _ = bench(sink.url, "--cafile", sink.ca, "--tls-verify", verify, "-s",
                                     SESSIONS, "--idle", "1s")
            full = sum(t["count"] for t in d["tls"] if not t["resumed"])
            ratio = full / cpu / limit[verify]
            kernel = d["resources"]["cpu_system_s"] / full
            ceiling = 1 / (1 + kernel * limit[verify])
            ratios[verify].append(ratio)
            ceilings[verify].append(ceiling)
            print(f"{i + 1:<6}{verify:8}{limit[verify]:12.0f}{full / cpu:14.0f}{ratio:8.2f}"
                  f"{kernel * 1e6:11.0f}{ceiling:9.2f}")
    print(f"\nmedian of the ratios: {median(ratios['full']):.2f} with the certificate verified "
          f"(the default), {median(ratios['none']):.2f} without; asked for: at least 0.8\n"
          f"the kernel's part alone leaves at most {median(ceilings['full']):.2f} and "
          f"{median(ceilings['none']):.2f}")
    sys.exit(0 if median(ratios["full"]) >= 0.8 else 1)


main()
