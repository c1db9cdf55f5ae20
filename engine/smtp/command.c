/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.c - one SMTP command line, as a server reads it
 *
 * The verb is told by its first four octets, upper-cased, in one comparison. Paths are cut out
 * with an eye for quoted local parts, in which '>' and ' ' stand for themselves; whether what is
 * inside is an address is asked of terms/. Parameters are a short table, so that each one's
 * command, extension and form of value stand in one row.
 */
#include "smtp/command.h"
#include "smtp/extension.h"
#include "terms/address.h"

const char *smtp_verb_name(enum smtp_verb verb)
{
	static const char *const names[SMTP_VERB_COUNT] = {
		[SMTP_VERB_CONNECT] = "connect",   [SMTP_VERB_HELO] = "helo",
		[SMTP_VERB_EHLO] = "ehlo",	   [SMTP_VERB_LHLO] = "lhlo",
		[SMTP_VERB_STARTTLS] = "starttls", [SMTP_VERB_AUTH] = "auth",
		[SMTP_VERB_MAIL] = "mail",	   [SMTP_VERB_RCPT] = "rcpt",
		[SMTP_VERB_DATA] = "data",	   [SMTP_VERB_BDAT] = "bdat",
		[SMTP_VERB_DOT] = "dot",	   [SMTP_VERB_RSET] = "rset",
		[SMTP_VERB_NOOP] = "noop",	   [SMTP_VERB_VRFY] = "vrfy",
		[SMTP_VERB_EXPN] = "expn",	   [SMTP_VERB_HELP] = "help",
		[SMTP_VERB_QUIT] = "quit",	   [SMTP_VERB_UNKNOWN] = "unknown",
	};
	return names[verb];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && is_blank(s.data[0]))
		s = span_skip(s, 1);
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

/* Takes the word up to the next blank off the front of rest. */
static struct span take_word(struct span *rest)
{
	struct span word = {rest->data, 0};

	while (word.len < rest->len && !is_blank(rest->data[word.len]))
		word.len++;
	*rest = trim(span_skip(*rest, word.len));
	return word;
}

#define FOUR(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static enum smtp_verb read_verb(struct span word)
{
	uint32_t four;

	if (word.len != 4)
		return span_equal_nocase(word, SPAN("STARTTLS")) ? SMTP_VERB_STARTTLS
								 : SMTP_VERB_UNKNOWN;
	/* Bit 5 makes letters upper case; what it does to others matches no verb. */
	four = FOUR((unsigned char)word.data[0], (unsigned char)word.data[1],
		    (unsigned char)word.data[2], (unsigned char)word.data[3]) &
	       ~UINT32_C(0x20202020);
	switch (four) {
	case FOUR('H', 'E', 'L', 'O'):
		return SMTP_VERB_HELO;
	case FOUR('E', 'H', 'L', 'O'):
		return SMTP_VERB_EHLO;
	case FOUR('L', 'H', 'L', 'O'):
		return SMTP_VERB_LHLO;
	case FOUR('A', 'U', 'T', 'H'):
		return SMTP_VERB_AUTH;
	case FOUR('M', 'A', 'I', 'L'):
		return SMTP_VERB_MAIL;
	case FOUR('R', 'C', 'P', 'T'):
		return SMTP_VERB_RCPT;
	case FOUR('D', 'A', 'T', 'A'):
		return SMTP_VERB_DATA;
	case FOUR('B', 'D', 'A', 'T'):
		return SMTP_VERB_BDAT;
	case FOUR('R', 'S', 'E', 'T'):
		return SMTP_VERB_RSET;
	case FOUR('N', 'O', 'O', 'P'):
		return SMTP_VERB_NOOP;
	case FOUR('V', 'R', 'F', 'Y'):
		return SMTP_VERB_VRFY;
	case FOUR('E', 'X', 'P', 'N'):
		return SMTP_VERB_EXPN;
	case FOUR('H', 'E', 'L', 'P'):
		return SMTP_VERB_HELP;
	case FOUR('Q', 'U', 'I', 'T'):
		return SMTP_VERB_QUIT;
	default:
		return SMTP_VERB_UNKNOWN;
	}
}

/* A decimal number that fits; RFC 1870 s4 allows twenty digits, more than 64 bits hold. */
static bool read_number(struct span text, uint64_t *ret_number)
{
	uint64_t n = 0;

	if (text.len == 0 || text.len > 20)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (unsigned)(text.data[i] - '0'), &n))
			return false;
	}
	*ret_number = n;
	return true;
}

