/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer.h - profiles imposed on clients: what they may, and what they hear when they may not
 *
 * One imposer for a sink, shared by its threads; one imposed session for each connection. A
 * session asks at each step (the connection, AUTH, MAIL, RCPT, DATA, the end of the message) and
 * tells what reply was given in the end. Where the answer is no, the reply is ready to be said:
 * the provider's own words where the profile has them, else general ones.
 *
 * Limits are taken where the provider counts: by the first step at which a rule of the profile
 * says that the limit is passed, else connections when they are accepted, messages at MAIL,
 * recipients at RCPT, octets at the end of the message. What was refused has taken nothing; of
 * limits that count what was accepted, the rest is given back when a message was not.
 *
 * A profile stands at a seat: for all, for an address that is listened at, or for a domain of
 * recipients. A domain's takes over from its first RCPT on; limits of connections belong to the
 * listener's.
 */
#ifndef VOLLEY_SINK_IMPOSER_H
#define VOLLEY_SINK_IMPOSER_H
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "result/sink_status.h"
#include "sink/plan.h"
#include "smtp/command.h"

struct imposer;
struct imposer_session;

/* The steps at which a client may be refused, in their order. */
enum imposer_step { AT_BANNER, AT_AUTH, AT_MAIL, AT_RCPT, AT_DATA, AT_ACCEPT };
#define IMPOSER_STEPS (AT_ACCEPT + 1)

/*
 * The plan and the clock are lent until imposer_free(). NULL with *e set: EXIT_USAGE where a
 * window is too short for the scale, or --reputation stands without a model.
 */
struct imposer *imposer_new(const struct sink_plan *plan, struct clock *clock, struct err *e);
void imposer_free(struct imposer *i); /* NULL is allowed; all sessions must be gone */

/* No session is left: the log of decisions is written to its end. */
void imposer_stop(struct imposer *i);

/* The status' block of what was imposed. False when memory is exhausted. After imposer_stop(). */
bool imposer_fill(struct imposer *i, struct sink_status *s);

/* What is known of a connection. Texts are borrowed for the call. */
struct imposer_facts {
	const struct endpoint *peer, *local;
	bool can_seal;	/* TLS is to be had at this listener */
	bool can_login; /* AUTH is on offer */
	bool is_lmtp;
};

/*
 * NULL when no profile is for this listener or for any domain, or memory is exhausted (the
 * connection is then served without).
 */
struct imposer_session *imposer_session_new(struct imposer *i, const struct imposer_facts *facts);

/* The connection is over: gives back what it held. NULL is allowed. */
void imposer_session_free(struct imposer_session *x, int64_t now_ns);

struct imposer_question {
	enum imposer_step step;
	int64_t now_ns;
	struct span path;  /* MAIL: reverse path; RCPT: forward path */
	uint64_t size;	   /* MAIL: as declared, 0: not; ACCEPT: octets of the message */
	const char *user;  /* who logged in, at AUTH who just did; NULL: nobody */
	bool is_sealed;	   /* TLS is on */
	bool has_failed;   /* AUTH: it did */
	int recipient_idx; /* ACCEPT of LMTP: whose reply is asked for, from 0; else -1 */
};

/* Asks. True: refused, and imposer_reply() is what to say. */
bool imposer_ask(struct imposer_session *x, const struct imposer_question *q);

/* What is to be said in place of the server's own reply. */
struct imposer_reply {
	int code;	   /* 0: close without a word */
	struct span lines; /* with their line ends; valid until the next question */
	bool does_close;   /* afterwards */
};

/* NULL when the last question was not refused, or its reply was taken by imposer_said(). */
const struct imposer_reply *imposer_reply(const struct imposer_session *x);
void imposer_said(struct imposer_session *x);

/*
 * A reply was given to verb, by whomever: follows what became of the transaction. is_over: DOT:
 * it was the last reply to the message; is_accepted: and somebody's copy of its size octets was
 * accepted.
 */
void imposer_settled(struct imposer_session *x, enum smtp_verb verb, int code, bool is_over,
		     bool is_accepted, uint64_t size, int64_t now_ns);

#endif
