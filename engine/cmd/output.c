/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * output.c - where results go, looked at before the run
 *
 * Nothing is created: a run that is refused for another reason leaves no empty file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/output.h"

int cmd_check_output(const char *option, const char *path, struct err *e)
{
	char folder[4096];
	struct stat status;
	const char *slash;

	if (path == NULL || strcmp(path, "-") == 0)
		return 0;
	if (*path == '\0' || (stat(path, &status) == 0 && S_ISDIR(status.st_mode)))
		return err_set(e, EXIT_USAGE, EISDIR,
			       "--%s: \"%s\" is a folder or nothing: give the "
			       "name of a file",
			       option, path);
	slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
		 slash != NULL ? path : ".");
	if (access(folder, W_OK) != 0)
		return err_set(e, EXIT_USAGE, errno, "--%s: cannot write into the folder of %s: %s",
			       option, path, strerror(errno));
	return 0;
}
