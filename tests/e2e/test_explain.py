#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""volley explain: replies as operands, pasted lines and delivery logs, as text and as JSON.

What each text means is tested in tests/unit/profile; here it is the command: where replies are
found, how they are grouped, what it prints, and one sentence for what it cannot read.
"""

import json
import os
import re
import sys

import harness

SAID = "host mx.example.org[192.0.2.1] said: "
POSTFIX = "".join(f"Nov 21 10:00:0{i} mx postfix/{line}\n" for i, line in enumerate((
    "smtp[1]: 4Ab: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=4.2.0, "
    f"status=deferred ({SAID}450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted for "
    "300 seconds (in reply to RCPT TO command))",
    "smtp[1]: 4Ac: to=<b@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=4.2.0, "
    f"status=deferred ({SAID}450 4.2.0 <b@example.org>: Recipient address rejected: Greylisted for "
    "299 seconds (in reply to RCPT TO command))",
    "smtp[1]: 4Ad: to=<c@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=5.1.1, "
    f"status=bounced ({SAID}550-5.1.1 The email account that you tried to reach 550-5.1.1 does not "
    "exist. 550 5.1.1 Bye (in reply to RCPT TO command))",
    "smtp[1]: 4Ae: to=<d@example.org>, relay=none, dsn=4.4.1, status=deferred (connect to "
    "mx.example.org[192.0.2.2]:25: Connection timed out)",
    "smtp[1]: 4Af: to=<e@example.org>, relay=none, dsn=4.7.0, status=deferred (host "
    "mx.example.org[192.0.2.1] refused to talk to me: 421 4.7.0 Too many connections, try later)",
    "smtp[1]: 4Ag: to=<f@example.org>, relay=x[192.0.2.1]:25, dsn=2.0.0, status=sent (250 2.0.0 "
    "Ok: queued as 12345)",
    "smtp[1]: 4Ah: to=<g@nowhere.example>, relay=none, dsn=5.4.4, status=bounced (Host or domain "
    "name not found. Name service error for name=nowhere.example type=A: Host not found)",
    "qmgr[1]: 4Ah: removed",
)))

OWN = [
    {"outcome": "rejected", "phase": "rcpt", "command": "RCPT", "code": 550, "enhanced": "5.1.1",
     "text": "5.1.1 User unknown"},
    {"outcome": "rejected", "phase": "rcpt", "command": "RCPT", "code": 550, "enhanced": "5.1.1",
     "text": "5.1.1 User unknown, the second"},
    {"outcome": "accepted", "phase": "accept", "code": 250, "enhanced": "", "text": "Ok"},
    {"outcome": "failed", "phase": "connect", "error": "refused"},
]

KUMO = [{"type": "TransientFailure", "recipient": "a@example.org", "response": {
    "code": 451, "enhanced_code": {"class": 4, "subject": 7, "detail": 1},
    "content": "4.7.1 Greylisted, come back later"}}]


def explain(case, *args, text=None, status=0):
    """Runs it, with text on standard input; checks what must always hold."""
    options = {}
    if text is not None:
        path = case.folder / f"in{case.count('in')}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        options["stdin"] = open(path, "rb")
    run = case.start([harness.volley(), "explain", *args], f"explain{case.count('explain')}",
                     **options).wait(30)
    if options:
        options["stdin"].close()
    case.clean("explain ends well and prints nothing odd", run, {status})
    wide = [line for line in run.out.splitlines() if len(line) > 80 and "--json" not in args]
    if wide:
        case.check("no line is longer than 80 columns", False, *wide)
    return run


def read_json(case, *args, **options):
    run = explain(case, "--json", *args, **options)
    return json.loads(run.out) if run.out else None


def test_one_reply(case):
    found = read_json(case, "550 5.1.1 <a@example.org>: User unknown")
    case.equal("its keys", {k: found[k] for k in ("class", "permanence", "kind", "scope", "dial",
                                                  "basis")},
               {"class": "unknown-user", "permanence": "hard", "kind": "hard",
                "scope": "recipient", "dial": "none", "basis": "rule"})
    case.equal("the reply", found["reply"], {"code": 550, "enhanced": "5.1.1",
                                             "text": "5.1.1 <a@example.org>: User unknown"})
    case.equal("no retry", found["retry"], {"again": False, "way": "never", "after_s": None})
    case.check("rule, file and line", found["rule"] and found["file"].endswith(".yaml")
               and found["line"] > 0, found)
    text = explain(case, "550 5.1.1 <a@example.org>: User unknown").out
    for word in ("unknown-user (hard)", "this recipient", "cause", "to do", "retry     no",
                 f"rule {found['rule']} of "):
        case.check(f"the text says {word!r}", word in text, text)


def test_lines_of_one_reply(case):
    whole = "452-4.2.2 The email account that you tried to reach is over\n" \
            "452-4.2.2 quota and inactive.\n452 4.2.2 gsmtp"
    for text in (whole, whole.replace("\n", "\r\n"), whole.replace("\n", " ")):
        found = read_json(case, text)
        case.equal("class and code", (found["class"], found["reply"]["code"]),
                   ("mailbox-full", 452), text)
        case.check("the lines are joined", "reach is over\n4.2.2 quota" in found["reply"]["text"]
                   and "452" not in found["reply"]["text"], found)
    # The last line is missing.
    case.equal("cut off", read_json(case, "550-5.1.1 User unknown")["class"], "unknown-user")


def test_basis(case):
    for text, basis, what, permanence in (
            ("550 5.1.1 zq", "enhanced-code", "unknown-user", "hard"),
            ("550 5.0.0 zq", "basic-code", "unknown", "soft"),
            ("550 zq", "basic-code", "unknown", "soft"),
            ("554 zq", "basic-code", "unknown", "soft"),
            ("451 zq", "basic-code", "server-temporary", "soft"),
            ("503 zq", "basic-code", "protocol", "hard"),
            ("250 2.0.0 Ok", "basic-code", "accepted", "none")):
        found = read_json(case, text)
        case.equal(text, (found["basis"], found["class"], found["permanence"], found["rule"]),
                   (basis, what, permanence, None))
    text = explain(case, "550 zq").out
    case.check("it says that the code alone was judged",
               "its basic code 550 alone: no rule knows the text" in text, text)
    case.check("accepted is not delivered",
               "accepted is not delivered" in explain(case, "250 Ok").out)


def test_when_to_try_again(case):
    found = read_json(case, "451 4.7.1 Greylisted, come back in 00:30:00")
    case.equal("the reply's own time", found["retry"],
               {"again": True, "way": "same", "after_s": 1800})
    found = read_json(case, "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org")
    case.equal("another source", (found["class"], found["retry"]["way"]),
               ("blocklisted", "other-source"))
    found = read_json(case, "--profile", "base", "550 5.4.5 Daily user sending limit exceeded")
    case.equal("when the window ends", (found["class"], found["retry"]),
               ("quota-exhausted", {"again": True, "way": "same", "after_s": None}))


def test_provider(case):
    found = read_json(case, "421 4.7.28 Gmail has detected an unusual rate of email - gsmtp")
    case.equal("recognised", (found["provider"], found["class"]), ("Google", "throttled"))
    folder = case.folder / "profiles"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "title: Mine\nprovider: My Mail\nrecognise: 'my-mail\\.example'\nreplies:\n"
        "  seventeen: {text: 'code 17', class: blocklisted, cause: code 17 means that}\n")
    found = read_json(case, "--profile-dir", folder, "550 code 17 my-mail.example")
    case.equal("a profile of one's own", (found["provider"], found["class"], found["cause"],
                                          found["rule"], found["line"]),
               ("My Mail", "blocklisted", "code 17 means that", "seventeen", 5))
    found = read_json(case, "--profile-dir", folder, "--profile", "mine", "550 code 17")
    case.equal("named", (found["provider"], found["rule"]), ("My Mail", "seventeen"))
    (folder / "broken.yaml").write_text("title: [\n")
    found = read_json(case, "--profile-dir", folder, "550 code 17 my-mail.example")
    case.equal("a broken one beside it", found["rule"], "seventeen")
    run = explain(case, "--profile-dir", folder, "--profile", "broken", "550 x", status=2)
    case.sentence("the broken one, named", run, 2, r"broken\.yaml:\d+: ")
    run = explain(case, "--profile", "gmial", "550 x", status=2)
    case.sentence("a misspelt one", run, 2, "gmail")


def test_postfix_log(case):
    found = read_json(case, text=POSTFIX)
    case.equal("grouped, most frequent first, accepted last",
               [(g["count"], g["class"], g["reply"]["code"]) for g in found[:1] + found[-1:]],
               [(2, "greylisted", 450), (1, "accepted", 250)])
    case.equal("all of them", sorted(g["class"] for g in found),
               ["accepted", "greylisted", "network", "throttled", "unknown-domain",
                "unknown-user"])
    case.equal("one sample each", found[0]["reply"]["text"],
               "4.2.0 <a@example.org>: Recipient address rejected: Greylisted for 300 seconds")
    run = explain(case, text=POSTFIX)
    case.check("counts in the text", run.out.startswith("2 x 450 4.2.0 "), run)
    case.check("lines without a reply are told", "1 of 8 lines" in run.err, run)
    path = case.folder / "mail.log"
    path.write_text(POSTFIX)
    case.equal("--log", read_json(case, "--log", path), found)


def test_json_logs(case):
    own = "".join(json.dumps(line) + "\n" for line in OWN)
    found = read_json(case, "--log", "-", text=own)
    case.equal("volley's own log", [(g["count"], g["class"], g["reply"]["code"]) for g in found],
               [(2, "unknown-user", 550), (1, "network", None), (1, "accepted", 250)])
    found = read_json(case, text=json.dumps(KUMO[0]) + "\n")
    case.equal("KumoMTA's", [(g["class"], g["reply"]["enhanced"]) for g in found],
               [("greylisted", "4.7.1")])


def test_own_log_of_a_run(case):
    """What a bench wrote by --log is understood."""
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault",
                     "rcpt:reply=450 4.2.1 The user is receiving mail too quickly;every=2")
    log = case.folder / "log.jsonl"
    case.bench("-m", "20", "-s", "1", "--log", log, sink.url(), status=(0, 6))
    found = read_json(case, "--profile", "base", "--log", log)
    case.equal("deferred and accepted", [(g["count"], g["class"]) for g in found],
               [(10, "recipient-throttled"), (10, "accepted")])


def test_bare_lines(case):
    found = read_json(case, text="550-5.1.1 The account does\n550 5.1.1 not exist\n\n"
                                 "450 4.2.0 Greylisted\nhello\n"
                                 "remote said: 450 4.2.0 Greylisted, again\n")
    case.equal("two kinds", [(g["count"], g["class"]) for g in found],
               [(2, "greylisted"), (1, "unknown-user")])


def test_bad_input(case):
    for args in (["hello"], [""], ["55 x"], ["999 x"], ["5501 x"], ["550 ok", "nonsense"]):
        case.sentence(f"{args} is no reply", explain(case, *args, status=2), 2, "no SMTP reply")
    case.sentence("an empty log", explain(case, text="", status=2), 2, "standard input")
    case.sentence("a log of another kind", explain(case, text="a\nb\n{}\n[]\n", status=2), 2,
                  "holds no SMTP reply")
    case.sentence("a log that is missing", explain(case, "--log", "/nonexistent", status=2), 2,
                  "/nonexistent")
    case.sentence("a folder as log", explain(case, "--log", "/", status=1), 1)
    case.sentence("both", explain(case, "--log", "/dev/null", "550 x", status=2), 2, "not both")
    case.sentence("an unknown option", explain(case, "--profil", "550 x", status=2), 2)
    case.equal("--help", explain(case, "--help").status, 0)


def test_hostile_input(case):
    evil = b"550 5.7.1 \x1b[31mred\x07 \xff\xfe " + b"user unknown " * 200
    found = read_json(case, text=evil + b"\n" + b"550 " + b"a" * 200000 + b"\n{\"code\": 1e999}\n"
                      + b"\0\0\0\n" + b"{" * 5000 + b"\n550 5.1.1 last\n")
    case.check("it lives, and finds the last one",
               "unknown-user" in {g["class"] for g in found}, found)
    run = explain(case, os.fsdecode(evil))
    case.check("nothing unescaped", not harness.UNSAFE.search(run.out), run)
    case.check("sample and explanation", re.search(r"^550 5\.7\.1 ", run.out), run)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
