/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server_talk.h - dialogues with the server, run whichever way the input can be cut
 *
 * Each case is a dialogue: segments of input, what must have been said to each, and what the
 * events told. It is run whole, in pieces of several sizes, and cut in two at each octet; a piece
 * lies in memory of exactly its size, so that a sanitizer sees an octet read too many. Between
 * segments TLS begins where STARTTLS was granted.
 */
#ifndef VOLLEY_TESTS_SMTP_SERVER_TALK_H
#define VOLLEY_TESTS_SMTP_SERVER_TALK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "smtp/server.h"

#define SEGMENTS_MAX 8

/* Knows "joe" with the password "secret". */
extern const struct sasl_accounts talk_accounts;

struct dialogue {
	const char *name;
	struct smtp_server_params params; /* name and extensions are filled in where they are 0 */
	const char *in[SEGMENTS_MAX];
	const char *out;    /* all that was said, the greeting and EHLO's reply left out */
	const char *events; /* of messages: "[a@b>c@d,e@f 8bit:content]"; NULL: not looked at */
};

struct heard {
	struct buf out, events;
	struct smtp_server server;
};

/* The texts of a server with the dialogue's parameters. */
void talk_prepare(const struct dialogue *d, struct smtp_server_texts *texts);

/* One session, step by step: begin, feed until used up, end. */
void talk_begin(struct heard *h, const struct smtp_server_texts *texts);
void talk_feed(struct heard *h, const char *data);
void talk_end(struct heard *h);
void talk_expect(const struct buf *b, const char *want, const char *name);

/* Runs each dialogue in every cut. */
void talk_check(const struct dialogue *dialogues, size_t count);

#define EHLO	    "EHLO c.example\r\n"
#define MAIL	    "MAIL FROM:<a@b.example>\r\n"
#define RCPT	    "RCPT TO:<c@d.example>\r\n"
#define MAIL_OK	    "250 2.1.0 Ok\r\n"
#define RCPT_OK	    "250 2.1.5 Ok\r\n"
#define DATA_OK	    "354 End data with <CR><LF>.<CR><LF>\r\n"
#define DOT_OK	    "250 2.0.0 Ok\r\n"
#define OPENED	    MAIL_OK RCPT_OK DATA_OK
#define BYE	    "221 2.0.0 Bye\r\n"
#define CHECK(list) talk_check(list, sizeof(list) / sizeof(*(list)))

#endif
