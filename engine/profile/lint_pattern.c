/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lint_pattern.c - patterns that backtrack without end, found before a reply finds them
 *
 * A pattern is read as far as is needed to know what texts its parts match: literals, classes,
 * groups, alternatives, repetitions. For each repetition a reply is made that leads to it, gives it
 * something that it matches a hundred times, and then ends in a way that fails; the pattern runs on
 * it under a limit of steps. Where a repetition can divide the same text in many ways, the steps
 * double with every octet and the limit is passed; with one way, or as many as octets squared, it
 * is not. The run decides, never the reading: what is read wrongly costs sharpness alone, and
 * nothing is refused that runs well.
 *
 * The run is anchored, and without the optimisations that look for a required octet first: a
 * hostile reply would have that octet behind the trap.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <ctype.h>
#include <stdio.h>
#include "profile/arena.h"
#include "profile/lint.h"

#define PATTERN_LEN_MAX 8192 /* octets, as in rules.c */
#define STEPS_MAX	400000
#define DEPTH_MAX	64   /* groups in each other */
#define PUMP_LEN	600  /* octets of that at most */
#define SUBJECT_MAX	4096 /* what leads there, what is repeated, what ends it */
#define REPEAT_LEAST	8    /* a repetition of fewer cannot explode by itself */
#define CHARS_MAX	8    /* examples kept of a class */
#define TEXT_MAX	64   /* octets of one repeated text */
#define CANDIDATES_MAX	24   /* texts tried for one repetition */

enum part_kind { PART_EMPTY, PART_CHARS, PART_SEQUENCE, PART_CHOICE, PART_REPEAT };

struct part {
	enum part_kind kind;
	char chars[CHARS_MAX]; /* CHARS: some that it matches */
	int char_count;
	bool is_around; /* a look around: takes no text itself */
	unsigned least, most;
	struct part *first; /* SEQUENCE, CHOICE: members; REPEAT: what is repeated */
	struct part *next;  /* of the same sequence or choice */
};

struct reader {
	struct arena *arena;
	struct span pattern;
	size_t at;
	int depth;
	bool is_out;	  /* of memory, or of depth */
	bool is_too_deep; /* of depth */
};

/* ---- reading ---- */

static bool is_at(const struct reader *r, const char *word)
{
	size_t len = strlen(word);

	return r->pattern.len - r->at >= len && memcmp(r->pattern.data + r->at, word, len) == 0;
}

static bool skip(struct reader *r, const char *word)
{
	if (!is_at(r, word))
		return false;
	r->at += strlen(word);
	return true;
}

static struct part *part_new(struct reader *r, enum part_kind kind)
{
	struct part *p = arena_alloc(r->arena, sizeof(*p));

	if (p)
		p->kind = kind;
	else
		r->is_out = true;
	return p;
}

static void add_char(struct part *p, char c)
{
	for (int i = 0; i < p->char_count; i++)
		if (p->chars[i] == c)
			return;
	if (p->char_count < CHARS_MAX)
		p->chars[p->char_count++] = c;
}

static void add_chars(struct part *p, const char *chars)
{
	for (; *chars; chars++)
		add_char(p, *chars);
}

/* Behind "\x": at most two digits, or any number in braces. */
static char read_hex(struct reader *r)
{
	bool is_braced = skip(r, "{");
	unsigned value = 0;

	for (int i = 0; r->at < r->pattern.len && (is_braced || i < 2); i++) {
		unsigned char c = (unsigned char)r->pattern.data[r->at];

		if (!isxdigit(c))
			break;
		value = value * 16 + (unsigned)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
		r->at++;
	}
	if (is_braced)
		skip(r, "}");
	return (char)value;
}

/* Behind a backslash. What stands for a place or an earlier group takes no text here. */
static void read_escape(struct reader *r, struct part *p)
{
	char c = r->at < r->pattern.len ? r->pattern.data[r->at++] : '\\';

	switch (c) {
	case 'd':
		add_chars(p, "15");
		break;
	case 'w':
		add_chars(p, "a1_");
		break;
	case 's':
	case 'h':
		add_char(p, ' ');
		break;
	case 'D':
	case 'S':
	case 'N':
	case 'H':
		add_chars(p, "a-x");
		break;
	case 'W':
		add_chars(p, "- ");
		break;
	case 'n':
	case 'R':
	case 'v':
		add_char(p, '\n');
		break;
	case 't':
		add_char(p, '\t');
		break;
	case 'x':
		add_char(p, read_hex(r));
		break;
	default:
		if (isalnum((unsigned char)c))
			p->kind = PART_EMPTY;
		else
			add_char(p, c);
	}
}

