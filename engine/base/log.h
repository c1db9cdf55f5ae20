/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - messages to the operator, on standard error
 *
 * For start-up, shut-down and rare events: nothing is logged per session or per message. Text
 * from a peer is escaped, so that no terminal control reaches the terminal. Any thread may call;
 * a line is written whole. Secrets are never passed here.
 */
#ifndef VOLLEY_BASE_LOG_H
#define VOLLEY_BASE_LOG_H
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

enum log_level { LOG_QUIET, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
__attribute__((format(printf, 1, 2))) void log_warning(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

/*
 * Copies text with control characters, DEL and bytes that are not valid UTF-8 written as \xNN,
 * and a backslash as \\. The result is NUL-terminated and cut with "..." where it does not fit.
 * Returns the length of the result.
 */
size_t log_escape(struct span text, char *out, size_t out_size);

#endif
