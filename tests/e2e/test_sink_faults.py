#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What volley sink does on purpose, as volley bench sees it: replies, errors, delays, and seeds."""

import json
import sys
import time

import harness

SERVICE = ("mail", "rcpt", "data", "dot")


def faulty(case, *rules, listen="smtp://127.0.0.1:0", args=()):
    options = [x for rule in rules for x in ("--fault", rule)]
    return case.sink("--listen", listen, *options, *args)


def fired(status):
    return [fault["fired"] for fault in status["faults"]]


# ---- replies ----

def test_every(case):
    for phase in SERVICE:
        code = 550 if phase in ("mail", "rcpt") else 554
        sink = faulty(case, f"{phase}:reply={code} 5.7.1 Not this one;every=5")
        run = case.bench("-m", "100", "-s", "4", sink.url())
        status = sink.stop()
        case.equal(f"{phase}: every fifth of a hundred is rejected",
                   (run.status, *run.messages("accepted", "rejected", "failed")), (6, 80, 20, 0),
                   run)
        case.equal(f"{phase}: both sides count twenty",
                   (run.replies().get((phase, code)), fired(status)), (20, [20]), run)
        samples = {r["sample"] for r in run.document["replies"] if r["code"] == code}
        case.equal(f"{phase}: the text is shown", samples, {"5.7.1 Not this one"}, run)


def test_temporary(case):
    sink = faulty(case, "rcpt:reply=450 4.2.1 Busy;every=4")
    run = case.bench("-m", "40", "-s", "2", sink.url())
    case.equal("4xx defers", run.messages("accepted", "deferred", "rejected"), (30, 10, 0), run)
    case.equal("with its enhanced code", [(r["enhanced"], r["count"]) for r in
                                          run.document["replies"] if r["code"] == 450],
               [("4.2.1", 10)])


def test_first_and_after(case):
    sink = faulty(case, "mail:reply=451 4.3.0 Not yet;first=7",
                  "rcpt:reply=552 5.2.2 Full;after=60")
    run = case.bench("-m", "100", "-s", "1", sink.url())
    case.equal("the first seven, and all after sixty", (run.replies().get(("mail", 451)),
                                                        run.replies().get(("rcpt", 552))),
               (7, 100 - 7 - 60), run)


def test_after_in_a_connection(case):
    sink = faulty(case, "mail:reply=452 4.5.3 Too many;after=3/conn")
    log = case.folder / "log"
    run = case.bench("-m", "100", "-s", "4", "--messages-per-connection", "5", "--log", log,
                     sink.url())
    # How many the last connection of a session carries is a matter of how fast the others are.
    found = [x for x in map(json.loads, log.read_text().splitlines()) if "id" in x]
    case.equal("three messages a connection", [x["on_connection"] for x in found
                                               if (x["outcome"] == "deferred")
                                               != (x["on_connection"] > 3)], [], run)
    accepted, deferred = run.messages("accepted", "deferred")
    case.check("sixty, or of the last connections a few more", accepted + deferred == 100
               and 60 <= accepted <= 64, run)


def test_multiline_reply(case):
    sink = faulty(case, r"rcpt:reply=550 5.7.1 one\n5.7.1 two\; and\n5.7.1 three;first=1")
    run = case.bench("-m", "2", "-s", "1", sink.url())
    texts = [r["sample"] for r in run.document["replies"] if r["code"] == 550]
    case.equal("three lines", texts, ["5.7.1 one\n5.7.1 two; and\n5.7.1 three"], run)


def test_fault_file(case):
    rules = case.write("rules", "# a comment\n\nmail:reply=450 4.0.0 Later;every=2\n"
                                "rcpt:reply=550 5.0.0 No;every=3\n")
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault-file", rules)
    run = case.bench("-m", "60", "-s", "1", sink.url())
    case.equal("both rules hold", (run.replies().get(("mail", 450)), run.replies().get(
        ("rcpt", 550))), (30, 10), run)


# ---- chance ----

