#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""volley learn: from the log of a bench against a sink with a hidden profile, that profile again.

The hidden hour passes in a second, or in ten. What was learned is held against what was hidden,
and then takes its place in the sink: the same load must meet the same replies.
"""

import json
import re
import subprocess
import sys

import harness

SCALE = "3600"

HIDDEN = """
title: Hidden
limits:
{limits}
replies:
{replies}
"""

LIMIT = "  {name}: {{max: {max}, of: {of}, per: {per}{more}}}\n"

REPLY = """  hidden-{name}:
    code: {code}
    enhanced: {enhanced}
    text: 'hidden {name}'
    class: throttled
    dial: {dial}
    when: {{over: {name}}}
    at: {at}
    say: '{code} {enhanced} Too much for hidden {name}, [{{ip}}] waits {{id}}'
    then: close
"""


def limit(name, most, of="messages", per="source", more=""):
    return LIMIT.format(name=name, max=most, of=of, per=per, more=more)


def reply(name, at="mail", code=421, enhanced="4.7.28", dial="rate"):
    return REPLY.format(name=name, at=at, code=code, enhanced=enhanced, dial=dial)


def hide(case, name, limits, replies):
    return case.write(f"{name}.yaml",
                      HIDDEN.format(limits="".join(limits), replies="".join(replies)))


def learn(case, *args, **options):
    return case.start([harness.volley(), "learn", *args], **options).wait()


def press(case, profile, log, *load, scale=SCALE):
    """A bench without pacing against a sink that imposes the profile; the bench's result."""
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--profile", profile, "--scale", scale)
    run = case.bench("--duration", "7s", "--log", log, "--size", "1k", *load, sink.url())
    sink.stop()
    return run


def observe(case, profile, *load, scale=SCALE):
    """What is learned of a profile: the document, and the path of the observed profile."""
    log, observed = case.folder / "run.jsonl", case.folder / "observed.yaml"
    run = press(case, profile, log, *load, scale=scale)
    learned = learn(case, "--scale", scale, log)
    observed.write_text(learned.out, encoding="utf-8")
    case.equal("learns without a word", (learned.status, learned.err), (0, ""), learned, run)
    document = learn(case, "--json", "--scale", scale, log)
    case.equal("and as JSON", (document.status, document.err), (0, ""), document)
    checked = case.start([harness.volley(), "profile", "check", observed]).wait()
    case.equal("the observed profile is sound", checked.status, 0, checked, learned.out)
    return run, json.loads(document.out), observed


def find(document, **wanted):
    for found in document["limits"]:
        if all(found.get(key) == value for key, value in wanted.items()):
            return found
    return {"max": 0, "period": 1, "burst": 0}


def near(case, what, got, wanted, *notes):
    case.check(f"{what} within ten percent: {got:g} for {wanted:g}",
               0.9 * wanted <= got <= 1.1 * wanted, *notes)


def shares(run):
    """{(command, code): share of the attempts that came so far}"""
    found = run.replies()
    totals = {}
    for (command, _), count in found.items():
        totals[command] = totals.get(command, 0) + count
    return {key: count / totals[key[0]] for key, count in found.items() if key[1] >= 400}


# ---- limits ----

