/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * governor.c - everything that holds one path back
 *
 * Limits decide first, then adaptive control, and the breaker last of all, because the breaker's
 * answer "you are the probe" cannot be taken back. Whoever is refused by a later one has what he
 * took from an earlier one returned.
 *
 * After a pause the path tries one connection, and on it one message; what becomes of them decides
 * whether the path is open again. The probe is a state of the path and not of a session, since
 * connections that were being opened when the pause came may turn up meanwhile.
 */
#include <stdlib.h>
#include "pace/governor_private.h"

/*
 * Five connections in a row of which none was greeted, while none other stood: one or two may be
 * a restart of the server or a full backlog. The rests are those of a path, not of a message: a
 * server that comes back is to be found within seconds at first.
 */
#define FAILURES_MAX  5
#define REST_FIRST_NS NS_PER_SEC
#define REST_MAX_NS   (300 * NS_PER_SEC)
#define REST_LEAST_NS (10 * NS_PER_MS) /* whatever the scale: a server is no faster for it */
#define SPREAD_MAX_NS (60 * NS_PER_SEC)

/* Until a reply or a provider says otherwise: Postfix's minimal and maximal backoff. */
static const struct profile_retry retry_default = {
	.first_ns = 300 * NS_PER_SEC,
	.max_ns = 4000 * NS_PER_SEC,
	.give_up_ns = 5 * 86400 * NS_PER_SEC,
	.factor_millis = 2000,
	.jitter_millis = 100,
	.greylist_ns = 300 * NS_PER_SEC,
};

#define INTERVAL_MIN_NS NS_PER_SEC
#define INTERVAL_MAX_NS (3600 * NS_PER_SEC)

/* A dial moves with time: how often it is looked at while it holds a connection back. */
#define LOOKS_PER_INTERVAL 16
#define LOOK_MIN_NS	   NS_PER_MS
#define LOOK_MAX_NS	   NS_PER_SEC

/* Where nothing is known: what Postfix opens to a new destination, and ten messages a second. */
#define CONNECTIONS_FIRST 5
#define LOW_INTERVALS	  60 /* the lowest rate is a message in so many intervals */
#define RATE_FIRST	  (10 * MICRO)
#define MICRO		  UINT64_C(1000000)

const char *governor_hold_name(enum governor_hold hold)
{
	static const char *const names[HOLD_COUNT] = {
		[HOLD_NOTHING] = "nothing",    [HOLD_LIMIT] = "limit",
		[HOLD_RATE] = "adaptive rate", [HOLD_CONNECTIONS] = "adaptive connections",
		[HOLD_PAUSE] = "pause",	       [HOLD_REST] = "rest after failures",
	};

	return names[hold];
}

int64_t governor_interval_ns(const struct profile *profile)
{
	int64_t shortest = 0;

	for (int i = 0; profile != NULL && i < profile->limit_count; i++) {
		const struct limit *l = &profile->limits[i].limit;

		if (l->unit == LIMIT_MESSAGES && l->period_ns > 0 &&
		    (shortest == 0 || l->period_ns < shortest))
			shortest = l->period_ns;
	}
	if (shortest == 0)
		return GOVERNOR_INTERVAL_NS;
	if (shortest < INTERVAL_MIN_NS)
		return INTERVAL_MIN_NS;
	return shortest < INTERVAL_MAX_NS ? shortest : INTERVAL_MAX_NS;
}

/* ---- making ---- */

static struct adapt *make_adapt(struct governor *g, int64_t now_ns)
{
	uint64_t rate = governor_rate_max(g);
	uint32_t connections = governor_connections_max(g, now_ns);
	/* The interval is a hint: a window may be much longer, and hold a few messages alone. */
	uint64_t low = MICRO * (uint64_t)NS_PER_SEC / (uint64_t)g->interval_ns / LOW_INTERVALS;
	struct adapt_params a = {
		.rate_low = low > 0 ? low : 1,
		.rate_high = rate != 0 && rate < ADAPT_RATE_MAX ? rate : ADAPT_RATE_MAX,
		.connections_low = 1,
		.connections_high = g->p.sessions,
		.interval_ns = g->interval_ns,
	};

