/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.c - net/resolver.h over a zone
 *
 * An answer is worked out twice: when it is asked for, to know how long it takes, and when it is
 * given, from what the zone holds by then; so a look-up under way is small. Only the second time
 * chance is drawn.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/escape.h"
#include "sim/names.h"
#include "sim/world.h"

#define DELAY_DEFAULT_NS   NS_PER_MS
#define TIMEOUT_DEFAULT_NS (5 * NS_PER_SEC)
#define CNAME_MAX	   8  /* links of a chain that are followed */
#define MX_MAX		   64 /* MX records of one domain that are looked at */
#define STREAM_NAMES	   0x6e616d6573

struct lookup {
	struct lookup *next;	 /* of those that are done */
	struct sim_names *names; /* NULL: the resolver is gone */
	struct resolver_user *user;
	int64_t asked_ns;
	uint16_t port;
	uint8_t question, families;
	char name[RESOLVER_NAME_MAX];
	struct lookup *next_open, **open_at; /* all of the resolver */
};

struct sim_names {
	struct resolver resolver;
	struct sim *sim;
	const struct sim_zone *zone;
	struct sim_resolver_options options;
	struct rng rng;
	uint32_t number;
	int open_count;
	struct lookup *open, *done, **done_tail;
	bool is_in_turn;
	struct resolver_answer answer; /* the one that is being given */
	struct resolver_answer draft;  /* worked out for the time that it takes */
	struct exchanger_name mx[MX_MAX];
};

size_t names_lookup_size(void)
{
	return sizeof(struct lookup);
}