/* Some characters that are in none of the ranges, which are pairs. */
static void add_others(struct part *p, const unsigned char *ranges, int count)
{
	static const char common[] = "a1 -x_.z9A\t";

	for (const char *c = common; *c; c++) {
		bool is_in = false;

		for (int i = 0; i + 1 < count && !is_in; i += 2)
			is_in = (unsigned char)*c >= ranges[i] &&
				(unsigned char)*c <= ranges[i + 1];
		if (!is_in)
			add_char(p, *c);
	}
}

/* Behind "[": the ends of ranges and the members are the examples. */
static struct part *read_class(struct reader *r)
{
	struct part *p = part_new(r, PART_CHARS), member;
	bool is_negated = skip(r, "^"), is_first = true;
	unsigned char ranges[128];
	int count = 0;

	while (p && r->at < r->pattern.len && (is_first || r->pattern.data[r->at] != ']')) {
		const char *name_end = is_at(r, "[:") ? memchr(r->pattern.data + r->at, ']',
							       r->pattern.len - r->at)
						      : NULL;

		is_first = false;
		member = (struct part){.kind = PART_CHARS};
		if (name_end) {
			add_chars(&member, is_at(r, "[:digit")	 ? "15"
					   : is_at(r, "[:space") ? " "
								 : "a1");
			r->at = (size_t)(name_end + 1 - r->pattern.data);
		} else if (skip(r, "\\")) {
			read_escape(r, &member);
		} else {
			add_char(&member, r->pattern.data[r->at++]);
		}
		for (int i = 0; i < member.char_count && count + 2 <= 128; i++) {
			ranges[count++] = (unsigned char)member.chars[i];
			ranges[count++] = (unsigned char)member.chars[i];
		}
		/* "a-z", but not the hyphen that ends a class. */
		if (count > 0 && r->pattern.len - r->at > 1 && is_at(r, "-") &&
		    r->pattern.data[r->at + 1] != ']' && r->pattern.data[r->at + 1] != '\\') {
			ranges[count - 1] = (unsigned char)r->pattern.data[r->at + 1];
			r->at += 2;
		}
	}
	skip(r, "]");
	if (!p)
		return NULL;
	if (is_negated)
		add_others(p, ranges, count);
	for (int i = 0; i < count && !is_negated; i++)
		add_char(p, (char)ranges[i]);
	return p;
}

static struct part *read_choice(struct reader *r);

/* Behind "(": what kind of group it is changes only whether it takes text. */
static struct part *read_group(struct reader *r)
{
	struct part *p;
	bool is_around = false;

	if (is_at(r, "*") || is_at(r, "?#")) {
		while (r->at < r->pattern.len && r->pattern.data[r->at] != ')')
			r->at++;
		skip(r, ")");
		return part_new(r, PART_EMPTY);
	}
	if (skip(r, "?")) {
		is_around = is_at(r, "=") || is_at(r, "!") || is_at(r, "<=") || is_at(r, "<!");
		/* Letters of options, or a name, or the condition of a conditional group. */
		while (r->at < r->pattern.len && !is_at(r, ")") && !is_at(r, ":")) {
			char c = r->pattern.data[r->at++];

			if (c == '>' || c == '!' || c == '=' || c == '|' || c == '\'')
				break;
		}
		if (is_at(r, ")")) {
			r->at++;
			return part_new(r, PART_EMPTY);
		}
		skip(r, ":");
	}
	p = read_choice(r);
	skip(r, ")");
	if (p)
		p->is_around = is_around;
	return p;
}

static struct part *read_atom(struct reader *r)
{
	struct part *p;
	char c = r->pattern.data[r->at++];

	if (c == '(')
		return read_group(r);
	if (c == '[')
		return read_class(r);
	p = part_new(r, c == '^' || c == '$' ? PART_EMPTY : PART_CHARS);
	if (!p)
		return NULL;
	if (c == '\\')
		read_escape(r, p);
	else if (c == '.')
		add_chars(p, "x ");
	else
		add_char(p, c);
	return p;
}

static unsigned read_number(struct reader *r)
{
	unsigned value = 0;

	while (r->at < r->pattern.len && isdigit((unsigned char)r->pattern.data[r->at])) {
		unsigned digit = (unsigned)(r->pattern.data[r->at++] - '0');

		value = value > 65535 ? value : value * 10 + digit;
	}
	return value;
}