/* RFC 3461 s4: printable, with '+' and two hexadecimal digits for everything else. */
static bool is_xtext(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c < '!' || c > '~' || c == '=')
			return false;
		if (c != '+')
			continue;
		for (int digit = 0; digit < 2; digit++) {
			if (++i >= text.len)
				return false;
			c = text.data[i];
			if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')))
				return false;
		}
	}
	return text.len > 0;
}

/* RFC 3461 s4.1: NEVER alone, or a list of the three others, each at most once. */
static bool is_notify(struct span text)
{
	unsigned seen = 0;
	bool is_more;

	if (span_equal_nocase(text, SPAN("NEVER")))
		return true;
	do {
		struct span word;
		unsigned bit;

		is_more = span_cut(&text, ',', &word);
		bit = span_equal_nocase(word, SPAN("SUCCESS"))	 ? 1
		      : span_equal_nocase(word, SPAN("FAILURE")) ? 2
		      : span_equal_nocase(word, SPAN("DELAY"))	 ? 4
								 : 0;
		if (bit == 0 || (seen & bit))
			return false;
		seen |= bit;
	} while (is_more);
	return true;
}

static bool is_orcpt(struct span text)
{
	const char *semicolon = memchr(text.data, ';', text.len);
	struct span kind;

	if (!semicolon || semicolon == text.data)
		return false;
	kind = (struct span){text.data, (size_t)(semicolon - text.data)};
	/* RFC 6533 lets an address of the type utf-8 hold UTF-8 and \x{...}. */
	if (span_equal_nocase(kind, SPAN("utf-8")))
		return text.len > kind.len + 1;
	return is_xtext(span_skip(text, kind.len + 1));
}

static bool read_body(struct span text, enum smtp_body *ret_body)
{
	if (span_equal_nocase(text, SPAN("7BIT")))
		*ret_body = SMTP_BODY_7BIT;
	else if (span_equal_nocase(text, SPAN("8BITMIME")))
		*ret_body = SMTP_BODY_8BITMIME;
	else if (span_equal_nocase(text, SPAN("BINARYMIME")))
		*ret_body = SMTP_BODY_BINARYMIME;
	else
		return false;
	return true;
}

enum parameter {
	PARAMETER_SIZE,
	PARAMETER_BODY,
	PARAMETER_SMTPUTF8,
	PARAMETER_RET,
	PARAMETER_ENVID,
	PARAMETER_AUTH,
	PARAMETER_NOTIFY,
	PARAMETER_ORCPT,
	PARAMETER_COUNT,
};

static const struct {
	struct span name;
	enum smtp_verb verb;
	uint32_t extension; /* one of these must be on offer */
} parameters[PARAMETER_COUNT] = {
	[PARAMETER_SIZE] = {{"SIZE", 4}, SMTP_VERB_MAIL, SMTP_EXT_SIZE},
	[PARAMETER_BODY] = {{"BODY", 4}, SMTP_VERB_MAIL, SMTP_EXT_8BITMIME | SMTP_EXT_BINARYMIME},
	[PARAMETER_SMTPUTF8] = {{"SMTPUTF8", 8}, SMTP_VERB_MAIL, SMTP_EXT_SMTPUTF8},
	[PARAMETER_RET] = {{"RET", 3}, SMTP_VERB_MAIL, SMTP_EXT_DSN},
	[PARAMETER_ENVID] = {{"ENVID", 5}, SMTP_VERB_MAIL, SMTP_EXT_DSN},
	[PARAMETER_AUTH] = {{"AUTH", 4}, SMTP_VERB_MAIL, SMTP_EXT_AUTH},
	[PARAMETER_NOTIFY] = {{"NOTIFY", 6}, SMTP_VERB_RCPT, SMTP_EXT_DSN},
	[PARAMETER_ORCPT] = {{"ORCPT", 5}, SMTP_VERB_RCPT, SMTP_EXT_DSN},
};

