/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * search.h - the folders in which profiles are looked for, and the files that names stand for
 *
 * The order of the folders is store.h's. Main thread only.
 */
#ifndef VOLLEY_PROFILE_SEARCH_H
#define VOLLEY_PROFILE_SEARCH_H
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "profile/arena.h"
#include "profile/profile.h"
#include "profile/store.h"

#define SEARCH_FOLDERS_MAX (PROFILE_FOLDERS_MAX + 2)

struct search {
	struct arena arena;
	const char *folders[SEARCH_FOLDERS_MAX];
	int folder_count;
	int given_count; /* the first ones: somebody named them, so they have to be there */
	bool is_checked; /* they are */
	struct arena names_arena;
	char path[PATH_MAX]; /* of the last search */
};

/* A file that was found. */
struct search_place {
	const char *path; /* valid until the next search */
	int folder;	  /* in which folder; -1: the path was given */
	char name[PROFILE_NAME_MAX];
};

/* -1: memory exhausted. search_fini() in any case. */
int search_init(struct search *s, const char *const *folders, int folder_count);
void search_fini(struct search *s);

/* True for what is a path and no name: with a slash, or ending in ".yaml". */
bool search_is_path(const char *word);

/* The file of a name or path. -1 with EXIT_USAGE and a sentence that names near ones. */
int search_name(struct search *s, const char *name, struct search_place *ret_place, struct err *e);

/* The file that the one at child means by extends: word. */
int search_parent(struct search *s, const struct search_place *child, const char *word,
		  struct search_place *ret_place, struct err *e);

/* As profile_store_names(). */
const char *const *search_names(struct search *s, size_t *ret_count, struct err *e);

#endif
