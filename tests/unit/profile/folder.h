/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * folder.h - a temporary folder of profiles for tests
 *
 * It comes with a small base.yaml, and XDG_CONFIG_HOME leads into it, so that nothing of the
 * person who runs the test is found.
 */
#ifndef VOLLEY_TESTS_PROFILE_FOLDER_H
#define VOLLEY_TESTS_PROFILE_FOLDER_H
#include "profile/store.h"

struct folder {
	char path[64];
	struct profile_store *store;
};

/* Fails the test when it cannot be made. */
void folder_open(struct folder *f);

/* Removes it with all that is in it, and frees the store. */
void folder_close(struct folder *f);

/* Writes PATH/NAME; a name may lead into subfolders, which are made. */
void folder_write(const struct folder *f, const char *name, const char *text);

/* The store anew, so that files are read again. */
void folder_renew(struct folder *f);

/* Loads a profile that has to be good. */
const struct profile *folder_load(struct folder *f, const char *name);

/* Loads a profile that is wrong: the error has to begin with "FOLDER/PLACE: " and hold said. */
void folder_refuse(struct folder *f, const char *name, const char *place, const char *said);

/* Writes text as NAME.yaml, then as folder_refuse() does, with "NAME.yaml:LINE" as the place. */
void folder_refuse_text(struct folder *f, const char *text, int line, const char *said);

#endif
