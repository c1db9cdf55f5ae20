/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault.c - reads the rules by which a sink misbehaves
 *
 * A rule is cut at its semicolons, then each piece is read by a row of a table. What does not go
 * together (a reply to the body, a greylist at the banner) is refused here, so that whoever
 * carries the rules out needs to know no more than what can occur.
 */
#include "sink/fault.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "smtp/server.h"
#include "sink/greylist.h"

#define RULE_MAX  2048 /* octets of a rule's text */
#define SHOWN_MAX 120  /* of them in an error, so that the error itself finds room */

static const char *const phase_names[FAULT_PHASE_COUNT] = {
	[FAULT_CONNECT] = "connect", [FAULT_TLS] = "tls",	    [FAULT_BANNER] = "banner",
	[FAULT_EHLO] = "ehlo",	     [FAULT_STARTTLS] = "starttls", [FAULT_AUTH] = "auth",
	[FAULT_MAIL] = "mail",	     [FAULT_RCPT] = "rcpt",	    [FAULT_DATA] = "data",
	[FAULT_BODY] = "body",	     [FAULT_DOT] = "dot",	    [FAULT_RSET] = "rset",
	[FAULT_NOOP] = "noop",	     [FAULT_QUIT] = "quit",
};

#define BIT(phase) (1u << (phase))
#define ALL_PHASES (BIT(FAULT_PHASE_COUNT) - 1)
#define WITH_REPLY (ALL_PHASES & ~(BIT(FAULT_CONNECT) | BIT(FAULT_TLS) | BIT(FAULT_BODY)))

enum value { VALUE_NONE, VALUE_MAY, VALUE_MUST };

static const struct {
	const char *name;
	unsigned phases;
	enum value value;
	const char *form;
} actions[FAULT_ACTION_COUNT] = {
	[FAULT_NOTHING] = {"delay", ALL_PHASES & ~BIT(FAULT_BODY), VALUE_MUST, "delay=exp:20ms"},
	[FAULT_REPLY] = {"reply", WITH_REPLY, VALUE_MUST, "reply=450 4.2.1 Mailbox busy"},
	[FAULT_CLOSE] = {"close", ALL_PHASES, VALUE_NONE, "close"},
	[FAULT_RESET] = {"reset", ALL_PHASES, VALUE_NONE, "reset"},
	[FAULT_STALL] = {"stall", ALL_PHASES, VALUE_NONE, "stall"},
	[FAULT_REFUSE] = {"refuse", BIT(FAULT_CONNECT), VALUE_NONE, "refuse"},
	[FAULT_TARPIT] = {"tarpit", WITH_REPLY, VALUE_MUST, "tarpit=100ms"},
	[FAULT_GARBAGE] = {"garbage", WITH_REPLY | BIT(FAULT_TLS), VALUE_MAY, "garbage=64"},
	[FAULT_OVERSIZE] = {"oversize", WITH_REPLY, VALUE_MUST, "oversize=100M"},
	[FAULT_ENDLESS] = {"endless", WITH_REPLY, VALUE_NONE, "endless"},
	[FAULT_GREYLIST] = {"greylist", BIT(FAULT_RCPT), VALUE_MUST, "greylist=5m"},
	[FAULT_READ] = {"read", BIT(FAULT_CONNECT) | BIT(FAULT_BODY), VALUE_MUST, "read=10k/s"},
	[FAULT_ALERT] = {"alert", BIT(FAULT_TLS), VALUE_MAY, "alert=40"},
};

const char *fault_phase_name(enum fault_phase phase)
{
	return phase_names[phase];
}

const char *fault_action_name(enum fault_action action)
{
	return actions[action].name;
}

static struct span trim(struct span s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = span_skip(s, 1);
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Takes what stands before the next semicolon that no backslash protects. */
static struct span take_piece(struct span *rest)
{
	struct span piece = {rest->data, 0};

	while (piece.len < rest->len && rest->data[piece.len] != ';')
		piece.len += rest->data[piece.len] == '\\' && piece.len + 1 < rest->len ? 2 : 1;
	*rest = piece.len < rest->len ? span_skip(*rest, piece.len + 1) : (struct span){0};
	return trim(piece);
}

static bool read_number(struct span text, uint64_t *ret_number)
{
	return units_parse_count(text, ret_number) && *ret_number > 0;
}

/* "0.25" or "25%", above 0 and not above 1. */
static bool read_probability(struct span text, double *ret_probability)
{
	bool is_percent = text.len > 0 && text.data[text.len - 1] == '%';
	double number = 0, scale = 1;
	bool is_behind = false, has_digit = false;

	text.len -= is_percent;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '.' && !is_behind) {
			is_behind = true;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		has_digit = true;
		number = number * 10 + (c - '0');
		if (is_behind)
			scale *= 10;
	}
	number /= is_percent ? scale * 100 : scale;
	*ret_probability = number;
	return has_digit && number > 0 && number <= 1;
}

