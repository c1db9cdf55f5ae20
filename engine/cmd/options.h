/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h - command-line options from a table that also prints the help
 *
 * GNU style: long and short names, options and operands in any order, "--" ends the options. What
 * an option means is its command's business; this module knows names, arguments and help alone.
 * Main thread only.
 */
#ifndef VOLLEY_CMD_OPTIONS_H
#define VOLLEY_CMD_OPTIONS_H
#include <stdbool.h>
#include <stdio.h>
#include "base/err.h"

/* One option; a row with name NULL is a heading, the last row has neither name nor help. */
struct cmd_option {
	const char *name;     /* "sessions" for --sessions */
	char letter;	      /* 's' for -s; 0: none */
	const char *argument; /* "N"; NULL: a flag */
	const char *help;     /* one or more sentences; the heading's text when name is NULL */
};

struct cmd_take {
	/* Called for each option in order; value is NULL for a flag. -1 with *e set to refuse. */
	int (*take)(struct cmd_take *self, const char *name, const char *value, struct err *e);
};

/*
 * Parses; operands are moved to the end of argv, *ret_operand is the first one's index. -1 with
 * EXIT_USAGE and a sentence that names the option, and a near one where it is misspelt.
 */
int cmd_options_parse(const struct cmd_option *table, int argc, char **argv, struct cmd_take *take,
		      int *ret_operand, struct err *e);

/* Prints the table, wrapped to 80 columns. */
void cmd_options_help(const struct cmd_option *table, FILE *out);

#endif
