/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_server_data.c - where a message ends, and what of it is content
 *
 * RFC 5321 s4.5.2 (transparency) and s2.3.8: nothing but CRLF.CRLF ends a message; what a server
 * takes besides is how a second message is smuggled in. Fixed cases, and random ones against a
 * scanner of a few lines that looks at single octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/rng.h"
#include "smtp/server.h"

static void texts_of(enum smtp_strictness strictness, struct smtp_server_texts *texts)
{
	struct smtp_server_params p = {.name = "mx.example", .strictness = strictness};

	assert_int_equal(smtp_server_texts_init(texts, &p, NULL), 0);
}

struct got {
	struct buf content;
	bool has_ended, is_bare;
	uint64_t size;
	size_t used; /* of the input, up to the end */
};

static void start(struct smtp_server *s, const struct smtp_server_texts *texts, bool wants_content)
{
	static const char dialogue[] = "HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
	struct span in = {dialogue, sizeof(dialogue) - 1};
	struct smtp_server_event ev;
	size_t used;

	smtp_server_init(s, texts, false);
	while (s->state != SMTP_SERVER_DATA) {
		assert_int_equal(smtp_server_feed(s, in, &used, &ev), SMTP_SERVER_EVENT);
		in = span_skip(in, used);
		smtp_server_settle(s, smtp_server_answer_code(s));
	}
	s->wants_content = wants_content;
	assert_int_equal(smtp_server_feed(s, SPAN(""), &used, &ev), SMTP_SERVER_EVENT);
	assert_int_equal(ev.kind, SMTP_SERVER_CONTENT);
}

/* Feeds data in pieces of the given size (0: as a whole) up to the end of the message. */
static void scan(const struct smtp_server_texts *texts, struct span data, size_t piece,
		 bool wants_content, struct got *g)
{
	struct smtp_server s;

	*g = (struct got){0};
	buf_init(&g->content, 1 << 20);
	start(&s, texts, wants_content);
	while (!g->has_ended && data.len > 0) {
		size_t len = piece > 0 && piece < data.len ? piece : data.len;
		char *copy = malloc(len);
		struct span in = {copy, len};
		enum smtp_server_step step;

		memcpy(copy, data.data, len);
		do {
			struct smtp_server_event ev = {0};
			size_t used;

			step = smtp_server_feed(&s, in, &used, &ev);
			in = span_skip(in, used);
			data = span_skip(data, used);
			g->used += used;
			if (step != SMTP_SERVER_EVENT)
				continue;
			if (ev.kind == SMTP_SERVER_BYTES)
				assert_true(buf_append(&g->content, ev.bytes.data, ev.bytes.len));
			g->has_ended = ev.kind == SMTP_SERVER_END;
			g->size = ev.size;
		} while (step == SMTP_SERVER_EVENT && !g->has_ended);
		free(copy);
	}
	if (!g->has_ended)
		g->size = s.size;
	g->is_bare = s.has_bare_line_end;
	smtp_server_fini(&s);
}

struct data_case {
	const char *in;
	const char *content; /* up to the end */
	bool ends;
};

static void check(enum smtp_strictness strictness, const struct data_case *cases, size_t count)
{
	struct smtp_server_texts texts;

	texts_of(strictness, &texts);
	for (size_t i = 0; i < count; i++)
		for (size_t piece = 0; piece <= strlen(cases[i].in); piece++) {
			const struct data_case *c = &cases[i];
			struct got g;

			scan(&texts, span_of(c->in), piece, true, &g);
			assert_int_equal(g.has_ended, c->ends);
			assert_int_equal(g.content.len, strlen(c->content));
			assert_memory_equal(g.content.len > 0 ? g.content.data : "", c->content,
					    g.content.len);
			assert_int_equal(g.size, g.content.len);
			buf_fini(&g.content);
			/* Nobody wants the content: the size and the end are the same. */
			scan(&texts, span_of(c->in), piece, false, &g);
			assert_int_equal(g.has_ended, c->ends);
			assert_int_equal(g.content.len, 0);
			assert_int_equal(g.size, strlen(c->content));
			buf_fini(&g.content);
		}
}

static void test_transparency(void **state)
{
	static const struct data_case cases[] = {
		{".\r\n", "", true},
		{"a\r\n.\r\n", "a\r\n", true},
		{"..\r\n.\r\n", ".\r\n", true},
		{".a\r\n..b\r\n...\r\n.\r\n", "a\r\n.b\r\n..\r\n", true},
		{"a.b..c\r\n.\r\n", "a.b..c\r\n", true},
		{"\r\n\r\n.\r\n", "\r\n\r\n", true},
		{".\rx\r\n.\r\n", "\rx\r\n", true},
		{".\r\r\n.\r\n", "\r\r\n", true},
		{".\r.\r\n.\r\n", "\r.\r\n", true},
		{"a\r\n. \r\n.\r\n", "a\r\n \r\n", true},
		{"a\r\n.", "a\r\n", false},
		{"a\r\n.\r", "a\r\n", false},
	};

	(void)state;
	check(SMTP_NORMAL, cases, sizeof(cases) / sizeof(*cases));
	check(SMTP_STRICT, cases, sizeof(cases) / sizeof(*cases));
}