def test_all_limits(case):
    profile = hide(case, "hidden", (limit("hourly", "200/h", more=", window: fixed"),
                                    limit("connections", "20", "connections"),
                                    limit("use", "5", per="connection")),
                   (reply("connections", "banner", enhanced="4.7.0", dial="connections"),
                    reply("use", enhanced="4.4.2", dial="messages-per-connection"),
                    reply("hourly")))
    # So few that a slow machine meets each of them in every window.
    load = ("-s", "30", "--rate", "250/s")
    run, document, observed = observe(case, profile, *load)
    limits = json.dumps(document["limits"], indent=1)
    case.equal("three limits", len(document["limits"]), 3, limits)
    near(case, "the hour's", find(document, of="messages", period=3600)["max"], 200, limits)
    case.equal("in fixed windows", find(document, of="messages", period=3600).get("window"),
               "fixed", limits)
    near(case, "connections at once", find(document, of="connections")["max"], 20, limits)
    near(case, "messages per connection", find(document, per="connection")["max"], 5, limits)
    said = {(r["code"], r["enhanced"], re.search("hidden ([a-z]+)", r["text"])[1], r["phase"])
            for r in document["replies"] if "hidden" in r["text"]}
    case.equal("the replies that were given", said,
               {(421, "4.7.0", "connections", "banner"), (421, "4.4.2", "use", "mail"),
                (421, "4.7.28", "hourly", "mail")}, json.dumps(document["replies"], indent=1))

    # What was learned takes the place of what was hidden.
    again = press(case, observed, case.folder / "again.jsonl", *load)
    rate, rate_again = (r.messages("accepted")[0] / r.document["run"]["seconds"]
                        for r in (run, again))
    # One window more or less may have fallen into the time.
    case.check(f"about as many accepted a second: {rate_again:.0f} for {rate:.0f}",
               0.75 < rate_again / rate < 1.34, run, again)
    # How many are refused is a matter of how fast the machine asks; by what is not.
    first, second = shares(run), shares(again)
    case.equal("refused at the same steps by the same codes", second.keys(), first.keys(), first,
               second)
    case.equal("in the same words", {re.sub(r"[0-9a-f]{16}", "", r["sample"])
                                     for r in again.document["replies"] if r["code"] == 421},
               {re.sub(r"[0-9a-f]{16}", "", r["sample"])
                for r in run.document["replies"] if r["code"] == 421})


def test_rolling(case):
    profile = hide(case, "hidden", (limit("hourly", "200/h", more=", window: rolling"),),
                   (reply("hourly", code=450),))
    _, document, _ = observe(case, profile, "-s", "6", "--rate", "300/s")
    limits = json.dumps(document["limits"], indent=1)
    case.equal("one limit", len(document["limits"]), 1, limits)
    found = find(document, of="messages", period=3600)
    near(case, "the hour's", found["max"], 200, limits)


def test_smooth(case):
    profile = hide(case, "hidden", (limit("hourly", "500/h", more=", burst: 10"),),
                   (reply("hourly", code=450),))
    # A message each fiftieth of a second: on a busy machine more often would not be regular.
    _, document, _ = observe(case, profile, "-s", "4", "--rate", "75/s", scale="360")
    limits = json.dumps(document["limits"], indent=1)
    case.equal("one limit, smooth", [l["window"] for l in document["limits"]], ["smooth"], limits)
    found = document["limits"][0] if document["limits"] else {"max": 0, "period": 1, "burst": 0}
    near(case, "the rate", 3600 * (found["max"] - found["burst"]) / found["period"], 490, limits)
    near(case, "the hour's", 3600 * found["max"] / found["period"], 500, limits)


def test_connection_rate(case):
    profile = hide(case, "hidden",
                   (limit("opened", "80/h", "connections", more=", window: rolling"),),
                   (reply("opened", "banner", dial="none"),))
    _, document, _ = observe(case, profile, "-s", "12", "--messages-per-connection", "3")
    limits = json.dumps(document["limits"], indent=1)
    case.equal("one limit", len(document["limits"]), 1, limits)
    near(case, "connections an hour", find(document, of="connections", period=3600)["max"], 80,
         limits)


# ---- logs ----

POSTFIX = ("Nov 21 14:{:02}:{:02} out postfix/smtp[7]: AAAA{:04X}: to=<u{}@b.example>, "
           "relay=mx.b.example[192.0.2.1]:25, delay=1, delays=0/0/0/0.1, dsn=4.7.0, status={}\n")


