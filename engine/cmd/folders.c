/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * folders.c - --profile-dir, the same for each command that has it
 */
#include "cmd/folders.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>

int cmd_folders_take(struct cmd_folders *f, const char *value, struct err *e)
{
	DIR *folder;

	if (f->count == PROFILE_FOLDERS_MAX)
		return err_set(e, EXIT_USAGE, 0, "--profile-dir: at most %d folders can be given",
			       PROFILE_FOLDERS_MAX);
	if (value[0] == '\0')
		return err_set(e, EXIT_USAGE, 0, "--profile-dir: give the name of a folder");
	folder = opendir(value);
	if (folder == NULL)
		return err_set(e, EXIT_USAGE, errno, "--profile-dir: %s cannot be read: %s", value,
			       strerror(errno));
	closedir(folder);
	f->paths[f->count++] = value;
	return 0;
}

struct profile_store *cmd_folders_store(const struct cmd_folders *f, struct err *e)
{
	struct profile_store *store = profile_store_new(f->paths, f->count);

	if (store == NULL)
		(void)err_set(e, EXIT_FAILED, 0, "no memory for profiles");
	return store;
}
