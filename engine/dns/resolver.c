/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolver.c - joins look-ups, cache and servers behind net/resolver.h
 *
 * A look-up says which record sets it wants; a set comes from the cache or from a question, and a
 * question is shared by all look-ups that want the same set: ten thousand domains behind one
 * provider's exchangers ask for their addresses once. When the last set of a look-up has come, it
 * is ready to go on.
 *
 * Nothing is sent and nobody is called from resolver_ask(): what was asked is picked up by the
 * next turn, so that a user may ask again from within an answer without end of the turn.
 */
#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "dns/cache.h"
#include "dns/local.h"
#include "dns/lookup.h"
#include "dns/name.h"
#include "dns/pins.h"
#include "dns/resolver.h"
#include "dns/servers.h"
#include "dns/upstream.h"

#define TIMEOUT_DEFAULT_NS    (2 * NS_PER_SEC)
#define TRIES_DEFAULT	      3
#define IN_FLIGHT_DEFAULT     128
#define CACHE_DEFAULT	      16384
#define QUESTION_BUCKET_COUNT 1024

/* Streams of chance that are drawn from the seed. */
enum { PURPOSE_SHUFFLE = 1, PURPOSE_HASH = 2 };

/* A question under way, and the wants that wait for it. Aliases change what is asked for it. */
struct question {
	struct dns_query query; /* first: the upstream gives it back */
	struct question *chain; /* of its bucket */
	struct want *wants;
	char name[RESOLVER_NAME_MAX];
	int alias_count;
	int64_t alias_expires_ns;
};

struct lookup_list {
	struct lookup *first, **end;
};

struct dns {
	struct resolver resolver; /* first: what the users know */
	struct clock *clock;
	char *hosts_path; /* "": none */
	bool is_delivering;
	struct rng rng;
	uint64_t hash_seed;
	struct dns_pins pins;
	struct dns_cache cache;
	struct dns_upstream upstream;
	struct question *questions[QUESTION_BUCKET_COUNT];
	struct lookup *open;
	int open_count;
	struct lookup_list asked; /* since the last turn's work began */
	struct lookup_list ready;
	uint64_t cache_hits, shared;
	struct resolver_answer answer;		     /* scratch: the one that is being delivered */
	struct exchanger_name names[DNS_RECORD_MAX]; /* scratch */
};

static struct dns *dns_of(struct resolver *r)
{
	return (struct dns *)r;
}

