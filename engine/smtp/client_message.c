/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_message.c - one message: what becomes of it, and of each of its recipients
 *
 * A recipient gets its final word from its own RCPT when refused there, else from MAIL, DATA, BDAT
 * or the dot, whichever refuses first, else from the reply to the content. Over LMTP the content
 * has a reply for each recipient that RCPT accepted (RFC 2033 s4.2).
 *
 * Pipelined, replies may contradict each other: recipients may be accepted after MAIL was refused,
 * DATA may get 354 with nobody accepted (RFC 2920 s3.1). The first refusal stands, and the dialogue
 * is brought to its end as the protocol wants it: with a dot and nothing before it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "smtp/client_internal.h"
#include "smtp/octets.h"

void smtp_message_forget(struct smtp_client *c)
{
	if (!c->kept_long)
		return;
	free(c->kept_long);
	c->kept_long = NULL;
}

/* Makes the reply the decisive one. Its text goes with the input, so that it is copied. */
static void reply_keep(struct smtp_client *c, const struct reply *reply, enum smtp_command command)
{
	char *to = c->kept_text;
	size_t len = reply->text.len;

	smtp_message_forget(c);
	if (len > sizeof(c->kept_text)) {
		c->kept_long = malloc(len);
		if (c->kept_long)
			to = c->kept_long;
		else
			len = sizeof(c->kept_text); /* the beginning tells more than nothing */
	}
	if (len > 0)
		memcpy(to, reply->text.data, len);
	c->outcome.reply = *reply;
	c->outcome.reply.text = (struct span){to, len};
	c->outcome.command = command;
}

/* The reply is the final word for count recipients. The first failure is decisive. */
static void settle(struct smtp_client *c, int count, const struct reply *reply,
		   enum smtp_command command)
{
	struct smtp_outcome *o = &c->outcome;
	bool is_failure = reply->code >= 400;

	if (count <= 0)
		return;
	if (is_failure ? o->deferred + o->rejected == 0 : o->reply.code == 0)
		reply_keep(c, reply, command);
	if (!is_failure)
		o->accepted += count;
	else if (reply->code < 500)
		o->deferred += count;
	else
		o->rejected += count;
}

/* Recipients without a final word. */
static int open_count(const struct smtp_client *c)
{
	const struct smtp_outcome *o = &c->outcome;

	return c->message->rcpt_count - o->accepted - o->deferred - o->rejected;
}

/* Nothing more of the transaction is put out, but for content that a BDAT has announced. */
static void stop(struct smtp_client *c)
{
	if (c->next < SMTP_NEXT_BODY)
		c->next = SMTP_NEXT_NOTHING;
}

void smtp_message_check_done(struct smtp_client *c)
{
	if (c->next != SMTP_NEXT_NOTHING || c->pending_count > 0 || c->due != SMTP_DUE_NOTHING)
		return;
	/* What is waited for comes from an answered command: none means that all had their say. */
	CHECK(open_count(c) == 0);
	c->is_reset_due = c->is_transaction;
	c->is_transaction = false;
	c->due = SMTP_DUE_DONE;
}

/* A message that would be refused is not sent; the words say whose they are. */
static void refuse_locally(struct smtp_client *c, uint16_t code, struct enhanced_code enhanced,
			   const char *text)
{
	struct reply reply = {.code = code, .enhanced = enhanced, .text = span_of(text)};

	settle(c, c->message->rcpt_count, &reply, SMTP_MAIL);
	c->next = SMTP_NEXT_NOTHING;
	c->due = SMTP_DUE_DONE;
}

static void check_against_capabilities(struct smtp_client *c, const struct smtp_message *m)
{
	const struct smtp_capabilities *cap = &c->capabilities;
	char text[192];

	if ((cap->extensions & SMTP_EXT_SIZE) && cap->size_max > 0 && m->size > cap->size_max) {
		snprintf(text, sizeof(text),
			 SMTP_LOCAL_REPLY "not sent, since its %llu octets are more than the %llu "
					  "that the server announced (SIZE)",
			 (unsigned long long)m->size, (unsigned long long)cap->size_max);
		refuse_locally(c, 552, (struct enhanced_code){5, 3, 4}, text);
	} else if (m->is_utf8 && !(cap->extensions & SMTP_EXT_SMTPUTF8)) {
		refuse_locally(c, 553, (struct enhanced_code){5, 6, 7},
			       SMTP_LOCAL_REPLY "not sent, since it needs SMTPUTF8, which the "
						"server does not offer");
	}
}

