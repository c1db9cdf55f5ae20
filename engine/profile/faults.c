/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults.c - everything that is wrong with a profile, each with its place
 *
 * The sentences are formed as errors are, so that they are cut and escaped alike. The same mistake
 * can be found on two ways (a limit that is wrong is also missing where a rule names it): the same
 * sentence stands once.
 */
#include "profile/faults.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the file, whatever the order in which they were found. */
static void insert(struct faults *f, char *text, int line)
{
	int at = f->kept++;

	for (; at > 0 && f->lines[at - 1] > line; at--) {
		f->texts[at] = f->texts[at - 1];
		f->lines[at] = f->lines[at - 1];
	}
	f->texts[at] = text;
	f->lines[at] = line;
}

static void add(struct faults *f, const struct err *e, int line)
{
	char *copy;

	for (int i = 0; i < f->kept; i++)
		if (strcmp(f->texts[i], e->text) == 0)
			return;
	f->count++;
	/* A profile that is wrong is a matter of EXIT_USAGE, always. */
	if (e->status == EXIT_FAILED)
		f->is_out_of_memory = true;
	if (f->kept == FAULTS_MAX)
		return;
	copy = strdup(e->text);
	if (copy)
		insert(f, copy, line);
	else
		f->is_out_of_memory = true;
}

void faults_take(struct faults *f, const struct err *e)
{
	add(f, e, 0);
}

void faults_add(struct faults *f, struct profile_place place, const char *fmt, ...)
{
	char sentence[ERR_TEXT_MAX];
	struct err e = {0};
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	err_set(&e, EXIT_USAGE, 0, "%s:%d: %s", place.file, place.line, sentence);
	add(f, &e, place.line);
}

int faults_result(const struct faults *f, struct err *e)
{
	if (f->is_out_of_memory)
		return err_set(e, EXIT_FAILED, ENOMEM, "memory is exhausted");
	if (f->count == 0)
		return 0;
	return err_set(e, EXIT_USAGE, 0, "%s", f->texts[0]);
}

void faults_fini(struct faults *f)
{
	for (int i = 0; i < f->kept; i++)
		free(f->texts[i]);
	*f = (struct faults){0};
}
