/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server_talk.c - dialogues with the server, run whichever way the input can be cut
 */
#include "server_talk.h"
#include <stdlib.h>

#define ALL_EXTENSIONS                                                                             \
	((uint32_t)(SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 |  \
		    SMTP_EXT_CHUNKING | SMTP_EXT_DSN | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH |         \
		    SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_LIMITS | SMTP_EXT_BINARYMIME))

static const char *password_of(const struct sasl_accounts *self, const char *user)
{
	(void)self;
	return strcmp(user, "joe") == 0 ? "secret" : NULL;
}

const struct sasl_accounts talk_accounts = {password_of};

static void note_request(struct heard *h, const struct smtp_request *r)
{
	if (r->fault != SMTP_REQUEST_FINE)
		return;
	if (r->verb == SMTP_VERB_MAIL) {
		assert_true(buf_printf(&h->events, "[%.*s", (int)r->path.len, r->path.data));
		if (r->size > 0)
			assert_true(buf_printf(&h->events, " %llu", (unsigned long long)r->size));
		if (r->body == SMTP_BODY_8BITMIME)
			assert_true(buf_append_text(&h->events, " 8bit"));
		if (r->is_utf8)
			assert_true(buf_append_text(&h->events, " utf8"));
	}
	if (r->verb == SMTP_VERB_RCPT) {
		assert_true(buf_printf(&h->events, ">%.*s", (int)r->path.len, r->path.data));
		if (r->notify.len > 0)
			assert_true(buf_printf(&h->events, " %.*s", (int)r->notify.len,
					       r->notify.data));
	}
}

static void act(struct heard *h, const struct smtp_server_event *ev)
{
	bool is_told = true;

	switch (ev->kind) {
	case SMTP_SERVER_CONTENT:
		assert_true(buf_append_text(&h->events, ":"));
		return;
	case SMTP_SERVER_BYTES:
		assert_true(ev->bytes.len > 0);
		assert_true(buf_append(&h->events, ev->bytes.data, ev->bytes.len));
		return;
	case SMTP_SERVER_END:
		if (ev->rcpt_idx <= 0)
			assert_true(buf_printf(&h->events, "]%llu", (unsigned long long)ev->size));
		break;
	case SMTP_SERVER_COMMAND:
		note_request(h, &ev->request);
		is_told =
			ev->request.fault != SMTP_REQUEST_FINE ||
			(ev->request.verb != SMTP_VERB_CONNECT &&
			 ev->request.verb != SMTP_VERB_EHLO && ev->request.verb != SMTP_VERB_LHLO);
		break;
	}
	if (is_told) {
		int code = smtp_server_answer_code(&h->server);

		assert_int_equal(smtp_server_answer(&h->server, &h->out), code);
	} else {
		smtp_server_settle(&h->server, smtp_server_answer_code(&h->server));
	}
}

/* Feeds a piece until it is used up. */
static void feed(struct heard *h, const char *data, size_t len)
{
	char *piece = malloc(len > 0 ? len : 1);
	struct span in = {piece, len};

	memcpy(piece, data, len);
	for (;;) {
		struct smtp_server_event ev = {0};
		size_t used;
		enum smtp_server_step step = smtp_server_feed(&h->server, in, &used, &ev);

		assert_true(used <= in.len);
		in = span_skip(in, used);
		if (step == SMTP_SERVER_WAIT) {
			assert_int_equal(h->server.state, SMTP_SERVER_TLS);
			break;
		}
		if (step == SMTP_SERVER_MORE)
			break;
		act(h, &ev);
	}
	assert_int_equal(in.len, 0);
	free(piece);
}

void talk_begin(struct heard *h, const struct smtp_server_texts *texts)
{
	buf_init(&h->out, 1 << 20);
	buf_init(&h->events, 1 << 20);
	smtp_server_init(&h->server, texts, false);
	h->server.wants_content = true;
	feed(h, "", 0);
}

void talk_end(struct heard *h)
{
	smtp_server_fini(&h->server);
	buf_fini(&h->out);
	buf_fini(&h->events);
}

void talk_expect(const struct buf *b, const char *want, const char *name)
{
	if (b->len == strlen(want) && (b->len == 0 || memcmp(b->data, want, b->len) == 0))
		return;
	print_message("%s: got\n%.*s\nwant\n%s\n", name, (int)b->len, b->len > 0 ? b->data : "",
		      want);
	fail();
}

/* piece 0: whole segments; cut > 0: two pieces in each segment longer than that. */
static void run(const struct dialogue *d, const struct smtp_server_texts *texts, size_t piece,
		size_t cut)
{
	struct heard h;

	talk_begin(&h, texts);
	for (int i = 0; i < SEGMENTS_MAX && d->in[i]; i++) {
		size_t len = strlen(d->in[i]), at = 0;

		if (h.server.state == SMTP_SERVER_TLS)
			smtp_server_sealed(&h.server);
		while (at < len) {
			size_t part = piece > 0				? piece
				      : at == 0 && cut > 0 && cut < len ? cut
									: len;

			part = part < len - at ? part : len - at;
			feed(&h, d->in[i] + at, part);
			at += part;
		}
	}
	talk_expect(&h.out, d->out, d->name);
	if (d->events)
		talk_expect(&h.events, d->events, d->name);
	talk_end(&h);
}

void talk_prepare(const struct dialogue *d, struct smtp_server_texts *texts)
{
	struct smtp_server_params p = d->params;

	p.name = p.name ? p.name : "mx.example";
	p.extensions = p.extensions ? p.extensions : ALL_EXTENSIONS;
	p.auth_mechanisms = SASL_PLAIN | SASL_LOGIN | SASL_CRAM_MD5;
	assert_int_equal(smtp_server_texts_init(texts, &p, NULL), 0);
}

void talk_check(const struct dialogue *dialogues, size_t count)
{
	static const size_t pieces[] = {1, 2, 3, 5, 17};

	for (size_t i = 0; i < count; i++) {
		const struct dialogue *d = &dialogues[i];
		struct smtp_server_texts texts;
		size_t longest = 0;

		talk_prepare(d, &texts);
		for (int s = 0; s < SEGMENTS_MAX && d->in[s]; s++)
			longest = strlen(d->in[s]) > longest ? strlen(d->in[s]) : longest;
		run(d, &texts, 0, 0);
		for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++)
			run(d, &texts, pieces[p], 0);
		for (size_t cut = 1; cut < longest && cut < 400; cut++)
			run(d, &texts, 0, cut);
	}
}

void talk_feed(struct heard *h, const char *data)
{
	feed(h, data, strlen(data));
}
