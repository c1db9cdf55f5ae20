/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * output.h - where results go, looked at before the run
 *
 * A result that cannot be written is found out at once, not after an hour.
 */
#ifndef VOLLEY_CMD_OUTPUT_H
#define VOLLEY_CMD_OUTPUT_H
#include "base/err.h"

/* Checks that a file can be made at path; NULL and "-" are fine. EXIT_USAGE names --option. */
int cmd_check_output(const char *option, const char *path, struct err *e);

#endif
