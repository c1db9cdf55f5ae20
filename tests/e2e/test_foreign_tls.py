#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS with other libraries at the other end: OpenSSL and GnuTLS, as servers and as clients.

volley bench against a whole SMTP server over Python's ssl (OpenSSL), against "openssl s_server"
(whose standard input and output are the conversation) and against gnutls-serv (which only shakes
hands); "openssl s_client" and gnutls-cli against volley sink.
"""

import re
import ssl
import subprocess
import sys
import threading

import harness

SUITES_12 = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
             "ECDHE-ECDSA-CHACHA20-POLY1305")
SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def negotiated(run):
    """[(version, suite, group, resumed)] of a run, in no order."""
    return sorted((t["version"], t["cipher"], t["group"], t["resumed"])
                  for t in run.document["tls"])


def modern(suite):
    """An OpenSSL name of TLS 1.2 as volley's may be: IANA's or OpenSSL's."""
    return {suite, "TLS_" + suite.replace("ECDHE-ECDSA-", "ECDHE_ECDSA_WITH_").replace(
        "AES128", "AES_128").replace("AES256", "AES_256").replace("CHACHA20-POLY1305",
                                                                "CHACHA20_POLY1305_SHA256")
            .replace("-", "_")}


class Server:
    """A whole SMTP server over Python's ssl that notes what was agreed on."""

    def __init__(self, case, context):
        self.agreed, self.messages, self.lock = [], [], threading.Lock()
        self.context = context
        self.peer = case.peer(self.talk)

    def talk(self, conn):
        if self.is_implicit:
            self.seal(conn)
        conn.serve(() if self.is_implicit else ("STARTTLS",), self.special, self.messages)

    is_implicit = True

    def seal(self, conn):
        conn.start_tls(self.context)
        with self.lock:
            self.agreed.append((conn.sock.version(), conn.sock.cipher()[0],
                                conn.sock.session_reused, conn.sock.getpeercert()))

    def special(self, verb, _line, conn):
        if verb == "STARTTLS":
            conn.send("220 2.0.0 Go\r\n")
            self.seal(conn)
        return verb == "STARTTLS"

    def url(self):
        return self.peer.url("smtps" if self.is_implicit else "smtp+starttls")


class StartServer(Server):
    is_implicit = False


# ---- bench against OpenSSL by Python ----

def test_versions_and_keys(case):
    authority = harness.Authority(case.folder)
    for key in ("P-256", "P-384", "rsa2048", "rsa4096", "ed25519"):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for kind in (Server, StartServer):
                context = authority.context(f"key-{key}", key=key)
                context.minimum_version = context.maximum_version = version
                server = kind(case, context)
                run = case.bench("-m", "6", "-s", "2", "--cafile", authority.ca, server.url())
                what = f"{key}, {version.name}, {'implicit' if kind is Server else 'STARTTLS'}"
                case.equal(f"{what}: six messages", (run.status, len(server.messages),
                                                     server.peer.faults), (0, 6, []), run)
                case.equal(f"{what}: agreed on", {a[0] for a in server.agreed}
                           | {n[0] for n in negotiated(run)}, {version.name.replace("_", ".")}, run)


def test_suites(case):
    authority = harness.Authority(case.folder)
    for suite in SUITES_12:
        context = authority.context("good")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
        server = Server(case, context)
        run = case.bench("-m", "2", "-s", "1", "--size", "100k", "--cafile", authority.ca,
                         server.url())
        case.check(f"TLS 1.2 {suite}", run.status == 0 and negotiated(run)[0][1] in modern(suite)
                   and server.agreed[0][1] == suite, server.agreed, run)
    for suite in SUITES_13:
        server = Server(case, authority.context("good"))
        run = case.bench("-m", "2", "-s", "1", "--size", "100k", "--tls-ciphers", suite, "--cafile",
                         authority.ca, server.url())
        case.equal(f"TLS 1.3 {suite}", (run.status, negotiated(run)[0][1], server.agreed[0][1]),
                   (0, suite, suite), run)


