/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain_words.c - the words for a verdict where its rule has none of its own
 *
 * Short clauses, to be read behind a label. They say what is known from the class alone, and no
 * more.
 */
#include "profile/explain.h"

static const struct {
	const char *cause, *remedy;
} class_words[CLASS_COUNT] = {
	[CLASS_UNKNOWN] = {"the reply gives no reason that volley knows",
			   "read its text, or ask the server's postmaster"},
	[CLASS_THROTTLED] = {"more was sent than the server takes at present",
			     "send more slowly or on fewer connections"},
	[CLASS_GREYLISTED] = {"the server defers the first message from a sender it has not seen",
			      "try again from the same address after some minutes"},
	[CLASS_MAILBOX_FULL] = {"the recipient's mailbox has no room",
				"none on this side; drop the address where it stays so for weeks"},
	[CLASS_MAILBOX_UNAVAILABLE] = {"the mailbox exists but takes no mail",
				       "find out whether it is shut for good, then drop it"},
	[CLASS_UNKNOWN_USER] = {"there is no such mailbox",
				"take the address off the list, or mend the typing error in it"},
	[CLASS_UNKNOWN_DOMAIN] = {"the recipient's domain does not exist or takes no mail",
				  "look at the domain's DNS; drop the address if it is right"},
	[CLASS_AUTH_FAILED] = {"user name, password or the way to log in was refused",
			       "check them; many providers want an application password"},
	[CLASS_AUTH_REQUIRED] = {"the server takes no mail here without a log-in",
				 "give user name and password"},
	[CLASS_STARTTLS_REQUIRED] = {"the server wants an encrypted connection",
				     "use STARTTLS, or TLS from the first octet"},
	[CLASS_SENDER_REJECTED] = {"the server does not take this sender address",
				   "use an address that exists and that this account may use"},
	[CLASS_RELAY_DENIED] = {"the server does not pass mail on to this domain for this client",
				"send to the domain's own MX, or log in"},
	[CLASS_BLOCKLISTED] = {"the sending address or a domain in the message is on a blocklist",
			       "find out which list, mend the reason, then ask for removal"},
	[CLASS_CONTENT] = {"the server does not like something in the message",
			   "look at its text, links, attachments and headers"},
	[CLASS_DOMAIN_AUTHENTICATION] = {"SPF, DKIM or DMARC does not vouch for the message",
					 "set up SPF, DKIM and DMARC for the sender's domain"},
	[CLASS_TOO_LARGE] = {"the message is larger than the server takes", "make it smaller"},
	[CLASS_POLICY] = {"a rule of the receiver's own forbids it",
			  "ask the receiver's postmaster which"},
	[CLASS_PROTOCOL] = {"a command or the message breaks a rule of SMTP",
			    "look at the dialogue and mend the client"},
	[CLASS_SERVER_TEMPORARY] = {"the server cannot take mail at present",
				    "none on this side; it is tried again"},
	[CLASS_QUOTA_EXHAUSTED] = {"the day's or month's allowance is used up",
				   "wait until it begins anew, or ask for a higher one"},
	[CLASS_RECIPIENT_THROTTLED] = {"this one mailbox gets more mail than it may",
				       "let this recipient wait; others need not slow down"},
	[CLASS_REVERSE_DNS] =
		{"the sending address has no PTR record that leads back to it, or EHLO "
		 "names another host",
		 "mend the PTR record and the name given in EHLO"},
	[CLASS_SUPPRESSED] = {"the relay keeps the address on its own list of those to spare",
			      "take it off the list here too"},
	[CLASS_EXPIRED] = {"a server on the way gave up after trying for long",
			   "look at the last reply before that"},
	[CLASS_NETWORK] = {"no reply came: the connection was refused, lost or timed out",
			   "look at name, port, firewalls and the way to the server"},
	[CLASS_ACCEPTED] = {"the server took it over; accepted is not delivered",
			    "none; where it went from there only bounces and reports tell"},
};

static const char *const scope_words[SCOPE_COUNT] = {
	[SCOPE_NONE] = "nobody in particular",
	[SCOPE_CONNECTION] = "this connection",
	[SCOPE_SOURCE] = "your sending IP address",
	[SCOPE_SITE] = "the receiving server",
	[SCOPE_ACCOUNT] = "your account at the server",
	[SCOPE_SENDER] = "the sender's address or domain",
	[SCOPE_RECIPIENT] = "this recipient",
	[SCOPE_MESSAGE] = "this message",
};

const char *explain_class_cause(enum reply_class class)
{
	return class_words[(unsigned)class < CLASS_COUNT ? class : CLASS_UNKNOWN].cause;
}

const char *explain_class_remedy(enum reply_class class)
{
	return class_words[(unsigned)class < CLASS_COUNT ? class : CLASS_UNKNOWN].remedy;
}

const char *explain_scope(enum reply_scope scope)
{
	return scope_words[(unsigned)scope < SCOPE_COUNT ? scope : SCOPE_NONE];
}

const char *explain_kind(const struct verdict *v)
{
	switch (v->class) {
	case CLASS_THROTTLED:
	case CLASS_RECIPIENT_THROTTLED:
	case CLASS_QUOTA_EXHAUSTED:
		return "throttle";
	case CLASS_GREYLISTED:
		return "greylist";
	case CLASS_AUTH_FAILED:
	case CLASS_AUTH_REQUIRED:
	case CLASS_STARTTLS_REQUIRED:
		return "auth";
	case CLASS_SENDER_REJECTED:
	case CLASS_RELAY_DENIED:
	case CLASS_BLOCKLISTED:
	case CLASS_CONTENT:
	case CLASS_DOMAIN_AUTHENTICATION:
	case CLASS_POLICY:
	case CLASS_REVERSE_DNS:
		return "policy";
	case CLASS_PROTOCOL:
		return "protocol";
	case CLASS_NETWORK:
		return "network";
	case CLASS_ACCEPTED:
		return "accepted";
	case CLASS_UNKNOWN:
		return "unknown";
	case CLASS_MAILBOX_FULL:
	case CLASS_MAILBOX_UNAVAILABLE:
	case CLASS_UNKNOWN_USER:
	case CLASS_UNKNOWN_DOMAIN:
	case CLASS_TOO_LARGE:
	case CLASS_SERVER_TEMPORARY:
	case CLASS_SUPPRESSED:
	case CLASS_EXPIRED:
		break;
	}
	return v->permanence == PERMANENCE_HARD ? "hard" : "soft";
}
