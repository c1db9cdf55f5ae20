/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reply.c - the reply parser: what it takes, what it refuses, that it reads no octet beyond
 *
 * Every input stands flush against a page that must not be read, so that reading one octet too
 * many ends the test. Every stream is fed as a whole, cut at each octet, octet by octet, and (the
 * random ones) in random pieces: the results must be the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/rng.h"
#include "smtp/reply_parser.h"

#define FENCE_SIZE ((size_t)16 << 10)

static char *fence; /* the address of the forbidden page */

static int fence_make(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, FENCE_SIZE + page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (area == MAP_FAILED)
		return -1;
	fence = area + FENCE_SIZE;
	return mprotect(fence, page, PROT_NONE);
}

/* A copy of the octets that ends at the fence. */
static struct span at_fence(struct span octets)
{
	char *to = fence - octets.len;

	assert_true(octets.len <= FENCE_SIZE);
	if (octets.len > 0)
		memcpy(to, octets.data, octets.len);
	return (struct span){to, octets.len};
}

/* One piece into the parser; appends "CODE E.S.D TEXT|" for each reply. True at the stream's end.
 */
static bool feed_piece(struct reply_parser *p, struct span piece, struct buf *out)
{
	static const char *const ends[] = {[REPLY_NO_CODE] = "no code",
					   [REPLY_BAD] = "bad",
					   [REPLY_TOO_LONG] = "too long",
					   [REPLY_NO_MEMORY] = "no memory"};

	while (piece.len > 0) {
		struct span in = at_fence(piece);
		char enhanced[ENHANCED_TEXT_MAX];
		struct reply reply;
		size_t used = SIZE_MAX;
		enum reply_step step = reply_parser_feed(p, in, &used, &reply);

		assert_true(used <= piece.len);
		if (step == REPLY_MORE) {
			assert_int_equal(used, piece.len);
			return false;
		}
		if (step != REPLY_DONE) {
			assert_true(buf_append_text(out, ends[step]));
			return true;
		}
		assert_true(used > 0);
		assert_true(buf_printf(out, "%u%s%s ", reply.code, reply.enhanced.class ? " " : "",
				       enhanced_text(reply.enhanced, enhanced)));
		assert_true(buf_append(out, reply.text.data, reply.text.len));
		assert_true(buf_append_text(out, "|"));
		piece = span_skip(piece, used);
	}
	return false;
}

/* Cut in two before octet cut; 0: octet by octet. */
static void feed_cut(struct span stream, size_t cut, struct buf *out)
{
	struct reply_parser p;
	bool is_over = false;

	reply_parser_init(&p);
	if (cut == 0) {
		for (size_t i = 0; i < stream.len && !is_over; i++)
			is_over = feed_piece(&p, (struct span){stream.data + i, 1}, out);
	} else {
		is_over = feed_piece(&p, (struct span){stream.data, cut}, out);
		if (!is_over)
			feed_piece(&p, span_skip(stream, cut), out);
	}
	reply_parser_fini(&p);
	assert_null(p.kept.data);
}

static void assert_stream(struct span stream, struct span want)
{
	struct buf out;

	buf_init(&out, (size_t)1 << 20);
	for (size_t cut = 0; cut <= stream.len; cut++) {
		buf_clear(&out);
		feed_cut(stream, cut, &out);
		if (!span_equal(buf_span(&out), want))
			fail_msg("cut %zu: have \"%.*s\", want \"%.*s\"", cut, (int)out.len,
				 out.data ? out.data : "", (int)want.len, want.data);
	}
	buf_fini(&out);
}

