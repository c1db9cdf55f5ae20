/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode_rule_sink.c - the part of a reply rule that the sink plays: when it is said, where, how
 */
#include "profile/decode.h"
#include <ctype.h>
#include <stdio.h>
#include "profile/near.h"

#define LINE_MAX_ 510 /* octets of a reply line without its line end, RFC 5321 s4.5.3.1.5 */

/* ---- when ---- */

/* The name may be misspelt, or of a limit that is inherited and was taken away. */
static void fault_no_limit(struct decoder *d, const struct where *at,
			   const struct profile_rule *rule)
{
	const struct tree_item *limits = tree_find(d->root, "limits");
	const struct tree_item *given_up =
		limits ? tree_find_span(limits->value, at->node->text) : NULL;
	struct near near = {.word = at->node->text};

	if (given_up) {
		faults_add(
			d->faults, given_up->place,
			"limits.%s: this limit cannot be taken away alone: replies.%s (%s:%d) is "
			"said when it is passed",
			at->node->text.data, rule->name, rule->place.file, rule->place.line);
		return;
	}
	for (int i = 0; i < d->profile->limit_count; i++)
		near_try(&near, d->profile->limits[i].name);
	decode_fault(d, at, "there is no limit \"%s\"%s%s%s", at->node->text.data,
		     near.best ? ", did you mean \"" : " under limits", near.best ? near.best : "",
		     near.best ? "\"?" : "");
}

static void take_over(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = object;
	const struct profile *p = d->profile;
	struct span text;

	if (!decode_text(d, at, "the name of a limit", &text))
		return;
	rule->when = CAUSE_OVER;
	for (int i = 0; i < p->limit_count && rule->limit < 0; i++)
		if (span_equal(text, span_of(p->limits[i].name)))
			rule->limit = i;
	if (rule->limit < 0)
		fault_no_limit(d, at, rule);
}

static const char *unknown_word(unsigned i)
{
	(void)i;
	return "unknown";
}

static void take_sender(struct decoder *d, const struct where *at, void *object)
{
	unsigned i;

	if (decode_word(d, at, unknown_word, 1, &i))
		((struct profile_rule *)object)->when = CAUSE_SENDER_UNKNOWN;
}

static void take_triplet(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = object;

	if (decode_duration(d, at, 1, 30 * DECODE_DAY_NS, &rule->when_ns))
		rule->when = CAUSE_TRIPLET;
}

static void take_probability(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = object;

	if (decode_share(d, at, 1, &rule->when_ppm))
		rule->when = CAUSE_PROBABILITY;
}

static void take_octets(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = object;

	if (decode_size(d, at, &rule->when_octets))
		rule->when = CAUSE_SIZE;
}

static void take_recipient(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = object;

	if (decode_text(d, at, "a local part, in which * stands for anything", &rule->when_pattern))
		rule->when = CAUSE_RECIPIENT;
}

static const char *login_word(unsigned i)
{
	return i == 0 ? "failed" : "missing";
}

static void take_login(struct decoder *d, const struct where *at, void *object)
{
	unsigned i;

	if (decode_word(d, at, login_word, 2, &i))
		((struct profile_rule *)object)->when = i == 0 ? CAUSE_LOGIN : CAUSE_NO_LOGIN;
}

static const char *missing_word(unsigned i)
{
	(void)i;
	return "missing";
}

static void take_tls(struct decoder *d, const struct where *at, void *object)
{
	unsigned i;

	if (decode_word(d, at, missing_word, 1, &i))
		((struct profile_rule *)object)->when = CAUSE_NO_TLS;
}

static const struct field when_fields[] = {
	{"over", false, take_over},
	{"sender", false, take_sender},
	{"triplet", false, take_triplet},
	{"probability", false, take_probability},
	{"octets", false, take_octets},
	{"recipient", false, take_recipient},
	{"login", false, take_login},
	{"tls", false, take_tls},
	{0},
};

