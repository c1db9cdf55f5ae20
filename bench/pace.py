#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An open loop keeps its schedule: what was sent against what was due."""
import sys

from common import Sink, bench, head


def main():
    head("open loop, 5,000 messages/s for 10 s, constant and Poisson arrivals, 50 sessions")
    print(f"{'arrivals':10}{'due':>8}{'started':>9}{'off by':>9}{'lag p50':>10}{'lag p99':>10}"
          f"{'lag max':>10}  valid")
    is_fine = True
    for arrivals in ("constant", "poisson"):
        with Sink() as sink:
            d, _, _, _ = bench(sink.url, "--rate", "5000/s", "--duration", "10s", "--arrivals",
                               arrivals, "-s", 50, "--seed", 1, check=False)
        due, started, lag = d["messages"]["due"], d["messages"]["started"], d["rate"]["lag_us"]
        off = abs(started - due) / due * 100
        print(f"{arrivals:10}{due:8}{started:9}{off:8.3f}%{lag['p50']:7} us{lag['p99']:7} us"
              f"{lag['max']:7} us  {d['rate']['valid']}")
        is_fine &= off <= 0.2
        if arrivals == "constant":
            is_fine &= due == 50000
    print("\nasked for: within 0.2 %")
    sys.exit(0 if is_fine else 1)


main()
