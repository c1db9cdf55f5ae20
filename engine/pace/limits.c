/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits.c - the table of limits: one for the whole process, whatever thread asks
 *
 * Cells stand in chunks of memory that are given back with the table alone; a shard of the hash
 * table, picked by the key, has a mutex, its chains and its chunks. The hot path never comes here:
 * it holds pointers.
 *
 * A take locks its cells in the order of their addresses, asks all, and takes all or none: nobody
 * sees half a take, a refused one leaves nothing to be given back, and no order of two threads
 * lets a limit be passed or lose anything. The lock is one word in the cell's first cache line,
 * so that it costs what a compare-and-swap costs (bench/limits.c); whoever finds it taken waits
 * for some nanoseconds by looking, and lends its core when the holder has lost its own.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/clock.h"
#include "base/units.h"
#include "pace/limits.h"
#include "pace/window.h"

__extension__ typedef unsigned __int128 wide;

#define LINE_SIZE   64
#define SHARD_COUNT 64
#define CHUNK_SIZE  ((size_t)16 * 1024)

#define SPINS_MAX 200 /* looks at a taken lock before the core is lent to others */

/* The shortest window that is kept: 100 wake-ups that are 130 us late each (p99, measured). */
#define WINDOW_NS_MIN (100 * 130 * NS_PER_US)

enum cell_kind {
	CELL_COUNT,	     /* open at once */
	CELL_FLOW,	     /* SMOOTH of single ones; DEBT */
	CELL_FLOW_IN_WINDOW, /* SMOOTH of amounts: paced, and a rolling window sees to the limit */
	CELL_FIXED,
	CELL_ROLLING,
};

struct limit_cell {
	_Alignas(LINE_SIZE) atomic_uint is_locked;
	enum cell_kind kind;
	uint64_t amount; /* as the reading has it, or as set since */
	union {
		uint64_t open; /* CELL_COUNT */
		struct window_flow flow;
		struct window_fixed fixed;
	};
	uint64_t id, key;
	int64_t period_ns;		 /* scaled */
	struct limit_cell *next;	 /* of its chain */
	struct window_rolling rolling[]; /* one, where the kind has it */
};

struct chunk {
	struct chunk *next;
};

struct shard {
	_Alignas(LINE_SIZE) pthread_mutex_t lock;
	struct limit_cell **chains;
	size_t chain_count; /* 0, or a power of two */
	size_t cell_count;
	struct chunk *chunks;
	size_t chunk_used; /* of the newest */
};

struct limits {
	int64_t wall_offset_ns;
	atomic_size_t count;
	atomic_bool is_full;
	struct shard shards[SHARD_COUNT];
};

/* --- a cell, under its lock ------------------------------------------------------------------- */

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void cell_lock(struct limit_cell *c)
{
	int spins = 0;

	while (atomic_exchange_explicit(&c->is_locked, 1, memory_order_acquire) != 0) {
		while (atomic_load_explicit(&c->is_locked, memory_order_relaxed) != 0) {
			if (++spins % SPINS_MAX == 0)
				sched_yield();
			else
				cpu_relax();
		}
	}
}

static void cell_unlock(struct limit_cell *c)
{
	atomic_store_explicit(&c->is_locked, 0, memory_order_release);
}

/* When so much fits; at most now: it does. */
static int64_t cell_when(const struct limit_cell *c, uint64_t amount, int64_t now_ns)
{
	int64_t when_ns, flow_ns;

	switch (c->kind) {
	case CELL_COUNT:
		if (amount > c->amount)
			amount = c->amount;
		return c->open <= c->amount - amount ? now_ns : TIME_NEVER;
	case CELL_FLOW:
		return window_flow_when(&c->flow, amount, now_ns);
	case CELL_FLOW_IN_WINDOW:
		when_ns = window_rolling_when(c->rolling, c->amount, amount, now_ns);
		flow_ns = window_flow_when(&c->flow, amount, now_ns);
		return flow_ns > when_ns ? flow_ns : when_ns;
	case CELL_FIXED:
		return window_fixed_when(&c->fixed, c->amount, amount, now_ns);
	case CELL_ROLLING:
		return window_rolling_when(c->rolling, c->amount, amount, now_ns);
	}
	return now_ns;
}

static void cell_take(struct limit_cell *c, uint64_t amount, int64_t now_ns)
{
	switch (c->kind) {
	case CELL_COUNT:
		c->open += amount;
		break;
	case CELL_FLOW:
		window_flow_take(&c->flow, amount, now_ns);
		break;
	case CELL_FLOW_IN_WINDOW:
		window_rolling_take(c->rolling, amount, now_ns);
		window_flow_take(&c->flow, amount, now_ns);
		break;
	case CELL_FIXED:
		window_fixed_take(&c->fixed, amount, now_ns);
		break;
	case CELL_ROLLING:
		window_rolling_take(c->rolling, amount, now_ns);
		break;
	}
}

