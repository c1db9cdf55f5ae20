/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_pace.h - the profiles that a bench obeys, and what its replies are called
 */
#ifndef VOLLEY_CMD_BENCH_PACE_H
#define VOLLEY_CMD_BENCH_PACE_H
#include <stdio.h>
#include "cmd/bench_options.h"
#include "profile/store.h"
#include "result/run.h"

/* A profile in use, with its rules compiled; the same for all targets that it is bound to. */
struct bench_profile {
	const struct profile *profile;
	struct rules *rules;
};

struct bench_pace {
	struct profile_store *store;
	struct bench_profile base; /* NULL while it was not needed */
	struct bench_profile used[PLAN_TARGETS_MAX];
	int used_count;
};

/*
 * Loads the profiles that the options name and binds them to the plan's targets, whose hosts are
 * those of the options. -1 with *e: a profile that is wrong, or a scale too large for a limit.
 */
int bench_pace_load(struct bench_pace *b, const struct bench_options *o, struct sender_plan *p,
		    struct err *e);

/* Names the site of a target once its name is resolved. mx_count 0: it was not looked up as MX. */
void bench_pace_site(struct plan_target *t, const char *host, const struct span *mx, int mx_count);

/* -1 with *e when the messages of this run break a limit of a profile in any case. */
int bench_pace_check(const struct sender_plan *p, struct err *e);

/*
 * Says in the document what each reply is called: by the profile where all targets have the same
 * one, else by the base profile. Loads that where it was not needed before; where it cannot be
 * found, the replies stay without a class.
 */
void bench_pace_classify(struct bench_pace *b, const struct bench_options *o,
			 const struct sender_plan *p, struct run_document *d);

/* The limits that are obeyed, for --dry-run. */
void bench_pace_print(const struct sender_plan *p, FILE *out);

void bench_pace_fini(struct bench_pace *b);

#endif
