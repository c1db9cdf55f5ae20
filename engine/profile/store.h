/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.h - finds, loads and holds profiles
 *
 * A name is looked for as NAME.yaml in each folder of the search path in order: --profile-dir,
 * $XDG_CONFIG_HOME/volley/profiles (~/.config without that variable), the installed data folder
 * (while volley runs from its build folder: profiles/ of the source tree). A name with a slash or
 * ending in ".yaml" is a path. `extends:` is followed, through the same search, as merge.h says;
 * a cycle is an error. "base" is what a profile extends that names nothing else, and "none" is
 * nothing. A path there is relative to the file that says it, and a profile that extends its own
 * name means the next one of that name further along the search path.
 *
 * Only what is asked for is read: loading one profile opens its file and those that it extends.
 *
 * Loading happens on the main thread, before a run; profiles are immutable afterwards.
 */
#ifndef VOLLEY_PROFILE_STORE_H
#define VOLLEY_PROFILE_STORE_H
#include <stddef.h>
#include "base/err.h"
#include "profile/profile.h"

#define PROFILE_FOLDERS_MAX 8
#define PROFILE_CHAIN_MAX   16 /* profiles that extend each other */

struct faults;
struct profile_store;
struct tree_node;

/* The folders are copied; at most PROFILE_FOLDERS_MAX count. NULL: memory exhausted. */
struct profile_store *profile_store_new(const char *const *folders, int folder_count);
void profile_store_free(struct profile_store *s);

/*
 * Loads (or returns the one loaded before), checks and lints. NULL with *e set: EXIT_USAGE and
 * "FILE:LINE: KEY: what is wrong, what is expected". Valid until the store is freed.
 */
const struct profile *profile_store_load(struct profile_store *s, const char *name, struct err *e);

/*
 * The names of all profiles in the search path, sorted, each once; "base" is not one of them.
 * The array and its strings are the store's, valid until the next call. No file is opened.
 */
const char *const *profile_store_names(struct profile_store *s, size_t *ret_count, struct err *e);

/* The file that a name stands for, valid until the next call; NULL with *e set, which names near
 * ones. */
const char *profile_store_path(struct profile_store *s, const char *name, struct err *e);

/*
 * The merged document of a profile (tree.h), not checked beyond its form: for showing and
 * comparing. Valid until the store is freed.
 */
const struct tree_node *profile_store_document(struct profile_store *s, const char *name,
					       struct err *e);

/* Checks one profile and what it extends, adds all that is wrong, and keeps nothing of it, so
 * that any number can be checked in turn. */
void profile_store_check(struct profile_store *s, const char *name, struct faults *f);

#define PROFILE_TITLE_MAX 128

/* What a list of profiles shows. */
struct profile_summary {
	char title[PROFILE_TITLE_MAX]; /* cut where it is longer */
	bool is_destination;	       /* has MX patterns or domains */
	bool is_submission;	       /* has servers to submit to; neither: it is for tests */
	size_t limits, rules;	       /* of the merged document, with what is inherited */
};

/* Reads what it extends once and keeps nothing else. -1 with *e set. */
int profile_store_summary(struct profile_store *s, const char *name,
			  struct profile_summary *ret_summary, struct err *e);

#endif
