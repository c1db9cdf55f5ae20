/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hlog.h - histograms on paper: HdrHistogram's V2 encoding and its interval log, format 1.3
 *
 * The encoding is zlib-compressed and in base64; it starts with "HISTFAAA" and is read by every
 * HdrHistogram library. The log has one line per tag and interval. Values are in microseconds;
 * the column Interval_Max is in milliseconds, so a reader that converts uses a unit ratio of 1000.
 *
 * A writer is one thread's, or is handed over.
 */
#ifndef VOLLEY_STATS_HLOG_H
#define VOLLEY_STATS_HLOG_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/buf.h"
#include "base/err.h"
#include "stats/hdr.h"

#define HLOG_BLOB_MAX ((size_t)512 << 10) /* octets of one encoded histogram, never reached */

struct hlog_writer {
	FILE *file;
	bool owns_file;
	struct buf line;
};

/*
 * Appends the encoded histogram to out (no line break, no NUL). False when memory is exhausted or
 * out's limit is reached; out is as it was then.
 */
bool hlog_encode(const struct hdr *h, struct buf *out);

/*
 * Creates the file (or empties it) and writes the header. logged_by names the program and its
 * version in up to 80 characters; start_wall_ns is the wall time to which the times of
 * hlog_interval() are relative. Returns 0, or -1 with *e set; then nothing has to be closed.
 */
int hlog_open(struct hlog_writer *w, const char *path, const char *logged_by, int64_t start_wall_ns,
	      struct err *e);

/* The same on a stream that the caller keeps, and closes after hlog_close(). */
int hlog_attach(struct hlog_writer *w, FILE *file, const char *logged_by, int64_t start_wall_ns,
		struct err *e);

/*
 * Writes one interval: start_s seconds after the start of the log, length_s long. tag is the phase
 * or another word without comma, white space and control characters; NULL for none. Returns 0, or
 * -1 with *e set.
 */
int hlog_interval(struct hlog_writer *w, const char *tag, double start_s, double length_s,
		  const struct hdr *h, struct err *e);

/* Flushes and releases. Returns 0, or -1 with *e set when not all was written. */
int hlog_close(struct hlog_writer *w, struct err *e);

#endif
