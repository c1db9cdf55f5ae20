/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode_limit.c - the limits of a profile
 *
 * Whether "max" is a count, a rate, a size or a volume depends on "of" and "per", wherever they
 * stand: the fields are collected first and judged together.
 */
#include "profile/decode.h"

/* A limit while it is being read. */
struct draft {
	struct limit limit;
	const struct where *max, *window, *burst, *reset; /* where they stand; NULL: not given */
	struct where places[4];
	bool has_unit, has_scope;
};

static void take_later(const struct where *at, struct where *place, const struct where **ret_at)
{
	*place = *at;
	*ret_at = place;
}

static void take_max(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;

	(void)d;
	take_later(at, &draft->places[0], &draft->max);
}

static const char *unit_word(unsigned i)
{
	return limit_unit_name((enum limit_unit)i);
}

static void take_of(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, unit_word, LIMIT_UNIT_COUNT, &i))
		return;
	draft->limit.unit = (enum limit_unit)i;
	draft->has_unit = true;
}

static const char *scope_word(unsigned i)
{
	return limit_scope_name((enum limit_scope)i);
}

static void take_per(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, scope_word, LIMIT_SCOPE_COUNT, &i))
		return;
	draft->limit.scope = (enum limit_scope)i;
	draft->has_scope = true;
}

static const char *window_word(unsigned i)
{
	return limit_window_name((enum limit_window)i);
}

static void take_window(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (!decode_word(d, at, window_word, LIMIT_WINDOW_COUNT, &i))
		return;
	draft->limit.window = (enum limit_window)i;
	take_later(at, &draft->places[1], &draft->window);
}

static void take_burst(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;

	(void)d;
	take_later(at, &draft->places[2], &draft->burst);
}

static const char *counts_word(unsigned i)
{
	return i == 0 ? "attempted" : "accepted";
}

static void take_counts(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;
	unsigned i;

	if (decode_word(d, at, counts_word, 2, &i))
		draft->limit.counts_accepted = i == 1;
}

static void take_reset(struct decoder *d, const struct where *at, void *object)
{
	struct draft *draft = object;

	(void)d;
	take_later(at, &draft->places[3], &draft->reset);
}

static const struct field limit_fields[] = {
	{"max", true, take_max},	 {"of", true, take_of},
	{"per", true, take_per},	 {"window", false, take_window},
	{"burst", false, take_burst},	 {"counts", false, take_counts},
	{"reset", false, take_reset},	 {"source", false, decode_nothing},
	{"sure", false, decode_nothing}, {0},
};

static bool is_rate(const struct draft *draft)
{
	const struct tree_node *node = draft->max->node;

	return node->kind == TREE_SCALAR && node->text.len > 0 &&
	       memchr(node->text.data, '/', node->text.len);
}

/* What is "at once" and what only has a sense in a time. */
static bool judge_combination(struct decoder *d, const struct draft *draft)
{
	const struct limit *l = &draft->limit;
	bool is_inner = l->scope == LIMIT_PER_CONNECTION || l->scope == LIMIT_PER_MESSAGE;

	if (l->unit == LIMIT_CONNECTIONS && is_inner) {
		decode_fault_key(d, draft->max->outer, "connections are not counted per %s",
				 limit_scope_name(l->scope));
		return false;
	}
	if (l->unit == LIMIT_MESSAGES && l->scope == LIMIT_PER_MESSAGE) {
		decode_fault_key(d, draft->max->outer, "messages are not counted per message");
		return false;
	}
	if (is_rate(draft) && l->scope == LIMIT_PER_MESSAGE) {
		decode_fault(d, draft->max,
			     "a limit per message has no period, expected a plain amount");
		return false;
	}
	if (!is_rate(draft) && !is_inner && l->unit != LIMIT_CONNECTIONS) {
		decode_fault(d, draft->max,
			     "\"%s\" has no period, expected one, such as 200/h: %s per %s are "
			     "counted in a time",
			     draft->max->node->text.data ? draft->max->node->text.data : "",
			     limit_unit_name(l->unit), limit_scope_name(l->scope));
		return false;
	}
	return true;
}

static bool read_max(struct decoder *d, struct draft *draft)
{
	struct limit *l = &draft->limit;
	bool in_octets = l->unit == LIMIT_OCTETS;

	if (draft->max->node->kind == TREE_SCALAR && !judge_combination(d, draft))
		return false;
	if (is_rate(draft))
		return decode_rate(d, draft->max, in_octets, &l->amount, &l->period_ns);
	return in_octets ? decode_size(d, draft->max, &l->amount)
			 : decode_count(d, draft->max, DECODE_COUNT_MOST, &l->amount);
}

