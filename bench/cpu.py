#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU per message, user and system, of the sending process and of the sink.

Sender, with all measurement on, against the same Postfix smtp-sink: beside Postfix's smtp-source
and beside build/bench/floor, a bare io_uring loop that pumps the same octets without parsing,
clock or histogram. The sink, under the same client (smtp-source), beside smtp-sink.
"""
import sys

from common import BUILD, VOLLEY, Sink, Server, free_port, head, median, run, smtp_sink

ROUNDS, SESSIONS, MESSAGES, SIZE = 5, 100, 20000, 4096
FLOOR = str(BUILD / "bench" / "floor")


def volley(port, *options):
    return [VOLLEY, "bench", f"smtp://127.0.0.1:{port}", "-s", str(SESSIONS), "-m", str(MESSAGES),
            "-l", str(SIZE), "--quiet", "--json", "/dev/null", *options]


def source(port, *options, count=MESSAGES):
    return ["smtp-source", *options, "-s", str(SESSIONS), "-m", str(count), "-l", str(SIZE),
            f"127.0.0.1:{port}"]


def floor(port, *options):
    return [FLOOR, *options, "-s", str(SESSIONS), "-m", str(MESSAGES), "-l", str(SIZE),
            f"127.0.0.1:{port}"]


def cost(argv, count=MESSAGES):
    return run(argv)[1] / count * 1e6


def senders():
    rows = {
        "volley, lock step": lambda p: volley(p),
        "volley, PIPELINING": lambda p: volley(p, "--pipeline"),
        "volley, lock step, --batch 400us": lambda p: volley(p, "--batch", "400us"),
        "volley, PIPELINING, --batch 400us": lambda p: volley(p, "--pipeline", "--batch", "400us"),
        "floor, lock step": lambda p: floor(p),
        "floor, PIPELINING": lambda p: floor(p, "-P"),
        "smtp-source -d": lambda p: source(p, "-d"),
        "volley, a connection a message": lambda p: volley(p, "--messages-per-connection", "1"),
        "smtp-source": lambda p: source(p),
    }
    ratios = {
        ("volley, lock step", "floor, lock step"): (1.2, []),
        ("volley, PIPELINING", "floor, PIPELINING"): (1.2, []),
        ("volley, lock step", "smtp-source -d"): (0.75, []),
        ("volley, PIPELINING", "smtp-source -d"): (0.45, []),
        ("volley, lock step, --batch 400us", "smtp-source -d"): (None, []),
        ("volley, PIPELINING, --batch 400us", "smtp-source -d"): (None, []),
        ("volley, a connection a message", "smtp-source"): (0.7, []),
    }
    costs = {name: [] for name in rows}
    for _ in range(ROUNDS):
        port = free_port()
        with smtp_sink(port):
            for name, argv in rows.items():
                costs[name].append(cost(argv(port)))
        for (a, b), (_, values) in ratios.items():
            values.append(costs[a][-1] / costs[b][-1])
    print(f"sender's CPU per message, us; {MESSAGES} messages of {SIZE} octets, {SESSIONS} "
          f"sessions, against smtp-sink\n{'':36}{'min':>8}{'median':>8}{'max':>8}")
    for name, values in costs.items():
        print(f"  {name:34}{min(values):8.1f}{median(values):8.1f}{max(values):8.1f}")
    return report(ratios)


def sinks():
    costs = {"volley sink": [], "smtp-sink": []}
    for _ in range(ROUNDS):
        port = free_port()
        with smtp_sink(port) as server:
            run(source(port, "-d"))
            costs["smtp-sink"].append(server.stop() / MESSAGES * 1e6)
        with Sink() as server:
            run(source(server.port, "-d"))
            costs["volley sink"].append(server.stop() / MESSAGES * 1e6)
    print(f"\nsink's CPU per message, us, under smtp-source -d\n{'':36}{'min':>8}{'median':>8}"
          f"{'max':>8}")
    for name, values in costs.items():
        print(f"  {name:34}{min(values):8.1f}{median(values):8.1f}{max(values):8.1f}")
    pairs = [a / b for a, b in zip(costs["volley sink"], costs["smtp-sink"])]
    return report({("volley sink", "smtp-sink"): (0.4, pairs)})


def report(ratios):
    is_fine = True
    print(f"\n  {'ratio, round by round':54}{'min':>7}{'median':>8}{'max':>7}   asked for")
    for (a, b), (asked, values) in ratios.items():
        m = median(values)
        is_met = asked is None or m <= asked
        is_fine &= is_met
        print(f"  {a + ' / ' + b:54}{min(values):7.2f}{m:8.2f}{max(values):7.2f}   "
              f"{f'at most {asked}' if asked else '(no default)'}{'' if is_met else '  MISSED'}")
    return is_fine


def main():
    head(f"{ROUNDS} rounds, the commands in turn")
    is_fine = senders()
    is_fine &= sinks()
    sys.exit(0 if is_fine else 1)


main()
