#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the reported latencies say what happened?

Injected: a sink delays each phase by a known distribution and records the delay that it really
imposed (its timers are late by what the kernel is late); every percentile that volley bench reports
up to p99.9 must lie within 1 % or 100 us of that.

Stalled: a server is stopped (SIGSTOP) for half of an open-loop run. Every message that was due then
waited, p90 of response is 0.8 of the stop; service, from when a message was started, does not move.
"""
import os
import signal
import sys
import threading
import time

from common import Sink, bench, head

DELAYS = {
    "mail": "exp:40ms",
    "rcpt": "uniform:10ms-50ms",
    "data": "normal:60ms,8ms",
    "dot": "lognormal:50ms,0.5",
}
PERCENTILES = ["p50", "p90", "p99", "p99_9"]


def injected():
    faults = [word for phase, delay in DELAYS.items() for word in ("--fault",
                                                                  f"{phase}:delay={delay}")]
    with Sink(*faults) as sink:
        d, _, _, _ = bench(sink.url, "-s", 150, "-m", 12000)
        sink.stop()
        truth = sink.count()["delays_us"]
    print(f"{'phase':8}{'injected':22}{'percentile':>11}{'imposed us':>12}{'reported us':>13}"
          f"{'off us':>8}{'off':>8}")
    is_fine = True
    for phase, delay in DELAYS.items():
        reported = d["latency_us"]["accept" if phase == "dot" else phase]
        for p in PERCENTILES:
            want, got = truth[phase][p], reported[p]
            off = got - want
            fits = abs(off) <= max(100, want * 0.01)
            is_fine &= fits
            print(f"{phase:8}{delay:22}{p:>11}{want:12}{got:13}{off:8}{off / want * 100:7.2f}%"
                  f"{'' if fits else '  TOO FAR'}")
    return is_fine


def stalled(length=10):
    def stop_and_go(pid):
        time.sleep(length / 4)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(length / 2)
        os.kill(pid, signal.SIGCONT)

    with Sink() as sink:
        calm, _, _, _ = bench(sink.url, "--rate", "500/s", "--duration", f"{length}s", "-s", 10)
        thread = threading.Thread(target=stop_and_go, args=(sink.process.pid,))
        thread.start()
        d, _, _, _ = bench(sink.url, "--rate", "500/s", "--duration", f"{length}s", "-s", 10)
        thread.join()
    stop = length / 2
    p90 = d["latency_us"]["response"]["p90"] / 1e6
    service, before = d["latency_us"]["service"]["p90"], calm["latency_us"]["service"]["p90"]
    print(f"\nserver stopped for {stop:g} s of {length} s, 500 messages/s, 10 sessions")
    print(f"  response p90   {p90:.3f} s = {p90 / stop:.3f} of the stop (about 0.8 is right)")
    print(f"  service p90    {service} us, without the stop {before} us")
    return 0.75 <= p90 / stop <= 0.85 and service < 20000


def main():
    head("injected delays against reported ones; 12,000 messages over 150 sessions")
    is_fine = injected()
    is_fine &= stalled()
    sys.exit(0 if is_fine else 1)


main()
