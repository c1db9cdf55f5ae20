/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules_hold.c - how long a reply asks to wait
 *
 * Servers say it in many forms: "try again in 300 seconds", "wait 5 min 30 s", "come back in
 * 00:05:00", "retry after an hour". The same figures also say what was counted ("100 messages in
 * 60 minutes"), so that a time alone proves nothing: a word of waiting must stand in the same
 * clause, and no other number between that word and the time.
 *
 * Read by hand and not by a pattern, because the look backwards and the look ahead would make that
 * pattern the slowest one of all.
 */
#include "profile/rules_private.h"

#define CLAUSE_BEFORE 64 /* octets that are looked at in front of a time */
#define CLAUSE_BEHIND 24
#define WORD_MAX      16
#define NUMBER_MAX    INT64_C(1000000000)
#define SECONDS_MAX   INT64_C(1000000000)

static const struct {
	const char *name;
	int32_t seconds;
} units[] = {
	{"s", 1},	 {"sec", 1},	   {"secs", 1},	      {"second", 1},   {"seconds", 1},
	{"m", 60},	 {"min", 60},	   {"mins", 60},      {"minute", 60},  {"minutes", 60},
	{"h", 3600},	 {"hr", 3600},	   {"hrs", 3600},     {"hour", 3600},  {"hours", 3600},
	{"d", 86400},	 {"day", 86400},   {"days", 86400},   {"sekunde", 1},  {"sekunden", 1},
	{"minuten", 60}, {"stunde", 3600}, {"stunden", 3600}, {"seconde", 1},  {"secondes", 1},
	{"heure", 3600}, {"heures", 3600}, {"segundo", 1},    {"segundos", 1}, {"minuto", 60},
	{"minutos", 60}, {"hora", 3600},   {"horas", 3600},   {"secondi", 1},  {"secondo", 1},
	{"minuti", 60},	 {"ora", 3600},	   {"ore", 3600},     {"sekund", 1},   {"minut", 60},
};

/* Parts of words, as they begin. */
static const char *const waiting[] = {
	"again",  "back",    "wait",   "retr",	  "later",  "delay",   "greylist", "graylist",
	"defer",  "resen",   "return", "suspend", "erneut", "versuch", "essa",	   "reintent",
	"reessa", "riprova", "pause",  "hold",	  "expect", "resum",   "ponow",	   "povtor",
};

/* In front of a time they make it a window that was counted in. */
static const char *const counting[] = {"per", "last", "past", "every", "each", "previous", "pro"};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The letters from at on, in lower case; "" when there are none or too many. Returns how many. */
static size_t word_at(struct span text, size_t at, char word[WORD_MAX])
{
	size_t len = 0;

	while (at + len < text.len && is_letter(text.data[at + len])) {
		if (len < WORD_MAX - 1)
			word[len] = lower(text.data[at + len]);
		len++;
	}
	word[len < WORD_MAX ? len : 0] = '\0';
	return len;
}

static int64_t unit_seconds(const char *word)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(word, units[i].name) == 0)
			return units[i].seconds;
	return 0;
}

static bool is_waiting(const char *word)
{
	for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++)
		if (strncmp(word, waiting[i], strlen(waiting[i])) == 0)
			return true;
	return false;
}

static bool is_counting(const char *word)
{
	for (size_t i = 0; i < sizeof(counting) / sizeof(counting[0]); i++)
		if (strcmp(word, counting[i]) == 0)
			return true;
	return false;
}

/* A full stop ends a clause where a space or the end is behind it, but for abbreviations. */
static bool ends_clause(struct span text, size_t at)
{
	char c = text.data[at];
	char word[WORD_MAX];
	size_t start = at;

	if (c == ';' || c == '!' || c == '\n')
		return true;
	if (c != '.' || (at + 1 < text.len && text.data[at + 1] != ' '))
		return false;
	while (start > 0 && is_letter(text.data[start - 1]))
		start--;
	word_at(text, start, word);
	return strcmp(word, "approx") != 0 && strcmp(word, "min") != 0 &&
	       strcmp(word, "sec") != 0 && strcmp(word, "ca") != 0;
}

/* Looks from a time that begins at `at` back to the begin of its clause. */
static bool waits_before(struct span text, size_t at)
{
	size_t end = at > CLAUSE_BEFORE ? at - CLAUSE_BEFORE : 0;
	bool is_first = true;

	for (size_t i = at; i > end; i--) {
		char c = text.data[i - 1];
		char word[WORD_MAX];

		if (is_digit(c) || ends_clause(text, i - 1))
			return false;
		if (!is_letter(c) || (i >= 2 && is_letter(text.data[i - 2])))
			continue;
		/* Here a word begins. */
		word_at(text, i - 1, word);
		if (is_first && is_counting(word))
			return false;
		is_first = false;
		if (is_waiting(word))
			return true;
	}
	return false;
}

