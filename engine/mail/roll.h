/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * roll.h - where the addresses of a run come from: a pattern with numbers in it, or a file
 *
 * Address number idx (from 0) is a function of the roll and idx. A roll is immutable after it was
 * made and shared by threads.
 */
#ifndef VOLLEY_MAIL_ROLL_H
#define VOLLEY_MAIL_ROLL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/span.h"

#define ROLL_PARTS_MAX 8
#define ROLL_FILE_MAX  (UINT64_C(4) << 30)

/* Literal text, then perhaps a number. */
struct roll_part {
	struct span literal;
	bool has_number;
	uint8_t width;	     /* at least so many digits */
	uint64_t first;	     /* the number of idx 0 */
	uint64_t population; /* how many numbers; 0: no end */
};

struct roll {
	/* A pattern. */
	struct roll_part parts[ROLL_PARTS_MAX];
	int part_count;
	bool has_number;
	/* A file. Bit 63 of an offset says that the address needs SMTPUTF8. */
	uint64_t *offsets;   /* count + 1; NULL for a pattern. Owned */
	uint64_t population; /* distinct addresses; 0: no end */
	char *storage;	     /* Owned */
	size_t len_max;	     /* octets in one address */
	bool may_be_utf8;    /* some address needs SMTPUTF8 */
	bool is_utf8;	     /* a pattern: all do */
};

struct roll_format {
	const char *option;	 /* "--from" */
	const char *file_option; /* "--from-file" */
	bool allow_null;	 /* "" and "<>": the null reverse-path, RFC 5321 s4.5.5 */
	bool append_number;	 /* behind the local part, unless the pattern has a number */
};

/*
 * Makes a roll of a pattern ("%d", "%06d", "%{1-1000}", "%%"); -1 with *e set when it is
 * malformed or makes no address.
 */
__attribute__((warn_unused_result)) int roll_from_pattern(const char *pattern,
							  const struct roll_format *format,
							  struct err *e, struct roll *ret_roll);

/*
 * Reads a file: an address a line, with or without <>; empty lines and lines that begin with #
 * are skipped. -1 with *e set to "FILE:LINE: ..." where a line is no address.
 */
__attribute__((warn_unused_result)) int roll_from_file(const char *path,
						       const struct roll_format *format,
						       struct err *e, struct roll *ret_roll);
void roll_fini(struct roll *r);

/*
 * Address number idx; beyond the population it goes round. It stands in the roll itself, or was
 * written at *cursor, which is moved behind it (len_max octets of room are needed).
 */
struct span roll_pick(const struct roll *r, uint64_t idx, char **cursor, bool *ret_is_utf8);

#endif
