/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer_say.c - profiles imposed on clients: the words, and what follows from them
 *
 * A profile's reply is a text with placeholders; it is filled in when it is said. Where a profile
 * limits without saying how it answers, general words stand in, with the codes of RFC 5321 and
 * RFC 3463 that fit.
 */
#include <inttypes.h>
#include "sink/imposer_private.h"
#include "sink/key.h"
#include "terms/address.h"

#define LINE_MAX_ ((size_t)506) /* RFC 5321 s4.5.3.1.5, without code and line end */

static const enum phase phase_of[IMPOSER_STEPS] = {
	[AT_BANNER] = PHASE_BANNER, [AT_AUTH] = PHASE_AUTH, [AT_MAIL] = PHASE_MAIL,
	[AT_RCPT] = PHASE_RCPT,	    [AT_DATA] = PHASE_DATA, [AT_ACCEPT] = PHASE_ACCEPT,
};

static const char *cause_name(enum profile_cause cause)
{
	static const char *const names[PROFILE_CAUSE_COUNT] = {
		[CAUSE_NONE] = "none",
		[CAUSE_OVER] = "over",
		[CAUSE_SENDER_UNKNOWN] = "sender unknown",
		[CAUSE_TRIPLET] = "triplet",
		[CAUSE_PROBABILITY] = "probability",
		[CAUSE_SIZE] = "octets",
		[CAUSE_RECIPIENT] = "recipient",
		[CAUSE_LOGIN] = "login failed",
		[CAUSE_NO_LOGIN] = "login missing",
		[CAUSE_NO_TLS] = "tls missing",
	};

	return names[cause];
}

/* --- General words ------------------------------------------------------------------------- */

static const char *words_of_connections(const struct limit *l)
{
	return l->period_ns > 0 ? "421 4.7.0 Too many connections in a short time, try again later"
				: "421 4.7.0 Too many connections at once, try again later";
}

static const char *words_of_messages(const struct limit *l, enum imposer_step step)
{
	if (l->scope == LIMIT_PER_CONNECTION)
		return "421 4.7.0 Too many messages on this connection";
	if (l->scope == LIMIT_PER_RECIPIENT)
		return "450 4.2.1 The recipient is receiving mail too quickly, try again later";
	if (step == AT_AUTH)
		return "454 4.7.0 Too many messages, try again later";
	return "421 4.7.0 Too many messages, try again later";
}

static const char *words_of_recipients(const struct limit *l, enum imposer_step step)
{
	if (l->scope == LIMIT_PER_RECIPIENT)
		return "450 4.2.1 The recipient is receiving mail too quickly, try again later";
	if (l->scope == LIMIT_PER_MESSAGE)
		return "452 4.5.3 Too many recipients";
	return step == AT_RCPT ? "452 4.5.3 Too many recipients, try again later"
			       : "451 4.7.0 Too many recipients, try again later";
}

static const char *words_of_octets(const struct limit *l)
{
	return l->scope == LIMIT_PER_MESSAGE ? "552 5.3.4 Message size exceeds limit"
					     : "452 4.3.1 Too much data, try again later";
}

static const char *general_words(const struct imposed_refusal *r, enum imposer_step step)
{
	const struct limit *l;

	if (r->cause == CAUSE_NO_TLS)
		return "530 5.7.0 Must issue a STARTTLS command first";
	if (!r->limit)
		return "530 5.7.0 Authentication required";
	l = &r->limit->of->limit;
	switch (l->unit) {
	case LIMIT_CONNECTIONS:
		return words_of_connections(l);
	case LIMIT_MESSAGES:
		return words_of_messages(l, step);
	case LIMIT_RECIPIENTS:
		return words_of_recipients(l, step);
	case LIMIT_OCTETS:
		break;
	}
	return words_of_octets(l);
}

/* --- Filling in ---------------------------------------------------------------------------- */

