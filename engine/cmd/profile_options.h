/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile_options.h - the options of volley profile
 */
#ifndef VOLLEY_CMD_PROFILE_OPTIONS_H
#define VOLLEY_CMD_PROFILE_OPTIONS_H
#include <stdbool.h>
#include "cmd/folders.h"
#include "cmd/options.h"

enum profile_task { PROFILE_LIST, PROFILE_SHOW, PROFILE_CHECK, PROFILE_DIFF };

struct profile_options {
	struct cmd_take take; /* first: the callback finds the struct by it */
	enum profile_task task;
	struct cmd_folders folders;
	bool wants_json, wants_all, wants_help;
	char **names; /* of profiles, or their files */
	int name_count;
};

/* What can be done, for the help: "list" and a sentence. The last row has no name. */
struct profile_verb {
	const char *name, *operands, *about;
};

extern const struct profile_verb profile_verbs[];
extern const struct cmd_option profile_option_table[];

/*
 * argv[0] is "profile". Values point into argv. -1 with EXIT_USAGE and a sentence; the operands are
 * as many as the task takes.
 */
int profile_options_parse(int argc, char **argv, struct profile_options *ret_options,
			  struct err *e);

#endif