	if (connections != 0 && connections < a.connections_high)
		a.connections_high = connections;
	if (a.rate_low > a.rate_high)
		a.rate_low = a.rate_high;
	/* What the provider says itself is a good place to begin at. */
	a.rate_first = rate != 0 ? a.rate_high : RATE_FIRST;
	if (a.rate_first < a.rate_low)
		a.rate_first = a.rate_low;
	a.connections_first = connections != 0 ? a.connections_high : CONNECTIONS_FIRST;
	if (a.connections_first > a.connections_high)
		a.connections_first = a.connections_high;
	return adapt_new(&a, now_ns);
}

static int64_t scaled(const struct governor *g, int64_t ns, int64_t least_ns)
{
	int64_t result = ns / g->p.scale;

	return result > least_ns ? result : least_ns;
}

struct governor *governor_new(const struct governor_params *p, int64_t now_ns, struct err *e)
{
	struct governor *g = calloc(1, sizeof(*g));
	int64_t interval_ns;

	if (g == NULL) {
		err_set(e, EXIT_FAILED, 0, "no memory for the pace of a path");
		return NULL;
	}
	g->p = *p;
	if (g->p.recipients_most == 0)
		g->p.recipients_most = 1;
	g->retry = p->profile != NULL && p->profile->retry.first_ns > 0 ? p->profile->retry
									: retry_default;
	interval_ns = p->interval_ns > 0 ? p->interval_ns : governor_interval_ns(p->profile);
	g->interval_ns = scaled(g, interval_ns, NS_PER_MS);
	g->rest = (struct breaker_params){
		.failures_max = FAILURES_MAX,
		.rest_ns = scaled(g, REST_FIRST_NS, REST_LEAST_NS),
		.rest_max_ns = scaled(g, REST_MAX_NS, REST_LEAST_NS),
	};
	g->share = SHARE_ALL;
	breaker_init(&g->breaker);
	backoff_init(&g->backoff);
	rng_fork(&g->rng, p->seed, p->source_key ^ p->site_key);
	pthread_mutex_init(&g->lock, NULL);
	if (governor_claims_init(g, now_ns, e) != 0) {
		governor_free(g);
		return NULL;
	}
	if (p->does_adapt) {
		g->adapt = make_adapt(g, now_ns);
		if (g->adapt == NULL) {
			err_set(e, EXIT_FAILED, 0, "no memory for adaptive control");
			governor_free(g);
			return NULL;
		}
	}
	atomic_store(&g->is_calm, !p->does_adapt);
	return g;
}

