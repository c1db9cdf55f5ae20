/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock.h - the one source of time
 *
 * Nothing outside this module and sim/ reads the system's time. Monotonic nanoseconds order and
 * measure; wall seconds are for dates that people read. A real clock may be read by any thread;
 * a virtual one belongs to the simulator's single thread.
 */
#ifndef VOLLEY_BASE_CLOCK_H
#define VOLLEY_BASE_CLOCK_H
#include <stdint.h>

#define NS_PER_US  INT64_C(1000)
#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)
#define TIME_NEVER INT64_MAX

struct clock {
	int64_t (*now)(struct clock *self);	/* monotonic, ns */
	int64_t (*wall_ns)(struct clock *self); /* ns since 1970-01-01T00:00:00Z */
};

/* The system's CLOCK_MONOTONIC and CLOCK_REALTIME. Static; never freed. */
struct clock *clock_system(void);

static inline int64_t clock_now(struct clock *c)
{
	return c->now(c);
}

static inline int64_t clock_wall_ns(struct clock *c)
{
	return c->wall_ns(c);
}

#endif
