/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scenario.h - one script of events, run over each transport
 */
#ifndef VOLLEY_TESTS_SIM_SCENARIO_H
#define VOLLEY_TESTS_SIM_SCENARIO_H
#include "world.h"

struct scenario {
	const char *name;
	void (*run)(struct world *w);
	struct world_options options;
};

/* Each list ends with a scenario without a name. */
extern const struct scenario life_scenarios[]; /* opening, ends, deadlines */
extern const struct scenario accepting_scenarios[];
extern const struct scenario flow_scenarios[];	/* much data, pauses, what is lent */
extern const struct scenario chaos_scenarios[]; /* many links, seeded */

/* Steps until both have seen CLOSED, then some more: nothing may follow it. */
void run_to_the_end(struct world *w, struct peer *a, struct peer *b);

#endif
