/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scratch.h - a folder of its own for a test's files, removed at the end
 */
#ifndef VOLLEY_TESTS_MAIL_SCRATCH_H
#define VOLLEY_TESTS_MAIL_SCRATCH_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_folder[64];
static char scratch_paths[64][256];
static int scratch_count;

static inline int scratch_setup(void **state)
{
	(void)state;
	snprintf(scratch_folder, sizeof(scratch_folder), "/tmp/volley-mail-XXXXXX");
	return mkdtemp(scratch_folder) ? 0 : -1;
}

/* Writes a file and returns its path, which stays valid. */
static inline const char *scratch_write(const char *name, const void *data, size_t len)
{
	char *path = scratch_paths[scratch_count++];
	FILE *file;

	snprintf(path, sizeof(scratch_paths[0]), "%s/%s", scratch_folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0)
		abort();
	return path;
}

static inline const char *scratch_text(const char *name, const char *text)
{
	return scratch_write(name, text, strlen(text));
}

static inline int scratch_teardown(void **state)
{
	(void)state;
	for (int i = 0; i < scratch_count; i++)
		unlink(scratch_paths[i]);
	scratch_count = 0;
	return rmdir(scratch_folder);
}

#endif
