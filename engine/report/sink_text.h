/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_text.h - the report of a sink for people to read
 */
#ifndef VOLLEY_REPORT_SINK_TEXT_H
#define VOLLEY_REPORT_SINK_TEXT_H
#include <stdio.h>
#include "base/err.h"
#include "report/text.h"
#include "result/sink_status.h"

/* -1 with *e set when writing failed. Peers' text is escaped. */
__attribute__((warn_unused_result)) int report_sink_text(const struct sink_status *s, FILE *out,
							 const struct report_style *style,
							 struct err *e);

#endif
