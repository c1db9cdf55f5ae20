# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs under bench/ share: starting servers, running a client, counting its CPU.

CPU is what the kernel accounts to a finished process (wait4), user and system time together.
Comparisons are ratios within one run: the commands take turns, several rounds, and the median of
the rounds' ratios is what is quoted. These machines are shared: absolute times mean little.
"""
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("VOLLEY_BUILD", ROOT / "build"))
VOLLEY = str(BUILD / "volley")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens at port {port}")


class Server:
    """A server process: started on entering, stopped by its process id on leaving."""

    def __init__(self, argv, port=None):
        self.argv, self.port = argv, port

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        if self.port is not None:
            wait_port(self.port)
        return self

    def stop(self):
        """Stops it and returns its CPU seconds."""
        self.process.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return usage.ru_utime + usage.ru_stime

    def peak_rss(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.stop()


class Sink(Server):
    """volley sink on a free port; its count is read after stop()."""

    def __init__(self, *options, scheme="smtp"):
        self.folder = tempfile.mkdtemp(prefix="volley-bench-")
        self.json, self.ca = f"{self.folder}/sink.json", f"{self.folder}/ca.pem"
        self.scheme = scheme
        super().__init__([VOLLEY, "sink", "--listen", f"{scheme}://127.0.0.1:0", "--quiet",
                          "--json", self.json, "--tls-ca-out", self.ca, *options])

    def __enter__(self):
        super().__enter__()
        line = self.process.stdout.readline().decode()
        self.port = int(line.rsplit(":", 1)[1])
        self.url = f"{self.scheme}://localhost:{self.port}"
        return self

    def count(self):
        with open(self.json, encoding="utf-8") as f:
            return json.load(f)

    def __exit__(self, *args):
        super().__exit__(*args)
        shutil.rmtree(self.folder, ignore_errors=True)


def smtp_sink(port):
    """Postfix's smtp-sink as an ordinary user."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return Server(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], port)


def run(argv, check=True):
    """Runs a client; returns its exit status, CPU seconds, peak memory and output."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if check and process.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: exit {process.returncode}: {err.decode()[-500:]}")
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, out


def bench(url, *options, check=True):
    """volley bench; returns its document beside what run() does."""
    argv = [VOLLEY, "bench", url, "-4", "--quiet", "--json", "-", *map(str, options)]
    status, cpu, rss, out = run(argv, check)
    return json.loads(out), cpu, rss, status


def head(title):
    """Prints what was run, and where."""
    print(f"$ {' '.join(['bench/' + pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])}")
    print(f"{title}")
    version = subprocess.run([VOLLEY, "--version"], capture_output=True, text=True, check=True)
    print(version.stdout.rstrip())
    print(f"  machine  {os.cpu_count()} CPUs, {platform.machine()}, load "
          f"{os.getloadavg()[0]:.1f}\n")
    sys.stdout.flush()


def median(values):
    return statistics.median(values)