static void cell_give_back(struct limit_cell *c, uint64_t amount, int64_t taken_ns)
{
	switch (c->kind) {
	case CELL_COUNT:
		c->open -= amount < c->open ? amount : c->open;
		break;
	case CELL_FLOW:
		window_flow_give_back(&c->flow, amount, taken_ns);
		break;
	case CELL_FLOW_IN_WINDOW:
		window_rolling_give_back(c->rolling, amount, taken_ns);
		window_flow_give_back(&c->flow, amount, taken_ns);
		break;
	case CELL_FIXED:
		window_fixed_give_back(&c->fixed, amount, taken_ns);
		break;
	case CELL_ROLLING:
		window_rolling_give_back(c->rolling, amount, taken_ns);
		break;
	}
}

static uint64_t cell_used(const struct limit_cell *c, int64_t now_ns)
{
	switch (c->kind) {
	case CELL_COUNT:
		return c->open;
	case CELL_FLOW:
		return window_flow_used(&c->flow, now_ns);
	case CELL_FIXED:
		return window_fixed_used(&c->fixed, now_ns);
	case CELL_FLOW_IN_WINDOW:
	case CELL_ROLLING:
		return window_rolling_used(c->rolling, now_ns);
	}
	return 0;
}

/* --- taking ----------------------------------------------------------------------------------- */

/* Locks each cell of the claims once, in one order for all threads. Returns how many. */
static int cells_lock(const struct limits_claim *claims, int count,
		      struct limit_cell *cells[LIMITS_CLAIMS_MAX])
{
	int cell_count = 0;

	for (int i = 0; i < count; i++) {
		struct limit_cell *c = claims[i].cell;
		int at = cell_count;

		while (at > 0 && (uintptr_t)cells[at - 1] > (uintptr_t)c)
			at--;
		if (at > 0 && cells[at - 1] == c)
			continue;
		for (int k = cell_count++; k > at; k--)
			cells[k] = cells[k - 1];
		cells[at] = c;
	}
	for (int i = 0; i < cell_count; i++)
		cell_lock(cells[i]);
	return cell_count;
}

/* What the claims before this one want of the same cell. */
static uint64_t wanted_before(const struct limits_claim *claims, int index)
{
	uint64_t wanted = 0;

	for (int i = 0; i < index; i++) {
		if (claims[i].cell == claims[index].cell)
			wanted += claims[i].amount;
	}
	return wanted;
}

/* Whether all fit, under their locks. has_twins: a cell stands in more than one claim. */
static bool claims_fit(const struct limits_claim *claims, int count, bool has_twins, int64_t now_ns,
		       int64_t *ret_when_ns, int *ret_binding)
{
	int64_t latest_ns = now_ns;
	int binding = -1;

	for (int i = 0; i < count; i++) {
		uint64_t amount = claims[i].amount > 0 ? claims[i].amount : 1;
		int64_t when_ns;

		if (has_twins)
			amount += wanted_before(claims, i);
		when_ns = cell_when(claims[i].cell, amount, now_ns);
		if (when_ns > latest_ns) {
			latest_ns = when_ns;
			binding = i;
		}
	}
	if (binding < 0)
		return true;
	*ret_when_ns = latest_ns;
	*ret_binding = binding;
	return false;
}

static void claims_take(const struct limits_claim *claims, int count, int64_t now_ns)
{
	for (int i = 0; i < count; i++) {
		if (claims[i].amount > 0)
			cell_take(claims[i].cell, claims[i].amount, now_ns);
	}
}

bool limits_take(const struct limits_claim *claims, int count, int64_t now_ns, int64_t *ret_when_ns,
		 int *ret_binding)
{
	struct limit_cell *cells[LIMITS_CLAIMS_MAX];
	int cell_count;
	bool does_fit;

	CHECK(count >= 0 && count <= LIMITS_CLAIMS_MAX);
	cell_count = cells_lock(claims, count, cells);
	does_fit = claims_fit(claims, count, cell_count < count, now_ns, ret_when_ns, ret_binding);
	if (does_fit)
		claims_take(claims, count, now_ns);
	for (int i = cell_count - 1; i >= 0; i--)
		cell_unlock(cells[i]);
	return does_fit;
}

void limits_give_back(const struct limits_claim *claims, int count, int64_t taken_ns)
{
	for (int i = 0; i < count; i++) {
		if (claims[i].amount == 0)
			continue;
		cell_lock(claims[i].cell);
		cell_give_back(claims[i].cell, claims[i].amount, taken_ns);
		cell_unlock(claims[i].cell);
	}
}

