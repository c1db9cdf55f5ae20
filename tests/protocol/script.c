/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * script.c - reads dialogue files
 *
 * Strict: a line that is not understood is an error of the file, so that a typing mistake never
 * makes a test pass.
 */
#include "script.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"

static const struct {
	const char *word;
	enum step_kind kind;
	bool has_number;
} words[] = {
	{"writes", STEP_WRITES, true},	{"give", STEP_GIVE, false},
	{"quit", STEP_QUIT, false},	{"reset", STEP_RESET, false},
	{"noop", STEP_NOOP, false},	{"secured", STEP_SECURED, false},
	{"unsent", STEP_UNSENT, false}, {"sent", STEP_SENT, false},
	{"wait", STEP_WAIT, true},	{"late", STEP_LATE, true},
	{"never", STEP_NEVER, false},	{"broken", STEP_BROKEN, false},
	{"caps", STEP_CAPS, false},	{"!", STEP_EVENT, false},
};

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool script_unescape(char *text, size_t *ret_len)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		from++;
		switch (*from) {
		case 'r':
			*to++ = '\r';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 't':
			*to++ = '\t';
			break;
		case '0':
			*to++ = '\0';
			break;
		case '\\':
		case '"':
			*to++ = *from;
			break;
		case 'x':
			if (hex_value(from[1]) < 0 || hex_value(from[2]) < 0)
				return false;
			*to++ = (char)(hex_value(from[1]) * 16 + hex_value(from[2]));
			from += 2;
			break;
		default:
			return false;
		}
	}
	*ret_len = (size_t)(to - text);
	*to = '\0';
	return true;
}

char *script_word(char **text)
{
	char *word = *text, *to;
	bool is_quoted = false;

	while (*word == ' ')
		word++;
	if (*word == '\0')
		return NULL;
	to = word;
	for (*text = word; **text != '\0' && (is_quoted || **text != ' '); (*text)++) {
		if (**text == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		*to++ = **text;
		if (**text == '\\' && (*text)[1] != '\0')
			*to++ = *++*text;
	}
	if (**text == ' ')
		(*text)++;
	*to = '\0';
	return word;
}

static char *keep_text(struct script *s, const char *text)
{
	s->texts = realloc(s->texts, (s->text_count + 1) * sizeof(*s->texts));
	s->texts[s->text_count] = strdup(text);
	return s->texts[s->text_count++];
}

static bool option_auth(struct script *s, char *rest)
{
	char *list = script_word(&rest), *user = script_word(&rest), *password = script_word(&rest);
	char *authzid = script_word(&rest);

	if (!list || !user || !password)
		return false;
	s->auth.user = keep_text(s, user);
	s->auth.password = keep_text(s, password);
	s->auth.authzid = authzid ? keep_text(s, authzid) : NULL;
	s->auth.host = "mail.example.com";
	s->auth.port = 587;
	for (char *name = strtok_r(list, ",", &list); name; name = strtok_r(NULL, ",", &list)) {
		uint32_t bit = sasl_mechanism_from_name(span_of(name));

		if (bit == 0 && strcmp(name, "any") != 0)
			return false;
		s->auth.mechanisms |= bit;
	}
	s->params.auth = &s->auth;
	return true;
}

static bool option_set(struct script *s, char *rest)
{
	char *name = script_word(&rest);
	struct smtp_client_params *p = &s->params;

	if (!name)
		return false;
	if (strcmp(name, "lmtp") == 0)
		p->is_lmtp = true;
	else if (strcmp(name, "pipelining") == 0)
		p->use_pipelining = true;
	else if (strcmp(name, "chunking") == 0)
		p->use_chunking = true;
	else if (strcmp(name, "helo") == 0)
		p->use_helo = true;
	else if (strcmp(name, "tls-start") == 0)
		p->tls = SMTP_TLS_START;
	else if (strcmp(name, "tls-may") == 0)
		p->tls = SMTP_TLS_MAY;
	else if (strcmp(name, "tls-implicit") == 0)
		p->tls = SMTP_TLS_IMPLICIT;
	else if (strcmp(name, "auth-required") == 0)
		p->is_auth_required = true;
	else if (strcmp(name, "allow-clear") == 0)
		s->auth.allow_clear = true;
	else if (strcmp(name, "segments") == 0 && *rest != '\0')
		s->segments_max = (int)strtol(rest, NULL, 10);
	else if (strcmp(name, "auth") == 0)
		return option_auth(s, rest);
	else
		return false;
	return true;
}

static struct step *step_add(struct script *s, enum step_kind kind, int line)
{
	s->steps = realloc(s->steps, (s->step_count + 1) * sizeof(*s->steps));
	s->steps[s->step_count] = (struct step){.kind = kind, .line = line};
	return &s->steps[s->step_count++];
}

static void octets_add(struct step *step, const char *text, size_t len)
{
	step->text = realloc(step->text, step->len + len + 1);
	memcpy(step->text + step->len, text, len);
	step->len += len;
	step->text[step->len] = '\0';
}

/* Adds text with the number in place of '%'. */
static void numbered_add(struct step *step, const char *text, size_t len, long number)
{
	char digits[24];
	int digit_count = snprintf(digits, sizeof(digits), "%ld", number);

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%')
			octets_add(step, digits, (size_t)digit_count);
		else
			octets_add(step, &text[i], 1);
	}
}

