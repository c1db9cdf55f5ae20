/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wording.c - replies that say the same in the same words
 *
 * The text is cut into pieces at white space and brackets. A piece that is an address of any kind,
 * a number or an id is replaced by a pattern of its kind; the rest stands for itself. Names that
 * change (a user's, a domain's) look like any other word: they show by many wordings that differ
 * in one place, and such wordings become one.
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "learn/line.h"
#include "learn/wording.h"

#define PATTERN_MAX 6144u

/* Texts that are remembered with their wording; others are looked at anew each time. */
#define KEYS_MAX 65536u

/* So many wordings of one code that differ in one word are a family. */
#define FAMILY_SIZE  8
#define FAMILY_WORDS 3 /* at least so many words must be there to agree */

#define PATTERN_ADDRESS "[^\\s@<>]+@[^\\s@<>,;]+"
#define PATTERN_IPV4	"\\d+(?:\\.\\d+){3}"
#define PATTERN_IPV6	"[\\da-f:.]+"
#define PATTERN_ID	"[\\w.+=/-]+"
#define PATTERN_NUMBER	"\\d+"
#define PATTERN_ANY	"\\S+"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z');
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

/* Where one piece ends and another begins, beside white space. */
static bool is_divider(char c)
{
	return c == '\0' || strchr("()[]<>{}\"',;=|", c) != NULL;
}

static bool is_ipv4(struct span piece)
{
	int dots = 0, digits = 0;

	for (size_t i = 0; i < piece.len; i++) {
		if (is_digit(piece.data[i]) && digits < 3) {
			digits++;
		} else if (piece.data[i] == '.' && digits > 0) {
			dots++;
			digits = 0;
		} else {
			return false;
		}
	}
	return dots == 3 && digits > 0;
}

static bool is_ipv6(struct span piece)
{
	int colons = 0, digits = 0;

	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.data[i];

		if (c == ':')
			colons++;
		else if (is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			digits++;
		else if (c != '.')
			return false;
	}
	return colons >= 2 && digits > 0;
}

static bool is_address(struct span piece)
{
	const char *at = piece.len > 0 ? memchr(piece.data, '@', piece.len) : NULL;

	return at != NULL && at != piece.data && at != piece.data + piece.len - 1;
}

/* "TSS04", "S3150", "CS-01": names of errors, which tell replies apart. */
static bool is_error_name(struct span piece)
{
	size_t digits = 0;

	if (piece.len < 3 || piece.len > 8 || !is_upper(piece.data[0]))
		return false;
	for (size_t i = 0; i < piece.len; i++) {
		if (!is_upper(piece.data[i]) && !is_digit(piece.data[i]) && piece.data[i] != '-')
			return false;
		digits += is_digit(piece.data[i]);
	}
	return digits > 0 && 2 * digits <= piece.len + 3;
}

/* "z17-20020a170902", "4JfcC62DS0z1c1C": letters and digits in a mixture that no word has. */
static bool is_id(struct span piece)
{
	size_t digits = 0, letters = 0, hex = 0, turns = 0;

	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.data[i];

		if (!is_digit(c) && !is_letter(c) && strchr("-_.+/", c) == NULL)
			return false;
		digits += is_digit(c);
		letters += is_letter(c);
		hex += is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
		if (i > 0)
			turns += is_digit(c) != is_digit(piece.data[i - 1]);
	}
	/* One of many digits may by chance be all digits, or nearly none. */
	if (piece.len >= 12 && hex == piece.len)
		return true;
	if (digits < 2 || letters < 1 || piece.len < 6)
		return false;
	return turns >= 3 || (piece.len >= 10 && 2 * digits >= piece.len);
}

static bool append_literal(struct buf *b, char c)
{
	/* '?' stands for an octet that was no text. */
	if (c == '?')
		return buf_append_text(b, ".");
	/* A profile's reply fills in what stands in braces, so that it is written without them. */
	if (c == '{' || c == '}')
		return buf_append_text(b, c == '{' ? "[{(]" : "[)}]");
	if (strchr("\\^$.|*+()[]", c) != NULL && !buf_append_text(b, "\\"))
		return false;
	return buf_append(b, &c, 1);
}

