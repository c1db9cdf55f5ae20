/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer_private.h - what the imposer's sources share
 */
#ifndef VOLLEY_SINK_IMPOSER_PRIVATE_H
#define VOLLEY_SINK_IMPOSER_PRIVATE_H
#include <stdatomic.h>
#include "base/buf.h"
#include "pace/limits.h"
#include "sink/counter.h"
#include "sink/decision_log.h"
#include "sink/greylist.h"
#include "sink/imposer.h"
#include "sink/reputation.h"

#define IMPOSED_REPLY_MAX   1024 /* SMTP_SERVER_REPLY_MAX */
#define IMPOSED_DEMANDS_MAX 512	 /* limits that one question may be about */

/* A limit of a profile at a seat. */
struct imposed_limit {
	const struct profile_limit *of;
	uint32_t row; /* in imposer.rows, and of its counters */
	uint64_t id;  /* in the table of limits */
	enum imposer_step charged_at;
	const struct profile_rule *said[IMPOSER_STEPS]; /* who says that it is passed; NULL */
	const struct profile_rule *said_else;		/* the first of them; NULL: none */
	bool is_plain;	/* counted in the session: of a message or a connection, no window */
	bool is_own;	/* of a connection, with a window: in a table of the session's own */
	bool has_share; /* follows the reputation */
};

/* What is reported of a limit beside its counters. */
struct imposed_row {
	const struct imposed_stage *stage;
	const struct imposed_limit *limit;
	_Atomic uint64_t passed, refused, peak; /* plain and own ones: there is no counter */
};

/* What is reported of a rule. */
struct imposed_rule {
	_Atomic uint64_t asked; /* probability: occasions */
	_Atomic uint64_t said;
};

/* A profile at a seat, from some time on. */
struct imposed_stage {
	const struct imposed_seat *seat;
	const struct profile *profile;
	int64_t from_ns;  /* monotonic; 0: from the start */
	int64_t after_ns; /* the same, after the start, as it was asked for */
	struct imposed_limit *limits;
	int limit_count;
	const struct profile_rule **conditions; /* said for another reason than a limit */
	int condition_count;
	struct imposed_rule *rules; /* by index in the profile */
};

struct imposed_seat {
	int idx;
	bool has_address;
	struct endpoint address; /* port 0: any */
	struct span domain;	 /* of recipients; empty: none */
	uint64_t id;
	struct imposed_stage *stages; /* by time */
	int stage_count;
};

struct imposer {
	const struct sink_plan *plan;
	struct clock *clock;
	int64_t started_ns, wall_offset_ns;
	uint32_t scale;
	struct limits *limits;
	struct limits_reading reading;
	struct counters *counters;
	struct greylist *greylist;	 /* NULL: no rule needs it */
	struct reputations *reputations; /* NULL: no profile has a model */
	struct decision_log *log;	 /* NULL: none */
	struct imposed_seat *seats;
	int seat_count;
	bool has_domains;
	struct imposed_row *rows;
	uint32_t row_count;
	uint64_t *sender_domains; /* keys of the accounts' domains, sorted */
	int sender_domain_count;
	_Atomic uint64_t sessions, refusals;
	_Atomic uint64_t general;	 /* refused without words of the profile's */
	uint64_t log_lines, log_dropped; /* after imposer_stop() */
};

/* Taken for a transaction or a connection; kept as long as it may be given back. */
struct imposed_claim {
	struct limits_claim of;
	struct counter *counter; /* NULL: of the session's own table */
	int64_t at_ns;
	bool is_at_once;   /* held as long as it is under way, whatever comes of it */
	bool is_recipient; /* of the recipient that was asked about last */
};

struct imposed_claims {
	struct imposed_claim *items;
	int count, room;
};

/* A reply kept until it is said. */
struct imposed_words {
	struct imposer_reply reply;
	struct buf text;
	bool is_ready;
};

