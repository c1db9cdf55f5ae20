/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * read.h - a log, line by line, into an observation
 */
#ifndef VOLLEY_LEARN_READ_H
#define VOLLEY_LEARN_READ_H
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"
#include "learn/observe.h"

/*
 * Reads a stream to its end; each line may be of any of the three kinds. name is for errors and
 * for the profile's sources. wall_ns: when the log was last written, which gives dates their year
 * where they say none. Lines that are of no kind are counted (observation.files). -1 with *e set,
 * EXIT_USAGE when the stream cannot be read, is empty, or has no line of any kind that is known.
 */
int learn_read(struct observation *o, FILE *file, const char *name, int64_t wall_ns, struct err *e);

/* The same of octets in memory. */
int learn_read_text(struct observation *o, struct span text, const char *name, int64_t wall_ns,
		    struct err *e);

#endif