/* "100", "100/conn", "1000/s" ... */
static bool read_after(struct span text, struct fault_rule *r)
{
	struct span unit = text, number;

	if (!span_cut(&unit, '/', &number))
		return read_number(text, &r->after);
	if (!read_number(number, &r->after) || r->after >= UINT32_MAX)
		return false;
	if (span_equal(unit, SPAN("conn")))
		r->is_after_conn = true;
	else if (span_equal(unit, SPAN("s")))
		r->after_window_ns = NS_PER_SEC;
	else if (span_equal(unit, SPAN("m")))
		r->after_window_ns = 60 * NS_PER_SEC;
	else if (span_equal(unit, SPAN("h")))
		r->after_window_ns = 3600 * NS_PER_SEC;
	else
		return false;
	return true;
}

/* Resolves "\n", "\;" and "\\" in place of the text; false when something else is escaped. */
static bool unescape(struct span text, char *out, size_t *ret_len)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '\\') {
			if (++i >= text.len)
				return false;
			c = text.data[i];
			if (c == 'n')
				c = '\n';
			else if (c != ';' && c != '\\')
				return false;
		} else if ((unsigned char)c < ' ' || c == 127) {
			return false;
		}
		out[len++] = c;
	}
	*ret_len = len;
	return true;
}

/* "450 4.2.1 Mailbox busy" to whole lines, "450-..." but the last. */
static int read_reply(struct span text, struct fault_rule *r, struct err *e)
{
	char plain[RULE_MAX];
	size_t len;
	struct buf lines;
	struct span rest;

	if (!unescape(text, plain, &len))
		return err_set(e, EXIT_USAGE, 0,
			       "a reply holds printable characters, and \\n, \\; or \\\\");
	if (len < 3 || plain[0] < '2' || plain[0] > '5' || plain[1] < '0' || plain[1] > '9' ||
	    plain[2] < '0' || plain[2] > '9' || (len > 3 && plain[3] != ' '))
		return err_set(e, EXIT_USAGE, 0,
			       "a reply begins with a code from 200 to 599 and a space, as in "
			       "\"reply=450 4.2.1 Mailbox busy\"");
	r->code = (plain[0] - '0') * 100 + (plain[1] - '0') * 10 + (plain[2] - '0');
	buf_init(&lines, SMTP_SERVER_REPLY_MAX);
	rest = (struct span){plain + (len > 3 ? 4 : 3), len - (len > 3 ? 4 : 3)};
	for (;;) {
		const char *end = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;
		size_t part = end ? (size_t)(end - rest.data) : rest.len;

		if (part > 506 || !buf_printf(&lines, "%03d%c%.*s\r\n", r->code, end ? '-' : ' ',
					      (int)part, part > 0 ? rest.data : "")) {
			buf_fini(&lines);
			return err_set(e, EXIT_USAGE, 0,
				       "the reply is too long: 506 octets a line and %d in all",
				       SMTP_SERVER_REPLY_MAX);
		}
		if (!end)
			break;
		rest = span_skip(rest, part + 1);
	}
	r->reply = lines.data;
	r->reply_len = lines.len;
	return 0;
}

static bool read_size(struct span value, uint64_t low, uint64_t high, uint64_t *ret_size)
{
	return units_parse_size(value, ret_size) && *ret_size >= low && *ret_size <= high;
}

static int action_value(struct fault_rule *r, enum fault_action action, struct span value,
			struct err *e)
{
	bool is_good = true;

