/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - one client of a sink
 *
 * Joins a channel to the SMTP server of smtp/: bytes go in, replies are collected and sent
 * together, and between a command and its reply the fault rules have their say. A session is in
 * one flow at a time, which says what input waits for. session*.c alone use what is in here.
 */
#ifndef VOLLEY_SINK_SESSION_H
#define VOLLEY_SINK_SESSION_H
#include <stdbool.h>
#include <stdint.h>
#include "base/wheel.h"
#include "channel/channel.h"
#include "sink/envelope.h"
#include "sink/fault.h"
#include "sink/imposer.h"
#include "sink/mark.h"
#include "sink/worker.h"
#include "smtp/server.h"

enum session_flow {
	FLOW_RUN,    /* input is read as it comes */
	FLOW_DELAY,  /* a delay runs; step says what comes after it */
	FLOW_SLOW,   /* a reply that takes its time is being sent */
	FLOW_STALL,  /* nothing is ever said again */
	FLOW_STORE,  /* the message has to be on disk before its reply */
	FLOW_FLUSH,  /* replies have to go out before more is read */
	FLOW_TLS,    /* a handshake is due or under way */
	FLOW_STRIKE, /* the ClientHello will be answered with something else */
	FLOW_END,    /* what is left to say goes out, then the connection is closed */
};

/* What happens when a delay is over. */
enum session_step { STEP_START, STEP_TLS, STEP_ACT };

/* Why nothing is received at the moment. */
enum session_pause {
	PAUSE_HELD = 1,	 /* too much input waits already */
	PAUSE_READ = 2,	 /* a rule wants it read slowly */
	PAUSE_STORE = 4, /* the disk is behind */
};

/* A reply that is not sent in one go. */
struct session_slow {
	const struct fault_rule *rule;
	struct buf text; /* TARPIT: the reply; ENDLESS: lines to repeat; OVERSIZE: its start */
	size_t sent;	 /* TARPIT: octets of text */
	uint64_t left;	 /* OVERSIZE: octets between text and the line end */
	bool has_started, has_ended;
};

/* Reads no faster than a rule says. */
struct session_reader {
	struct timer timer;
	struct sink_session *session;
	const struct fault_rule *rule;
	int64_t free_ns; /* when what was read is paid for */
};

struct sink_session {
	struct channel_user user; /* must be first */
	struct channel channel;
	struct smtp_server server;
	struct sink_worker *worker;
	const struct sink_port *port;
	struct client *client;
	struct sink_session *next, **link; /* all sessions of the worker */

	struct buf out;	 /* replies not handed over yet; its memory is of the worker's slab */
	char *sending;	 /* lent to the channel; NULL: nothing of the slab is */
	struct buf held; /* input that waits */
	size_t held_from;

	struct timer timer;		/* FLOW_DELAY, TARPIT */
	struct fault_verdict verdict;	/* on what is owed */
	int64_t asked_ns;		/* when the command that is owed a reply arrived */
	int64_t active_ns;		/* when anything arrived last */
	const struct fault_rule *stamp; /* whose delay lies before a reply in out; NULL: none */
	int64_t stamp_ns;

	struct session_slow *slow;
	struct session_reader *reader;
	const struct fault_rule *body_rule; /* strikes within this message; NULL: none */
	uint64_t body_seen;		    /* octets of content, while body_rule is set */
	struct mark_scan scan;
	struct imposer_session *imposed; /* NULL: no profile is imposed on this one */
	struct envelope *envelope;	 /* NULL: no records are written */
	struct store_message *message;	 /* NULL: not stored, or handed over */
	char *stored_name;		 /* of the file, for the record */

	uint64_t sender_hash, message_size;
	uint32_t rcpt_owed;		    /* recipients of the message that is owed its reply */
	uint32_t rcpt_good, rcpt_deferred;  /* LMTP: of them, so far */
	uint32_t counts[FAULT_PHASE_COUNT]; /* occasions in this connection */
	uint8_t flow, step, pauses;
	bool is_over_limit, is_scanning, has_mark_scan;
	bool is_message_committed, has_store_failed;
	bool is_aborted, is_store_waiting;
};

