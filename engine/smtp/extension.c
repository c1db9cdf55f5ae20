/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * extension.c - SMTP service extensions, read from and written to EHLO replies
 *
 * Reading is lenient, as RFC 5321 s4.1.1.1 asks of clients: what is not known, or not understood,
 * is not there. One table of names serves both directions.
 */
#include "smtp/extension.h"
#include "smtp/sasl.h"

static const struct {
	const char *name;
	uint32_t bit;
} extensions[] = {
	{"PIPELINING", SMTP_EXT_PIPELINING},
	{"SIZE", SMTP_EXT_SIZE},
	{"8BITMIME", SMTP_EXT_8BITMIME},
	{"SMTPUTF8", SMTP_EXT_SMTPUTF8},
	{"CHUNKING", SMTP_EXT_CHUNKING},
	{"BINARYMIME", SMTP_EXT_BINARYMIME},
	{"DSN", SMTP_EXT_DSN},
	{"STARTTLS", SMTP_EXT_STARTTLS},
	{"AUTH", SMTP_EXT_AUTH},
	{"ENHANCEDSTATUSCODES", SMTP_EXT_ENHANCEDSTATUSCODES},
	{"LIMITS", SMTP_EXT_LIMITS},
};
#define EXTENSION_COUNT (sizeof(extensions) / sizeof(extensions[0]))

uint32_t smtp_extension_from_name(struct span name)
{
	for (size_t i = 0; i < EXTENSION_COUNT; i++)
		if (span_equal_nocase(name, span_of(extensions[i].name)))
			return extensions[i].bit;
	return 0;
}

/* Takes the next word, up to space or tab; empty at the end. */
static struct span word_take(struct span *line)
{
	struct span word = {.len = 0};

	while (line->len > 0 && (line->data[0] == ' ' || line->data[0] == '\t'))
		*line = span_skip(*line, 1);
	word.data = line->data;
	while (word.len < line->len && word.data[word.len] != ' ' && word.data[word.len] != '\t')
		word.len++;
	*line = span_skip(*line, word.len);
	return word;
}

/* A decimal number that fits; 0 when it is none or does not. */
static uint64_t number_of(struct span text, uint64_t max)
{
	uint64_t number = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';

		if (digit > 9 || number > (max - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	return number;
}

static void read_mechanisms(struct smtp_capabilities *c, struct span line)
{
	for (struct span word = word_take(&line); word.len > 0; word = word_take(&line))
		c->auth_mechanisms |= sasl_mechanism_from_name(word);
}

/* RFC 9422 s3: NAME=VALUE ..., the name's case ignored, the value a number of 1 to 6 digits. */
static void read_limits(struct smtp_capabilities *c, struct span line)
{
	for (struct span word = word_take(&line); word.len > 0; word = word_take(&line)) {
		struct span name, value = word;
		uint32_t number;

		if (!span_cut(&value, '=', &name))
			continue;
		number = (uint32_t)number_of(value, UINT32_MAX);
		if (span_equal_nocase(name, SPAN("MAILMAX")))
			c->limit_mail_max = number;
		else if (span_equal_nocase(name, SPAN("RCPTMAX")))
			c->limit_rcpt_max = number;
		else if (span_equal_nocase(name, SPAN("RCPTDOMAINMAX")))
			c->limit_domain_max = number;
	}
}

void smtp_capabilities_read(struct smtp_capabilities *c, struct span line)
{
	struct span keyword = word_take(&line);
	uint32_t bit = smtp_extension_from_name(keyword);

	if (keyword.len > 5 && span_equal_nocase((struct span){keyword.data, 5}, SPAN("AUTH="))) {
		bit = SMTP_EXT_AUTH;
		c->auth_mechanisms |= sasl_mechanism_from_name(span_skip(keyword, 5));
	}
	c->extensions |= bit;
	if (bit == SMTP_EXT_SIZE)
		c->size_max = number_of(word_take(&line), UINT64_MAX);
	else if (bit == SMTP_EXT_AUTH)
		read_mechanisms(c, line);
	else if (bit == SMTP_EXT_LIMITS)
		read_limits(c, line);
}

/* Text under construction; is_full once something did not fit. */
struct writer {
	char *out;
	size_t len, size;
	bool is_full;
};

static void write_span(struct writer *w, struct span text)
{
	if (text.len > w->size - w->len) {
		w->is_full = true;
		return;
	}
	if (text.len > 0)
		memcpy(w->out + w->len, text.data, text.len);
	w->len += text.len;
}

static void write_number(struct writer *w, uint64_t number)
{
	char digits[20];
	size_t begin = sizeof(digits);

	do {
		digits[--begin] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	write_span(w, (struct span){digits + begin, sizeof(digits) - begin});
}

static void write_limit(struct writer *w, struct span name, uint32_t limit)
{
	if (limit == 0)
		return;
	write_span(w, name);
	write_number(w, limit);
}

static void write_parameters(struct writer *w, const struct smtp_capabilities *c, uint32_t bit)
{
	if (bit == SMTP_EXT_SIZE && c->size_max > 0) {
		write_span(w, SPAN(" "));
		write_number(w, c->size_max);
	} else if (bit == SMTP_EXT_AUTH) {
		for (uint32_t m = 1; m != 0 && m <= c->auth_mechanisms; m <<= 1) {
			if (!(c->auth_mechanisms & m))
				continue;
			write_span(w, SPAN(" "));
			write_span(w, span_of(sasl_mechanism_name((enum sasl_mechanism)m)));
		}
	} else if (bit == SMTP_EXT_LIMITS) {
		write_limit(w, SPAN(" MAILMAX="), c->limit_mail_max);
		write_limit(w, SPAN(" RCPTMAX="), c->limit_rcpt_max);
		write_limit(w, SPAN(" RCPTDOMAINMAX="), c->limit_domain_max);
	}
}

/* AUTH without a mechanism and LIMITS without a limit say nothing, and are not said. */
static uint32_t announced(const struct smtp_capabilities *c)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < EXTENSION_COUNT; i++)
		bits |= c->extensions & extensions[i].bit;
	if (c->auth_mechanisms == 0)
		bits &= ~(uint32_t)SMTP_EXT_AUTH;
	if (c->limit_mail_max == 0 && c->limit_rcpt_max == 0 && c->limit_domain_max == 0)
		bits &= ~(uint32_t)SMTP_EXT_LIMITS;
	return bits;
}

size_t smtp_capabilities_write(const struct smtp_capabilities *c, struct span first, char *out,
			       size_t out_size)
{
	struct writer w = {.out = out, .size = out_size};
	uint32_t left = announced(c);

	write_span(&w, left == 0 ? SPAN("250 ") : SPAN("250-"));
	write_span(&w, first);
	write_span(&w, SPAN("\r\n"));
	for (size_t i = 0; i < EXTENSION_COUNT; i++) {
		if (!(left & extensions[i].bit))
			continue;
		left &= ~extensions[i].bit;
		write_span(&w, left == 0 ? SPAN("250 ") : SPAN("250-"));
		write_span(&w, span_of(extensions[i].name));
		write_parameters(&w, c, extensions[i].bit);
		write_span(&w, SPAN("\r\n"));
	}
	return w.is_full ? 0 : w.len;
}
