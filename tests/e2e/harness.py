# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: cases as TAP, processes that always end, volley's results.

A test program is a list of functions that take a Case:

    def test_plain(case):
        sink = case.sink("--listen", "smtp://127.0.0.1:0")
        run = case.bench("-m", "100", sink.url("smtp"))
        case.check("all accepted", run.document["messages"]["accepted"] == 100)

    if __name__ == "__main__":
        sys.exit(harness.main(globals()))

Every check is a line of TAP. A Case has a temporary folder, and when its function ends, however it
ends, everything that it started is stopped by its process number. VOLLEY names the program under
test. A test program takes names of its functions as arguments, to run those alone.
"""

import ctypes
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

# The programs are several times larger and slower then.
SANITIZED = "ASAN_OPTIONS" in os.environ
ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 100  # seconds; only a hang takes so long
INVALID = 4  # a busy machine may make an open loop late, which its status tells; no fault of it
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:")
# What may stand in text: no control character but tab and the line end, and only whole UTF-8.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]")


class Skip(Exception):
    """What a case needs is not on this machine."""


def volley():
    path = os.environ.get("VOLLEY") or str(ROOT / "build" / "volley")
    if not os.access(path, os.X_OK):
        sys.exit(f"Bail out! {path} is no program: set VOLLEY, or build first")
    return path


def tool(name):
    """The path of a program, also where the path of a plain user does not lead."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """A port of loopback that nobody had a moment ago."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def wait_until(what, is_true, patience=PATIENCE):
    """Asks again until it is true; raises when it never is."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        value = is_true()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"{what}: still not so after {patience} s")


def end_with_us():
    """In the child: die with the test, also when that is killed outright (prctl(2))."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def sound(document):
    """What must hold for every result of a bench, as a list of what does not."""
    faults = []

    def same(what, a, b):
        if a != b:
            faults.append(f"{what}: {a} != {b}")

    m = document["messages"]
    ended = sum(m[k] for k in ("accepted", "deferred", "rejected", "failed", "in_doubt"))
    same("messages started and ended", m["started"], ended)
    for second in ("started", "accepted", "deferred", "rejected"):
        same(f"the series' {second}", sum(row[second] for row in document["series"]), m[second])
    if any(row["sessions"] > document["config"]["sessions"] for row in document["series"]):
        faults.append("the series shows more sessions than were asked for")
    for phase in ("response", "service"):
        count = document["latency_us"].get(phase, {"count": 0})["count"]
        if count > m["started"]:
            faults.append(f"{count} {phase} times of {m['started']} messages")
    for phase, latency in document["latency_us"].items():
        points = [latency[k] for k in ("min", "p50", "p90", "p99", "p99_9", "p99_99", "max")
                  if latency[k] is not None]
        if points != sorted(points):
            faults.append(f"percentiles of {phase} are not in order: {points}")
    # Ten samples lie beyond each percentile that is shown.
    for count, name in ((100, "p90"), (1000, "p99"), (10000, "p99_9"), (100000, "p99_99")):
        for phase, latency in document["latency_us"].items():
            if latency[name] is not None and latency["count"] < count:
                faults.append(f"{name} of {phase} with {latency['count']} samples")
    return faults


class Run:
    """A program that ended."""

    def __init__(self, args, status, out, err, folder):
        self.args, self.status, self.out, self.err = args, status, out, err
        self.folder = folder
        self.document = None
        path = folder / "bench.json"
        if path.exists():
            self.document = json.loads(path.read_text(encoding="utf-8"))

    def notes(self):
        return [f"$ {' '.join(map(str, self.args))}", f"status {self.status}",
                *(f"> {line}" for line in self.out.splitlines()[-40:]),
                *(f"2> {line}" for line in self.err.splitlines()[-40:])]

    def errors(self):
        """{(phase, kind): count}"""
        return {(e["phase"], e["kind"]): e["count"] for e in self.document["errors"]}

    def replies(self):
        """{(command, code): count}, enhanced codes added up"""
        found = {}
        for reply in self.document["replies"]:
            key = reply["command"], reply["code"]
            found[key] = found.get(key, 0) + reply["count"]
        return found

    def messages(self, *names):
        return tuple(self.document["messages"][name] for name in names)


