/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - the table of subcommands
 */
#include <stdio.h>
#include <string.h>
#include "cmd/commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{"bench", cmd_bench, "load-test an SMTP or LMTP server and report what it did"},
	{"explain", cmd_explain, "says what a server's reply means and what to do about it"},
	{"learn", cmd_learn, "writes a profile of what delivery logs show of a provider"},
	{"profile", cmd_profile, "lists, shows, checks and compares provider profiles"},
	{"sink", cmd_sink, "an SMTP or LMTP server that counts, checks, and misbehaves by rule"},
	{"version", cmd_version, "what this build is made of, and what this kernel grants it"},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("volley - SMTP load tester and bulk sender\n\nUsage: volley COMMAND [OPTION...]\n\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].about);
	fputs("\n'volley COMMAND --help' lists a command's options; volley(1) has the whole "
	      "manual.\n",
	      out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return EXIT_WELL;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (name[0] != '\0')
		fprintf(stderr, "volley: there is no command \"%s\"\n\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