def test_seed(case):
    counts = []
    for seed in (1, 1, 2):
        sink = faulty(case, "rcpt:reply=450 4.2.1 Busy;p=0.2", "dot:reply=554 5.6.0 No;p=10%",
                      args=("--seed", str(seed)))
        run = case.bench("-m", "400", "-s", "1", sink.url())
        replies = run.replies()
        counts.append((replies.get(("rcpt", 450)), replies.get(("dot", 554))))
        case.equal(f"seed {seed}: the sink counts the same", tuple(fired(sink.stop())), counts[-1])
    case.equal("same seed, same counts", counts[0], counts[1])
    case.check("another seed, other counts", counts[0] != counts[2], counts)
    # Twenty of a hundred, give or take five standard deviations.
    case.check("about as likely as asked", all(40 <= a <= 120 and 6 <= b <= 64 for a, b in counts),
               counts)


# ---- connections that end ----

def test_ends(case):
    """close and reset: who had its dot and no reply is in doubt, all others failed."""
    for how in ("close", "reset"):
        for phase, seen in (("mail", "mail"), ("rcpt", "rcpt"), ("data", "data"),
                            ("body", "body"), ("dot", "accept")):
            # A body that no socket's buffers hold: the dot is still to be sent.
            body = phase == "body"
            sink = faulty(case, f"{phase}:{how}{';at=1000' if body else ''};every=5")
            run = case.bench("-m", "20", "-s", "2", "--size", "24m" if body else "4k", sink.url())
            status = sink.stop()
            left = "in_doubt" if phase == "dot" else "failed"
            case.equal(f"{phase}:{how}: four are {left}, the others arrive",
                       (run.status, *run.messages("accepted", left)), (6, 16, 4), run)
            errors = run.errors()
            case.check(f"{phase}:{how}: told with its phase",
                       sum(errors.values()) == 4 and {p for p, _ in errors} == {seen} and
                       {k for _, k in errors} <= {"closed early", "reset"}, errors, run)
            case.equal(f"{phase}:{how}: the sink fired as often, and has the others",
                       (fired(status), status["messages"]["accepted"]), ([4], 16))


def test_ends_in_a_small_body(case):
    """All of it, with its dot, stands in the socket's buffers: then nobody knows."""
    for how in ("close", "reset"):
        sink = faulty(case, f"body:{how};at=1000;every=5")
        run = case.bench("-m", "20", "-s", "2", sink.url())
        failed, in_doubt = run.messages("failed", "in_doubt")
        case.equal(f"{how}: four did not arrive", (run.status, failed + in_doubt,
                                                   sink.stop()["messages"]["accepted"]),
                   (6, 4, 16), run)


def test_early_ends(case):
    for rule, phase in (("connect:refuse", "banner"), ("connect:close", "banner"),
                        ("banner:close", "banner"), ("banner:reset", "banner"),
                        ("ehlo:close", "ehlo"), ("ehlo:reset", "ehlo")):
        sink = faulty(case, f"{rule};every=4")
        run = case.bench("-m", "40", "-s", "4", "--messages-per-connection", "1", sink.url())
        phases = {p for p, _ in run.errors()}
        case.equal(f"{rule}: sessions try again until all is sent",
                   run.messages("accepted", "failed"), (40, 0), run)
        case.check(f"{rule}: the errors stand at {phase}",
                   run.errors() and phases <= {phase, "connect"}, run)


def test_refuse_by_rate(case):
    sink = faulty(case, "connect:refuse;after=5/s")
    run = case.bench("-m", "20", "-s", "2", "--messages-per-connection", "1", sink.url())
    status = sink.stop()
    case.equal("all gets through in the end", run.messages("accepted"), (20,), run)
    case.check("some were refused", fired(status)[0] > 0, status["faults"])


def test_421(case):
    sink = faulty(case, "mail:reply=421 4.3.2 Going down;every=10")
    run = case.bench("-m", "50", "-s", "2", sink.url())
    case.equal("421 is counted as a reply", run.replies().get(("mail", 421)), 5, run)
    case.equal("and ends the session, not the run", run.messages("accepted"), (45,), run)


def test_stall(case):
    sink = faulty(case, "rcpt:stall;every=5")
    run = case.bench("-m", "10", "-s", "2", "--timeout", "rcpt=2s", sink.url())
    case.equal("two time-outs", (run.messages("accepted", "failed"), run.errors()),
               ((8, 2), {("rcpt", "timed out"): 2}), run)


# ---- time ----