/* "in 5 minutes try again", "300 seconds before retrying": looks ahead within the clause. */
static bool waits_behind(struct span text, size_t at)
{
	size_t end = at + CLAUSE_BEHIND < text.len ? at + CLAUSE_BEHIND : text.len;
	char word[WORD_MAX];

	for (size_t i = at; i < end; i++) {
		char c = text.data[i];

		if (is_digit(c) || c == ',' || c == '(' || c == ')' || ends_clause(text, i))
			return false;
		if (is_letter(c) && (i == 0 || !is_letter(text.data[i - 1]))) {
			word_at(text, i, word);
			if (is_waiting(word))
				return true;
		}
	}
	return false;
}

static int64_t number_at(struct span text, size_t *at)
{
	int64_t number = 0;

	while (*at < text.len && is_digit(text.data[*at])) {
		if (number < NUMBER_MAX)
			number = number * 10 + (text.data[*at] - '0');
		(*at)++;
	}
	return number;
}

/* "04:59" or "00:05:00" from the first colon on; 0 when it is neither. */
static int64_t clock_at(struct span text, size_t *at, int64_t first)
{
	int64_t parts[3] = {first, 0, 0};
	int count = 1;
	size_t i = *at;

	while (count < 3 && i + 2 < text.len && text.data[i] == ':' && is_digit(text.data[i + 1]) &&
	       is_digit(text.data[i + 2])) {
		i++;
		parts[count++] = number_at(text, &i);
	}
	if (count == 1 || parts[0] > 99 || parts[1] > 59 || parts[2] > 59)
		return 0;
	*at = i;
	return count == 2 ? parts[0] * 60 + parts[1] : parts[0] * 3600 + parts[1] * 60 + parts[2];
}

/* A number has been read; takes its unit. 0 when none is there. */
static int64_t amount_at(struct span text, size_t *at, int64_t number)
{
	char word[WORD_MAX];
	size_t i = *at, len;
	int64_t seconds;

	if (i + 1 < text.len && text.data[i] == '.' && is_digit(text.data[i + 1])) {
		i++; /* fractions of a second do not matter: "299.0 secs" */
		number_at(text, &i);
	}
	while (i < text.len && (text.data[i] == ' ' || text.data[i] == '-'))
		i++;
	len = word_at(text, i, word);
	seconds = unit_seconds(word);
	if (len == 0 || seconds == 0)
		return 0;
	*at = i + len;
	return number > SECONDS_MAX / seconds ? SECONDS_MAX : number * seconds;
}

/* The whole of "5 min 30 s" or "1 hour and 10 minutes", from the first digit; 0: no time. */
static int64_t time_at(struct span text, size_t *at)
{
	int64_t number = number_at(text, at), seconds, total;
	char word[WORD_MAX];

	if (*at < text.len && text.data[*at] == ':')
		return clock_at(text, at, number);
	total = amount_at(text, at, number);
	while (total > 0) {
		size_t i = *at;

		while (i < text.len && (text.data[i] == ' ' || text.data[i] == ','))
			i++;
		if (word_at(text, i, word) == 3 && strcmp(word, "and") == 0)
			i += 4;
		if (i >= text.len || !is_digit(text.data[i]))
			break;
		number = number_at(text, &i);
		seconds = amount_at(text, &i, number);
		if (seconds == 0 || total + seconds > SECONDS_MAX)
			break;
		total += seconds;
		*at = i;
	}
	return total;
}

/* "an hour", "one minute": at the word; 0 when no unit follows. */
static int64_t single_at(struct span text, size_t *at)
{
	char word[WORD_MAX];
	size_t len = word_at(text, *at, word);
	size_t behind = *at + len;

	*at = behind;
	if (strcmp(word, "an") != 0 && strcmp(word, "a") != 0 && strcmp(word, "one") != 0)
		return 0;
	if (behind >= text.len || text.data[behind] != ' ')
		return 0;
	len = word_at(text, behind + 1, word);
	if (len < 3 || unit_seconds(word) == 0)
		return 0;
	*at = behind + 1 + len;
	return unit_seconds(word);
}

int64_t rules_hold(struct span text)
{
	size_t i = 0;

	while (i < text.len) {
		size_t start = i;
		int64_t seconds;

		if (is_digit(text.data[i])) {
			bool stands_alone = i == 0 || text.data[i - 1] == ' ' ||
					    text.data[i - 1] == '(' || text.data[i - 1] == '=' ||
					    text.data[i - 1] == ':' || text.data[i - 1] == '\n';

			seconds = time_at(text, &i);
			if (!stands_alone)
				seconds = 0;
		} else if (is_letter(text.data[i])) {
			seconds = single_at(text, &i);
		} else {
			i++;
			continue;
		}
		if (seconds > 0 && (waits_before(text, start) || waits_behind(text, i)))
			return seconds * RULES_HOLD_MIN_NS;
	}
	return 0;
}
