/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * talk.h - one SMTP or LMTP conversation as a client
 *
 * Joins a channel (transport and TLS) with the protocol: connects, tries the next address when one
 * fails or is slow (RFC 8305), runs greeting, EHLO, STARTTLS and AUTH, then takes messages. Every
 * step is reported with the time it took. The sender and the doctor both speak through it.
 *
 * A talk_hub is one thread's; a talk belongs to its hub's thread. Events come from within
 * transport_turn() and channel_hub_turn(); talk_message() and talk_quit() never report from within.
 * After TALK_CLOSED the talk may be opened again, also from within that event's handler.
 */
#ifndef VOLLEY_TALK_TALK_H
#define VOLLEY_TALK_TALK_H
#include <stdbool.h>
#include <stdint.h>
#include "channel/channel.h"
#include "smtp/client.h"
#include "terms/phase.h"

/* Where to and how: one per target and thread. All it points to is lent. */
struct talk_target {
	const struct endpoint *addresses; /* in order of preference */
	int address_count;
	const char *server_name; /* for SNI and the certificate's name check; NULL: none */
	const char *resume_key;	 /* sessions of one key may resume each other */
	const struct smtp_client_params *smtp;
	int64_t connect_timeout_ns; /* for one address */
	int64_t tls_timeout_ns;
	int64_t attempt_delay_ns;	 /* before the next address is tried beside: RFC 8305 s5 */
	int send_buffer, receive_buffer; /* octets, 0: the system's default */
	int preferred;			 /* the address that answered last; tried first */
};

#define TALK_ADDRESSES_MAX 64

/* Memory that talks share while bytes are under way. */
struct talk_hub {
	struct channel_hub channels;
	struct buf *spare; /* command buffers */
	int spare_count;
	struct talk_race *races; /* under way, or with a loser that has not closed yet */
};

enum talk_event_kind {
	TALK_STEP,   /* a phase is over: phase, took_ns; with a reply in most */
	TALK_READY,  /* a message may be given */
	TALK_DONE,   /* the message is over: outcome */
	TALK_CLOSED, /* the conversation is over: failure, and the outcome of a message under way */
};

enum talk_cause { TALK_CAUSE_NONE, TALK_CAUSE_LINK, TALK_CAUSE_TLS, TALK_CAUSE_SMTP };

/* Why a conversation ended before its time. */
struct talk_failure {
	enum talk_cause cause; /* NONE: QUIT was answered, or talk_abort() was called */
	enum phase phase;      /* where it struck; NONE: where it was */
	enum link_end end;
	int os_error;
	enum secure_failure tls;
	enum smtp_fault smtp;
	const char *detail; /* words for people, escaped; "" for none. Borrowed */
	bool is_permanent;  /* trying again the same way is useless: certificate, AUTH ... */
};

struct talk_event {
	enum talk_event_kind kind;
	enum phase phase; /* STEP */
	int64_t at_ns;	  /* when it happened */
	int64_t took_ns;  /* STEP; -1: not timed (STARTTLS, RSET, NOOP, an unasked reply) */
	enum smtp_command command;
	const struct reply *reply; /* STEP: NULL when there is none. Borrowed */
	const struct smtp_outcome
		*outcome; /* DONE; CLOSED when a message was under way. Borrowed */
	const struct talk_failure *failure; /* CLOSED. Borrowed */
};

struct talk;

struct talk_user {
	void (*on_event)(struct talk_user *self, struct talk *talk, const struct talk_event *event);
};

enum talk_state {
	TALK_IDLE, /* not open */
	TALK_CONNECTING,
	TALK_SEALING,
	TALK_TALKING,
	TALK_ENDING, /* closing; CLOSED will follow */
};

struct talk_race; /* a second attempt beside the first */

struct talk {
	struct channel_user channel_user;
	struct channel channel;
	struct smtp_client smtp;
	struct talk_hub *hub;
	struct talk_target *target;
	struct talk_user *user;
	struct talk_race *race;	    /* NULL when there is one address, or the race is over */
	struct buf tx;		    /* commands under way; without memory when there are none */
	int64_t opened_ns, step_ns; /* begin of the conversation, of the phase */
	int64_t body_ns;	    /* 354 was received; 0: not yet, -1: told */
	int64_t deadline_ns;	    /* the one wanted; the link's may be earlier */
	int64_t armed_ns;	    /* the link's */
	struct endpoint source;	    /* family NONE: the kernel chooses */
	uint8_t state;		    /* enum talk_state */
	uint8_t first, attempts;    /* the address that was tried first, and how many were */
	uint8_t address;	    /* the one that the channel goes to */
	bool is_in_feed;	    /* output is put off until the input is used up */
	bool is_tls_due;	    /* TLS starts when what is being sent is through */
	struct talk_failure failure;
	char *detail; /* of the failure; allocated when there is one */
};

int talk_hub_init(struct talk_hub *h, struct transport *t, struct secure *s, struct err *e);
void talk_hub_fini(struct talk_hub *h);

/*
 * Opens a conversation. source is copied; NULL: the kernel chooses. False when the transport holds
 * no more links: nothing was opened then.
 */
__attribute__((warn_unused_result)) bool talk_open(struct talk *t, struct talk_hub *h,
						   struct talk_target *target,
						   const struct endpoint *source,
						   struct talk_user *user, int64_t now_ns);

/*
 * True while a message or QUIT may be given, after READY or DONE: false as soon as the server has
 * said, or TLS has seen, that the conversation ends, although CLOSED is still to come.
 */
static inline bool talk_is_ready(const struct talk *t)
{
	return t->state == TALK_TALKING && !t->channel.is_closing && smtp_client_is_ready(&t->smtp);
}

/*
 * Gives a message; only when ready (checked). Lent until DONE or CLOSED. DONE may follow without a
 * word from the server, where that said that it takes no such message: who gives the next one at
 * once shall see to it that time passes.
 */
void talk_message(struct talk *t, const struct smtp_message *m, int64_t now_ns);

/* Sends QUIT; only when ready (checked). CLOSED follows its answer, or its time-out. */
void talk_quit(struct talk *t, int64_t now_ns);

/* Ends the conversation at once with a reset; CLOSED follows. */
void talk_abort(struct talk *t);

static inline bool talk_is_open(const struct talk *t)
{
	return t->state != TALK_IDLE;
}

/* Facts of the TLS session; false in clear. */
bool talk_facts(struct talk *t, struct secure_facts *ret_facts);

#define TALK_KIND_MAX 64

/* "refused", "tls certificate expired", "timed out": errors[].kind. out holds TALK_KIND_MAX. */
const char *talk_failure_kind(const struct talk_failure *f, char *out);

/* What to try, one clause, or "" where there is nothing better than reading the server's log. */
const char *talk_failure_hint(const struct talk_failure *f);

#endif