def test_groups(case):
    authority = harness.Authority(case.folder)
    for group in ("X25519", "P-256", "P-384", "P-521"):
        server = Server(case, authority.context("good"))
        run = case.bench("-m", "1", "-s", "1", "--tls-groups", group, "--cafile", authority.ca,
                         server.url())
        case.equal(f"asked for {group}", (run.status, negotiated(run)[0][2]), (0, group), run)
    # The server wants another group than the first: a HelloRetryRequest (RFC 8446 s4.1.4).
    for curve, group in (("prime256v1", "P-256"), ("secp384r1", "P-384")):
        context = authority.context("good")
        context.set_ecdh_curve(curve)
        server = Server(case, context)
        run = case.bench("-m", "1", "-s", "1", "--cafile", authority.ca, server.url())
        case.equal(f"the server insists on {group}", (run.status, negotiated(run)[0][2]),
                   (0, group), run)


def test_resumption(case):
    authority = harness.Authority(case.folder)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for options, is_resumed in ((["--tls-resume"], True), ([], False)):
            context = authority.context("good")
            context.minimum_version = context.maximum_version = version
            server = Server(case, context)
            run = case.bench("-m", "20", "-s", "1", "--messages-per-connection", "1", *options,
                             "--cafile", authority.ca, server.url())
            reused = sum(bool(a[2]) for a in server.agreed)
            what = f"{version.name}{' with' if is_resumed else ' without'} --tls-resume"
            case.equal(f"{what}: all messages", (run.status, len(server.messages)), (0, 20), run)
            case.equal(f"{what}: nineteen of twenty sessions are resumed" if is_resumed else
                       f"{what}: none is resumed", reused, 19 if is_resumed else 0)
            case.equal(f"{what}: both count the same", run.document["sessions"]["tls_resumed"],
                       reused)


def test_client_certificate(case):
    authority = harness.Authority(case.folder)
    client = authority.make("client", ["client.test"], usage="clientAuth")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context("good")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
        context.minimum_version = context.maximum_version = version
        server = Server(case, context)
        run = case.bench("-m", "2", "-s", "1", "--cafile", authority.ca, "--tls-cert", client,
                         server.url())
        names = [dict(x[0] for x in a[3]["subject"])["commonName"] for a in server.agreed]
        case.equal(f"{version.name}: the server knows the client", (run.status, names),
                   (0, ["client.test"]), run)
        run = case.bench("--quiet", "-m", "1", "-s", "1", "--give-up", "20s", "--cafile",
                         authority.ca, server.url())
        # The older version has no alert that says what is missing.
        case.sentence(f"{version.name}: without a certificate", run, 5, "tls .*--tls-cert" if
                      version == ssl.TLSVersion.TLSv1_3 else "tls alert in phase tls")


def test_big_messages(case):
    """Bodies of many records, both chunks and DATA."""
    authority = harness.Authority(case.folder)
    server = Server(case, authority.context("good"))
    run = case.bench("-m", "6", "-s", "3", "--size", "3m", "--cafile", authority.ca, server.url())
    # Without the last line's end, which the script does not keep.
    case.equal("six messages of 3 MiB", (run.status, [len(m) for m in server.messages]),
               (0, [(3 << 20) - 2] * 6), run)


# ---- bench against openssl s_server ----

