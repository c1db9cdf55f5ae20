#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each option with each kind of bad value is refused at once, in one sentence, with status 2.

The lists below cover every option that takes a value: one that is missing there is a failure. At
the end: options that contradict each other, bad targets, results that cannot be written.
"""

import os
import re
import subprocess
import sys

import harness

BENCH_BAD = {
    "sessions": ["0", "-1", "x", "1.5", "99999999999", ""],
    "messages": ["0", "-1", "x", "99999999999999999999"],
    "duration": ["0", "0s", "-1s", "x", "5 parsecs", ""],
    "warmup": ["x", "-1s"],
    "rate": ["0", "0/s", "-1/s", "x", "1/fortnight", "1e99/s", ""],
    "stage": ["x", "10s", "10s@", "@100/s", "10s@x", "0s@1/s", "10s@1/s..x"],
    "arrivals": ["x", "", "poissons"],
    "messages-per-connection": ["0", "x"],
    "think": ["x", "-1s"],
    "idle": ["x", "-1s"],
    "connect-rate": ["0", "x"],
    "connects-in-flight": ["0", "x"],
    "source-ip": ["x", "1.2.3", "127.0.0.1,x", "127.0.0.1,", "192.0.2.1.5", ""],
    "threads": ["0", "x", "100000"],
    "batch": ["x", "0", "-1us", "11ms", "500ns", ""],
    "drain": ["x", "-1s"],
    "give-up": ["x", "-1s"],
    "seed": ["x", "1x", "-1", "99999999999999999999", ""],
    "profile": ["", "nosuch", "mx.example=gmail", "gmail=", "/nonexistent.yaml", "/dev/null"],
    "profile-dir": ["/nonexistent", "/dev/null"],
    "scale": ["0", "-1", "x", "2", "99999999999", ""],
    "adapt-interval": ["0", "x", "-1s", "5s", ""],
    "size": ["0", "-1", "x", "1T", "1tb", "uniform:5k-1k", "uniform:x", "lognormal:x",
             "lognormal:median=0,sigma=1", "mix:/nonexistent/mix", "mix:/dev/null", ""],
    "message": ["/nonexistent.eml", "/dev/null"],
    "template": ["/nonexistent", "/"],
    "add-header": ["no colon", "", "A: b\nC: d", ": x"],
    "subject": ["a\nb", "a\rBcc: x"],
    "from": ["nobody", "a@b@", "a b@c", "<a", "a\n@b.c"],
    "from-file": ["/nonexistent", "/dev/null", "/"],
    "to": ["nobody", "", "@x", "a@", "a\r\nDATA@b.c"],
    "to-file": ["/nonexistent", "/dev/null", "/"],
    "recipients-per-message": ["0", "x", "5-1", "-1", "999999999"],
    "ehlo": ["a b", "a\nb", ""],
    "timeout": ["x", "0", "mail=", "mail=x", "nope=1s", "=1s"],
    "dsn-notify": ["SOMETIMES", "NEVER,DELAY", "DELAY,", ""],
    "dsn-ret": ["x", ""],
    "tls-verify": ["x", "", "fully"],
    "cafile": ["/nonexistent", "/dev/null", "/"],
    "tls-cert": ["/nonexistent", "/dev/null", "/"],
    "tls-key": ["/nonexistent"],
    "tls-min": ["1.1", "x", "3"],
    "tls-max": ["1.0", "x"],
    "tls-ciphers": ["NO-SUCH-SUITE", "TLS_AES_128_GCM_SHA256:x"],
    "tls-groups": ["x", "X25519:x"],
    "tls-sni": ["a b", ""],
    "auth": ["x", "PLAIN,x", "PLAIN,", "GSSAPI", ""],
    "auth-user": ["u"],
    "auth-password-file": ["/nonexistent", "/dev/null", "/"],
    "auth-authzid": ["z"],
    "resolver": ["x", "1.2.3.4:99999", ""],
    "resolve": ["x", "a:b:c", "a:25", "a:25:x"],
    "json": ["/nonexistent/x", "/"],
    "hlog": ["/nonexistent/x", "/"],
    "log": ["/nonexistent/x", "/"],
    "threshold": ["x", "accept.p99", "nope.p99<1ms", "accept.p98<1ms", "accept.p99<x",
                  "replies.999<1", "errors<1ms", ""],
}

SINK_BAD = {
    "listen": ["x://127.0.0.1:0", "smtp://127.0.0.1:99999", "smtp://no.such.host:25", "unix:", "",
               "smtp://[::1:25"],
    "threads": ["0", "x", "100000"],
    "max-sessions": ["0", "x"],
    "name": ["a b", "", "a\nb"],
    "hide": ["x", "PIPELINING,x", ""],
    "max-size": ["x", "-1"],
    "max-recipients": ["0", "x"],
    "max-messages": ["0", "x"],
    "strictness": ["x", ""],
    "idle": ["x", "0", "-1s"],
    "max-errors": ["x", "-1"],
    "tls-cert": ["/nonexistent", "/dev/null", "/"],
    "tls-key": ["/nonexistent"],
    "tls-name": ["a b", ""],
    "tls-key-type": ["x", "rsa512"],
    "tls-ca-out": ["/nonexistent/x", "/"],
    "tls-cert-fault": ["x", ""],
    "tls-client-ca": ["/nonexistent", "/dev/null"],
    "tls-min": ["1.1", "x"],
    "tls-max": ["1.0", "x"],
    "tls-ciphers": ["NO-SUCH-SUITE"],
    "tls-groups": ["x"],
    "account": ["user", ":x", "user:", ""],
    "accounts-file": ["/nonexistent", "/"],
    "auth": ["x", "PLAIN,x", ""],
    "fault": ["x", "nope:close", "rcpt:", "rcpt:x", "rcpt:reply", "rcpt:reply=999 x",
              "rcpt:reply=45", "body:reply=450 x", "mail:delay=x", "mail:close;p=0",
              "mail:close;p=2",
              "mail:close;every=0", "mail:close;after=1/x", "mail:at=5;close", "mail:close;reset",
              "rcpt:greylist=x", "tls:alert=999", "mail:oversize=x", ""],
    "fault-file": ["/nonexistent", "/"],
    "seed": ["x", "-1"],
    "profile": ["", "nosuch", "@=gmail", "127.0.0.1=", "x y=gmail", "/nonexistent.yaml",
                "/dev/null"],
    "profile-at": ["", "x", "10s", "10s=nosuch", "x=gmail", "-1s=gmail"],
    "profile-dir": ["/nonexistent", "/dev/null"],
    "scale": ["0", "-1", "x", "99999999999", ""],
    "reputation": ["x", "", "good"],
    "decisions": ["/nonexistent/x", "/"],
    "maildir": ["/nonexistent/x", "/dev/null"],
    "jsonl": ["/nonexistent/x", "/"],
    "expect": ["0", "x"],
    "json": ["/nonexistent/x", "/"],
}


def options_of(command):
    """The long options that take a value, from --help."""
    text = subprocess.run([harness.volley(), command, "--help"], capture_output=True, text=True,
                          check=True).stdout
    return set(re.findall(r"^  (?:-\w,|   ) --([\w-]+) \S", text, re.MULTILINE))


def refused(case, command, option, value, *rest):
    args = [harness.volley(), command, "--quiet", f"--{option}={value}", *rest]
    try:
        done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=20,
                              stdin=subprocess.DEVNULL, cwd=case.folder)
    except subprocess.TimeoutExpired:
        case.check(f"{command} --{option}={value!r}: refused at once", False, "it runs on")
        return
    lines = done.stderr.splitlines()
    is_good = (done.returncode == 2 and len(lines) == 1 and lines[0].startswith("volley")
               and len(lines[0]) > 20 and not harness.UNSAFE.search(done.stderr)
               and not done.stdout and "unknown error" not in done.stderr)
    case.check(f"{command} --{option}={value!r}: refused in one sentence, status 2", is_good,
               f"status {done.returncode}", done.stdout, done.stderr)


def test_bench_options(case):
    case.equal("the list covers all options with a value", options_of("bench") - set(BENCH_BAD),
               set())
    target = f"smtp+starttls://127.0.0.1:{harness.free_port()}"
    for option, values in BENCH_BAD.items():
        for value in values:
            if option == "idle" and value == "":
                continue
            rest = []
            if option == "arrivals":
                rest = ["--rate=1/s"]
            elif option == "auth-password-file":
                rest = ["--auth-user=u"]
            elif option == "tls-key":
                rest = ["--tls-cert=/nonexistent"]
            refused(case, "bench", option, value, *rest, "-m1", target)


def test_sink_options(case):
    case.equal("the list covers all options with a value", options_of("sink") - set(SINK_BAD),
               set())
    for option, values in SINK_BAD.items():
        for value in values:
            rest = ["--listen=smtp+starttls://127.0.0.1:0"] if option != "listen" else []
            if option == "tls-key":
                rest.append("--tls-cert=/nonexistent")
            refused(case, "sink", option, value, *rest)


def test_options_that_contradict(case):
    target = f"smtps://127.0.0.1:{harness.free_port()}"
    for args in (["--rate=1/s", "--stage=1s@1/s"], ["--stage=1s@1/s", "--duration=1s"],
                 ["--arrivals=poisson"], ["--think=1s", "--rate=1/s"],
                 ["--stage=1s@1/s", "--warmup=1s"], ["--idle=1s", "--warmup=1s"],
                 ["--auth=PLAIN"], ["--auth-user=u"], ["--nonsense"], ["--sessions"], ["-Z"],
                 ["--tls-min=1.3", "--tls-max=1.2"], ["smtp://127.0.0.1:0"]):
        run = case.bench("--quiet", "-m1", *args, target)
        case.sentence(" ".join(args), run, 2)
    for args in (["extra"], ["--sync"], ["--tls-cert=x", "--tls-ca-out=y"], ["--tls-key=x"],
                 ["--json=-", "--jsonl=-"], ["--nonsense"], ["--tls-min=1.3", "--tls-max=1.2"]):
        run = case.start([harness.volley(), "sink", "-l", "smtps://127.0.0.1:0", *args]).wait(20)
        case.sentence(f"sink {' '.join(args)}", run, 2)


def test_targets(case):
    for target in ("smtp://", "foo://x", "http://localhost", "smtp://a:0", "smtp://a:99999",
                   "smtp://a:x", "smtp://a b", "smtp://[::1", "smtp://[::1]x", "smtp://user:%zz@h",
                   "unix:", f"unix:/{'x' * 200}", f"smtp://{'x' * 300}.test", "smtp://a/b?c", "",
                   "smtp://x\n"):
        run = case.bench("--quiet", "-m1", target)
        case.sentence(f"target {target[:30]!r}", run, 2)


def test_commands(case):
    for args, status in (([], 2), (["nonsense"], 2), (["--help"], 0), (["--version"], 0),
                         (["bench", "--help"], 0), (["sink", "--help"], 0), (["version"], 0)):
        run = case.start([harness.volley(), *args]).wait(20)
        case.equal(f"volley {' '.join(args)}", run.status, status, run)


def test_output_fails(case):
    """A full disk is told, not passed over."""
    if not os.access("/dev/full", os.W_OK):
        raise harness.Skip("/dev/full is missing")
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    for option in ("json", "log", "hlog"):
        run = case.bench("--quiet", "-m", "300", "--size", "1k", f"--{option}", "/dev/full",
                         sink.url(), json_file=False)
        case.sentence(f"--{option} onto a full disk", run, 1, "No space left on device")


def test_cannot_listen(case):
    sink = case.sink("--listen", "smtp://127.0.0.1:0")
    run = case.start([harness.volley(), "sink", "--listen", f"smtp://127.0.0.1:{sink.port()}"]
                     ).wait(20)
    case.sentence("a port that is taken", run, 1, str(sink.port()))
    run = case.start([harness.volley(), "sink", "--listen", "smtp://192.0.2.1:25"]).wait(20)
    case.sentence("an address of another machine", run, 1, "192.0.2.1")
    run = case.start([harness.volley(), "sink", "--listen", "unix:/nonexistent/socket"]).wait(20)
    case.sentence("a socket in no folder", run, 1, "/nonexistent/socket")


def test_escapes_in_options(case):
    evil = "\x1b[31mred\x07"
    for args in ([f"smtp://{evil}"], [f"--size={evil}"], [f"--{evil}"], [f"--json=/{evil}/x"],
                 [f"unix:/tmp/{evil}"], ["--to", evil], [f"--resolver={evil}"]):
        run = case.bench("--quiet", "-m", "1", *args)
        case.check(f"{ascii(args[0])} as an argument: nothing unescaped",
                   run.status in (2, 5) and not harness.UNSAFE.search(run.err), run)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
