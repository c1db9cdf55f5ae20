/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.c - the end of a program that found itself wrong
 *
 * Formats without the heap: the process may be in any state here.
 */
#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *expression, const char *file, int line)
{
	dprintf(STDERR_FILENO, "volley: internal error: \"%s\" does not hold (%s:%d)\n", expression,
		file, line);
	abort();
}