void governor_free(struct governor *g)
{
	if (g == NULL)
		return;
	while (g->triggers != NULL) {
		struct governor_trigger *t = g->triggers;

		g->triggers = t->next;
		free(t);
	}
	if (g->adapt != NULL)
		adapt_free(g->adapt);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* ---- the breaker and its probe ---- */

void governor_settle(struct governor *g, int64_t now_ns)
{
	const struct breaker *b = &g->breaker;
	bool is_calm = g->adapt == NULL && b->state == BREAKER_CLOSED && b->failures == 0 &&
		       b->opened == 0 && now_ns >= b->spread_until_ns && g->share == SHARE_ALL &&
		       g->cap == 0;

	atomic_store_explicit(&g->is_calm, is_calm, memory_order_relaxed);
}

void governor_opened(struct governor *g, enum governor_hold hold, int64_t now_ns)
{
	g->probe = PROBE_NONE;
	g->breaker_hold = hold;
	g->hold_ns = g->breaker.until_ns - now_ns;
	atomic_store_explicit(&g->paused_until_ns, g->breaker.until_ns, memory_order_relaxed);
	atomic_fetch_add_explicit(&g->changes, 1, memory_order_relaxed);
}

void governor_failed(struct governor *g, int64_t now_ns)
{
	bool was_open = g->breaker.state == BREAKER_OPEN;

	if (was_open)
		return; /* what comes in now was under way before */
	breaker_failed(&g->breaker, &g->rest, &g->rng, now_ns);
	if (g->breaker.state != BREAKER_OPEN)
		return;
	atomic_fetch_add_explicit(&g->rests, 1, memory_order_relaxed);
	governor_opened(g, HOLD_REST, now_ns);
}

/* What waited for the end of a pause is let go over as long a time, a minute at most. */
static void succeeded(struct governor *g, int64_t now_ns)
{
	struct breaker_params rest = g->rest;
	int64_t spread_max_ns = scaled(g, SPREAD_MAX_NS, 0);

	rest.spread_ns = g->hold_ns < spread_max_ns ? g->hold_ns : spread_max_ns;
	breaker_succeeded(&g->breaker, &rest, now_ns);
	backoff_init(&g->backoff);
	g->probe = PROBE_NONE;
	atomic_fetch_add_explicit(&g->changes, 1, memory_order_relaxed);
}

/*
 * Whether the breaker has anything against it; *ret_is_probe: breaker_may() must be asked, once
 * all others have agreed.
 */
static bool passes_breaker(const struct governor *g, bool is_connect, int64_t now_ns,
			   bool *ret_is_probe, struct governor_wait *ret_wait)
{
	const struct breaker *b = &g->breaker;

	*ret_is_probe = false;
	if (b->state == BREAKER_CLOSED)
		return true;
	*ret_wait = (struct governor_wait){.hold = g->breaker_hold, .limit = -1};
	if (b->state == BREAKER_OPEN && now_ns < b->until_ns) {
		ret_wait->when_ns = b->until_ns;
		return false;
	}
	if (g->probe == PROBE_NONE) {
		*ret_is_probe = true;
		return true;
	}
	if (g->probe == PROBE_OPEN && !is_connect)
		return true;
	ret_wait->when_ns = TIME_NEVER;
	return false;
}

/* The one that asks is the probe, or goes on being it. */
static bool begin_probe(struct governor *g, bool is_connect, bool is_probe, int64_t now_ns,
			struct governor_wait *ret_wait)
{
	if (g->breaker.state == BREAKER_CLOSED)
		return true;
	if (is_probe && !breaker_may(&g->breaker, now_ns, &ret_wait->when_ns)) {
		ret_wait->hold = g->breaker_hold;
		ret_wait->limit = -1;
		return false;
	}
	g->probe = is_connect ? PROBE_OPENING : PROBE_SENDING;
	return true;
}

/* The probe came to nothing by our own doing: another one may go. */
static void forget_probe(struct governor *g)
{
	g->probe = PROBE_NONE;
	g->breaker.is_probing = false;
	atomic_fetch_add_explicit(&g->changes, 1, memory_order_relaxed);
}

bool governor_is_paused(const struct governor *g, int64_t now_ns)
{
	return now_ns < atomic_load_explicit(&g->paused_until_ns, memory_order_relaxed);
}

uint32_t governor_changes(const struct governor *g)
{
	return atomic_load_explicit(&g->changes, memory_order_relaxed);
}

/* ---- connections ---- */

static uint32_t open_count(const struct governor *g)
{
	return atomic_load_explicit(&g->open, memory_order_relaxed);
}

static bool is_calm(const struct governor *g)
{
	return atomic_load_explicit(&g->is_calm, memory_order_relaxed);
}

/* One connection more for each quiet interval, until nothing is left of what was cut. */
static void raise_dials(struct governor *g, int64_t now_ns)
{
	const uint32_t step = SHARE_ALL / 10;

	while (g->was_cut && now_ns - g->raise_ns >= g->interval_ns) {
		g->raise_ns += g->interval_ns;
		if (g->cap > 0 && ++g->cap >= g->p.sessions)
			g->cap = 0;
		g->share = g->share + step < SHARE_ALL ? g->share + step : SHARE_ALL;
		g->was_cut = g->cap > 0 || g->share < SHARE_ALL;
	}
}

uint32_t governor_allowed(struct governor *g, int64_t now_ns)
{
	uint32_t allowed = g->p.sessions, share;

	raise_dials(g, now_ns);
	if (g->adapt != NULL) {
		uint32_t adapted = adapt_connections(g->adapt, now_ns);

		allowed = adapted < allowed ? adapted : allowed;
	}
	if (g->cap > 0 && g->cap < allowed)
		allowed = g->cap;
	share = breaker_share_millis(&g->breaker, now_ns);
	if (share < SHARE_ALL)
		allowed = (uint32_t)((uint64_t)allowed * share / SHARE_ALL);
	return allowed > 0 ? allowed : 1;
}

static int64_t next_look_ns(const struct governor *g, int64_t now_ns)
{
	int64_t look_ns = g->interval_ns / LOOKS_PER_INTERVAL;

	if (look_ns < LOOK_MIN_NS)
		look_ns = LOOK_MIN_NS;
	return now_ns + (look_ns < LOOK_MAX_NS ? look_ns : LOOK_MAX_NS);
}

static void count_open(struct governor *g)
{
	uint32_t open = 1 + atomic_fetch_add_explicit(&g->open, 1, memory_order_relaxed);
	uint32_t peak = atomic_load_explicit(&g->open_peak, memory_order_relaxed);

	while (open > peak &&
	       !atomic_compare_exchange_weak_explicit(&g->open_peak, &peak, open,
						      memory_order_relaxed, memory_order_relaxed))
		continue;
}

static bool may_connect(struct governor *g, int64_t now_ns, struct governor_wait *ret_wait)
{
	bool is_probe;

	if (!passes_breaker(g, true, now_ns, &is_probe, ret_wait))
		return false;
	/* The probe is one connection, and may be the first again. */
	if (!is_probe && open_count(g) >= governor_allowed(g, now_ns)) {
		*ret_wait = (struct governor_wait){
			.when_ns = next_look_ns(g, now_ns),
			.hold = HOLD_CONNECTIONS,
			.limit = -1,
		};
		return false;
	}
	if (!governor_take_connect(g, now_ns, ret_wait))
		return false;
	if (begin_probe(g, true, is_probe, now_ns, ret_wait))
		return true;
	governor_return_connect(g, false, now_ns);
	return false;
}

bool governor_may_connect(struct governor *g, int64_t now_ns, struct governor_wait *ret_wait)
{
	bool may;

	if (is_calm(g)) {
		may = governor_take_connect(g, now_ns, ret_wait);
		if (may)
			count_open(g);
		return may;
	}
	pthread_mutex_lock(&g->lock);
	may = may_connect(g, now_ns, ret_wait);
	if (may)
		count_open(g);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
	return may;
}

void governor_not_connected(struct governor *g, int64_t now_ns)
{
	atomic_fetch_sub(&g->open, 1);
	governor_return_connect(g, false, now_ns);
	if (is_calm(g))
		return;
	pthread_mutex_lock(&g->lock);
	if (g->probe == PROBE_OPENING)
		forget_probe(g);
	pthread_mutex_unlock(&g->lock);
}

void governor_connected(struct governor *g, int64_t now_ns)
{
	atomic_fetch_add_explicit(&g->greeted, 1, memory_order_relaxed);
	if (is_calm(g))
		return;
	pthread_mutex_lock(&g->lock);
	if (g->probe == PROBE_OPENING) {
		g->probe = PROBE_OPEN;
		atomic_fetch_add_explicit(&g->changes, 1, memory_order_relaxed);
	}
	if (g->adapt != NULL)
		adapt_tell(g->adapt, ADAPT_CONNECTED, DIAL_NONE, true, open_count(g), now_ns);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
}

static bool is_server_fault(const struct governor_closing *c)
{
	return c->end == GOVERNOR_REPLIED || c->end == GOVERNOR_DROPPED ||
	       c->end == GOVERNOR_FAILED;
}

/* Whether this one was the probe, as far as can be told, and what that means. */
static bool close_probe(struct governor *g, const struct governor_closing *c, int64_t now_ns)
{
	bool was_probe = (g->probe == PROBE_OPENING && !c->was_greeted) ||
			 (g->probe == PROBE_SENDING && c->was_sending) ||
			 (g->probe == PROBE_OPEN && c->was_greeted);

	if (g->breaker.state != BREAKER_HALF_OPEN || !was_probe)
		return false;
	if (is_server_fault(c))
		governor_failed(g, now_ns);
	else
		forget_probe(g);
	return true;
}

void governor_closed(struct governor *g, const struct governor_closing *c, int64_t now_ns)
{
	uint32_t greeted = atomic_load_explicit(&g->greeted, memory_order_relaxed);
	bool is_drop = c->end == GOVERNOR_DROPPED, is_failure;

	/* Counted down first: another thread may take the place as soon as it is given back. */
	if (!c->was_surplus)
		atomic_fetch_sub(&g->open, 1);
	governor_return_connect(g, true, now_ns);
	if (c->was_greeted)
		greeted = atomic_fetch_sub_explicit(&g->greeted, 1, memory_order_relaxed) - 1;
	if (is_drop)
		atomic_fetch_add_explicit(&g->dropped, 1, memory_order_relaxed);
	/* While others stand, a refusal speaks of their number and not of the path. */
	is_failure = is_server_fault(c) && !c->was_greeted && greeted == 0;
	if (is_calm(g) && !is_failure)
		return;
	pthread_mutex_lock(&g->lock);
	/* A server may end what is idle: a word was due only where one was waited for. */
	if (g->adapt != NULL && is_drop && (c->was_sending || c->is_before_mail))
		adapt_tell(g->adapt, ADAPT_DROPPED, DIAL_NONE, c->is_before_mail, open_count(g) + 1,
			   now_ns);
	if (!close_probe(g, c, now_ns) && is_failure)
		governor_failed(g, now_ns);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
}

enum governor_keep governor_keep(struct governor *g, uint64_t sent_on_connection, int64_t now_ns)
{
	uint64_t used_up = atomic_load_explicit(&g->used_up, memory_order_relaxed);
	enum governor_keep keep = GOVERNOR_KEEP;

	if (used_up != 0 && sent_on_connection >= used_up)
		return GOVERNOR_USED_UP;
	if (is_calm(g))
		return GOVERNOR_KEEP;
	if (governor_is_paused(g, now_ns))
		return GOVERNOR_PAUSED;
	pthread_mutex_lock(&g->lock);
	/* After a pause the share grows again: what is open by then is not closed for that. */
	if (g->breaker.state == BREAKER_CLOSED &&
	    breaker_share_millis(&g->breaker, now_ns) == SHARE_ALL &&
	    open_count(g) > governor_allowed(g, now_ns)) {
		keep = GOVERNOR_SURPLUS;
		atomic_fetch_sub_explicit(&g->open, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&g->lock);
	return keep;
}

/* ---- messages ---- */

/* How often a message is charged, so that a path goes slower whose limits are others' as well. */
static uint32_t charge_times(struct governor *g, int64_t now_ns, uint32_t *ret_carry)
{
	uint32_t share = breaker_share_millis(&g->breaker, now_ns), millis;

	raise_dials(g, now_ns);
	if (g->share < share)
		share = g->share;
	if (share < SHARE_LOW)
		share = SHARE_LOW;
	millis = g->share_carry + SHARE_ALL * SHARE_ALL / share;
	*ret_carry = millis % SHARE_ALL;
	return millis / SHARE_ALL;
}

static bool may_send(struct governor *g, const struct governor_charge *c, int64_t now_ns,
		     struct governor_wait *ret_wait)
{
	uint32_t carry, times = charge_times(g, now_ns, &carry);
	bool is_probe;

	if (!passes_breaker(g, false, now_ns, &is_probe, ret_wait) ||
	    !governor_take_send(g, c, times, now_ns, ret_wait))
		return false;
	if (g->adapt != NULL && !adapt_take(g->adapt, now_ns, &ret_wait->when_ns)) {
		governor_return_send(g, c);
		ret_wait->hold = HOLD_RATE;
		ret_wait->limit = -1;
		return false;
	}
	if (!begin_probe(g, false, is_probe, now_ns, ret_wait)) {
		governor_return_send(g, c);
		if (g->adapt != NULL)
			adapt_give_back(g->adapt, now_ns);
		return false;
	}
	g->share_carry = carry;
	return true;
}

bool governor_may_send(struct governor *g, const struct governor_charge *most, int64_t now_ns,
		       struct governor_wait *ret_wait)
{
	bool may;

	if (is_calm(g))
		return governor_take_send(g, most, 1, now_ns, ret_wait);
	pthread_mutex_lock(&g->lock);
	may = may_send(g, most, now_ns, ret_wait);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
	return may;
}

void governor_give_back(struct governor *g, const struct governor_charge *most, int64_t now_ns)
{
	governor_return_send(g, most);
	if (is_calm(g))
		return;
	pthread_mutex_lock(&g->lock);
	if (g->adapt != NULL)
		adapt_give_back(g->adapt, now_ns);
	if (g->probe == PROBE_SENDING)
		g->probe = PROBE_OPEN;
	pthread_mutex_unlock(&g->lock);
}

void governor_over(struct governor *g, const struct governor_charge *real,
		   enum governor_outcome outcome, int64_t now_ns)
{
	/* What broke may have been counted: it stays charged. */
	governor_return_over(g, real, outcome == GOVERNOR_REFUSED || outcome == GOVERNOR_THROTTLED);
	if (is_calm(g))
		return;
	pthread_mutex_lock(&g->lock);
	if (g->adapt != NULL && (outcome == GOVERNOR_ACCEPTED || outcome == GOVERNOR_REFUSED))
		adapt_tell(g->adapt, outcome == GOVERNOR_ACCEPTED ? ADAPT_ACCEPTED : ADAPT_ENDED,
			   DIAL_NONE, false, open_count(g), now_ns);
	/*
	 * A message that was answered shows that the path works, whatever the answer: a reply that
	 * asked for less has ended the probe before.
	 */
	if (outcome != GOVERNOR_BROKEN &&
	    (g->breaker.state == BREAKER_CLOSED
		     ? g->breaker.failures + g->breaker.opened > 0
		     : g->breaker.state == BREAKER_HALF_OPEN && g->probe == PROBE_SENDING))
		succeeded(g, now_ns);
	governor_settle(g, now_ns);
	pthread_mutex_unlock(&g->lock);
}

uint32_t governor_recipients_max(const struct governor *g)
{
	return g->recipients_max;
}

void governor_facts(struct governor *g, int64_t now_ns, struct governor_facts *ret_facts)
{
	uint32_t most = governor_connections_max(g, now_ns);
	struct governor_facts f = {
		.throttled = atomic_load(&g->throttled),
		.dropped = atomic_load(&g->dropped),
		.pauses = atomic_load(&g->pauses),
		.rests = atomic_load(&g->rests),
		.cuts = atomic_load(&g->cuts),
		.connections = open_count(g),
		.connections_peak = atomic_load(&g->open_peak),
		.messages_per_connection = atomic_load(&g->used_up),
	};

	pthread_mutex_lock(&g->lock);
	if (g->adapt != NULL) {
		f.rate_micro = adapt_rate(g->adapt);
		f.rate_refused_micro = adapt_rate_refused(g->adapt);
		f.connections_refused = adapt_connections_refused(g->adapt);
	}
	if (g->adapt != NULL || g->cap > 0) {
		uint32_t allowed = governor_allowed(g, now_ns);

		most = most == 0 || allowed < most ? allowed : most;
	}
	f.connections_allowed = most;
	pthread_mutex_unlock(&g->lock);
	*ret_facts = f;
}
