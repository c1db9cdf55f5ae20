#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profiles that are shipped: each loads and says where its figures come from; none is missing.

The files are read here by a reader of their plain form (two spaces a level, a key a line), which
knows nothing of volley's own, so that a figure that volley loses is missed here.
"""

import json
import re
import sys

import harness

PROFILES = harness.ROOT / "profiles"

# What the project promises, by the names that users type.
REQUIRED = {
    "destinations": ["gmail", "outlook", "microsoft365", "yahoo", "icloud", "comcast", "gmx",
                     "orange", "t-online", "laposte", "free", "yandex", "mailru", "qq", "netease",
                     "zoho", "proofpoint", "mimecast", "barracuda", "generic"],
    "submission": ["gmail-smtp", "workspace-relay", "microsoft365-smtp", "yahoo-smtp",
                   "icloud-smtp", "gmx-smtp", "yandex-smtp", "zoho-smtp", "sendgrid", "mailgun",
                   "ses", "postmark", "sparkpost", "brevo", "smtp2go", "mailjet"],
    "staging": ["greylisting", "shared-host", "connection-limit", "postfix"],
}
SURENESS = {"documented", "common", "assumed"}
FIGURES = ("limits", "retry", "submission")

# Who says it, and what it means, where no profile was named.
RECOGNISED = [
    ("421 4.7.28 Gmail has detected an unusual rate of email. To protect our users from spam, "
     "email has been temporarily rate limited. 98e67ed59e1d1 - gsmtp", "Google", "throttled"),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume "
     "or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
     "Yahoo", "throttled"),
    ("550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. Please contact your "
     "Internet service provider since part of their network is on our block list (S3150).",
     "Microsoft", "blocklisted"),
    ("421 [HCM1] Your mail from 192.0.2.25 was deferred.", "Apple", "throttled"),
    ("550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]",
     "Orange", "unknown-user"),
    ("550 5.5.0 Service refuse. Veuillez essayer plus tard. service refused, please try later. "
     "LPN001_108", "La Poste", "policy"),
    ("550 MI:STC 163 smtp9,D9CowACX7CXs http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.25",
     "NetEase", "throttled"),
    ("550 Ip frequency limited [Qw7 IP: 192.0.2.25]. http://service.mail.qq.com/cgi-bin/help",
     "Tencent", "throttled"),
    ("554 Message rejected: Email address is not verified. The following identities failed the "
     "check in region EU-WEST-1: a@example.com", "Amazon", "sender-rejected"),
    ("451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs",
     "Mimecast", "greylisted"),
]


class Plain:
    """A profile file as sections, entries and keys, each with what stands behind the colon."""

    def __init__(self, path):
        self.top, self.sections = {}, {}
        section = entry = None
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.match(r"( *)([\w.-]+):(?: (.*))?$", line)
            if not found or line.lstrip().startswith("#"):
                continue
            indent, key, value = len(found[1]), found[2], found[3] or ""
            if indent == 0:
                section, entry = key, None
                self.top[key] = value
                self.sections[key] = {}
            elif indent == 2 and section:
                entry = key
                self.sections[section][key] = {"": value}
            elif indent == 4 and entry:
                self.sections[section][entry][key] = value

    def marks(self):
        """(what, source, sure) of each figure and each rule."""
        for section in ("limits", "replies"):
            for name, keys in self.sections.get(section, {}).items():
                yield f"{section}.{name}", keys.get("source"), keys.get("sure")
        for section in ("retry", "submission"):
            keys = self.sections.get(section, {})
            if keys:
                source, sure = (keys.get(k, {}).get("") for k in ("source", "sure"))
                yield section, source, sure


def read_all():
    return {path.stem: Plain(path) for path in sorted(PROFILES.glob("*.yaml"))}


def parents(plain, name):
    """A profile and what it extends, the nearest first."""
    while name:
        yield plain[name]
        name = None if name == "base" else plain[name].top.get("extends") or "base"


def profile(case, *args):
    return case.start([harness.volley(), "profile", *args]).wait()


def test_required(case):
    """`profile list` names all that the project promises, each with its file."""
    run = profile(case, "list")
    case.check("list ends well", run.status == 0, run)
    listed = {line.split()[0] for line in run.out.splitlines() if line.strip()}
    for kind, names in REQUIRED.items():
        missing = [name for name in names if name not in listed]
        case.equal(f"no profile is missing: {kind}", missing, [], run)
    unlisted = [name for name in read_all() if name != "base" and name not in listed]
    case.equal("what is in the folder is listed", unlisted, [], run)


def test_check(case):
    """Each passes the lint: patterns, samples, the replies that the sink says, reachable rules."""
    names = list(read_all())
    run = profile(case, "check", *names)
    case.check(f"check finds nothing in {len(names)} profiles", run.status == 0, run)


def test_sources(case):
    """A figure names a source that the file lists with what it is and its date, or is assumed."""
    plain = read_all()
    for name, document in plain.items():
        listed = {}
        for ancestor in parents(plain, name):
            for key, value in ancestor.sections.get("sources", {}).items():
                listed.setdefault(key, value)
        faults = []
        for what, source, sure in document.marks():
            if sure is not None and sure not in SURENESS:
                faults.append(f"{what}: sure is {sure!r}")
            if source is None and sure not in (None, "assumed"):
                faults.append(f"{what}: {sure} without a source")
            if source is not None and source not in listed:
                faults.append(f"{what}: source {source} is not listed")
        for key, value in document.sections.get("sources", {}).items():
            text = " ".join(f"{k}: {v}" for k, v in value.items())
            if not re.search(r"what: *\S", text) or not re.search(r"date: *'?\d{4}-\d\d", text):
                faults.append(f"sources.{key}: lacks what or date")
            if not any(source == key for other in plain.values()
                       for _, source, _ in other.marks()):
                faults.append(f"sources.{key}: nothing uses it")
        case.equal(f"{name}: every figure has a source or is assumed", faults, [])


def test_words(case):
    """The sink has words for each limit of a profile, and its rules name limits that exist."""
    plain = read_all()
    for name in plain:
        limits, said = set(), {}
        for ancestor in parents(plain, name):
            limits |= set(ancestor.sections.get("limits", {}))
            for rule, keys in ancestor.sections.get("replies", {}).items():
                if "when" in keys:
                    said.setdefault(rule, keys["when"])
        over = {found[1] for when in said.values()
                if (found := re.search(r"\bover: ([\w-]+)", when))}
        case.equal(f"{name}: each limit has its reply", sorted(limits ^ over), [])


def strip(text):
    """What show prints, without the notes on where a value comes from."""
    return [line for line in (re.sub(r"\s+# .*$", "", line) for line in text.splitlines())
            if line and not line.startswith("#")]


def test_show(case):
    """What `profile show` prints is a profile itself: loaded again, it shows the same."""
    folder = case.folder / "shown"
    folder.mkdir()
    for name in read_all():
        first = profile(case, "show", name)
        case.check(f"{name}: show ends well", first.status == 0, first)
        (folder / f"{name}.yaml").write_text(first.out, encoding="utf-8")
        again = profile(case, "--profile-dir", str(folder), "show", name)
        case.equal(f"{name}: shown again it is the same", strip(again.out), strip(first.out),
                   again)


def test_recognised(case):
    """A reply tells who said it, with no profile named."""
    for reply, provider, meaning in RECOGNISED:
        run = case.start([harness.volley(), "explain", "--json", reply]).wait()
        case.check(f"{provider}: explain ends well", run.status == 0, run)
        document = json.loads(run.out)
        case.equal(f"{provider}: {reply[:40]}", (document["provider"], document["class"]),
                   (provider, meaning), run)


if __name__ == "__main__":
    sys.exit(harness.main(globals()))
