/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer_judge.c - profiles imposed on clients: whether something passes
 *
 * What a profile's rules say for other reasons than limits comes first, in the order of the
 * rules: it costs nothing that would have to be given back. Then limits that a session can count
 * by itself, then those of the table, all of them or none.
 */
#include <stdlib.h>
#include "base/check.h"
#include "base/rng.h"
#include "sink/imposer_private.h"
#include "sink/key.h"
#include "terms/address.h"

static enum imposer_step later(enum imposer_step a, enum imposer_step b)
{
	return a > b ? a : b;
}

static enum imposer_step step_of_phase(enum phase phase)
{
	switch (phase) {
	case PHASE_AUTH:
		return AT_AUTH;
	case PHASE_MAIL:
		return AT_MAIL;
	case PHASE_RCPT:
		return AT_RCPT;
	case PHASE_DATA:
		return AT_DATA;
	case PHASE_BODY:
	case PHASE_HOLD:
	case PHASE_ACCEPT:
		return AT_ACCEPT;
	case PHASE_DNS:
	case PHASE_CONNECT:
	case PHASE_BANNER:
	case PHASE_EHLO:
	case PHASE_TLS:
	case PHASE_QUIT:
	case PHASE_SESSION:
	case PHASE_RESPONSE:
	case PHASE_SERVICE:
		break;
	}
	return AT_BANNER;
}

/* The first step at which a cause can be known, whatever the rule asks for. */
static enum imposer_step known_from(enum profile_cause cause)
{
	switch (cause) {
	case CAUSE_SENDER_UNKNOWN:
	case CAUSE_SIZE:
	case CAUSE_NO_LOGIN:
		return AT_MAIL;
	case CAUSE_TRIPLET:
	case CAUSE_RECIPIENT:
		return AT_RCPT;
	case CAUSE_LOGIN:
	case CAUSE_NO_TLS:
		return AT_AUTH;
	case CAUSE_NONE:
	case CAUSE_OVER:
	case CAUSE_PROBABILITY:
		break;
	}
	return AT_BANNER;
}

enum imposer_step imposer_step_of(const struct profile_rule *r)
{
	return r->when == CAUSE_LOGIN ? AT_AUTH : later(step_of_phase(r->at), known_from(r->when));
}

/* --- Other causes than limits -------------------------------------------------------------- */

