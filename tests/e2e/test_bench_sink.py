#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""volley bench against volley sink: every way in which mail can go, and how a run ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import harness

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")
PASSWORD = "Xenon-7731-secret"
# Where sessions are counted: else the first to be open may send all messages by themselves.
ALL_OPEN = ("--idle", "100ms")


def secure_sink(case, scheme, *args):
    ca = case.folder / "sink-ca.pem"
    return case.sink("--listen", f"{scheme}://127.0.0.1:0", "--tls-ca-out", ca, *args), ca


# ---- ways ----

def test_plain(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "500", "-s", "8", sink.url())
    status = case.agree(run, sink, 500, 500)
    case.equal("nothing was sealed", (run.document["tls"], status["tls"]), ([], []))
    case.equal("octets", status["messages"]["octets"], 500 * 4096)
    case.equal("the same octets are counted on both ends",
               (run.document["resources"]["bytes_out"], run.document["resources"]["bytes_in"]),
               (status["transport"]["bytes_in"], status["transport"]["bytes_out"]))


def test_pipelining(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "500", "-s", "8", "--pipeline", "-r", "3", "-N", sink.url())
    case.agree(run, sink, 500, 1500)
    case.check("the configuration says so", run.document["config"]["pipelining"], run)


def test_batch(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    release = tuple(int(number) for number in os.uname().release.split(".")[:2])
    if release < (6, 12):
        run = case.bench("-m", "1", "--batch", "400us", sink.url(), status=2)
        case.check("it says which kernel it needs", "6.12" in run.err, run)
        return
    run = case.bench("-m", "2000", "-s", "50", "--batch", "400us", sink.url())
    case.agree(run, sink, 2000)
    case.equal("the configuration says so", run.document["config"]["batch_us"], 400, run)
    case.check("and the report", "up to 400 us late" in " ".join(run.out.split()), run)
    run = case.bench("--dry-run", "--batch", "1ms", "smtp://127.0.0.1:1")
    case.check("and the plan", "up to 1000 us" in run.out, run)


def test_chunking(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "300", "-s", "4", "--chunking", "--pipeline", "--size",
                     "uniform:1k-100k", sink.url())
    case.agree(run, sink, 300)
    case.check("no DATA was used", not any(c == "data" for c, _ in run.replies()), run)


def test_starttls(case):
    sink, ca = secure_sink(case, "smtp+starttls")
    run = case.bench("-m", "200", "-s", "8", *ALL_OPEN, "--cafile", ca, sink.url())
    status = case.agree(run, sink, 200)
    case.equal("eight TLS 1.3 sessions on both sides",
               ([(t["version"], t["resumed"], t["count"]) for t in run.document["tls"]],
                [(t["version"], t["resumed"], t["count"]) for t in status["tls"]]),
               ([("TLSv1.3", False, 8)], [("TLSv1.3", False, 8)]), run)
    case.equal("suite and group are those that the other side saw",
               [(t["cipher"], t["group"]) for t in run.document["tls"]],
               [(t["cipher"], t["group"]) for t in status["tls"]])


def test_implicit_tls(case):
    sink, ca = secure_sink(case, "smtps")
    run = case.bench("-m", "200", "-s", "8", "--cafile", ca, "--tls-max", "1.2", "--size", "300k",
                     sink.url())
    case.agree(run, sink, 200)
    case.equal("TLS 1.2 as asked", [t["version"] for t in run.document["tls"]], ["TLSv1.2"], run)
    case.equal("no command in clear", run.replies().get(("starttls", 220)), None)


def test_by_name(case):
    sink, ca = secure_sink(case, "smtps")
    run = case.bench("-m", "10", "--cafile", ca, "-4", sink.url(host="localhost"))
    case.agree(run, sink, 10)


def test_by_pinned_name(case):
    ca = case.folder / "ca.pem"
    sink = case.sink("--listen", "smtps://127.0.0.1:0", "--tls-ca-out", ca, "--tls-name",
                     "mx.example.net")
    run = case.bench("-m", "10", "--cafile", ca, "--resolve",
                     f"mx.example.net:{sink.port()}:127.0.0.1", sink.url(host="mx.example.net"))
    case.agree(run, sink, 10)


def test_resumption(case):
    sink, ca = secure_sink(case, "smtps", "--tls-resume")
    run = case.bench("-m", "60", "-s", "2", "--messages-per-connection", "1", "--tls-resume",
                     "--cafile", ca, sink.url())
    status = case.agree(run, sink, 60)
    resumed = sum(t["count"] for t in run.document["tls"] if t["resumed"])
    case.check("nearly all sessions are resumed", resumed >= 50, f"{resumed} of 60", run)
    case.equal("both sides say so",
               (resumed, run.document["sessions"]["tls_resumed"]),
               (sum(t["count"] for t in status["tls"] if t["resumed"]),) * 2)
    # One more may be open when the last message is taken by another.
    case.check("a session each", run.document["sessions"]["opened"] in (60, 61), run)


def test_no_resumption(case):
    sink, ca = secure_sink(case, "smtps", "--tls-resume")
    run = case.bench("-m", "30", "-s", "2", "--messages-per-connection", "1", "--cafile", ca,
                     sink.url())
    case.agree(run, sink, 30)
    case.equal("none is resumed unasked", run.document["sessions"]["tls_resumed"], 0)


def test_client_certificate(case):
    authority = harness.Authority(case.folder)
    client = authority.make("client", ["client.test"], usage="clientAuth")
    sink, ca = secure_sink(case, "smtp+starttls", "--tls-client-ca", authority.ca)
    run = case.bench("-m", "10", "-s", "2", "--cafile", ca, "--tls-cert", client, sink.url())
    case.agree(run, sink, 10)


def test_client_certificate_missing(case):
    authority = harness.Authority(case.folder)
    sink, ca = secure_sink(case, "smtps", "--tls-client-ca", authority.ca)
    run = case.bench("-m", "10", "-s", "2", "--give-up", "20s", "--cafile", ca, sink.url())
    case.equal("it ends as unreachable", run.status, 5, run)
    case.check("stderr names the client certificate", "--tls-cert" in run.err, run)


def test_lmtp_unix(case):
    path = case.folder / "lmtp"
    sink = case.sink("--listen", f"lmtp:unix:{path}")
    run = case.bench("-m", "200", "-s", "4", "--lmtp", "-r", "1-5", "-N", f"unix:{path}")
    received = run.document["recipients"]["accepted"]
    case.agree(run, sink, 200, received)
    case.check("several recipients a message", 250 < received < 1000, received)
    case.equal("a reply for each recipient", run.replies().get(("dot", 250)), received, run)


def test_lmtp(case):
    sink = case.sink("--listen", "lmtp://127.0.0.1:0")
    run = case.bench("-m", "50", "-r", "4", "-N", "--pipeline", "--chunking", sink.url())
    case.agree(run, sink, 50, 200)


def test_unix(case):
    path = case.folder / "smtp"
    sink = case.sink("--listen", f"unix:{path}")
    run = case.bench("-m", "200", "-s", "4", f"unix:{path}")
    case.agree(run, sink, 200, 200)


def test_ipv6(case):
    sink = case.sink("--listen", "smtp://[::1]:0")
    run = case.bench("-m", "20", sink.url(host="[::1]"))
    case.agree(run, sink, 20)


def test_several_targets(case):
    path, ca = case.folder / "smtp", case.folder / "ca.pem"
    sink = case.sink("--listen", f"unix:{path}", "--listen", "smtp://127.0.0.1:0", "--listen",
                     "smtps://127.0.0.1:0", "--listen", "smtp+starttls://127.0.0.1:0",
                     "--tls-ca-out", ca)
    run = case.bench("-m", "400", "-s", "16", *ALL_OPEN, "--cafile", ca, f"unix:{path}",
                     sink.url("smtp"), sink.url("smtps"), sink.url("smtp+starttls"))
    status = case.agree(run, sink, 400)
    case.equal("sessions of four kinds", status["sessions"]["accepted"], 16)
    case.equal("half of them sealed", status["sessions"]["sealed"], 8)


def test_helo(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--jsonl", case.folder / "s.jsonl")
    run = case.bench("-m", "10", "--helo", "--ehlo", "bench.test", sink.url())
    case.agree(run, sink, 10)
    lines = [json.loads(x) for x in (case.folder / "s.jsonl").read_text().splitlines()]
    case.equal("the name that was asked for", {x["helo"] for x in lines}, {"bench.test"})


def test_hidden_extensions(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--hide", "all")
    run = case.bench("-m", "50", "--pipeline", "--chunking", sink.url())
    case.agree(run, sink, 50)
    case.equal("neither PIPELINING nor CHUNKING was used unoffered",
               run.replies().get(("data", 354)), 50, run)


def test_many_recipients(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--jsonl", case.folder / "s.jsonl")
    run = case.bench("-m", "40", "-r", "50", "--to", "user%d@example.com", "--from",
                     "sender%d@example.com", "--pipeline", sink.url())
    case.agree(run, sink, 40, 2000)
    lines = [json.loads(x) for x in (case.folder / "s.jsonl").read_text().splitlines()]
    case.equal("all recipients differ", len({to for x in lines for to in x["to"]}), 2000)
    case.equal("all senders differ", len({x["from"] for x in lines}), 40)


def test_messages_per_connection(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "100", "-s", "4", "--messages-per-connection", "5", sink.url())
    status = case.agree(run, sink, 100)
    # More may be open when the last messages are taken by others.
    opened = run.document["sessions"]["opened"]
    case.check("twenty connections, and no more than were open at once",
               20 <= opened <= 23 and opened <= status["sessions"]["accepted"] <= 23, run)
    case.equal("each one says goodbye", run.replies().get(("quit", 221)), opened, run)


def test_threads(case):
    sink, ca = secure_sink(case, "smtp+starttls", "--threads", "3")
    run = case.bench("-m", "2000", "-s", "60", *ALL_OPEN, "--threads", "3", "--cafile", ca,
                     sink.url())
    status = case.agree(run, sink, 2000)
    case.equal("sessions", status["sessions"]["accepted"], 60)


def test_source_addresses(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "60", "-s", "6", *ALL_OPEN, "--source-ip",
                     "127.0.0.2,127.0.0.3,127.0.0.4", sink.url())
    status = case.agree(run, sink, 60)
    case.equal("two sessions from each address",
               sorted((c["address"], c["sessions"]) for c in status["clients"]),
               [(f"127.0.0.{n}", 2) for n in (2, 3, 4)])


def test_message_files(case):
    folder = case.folder / "mail"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.eml").write_bytes(
            b"From: a@example.com\r\nSubject: %d\r\n\r\n.dot\r\n..\r\n.\r\nend %d\r\n" % (i, i))
    kept = case.folder / "kept"
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--maildir", kept)
    run = case.bench("-m", "9", "-s", "2", "--message", folder, "--add-header", "X-Added: yes",
                     sink.url())
    case.agree(run, sink, 9)
    stored = [p.read_bytes() for p in (kept / "new").iterdir()]
    case.equal("each file three times", sorted(re.search(rb"\nend (\d)", m)[1] for m in stored),
               [b"0"] * 3 + [b"1"] * 3 + [b"2"] * 3)
    case.check("dots arrive as they were",
               all(re.search(rb"\r?\n\.dot\r?\n\.\.\r?\n\.\r?\nend", m) for m in stored),
               *stored[:1])
    case.check("the header was added", all(b"X-Added: yes" in m for m in stored))
    ids = [re.search(rb"^X-Volley-ID: (.*?)\r?$", m, re.M)[1] for m in stored]
    case.equal("ids differ", len(set(ids)), 9)
    message_ids = [re.search(rb"^Message-ID: (.*?)\r?$", m, re.M | re.I)[1] for m in stored]
    case.equal("Message-IDs differ", len(set(message_ids)), 9)


# ---- AUTH ----

def test_auth(case):
    for mechanism in MECHANISMS:
        sink, ca = secure_sink(case, "smtp+starttls", "--account", f"user@example.com:{PASSWORD}",
                               "--auth", mechanism, "--auth-required", "--tls-required")
        run = case.bench("-m", "12", "-s", "3", *ALL_OPEN, "--cafile", ca, "--auth-user",
                         "user@example.com", "--auth", mechanism, sink.url(),
                         env={**os.environ, "VOLLEY_AUTH_PASSWORD": PASSWORD})
        status = case.agree(run, sink, 12, what=mechanism)
        case.equal(f"{mechanism}: three logins", (status["sessions"]["logins"],
                                                 run.replies().get(("auth", 235))), (3, 3), run)
        # --tls-ca-out of the next sink writes another CA to the same file.


def test_auth_any(case):
    sink, ca = secure_sink(case, "smtps", "--account", f"user:{PASSWORD}", "--auth-required")
    password = case.write("password", PASSWORD + "\n")
    run = case.bench("-m", "4", "--cafile", ca, "--auth-user", "user", "--auth-password-file",
                     password, sink.url())
    case.agree(run, sink, 4)


def test_auth_wrong_password(case):
    sink, ca = secure_sink(case, "smtps", "--account", f"user:{PASSWORD}")
    for mechanism in ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256"):
        run = case.bench("-m", "4", "-s", "2", "--give-up", "20s", "--cafile", ca, "--auth",
                         mechanism, sink.url().replace("://", "://user:not-the-secret@"))
        case.equal(f"{mechanism}: ends as unreachable", run.status, 5, run)
        case.check(f"{mechanism}: says which phase and what to try",
                   re.search(r"auth.*check user and password", run.err), run)
        case.check(f"{mechanism}: the password is nowhere",
                   "not-the-secret" not in run.out + run.err + json.dumps(run.document), run)


def test_auth_not_in_clear(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--account", f"user:{PASSWORD}",
                     "--auth-clear", "--auth", "PLAIN,LOGIN")
    env = {**os.environ, "VOLLEY_AUTH_PASSWORD": PASSWORD}
    run = case.bench("-m", "2", "-s", "1", "--give-up", "20s", "--auth-user", "user", sink.url(),
                     env=env)
    case.equal("no password without TLS", (run.status, run.messages("accepted")), (5, (0,)), run)
    run = case.bench("-m", "2", "-s", "1", "--auth-user", "user", "--auth-clear", sink.url(),
                     env=env)
    case.equal("unless told to", (run.status, run.messages("accepted")), (0, (2,)), run)


def hides(case, what, process, secret=PASSWORD):
    """The secret is in no list of processes, and in none of the files that the run leaves."""
    cmdline = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    case.check(f"{what}: not in the list of processes", secret.encode() not in cmdline, cmdline)
    environ = Path(f"/proc/{process.pid}/environ").read_bytes()
    case.check(f"{what}: not in the environment", secret.encode() not in environ)


def test_secrets(case):
    password = case.write("password", PASSWORD + "\n")
    log, hlog = case.folder / "log", case.folder / "hlog"
    for what in ("in the URL", "in a file", "in the environment"):
        # The first login of a run goes well, the second does not.
        sink, ca = secure_sink(case, "smtps", "--account", f"user:{PASSWORD}", "--auth-required",
                               "--fault", "auth:reply=535 5.7.8 No;every=2")
        hides(case, f"{what}: the sink", sink)
        user, env = ["--auth-user", "user"], dict(os.environ)
        if what == "in the URL":
            user = [sink.url().replace("://", f"://user:{PASSWORD}@")]
        elif what == "in a file":
            user += ["--auth-password-file", password, sink.url()]
        else:
            env["VOLLEY_AUTH_PASSWORD"] = PASSWORD
            user.append(sink.url())
        process = case.bench_start("-m", "25", "-s", "1", "--rate", "10/s", "--cafile", ca,
                                   "--messages-per-connection", "5", "--log", log, "--hlog", hlog,
                                   *user, env=env)
        harness.wait_until("the first second is told", lambda p=process: "run " in p.err
                           or p.popen.poll() is not None)
        hides(case, f"{what}: the bench", process)
        run = process.wait()
        case.check(f"{what}: logins went well, and badly", run.messages("accepted") == (25,)
                   and run.replies().get(("auth", 535), 0) > 0, run)
        texts = run.out + run.err + json.dumps(run.document) + log.read_text() + hlog.read_text()
        case.check(f"{what}: in no output", PASSWORD not in texts)
        status = sink.stop()
        case.check(f"{what}: nor in the sink's",
                   PASSWORD not in sink.out + sink.err + json.dumps(status))


# ---- open loop ----

def test_open_loop_constant(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    # Enough sessions that none is missed, however slow: what nobody is free for at the end is left.
    run = case.bench("--rate", "500/s", "--duration", "2s", "-s", "200", sink.url())
    case.agree(run, sink, 1000)
    rate = run.document["rate"]
    case.equal("1000 were due", run.messages("due"), (1000,), run)
    case.check("offered is what was asked", abs(rate["offered"] - 500) < 0.5, rate)
    case.check("the lag is told", rate["lag_us"]["max"] is not None, rate)


def test_open_loop_poisson(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    runs = []
    for _ in range(2):
        # On a busy machine a run may be late, and then says so by its status.
        run = case.bench("--rate", "400/s", "--arrivals", "poisson", "--seed", "7", "-m", "600",
                         "-s", "20", sink.url(), status=(0, 4))
        runs.append(run)
        case.equal("by number: all were due and accepted", run.messages("due", "accepted"),
                   (600, 600), run)
        case.equal("arrivals", run.document["config"]["arrivals"], "poisson")
    case.equal("the seed is in the result", [r.document["config"]["seed"] for r in runs],
               ["7", "7"])
    case.equal("nothing lost", (sink.stop()["end_to_end"]["received"],
                                sink.status["end_to_end"]["lost"]), (1200, 0))


def test_open_loop_stages(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("--stage", "1s@100/s", "--stage", "1s@100/s..300/s", "--stage", "500ms@400/s",
                     "-s", "200", sink.url())
    case.agree(run, sink, 100 + 200 + 200)
    rows = run.document["series"]
    case.check("the series follows the stages",
               rows[0]["started"] < rows[1]["started"], rows)


def test_open_loop_warmup(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("--rate", "200/s", "--warmup", "500ms", "--duration", "1s", "-s", "200",
                     sink.url())
    status = sink.stop()
    case.equal("only the measured part counts", run.messages("due", "accepted"), (200, 200), run)
    case.equal("the sink saw the warm-up too", status["end_to_end"]["received"], 300)


def test_response_counts_what_was_due(case):
    """Coordinated omission: a server that stands still shows in response, not in service."""
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    # By number and not by time: what is due while no session is free is sent in the end.
    process = case.bench_start("--rate", "200/s", "-m", "1000", "-s", "4", sink.url())
    harness.wait_until("the first second is told", lambda: "run " in process.err
                       or process.popen.poll() is not None)
    sink.signal(signal.SIGSTOP)
    time.sleep(2)
    sink.signal(signal.SIGCONT)
    run = process.wait()
    case.equal("all were due and accepted", run.messages("due", "accepted"), (1000, 1000), run)
    latency = run.document["latency_us"]
    case.check("the median of service is far below the p90 of response",
               latency["service"]["p50"] * 10 < latency["response"]["p90"], latency)
    case.check("p90 of service stays", latency["service"]["p90"] * 5 < latency["response"]["p90"],
               latency["service"], latency["response"])


# ---- results ----

def test_outcome_log(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault", "rcpt:reply=550 5.1.1 No;every=4")
    log = case.folder / "log"
    run = case.bench("-m", "40", "-s", "4", *ALL_OPEN, "--log", log, sink.url())
    found = [json.loads(x) for x in log.read_text().splitlines()]
    case.equal("a line when a connection is ready, and one when it is over",
               [sum(x["outcome"] == word for x in found) for word in ("opened", "closed")], [4, 4])
    lines = [x for x in found if x["outcome"] not in ("opened", "closed")]
    case.equal("a line per message", len(lines), 40)
    case.equal("as the result counts", (sum(x["outcome"] == "accepted" for x in lines),
                                        sum(x["outcome"] == "rejected" for x in lines)),
               run.messages("accepted", "rejected"), run)
    case.equal("each id once", len({x["id"] for x in lines}), 40)
    bad = [x for x in lines if x["outcome"] == "rejected"]
    case.equal("the whole reply of those that failed",
               {(x["phase"], x["command"], x["code"], x["enhanced"], x["text"]) for x in bad},
               {("rcpt", "rcpt", 550, "5.1.1", "5.1.1 No")})
    log.unlink()
    run = case.bench("-m", "40", "-s", "4", "--log", log, "--log-failures", sink.url())
    lines = [json.loads(x) for x in log.read_text().splitlines()]
    case.equal("only failures", ({x["outcome"] for x in lines}, len(lines)), ({"rejected"}, 10))
    case.equal("recipients left undelivered exit with 6", run.status, 6, run)


READ_HLOG = """
const { createRequire } = require("node:module");
const { HistogramLogReader } = createRequire(process.argv[1])("hdr-histogram-js");
const reader = new HistogramLogReader(require("node:fs").readFileSync(process.argv[2], "utf8"));
const counts = {};
for (let h; (h = reader.nextIntervalHistogram()); )
  counts[h.tag] = (counts[h.tag] ?? 0) + h.totalCount;
console.log(JSON.stringify(counts));
"""


def test_hlog(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    path = case.folder / "h.hlog"
    run = case.bench("--duration", "2200ms", "-s", "2", "--think", "5ms", "--hlog", path,
                     sink.url())
    lines = [x for x in path.read_text().splitlines() if x.startswith("Tag=")]
    tags = {x[4:].split(",")[0] for x in lines}
    case.check("a tag for each phase", {"mail", "rcpt", "data", "accept", "response",
                                        "service"} <= tags, tags)
    case.check("several intervals", sum(x.startswith("Tag=response,") for x in lines) >= 2, lines)
    package = harness.ROOT / "tests/package.json"
    if not (harness.ROOT / "tests/node_modules/hdr-histogram-js").exists():
        raise harness.Skip("hdr-histogram-js is not installed")
    done = subprocess.run([harness.tool("node"), "-e", READ_HLOG, package, path],
                          capture_output=True, text=True, check=False)
    counts = json.loads(done.stdout) if done.returncode == 0 else done.stderr
    wanted = {k: v["count"] for k, v in run.document["latency_us"].items()}
    case.equal("the reference implementation counts as the result does",
               {k: counts.get(k) for k in ("mail", "response", "service", "accept")},
               {k: wanted[k] for k in ("mail", "response", "service", "accept")}, done.stderr)


def test_schema(case):
    """The schema itself: every result in these tests is held against it."""
    if harness.schema_faults({}) == []:
        raise harness.Skip("python3-jsonschema is not installed")
    case.check("it refuses what is no result", len(harness.schema_faults({})) > 5)


def test_json_to_stdout(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "5", "--json", "-", sink.url(), json_file=False)
    document = json.loads(run.out)
    case.equal("standard output is the document alone", document["messages"]["accepted"], 5, run)
    case.equal("it keeps its schema", harness.schema_faults(document), [])


def test_thresholds(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0", "--fault",
                     "dot:reply=452 4.3.1 Full;every=2")
    run = case.bench("-m", "20", "--threshold", "replies.4xx<1%", "--threshold", "errors<1",
                     "--threshold", "accept.p99.99<1h", sink.url())
    verdicts = {t["expression"]: t["verdict"] for t in run.document["thresholds"]}
    case.equal("verdicts", verdicts, {"replies.4xx<1%": "failed", "errors<1": "passed",
                                      "accept.p99.99<1h": "not evaluated"}, run)
    case.check("3 or 6, as documented", run.status in (3, 6), run)
    sink2 = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "20", "--threshold", "messages.accepted<20", sink2.url())
    case.equal("a threshold alone exits with 3", run.status, 3, run)
    run = case.bench("-m", "20", "--threshold", "messages.accepted>=20", sink2.url())
    case.equal("and with 0 when it holds", run.status, 0, run)


def test_quiet(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "20", "--quiet", sink.url())
    case.equal("nothing at all is printed", (run.status, run.out, run.err), (0, "", ""))


def test_dry_run(case):
    port = harness.free_port()
    run = case.bench("--dry-run", "--rate", "10/s", f"smtp://127.0.0.1:{port}")
    case.equal("nobody listens, and that is well", run.status, 0, run)
    case.check("the plan names target and rate", f"127.0.0.1:{port}" in run.out
               and "10/s" in run.out, run)
    case.equal("there is no result", run.document, None)
    run = case.bench("--dry-run")
    case.equal("without a target too", run.status, 0, run)


def test_report(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("-m", "20", sink.url())
    case.check("the report says what became of the messages",
               "All 20 messages were accepted." in run.out, run)
    case.check("and which TLS library made it", "wolfSSL" in run.out, run)


def test_own_sink(case):
    run = case.bench("-m", "100", "-s", "4")
    case.equal("all were accepted", (run.status, run.messages("accepted")), (0, (100,)), run)
    end = run.document["end_to_end"]
    case.equal("and arrived", (end["received"], end["lost"], end["duplicated"]), (100, 0, 0))
    case.equal("over TLS", [t["version"] for t in run.document["tls"]], ["TLSv1.3"])
    case.check("end-to-end latency is told", end["latency_us"]["count"] == 100, end)


def test_idle(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("--idle", "700ms", "-s", "30", sink.url())
    status = sink.stop()
    case.equal("thirty sessions were held and nothing was sent",
               (run.status, run.document["sessions"]["peak"], run.messages("started"),
                status["messages"]["accepted"], status["sessions"]["peak"]),
               (0, 30, (0,), 0, 30), run)


def test_idle_then_one_message_each(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.bench("--idle", "500ms", "-s", "30", "-m", "30", sink.url())
    status = case.agree(run, sink, 30)
    case.equal("all were open at once", status["sessions"]["peak"], 30)


# ---- how it ends ----

def await_accepted(log):
    """Waits until a run under way tells by its log that a message was accepted."""
    harness.wait_until("a message is accepted", lambda: log.exists()
                       and '"outcome":"accepted"' in log.read_text())


def interrupt(case, number):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    log = case.folder / "log"
    process = case.bench_start("--duration", "100s", "-s", "4", "--think", "10ms", "--log", log,
                               sink.url())
    await_accepted(log)
    process.signal(number)
    return sink, process.wait()


def test_interrupt(case):
    sink, run = interrupt(case, signal.SIGINT)
    case.equal("Ctrl-C exits with 130", run.status, 130, run)
    case.check("the result says so", run.document["run"]["interrupted"], run)
    status = sink.stop()
    case.equal("it drained: what was accepted arrived, nothing is in doubt",
               (run.messages("accepted")[0], run.messages("in_doubt", "failed")),
               (status["messages"]["accepted"], (0, 0)), run)
    case.check("the partial report is shown", "interrupted" in run.out.lower(), run)


def test_terminate(case):
    _, run = interrupt(case, signal.SIGTERM)
    case.equal("SIGTERM exits with 143", run.status, 143, run)
    case.check("with a result", run.document and run.messages("accepted")[0] > 0, run)


def test_interrupt_twice(case):
    """The dot is never answered: one Ctrl-C waits, the second does not."""
    dots = []

    def stall(verb, _line, conn):
        if verb == "DATA":
            conn.send("354 Go ahead\r\n")
            dots.append(conn.content())
            conn.read_all()
            raise EOFError
        return False

    # The sink can stall as well, but does not tell when all four have come so far.
    peer = case.peer(lambda conn: conn.serve((), stall))
    process = case.bench_start("-m", "4", "-s", "4", "--drain", "90s", "--timeout", "95s",
                               peer.url())
    harness.wait_until("four dots are out", lambda: len(dots) == 4)
    process.signal(signal.SIGINT)
    time.sleep(1)
    case.check("once: it waits for what is under way", process.popen.poll() is None,
               process.err)
    process.signal(signal.SIGINT)
    run = process.wait(30)
    case.equal("twice: it stops", run.status, 130, run)
    case.equal("what got its dot and no reply is in doubt",
               run.messages("started", "in_doubt"), (4, 4), run)


def test_interrupt_own_sink(case):
    log = case.folder / "log"
    process = case.bench_start("--duration", "100s", "-s", "4", "--think", "10ms", "--log", log)
    await_accepted(log)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True,
                              check=False).stdout.split()
    case.equal("a sink runs as a child", len(children), 1)
    process.signal(signal.SIGINT)
    run = process.wait()
    case.equal("130", run.status, 130, run)
    end = run.document["end_to_end"]
    case.equal("what was accepted arrived", (end["received"], end["lost"], end["duplicated"]),
               (run.messages("accepted")[0], 0, 0), run)
    case.check("the sink is gone", not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_server_dies(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    log = case.folder / "log"
    process = case.bench_start("--duration", "60s", "-s", "4", "--think", "10ms", "--give-up",
                               "5s", "--log", log, sink.url())
    await_accepted(log)
    sink.popen.kill()
    run = process.wait()
    case.check("the run gives up and does not exit well", run.status in (1, 5, 6), run)
    case.check("what was accepted until then is told", run.messages("accepted")[0] > 0, run)
    case.check("the failures are counted", sum(run.errors().values()) > 0, run)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
