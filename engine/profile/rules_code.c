/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules_code.c - what a reply's codes say where no rule knew its text
 *
 * Two tables: enhanced codes by subject and detail (RFC 3463 and the registry of RFC 5248), basic
 * codes (RFC 5321 s4.2.3 with RFC 1846, 4954, 7504). A row says what the code says and no more:
 * x.0.0 and a bare 550 name no reason, so that they have no row that blames a recipient.
 *
 * In the rows stands what a 5xx means; a 4xx of the same kind is soft and tried again the same
 * way. The registry gives a few codes that large providers use otherwise (5.7.27 is a sender's null
 * MX there, and SPF at Gmail); those stand in the providers' own profiles.
 */
#include "profile/rules_private.h"

#define ANY_DETAIL 0xffff

struct code_row {
	uint16_t subject, detail;
	uint8_t class, permanence, retry, scope, dial;
};

/* Short names for the columns: they are read as a table. */
#define HARD	 PERMANENCE_HARD
#define SOFT	 PERMANENCE_SOFT
#define NEVER	 RETRY_NEVER
#define SAME	 RETRY_SAME
#define OTHER_IP RETRY_OTHER_SOURCE

/* The first row that fits counts. */
static const struct code_row enhanced_rows[] = {
	{1, 1, CLASS_UNKNOWN_USER, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{1, 2, CLASS_UNKNOWN_DOMAIN, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{1, 3, CLASS_PROTOCOL, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{1, 4, CLASS_MAILBOX_UNAVAILABLE, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{1, 6, CLASS_MAILBOX_UNAVAILABLE, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{1, 7, CLASS_SENDER_REJECTED, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{1, 8, CLASS_SENDER_REJECTED, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{1, 10, CLASS_UNKNOWN_DOMAIN, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{2, 0, CLASS_MAILBOX_UNAVAILABLE, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{2, 1, CLASS_MAILBOX_UNAVAILABLE, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{2, 2, CLASS_MAILBOX_FULL, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{2, 3, CLASS_TOO_LARGE, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{2, 4, CLASS_MAILBOX_UNAVAILABLE, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{3, 1, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{3, 2, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{3, 3, CLASS_PROTOCOL, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{3, 4, CLASS_TOO_LARGE, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{3, 5, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{4, 3, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{4, 4, CLASS_UNKNOWN_DOMAIN, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{4, 5, CLASS_THROTTLED, SOFT, SAME, SCOPE_SITE, DIAL_RATE},
	{4, 6, CLASS_PROTOCOL, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{4, 7, CLASS_EXPIRED, SOFT, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{4, ANY_DETAIL, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{5, 0, CLASS_UNKNOWN, SOFT, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{5, 3, CLASS_THROTTLED, SOFT, SAME, SCOPE_MESSAGE, DIAL_RECIPIENTS_PER_MESSAGE},
	{5, 6, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{5, ANY_DETAIL, CLASS_PROTOCOL, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{6, 0, CLASS_UNKNOWN, SOFT, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{6, ANY_DETAIL, CLASS_CONTENT, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{7, 4, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 5, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 6, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 7, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 8, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 9, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 10, CLASS_STARTTLS_REQUIRED, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{7, 11, CLASS_STARTTLS_REQUIRED, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{7, 12, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 13, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 14, CLASS_RELAY_DENIED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{7, 16, CLASS_TOO_LARGE, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{7, 17, CLASS_MAILBOX_UNAVAILABLE, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{7, 18, CLASS_MAILBOX_UNAVAILABLE, HARD, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{7, 19, CLASS_MAILBOX_UNAVAILABLE, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{7, 20, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 21, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 22, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 23, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 24, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 25, CLASS_REVERSE_DNS, HARD, OTHER_IP, SCOPE_SOURCE, DIAL_NONE},
	{7, 26, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 27, CLASS_SENDER_REJECTED, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 28, CLASS_THROTTLED, SOFT, SAME, SCOPE_SOURCE, DIAL_RATE},
	{7, 29, CLASS_DOMAIN_AUTHENTICATION, HARD, NEVER, SCOPE_SENDER, DIAL_NONE},
	{7, 30, CLASS_STARTTLS_REQUIRED, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{7, ANY_DETAIL, CLASS_POLICY, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
};

/* The column of enhanced details is not used here: subject holds the code. */
static const struct code_row basic_rows[] = {
	{421, 0, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{432, 0, CLASS_AUTH_FAILED, SOFT, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{450, 0, CLASS_MAILBOX_UNAVAILABLE, SOFT, SAME, SCOPE_RECIPIENT, DIAL_NONE},
	{451, 0, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_MESSAGE, DIAL_NONE},
	{452, 0, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{454, 0, CLASS_SERVER_TEMPORARY, SOFT, SAME, SCOPE_SITE, DIAL_NONE},
	{455, 0, CLASS_PROTOCOL, SOFT, SAME, SCOPE_MESSAGE, DIAL_NONE},
	{500, 0, CLASS_PROTOCOL, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{501, 0, CLASS_PROTOCOL, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{502, 0, CLASS_PROTOCOL, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{503, 0, CLASS_PROTOCOL, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{504, 0, CLASS_PROTOCOL, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{521, 0, CLASS_POLICY, HARD, NEVER, SCOPE_SITE, DIAL_NONE},
	{530, 0, CLASS_AUTH_REQUIRED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{534, 0, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{535, 0, CLASS_AUTH_FAILED, HARD, NEVER, SCOPE_ACCOUNT, DIAL_NONE},
	{538, 0, CLASS_STARTTLS_REQUIRED, HARD, NEVER, SCOPE_CONNECTION, DIAL_NONE},
	{552, 0, CLASS_MAILBOX_FULL, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
	{555, 0, CLASS_PROTOCOL, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE},
	{556, 0, CLASS_UNKNOWN_DOMAIN, SOFT, NEVER, SCOPE_RECIPIENT, DIAL_NONE},
};

static void set(struct verdict *v, const struct code_row *row, enum verdict_basis basis,
		bool is_transient)
{
	v->basis = basis;
	v->class = (enum reply_class)row->class;
	v->permanence = (enum permanence)row->permanence;
	v->retry = (enum retry_way)row->retry;
	v->scope = (enum reply_scope)row->scope;
	v->dial = (enum pace_dial)row->dial;
	if (is_transient) {
		v->permanence = PERMANENCE_SOFT;
		v->retry = RETRY_SAME;
	}
}

/* A code behind '#' or '(': the form of qmail, and of others that know no RFC 2034. */
static bool find_code(struct span text, uint16_t code, struct enhanced_code *ret_enhanced)
{
	for (size_t i = 1; i + 4 < text.len; i++) {
		char form[ENHANCED_TEXT_MAX] = "";
		size_t len = 0;

		if (text.data[i - 1] != '#' && text.data[i - 1] != '(')
			continue;
		while (len < sizeof(form) - 1 && i + len < text.len &&
		       (text.data[i + len] == '.' ||
			(text.data[i + len] >= '0' && text.data[i + len] <= '9'))) {
			form[len] = text.data[i + len];
			len++;
		}
		/* "(#5.7.1.)": the sentence's full stop. */
		if (len > 0 && form[len - 1] == '.')
			len--;
		if (enhanced_parse((struct span){form, len}, code, ret_enhanced))
			return true;
	}
	return false;
}

bool rules_enhanced(const struct reply *reply, struct enhanced_code *ret_enhanced)
{
	if (reply->enhanced.class != 0) {
		*ret_enhanced = reply->enhanced;
		return true;
	}
	if (enhanced_parse(reply->text, reply->code, ret_enhanced))
		return true;
	return find_code(reply->text, reply->code, ret_enhanced);
}

/* 550 to 554 answer MAIL, RCPT and the message, and never AUTH: several servers use 5.7.9 and its
 * neighbours there for a policy of their own. */
static bool is_about_mail(uint16_t code)
{
	return code >= 550 && code <= 554;
}

static bool judge_enhanced(const struct reply *reply, struct verdict *v)
{
	struct enhanced_code code;

	if (!rules_enhanced(reply, &code))
		return false;
	for (size_t i = 0; i < sizeof(enhanced_rows) / sizeof(enhanced_rows[0]); i++) {
		const struct code_row *row = &enhanced_rows[i];

		if (row->subject != code.subject ||
		    (row->detail != ANY_DETAIL && row->detail != code.detail))
			continue;
		/* A row that names no reason adds nothing to the basic code. */
		if (row->class == CLASS_UNKNOWN)
			return false;
		set(v, row, BASIS_ENHANCED, reply->code < 500);
		if (v->class == CLASS_AUTH_FAILED && is_about_mail(reply->code))
			v->class = CLASS_POLICY;
		return true;
	}
	return false;
}

/* 5xx that mean one thing to MAIL and another to RCPT or the message. */
static void judge_phase(const struct reply *reply, enum phase phase, struct verdict *v)
{
	static const struct code_row sender = {
		0, 0, CLASS_SENDER_REJECTED, HARD, NEVER, SCOPE_SENDER, DIAL_NONE};
	static const struct code_row size = {
		0, 0, CLASS_TOO_LARGE, HARD, NEVER, SCOPE_MESSAGE, DIAL_NONE};
	static const struct code_row refused = {0,     0,	   CLASS_POLICY, HARD,
						NEVER, SCOPE_SITE, DIAL_NONE};

	if (reply->code == 552 && phase != PHASE_RCPT && phase != PHASE_SESSION)
		set(v, &size, BASIS_CODE, false);
	else if (reply->code == 553 && phase == PHASE_MAIL)
		set(v, &sender, BASIS_CODE, false);
	else if (reply->code == 554 && phase == PHASE_BANNER)
		set(v, &refused, BASIS_CODE, false);
}

void rules_judge_codes(const struct reply *reply, enum phase phase, struct verdict *v)
{
	static const struct code_row accepted = {0,	0,	    CLASS_ACCEPTED, PERMANENCE_NONE,
						 NEVER, SCOPE_NONE, DIAL_NONE};
	static const struct code_row later = {0,	0, CLASS_UNKNOWN, SOFT, SAME, SCOPE_MESSAGE,
					      DIAL_NONE};
	static const struct code_row refused = {
		0, 0, CLASS_UNKNOWN, SOFT, NEVER, SCOPE_MESSAGE, DIAL_NONE};

	if (reply->code < 200 || reply->code > 599) {
		set(v, &refused, BASIS_NONE, false);
		return;
	}
	if (reply->code < 400) {
		set(v, &accepted, BASIS_CODE, false);
		return;
	}
	if (judge_enhanced(reply, v))
		return;
	set(v, reply->code < 500 ? &later : &refused, BASIS_CODE, false);
	for (size_t i = 0; i < sizeof(basic_rows) / sizeof(basic_rows[0]); i++)
		if (basic_rows[i].subject == reply->code)
			set(v, &basic_rows[i], BASIS_CODE, false);
	judge_phase(reply, phase, v);
}