/* Runs of digits, and of what is beyond ASCII, are left open. */
static bool append_plain(struct buf *b, struct span piece)
{
	for (size_t i = 0; i < piece.len;) {
		size_t from = i;
		bool done;

		while (i < piece.len && is_digit(piece.data[i]))
			i++;
		if (i > from) {
			done = buf_append_text(b, PATTERN_NUMBER);
		} else if ((unsigned char)piece.data[i] >= 0x80) {
			while (i < piece.len && (unsigned char)piece.data[i] >= 0x80)
				i++;
			done = buf_append_text(b, PATTERN_ANY);
		} else {
			done = append_literal(b, piece.data[i++]);
		}
		if (!done)
			return false;
	}
	return true;
}

static bool append_piece(struct buf *b, struct span piece)
{
	struct span tail = piece;

	/* Punctuation at the end is the sentence's. */
	while (piece.len > 0 && strchr(".:!?", piece.data[piece.len - 1]) != NULL)
		piece.len--;
	tail = span_skip(tail, piece.len);
	if (is_error_name(piece)) {
		bool done = true;

		for (size_t i = 0; done && i < piece.len; i++)
			done = append_literal(b, piece.data[i]);
		return done && append_plain(b, tail);
	}
	if (is_address(piece))
		return buf_append_text(b, PATTERN_ADDRESS) && append_plain(b, tail);
	if (is_ipv4(piece))
		return buf_append_text(b, PATTERN_IPV4) && append_plain(b, tail);
	if (is_ipv6(piece))
		return buf_append_text(b, PATTERN_IPV6) && append_plain(b, tail);
	if (is_id(piece))
		return buf_append_text(b, PATTERN_ID) && append_plain(b, tail);
	return append_plain(b, piece) && append_plain(b, tail);
}

/* The digits and dots of an enhanced code at the start of text; 0: there is none. */
static size_t enhanced_length(struct span text)
{
	size_t len = 0;
	int dots = 0;

	while (len < text.len && (is_digit(text.data[len]) || text.data[len] == '.'))
		dots += text.data[len++] == '.';
	return len < 5 || dots != 2 || (len < text.len && !is_space(text.data[len])) ? 0 : len;
}

/*
 * Moves *at behind an enhanced code that begins another line, and the space that follows: rules
 * see it once. *at is where the line's text begins, from where the white space before it does.
 */
static void skip_enhanced(struct span text, size_t from, size_t *at)
{
	size_t len;

	if (memchr(text.data + from, '\n', *at - from) == NULL)
		return;
	len = enhanced_length(span_skip(text, *at));
	*at += len;
	while (len > 0 && *at < text.len && is_space(text.data[*at]))
		(*at)++;
}

static bool append_text(struct buf *b, struct span text)
{
	for (size_t i = 0; i < text.len;) {
		size_t from = i;

		while (i < text.len && is_space(text.data[i]))
			i++;
		if (i > from) {
			/* Rules see each run of white space as one space (rules.h). */
			if (!buf_append_text(b, " "))
				return false;
			skip_enhanced(text, from, &i);
			continue;
		}
		if (is_divider(text.data[i])) {
			if (!append_literal(b, text.data[i++]))
				return false;
			continue;
		}
		while (i < text.len && !is_space(text.data[i]) && !is_divider(text.data[i]))
			i++;
		if (!append_piece(b, (struct span){text.data + from, i - from}))
			return false;
	}
	return true;
}

bool wording_pattern(struct span text, char *out, size_t out_size)
{
	size_t enhanced = enhanced_length(text);
	struct buf b;
	bool done;

	buf_init(&b, PATTERN_MAX);
	done = buf_append_text(&b, "^");
	/* The enhanced code is no number like others: it stands in the pattern as it is. */
	for (size_t i = 0; done && i < enhanced; i++)
		done = append_literal(&b, text.data[i]);
	done = done && append_text(&b, span_skip(text, enhanced)) && buf_append(&b, "$", 2) &&
	       b.len <= out_size;
	if (done)
		memcpy(out, b.data, b.len);
	buf_fini(&b);
	return done;
}

/* ---- families ---- */

/* True when the patterns agree in all words but one, which *ret_word is of a's. */
static bool differ_in_one(struct span a, struct span b, struct span *ret_word)
{
	int differences = 0, words = 0;

	while (a.len > 0 && b.len > 0) {
		struct span x, y;

		span_cut(&a, ' ', &x);
		span_cut(&b, ' ', &y);
		words++;
		if (span_equal(x, y))
			continue;
		/* The first and the last hold the anchors. */
		if (words == 1 || a.len == 0 || ++differences > 1)
			return false;
		*ret_word = x;
	}
	return a.len == 0 && b.len == 0 && differences == 1 && words > FAMILY_WORDS;
}

