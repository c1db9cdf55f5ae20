/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules_filter.c - whether a text can match a pattern at all
 *
 * A reply that was not seen before would have to be searched for every rule, and most of the time
 * would go into patterns that cannot match: a pattern of ten alternatives tries each of them at
 * each octet. So what a pattern needs is worked out once: the stretches of literal octets that must
 * stand in any text that it matches, as a tree of "all of" and "one of". A text is reduced to the
 * set of its pairs and triples of octets, hashed into a small table of bits, and a pattern whose
 * stretches are not all in it is passed over.
 *
 * The filter may let a text through that does not match; it must never hold one back that does.
 * Whatever of a pattern's syntax is not understood here needs nothing.
 */
#include <stdlib.h>
#include <string.h>
#include "profile/rules_private.h"

#define STRETCH_MAX 64	/* octets of a stretch that count */
#define HASHES_MAX  4	/* of a stretch */
#define DEPTH_MAX   32	/* of groups */
#define NODES_MAX   512 /* of one pattern; a pattern with more needs nothing */

enum need_kind {
	NEED_NOTHING,
	NEED_STRETCH,
	NEED_ALL,
	NEED_ONE,
};

/* Children are a list: the first one, and of each the next. */
struct need {
	uint8_t kind, hash_count;
	uint16_t leaf_count;  /* stretches in it: what it costs to find it unmet */
	uint16_t first, next; /* index + 1; 0: none */
	uint16_t hashes[HASHES_MAX];
};

struct rules_filter {
	uint16_t root; /* index + 1; 0: it needs nothing */
	uint16_t count;
	struct need needs[];
};

/* --- reading a pattern -------------------------------------------------------------------- */

struct reader {
	struct span rest;
	struct need needs[NODES_MAX];
	uint16_t count;
	bool is_lost; /* something that is not understood: the pattern needs nothing */
};

/* A sequence that is being read. */
struct sequence {
	uint16_t first; /* of its needs */
	char stretch[STRETCH_MAX];
	size_t len;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint16_t hash_of(const char *octets, size_t len)
{
	uint32_t hash = (uint32_t)len;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)octets[i]) * UINT32_C(0x01000193);
	return (uint16_t)((hash ^ hash >> 15) % RULES_FILTER_BITS);
}

static uint16_t need_new(struct reader *r, enum need_kind kind)
{
	if (r->count == NODES_MAX) {
		r->is_lost = true;
		return 0;
	}
	r->needs[r->count] = (struct need){.kind = (uint8_t)kind};
	return ++r->count;
}

/* Cheap ones first: what is not met should show early. */
static void need_add(struct reader *r, uint16_t *list, uint16_t need)
{
	struct need *n;

	if (need == 0)
		return;
	n = &r->needs[need - 1];
	while (*list != 0 && r->needs[*list - 1].leaf_count < n->leaf_count)
		list = &r->needs[*list - 1].next;
	n->next = *list;
	*list = need;
}

/* A need made of a list of them. */
static uint16_t need_join(struct reader *r, enum need_kind kind, uint16_t list)
{
	uint16_t need = need_new(r, kind);

	if (need == 0)
		return 0;
	r->needs[need - 1].first = list;
	for (; list != 0; list = r->needs[list - 1].next)
		r->needs[need - 1].leaf_count =
			(uint16_t)(r->needs[need - 1].leaf_count + r->needs[list - 1].leaf_count);
	return need;
}

/* What was read literally so far becomes a need. */
static void stretch_end(struct reader *r, struct sequence *s)
{
	size_t part = s->len >= 3 ? 3 : 2;
	uint16_t need;

	if (s->len >= 2 && (need = need_new(r, NEED_STRETCH)) != 0) {
		struct need *n = &r->needs[need - 1];

		for (size_t i = 0; i + part <= s->len && n->hash_count < HASHES_MAX; i++)
			n->hashes[n->hash_count++] = hash_of(s->stretch + i, part);
		n->leaf_count = 1;
		need_add(r, &s->first, need);
	}
	s->len = 0;
}

