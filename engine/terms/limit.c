/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limit.c - the words of a limit
 */
#include "terms/limit.h"
#include <inttypes.h>
#include <stdio.h>
#include "base/clock.h"
#include "terms/words.h"

static const char *const unit_names[LIMIT_UNIT_COUNT] = {
	[LIMIT_MESSAGES] = "messages",
	[LIMIT_RECIPIENTS] = "recipients",
	[LIMIT_CONNECTIONS] = "connections",
	[LIMIT_OCTETS] = "octets",
};

static const char *const scope_names[LIMIT_SCOPE_COUNT] = {
	[LIMIT_PER_SOURCE] = "source",
	[LIMIT_PER_SOURCE_SITE] = "source-site",
	[LIMIT_PER_SITE] = "site",
	[LIMIT_PER_ACCOUNT] = "account",
	[LIMIT_PER_SENDER] = "sender",
	[LIMIT_PER_RECIPIENT] = "recipient",
	[LIMIT_PER_CONNECTION] = "connection",
	[LIMIT_PER_MESSAGE] = "message",
};

static const char *const window_names[LIMIT_WINDOW_COUNT] = {
	[LIMIT_AT_ONCE] = "at-once", [LIMIT_SMOOTH] = "smooth", [LIMIT_FIXED] = "fixed",
	[LIMIT_ROLLING] = "rolling", [LIMIT_DEBT] = "debt",
};

static const char *const sureness_names[SURENESS_COUNT] = {
	[SURE_ASSUMED] = "assumed",
	[SURE_COMMON] = "common",
	[SURE_DOCUMENTED] = "documented",
};

const char *limit_unit_name(enum limit_unit unit)
{
	return words_at(WORDS(unit_names), unit);
}

bool limit_unit_from_name(struct span name, enum limit_unit *ret_unit)
{
	unsigned value;

	if (!words_find(WORDS(unit_names), name, &value))
		return false;
	*ret_unit = (enum limit_unit)value;
	return true;
}

const char *limit_scope_name(enum limit_scope scope)
{
	return words_at(WORDS(scope_names), scope);
}

bool limit_scope_from_name(struct span name, enum limit_scope *ret_scope)
{
	unsigned value;

	if (!words_find(WORDS(scope_names), name, &value))
		return false;
	*ret_scope = (enum limit_scope)value;
	return true;
}

const char *limit_window_name(enum limit_window window)
{
	return words_at(WORDS(window_names), window);
}

bool limit_window_from_name(struct span name, enum limit_window *ret_window)
{
	unsigned value;

	if (!words_find(WORDS(window_names), name, &value))
		return false;
	*ret_window = (enum limit_window)value;
	return true;
}

const char *sureness_name(enum sureness sureness)
{
	return words_at(WORDS(sureness_names), sureness);
}

bool sureness_from_name(struct span name, enum sureness *ret_sureness)
{
	unsigned value;

	if (!words_find(WORDS(sureness_names), name, &value))
		return false;
	*ret_sureness = (enum sureness)value;
	return true;
}

/* " in 10 m", " a second"; empty for what has no period. */
static void period_text(int64_t period_ns, char *out, size_t size)
{
	static const struct {
		int64_t ns;
		const char *one, *unit;
	} units[] = {
		{86400 * NS_PER_SEC, "a day", "d"}, {3600 * NS_PER_SEC, "an hour", "h"},
		{60 * NS_PER_SEC, "a minute", "m"}, {NS_PER_SEC, "a second", "s"},
		{NS_PER_MS, "a millisecond", "ms"},
	};

	out[0] = '\0';
	for (size_t i = 0; period_ns > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (period_ns % units[i].ns != 0)
			continue;
		if (period_ns == units[i].ns)
			snprintf(out, size, " %s", units[i].one);
		else
			snprintf(out, size, " in %" PRId64 " %s", period_ns / units[i].ns,
				 units[i].unit);
		return;
	}
	if (period_ns > 0)
		snprintf(out, size, " in %" PRId64 " ns", period_ns);
}

const char *limit_text(const struct limit *l, char out[LIMIT_TEXT_MAX])
{
	char period[40];
	bool is_held = l->unit == LIMIT_CONNECTIONS && l->period_ns == 0;
	const char *unit = limit_unit_name(l->unit);
	int len = (int)strlen(unit) - (l->amount == 1);

	period_text(l->period_ns, period, sizeof(period));
	snprintf(out, LIMIT_TEXT_MAX, "%" PRIu64 " %.*s%s%s per %s", l->amount, len, unit,
		 is_held ? " at once" : "", period, limit_scope_name(l->scope));
	return out;
}
