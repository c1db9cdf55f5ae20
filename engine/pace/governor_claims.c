/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * governor_claims.c - a profile's limits as claims on the table
 *
 * Which cell a limit has for this path follows from its scope alone, so that all are found once,
 * when the path is made; only the domain of the sender may differ from message to message.
 */
#include "base/hash.h"
#include "pace/governor_private.h"

uint64_t governor_key(struct span name)
{
	uint64_t hash = hash_octets(HASH_START, name.data, name.len);

	return hash != 0 ? hash : 1;
}

static uint64_t joined(uint64_t a, uint64_t b)
{
	return hash_octets(hash_octets(HASH_START, &a, sizeof(a)), &b, sizeof(b));
}

/* Whose budget it is; false where the limit has none (it is within a connection or a message). */
static bool key_of(const struct governor_params *p, enum limit_scope scope, uint64_t *ret_key)
{
	switch (scope) {
	case LIMIT_PER_SOURCE:
		*ret_key = p->source_key;
		return true;
	case LIMIT_PER_SOURCE_SITE:
		*ret_key = joined(p->source_key, p->site_key);
		return true;
	case LIMIT_PER_SITE:
		*ret_key = p->site_key;
		return true;
	case LIMIT_PER_ACCOUNT:
		*ret_key = p->account_key != 0 ? p->account_key : p->source_key;
		return true;
	case LIMIT_PER_SENDER:
		*ret_key = p->sender_key;
		return true;
	case LIMIT_PER_RECIPIENT:
	case LIMIT_PER_CONNECTION:
	case LIMIT_PER_MESSAGE:
		break;
	}
	return false;
}

static struct limits_reading reading_of(const struct governor_params *p)
{
	return (struct limits_reading){
		.headroom_millis = p->profile->headroom_millis,
		.share_millis = SHARE_ALL,
		.scale = p->scale,
		.is_smooth = true,
	};
}

static int add_cell(struct governor *g, int idx, uint64_t key, int64_t now_ns, struct err *e)
{
	const struct profile_limit *from = &g->p.profile->limits[idx];
	const struct limit *l = &from->limit;
	struct limits_reading reading = reading_of(&g->p);
	bool is_connect = l->unit == LIMIT_CONNECTIONS;
	struct governor_cell *c =
		is_connect ? &g->connect[g->connect_count] : &g->send[g->send_count];

	*c = (struct governor_cell){
		.id = joined(governor_key(span_of(g->p.profile->name)),
			     governor_key(span_of(from->name))),
		.limit = idx,
		.unit = l->unit,
		.is_at_once = l->window == LIMIT_AT_ONCE,
		.counts_accepted = l->counts_accepted,
		.is_per_sender = l->scope == LIMIT_PER_SENDER,
	};
	c->cell = limits_cell(g->p.limits, l, &reading, c->id, key, now_ns);
	if (c->cell == NULL)
		return err_set(e, EXIT_FAILED, 0,
			       "%s: %s has no room in the table of limits: use fewer --source-ip "
			       "addresses or targets",
			       g->p.profile->name, from->name);
	if (is_connect)
		g->connect_count++;
	else
		g->send_count++;
	return 0;
}

static uint64_t smaller(uint64_t so_far, uint64_t value)
{
	if (value == 0)
		value = 1;
	return so_far == 0 || value < so_far ? value : so_far;
}

/* What is counted within one connection or one message. */
static void add_within(struct governor *g, const struct limit *l)
{
	uint64_t used_up = atomic_load(&g->used_up);

	if (l->scope == LIMIT_PER_MESSAGE && l->unit == LIMIT_RECIPIENTS)
		g->recipients_max = (uint32_t)smaller(
			g->recipients_max, l->amount < UINT32_MAX ? l->amount : UINT32_MAX);
	if (l->scope != LIMIT_PER_CONNECTION || l->window != LIMIT_AT_ONCE)
		return;
	if (l->unit == LIMIT_MESSAGES)
		used_up = smaller(used_up, l->amount);
	else if (l->unit == LIMIT_RECIPIENTS)
		used_up = smaller(used_up, l->amount / g->p.recipients_most);
	else if (l->unit == LIMIT_OCTETS && g->p.octets_most > 0)
		used_up = smaller(used_up, l->amount / g->p.octets_most);
	atomic_store(&g->used_up, used_up);
}

int governor_claims_init(struct governor *g, int64_t now_ns, struct err *e)
{
	const struct profile *profile = g->p.profile;
	uint64_t key;

	for (int i = 0; profile != NULL && i < profile->limit_count; i++) {
		const struct limit *l = &profile->limits[i].limit;

		if (!key_of(&g->p, l->scope, &key))
			add_within(g, l);
		else if (add_cell(g, i, key, now_ns, e) != 0)
			return -1;
	}
	return 0;
}

static void say_wait(const struct governor_cell *c, int64_t when_ns, struct governor_wait *ret_wait)
{
	*ret_wait = (struct governor_wait){
		.when_ns = when_ns,
		.hold = HOLD_LIMIT,
		.limit = c->limit,
	};
}

