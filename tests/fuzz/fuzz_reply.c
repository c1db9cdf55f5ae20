/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_reply.c - arbitrary octets as what a server says to the SMTP client
 *
 * Input: an octet of flags, an octet that says how the rest is cut, the rest: the server's stream.
 * After each piece the client's output is taken; messages, NOOP, RSET and QUIT are given as often
 * as it gets ready. Each input is played twice, the pieces as a whole and octet by octet: both
 * must give the same events and the same output. Beside that:
 * - the words of all recipients add up, in every outcome;
 * - nothing comes after FAILED and CLOSED;
 * - something that is waited for has a deadline, and nothing waits for ever;
 * - what is borrowed is not read later: input stands in memory of its own for each call.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "driver.h"
#include "smtp/client.h"

#define FLAG_PIPELINING 0x01
#define FLAG_CHUNKING	0x02
#define FLAG_LMTP	0x04
#define FLAG_TLS	0x08
#define FLAG_AUTH	0x10
#define FLAG_LATE_SENT	0x20 /* output is reported as sent one piece later */
#define FLAG_FEW	0x40 /* two segments an output */
#define FLAG_HELO	0x80

#define CHECKED(expression)                                                                        \
	do {                                                                                       \
		if (!(expression))                                                                 \
			abort();                                                                   \
	} while (0)

const char *const fuzz_words[] = {
	"220 ",	      "220-",	    "250 ",	"250-",	    "235 ",
	"334 ",	      "354 ",	    "421 ",	"450 ",	    "550 ",
	"503 ",	      "554 ",	    "\r\n",	"\n",	    "250 ok\r\n",
	"354 go\r\n", "PIPELINING", "CHUNKING", "STARTTLS", "AUTH PLAIN CRAM-MD5 LOGIN",
	"SIZE 10",    "SMTPUTF8",   "5.1.1 ",	NULL,
};

static const struct span rcpts[] = {
	{"a@example.com", 13}, {"b@example.com", 13}, {"c@example.com", 13}, {"d@example.com", 13}};

static const struct iovec lines[] = {{(void *)(uintptr_t) "Subject: x\r\n", 12},
				     {(void *)(uintptr_t) "\r\n", 2},
				     {(void *)(uintptr_t) "hello\r\n", 7}};

static const struct smtp_message message = {
	.mail_from = {"s@example.org", 13},
	.rcpt = rcpts,
	.rcpt_count = 4,
	.data = lines,
	.data_count = 3,
	.chunk = lines,
	.chunk_count = 3,
	.size = 21,
	.dsn_notify = "NEVER",
};

struct play {
	struct smtp_client client;
	struct smtp_client_params params;
	struct sasl_params auth;
	unsigned flags;
	struct buf tx;
	uint64_t hash; /* of events and output */
	int64_t now_ns;
	int actions;
	bool is_over, is_in_flight, has_message;
};

/* FNV-1a: a difference anywhere in the play makes a difference here. */
static void note(struct play *p, const void *data, size_t len)
{
	const unsigned char *octets = data;

	for (size_t i = 0; i < len; i++)
		p->hash = (p->hash ^ octets[i]) * UINT64_C(1099511628211);
}

static void note_number(struct play *p, int64_t number)
{
	note(p, &number, sizeof(number));
}

static void check_outcome(struct play *p, const struct smtp_outcome *o, bool may_be_open)
{
	CHECKED(o->accepted >= 0 && o->deferred >= 0 && o->rejected >= 0 && o->undecided >= 0);
	CHECKED(o->accepted + o->deferred + o->rejected + o->undecided == message.rcpt_count);
	CHECKED(may_be_open || (o->undecided == 0 && o->reply.code != 0));
	CHECKED(!o->is_in_doubt || o->undecided > 0);
	note_number(p, o->accepted);
	note_number(p, o->deferred);
	note_number(p, o->rejected);
	note_number(p, o->reply.code);
	note(p, o->reply.text.data, o->reply.text.len);
}

/* The owner: a message, then NOOP, a message, RSET, messages, and QUIT at last. */
static void act(struct play *p)
{
	switch (p->actions++) {
	case 1:
		smtp_client_noop(&p->client, p->now_ns);
		return;
	case 3:
		smtp_client_reset(&p->client, p->now_ns);
		return;
	case 6:
		smtp_client_quit(&p->client, p->now_ns);
		return;
	default:
		p->has_message = true;
		smtp_client_message(&p->client, &message, p->now_ns);
	}
}

static void on_event(struct play *p, const struct smtp_event *ev)
{
	CHECKED(!p->is_over);
	note_number(p, (int64_t)ev->kind);
	note_number(p, (int64_t)ev->command);
	note_number(p, ev->rcpt_idx);
	note_number(p, ev->reply.code);
	note(p, ev->reply.text.data, ev->reply.text.len);
	switch (ev->kind) {
	case SMTP_EVENT_REPLY:
		CHECKED(ev->reply.code >= 200 && ev->reply.code < 600);
		CHECKED(ev->rcpt_idx < message.rcpt_count);
		return;
	case SMTP_EVENT_STARTTLS:
	case SMTP_EVENT_BODY:
		return;
	case SMTP_EVENT_DONE:
		CHECKED(p->has_message && !p->is_in_flight);
		p->has_message = false;
		check_outcome(p, ev->outcome, false);
		act(p);
		return;
	case SMTP_EVENT_READY:
		CHECKED(smtp_client_is_ready(&p->client));
		act(p);
		return;
	case SMTP_EVENT_CLOSED:
	case SMTP_EVENT_FAILED:
		p->is_over = true;
		note_number(p, (int64_t)ev->fault);
		CHECKED(smtp_client_deadline(&p->client) == TIME_NEVER);
		return;
	}
}

