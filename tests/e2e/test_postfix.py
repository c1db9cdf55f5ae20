#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real relay between volley bench and volley sink: every message is accounted for.

Postfix as scripts/relay starts it: STARTTLS and AUTH are demanded, and all mail goes on to a sink,
which knows by X-Volley-ID what became of each message.
"""

import os
import subprocess
import sys

import harness

SESSIONS = 20
MESSAGES = 300


class Relay:
    """scripts/relay, which ends with its standard input."""

    def __init__(self, case, next_hop):
        harness.tool("postconf")
        harness.tool("saslpasswd2")
        if os.geteuid() != 0:
            raise harness.Skip("Postfix needs root")
        self.process = case.start([sys.executable, harness.ROOT / "scripts/relay", str(next_hop)],
                                  "relay", stdin=subprocess.PIPE)
        case.closers.append(self.stop)
        self.facts = harness.wait_until("Postfix is ready", self._read)

    def _read(self):
        if self.process.popen.poll() is not None:
            raise ChildProcessError(self.process.err)
        lines = self.process.out.splitlines()
        return dict(x.partition(" ")[::2] for x in lines) if "ready" in lines else None

    @property
    def url(self):
        return f"smtp+starttls://127.0.0.1:{self.facts['port']}"

    @property
    def login(self):
        return ["--auth-user", self.facts["user"], "--auth-password-file",
                self.facts["password-file"], "--cafile", self.facts["ca"]]

    def drain(self, patience=60):
        """How many messages are left in the queue in the end."""
        self.process.popen.stdin.write(f"drain {patience}\n".encode())
        self.process.popen.stdin.flush()
        lines = harness.wait_until("the queue is told", lambda: [
            x for x in self.process.out.splitlines() if x.startswith("queue ")])
        return int(lines[-1].split()[1])

    def log(self):
        with open(self.facts["log"], encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        """Closing its input ends it; then Postfix is gone when it is."""
        if self.process.popen.poll() is None:
            self.process.popen.stdin.close()
            self.process.wait()


def test_relay(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--expect", str(MESSAGES))
    relay = Relay(case, sink.port())
    # --idle: all sessions are open before the first message.
    run = case.bench("-s", str(SESSIONS), "-m", str(MESSAGES), "--idle", "100ms", "--pipeline",
                     "--to", "user%d@example.com", *relay.login, relay.url, "--timeout", "60s")
    left = relay.drain()
    status = sink.stop()
    end = status["end_to_end"] or {}
    case.equal("the relay accepted all", (run.status, *run.messages("accepted", "failed")),
               (0, MESSAGES, 0), run, relay.log()[-3000:] if run.status else "")
    case.equal("its queue is empty", left, 0)
    case.equal("accepted = received, none lost, none twice",
               (end.get("received"), end.get("lost"), end.get("duplicated")), (MESSAGES, 0, 0),
               relay.log()[-3000:] if end.get("received") != MESSAGES else "")
    case.equal("sessions logged in over TLS 1.3",
               (run.replies().get(("auth", 235)), [t["version"] for t in run.document["tls"]]),
               (SESSIONS, ["TLSv1.3"]), run)
    case.check("end-to-end latency is longer than the relay's answer",
               end["latency_us"]["min"] > 0 and end["latency_us"]["count"] == MESSAGES, end)


def test_no_login_no_relay(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    relay = Relay(case, sink.port())
    run = case.bench("-s", "2", "-m", "4", "--cafile", relay.facts["ca"], relay.url)
    case.equal("without AUTH the relay refuses", run.messages("accepted", "rejected"), (0, 4), run)
    password = case.write("wrong", "not this one\n")
    run = case.bench("--quiet", "-s", "1", "-m", "1", "--give-up", "20s", "--cafile",
                     relay.facts["ca"], "--auth-user", relay.facts["user"], "--auth-password-file",
                     password, relay.url)
    case.sentence("a wrong password", run, 5, "auth.*check user and password")
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
        run = case.bench("-s", "1", "-m", "2", "--auth", mechanism, *relay.login, relay.url)
        case.equal(f"{mechanism} against Cyrus SASL", run.messages("accepted"), (2,), run)
    case.equal("all that arrives", (relay.drain(), sink.stop()["end_to_end"]["received"]), (0, 8))


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
