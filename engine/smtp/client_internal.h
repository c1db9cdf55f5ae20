/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_internal.h - what the parts of the client share: client*.c alone include it
 *
 * Replies come in through client.c, are judged by the table in client_reply.c and lead on there
 * (the session's part), in client_auth.c and in client_message.c; each of these only says what is
 * to be put out next. client_emit.c puts it out and notes which reply it waits for.
 */
#ifndef VOLLEY_SMTP_CLIENT_INTERNAL_H
#define VOLLEY_SMTP_CLIENT_INTERNAL_H
#include "base/check.h"
#include "base/clock.h"
#include "smtp/client.h"

enum smtp_client_state {
	SMTP_STATE_OPENING,  /* greeting up to READY, but for the handshake */
	SMTP_STATE_SNIFFING, /* the greeting is not SMTP; its beginning is collected */
	SMTP_STATE_SEALING,  /* the owner is in the TLS handshake: no input */
	SMTP_STATE_READY,
	SMTP_STATE_MESSAGE, /* a message is under way */
	SMTP_STATE_BUSY,    /* RSET, NOOP or QUIT of the owner's is under way */
	SMTP_STATE_OVER,    /* failed or closed: input is thrown away */
};

/* An event that follows from the one reported last. */
enum smtp_due {
	SMTP_DUE_NOTHING,
	SMTP_DUE_STARTTLS,
	SMTP_DUE_READY,
	SMTP_DUE_BODY,
	SMTP_DUE_DONE, /* waits until nothing of the message is in flight */
	SMTP_DUE_CLOSED,
	SMTP_DUE_FAILED,
};

/* What is put out next. The order from MAIL on is that of a transaction. */
enum smtp_next {
	SMTP_NEXT_NOTHING,
	SMTP_NEXT_EHLO,
	SMTP_NEXT_HELO,
	SMTP_NEXT_LHLO,
	SMTP_NEXT_STARTTLS,
	SMTP_NEXT_AUTH, /* the line stands in the authentication's memory */
	SMTP_NEXT_RSET,
	SMTP_NEXT_NOOP,
	SMTP_NEXT_QUIT,
	SMTP_NEXT_MAIL,
	SMTP_NEXT_RCPT,
	SMTP_NEXT_DATA, /* or BDAT */
	SMTP_NEXT_BODY, /* the message itself, then the dot */
	SMTP_NEXT_DOT,	/* a dot alone: 354 though nobody was accepted */
};

/* --- client.c --- */

/* The session cannot go on. reply may be NULL; its text is kept. */
void smtp_client_fail(struct smtp_client *c, enum smtp_fault fault, enum smtp_command command,
		      enum phase phase, const struct reply *reply);

/* What is waited for, or would be once it is put out. */
void smtp_client_waited_for(const struct smtp_client *c, enum smtp_command *ret_command,
			    enum phase *ret_phase);

/* Starts the time-out of what is waited for now. */
void smtp_client_wait(struct smtp_client *c, int64_t now_ns);

/* --- client_words.c --- */

extern const uint8_t smtp_command_phases[SMTP_COMMAND_COUNT];	/* enum phase */
extern const uint8_t smtp_command_timeouts[SMTP_COMMAND_COUNT]; /* offset in smtp_timeouts */

static inline enum phase smtp_command_phase(enum smtp_command command)
{
	return (enum phase)smtp_command_phases[command];
}

static inline int64_t smtp_command_timeout_ns(const struct smtp_timeouts *t,
					      enum smtp_command command)
{
	int64_t timeout_ns;

	memcpy(&timeout_ns, (const char *)t + smtp_command_timeouts[command], sizeof(timeout_ns));
	return timeout_ns;
}

/* --- client_reply.c --- */

/*
 * A whole reply: pops what it answers and acts on it. True when the reply is reported, in
 * *ret_event; false for an intermediate one (334).
 */
bool smtp_client_on_reply(struct smtp_client *c, const struct reply *reply,
			  struct smtp_event *ret_event);

/* The first command of a session in clear or sealed: EHLO, HELO or LHLO. */
void smtp_client_greet(struct smtp_client *c);

/* --- client_auth.c --- */

/* Begins with the mechanism: leaves the AUTH line to be put out, or fails. */
void smtp_auth_begin(struct smtp_client *c, enum sasl_mechanism mechanism);

/* 334: leaves the response to be put out. */
void smtp_auth_on_challenge(struct smtp_client *c, const struct reply *reply);

/* The final reply. True when the session may go on. */
bool smtp_auth_on_final(struct smtp_client *c, const struct reply *reply);

/* The line that SMTP_NEXT_AUTH stands for; now_ns is noted the first time. */
struct span smtp_auth_line(struct smtp_client *c, int64_t now_ns, int64_t *ret_sent_ns);

/* The line was sent: wipes it, and all the rest when the authentication is over. */
void smtp_auth_sent(struct smtp_client *c);
void smtp_auth_free(struct smtp_client *c);

/* --- client_message.c --- */

void smtp_message_on_mail(struct smtp_client *c, const struct reply *reply);
void smtp_message_on_rcpt(struct smtp_client *c, const struct reply *reply, int rcpt_idx);
void smtp_message_on_data(struct smtp_client *c, const struct reply *reply);
void smtp_message_on_final(struct smtp_client *c, const struct reply *reply,
			   enum smtp_command command, bool is_last);

/* 421 is the final word for every recipient without one (s3.8). */
void smtp_message_on_closing(struct smtp_client *c, const struct reply *reply,
			     enum smtp_command command);

/* Makes DONE due when the message needs nothing more. */
void smtp_message_check_done(struct smtp_client *c);

/* The first accepted recipient at or behind idx, or the number of recipients. */
int smtp_message_next_accepted(const struct smtp_client *c, int idx);

void smtp_message_forget(struct smtp_client *c); /* frees a long kept text */

/* --- small things that several parts need --- */

static inline struct smtp_pending *smtp_pending_head(struct smtp_client *c)
{
	return c->pending_runs > 0 ? &c->pending[c->pending_head] : NULL;
}

/* smtp_client_has_event(), for the inside. */
static inline bool smtp_client_is_due(const struct smtp_client *c)
{
	return c->due != SMTP_DUE_NOTHING && !(c->due == SMTP_DUE_DONE && c->is_in_flight);
}

/* An event that is due without input makes the deadline due as well. */
static inline void smtp_client_wake(struct smtp_client *c, int64_t now_ns)
{
	if (smtp_client_is_due(c))
		c->deadline_ns = now_ns;
}

static inline bool smtp_client_is_pipelining(const struct smtp_client *c)
{
	return c->params->use_pipelining && (c->capabilities.extensions & SMTP_EXT_PIPELINING);
}

#endif
