/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_line.h - lines of JSON, written by hand
 *
 * For records of which there is one for each message or decision, where building a tree would
 * cost more than the rest of the work. Each function appends, and is false when memory is
 * exhausted. What came from a peer may be any octets: those that are no UTF-8 become U+FFFD.
 */
#ifndef VOLLEY_SINK_JSON_LINE_H
#define VOLLEY_SINK_JSON_LINE_H
#include <stdint.h>
#include "base/buf.h"
#include "base/span.h"

/* A JSON string (RFC 8259 s7). */
bool json_line_string(struct buf *out, struct span text);

/* ,"name":"text" or ,"name":null */
bool json_line_member(struct buf *out, const char *name, const char *text);

/* ,"name":12 */
bool json_line_number(struct buf *out, const char *name, uint64_t number);

/* {"time":"2026-02-12T10:20:30.123456Z": how a line begins (RFC 3339). */
bool json_line_begin(struct buf *out, int64_t wall_ns);

#endif