def postfix_log():
    """Twenty minutes of a server that takes thirty messages a minute of one each second."""
    lines = []
    for second in range(1200):
        status = ("sent (250 2.0.0 Ok)" if second % 60 < 30 else
                  "deferred (host mx.b.example[192.0.2.1] said: 421 4.7.0 Slow down, too much from "
                  f"192.0.2.7 (id {second}) (in reply to MAIL FROM command))")
        lines.append(POSTFIX.format(second // 60, second % 60, second, second, status))
    return "".join(lines)


def test_postfix(case):
    log = case.write("mail.log", "junk\n" + postfix_log())
    run = learn(case, "--json", "--name", "Somebody", log)
    document = json.loads(run.out)
    limits = json.dumps(document["limits"], indent=1)
    case.equal("status", run.status, 0, run)
    case.check("it says what it passed over", "1 of 1201 lines" in run.err, run)
    case.equal("who", (document["name"], document["site"]), ("Somebody", "mx.b.example"))
    found = find(document, of="messages", period=60)
    near(case, "a minute's", found["max"], 30, limits)
    case.equal("windows", found.get("window"), "fixed", limits)
    case.equal("one reply", [(r["code"], r["count"]) for r in document["replies"]], [(421, 600)])


def test_standard_input(case):
    log = case.write("mail.log", postfix_log())
    for args in ((), ("-",)):
        with open(log, "rb") as stream:
            run = learn(case, *args, stdin=stream)
        case.check("a profile comes out", run.status == 0 and "title: 'mx.b.example, as obs"
                   in run.out and "observed in standard input" in run.out, run)


def test_sites(case):
    other = postfix_log().replace("b.example", "c.example").replace("AAAA", "BBBB")
    log = case.write("mail.log", postfix_log() + other + other.replace("BBBB", "CCCC"))
    run = learn(case, log)
    case.check("it says which of two", run.status == 0 and "2 sites" in run.err
               and "mx.c.example" in run.err and "mx.c.example" in run.out, run)
    run = learn(case, "--site", "*.b.example", log)
    case.check("the other when asked", run.status == 0 and run.err == ""
               and "- mx.b.example" in run.out and "c.example" not in run.out, run)


def test_nothing_refused(case):
    run = learn(case, case.write("mail.log", POSTFIX.format(1, 2, 3, 4, "sent (250 Ok)")))
    case.check("a profile without limits, and that is said",
               run.status == 0 and "no limit shows" in run.err and "limits:" not in run.out, run)
    path = case.write("observed.yaml", run.out)
    checked = case.start([harness.volley(), "profile", "check", path]).wait()
    case.equal("it is sound", checked.status, 0, checked)


# ---- bad input ----

def test_bad_input(case):
    junk = case.write("junk", bytes(range(256)) * 1000)
    noise = case.write("noise", "\n".join(f"line {i}" for i in range(50)))
    long = case.write("long", b"x" * 1000000)
    good = case.write("mail.log", postfix_log())
    for what, args, pattern in (
            ("a missing file", (case.folder / "none",), "cannot read .*none: No such file"),
            ("a folder", (case.folder,), "is a folder"),
            ("an empty file", (case.write("empty", ""),), "empty is empty"),
            ("a binary file", (junk,), "junk is no delivery log"),
            ("another text", (noise,), "none of its 50 lines"),
            ("one endless line", (long,), "none of its 1 lines"),
            ("one of two", (good, noise), "noise is no delivery log"),
            ("another site", ("--site", "mx.d.example", good), "--site: .*mx.d.example"),
            ("scale 0", ("--scale", "0", good), "--scale: \"0\""),
            ("no such option", ("--sale", "0", good), "--scale")):
        case.sentence(what, learn(case, *args), 2, pattern)


def test_unreadable(case):
    path = case.write("mail.log", postfix_log())
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        case.sentence("no permission", learn(case, path), 2, "cannot read .*Permission denied")
        return
    raise harness.Skip("root may read everything")


def test_full_output(case):
    log = case.write("mail.log", postfix_log())
    with open("/dev/full", "wb") as full:
        done = subprocess.run([harness.volley(), "learn", log], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    case.check("a full disk is told", done.returncode == 1 and "cannot write" in done.stderr,
               done.stderr)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
