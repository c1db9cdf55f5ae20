/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.c - certificates, alerts, and why a sealed link failed
 *
 * The checks come in the order in which a TLS library makes them: issuer, dates, revocation, name.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/escape.h"
#include "sim/sealed_private.h"

#define DETAIL_MAX  160
#define SHOWN_MAX   48 /* octets of a stranger's greeting that are shown */
#define ALERT_FATAL 2

static const char *alert_name(int code)
{
	/* RFC 8446 s6.2 and RFC 5246 s7.2. */
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{ALERT_UNEXPECTED, "unexpected message"},
		{ALERT_BAD_RECORD, "bad record MAC"},
		{22, "record overflow"},
		{ALERT_HANDSHAKE, "handshake failure"},
		{ALERT_BAD_CERTIFICATE, "bad certificate"},
		{43, "unsupported certificate"},
		{ALERT_REVOKED, "certificate revoked"},
		{ALERT_EXPIRED, "certificate expired"},
		{46, "certificate unknown"},
		{47, "illegal parameter"},
		{ALERT_UNKNOWN_CA, "unknown CA"},
		{49, "access denied"},
		{ALERT_DECODE, "decode error"},
		{51, "decrypt error"},
		{ALERT_VERSION, "protocol version"},
		{71, "insufficient security"},
		{ALERT_INTERNAL, "internal error"},
		{86, "inappropriate fallback"},
		{90, "user canceled"},
		{109, "missing extension"},
		{110, "unsupported extension"},
		{112, "unrecognized name"},
		{113, "bad certificate status response"},
		{115, "unknown PSK identity"},
		{ALERT_CERTIFICATE_REQUIRED, "certificate required"},
		{120, "no application protocol"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

/* What a side tells the other when it gives up for this reason; -1: nothing. */
static int alert_for(enum secure_failure failure)
{
	switch (failure) {
	case SECURE_VERSION:
		return ALERT_VERSION;
	case SECURE_NO_COMMON:
		return ALERT_HANDSHAKE;
	case SECURE_CERT_EXPIRED:
		return ALERT_EXPIRED;
	case SECURE_CERT_UNTRUSTED:
	case SECURE_CERT_SELF_SIGNED:
		return ALERT_UNKNOWN_CA;
	case SECURE_CERT_NOT_YET:
	case SECURE_CERT_NAME:
	case SECURE_CERT_OTHER:
		return ALERT_BAD_CERTIFICATE;
	case SECURE_CERT_REVOKED:
		return ALERT_REVOKED;
	case SECURE_CERT_MISSING:
		return ALERT_CERTIFICATE_REQUIRED;
	case SECURE_RECORD:
		return ALERT_BAD_RECORD;
	case SECURE_NO_MEMORY:
	case SECURE_INTERNAL:
		return ALERT_INTERNAL;
	case SECURE_OK:
	case SECURE_NOT_TLS:
	case SECURE_ALERT:
	case SECURE_CLOSED_EARLY:
	default:
		return -1;
	}
}

static void note(struct sealed_session *s, enum secure_failure failure, const char *detail)
{
	s->state = STATE_FAILED;
	s->failure = (uint8_t)failure;
	free(s->detail);
	s->detail = strdup(detail);
}

bool sealed_send_alert(struct sealed_session *s, int code, struct buf *tx)
{
	char alert[2] = {code == ALERT_CLOSE_NOTIFY ? 1 : ALERT_FATAL, (char)code};

	return sealed_put(s, TYPE_ALERT, alert, sizeof(alert), tx);
}

void sealed_fail(struct sealed_session *s, enum secure_failure failure, const char *detail,
		 struct buf *tx)
{
	int alert = alert_for(failure);

	/* Where the alert finds no room, the session ends without one. */
	if (alert >= 0)
		sealed_send_alert(s, alert, tx);
	note(s, failure, detail);
}

/* Some alerts name the cause better than the mere fact of an alert does. */
void sealed_fail_by_alert(struct sealed_session *s, int code)
{
	enum secure_failure failure = SECURE_ALERT;
	const char *name = alert_name(code);
	char detail[DETAIL_MAX];

	if (code == ALERT_VERSION)
		failure = SECURE_VERSION;
	else if (code == ALERT_CERTIFICATE_REQUIRED)
		failure = SECURE_CERT_MISSING;
	if (name)
		snprintf(detail, sizeof(detail), "alert: %s", name);
	else
		snprintf(detail, sizeof(detail), "alert: number %d", code);
	note(s, failure, detail);
}

void sealed_fail_not_tls(struct sealed_session *s, struct span first)
{
	char shown[SHOWN_MAX * 2], detail[DETAIL_MAX];
	size_t len = 0;

	while (len < first.len && len < SHOWN_MAX && first.data[len] != '\r' &&
	       first.data[len] != '\n')
		len++;
	escape_text((struct span){first.data, len}, ESCAPE_CONTROLS, shown, sizeof(shown));
	snprintf(detail, sizeof(detail), "the peer sent \"%s\"", shown);
	note(s, SECURE_NOT_TLS, detail);
}

/* Whether a word of list, its words separated by spaces, is the one looked for. */
static bool has_word(const char *list, struct span word)
{
	while (*list) {
		size_t len = strcspn(list, " ");

		if (len > 0 && span_equal_nocase((struct span){list, len}, word))
			return true;
		list += len + (list[len] == ' ');
	}
	return false;
}

/* RFC 6125 s6.4.3: a star stands for the whole leftmost label. */
static bool is_for(struct span names, struct span name)
{
	const char *dot = name.len > 0 ? memchr(name.data, '.', name.len) : NULL;
	struct span above = {NULL, 0};

	if (dot)
		above = span_skip(name, (size_t)(dot - name.data));
	while (names.len > 0) {
		struct span word;

		span_cut(&names, ' ', &word);
		if (span_equal_nocase(word, name))
			return true;
		if (word.len > 2 && word.data[0] == '*' && above.len > 0 && dot > name.data &&
		    span_equal_nocase(span_skip(word, 1), above))
			return true;
	}
	return false;
}

enum secure_failure sealed_verdict(const struct sealed *c, const struct sim_certificate *shown,
				   struct span names, struct span issuer, const char *name)
{
	int64_t now_s = clock_wall_ns(sim_clock(c->sim)) / NS_PER_SEC;
	const char *trusted = c->options.trusted;

	if (names.len == 0)
		return SECURE_CERT_OTHER;
	if (issuer.len == 0)
		return SECURE_CERT_SELF_SIGNED;
	if (trusted && !has_word(trusted, issuer))
		return SECURE_CERT_UNTRUSTED;
	if (shown->not_after_s != 0 && now_s > shown->not_after_s)
		return SECURE_CERT_EXPIRED;
	if (shown->not_before_s != 0 && now_s < shown->not_before_s)
		return SECURE_CERT_NOT_YET;
	if (shown->is_revoked)
		return SECURE_CERT_REVOKED;
	if (name && !is_for(names, span_of(name)))
		return SECURE_CERT_NAME;
	return SECURE_OK;
}
