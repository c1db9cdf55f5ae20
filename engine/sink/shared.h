/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shared.h - what all threads of a sink share
 *
 * Prepared texts and accounts, which are immutable; and the few things that belong to the process
 * whichever thread serves a client: how many sessions are open, which messages have arrived, what
 * goes to disk.
 */
#ifndef VOLLEY_SINK_SHARED_H
#define VOLLEY_SINK_SHARED_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "sink/accounts.h"
#include "sink/imposer.h"
#include "sink/ledger.h"
#include "sink/plan.h"
#include "sink/store.h"
#include "smtp/server.h"

struct sink_shared {
	const struct sink_plan *plan;
	struct clock *clock;
	struct smtp_server_texts *texts; /* one for each listener; owned */
	struct accounts accounts;
	struct ledger *ledger;		/* NULL: ids are not traced */
	struct imposer *imposer;	/* NULL: no profile is imposed */
	struct store *store;		/* NULL: nothing is stored */
	struct store_stats store_stats; /* once the store was stopped */
	int64_t started_ns, started_wall_ns;
	uint64_t session_max;	     /* may be lowered before the first worker is made */
	_Atomic uint64_t open, peak; /* sessions */
};

/* The plan and the clock are lent until sink_shared_fini(). -1 with *e set. */
__attribute__((warn_unused_result)) int sink_shared_init(struct sink_shared *s,
							 const struct sink_plan *plan,
							 struct clock *clock, struct err *e);

/* Lets the store and the log of decisions finish; the rest stays, for the status. All workers must
 * be gone. */
void sink_shared_stop_store(struct sink_shared *s);
void sink_shared_fini(struct sink_shared *s);

#endif
