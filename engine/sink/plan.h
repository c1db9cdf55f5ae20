/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - what a sink shall do, checked before it listens
 *
 * Made by cmd/ out of the options, or by bench for its own sink; immutable and shared by all
 * threads once sink_start() has taken it.
 */
#ifndef VOLLEY_SINK_PLAN_H
#define VOLLEY_SINK_PLAN_H
#include <stdbool.h>
#include <stdint.h>
#include "base/endpoint.h"
#include "base/err.h"
#include "base/span.h"
#include "profile/profile.h"
#include "smtp/command.h"
#include "smtp/extension.h"

#define SINK_LISTENERS_MAX    64
#define SINK_ACCOUNTS_MAX     10000
#define SINK_THREADS_MAX      256
#define SINK_SESSIONS_DEFAULT 30000
#define SINK_IMPOSITIONS_MAX  64

/* What is offered when nothing is hidden. STARTTLS depends on the listener. */
#define SINK_EXTENSIONS                                                                            \
	((uint32_t)(SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 |  \
		    SMTP_EXT_CHUNKING | SMTP_EXT_DSN | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH |         \
		    SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_LIMITS | SMTP_EXT_BINARYMIME))

enum sink_security {
	SINK_CLEAR,    /* smtp://: no TLS at all */
	SINK_STARTTLS, /* smtp+starttls://: in clear first, STARTTLS on offer */
	SINK_IMPLICIT, /* smtps://: TLS before the greeting */
};

struct sink_listener {
	struct endpoint at; /* port 0: any free one */
	enum sink_security security;
	bool is_lmtp;
};

struct sink_account {
	char *user, *password; /* owned, UTF-8 */
};

/* A profile, and on whom it is imposed. */
struct sink_imposition {
	const struct profile *profile; /* lent */
	bool has_address;	       /* clients of this address that is listened at alone */
	struct endpoint address;       /* port 0: any */
	const char *domain;	       /* recipients of this domain alone; NULL: any; borrowed */
	int64_t from_ns;	       /* > 0: in place of the first one, so long after the start */
};

struct sink_plan {
	struct sink_listener listeners[SINK_LISTENERS_MAX];
	int listener_count;
	int threads;	     /* at least 1; Unix sockets are served by the first */
	const char *name;    /* in greetings; borrowed */
	uint32_t extensions; /* on offer: SINK_EXTENSIONS without what is hidden */
	uint64_t size_max;   /* octets of a message; 0: no limit */
	uint32_t rcpt_max;   /* recipients of a message; 0: no limit */
	uint32_t mail_max;   /* messages of a session; 0: no limit */
	/*
	 * Sessions at once, all threads together; more get 421. 0: what the threads that were asked
	 * for can hold, at most SINK_SESSIONS_DEFAULT.
	 */
	uint32_t session_max;
	enum smtp_strictness strictness;
	uint32_t auth_mechanisms; /* of enum sasl_mechanism; 0: all of them */
	bool allow_clear_auth, is_auth_required, is_tls_required;
	struct sink_account *accounts; /* owned; none: AUTH is not on offer */
	int account_count;
	int64_t idle_ns;	    /* a session that says nothing for so long gets 421 */
	uint32_t errors_max;	    /* bad commands in a session before it gets 421; 0: no limit */
	struct fault_rules *faults; /* owned; NULL: none */
	uint64_t seed;		    /* of the faults' chances and delays */
	struct sink_imposition *impositions; /* owned; none: nobody is limited by a profile */
	int imposition_count;
	uint32_t scale;	     /* of the profiles: windows pass so many times faster */
	bool has_reputation; /* clients begin with this one, not as the profile says */
	enum reputation reputation;
	const char *decisions; /* log of what profiles refuse; NULL: none; borrowed */
	const char *maildir;   /* NULL: not stored; borrowed */
	bool does_sync;	       /* fsync before the reply to a stored message */
	const char *jsonl;     /* NULL: no lines; "-" is standard output; borrowed */
	bool does_trace_ids;   /* look for X-Volley-ID */
	uint64_t expected;     /* messages that each run should bring; 0: not known */
};

/* An empty plan with the defaults: 1 thread, 5 minutes of silence, all extensions, ids. */
void sink_plan_init(struct sink_plan *p);
void sink_plan_fini(struct sink_plan *p);

/*
 * "smtp://HOST:PORT", "smtps://", "smtp+starttls://" (also "starttls://"), "lmtp://",
 * "unix:PATH", "lmtp:unix:PATH" or a bare "HOST:PORT", ":PORT", "PORT" as smtp. HOST is an address,
 * "localhost", or "*" for all addresses; none is loopback. Port 0 takes a free one; no port is
 * the scheme's own (25, 465, 25, 24). -1 with EXIT_USAGE and a sentence.
 */
__attribute__((warn_unused_result)) int
sink_listener_parse(struct span text, struct sink_listener *ret_listener, struct err *e);

/* "smtp", "smtps", "smtp+starttls", "lmtp", "lmtp+starttls". */
const char *sink_listener_scheme(const struct sink_listener *l);

/* "user:password"; the first colon divides. -1 with *e set: no colon, an empty part, too many. */
__attribute__((warn_unused_result)) int sink_account_add(struct sink_plan *p, struct span text,
							 struct err *e);

/* Adds a profile. -1 with *e set: too many, the same place twice, nothing to take the place of. */
__attribute__((warn_unused_result)) int
sink_plan_impose(struct sink_plan *p, const struct sink_imposition *imposition, struct err *e);

/* What contradicts itself is refused in a sentence: -1 and EXIT_USAGE. has_tls: a certificate or
 * the means to make one is there. */
__attribute__((warn_unused_result)) int sink_plan_check(const struct sink_plan *p, bool has_tls,
							struct err *e);

#endif