class Dialogue(threading.Thread):
    """SMTP by the standard input and output of "openssl s_server", one connection."""

    def __init__(self, case, *options, update_key=False):
        super().__init__(daemon=True)
        self.port = harness.free_port()
        self.update_key, self.messages, self.said = update_key, 0, []
        self.process = subprocess.Popen(
            [harness.tool("openssl"), "s_server", "-accept", f"127.0.0.1:{self.port}", "-naccept",
             "1", *([] if update_key else ["-quiet"]), *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=harness.end_with_us)
        case.closers.append(self.close)
        # It greets as soon as there is somebody: what is written earlier would be lost.
        harness.wait_until("s_server listens", self.is_listening)
        self.start()

    def is_listening(self):
        """Looked up in /proc: a connection would be the one that it takes."""
        wanted = f"0100007F:{self.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            return any(x.split()[1] == wanted and x.split()[3] == "0A"
                       for x in table.read().splitlines()[1:])

    def url(self):
        return f"smtps://127.0.0.1:{self.port}"

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def run(self):
        self.send("220 s_server ESMTP\r\n")
        is_content = False
        for raw in self.process.stdout:
            line = raw.rstrip(b"\r\n").decode("latin-1")
            self.said.append(line)
            try:
                if is_content:
                    if line == ".":
                        is_content = False
                        self.messages += 1
                        self.send("250 2.0.0 Taken\r\n")
                elif line.startswith("EHLO"):
                    self.send("250 s_server\r\n")
                elif line.startswith("MAIL") and self.update_key:
                    # A line of its own: what else it read with a command, s_server forgets.
                    self.send("K\n")
                elif line.startswith("MAIL") or line.startswith("SSL_do_handshake -> 1"):
                    self.send("250 Fine\r\n")
                elif line.startswith("RCPT"):
                    self.send("250 Fine\r\n")
                elif line.startswith("DATA"):
                    is_content = True
                    self.send("354 Go\r\n")
                elif line.startswith("QUIT"):
                    self.send("221 Bye\r\n")
            except OSError:
                return

    def close(self):
        self.process.kill()
        self.process.wait()
        self.join(10)
        self.process.stdin = None
        self.process.stdout.close()


def test_s_server(case):
    authority = harness.Authority(case.folder)
    authority.make("good")
    authority.make("client", ["client.test"], usage="clientAuth")
    pair = ("-cert", case.folder / "good.crt", "-key", case.folder / "good.key")
    for what, options, bench, wanted in (
            ("TLS 1.3", ["-tls1_3"], [], "TLSv1.3 .* X25519"),
            ("TLS 1.2", ["-tls1_2"], [], "TLSv1.2 "),
            ("P-384 alone", ["-groups", "P-384"], [], "TLSv1.3 .* P-384"),
            ("P-521 alone", ["-groups", "P-521"], ["--tls-groups", "X25519:P-521"],
             "TLSv1.3 .* P-521"),
            ("ffdhe2048 alone", ["-groups", "ffdhe2048"], ["--tls-groups", "X25519:ffdhe2048"],
             "TLSv1.3 .* (ffdhe|FFDHE).*2048"),
            ("ChaCha20", ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], [], "CHACHA20"),
            ("no tickets", ["-num_tickets", "0"], ["--tls-resume"], "TLSv1.3"),
            ("five tickets", ["-num_tickets", "5"], ["--tls-resume"], "TLSv1.3"),
            ("a client certificate", ["-Verify", "1", "-CAfile", authority.ca,
                                      "-verify_return_error"],
             ["--tls-cert", case.folder / "client.pem"], "TLSv1.3")):
        server = Dialogue(case, *pair, *options)
        run = case.bench("-m", "3", "-s", "1", "--cafile", authority.ca, *bench, server.url())
        found = " ".join(str(x) for x in negotiated(run)[0]) if run.document["tls"] else "nothing"
        case.check(f"{what}: three messages", run.status == 0 and server.messages == 3
                   and re.search(wanted, found), f"agreed on {found}, wanted {wanted}", run)


def test_key_update(case):
    """RFC 8446 s4.6.3: before each reply to MAIL the server changes its keys and wants ours so."""
    authority = harness.Authority(case.folder)
    authority.make("good")
    server = Dialogue(case, "-cert", case.folder / "good.crt", "-key", case.folder / "good.key",
                      update_key=True)
    run = case.bench("-m", "5", "-s", "1", "--timeout", "20s", "--cafile", authority.ca,
                     server.url())
    case.equal("five messages with five key updates", (run.status, server.messages), (0, 5), run,
               *server.said[-20:])


