/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * folders.h - --profile-dir, the same for each command that has it
 *
 * A folder that cannot be read is a slip, and said at once, also where no profile is asked for in
 * the end.
 */
#ifndef VOLLEY_CMD_FOLDERS_H
#define VOLLEY_CMD_FOLDERS_H
#include "base/err.h"
#include "profile/store.h"

struct cmd_folders {
	const char *paths[PROFILE_FOLDERS_MAX]; /* argv's */
	int count;
};

/* Adds a folder. -1 with EXIT_USAGE and a sentence that names --profile-dir. */
int cmd_folders_take(struct cmd_folders *f, const char *value, struct err *e);

/* A store that looks there first. NULL with *e: memory is exhausted. */
struct profile_store *cmd_folders_store(const struct cmd_folders *f, struct err *e);

#endif
