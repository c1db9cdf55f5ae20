/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer_session.c - profiles imposed on clients: one connection
 *
 * A session has a part for each seat, most of which stay empty. What was taken and may have to be
 * given back is kept in two lists: for the connection and for the message under way.
 */
#include <stdlib.h>
#include "sink/imposer_private.h"
#include "sink/key.h"
#include "terms/address.h"

#define PATH_MAX_ ((size_t)1024)
#define NO_SEAT	  UINT8_MAX

/* --- Seats and stages ---------------------------------------------------------------------- */

static int listener_seat(const struct imposer *i, const struct endpoint *local)
{
	int best = -1, best_rank = -1;

	for (int k = 0; k < i->seat_count; k++) {
		const struct imposed_seat *seat = &i->seats[k];
		int rank = !seat->has_address ? 0 : seat->address.port == 0 ? 1 : 2;

		if (seat->domain.len > 0 || rank <= best_rank)
			continue;
		if (seat->has_address &&
		    (!endpoint_same_address(&seat->address, local) ||
		     (seat->address.port != 0 && seat->address.port != local->port)))
			continue;
		best = k;
		best_rank = rank;
	}
	return best;
}

static int recipient_seat(const struct imposer_session *x, struct span path)
{
	const struct imposer *i = x->imposer;
	struct span domain = address_domain(path);

	for (int k = 0; i->has_domains && domain.len > 0 && k < i->seat_count; k++)
		if (span_equal_nocase(i->seats[k].domain, domain))
			return k;
	return x->seat;
}

/* The profile that stands at a seat now. */
static const struct imposed_stage *stage_of(const struct imposed_seat *seat, int64_t now_ns)
{
	int k = seat->stage_count - 1;

	while (k > 0 && seat->stages[k].from_ns > now_ns)
		k--;
	return &seat->stages[k];
}

/*
 * The part of a seat, with the profile that stands there at the begin of a connection or message.
 * NULL: memory exhausted.
 */
static struct imposed_part *enter(struct imposer_session *x, int seat, int64_t now_ns)
{
	struct imposer *i = x->imposer;
	struct imposed_part *p = &x->parts[seat];
	const struct imposed_stage *stage = stage_of(&i->seats[seat], now_ns);
	const struct profile_reputation *model = &stage->profile->reputation;
	struct counter **cached;

	if (p->stage == stage)
		return p;
	cached = calloc((size_t)stage->limit_count + 1, sizeof(struct counter *));
	if (!cached)
		return p->stage ? p : NULL;
	free(p->cached);
	p->cached = cached;
	p->stage = stage;
	p->connection_done = p->message_done = 0;
	p->pending = NULL;
	p->standing = NULL;
	if (model->is_given && i->reputations)
		p->standing = reputations_find(
			i->reputations, key_of_number(x->client_key, i->seats[seat].id),
			i->plan->has_reputation ? i->plan->reputation : model->start);
	return p;
}

static struct imposed_part *part_at(struct imposer_session *x, int seat)
{
	return seat >= 0 && x->parts[seat].stage ? &x->parts[seat] : NULL;
}

/* --- Giving back --------------------------------------------------------------------------- */

static void give_back(const struct imposer_session *x, const struct imposed_claim *c,
		      bool did_not_count)
{
	/* The count first: once its place is free, another thread's may stand beside it. */
	if (c->counter)
		counter_given_back(x->imposer->counters, c->counter, c->of.amount, c->at_ns,
				   did_not_count);
	limits_give_back(&c->of, 1, c->at_ns);
}

/* The recipient that was asked about last was not accepted. */
static void give_recipient_back(const struct imposer_session *x, struct imposed_claims *list)
{
	while (list->count > 0 && list->items[list->count - 1].is_recipient)
		give_back(x, &list->items[--list->count], true);
}

/* What is kept of a recipient that was accepted is its message's from now on. */
static void keep_recipient(struct imposed_claims *list)
{
	for (int k = list->count; k > 0 && list->items[k - 1].is_recipient; k--)
		list->items[k - 1].is_recipient = false;
}

