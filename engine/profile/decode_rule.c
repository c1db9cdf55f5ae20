/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode_rule.c - the reply rules of a profile: what they match, mean and have done
 *
 * What a rule leaves out follows from its class (profile_class_default()). A class that is hard by
 * itself is soft where the rule matches 4xx replies alone: RFC 5321 s4.2.1 calls those transient.
 */
#include "profile/decode.h"
#include <ctype.h>

#define CODES_MAX 8 /* of struct profile_rule */

/* A rule while it is being read: which dimensions it gives itself. */
struct draft {
	struct profile_rule *rule;
	bool has_class, has_permanence, has_retry, has_scope, has_dial;
};

/* ---- what it matches ---- */

static const enum phase reply_phases[] = {
	PHASE_BANNER, PHASE_EHLO, PHASE_TLS,  PHASE_AUTH,   PHASE_MAIL,
	PHASE_RCPT,   PHASE_DATA, PHASE_BODY, PHASE_ACCEPT, PHASE_QUIT,
};
#define REPLY_PHASE_COUNT (sizeof(reply_phases) / sizeof(reply_phases[0]))

static const char *phase_word(unsigned i)
{
	return phase_name(reply_phases[i]);
}

static void take_one_phase(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct profile_rule *rule = object;
	unsigned word;

	(void)i;
	if (decode_word(d, at, phase_word, REPLY_PHASE_COUNT, &word))
		rule->phases |= UINT32_C(1) << reply_phases[word];
}

static void take_phase(struct decoder *d, const struct where *at, void *object)
{
	size_t count;

	decode_list(d, at, take_one_phase, ((struct draft *)object)->rule, &count);
}

struct code_list {
	struct profile_rule *rule;
	uint16_t codes[CODES_MAX];
};

/* "421", or "4xx" for all of its kind. */
static void take_one_code(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct code_list *list = object;
	struct span text;
	bool is_class;

	if (!decode_text(d, at, "a reply code, such as 421 or 4xx", &text))
		return;
	is_class = text.len == 3 && (span_equal_nocase(span_skip(text, 1), SPAN("xx")));
	if (text.len != 3 || text.data[0] < '2' || text.data[0] > '5' ||
	    (!is_class &&
	     (!isdigit((unsigned char)text.data[1]) || !isdigit((unsigned char)text.data[2])))) {
		decode_fault(d, at, "\"%s\" is no reply code, expected one such as 421 or 4xx",
			     text.data);
		return;
	}
	if (i >= CODES_MAX)
		return;
	list->codes[i] = (uint16_t)((text.data[0] - '0') * 100);
	if (!is_class)
		list->codes[i] = (uint16_t)(list->codes[i] + (text.data[1] - '0') * 10 +
					    (text.data[2] - '0'));
	list->rule->is_code_class[i] = is_class;
}

static void take_code(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = ((struct draft *)object)->rule;
	struct code_list list = {.rule = rule};
	uint16_t *codes;
	size_t count;

	if (!decode_list(d, at, take_one_code, &list, &count))
		return;
	if (count == 0 || count > CODES_MAX) {
		decode_fault(d, at, "there are %zu codes, expected 1 to %d", count, CODES_MAX);
		return;
	}
	codes = arena_array(d->arena, count, sizeof(*codes));
	if (!codes) {
		d->faults->is_out_of_memory = true;
		return;
	}
	memcpy(codes, list.codes, count * sizeof(*codes));
	rule->codes = codes;
	rule->code_count = (int)count;
}

/* A number of at most three digits, or "x"; takes it from *rest with the dot behind it. */
static bool take_part(struct span *rest, bool is_last)
{
	size_t len = 0;

	while (len < rest->len && isdigit((unsigned char)rest->data[len]))
		len++;
	if (len == 0 && rest->len > 0 && (rest->data[0] | 0x20) == 'x')
		len = 1;
	if (len == 0 || len > 3 || (is_last ? len != rest->len : len >= rest->len))
		return false;
	if (!is_last && rest->data[len] != '.')
		return false;
	*rest = span_skip(*rest, len + !is_last);
	return true;
}

static void take_enhanced(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = ((struct draft *)object)->rule;
	struct span text, rest;

	if (!decode_text(d, at, "an enhanced code, such as 4.7.28, 4.7.x or x.1.1", &text))
		return;
	rest = text;
	if (!memchr("245xX", text.data[0], 5) || text.len < 5 || text.data[1] != '.' ||
	    !take_part(&rest, false) || !take_part(&rest, false) || !take_part(&rest, true)) {
		decode_fault(d, at,
			     "\"%s\" is no enhanced code, expected one such as 4.7.28, 4.7.x or "
			     "x.1.1",
			     text.data);
		return;
	}
	rule->enhanced = text;
}

static void take_text(struct decoder *d, const struct where *at, void *object)
{
	decode_pattern(d, at, &((struct draft *)object)->rule->text);
}