/* "*", "+", "?", "{2}", "{2,}", "{2,5}"; a brace that is none of these is a literal. */
static bool read_repeat(struct reader *r, unsigned *ret_least, unsigned *ret_most)
{
	size_t before = r->at;

	*ret_least = is_at(r, "+") ? 1 : 0;
	*ret_most = is_at(r, "?") ? 1 : UINT32_MAX;
	if (skip(r, "*") || skip(r, "+") || skip(r, "?"))
		return true;
	if (!skip(r, "{"))
		return false;
	if (r->at < r->pattern.len && isdigit((unsigned char)r->pattern.data[r->at])) {
		*ret_least = read_number(r);
		*ret_most = *ret_least;
		if (skip(r, ","))
			*ret_most = is_at(r, "}") ? UINT32_MAX : read_number(r);
		if (skip(r, "}"))
			return true;
	}
	r->at = before;
	return false;
}

static struct part *read_sequence(struct reader *r)
{
	struct part *sequence = part_new(r, PART_SEQUENCE), **end;

	end = sequence ? &sequence->first : NULL;
	while (!r->is_out && r->at < r->pattern.len && !is_at(r, "|") && !is_at(r, ")")) {
		struct part *p = read_atom(r), *repeat;
		unsigned least, most;

		if (p && read_repeat(r, &least, &most)) {
			repeat = part_new(r, PART_REPEAT);
			if (repeat)
				*repeat = (struct part){PART_REPEAT, .least = least, .most = most,
							.first = p};
			p = repeat;
			if (!skip(r, "?"))
				skip(r, "+");
		}
		if (p) {
			*end = p;
			end = &p->next;
		}
	}
	return sequence;
}

static struct part *read_choice(struct reader *r)
{
	struct part *choice, **end;

	if (++r->depth > DEPTH_MAX)
		r->is_out = r->is_too_deep = true;
	choice = part_new(r, PART_CHOICE);
	end = choice ? &choice->first : NULL;
	while (!r->is_out) {
		struct part *p = read_sequence(r);

		if (!p)
			break;
		*end = p;
		end = &p->next;
		if (!skip(r, "|"))
			break;
	}
	r->depth--;
	return choice;
}

/* ---- texts that parts match ---- */

struct text {
	char data[SUBJECT_MAX];
	size_t len;
};

static void text_add(struct text *t, const char *data, size_t len)
{
	if (len > sizeof(t->data) - t->len)
		len = sizeof(t->data) - t->len;
	if (len > 0)
		memcpy(t->data + t->len, data, len);
	t->len += len;
}

/* One text that the part matches; is_full: with one of everything that may be left out. */
static void text_of(const struct part *p, bool is_full, struct text *t)
{
	unsigned times;

	if (p->is_around)
		return;
	switch (p->kind) {
	case PART_EMPTY:
		return;
	case PART_CHARS:
		text_add(t, p->chars, p->char_count > 0);
		return;
	case PART_SEQUENCE:
		for (p = p->first; p; p = p->next)
			text_of(p, is_full, t);
		return;
	case PART_CHOICE:
		if (p->first)
			text_of(p->first, is_full, t);
		return;
	case PART_REPEAT:
		times = p->least > 0 || !is_full ? p->least : 1;
		for (; times > 0 && t->len < sizeof(t->data) / 2; times--) {
			size_t before = t->len;

			text_of(p->first, is_full, t);
			if (t->len == before)
				return;
		}
		return;
	}
}

/* Texts that one repetition could be given. */
struct candidates {
	char texts[CANDIDATES_MAX][TEXT_MAX];
	size_t lens[CANDIDATES_MAX];
	int count;
};

static void candidate_add(struct candidates *c, const char *data, size_t len)
{
	if (len == 0 || len > TEXT_MAX || c->count == CANDIDATES_MAX)
		return;
	for (int i = 0; i < c->count; i++)
		if (c->lens[i] == len && memcmp(c->texts[i], data, len) == 0)
			return;
	memcpy(c->texts[c->count], data, len);
	c->lens[c->count++] = len;
}

/* Whole alternatives first, since they are few; then single characters. */
static void candidates_of(const struct part *p, struct text *scratch, struct candidates *c)
{
	scratch->len = 0;
	text_of(p, true, scratch);
	candidate_add(c, scratch->data, scratch->len);
	for (const struct part *m = p->first; m; m = m->next)
		candidates_of(m, scratch, c);
	for (int i = 0; i < p->char_count; i++)
		candidate_add(c, &p->chars[i], 1);
}

/* ---- running ---- */

struct probe {
	pcre2_code *code;
	pcre2_match_data *match_data;
	pcre2_match_context *context;
	struct text lead, subject, scratch;
	struct candidates candidates;
	bool is_explosive;
	char culprit[TEXT_MAX * 2];
};

