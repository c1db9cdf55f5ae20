/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.h - finds, loads and holds profiles
 *
 * A name is looked for as NAME.yaml in each folder of the search path in order: --profile-dir,
 * $XDG_CONFIG_HOME/volley/profiles (~/.config without that variable), the installed data folder
 * (while volley runs from its build folder: profiles/ of the source tree). A name with a slash or
 * ending in ".yaml" is a path. `extends:` is followed, through the same search, as merge.h says;
 * a cycle is an error. "base" is what a profile extends that names nothing else.
 *
 * Loading happens on the main thread, before a run; profiles are immutable afterwards.
 */
#ifndef VOLLEY_PROFILE_STORE_H
#define VOLLEY_PROFILE_STORE_H
#include <stddef.h>
#include "base/err.h"
#include "profile/profile.h"

#define PROFILE_FOLDERS_MAX 8

struct profile_store;

/* The folders are copied. NULL: memory exhausted. */
struct profile_store *profile_store_new(const char *const *folders, int folder_count);
void profile_store_free(struct profile_store *s);

/*
 * Loads (or returns the one loaded before), checks and lints. NULL with *e set: EXIT_USAGE and
 * "FILE:LINE: KEY: what is wrong, what is expected". Valid until the store is freed.
 */
const struct profile *profile_store_load(struct profile_store *s, const char *name, struct err *e);

/*
 * The names of all profiles in the search path, sorted, each once; "base" is not one of them.
 * The array and its strings are the store's, valid until the next call.
 */
const char *const *profile_store_names(struct profile_store *s, size_t *ret_count, struct err *e);

/* The file that a name stands for; NULL with *e set, which names near ones. */
const char *profile_store_path(struct profile_store *s, const char *name, struct err *e);

#endif
