/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile.c - volley profile: lists, shows, checks and compares provider profiles
 *
 * A list or a check of ten thousand profiles holds one of them at a time.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/escape.h"
#include "cmd/commands.h"
#include "cmd/profile_options.h"
#include "cmd/profile_show.h"
#include "profile/faults.h"

#define NAME_WIDTH  20
#define KINDS_WIDTH 24

/* ---- list ---- */

static const char *kinds_text(const struct profile_summary *s)
{
	if (s->is_destination && s->is_submission)
		return "destination, submission";
	if (s->is_destination)
		return "destination";
	return s->is_submission ? "submission" : "general";
}

static json_t *kinds_json(const struct profile_summary *s)
{
	json_t *kinds = json_array();

	if (s->is_destination)
		json_array_append_new(kinds, json_string("destination"));
	if (s->is_submission)
		json_array_append_new(kinds, json_string("submission"));
	if (!s->is_destination && !s->is_submission)
		json_array_append_new(kinds, json_string("general"));
	return kinds;
}

static void list_row(const char *name, const struct profile_summary *s)
{
	printf("%-*s  %-*s %6zu %6zu  %s\n", NAME_WIDTH, name, KINDS_WIDTH, kinds_text(s),
	       s->limits, s->rules, s->title);
}

static json_t *list_object(struct profile_store *store, const char *name,
			   const struct profile_summary *s)
{
	struct err ignored;
	const char *path = profile_store_path(store, name, &ignored);
	char file[PATH_MAX]; /* JSON is UTF-8, and a path may be any octets */

	escape_text(span_of(path ? path : ""), ESCAPE_CONTROLS, file, sizeof(file));
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:s}", "name", name, "title", s->title, "kinds",
			 kinds_json(s), "limits", (json_int_t)s->limits, "rules",
			 (json_int_t)s->rules, "file", file);
}

static int list(const struct profile_options *o, struct profile_store *store, struct err *e)
{
	size_t count, wrong = 0;
	const char *const *names = profile_store_names(store, &count, e);
	json_t *rows = o->wants_json ? json_array() : NULL;

	if (!names) {
		json_decref(rows);
		return -1;
	}
	if (!o->wants_json)
		printf("%-*s  %-*s %6s %6s  %s\n", NAME_WIDTH, "NAME", KINDS_WIDTH, "KIND",
		       "LIMITS", "RULES", "TITLE");
	for (size_t i = 0; i < count; i++) {
		struct profile_summary s;
		struct err wrong_one = {0};

		if (profile_store_summary(store, names[i], &s, &wrong_one) < 0) {
			fprintf(stderr, "%s\n", wrong_one.text);
			wrong++;
		} else if (o->wants_json) {
			json_array_append_new(rows, list_object(store, names[i], &s));
		} else {
			list_row(names[i], &s);
		}
	}
	if (o->wants_json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(rows);
	}
	if (wrong > 0)
		return err_set(e, EXIT_USAGE, 0, "%zu of %zu profiles cannot be read", wrong,
			       count);
	return 0;
}

/* ---- check ---- */

struct tally {
	size_t profiles, wrong, faults;
};

static int check_one(struct profile_store *store, const char *name, struct tally *t, struct err *e)
{
	struct faults faults = {0};
	int status = 0;

	profile_store_check(store, name, &faults);
	for (int i = 0; i < faults.kept; i++)
		puts(faults.texts[i]);
	if (faults.count > faults.kept)
		printf("%s: and %d more\n", name, faults.count - faults.kept);
	if (faults.is_out_of_memory)
		status = err_set(e, EXIT_FAILED, ENOMEM, "memory is exhausted");
	t->profiles++;
	t->wrong += faults.count > 0;
	t->faults += (size_t)faults.count;
	faults_fini(&faults);
	return status;
}

static int check(const struct profile_options *o, struct profile_store *store, struct err *e)
{
	const char *const *names = (const char *const *)o->names;
	size_t count = (size_t)o->name_count;
	struct tally t = {0};

	if (o->wants_all) {
		names = profile_store_names(store, &count, e);
		if (!names || check_one(store, "base", &t, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (check_one(store, names[i], &t, e) < 0)
			return -1;
	if (t.faults > 0)
		return err_set(e, EXIT_USAGE, 0, "%zu mistake%s in %zu of %zu profile%s", t.faults,
			       t.faults == 1 ? "" : "s", t.wrong, t.profiles,
			       t.profiles == 1 ? "" : "s");
	printf("%zu profile%s checked\n", t.profiles, t.profiles == 1 ? "" : "s");
	return 0;
}

/* ---- the command ---- */

static void help(void)
{
	printf("usage: volley profile TASK [OPTIONS] [NAME...]\n\n"
	       "Lists, shows, checks and compares the documents that say what providers "
	       "allow.\n\n");
	for (const struct profile_verb *v = profile_verbs; v->name; v++)
		printf("  %s%s%s\n      %s\n", v->name, v->operands[0] != '\0' ? " " : "",
		       v->operands, v->about);
	cmd_options_help(profile_option_table, stdout);
}

static int run(const struct profile_options *o, struct err *e)
{
	struct profile_store *store = cmd_folders_store(&o->folders, e);
	int status = -1;

	if (!store)
		return -1;
	switch (o->task) {
	case PROFILE_LIST:
		status = list(o, store, e);
		break;
	case PROFILE_SHOW:
		status = o->wants_json ? profile_show_json(store, o->names[0], stdout, e)
				       : profile_show(store, o->names[0], stdout, e);
		break;
	case PROFILE_CHECK:
		status = check(o, store, e);
		break;
	case PROFILE_DIFF:
		status = profile_show_diff(store, o->names[0], o->names[1], stdout, e);
		break;
	}
	profile_store_free(store);
	if (fflush(stdout) != 0 && status == 0)
		status = err_set(e, EXIT_FAILED, errno, "cannot write to standard output: %s",
				 strerror(errno));
	return status;
}

int cmd_profile(int argc, char **argv)
{
	struct profile_options options;
	struct err e = {0};
	int status = profile_options_parse(argc, argv, &options, &e);

	if (status == 0 && options.wants_help)
		help();
	else if (status == 0)
		status = run(&options, &e);
	if (status < 0) {
		fprintf(stderr, "volley profile: %s\n", e.text);
		return e.status != EXIT_WELL ? (int)e.status : EXIT_FAILED;
	}
	return EXIT_WELL;
}
