/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * governor_reply.c - what a path does about a reply
 *
 * A reply that speaks of one recipient or one message changes nothing for the path. One that asks
 * for less turns a dial: that of adaptive control where it is used, else the governor's own, down
 * at once and at most once in an interval, because what was under way when the limit was reached
 * is refused as well and says nothing new. A rule's own action comes on top of that, once its
 * trigger is met.
 */
#include <stdlib.h>
#include "pace/governor_private.h"

#define SLOW_MILLIS  500  /* where a rule turns a dial without saying how far */
#define TRIGGER_MAX  4096 /* hits that are kept; more within a period mean the same */
#define SMTP_CLOSING 421

static bool is_about_path(enum reply_scope scope)
{
	return scope != SCOPE_RECIPIENT && scope != SCOPE_MESSAGE;
}

/*
 * Whether it asks for less. A server that answers 421, or refuses at the greeting for now, wants
 * fewer connections whatever words it finds; not so the 421 that ends an idle connection.
 */
static bool asks_for_less(const struct verdict *v, const struct reply *reply, enum phase phase)
{
	bool is_vague = v->class == CLASS_UNKNOWN || v->class == CLASS_SERVER_TEMPORARY;

	if (!is_about_path(v->scope))
		return false;
	if (v->class == CLASS_THROTTLED || v->class == CLASS_QUOTA_EXHAUSTED)
		return true;
	if (v->dial != DIAL_NONE)
		return true;
	return is_vague && ((reply->code == SMTP_CLOSING && phase != PHASE_SESSION) ||
			    (phase == PHASE_BANNER && reply->code / 100 == 4));
}

/* ---- triggers ---- */

static struct governor_trigger *trigger_of(struct governor *g, const struct profile_rule *rule)
{
	uint32_t count = rule->trigger_count < TRIGGER_MAX ? rule->trigger_count : TRIGGER_MAX;
	struct governor_trigger *t = g->triggers;

	while (t != NULL && t->rule != rule)
		t = t->next;
	if (t != NULL)
		return t;
	t = calloc(1, sizeof(*t) + count * sizeof(t->times_ns[0]));
	if (t == NULL)
		return NULL;
	t->rule = rule;
	t->count = count;
	for (uint32_t i = 0; i < count; i++)
		t->times_ns[i] = INT64_MIN / 2;
	t->next = g->triggers;
	g->triggers = t;
	return t;
}

/* True when this is the n-th time within the rule's period; without memory, at once. */
static bool is_triggered(struct governor *g, const struct profile_rule *rule, int64_t now_ns)
{
	int64_t within_ns, oldest_ns;
	struct governor_trigger *t;

	if (rule == NULL || rule->trigger_count <= 1)
		return true;
	t = trigger_of(g, rule);
	if (t == NULL)
		return true;
	within_ns = rule->trigger_ns / g->p.scale;
	t->times_ns[t->at] = now_ns;
	t->at = (t->at + 1) % t->count;
	oldest_ns = t->times_ns[t->at];
	return now_ns - oldest_ns < within_ns;
}

/* ---- reactions ---- */

/* The limit that a rule is about, or the one with the longest window; NULL: none has one. */
static const struct limit *window_of(const struct governor *g, const struct profile_rule *rule)
{
	const struct profile *p = g->p.profile;
	const struct limit *longest = NULL;

	if (p == NULL)
		return NULL;
	if (rule->limit >= 0 && rule->limit < p->limit_count &&
	    p->limits[rule->limit].limit.period_ns > 0)
		return &p->limits[rule->limit].limit;
	for (int i = 0; i < p->limit_count; i++) {
		const struct limit *l = &p->limits[i].limit;

		if (l->unit != LIMIT_CONNECTIONS && l->period_ns > 0 &&
		    (longest == NULL || l->period_ns > longest->period_ns))
			longest = l;
	}
	return longest;
}