static void judge_window(struct decoder *d, struct draft *draft)
{
	struct limit *l = &draft->limit;

	if (!draft->window)
		l->window = l->period_ns > 0 ? LIMIT_SMOOTH : LIMIT_AT_ONCE;
	else if (l->window == LIMIT_AT_ONCE && l->period_ns > 0)
		decode_fault(d, draft->window, "\"at-once\" has no period, and max has one");
	else if (l->window != LIMIT_AT_ONCE && l->period_ns == 0)
		decode_fault(d, draft->window,
			     "\"%s\" needs a period: write max as a rate, such as 200/h",
			     limit_window_name(l->window));
}

static void judge_burst(struct decoder *d, struct draft *draft)
{
	struct limit *l = &draft->limit;

	if (!draft->burst)
		return;
	if (l->window != LIMIT_SMOOTH) {
		decode_fault_key(d, draft->burst,
				 "only a smooth window has a burst, and this "
				 "one is %s",
				 limit_window_name(l->window));
		return;
	}
	if (l->unit == LIMIT_OCTETS ? !decode_size(d, draft->burst, &l->burst)
				    : !decode_count(d, draft->burst, DECODE_COUNT_MOST, &l->burst))
		return;
	if (l->amount > 0 && l->burst > l->amount)
		decode_fault(d, draft->burst, "the burst is larger than the limit itself");
}

/* "HH:MM" */
static void judge_reset(struct decoder *d, struct draft *draft)
{
	static const char expected[] = "a time of the day in UTC, such as 08:00";
	struct limit *l = &draft->limit;
	struct span text;
	int digits[4], minutes;

	if (!draft->reset)
		return;
	if (l->window != LIMIT_FIXED) {
		decode_fault_key(d, draft->reset,
				 "only a fixed window has a reset, and this one "
				 "is %s",
				 limit_window_name(l->window));
		return;
	}
	if (!decode_text(d, draft->reset, expected, &text))
		return;
	if (text.len != 5 || text.data[2] != ':')
		goto wrong;
	for (int i = 0; i < 4; i++) {
		digits[i] = text.data[i < 2 ? i : i + 1] - '0';
		if (digits[i] < 0 || digits[i] > 9)
			goto wrong;
	}
	minutes = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3];
	if (minutes >= 24 * 60 || digits[2] > 5)
		goto wrong;
	l->reset_ns = (int64_t)minutes * 60 * 1000000000;
	if (l->period_ns > 0 && l->reset_ns >= l->period_ns)
		decode_fault(d, draft->reset,
			     "the reset is later than the window is long: it repeats every period "
			     "of max");
	return;
wrong:
	decode_fault(d, draft->reset, "\"%s\" is not understood, expected %s", text.data, expected);
}

static void take_limit(struct decoder *d, const struct where *at)
{
	struct profile *p = d->profile;
	struct draft draft = {0};
	struct profile_limit *into;

	if (!decode_is_mapping(d, at, "a mapping with max, of and per"))
		return;
	if (p->limit_count == PROFILE_LIMITS_MAX) {
		decode_fault_key(d, at, "there are more than %d limits: leave some out",
				 PROFILE_LIMITS_MAX);
		return;
	}
	/* Counted also when it is wrong, so that a rule that names it is not wrong as well. */
	into = &p->limits[p->limit_count++];
	*into = (struct profile_limit){.name = at->key.data, .place = at->place};
	decode_mapping(d, at, limit_fields, &draft);
	if (draft.max && draft.has_unit && draft.has_scope && read_max(d, &draft)) {
		judge_window(d, &draft);
		judge_burst(d, &draft);
		judge_reset(d, &draft);
	}
	decode_marks(d, at, &into->source, &draft.limit.sureness);
	into->limit = draft.limit;
}

void decode_limits(struct decoder *d, const struct where *at, void *object)
{
	(void)object;
	if (!decode_is_mapping(d, at, "a mapping: name, then max, of and per"))
		return;
	for (size_t i = 0; i < at->node->count; i++) {
		const struct tree_item *item = &at->node->items[i];
		struct where member = {at, item->key, item->place, item->value};

		if (item->value->kind != TREE_NULL)
			take_limit(d, &member);
	}
}
