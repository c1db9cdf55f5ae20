/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_plan.h - from options to a plan: names resolved, guard rails passed, bounds checked
 */
#ifndef VOLLEY_CMD_BENCH_PLAN_H
#define VOLLEY_CMD_BENCH_PLAN_H
#include "cmd/bench_options.h"
#include "cmd/bench_pace.h"
#include "sender/record.h"

/* What stands behind the plan's pointers; one for the process, zeroed. */
struct bench_plan {
	struct sender_plan plan;
	struct mail_plan *mail;
	struct bench_pace pace;
	struct record lookups; /* DNS times and failures */
	char password[PLAN_TARGETS_MAX][1024];
	char shared_password[8192];
	char helo_name[256];
	bool use_tls;
};

/*
 * Makes the plan. -1 with *e: EXIT_USAGE for what is asked wrongly, EXIT_UNREACHABLE for a target
 * whose name leads nowhere, EXIT_FAILED for the machine's faults.
 */
int bench_plan_make(struct bench_plan *b, struct bench_options *o, struct err *e);
void bench_plan_fini(struct bench_plan *b);

#endif