/* What a peer said, without what would break a reply. */
static bool add_foreign(struct buf *out, struct span text)
{
	bool is_good = true;

	for (size_t i = 0; i < text.len && is_good; i++)
		if ((unsigned char)text.data[i] >= ' ' && text.data[i] != 127)
			is_good = buf_append(out, &text.data[i], 1);
	return is_good;
}

/* Whom a reply speaks of: the recipient where there is one yet and it is not about the sender. */
static struct span address_of(const struct imposer_session *x, const struct imposed_refusal *r,
			      const struct imposer_question *q)
{
	return r->cause != CAUSE_SENDER_UNKNOWN && q->step >= AT_RCPT && x->recipient.len > 0
		       ? buf_span(&x->recipient)
		       : buf_span(&x->sender);
}

static bool add_id(const struct imposer_session *x, struct buf *out)
{
	uint64_t number = atomic_fetch_add_explicit(&x->imposer->refusals, 1, memory_order_relaxed);

	return buf_printf(out, "%016" PRIx64, key_of_number(number, x->imposer->plan->seed));
}

/* Fills in the placeholder that text begins with; *ret_len is its length, 0 when it is none. */
static bool add_placeholder(const struct imposer_session *x, struct span about, struct span text,
			    struct buf *out, size_t *ret_len)
{
	static const struct span names[] = {SPAN_INIT("{ip}"), SPAN_INIT("{address}"),
					    SPAN_INIT("{domain}"), SPAN_INIT("{id}")};
	char address[ENDPOINT_TEXT_MAX];
	size_t which = 0;

	while (which < sizeof(names) / sizeof(names[0]) &&
	       (text.len < names[which].len ||
		memcmp(text.data, names[which].data, names[which].len) != 0))
		which++;
	*ret_len = which < sizeof(names) / sizeof(names[0]) ? names[which].len : 0;
	switch (which) {
	case 0:
		return buf_append_text(out, endpoint_address_text(&x->peer, address));
	case 1:
		return add_foreign(out, about);
	case 2: {
		struct span domain = address_domain(about);

		return domain.len > 0 ? add_foreign(out, domain)
				      : buf_append_text(out, x->imposer->plan->name);
	}
	case 3:
		return add_id(x, out);
	default:
		return true;
	}
}

static bool add_line(const struct imposer_session *x, struct span about, struct span line,
		     struct buf *out)
{
	bool is_good = true;

	while (line.len > 0 && is_good) {
		size_t len = 0;

		if (line.data[0] == '{')
			is_good = add_placeholder(x, about, line, out, &len);
		if (len == 0) {
			is_good = is_good && add_foreign(out, (struct span){line.data, 1});
			len = 1;
		}
		line = span_skip(line, len);
	}
	return is_good;
}

/* Without the code and what divides it from the text, if the line begins with it. */
static struct span without_code(struct span line, struct span code)
{
	if (line.len < 3 || memcmp(line.data, code.data, 3) != 0)
		return line;
	if (line.len == 3)
		return span_skip(line, 3);
	return line.data[3] == ' ' || line.data[3] == '-' ? span_skip(line, 4) : line;
}

/*
 * "421 4.7.0 text", further lines behind line feeds, as whole lines of a reply. What does not fit
 * into a line or into the reply is left out.
 */
static void fill_in(const struct imposer_session *x, struct span about, struct span say,
		    struct buf *out)
{
	struct span code = {say.data, 3};
	size_t last = 0;
	struct buf line;

	buf_init(&line, LINE_MAX_);
	while (say.len > 0) {
		struct span text;

		span_cut(&say, '\n', &text);
		buf_clear(&line);
		(void)add_line(x, about, without_code(text, code), &line);
		if (out->len + 4 + line.len + 2 > IMPOSED_REPLY_MAX)
			break;
		last = out->len;
		if (!buf_printf(out, "%.3s-%.*s\r\n", code.data, (int)line.len,
				line.len > 0 ? line.data : ""))
			break;
	}
	if (out->len > 0)
		out->data[last + 3] = ' ';
	buf_fini(&line);
}