/* Takes over a link that was accepted; called from the listener. */
void sink_session_accept(struct sink_port *port, struct link *link, const struct endpoint *peer,
			 const struct endpoint *local, int64_t at_ns);

/* A message of this session came back from the disk. */
void sink_session_stored(struct sink_session *s, const struct store_message *m);

/* The disk has room again. */
void sink_session_store_has_room(struct sink_session *s);

/* The sink is stopping: says 421 if nothing is under way, else once nothing is. */
void sink_session_leave(struct sink_session *s);

/* Frees a session whose channel is gone, or about to be with its transport. */
void sink_session_free(struct sink_session *s);

/* --- Between the session*.c ---------------------------------------------------------------- */

/* session.c: input goes on, from what was held. flow becomes FLOW_RUN. */
void sink_session_go_on(struct sink_session *s, int64_t now_ns);

/* Hands over what is in out, unless a send is under way; with nothing to send, does what waits. */
void sink_session_flush(struct sink_session *s);

/* Room for replies in out. False when memory is exhausted: the session is aborted then. */
bool sink_session_out(struct sink_session *s);
void sink_session_pause(struct sink_session *s, enum session_pause why);
void sink_session_unpause(struct sink_session *s, enum session_pause why);
void sink_session_abort(struct sink_session *s);
void sink_session_delay(struct sink_session *s, enum session_step step, int64_t due_ns);

/* Says 421 of its own accord and ends. */
void sink_session_say_421(struct sink_session *s, struct span line);

/* Asks the rules about an occasion; counts it. */
struct fault_verdict sink_session_judge(struct sink_session *s, enum fault_phase phase,
					uint64_t triplet, int64_t now_ns);

/* The delay that a rule really imposed, from then until now. */
void sink_session_record_delay(struct sink_session *s, const struct fault_rule *rule,
			       int64_t from_ns);

/* session_command.c */
void sink_session_on_event(struct sink_session *s, const struct smtp_server_event *ev,
			   int64_t now_ns);
void sink_session_act(struct sink_session *s);
/* A reply of ours to what is owed; code is what its lines begin with. */
void sink_session_reply(struct sink_session *s, int code, struct span lines);
/* A reply to what was owed has been given: counts it, and follows the server's state. */
void sink_session_settled(struct sink_session *s, enum smtp_verb verb, int code, struct span line);

/* session_impose.c: without a profile none of it does anything. */
/* The connection was accepted: may it be? */
void sink_session_impose_connection(struct sink_session *s, const struct endpoint *peer,
				    const struct endpoint *local, int64_t now_ns);
/* A command, or the end of a message, that is owed a reply. */
void sink_session_impose(struct sink_session *s, const struct smtp_server_event *ev,
			 int64_t now_ns);
/* Whether something else is to be said than the server's own reply; says it. */
static inline bool sink_session_is_imposed(const struct sink_session *s)
{
	return s->imposed && imposer_reply(s->imposed);
}
void sink_session_say_imposed(struct sink_session *s);

/* session_content.c */
void sink_session_content_begin(struct sink_session *s, int64_t now_ns);
void sink_session_content(struct sink_session *s, struct span content);
/* The message is complete: true when its reply has to wait for the disk. */
bool sink_session_content_end(struct sink_session *s, bool will_be_refused);
/* The last reply to the message was given. */
void sink_session_message_over(struct sink_session *s, int code, struct span line);
void sink_session_content_drop(struct sink_session *s);
/* Octets arrived while a rule has them read slowly. */
void sink_session_reader_note(struct sink_session *s, size_t len, int64_t now_ns);
bool sink_session_reader_start(struct sink_session *s, const struct fault_rule *rule,
			       int64_t now_ns);
void sink_session_reader_stop(struct sink_session *s);

/* session_slow.c */
void sink_session_slow_begin(struct sink_session *s, const struct fault_rule *rule);
void sink_session_slow_step(struct sink_session *s);
void sink_session_slow_end(struct sink_session *s);

/* session_tls.c */
void sink_session_tls(struct sink_session *s, int64_t now_ns);
void sink_session_tls_act(struct sink_session *s, int64_t now_ns);
void sink_session_tls_strike(struct sink_session *s);
void sink_session_on_sealed(struct sink_session *s, int64_t now_ns);

#endif
