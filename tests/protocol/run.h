/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.h - plays a dialogue against the SMTP client
 */
#ifndef VOLLEY_TESTS_PROTOCOL_RUN_H
#define VOLLEY_TESTS_PROTOCOL_RUN_H
#include <stdbool.h>
#include <stddef.h>
#include "script.h"

#define RUN_WHOLE    ((size_t)-1) /* what the server sends in a row comes as a whole */
#define RUN_BY_OCTET ((size_t)0)  /* it comes octet by octet */

/*
 * cut: RUN_WHOLE, RUN_BY_OCTET, or the number of octets, of all that the server sends, before
 * which the stream is cut once. Prints the first difference and returns false.
 */
bool run_script(const struct script *s, const char *path, size_t cut);

/* Frees what the runs shared. */
void run_end(void);

#endif
