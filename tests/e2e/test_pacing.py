#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""volley bench obeying profiles and adapting, against volley sink.

The sink counts by itself: with rules of its own (--fault after=N/s), or imposing a profile. What it
refuses is what the bench has sent too fast.
"""

import datetime
import json
import os
import sys

import harness

SLOW = "451 4.7.1 Too many messages from you, slow down"


def profile(case, name, text):
    """Writes a profile and returns the options that obey it."""
    folder = case.folder / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(f"title: {name}\n{text}", encoding="utf-8")
    return ["--profile-dir", folder, "--profile", name]


def pace(run):
    return run.document["pace"]["targets"][0]


def refused(run):
    return sum(r["count"] for r in run.document["replies"] if r["code"] >= 400)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def moment(line):
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()


def with_login(sink):
    return [sink.url(), "--auth-user", "u@example.com", "--auth-clear"]


# ---- limits that are told ----

def test_rate(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault", f"mail:reply={SLOW};after=100/s")
    args = profile(case, "quick", "limits: {second: {max: 100/s, of: messages, per: source}}\n")
    for threads in (1, 2):
        run = case.bench(*args, "-m", "240", "-s", "8", "--threads", str(threads), sink.url())
        case.equal(f"{threads} threads: nothing is refused",
                   (run.status, *run.messages("accepted", "deferred"), refused(run)),
                   (0, 240, 0, 0), run)
        case.check(f"{threads} threads: at most what headroom leaves, and a burst",
                   run.document["rate"]["achieved"] <= 82, run.document["rate"])
        case.equal(f"{threads} threads: the limit is named", run.document["bound_by"], "pace", run)
        case.check("in the note, and in the time that it held",
                   "second" in run.document["bound_note"]
                   and run.document["pace"]["held"][0]["by"] == "second", run)


def test_none(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault", f"mail:reply={SLOW};after=50")
    for args in ([], ["--profile", "none"], ["--profile", "gmail", "--profile", "127.0.0.1=none"]):
        run = case.bench(*args, "-m", "100", "-s", "2", sink.url(), status={0, 6})
        case.check(f"{args} obeys nobody", "pace" not in run.document, run)
    case.equal("and what was refused is called by the base profile's name",
               {r.get("class") for r in run.document["replies"] if r["code"] >= 400},
               {"throttled"}, run)


def test_connections(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "-m", "4")
    args = profile(case, "few", "headroom: 0%\n"
                   "limits:\n  at-once: {max: 4, of: connections, per: source}\n"
                   "  each: {max: 5, of: messages, per: connection}\n")
    run = case.bench(*args, "-m", "400", "-s", "30", "--threads", "2", sink.url())
    status = sink.stop()
    case.equal("no connection too many", (run.status, *run.messages("accepted"), refused(run),
                                          status["sessions"]["over_limit"]), (0, 400, 0, 0), run)
    case.check("five messages on each", run.document["sessions"]["opened"] >= 80, run)
    case.equal("and it says so", (pace(run)["connections_allowed"],
                                  pace(run)["messages_per_connection"]), (4, 5), run)


def test_open_loop(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    args = profile(case, "quick", "limits: {second: {max: 50/s, of: messages, per: source}}\n")
    run = case.bench(*args, "--rate", "100/s", "--duration", "3s", "-s", "4", sink.url(),
                     status={6, harness.INVALID})
    messages = run.document["messages"]
    # A late start is lost for good: on a busy machine they are fewer.
    case.check("what is due waits", 60 <= messages["started"] <= 125
               and messages["due"] == 300, run)
    case.check("its response time says for how long",
               run.document["latency_us"]["response"]["max"] > 1000000, run)


def test_shared_host(case):
    env = {**os.environ, "VOLLEY_AUTH_PASSWORD": "secret"}
    sink_args = ("--listen", "smtp://127.0.0.1:0", "--profile", "shared-host", "--account",
                 "u@example.com:secret", "--auth-clear", "--scale")
    # An hour in ten seconds: also a slow machine sends more than 200 messages in them.
    sink = case.sink(*sink_args, "360")
    run = case.bench("-m", "1000", "-s", "5", *with_login(sink), env=env, status={6})
    case.check("without the profile the cap is hit",
               run.replies().get(("mail", 421), 0) > 100, run)
    sink.stop()
    sink = case.sink(*sink_args, "3600")
    run = case.bench("-m", "480", "-s", "20", "--threads", "2", "--profile", "shared-host",
                     "--scale", "3600", *with_login(sink), env=env)
    case.equal("with it everything is accepted", (run.status, *run.messages("accepted"),
                                                  refused(run), pace(run)["throttled"]),
               (0, 480, 0, 0), run)
    case.equal("a scale is told", run.document["pace"]["scale"], 3600)


# ---- replies ----

def test_pause(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault",
                     "mail:reply=421 4.7.0 Not so fast;after=60;first=1")
    args = profile(case, "pausing", "replies:\n  not-so-fast: {code: 421, text: not so fast, "
                   "class: throttled, who: source, do: pause 2s,\n"
                   "    samples: ['421 4.7.0 Not so fast']}\n")
    log = case.folder / "log.jsonl"
    run = case.bench(*args, "-m", "400", "-s", "6", "--threads", "2", "--log", log, sink.url(),
                     status={6})
    case.equal("one message is refused, and not tried again",
               (*run.messages("accepted", "deferred"), pace(run)["pauses"]), (399, 1, 1), run)
    found = lines(log)
    refusal = next(line for line in found if line.get("code") == 421)
    # What was under way ends when it may; what counts is when something began.
    later = [line for line in found if line["outcome"] != "closed"
             and moment(line) - line.get("service_us", 0) / 1e6 > moment(refusal) + 0.5]
    case.check("for two seconds nothing is opened and nothing sent",
               later and min(map(moment, later)) >= moment(refusal) + 1.99,
               refusal, later[:2])
    case.equal("then one probe", (later[0]["outcome"], later[1]["outcome"]),
               ("opened", "accepted"), later[:3])
    case.equal("with the profile's word for it", refusal["class"], "throttled")


def test_abort(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault",
                     "mail:reply=554 5.7.1 Your account is closed;after=20")
    args = profile(case, "closing", "replies:\n  closed: {code: 554, text: account is closed, "
                   "class: policy, who: account, do: abort,\n"
                   "    samples: ['554 5.7.1 Your account is closed']}\n")
    run = case.bench(*args, "--duration", "1h", "-s", "4", sink.url(), status={6})
    case.check("the run is ended, and says why",
               run.document["pace"]["aborted_because"].startswith("closed ended it (closing): 554")
               and "ended by a reply" in run.err, run)


def test_log(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault",
                     "banner:reply=421 4.7.0 Too many connections;every=3", "--fault",
                     "rcpt:reply=550 5.1.1 No such user;every=10")
    log = case.folder / "log.jsonl"
    case.bench("-m", "60", "-s", "4", "--messages-per-connection", "5", "--log", log,
               "--source-ip", "127.0.0.2", sink.url(), status={6})
    found = lines(log)
    opened = {line["connection"]: line for line in found if line["outcome"] == "opened"}
    closed = {line["connection"]: line for line in found if line["outcome"] == "closed"}
    case.equal("each connection that opened is closed", sorted(opened), sorted(closed))
    case.equal("60 messages on them", sum(line["messages"] for line in closed.values()), 60)
    on = [(line["connection"], line["on_connection"]) for line in found if "id" in line]
    case.equal("each message has its place", sorted(on),
               sorted((c, i + 1) for c, line in closed.items() for i in range(line["messages"])))
    case.equal("the source is told", {line["source"] for line in found}, {"127.0.0.2"})
    failed = [line for line in found if line["outcome"] == "session"]
    case.check("a refused connection has its reply and a number of its own",
               failed and all(line["code"] == 421 and line["connection"] not in opened
                              and line["class"] == "throttled" for line in failed), failed[:1])
    case.equal("classes", {line["class"] for line in found if "class" in line},
               {"accepted", "throttled", "unknown-user"})


# ---- limits that nobody told ----

def test_adapt(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault", f"mail:reply={SLOW};after=50/s",
                     "-m", "6")
    run = case.bench("--adapt", "--adapt-interval", "500ms", "--duration", "8s", "-s", "20",
                     sink.url(), status={0, 6})
    messages = run.document["messages"]
    case.check("both limits are found, at the price of few refusals",
               messages["accepted"] > 100 and messages["deferred"] * 10 < messages["started"], run)
    case.check("and told", pace(run)["cuts"] > 0 and pace(run)["rate"] < 100
               and pace(run)["rate_refused"], run)
    case.equal("the interval", (run.document["pace"]["adapt"],
                                run.document["pace"]["interval_s"]), (True, 0.5))


# ---- what is refused at once ----

def test_refusals(case):
    target = "smtp://127.0.0.1:9"
    for what, args, words in (
            ("a scale of nothing", ["--scale", "2"], "--scale needs --profile or --adapt"),
            ("a scale too large", ["--profile", "shared-host", "--scale", "1000000"],
             r"profile shared-host, limit hourly: .* scale of at most"),
            ("too many recipients", ["--profile", "shared-host", "-r", "200"],
             r"messages of 200 recipients .*shared-host.yaml:\d+\)"),
            ("too large a message", ["--profile", "shared-host", "-l", "30M"],
             r"messages of 30.0 MiB break profile shared-host"),
            ("no such profile", ["--profile", "shared-hosst"], "did you mean"),
            ("a host that is no target", ["--profile", "mx.example=gmail"], "mx.example"),
            ("an interval of nothing", ["--adapt-interval", "5s"], "needs --adapt"),
            ("no scale", ["--adapt", "--scale", "0"], "--scale"),
            ("no name", ["--profile", ""], "--profile"),
    ):
        run = case.bench(*args, target, json_file=False, status={2})
        case.sentence(what, run, 2, words)


def test_dry_run(case):
    run = case.bench("--profile", "shared-host", "--scale", "60", "--adapt", "--dry-run",
                     "smtp://127.0.0.1:9", json_file=False, status={0})
    case.check("shows what would be obeyed", "hourly: 200 messages" in run.out
               and "60 times faster" in run.out and "adapt" in run.out, run)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
