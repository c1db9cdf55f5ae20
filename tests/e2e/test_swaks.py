#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign clients of volley sink: swaks, Python's smtplib, and where it is there Postfix's
smtp-source. What they say, and in which order, is theirs."""

import email.message
import imaplib
import json
import shutil
import smtplib
import ssl
import subprocess
import sys

import harness

PASSWORD = "Argon-2210"
BODY = "First line\n.second begins with a dot\n..third with two\n.\nlast: ümläut\n"


def make_sink(case, *args):
    ca, jsonl = case.folder / "sink-ca.pem", case.folder / "sink.jsonl"
    sink = case.sink("--listen", "smtp+starttls://127.0.0.1:0", "--listen", "smtps://127.0.0.1:0",
                     "--listen", "lmtp://127.0.0.1:0", "--tls-ca-out", ca, "--jsonl", jsonl,
                     "--maildir", case.folder / "mail", *args)
    return sink, ca, jsonl


def lines_of(jsonl):
    return [json.loads(x) for x in jsonl.read_text(encoding="utf-8").splitlines()]


def stored(case):
    return [p.read_bytes().replace(b"\r\n", b"\n")
            for p in sorted((case.folder / "mail/new").iterdir())]


# ---- swaks ----

def swaks(case, sink, what, *args, port=None, status=0):
    done = subprocess.run(
        [harness.tool("swaks"), "--server", "127.0.0.1", "--port", str(port or sink.port()),
         "--from", "from@example.com", "--to", "one@example.com,two@example.com", "--helo",
         "client.test", "--body", BODY, "--timeout", "30", *map(str, args)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        timeout=harness.PATIENCE)
    case.check(f"swaks: {what}", done.returncode == status, f"status {done.returncode}",
               done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def test_swaks(case):
    sink, ca, jsonl = make_sink(case)
    verify = ["--tls-verify", "--tls-ca-path", ca]
    swaks(case, sink, "in clear")
    swaks(case, sink, "HELO", "--protocol", "SMTP")
    swaks(case, sink, "pipelined", "--pipeline")
    swaks(case, sink, "STARTTLS", "--tls", *verify)
    swaks(case, sink, "STARTTLS, pipelined", "--tls", "--pipeline", *verify)
    swaks(case, sink, "TLS 1.2 alone", "--tls", "--tls-protocol", "tlsv1_2")
    swaks(case, sink, "implicit TLS", "--tls-on-connect", *verify, port=sink.port("smtps"))
    swaks(case, sink, "LMTP", "--protocol", "LMTP", port=sink.port("lmtp"))
    # swaks gives up (29) when it asked for TLS 1.1 and the other side will not.
    swaks(case, sink, "TLS 1.1 is refused", "--tls", "--tls-protocol", "tlsv1_1", status=29)
    status = sink.stop()
    case.equal("eight messages of two recipients came",
               (status["messages"]["accepted"], status["messages"]["recipients"]), (8, 16))
    lines = lines_of(jsonl)
    case.equal("envelopes", {(x["from"], *x["to"], x["helo"]) for x in lines},
               {("from@example.com", "one@example.com", "two@example.com", "client.test")})
    case.equal("TLS as asked for", [x["tls"] and x["tls"].split()[0] if isinstance(
        x["tls"], (str, type(None))) else x["tls"]["version"] for x in lines],
               [None, None, None, "TLSv1.3", "TLSv1.3", "TLSv1.2", "TLSv1.3", None], lines[3])
    case.check("dots are what they were", all(
        BODY.encode() in m for m in stored(case)), *stored(case)[:1])
    case.check("none of them is ours, so none is lost",
               (status["end_to_end"] or {}).get("received", 0) == 0, status["end_to_end"])


def test_swaks_auth(case):
    sink, _, jsonl = make_sink(case, "--account", f"user:{PASSWORD}", "--auth-required")
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
        login = ["--auth", mechanism, "--auth-user", "user", "--auth-password", PASSWORD]
        swaks(case, sink, f"{mechanism} over STARTTLS", "--tls", *login)
        swaks(case, sink, f"{mechanism} over implicit TLS", "--tls-on-connect", *login,
              port=sink.port("smtps"))
    swaks(case, sink, "CRAM-MD5 in clear", "--auth", "CRAM-MD5", "--auth-user", "user",
          "--auth-password", PASSWORD)
    # 28: no authentication type that both have.
    swaks(case, sink, "no PLAIN in clear", "--auth", "PLAIN", "--auth-user", "user",
          "--auth-password", PASSWORD, status=28)
    swaks(case, sink, "a wrong password", "--tls", "--auth", "PLAIN", "--auth-user", "user",
          "--auth-password", "nonsense", status=28)
    swaks(case, sink, "no mail without AUTH", "--tls", status=23)
    status = sink.stop()
    case.equal("seven logged in", (status["sessions"]["logins"], status["messages"]["accepted"]),
               (7, 7))
    case.equal("as whom", {x["user"] for x in lines_of(jsonl)}, {"user"})


def test_swaks_client_certificate(case):
    authority = harness.Authority(case.folder)
    authority.make("client", ["client.test"], usage="clientAuth")
    sink, _, _ = make_sink(case, "--tls-client-ca", authority.ca)
    swaks(case, sink, "with a client certificate", "--tls-on-connect", "--tls-cert",
          case.folder / "client.crt", "--tls-key", case.folder / "client.key",
          port=sink.port("smtps"))
    output = swaks(case, sink, "without one", "--tls-on-connect", "--tls-protocol", "tlsv1_2",
                   port=sink.port("smtps"), status=29)
    case.check("it is not let in", "250 2.0.0" not in output, output)
    case.equal("one came in", sink.stop()["messages"]["accepted"], 1)


def test_swaks_faults(case):
    sink, _, _ = make_sink(case, "--fault", "rcpt:reply=550 5.1.1 Nobody here;first=2", "--fault",
                           "dot:reply=451 4.3.0 Later;first=1")
    output = swaks(case, sink, "no recipient is taken", status=24)
    case.check("the reply is the rule's", "550 5.1.1 Nobody here" in output, output)
    swaks(case, sink, "the message is put off", status=26)
    swaks(case, sink, "and taken")
    case.equal("one came in", sink.stop()["messages"]["accepted"], 1)


# ---- smtplib ----

def mail():
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Grüße"
    message.set_content(BODY)
    return message


def test_smtplib(case):
    sink, ca, jsonl = make_sink(case, "--account", f"user:{PASSWORD}")
    context = ssl.create_default_context(cafile=str(ca))
    with smtplib.SMTP("localhost", sink.port(), timeout=30) as client:
        client.send_message(mail())
        client.ehlo()
        case.check("extensions in clear", {"pipelining", "chunking", "starttls", "smtputf8"}
                   <= set(client.esmtp_features), client.esmtp_features)
        client.starttls(context=context)
        client.ehlo()
        case.check("STARTTLS is not on offer twice", "starttls" not in client.esmtp_features,
                   client.esmtp_features)
        client.login("user", PASSWORD)
        refused = client.sendmail("a@example.com", ["b@example.com", "c@example.com"],
                                  mail().as_bytes())
        case.equal("nobody was refused", refused, {})
        # RSET in the middle, VRFY, NOOP, HELP, EXPN: answered, and the session goes on.
        client.mail("x@example.com")
        client.rset()
        codes = [client.noop()[0], client.verify("a@example.com")[0], client.docmd("HELP")[0],
                 client.docmd("EXPN", "list")[0], client.docmd("NONSENSE")[0]]
        case.check("odd commands are answered", all(200 <= c < 600 for c in codes), codes)
        client.send_message(mail())
    with smtplib.SMTP_SSL("localhost", sink.port("smtps"), timeout=30, context=context) as client:
        client.login("user", PASSWORD)
        # It asks for SMTPUTF8 and 8BITMIME by itself.
        client.send_message(mail(), to_addrs=["päckchen@example.com"])
    with smtplib.LMTP("localhost", sink.port("lmtp"), timeout=30) as client:
        # Of several recipients it would read one reply alone.
        client.sendmail("a@example.com", ["b@example.com"], mail().as_bytes())
    status = sink.stop()
    case.equal("all came", (status["messages"]["accepted"], status["messages"]["recipients"]),
               (5, 6), status["messages"])
    case.equal("two logged in", status["sessions"]["logins"], 2)
    case.equal("the address of the fourth", lines_of(jsonl)[3]["to"], ["päckchen@example.com"])


def test_smtplib_refusals(case):
    sink, _, _ = make_sink(case, "--max-size", "10k")
    with smtplib.SMTP("localhost", sink.port(), timeout=30) as client:
        client.ehlo()
        case.equal("DATA before MAIL", client.docmd("DATA")[0], 503)
        case.equal("RCPT before MAIL", client.docmd("RCPT TO:<a@b.c>")[0], 503)
        case.equal("MAIL announces too much", client.docmd("MAIL FROM:<a@b.c> SIZE=20000")[0], 552)
        case.equal("a parameter that there is not",
                   client.docmd("MAIL FROM:<a@b.c> NONSENSE=1")[0], 555)
        case.check("a path that is none", client.docmd("MAIL FROM:nonsense")[0] in (501, 553))
        try:
            client.sendmail("a@example.com", ["b@example.com"], b"y\r\n" * 9000)
            code = 250
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
        case.equal("more than announced", code, 552)
        case.equal("the session goes on", client.noop()[0], 250)


def test_other_protocols(case):
    """A client of another protocol gets no mail through, and the sink goes on."""
    sink, _, _ = make_sink(case)
    for connect in (lambda: imaplib.IMAP4("127.0.0.1", sink.port(), timeout=5),
                    lambda: smtplib.SMTP_SSL("127.0.0.1", sink.port(), timeout=5)):
        try:
            connect()
            is_refused = False
        except (OSError, imaplib.IMAP4.error, smtplib.SMTPException):
            is_refused = True
        case.check("refused", is_refused)
    swaks(case, sink, "after that")
    sink.stop()


# ---- smtp-source ----

def test_smtp_source(case):
    if not shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
        raise harness.Skip("smtp-source is not installed")
    sink, _, _ = make_sink(case)
    for what, args in (("keeps connections", ["-d"]), ("a connection a message", []),
                       ("LMTP", ["-L"])):
        port = sink.port("lmtp" if what == "LMTP" else "smtp+starttls")
        done = subprocess.run([harness.tool("smtp-source"), *args, "-s", "10", "-m", "200", "-l",
                               "4096", "-r", "2", f"inet:127.0.0.1:{port}"], capture_output=True,
                              text=True, check=False, timeout=harness.PATIENCE)
        case.equal(f"smtp-source: {what}", (done.returncode, done.stderr), (0, ""))
    status = sink.stop()
    case.equal("all came", (status["messages"]["accepted"], status["messages"]["recipients"]),
               (600, 1200))


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
