/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_profiles.h - the options of volley sink about profiles
 *
 * --profile may stand before --profile-dir: what was asked for is noted first and loaded when all
 * options are read. Main thread only.
 */
#ifndef VOLLEY_CMD_SINK_PROFILES_H
#define VOLLEY_CMD_SINK_PROFILES_H
#include "base/err.h"
#include "cmd/folders.h"
#include "sink/plan.h"

struct sink_profiles {
	struct cmd_folders folders;
	struct {
		const char *option, *value;
	} wishes[SINK_IMPOSITIONS_MAX];
	int wish_count;
	struct profile_store *store; /* NULL: nothing was asked for */
	char *domains[SINK_IMPOSITIONS_MAX];
	int domain_count;
};

/* Takes --profile-dir, --profile, --profile-at. 1: the option is none of them. */
int sink_profiles_take(struct sink_profiles *s, const char *name, const char *value, struct err *e);

/* Loads what was asked for into the plan, which borrows it until sink_profiles_fini(). */
int sink_profiles_load(struct sink_profiles *s, struct sink_plan *plan, struct err *e);
void sink_profiles_fini(struct sink_profiles *s);

#endif