class Process:
    """A program that runs; its output is in files of the case's folder."""

    def __init__(self, case, args, name, **options):
        self.case, self.args, self.name = case, [str(a) for a in args], name
        self.out_path = case.folder / f"{name}.out"
        self.err_path = case.folder / f"{name}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            # Arguments may be octets that are no UTF-8.
            self.popen = subprocess.Popen(  # pylint: disable=consider-using-with
                args, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=out, stderr=err,
                preexec_fn=end_with_us, **options)
        self.pid = self.popen.pid

    @property
    def out(self):
        return self.out_path.read_text(encoding="utf-8", errors="replace")

    @property
    def err(self):
        return self.err_path.read_text(encoding="utf-8", errors="replace")

    def signal(self, number):
        if self.popen.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout=PATIENCE):
        """Waits for its end and returns a Run; kills what does not end, and raises."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not end within {timeout} s\n"
                               f"$ {' '.join(self.args)}\n{self.out}\n{self.err}") from None
        return Run(self.args, status, self.out, self.err, self.case.folder)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


class Sink(Process):
    """volley sink; it listens when this is made."""

    def __init__(self, case, args, env=None):
        number = case.count("sink")
        self.json_path = case.folder / f"sink{number}.json"
        super().__init__(case, [volley(), "sink", "--json", self.json_path, *args],
                         f"sink{number}", env=env)
        self.listeners = []
        wanted = max(1, sum(a in ("--listen", "-l") for a in args))
        wait_until("the sink listens", lambda: self._read(wanted))
        self.status = None

    def _read(self, wanted):
        if self.popen.poll() is not None:
            raise ChildProcessError(f"the sink ended with {self.popen.returncode}: {self.err}")
        found = re.findall(r"^listening (\S+) (.+)\n", self.out, re.MULTILINE)
        self.listeners = found
        return len(found) >= wanted

    def port(self, scheme=None):
        for found, at in self.listeners:
            if (scheme is None or found == scheme) and not at.startswith("unix:"):
                return int(at.rsplit(":", 1)[1])
        raise LookupError(f"no {scheme} among {self.listeners}")

    def url(self, scheme=None, host="127.0.0.1"):
        """Where a bench finds it: the scheme's first listener."""
        scheme = scheme or self.listeners[0][0]
        return f"{scheme}://{host}:{self.port(scheme)}"

    def stop(self):
        """Ends it and returns what it counted."""
        if self.status is None:
            self.signal(signal.SIGTERM)
            run = self.wait()
            self.case.clean("the sink ends well and says nothing odd", run, {0})
            self.status = json.loads(self.json_path.read_text(encoding="utf-8"))
        return self.status