# ---- bench against GnuTLS ----

def test_gnutls_serv(case):
    """It never greets, so that the handshake alone is looked at."""
    program = harness.tool("gnutls-serv")
    authority = harness.Authority(case.folder)
    authority.make("good")
    authority.make("client", ["client.test"], usage="clientAuth")
    for what, priority, options, bench, wanted in (
            ("defaults", "NORMAL", [], [], "TLSv1.3 .* X25519"),
            ("TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", [], [], "TLSv1.2 "),
            ("P-384 alone", "NORMAL:-GROUP-ALL:+GROUP-SECP384R1", [], [], "TLSv1.3 .* P-384"),
            ("ChaCha20", "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305", [], [], "CHACHA20"),
            ("AES-256", "NORMAL:-CIPHER-ALL:+AES-256-GCM", [], [], "AES_256_GCM"),
            ("a client certificate", "NORMAL", ["--require-client-cert", "--x509cafile",
                                                authority.ca],
             ["--tls-cert", case.folder / "client.pem"], "TLSv1.3")):
        port = harness.free_port()
        server = case.start([program, "--echo", "--port", str(port), "--priority", priority,
                             "--x509certfile", case.folder / "good.crt", "--x509keyfile",
                             case.folder / "good.key", *([] if options else ["-a"]), *options])
        harness.wait_until("gnutls-serv listens",
                           lambda out=server: "listening" in (out.out + out.err).lower())
        run = case.bench("-m", "1", "-s", "1", "--give-up", "20s", "--timeout", "banner=300ms",
                         "-4", "--cafile", authority.ca, *bench, f"smtps://localhost:{port}")
        server.kill()
        found = " ".join(str(x) for x in negotiated(run)[0]) if run.document["tls"] else "nothing"
        case.check(f"{what}: hands are shaken, then it is silent", run.status == 5 and
                   run.errors() == {("banner", "timed out"): 1} and re.search(wanted, found),
                   f"agreed on {found}, wanted {wanted}", server.out[-500:], server.err[-500:], run)


# ---- foreign clients of the sink ----

SCRIPT = ("ehlo client.test", "mail from:<a@example.com>", "rcpt to:<b@example.com>", "data",
          "Subject: x\r\n\r\nhello\r\n.", "noop", "quit")


def converse(case, args, script=SCRIPT, greets=True):
    """Runs a client, writes a line when a reply is whole, and returns all that it printed.

    A line "K" has s_client change its keys, which it tells by KEYUPDATE.
    """
    client = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, preexec_fn=harness.end_with_us)
    case.closers.append(client.kill)
    timer = threading.Timer(60, client.kill)
    timer.start()
    lines, todo = [], list(script)

    def write_next():
        line = todo.pop(0)
        client.stdin.write(f"{line}\n".encode() if line == "K" else f"{line}\r\n".encode())
        client.stdin.flush()

    try:
        if not greets:
            write_next()
        for raw in client.stdout:
            line = raw.decode("latin-1").rstrip("\r\n")
            lines.append(line)
            if re.match(r"[2-5]\d\d |KEYUPDATE", line) and todo:
                write_next()
    except OSError:
        pass
    finally:
        timer.cancel()
        client.stdin = None
        client.wait()
        client.stdout.close()
    return lines


def codes(lines):
    return [int(x[:3]) for x in lines if re.match(r"[2-5]\d\d ", x)]


GOOD = [220, 250, 250, 250, 354, 250, 250, 221]