/* pattern with '*' for any number of octets, in any case. */
static bool is_match(struct span pattern, struct span text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.data[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.len && span_equal_nocase((struct span){&pattern.data[p], 1},
								(struct span){&text.data[t], 1})) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

static struct span local_part(struct span path)
{
	struct span domain = address_domain(path);

	return domain.len > 0 ? (struct span){path.data, path.len - domain.len - 1} : path;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/*
 * Whether an account may write as that sender: its own address or domain. Who is not logged in,
 * or whose name has no domain, may write from any domain of an account; where no account has one
 * there is nothing to compare with. The null path is a report's.
 */
static bool is_sender_known(const struct imposer *i, struct span path, const char *user)
{
	struct span own = address_domain(span_of(user)), domain = address_domain(path);
	uint64_t key;

	if (path.len == 0)
		return true;
	if (own.len > 0)
		return span_equal_nocase(domain, own);
	if (i->sender_domain_count == 0)
		return true;
	key = key_of_nocase(domain, 0);
	return bsearch(&key, i->sender_domains, (size_t)i->sender_domain_count, sizeof(key),
		       compare_keys) != NULL;
}

static bool is_first_sight(const struct imposer_session *x, const struct imposed_part *p,
			   const struct profile_rule *r, int64_t now_ns)
{
	const struct imposer *i = x->imposer;
	uint64_t triplet = key_of_number(x->client_key, p->stage->seat->id);

	triplet = key_of_nocase(buf_span(&x->sender), triplet);
	triplet = key_of_nocase(buf_span(&x->recipient), triplet);
	return !greylist_passes(i->greylist, triplet, now_ns, r->when_ns / i->scale);
}

/* A function of seed, rule and the number of the occasion, so that runs repeat. */
static bool has_chance(const struct imposer_session *x, const struct imposed_part *p,
		       const struct profile_rule *r)
{
	long idx = r - p->stage->profile->rules;
	uint64_t asked =
		atomic_fetch_add_explicit(&p->stage->rules[idx].asked, 1, memory_order_relaxed);
	struct rng rng;

	rng_fork(&rng, x->imposer->plan->seed ^ key_of(span_of(r->name), p->stage->seat->id),
		 asked);
	return rng_below(&rng, 1000000) < r->when_ppm;
}

static bool is_too_large(const struct imposer_session *x, const struct profile_rule *r,
			 enum imposer_step step, const struct imposer_question *q)
{
	if (step == AT_ACCEPT)
		return q->size > r->when_octets;
	return step == imposer_step_of(r) && x->declared > r->when_octets;
}

/* Whether the cause is there. Only asked at the step at which it becomes known. */
static bool is_so(struct imposer_session *x, const struct imposed_part *p,
		  const struct profile_rule *r, enum imposer_step step,
		  const struct imposer_question *q)
{
	const struct profile *profile = p->stage->profile;

	switch (r->when) {
	case CAUSE_SENDER_UNKNOWN:
		return !is_sender_known(x->imposer, buf_span(&x->sender), x->account);
	case CAUSE_TRIPLET:
		return is_first_sight(x, p, r, q->now_ns);
	case CAUSE_PROBABILITY:
		return has_chance(x, p, r);
	case CAUSE_SIZE:
		return is_too_large(x, r, step, q);
	case CAUSE_RECIPIENT:
		return is_match(r->when_pattern, local_part(buf_span(&x->recipient)));
	case CAUSE_LOGIN:
		return q->has_failed;
	case CAUSE_NO_LOGIN:
		return profile->submission.needs_login && x->facts.can_login && !x->account;
	case CAUSE_NO_TLS:
		return profile->submission.needs_tls && x->facts.can_seal && !q->is_sealed;
	case CAUSE_NONE:
	case CAUSE_OVER:
		break;
	}
	return false;
}

/* Where a cause is looked at: as soon as it is known, for chance and states when it is said. */
static bool is_due(const struct profile_rule *r, enum imposer_step step)
{
	if (r->when == CAUSE_SIZE)
		return step >= AT_MAIL;
	if (r->when == CAUSE_SENDER_UNKNOWN || r->when == CAUSE_TRIPLET ||
	    r->when == CAUSE_RECIPIENT)
		return step == known_from(r->when);
	return step == imposer_step_of(r);
}

/* Demands of the profile for which it has no words. */
static bool lacks_demanded(const struct imposer_session *x, const struct imposed_part *p,
			   const struct imposer_question *q, struct imposed_refusal *ret)
{
	const struct profile_submission *s = &p->stage->profile->submission;

	if (s->needs_tls && x->facts.can_seal && !q->is_sealed)
		ret->cause = CAUSE_NO_TLS;
	else if (s->needs_login && x->facts.can_login && !x->account)
		ret->cause = CAUSE_NO_LOGIN;
	else
		return false;
	for (int k = 0; k < p->stage->condition_count; k++)
		if (p->stage->conditions[k]->when == ret->cause)
			return false;
	return true;
}

static bool look_at_conditions(struct imposer_session *x, struct imposed_part *p,
			       enum imposer_step step, const struct imposer_question *q,
			       struct imposed_refusal *ret)
{
	if (p->pending && imposer_step_of(p->pending) <= step) {
		ret->rule = p->pending;
		ret->cause = p->pending->when;
		if (ret->cause == CAUSE_OVER) {
			ret->limit = &p->stage->limits[p->pending->limit];
			ret->used = ret->amount = ret->limit->of->limit.amount;
		}
		return true;
	}
	for (int k = 0; k < p->stage->condition_count; k++) {
		const struct profile_rule *r = p->stage->conditions[k];

		if (!is_due(r, step) || !is_so(x, p, r, step, q))
			continue;
		if (imposer_step_of(r) <= step) {
			ret->rule = r;
			ret->cause = r->when;
			return true;
		}
		if (!p->pending || imposer_step_of(r) < imposer_step_of(p->pending))
			p->pending = r;
	}
	return step == AT_MAIL && lacks_demanded(x, p, q, ret);
}

/* --- Limits -------------------------------------------------------------------------------- */

static uint64_t bit_of(const struct imposed_part *p, const struct imposed_limit *l)
{
	return UINT64_C(1) << (l - p->stage->limits);
}

static const struct profile_rule *words_for(const struct imposed_limit *l, enum imposer_step step,
					    enum imposer_step said_at)
{
	return l->said[said_at] ? l->said[said_at] : l->said[step] ? l->said[step] : l->said_else;
}

static void raise_to(_Atomic uint64_t *peak, uint64_t value)
{
	uint64_t old = atomic_load_explicit(peak, memory_order_relaxed);

	while (value > old &&
	       !atomic_compare_exchange_weak_explicit(peak, &old, value, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

static void refuse_plain(const struct imposer_session *x, const struct imposed_limit *l,
			 uint64_t used, enum imposer_step step, const struct imposer_question *q,
			 struct imposed_refusal *ret)
{
	atomic_fetch_add_explicit(&x->imposer->rows[l->row].refused, 1, memory_order_relaxed);
	*ret = (struct imposed_refusal){
		.rule = words_for(l, step, q->step),
		.limit = l,
		.cause = CAUSE_OVER,
		.used = used,
		.amount = l->of->limit.amount,
	};
}

/*
 * What a plain limit would stand at if this passed, and before; false when it is not looked at
 * here.
 */
static bool plain_value(const struct imposed_part *p, const struct imposed_limit *l,
			enum imposer_step step, const struct imposer_question *q, uint64_t declared,
			uint64_t *ret_before, uint64_t *ret_after)
{
	const struct limit *limit = &l->of->limit;
	bool is_connection = limit->scope == LIMIT_PER_CONNECTION;
	uint64_t sum = 0, more = 0;

	if (is_connection)
		sum = limit->counts_accepted ? p->accepted[limit->unit] : p->sums[limit->unit];
	switch (limit->unit) {
	case LIMIT_MESSAGES:
		/* This one is in the sum already, once it has begun. */
		more = limit->counts_accepted || !p->has_begun;
		if (!is_connection || (step != l->charged_at && !l->said[step]))
			return false;
		break;
	case LIMIT_RECIPIENTS:
		if (step != l->charged_at)
			return false;
		more = step == AT_RCPT;
		if (!is_connection || limit->counts_accepted)
			sum += p->recipients;
		break;
	case LIMIT_OCTETS:
		more = step == AT_ACCEPT ? q->size : declared;
		if (step != AT_ACCEPT && !l->said[step] && (step != AT_MAIL || l->said_else))
			return false;
		break;
	case LIMIT_CONNECTIONS:
		return false;
	}
	*ret_before = sum;
	*ret_after = sum + more;
	return true;
}

static bool look_at_plain(const struct imposer_session *x, const struct imposed_part *p,
			  enum imposer_step step, const struct imposer_question *q,
			  struct imposed_refusal *ret)
{
	for (int k = 0; k < p->stage->limit_count; k++) {
		const struct imposed_limit *l = &p->stage->limits[k];
		uint64_t before, after;

		if (!l->is_plain || step < AT_MAIL ||
		    !plain_value(p, l, step, q, x->declared, &before, &after) ||
		    after <= l->of->limit.amount)
			continue;
		refuse_plain(x, l, l->of->limit.unit == LIMIT_OCTETS ? after : before, step, q,
			     ret);
		return true;
	}
	return false;
}

void imposer_pass(struct imposer_session *x, struct imposed_part *p, enum imposer_step step,
		  const struct imposer_question *q)
{
	for (int k = 0; k < p->stage->limit_count; k++) {
		const struct imposed_limit *l = &p->stage->limits[k];
		struct imposed_row *row = &x->imposer->rows[l->row];
		uint64_t before, after;

		if (!l->is_plain || step != l->charged_at ||
		    !plain_value(p, l, step, q, x->declared, &before, &after))
			continue;
		atomic_fetch_add_explicit(&row->passed, after - before, memory_order_relaxed);
		raise_to(&row->peak, after);
	}
	p->sums[LIMIT_MESSAGES] += step == AT_MAIL;
	p->sums[LIMIT_RECIPIENTS] += step == AT_RCPT;
	p->sums[LIMIT_OCTETS] += step == AT_ACCEPT ? q->size : 0;
	p->has_begun = p->has_begun || step == AT_MAIL;
}

/*
 * How much of a limit this step takes; 0: asks only. False: the limit is not concerned here.
 */
static bool demand_of(const struct imposed_part *p, const struct imposed_limit *l,
		      enum imposer_step step, const struct imposer_question *q,
		      uint64_t *ret_amount)
{
	const struct limit *limit = &l->of->limit;
	bool is_asked_only = step < l->charged_at && l->said[step];
	bool is_done = (p->message_done & bit_of(p, l)) != 0;
	bool is_recipients = limit->scope == LIMIT_PER_RECIPIENT;

	if ((limit->scope == LIMIT_PER_SENDER && step < AT_MAIL) ||
	    (is_recipients && step < AT_RCPT))
		return false;
	*ret_amount = 0;
	switch (limit->unit) {
	case LIMIT_CONNECTIONS:
		if (p->stage->seat->domain.len > 0 || (p->connection_done & bit_of(p, l)))
			return false;
		*ret_amount = step == l->charged_at;
		break;
	case LIMIT_MESSAGES:
		if (is_done && !is_recipients)
			return false;
		*ret_amount = step == l->charged_at;
		break;
	case LIMIT_RECIPIENTS:
		if (step == l->charged_at)
			*ret_amount = step == AT_RCPT ? 1 : is_done ? 0 : p->recipients;
		break;
	case LIMIT_OCTETS:
		*ret_amount = step == l->charged_at ? q->size : 0;
		break;
	}
	return *ret_amount > 0 || is_asked_only;
}

/* Whose count it is, in words too. */
static uint64_t key_for(const struct imposer_session *x, enum limit_scope scope,
			char address[ENDPOINT_TEXT_MAX], struct span *ret_whose)
{
	*ret_whose = (struct span){"", 0};
	switch (scope) {
	case LIMIT_PER_ACCOUNT:
		if (x->account) {
			*ret_whose = span_of(x->account);
			return x->account_key;
		}
		break;
	case LIMIT_PER_SENDER:
		*ret_whose = address_domain(buf_span(&x->sender));
		return x->sender_key;
	case LIMIT_PER_RECIPIENT:
		*ret_whose = buf_span(&x->recipient);
		return x->recipient_key;
	case LIMIT_PER_SITE:
		*ret_whose = SPAN("everybody");
		return 0;
	case LIMIT_PER_SOURCE:
	case LIMIT_PER_SOURCE_SITE:
	case LIMIT_PER_CONNECTION:
	case LIMIT_PER_MESSAGE:
		break;
	}
	*ret_whose = span_of(endpoint_address_text(&x->peer, address));
	return x->client_key;
}

static bool is_lasting(enum limit_scope scope)
{
	return scope != LIMIT_PER_SENDER && scope != LIMIT_PER_RECIPIENT;
}

/* The counter of a limit for this session; NULL when there is no room. */
static struct counter *counter_for(struct imposer_session *x, struct imposed_part *p,
				   const struct imposed_limit *l, int64_t now_ns)
{
	const struct imposer *i = x->imposer;
	const struct limit *limit = &l->of->limit;
	struct counter **slot = &p->cached[l - p->stage->limits];
	char address[ENDPOINT_TEXT_MAX];
	struct counter_recipe recipe = {
		.table = i->limits,
		.limit = limit,
		.reading = &i->reading,
		.id = l->id,
	};
	struct counter *counter;
	uint64_t key;

	if (is_lasting(limit->scope) && *slot)
		return *slot;
	key = key_for(x, limit->scope, address, &recipe.whose);
	if (limit->window == LIMIT_FIXED)
		recipe.align_ns = i->wall_offset_ns - limit->reset_ns;
	counter = counters_find(i->counters, l->row, key, &recipe, now_ns);
	if (is_lasting(limit->scope))
		*slot = counter;
	return counter;
}

/* The amount follows the client's reputation. */
static void follow_reputation(const struct imposed_part *p, const struct imposed_limit *l,
			      struct counter *counter, int64_t now_ns)
{
	const struct profile_reputation *model = &p->stage->profile->reputation;
	uint64_t share = model->share_millis[standing_level(p->standing, model, now_ns)];
	uint64_t amount = l->of->limit.amount;

	amount = amount / 1000 * share + amount % 1000 * share / 1000;
	if (amount == 0)
		amount = 1;
	if (atomic_exchange(&counter->amount, amount) == amount)
		return;
	limits_set_amount(counter->cell, amount, now_ns);
	/* Who moved it meanwhile may have been first at the cell: the last word is the counter's.
	 */
	for (uint64_t last = counter->amount; last != amount; last = counter->amount) {
		amount = last;
		limits_set_amount(counter->cell, amount, now_ns);
	}
}

/* The cell of a window that belongs to this connection alone; NULL: no memory. */
static struct limit_cell *own_cell(struct imposer_session *x, struct imposed_part *p,
				   const struct imposed_limit *l, int64_t now_ns)
{
	if (!p->own)
		p->own = limits_new(x->imposer->wall_offset_ns);
	if (!p->own)
		return NULL;
	return limits_cell(p->own, &l->of->limit, &x->imposer->reading, l->id, 0, now_ns);
}

static void add_demand(struct imposer_session *x, struct imposed_part *p,
		       const struct imposed_limit *l, uint64_t amount, int64_t now_ns,
		       struct imposed_judgement *j)
{
	struct counter *counter = NULL;
	struct limit_cell *cell;

	if (l->is_own) {
		cell = own_cell(x, p, l, now_ns);
	} else {
		counter = counter_for(x, p, l, now_ns);
		cell = counter ? counter->cell : NULL;
		if (counter && l->has_share && p->standing)
			follow_reputation(p, l, counter, now_ns);
	}
	if (!cell)
		return;
	CHECK(j->count < IMPOSED_DEMANDS_MAX);
	j->claims[j->count] = (struct limits_claim){cell, amount};
	j->demands[j->count++] = (struct imposed_demand){p, l, counter};
}

bool imposer_look(struct imposer_session *x, struct imposed_part *p, enum imposer_step step,
		  const struct imposer_question *q, struct imposed_judgement *j,
		  struct imposed_refusal *ret_refusal)
{
	*ret_refusal = (struct imposed_refusal){0};
	if (look_at_conditions(x, p, step, q, ret_refusal))
		return true;
	if (q->has_failed)
		return false;
	if (look_at_plain(x, p, step, q, ret_refusal))
		return true;
	for (int k = 0; k < p->stage->limit_count; k++) {
		const struct imposed_limit *l = &p->stage->limits[k];
		uint64_t amount;

		if (!l->is_plain && demand_of(p, l, step, q, &amount))
			add_demand(x, p, l, amount, q->now_ns, j);
	}
	return false;
}

/* Room for all claims that may have to be given back. */
static bool reserve(struct imposed_claims *c, int more)
{
	int room = c->room > 0 ? c->room : 4;
	struct imposed_claim *items;

	if (c->count + more <= c->room)
		return true;
	while (room < c->count + more)
		room *= 2;
	items = realloc(c->items, (size_t)room * sizeof(*items));
	if (!items)
		return false;
	c->items = items;
	c->room = room;
	return true;
}

/* A demand was met: counts it, and keeps what may have to be given back. */
static void keep(struct imposer_session *x, const struct imposed_demand *d,
		 const struct limits_claim *claim, int64_t now_ns)
{
	const struct limit *limit = &d->limit->of->limit;
	struct imposed_row *row = &x->imposer->rows[d->limit->row];
	bool is_connection = limit->unit == LIMIT_CONNECTIONS;
	struct imposed_claims *list = is_connection ? &x->of_connection : &x->of_message;

	if (is_connection)
		d->part->connection_done |= bit_of(d->part, d->limit);
	else
		d->part->message_done |= bit_of(d->part, d->limit);
	if (d->counter) {
		counter_passed(x->imposer->counters, d->counter, claim->amount, now_ns);
	} else {
		atomic_fetch_add_explicit(&row->passed, claim->amount, memory_order_relaxed);
		raise_to(&row->peak, limits_state(claim->cell, now_ns).used);
	}
	if (!limit->counts_accepted && limit->window != LIMIT_AT_ONCE)
		return;
	list->items[list->count++] = (struct imposed_claim){
		.of = *claim,
		.counter = d->counter,
		.at_ns = now_ns,
		.is_at_once = limit->window == LIMIT_AT_ONCE,
		.is_recipient =
			d->limit->charged_at == AT_RCPT &&
			(limit->unit == LIMIT_RECIPIENTS || limit->scope == LIMIT_PER_RECIPIENT),
	};
}

static void refuse_demand(const struct imposer_session *x, const struct imposed_demand *d,
			  const struct limits_claim *claim, const struct imposer_question *q,
			  int64_t now_ns, struct imposed_refusal *ret)
{
	struct limits_state state = limits_state(claim->cell, now_ns);
	_Atomic uint64_t *refused =
		d->counter ? &d->counter->refused : &x->imposer->rows[d->limit->row].refused;

	atomic_fetch_add_explicit(refused, 1, memory_order_relaxed);
	*ret = (struct imposed_refusal){
		.rule = words_for(d->limit, q->step, q->step),
		.limit = d->limit,
		.cause = CAUSE_OVER,
		.whose = d->counter ? d->counter->whose : NULL,
		.used = state.used,
		.amount = state.amount,
		.period_ns = state.period_ns,
	};
}

/* All or none, however many. *ret_binding: which one did not fit, *ret_when_ns: when it may. */
static bool take_all(const struct limits_claim *claims, int count, int64_t now_ns,
		     int64_t *ret_when_ns, int *ret_binding)
{
	for (int from = 0; from < count; from += LIMITS_CLAIMS_MAX) {
		int part = count - from < LIMITS_CLAIMS_MAX ? count - from : LIMITS_CLAIMS_MAX;

		if (limits_take(claims + from, part, now_ns, ret_when_ns, ret_binding))
			continue;
		*ret_binding += from;
		limits_give_back(claims, from, now_ns);
		return false;
	}
	return true;
}

bool imposer_take(struct imposer_session *x, const struct imposer_question *q,
		  struct imposed_judgement *j, struct imposed_refusal *ret_refusal,
		  struct imposed_part **ret_part)
{
	int64_t now_ns = q->now_ns, when_ns;
	bool is_asked_anew = false;
	int binding;

	if (j->count == 0 || !reserve(&x->of_connection, j->count) ||
	    !reserve(&x->of_message, j->count))
		return false;
	while (!take_all(j->claims, j->count, now_ns, &when_ns, &binding)) {
		const struct imposed_demand *d = &j->demands[binding];

		/*
		 * The question's stamp is that of its turn: by now another thread may have begun a
		 * window that is later, in which there is room.
		 */
		if (!is_asked_anew && when_ns <= clock_now(x->imposer->clock)) {
			now_ns = clock_now(x->imposer->clock);
			is_asked_anew = true;
			continue;
		}
		refuse_demand(x, d, &j->claims[binding], q, now_ns, ret_refusal);
		*ret_part = d->part;
		/* Counted here, said later: the rest is taken without it. */
		if (!ret_refusal->rule || imposer_step_of(ret_refusal->rule) <= q->step ||
		    d->limit->of->limit.scope != LIMIT_PER_RECIPIENT)
			return true;
		d->part->pending = ret_refusal->rule;
		j->count--;
		memmove(&j->claims[binding], &j->claims[binding + 1],
			(size_t)(j->count - binding) * sizeof(j->claims[0]));
		memmove(&j->demands[binding], &j->demands[binding + 1],
			(size_t)(j->count - binding) * sizeof(j->demands[0]));
		if (j->count == 0)
			return false;
	}
	for (int k = 0; k < j->count; k++)
		if (j->claims[k].amount > 0)
			keep(x, &j->demands[k], &j->claims[k], now_ns);
	return false;
}