/* Each of these ends the message at some server; at this one it does not. */
static void test_smuggling(void **state)
{
	static const struct data_case cases[] = {
		{"a\n.\n", "a\n.\n", false},	   {"a\n.\r\n", "a\n.\r\n", false},
		{"a\r\n.\n", "a\r\n\n", false},	   {"a\r.\r", "a\r.\r", false},
		{"a\r.\r\n", "a\r.\r\n", false},   {"a\r\n.\r", "a\r\n", false},
		{"a\r\n.\rb", "a\r\n\rb", false},  {"a\n\n.\r\n", "a\n\n.\r\n", false},
		{"a\r\r\n.\r\n", "a\r\r\n", true}, {"\n.\r\n.\r\n", "\n.\r\n", true},
	};

	(void)state;
	check(SMTP_NORMAL, cases, sizeof(cases) / sizeof(*cases));
}

static void test_lenient(void **state)
{
	static const struct data_case cases[] = {
		{"a\n.\n", "a\n", true},
		{"a\n.\r\n", "a\n", true},
		{"a\r\n.\n", "a\r\n", true},
		{"a\n..\n.\n", "a\n.\n", true},
		{".\n", "", true},
		{"a\r.\r\n.\r\n", "a\r.\r\n", true},
		{"a\n.b\n\n.\r\n", "a\nb\n\n", true},
	};

	(void)state;
	check(SMTP_LENIENT, cases, sizeof(cases) / sizeof(*cases));
}

/* SMTP_STRICT refuses a message with bare line ends, wherever the input is cut. */
static void test_bare_line_ends(void **state)
{
	static const struct {
		const char *in;
		bool is_bare;
	} cases[] = {
		{"a\r\nb\r\n.\r\n", false}, {"a\nb\r\n.\r\n", true}, {"a\rb\r\n.\r\n", true},
		{"\n\r\n.\r\n", true},	    {"a\r\r\n.\r\n", true},  {".\rx\r\n.\r\n", true},
		{"..\r\n.\r\n", false},
	};
	struct smtp_server_texts texts;

	(void)state;
	texts_of(SMTP_STRICT, &texts);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t piece = 0; piece < 8; piece++) {
			struct got g;

			scan(&texts, span_of(cases[i].in), piece, piece % 2, &g);
			assert_true(g.has_ended);
			assert_int_equal(g.is_bare, cases[i].is_bare);
			buf_fini(&g.content);
		}
}

/* The rule as it is written down, octet by octet. */
static bool oracle(struct span in, bool is_lenient, struct buf *content, size_t *ret_used)
{
	bool at_start = true;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.data[i];

		if (at_start && c == '.') {
			bool is_crlf =
				i + 2 < in.len && in.data[i + 1] == '\r' && in.data[i + 2] == '\n';
			bool is_lf = is_lenient && i + 1 < in.len && in.data[i + 1] == '\n';

			if (is_crlf || is_lf) {
				*ret_used = i + (is_crlf ? 3 : 2);
				return true;
			}
			at_start = false;
			continue;
		}
		assert_true(buf_append(content, &c, 1));
		at_start = c == '\n' && (is_lenient || (i > 0 && in.data[i - 1] == '\r'));
	}
	return false;
}

static void test_random(void **state)
{
	static const char alphabet[] = {'.', '\r', '\n', 'x'};
	struct smtp_server_texts texts[2];
	struct rng rng;

	(void)state;
	texts_of(SMTP_NORMAL, &texts[0]);
	texts_of(SMTP_LENIENT, &texts[1]);
	rng_init(&rng, 20);
	for (int round = 0; round < 20000; round++) {
		char data[64];
		size_t len = 3 + rng_below(&rng, sizeof(data) - 8), used = 0;
		bool is_lenient = round & 1, ends;
		struct buf want;
		struct got g;

		for (size_t i = 0; i < len; i++)
			data[i] = alphabet[rng_below(&rng, sizeof(alphabet))];
		/* It ends at last, so that nothing is held back where the two are compared. */
		memcpy(data + len, "\r\n.\r\n", 5);
		buf_init(&want, 1000);
		ends = oracle((struct span){data, len + 5}, is_lenient, &want, &used);
		assert_true(ends);
		scan(&texts[is_lenient], (struct span){data, len + 5}, rng_below(&rng, 9),
		     rng_below(&rng, 4) > 0, &g);
		assert_true(g.has_ended);
		assert_int_equal(g.used, used);
		assert_int_equal(g.size, want.len);
		if (g.content.len > 0)
			assert_memory_equal(g.content.data, want.data, want.len);
		buf_fini(&g.content);
		buf_fini(&want);
	}
}

/* RFC 1870 s6.1: over the limit is told at the end, and all of it is taken. */
static void test_too_big(void **state)
{
	struct smtp_server_params p = {.name = "mx.example", .size_max = 5};
	struct smtp_server_texts texts;
	struct smtp_server_event ev;
	struct smtp_server s;
	size_t used;

	(void)state;
	assert_int_equal(smtp_server_texts_init(&texts, &p, NULL), 0);
	for (int extra = 0; extra < 2; extra++) {
		struct span in = extra ? SPAN("1234\r\n.\r\n") : SPAN("123\r\n.\r\n");

		start(&s, &texts, false);
		assert_int_equal(smtp_server_feed(&s, in, &used, &ev), SMTP_SERVER_EVENT);
		assert_int_equal(used, in.len);
		assert_int_equal(ev.kind, SMTP_SERVER_END);
		assert_int_equal(smtp_server_answer_code(&s), extra ? 552 : 250);
		smtp_server_settle(&s, smtp_server_answer_code(&s));
		assert_int_equal(s.state, SMTP_SERVER_READY);
		smtp_server_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transparency), cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_lenient),	     cmocka_unit_test(test_bare_line_ends),
		cmocka_unit_test(test_random),	     cmocka_unit_test(test_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
