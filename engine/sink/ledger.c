/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ledger.c - which messages of which run have arrived
 *
 * A run has a directory of pointers to blocks of 2^16 bits. The directory is one large zeroed
 * allocation of which only touched pages become memory. A run and a block are published with
 * release and found with acquire; the mutex is for making them alone.
 */
#include "sink/ledger.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BLOCK_BITS  16
#define BLOCK_WORDS ((size_t)1 << (BLOCK_BITS - 6))
#define BLOCKS_MAX  ((size_t)(LEDGER_SEQ_MAX >> BLOCK_BITS))

struct block {
	_Atomic uint64_t words[BLOCK_WORDS];
};

struct run {
	uint64_t id;
	_Atomic uint64_t received, duplicated, highest;
	struct block *_Atomic blocks[BLOCKS_MAX];
};

struct ledger {
	pthread_mutex_t mutex;
	_Atomic int run_count;
	struct run *runs[LEDGER_RUNS_MAX];
};

struct ledger *ledger_new(void)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l)
		pthread_mutex_init(&l->mutex, NULL);
	return l;
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	for (int i = 0; i < l->run_count; i++) {
		struct run *run = l->runs[i];
		size_t last = (size_t)(run->highest >> BLOCK_BITS);

		for (size_t b = 0; b <= last; b++)
			free(run->blocks[b]);
		free(run);
	}
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

static int find_run(const struct ledger *l, uint64_t id)
{
	int count = atomic_load_explicit(&l->run_count, memory_order_acquire);

	for (int i = count - 1; i >= 0; i--)
		if (l->runs[i]->id == id)
			return i;
	return -1;
}

static int add_run(struct ledger *l, uint64_t id)
{
	int at;

	pthread_mutex_lock(&l->mutex);
	at = find_run(l, id);
	if (at < 0 && l->run_count < LEDGER_RUNS_MAX) {
		struct run *run = calloc(1, sizeof(*run));

		if (run) {
			at = l->run_count;
			run->id = id;
			l->runs[at] = run;
			atomic_store_explicit(&l->run_count, at + 1, memory_order_release);
		}
	}
	pthread_mutex_unlock(&l->mutex);
	return at;
}

static struct block *add_block(struct ledger *l, struct run *run, size_t at)
{
	struct block *block;

	pthread_mutex_lock(&l->mutex);
	block = atomic_load_explicit(&run->blocks[at], memory_order_acquire);
	if (!block) {
		block = calloc(1, sizeof(*block));
		atomic_store_explicit(&run->blocks[at], block, memory_order_release);
	}
	pthread_mutex_unlock(&l->mutex);
	return block;
}

static void raise_to(_Atomic uint64_t *highest, uint64_t value)
{
	uint64_t old = atomic_load_explicit(highest, memory_order_relaxed);

	while (old < value &&
	       !atomic_compare_exchange_weak_explicit(highest, &old, value, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

enum ledger_entry ledger_enter(struct ledger *l, const struct mark *m, int *ret_run)
{
	int at = find_run(l, m->run);
	size_t block_idx = (size_t)(m->seq >> BLOCK_BITS);
	uint64_t bit = UINT64_C(1) << (m->seq & 63);
	struct run *run;
	struct block *block;
	uint64_t before;

	if (m->seq >= LEDGER_SEQ_MAX)
		return LEDGER_BEYOND;
	if (at < 0)
		at = add_run(l, m->run);
	if (at < 0)
		return LEDGER_BEYOND;
	run = l->runs[at];
	block = atomic_load_explicit(&run->blocks[block_idx], memory_order_acquire);
	if (!block)
		block = add_block(l, run, block_idx);
	if (!block)
		return LEDGER_BEYOND;
	raise_to(&run->highest, m->seq);
	before = atomic_fetch_or_explicit(&block->words[(m->seq >> 6) & (BLOCK_WORDS - 1)], bit,
					  memory_order_relaxed);
	atomic_fetch_add_explicit(before & bit ? &run->duplicated : &run->received, 1,
				  memory_order_relaxed);
	*ret_run = at;
	return before & bit ? LEDGER_AGAIN : LEDGER_NEW;
}

int ledger_run_count(const struct ledger *l)
{
	return atomic_load_explicit(&l->run_count, memory_order_acquire);
}

struct ledger_run ledger_run_at(const struct ledger *l, int run)
{
	const struct run *r = l->runs[run];

	return (struct ledger_run){
		.id = r->id,
		.received = atomic_load_explicit(&r->received, memory_order_relaxed),
		.duplicated = atomic_load_explicit(&r->duplicated, memory_order_relaxed),
		.highest = atomic_load_explicit(&r->highest, memory_order_relaxed),
	};
}
