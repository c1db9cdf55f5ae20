/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile_options.c - the options of volley profile
 *
 * The first operand is what to do, wherever it stands among the options.
 */
#include "cmd/profile_options.h"
#include <string.h>

const struct profile_verb profile_verbs[] = {
	[PROFILE_LIST] = {"list", "", "the profiles there are, and what each is for"},
	[PROFILE_SHOW] = {"show", "NAME",
			  "one profile with all that it extends, and where each value was written"},
	[PROFILE_CHECK] = {"check", "NAME|FILE... or --all",
			   "all that is wrong with profiles, a line each; status 2 when there is "
			   "anything"},
	[PROFILE_DIFF] = {"diff", "NAME NAME", "what two profiles say differently, key by key"},
	{0},
};

const struct cmd_option profile_option_table[] = {
	{NULL, 0, NULL, "Where profiles are"},
	{"profile-dir", 0, "DIR",
	 "look here first, then in $XDG_CONFIG_HOME/volley/profiles, then among volley's own; "
	 "repeat for more"},
	{NULL, 0, NULL, "Listing and showing"},
	{"json", 'j', NULL, "list, show: print JSON"},
	{NULL, 0, NULL, "Checking"},
	{"all", 'a', NULL, "check: every profile of the search path"},
	{NULL, 0, NULL, "Other"},
	{"help", 'h', NULL, "print this"},
	{0},
};

static int take(struct cmd_take *self, const char *name, const char *value, struct err *e)
{
	struct profile_options *o = (struct profile_options *)self;

	if (strcmp(name, "profile-dir") == 0)
		return cmd_folders_take(&o->folders, value, e);
	if (strcmp(name, "json") == 0)
		o->wants_json = true;
	else if (strcmp(name, "all") == 0)
		o->wants_all = true;
	else
		o->wants_help = true;
	return 0;
}

static int read_task(struct profile_options *o, const char *word, struct err *e)
{
	for (int i = 0; profile_verbs[i].name; i++) {
		if (strcmp(word, profile_verbs[i].name) == 0) {
			o->task = (enum profile_task)i;
			return 0;
		}
	}
	return err_set(e, EXIT_USAGE, 0,
		       "\"%s\" is nothing that can be done: use list, show, check or diff", word);
}

static int check_operands(const struct profile_options *o, struct err *e)
{
	bool is_right = true;

	if (o->wants_all && o->task != PROFILE_CHECK)
		return err_set(e, EXIT_USAGE, 0, "--all goes with check alone");
	if (o->wants_json && o->task != PROFILE_LIST && o->task != PROFILE_SHOW)
		return err_set(e, EXIT_USAGE, 0, "--json goes with list and show alone");
	switch (o->task) {
	case PROFILE_LIST:
		is_right = o->name_count == 0;
		break;
	case PROFILE_SHOW:
		is_right = o->name_count == 1;
		break;
	case PROFILE_CHECK:
		is_right = o->wants_all ? o->name_count == 0 : o->name_count > 0;
		break;
	case PROFILE_DIFF:
		is_right = o->name_count == 2;
		break;
	}
	if (is_right)
		return 0;
	return err_set(e, EXIT_USAGE, 0, "%s takes %s, and %d %s given",
		       profile_verbs[o->task].name,
		       o->task == PROFILE_LIST ? "no names" : profile_verbs[o->task].operands,
		       o->name_count, o->name_count == 1 ? "name is" : "names are");
}

int profile_options_parse(int argc, char **argv, struct profile_options *ret_options, struct err *e)
{
	struct profile_options *o = ret_options;
	int operand;

	*o = (struct profile_options){.take = {take}};
	if (cmd_options_parse(profile_option_table, argc, argv, &o->take, &operand, e) < 0)
		return -1;
	if (o->wants_help)
		return 0;
	if (operand == argc)
		return err_set(e, EXIT_USAGE, 0,
			       "say what to do: list, show, check or diff; --help tells more");
	if (read_task(o, argv[operand], e) < 0)
		return -1;
	o->names = argv + operand + 1;
	o->name_count = argc - operand - 1;
	return check_operands(o, e);
}
