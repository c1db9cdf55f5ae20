/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.h - a run from its plan to its document: start, drain, stop
 *
 * Starts a thread per worker and is the control thread itself: once a second it takes what the
 * workers have recorded, writes the histogram log and the series, and tells the observer. It
 * returns when all sessions have ended. Interrupts come as a counter that a signal handler raises:
 * once drains and reports, twice stops now.
 */
#ifndef VOLLEY_SENDER_RUN_H
#define VOLLEY_SENDER_RUN_H
#include <signal.h>
#include <stdbool.h>
#include "net/secure.h"
#include "net/transport.h"
#include "result/run.h"
#include "sender/plan.h"
#include "sender/record.h"

/* Makes what a worker needs; called in the worker's own thread. */
struct run_world {
	struct transport *(*transport_new)(struct run_world *self, size_t links, struct err *e);
	/* *ret_secure NULL is right where no target uses TLS. */
	int (*secure_new)(struct run_world *self, struct secure **ret_secure, struct err *e);
	struct clock *clock;
};

enum run_stage { RUN_OPENING, RUN_HOLDING, RUN_WARMING_UP, RUN_MEASURING, RUN_DRAINING };

/* A second of the run, for the live view. Borrowed for the call. */
struct run_second_view {
	enum run_stage stage;
	double elapsed_s, left_s; /* left_s < 0: not known */
	uint32_t connecting, securing, idle, sending, closing, wanted;
	double offered;	     /* messages a second that the schedule asks for now; 0: closed */
	const char *held_by; /* the limit that holds messages back, "hourly"; NULL: none does */
	double interval_s;
	const struct record *interval; /* what was recorded since the last call */
	const struct record *before;   /* all that was recorded before that */
};

struct run_observer {
	void (*on_second)(struct run_observer *self, const struct run_second_view *view);
};

struct run_options {
	const struct sender_plan *plan;
	struct run_world *world;
	struct run_observer *observer;	      /* NULL: none */
	volatile sig_atomic_t *interrupts;    /* raised by a signal handler */
	volatile sig_atomic_t *signal_number; /* the last one that was caught */
	const char *log_path;		      /* NULL: no --log */
	bool log_failures_only;
	const char *hlog_path;	      /* NULL: no --hlog */
	const struct record *lookups; /* DNS, recorded before the run; NULL: none */
};

/*
 * Runs. d must be initialised; config, host and command in it are the caller's to fill in. -1
 * with *e set when the run could not be started or a worker's ring became unusable; otherwise
 * d->status says how it went and 0 is returned.
 */
int run_carry_out(const struct run_options *o, struct run_document *d, struct err *e);

#endif