static void list_init(struct lookup_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_push(struct lookup_list *list, struct lookup *l)
{
	l->next_ready = NULL;
	*list->end = l;
	list->end = &l->next_ready;
}

static struct lookup *list_pop(struct lookup_list *list)
{
	struct lookup *l = list->first;

	if (l) {
		list->first = l->next_ready;
		if (!list->first)
			list->end = &list->first;
	}
	return l;
}

/* --- questions -------------------------------------------------------------------------------- */

static struct question **question_bucket(struct dns *d, const char *name, enum dns_type type)
{
	uint64_t hash = dns_name_hash(d->hash_seed, name, (unsigned)type);

	return &d->questions[hash % QUESTION_BUCKET_COUNT];
}

/* Has a want fetched; NULL stays its set when there is no memory for the question. */
static void want_fetch(struct dns *d, struct want *w)
{
	struct question **bucket = question_bucket(d, w->name, w->type);
	struct question *q = *bucket;

	while (q && (q->query.type != w->type || strcmp(q->name, w->name) != 0))
		q = q->chain;
	if (q) {
		d->shared++;
	} else {
		q = calloc(1, sizeof(*q));
		if (!q)
			return;
		memcpy(q->name, w->name, strlen(w->name) + 1);
		memcpy(q->query.name, w->name, strlen(w->name) + 1);
		q->query.type = w->type;
		q->alias_expires_ns = TIME_NEVER;
		q->chain = *bucket;
		*bucket = q;
		dns_upstream_start(&d->upstream, &q->query);
	}
	w->next = q->wants;
	q->wants = w;
	w->lookup->waiting++;
	w->lookup->is_fetched = true;
}

static void wants_serve(struct dns *d, struct lookup *l)
{
	struct want *w;

	for (int i = 0; (w = lookup_want(l, i)) != NULL; i++) {
		struct dns_set *set;

		if (!w->is_wanted)
			continue;
		w->is_wanted = false;
		set = dns_cache_find(&d->cache, w->name, w->type, clock_now(d->clock));
		if (set) {
			w->set = dns_set_ref(set);
			l->is_cached = true;
			d->cache_hits++;
		} else {
			want_fetch(d, w);
		}
	}
}

static void question_drop(struct dns *d, struct question *q)
{
	struct question **link = question_bucket(d, q->name, q->query.type);

	while (*link != q)
		link = &(*link)->chain;
	*link = q->chain;
	free(q);
}

/*
 * The name is an alias whose target the server did not tell about: asks for that. False when the
 * chain is too long or leads to what is no host name.
 */
static bool alias_follow(struct dns *d, struct question *q)
{
	int64_t expires_ns = clock_now(d->clock) + (int64_t)q->query.alias_ttl_s * NS_PER_SEC;

	q->alias_count += q->query.alias_count;
	if (expires_ns < q->alias_expires_ns)
		q->alias_expires_ns = expires_ns;
	if (q->alias_count > DNS_ALIAS_MAX ||
	    dns_name_read(span_of(q->query.alias), q->query.name) != NULL)
		return false;
	dns_upstream_start(&d->upstream, &q->query);
	return true;
}

/* Hands a question's set to all that wait for it. */
static void question_finish(struct dns *d, struct question *q)
{
	int64_t now_ns = clock_now(d->clock);
	struct dns_set *set = q->query.set;

	if (q->query.alias[0] != '\0') {
		if (alias_follow(d, q))
			return;
		set = dns_set_new(q->query.type, RESOLVER_MALFORMED, q->alias_expires_ns, NULL, 0,
				  "a loop of aliases, or an alias for no host name");
	}
	/* Nobody else holds the set yet, so that it may still be changed. */
	if (set && set->expires_ns > q->alias_expires_ns)
		set->expires_ns = q->alias_expires_ns;
	if (set)
		dns_cache_put(&d->cache, q->name, set, now_ns);
	while (q->wants) {
		struct want *w = q->wants;
		q->wants = w->next;
		w->set = set ? dns_set_ref(set) : NULL;
		if (--w->lookup->waiting == 0)
			list_push(&d->ready, w->lookup);
	}
	dns_set_unref(set);
	question_drop(d, q);
}

/* --- look-ups --------------------------------------------------------------------------------- */

static void lookup_drop(struct dns *d, struct lookup *l)
{
	*l->link_open = l->next_open;
	if (l->next_open)
		l->next_open->link_open = l->link_open;
	d->open_count--;
	lookup_fini(l);
	free(l);
}

/* d->answer is complete but for the time that it took. */
static void lookup_deliver(struct dns *d, struct lookup *l)
{
	struct resolver_user *user = l->user;

	d->answer.took_ns = clock_now(d->clock) - l->asked_ns;
	lookup_drop(d, l);
	d->is_delivering = true;
	user->on_answer(user, &d->answer);
	d->is_delivering = false;
}

/* True when the name needs no DNS; d->answer is set then. */
static bool known_answer(struct dns *d, struct lookup *l)
{
	struct endpoint addresses[RESOLVER_ADDRESS_MAX];
	const struct dns_pin *pin;
	int count = 0;

	if (l->is_literal) {
		lookup_answer_known(l, &l->literal, 1, &d->answer);
		return true;
	}
	pin = dns_pins_find(&d->pins, l->name, l->port);
	if (pin) {
		lookup_answer_known(l, pin->addresses, pin->address_count, &d->answer);
		return true;
	}
	if (dns_name_is_localhost(l->name))
		count = dns_localhost(addresses);
	else if (l->question == RESOLVE_HOST && d->hosts_path[0] != '\0')
		count = dns_hosts_file(d->hosts_path, l->name, addresses, RESOLVER_ADDRESS_MAX);
	if (count > 0)
		lookup_answer_known(l, addresses, count, &d->answer);
	return count > 0;
}

/* Takes a look-up as far as it gets. True when it was answered, and is gone. */
static bool lookup_advance(struct dns *d, struct lookup *l)
{
	if (l->stage == LOOKUP_ASKED) {
		if (known_answer(d, l)) {
			lookup_deliver(d, l);
			return true;
		}
		lookup_begin(l, &d->pins);
		wants_serve(d, l);
	}
	while (l->waiting == 0) {
		if (lookup_go_on(l, &d->pins, &d->rng, d->names, &d->answer)) {
			lookup_deliver(d, l);
			return true;
		}
		wants_serve(d, l);
	}
	return false;
}

/*
 * All that can be done without waiting, for what was asked before it began: a user that asks from
 * within each answer gets its next turn. Returns how many look-ups were answered.
 */
static int resolver_work(struct dns *d)
{
	int answered = 0;

	while (d->asked.first)
		list_push(&d->ready, list_pop(&d->asked));
	for (;;) {
		struct dns_query *query;
		struct lookup *l;

		while ((l = list_pop(&d->ready)) != NULL)
			if (lookup_advance(d, l))
				answered++;
		dns_upstream_pump(&d->upstream);
		query = dns_upstream_take(&d->upstream);
		if (!query)
			return answered;
		for (; query; query = dns_upstream_take(&d->upstream))
			question_finish(d, (struct question *)query);
	}
}

/* --- the interface ---------------------------------------------------------------------------- */

static int on_ask(struct resolver *r, const struct resolver_request *request,
		  struct resolver_user *user, struct err *e)
{
	struct dns *d = dns_of(r);
	struct lookup *l = malloc(sizeof(*l));

	if (!l)
		return err_set(e, EXIT_FAILED, 0, "no memory for a DNS look-up");
	if (lookup_init(l, request, user, clock_now(d->clock), e) < 0) {
		free(l);
		return -1;
	}
	l->next_open = d->open;
	l->link_open = &d->open;
	if (l->next_open)
		l->next_open->link_open = &l->next_open;
	d->open = l;
	d->open_count++;
	list_push(&d->asked, l);
	return 0;
}

static int on_turn(struct resolver *r, int64_t until_ns)
{
	struct dns *d = dns_of(r);
	bool is_over = false;

	CHECK(!d->is_delivering);
	for (;;) {
		int answered = resolver_work(d);
		if (answered > 0 || d->open_count == 0 || is_over)
			return d->open_count;
		is_over = dns_upstream_wait(&d->upstream, until_ns);
	}
}

static void on_free(struct resolver *r)
{
	struct dns *d = dns_of(r);

	CHECK(!d->is_delivering);
	dns_upstream_fini(&d->upstream);
	for (int i = 0; i < QUESTION_BUCKET_COUNT; i++)
		while (d->questions[i])
			question_drop(d, d->questions[i]);
	while (d->open)
		lookup_drop(d, d->open);
	dns_cache_fini(&d->cache);
	dns_pins_fini(&d->pins);
	free(d->hosts_path);
	ares_library_cleanup();
	free(d);
}

static const struct resolver_ops dns_ops = {
	.ask = on_ask,
	.turn = on_turn,
	.free = on_free,
};

static void options_complete(struct dns_options *o)
{
	if (o->timeout_ns == 0)
		o->timeout_ns = TIMEOUT_DEFAULT_NS;
	if (o->tries == 0)
		o->tries = TRIES_DEFAULT;
	if (o->in_flight_max == 0)
		o->in_flight_max = IN_FLIGHT_DEFAULT;
	if (o->cache_max == 0)
		o->cache_max = CACHE_DEFAULT;
	if (!o->hosts_path)
		o->hosts_path = "/etc/hosts";
	if (!o->clock)
		o->clock = clock_system();
}

/* Reads the options into d, as far as they come; on_free() undoes whatever was done. */
static int dns_set_up(struct dns *d, const struct dns_options *options, struct err *e)
{
	struct endpoint servers[DNS_SERVER_MAX];
	int server_count = 0;

	d->hosts_path = strdup(options->hosts_path);
	if (!d->hosts_path)
		return err_set(e, EXIT_FAILED, 0, "no memory for the resolver");
	for (int i = 0; i < options->pin_count; i++)
		if (dns_pins_add(&d->pins, options->pins[i], e) < 0)
			return -1;
	if (options->server_count > DNS_SERVER_MAX)
		return err_set(e, EXIT_USAGE, 0, "--resolver may be given %d times at most",
			       DNS_SERVER_MAX);
	for (int i = 0; i < options->server_count; i++)
		if (dns_server_read(options->servers[i], &servers[server_count++], e) < 0)
			return -1;
	if (server_count == 0)
		server_count = dns_servers_of_system(servers, DNS_SERVER_MAX, e);
	if (server_count < 0)
		return -1;
	if (dns_cache_init(&d->cache, options->cache_max, d->hash_seed, e) < 0)
		return -1;
	return dns_upstream_init(&d->upstream, servers, server_count, options, e);
}

struct resolver *dns_new(const struct dns_options *given, struct err *e)
{
	struct dns_options options = *given;
	struct dns *d;
	int status;

	options_complete(&options);
	if (options.timeout_ns < 0 || options.tries < 0 || options.in_flight_max < 0 ||
	    options.cache_max < 0) {
		err_set(e, EXIT_USAGE, 0, "a limit of the resolver is negative");
		return NULL;
	}
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status != ARES_SUCCESS) {
		err_set(e, EXIT_FAILED, 0, "cannot start the DNS library: %s",
			ares_strerror(status));
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		ares_library_cleanup();
		err_set(e, EXIT_FAILED, 0, "no memory for the resolver");
		return NULL;
	}
	d->resolver.ops = &dns_ops;
	d->clock = options.clock;
	list_init(&d->asked);
	list_init(&d->ready);
	rng_fork(&d->rng, options.seed, PURPOSE_HASH);
	d->hash_seed = rng_next(&d->rng);
	rng_fork(&d->rng, options.seed, PURPOSE_SHUFFLE);
	if (dns_set_up(d, &options, e) < 0) {
		on_free(&d->resolver);
		return NULL;
	}
	return &d->resolver;
}

int dns_poll_fds(struct resolver *r, struct pollfd *fds, int max, int64_t *ret_until_ns)
{
	struct dns *d = dns_of(r);
	int count = dns_upstream_fds(&d->upstream, fds, max, ret_until_ns);

	if (d->asked.first || d->ready.first)
		*ret_until_ns = clock_now(d->clock);
	return count;
}

void dns_counters_read(struct resolver *r, struct dns_counters *ret_counters)
{
	const struct dns *d = dns_of(r);

	*ret_counters = (struct dns_counters){
		.queries = d->upstream.queries,
		.repeated = d->upstream.repeated,
		.timed_out = d->upstream.timed_out,
		.cache_hits = d->cache_hits,
		.cache_drops = d->cache.drops,
		.shared = d->shared,
	};
}
