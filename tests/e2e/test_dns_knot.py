#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolver against Knot DNS, a real authoritative server.

Usage: test_dns_knot.py PATH-OF-ask

Starts a knotd of its own on a free loopback port, with its configuration, zone and databases in a
temporary folder, asks it through the test program "ask" and compares what comes out. Prints TAP.
Without knotd there is one skipped test.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ZONE = """\
$ORIGIN example.test.
$TTL 300
@           SOA   ns hostmaster 1 3600 600 86400 120
@           NS    ns
ns          A     127.0.0.1
@           MX    20 mx2
@           MX    10 MX1
@           MX    30 mx3
mx1         A     192.0.2.1
mx1         AAAA  2001:db8::1
mx1         A     192.0.2.11
mx2         A     192.0.2.2
mx3         AAAA  2001:db8::3
implicit    A     192.0.2.4
null        MX    0 .
dangling    MX    10 nowhere
dangling    MX    20 mx2
lost        MX    10 nowhere
lost        MX    20 text
text        TXT   "no address here"
alias       CNAME example.test.
chain       CNAME alias
away        CNAME elsewhere.example.
*.wild      MX    10 mx2
below       NS    ns.below
ns.below    A     127.0.0.2
fleeting 0  A     192.0.2.5
""" + "".join(f"many        A     192.0.2.{n}\n" for n in range(100, 150))

STANDARD_MX = [
    "exchanger 10 mx1.example.test",
    "address [2001:db8::1]:25",
    "address 192.0.2.1:25",
    "address 192.0.2.11:25",
    "exchanger 20 mx2.example.test",
    "address 192.0.2.2:25",
    "exchanger 30 mx3.example.test",
    "address [2001:db8::3]:25",
]


class Tap:
    """Counts and prints; a failed check does not end the run."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, is_good, *notes):
        self.count += 1
        self.failed += not is_good
        print(f"{'ok' if is_good else 'not ok'} {self.count} - {name}")
        if not is_good:
            for note in notes:
                print(f"# {note}")
        sys.stdout.flush()


def free_port():
    """A port that is free for TCP and UDP a moment ago."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue


def answers(port):
    """True when the server gives the zone's SOA record with authority."""
    query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x07example\x04test\0\0\x06\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.2)
        udp.connect(("127.0.0.1", port))
        try:
            udp.send(query)
            reply = udp.recv(4096)
        except OSError:
            return False
    return reply[:2] == b"\x12\x34" and bool(reply[2] & 4) and reply[3] & 15 == 0


def knot_start(knotd, folder):
    """Starts knotd; returns (process, port). Tries again when somebody took the port first."""
    with open(f"{folder}/zone", "w", encoding="ascii") as zone:
        zone.write(ZONE)
    for _ in range(5):
        port = free_port()
        with open(f"{folder}/knot.conf", "w", encoding="ascii") as conf:
            conf.write(
                f"server:\n    rundir: {folder}\n    listen: 127.0.0.1@{port}\n"
                "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
                f"database:\n    storage: {folder}\n"
                "log:\n  - target: stderr\n    any: warning\n"
                f"zone:\n  - domain: example.test\n    storage: {folder}\n    file: zone\n"
                "    zonefile-sync: -1\n    journal-content: none\n"
            )
        with open(f"{folder}/log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [knotd, "-c", f"{folder}/knot.conf"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            if answers(port):
                return process, port
            time.sleep(0.05)
        knot_stop(process)
    return None, 0


def knot_stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_checks(tap, ask_program, process, port):
    def ask(*args):
        run = subprocess.run(
            [ask_program, "--resolver", f"127.0.0.1:{port}", "--timeout-ms", "10000", *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50, check=False,
        )
        if run.returncode != 0:
            return [f"exit {run.returncode}: {run.stderr.strip()}"]
        return run.stdout.splitlines()

    def expect(name, args, lines, detail=None):
        got = ask(*args)
        shown = [x for x in got if not x.startswith(("detail ", "queries "))]
        details = " ".join(x for x in got if x.startswith("detail "))
        tap.check(name, shown == lines and (detail is None or detail in details),
                  f"expected {lines}, {detail}", f"got {got}")

    expect("MX: by preference, families alternating", ["mx", "example.test"],
           ["cause ok", *STANDARD_MX])
    expect("MX: case and last dot do not matter", ["mx", "EXAMPLE.test."],
           ["cause ok", *STANDARD_MX])
    expect("no MX: the domain itself", ["mx", "implicit.example.test"],
           ["cause ok", "implicit", "exchanger 0 implicit.example.test", "address 192.0.2.4:25"])
    expect("null MX", ["mx", "null.example.test"], ["cause null MX"], "RFC 7505")
    expect("no such domain", ["mx", "nowhere.example.test"], ["cause no such name"], "NXDOMAIN")
    expect("an exchanger that does not exist is skipped", ["mx", "dangling.example.test"],
           ["cause ok", "exchanger 20 mx2.example.test", "address 192.0.2.2:25"])
    expect("no exchanger has an address", ["mx", "lost.example.test"], ["cause no address"])
    expect("a domain that is an alias", ["mx", "alias.example.test"], ["cause ok", *STANDARD_MX])
    expect("a chain of aliases", ["mx", "chain.example.test"], ["cause ok", *STANDARD_MX])
    expect("an alias that leads out of the server's zones", ["host", "away.example.test"],
           ["cause query refused"], "REFUSED")
    expect("a wildcard", ["mx", "anything.wild.example.test"],
           ["cause ok", "exchanger 10 mx2.example.test", "address 192.0.2.2:25"])
    expect("another zone", ["mx", "example.org"], ["cause query refused"])
    expect("a referral is no answer", ["host", "x.below.example.test"],
           ["cause server failure"], "refers")
    expect("a name without addresses", ["host", "text.example.test"], ["cause no address"])
    expect("a pinned exchanger",
           ["--resolve", "mx1.example.test:25:127.0.0.9", "mx", "example.test"],
           ["cause ok", STANDARD_MX[0], "address 127.0.0.9:25", *STANDARD_MX[4:]])

    got = ask("host", "many.example.test")
    addresses = {x for x in got if x.startswith("address 192.0.2.1")}
    tap.check("50 addresses do not fit into a datagram: TCP; 32 are kept",
              got[0] == "cause ok" and len(addresses) == 32, f"got {got}")

    got = ask("--repeat", "5", "host", "implicit.example.test")
    tap.check("the cache answers from the second time on", got[-1] == "queries 2", f"got {got}")
    got = ask("--repeat", "5", "mx", "nowhere.example.test")
    tap.check("also that a name does not exist", got[-1] == "queries 1", f"got {got}")
    # The address is asked for each time, and that there is no IPv6 address is kept.
    got = ask("--repeat", "5", "host", "fleeting.example.test")
    tap.check("a TTL of 0 is not kept", got[-1] == "queries 6", f"got {got}")

    knot_stop(process)
    expect("nobody listens any more", ["host", "implicit.example.test"], ["cause timed out"],
           "cannot be reached")


def main():
    # Debian keeps daemons where the path of a plain user does not lead.
    knotd = shutil.which("knotd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not knotd:
        print("1..1\nok 1 - Knot DNS # SKIP knotd is not installed")
        return 0
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="volley-knot-") as folder:
        process, port = knot_start(knotd, folder)
        if not process:
            with open(f"{folder}/log", encoding="utf-8", errors="replace") as log:
                tap.check("knotd starts", False, *log.read().splitlines())
        else:
            try:
                run_checks(tap, sys.argv[1], process, port)
            finally:
                knot_stop(process)
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
