/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * err.c - an error that can be shown
 *
 * The text is escaped where it is set, so that every later reader may print it as it is. A
 * backslash is left alone: an error built from another error's text must not change it.
 */
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/escape.h"

int err_set(struct err *e, enum exit_status status, int os_error, const char *fmt, ...)
{
	char raw[2 * ERR_TEXT_MAX];
	va_list args;

	if (!e)
		return -1;
	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	e->status = status;
	e->os_error = os_error;
	escape_text(span_of(raw), ESCAPE_CONTROLS, e->text, sizeof(e->text));
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char where[ERR_TEXT_MAX];
	char raw[2 * ERR_TEXT_MAX + 2];
	va_list args;

	if (!e)
		return -1;
	va_start(args, fmt);
	vsnprintf(where, sizeof(where), fmt, args);
	va_end(args);
	snprintf(raw, sizeof(raw), "%s: %s", where, e->text);
	escape_text(span_of(raw), ESCAPE_CONTROLS, e->text, sizeof(e->text));
	return -1;
}
