/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * letter.h - a rendered message as one string, and what must hold of every one
 */
#ifndef VOLLEY_TESTS_MAIL_LETTER_H
#define VOLLEY_TESTS_MAIL_LETTER_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mail/message.h"

#define TEST_RUN_ID UINT64_C(0x00c0ffee12345678)
#define TEST_DUE_NS INT64_C(1700566380123456789) /* Tue, 21 Nov 2023 11:33:00 UTC */

struct letter {
	char *data, *chunk; /* NUL-terminated; owned */
	size_t data_len, chunk_len;
};

static inline char *letter_join(const struct iovec *segments, int count, size_t *ret_len)
{
	size_t len = 0;
	char *text;

	for (int i = 0; i < count; i++)
		len += segments[i].iov_len;
	text = malloc(len + 1);
	if (!text)
		abort();
	len = 0;
	for (int i = 0; i < count; i++) {
		memcpy(text + len, segments[i].iov_base, segments[i].iov_len);
		len += segments[i].iov_len;
	}
	text[len] = '\0';
	*ret_len = len;
	return text;
}

/* What a server makes of data: the dots of RFC 5321 s4.5.2 taken off. */
static inline size_t letter_unstuff(const char *data, size_t len, char *out)
{
	bool is_line_start = true;
	size_t out_len = 0;

	for (size_t i = 0; i < len; i++) {
		if (is_line_start && data[i] == '.') {
			i++;
			if (i >= len || data[i] == '\r')
				fail_msg("a line with a single dot: the message would end here");
		}
		out[out_len++] = data[i];
		is_line_start = data[i] == '\n';
	}
	return out_len;
}

static inline void letter_check_lines(const char *text, size_t len)
{
	if (len < 2 || memcmp(text + len - 2, "\r\n", 2) != 0)
		fail_msg("it does not end in CRLF");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			fail_msg("a bare LF at %zu", i);
		if (text[i] == '\r' && (i + 1 == len || text[i + 1] != '\n'))
			fail_msg("a bare CR at %zu", i);
	}
}

static inline struct letter letter_of(const struct mail_slot *slot)
{
	struct letter l;
	char *plain;
	size_t plain_len;

	l.data = letter_join(slot->data, slot->data_count, &l.data_len);
	l.chunk = letter_join(slot->chunk, slot->chunk_count, &l.chunk_len);
	assert_int_equal(l.chunk_len, slot->size);
	letter_check_lines(l.data, l.data_len);
	letter_check_lines(l.chunk, l.chunk_len);
	plain = malloc(l.data_len + 1);
	plain_len = letter_unstuff(l.data, l.data_len, plain);
	assert_int_equal(plain_len, l.chunk_len);
	assert_memory_equal(plain, l.chunk, plain_len);
	free(plain);
	return l;
}

static inline void letter_free(struct letter *l)
{
	free(l->data);
	free(l->chunk);
}

static inline struct mail_plan *plan_of(const struct mail_params *params)
{
	struct mail_params p = *params;
	struct mail_plan *plan;
	struct err e = {0};

	p.run_id = TEST_RUN_ID;
	if (mail_plan_new(&p, &e, &plan) < 0)
		fail_msg("%s", e.text);
	return plan;
}

/* Message number seq of a plan, as a string of its own. */
static inline struct letter letter_number(const struct mail_plan *plan, uint64_t seq)
{
	struct mail_press press;
	struct mail_slot slot = {0};
	struct letter l;

	mail_press_init(&press, plan);
	assert_true(mail_render(&press, seq, TEST_DUE_NS, &slot));
	l = letter_of(&slot);
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	return l;
}

static inline void assert_plan_refused(const struct mail_params *params, const char *words)
{
	struct mail_plan *plan;
	struct err e = {0};

	if (mail_plan_new(params, &e, &plan) == 0)
		fail_msg("a plan was made; expected: %s", words);
	assert_int_equal(e.status, EXIT_USAGE);
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

#endif
