/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * window.h - how much was taken of a limit, for each kind of window
 *
 * A counter answers when an amount fits, takes it, and gives it back. limits.h puts them behind
 * one face, with a lock and a key; here they are pure, for one owner at a time. Times are
 * monotonic ns. What belongs to several threads is stamped by several clocks' readings: a stamp
 * that is older than one already seen never opens a window that has been left.
 *
 * In each X_when(): amount > 0; the result is at most now_ns when it fits now, else the earliest
 * time at which it would if nobody else took anything. X_take() follows an X_when() that fit, with
 * the same arguments. X_give_back() returns what was taken at taken_ns (the now_ns of its take).
 * An amount that could never fit is let through when the window is as empty as it can be.
 */
#ifndef VOLLEY_PACE_WINDOW_H
#define VOLLEY_PACE_WINDOW_H
#include <stdint.h>

/* --- fixed: a counter that starts anew at each multiple of the period ------------------------ */

struct window_fixed {
	int64_t period_ns;
	int64_t origin_ns; /* when one of the windows begins */
	int64_t index;	   /* of the window counted */
	uint64_t used;
};

void window_fixed_init(struct window_fixed *w, int64_t period_ns, int64_t origin_ns);
int64_t window_fixed_when(const struct window_fixed *w, uint64_t limit, uint64_t amount,
			  int64_t now_ns);
void window_fixed_take(struct window_fixed *w, uint64_t amount, int64_t now_ns);
void window_fixed_give_back(struct window_fixed *w, uint64_t amount, int64_t taken_ns);
uint64_t window_fixed_used(const struct window_fixed *w, int64_t now_ns);

/* --- rolling: what was counted is free again a period later ---------------------------------- */

/*
 * The period is cut into so many slots, and what stands in a slot is counted until the slot's end
 * is a whole period ago: at most a 64th of a period too long, and never too short.
 */
#define WINDOW_SLOTS 64

struct window_rolling {
	int64_t slot_ns;
	int64_t head; /* number of the newest slot */
	uint64_t total;
	uint64_t slots[WINDOW_SLOTS + 1]; /* by number modulo their count */
};

void window_rolling_init(struct window_rolling *w, int64_t period_ns);
int64_t window_rolling_when(const struct window_rolling *w, uint64_t limit, uint64_t amount,
			    int64_t now_ns);
void window_rolling_take(struct window_rolling *w, uint64_t amount, int64_t now_ns);
void window_rolling_give_back(struct window_rolling *w, uint64_t amount, int64_t taken_ns);
uint64_t window_rolling_used(const struct window_rolling *w, int64_t now_ns);

/* --- smooth and debt: all of it in one time -------------------------------------------------- */

enum window_flow_kind {
	/*
	 * No window of the period holds more than the limit, whatever the amounts: an amount above
	 * the burst waits until the flow has rested for the difference.
	 */
	WINDOW_STRICT,
	/*
	 * An amount above the burst goes as soon as what went before is worked off: the mean rate
	 * is kept, and a rolling window beside it has to see to the limit. Resting before each
	 * large amount would cost half of the rate.
	 */
	WINDOW_PACED,
	/* Passed while one is left in the account, and may overdraw it. The burst is the limit. */
	WINDOW_DEBT,
};

/*
 * A time in units of 2^-32 ns. With whole nanoseconds fast rates would lose several per cent by
 * rounding, and amounts would cost another time together than one by one.
 */
__extension__ typedef __int128 window_time;

/*
 * The generic cell rate algorithm (ITU-T I.371) for amounts: next is when all that was taken is
 * worked off at a steady rate. With N a period and a burst of B the rate is N - B + 1 a period:
 * after a burst, and after a rest before it, takes whose amounts are more than N together are a
 * period apart.
 */
struct window_flow {
	window_time next;
	window_time each;	     /* of an amount of 1 */
	window_time tolerance;	     /* how far next may be ahead of now: burst - 1 */
	uint64_t limit, burst, rate; /* so many a period, at once, worked off a period */
	uint64_t burst_given;	     /* 0: as the limit implies */
	int64_t period_ns;
	enum window_flow_kind kind;

	/*
	 * For giving back. A take at a, when next was n, had n - a of slack: had less been taken
	 * before, next could have been so much less without passing a. So no more than the least
	 * slack since may be given back, but for the last take, which is undone.
	 */
	int64_t latest_ns; /* newest stamp of a take */
	struct {
		int64_t after_ns;  /* takes with later stamps are counted here, or in the newer */
		window_time slack; /* the least */
	} stretch[2];		   /* newest first */
	int64_t last_ns;	   /* the last take; TIME_NEVER: none to undo */
	window_time last_before;
	uint64_t last_amount;

	/* For reports alone. */
	int64_t tally_from_ns;
	uint64_t tally, tally_before; /* taken in this period, and in the one before */
};

/* burst 0: 2 % of the limit; at least 1, at most the limit. WINDOW_DEBT: not used. */
void window_flow_init(struct window_flow *w, enum window_flow_kind kind, uint64_t limit,
		      uint64_t burst, int64_t period_ns, int64_t now_ns);

/* Another limit from now on; what is not worked off is worked off at the new rate. */
void window_flow_set(struct window_flow *w, uint64_t limit, int64_t now_ns);

int64_t window_flow_when(const struct window_flow *w, uint64_t amount, int64_t now_ns);
void window_flow_take(struct window_flow *w, uint64_t amount, int64_t now_ns);
void window_flow_give_back(struct window_flow *w, uint64_t amount, int64_t taken_ns);

/* DEBT: how much of the account is gone. Else an estimate of what the last period holds. */
uint64_t window_flow_used(const struct window_flow *w, int64_t now_ns);

#endif
