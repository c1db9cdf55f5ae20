/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_out.h - a JSON document on its way out
 *
 * What the documents of result/ have in common once they are values of jansson's. Both functions
 * take over root; NULL stands for memory that was exhausted while it was made.
 */
#ifndef VOLLEY_RESULT_JSON_OUT_H
#define VOLLEY_RESULT_JSON_OUT_H
#include <jansson.h>
#include <stdio.h>
#include "base/err.h"

/* Writes the document and a line end. -1 with *e set when writing failed. */
__attribute__((warn_unused_result)) int json_out_write(json_t *root, FILE *out, struct err *e);

/*
 * The same to a file, "-" for standard output. A file is written beside its place and renamed, so
 * that an interrupted run leaves no half document; a pipe or a device is written to.
 */
__attribute__((warn_unused_result)) int json_out_save(json_t *root, const char *path,
						      struct err *e);

#endif