static void feed(struct play *p, const uint8_t *data, size_t len)
{
	enum smtp_feed answer;

	do {
		struct smtp_event ev;
		char *copy = malloc(len > 0 ? len : 1);
		size_t used = 0;

		CHECKED(copy);
		if (len > 0)
			memcpy(copy, data, len);
		answer = smtp_client_feed(&p->client, (struct span){copy, len}, p->now_ns, &used,
					  &ev);
		CHECKED(used <= len && (answer == SMTP_FEED_EVENT || used == len));
		if (answer == SMTP_FEED_EVENT)
			on_event(p, &ev);
		free(copy);
		data += used;
		len -= used;
	} while (answer == SMTP_FEED_EVENT);
	CHECKED(!smtp_client_has_event(&p->client));
}

static void sent(struct play *p)
{
	p->is_in_flight = false;
	smtp_client_sent(&p->client, p->now_ns);
	buf_clear(&p->tx);
	feed(p, (const uint8_t *)"", 0);
}

static void drain(struct play *p)
{
	struct iovec segments[16];
	int count;

	while (!p->is_in_flight) {
		count = smtp_client_output(&p->client, p->now_ns, &p->tx, segments,
					   p->flags & FLAG_FEW ? 2 : 16);
		if (count == 0)
			return;
		CHECKED(!p->is_over);
		for (int i = 0; i < count; i++)
			note(p, segments[i].iov_base, segments[i].iov_len);
		p->is_in_flight = true;
		CHECKED(smtp_client_deadline(&p->client) != TIME_NEVER);
		if (p->flags & FLAG_LATE_SENT)
			return;
		sent(p);
	}
}

/* The handshake that STARTTLS asked for succeeds at once, unless something follows in clear. */
static void after_piece(struct play *p)
{
	if (p->is_in_flight)
		sent(p);
	drain(p);
	p->now_ns += NS_PER_MS;
}

static size_t piece_len(uint8_t cut, const uint8_t *data, size_t len)
{
	const uint8_t *lf = memchr(data, '\n', len);

	if (cut < 128)
		return lf ? (size_t)(lf - data) + 1 : len;
	return (size_t)(cut - 127) < len ? (size_t)(cut - 127) : len;
}

static void play_end(struct play *p)
{
	struct smtp_outcome outcome;
	enum smtp_command command;
	enum phase phase;

	if (smtp_client_broken(&p->client, &outcome, &command, &phase)) {
		CHECKED(p->has_message);
		check_outcome(p, &outcome, true);
	} else {
		CHECKED(!p->has_message);
	}
	note_number(p, (int64_t)command);
	note_number(p, (int64_t)phase);
	CHECKED(!smtp_client_broken(&p->client, &outcome, &command, &phase));
	CHECKED(!smtp_client_is_ready(&p->client));
	smtp_client_fini(&p->client);
	buf_fini(&p->tx);
}

static void play_begin(struct play *p, unsigned flags)
{
	*p = (struct play){.flags = flags, .now_ns = NS_PER_SEC};
	p->params.helo_name = "client.example.org";
	p->params.use_pipelining = flags & FLAG_PIPELINING;
	p->params.use_chunking = flags & FLAG_CHUNKING;
	p->params.is_lmtp = flags & FLAG_LMTP;
	p->params.use_helo = flags & FLAG_HELO;
	p->params.tls = flags & FLAG_TLS ? SMTP_TLS_MAY : SMTP_TLS_NONE;
	p->auth = (struct sasl_params){.user = "u", .password = "p", .allow_clear = true};
	p->params.auth = flags & FLAG_AUTH ? &p->auth : NULL;
	smtp_timeouts_rfc5321(&p->params.timeouts);
	buf_init(&p->tx, 16384);
	smtp_client_init(&p->client, &p->params, p->now_ns);
}

static bool is_sealing(const struct play *p)
{
	/* Nothing is waited for by the client, and it is neither ready nor over. */
	return !p->is_over && !smtp_client_is_ready(&p->client) &&
	       smtp_client_deadline(&p->client) == TIME_NEVER;
}

static uint64_t play(unsigned flags, uint8_t cut, const uint8_t *data, size_t len, bool by_octet)
{
	struct play p;

	play_begin(&p, flags);
	while (len > 0) {
		size_t piece = piece_len(cut, data, len);

		for (size_t i = 0; by_octet && i < piece; i++)
			feed(&p, data + i, 1);
		if (!by_octet)
			feed(&p, data, piece);
		after_piece(&p);
		if (is_sealing(&p)) {
			smtp_client_secured(&p.client, p.now_ns);
			drain(&p);
		}
		data += piece;
		len -= piece;
	}
	play_end(&p);
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
