#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that nobody told: volley bench --adapt beside Postfix with its default feedback.

A sink imposes a limit that neither sender knows: of the rate, of connections at once, of both; and
a rate that halves or doubles in the middle. Both senders run at the same time, each against a sink
of its own, with more to send than may pass. What each got through, window by window, is counted by
its sink (--jsonl: accepted; --decisions: refused), and weighed after 60 windows.

A minute passes in half a second. Postfix is as it comes, its waits between attempts divided by the
same (300 s become 3 s, which is the next whole second); its queue is filled before it starts.
Needs root, as Postfix's master does.
"""
import collections
import datetime
import json
import math
import os
import pathlib
import pwd
import grp
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from common import VOLLEY, bench, head, wait_port

SCALE = 120
WINDOW = 60 / SCALE  # seconds
LEARN, MEASURE = 60, 40  # windows
LENGTH = (LEARN + MEASURE) * WINDOW
SESSIONS = 20
RATE, LIMIT = 50, 5  # messages a window; connections at once
BOTH_RATE = 15  # below what five connections carry
SERVICE_MS = 100  # where connections are what binds
SHARE_LEAST, REFUSED_MOST = 0.85, 0.02
# The queue's folder: in memory where there is such a one, so that filling it takes no minutes.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

PROFILE = """\
title: A server of bench/hidden_limits.py
about: Its limits are told to nobody.
limits: {{{limits}}}
replies:
{replies}"""
RATE_LIMIT = "rate: {{max: {}/m, of: messages, per: source, window: fixed}}"
RATE_REPLY = """\
  rate:
    code: 421
    text: 'too many messages in a short time'
    class: throttled
    who: source
    dial: rate
    when: {over: rate}
    at: mail
    say: '421 4.7.0 Too many messages in a short time from {ip}, try again later'
"""
CONNECTION_LIMIT = "connections: {{max: {}, of: connections, per: source}}"
CONNECTION_REPLY = """\
  connections:
    code: 421
    text: 'too many connections'
    class: throttled
    who: connection
    dial: connections
    when: {over: connections}
    at: banner
    say: '421 4.7.0 {domain} Error: too many connections from {ip}'
    then: close
"""

MODES = {  # of the queue's folders, as Postfix's own set-up has them
    "active": 0o700, "bounce": 0o700, "corrupt": 0o700, "defer": 0o700, "deferred": 0o700,
    "flush": 0o700, "hold": 0o700, "incoming": 0o700, "private": 0o700, "saved": 0o700,
    "trace": 0o700, "public": 0o2710, "maildrop": 0o1730, "pid": 0o755,
}
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemon}
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
multi_instance_enable = no
myhostname = sender.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
local_recipient_maps =
relayhost = [127.0.0.1]:{next_hop}
disable_dns_lookups = yes
smtp_tls_security_level = none
smtpd_peername_lookup = no
in_flow_delay = 0
minimal_backoff_time = {backoff}s
maximal_backoff_time = {backoff_max}s
queue_run_delay = {backoff}s
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0   cleanup
rewrite   unix  - - n - -   trivial-rewrite
bounce    unix  - - n - 0   bounce
defer     unix  - - n - 0   bounce
trace     unix  - - n - 0   bounce
flush     unix  n - n 1000? 0 flush
smtp      unix  - - n - -   smtp
error     unix  - - n - -   error
retry     unix  - - n - -   error
anvil     unix  - - n - 1   anvil
scache    unix  - - n - 1   scache
postlog   unix-dgram n - n - 1 postlogd
"""
QMGR = "qmgr      unix  n - n 300 1 qmgr\n"


def profile(rate=None, connections=None):
    limits, replies = [], ""
    if connections:
        limits.append(CONNECTION_LIMIT.format(connections))
        replies += CONNECTION_REPLY
    if rate:
        limits.append(RATE_LIMIT.format(rate))
        replies += RATE_REPLY
    return PROFILE.format(limits=", ".join(limits), replies=replies)


