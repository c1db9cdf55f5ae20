/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode_value.c - single values of a profile read and judged, and mappings read by a table
 *
 * The readers are strict where base/units.h is lenient: "10" is a duration there, and a mistake in
 * a profile, where nobody could tell seconds from minutes.
 */
#include "profile/decode_value.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "profile/lint.h"
#include "profile/near.h"

#define PATH_MAX_  256
#define SHOWN_MAX  60 /* octets of a value in a message */
#define LISTED_MAX 12 /* words that a message lists */

/* ---- faults ---- */

static size_t append_path(const struct where *at, char *path, size_t size)
{
	size_t len = at->outer ? append_path(at->outer, path, size) : 0;
	int more;

	if (at->key.len == 0 || len >= size)
		return len;
	more = snprintf(path + len, size - len, "%s%.*s", len > 0 ? "." : "", (int)at->key.len,
			at->key.data);
	return more < 0 ? len : len + (size_t)more;
}

static void add_fault(struct decoder *d, const struct where *at, struct profile_place place,
		      const char *sentence)
{
	char path[PATH_MAX_] = "";

	append_path(at, path, sizeof(path));
	faults_add(d->faults, place, "%s%s%s", path, path[0] != '\0' ? ": " : "", sentence);
}

void decode_fault(struct decoder *d, const struct where *at, const char *fmt, ...)
{
	char sentence[ERR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	add_fault(d, at, at->node->place, sentence);
}

void decode_fault_key(struct decoder *d, const struct where *at, const char *fmt, ...)
{
	char sentence[ERR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	add_fault(d, at, at->place, sentence);
}

/* A value in a message, cut where it is long. */
static const char *shown(struct span text, char out[SHOWN_MAX + 8])
{
	bool is_long = text.len > SHOWN_MAX;

	snprintf(out, SHOWN_MAX + 8, "\"%.*s%s\"", (int)(is_long ? SHOWN_MAX : text.len),
		 text.len > 0 ? text.data : "", is_long ? "..." : "");
	return out;
}

static void fault_unfit(struct decoder *d, const struct where *at, const char *expected)
{
	char value[SHOWN_MAX + 8];
	struct span text = at->node->text;

	if (at->node->kind == TREE_NULL)
		decode_fault(d, at, "there is no value, expected %s", expected);
	else if (at->node->kind != TREE_SCALAR)
		decode_fault(d, at, "%s is not allowed here, expected %s",
			     at->node->kind == TREE_SEQUENCE ? "a list" : "a mapping", expected);
	else if (text.len > 1 && text.data[0] == '-' &&
		 ((text.data[1] >= '0' && text.data[1] <= '9') || text.data[1] == '.'))
		decode_fault(d, at, "%s is negative, expected %s", shown(text, value), expected);
	else
		decode_fault(d, at, "%s is not understood, expected %s", shown(text, value),
			     expected);
}

/* ---- mappings and lists ---- */

bool decode_is_mapping(struct decoder *d, const struct where *at, const char *expected)
{
	if (at->node->kind == TREE_MAPPING)
		return true;
	fault_unfit(d, at, expected);
	return false;
}

/* The key that was meant; NULL: none is near. */
static const char *fault_unknown_key(struct decoder *d, const struct where *at,
				     const struct tree_item *item, const struct field *fields)
{
	struct near near = {.word = item->key};
	struct where member = {at, item->key, item->place, item->value};
	char listed[ERR_TEXT_MAX / 2] = "";
	size_t len = 0;

	for (const struct field *f = fields; f->key; f++) {
		int more = snprintf(listed + len, sizeof(listed) - len, "%s%s",
				    f == fields ? "" : ", ", f->key);

		near_try(&near, f->key);
		if (more > 0 && len + (size_t)more < sizeof(listed))
			len += (size_t)more;
	}
	listed[len] = '\0';
	if (near.best)
		decode_fault_key(d, &member, "this key is not known here, did you mean \"%s\"?",
				 near.best);
	else
		decode_fault_key(d, &member, "this key is not known here; known are %s", listed);
	return near.best;
}

void decode_mapping(struct decoder *d, const struct where *at, const struct field *fields,
		    void *object)
{
	const char *meant = NULL;

	for (size_t i = 0; i < at->node->count; i++) {
		const struct tree_item *item = &at->node->items[i];
		struct where member = {at, item->key, item->place, item->value};
		const struct field *f = fields;

		while (f->key && !span_equal(item->key, span_of(f->key)))
			f++;
		if (!f->key)
			meant = fault_unknown_key(d, at, item, fields);
		else if (item->value->kind != TREE_NULL)
			f->take(d, &member, object);
	}
	for (const struct field *f = fields; f->key; f++) {
		const struct tree_item *item = tree_find(at->node, f->key);

		/* A misspelt key is one mistake, not two. */
		if (f->is_required && f->key != meant && (!item || item->value->kind == TREE_NULL))
			decode_fault_key(d, at, "\"%s\" is missing", f->key);
	}
}

bool decode_list(struct decoder *d, const struct where *at,
		 void (*take)(struct decoder *d, const struct where *at, size_t i, void *object),
		 void *object, size_t *ret_count)
{
	if (at->node->kind == TREE_MAPPING || at->node->kind == TREE_NULL) {
		fault_unfit(d, at, "a list");
		return false;
	}
	*ret_count = at->node->kind == TREE_SEQUENCE ? at->node->count : 1;
	if (at->node->kind == TREE_SCALAR)
		take(d, at, 0, object);
	for (size_t i = 0; i < at->node->count; i++) {
		const struct tree_item *item = &at->node->items[i];
		struct where member = {at, item->key, item->place, item->value};

		take(d, &member, i, object);
	}
	return true;
}

/* ---- values ---- */

bool decode_text(struct decoder *d, const struct where *at, const char *expected,
		 struct span *ret_text)
{
	if (at->node->kind != TREE_SCALAR || at->node->text.len == 0) {
		fault_unfit(d, at, expected);
		return false;
	}
	*ret_text = at->node->text;
	return true;
}

bool decode_pattern(struct decoder *d, const struct where *at, struct span *ret_pattern)
{
	char path[PATH_MAX_] = "";

	if (!decode_text(d, at, "a pattern", ret_pattern))
		return false;
	append_path(at, path, sizeof(path));
	if (strcmp(at->node->place.file, d->file) == 0)
		lint_pattern(*ret_pattern, at->node->place, path, d->faults);
	return true;
}

bool decode_duration_text(struct span text, int64_t *ret_ns)
{
	char last = text.len > 0 ? text.data[text.len - 1] : '0';

	return last > '9' && units_parse_duration(text, ret_ns);
}

bool decode_duration(struct decoder *d, const struct where *at, int64_t least_ns, int64_t most_ns,
		     int64_t *ret_ns)
{
	static const char expected[] = "a duration with its unit, such as 250ms, 10s, 5m, 2h or 1d";
	char value[SHOWN_MAX + 8], bound[UNITS_TEXT_MAX];
	struct span text;
	uint64_t count;
	int64_t ns;

	if (!decode_text(d, at, expected, &text))
		return false;
	if (!decode_duration_text(text, &ns)) {
		if (units_parse_count(text, &count) && text.data[text.len - 1] <= '9')
			decode_fault(d, at, "%s has no unit, expected %s", shown(text, value),
				     expected);
		else
			fault_unfit(d, at, expected);
		return false;
	}
	if (ns < least_ns || ns > most_ns) {
		bool is_short = ns < least_ns;

		decode_fault(d, at, "%s is too %s, expected at %s %s", shown(text, value),
			     is_short ? "short" : "long", is_short ? "least" : "most",
			     units_duration_text(is_short ? least_ns : most_ns, bound));
		return false;
	}
	*ret_ns = ns;
	return true;
}

static bool is_within(struct decoder *d, const struct where *at, uint64_t number, uint64_t most)
{
	char value[SHOWN_MAX + 8], bound[UNITS_TEXT_MAX];

	if (number == 0)
		decode_fault(d, at, "%s is nothing, expected more than zero",
			     shown(at->node->text, value));
	else if (number > most)
		decode_fault(d, at, "%s is absurd, expected at most %s",
			     shown(at->node->text, value), units_count_text(most, bound));
	return number > 0 && number <= most;
}

/* A number that one of units.h's parsers reads, from 1 to most. */
static bool decode_number(struct decoder *d, const struct where *at, const char *expected,
			  bool (*parse)(struct span text, uint64_t *ret_number), uint64_t most,
			  uint64_t *ret_number)
{
	struct span text;
	uint64_t number;

	if (!decode_text(d, at, expected, &text))
		return false;
	if (!parse(text, &number)) {
		fault_unfit(d, at, expected);
		return false;
	}
	if (!is_within(d, at, number, most))
		return false;
	*ret_number = number;
	return true;
}

bool decode_count(struct decoder *d, const struct where *at, uint64_t most, uint64_t *ret_count)
{
	return decode_number(d, at, "a count, such as 500 or 10k", units_parse_count, most,
			     ret_count);
}

bool decode_size(struct decoder *d, const struct where *at, uint64_t *ret_octets)
{
	return decode_number(d, at, "a size, such as 25MB or 30MiB", units_parse_size,
			     DECODE_OCTETS_MOST, ret_octets);
}

/* The period behind the slash: "h", or with a number of its own, "10m". */
static bool read_period(struct span text, int64_t *ret_ns)
{
	char one[24];

	if (text.len == 0 || text.len > sizeof(one) - 2)
		return false;
	if (text.data[0] >= '0' && text.data[0] <= '9')
		return decode_duration_text(text, ret_ns);
	snprintf(one, sizeof(one), "1%.*s", (int)text.len, text.data);
	return decode_duration_text(span_of(one), ret_ns);
}

bool decode_rate(struct decoder *d, const struct where *at, bool in_octets, uint64_t *ret_count,
		 int64_t *ret_period_ns)
{
	const char *expected = in_octets ? "a size in a time, such as 10GB/d"
					 : "a rate, such as 200/h, 30/1m or 319444/10m";
	char value[SHOWN_MAX + 8];
	struct span text, number, period;
	uint64_t count;
	int64_t ns;

	if (!decode_text(d, at, expected, &text))
		return false;
	period = text;
	if (!span_cut(&period, '/', &number) ||
	    !(in_octets ? units_parse_size(number, &count) : units_parse_count(number, &count)) ||
	    !read_period(period, &ns)) {
		fault_unfit(d, at, expected);
		return false;
	}
	if (!is_within(d, at, count, in_octets ? DECODE_OCTETS_MOST : DECODE_COUNT_MOST))
		return false;
	if (ns < 1000000 || ns > DECODE_YEAR_NS) {
		decode_fault(d, at, "the period of %s is absurd, expected 1 ms to 366 days",
			     shown(text, value));
		return false;
	}
	*ret_count = count;
	*ret_period_ns = ns;
	return true;
}

bool decode_share_text(struct span text, uint32_t *ret_ppm)
{
	uint64_t whole = 0, scale = 10000;
	bool is_behind = false, has_digit = false;

	if (text.len < 2 || text.data[text.len - 1] != '%')
		return false;
	for (size_t i = 0; i + 1 < text.len; i++) {
		char c = text.data[i];

		if (c == '.' && !is_behind) {
			is_behind = true;
			continue;
		}
		if (c < '0' || c > '9' || whole > 100000000)
			return false;
		has_digit = true;
		if (is_behind && scale == 1 && c != '0')
			return false; /* finer than a millionth */
		if (is_behind && scale == 1)
			continue;
		whole = whole * 10 + (uint64_t)(c - '0');
		if (is_behind)
			scale /= 10;
	}
	if (!has_digit || whole * scale > 1000000)
		return false;
	*ret_ppm = (uint32_t)(whole * scale);
	return true;
}

bool decode_share(struct decoder *d, const struct where *at, uint32_t least_ppm, uint32_t *ret_ppm)
{
	static const char expected[] = "a share, such as 20% or 0.5%, of at most 100%";
	char value[SHOWN_MAX + 8];
	struct span text;
	uint32_t ppm;

	if (!decode_text(d, at, expected, &text))
		return false;
	if (!decode_share_text(text, &ppm)) {
		fault_unfit(d, at, expected);
		return false;
	}
	if (ppm < least_ppm) {
		decode_fault(d, at, "%s is too little, expected at least %u.%04u%%",
			     shown(text, value), least_ppm / 10000, least_ppm % 10000);
		return false;
	}
	*ret_ppm = ppm;
	return true;
}

static void fault_unknown_word(struct decoder *d, const struct where *at,
			       const char *(*word)(unsigned i), unsigned count)
{
	char value[SHOWN_MAX + 8], listed[ERR_TEXT_MAX / 2] = "";
	struct near near = {.word = at->node->text};
	size_t len = 0;

	for (unsigned i = 0; i < count; i++) {
		int more = i < LISTED_MAX ? snprintf(listed + len, sizeof(listed) - len, "%s%s",
						     i == 0 ? "" : ", ", word(i))
					  : 0;

		near_try(&near, word(i));
		if (more > 0 && len + (size_t)more < sizeof(listed))
			len += (size_t)more;
	}
	listed[len] = '\0';
	shown(at->node->text, value);
	if (near.best)
		decode_fault(d, at, "%s is not known here, did you mean \"%s\"?", value, near.best);
	else
		decode_fault(d, at, "%s is not known here, expected %s%s", value, listed,
			     count > LISTED_MAX ? ", ..." : "");
}

bool decode_word(struct decoder *d, const struct where *at, const char *(*word)(unsigned i),
		 unsigned count, unsigned *ret_index)
{
	struct span text;

	if (!decode_text(d, at, "a word", &text))
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (span_equal(text, span_of(word(i)))) {
			*ret_index = i;
			return true;
		}
	}
	fault_unknown_word(d, at, word, count);
	return false;
}

/* ---- where a figure comes from ---- */

static const char *sureness_word(unsigned i)
{
	return sureness_name((enum sureness)i);
}

static void judge_source(struct decoder *d, const struct where *at)
{
	const struct tree_item *sources = tree_find(d->root, "sources");
	const struct tree_item *known =
		sources ? tree_find_span(sources->value, at->node->text) : NULL;
	struct near near = {.word = at->node->text};

	if (known && known->value->kind != TREE_NULL)
		return;
	for (size_t i = 0; sources && i < sources->value->count; i++)
		near_try(&near, sources->value->items[i].key.data);
	decode_fault(d, at, "there is no \"%s\" under sources%s%s%s: add it there",
		     at->node->text.data, near.best ? ", did you mean \"" : "",
		     near.best ? near.best : "", near.best ? "\"" : "");
}

void decode_marks(struct decoder *d, const struct where *at, const char **ret_source,
		  enum sureness *ret_sureness)
{
	const struct tree_item *source = tree_find(at->node, "source");
	const struct tree_item *sure = tree_find(at->node, "sure");
	unsigned sureness = SURE_ASSUMED;
	const char *key = NULL;
	struct span text;

	if (source && source->value->kind != TREE_NULL) {
		struct where member = {at, source->key, source->place, source->value};

		if (decode_text(d, &member, "a key of sources", &text)) {
			key = text.data;
			judge_source(d, &member);
		}
	}
	if (sure && sure->value->kind != TREE_NULL) {
		struct where member = {at, sure->key, sure->place, sure->value};

		if (decode_word(d, &member, sureness_word, SURENESS_COUNT, &sureness) &&
		    sureness != SURE_ASSUMED && !key)
			decode_fault(d, &member,
				     "what is %s has a source: name it with \"source\", or say "
				     "\"assumed\"",
				     sureness_word(sureness));
	}
	if (ret_source)
		*ret_source = key;
	if (ret_sureness)
		*ret_sureness = (enum sureness)sureness;
}

void decode_nothing(struct decoder *d, const struct where *at, void *object)
{
	(void)d;
	(void)at;
	(void)object;
}