/* ---- what it means ---- */

static const char *class_word(unsigned i)
{
	return class_name((enum reply_class)i);
}

static void take_class(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, class_word, CLASS_COUNT, &i))
		return;
	draft->rule->class = (enum reply_class)i;
	draft->has_class = true;
}

static const char *permanence_word(unsigned i)
{
	return permanence_name((enum permanence)i);
}

static void take_permanence(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, permanence_word, PERMANENCE_COUNT, &i))
		return;
	draft->rule->permanence = (enum permanence)i;
	draft->has_permanence = true;
}

static const char *retry_word(unsigned i)
{
	return retry_way_name((enum retry_way)i);
}

static void take_retry(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, retry_word, RETRY_WAY_COUNT, &i))
		return;
	draft->rule->retry = (enum retry_way)i;
	draft->has_retry = true;
}

static const char *scope_word(unsigned i)
{
	return scope_name((enum reply_scope)i);
}

static void take_who(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, scope_word, SCOPE_COUNT, &i))
		return;
	draft->rule->scope = (enum reply_scope)i;
	draft->has_scope = true;
}

static const char *dial_word(unsigned i)
{
	return dial_name((enum pace_dial)i);
}

static void take_dial(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, dial_word, DIAL_COUNT, &i))
		return;
	draft->rule->dial = (enum pace_dial)i;
	draft->has_dial = true;
}

/* ---- what is to be done ---- */

static bool starts_with(struct span text, const char *word, struct span *ret_rest)
{
	size_t len = strlen(word);

	if (text.len < len || memcmp(text.data, word, len) != 0)
		return false;
	if (text.len > len && text.data[len] != ' ')
		return false;
	*ret_rest = span_skip(text, len);
	while (ret_rest->len > 0 && ret_rest->data[0] == ' ')
		*ret_rest = span_skip(*ret_rest, 1);
	return true;
}

/* How long: a duration, or nothing for the sender's own backoff. */
static bool read_hold(struct span text, struct profile_rule *rule)
{
	if (text.len == 0)
		return true;
	return decode_duration_text(text, &rule->hold_ns) && rule->hold_ns > 0 &&
	       rule->hold_ns <= DECODE_YEAR_NS;
}

static bool read_action(struct span text, struct profile_rule *rule)
{
	struct span rest;
	uint32_t ppm;

	if (starts_with(text, "pause", &rest)) {
		rule->action = ACTION_PAUSE;
		rule->holds_window = span_equal(rest, SPAN("window"));
		rule->holds_reply = span_equal(rest, SPAN("reply"));
		return rule->holds_window || rule->holds_reply || read_hold(rest, rule);
	}
	if (starts_with(text, "retry", &rest)) {
		rule->action = ACTION_RETRY;
		rule->holds_reply = span_equal(rest, SPAN("reply"));
		return rule->holds_reply || read_hold(rest, rule);
	}
	if (starts_with(text, "slow", &rest)) {
		rule->action = ACTION_SLOW;
		if (!decode_share_text(rest, &ppm) || ppm < 1000 || ppm > 999000)
			return false;
		rule->slow_millis = ppm / 1000;
		return true;
	}
	for (unsigned i = 0; i < PROFILE_ACTION_COUNT; i++) {
		rule->action = (enum profile_action)i;
		if (span_equal(text, span_of(profile_action_name(rule->action))))
			return true;
	}
	return false;
}

static void take_do(struct decoder *d, const struct where *at, void *object)
{
	static const char expected[] = "none, slow 50%, pause 10m, pause window, pause reply, "
				       "close, retry 5m, suppress or "
				       "abort";
	struct profile_rule *rule = ((struct draft *)object)->rule;
	struct span text;

	if (!decode_text(d, at, expected, &text))
		return;
	if (!read_action(text, rule)) {
		rule->action = ACTION_NONE;
		decode_fault(d, at, "\"%s\" is not understood, expected %s", text.data, expected);
	}
}

static void take_trigger(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = ((struct draft *)object)->rule;
	uint64_t count;

	if (!decode_rate(d, at, false, &count, &rule->trigger_ns))
		return;
	if (count > UINT32_MAX)
		decode_fault(d, at, "\"%s\" is absurd", at->node->text.data);
	rule->trigger_count = (uint32_t)count;
}

static void take_cause(struct decoder *d, const struct where *at, void *object)
{
	struct span text;

	if (decode_text(d, at, "a few words", &text))
		((struct draft *)object)->rule->cause = text.data;
}

static void take_remedy(struct decoder *d, const struct where *at, void *object)
{
	struct span text;

	if (decode_text(d, at, "a few words", &text))
		((struct draft *)object)->rule->remedy = text.data;
}

static void take_when(struct decoder *d, const struct where *at, void *object)
{
	decode_rule_when(d, at, ((struct draft *)object)->rule);
}

