/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve.h - runs a sink: threads, start, stop, and what came of it
 *
 * For `volley sink`, and for a bench without a target, which starts one inside its own process.
 * Threads are made and joined here; what a thread works with (a ring, TLS contexts) is made on it
 * by the functions of sink_world, so that sink/ knows neither.
 */
#ifndef VOLLEY_SINK_SERVE_H
#define VOLLEY_SINK_SERVE_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/err.h"
#include "net/secure.h"
#include "net/transport.h"
#include "result/sink_status.h"
#include "sink/plan.h"

/* Called on each thread of the sink, several at once; what they return is freed by the sink. */
struct sink_world {
	/* link_max: how many connections this thread has to hold. NULL with *e set. */
	struct transport *(*transport_new)(const struct sink_world *self, size_t link_max,
					   struct err *e);
	/* TLS contexts as server; the function is NULL where no listener needs any. */
	struct secure *(*secure_new)(const struct sink_world *self, struct err *e);
	struct clock *clock;
	/* Connections one thread can hold at most; threads are added where it takes more. 0: any */
	size_t link_capacity;
};

struct sink;

/*
 * Starts listening and returns once all listeners are ready. Plan and world are lent until
 * sink_stop(). NULL with *e set: an address is taken, a ring can't be had ...
 */
struct sink *sink_start(const struct sink_plan *plan, const struct sink_world *world,
			struct err *e);

/* Where listener i of the plan really listens: with the port that was found for port 0. */
struct sink_listener sink_listener_at(const struct sink *s, int i);

int sink_thread_count(const struct sink *s);

/* False once a thread had to give up; sink_stop() says why. Any thread. */
bool sink_is_well(const struct sink *s);

/*
 * Stops: no more connections, 421 to those at rest, a second for those within a message, then
 * resets. Fills in *ret_status (owned by the caller: sink_status_fini()) but for host and
 * resources. Frees the sink in any case. -1 with *e set when a thread had failed, or memory for
 * the status is exhausted.
 */
int sink_stop(struct sink *s, struct sink_status *ret_status, struct err *e);

#endif
