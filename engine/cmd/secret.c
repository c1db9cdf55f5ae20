/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secret.c - passwords: where they are read from, and how they are kept out of sight
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include "base/buf.h"
#include "cmd/secret.h"

#define LINE_MAX_ ((size_t)64 << 10)

static int read_file(const char *path, char *out, size_t out_size, struct err *e)
{
	FILE *file = fopen(path, "re");
	size_t len;

	if (file == NULL)
		return err_set(e, EXIT_USAGE, errno, "--auth-password-file: cannot read %s: %s",
			       path, strerror(errno));
	len = fread(out, 1, out_size, file);
	fclose(file);
	if (len == out_size) {
		explicit_bzero(out, out_size);
		return err_set(e, EXIT_USAGE, 0,
			       "--auth-password-file: %s is over %zu octets: is it the right file?",
			       path, out_size - 1);
	}
	out[len] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	if (out[0] == '\0')
		return err_set(e, EXIT_USAGE, 0,
			       "--auth-password-file: the first line of %s is empty", path);
	return 0;
}

int cmd_secret_read(const char *path, char *out, size_t out_size, struct err *e)
{
	char *value;

	out[0] = '\0';
	if (path != NULL)
		return read_file(path, out, out_size, e);
	value = getenv(SECRET_ENVIRONMENT);
	if (value == NULL)
		return 0;
	if (strlen(value) >= out_size)
		return err_set(e, EXIT_USAGE, 0, "%s is over %zu octets", SECRET_ENVIRONMENT,
			       out_size - 1);
	memcpy(out, value, strlen(value) + 1);
	explicit_bzero(value, strlen(value));
	unsetenv(SECRET_ENVIRONMENT);
	return 0;
}

char *cmd_line_text(const char *command, int argc, char *const *argv)
{
	struct buf b;
	char *text;

	buf_init(&b, LINE_MAX_);
	buf_append_text(&b, "volley ");
	buf_append_text(&b, command);
	for (int i = 1; i < argc; i++) {
		bool is_plain =
			argv[i][0] != '\0' && strpbrk(argv[i], " \t\"'$\\<>&|;()*?%") == NULL;

		if (is_plain)
			buf_printf(&b, " %s", argv[i]);
		else
			buf_printf(&b, " '%s'", argv[i]);
	}
	buf_append(&b, "", 1);
	text = b.data != NULL ? strdup(b.data) : NULL;
	buf_fini(&b);
	return text;
}

void cmd_hide_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}