/* Scaled. Until a fixed window's end as the provider's clock has it; else as long as one takes. */
static int64_t window_left_ns(const struct governor *g, const struct limit *l, int64_t now_ns)
{
	int64_t period_ns = l->period_ns / g->p.scale, into_ns;

	if (l->window != LIMIT_FIXED || period_ns <= 0)
		return period_ns;
	into_ns = (now_ns + g->p.wall_offset_ns - l->reset_ns) % period_ns;
	return into_ns < 0 ? -into_ns : period_ns - into_ns;
}

/* How long the path is to be left alone, scaled. */
static int64_t hold_of(struct governor *g, const struct verdict *v, int64_t now_ns)
{
	const struct limit *window =
		v->rule != NULL && v->rule->holds_window ? window_of(g, v->rule) : NULL;
	int64_t hold_ns = v->hold_ns / g->p.scale, when_ns;

	if (window != NULL) {
		int64_t left_ns = window_left_ns(g, window, now_ns);

		return left_ns > hold_ns ? left_ns : hold_ns;
	}
	if (hold_ns > 0)
		return hold_ns;
	when_ns = backoff_next(&g->backoff, &g->retry, 0, g->p.scale, &g->rng, now_ns);
	return when_ns != TIME_NEVER ? when_ns - now_ns : g->retry.max_ns / g->p.scale;
}

static void pause_path(struct governor *g, int64_t hold_ns, int64_t now_ns)
{
	bool is_new = g->breaker.state != BREAKER_OPEN || g->breaker_hold != HOLD_PAUSE;

	breaker_pause(&g->breaker, hold_ns, now_ns);
	if (is_new)
		atomic_fetch_add_explicit(&g->pauses, 1, memory_order_relaxed);
	governor_opened(g, HOLD_PAUSE, now_ns);
}

void governor_pause(struct governor *g, int64_t pause_ns, int64_t now_ns)
{
	pthread_mutex_lock(&g->lock);
	pause_path(g, pause_ns, now_ns);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
}

/* Turns the governor's own dial down, where adaptive control does not have it. */
static void slow(struct governor *g, enum pace_dial dial, uint32_t millis, int64_t now_ns)
{
	uint32_t open = atomic_load_explicit(&g->open, memory_order_relaxed);

	if (g->adapt != NULL || (g->was_cut && now_ns - g->cut_ns < g->interval_ns))
		return;
	if (dial == DIAL_CONNECTIONS) {
		uint32_t from = g->cap > 0 && g->cap < open ? g->cap : open;

		g->cap = (uint32_t)((uint64_t)from * millis / SHARE_ALL);
		if (g->cap == 0)
			g->cap = 1;
	} else {
		g->share = g->share * millis / SHARE_ALL;
		if (g->share < SHARE_LOW)
			g->share = SHARE_LOW;
	}
	g->was_cut = true;
	g->cut_ns = g->raise_ns = now_ns;
	atomic_fetch_add_explicit(&g->cuts, 1, memory_order_relaxed);
}

/* A dial was cut when it stands lower, or remembers a new place where it was refused. */
static void tell_adapt(struct governor *g, const struct verdict *v, enum phase phase,
		       int64_t now_ns)
{
	struct adapt *a = g->adapt;
	uint64_t rate = adapt_rate(a), rate_refused = adapt_rate_refused(a);
	uint32_t open = atomic_load_explicit(&g->open, memory_order_relaxed);
	uint32_t connections = adapt_connections(a, now_ns);

	adapt_tell(a, ADAPT_REFUSED, v->dial, phase < PHASE_MAIL, open, now_ns);
	if (adapt_rate(a) < rate || adapt_rate_refused(a) != rate_refused ||
	    adapt_connections(a, now_ns) < connections)
		atomic_fetch_add_explicit(&g->cuts, 1, memory_order_relaxed);
}