static void end_transaction(struct imposer_session *x, bool is_accepted, uint64_t size,
			    int64_t now_ns)
{
	/* What was accepted counts; what was only under way is over either way. */
	for (int k = 0; k < x->of_message.count; k++)
		if (!is_accepted || x->of_message.items[k].is_at_once)
			give_back(x, &x->of_message.items[k], !is_accepted);
	x->of_message.count = 0;
	for (int k = 0; k < x->imposer->seat_count; k++) {
		struct imposed_part *p = part_at(x, k);

		if (!p)
			continue;
		if (is_accepted && p->recipients > 0) {
			p->accepted[LIMIT_MESSAGES]++;
			p->accepted[LIMIT_RECIPIENTS] += p->recipients;
			p->accepted[LIMIT_OCTETS] += size;
			imposer_accepted(x, p, now_ns);
		}
		p->message_done = 0;
		p->recipients = 0;
		p->has_begun = false;
		p->pending = NULL;
		p->words.is_ready = false;
	}
	buf_clear(&x->sender);
	buf_clear(&x->recipient);
	x->recipient_count = 0;
	x->declared = 0;
	x->part = -1;
	x->was_data_asked = false;
}

/* --- Asking -------------------------------------------------------------------------------- */

static bool refused(struct imposer_session *x, struct imposed_part *p,
		    const struct imposed_refusal *refusal, const struct imposer_question *q)
{
	imposer_refuse(x, p, refusal, q, &x->words);
	x->due = &x->words;
	return true;
}

/* Asks one part at a step, and at MAIL before where that is still to be done. */
static bool ask_part(struct imposer_session *x, struct imposed_part *p,
		     const struct imposer_question *q)
{
	bool is_late = q->step == AT_RCPT && !p->has_begun;
	struct imposed_refusal refusal;
	struct imposed_part *whose = p;
	struct imposed_judgement j;

	j.count = 0;
	if ((is_late && imposer_look(x, p, AT_MAIL, q, &j, &refusal)) ||
	    imposer_look(x, p, q->step, q, &j, &refusal) ||
	    imposer_take(x, q, &j, &refusal, &whose))
		return refused(x, whose, &refusal, q);
	if (is_late)
		imposer_pass(x, p, AT_MAIL, q);
	if (!q->has_failed)
		imposer_pass(x, p, q->step, q);
	return false;
}

/* Asks all parts that have recipients of this message: it passes for all of them or for none. */
static bool ask_parts(struct imposer_session *x, const struct imposer_question *q)
{
	bool is_first = q->step == AT_ACCEPT && !x->was_data_asked;
	struct imposed_refusal refusal;
	struct imposed_part *whose = NULL;
	struct imposed_judgement j;

	j.count = 0;
	for (int k = 0; k < x->imposer->seat_count; k++) {
		struct imposed_part *p = part_at(x, k);

		if (!p || p->recipients == 0)
			continue;
		if ((is_first && imposer_look(x, p, AT_DATA, q, &j, &refusal)) ||
		    imposer_look(x, p, q->step, q, &j, &refusal))
			return refused(x, p, &refusal, q);
	}
	if (imposer_take(x, q, &j, &refusal, &whose))
		return refused(x, whose, &refusal, q);
	for (int k = 0; k < x->imposer->seat_count; k++) {
		struct imposed_part *p = part_at(x, k);

		if (p && p->recipients > 0)
			imposer_pass(x, p, q->step, q);
	}
	return false;
}