static void run(struct probe *p, const char *text, size_t len, size_t times)
{
	static const char *const tails[] = {"", "\x01", " "};
	size_t body;

	p->subject.len = 0;
	text_add(&p->subject, p->lead.data, p->lead.len);
	for (size_t i = 0; i < times && i * len < PUMP_LEN; i++)
		text_add(&p->subject, text, len);
	body = p->subject.len;
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]) && !p->is_explosive; i++) {
		int result;

		p->subject.len = body;
		text_add(&p->subject, tails[i], strlen(tails[i]));
		result = pcre2_match(p->code, (PCRE2_SPTR)p->subject.data, p->subject.len, 0,
				     PCRE2_ANCHORED | PCRE2_NO_JIT, p->match_data, p->context);
		if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
			p->is_explosive = true;
			snprintf(p->culprit, sizeof(p->culprit), "%.*s", (int)len, text);
		}
	}
}

/* Every repetition, with what leads to it in p->lead. */
static void walk(struct probe *p, const struct part *part)
{
	size_t before = p->lead.len;

	if (part->kind == PART_REPEAT && part->most >= REPEAT_LEAST) {
		p->candidates.count = 0;
		candidates_of(part->first, &p->scratch, &p->candidates);
		for (int i = 0; i < p->candidates.count && !p->is_explosive; i++) {
			/* Many times, and too few for what demands many. */
			run(p, p->candidates.texts[i], p->candidates.lens[i], 100);
			run(p, p->candidates.texts[i], p->candidates.lens[i], 30);
		}
	}
	for (const struct part *m = part->first; m && !p->is_explosive; m = m->next) {
		walk(p, m);
		if (part->kind == PART_SEQUENCE)
			text_of(m, false, &p->lead);
		else
			p->lead.len = before;
	}
	p->lead.len = before;
}

/* False when memory is exhausted. */
static bool probe(pcre2_code *code, const struct part *root, struct probe *p)
{
	p->code = code;
	p->match_data = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (p->match_data && p->context) {
		pcre2_set_match_limit(p->context, STEPS_MAX);
		walk(p, root);
	}
	pcre2_match_data_free(p->match_data);
	pcre2_match_context_free(p->context);
	return p->match_data && p->context;
}

static pcre2_code *compile(struct span pattern, struct profile_place place, const char *key,
			   struct faults *f)
{
	PCRE2_UCHAR why[128] = "";
	PCRE2_SIZE offset;
	pcre2_code *code;
	int error;

	if (pattern.len > PATTERN_LEN_MAX) {
		faults_add(f, place, "%s: the pattern is longer than %d octets: make rules of it",
			   key, PATTERN_LEN_MAX);
		return NULL;
	}
	/* As rules.c does, but for the optimisations that would hide what is looked for. */
	code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len,
			     PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
				     PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE |
				     PCRE2_NO_START_OPTIMIZE,
			     &error, &offset, NULL);
	if (code)
		return code;
	pcre2_get_error_message(error, why, sizeof(why));
	faults_add(f, place, "%s: the pattern does not compile at \"%.*s\" (octet %zu): %s", key,
		   offset < pattern.len
			   ? (int)(pattern.len - offset > 20 ? 20 : pattern.len - offset)
			   : 0,
		   pattern.data + (offset < pattern.len ? offset : 0), (size_t)offset,
		   (const char *)why);
	return NULL;
}

void lint_pattern(struct span pattern, struct profile_place place, const char *key,
		  struct faults *f)
{
	pcre2_code *code = compile(pattern, place, key, f);
	struct arena arena = {0};
	struct reader r = {.arena = &arena, .pattern = pattern};
	const struct part *root = code ? read_choice(&r) : NULL;
	struct probe *p = root ? arena_alloc(&arena, sizeof(*p)) : NULL;

	if (code && r.is_too_deep)
		faults_add(f, place, "%s: groups are nested more than %d deep: make rules of it",
			   key, DEPTH_MAX);
	else if (code && (r.is_out || !p || !probe(code, root, p)))
		f->is_out_of_memory = true;
	else if (code && p->is_explosive)
		faults_add(
			f, place,
			"%s: the pattern would take for ever on a reply that repeats \"%s\", for "
			"a repetition in it can divide that in too many ways: write \"a+\" for "
			"\"(a+)+\" and \"(a|a)*\", and put a bound on what repeats, as in "
			"\".{0,40}\"",
			key, p->culprit);
	arena_fini(&arena);
	pcre2_code_free(code);
}