	switch (action) {
	case FAULT_NOTHING:
		return law_parse(value, &r->delay, e);
	case FAULT_REPLY:
		return read_reply(value, r, e);
	case FAULT_TARPIT:
	case FAULT_GREYLIST:
		is_good = units_parse_duration(value, &r->interval_ns) && r->interval_ns > 0 &&
			  r->interval_ns <= 24 * LAW_MAX_NS;
		break;
	case FAULT_GARBAGE:
		r->size = 64;
		is_good = value.len == 0 || read_size(value, 1, FAULT_GARBAGE_MAX, &r->size);
		break;
	case FAULT_OVERSIZE:
		is_good = read_size(value, 16, FAULT_OVERSIZE_MAX, &r->size);
		break;
	case FAULT_READ:
		is_good = units_parse_rate(value, &r->rate) && r->rate.count > 0;
		break;
	case FAULT_ALERT:
		r->size = 40;
		is_good = value.len == 0 || (units_parse_count(value, &r->size) && r->size <= 255);
		break;
	case FAULT_CLOSE:
	case FAULT_RESET:
	case FAULT_STALL:
	case FAULT_REFUSE:
	case FAULT_ENDLESS:
		break;
	}
	if (!is_good)
		return err_set(e, EXIT_USAGE, 0, "\"%s=%.*s\" makes no sense: write it like \"%s\"",
			       actions[action].name, (int)value.len, value.data,
			       actions[action].form);
	return 0;
}

static int read_action(struct fault_rule *r, enum fault_action action, bool has_value,
		       struct span value, struct err *e)
{
	const char *name = actions[action].name;

	if (!(actions[action].phases & BIT(r->phase)))
		return err_set(e, EXIT_USAGE, 0, "%s does not go with the phase %s", name,
			       phase_names[r->phase]);
	if (has_value && actions[action].value == VALUE_NONE)
		return err_set(e, EXIT_USAGE, 0, "%s takes no value", name);
	if (!has_value && actions[action].value == VALUE_MUST)
		return err_set(e, EXIT_USAGE, 0, "%s needs a value, as in \"%s\"", name,
			       actions[action].form);
	if (action == FAULT_NOTHING && r->delay.kind != LAW_NONE)
		return err_set(e, EXIT_USAGE, 0, "delay is given twice");
	if (action != FAULT_NOTHING && r->action != FAULT_NOTHING)
		return err_set(e, EXIT_USAGE, 0,
			       "%s and %s do not go together in one rule: make two of them",
			       actions[r->action].name, name);
	if (action != FAULT_NOTHING)
		r->action = action;
	return action_value(r, action, value, e);
}

/* The conditions. 1 when name is one of them, 0 when not, -1 with *e set. */
static int read_condition(struct fault_rule *r, struct span name, struct span value, struct err *e)
{
	bool is_good;

	if (span_equal(name, SPAN("p")))
		is_good = read_probability(value, &r->probability);
	else if (span_equal(name, SPAN("every")))
		is_good = read_number(value, &r->every);
	else if (span_equal(name, SPAN("first")))
		is_good = read_number(value, &r->first);
	else if (span_equal(name, SPAN("after")))
		is_good = read_after(value, r);
	else if (span_equal(name, SPAN("at")))
		is_good = units_parse_size(value, &r->at);
	else
		return 0;
	if (!is_good)
		return err_set(e, EXIT_USAGE, 0,
			       "\"%.*s=%.*s\" makes no sense: write it like \"p=0.1\", \"p=10%%\", "
			       "\"every=10\", \"first=3\", \"after=100\", \"after=100/conn\", "
			       "\"after=1000/s\" (or /m, /h) or \"at=1000\"",
			       (int)name.len, name.data, (int)value.len, value.data);
	return 1;
}