/* LMTP: each seat's recipients have an answer of their own, which is found with the first. */
static void ask_parts_alone(struct imposer_session *x, const struct imposer_question *q)
{
	for (int k = 0; k < x->imposer->seat_count; k++) {
		struct imposed_part *p = part_at(x, k), *whose = p;
		struct imposed_refusal refusal;
		struct imposed_judgement j;

		j.count = 0;
		if (!p || p->recipients == 0)
			continue;
		if ((!x->was_data_asked && imposer_look(x, p, AT_DATA, q, &j, &refusal)) ||
		    imposer_look(x, p, AT_ACCEPT, q, &j, &refusal) ||
		    imposer_take(x, q, &j, &refusal, &whose))
			imposer_refuse(x, whose, &refusal, q, &p->words);
		else
			imposer_pass(x, p, AT_ACCEPT, q);
	}
}

static bool ask_lmtp(struct imposer_session *x, const struct imposer_question *q)
{
	size_t idx = (size_t)q->recipient_idx;
	int seat = idx < x->recipient_count ? x->recipient_seats[idx] : NO_SEAT;
	struct imposed_part *p;

	if (q->recipient_idx == 0)
		ask_parts_alone(x, q);
	p = seat < NO_SEAT ? part_at(x, seat) : NULL;
	if (p && p->words.is_ready)
		x->due = &p->words;
	return x->due != NULL;
}

static void set_path(struct buf *path, struct span text)
{
	buf_clear(path);
	(void)buf_append(path, text.data, text.len < PATH_MAX_ ? text.len : PATH_MAX_);
}

/* Who logged in, if that has changed: what was counted for another is not ours. */
static void set_account(struct imposer_session *x, const char *user)
{
	if (x->account == user || (x->account && user && strcmp(x->account, user) == 0))
		return;
	free(x->account);
	x->account = user ? strdup(user) : NULL;
	x->account_key = x->account ? key_of(span_of(x->account), 0) : 0;
	for (int k = 0; k < x->imposer->seat_count; k++) {
		struct imposed_part *p = part_at(x, k);

		for (int l = 0; p && l < p->stage->limit_count; l++)
			if (p->stage->limits[l].of->limit.scope == LIMIT_PER_ACCOUNT)
				p->cached[l] = NULL;
	}
}

static bool ask_mail(struct imposer_session *x, const struct imposer_question *q)
{
	struct imposed_part *p;

	end_transaction(x, false, 0, q->now_ns);
	set_path(&x->sender, q->path);
	x->sender_key = key_of_nocase(address_domain(q->path), 1);
	x->declared = q->size;
	p = x->seat >= 0 ? enter(x, x->seat, q->now_ns) : NULL;
	return p && ask_part(x, p, q);
}

static bool ask_rcpt(struct imposer_session *x, const struct imposer_question *q)
{
	int seat = recipient_seat(x, q->path);
	struct imposed_part *p = part_at(x, seat);

	keep_recipient(&x->of_message);
	set_path(&x->recipient, q->path);
	x->recipient_key = key_of_nocase(q->path, 2);
	if (seat >= 0 && !(p && p->has_begun))
		p = enter(x, seat, q->now_ns);
	x->part = p ? seat : -1;
	return p && ask_part(x, p, q);
}

bool imposer_ask(struct imposer_session *x, const struct imposer_question *q)
{
	struct imposed_part *p;

	x->due = NULL;
	set_account(x, q->user);
	switch (q->step) {
	case AT_BANNER:
	case AT_AUTH:
		p = x->seat >= 0 ? enter(x, x->seat, q->now_ns) : NULL;
		return p && ask_part(x, p, q);
	case AT_MAIL:
		return ask_mail(x, q);
	case AT_RCPT:
		return ask_rcpt(x, q);
	case AT_DATA:
		if (!x->was_data_asked)
			x->was_data_asked = !ask_parts(x, q);
		return !x->was_data_asked;
	case AT_ACCEPT:
		break;
	}
	return x->facts.is_lmtp ? ask_lmtp(x, q) : ask_parts(x, q);
}

const struct imposer_reply *imposer_reply(const struct imposer_session *x)
{
	return x->due ? &x->due->reply : NULL;
}

void imposer_said(struct imposer_session *x)
{
	x->due = NULL;
}

/* --- What became of it --------------------------------------------------------------------- */