void limits_set_amount(struct limit_cell *c, uint64_t amount, int64_t now_ns)
{
	if (amount == 0)
		amount = 1;
	cell_lock(c);
	if (amount != c->amount) {
		c->amount = amount;
		if (c->kind == CELL_FLOW || c->kind == CELL_FLOW_IN_WINDOW)
			window_flow_set(&c->flow, amount, now_ns);
	}
	cell_unlock(c);
}

struct limits_state limits_state(struct limit_cell *c, int64_t now_ns)
{
	struct limits_state state = {.period_ns = c->period_ns};

	cell_lock(c);
	state.amount = c->amount;
	state.used = cell_used(c, now_ns);
	state.free_ns = cell_when(c, 1, now_ns);
	cell_unlock(c);
	return state;
}

/* --- making cells ----------------------------------------------------------------------------- */

static uint32_t scale_of(uint32_t scale)
{
	return scale > 0 ? scale : 1;
}

/* What a reading leaves of an amount. */
static uint64_t amount_read(uint64_t amount, const struct limits_reading *reading)
{
	uint32_t headroom = reading->headroom_millis < 1000 ? reading->headroom_millis : 1000;
	wide product = (wide)amount * (1000 - headroom) * reading->share_millis / 1000000;

	if (product > INT64_MAX)
		return INT64_MAX;
	return product > 0 ? (uint64_t)product : 1;
}

static enum cell_kind kind_of(const struct limit *l, bool is_smooth)
{
	if (l->window == LIMIT_AT_ONCE || l->period_ns <= 0)
		return CELL_COUNT;
	if (l->window == LIMIT_SMOOTH || is_smooth)
		return l->unit == LIMIT_RECIPIENTS || l->unit == LIMIT_OCTETS ? CELL_FLOW_IN_WINDOW
									      : CELL_FLOW;
	if (l->window == LIMIT_DEBT)
		return CELL_FLOW;
	return l->window == LIMIT_FIXED ? CELL_FIXED : CELL_ROLLING;
}

static enum window_flow_kind flow_kind_of(const struct limit *l, const struct limit_cell *c,
					  bool is_smooth)
{
	if (l->window == LIMIT_DEBT && !is_smooth)
		return WINDOW_DEBT;
	return c->kind == CELL_FLOW_IN_WINDOW ? WINDOW_PACED : WINDOW_STRICT;
}

static void cell_init(struct limit_cell *c, const struct limits *t, const struct limit *l,
		      const struct limits_reading *reading, int64_t now_ns)
{
	c->amount = amount_read(l->amount, reading);
	c->period_ns = 0;
	switch (c->kind) {
	case CELL_COUNT:
		c->open = 0;
		return;
	case CELL_FLOW:
	case CELL_FLOW_IN_WINDOW:
	case CELL_FIXED:
	case CELL_ROLLING:
		break;
	}
	c->period_ns = l->period_ns / scale_of(reading->scale);
	if (c->period_ns == 0)
		c->period_ns = 1;
	if (c->kind == CELL_FIXED)
		window_fixed_init(&c->fixed, c->period_ns,
				  (l->reset_ns - t->wall_offset_ns) % c->period_ns);
	if (c->kind == CELL_FLOW || c->kind == CELL_FLOW_IN_WINDOW)
		window_flow_init(&c->flow, flow_kind_of(l, c, reading->is_smooth), c->amount,
				 l->window == LIMIT_SMOOTH ? l->burst : 0, c->period_ns, now_ns);
	if (c->kind == CELL_ROLLING || c->kind == CELL_FLOW_IN_WINDOW)
		window_rolling_init(c->rolling, c->period_ns);
}

