/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json.h - the document of a run as JSON, out and in
 *
 * The form is run.schema.json's. Reading takes any document of the same schema number, ignores
 * keys it does not know (a later version's) and misses none that it needs.
 */
#ifndef VOLLEY_RESULT_JSON_H
#define VOLLEY_RESULT_JSON_H
#include <stdio.h>
#include "base/err.h"
#include "base/span.h"
#include "result/run.h"

/* Writes one document and a line end. -1 with *e set when writing failed. */
__attribute__((warn_unused_result)) int run_json_write(const struct run_document *d, FILE *out,
						       struct err *e);

/*
 * The same to a file, "-" for standard output. A file is written beside its place and renamed, so
 * that an interrupted run leaves no half document.
 */
__attribute__((warn_unused_result)) int run_json_save(const struct run_document *d,
						      const char *path, struct err *e);

/*
 * Reads a document; *ret_document needs no run_init() and is owned by the caller (run_fini()). -1
 * with *e naming the key or the line that is wrong; *ret_document is then untouched. name is for
 * the message alone.
 */
__attribute__((warn_unused_result)) int run_json_parse(struct span text, const char *name,
						       struct err *e,
						       struct run_document *ret_document);
__attribute__((warn_unused_result)) int run_json_load(const char *path, struct err *e,
						      struct run_document *ret_document);

#endif
