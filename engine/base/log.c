/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.c - messages to the operator
 *
 * A line is formatted on the stack and written by one write(2), so that lines of several threads
 * do not mix and nothing is lost in a stdio buffer when the process ends hard. The whole line is
 * escaped, whatever the caller passed: no text from a peer can reach the terminal raw.
 */
#include "base/log.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include "base/escape.h"

#define LOG_LINE_MAX 2048

static _Atomic int log_level_now = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level_now, (int)level, memory_order_relaxed);
}

static void write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t count = write(STDERR_FILENO, data, len);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return; /* Nobody is left to be told. */
		data += count;
		len -= (size_t)count;
	}
}

__attribute__((format(printf, 3, 0))) static void log_line(enum log_level level, const char *mark,
							   const char *fmt, va_list args)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX];
	int errno_before = errno;
	int head;
	size_t len;

	if (atomic_load_explicit(&log_level_now, memory_order_relaxed) < (int)level)
		return;
	vsnprintf(raw, sizeof(raw), fmt, args);
	head = snprintf(line, sizeof(line), "volley: %s", mark);
	len = (size_t)head;
	len += escape_text(span_of(raw), ESCAPE_CONTROLS, line + len, sizeof(line) - len - 1);
	line[len++] = '\n';
	write_all(line, len);
	errno = errno_before;
}

void log_warning(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(LOG_WARNING, "warning: ", fmt, args);
	va_end(args);
}

void log_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(LOG_INFO, "", fmt, args);
	va_end(args);
}

void log_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(LOG_DEBUG, "debug: ", fmt, args);
	va_end(args);
}

size_t log_escape(struct span text, char *out, size_t out_size)
{
	return escape_text(text, ESCAPE_ALL, out, out_size);
}
