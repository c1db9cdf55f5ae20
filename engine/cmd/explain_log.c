/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain_log.c - finds replies in what people have: arguments, pasted text, delivery logs
 *
 * Nothing here fails on bad input: a line in which no reply is found is counted, and the command
 * says how many there were. Where a log of Postfix quotes no reply of the peer, its own words are
 * taken for one where they say that a name was not found, and for a failure of the network else.
 */
#include <jansson.h>
#include <string.h>
#include "cmd/explain_log.h"

#define TEXT_MAX (2 * EXPLAIN_LINE_MAX)

void explain_finder_init(struct explain_finder *f)
{
	*f = (struct explain_finder){.phase = PHASE_SESSION};
	buf_init(&f->text, TEXT_MAX);
}

void explain_finder_fini(struct explain_finder *f)
{
	buf_fini(&f->text);
}

/* --- a reply's own form ------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The code at the start of text, followed by a space, a hyphen or the end; 0: none. */
static uint16_t code_at(struct span text)
{
	if (text.len < 3 || text.data[0] < '2' || text.data[0] > '5' || !is_digit(text.data[1]) ||
	    !is_digit(text.data[2]))
		return 0;
	if (text.len > 3 && text.data[3] != ' ' && text.data[3] != '-' && text.data[3] != '\t')
		return 0;
	return (uint16_t)((text.data[0] - '0') * 100 + (text.data[1] - '0') * 10 +
			  (text.data[2] - '0'));
}

static bool goes_on(struct span text)
{
	return text.len > 3 && text.data[3] == '-';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && strchr(" \t\r\n", s.data[0]) != NULL && s.data[0] != '\0')
		s = span_skip(s, 1);
	while (s.len > 0 && strchr(" \t\r\n", s.data[s.len - 1]) != NULL &&
	       s.data[s.len - 1] != '\0')
		s.len--;
	return s;
}

static enum explain_find finish(struct explain_finder *f, uint16_t code)
{
	f->code = 0;
	f->reply = (struct reply){.code = code, .text = trim(buf_span(&f->text))};
	if (!enhanced_parse(f->reply.text, code, &f->reply.enhanced))
		f->reply.enhanced = (struct enhanced_code){0};
	return EXPLAIN_REPLY;
}

/* Adds a line of a reply, without its code; a further line begins behind a line feed. */
static bool add_line(struct explain_finder *f, struct span line)
{
	line = line.len > 4 ? span_skip(line, 4) : (struct span){0};
	return (f->text.len == 0 || buf_append(&f->text, "\n", 1)) &&
	       buf_append(&f->text, line.data, line.len);
}

/* Where the reply's next line begins within text that put them all on one; its length: none. */
static size_t next_line(struct span text, uint16_t code)
{
	for (size_t i = 4; i + 4 <= text.len; i++) {
		struct span rest = span_skip(text, i);

		if ((text.data[i - 1] == ' ' || text.data[i - 1] == '\n') &&
		    code_at(rest) == code && rest.len > 3)
			return i;
	}
	return text.len;
}

/* A reply as a whole; it may be of several lines, on one or on many. */
static enum explain_find take_reply(struct explain_finder *f, struct span text)
{
	uint16_t code = code_at(text);

	buf_clear(&f->text);
	while (text.len > 0) {
		size_t len = goes_on(text) ? next_line(text, code) : text.len;

		if (!add_line(f, trim((struct span){text.data, len})))
			return EXPLAIN_NO_MEMORY;
		text = span_skip(text, len);
	}
	return finish(f, code);
}

/* --- Postfix ------------------------------------------------------------------------------ */

/* The place of word in text; its length: none. */
static size_t find(struct span text, const char *word)
{
	const char *at = text.len > 0 ? memmem(text.data, text.len, word, strlen(word)) : NULL;

	return at != NULL ? (size_t)(at - text.data) : text.len;
}

static bool has(struct span text, const char *word)
{
	return find(text, word) < text.len;
}

static enum phase phase_of_command(struct span text)
{
	static const struct {
		const char *words;
		enum phase phase;
	} commands[] = {
		{"in reply to RCPT TO", PHASE_RCPT},	   {"in reply to MAIL FROM", PHASE_MAIL},
		{"in reply to end of DATA", PHASE_ACCEPT}, {"in reply to DATA", PHASE_DATA},
		{"in reply to EHLO", PHASE_EHLO},	   {"in reply to HELO", PHASE_EHLO},
		{"in reply to AUTH", PHASE_AUTH},	   {"refused to talk to me", PHASE_BANNER},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (has(text, commands[i].words))
			return commands[i].phase;
	return PHASE_SESSION;
}

/* "dsn=5.4.4," as a code for the words that Postfix made itself. */
static uint16_t code_of_dsn(struct span line)
{
	struct span rest = span_skip(line, find(line, "dsn="));

	return rest.len > 4 && rest.data[4] == '5' ? 550 : 450;
}

/* What stands in the last pair of parentheses behind status=. */
static bool quoted_part(struct span line, struct span *ret_part)
{
	struct span rest = span_skip(line, find(line, "status="));
	size_t start = find(rest, "(");

	if (start == rest.len)
		return false;
	rest = trim(span_skip(rest, start + 1));
	if (rest.len > 0 && rest.data[rest.len - 1] == ')')
		rest.len--;
	*ret_part = rest;
	return true;
}

static enum explain_find take_postfix(struct explain_finder *f, struct span line)
{
	static const char *const quotes[] = {" said: ", "refused to talk to me: "};
	static const char own_words[] = "not found";
	struct span part, text;

