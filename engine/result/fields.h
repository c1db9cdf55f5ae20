/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fields.h - which member of the document stands under which key
 *
 * One table per object, read by the writer and by the reader, so that the two cannot differ.
 */
#ifndef VOLLEY_RESULT_FIELDS_H
#define VOLLEY_RESULT_FIELDS_H
#include <stddef.h>
#include "result/run.h"

enum field_kind {
	FIELD_COUNT,	    /* uint64_t */
	FIELD_INTEGER,	    /* int64_t; RUN_NONE is null */
	FIELD_INT,	    /* int */
	FIELD_REAL,	    /* double, written with six decimals at most */
	FIELD_REAL_OR_NULL, /* double; 0 is null */
	FIELD_REAL_OR_NAN,  /* double; NAN is null */
	FIELD_BOOL,
	FIELD_TEXT,	    /* char[size] */
	FIELD_TEXT_OR_NULL, /* char[size]; "" is null */
	FIELD_TEXT_OR_NONE, /* char[size]; "" is left out */
	FIELD_OWNED,	    /* char *; NULL is null */
	FIELD_LIST,	    /* struct run_texts */
	FIELD_NUMBER_TEXT,  /* uint64_t as a text: beyond what JSON's readers keep exact */
	FIELD_MODE,	    /* enum run_mode */
	FIELD_VERDICT,	    /* enum run_verdict */
	FIELD_STATUS,	    /* enum exit_status */
};

struct field {
	const char *key; /* NULL ends a table */
	enum field_kind kind;
	size_t offset, size;
};

extern const struct field fields_run[], fields_document[], fields_config[], fields_config_tls[],
	fields_messages[], fields_recipients[], fields_sessions[], fields_rate[], fields_lag[],
	fields_latency[], fields_reply[], fields_error[], fields_tls[], fields_second[],
	fields_resources[], fields_limit[], fields_threshold[], fields_host[], fields_end_to_end[],
	fields_pace[], fields_pace_target[], fields_pace_hold[];

/* The names of an enumeration's values, in their order; NULL ends the list. */
extern const char *const fields_modes[], *const fields_verdicts[];

/* A table of rows: where it stands in the document, and how a row is added. */
struct field_table {
	const char *key; /* NULL ends the list */
	const struct field *fields;
	size_t rows_offset, count_offset, row_size;
	void *(*add)(struct run_document *d);
};

extern const struct field_table field_tables[], field_pace_tables[];

/* An object that is part of the document and holds nothing but fields. */
struct field_object {
	const char *key; /* NULL ends the list */
	const struct field *fields;
	size_t offset;
};

extern const struct field_object field_objects[];

#endif