static bool read_value(struct smtp_request *r, enum parameter which, struct span value,
		       uint32_t extensions)
{
	switch (which) {
	case PARAMETER_SIZE:
		return read_number(value, &r->size);
	case PARAMETER_BODY:
		return read_body(value, &r->body) &&
		       (r->body != SMTP_BODY_BINARYMIME || (extensions & SMTP_EXT_BINARYMIME));
	case PARAMETER_SMTPUTF8:
		r->is_utf8 = true;
		return value.len == 0;
	case PARAMETER_RET:
		r->ret = value;
		return span_equal_nocase(value, SPAN("FULL")) ||
		       span_equal_nocase(value, SPAN("HDRS"));
	case PARAMETER_ENVID:
		r->envid = value;
		return value.len <= 100 && is_xtext(value);
	case PARAMETER_AUTH:
		/* RFC 4954 s5: who had submitted it. Whether it is believed is for nobody here. */
		return span_equal(value, SPAN("<>")) || is_xtext(value);
	case PARAMETER_NOTIFY:
		r->notify = value;
		return is_notify(value);
	case PARAMETER_ORCPT:
		r->orcpt = value;
		return value.len <= 500 && is_orcpt(value);
	case PARAMETER_COUNT:
		break;
	}
	return false;
}

static enum smtp_request_fault read_parameters(struct smtp_request *r, struct span rest,
					       uint32_t extensions)
{
	unsigned seen = 0;

	while (rest.len > 0) {
		struct span value = take_word(&rest), word;
		bool has_value = span_cut(&value, '=', &word);
		unsigned which = 0;

		if (has_value && value.len == 0)
			return SMTP_REQUEST_PARAMETER;
		while (which < PARAMETER_COUNT &&
		       (parameters[which].verb != r->verb ||
			!(parameters[which].extension & extensions) ||
			!span_equal_nocase(word, parameters[which].name)))
			which++;
		if (which == PARAMETER_COUNT)
			return SMTP_REQUEST_NO_PARAMETER;
		if ((seen & 1u << which) || (!has_value && which != PARAMETER_SMTPUTF8))
			return SMTP_REQUEST_PARAMETER;
		seen |= 1u << which;
		if (!read_value(r, (enum parameter)which, value, extensions))
			return SMTP_REQUEST_PARAMETER;
	}
	return SMTP_REQUEST_FINE;
}

/* Takes "<...>" off the front of rest; a '>' within quotes or behind a backslash is content. */
static bool take_bracketed(struct span *rest, struct span *ret_path)
{
	bool is_quoted = false;

	for (size_t i = 1; i < rest->len; i++) {
		char c = rest->data[i];

		if (is_quoted && c == '\\')
			i++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (c == '>' && !is_quoted) {
			*ret_path = (struct span){rest->data + 1, i - 1};
			*rest = span_skip(*rest, i + 1);
			return true;
		}
	}
	return false;
}

/* RFC 5321 s4.1.1.3 and appendix C: "@a,@b:" before the mailbox is taken and ignored. */
static struct span without_route(struct span path)
{
	const char *colon;

	if (path.len == 0 || path.data[0] != '@')
		return path;
	colon = memchr(path.data, ':', path.len);
	return colon ? span_skip(path, (size_t)(colon - path.data) + 1) : path;
}

static bool is_good_mailbox(const struct smtp_request *r, enum smtp_strictness strictness)
{
	/* RFC 5321 s4.1.1.3: the one name that needs no domain. */
	static const struct span postmaster = {"postmaster", 10};

	switch (address_check(r->path)) {
	case ADDRESS_FINE:
		return true;
	case ADDRESS_EMPTY:
		return r->verb == SMTP_VERB_MAIL; /* <>, RFC 5321 s4.5.5 */
	case ADDRESS_NO_DOMAIN:
		return strictness != SMTP_STRICT ||
		       (r->verb == SMTP_VERB_RCPT && span_equal_nocase(r->path, postmaster));
	case ADDRESS_TOO_LONG:
	case ADDRESS_CONTROL:
	case ADDRESS_BRACKET:
	case ADDRESS_BAD_LOCAL:
	case ADDRESS_BAD_DOMAIN:
	case ADDRESS_BAD_UTF8:
		break;
	}
	return false;
}

static enum smtp_request_fault read_path(struct smtp_request *r, uint32_t extensions,
					 enum smtp_strictness strictness)
{
	bool is_mail = r->verb == SMTP_VERB_MAIL;
	struct span keyword = is_mail ? SPAN("FROM:") : SPAN("TO:");
	enum smtp_request_fault bad = is_mail ? SMTP_REQUEST_BAD_FROM : SMTP_REQUEST_BAD_TO;
	struct span rest = r->argument;