/* LMTP: whose reply the one to the message will be. */
static void note_recipient(struct imposer_session *x)
{
	size_t room = x->recipient_room > 0 ? x->recipient_room * 2 : 16;

	if (!x->facts.is_lmtp)
		return;
	if (x->recipient_count == x->recipient_room) {
		uint8_t *grown = realloc(x->recipient_seats, room);

		if (!grown)
			return;
		x->recipient_seats = grown;
		x->recipient_room = room;
	}
	x->recipient_seats[x->recipient_count++] = (uint8_t)(x->part >= 0 ? x->part : NO_SEAT);
}

static void settle_rcpt(struct imposer_session *x, bool is_good)
{
	struct imposed_part *p = part_at(x, x->part);

	if (is_good) {
		keep_recipient(&x->of_message);
		note_recipient(x);
		if (p)
			p->recipients++;
	} else {
		give_recipient_back(x, &x->of_message);
	}
}

void imposer_settled(struct imposer_session *x, enum smtp_verb verb, int code, bool is_over,
		     bool is_accepted, uint64_t size, int64_t now_ns)
{
	bool is_good = code / 100 == 2;

	switch (verb) {
	case SMTP_VERB_MAIL:
		if (!is_good)
			end_transaction(x, false, 0, now_ns);
		break;
	case SMTP_VERB_RCPT:
		settle_rcpt(x, is_good);
		break;
	case SMTP_VERB_DOT:
		if (is_over)
			end_transaction(x, is_accepted, size, now_ns);
		break;
	case SMTP_VERB_BDAT:
		if (!is_good)
			end_transaction(x, false, 0, now_ns);
		break;
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_LHLO:
	case SMTP_VERB_RSET:
		if (is_good)
			end_transaction(x, false, 0, now_ns);
		break;
	case SMTP_VERB_CONNECT:
	case SMTP_VERB_STARTTLS:
	case SMTP_VERB_AUTH:
	case SMTP_VERB_DATA:
	case SMTP_VERB_NOOP:
	case SMTP_VERB_VRFY:
	case SMTP_VERB_EXPN:
	case SMTP_VERB_HELP:
	case SMTP_VERB_QUIT:
	case SMTP_VERB_UNKNOWN:
		break;
	}
}

/* --- Life ---------------------------------------------------------------------------------- */

struct imposer_session *imposer_session_new(struct imposer *i, const struct imposer_facts *facts)
{
	int seat = listener_seat(i, facts->local);
	struct imposer_session *x;

	if (seat < 0 && !i->has_domains)
		return NULL;
	x = calloc(1, sizeof(*x) + (size_t)i->seat_count * sizeof(x->parts[0]));
	if (!x)
		return NULL;
	x->imposer = i;
	x->facts = *facts;
	x->peer = *facts->peer;
	x->number = atomic_fetch_add_explicit(&i->sessions, 1, memory_order_relaxed) + 1;
	x->client_key = endpoint_address_hash(facts->peer);
	x->seat = seat;
	x->part = -1;
	buf_init(&x->sender, PATH_MAX_);
	buf_init(&x->recipient, PATH_MAX_);
	buf_init(&x->words.text, IMPOSED_REPLY_MAX);
	return x;
}

void imposer_session_free(struct imposer_session *x, int64_t now_ns)
{
	if (!x)
		return;
	end_transaction(x, false, 0, now_ns);
	for (int k = 0; k < x->of_connection.count; k++)
		if (x->of_connection.items[k].is_at_once)
			give_back(x, &x->of_connection.items[k], false);
	for (int k = 0; k < x->imposer->seat_count; k++) {
		free(x->parts[k].cached);
		limits_free(x->parts[k].own);
		imposed_words_fini(&x->parts[k].words);
	}
	free(x->of_connection.items);
	free(x->of_message.items);
	free(x->recipient_seats);
	free(x->account);
	buf_fini(&x->sender);
	buf_fini(&x->recipient);
	imposed_words_fini(&x->words);
	free(x);
}
