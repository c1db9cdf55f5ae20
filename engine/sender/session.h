/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - one session of the pool: connects, sends its messages, ends, comes back
 *
 * Owned by a worker, used by its thread alone. The worker hands out messages; the session tells
 * the worker through the functions of worker.h that are marked "for sessions".
 */
#ifndef VOLLEY_SENDER_SESSION_H
#define VOLLEY_SENDER_SESSION_H
#include <stdbool.h>
#include <stdint.h>
#include "base/wheel.h"
#include "mail/message.h"
#include "pace/governor.h"
#include "sender/supply.h"
#include "talk/talk.h"

struct worker;
struct worker_path;

enum session_state {
	SESSION_CLOSED,	 /* to be opened as soon as the pace of connecting allows */
	SESSION_RESTING, /* waits before it connects again */
	SESSION_OPENING,
	SESSION_IDLE,	  /* ready; in the worker's list */
	SESSION_THINKING, /* ready; waits its think time */
	SESSION_SENDING,
	SESSION_QUITTING,
	SESSION_OVER, /* will not be opened again */
};
#define SESSION_STATE_COUNT (SESSION_OVER + 1)

/* A message under way. */
struct session_job {
	struct smtp_message message;
	struct mail_slot slot;
	uint64_t number;
	int64_t due_ns, start_ns;
	enum phase phase; /* the last one that was reached */
	bool is_measured;
	struct governor_charge charge; /* paced: what the message was charged with */
};

struct session {
	struct talk_user user;
	struct talk talk;
	struct timer timer; /* rest, think time */
	struct worker *worker;
	struct session *next, **link; /* the worker's list of this state */
	struct session_job *job;      /* NULL while no message is under way */
	struct worker_path *path;     /* NULL: the run is not paced */
	int64_t idle_ns;	      /* since when it could have taken a message */
	uint64_t sent;		      /* messages on this connection */
	struct {
		uint16_t code; /* 0: none */
		struct enhanced_code enhanced;
		uint8_t command; /* enum smtp_command */
	} refusal;		 /* the last reply of 4xx or 5xx that was not a message's */
	uint64_t connection;	 /* its number in the run, from 1; 0: nothing is logged */
	uint32_t number;	 /* from 0; decides target and source */
	uint16_t failures;	 /* in a row */
	uint8_t state;		 /* enum session_state */
	bool is_settled;	 /* it has stood, or failed, once */
	bool was_ready;		 /* on this connection */
	bool is_connecting;	 /* counts as a connect in flight */
	/* Paced, of this connection: */
	bool has_connection : 1; /* taken from the governor, and to be given back */
	bool is_greeted : 1;
	bool is_surplus : 1;	/* the governor wants one less */
	bool must_close : 1;	/* a reply, or the pace, ends it before the next message */
	bool was_throttled : 1; /* a reply to this message asked for less */
};

void session_init(struct session *s, struct worker *w, uint32_t number);

/* Connects. False when the transport holds no more links. */
bool session_open(struct session *s, int64_t now_ns);

/* Starts a message on an idle session. */
void session_send(struct session *s, uint64_t number, int64_t due_ns, int64_t now_ns);

/* Gives the memory of a message back; nothing when there is none. */
void session_drop_job(struct session *s);

/* A connection failed: waits before the next attempt, longer after each failure in a row. */
void session_rest(struct session *s, int64_t now_ns);

/* Ends an idle session with QUIT. */
void session_quit(struct session *s, int64_t now_ns);

/* Ends a session in any state at once. */
void session_abort(struct session *s);

#endif