/* One session at one seat. */
struct imposed_part {
	const struct imposed_stage *stage; /* of the transaction, or the connection; NULL: none */
	struct counter **cached;	   /* by limit of the stage; NULL: not looked for yet */
	struct limits *own;		   /* windows of this connection alone */
	struct standing *standing;
	uint64_t connection_done, message_done; /* a bit for each limit that was charged */
	uint64_t sums[LIMIT_UNIT_COUNT];	/* in this connection, as attempted */
	uint64_t accepted[LIMIT_UNIT_COUNT];
	uint32_t recipients;		    /* of this transaction, accepted ones */
	bool has_begun;			    /* in this transaction: asked as at MAIL */
	const struct profile_rule *pending; /* decided, to be said at a later step */
	struct imposed_words words;	    /* LMTP: the refusal of this seat's recipients */
};

struct imposer_session {
	struct imposer *imposer;
	struct imposer_facts facts; /* peer and local point to what follows */
	struct endpoint peer;
	uint64_t number, client_key, account_key, sender_key, recipient_key;
	char *account;		      /* NULL: nobody logged in */
	int seat;		      /* the listener's; -1: none */
	int part;		      /* of the recipient asked about last; -1: none */
	struct buf sender, recipient; /* paths, for replies and keys */
	uint64_t declared;	      /* SIZE= */
	struct imposed_claims of_connection, of_message;
	bool was_data_asked;
	uint8_t *recipient_seats; /* LMTP with domains: of each accepted recipient */
	size_t recipient_count, recipient_room;
	struct imposed_words words;
	const struct imposed_words *due; /* what to say; NULL: nothing */
	struct imposed_part parts[];	 /* by seat */
};

/* Why and for what something is refused. */
struct imposed_refusal {
	const struct profile_rule *rule;   /* NULL: general words */
	const struct imposed_limit *limit; /* NULL: another cause */
	enum profile_cause cause;
	const char *whose; /* of the counter; NULL: none */
	uint64_t used, amount;
	int64_t period_ns;
};

/* --- imposer_judge.c ------------------------------------------------------------------------- */

/*
 * A judgement first looks at all that is asked about, at one seat or several, and takes nothing;
 * then it takes everything or nothing.
 */
struct imposed_demand {
	struct imposed_part *part;
	const struct imposed_limit *limit;
	struct counter *counter; /* NULL: of the session's own table */
};

struct imposed_judgement {
	struct limits_claim claims[IMPOSED_DEMANDS_MAX];
	struct imposed_demand demands[IMPOSED_DEMANDS_MAX];
	int count;
};

/* Looks at one seat and one step. True: refused. */
bool imposer_look(struct imposer_session *x, struct imposed_part *p, enum imposer_step step,
		  const struct imposer_question *q, struct imposed_judgement *j,
		  struct imposed_refusal *ret_refusal);

/* Takes it all. True: refused, and *ret_part is whose limit was passed. */
bool imposer_take(struct imposer_session *x, const struct imposer_question *q,
		  struct imposed_judgement *j, struct imposed_refusal *ret_refusal,
		  struct imposed_part **ret_part);

/* What was looked at has passed: counts in the session what needs no table. */
void imposer_pass(struct imposer_session *x, struct imposed_part *p, enum imposer_step step,
		  const struct imposer_question *q);

/* The step at which a rule is said, as far as its cause is known there. */
enum imposer_step imposer_step_of(const struct profile_rule *r);

/* --- imposer_say.c --------------------------------------------------------------------------- */

/* Words, log and counts of a refusal. */
void imposer_refuse(struct imposer_session *x, struct imposed_part *p,
		    const struct imposed_refusal *refusal, const struct imposer_question *q,
		    struct imposed_words *words);
void imposed_words_fini(struct imposed_words *w);

/* A message was accepted at this seat. */
void imposer_accepted(struct imposer_session *x, struct imposed_part *p, int64_t now_ns);

#endif
