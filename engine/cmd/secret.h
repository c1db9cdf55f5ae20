/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secret.h - passwords: where they are read from, and how they are kept out of sight
 */
#ifndef VOLLEY_CMD_SECRET_H
#define VOLLEY_CMD_SECRET_H
#include <stddef.h>
#include "base/err.h"

#define SECRET_MAX	   8192 /* octets; a bearer token may be long */
#define SECRET_ENVIRONMENT "VOLLEY_AUTH_PASSWORD"

/*
 * Reads a password: from path when not NULL (its first line, without the line end), else from the
 * environment, whose copy is then wiped. out is "" when there is none. EXIT_USAGE on failure.
 */
int cmd_secret_read(const char *path, char *out, size_t out_size, struct err *e);

/* The command line as it may be shown, after secrets were overwritten in argv. Owned by the caller.
 */
char *cmd_line_text(const char *command, int argc, char *const *argv);

/* No core file, and no other process of this user may read this one's memory (prctl(2)). */
void cmd_hide_memory(void);

#endif