bool governor_take_connect(struct governor *g, int64_t now_ns, struct governor_wait *ret_wait)
{
	struct limits_claim claims[PROFILE_LIMITS_MAX];
	int64_t when_ns = now_ns;
	int binding = 0;

	if (g->connect_count == 0)
		return true;
	for (int i = 0; i < g->connect_count; i++)
		claims[i] = (struct limits_claim){g->connect[i].cell, 1};
	if (limits_take(claims, g->connect_count, now_ns, &when_ns, &binding))
		return true;
	say_wait(&g->connect[binding], when_ns, ret_wait);
	return false;
}

void governor_return_connect(struct governor *g, bool was_tried, int64_t now_ns)
{
	struct limits_claim claims[PROFILE_LIMITS_MAX];
	int count = 0;

	for (int i = 0; i < g->connect_count; i++)
		if (g->connect[i].is_at_once || !was_tried)
			claims[count++] = (struct limits_claim){g->connect[i].cell, 1};
	if (count > 0)
		limits_give_back(claims, count, now_ns);
}

/* Another sender than the usual one has a cell of his own, where the table still has room. */
static struct limit_cell *cell_for(struct governor *g, const struct governor_cell *c,
				   uint64_t sender_key, int64_t now_ns)
{
	struct limits_reading reading;
	struct limit_cell *cell;

	if (!c->is_per_sender || sender_key == g->p.sender_key)
		return c->cell;
	reading = reading_of(&g->p);
	cell = limits_cell(g->p.limits, &g->p.profile->limits[c->limit].limit, &reading, c->id,
			   sender_key, now_ns);
	return cell != NULL ? cell : c->cell;
}

static uint64_t amount_of(const struct governor_cell *c, const struct governor_charge *charge)
{
	switch (c->unit) {
	case LIMIT_RECIPIENTS:
		return charge->recipients;
	case LIMIT_OCTETS:
		return charge->octets;
	case LIMIT_MESSAGES:
	case LIMIT_CONNECTIONS:
		break;
	}
	return 1;
}

bool governor_take_send(struct governor *g, const struct governor_charge *c, uint32_t times,
			int64_t now_ns, struct governor_wait *ret_wait)
{
	struct limits_claim claims[PROFILE_LIMITS_MAX];
	int64_t when_ns = now_ns;
	int binding = 0;

	if (g->send_count == 0)
		return true;
	for (int i = 0; i < g->send_count; i++) {
		const struct governor_cell *cell = &g->send[i];

		claims[i] = (struct limits_claim){
			.cell = cell_for(g, cell, c->sender_key, now_ns),
			.amount = amount_of(cell, c) * (cell->is_at_once ? 1 : times),
		};
	}
	if (limits_take(claims, g->send_count, now_ns, &when_ns, &binding))
		return true;
	say_wait(&g->send[binding], when_ns, ret_wait);
	return false;
}

void governor_return_send(struct governor *g, const struct governor_charge *c)
{
	struct limits_claim claims[PROFILE_LIMITS_MAX];

	for (int i = 0; i < g->send_count; i++)
		claims[i] = (struct limits_claim){
			.cell = cell_for(g, &g->send[i], c->sender_key, c->taken_ns),
			.amount = amount_of(&g->send[i], c),
		};
	if (g->send_count > 0)
		limits_give_back(claims, g->send_count, c->taken_ns);
}

void governor_adjust(struct governor *g, const struct governor_charge *most,
		     const struct governor_charge *real)
{
	struct limits_claim claims[PROFILE_LIMITS_MAX];
	int count = 0;

	for (int i = 0; i < g->send_count; i++) {
		uint64_t taken = amount_of(&g->send[i], most), used = amount_of(&g->send[i], real);

		if (taken > used)
			claims[count++] = (struct limits_claim){
				.cell = cell_for(g, &g->send[i], most->sender_key, most->taken_ns),
				.amount = taken - used,
			};
	}
	if (count > 0)
		limits_give_back(claims, count, most->taken_ns);
}

void governor_return_over(struct governor *g, const struct governor_charge *c, bool was_refused)
{
	struct limits_claim claims[PROFILE_LIMITS_MAX];
	int count = 0;

	for (int i = 0; i < g->send_count; i++)
		if (g->send[i].is_at_once || (was_refused && g->send[i].counts_accepted))
			claims[count++] = (struct limits_claim){
				.cell = cell_for(g, &g->send[i], c->sender_key, c->taken_ns),
				.amount = amount_of(&g->send[i], c),
			};
	if (count > 0)
		limits_give_back(claims, count, c->taken_ns);
}

uint32_t governor_connections_max(const struct governor *g, int64_t now_ns)
{
	uint64_t most = 0;

	for (int i = 0; i < g->connect_count; i++)
		if (g->connect[i].is_at_once)
			most = smaller(most, limits_state(g->connect[i].cell, now_ns).amount);
	return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

uint64_t governor_rate_max(const struct governor *g)
{
	uint64_t least = 0;

	for (int i = 0; i < g->send_count; i++) {
		const struct profile_limit *from = &g->p.profile->limits[g->send[i].limit];
		double amount = (double)profile_below_headroom(g->p.profile, from->limit.amount);
		double seconds = (double)from->limit.period_ns / 1e9 / g->p.scale;

		if (from->limit.unit == LIMIT_MESSAGES && seconds > 0)
			least = smaller(least, (uint64_t)(amount / seconds * 1e6));
	}
	return least;
}