def test_delay(case):
    sink = faulty(case, "mail:delay=30ms", "dot:delay=uniform:10ms-20ms")
    run = case.bench("-m", "200", "-s", "10", sink.url())
    status = case.agree(run, sink, 200)
    latency = run.document["latency_us"]
    # The sink tells what it imposed: nothing is seen that is shorter.
    imposed = {fault["rule"].split(":")[0]: fault["delay_us"] for fault in status["faults"]}
    case.check("the delay is imposed", imposed["mail"]["min"] >= 29900
               and 9900 <= imposed["dot"]["min"], imposed)
    case.check("mail is not faster than that", latency["mail"]["min"] >= 29900, latency["mail"])
    case.check("accept is not faster than that", latency["accept"]["p50"] >= 9900,
               latency["accept"])
    case.check("service is the sum", latency["service"]["min"] >= 39800, latency["service"])


def test_tarpit(case):
    sink = faulty(case, "rcpt:tarpit=2ms;first=2")
    run = case.bench("-m", "4", "-s", "1", sink.url())
    case.agree(run, sink, 4)
    # "250 2.1.5 Ok" and the line end are fourteen octets.
    case.check("octet by octet", run.document["latency_us"]["rcpt"]["max"] >= 13 * 2000,
               run.document["latency_us"]["rcpt"])


def test_slow_reader(case):
    sink = faulty(case, "body:read=500k/s;first=1")
    run = case.bench("-m", "2", "-s", "1", "--size", "1m", sink.url())
    case.agree(run, sink, 2)
    latency = run.document["latency_us"]
    # What stands in the socket's buffers comes at once.
    case.check("a body of 1 MiB at 500 kB/s takes its time", latency["body"]["max"]
               + latency["accept"]["max"] >= 800000, latency["body"], latency["accept"])


def test_greylist(case):
    sink = faulty(case, "rcpt:greylist=1s")
    first = case.bench("-m", "5", "-s", "1", "--to", "user%d@example.com", sink.url())
    case.equal("unknown triplets wait", (first.status, first.messages("deferred")), (6, (5,)),
               first)
    case.equal("with 451 4.7.1", first.replies().get(("rcpt", 451)), 5, first)
    time.sleep(1.2)
    again = case.bench("-m", "5", "-s", "1", "--to", "user%d@example.com", sink.url())
    case.equal("and pass later", again.messages("accepted"), (5,), again)


# ---- rubbish ----

def test_garbage(case):
    for rule in ("mail:garbage", "rcpt:garbage=4k", "rcpt:oversize=10M", "dot:oversize=1M",
                 "rcpt:endless"):
        sink = faulty(case, f"{rule};every=5")
        run = case.bench("-m", "10", "-s", "1", "--timeout", "20s", sink.url())
        left = "in_doubt" if rule.startswith("dot") else "failed"
        case.equal(f"{rule}: two are {left}, with 6", (run.status, *run.messages("accepted", left)),
                   (6, 8, 2), run)
        case.equal(f"{rule}: told as two errors", sum(run.errors().values()), 2, run)


def test_ehlo_refused(case):
    sink = faulty(case, "ehlo:reply=502 5.5.1 What?;first=1")
    run = case.bench("-m", "5", "-s", "1", sink.url())
    case.equal("HELO is tried", run.messages("accepted"), (5,), run)
    case.check("and seen", ("helo", 250) in run.replies() or run.replies().get(("ehlo", 250)), run)


# ---- TLS ----

def test_tls_failures(case):
    for kind, pattern in (("expired", "certificate expired"), ("not-yet", "certificate not"),
                          ("wrong-name", "certificate.*name"),
                          ("self-signed", "certificate self-signed"),
                          ("unknown-ca", "certificate.*(untrusted|unknown)")):
        ca = case.folder / "sink-ca.pem"
        trust = [] if kind == "self-signed" else ["--tls-ca-out", ca]
        sink = case.sink("--listen", "smtps://127.0.0.1:0", "--tls-cert-fault", kind, *trust)
        run = case.bench("--quiet", "-m", "1", "-s", "1", "--give-up", "20s", sink.url(),
                         *(["--cafile", ca] if trust else []))
        case.sentence(kind, run, 5, f"tls {pattern}.*in phase tls|tls.*in phase tls.*{pattern}")
        sink.stop()