static int read_piece(struct fault_rule *r, struct span piece, struct err *e)
{
	struct span name, value = piece;
	bool has_value = span_cut(&value, '=', &name);
	int found;

	name = trim(name);
	value = trim(value);
	found = read_condition(r, name, value, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	for (unsigned i = 0; i < FAULT_ACTION_COUNT; i++)
		if (span_equal(name, span_of(actions[i].name)))
			return read_action(r, (enum fault_action)i, has_value, value, e);
	return err_set(e, EXIT_USAGE, 0,
		       "\"%.*s\" is not known: use reply, close, reset, stall, refuse, tarpit, "
		       "garbage, oversize, endless, greylist, read, alert or delay, and p, every, "
		       "first, after or at",
		       (int)name.len, name.data);
}

static int read_phase(struct fault_rule *r, struct span name, struct err *e)
{
	for (unsigned i = 0; i < FAULT_PHASE_COUNT; i++) {
		if (!span_equal_nocase(name, span_of(phase_names[i])))
			continue;
		r->phase = (enum fault_phase)i;
		return 0;
	}
	return err_set(
		e, EXIT_USAGE, 0,
		"\"%.*s\" is no phase: use connect, tls, banner, ehlo, starttls, auth, mail, "
		"rcpt, data, body, dot, rset, noop or quit",
		(int)name.len, name.data);
}

static int check_whole(const struct fault_rule *r, struct err *e)
{
	if (r->action == FAULT_NOTHING && r->delay.kind == LAW_NONE)
		return err_set(e, EXIT_USAGE, 0,
			       "it does not say what shall happen: add \"reply=450 4.2.1 Busy\", "
			       "\"close\" or \"delay=20ms\", say");
	if (r->at > 0 && r->phase != FAULT_BODY)
		return err_set(e, EXIT_USAGE, 0, "at goes with the phase body alone");
	if (r->at > 0 && r->action == FAULT_READ)
		return err_set(e, EXIT_USAGE, 0, "at goes with close, reset and stall alone");
	return 0;
}

/* The octets of a garbage reply: no two alike by chance, and the same in every run. */
static int make_garbage(struct fault_rule *r, struct err *e)
{
	struct rng rng;

	r->reply = malloc(r->size);
	if (!r->reply)
		return err_set(e, EXIT_FAILED, 0, "no memory for %zu octets of garbage",
			       (size_t)r->size);
	r->reply_len = r->size;
	rng_init(&rng, r->size);
	for (size_t i = 0; i < r->reply_len; i++)
		r->reply[i] = (char)(rng_next(&rng) >> 56);
	/* The top bit makes its first octet neither a digit nor the type of a TLS record. */
	r->reply[0] = (char)(r->reply[0] | (char)0x80);
	return 0;
}

static int read_rule(struct fault_rule *r, struct span text, struct err *e)
{
	struct span rest = text, phase;

	span_cut(&rest, ':', &phase);
	if (text.len >= RULE_MAX)
		return err_set(e, EXIT_USAGE, 0, "it is longer than %d octets", RULE_MAX - 1);
	if (read_phase(r, trim(phase), e) < 0)
		return -1;
	while (rest.len > 0) {
		struct span piece = take_piece(&rest);

		if (piece.len > 0 && read_piece(r, piece, e) < 0)
			return -1;
	}
	if (check_whole(r, e) < 0)
		return -1;
	return r->action == FAULT_GARBAGE ? make_garbage(r, e) : 0;
}

static void rule_free(struct fault_rule *r)
{
	if (!r)
		return;
	free(r->text);
	free(r->reply);
	free(r);
}

struct fault_rules *fault_rules_new(void)
{
	return calloc(1, sizeof(struct fault_rules));
}

void fault_rules_free(struct fault_rules *f)
{
	if (!f)
		return;
	for (int i = 0; i < f->rule_count; i++)
		rule_free(f->rules[i]);
	greylist_free(f->greylist);
	free(f);
}

int fault_rules_add(struct fault_rules *f, struct span text, struct err *e)
{
	struct fault_rule *r;

	if (f->rule_count == FAULT_RULES_MAX)
		return err_set(e, EXIT_USAGE, 0, "there are more than %d fault rules",
			       FAULT_RULES_MAX);
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(e, EXIT_FAILED, 0, "no memory for a fault rule");
	r->probability = 1;
	r->idx = (uint32_t)f->rule_count;
	if (read_rule(r, text, e) < 0) {
		rule_free(r);
		return err_prefix(e, "fault rule \"%.*s%s\"",
				  (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX), text.data,
				  text.len < SHOWN_MAX ? "" : "...");
	}
	r->text = strndup(text.data, text.len);
	if (r->action == FAULT_GREYLIST && !f->greylist)
		f->greylist = greylist_new();
	if (!r->text || (r->action == FAULT_GREYLIST && !f->greylist)) {
		rule_free(r);
		return err_set(e, EXIT_FAILED, 0, "no memory for a fault rule");
	}
	f->rules[f->rule_count++] = r;
	return 0;
}

void fault_rules_seal(struct fault_rules *f, uint64_t seed)
{
	f->seed = seed;
	for (int phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
		int count = 0;

		for (int i = 0; i < f->rule_count; i++)
			if ((int)f->rules[i]->phase == phase)
				f->by_phase[phase][count++] = f->rules[i];
		f->by_phase[phase][count] = NULL;
	}
}