class Case:
    """One test function: its checks, its folder and what it started."""

    def __init__(self, tap, name):
        self.tap, self.name = tap, name
        self.folder = Path(tempfile.mkdtemp(prefix=f"volley-{name}-"))
        self.processes, self.closers, self.shown, self.counts = [], [], [], {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        return self.counts[what]

    def check(self, what, is_good, *notes):
        """A line of TAP; notes (texts, Runs) are printed when it is not good, a Run once."""
        lines = []
        for note in notes if not is_good else ():
            if not isinstance(note, Run):
                lines += str(note).splitlines()
            elif note not in self.shown:
                self.shown.append(note)
                lines += note.notes()
        self.tap.line(bool(is_good), f"{self.name}: {what}", lines)
        return bool(is_good)

    def equal(self, what, got, wanted, *notes):
        return self.check(what, got == wanted, f"got    {got!r}", f"wanted {wanted!r}", *notes)

    def sentence(self, what, run, status, pattern="^volley"):
        """The run ended with status and said one line, on stderr, that matches."""
        lines = run.err.splitlines()
        statuses = {status} if isinstance(status, int) else set(status)
        self.check(f"{what}: one sentence, status {' or '.join(map(str, sorted(statuses)))}",
                   run.status in statuses and len(lines) == 1 and re.search(pattern, lines[0])
                   and run.out == "", f"wanted {pattern}", run)

    def clean(self, what, run, statuses=None):
        """No sanitizer spoke, no signal struck, nothing unsafe was printed; a line only if not."""
        faults = []
        if SANITIZER.search(run.err):
            faults.append("a sanitizer speaks")
        if run.status < 0:
            faults.append(f"killed by signal {-run.status}")
        if statuses and run.status not in statuses:
            faults.append(f"status {run.status}, wanted {sorted(statuses)}")
        for name, text in (("stdout", run.out), ("stderr", run.err)):
            found = UNSAFE.search(text)
            if found:
                faults.append(f"{name} holds {found[0]!r}")
        if faults:
            self.check(what, False, *faults, run)

    def start(self, args, name=None, **options):
        name = name or f"{Path(args[0]).name}{self.count(args[0])}"
        process = Process(self, args, name, **options)
        self.processes.append(process)
        return process

    def sink(self, *args, env=None):
        sink = Sink(self, list(args), env)
        self.processes.append(sink)
        return sink

    def bench_start(self, *args, env=None, json_file=True):
        json_path = self.folder / "bench.json"
        json_path.unlink(missing_ok=True)
        extra = ["--json", json_path] if json_file else []
        return self.start([volley(), "bench", *extra, *args], f"bench{self.count('bench')}",
                          env=env)

    def bench(self, *args, env=None, json_file=True, timeout=PATIENCE, status=None):
        """Runs volley bench to its end. Its result is checked for what must always hold."""
        run = self.bench_start(*args, env=env, json_file=json_file).wait(timeout)
        self.clean("bench ends well and says nothing odd", run, status if status is None else
                   {status} if isinstance(status, int) else set(status))
        if run.document:
            faults = sound(run.document) + schema_faults(run.document)
            if run.document["exit_status"] != run.status:
                faults.append(f"exit_status {run.document['exit_status']}, status {run.status}")
            if faults:
                self.check("the result is sound", False, *faults, run)
        return run

    def agree(self, run, sink, messages, recipients=None, what=""):
        """Everything was accepted, and the sink has it: nothing lost, nothing twice."""
        status = sink.stop() if isinstance(sink, Sink) else sink
        what = f"{what}: " if what else ""
        end = status["end_to_end"] or {}
        statuses = (0, INVALID) if run.document["config"]["mode"] == "open" else (0,)
        self.equal(f"{what}all {messages} messages were accepted",
                   (run.status in statuses, *run.messages("started", "accepted", "failed",
                                                          "in_doubt")),
                   (True, messages, messages, 0, 0), run)
        self.equal(f"{what}the sink received each once",
                   (status["messages"]["accepted"], end.get("received"), end.get("lost"),
                    end.get("duplicated"), end.get("malformed")),
                   (messages, messages, 0, 0, 0), run, status)
        if recipients is not None:
            self.equal(f"{what}recipients", (run.document["recipients"]["accepted"],
                                             status["messages"]["recipients"]),
                       (recipients, recipients))
        self.equal(f"{what}no errors", run.document["errors"], [], run)
        return status

    def peer(self, talk, **options):
        """A scripted server in a thread; see Peer."""
        peer = Peer(talk, **options)
        self.closers.append(peer.close)
        return peer

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def end(self):
        for close in reversed(self.closers):
            close()
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            if SANITIZER.search(process.err):
                self.check(f"no sanitizer speaks in {process.name}", False, process.err)
        shutil.rmtree(self.folder, ignore_errors=True)


class Peer:
    """A server on a loopback port, each connection of which a function handles in a thread.

    talk(conn) gets a Conn. What it raises because the other side went away is nobody's concern;
    anything else is kept in .faults. With context, connections are TLS from the start.
    """

    def __init__(self, talk, context=None, backlog=128, host="127.0.0.1"):
        self.talk, self.context = talk, context
        self.faults, self.conns, self.opened = [], [], 0
        self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.listener.bind((host, 0))
        self.listener.listen(backlog)
        self.port = self.listener.getsockname()[1]
        self.is_open = True
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def url(self, scheme="smtp", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.port}"

    def _accept(self):
        while self.is_open:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.opened += 1
            self.conns.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        conn = Conn(sock)
        try:
            if self.context:
                conn.start_tls(self.context)
            self.talk(conn)
        except (OSError, EOFError):
            pass
        except Exception:  # pylint: disable=broad-except
            self.faults.append(traceback.format_exc())
        finally:
            conn.close()

    def close(self):
        self.is_open = False
        # Closing alone does not wake a thread that accepts.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for sock in self.conns:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(10)


class Conn:
    """A connection as a scripted server has it."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def start_tls(self, context):
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line without its end; EOFError when there is none."""
        while b"\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def content(self):
        """What follows DATA, up to the dot, unstuffed."""
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"\r\n".join(lines)

    def read_all(self):
        """Reads until the other side closes."""
        while self.sock.recv(65536):
            pass

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def reset(self):
        """Closes with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def serve(self, extensions=(), special=None, messages=None):
        """A plain SMTP server; special(verb, line, conn) may answer in its place (True)."""
        self.send("220 peer.test ESMTP\r\n")
        while True:
            line = self.line()
            verb = line.split(b" ")[0].split(b":")[0].upper().decode("latin-1")
            if special and special(verb, line, self):
                continue
            if verb in ("EHLO", "LHLO"):
                words = ["peer.test", *extensions]
                for i, word in enumerate(words):
                    self.send(f"250{' ' if i == len(words) - 1 else '-'}{word}\r\n")
            elif verb == "DATA":
                self.send("354 Go ahead\r\n")
                content = self.content()
                if messages is not None:
                    messages.append(content)
                self.send("250 2.0.0 Taken\r\n")
            elif verb == "QUIT":
                self.send("221 2.0.0 Bye\r\n")
                return
            elif verb in ("HELO", "MAIL", "RCPT", "RSET", "NOOP"):
                self.send("250 Fine\r\n")
            else:
                self.send("502 5.5.1 What?\r\n")


# ---- certificates ----

class Authority:
    """A certificate authority by openssl, with certificates on request; cached per test program."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.openssl = tool("openssl")
        self.ca = self.folder / "ca.pem"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", self.folder / "ca.key", "-out", self.ca, "-days", "3",
                  "-subj", "/CN=volley test CA")

    def _run(self, *args):
        done = subprocess.run([self.openssl, *map(str, args)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ChildProcessError(f"openssl {args}: {done.stderr}")

    def make(self, name, hosts=("localhost", "127.0.0.1"), key="P-256", days=(-1, 2), ca=True,
             usage="serverAuth"):
        """Makes NAME.pem (certificate, chain and key); days: valid from and until, from today."""
        key_path, pem = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        if key.startswith("rsa"):
            self._run("genrsa", "-out", key_path, key[3:])
        elif key in ("ed25519", "ed448"):
            self._run("genpkey", "-algorithm", key, "-out", key_path)
        else:
            self._run("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{key}",
                      "-out", key_path)
        self._run("req", "-new", "-key", key_path, "-subj", f"/CN={hosts[0]}",
                  "-out", self.folder / f"{name}.csr")
        config = self.folder / f"{name}.cnf"
        config.write_text(
            "[ca]\ndefault_ca=d\n[d]\n"
            f"database={self.folder}/{name}.index\nserial={self.folder}/{name}.serial\n"
            f"new_certs_dir={self.folder}\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n"
            "unique_subject=no\n[p]\ncommonName=supplied\n[x]\nbasicConstraints=CA:FALSE\n"
            f"extendedKeyUsage={usage}\n"
            f"subjectAltName={','.join(map(alternative, hosts))}\n", encoding="ascii")
        (self.folder / f"{name}.index").write_text("", encoding="ascii")
        (self.folder / f"{name}.serial").write_text(os.urandom(8).hex() + "\n", encoding="ascii")
        start, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d * 86400))
                      for d in days)
        signer = (["-cert", self.ca, "-keyfile", self.folder / "ca.key"] if ca else
                  ["-selfsign", "-keyfile", key_path])
        self._run("ca", "-batch", "-notext", "-config", config, "-in", self.folder / f"{name}.csr",
                  "-out", self.folder / f"{name}.crt", "-startdate", start, "-enddate", end,
                  *signer)
        pem.write_bytes((self.folder / f"{name}.crt").read_bytes()
                        + (self.ca.read_bytes() if ca else b"") + key_path.read_bytes())
        return pem

    def context(self, name, **options):
        """An SSLContext for a server with a certificate made as make() does."""
        pem = self.folder / f"{name}.pem"
        if not pem.exists():
            self.make(name, **options)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context