	if (rest.len < keyword.len ||
	    !span_equal_nocase((struct span){rest.data, keyword.len}, keyword))
		return SMTP_REQUEST_ARGUMENT;
	rest = span_skip(rest, keyword.len);
	/* No blank is allowed here; so many clients send one that only the strict refuse it. */
	if (strictness != SMTP_STRICT)
		rest = trim(rest);
	if (rest.len > 0 && rest.data[0] == '<') {
		if (!take_bracketed(&rest, &r->path) || (rest.len > 0 && !is_blank(rest.data[0])))
			return bad;
		rest = trim(rest);
	} else if (strictness == SMTP_LENIENT && rest.len > 0) {
		r->path = take_word(&rest);
	} else {
		return bad;
	}
	r->path = without_route(r->path);
	if (!is_good_mailbox(r, strictness))
		return bad;
	return read_parameters(r, rest, extensions);
}

static enum smtp_request_fault read_chunk(struct smtp_request *r)
{
	struct span rest = r->argument, word = take_word(&rest);

	if (!read_number(word, &r->size))
		return SMTP_REQUEST_ARGUMENT;
	if (rest.len == 0)
		return SMTP_REQUEST_FINE;
	r->is_last = true;
	return span_equal_nocase(rest, SPAN("LAST")) ? SMTP_REQUEST_FINE : SMTP_REQUEST_ARGUMENT;
}

static enum smtp_request_fault read_auth(struct smtp_request *r)
{
	struct span rest = r->argument;

	r->mechanism = take_word(&rest);
	r->initial = rest;
	if (r->mechanism.len == 0 || memchr(rest.data, ' ', rest.len))
		return SMTP_REQUEST_ARGUMENT;
	return SMTP_REQUEST_FINE;
}

/* A name for itself: RFC 5321 wants a domain or a literal; anything printable will do. */
static enum smtp_request_fault read_hello(const struct smtp_request *r,
					  enum smtp_strictness strictness)
{
	if (r->argument.len == 0)
		return strictness == SMTP_LENIENT ? SMTP_REQUEST_FINE : SMTP_REQUEST_ARGUMENT;
	for (size_t i = 0; i < r->argument.len; i++)
		if ((unsigned char)r->argument.data[i] < ' ' || r->argument.data[i] == 127)
			return SMTP_REQUEST_ARGUMENT;
	return SMTP_REQUEST_FINE;
}

/* The first line of a browser or a proxy that took the wrong port. */
static bool is_http(struct span word, struct span argument)
{
	static const struct span methods[] = {{"GET", 3}, {"POST", 4},	  {"HEAD", 4},
					      {"PUT", 3}, {"OPTIONS", 7}, {"CONNECT", 7},
					      {"PRI", 3}};

	if (argument.len < 8 || !memmem(argument.data, argument.len, "HTTP/", 5))
		return false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (span_equal(word, methods[i]))
			return true;
	return false;
}

static enum smtp_request_fault read_arguments(struct smtp_request *r, uint32_t extensions,
					      enum smtp_strictness strictness)
{
	switch (r->verb) {
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_LHLO:
		return read_hello(r, strictness);
	case SMTP_VERB_MAIL:
	case SMTP_VERB_RCPT:
		return read_path(r, extensions, strictness);
	case SMTP_VERB_BDAT:
		return read_chunk(r);
	case SMTP_VERB_AUTH:
		return read_auth(r);
	case SMTP_VERB_STARTTLS:
	case SMTP_VERB_DATA:
	case SMTP_VERB_RSET:
	case SMTP_VERB_QUIT:
		return r->argument.len > 0 ? SMTP_REQUEST_ARGUMENT : SMTP_REQUEST_FINE;
	case SMTP_VERB_VRFY:
		return r->argument.len == 0 ? SMTP_REQUEST_ARGUMENT : SMTP_REQUEST_FINE;
	case SMTP_VERB_EXPN:
		return SMTP_REQUEST_NOT_IMPLEMENTED;
	case SMTP_VERB_NOOP:
	case SMTP_VERB_HELP:
		return SMTP_REQUEST_FINE;
	case SMTP_VERB_CONNECT:
	case SMTP_VERB_DOT:
	case SMTP_VERB_UNKNOWN:
		break;
	}
	return SMTP_REQUEST_UNKNOWN;
}

void smtp_request_read(struct span line, uint32_t extensions, enum smtp_strictness strictness,
		       struct smtp_request *ret_request)
{
	struct smtp_request r = {0};
	struct span word;

	r.argument = trim(line);
	word = take_word(&r.argument);
	r.verb = read_verb(word);
	r.fault = read_arguments(&r, extensions, strictness);
	if (r.verb == SMTP_VERB_UNKNOWN && is_http(word, r.argument))
		r.fault = SMTP_REQUEST_NOT_SMTP;
	*ret_request = r;
}
