/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * read.c - a log, line by line, into an observation
 *
 * Lines are cut from one buffer, so that a file without any line end costs no memory: what is
 * longer than a line may be is passed over and counts as one line that is not known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "learn/read.h"
#include "learn/stamp.h"

struct reading {
	struct observation *o;
	struct learn_file *file;
	struct line_scratch scratch;
	const char *name;
	size_t first_event, first_connection;
	int64_t last_ns;
	int year;
	bool is_too_long;      /* the line that is passed over */
	uint64_t octets, idle; /* idle: lines of a known kind that tell nothing */
};

/* More than half a year back in time: the log went through a new year. */
#define BACK_NS (INT64_C(180) * 86400 * 1000000000)

static int take_line(struct reading *r, struct span line, struct err *e)
{
	struct learn_line l;

	while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' '))
		line.len--;
	if (line.len == 0)
		return 0;
	r->file->lines++;
	switch (line_read(line, r->year, &r->scratch, &l)) {
	case LINE_NONE:
		r->file->unknown++;
		return 0;
	case LINE_IDLE:
		r->idle++;
		return 0;
	case LINE_EVENT:
		break;
	}
	/* Dates without a year are all of the year of the log's end, until one goes back. */
	if (r->file->events > 0 && l.precision_ns >= 1000000000 && l.at_ns < r->last_ns - BACK_NS &&
	    l.format == LEARN_POSTFIX)
		observation_year_back(r->o, r->first_event, r->first_connection);
	r->last_ns = l.at_ns;
	if (observation_add(r->o, &l) < 0)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory for what %s tells", r->name);
	return 0;
}

/* Takes all whole lines of data; returns how many octets they were, or -1. */
static ssize_t take_lines(struct reading *r, struct span data, struct err *e)
{
	size_t used = 0;

	while (used < data.len) {
		struct span rest = span_skip(data, used);
		const char *lf = memchr(rest.data, '\n', rest.len);
		struct span line = {rest.data, lf ? (size_t)(lf - rest.data) : 0};

		if (lf == NULL)
			break;
		used += line.len + 1;
		if (r->is_too_long) {
			r->is_too_long = false;
			continue;
		}
		if (take_line(r, line, e) < 0)
			return -1;
	}
	return (ssize_t)used;
}

static int read_stream(struct reading *r, FILE *file, struct err *e)
{
	size_t size = LINE_MAX_OCTETS + 1, have = 0, got;
	char *data = malloc(size);
	ssize_t used = 0;

	if (data == NULL)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory to read %s", r->name);
	while (used >= 0 && (got = fread(data + have, 1, size - have, file)) > 0) {
		r->octets += got;
		have += got;
		used = take_lines(r, (struct span){data, have}, e);
		if (used <= 0 && have < size)
			continue;
		if (used == 0) {
			r->file->lines += !r->is_too_long;
			r->file->unknown += !r->is_too_long;
			r->is_too_long = true;
			have = 0;
		} else if (used > 0) {
			have -= (size_t)used;
			memmove(data, data + used, have);
		}
	}
	if (used >= 0 && have > 0 && !r->is_too_long &&
	    take_line(r, (struct span){data, have}, e) < 0)
		used = -1;
	free(data);
	if (used < 0)
		return -1;
	if (ferror(file))
		return err_set(e, EXIT_USAGE, errno, "cannot read %s: %s", r->name,
			       strerror(errno));
	return 0;
}

static int begin(struct reading *r, struct observation *o, const char *name, int64_t wall_ns,
		 struct err *e)
{
	if (observation_begin(o, name) < 0)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory to read %s", name);
	*r = (struct reading){
		.o = o,
		.file = &o->files[o->file_count - 1],
		.name = name,
		.first_event = o->event_count,
		.first_connection = o->connection_count,
		.year = stamp_year(wall_ns),
	};
	line_scratch_init(&r->scratch);
	return 0;
}

static int end(struct reading *r, int status, struct err *e)
{
	line_scratch_fini(&r->scratch);
	if (status < 0)
		return -1;
	if (r->octets == 0)
		return err_set(e, EXIT_USAGE, 0, "%s is empty: give a delivery log", r->name);
	if (r->file->events > 0)
		return 0;
	if (r->idle > 0)
		return err_set(e, EXIT_USAGE, 0,
			       "%s is a log of a known kind, but none of its %llu lines tells of a "
			       "delivery: give the log that holds the deliveries",
			       r->name, (unsigned long long)r->file->lines);
	return err_set(e, EXIT_USAGE, 0,
		       "%s is no delivery log: none of its %llu lines is volley's JSON (volley "
		       "bench --log), Postfix's mail log or KumoMTA's JSON log",
		       r->name, (unsigned long long)r->file->lines);
}

int learn_read(struct observation *o, FILE *file, const char *name, int64_t wall_ns, struct err *e)
{
	struct reading r = {.name = name};

	if (begin(&r, o, name, wall_ns, e) < 0)
		return -1;
	return end(&r, read_stream(&r, file, e), e);
}

int learn_read_text(struct observation *o, struct span text, const char *name, int64_t wall_ns,
		    struct err *e)
{
	struct reading r = {.name = name};
	ssize_t used;
	int status;

	if (begin(&r, o, name, wall_ns, e) < 0)
		return -1;
	r.octets = text.len;
	used = take_lines(&r, text, e);
	status = used < 0 ? -1 : 0;
	if (used >= 0 && (size_t)used < text.len)
		status = take_line(&r, span_skip(text, (size_t)used), e);
	return end(&r, status, e);
}