static bool take(struct reader *r, char c)
{
	if (r->rest.len == 0 || r->rest.data[0] != c)
		return false;
	r->rest = span_skip(r->rest, 1);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum times { TIMES_ONE, TIMES_SOME, TIMES_MAYBE };

/* "{2,5}" from its brace on; a brace that begins no quantifier is a literal. "{,5}" is one or the
 * other, as the version of PCRE2 has it. */
static bool take_braces(struct reader *r, enum times *ret_times)
{
	size_t i = 1, digits = 0;
	bool is_zero = true;

	while (i < r->rest.len && is_digit(r->rest.data[i])) {
		is_zero = is_zero && r->rest.data[i] == '0';
		digits++;
		i++;
	}
	if (digits == 0) {
		r->is_lost = r->is_lost || (i < r->rest.len && r->rest.data[i] == ',');
		return false;
	}
	if (i < r->rest.len && r->rest.data[i] == ',') {
		i++;
		while (i < r->rest.len && is_digit(r->rest.data[i]))
			i++;
	}
	if (i >= r->rest.len || r->rest.data[i] != '}')
		return false;
	r->rest = span_skip(r->rest, i + 1);
	*ret_times = is_zero ? TIMES_MAYBE : TIMES_SOME;
	return true;
}

/* The quantifier behind an atom, with what makes it lazy or possessive. */
static enum times take_times(struct reader *r)
{
	enum times times = TIMES_ONE;

	if (take(r, '?') || take(r, '*'))
		times = TIMES_MAYBE;
	else if (take(r, '+'))
		times = TIMES_SOME;
	else if (r->rest.len == 0 || r->rest.data[0] != '{' || !take_braces(r, &times))
		return TIMES_ONE;
	if (!take(r, '?'))
		take(r, '+');
	return times;
}

static void take_literal(struct reader *r, struct sequence *s, char c)
{
	enum times times = take_times(r);

	if (times == TIMES_MAYBE) {
		stretch_end(r, s);
		return;
	}
	if (s->len == STRETCH_MAX)
		stretch_end(r, s);
	s->stretch[s->len++] = lower(c);
	if (times == TIMES_SOME)
		stretch_end(r, s);
}

/* A set "[...]": any octet to us. */
static void take_set(struct reader *r, struct sequence *s)
{
	bool is_first = true;

	take(r, '^');
	while (r->rest.len > 0 && (is_first || r->rest.data[0] != ']')) {
		/* "[:alpha:]" within a set, and "\]". */
		if (r->rest.len > 1 && r->rest.data[0] == '[' && r->rest.data[1] == ':')
			r->is_lost = true;
		r->rest = span_skip(r->rest, r->rest.data[0] == '\\' && r->rest.len > 1 ? 2 : 1);
		is_first = false;
	}
	if (!take(r, ']'))
		r->is_lost = true;
	take_times(r);
	stretch_end(r, s);
}

/* Behind a backslash. */
static void take_escape(struct reader *r, struct sequence *s)
{
	char c;

	if (r->rest.len == 0) {
		r->is_lost = true;
		return;
	}
	c = r->rest.data[0];
	r->rest = span_skip(r->rest, 1);
	if (c == 'b' || c == 'B' || c == 'A' || c == 'z' || c == 'Z') {
		/* Between octets: a stretch goes on over it. */
		if (take_times(r) != TIMES_ONE)
			r->is_lost = true;
	} else if (memchr("dDwWsShHvVR", c, 11) != NULL) {
		take_times(r);
		stretch_end(r, s);
	} else if (is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z')) {
		r->is_lost = true;
	} else {
		take_literal(r, s, c);
	}
}

static uint16_t read_choice(struct reader *r, int depth);

/* Behind "(": what must be in it, unless it may be left out. */
static void take_group(struct reader *r, struct sequence *s, int depth)
{
	bool is_aside = false;
	uint16_t need;

	stretch_end(r, s);
	if (take(r, '*')) {
		r->is_lost = true;
		return;
	}
	if (take(r, '?')) {
		bool is_behind = take(r, '<');

		is_aside = take(r, '!') || take(r, '=');
		/* Names, flags, conditions and whatever else there is. */
		if ((is_behind && !is_aside) || (!is_aside && !take(r, ':'))) {
			r->is_lost = true;
			return;
		}
	}
	need = read_choice(r, depth + 1);
	if (!take(r, ')'))
		r->is_lost = true;
	if (take_times(r) != TIMES_MAYBE && !is_aside)
		need_add(r, &s->first, need);
}

/* Up to "|", ")" or the end. Returns the need of it; 0: nothing. */
static uint16_t read_sequence(struct reader *r, int depth)
{
	struct sequence s = {0};

	while (r->rest.len > 0 && !r->is_lost) {
		char c = r->rest.data[0];

		if (c == '|' || c == ')')
			break;
		r->rest = span_skip(r->rest, 1);
		if (c == '(') {
			take_group(r, &s, depth);
		} else if (c == '[') {
			take_set(r, &s);
		} else if (c == '\\') {
			take_escape(r, &s);
		} else if (c == '.') {
			take_times(r);
			stretch_end(r, &s);
		} else if (c != '^' && c != '$') {
			take_literal(r, &s, c);
		}
	}
	stretch_end(r, &s);
	if (s.first == 0 || r->needs[s.first - 1].next == 0)
		return s.first;
	return need_join(r, NEED_ALL, s.first);
}

/* Alternatives; when one of them needs nothing, the choice needs nothing. */
static uint16_t read_choice(struct reader *r, int depth)
{
	uint16_t list = 0, need;
	bool is_free = false;
	int count = 0;

	if (depth > DEPTH_MAX) {
		r->is_lost = true;
		return 0;
	}
	do {
		need = read_sequence(r, depth);
		is_free = is_free || need == 0;
		need_add(r, &list, need);
		count++;
	} while (!r->is_lost && take(r, '|'));
	if (r->is_lost || is_free)
		return 0;
	return count == 1 ? list : need_join(r, NEED_ONE, list);
}

struct rules_filter *rules_filter_new(struct span pattern)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct rules_filter *f = NULL;
	uint16_t root;

	if (r == NULL)
		return NULL;
	r->rest = pattern;
	root = read_choice(r, 0);
	if (r->is_lost || r->rest.len > 0)
		root = 0;
	f = calloc(1, sizeof(*f) + (root != 0 ? r->count : 0) * sizeof(f->needs[0]));
	if (f != NULL && root != 0) {
		f->root = root;
		f->count = r->count;
		memcpy(f->needs, r->needs, r->count * sizeof(f->needs[0]));
	}
	free(r);
	return f;
}