def test_s_client(case):
    ca = case.folder / "sink-ca.pem"
    openssl = harness.tool("openssl")
    sink = case.sink("--listen", "smtps://127.0.0.1:0", "--listen", "smtp+starttls://127.0.0.1:0",
                     "--tls-ca-out", ca, "--tls-resume")
    base = [openssl, "s_client", "-CAfile", ca, "-verify_return_error", "-verify_hostname",
            "localhost"]
    implicit = ["-connect", f"127.0.0.1:{sink.port('smtps')}"]
    start = ["-connect", f"127.0.0.1:{sink.port('smtp+starttls')}", "-starttls", "smtp"]
    count = 0
    for what, options in (
            ("TLS 1.3", ["-tls1_3"]), ("TLS 1.2", ["-tls1_2"]),
            ("P-256", ["-groups", "P-256"]), ("P-384", ["-groups", "P-384"]),
            ("P-521 first", ["-groups", "P-521:P-256"]),
            ("ChaCha20", ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"]),
            ("small records", ["-max_send_frag", "512"])):
        lines = converse(case, [*base, "-quiet", *implicit, *options])
        case.equal(f"{what}: a message", codes(lines), GOOD, *lines)
        count += 1
    lines = converse(case, [*base, "-quiet", *start], greets=False)
    case.equal("STARTTLS: a message", codes(lines)[-len(GOOD) + 1:], GOOD[1:], *lines)
    # Without -quiet a line that begins with K has the client change its keys.
    lines = converse(case, [*base, *implicit, "-tls1_3"],
                     ["ehlo x", "K", "mail from:<a@b.c>", "K", "rcpt to:<b@b.c>", "data",
                      "hello\r\n.", "quit"])
    case.equal("key updates in between", codes(lines), [220, 250, 250, 250, 354, 250, 221],
               *lines[-20:])
    old = converse(case, [*base, "-quiet", *implicit, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
    case.equal("TLS 1.1 is refused", codes(old), [], *old)
    status = sink.stop()
    case.equal("all came", status["messages"]["accepted"], count + 2)


def test_s_client_resumes(case):
    ca, session = case.folder / "sink-ca.pem", case.folder / "session"
    for version in ("-tls1_2", "-tls1_3"):
        sink = case.sink("--listen", "smtps://127.0.0.1:0", "--tls-ca-out", ca, "--tls-resume")
        base = [harness.tool("openssl"), "s_client", "-CAfile", ca, version, "-connect",
                f"127.0.0.1:{sink.port()}"]
        converse(case, [*base, "-sess_out", session], ["ehlo x", "quit"])
        lines = converse(case, [*base, "-sess_in", session], ["ehlo x", "quit"])
        case.check(f"{version[1:]}: OpenSSL resumes a session of the sink's",
                   any(x.startswith("Reused") for x in lines), *lines)
        status = sink.stop()
        case.equal(f"{version[1:]}: the sink says so", [t["count"] for t in status["tls"]
                                                        if t["resumed"]], [1], status["tls"])


def test_gnutls_cli(case):
    ca = case.folder / "sink-ca.pem"
    program = harness.tool("gnutls-cli")
    authority = harness.Authority(case.folder)
    authority.make("client", ["client.test"], usage="clientAuth")
    sink = case.sink("--listen", "smtps://127.0.0.1:0", "--tls-ca-out", ca)
    base = [program, "--x509cafile", ca, "--verify-hostname", "localhost", "--port",
            str(sink.port()), "127.0.0.1"]
    priorities = ("NORMAL", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-GROUP-ALL:+GROUP-SECP256R1",
                  "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305", "NORMAL:-CIPHER-ALL:+AES-256-GCM")
    for priority in priorities:
        lines = converse(case, [*base, "--priority", priority])
        case.equal(f"{priority}: a message", codes(lines), GOOD, *lines[-30:])
    case.equal("all came", sink.stop()["messages"]["accepted"], len(priorities))
    sink = case.sink("--listen", "smtps://127.0.0.1:0", "--tls-ca-out", ca, "--tls-client-ca",
                     authority.ca, "--tls-key-type", "rsa2048")
    lines = converse(case, [program, "--x509cafile", ca, "--verify-hostname", "localhost",
                            "--port", str(sink.port()), "--x509certfile",
                            case.folder / "client.crt", "--x509keyfile", case.folder / "client.key",
                            "127.0.0.1"])
    case.equal("with a client certificate, to an RSA key", codes(lines), GOOD, *lines[-30:])
    sink.stop()


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