static uint64_t mixed(uint64_t id, uint64_t key)
{
	uint64_t x = id * UINT64_C(0x9e3779b97f4a7c15) ^ key;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Room for a cell in the shard's newest chunk, or in a new one. NULL: memory exhausted. */
static struct limit_cell *shard_alloc(struct shard *s, enum cell_kind kind)
{
	size_t size = sizeof(struct limit_cell);
	struct limit_cell *c;

	if (kind == CELL_ROLLING || kind == CELL_FLOW_IN_WINDOW)
		size += sizeof(struct window_rolling);
	size = (size + LINE_SIZE - 1) / LINE_SIZE * LINE_SIZE;
	if (!s->chunks || s->chunk_used + size > CHUNK_SIZE) {
		struct chunk *chunk = aligned_alloc(LINE_SIZE, CHUNK_SIZE);

		if (!chunk)
			return NULL;
		chunk->next = s->chunks;
		s->chunks = chunk;
		s->chunk_used = LINE_SIZE;
	}
	c = (struct limit_cell *)(void *)((char *)s->chunks + s->chunk_used);
	s->chunk_used += size;
	return c;
}

/* Makes chains as many as cells. Without memory they only become longer, but the first ones. */
static bool shard_grow(struct shard *s)
{
	size_t count = s->chain_count > 0 ? s->chain_count * 2 : 16;
	struct limit_cell **chains;

	if (s->cell_count < s->chain_count)
		return true;
	chains = calloc(count, sizeof(*chains));
	if (!chains)
		return s->chain_count > 0;
	for (size_t i = 0; i < s->chain_count; i++) {
		struct limit_cell *c = s->chains[i];

		while (c) {
			struct limit_cell *next = c->next;
			size_t at = mixed(c->id, c->key) / SHARD_COUNT & (count - 1);

			c->next = chains[at];
			chains[at] = c;
			c = next;
		}
	}
	free(s->chains);
	s->chains = chains;
	s->chain_count = count;
	return true;
}

/* The cell, or NULL, under the shard's lock. */
static struct limit_cell *shard_find(const struct shard *s, uint64_t hash, uint64_t id,
				     uint64_t key)
{
	struct limit_cell *c = NULL;

	if (s->chain_count > 0)
		c = s->chains[hash / SHARD_COUNT & (s->chain_count - 1)];
	while (c && (c->id != id || c->key != key))
		c = c->next;
	return c;
}

/* Counts one more cell of the whole table; false when it is full. */
static bool table_admit(struct limits *t)
{
	if (atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed) < LIMITS_CELLS_MAX)
		return true;
	atomic_fetch_sub_explicit(&t->count, 1, memory_order_relaxed);
	atomic_store_explicit(&t->is_full, true, memory_order_relaxed);
	return false;
}

struct limit_cell *limits_cell(struct limits *t, const struct limit *l,
			       const struct limits_reading *reading, uint64_t id, uint64_t key,
			       int64_t now_ns)
{
	uint64_t hash = mixed(id, key);
	struct shard *s = &t->shards[hash % SHARD_COUNT];
	struct limit_cell *c;

	pthread_mutex_lock(&s->lock);
	c = shard_find(s, hash, id, key);
	if (!c && table_admit(t)) {
		enum cell_kind kind = kind_of(l, reading->is_smooth);
		struct limit_cell **chain;

		if (shard_grow(s))
			c = shard_alloc(s, kind);
		if (c) {
			chain = &s->chains[hash / SHARD_COUNT & (s->chain_count - 1)];
			atomic_init(&c->is_locked, 0);
			c->kind = kind;
			c->id = id;
			c->key = key;
			cell_init(c, t, l, reading, now_ns);
			c->next = *chain;
			*chain = c;
			s->cell_count++;
		} else {
			atomic_fetch_sub_explicit(&t->count, 1, memory_order_relaxed);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return c;
}

struct limits *limits_new(int64_t wall_offset_ns)
{
	struct limits *t = aligned_alloc(LINE_SIZE, sizeof(*t));

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->wall_offset_ns = wall_offset_ns;
	atomic_init(&t->count, 0);
	atomic_init(&t->is_full, false);
	for (int i = 0; i < SHARD_COUNT; i++)
		CHECK(pthread_mutex_init(&t->shards[i].lock, NULL) == 0);
	return t;
}

void limits_free(struct limits *t)
{
	if (!t)
		return;
	for (int i = 0; i < SHARD_COUNT; i++) {
		struct shard *s = &t->shards[i];

		while (s->chunks) {
			struct chunk *chunk = s->chunks;

			s->chunks = chunk->next;
			free(chunk);
		}
		free(s->chains);
		pthread_mutex_destroy(&s->lock);
	}
	free(t);
}

bool limits_is_full(const struct limits *t)
{
	return atomic_load_explicit(&t->is_full, memory_order_relaxed);
}

size_t limits_count(const struct limits *t)
{
	return atomic_load_explicit(&t->count, memory_order_relaxed);
}

int limits_check_scale(const struct limit *l, uint32_t scale, struct err *e)
{
	char text[LIMIT_TEXT_MAX], window[UNITS_TEXT_MAX], least[UNITS_TEXT_MAX];
	int64_t scaled_ns = l->period_ns / scale_of(scale);

	if (l->window == LIMIT_AT_ONCE || l->period_ns <= 0 || scaled_ns >= WINDOW_NS_MIN)
		return 0;
	units_duration_text(scaled_ns, window);
	units_duration_text(WINDOW_NS_MIN, least);
	if (l->period_ns < WINDOW_NS_MIN)
		return err_set(e, EXIT_USAGE, 0,
			       "the window of \"%s\" is %s long, and waking up is too coarse to "
			       "keep one shorter than %s: state the limit for a longer period",
			       limit_text(l, text), window, least);
	return err_set(e, EXIT_USAGE, 0,
		       "at scale %u the window of \"%s\" is %s long, and waking up is too coarse "
		       "to keep one shorter than %s: try a scale of at most %lld",
		       scale_of(scale), limit_text(l, text), window, least,
		       (long long)(l->period_ns / WINDOW_NS_MIN));
}