void rules_filter_free(struct rules_filter *f)
{
	free(f);
}

/* --- asking it ---------------------------------------------------------------------------- */

static void bit_set(struct rules_filter_text *t, uint16_t bit)
{
	t->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool bit_is_set(const struct rules_filter_text *t, uint16_t bit)
{
	return (t->bits[bit / 64] >> bit % 64 & 1) != 0;
}

void rules_filter_text(struct rules_filter_text *t, struct span text)
{
	char last[3] = {0};

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < text.len; i++) {
		last[0] = last[1];
		last[1] = last[2];
		last[2] = lower(text.data[i]);
		if (i >= 1)
			bit_set(t, hash_of(last + 1, 2));
		if (i >= 2)
			bit_set(t, hash_of(last, 3));
	}
}

static bool is_met(const struct rules_filter *f, const struct rules_filter_text *t, uint16_t need)
{
	const struct need *n = &f->needs[need - 1];

	switch ((enum need_kind)n->kind) {
	case NEED_NOTHING:
		return true;
	case NEED_STRETCH:
		for (int i = 0; i < n->hash_count; i++)
			if (!bit_is_set(t, n->hashes[i]))
				return false;
		return true;
	case NEED_ALL:
		for (uint16_t child = n->first; child != 0; child = f->needs[child - 1].next)
			if (!is_met(f, t, child))
				return false;
		return true;
	case NEED_ONE:
		for (uint16_t child = n->first; child != 0; child = f->needs[child - 1].next)
			if (is_met(f, t, child))
				return true;
		return false;
	}
	return true;
}

bool rules_filter_passes(const struct rules_filter *f, const struct rules_filter_text *t)
{
	return f->root == 0 || is_met(f, t, f->root);
}
