/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_server.c - arbitrary octets as what a client says to the SMTP server
 *
 * Input: an octet of flags, an octet that says how the rest is cut, the rest: the client's stream.
 * Commands are answered as the server would, but for every few, where the flags say so. Each input
 * is played twice, the pieces as a whole and octet by octet: both must give the same events, the
 * same content and the same replies. Beside that:
 * - the content of a message is as long as its end says;
 * - every reply is whole lines that begin with their code, and says what was foretold;
 * - a reply is owed exactly after a command and an end, and nothing comes after the session closed;
 * - input stands in memory of its own for each call, so that a sanitizer sees what is read later.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"
#include "smtp/server.h"

#define FLAG_LENIENT 0x01
#define FLAG_STRICT  0x02
#define FLAG_LMTP    0x04
#define FLAG_LIMITS  0x08
#define FLAG_SEALED  0x10
#define FLAG_REFUSES 0x20 /* every fifth reply is another one */
#define FLAG_BLIND   0x40 /* content is not looked at */
#define FLAG_BARE    0x80 /* no extensions */

#define CHECKED(expression)                                                                        \
	do {                                                                                       \
		if (!(expression))                                                                 \
			abort();                                                                   \
	} while (0)

const char *const fuzz_words[] = {
	"EHLO x\r\n",
	"HELO x\r\n",
	"LHLO x\r\n",
	"MAIL FROM:<a@b.example>",
	"RCPT TO:<c@d.example>",
	" SIZE=10",
	" BODY=BINARYMIME",
	" SMTPUTF8",
	" NOTIFY=NEVER",
	"DATA\r\n",
	"\r\n.\r\n",
	"\n.\n",
	"\r\n..",
	"BDAT 3\r\n",
	"BDAT 0 LAST\r\n",
	"RSET\r\n",
	"NOOP\r\n",
	"QUIT\r\n",
	"STARTTLS\r\n",
	"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
	"AUTH LOGIN\r\n",
	"AUTH CRAM-MD5\r\n",
	"c2VjcmV0\r\n",
	"*\r\n",
	"\r",
	"\n",
	"\r\n",
	"<",
	">",
	"\"",
	"\\",
	"@",
	NULL,
};

struct play {
	struct smtp_server server;
	unsigned flags;
	struct buf out;
	uint64_t hash; /* of events, content and replies */
	uint64_t content;
	unsigned replies;
	bool is_open; /* within a message */
};

static const char *password_of(const struct sasl_accounts *self, const char *user)
{
	(void)self;
	return strcmp(user, "joe") == 0 ? "secret" : NULL;
}

static const struct sasl_accounts accounts = {password_of};

/* FNV-1a: a difference anywhere in the play makes a difference here. */
static void note(struct play *p, const void *data, size_t len)
{
	const unsigned char *octets = data;

	for (size_t i = 0; i < len; i++)
		p->hash = (p->hash ^ octets[i]) * UINT64_C(1099511628211);
}

static void note_number(struct play *p, uint64_t number)
{
	note(p, &number, sizeof(number));
}

static void check_reply(struct play *p, int code)
{
	const char *text = p->out.data;

	CHECKED(p->out.len >= 5 && code >= 200 && code < 600);
	CHECKED(text[0] - '0' == code / 100 && text[1] - '0' == code / 10 % 10 &&
		text[2] - '0' == code % 10);
	CHECKED(text[p->out.len - 2] == '\r' && text[p->out.len - 1] == '\n');
	/* What CRAM-MD5 asks is another thing every time. */
	if (code != 334)
		note(p, text, p->out.len);
	buf_clear(&p->out);
}

static void answer(struct play *p)
{
	int code = smtp_server_answer_code(&p->server);

	CHECKED(p->server.is_owed);
	if ((p->flags & FLAG_REFUSES) && ++p->replies % 5 == 0) {
		CHECKED(smtp_server_reply(&p->server, 450, SPAN("450 no\r\n"), &p->out));
		code = 450;
	} else {
		CHECKED(smtp_server_answer(&p->server, &p->out) == code);
	}
	CHECKED(!p->server.is_owed);
	check_reply(p, code);
}

