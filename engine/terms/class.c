/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * class.c - the words for what a reply means
 *
 * They are keys of profiles and of JSON documents: a new value gets a new word, an old one keeps
 * its own.
 */
#include "terms/class.h"
#include "terms/words.h"

static const char *const class_names[CLASS_COUNT] = {
	[CLASS_UNKNOWN] = "unknown",
	[CLASS_THROTTLED] = "throttled",
	[CLASS_GREYLISTED] = "greylisted",
	[CLASS_MAILBOX_FULL] = "mailbox-full",
	[CLASS_MAILBOX_UNAVAILABLE] = "mailbox-unavailable",
	[CLASS_UNKNOWN_USER] = "unknown-user",
	[CLASS_UNKNOWN_DOMAIN] = "unknown-domain",
	[CLASS_AUTH_FAILED] = "auth-failed",
	[CLASS_AUTH_REQUIRED] = "auth-required",
	[CLASS_STARTTLS_REQUIRED] = "starttls-required",
	[CLASS_SENDER_REJECTED] = "sender-rejected",
	[CLASS_RELAY_DENIED] = "relay-denied",
	[CLASS_BLOCKLISTED] = "blocklisted",
	[CLASS_CONTENT] = "content",
	[CLASS_DOMAIN_AUTHENTICATION] = "domain-authentication",
	[CLASS_TOO_LARGE] = "too-large",
	[CLASS_POLICY] = "policy",
	[CLASS_PROTOCOL] = "protocol",
	[CLASS_SERVER_TEMPORARY] = "server-temporary",
	[CLASS_QUOTA_EXHAUSTED] = "quota-exhausted",
	[CLASS_RECIPIENT_THROTTLED] = "recipient-throttled",
	[CLASS_REVERSE_DNS] = "reverse-dns",
	[CLASS_SUPPRESSED] = "suppressed",
	[CLASS_EXPIRED] = "expired",
	[CLASS_NETWORK] = "network",
	[CLASS_ACCEPTED] = "accepted",
};

static const char *const permanence_names[PERMANENCE_COUNT] = {
	[PERMANENCE_NONE] = "none",
	[PERMANENCE_SOFT] = "soft",
	[PERMANENCE_HARD] = "hard",
};

static const char *const retry_way_names[RETRY_WAY_COUNT] = {
	[RETRY_NEVER] = "never",
	[RETRY_SAME] = "same",
	[RETRY_OTHER_SOURCE] = "other-source",
};

static const char *const scope_names[SCOPE_COUNT] = {
	[SCOPE_NONE] = "none",		 [SCOPE_CONNECTION] = "connection",
	[SCOPE_SOURCE] = "source",	 [SCOPE_SITE] = "site",
	[SCOPE_ACCOUNT] = "account",	 [SCOPE_SENDER] = "sender",
	[SCOPE_RECIPIENT] = "recipient", [SCOPE_MESSAGE] = "message",
};

static const char *const dial_names[DIAL_COUNT] = {
	[DIAL_NONE] = "none",
	[DIAL_RATE] = "rate",
	[DIAL_CONNECTIONS] = "connections",
	[DIAL_MESSAGES_PER_CONNECTION] = "messages-per-connection",
	[DIAL_RECIPIENTS_PER_MESSAGE] = "recipients-per-message",
	[DIAL_SUSPEND] = "suspend",
};

const char *class_name(enum reply_class class)
{
	return words_at(WORDS(class_names), class);
}

bool class_from_name(struct span name, enum reply_class *ret_class)
{
	unsigned value;

	if (!words_find(WORDS(class_names), name, &value))
		return false;
	*ret_class = (enum reply_class)value;
	return true;
}

const char *permanence_name(enum permanence permanence)
{
	return words_at(WORDS(permanence_names), permanence);
}

bool permanence_from_name(struct span name, enum permanence *ret_permanence)
{
	unsigned value;

	if (!words_find(WORDS(permanence_names), name, &value))
		return false;
	*ret_permanence = (enum permanence)value;
	return true;
}

const char *retry_way_name(enum retry_way way)
{
	return words_at(WORDS(retry_way_names), way);
}

bool retry_way_from_name(struct span name, enum retry_way *ret_way)
{
	unsigned value;

	if (!words_find(WORDS(retry_way_names), name, &value))
		return false;
	*ret_way = (enum retry_way)value;
	return true;
}

const char *scope_name(enum reply_scope scope)
{
	return words_at(WORDS(scope_names), scope);
}

bool scope_from_name(struct span name, enum reply_scope *ret_scope)
{
	unsigned value;

	if (!words_find(WORDS(scope_names), name, &value))
		return false;
	*ret_scope = (enum reply_scope)value;
	return true;
}

const char *dial_name(enum pace_dial dial)
{
	return words_at(WORDS(dial_names), dial);
}

bool dial_from_name(struct span name, enum pace_dial *ret_dial)
{
	unsigned value;

	if (!words_find(WORDS(dial_names), name, &value))
		return false;
	*ret_dial = (enum pace_dial)value;
	return true;
}