	if (!quoted_part(line, &part))
		return EXPLAIN_NOTHING;
	f->phase = phase_of_command(part);
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		size_t at = find(part, quotes[i]);

		if (at == part.len)
			continue;
		text = trim(span_skip(part, at + strlen(quotes[i])));
		text.len = find(text, " (in reply to");
		if (code_at(text) != 0)
			return take_reply(f, text);
	}
	if (code_at(part) != 0)
		return take_reply(f, part);
	if (has(part, own_words)) {
		buf_clear(&f->text);
		if (!buf_append(&f->text, part.data, part.len))
			return EXPLAIN_NO_MEMORY;
		return finish(f, code_of_dsn(line));
	}
	f->failure = part;
	return EXPLAIN_NETWORK;
}

/* --- JSON --------------------------------------------------------------------------------- */

static bool set_text(struct explain_finder *f, const char *text)
{
	buf_clear(&f->text);
	return text == NULL || buf_append_text(&f->text, text);
}

/* volley: {"phase": "rcpt", "code": 550, "enhanced": "5.1.1", "text": "..."}; KumoMTA: the same
 * within "response", with "content", and the enhanced code as an object. */
static enum explain_find take_object(struct explain_finder *f, const json_t *line)
{
	const json_t *response = json_object_get(line, "response");
	const json_t *o = json_is_object(response) ? response : line;
	const char *text = json_string_value(json_object_get(o, "text"));
	const char *phase = json_string_value(json_object_get(line, "phase"));
	const char *error = json_string_value(json_object_get(line, "error"));
	const char *enhanced = json_string_value(json_object_get(o, "enhanced"));
	json_int_t code = json_integer_value(json_object_get(o, "code"));

	if (text == NULL)
		text = json_string_value(json_object_get(o, "content"));
	if (phase != NULL && !phase_from_name(span_of(phase), &f->phase))
		f->phase = PHASE_SESSION;
	if (!set_text(f, code != 0 || error == NULL ? text : error))
		return EXPLAIN_NO_MEMORY;
	if (code >= 200 && code <= 599) {
		finish(f, (uint16_t)code);
		if (f->reply.enhanced.class == 0 && enhanced != NULL)
			enhanced_parse(span_of(enhanced), f->reply.code, &f->reply.enhanced);
		return EXPLAIN_REPLY;
	}
	f->failure = buf_span(&f->text);
	return error != NULL ? EXPLAIN_NETWORK : EXPLAIN_NOTHING;
}

static enum explain_find take_json(struct explain_finder *f, struct span line)
{
	json_t *o = json_loadb(line.data, line.len, 0, NULL);
	enum explain_find found = EXPLAIN_NOTHING;

	if (json_is_object(o))
		found = take_object(f, o);
	json_decref(o);
	return found;
}

/* --- lines -------------------------------------------------------------------------------- */

/* "...: 550 5.1.1 ..." in a log of another program: the last such place. */
static enum explain_find take_foreign(struct explain_finder *f, struct span line)
{
	for (size_t i = line.len; i > 2; i--) {
		struct span rest = span_skip(line, i - 1);

		if (line.data[i - 2] == ' ' && line.data[i - 3] == ':' && rest.len > 3 &&
		    rest.data[0] >= '4' && code_at(rest) != 0)
			return take_reply(f, rest);
	}
	return EXPLAIN_NOTHING;
}

static enum explain_find take_bare(struct explain_finder *f, struct span line)
{
	uint16_t code = code_at(line);

	/* All lines on one. */
	if (goes_on(line) && next_line(line, code) < line.len)
		return take_reply(f, line);
	if (f->code != code)
		buf_clear(&f->text);
	if (!add_line(f, line))
		return EXPLAIN_NO_MEMORY;
	if (!goes_on(line))
		return finish(f, code);
	f->code = code;
	return EXPLAIN_NOTHING;
}

enum explain_find explain_find_line(struct explain_finder *f, struct span line)
{
	enum explain_find found;

	if (line.len > EXPLAIN_LINE_MAX)
		line.len = EXPLAIN_LINE_MAX;
	line = trim(line);
	if (line.len == 0)
		return EXPLAIN_NOTHING;
	f->line_count++;
	f->phase = PHASE_SESSION;
	if (f->code == 0)
		buf_clear(&f->text);
	if (code_at(line) != 0)
		return take_bare(f, line);
	f->code = 0;
	if (line.data[0] == '{')
		found = take_json(f, line);
	else if (has(line, "status="))
		found = take_postfix(f, line);
	else
		found = take_foreign(f, line);
	if (found == EXPLAIN_NOTHING)
		f->foreign_count++;
	return found;
}

enum explain_find explain_find_end(struct explain_finder *f)
{
	return f->code != 0 ? finish(f, f->code) : EXPLAIN_NOTHING;
}

enum explain_find explain_find_text(struct explain_finder *f, struct span text)
{
	enum explain_find found = EXPLAIN_NOTHING;

	while (text.len > 0 && found == EXPLAIN_NOTHING) {
		size_t len = find(text, "\n");

		found = explain_find_line(f, (struct span){text.data, len});
		text = span_skip(text, len < text.len ? len + 1 : len);
	}
	return found != EXPLAIN_NOTHING ? found : explain_find_end(f);
}