void decode_rule_when(struct decoder *d, const struct where *at, void *object)
{
	if (!decode_is_mapping(d, at, "one condition, such as {over: LIMIT}"))
		return;
	if (at->node->count != 1 || at->node->items[0].value->kind == TREE_NULL)
		decode_fault(d, at, "there are %zu conditions, expected one, such as {over: LIMIT}",
			     at->node->count == 1 ? (size_t)0 : at->node->count);
	decode_mapping(d, at, when_fields, object);
}

/* ---- at ---- */

static const enum phase said_phases[] = {PHASE_BANNER, PHASE_AUTH, PHASE_MAIL,
					 PHASE_RCPT,   PHASE_DATA, PHASE_ACCEPT};

static const char *said_word(unsigned i)
{
	return phase_name(said_phases[i]);
}

void decode_rule_at(struct decoder *d, const struct where *at, void *object)
{
	unsigned i;

	if (decode_word(d, at, said_word, sizeof(said_phases) / sizeof(said_phases[0]), &i))
		((struct profile_rule *)object)->at = said_phases[i];
}

enum phase decode_default_phase(const struct profile *p, const struct profile_rule *rule)
{
	static const enum phase by_unit[LIMIT_UNIT_COUNT] = {
		[LIMIT_MESSAGES] = PHASE_MAIL,
		[LIMIT_RECIPIENTS] = PHASE_RCPT,
		[LIMIT_CONNECTIONS] = PHASE_BANNER,
		[LIMIT_OCTETS] = PHASE_ACCEPT,
	};

	switch (rule->when) {
	case CAUSE_OVER:
		return rule->limit >= 0 ? by_unit[p->limits[rule->limit].limit.unit] : PHASE_MAIL;
	case CAUSE_TRIPLET:
	case CAUSE_RECIPIENT:
		return PHASE_RCPT;
	case CAUSE_SIZE:
		return PHASE_ACCEPT;
	case CAUSE_LOGIN:
		return PHASE_AUTH;
	default:
		return PHASE_MAIL;
	}
}

/* ---- say, then ---- */

static bool is_placeholder(struct span word)
{
	static const char *const known[] = {"{ip}", "{address}", "{domain}", "{id}"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_equal(word, span_of(known[i])))
			return true;
	return false;
}

/* A word in braces that nothing fills in would be sent as it stands. */
static void judge_placeholders(struct decoder *d, const struct where *at, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t end = i + 1;

		if (text.data[i] != '{')
			continue;
		while (end < text.len && islower((unsigned char)text.data[end]))
			end++;
		if (end == i + 1 || end >= text.len || text.data[end] != '}')
			continue;
		if (!is_placeholder((struct span){text.data + i, end + 1 - i}))
			decode_fault(d, at,
				     "\"%.*s\" is not filled in, expected {ip}, {address}, "
				     "{domain} or {id}",
				     (int)(end + 1 - i), text.data + i);
	}
}

void decode_rule_say(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = object;
	struct span text;
	size_t line_len = 0;

	if (!decode_text(d, at, "a reply, such as '421 4.7.0 Try again later'", &text))
		return;
	if (text.len < 3 || text.data[0] < '2' || text.data[0] > '5' ||
	    !isdigit((unsigned char)text.data[1]) || !isdigit((unsigned char)text.data[2]) ||
	    (text.len > 3 && text.data[3] != ' ' && text.data[3] != '-')) {
		decode_fault(d, at,
			     "a reply begins with its code, such as '421 4.7.0 Try again "
			     "later'");
		return;
	}
	for (size_t i = 0; i < text.len; i++) {
		line_len = text.data[i] == '\n' ? 0 : line_len + 1;
		if (line_len == LINE_MAX_ + 1)
			decode_fault(d, at,
				     "a line of the reply is longer than %d octets (RFC 5321 "
				     "s4.5.3.1.5): begin another with \"\\n\"",
				     LINE_MAX_);
		if (text.data[i] == '\t')
			decode_fault(d, at, "the reply holds a tab: use a space");
	}
	judge_placeholders(d, at, text);
	rule->say = text;
}

static const char *then_word(unsigned i)
{
	(void)i;
	return "close";
}

void decode_rule_then(struct decoder *d, const struct where *at, void *object)
{
	unsigned i;

	if (decode_word(d, at, then_word, 1, &i))
		((struct profile_rule *)object)->does_close = true;
}