static int code_of(struct span say)
{
	return (say.data[0] - '0') * 100 + (say.data[1] - '0') * 10 + (say.data[2] - '0');
}

static void make_words(struct imposer_session *x, const struct imposed_refusal *r,
		       const struct imposer_question *q, struct imposed_words *w)
{
	struct span say = r->rule ? r->rule->say : span_of(general_words(r, q->step));

	buf_clear(&w->text);
	w->text.limit = IMPOSED_REPLY_MAX;
	w->is_ready = true;
	w->reply = (struct imposer_reply){.does_close = true};
	if (say.len < 3)
		return;
	fill_in(x, address_of(x, r, q), say, &w->text);
	/* Without memory for words it is closed without any. */
	if (w->text.len == 0)
		return;
	w->reply.code = code_of(say);
	w->reply.lines = buf_span(&w->text);
	w->reply.does_close =
		w->reply.code == 421 || q->step == AT_BANNER || (r->rule && r->rule->does_close);
}

void imposed_words_fini(struct imposed_words *w)
{
	buf_fini(&w->text);
	w->is_ready = false;
}

/* --- What follows -------------------------------------------------------------------------- */

static bool is_throttling(const struct imposed_refusal *r)
{
	if (r->limit)
		return true;
	return r->rule &&
	       (r->rule->class == CLASS_THROTTLED || r->rule->class == CLASS_QUOTA_EXHAUSTED ||
		r->rule->class == CLASS_RECIPIENT_THROTTLED);
}

static void log_move(const struct imposer_session *x, const struct imposed_part *p,
		     struct reputation_move move)
{
	char address[ENDPOINT_TEXT_MAX];

	if (x->imposer->log && move.from != move.to)
		decision_log_reputation(x->imposer->log, endpoint_address_text(&x->peer, address),
					p->stage->profile->name, move.from, move.to);
}

static void log_refusal(const struct imposer_session *x, const struct imposed_part *p,
			const struct imposed_refusal *r, const struct imposer_question *q,
			struct span reply)
{
	const struct profile *profile = p->stage->profile;
	char address[ENDPOINT_TEXT_MAX];
	struct decision d = {
		.client = endpoint_address_text(&x->peer, address),
		.account = x->account,
		.session = x->number,
		.phase = phase_of[q->step],
		.profile = profile->name,
		.rule = r->rule ? r->rule->name : NULL,
		.cause = cause_name(r->cause),
		.limit = r->limit ? r->limit->of->name : NULL,
		.whose = r->whose,
		.used = r->used,
		.amount = r->amount,
		.period_ns = r->period_ns,
		.reply = reply,
		.has_reputation = p->standing != NULL,
	};

	if (d.has_reputation)
		d.reputation = standing_level(p->standing, &profile->reputation, q->now_ns);
	decision_log_refusal(x->imposer->log, &d);
}

void imposer_refuse(struct imposer_session *x, struct imposed_part *p,
		    const struct imposed_refusal *refusal, const struct imposer_question *q,
		    struct imposed_words *words)
{
	const struct profile *profile = p->stage->profile;

	make_words(x, refusal, q, words);
	if (refusal->rule)
		atomic_fetch_add_explicit(&p->stage->rules[refusal->rule - profile->rules].said, 1,
					  memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&x->imposer->general, 1, memory_order_relaxed);
	if (x->imposer->log)
		log_refusal(x, p, refusal, q, words->reply.lines);
	if (p->standing && is_throttling(refusal))
		log_move(x, p, standing_refused(p->standing, &profile->reputation, q->now_ns));
}

void imposer_accepted(struct imposer_session *x, struct imposed_part *p, int64_t now_ns)
{
	if (p->standing)
		log_move(x, p,
			 standing_accepted(p->standing, &p->stage->profile->reputation, now_ns));
}
