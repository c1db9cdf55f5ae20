/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_out.c - a JSON document on its way out
 */
#include "result/json_out.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_value(const json_t *root, FILE *out, struct err *e)
{
	if (!root)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory to write the result as JSON");
	errno = 0;
	if (json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) < 0 ||
	    fputc('\n', out) == EOF || fflush(out) == EOF)
		return err_set(e, EXIT_FAILED, errno, "cannot write the result as JSON: %s",
			       errno ? strerror(errno) : "the output failed");
	return 0;
}

static int write_file(const json_t *root, const char *path, struct err *e)
{
	FILE *out = fopen(path, "we");
	int status;

	if (!out)
		return err_set(e, EXIT_FAILED, errno, "cannot write %s: %s", path, strerror(errno));
	status = write_value(root, out, e);
	if (fclose(out) == EOF && status == 0)
		status = err_set(e, EXIT_FAILED, errno, "cannot write %s: %s", path,
				 strerror(errno));
	return status;
}

/* Beside its place first, then renamed. */
static int replace_file(const json_t *root, const char *path, struct err *e)
{
	char real[PATH_MAX], part[PATH_MAX + 8];

	/* A symbolic link is followed, not replaced. */
	if (realpath(path, real))
		path = real;
	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return err_set(e, EXIT_USAGE, ENAMETOOLONG, "the path %s is too long", path);
	if (write_file(root, part, e) < 0) {
		unlink(part);
		return -1;
	}
	if (rename(part, path) < 0) {
		err_set(e, EXIT_FAILED, errno, "cannot write %s: %s", path, strerror(errno));
		unlink(part);
		return -1;
	}
	return 0;
}

int json_out_write(json_t *root, FILE *out, struct err *e)
{
	int status = write_value(root, out, e);

	json_decref(root);
	return status;
}

int json_out_save(json_t *root, const char *path, struct err *e)
{
	struct stat st;
	int status;

	if (strcmp(path, "-") == 0)
		status = write_value(root, stdout, e);
	else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		status = write_file(root, path, e);
	else
		status = replace_file(root, path, e);
	json_decref(root);
	return status;
}