static void learn_used_up(struct governor *g, uint64_t sent_on_connection)
{
	uint64_t used_up = atomic_load_explicit(&g->used_up, memory_order_relaxed);

	/* Refused on the first message, it speaks of something else. */
	if (sent_on_connection > 0 && (used_up == 0 || sent_on_connection < used_up))
		atomic_store_explicit(&g->used_up, sent_on_connection, memory_order_relaxed);
}

static void pause_for(struct governor *g, const struct verdict *v, int64_t now_ns,
		      struct governor_reaction *reaction)
{
	if (v->scope == SCOPE_CONNECTION) {
		reaction->order = ORDER_CLOSE;
		return;
	}
	reaction->pause_ns = hold_of(g, v, now_ns);
	reaction->scope = v->scope;
	pause_path(g, reaction->pause_ns, now_ns);
}

/* What class and dial ask for where the rule names no action. */
static void turn_dial(struct governor *g, const struct verdict *v, uint32_t millis,
		      uint64_t sent_on_connection, int64_t now_ns,
		      struct governor_reaction *reaction)
{
	switch (v->dial) {
	case DIAL_SUSPEND:
		pause_for(g, v, now_ns, reaction);
		return;
	case DIAL_MESSAGES_PER_CONNECTION:
		learn_used_up(g, sent_on_connection);
		reaction->order = ORDER_CLOSE;
		return;
	case DIAL_RATE:
	case DIAL_CONNECTIONS:
		slow(g, v->dial, millis, now_ns);
		return;
	case DIAL_NONE:
		slow(g, DIAL_RATE, millis, now_ns);
		return;
	case DIAL_RECIPIENTS_PER_MESSAGE:
		return; /* messages are made already: it is counted and told */
	}
}

static void act(struct governor *g, const struct verdict *v, bool is_less,
		uint64_t sent_on_connection, int64_t now_ns, struct governor_reaction *reaction)
{
	enum profile_action action = v->rule != NULL ? v->rule->action : ACTION_NONE;
	uint32_t millis = action == ACTION_SLOW && v->rule->slow_millis > 0 ? v->rule->slow_millis
									    : SLOW_MILLIS;

	switch (action) {
	case ACTION_ABORT:
		reaction->order = ORDER_ABORT;
		return;
	case ACTION_CLOSE:
		reaction->order = ORDER_CLOSE;
		return;
	case ACTION_PAUSE:
		if (is_about_path(v->scope))
			pause_for(g, v, now_ns, reaction);
		return;
	case ACTION_SLOW:
		if (is_about_path(v->scope))
			turn_dial(g, v, millis, sent_on_connection, now_ns, reaction);
		return;
	case ACTION_NONE:
		if (is_less)
			turn_dial(g, v, millis, sent_on_connection, now_ns, reaction);
		return;
	case ACTION_RETRY:
	case ACTION_SUPPRESS:
		return; /* of one recipient: nothing for the path */
	}
}

struct governor_reaction governor_reply(struct governor *g, struct rules_reader *reader,
					const struct reply *reply, enum phase phase,
					uint64_t sent_on_connection, int64_t now_ns,
					struct verdict *ret_verdict)
{
	struct governor_reaction reaction = {.order = ORDER_NONE};
	struct verdict v = rules_judge(reader, reply, phase);
	bool is_less = asks_for_less(&v, reply, phase);

	*ret_verdict = v;
	reaction.asked_less = is_less;
	if (is_less)
		atomic_fetch_add_explicit(&g->throttled, 1, memory_order_relaxed);
	else if (v.rule == NULL || v.rule->action == ACTION_NONE)
		return reaction;
	pthread_mutex_lock(&g->lock);
	if (is_less && g->adapt != NULL)
		tell_adapt(g, &v, phase, now_ns);
	if (is_triggered(g, v.rule, now_ns))
		act(g, &v, is_less, sent_on_connection, now_ns, &reaction);
	/* The path is not over it yet, and nobody says for how long. */
	if (is_less && g->breaker.state == BREAKER_HALF_OPEN && g->probe != PROBE_NONE)
		governor_failed(g, now_ns);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
	return reaction;
}
