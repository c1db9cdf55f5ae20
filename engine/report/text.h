/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text.h - the report of a run for people to read
 *
 * Renders a run's document and nothing else. Peers' text is escaped whatever the document says:
 * no terminal control reaches the terminal.
 */
#ifndef VOLLEY_REPORT_TEXT_H
#define VOLLEY_REPORT_TEXT_H
#include <stdbool.h>
#include <stdio.h>
#include "base/err.h"
#include "result/run.h"

struct report_style {
	bool use_color; /* SGR sequences; whether NO_COLOR is set is the caller's business */
	int width; /* columns; 0: 100. Foreign text is cut or wrapped to fit; at least 80 are used
		    */
};

/* -1 with *e set when writing failed. */
__attribute__((warn_unused_result)) int report_text(const struct run_document *d, FILE *out,
						    const struct report_style *style,
						    struct err *e);

#endif
