/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * failure.c - the words for how a conversation failed
 *
 * The kind is a key of the JSON result, so it stays; the hint is for people.
 */
#include <stdio.h>
#include "talk/talk.h"

const char *talk_failure_kind(const struct talk_failure *f, char *out)
{
	switch (f->cause) {
	case TALK_CAUSE_NONE:
		return "none";
	case TALK_CAUSE_LINK:
		return link_end_name(f->end);
	case TALK_CAUSE_SMTP:
		return smtp_fault_name(f->smtp);
	case TALK_CAUSE_TLS:
		snprintf(out, TALK_KIND_MAX, "tls %s", secure_failure_name(f->tls));
		return out;
	}
	return "other";
}

static const char *link_hint(const struct talk_failure *f)
{
	switch (f->end) {
	case LINK_END_REFUSED:
		return "is the server running, and is the port right?";
	case LINK_END_TIMED_OUT:
		return f->phase == PHASE_TLS
			       ? "the server does not answer the TLS handshake: is it a "
				 "plain-text port (smtp+starttls://)?"
			       : "a firewall may drop the packets: try another port, "
				 "and from another network";
	case LINK_END_UNREACHABLE:
		return "check the route, and whether this machine has that address family";
	case LINK_END_RESET:
	case LINK_END_EOF:
		return f->phase == PHASE_BANNER
			       ? "the server hung up without a word: too many connections from "
				 "here, a deny list, or a TLS port spoken to in clear (smtps://)"
			       : "the server's log says why it hung up";
	case LINK_END_NO_PORTS:
		return "add --source-ip addresses, keep connections open (a higher "
		       "--messages-per-connection), or widen net.ipv4.ip_local_port_range";
	case LINK_END_NO_SOURCE:
		return "--source-ip takes addresses of this machine: see 'ip address'";
	case LINK_END_NO_DESCRIPTORS:
		return "raise 'ulimit -n', or use more --threads";
	case LINK_END_NO_MEMORY:
		return "fewer --sessions, or more memory";
	case LINK_END_DENIED:
		return "a firewall or policy of this machine forbids it";
	default:
		return "";
	}
}

static const char *tls_hint(const struct talk_failure *f)
{
	switch (f->tls) {
	case SECURE_NOT_TLS:
		return "a plain-text port: use smtp+starttls:// or smtp://";
	case SECURE_CERT_EXPIRED:
	case SECURE_CERT_NOT_YET:
		return "renew the certificate or check both clocks; to test all the same: "
		       "--tls-verify "
		       "none";
	case SECURE_CERT_UNTRUSTED:
	case SECURE_CERT_SELF_SIGNED:
		return "give the CA with --cafile, or test without the check: --tls-verify none";
	case SECURE_CERT_NAME:
		return "use the name that stands in the certificate, or --tls-verify ca";
	case SECURE_CERT_MISSING:
		return "give a client certificate with --tls-cert and --tls-key";
	case SECURE_VERSION:
		return "the server is older than TLS 1.2, or --tls-min is too high for it";
	case SECURE_NO_COMMON:
		return "check --tls-ciphers and --tls-groups against the server's";
	case SECURE_ALERT:
		return "the server's log says what it disliked";
	default:
		return "";
	}
}

static const char *smtp_hint(const struct talk_failure *f)
{
	switch (f->smtp) {
	case SMTP_FAULT_NOT_SMTP:
		return "another service listens there: check host and port";
	case SMTP_FAULT_TLS_ON_PLAIN:
		return "a TLS port: use smtps://";
	case SMTP_FAULT_NO_STARTTLS:
		return "use smtp:// for plain text or smtps:// for implicit TLS";
	case SMTP_FAULT_NO_AUTH:
		return "most servers offer AUTH on port 587 or 465 and over TLS alone; or name a "
		       "mechanism with --auth";
	case SMTP_FAULT_REFUSED_AUTH:
		return "check user and password; many providers want an app password or an API key";
	case SMTP_FAULT_INJECTION:
		return "somebody speaks between you and the server, or its STARTTLS is broken "
		       "(RFC 3207 section 6)";
	case SMTP_FAULT_BAD_REPLY:
	case SMTP_FAULT_REPLY_TOO_LONG:
	case SMTP_FAULT_UNASKED:
		return "the server breaks RFC 5321 section 4.2; --log shows what it said";
	case SMTP_FAULT_TIMED_OUT:
		return f->phase == PHASE_BANNER
			       ? "no greeting: a TLS port (smtps://), a tarpit, or an overloaded "
				 "server"
			       : "an overloaded server, or a time-out too short: --timeout";
	case SMTP_FAULT_CLOSING:
	case SMTP_FAULT_REFUSED_GREETING:
		return "the server throttles or shuts down: fewer --sessions, a lower --rate";
	default:
		return "";
	}
}

const char *talk_failure_hint(const struct talk_failure *f)
{
	switch (f->cause) {
	case TALK_CAUSE_LINK:
		return link_hint(f);
	case TALK_CAUSE_TLS:
		return tls_hint(f);
	case TALK_CAUSE_SMTP:
		return smtp_hint(f);
	case TALK_CAUSE_NONE:
		break;
	}
	return "";
}
