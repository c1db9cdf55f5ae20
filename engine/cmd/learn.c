/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * learn.c - volley learn: delivery logs -> a profile of what they show
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/escape.h"
#include "cmd/commands.h"
#include "cmd/folders.h"
#include "cmd/options.h"
#include "cmd/values.h"
#include "learn/fit.h"
#include "learn/read.h"
#include "learn/write.h"
#include "profile/store.h"

#define OUTPUT_LIMIT ((size_t)64 << 20)
#define NAME_MAX_    128

struct learn_options {
	struct cmd_take take; /* first: the callback finds the struct by it */
	bool wants_json, wants_help;
	const char *name, *site;
	uint32_t scale;
	struct cmd_folders folders;
};

static const struct cmd_option option_table[] = {
	{"name", 'n', "NAME", "who it is; default: the site's own name"},
	{"site", 0, "HOST",
	 "learn about this site: its name as the log has it, or a host of it, such as "
	 "mx.example.net or *.example.net; default: the one that refused most"},
	{"scale", 0, "N",
	 "the log was written while windows passed so many times faster (volley sink --scale N)"},
	{"profile-dir", 0, "DIR", "look for the base profile there first; repeat for more"},
	{"json", 'j', NULL, "write JSON instead of a profile"},
	{"help", 'h', NULL, "show this help"},
	{NULL, 0, NULL, NULL},
};

static void help(void)
{
	puts("Usage: volley learn [OPTION...] [LOG...] > observed.yaml\n\n"
	     "Writes a profile of what delivery logs show of a provider: its limits, the\n"
	     "replies that announce them, how long throttling lasts. Reads volley's own log\n"
	     "(volley bench --log), Postfix's mail log and KumoMTA's JSON log; - is standard\n"
	     "input, and so is no LOG.\n\n"
	     "  volley bench --log run.jsonl smtp://staging && volley learn run.jsonl\n"
	     "  volley learn --site '*.google.com' /var/log/mail.log\n\n"
	     "Options:");
	cmd_options_help(option_table, stdout);
}

static int take_option(struct cmd_take *self, const char *name, const char *value, struct err *e)
{
	struct learn_options *o = (struct learn_options *)self;

	if (strcmp(name, "json") == 0)
		o->wants_json = true;
	else if (strcmp(name, "help") == 0)
		o->wants_help = true;
	else if (strcmp(name, "name") == 0)
		o->name = value;
	else if (strcmp(name, "site") == 0)
		o->site = value;
	else if (strcmp(name, "scale") == 0)
		return value_u32(name, value, 1, PROFILE_SCALE_MAX, &o->scale, e);
	else
		return cmd_folders_take(&o->folders, value, e);
	return 0;
}

/* When a stream was last written; now, where nobody knows (a pipe). */
static int64_t written_ns(FILE *file)
{
	struct stat about;

	if (fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode))
		return (int64_t)about.st_mtim.tv_sec * NS_PER_SEC;
	return clock_wall_ns(clock_system());
}

static int read_log(struct observation *o, const char *path, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct stat about;
	int status;

	if (file == NULL)
		return err_set(e, EXIT_USAGE, errno, "cannot read %s: %s", path, strerror(errno));
	if (fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode))
		status = err_set(e, EXIT_USAGE, EISDIR, "%s is a folder: give the log files in it",
				 path);
	else
		status = learn_read(o, file, is_stdin ? "standard input" : path, written_ns(file),
				    e);
	if (!is_stdin)
		fclose(file);
	return status;
}

static int read_logs(struct observation *o, char **paths, int count, struct err *e)
{
	if (count == 0)
		return read_log(o, "-", e);
	for (int i = 0; i < count; i++)
		if (read_log(o, paths[i], e) < 0)
			return -1;
	return 0;
}

