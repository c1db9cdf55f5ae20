#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is wrong with a server, a name or a client: one clear sentence, a status, no hang.

A server here is a script in a thread. With --quiet the sentence is all that is printed, so that it
can be held to: what happened, in which phase, what to try. Each program has a bounded time, and
nothing that a peer says reaches the terminal unescaped (Case.bench() looks at that).
"""

import itertools
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from pathlib import Path

import harness

ESCAPES = b"\x1b[31mred\x1b]0;title\x07 \x08\x7f"
# No control characters of ASCII, but of 8-bit terminals, in two encodings, and what is no UTF-8.
HIGH = b"red \x9b31m \xc2\x9b31m \xff\xfe \xc0\x9b"


def attempt(case, what, target, status, pattern, *options, timeout="20s"):
    """A bench of one message with one session; a short time-out is for peers that are silent."""
    run = case.bench("--quiet", "-m", "1", "-s", "1", "--give-up", "20s", "--timeout", timeout,
                     *options, target)
    case.sentence(what, run, status, pattern)
    return run


# ---- names ----

class Names(threading.Thread):
    """A DNS server for loopback that has one answer to everything."""

    def __init__(self, rcode=None, answer=b""):
        super().__init__(daemon=True)
        self.rcode, self.answer = rcode, answer
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if self.rcode is None or not query:
                continue
            end = query.index(b"\0", 12) + 5
            has_answer = bool(self.answer) and query[end - 4:end - 2] == b"\0\x0f"
            self.socket.sendto(query[:2] + struct.pack(">HHHHH", 0x8580 | self.rcode, 1, has_answer,
                                                       0, 0)
                               + query[12:end] + (self.answer if has_answer else b""), peer)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def test_names(case):
    # 0 exchangers at preference 0, named ".": RFC 7505.
    null_mx = b"\xc0\x0c\0\x0f\0\x01\0\0\x01\x2c\0\x03\0\0\0"
    for what, names, options, pattern in (
            ("NXDOMAIN", Names(3), (), "no such name in phase dns.*NXDOMAIN.*check the spelling"),
            ("SERVFAIL", Names(2), (), "server failure in phase dns.*--resolver"),
            ("REFUSED", Names(5), (), "refused in phase dns.*--resolver"),
            ("no address", Names(0), (), "no address in phase dns"),
            ("no such domain", Names(3), ("--mx",), "no such name in phase dns.*NXDOMAIN"),
            ("null MX", Names(0, null_mx), ("--mx",), "null MX in phase dns.*takes no mail")):
        case.closers.append(lambda names=names: close_quietly(names))
        run = case.bench("--quiet", "-m", "1", "--resolver", f"127.0.0.1:{names.port}", *options,
                         "smtp://mail.example.test")
        case.sentence(what, run, 5, pattern)


def close_quietly(thing):
    try:
        thing.close()
    except OSError:
        pass


def test_resolver_is_silent(case):
    names = Names()
    case.closers.append(lambda: close_quietly(names))
    run = case.bench("--quiet", "-m", "1", "--resolver", f"127.0.0.1:{names.port}",
                     "smtp://mail.example.test")
    case.sentence("a resolver that never answers", run, 5,
                  "timed out in phase dns.*--resolver")


# ---- connections ----

def test_refused(case):
    attempt(case, "nobody listens", f"smtp://127.0.0.1:{harness.free_port()}", 5,
            "refused in phase connect.*is the server running")
    attempt(case, "no such socket", f"unix:{case.folder}/nothing", 5, "in phase connect")


def test_connect_times_out(case):
    listener = socket.socket()
    case.closers.append(listener.close)
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    # Whom nobody accepts: when the queue is full, the kernel drops what else comes.
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        case.closers.append(filler.close)
    attempt(case, "a full backlog", f"smtp://127.0.0.1:{listener.getsockname()[1]}", 5,
            "timed out in phase connect.*firewall", timeout="1s")


def test_public_address(case):
    run = case.bench("--quiet", "-m", "1", "smtp://192.0.0.8", "smtp://9.9.9.9")
    case.sentence("a public address", run, 2,
                  r"public address.*attack.*--i-own-this-target")


# ---- silence in each phase ----

def silent_at(verb, context=None):
    """A server that says nothing any more once it has seen verb ("" is the connection)."""

    def talk(conn):
        def special(seen, _line, conn):
            if seen == verb:
                conn.read_all()
                raise EOFError
            if seen == "STARTTLS":
                conn.send("220 2.0.0 Go\r\n")
                if verb == "handshake":
                    conn.read_all()
                    raise EOFError
                conn.start_tls(context)
                return True
            if seen == "DATA" and verb == "body":
                conn.send("354 Go\r\n")
                conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                threading.Event().wait(harness.PATIENCE)
            if seen == "DATA" and verb == "dot":
                conn.send("354 Go\r\n")
                conn.content()
                conn.read_all()
            return False

        if verb == "":
            conn.read_all()
            return
        conn.serve(("STARTTLS", "AUTH PLAIN LOGIN") if context else ("AUTH PLAIN",), special)

    return talk


def test_silence(case):
    authority = harness.Authority(case.folder)
    context = authority.context("good")
    env_free = ("--auth-user", "u", "--auth-password-file", case.write("password", "p\n"),
                "--auth-clear", "--cafile", authority.ca)
    # Before the session stands nothing can be sent: unreachable. Behind that, a message is left.
    for verb, scheme, phase, waits, options in (
            ("", "smtp", "banner", "banner", ()), ("EHLO", "smtp", "ehlo", "ehlo", ()),
            ("STARTTLS", "smtp+starttls", "starttls|tls|ehlo", "starttls", ()),
            ("handshake", "smtp+starttls", "tls", "tls", ()), ("", "smtps", "tls", "tls", ()),
            ("AUTH", "smtp", "auth", "auth", env_free),
            ("AUTH", "smtp+starttls", "auth", "auth", env_free)):
        peer = case.peer(silent_at(verb, context))
        attempt(case, f"{scheme}: silence after {verb or 'the connection'}", peer.url(scheme), 5,
                f"timed out in phase ({phase}).*;", "--cafile", authority.ca, *options,
                timeout=f"{waits}=1s")
        case.equal("the script ran", peer.faults, [])


def test_silence_of_a_message(case):
    for verb, phase, left in (("MAIL", "mail", "failed"), ("RCPT", "rcpt", "failed"),
                              ("DATA", "data", "failed"), ("body", "body", "failed"),
                              ("dot", "accept", "in_doubt")):
        peer = case.peer(silent_at(verb))
        run = case.bench("-m", "1", "-s", "1", "--give-up", "20s", "--timeout", f"{phase}=1s",
                         "--size", "20m" if verb == "body" else "4k", peer.url())
        case.equal(f"silence after {verb}: {left}, with 6", (run.status, run.messages(left)),
                   (6, (1,)), run)
        case.equal(f"silence after {verb}: the error is told", run.errors(),
                   {(phase, "timed out"): 1}, run)
        case.check(f"silence after {verb}: the report shows it",
                   re.search(rf"^\s*{phase}\s+1\s+timed out", run.out, re.M), run)


def test_silence_after_quit(case):
    run = case.bench("--quiet", "-m", "1", "-s", "1", "--timeout", "quit=500ms",
                     case.peer(silent_at("QUIT")).url())
    case.equal("the message is accepted all the same", (run.status, run.messages("accepted")),
               (0, (1,)), run)


# ---- the wrong protocol ----

def say(data, then_wait=True):
    def talk(conn):
        conn.send(data)
        if then_wait:
            conn.read_all()
    return talk


HTTP = b"HTTP/1.1 400 Bad Request\r\nServer: test\r\nContent-Length: 0\r\n\r\n"


def test_http(case):
    attempt(case, "HTTP that speaks first", case.peer(say(HTTP)).url(), 5,
            "in phase banner.*another service listens there")

    def answers(conn):
        conn.line()
        conn.send(HTTP)

    attempt(case, "HTTP that waits for a request", case.peer(answers).url(), 5,
            "timed out in phase banner.*no greeting", timeout="1s")
    attempt(case, "HTTP where TLS is expected", case.peer(say(HTTP)).url("smtps"), 5,
            "in phase tls.*plain-text port")


def test_tls_on_a_plain_port(case):
    context = harness.Authority(case.folder).context("good")
    attempt(case, "TLS spoken to in clear", case.peer(lambda conn: conn.serve(),
                                                      context=context).url("smtp"), 5,
            "in phase banner.*smtps://", timeout="1s")
    # Some servers lose patience and send an alert.
    attempt(case, "an alert in clear", case.peer(say(b"\x15\x03\x03\0\x02\x02\x28")).url(), 5,
            "in phase banner.*a TLS port: use smtps://")


def test_clear_on_a_tls_port(case):
    attempt(case, "SMTP spoken to in TLS", case.peer(lambda conn: conn.serve()).url("smtps"), 5,
            r"in phase tls.*smtp\+starttls://")


def test_no_starttls(case):
    attempt(case, "STARTTLS is not on offer", case.peer(lambda conn: conn.serve()).url(
        "smtp+starttls"), 5, "STARTTLS not offered.*smtps://")

    def refuse(verb, _line, conn):
        if verb == "STARTTLS":
            conn.send("454 4.7.0 TLS is not available\r\n")
        return verb == "STARTTLS"

    attempt(case, "STARTTLS is refused",
            case.peer(lambda conn: conn.serve(("STARTTLS",), refuse)).url("smtp+starttls"), 5,
            "in phase (ehlo|tls|starttls)")


def test_injection_behind_starttls(case):
    context = harness.Authority(case.folder).context("good")

    def inject(verb, _line, conn):
        if verb == "STARTTLS":
            conn.send("220 2.0.0 Go\r\n250 injected\r\n")
            conn.start_tls(context)
        return verb == "STARTTLS"

    attempt(case, "a reply in clear behind STARTTLS",
            case.peer(lambda conn: conn.serve(("STARTTLS",), inject)).url("smtp+starttls"), 5,
            "RFC 3207", "--tls-verify", "none")


def test_no_auth(case):
    password = case.write("password", "secret\n")
    options = ("--auth-user", "u", "--auth-password-file", password, "--auth-clear")
    attempt(case, "AUTH is not on offer", case.peer(lambda conn: conn.serve()).url(), 5,
            "AUTH.*in phase (ehlo|auth)", *options)
    attempt(case, "none of the mechanisms is", case.peer(
        lambda conn: conn.serve(("AUTH GSSAPI NTLM",))).url(), 5, "in phase (ehlo|auth)", *options)


# ---- certificates ----

def test_certificates(case):
    authority = harness.Authority(case.folder)
    stranger = case.folder / "stranger"
    stranger.mkdir()
    other = harness.Authority(stranger)
    for what, name, context, pattern in (
            ("expired", "expired", {"days": (-10, -1)}, "expired.*in phase tls.*renew"),
            ("not valid yet", "early", {"days": (1, 10)}, "not.*yet.*in phase tls.*clocks"),
            ("another host's", "wrong", {"hosts": ["mx.example.net"]},
             "name.*in phase tls.*use the name that stands in the certificate"),
            ("self-signed", "alone", {"ca": False}, "self-signed.*in phase tls.*--cafile")):
        made = authority.context(name, **context)
        for scheme in ("smtps", "smtp+starttls"):
            def upgrade(verb, _line, conn, made=made):
                if verb == "STARTTLS":
                    conn.send("220 2.0.0 Go\r\n")
                    conn.start_tls(made)
                return verb == "STARTTLS"

            peer = (case.peer(lambda conn: conn.serve(), context=made) if scheme == "smtps" else
                    case.peer(lambda conn, up=upgrade: conn.serve(("STARTTLS",), up)))
            attempt(case, f"{scheme}: a certificate {what}", peer.url(scheme), 5,
                    f"tls certificate.*{pattern}", "--cafile", authority.ca)
    peer = case.peer(lambda conn: conn.serve(), context=authority.context("good"))
    attempt(case, "an unknown CA's", peer.url("smtps"), 5,
            "tls certificate.*in phase tls.*--cafile", "--cafile", other.ca)
    attempt(case, "not the system's CA's", peer.url("smtps"), 5,
            "tls certificate.*in phase tls.*--cafile")
    run = case.bench("--quiet", "-m", "1", "--tls-verify", "none", peer.url("smtps"))
    case.equal("none of that matters where nothing is verified", (run.status, run.err), (0, ""))
    wrong = case.peer(lambda conn: conn.serve(), context=authority.context("wrong"))
    run = case.bench("--quiet", "-m", "1", "--tls-verify", "ca", "--cafile", authority.ca,
                     wrong.url("smtps"))
    case.equal("nor the name where the chain alone is", (run.status, run.err), (0, ""))


def test_no_common_tls(case):
    authority = harness.Authority(case.folder)
    context = authority.context("good")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    peer = case.peer(lambda conn: conn.serve(), context=context)
    attempt(case, "no common version", peer.url("smtps"), 5, "tls .*in phase tls", "--cafile",
            authority.ca, "--tls-max", "1.2")
    old = authority.context("good")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    attempt(case, "no common suite", case.peer(lambda conn: conn.serve(), context=old).url("smtps"),
            5, "tls .*in phase tls", "--cafile", authority.ca, "--tls-ciphers",
            "ECDHE-ECDSA-AES128-GCM-SHA256", "--tls-max", "1.2")


# ---- broken replies ----

def test_huge_reply_line(case):
    def talk(conn):
        conn.send(b"220 ")
        for _ in range(100):
            conn.send(b"x" * (1 << 20))
        conn.send(b"\r\n")
        conn.read_all()

    run = attempt(case, "a reply line of 100 MB", case.peer(talk).url(), 5,
                  "in phase banner.*RFC 5321")
    case.check("it is not kept in memory",
               run.document["resources"]["peak_rss_bytes"] < 64 << 20 or harness.SANITIZED,
               run.document["resources"])


def test_endless_replies(case):
    def lines(conn):
        while True:
            conn.send(b"220-and more\r\n" * 100)

    def ehlo_lines(conn):
        conn.send("220 hi\r\n")
        conn.line()
        while True:
            conn.send(b"250-EXTENSION\r\n" * 100)

    def drops(conn):
        for _ in itertools.count():
            conn.send(b"2")
            threading.Event().wait(0.05)

    attempt(case, "a banner that never ends", case.peer(lines).url(), 5,
            "in phase banner.*;")
    attempt(case, "an EHLO reply that never ends", case.peer(ehlo_lines).url(), 5,
            "in phase ehlo.*;")
    attempt(case, "a digit now and then", case.peer(drops).url(), 5, "in phase banner.*;",
            timeout="1s")


def test_broken_replies(case):
    for what, banner in (
            ("binary", bytes(range(256)) * 4 + b"\r\n"), ("empty lines", b"\r\n\r\n\r\n"),
            ("a code of two digits", b"22 hi\r\n"), ("a code out of range", b"999 hi\r\n"),
            ("letters", b"hello there\r\n"), ("codes that differ", b"220-a\r\n250 b\r\n"),
            ("no blank behind the code", b"220hi\r\n"), ("NUL", b"220 \0\0\0\0\r\n"),
            ("escapes for terminals", ESCAPES + b"\r\n")):
        attempt(case, f"a banner: {what}", case.peer(say(banner)).url(), 5, "in phase banner.*;")
    attempt(case, "a second banner", case.peer(say(b"220 hi\r\n220 again\r\n")).url(), 5,
            "in phase (banner|ehlo).*;")
    attempt(case, "a banner that says no", case.peer(say(b"554 5.7.1 Go away\r\n")).url(), 5,
            "in phase banner.*Go away")
    attempt(case, "a banner that says later", case.peer(say(b"421 4.3.2 Busy\r\n")).url(), 5,
            "in phase banner.*Busy")


def test_hang_ups(case):
    for how in ("close", "reset"):
        for verb, phase in (("banner", "banner"), ("EHLO", "ehlo")):
            def talk(conn, how=how, verb=verb):
                def special(seen, _line, conn):
                    if seen == verb:
                        getattr(conn, how)()
                        raise EOFError
                    return False

                if verb == "banner":
                    getattr(conn, how)()
                else:
                    conn.serve((), special)

            attempt(case, f"{how} at {phase}", case.peer(talk).url(), 5,
                    f"(closed|reset).*in phase {phase}.*;")


def test_control_characters(case):
    """Replies that hold some are malformed; what was said is in the log, escaped."""
    log = case.folder / "log"
    attempt(case, "in the banner", case.peer(say(b"220 " + ESCAPES + b"\r\n")).url(), 5,
            "malformed reply in phase banner", "--log", log)
    line = log.read_bytes()
    case.check("the log shows what it said, escaped",
               b"red" in line and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", line), line)


def test_high_octets(case):
    """What a peer says is shown, and nothing of it reaches a terminal unescaped."""

    def special(verb, _line, conn):
        if verb == "RCPT":
            conn.send(b"550 5.1.1 " + HIGH + b"\r\n")
        return verb == "RCPT"

    log = case.folder / "log"
    run = case.bench("-m", "3", "-s", "1", "--log", log,
                     case.peer(lambda conn: conn.serve((), special)).url())
    case.equal("the messages were rejected", (run.status, run.messages("rejected")), (6, (3,)), run)
    case.check("the report shows the text", "red" in run.out, run)
    # bench() has checked stdout and stderr already; here is what goes to files.
    for name, raw in (("JSON", (case.folder / "bench.json").read_bytes()),
                      ("log", log.read_bytes())):
        text = raw.decode("utf-8", "replace")
        case.check(f"{name} shows it, is UTF-8 and holds no control character",
                   "red" in text and not harness.UNSAFE.search(text), text)
    run = attempt(case, "in the banner", case.peer(say(b"554 " + HIGH + b"\r\n")).url(), 5,
                  "in phase banner.*red")


# ---- bad clients of the sink ----

def client(sink, data, timeout=20):
    """Sends octets and returns all that comes until the sink hangs up, or a moment passes."""
    with socket.create_connection(("127.0.0.1", sink.port()), timeout) as s:
        answer = b""
        try:
            for piece in data if not isinstance(data, bytes) else [data]:
                s.sendall(piece)
            s.shutdown(socket.SHUT_WR)
            while more := s.recv(65536):
                answer += more
        except OSError:
            pass
        return answer


def test_bad_clients(case):
    jsonl = case.folder / "sink.jsonl"
    sink = case.sink("--listen", "smtp+starttls://127.0.0.1:0", "--jsonl", jsonl)
    client(sink, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    client(sink, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + os.urandom(500))
    client(sink, os.urandom(100000))
    client(sink, b"\0" * 100000)
    client(sink, (b"x" * (1 << 20) for _ in range(100)))
    client(sink, b"EHLO x\r\n" * 2000)
    client(sink, b"MAIL FROM:<" + b"a" * 10000 + b"@x>\r\nQUIT\r\n")
    client(sink, b"")
    answer = client(sink, b"EHLO " + ESCAPES + b"\r\nMAIL FROM:<a@b.c>\r\n"
                    b"RCPT TO:<\"\x1b[31m\"@b>\r\n"
                    b"RCPT TO:<c@d.e>\r\nDATA\r\nSubject: " + ESCAPES + b"\r\n\r\n.\r\nQUIT\r\n")
    case.check("replies echo nothing unescaped", b"\x1b" not in answer, answer)
    answer = client(sink, b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<injected@example.com>\r\n")
    case.check("what stands behind STARTTLS is not carried out",
               b"250 2.1.0" not in answer, answer)
    # It still serves.
    run = case.bench("--quiet", "-m", "10", "--tls-verify", "none", sink.url())
    case.equal("the sink goes on", (run.status, run.messages("accepted")), (0, (10,)), run)
    status = sink.stop()
    case.check("HTTP, TLS in clear and the injection are counted",
               all(status["protocol"][k] >= 1 for k in ("http", "tls_on_plain", "injections")),
               status["protocol"])
    case.check("its memory stays bounded", status["resources"]["peak_rss_bytes"] < 128 << 20
               or harness.SANITIZED, status["resources"])
    for line in jsonl.read_bytes().splitlines():
        json.loads(line)
        case.check("the line holds no control character", not re.search(rb"[\x00-\x1f\x7f]", line),
                   line)


def test_password_is_wiped(case):
    """A target with a password that is refused for another reason shows no password either."""
    for target in ("smtp://user:hunter2222@host:99999", "nope://user:hunter2222@host",
                   "smtp://user:hunter2222@ho st"):
        run = case.bench("--quiet", "-m1", target)
        case.check(f"{target.replace('hunter2222', '...')}: no password in the sentence",
                   run.status == 2 and "hunter2222" not in run.err, run)


def test_core_is_forbidden(case):
    peer = case.peer(silent_at(""))
    process = case.bench_start("-m", "1", "--timeout", "30s", peer.url())
    harness.wait_until("it connects", lambda: peer.opened)
    # The owner of /proc/PID becomes root, and a core is not written, once it is not dumpable.
    limits = Path(f"/proc/{process.pid}/coredump_filter").exists()
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    case.check("the process runs", limits and "State" in status, status)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
