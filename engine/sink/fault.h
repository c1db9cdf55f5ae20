/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault.h - rules by which a sink misbehaves on purpose
 *
 * A rule is a phase, then what happens and when, in any order, divided by ';':
 *
 *   rcpt:reply=450 4.2.1 Mailbox busy;p=0.1
 *   mail:delay=exp:20ms                      dot:close;every=100
 *   body:reset;at=1000;after=3/conn          connect:refuse;after=1000/s
 *
 * Phases: connect (accepted, nothing said yet), tls (the handshake), banner, ehlo (HELO and LHLO
 * too), starttls, auth, mail, rcpt, data (BDAT chunks but the last too), body (the content), dot
 * (the reply to the message), rset, noop (all other commands too), quit.
 *
 * What happens, at most one of:
 *   reply=CODE TEXT  another reply ("\n" begins a further line, "\;" is a semicolon)
 *   close            the connection is closed instead of a reply
 *   reset            the same with a TCP reset
 *   stall            nothing is ever said again
 *   refuse           connect: a reset as soon as accepted
 *   tarpit=T         the reply comes octet by octet, one every T
 *   garbage[=N]      N random octets in place of the reply; tls: in place of ServerHello
 *   oversize=N       a reply line of N octets
 *   endless          a reply that never ends
 *   greylist=T       rcpt: 451 4.7.1 until T after client, sender and recipient were first seen
 *   read=RATE        connect, body: octets are read no faster ("10k/s")
 *   alert[=N]        tls: a fatal alert, 40 (handshake_failure) by default
 * and, alone or with one of these, delay=LAW (law.h): what happens, happens so much later.
 * close, reset and stall of body take at=N: after N octets of the content.
 *
 * When: p=0.1 or p=10%; every=N: each N-th time; first=N: the first N times; after=N: not the
 * first N times; after=N/conn: not the first N times in a connection; after=N/s, /m, /h: not the
 * first N times in each second, minute, hour. Counted are occasions: commands that would have
 * been accepted. after is looked at first, then first and every count what is left, then p.
 *
 * All rules of a phase are asked, in their order: the first one that has something happen decides
 * that, the first one with a delay decides the delay. Counts are the process's, over all threads.
 * A chance is a function of seed, rule and count, so that runs repeat.
 */
#ifndef VOLLEY_SINK_FAULT_H
#define VOLLEY_SINK_FAULT_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/span.h"
#include "base/units.h"
#include "sink/law.h"

#define FAULT_RULES_MAX 256

enum fault_phase {
	FAULT_CONNECT,
	FAULT_TLS,
	FAULT_BANNER,
	FAULT_EHLO,
	FAULT_STARTTLS,
	FAULT_AUTH,
	FAULT_MAIL,
	FAULT_RCPT,
	FAULT_DATA,
	FAULT_BODY,
	FAULT_DOT,
	FAULT_RSET,
	FAULT_NOOP,
	FAULT_QUIT,
};
#define FAULT_PHASE_COUNT (FAULT_QUIT + 1)

enum fault_action {
	FAULT_NOTHING, /* a delay alone */
	FAULT_REPLY,
	FAULT_CLOSE,
	FAULT_RESET,
	FAULT_STALL,
	FAULT_REFUSE,
	FAULT_TARPIT,
	FAULT_GARBAGE,
	FAULT_OVERSIZE,
	FAULT_ENDLESS,
	FAULT_GREYLIST,
	FAULT_READ,
	FAULT_ALERT,
};
#define FAULT_ACTION_COUNT (FAULT_ALERT + 1)

#define FAULT_GARBAGE_MAX  (1u << 20)
#define FAULT_OVERSIZE_MAX (UINT64_C(1) << 40)

struct fault_rule {
	enum fault_phase phase;
	enum fault_action action;
	char *text;  /* as it was written; owned */
	char *reply; /* REPLY: whole lines; GARBAGE: the octets; owned */
	size_t reply_len;
	int code;	       /* REPLY */
	uint64_t size;	       /* GARBAGE, OVERSIZE: octets; ALERT: its number */
	uint64_t at;	       /* body: octets of content before it strikes */
	int64_t interval_ns;   /* TARPIT, GREYLIST */
	struct rate rate;      /* READ: octets */
	struct law delay;      /* LAW_NONE: none */
	double probability;    /* 1 unless p= */
	uint64_t every, first; /* 0: not given */
	uint64_t after;
	bool is_after_conn;	 /* after=N/conn */
	int64_t after_window_ns; /* after=N/s and so on; 0: all the time, or a connection */

	uint32_t idx;		 /* among all rules */
	_Atomic uint64_t seen;	 /* occasions */
	_Atomic uint64_t passed; /* those that after let through */
	_Atomic uint64_t fired;
	_Atomic uint64_t window; /* number of the window in 32 bits, occasions in it in 32 */
};

struct fault_rules {
	struct fault_rule *rules[FAULT_RULES_MAX];
	int rule_count;
	uint64_t seed;
	struct greylist *greylist; /* made with the first rule that needs it; owned */
	/* By phase, ends in NULL; made by fault_rules_seal(). */
	struct fault_rule *by_phase[FAULT_PHASE_COUNT][FAULT_RULES_MAX + 1];
};

/* NULL when memory is exhausted. */
struct fault_rules *fault_rules_new(void);
void fault_rules_free(struct fault_rules *f); /* NULL is allowed */

/* Reads a rule and adds it. -1 with EXIT_USAGE and a sentence that says what is wrong with it. */
__attribute__((warn_unused_result)) int fault_rules_add(struct fault_rules *f, struct span text,
							struct err *e);

/* To be called once, when all rules are there. */
void fault_rules_seal(struct fault_rules *f, uint64_t seed);

/* Something that a rule may strike at. */
struct fault_occasion {
	enum fault_phase phase;
	uint64_t count_in_connection; /* this one included: 1 for the first */
	uint64_t triplet;	      /* RCPT: hash of client, sender and recipient */
	int64_t now_ns;
};

/* What shall happen on one occasion. */
struct fault_verdict {
	struct fault_rule *action; /* NULL: nothing out of the ordinary */
	struct fault_rule *delay;  /* NULL: none */
	int64_t delay_ns;
};

/* Judges an occasion. Any thread. */
struct fault_verdict fault_judge(struct fault_rules *f, const struct fault_occasion *o);

static inline bool fault_has(const struct fault_rules *f, enum fault_phase phase)
{
	return f && f->by_phase[phase][0];
}

const char *fault_phase_name(enum fault_phase phase);
const char *fault_action_name(enum fault_action action);

#endif