class Sink:
    """A sink that imposes a profile, and from some time on another one."""

    def __init__(self, folder, first, then=None, at=None, delay_ms=0):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.folder.joinpath("first.yaml").write_text(first, encoding="utf-8")
        argv = [VOLLEY, "sink", "--listen", "smtp://127.0.0.1:0", "--quiet", "--profile", "first",
                "--profile-dir", str(self.folder), "--scale", str(SCALE), "--jsonl",
                str(self.folder / "accepted"), "--decisions", str(self.folder / "decided")]
        if then:
            self.folder.joinpath("then.yaml").write_text(then, encoding="utf-8")
            argv += ["--profile-at", f"{at}s=then"]
        if delay_ms:
            argv += ["--fault", f"dot:delay={delay_ms}ms"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        self.start = time.time()
        line = self.process.stdout.readline().decode()
        if not line:
            raise SystemExit("the sink did not start")
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()

    def windows(self, begin):
        """Accepted and refused by window, from a time on: two counters."""
        accepted, refused = collections.Counter(), collections.Counter()
        for name, counter in (("accepted", accepted), ("decided", refused)):
            with open(self.folder / name, encoding="utf-8") as lines:
                for line in lines:
                    d = json.loads(line)
                    if name == "decided" and d["event"] != "refused":
                        continue
                    at = datetime.datetime.fromisoformat(d["time"].replace("Z", "+00:00"))
                    counter[math.floor((at.timestamp() - begin) / WINDOW)] += 1
        return accepted, refused


class Postfix:
    """A private instance whose queue is filled before its queue manager starts."""

    def __init__(self, folder, next_hop, messages):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.folder.chmod(0o755)
        owner, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        for name in ("queue", "data", "log", "etc"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", owner, -1)
        for name, mode in MODES.items():
            path = self.folder / "queue" / name
            path.mkdir()
            if name != "pid":
                os.chown(path, owner, postdrop if name in ("public", "maildrop") else -1)
            path.chmod(mode)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        daemon = subprocess.run(["postconf", "-hd", "daemon_directory"], capture_output=True,
                                text=True, check=True).stdout.strip()
        (self.folder / "etc/main.cf").write_text(MAIN.format(
            folder=self.folder, daemon=daemon, next_hop=next_hop,
            backoff=math.ceil(300 / SCALE), backoff_max=math.ceil(4000 / SCALE)), "ascii")
        self.master_cf = self.folder / "etc/master.cf"
        self.master_cf.write_text(MASTER.format(port=self.port), "ascii")
        with open(self.folder / "log/master", "ab") as log:
            self.process = subprocess.Popen([f"{daemon}/master", "-c", self.folder / "etc", "-d"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_port(self.port, 30)
        subprocess.run(["smtp-source", "-s", "20", "-m", str(messages), "-l", "2048", "-f",
                        "sender@example.com", "-t", "recipient@example.com",
                        f"127.0.0.1:{self.port}"], check=True)

    def begin(self):
        with open(self.master_cf, "a", encoding="ascii") as f:
            f.write(QMGR)
        self.process.send_signal(signal.SIGHUP)

    def left(self):
        return sum(len(files) for name in ("incoming", "active", "deferred")
                   for _, _, files in os.walk(self.folder / "queue" / name))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def weigh(counts, allowed, since, begin, end):
    """The share of what is allowed, the share of refusals, and the windows until 85 %."""
    accepted, refused = counts
    passed = sum(accepted[i] for i in range(begin, end))
    no = sum(refused[i] for i in range(begin, end))
    until = next((i + 5 - since for i in range(since, end - 4)
                  if sum(accepted[k] for k in range(i, i + 5)) >= SHARE_LEAST * 5 * allowed), None)
    return passed / (allowed * (end - begin)), no / max(passed + no, 1), until


class Row:
    """One hidden limit, met by both senders at the same time."""

    def __init__(self, name, first, then=None, allowed=RATE, final=None, delay_ms=0):
        self.name, self.first, self.then, self.delay_ms = name, first, then, delay_ms
        self.allowed, self.final = allowed, final or allowed
        self.length = LENGTH + (LEARN * WINDOW if then else 0)

    def run(self, folder):
        at = LEARN * WINDOW
        messages = int(1.05 * (LEARN * self.allowed + (self.length / WINDOW - LEARN) * self.final))
        filling = Sink(folder / "unused", self.first)  # a port for the time of filling
        postfix = Postfix(folder / "postfix", filling.port, messages)
        filling.stop()
        sinks = [Sink(folder / name, self.first, self.then, at + 1, self.delay_ms)
                 for name in ("for-volley", "for-postfix")]
        try:
            main_cf = postfix.folder / "etc/main.cf"
            main_cf.write_text(main_cf.read_text("ascii").replace(
                f":{filling.port}\n", f":{sinks[1].port}\n"), "ascii")
            begin = sinks[0].start + 1  # what the sinks change, they change at begin + at
            time.sleep(max(0, begin - time.time()))
            postfix.begin()
            bench(f"smtp://127.0.0.1:{sinks[0].port}", "-s", SESSIONS, "--adapt", "--scale", SCALE,
                  "--duration", f"{self.length}s", check=False)
            left = postfix.left()
        finally:
            postfix.stop()
            for sink in sinks:
                sink.stop()
        since = LEARN if self.then else 0
        results = [weigh(s.windows(begin), self.final, since, since + LEARN,
                         since + LEARN + MEASURE) for s in sinks]
        return results, left

    def show(self, results, left):
        line = f"{self.name:28}{self.final / WINDOW:8.0f}/s "
        for share, refused, until in results:
            line += f"{share:10.1%}{refused:10.2%}{until if until is not None else '-':>9}  "
        print(line + ("" if left else "  (Postfix's queue ran dry)"), flush=True)


def carried_by(connections):
    """Messages a window that so many connections carry when the sink takes its time."""
    with tempfile.TemporaryDirectory(prefix="volley-bench-") as folder:
        sink = Sink(pathlib.Path(folder) / "sink", profile(connections=connections),
                    delay_ms=SERVICE_MS)
        d, *_ = bench(f"smtp://127.0.0.1:{sink.port}", "-s", connections, "--duration", "4s")
        sink.stop()
        return d["messages"]["accepted"] / d["run"]["seconds"] * WINDOW


def main():
    if os.geteuid() != 0 or not shutil.which("smtp-source"):
        raise SystemExit("needs root, and Postfix with its smtp-source")
    head(f"hidden limits, a minute passes in {WINDOW} s; {LEARN} windows to find or to follow, "
         f"{MEASURE} measured")
    version = subprocess.run(["postconf", "-hd", "mail_version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    carried = carried_by(LIMIT)
    rows = [
        Row("rate", profile(RATE)),
        Row("connections", profile(connections=LIMIT), allowed=carried, delay_ms=SERVICE_MS),
        Row("both", profile(BOTH_RATE, LIMIT), allowed=BOTH_RATE, delay_ms=SERVICE_MS),
        Row("rate that halves", profile(RATE), profile(RATE // 2), final=RATE // 2),
        Row("rate that doubles", profile(RATE), profile(RATE * 2), final=RATE * 2),
    ]
    print(f"{'':38}{'volley bench --adapt':^31}  {'Postfix ' + version:^31}")
    print(f"{'hidden limit':28}{'allowed':>10} "
          + f"{'got':>10}{'refused':>10}{'85 % at':>9}  " * 2)
    is_fine = True
    for row in rows:
        with tempfile.TemporaryDirectory(prefix="volley-bench-", dir=MEMORY) as folder:
            folder = pathlib.Path(folder)
            folder.chmod(0o755)
            results, left = row.run(folder)
        row.show(results, left)
        share, refused, until = results[0]
        is_fine &= (share >= SHARE_LEAST and refused <= REFUSED_MOST and until is not None
                    and until <= LEARN)
    print(f"\ngot: of what is allowed; refused: of all replies to messages and connections; 85 % "
          f"at: windows\nasked for, of volley: at least {SHARE_LEAST:.0%} within {LEARN} windows, "
          f"then at most {REFUSED_MOST:.0%} refused")
    sys.exit(0 if is_fine else 1)


main()