/* Control characters in an address would let it write commands; plans refuse them. */
static void check_message(const struct smtp_message *m, bool is_bdat)
{
	uint64_t size = 0;

	CHECK(m->rcpt_count > 0 && m->rcpt_count <= SMTP_RCPT_MAX);
	CHECK(octets_find_control(m->mail_from) == m->mail_from.len);
	for (int i = 0; i < m->rcpt_count; i++)
		CHECK(octets_find_control(m->rcpt[i]) == m->rcpt[i].len);
	if (!is_bdat)
		return;
	for (int i = 0; i < m->chunk_count; i++)
		size += m->chunk[i].iov_len;
	/* A chunk of another length than announced would be read as commands. */
	CHECK(size == m->size);
}

void smtp_client_message(struct smtp_client *c, const struct smtp_message *m, int64_t now_ns)
{
	CHECK(smtp_client_is_ready(c));
	c->is_bdat = c->params->use_chunking && m->chunk &&
		     (c->capabilities.extensions & SMTP_EXT_CHUNKING);
	check_message(m, c->is_bdat);
	smtp_message_forget(c);
	c->message = m;
	c->outcome = (struct smtp_outcome){.command = SMTP_UNASKED};
	c->body_sent_ns = TIME_NEVER;
	c->rcpt_next = 0;
	c->accepted_count = 0;
	c->segment_idx = 0;
	c->segment_offset = 0;
	c->is_transaction = false;
	c->is_mail_refused = false;
	c->is_window_held = false;
	c->is_all_out = false;
	if (c->params->is_lmtp)
		memset(c->is_accepted, 0, sizeof(c->is_accepted));
	c->state = SMTP_STATE_MESSAGE;
	c->next = SMTP_NEXT_MAIL;
	check_against_capabilities(c, m);
	smtp_client_wait(c, now_ns);
	smtp_client_wake(c, now_ns);
}

int smtp_message_next_accepted(const struct smtp_client *c, int idx)
{
	while (idx < c->message->rcpt_count) {
		uint64_t word = c->is_accepted[idx / 64] >> (idx % 64);

		if (word != 0)
			return idx + __builtin_ctzll(word);
		idx = (idx / 64 + 1) * 64;
	}
	return c->message->rcpt_count;
}

void smtp_message_on_mail(struct smtp_client *c, const struct reply *reply)
{
	if (reply->code < 300) {
		c->is_transaction = true;
		return;
	}
	c->is_mail_refused = true;
	settle(c, open_count(c), reply, SMTP_MAIL);
	stop(c);
}

/* With nobody accepted there is nothing to send, unless DATA is on its way already. */
static void check_all_refused(struct smtp_client *c)
{
	if (open_count(c) == 0)
		stop(c);
}

void smtp_message_on_rcpt(struct smtp_client *c, const struct reply *reply, int rcpt_idx)
{
	if (c->is_mail_refused)
		return;
	if (reply->code < 300) {
		c->accepted_count++;
		if (c->params->is_lmtp)
			c->is_accepted[rcpt_idx / 64] |= UINT64_C(1) << (rcpt_idx % 64);
		return;
	}
	settle(c, 1, reply, SMTP_RCPT);
	check_all_refused(c);
}

void smtp_message_on_data(struct smtp_client *c, const struct reply *reply)
{
	if (reply->code >= 400) {
		settle(c, c->accepted_count, reply, SMTP_DATA);
		c->accepted_count = 0;
		return;
	}
	if (c->accepted_count > 0) {
		c->next = SMTP_NEXT_BODY;
		c->due = SMTP_DUE_BODY;
	} else if (c->params->is_lmtp) {
		/* RFC 2033 s4.2 has DATA fail here; how many replies a dot would get, nobody knows.
		 */
		smtp_client_fail(c, SMTP_FAULT_BAD_REPLY, SMTP_DATA, PHASE_DATA, reply);
	} else {
		c->next = SMTP_NEXT_DOT;
	}
}

void smtp_message_on_final(struct smtp_client *c, const struct reply *reply,
			   enum smtp_command command, bool is_last)
{
	int count = c->params->is_lmtp ? 1 : c->accepted_count;

	settle(c, count, reply, command);
	c->accepted_count = (uint16_t)(c->accepted_count - count);
	/*
	 * The dot ends the transaction whatever its reply (RFC 5321 s4.1.1.4); after a BDAT that
	 * failed the state is not known and RSET is required (RFC 3030 s2). Over LMTP the replies
	 * speak of recipients: the content was taken.
	 */
	if (is_last && (command == SMTP_DOT || c->params->is_lmtp || reply->code < 300))
		c->is_transaction = false;
}

void smtp_message_on_closing(struct smtp_client *c, const struct reply *reply,
			     enum smtp_command command)
{
	settle(c, open_count(c), reply, command);
}
