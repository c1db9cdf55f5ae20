/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.h - assertions for what cannot happen unless the program is wrong
 *
 * CHECK is always on, whatever the build type; it prints the expression with its place and
 * aborts. It is never used on what a peer sent or a person typed.
 */
#ifndef VOLLEY_BASE_CHECK_H
#define VOLLEY_BASE_CHECK_H

__attribute__((noreturn, cold)) void check_failed(const char *expression, const char *file,
						  int line);

#define CHECK(expression)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(!(expression), 0))                                            \
			check_failed(#expression, __FILE__, __LINE__);                             \
	} while (0)

#endif
