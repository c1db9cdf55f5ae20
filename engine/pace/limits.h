/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits.h - the table of limits: one for the whole process, whatever thread asks
 *
 * A cell is one limit for one key: this source with this provider, that account. It is found once
 * (under a lock, by hash) and then kept by pointer: cells never move and live as long as the
 * table. Several are taken all or nothing, as one step: each has a lock of one word that is held
 * for some nanoseconds, so that a limit holds exactly over all threads and nothing of it is lost
 * between them. The sender keeps limits with it and the sink imposes them with it.
 *
 * Time is an argument, monotonic ns >= 0; threads may hand in readings that differ by what their
 * turns take. FIXED windows need to know where midnight is: wall_offset_ns. The counters
 * themselves, and what each of them guarantees, stand in window.h.
 */
#ifndef VOLLEY_PACE_LIMITS_H
#define VOLLEY_PACE_LIMITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "terms/limit.h"

/* How a limit is read: by the sender with headroom and smooth, by the sink as it stands. */
struct limits_reading {
	uint32_t headroom_millis; /* stay so far below, of a thousand; 0: not at all */
	uint32_t share_millis;	  /* of what is left, 1000: all of it (reputation) */
	uint32_t scale;		  /* windows pass so many times faster; 1: as written */
	bool is_smooth; /* FIXED, ROLLING and DEBT are kept as SMOOTH: who sends does not know
			   where the provider's windows begin, and SMOOTH passes none of them */
};

#define LIMITS_CELLS_MAX  1000000 /* in a table; 320 octets each, 864 where slots are counted */
#define LIMITS_CLAIMS_MAX 64	  /* in one take */

struct limits;
struct limit_cell;

/* wall_offset_ns: wall clock minus monotonic clock. NULL: memory exhausted. */
struct limits *limits_new(int64_t wall_offset_ns);

/* Frees all cells; nobody may use one any more. NULL is fine. */
void limits_free(struct limits *t);

/*
 * The cell of a limit for a key, made when it is new. id: which limit, unique in the process (the
 * profile's name and the limit's, hashed); key: whose, hashed. A cell that stands already is
 * returned as it is, whatever l and reading say: limits_set_amount() changes it.
 * The amount is amount x (1000 - headroom) / 1000 x share / 1000, rounded down, at least 1; the
 * period is divided by the scale. FIXED windows start at multiples of that from midnight UTC and
 * the limit's reset_ns.
 * Any thread. NULL: memory exhausted, or more than LIMITS_CELLS_MAX (limits_is_full() is true).
 */
struct limit_cell *limits_cell(struct limits *t, const struct limit *l,
			       const struct limits_reading *reading, uint64_t id, uint64_t key,
			       int64_t now_ns);

/* What a cell is about to be charged with. */
struct limits_claim {
	struct limit_cell *cell;
	uint64_t amount; /* 0 asks whether one more would fit, and takes nothing */
};

/*
 * Takes all claims or none; count is 0..LIMITS_CLAIMS_MAX, and a cell may stand in several claims.
 * False: *ret_when_ns is when it is worth asking again, the latest that any of the cells names
 * (TIME_NEVER: when something is given back), *ret_binding the index of that cell's claim. An
 * amount that could never fit is taken when the cell is idle (SMOOTH and DEBT then run into debt),
 * so that nothing waits for ever. Any thread.
 */
bool limits_take(const struct limits_claim *claims, int count, int64_t now_ns, int64_t *ret_when_ns,
		 int *ret_binding);

/*
 * Gives back: a connection closed (AT_ONCE), or what a reply showed not to have been counted.
 * taken_ns: the now_ns of the take, for what belongs to a window that is over is not given back
 * to another (AT_ONCE does without). SMOOTH and DEBT may give back less than the claim where more
 * would let a window be passed: after a rest, or what was taken long before. Any thread.
 */
void limits_give_back(const struct limits_claim *claims, int count, int64_t taken_ns);

/*
 * Changes the amount of a cell (a limit that moved, adaptive control) to this, at least 1, without
 * headroom and share. At once: no window that begins after it holds more than the new amount, and
 * what waits for a debt at the old rate waits as long as the new rate needs. Any thread.
 */
void limits_set_amount(struct limit_cell *c, uint64_t amount, int64_t now_ns);

/*
 * What a cell stands at, for reports and logs: of the current window, or open at once. SMOOTH of
 * messages and connections keeps no count of its window: used is an estimate.
 */
struct limits_state {
	uint64_t used, amount;
	int64_t period_ns; /* scaled */
	int64_t free_ns;   /* when one more fits; <= now: now; TIME_NEVER as in limits_take() */
};
struct limits_state limits_state(struct limit_cell *c, int64_t now_ns);

/* True once a cell was refused for want of room. */
bool limits_is_full(const struct limits *t);
size_t limits_count(const struct limits *t);

/*
 * EXIT_USAGE when a window of l becomes so short under scale that waking up is too coarse to keep
 * it (shorter than 100 times 130 us).
 */
int limits_check_scale(const struct limit *l, uint32_t scale, struct err *e);

#endif