def alternative(host):
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"


# ---- TAP ----

class Tap:
    """Numbers and prints the lines."""

    def __init__(self):
        self.number = self.failed = 0

    def line(self, is_good, text, notes=()):
        self.number += 1
        self.failed += not is_good
        text = text.replace("#", "\\#").replace("\n", " ")
        print(f"{'ok' if is_good else 'not ok'} {self.number} - {text}")
        for note in notes if not is_good else ():
            print("# " + UNSAFE.sub(lambda m: repr(m[0])[1:-1], note)[:2000])
        sys.stdout.flush()

    def skip(self, text, why):
        self.number += 1
        print(f"ok {self.number} - {text} # SKIP {why}", flush=True)


VALIDATORS = []


def schema_faults(document):
    """How a document breaks run.schema.json; none where python3-jsonschema is missing."""
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError:
        return []
    if not VALIDATORS:
        schema = json.loads((ROOT / "engine/result/run.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        VALIDATORS.append(jsonschema.Draft202012Validator(schema))
    return [f"schema: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in VALIDATORS[0].iter_errors(document)]


def on_terminate(_number, _frame):
    raise SystemExit("Bail out! told to end")


def run_case(tap, name, function):
    case = Case(tap, name)
    before = tap.number
    try:
        function(case)
    except Skip as why:
        tap.skip(name, why)
    except (Exception, SystemExit) as error:  # pylint: disable=broad-except
        case.check("runs to its end", False, traceback.format_exc())
        if isinstance(error, SystemExit):
            raise
    finally:
        case.end()
    if tap.number == before:
        tap.line(False, f"{name}: it has a check")


def main(names):
    """Runs the test functions among names (a module's globals()) and prints TAP."""
    signal.signal(signal.SIGTERM, on_terminate)
    volley()
    tests = {name[5:]: function for name, function in names.items() if name.startswith("test_")}
    tap = Tap()
    for name in sys.argv[1:] or tests:
        run_case(tap, name.removeprefix("test_"), tests[name.removeprefix("test_")])
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0