/* What a person should know about the reading, beside the profile. */
static void tell(const struct observation *o, int site, bool was_chosen)
{
	char name[256];

	for (size_t i = 0; i < o->file_count; i++) {
		const struct learn_file *f = &o->files[i];

		escape_text(span_of(f->name), ESCAPE_CONTROLS, name, sizeof(name));
		if (f->unknown > 0)
			fprintf(stderr,
				"volley: %s: %llu of %llu lines are of no log that is known, and "
				"were passed over\n",
				name, (unsigned long long)f->unknown, (unsigned long long)f->lines);
	}
	if (o->dropped > 0)
		fprintf(stderr, "volley: %llu lines were more than can be held, and were dropped\n",
			(unsigned long long)o->dropped);
	if (o->sites.count > 1 && !was_chosen) {
		escape_text(span_of(o->sites.items[site]), ESCAPE_CONTROLS, name, sizeof(name));
		fprintf(stderr,
			"volley: the logs tell of %zu sites; this is about %s: choose another with "
			"--site\n",
			o->sites.count, name);
	}
}

static int find_site(const struct observation *o, const char *wanted, struct err *e)
{
	int site = wanted != NULL ? observation_find_site(o, wanted) : observation_main_site(o);

	if (site < 0)
		return err_set(e, EXIT_USAGE, 0,
			       "--site: the logs tell nothing of \"%s\", but of \"%s\"%s",
			       wanted != NULL ? wanted : "",
			       o->sites.count > 0 ? o->sites.items[observation_main_site(o)] : "",
			       o->sites.count > 1 ? " and others" : "");
	return site;
}

static int write_out(const struct learned *l, const struct learn_options *o, struct err *e)
{
	char name[NAME_MAX_];
	struct buf out;
	bool done;

	buf_init(&out, OUTPUT_LIMIT);
	if (o->name != NULL)
		escape_text(span_of(o->name), ESCAPE_CONTROLS, name, sizeof(name));
	done = (o->wants_json ? learned_to_json : learned_to_yaml)(l, o->name != NULL ? name : NULL,
								   &out);
	if (!done)
		err_set(e, EXIT_FAILED, ENOMEM, "no memory to write what was learned");
	else if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
		done = false;
		err_set(e, EXIT_FAILED, errno, "cannot write what was learned: %s",
			strerror(errno));
	}
	buf_fini(&out);
	return done ? 0 : -1;
}

static int learn(const struct learn_options *o, struct observation *seen,
		 struct rules_reader *reader, struct err *e)
{
	struct learned learned;
	int site = find_site(seen, o->site, e), status;

	if (site < 0)
		return -1;
	if (observation_order(seen) < 0)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory for so many lines");
	tell(seen, site, o->site != NULL);
	if (learn_fit(seen, site, o->scale, reader, &learned, e) < 0)
		return -1;
	if (learned.limit_count == 0)
		fputs("volley: no limit shows in the logs: the profile has replies alone\n",
		      stderr);
	status = write_out(&learned, o, e);
	learned_fini(&learned);
	return status;
}

/* The base profile says what replies mean. */
static int with_rules(const struct learn_options *o, struct observation *seen, struct err *e)
{
	struct profile_store *store = cmd_folders_store(&o->folders, e);
	const struct profile *base = NULL;
	struct rules_reader *reader = NULL;
	struct rules *rules = NULL;
	int status = -1;

	if (store == NULL)
		return -1;
	base = profile_store_load(store, "base", e);
	if (base != NULL)
		rules = rules_new(base, e);
	if (rules != NULL) {
		reader = rules_reader_new(rules);
		status = reader != NULL ? learn(o, seen, reader, e)
					: err_set(e, EXIT_FAILED, ENOMEM, "no memory for rules");
	}
	rules_reader_free(reader);
	rules_free(rules);
	profile_store_free(store);
	return status;
}

static int run(const struct learn_options *o, char **logs, int count, struct err *e)
{
	struct observation *seen = observation_new();
	int status;

	if (seen == NULL)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory");
	status = read_logs(seen, logs, count, e);
	if (status == 0)
		status = with_rules(o, seen, e);
	observation_free(seen);
	return status;
}

int cmd_learn(int argc, char **argv)
{
	struct learn_options o = {.take.take = take_option, .scale = 1};
	struct err e = {0};
	int operand;

	if (cmd_options_parse(option_table, argc, argv, &o.take, &operand, &e) == 0) {
		if (o.wants_help) {
			help();
			return EXIT_WELL;
		}
		if (run(&o, argv + operand, argc - operand, &e) == 0)
			return EXIT_WELL;
	}
	fprintf(stderr, "volley: %s\n", e.text);
	return (int)e.status;
}
