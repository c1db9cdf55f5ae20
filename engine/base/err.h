/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * err.h - an error that can be shown to the person who runs volley
 *
 * For failures of the environment and of configuration. What a peer does wrong is data, not an
 * error, and is counted instead. The text is one sentence that says what happened, where, and
 * what to try; it is printed once, by cmd/. One struct per call chain; not shared by threads.
 */
#ifndef VOLLEY_BASE_ERR_H
#define VOLLEY_BASE_ERR_H

/* The exit status that an error leads to, documented in volley(1). */
enum exit_status {
	EXIT_WELL = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_THRESHOLD = 3,
	EXIT_INVALID = 4,
	EXIT_UNREACHABLE = 5,
	EXIT_UNDELIVERED = 6,
	EXIT_INTERRUPTED = 130,
	EXIT_TERMINATED = 143,
};

#define ERR_TEXT_MAX 512

struct err {
	enum exit_status status; /* EXIT_WELL while nothing was set */
	int os_error;		 /* an errno value, positive; 0 when the system had no part in it */
	char text[ERR_TEXT_MAX]; /* NUL-terminated; control characters are escaped */
};

/*
 * Sets the error and returns -1, so that a caller can write "return err_set(...)".
 * e may be NULL. An os_error other than 0 is not appended to the text by itself: the sentence
 * names it where it helps.
 */
__attribute__((format(printf, 4, 5))) int err_set(struct err *e, enum exit_status status,
						  int os_error, const char *fmt, ...);

/* Puts "WHERE: " before the text, as an error travels up (a file name, an option). Returns -1. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *e, const char *fmt, ...);

#endif