/* Takes "FROM TO " off the front. */
static bool range_take(char **text, long *ret_from, long *ret_to)
{
	char *end;

	*ret_from = strtol(*text, &end, 10);
	if (end == *text)
		return false;
	*text = end;
	*ret_to = strtol(*text, &end, 10);
	if (end == *text || *end != ' ')
		return false;
	*text = end + 1;
	return true;
}

/* "!# 0 9 event" */
static bool events_add(struct script *s, char *text, int number)
{
	long from, to;

	if (!range_take(&text, &from, &to))
		return false;
	for (; from <= to; from++)
		numbered_add(step_add(s, STEP_EVENT, number), text, strlen(text), from);
	return true;
}

/* "S: text", "C* 3 text", "S# 1 9 text": lines in a row make one step. */
static bool stream_add(struct script *s, char *line, int number)
{
	enum step_kind kind = line[0] == 'S' ? STEP_SERVER : STEP_CLIENT;
	struct step *last = s->step_count > 0 ? &s->steps[s->step_count - 1] : NULL;
	char form = line[1], *text = line + 2;
	long from = 1, to = 1;
	size_t len;

	if (*text == ' ')
		text++;
	if (form == '*')
		to = strtol(text, &text, 10);
	if (form == '*' && *text == ' ')
		text++;
	if ((form == '#' && !range_take(&text, &from, &to)) || !script_unescape(text, &len))
		return false;
	if (!last || last->kind != kind)
		last = step_add(s, kind, number);
	for (; from <= to; from++) {
		if (form == '#')
			numbered_add(last, text, len, from);
		else
			octets_add(last, text, len);
		if (form == ':' || form == '#')
			octets_add(last, "\r\n", 2);
	}
	return true;
}

static bool line_add(struct script *s, char *line, int number)
{
	char *rest = line, *word;
	struct step *step;

	if (line[0] == '#' || line[0] == '\0')
		return true;
	if ((line[0] == 'S' || line[0] == 'C') && line[1] != '\0' && strchr(":=*#", line[1]))
		return stream_add(s, line, number);
	if (strncmp(line, "!# ", 3) == 0)
		return events_add(s, line + 3, number);
	word = script_word(&rest);
	if (word && strcmp(word, "option") == 0)
		return s->step_count == 0 && option_set(s, rest);
	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		step = step_add(s, words[i].kind, number);
		step->text = strdup(rest);
		step->len = strlen(rest);
		step->number = words[i].has_number ? strtol(rest, &rest, 10) : 0;
		return !words[i].has_number || *rest == '\0';
	}
	return false;
}

/* A time-out of its own for each phase, so that "late" tells them apart. */
static void defaults_set(struct script *s)
{
	*s = (struct script){.segments_max = 16};
	s->params.helo_name = "client.example.org";
	s->params.timeouts = (struct smtp_timeouts){
		.banner_ns = 10 * NS_PER_SEC,
		.ehlo_ns = 11 * NS_PER_SEC,
		.starttls_ns = 12 * NS_PER_SEC,
		.auth_ns = 13 * NS_PER_SEC,
		.mail_ns = 14 * NS_PER_SEC,
		.rcpt_ns = 15 * NS_PER_SEC,
		.data_ns = 16 * NS_PER_SEC,
		.body_ns = 17 * NS_PER_SEC,
		.dot_ns = 18 * NS_PER_SEC,
		.rset_ns = 19 * NS_PER_SEC,
		.quit_ns = 20 * NS_PER_SEC,
	};
}

bool script_read(struct script *s, const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int number = 0;
	bool is_fine = true;

	defaults_set(s);
	if (!file) {
		printf("# %s: cannot be read\n", path);
		return false;
	}
	while (is_fine && (len = getline(&line, &cap, file)) >= 0) {
		number++;
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		is_fine = line_add(s, line, number);
	}
	if (!is_fine)
		printf("# %s:%d: not understood\n", path, number);
	for (size_t i = 0; i < s->step_count; i++)
		if (s->steps[i].kind == STEP_SERVER)
			s->server_size += s->steps[i].len;
	free(line);
	fclose(file);
	return is_fine && s->step_count > 0;
}

void script_free(struct script *s)
{
	for (size_t i = 0; i < s->step_count; i++)
		free(s->steps[i].text);
	for (size_t i = 0; i < s->text_count; i++)
		free(s->texts[i]);
	free(s->steps);
	free(s->texts);
}