static void on_event(struct play *p, const struct smtp_server_event *ev)
{
	/* The borders of stretches may differ; what they hold may not. */
	if (ev->kind != SMTP_SERVER_BYTES)
		note_number(p, ev->kind);
	switch (ev->kind) {
	case SMTP_SERVER_CONTENT:
		CHECKED(!p->is_open);
		p->is_open = true;
		p->content = 0;
		break;
	case SMTP_SERVER_BYTES:
		CHECKED(p->is_open && ev->bytes.len > 0 && !(p->flags & FLAG_BLIND));
		p->content += ev->bytes.len;
		note(p, ev->bytes.data, ev->bytes.len);
		break;
	case SMTP_SERVER_END:
		CHECKED(p->is_open || (p->flags & FLAG_LMTP));
		CHECKED((p->flags & FLAG_BLIND) || ev->size == p->content);
		note_number(p, ev->size);
		note_number(p, (uint64_t)ev->rcpt_idx);
		p->is_open = false;
		answer(p);
		break;
	case SMTP_SERVER_COMMAND:
		note_number(p, ev->request.verb);
		note_number(p, ev->request.fault);
		note(p, ev->request.path.data, ev->request.path.len);
		note(p, ev->request.argument.data, ev->request.argument.len);
		note_number(p, ev->request.size);
		answer(p);
		/* A transaction may be over in the midst of its chunks. */
		p->is_open = p->is_open && (p->server.state == SMTP_SERVER_BETWEEN ||
					    p->server.state == SMTP_SERVER_CHUNK);
		break;
	}
}

static void feed(struct play *p, const uint8_t *data, size_t len)
{
	for (;;) {
		bool was_closing = smtp_server_is_closing(&p->server);
		struct smtp_server_event ev = {0};
		char *copy = malloc(len > 0 ? len : 1);
		enum smtp_server_step step;
		size_t used;

		CHECKED(copy);
		if (len > 0)
			memcpy(copy, data, len);
		step = smtp_server_feed(&p->server, (struct span){copy, len}, &used, &ev);
		CHECKED(used <= len && (step != SMTP_SERVER_MORE || used == len));
		CHECKED(!was_closing || step == SMTP_SERVER_MORE);
		if (step == SMTP_SERVER_EVENT)
			on_event(p, &ev);
		free(copy);
		data += used;
		len -= used;
		if (step == SMTP_SERVER_WAIT) {
			CHECKED(p->server.state == SMTP_SERVER_TLS && len == 0);
			smtp_server_sealed(&p->server);
			continue;
		}
		if (step == SMTP_SERVER_MORE)
			return;
	}
}

static size_t piece_len(uint8_t cut, const uint8_t *data, size_t len)
{
	const uint8_t *lf = memchr(data, '\n', len);

	if (cut < 128)
		return lf ? (size_t)(lf - data) + 1 : len;
	return (size_t)(cut - 127) < len ? (size_t)(cut - 127) : len;
}

/*
 * Whether clear text stands behind STARTTLS depends on how it is cut, and shall: the command is on
 * offer where pieces end with their lines.
 */
static void play_begin(struct play *p, unsigned flags, uint8_t cut, struct smtp_server_texts *texts)
{
	struct smtp_server_params params = {
		.name = "mx.example",
		.is_lmtp = flags & FLAG_LMTP,
		.extensions = flags & FLAG_BARE ? 0 : 0x7ff,
		.auth_mechanisms = SASL_PLAIN | SASL_LOGIN | SASL_CRAM_MD5,
		.accounts = &accounts,
		.allow_clear_auth = true,
		.strictness = flags & FLAG_LENIENT  ? SMTP_LENIENT
			      : flags & FLAG_STRICT ? SMTP_STRICT
						    : SMTP_NORMAL,
		.line_max = 200,
	};

	if (flags & FLAG_LIMITS) {
		params.size_max = 20;
		params.rcpt_max = 2;
		params.mail_max = 2;
	}
	if (cut >= 128)
		params.extensions &= ~(uint32_t)SMTP_EXT_STARTTLS;
	CHECKED(smtp_server_texts_init(texts, &params, NULL) == 0);
	*p = (struct play){.flags = flags};
	buf_init(&p->out, 16384);
	smtp_server_init(&p->server, texts, flags & FLAG_SEALED);
	p->server.wants_content = !(flags & FLAG_BLIND);
}

static uint64_t play(unsigned flags, uint8_t cut, const uint8_t *data, size_t len, bool by_octet)
{
	struct smtp_server_texts texts;
	struct play p;

	play_begin(&p, flags, cut, &texts);
	feed(&p, (const uint8_t *)"", 0);
	while (len > 0) {
		size_t piece = piece_len(cut, data, len);

		for (size_t i = 0; by_octet && i < piece; i++)
			feed(&p, data + i, 1);
		if (!by_octet)
			feed(&p, data, piece);
		data += piece;
		len -= piece;
	}
	note_number(&p, p.server.state);
	note_number(&p, p.server.errors);
	smtp_server_fini(&p.server);
	buf_fini(&p.out);
	return p.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	CHECKED(play(data[0], data[1], data + 2, size - 2, false) ==
		play(data[0], data[1], data + 2, size - 2, true));
	return 0;
}
