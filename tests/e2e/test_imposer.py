#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""volley sink --profile from outside: what a provider's limits do to volley bench, swaks and
smtp-source, in whose words, and whether the sink's own count agrees with what the clients saw.
"""

import json
import socket
import sys
import time

import harness

OPEN = ["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"]


def profile(case, name, limits, replies="", more=""):
    """Writes a profile into the case's folder, which is where the sink looks for it."""
    case.write(f"{name}.yaml", f"title: {name}\n{more}limits:\n{limits}"
               + (f"replies:\n{replies}" if replies else ""))
    return name


def rule(name, when, at, say, code=421):
    """A reply rule that the sink says; its text is what makes it known again."""
    return (f"  {name}:\n    code: {code}\n    text: '{name} words'\n    class: throttled\n"
            f"    when: {when}\n    at: {at}\n    say: '{say}'\n")


def imposing(case, *args, listen="smtp://127.0.0.1:0"):
    return case.sink("--profile-dir", case.folder, "--listen", listen, "--decisions",
                     case.folder / "decisions.jsonl", *args)


def decisions(case, event="refused"):
    lines = (case.folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    return [d for d in map(json.loads, lines) if d["event"] == event]


def limits(status):
    return {row["limit"]: row for row in status["imposed"]["limits"]}


class Client:
    """A scripted client: says a line, returns the reply's lines; "" where the sink has closed."""

    def __init__(self, case, port, host="127.0.0.1"):
        self.link = socket.create_connection((host, port), harness.PATIENCE)
        self.file = self.link.makefile("rb")
        case.closers.append(self.close)
        self.greeting = self.reply()

    def reply(self):
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    def say(self, line):
        self.link.sendall(line.encode() + b"\r\n")
        return self.reply()

    def message(self):
        """The codes of a whole message, up to the first that is a refusal."""
        codes = []
        for line in [*OPEN, "Subject: x\r\n\r\nx\r\n."]:
            codes.append(self.say(line)[:3])
            if codes[-1][:1] not in ("2", "3"):
                break
        return codes[-1]

    def close(self):
        self.file.close()
        self.link.close()


# ---- limits ----

def test_windows(case):
    """Fifty an hour, an hour in a second: the rest hears 421, and everybody counts the same."""
    name = profile(case, "host",
                   "  hourly: {max: 50/h, of: messages, per: account, window: fixed}\n",
                   rule("hourly", "{over: hourly}", "mail", "421 4.7.0 hourly words for {ip} {id}"))
    sink = imposing(case, "--profile", name, "--scale", "3600", "--threads", "2")
    run = case.bench("-m", "400", "-s", "4", "--profile", "none", sink.url(), status=None)
    status = sink.stop()
    row = limits(status)["hourly"]
    refused = run.replies().get(("mail", 421), 0)
    case.check("some were refused", refused > 0, run)
    case.equal("the sink refused what the client saw refused", row["refused"], refused, run)
    case.equal("and passed what was accepted", row["passed"], status["messages"]["accepted"],
               status)
    case.check("in no window more than fifty", 0 < row["counted"] <= 50 and row["peak"] <= 50, row)
    log = decisions(case)
    case.equal("each refusal stands in the log", len(log), refused)
    case.check("with the counter that caused it",
               all((d["limit"], d["used"], d["amount"], d["client"], d["phase"], d["window_s"])
                   == ("hourly", 50, 50, "127.0.0.1", "mail", 1) for d in log), log[:1])
    case.check("and the words, no two alike", all(d["reply"].startswith(
        "421 4.7.0 hourly words for 127.0.0.1 ") for d in log)
        and len({d["reply"] for d in log}) == len(log), log[:1])
    case.equal("the limit stands in the log as it is kept",
               [(d["limit"], d["amount"], d["window_s"]) for d in decisions(case, "imposed")],
               [("hourly", 50, 1)])


def test_connections(case):
    name = profile(case, "few", "  open: {max: 2, of: connections, per: source}\n"
                   "  each: {max: 2, of: messages, per: connection}\n",
                   "  each:\n    class: throttled\n    when: {over: each}\n    at: mail\n"
                   "    then: close\n")
    sink = imposing(case, "--profile", name)
    first, second = Client(case, sink.port()), Client(case, sink.port())
    third = Client(case, sink.port())
    case.check("the third hears 421 for a greeting", third.greeting.startswith("421 "),
               third.greeting)
    case.equal("and is closed upon", third.reply(), "")
    first.say("HELO x")
    case.equal("two messages pass", [first.message(), first.message()], ["250", "250"])
    case.equal("the third message is answered by a close", first.message(), "")
    harness.wait_until("its place is free", lambda: Client(
        case, sink.port()).greeting.startswith("220"))
    second.say("QUIT")
    status = sink.stop()
    case.equal("never more than two at once", (limits(status)["open"]["counted"],
                                               limits(status)["open"]["peak"]), (2, 2), status)


def test_bench_per_connection(case):
    """A bench that is told nothing opens a new connection where the sink closed one."""
    name = profile(case, "five", "  each: {max: 5, of: messages, per: connection}\n")
    sink = imposing(case, "--profile", name)
    run = case.bench("-m", "40", "-s", "2", "--profile", "none", sink.url())
    status = sink.stop()
    row = limits(status)["each"]
    case.equal("no connection carried more than five", (row["counted"], row["peak"]), (5, 5), run)
    case.equal("each sixth was refused", (row["refused"], row["passed"]),
               (run.replies().get(("mail", 421)), *run.messages("accepted")), run)


def test_octets_and_recipients(case):
    name = profile(case, "small", "  size: {max: 10k, of: octets, per: message}\n"
                   "  many: {max: 3, of: recipients, per: message}\n")
    sink = imposing(case, "--profile", name)
    run = case.bench("-m", "10", "-s", "1", "-r", "5", "-N", "--profile", "none", sink.url())
    case.equal("three of five recipients", (run.replies().get(("rcpt", 250)),
                                            run.replies().get(("rcpt", 452))), (30, 20), run)
    run = case.bench("-m", "2", "-s", "1", "--size", "20k", "--profile", "none", sink.url())
    case.equal("no message over 10k", run.messages("accepted", "rejected"), (0, 2), run)


# ---- other programs ----

def swaks(case, sink, *args):
    return case.start([harness.tool("swaks"), "--server", "127.0.0.1", "--port", str(sink.port()),
                       "--from", "a@b.example", "--to", "c@d.example", *args]).wait()


def test_swaks_greylist(case):
    name = profile(case, "grey", "  open: {max: 50, of: connections, per: source}\n",
                   rule("grey", "{triplet: 5m}", "rcpt", "451 4.7.1 grey words {address}", 451))
    sink = imposing(case, "--profile", name, "--scale", "300")
    first = swaks(case, sink)
    case.check("the first sight is refused", first.status == 24
               and "451 4.7.1 grey words c@d.example" in first.out, first)
    time.sleep(1.2)
    again = swaks(case, sink)
    case.equal("five minutes, which are a second, later it passes", again.status, 0, again)
    case.equal("the cause is told", [d["cause"] for d in decisions(case)], ["triplet"])


def test_swaks_login(case):
    name = profile(case, "login", "  open: {max: 50, of: connections, per: source}\n",
                   rule("wrong", "{login: failed}", "auth", "535 5.7.8 wrong words", 535)
                   + rule("none", "{login: missing}", "mail", "530 5.7.0 none words", 530)
                   + rule("other", "{sender: unknown}", "mail", "553 5.7.1 other words", 553),
                   "submission:\n  servers:\n    - {host: localhost, port: 587, "
                   "security: starttls-optional}\n  requires: [login]\n")
    sink = imposing(case, "--profile", name, "--account", "a@b.example:secret", "--auth-clear")
    user = ["--auth", "PLAIN", "--auth-user", "a@b.example", "--auth-password"]
    for what, args, words in (
            ("a wrong password", [*user, "wrong"], "535 5.7.8 wrong words"),
            ("no login", [], "530 5.7.0 none words"),
            ("another's address", [*user, "secret", "--from", "a@else.example"],
             "553 5.7.1 other words")):
        run = swaks(case, sink, *args)
        case.check(f"{what} hears the provider's words", run.status != 0 and words in run.out, run)
    run = swaks(case, sink, *user, "secret")
    case.equal("its own address passes", run.status, 0, run)


def test_smtp_source(case):
    name = profile(case, "ten",
                   "  hourly: {max: 10/h, of: messages, per: source, window: rolling}\n",
                   rule("hourly", "{over: hourly}", "mail", "450 4.7.0 hourly words", 450))
    sink = imposing(case, "--profile", name)
    run = case.start([harness.tool("smtp-source"), "-m", "30", "-s", "3", "-f", "a@b.example",
                      "-t", "c@d.example", f"127.0.0.1:{sink.port()}"]).wait()
    status = sink.stop()
    row = limits(status)["hourly"]
    # It gives up with the first refusal, whatever its other sessions are about.
    case.equal("ten pass", (row["passed"], row["counted"]), (10, 10), run)
    case.check("smtp-source hears why not more", "hourly words" in run.err + run.out, run)


# ---- where and when ----

def test_places(case):
    for name, most in (("one", 1), ("two", 2)):
        profile(case, name, f"  hourly: {{max: {most}/h, of: messages, per: source, "
                "window: fixed}\n")
    sink = imposing(case, "--profile", "two", "--profile", "127.0.0.2=one",
                    "--listen", "smtp://127.0.0.2:0")
    ports = {at.split(":")[0]: int(at.split(":")[1]) for _, at in sink.listeners}
    for host, passed in (("127.0.0.1", 2), ("127.0.0.2", 1)):
        client = Client(case, ports[host], host)
        client.say("HELO x")
        codes = [client.message() for _ in range(passed + 1)]
        case.equal(f"{passed} at {host}", codes, ["250"] * passed + ["421"])
    sink = imposing(case, "--profile", "@one.example=one", "--profile", "@two.example=two")
    client = Client(case, sink.port())
    client.say("HELO x")
    heard = []
    for to in ("a@one.example", "b@One.example", "c@two.example", "d@else.example"):
        client.say("MAIL FROM:<a@b.example>")
        heard.append(client.say(f"RCPT TO:<{to}>")[:3])
        if heard[-1] == "421":
            client = Client(case, sink.port())
            client.say("HELO x")
        else:
            client.say("RSET")
    case.equal("recipients of a domain have its limits", heard, ["250", "421", "250", "250"])


def test_later(case):
    """The limit moves while the sink runs; what was counted stays counted."""
    for name, most in (("first", 3), ("then", 5)):
        profile(case, name, f"  hourly: {{max: {most}/h, of: messages, per: source, "
                "window: rolling}\n", rule("hourly", "{over: hourly}", "mail",
                                           f"450 4.7.0 hourly words {name}", 450))
    sink = imposing(case, "--profile", "first", "--profile-at", "10s=then")
    client = Client(case, sink.port())
    client.say("HELO x")
    heard = [client.message() for _ in range(4)]
    harness.wait_until("the limit moves", lambda: heard.append(client.message())
                       or heard.count("250") == 5 or time.sleep(0.1))
    case.check("then the other's words", client.say(OPEN[0]).endswith("hourly words then"))
    case.equal("three pass before the first refusal", heard[:4], ["250"] * 3 + ["450"])
    rows = [(r["profile"], r["amount"], r["passed"]) for r in sink.stop()["imposed"]["limits"]]
    case.equal("five in all", rows, [("first", 3, 3), ("then", 5, 2)])


# ---- bad input ----

def test_refused_options(case):
    profile(case, "short", "  second: {max: 5/s, of: messages, per: source}\n")
    profile(case, "plain", "  hourly: {max: 5/h, of: messages, per: source}\n")
    here = ["--profile-dir", case.folder, "--listen", "smtp://127.0.0.1:0"]
    for what, args, pattern in (
            ("unknown profile", ["--profile", "no-such"], "no-such"),
            ("scale", ["--profile", "short", "--scale", "3600"],
             "profile short, limit second: .*"),
            ("scale is no number", ["--profile", "plain", "--scale", "0"], "--scale"),
            ("nothing to take the place of", ["--profile-at", "1s=plain"], "--profile"),
            ("no time", ["--profile", "plain", "--profile-at", "plain"], "--profile-at"),
            ("no place", ["--profile", "nowhere=plain"], "nowhere"),
            ("no domain", ["--profile", "@=plain"], "@"),
            ("twice", ["--profile", "plain", "--profile", "short"], "stands already"),
            ("no model", ["--profile", "plain", "--reputation", "new"], "--reputation"),
            ("no such level", ["--profile", "plain", "--reputation", "bad"], "--reputation"),
            ("no profile", ["--decisions", case.folder / "d"], "--decisions"),
            ("no profile to scale", ["--scale", "60"], "--scale"),
            ("two at standard output", ["--profile", "plain", "--decisions", "-", "--jsonl", "-"],
             "--decisions and --jsonl")):
        run = case.start([harness.volley(), "sink", *here, *args]).wait()
        case.sentence(what, run, 2, f"^volley sink: .*{pattern}")


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