static const struct {
	const char *stream, *want;
} cases[] = {
	{"220 mail\r\n", "220 mail|"},
	{"220 mail\n", "220 mail|"},
	{"220\r\n", "220 |"},
	{"220\n", "220 |"},
	{"220 \r\n", "220 |"},
	{"220  two\r\n", "220  two|"},
	{"250-a\r\n250-b\r\n250 c\r\n", "250 a\nb\nc|"},
	{"250-a\r\n250\r\n", "250 a\n|"},
	{"250-\r\n250-\r\n250 \r\n", "250 \n\n|"},
	{"250 a\r\n354 b\r\n550 5.1.1 c\r\n", "250 a|354 b|550 5.1.1 5.1.1 c|"},
	{"550-5.7.1 a\r\n550 5.7.1 b\r\n", "550 5.7.1 5.7.1 a\n5.7.1 b|"},
	{"250 5.1.1 no class\r\n", "250 5.1.1 no class|"},
	{"599 x\r\n200 y\r\n", "599 x|200 y|"},
	{"250 t\ta\xc3\xa4\r\n", "250 t\ta\xc3\xa4|"},
	{"250 unfinished\r", ""},
	{"", ""},
	{"100 a\r\n", "no code"},
	{"600 a\r\n", "no code"},
	{"a", "no code"},
	{"2a", "no code"},
	{"25a", "no code"},
	{"2\r\n", "no code"},
	{"\r\n", "no code"},
	{"\n", "no code"},
	{" 250 a\r\n", "no code"},
	{"250a\r\n", "bad"},
	{"2500 a\r\n", "bad"},
	{"250\ta\r\n", "bad"},
	{"250\r250 a\r\n", "bad"},
	{"250 a\rb\r\n", "bad"},
	{"250 a\r\r\n", "bad"},
	{"250 \x7f\r\n", "bad"},
	{"250 \x01\r\n", "bad"},
	{"250-a\x1b[2J\r\n250 b\r\n", "bad"},
	{"250-a\r\n251 b\r\n", "bad"},
	{"250-a\r\n\r\n", "no code"},
	{"250-a\r\nfoo\r\n", "no code"},
	{"250 a\r\n250-b\r\n550", "250 a|bad"},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_stream(span_of(cases[i].stream), span_of(cases[i].want));
}

static void test_nul(void **state)
{
	static const char stream[] = {'2', '5', '0', ' ', 'a', '\0', '\r', '\n'};

	(void)state;
	assert_stream((struct span){stream, sizeof(stream)}, SPAN("bad"));
}

/* "250 xxx...\r\n" with a line of len octets, in front of it as many lines as count. */
static size_t long_line(char *to, char separator, size_t len)
{
	memset(to, 'x', len);
	memcpy(to, "250", 3);
	to[3] = separator;
	memcpy(to + len - 2, "\r\n", 2);
	return len;
}

static void test_line_limit(void **state)
{
	char stream[SMTP_REPLY_LINE_MAX + 1], want[SMTP_REPLY_LINE_MAX + 1];
	size_t len = long_line(stream, ' ', SMTP_REPLY_LINE_MAX);

	(void)state;
	memset(want, 'x', sizeof(want));
	memcpy(want, "250 ", 4);
	want[len - 2] = '|';
	assert_stream((struct span){stream, len}, (struct span){want, len - 1});
	len = long_line(stream, ' ', SMTP_REPLY_LINE_MAX + 1);
	assert_stream((struct span){stream, len}, SPAN("too long"));
	/* At once, not only when the line ends. */
	assert_stream((struct span){stream, SMTP_REPLY_LINE_MAX}, SPAN("too long"));
	assert_stream((struct span){stream, SMTP_REPLY_LINE_MAX - 1}, SPAN(""));
}

static void test_lines_limit(void **state)
{
	static char stream[SMTP_REPLY_LINES_MAX * 8];
	struct reply_parser p;
	struct buf out;
	size_t len = 0;

	(void)state;
	buf_init(&out, sizeof(stream));
	for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++, len += 7)
		memcpy(stream + len, "250-a\r\n", 7);
	reply_parser_init(&p);
	assert_true(feed_piece(&p, (struct span){stream, len}, &out));
	assert_true(span_equal(buf_span(&out), SPAN("too long")));
	reply_parser_fini(&p);
	/* One less, and the last: the largest reply. */
	buf_clear(&out);
	stream[len - 4] = ' ';
	reply_parser_init(&p);
	assert_false(feed_piece(&p, (struct span){stream, len}, &out));
	assert_int_equal(out.len, 4 + 2 * SMTP_REPLY_LINES_MAX - 1 + 1);
	reply_parser_fini(&p);
	buf_fini(&out);
}