static void take_at(struct decoder *d, const struct where *at, void *object)
{
	decode_rule_at(d, at, ((struct draft *)object)->rule);
}

static void take_say(struct decoder *d, const struct where *at, void *object)
{
	decode_rule_say(d, at, ((struct draft *)object)->rule);
}

static void take_then(struct decoder *d, const struct where *at, void *object)
{
	decode_rule_then(d, at, ((struct draft *)object)->rule);
}

static void take_one_sample(struct decoder *d, const struct where *at, size_t i, void *object)
{
	struct span *samples = object;

	decode_text(d, at, "a reply, such as '421 4.7.0 Try again later'", &samples[i]);
}

static void take_samples(struct decoder *d, const struct where *at, void *object)
{
	struct profile_rule *rule = ((struct draft *)object)->rule;
	struct span *samples = arena_array(d->arena, at->node->count + 1, sizeof(*samples));
	size_t count;

	if (!samples) {
		d->faults->is_out_of_memory = true;
		return;
	}
	if (!decode_list(d, at, take_one_sample, samples, &count))
		return;
	rule->samples = samples;
	rule->sample_count = (int)count;
}

static const struct field rule_fields[] = {
	{"phase", false, take_phase},
	{"code", false, take_code},
	{"enhanced", false, take_enhanced},
	{"text", false, take_text},
	{"class", true, take_class},
	{"permanence", false, take_permanence},
	{"retry", false, take_retry},
	{"who", false, take_who},
	{"dial", false, take_dial},
	{"do", false, take_do},
	{"trigger", false, take_trigger},
	{"cause", false, take_cause},
	{"remedy", false, take_remedy},
	{"when", false, take_when},
	{"at", false, take_at},
	{"say", false, take_say},
	{"then", false, take_then},
	{"samples", false, take_samples},
	{"source", false, decode_nothing},
	{"sure", false, decode_nothing},
	{0},
};

/* ---- defaults ---- */

/* True when no reply but 4xx can match. */
static bool is_transient(const struct profile_rule *rule)
{
	if (rule->enhanced.len > 0 && rule->enhanced.data[0] == '4')
		return true;
	for (int i = 0; i < rule->code_count; i++)
		if (rule->codes[i] / 100 != 4)
			return false;
	return rule->code_count > 0;
}

static void add_defaults(struct draft *draft)
{
	struct profile_rule *rule = draft->rule;
	struct profile_class_default by_class = profile_class_default(rule->class);

	if (!draft->has_permanence) {
		rule->permanence = by_class.permanence;
		if (rule->permanence == PERMANENCE_HARD && is_transient(rule))
			rule->permanence = PERMANENCE_SOFT;
	}
	if (!draft->has_retry) {
		rule->retry = by_class.retry;
		if (rule->permanence != by_class.permanence)
			rule->retry =
				rule->permanence == PERMANENCE_HARD ? RETRY_NEVER : RETRY_SAME;
	}
	if (!draft->has_scope)
		rule->scope = by_class.scope;
	if (!draft->has_dial)
		rule->dial = by_class.dial;
}

static void take_rule(struct decoder *d, const struct where *at, struct profile_rule *rule)
{
	struct draft draft = {.rule = rule};

	*rule = (struct profile_rule){
		.name = at->key.data,
		.place = at->place,
		.trigger_count = 1,
		.limit = -1,
		.at = PHASE_COUNT,
	};
	if (!decode_is_mapping(d, at, "a mapping with class and code, enhanced or text"))
		return;
	decode_mapping(d, at, rule_fields, &draft);
	decode_marks(d, at, NULL, NULL);
	if (draft.has_class)
		add_defaults(&draft);
	if (rule->at == PHASE_COUNT)
		rule->at = decode_default_phase(d->profile, rule);
}

void decode_replies(struct decoder *d, const struct where *at)
{
	struct profile *p = d->profile;
	struct profile_rule *rules;

	if (!decode_is_mapping(d, at, "a mapping: name, then class and what it matches"))
		return;
	if (at->node->count > PROFILE_RULES_MAX) {
		decode_fault_key(d, at, "there are more than %d rules", PROFILE_RULES_MAX);
		return;
	}
	rules = arena_array(d->arena, at->node->count + 1, sizeof(*rules));
	if (!rules) {
		d->faults->is_out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < at->node->count; i++) {
		const struct tree_item *item = &at->node->items[i];
		struct where member = {at, item->key, item->place, item->value};

		if (item->value->kind == TREE_NULL)
			continue;
		take_rule(d, &member, &rules[p->rule_count]);
		/* Up to the first that is inherited. */
		if (p->own_rule_count == p->rule_count && strcmp(item->place.file, d->file) == 0)
			p->own_rule_count++;
		p->rule_count++;
	}
	p->rules = rules;
}