static char *with_open_word(const char *pattern, struct span word)
{
	size_t before = (size_t)(word.data - pattern), len = strlen(pattern);
	size_t open = strlen(PATTERN_ANY), after = len - before - word.len;
	char *out = malloc(before + open + after + 1);

	if (out == NULL)
		return NULL;
	memcpy(out, pattern, before);
	memcpy(out + before, PATTERN_ANY, open);
	memcpy(out + before + open, pattern + before + word.len, after + 1);
	return out;
}

static bool is_of(const struct wording *w, const struct reply *r)
{
	return w->code == r->code && w->enhanced.class == r->enhanced.class &&
	       w->enhanced.subject == r->enhanced.subject &&
	       w->enhanced.detail == r->enhanced.detail;
}

/* A wording that this one is another member of; -1: none. */
static int find_family(struct wordings *w, const struct reply *reply, const char *pattern)
{
	int found = -1, relatives = 0;
	struct span word = {0}, first = {0};
	char *open;

	for (size_t i = 0; i < w->count; i++) {
		struct wording *x = &w->items[i];

		/* When there is room for no more, only families that stand already take some in. */
		if (!is_of(x, reply) || (x->loose == 0 && w->count == WORDINGS_MAX) ||
		    !differ_in_one(span_of(x->pattern), span_of(pattern), &word))
			continue;
		if (span_equal(word, SPAN(PATTERN_ANY)))
			return (int)i;
		relatives++;
		if (found < 0) {
			found = (int)i;
			first = word;
		}
	}
	if (relatives < FAMILY_SIZE)
		return -1;
	open = with_open_word(w->items[found].pattern, first);
	if (open == NULL)
		return -1;
	free(w->items[found].pattern);
	w->items[found].pattern = open;
	w->items[found].loose++;
	return found;
}

/* ---- the list ---- */

void wordings_init(struct wordings *w)
{
	*w = (struct wordings){0};
}

void wordings_fini(struct wordings *w)
{
	for (size_t i = 0; i < w->count; i++) {
		free(w->items[i].text);
		free(w->items[i].pattern);
	}
	free(w->items);
	table_fini(&w->table);
	*w = (struct wordings){0};
}

static int add_new(struct wordings *w, const struct reply *reply, const char *pattern)
{
	struct wording *items = realloc(w->items, (w->count + 1) * sizeof(*items));
	struct wording *x;

	if (items == NULL)
		return -1;
	w->items = items;
	x = &items[w->count];
	*x = (struct wording){.code = reply->code, .enhanced = reply->enhanced};
	x->text = strndup(reply->text.len > 0 ? reply->text.data : "", reply->text.len);
	x->pattern = strdup(pattern);
	if (x->text == NULL || x->pattern == NULL) {
		free(x->text);
		free(x->pattern);
		return -1;
	}
	return (int)w->count++;
}

/* There is no room for another: the last one of the same code stands for it. */
static int add_to_last(struct wordings *w, const struct reply *reply)
{
	w->overflow++;
	for (size_t i = w->count; i-- > 0;)
		if (w->items[i].code == reply->code)
			return (int)i;
	return 0;
}

int wordings_add(struct wordings *w, const struct reply *reply, enum phase phase)
{
	char pattern[PATTERN_MAX + 1];
	uint64_t seed = ((uint64_t)reply->code << 48) ^ ((uint64_t)reply->enhanced.class << 40) ^
			((uint64_t)reply->enhanced.subject << 20) ^ reply->enhanced.detail;
	uint64_t key;
	uint32_t number;
	int index;

	if (!wording_pattern(reply->text, pattern, sizeof(pattern)))
		pattern[0] = '^', pattern[1] = '\0';
	key = table_hash(span_of(pattern), seed);
	if (table_get(&w->table, key, &number)) {
		index = (int)number;
	} else {
		index = find_family(w, reply, pattern);
		if (index < 0 && w->count < WORDINGS_MAX)
			index = add_new(w, reply, pattern);
		else if (index < 0)
			index = add_to_last(w, reply);
		if (index < 0 ||
		    (w->table.count < KEYS_MAX && !table_put(&w->table, key, (uint32_t)index)))
			return -1;
	}
	w->items[index].count++;
	w->items[index].phases[(unsigned)phase < PHASE_COUNT ? phase : PHASE_SESSION]++;
	return index;
}

enum phase wording_phase(const struct wording *w)
{
	unsigned best = 0;

	for (unsigned i = 1; i < PHASE_COUNT; i++)
		if (w->phases[i] > w->phases[best])
			best = i;
	return w->phases[best] > 0 ? (enum phase)best : PHASE_SESSION;
}