def test_tls_rules(case):
    for rule in ("tls:alert", "tls:alert=80", "tls:garbage", "tls:close", "tls:reset"):
        sink = case.sink("--listen", "smtp+starttls://127.0.0.1:0", "--fault",
                         f"{rule};every=3;after=3")
        run = case.bench("-m", "30", "-s", "3", "--messages-per-connection", "1", "--tls-verify",
                         "none", sink.url())
        case.equal(f"{rule}: sessions try again until all is sent", run.messages("accepted"),
                   (30,), run)
        errors = run.errors()
        case.check(f"{rule}: the errors stand at tls", errors and {p for p, _ in errors} == {"tls"},
                   run)
        if "alert" in rule:
            case.check(f"{rule}: told as an alert", all("alert" in k for _, k in errors), run)


def test_starttls_faults(case):
    sink = case.sink("--listen", "smtp+starttls://127.0.0.1:0", "--fault",
                     "starttls:reply=454 4.7.0 Not now;every=2")
    run = case.bench("-m", "10", "-s", "1", "--messages-per-connection", "1", "--tls-verify",
                     "none", sink.url())
    case.equal("nothing goes in clear: it tries again", run.messages("accepted"), (10,), run)
    status = sink.stop()
    case.equal("all mail came sealed", status["sessions"]["sealed"], 10, status["sessions"])


# ---- what it offers, and how much it takes ----

def test_hidden(case):
    for hidden, gone in (("PIPELINING", "PIPELINING"), ("CHUNKING,BINARYMIME", "CHUNKING"),
                         ("SIZE", "SIZE"), ("STARTTLS", "STARTTLS")):
        sink = case.sink("--listen", "smtp+starttls://127.0.0.1:0", "--hide", hidden)
        run = case.bench("-m", "5", "--pipeline", "--chunking",
                         f"smtp://127.0.0.1:{sink.port()}")
        case.agree(run, sink, 5, what=f"without {hidden}")
        words = [r["sample"] for r in run.document["replies"] if r["command"] == "ehlo"]
        case.check(f"{gone} is not announced", words and gone not in words[0], words)


def test_limits(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--max-recipients", "3", "--max-size",
                     "10k", "--max-messages", "5")
    run = case.bench("-m", "20", "-s", "1", "-r", "5", "-N", sink.url())
    replies = run.replies()
    case.equal("two of five recipients are over the limit, the sixth message of a connection too",
               (replies.get(("rcpt", 250)), replies.get(("rcpt", 452)), replies.get(("mail", 421))),
               (17 * 3, 17 * 2, 3), run)
    run = case.bench("-m", "2", "-s", "1", "--size", "20k", sink.url())
    case.equal("and no message over 10k", run.messages("accepted", "rejected"), (0, 2), run)


def test_max_sessions(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--max-sessions", "3")
    run = case.bench("--duration", "1s", "-s", "5", "--think", "10ms", sink.url())
    status = sink.stop()
    case.equal("three at once", status["sessions"]["peak"], 3)
    case.check("the others hear 421", run.replies().get(("connect", 421), 0) > 0
               and status["sessions"]["over_limit"] > 0, run)


def test_required(case):
    sink = case.sink("--listen", "smtp+starttls://127.0.0.1:0", "--tls-required")
    run = case.bench("-m", "2", "-s", "1", f"smtp://127.0.0.1:{sink.port()}")
    case.equal("530 without TLS", run.replies().get(("mail", 530)), 2, run)
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--account", "u:p", "--auth-required")
    run = case.bench("-m", "2", "-s", "1", sink.url())
    case.equal("530 without AUTH", run.replies().get(("mail", 530)), 2, run)


def test_over_threads(case):
    """Counts of the rules are the process's: three threads do not count three times."""
    sink = faulty(case, "mail:reply=450 4.0.0 Later;every=10", args=("--threads", "3"))
    run = case.bench("-m", "1000", "-s", "30", "--threads", "2", sink.url())
    case.equal("every tenth over all threads", (run.messages("deferred"), fired(sink.stop())),
               ((100,), [100]), run)


def test_lost_is_seen(case):
    """A sink that says 250 and forgets would be caught: what was accepted stands against ids."""
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--expect", "60")
    run = case.bench("-m", "50", "-s", "2", sink.url())
    status = sink.stop()
    case.equal("ten of the sixty expected are lost", (run.messages("accepted"),
                                                      status["end_to_end"]["lost"]), ((50,), 10))


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