/* The largest reply fits into what the parser may keep. */
static void test_largest(void **state)
{
	char line[SMTP_REPLY_LINE_MAX];
	struct reply_parser p;
	struct reply reply;
	size_t used;

	(void)state;
	reply_parser_init(&p);
	for (int i = 1; i <= SMTP_REPLY_LINES_MAX; i++) {
		bool is_last = i == SMTP_REPLY_LINES_MAX;
		size_t len = long_line(line, is_last ? ' ' : '-', sizeof(line));
		enum reply_step step;

		step = reply_parser_feed(&p, (struct span){line, len}, &used, &reply);
		assert_int_equal(step, is_last ? REPLY_DONE : REPLY_MORE);
	}
	assert_int_equal(reply.text.len, (SMTP_REPLY_LINE_MAX - 6 + 1) * SMTP_REPLY_LINES_MAX - 1);
	reply_parser_fini(&p);
}

/* A whole line is lent from the input, nothing is taken for it. */
static void test_borrowed(void **state)
{
	static const char stream[] = "250 2.1.5 fine\r\n250 next\r\n";
	struct reply_parser p;
	struct reply reply;
	size_t used;

	(void)state;
	reply_parser_init(&p);
	assert_int_equal(reply_parser_feed(&p, SPAN(stream), &used, &reply), REPLY_DONE);
	assert_ptr_equal(reply.text.data, stream + 4);
	assert_int_equal(used, 16);
	assert_null(p.kept.data);
	assert_int_equal(reply_parser_feed(&p, (struct span){stream + 16, 5}, &used, &reply),
			 REPLY_MORE);
	assert_non_null(p.kept.data);
	reply_parser_release(&p);
	assert_non_null(p.kept.data);
	assert_int_equal(reply_parser_feed(&p, (struct span){stream + 21, 5}, &used, &reply),
			 REPLY_DONE);
	assert_true(span_equal(reply.text, SPAN("next")));
	reply_parser_release(&p);
	assert_null(p.kept.data);
	reply_parser_fini(&p);
}

/* Streams out of what replies are made of, in random pieces. */
static void test_random_pieces(void **state)
{
	static const char *const atoms[] = {"250 ",   "250-",	    "250", "\r\n", "\n",
					    "\r",     "x",	    "ok",  "5.1",  "550 ",
					    "2.0.0 ", "451-ab\r\n", " ",   "-"};
	struct buf whole, pieces;
	struct rng rng;

	(void)state;
	rng_init(&rng, 20210321);
	buf_init(&whole, 4096);
	buf_init(&pieces, 4096);
	for (int round = 0; round < 3000; round++) {
		struct reply_parser p;
		char stream[256];
		size_t len = 0;
		bool is_over = false;

		for (uint64_t n = 1 + rng_below(&rng, 20); n > 0; n--) {
			uint64_t pick = rng_below(&rng, sizeof(atoms) / sizeof(atoms[0]));
			struct span atom = span_of(atoms[pick]);

			memcpy(stream + len, atom.data, atom.len);
			len += atom.len;
		}
		buf_clear(&whole);
		buf_clear(&pieces);
		feed_cut((struct span){stream, len}, len, &whole);
		reply_parser_init(&p);
		for (size_t at = 0; at < len && !is_over;) {
			size_t piece = 1 + (size_t)rng_below(&rng, len - at);

			is_over = feed_piece(&p, (struct span){stream + at, piece}, &pieces);
			at += piece;
		}
		reply_parser_fini(&p);
		if (!span_equal(buf_span(&whole), buf_span(&pieces)))
			fail_msg("round %d: \"%.*s\"", round, (int)len, stream);
	}
	buf_fini(&whole);
	buf_fini(&pieces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	      cmocka_unit_test(test_nul),
		cmocka_unit_test(test_line_limit),    cmocka_unit_test(test_lines_limit),
		cmocka_unit_test(test_largest),	      cmocka_unit_test(test_borrowed),
		cmocka_unit_test(test_random_pieces),
	};

	return cmocka_run_group_tests(tests, fence_make, NULL);
}