bool names_are_due(const struct sim_names *n)
{
	return n->done != NULL;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A name as the zone has it behind its aliases. */
struct found {
	const struct zone_name *name; /* NULL unless cause is OK */
	enum resolver_cause cause;
	int64_t delay_ns;
	uint32_t ttl_s; /* the smallest of the aliases' */
};

static struct found follow(const struct sim_names *n, const char *name)
{
	struct found f = {.cause = RESOLVER_OK, .ttl_s = INT32_MAX};

	for (int links = 0; links <= CNAME_MAX; links++) {
		const struct zone_record *alias = NULL;

		f.name = zone_find(n->zone, name);
		if (!f.name) {
			f.cause = RESOLVER_NO_NAME;
			return f;
		}
		f.delay_ns += f.name->delay_ns;
		if (f.name->fault != RESOLVER_OK) {
			f.cause = f.name->fault;
			if (f.cause == RESOLVER_TIMED_OUT)
				f.delay_ns += n->options.timeout_ns;
			return f;
		}
		for (const struct zone_record *r = f.name->records; r && !alias; r = r->next)
			alias = r->type == RECORD_CNAME ? r : NULL;
		if (!alias)
			return f;
		if (alias->ttl_s < f.ttl_s)
			f.ttl_s = alias->ttl_s;
		name = alias->target;
	}
	f.cause = RESOLVER_MALFORMED;
	return f;
}

static bool is_wanted(const struct zone_record *r, uint8_t families)
{
	return (r->type == RECORD_A && families != RESOLVE_IPV6) ||
	       (r->type == RECORD_AAAA && families != RESOLVE_IPV4);
}

/* Adds the addresses of a name to the exchanger added last; NO_ADDRESS when there are none. */
static struct found add_addresses(const struct sim_names *n, const struct lookup *l,
				  const char *name, struct resolver_answer *a, uint32_t *ttl_s)
{
	struct found f = follow(n, name);
	bool has_any = false;

	if (f.cause != RESOLVER_OK)
		return f;
	for (const struct zone_record *r = f.name->records; r; r = r->next) {
		if (!is_wanted(r, l->families) || !exchangers_add_address(a, &r->address, l->port))
			continue;
		has_any = true;
		*ttl_s = (uint32_t)smaller(*ttl_s, smaller(r->ttl_s, f.ttl_s));
	}
	if (!has_any)
		f.cause = RESOLVER_NO_ADDRESS;
	return f;
}

static bool is_temporary(enum resolver_cause cause)
{
	return cause == RESOLVER_SERVFAIL || cause == RESOLVER_REFUSED ||
	       cause == RESOLVER_TIMED_OUT;
}

static void fail(struct resolver_answer *a, enum resolver_cause cause, const char *question,
		 const char *name)
{
	char safe[100]; /* what is asked for may come from a list of recipients */

	escape_text(span_of(name), ESCAPE_CONTROLS, safe, sizeof(safe));
	a->cause = cause;
	a->exchanger_count = a->address_count = 0;
	snprintf(a->detail, sizeof(a->detail), "%s of %s: %s", question, safe,
		 resolver_cause_name(cause));
}

/* The name's own addresses. Returns how long it takes. */
static int64_t answer_host(struct sim_names *n, const struct lookup *l, struct resolver_answer *a,
			   uint32_t *ttl_s)
{
	struct found f;

	exchangers_add(a, l->name, 0);
	f = add_addresses(n, l, l->name, a, ttl_s);
	if (f.cause != RESOLVER_OK)
		fail(a, f.cause, "addresses", l->name);
	exchangers_order(a, NULL);
	return n->options.delay_ns + f.delay_ns;
}

/* The addresses of the exchangers in n->mx. Returns how long it takes, all being asked at once. */
static int64_t answer_exchangers(struct sim_names *n, const struct lookup *l, int count,
				 struct rng *rng, struct resolver_answer *a, uint32_t *ttl_s)
{
	enum resolver_cause worst = RESOLVER_NO_ADDRESS;
	const char *worst_name = l->name;
	int64_t delay_ns = 0;

	if (rng)
		exchanger_names_order(n->mx, count, rng);
	for (int i = 0; i < count; i++) {
		struct found f;

		if (!exchangers_add(a, n->mx[i].name, n->mx[i].preference))
			break;
		f = add_addresses(n, l, n->mx[i].name, a, ttl_s);
		if (f.delay_ns > delay_ns)
			delay_ns = f.delay_ns;
		if (f.cause == RESOLVER_OK || (is_temporary(worst) && !is_temporary(f.cause)))
			continue;
		worst = f.cause == RESOLVER_NO_NAME ? RESOLVER_NO_ADDRESS : f.cause;
		worst_name = n->mx[i].name;
	}
	if (a->address_count == 0)
		fail(a, worst, "addresses", worst_name);
	exchangers_order(a, NULL);
	return n->options.delay_ns + delay_ns;
}

/* RFC 5321 s5.1. Returns how long it takes. */
static int64_t answer_domain(struct sim_names *n, const struct lookup *l, struct rng *rng,
			     struct resolver_answer *a, uint32_t *ttl_s)
{
	struct found f = follow(n, l->name);
	int64_t delay_ns = n->options.delay_ns + f.delay_ns;
	bool has_null = false;
	int count = 0;

	if (f.cause != RESOLVER_OK) {
		fail(a, f.cause, "MX", l->name);
		return delay_ns;
	}
	for (const struct zone_record *r = f.name->records; r && count < MX_MAX; r = r->next) {
		if (r->type != RECORD_MX)
			continue;
		*ttl_s = (uint32_t)smaller(*ttl_s, smaller(r->ttl_s, f.ttl_s));
		if (r->target[0] == '\0') {
			has_null = true;
			continue;
		}
		snprintf(n->mx[count].name, sizeof(n->mx[count].name), "%s", r->target);
		n->mx[count++].preference = r->preference;
	}
	if (count == 0 && has_null) {
		fail(a, RESOLVER_NULL_MX, "MX", l->name);
		return delay_ns;
	}
	if (count == 0) {
		a->is_implicit_mx = true;
		return delay_ns + answer_host(n, l, a, ttl_s);
	}
	return delay_ns + answer_exchangers(n, l, count, rng, a, ttl_s);
}

/* An address literal is its own answer, at once. */
static bool answer_literal(const struct lookup *l, struct resolver_answer *a)
{
	struct endpoint address;

	if (!endpoint_parse_address(span_of(l->name), &address))
		return false;
	exchangers_add(a, l->name, 0);
	if ((l->families == RESOLVE_IPV4 && address.family != ENDPOINT_IPV4) ||
	    (l->families == RESOLVE_IPV6 && address.family != ENDPOINT_IPV6))
		fail(a, RESOLVER_NO_ADDRESS, "address", l->name);
	else
		exchangers_add_address(a, &address, l->port);
	return true;
}

/* Works the answer out; rng NULL: in the order of the zone. Returns how long it takes. */
static int64_t work_out(struct sim_names *n, const struct lookup *l, struct rng *rng,
			struct resolver_answer *a)
{
	uint32_t ttl_s = INT32_MAX;
	char name[RESOLVER_NAME_MAX]; /* scratch: l->name is normal already, if it is one */
	int64_t took_ns;

	exchangers_clear(a);
	if (answer_literal(l, a))
		return 0;
	if (!zone_normalize(span_of(l->name), name)) {
		fail(a, RESOLVER_MALFORMED, "name", l->name);
		return 0;
	}
	if (l->question == RESOLVE_DOMAIN)
		took_ns = answer_domain(n, l, rng, a, &ttl_s);
	else
		took_ns = answer_host(n, l, a, &ttl_s);
	a->expires_ns = n->sim->now_ns + (a->cause == RESOLVER_OK ? ttl_s : 0) * NS_PER_SEC;
	return took_ns;
}

static void lookup_free(struct sim *s, struct lookup *l)
{
	slab_free(&s->lookups, l);
}

static void on_done(struct sim *s, const struct sim_entry *entry)
{
	struct lookup *l = entry->target;

	if (!l->names) {
		lookup_free(s, l);
		return;
	}
	l->next = NULL;
	*l->names->done_tail = l;
	l->names->done_tail = &l->next;
}

static int names_ask(struct resolver *resolver, const struct resolver_request *request,
		     struct resolver_user *user, struct err *e)
{
	struct sim_names *n = (struct sim_names *)resolver;
	size_t len = request->name ? strlen(request->name) : 0;
	struct lookup *l;

	if (len == 0 || len >= RESOLVER_NAME_MAX)
		return err_set(e, EXIT_USAGE, 0, "a name to look up must have 1 to %d octets",
			       RESOLVER_NAME_MAX - 1);
	l = slab_alloc(&n->sim->lookups);
	if (!l)
		return err_set(e, EXIT_FAILED, 0, "no memory for a look-up");
	*l = (struct lookup){
		.names = n,
		.user = user,
		.asked_ns = n->sim->now_ns,
		.port = request->port,
		.question = (uint8_t)request->question,
		.families = (uint8_t)request->families,
		.next_open = n->open,
		.open_at = &n->open,
	};
	/* What is no name is kept as it is, and found out when the answer is worked out. */
	if (!zone_normalize(span_of(request->name), l->name))
		memcpy(l->name, request->name, len + 1);
	if (!world_push(n->sim, (struct sim_entry){
					.at_ns = n->sim->now_ns + work_out(n, l, NULL, &n->draft),
					.worker = n->number,
					.run = on_done,
					.target = l,
				})) {
		lookup_free(n->sim, l);
		return err_set(e, EXIT_FAILED, 0, "no memory for a look-up");
	}
	if (n->open)
		n->open->open_at = &l->next_open;
	n->open = l;
	n->open_count++;
	return 0;
}

static void give(struct sim_names *n, struct lookup *l)
{
	struct sim *s = n->sim;
	struct resolver_user *user = l->user;

	work_out(n, l, &n->rng, &n->answer);
	n->answer.took_ns = s->now_ns - l->asked_ns;
	world_digest(s, (uint64_t)s->now_ns);
	world_digest(s, (uint64_t)n->answer.cause << 32 | (uint64_t)n->answer.address_count);
	for (int i = 0; i < n->answer.address_count; i++)
		world_digest(s, endpoint_address_hash(&n->answer.addresses[i]));
	*l->open_at = l->next_open;
	if (l->next_open)
		l->next_open->open_at = l->open_at;
	n->open_count--;
	lookup_free(s, l);
	user->on_answer(user, &n->answer);
}

static int names_turn(struct resolver *resolver, int64_t until_ns)
{
	struct sim_names *n = (struct sim_names *)resolver;
	struct lookup *done;

	CHECK(!n->is_in_turn);
	if (until_ns < n->sim->now_ns)
		until_ns = n->sim->now_ns;
	if (!n->sim->is_running)
		world_go(n->sim, until_ns, NULL, n, NULL);
	n->is_in_turn = true;
	/* Questions asked from within an answer wait for the next turn, also when they take no
	 * time. */
	done = n->done;
	n->done = NULL;
	n->done_tail = &n->done;
	while (done) {
		struct lookup *l = done;

		done = l->next;
		give(n, l);
	}
	n->is_in_turn = false;
	return n->open_count;
}

static void names_free(struct resolver *resolver)
{
	struct sim_names *n = (struct sim_names *)resolver;

	CHECK(!n->is_in_turn);
	while (n->done) {
		struct lookup *l = n->done;

		n->done = l->next;
		*l->open_at = l->next_open;
		if (l->next_open)
			l->next_open->open_at = l->open_at;
		lookup_free(n->sim, l);
	}
	/* The others still stand in the world's queue, which frees them when they are due. */
	for (struct lookup *l = n->open; l; l = l->next_open)
		l->names = NULL;
	n->sim->member_count--;
	free(n);
}

static const struct resolver_ops names_ops = {
	.ask = names_ask,
	.turn = names_turn,
	.free = names_free,
};

struct resolver *sim_resolver(struct sim *s, struct sim_zone *z,
			      const struct sim_resolver_options *options, struct err *e)
{
	struct sim_names *n = calloc(1, sizeof(*n));

	if (!n) {
		err_set(e, EXIT_FAILED, 0, "no memory for a simulated resolver");
		return NULL;
	}
	n->resolver.ops = &names_ops;
	n->sim = s;
	n->zone = z;
	n->options = options ? *options : (struct sim_resolver_options){0};
	if (n->options.delay_ns == 0)
		n->options.delay_ns = DELAY_DEFAULT_NS;
	else if (n->options.delay_ns < 0)
		n->options.delay_ns = 0;
	if (n->options.timeout_ns <= 0)
		n->options.timeout_ns = TIMEOUT_DEFAULT_NS;
	n->number = s->worker_count++;
	s->member_count++;
	n->done_tail = &n->done;
	rng_fork(&n->rng, s->options.seed, STREAM_NAMES + n->number);
	return &n->resolver;
}
