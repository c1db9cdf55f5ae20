/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commands.h - the subcommands, one file each
 *
 * Each takes its own argv (argv[0] is the subcommand's name) and returns the exit status of the
 * process. Errors have been printed by then.
 */
#ifndef VOLLEY_CMD_COMMANDS_H
#define VOLLEY_CMD_COMMANDS_H
#include "base/err.h"

int cmd_bench(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_sink(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
