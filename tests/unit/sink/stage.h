/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.h - a sink and its clients in a simulated world
 *
 * One worker with listeners for plain SMTP (with STARTTLS), implicit TLS and LMTP; clients that
 * send what a test says and keep what they get. Time is virtual: it passes in stage_run() alone,
 * so that delays of minutes cost nothing and every number is exact.
 */
#ifndef VOLLEY_TESTS_SINK_STAGE_H
#define VOLLEY_TESTS_SINK_STAGE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "channel/channel.h"
#include "sim/sealed.h"
#include "sim/sim.h"
#include "sink/fault.h"
#include "sink/plan.h"
#include "sink/shared.h"
#include "sink/status.h"
#include "sink/worker.h"

enum stage_listener { STAGE_SMTP, STAGE_SMTPS, STAGE_LMTP };

struct stage {
	struct sink_plan plan; /* may be changed between stage_init() and stage_start() */
	struct sim *sim;
	struct transport *near, *far; /* the sink's and the clients' */
	struct secure *near_secure, *far_secure;
	struct sink_shared shared;
	struct sink_worker worker;
	struct channel_hub hub; /* the clients' */
	struct sim_actor near_actor, far_actor;
	struct sink_status status;	     /* after stage_stop() */
	struct hdr *delays[FAULT_RULES_MAX]; /* the worker's, kept by stage_stop() */
};

struct peer {
	struct channel_user user;
	struct channel channel;
	struct stage *stage;
	struct buf got;
	struct buf sending; /* lent while the channel sends */
	size_t got_taken;
	uint64_t got_total; /* counts on where got is full */
	bool is_sealed, is_closed;
	enum link_end end;
	enum secure_failure failure;
	int64_t got_ns; /* when anything came last */
};

/* rules: of faults, ends in NULL; NULL for none. */
void stage_init(struct stage *s, const char *const *rules);
void stage_start(struct stage *s);

/* Lets time pass. */
void stage_run(struct stage *s, int64_t ns);

/* Stops the sink and collects its status; stage_fini() frees all. */
void stage_stop(struct stage *s);
void stage_fini(struct stage *s);

/* Connects; a short time passes. */
void peer_open(struct stage *s, struct peer *p, enum stage_listener to);
void peer_tls(struct peer *p);

/* Sends; no time passes. */
void peer_send(struct peer *p, const char *text);
void peer_send_octets(struct peer *p, const void *data, size_t len);

/* Lets 10 ms pass, then what came since the last look must be this. */
void peer_expect(struct peer *p, const char *text);

/* Sends and expects. */
void peer_say(struct peer *p, const char *text, const char *answer);
void peer_fini(struct peer *p);

#define GREETING "220 sink.example ESMTP volley\r\n"
#define BYE	 "221 2.0.0 Bye\r\n"
#define DATA_OK	 "354 End data with <CR><LF>.<CR><LF>\r\n"

/* HELO and its reply; MAIL, RCPT and theirs. */
#define HELO	"HELO c.example\r\n"
#define HELO_OK "250 sink.example\r\n"
#define OPEN	"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
#define OPEN_OK "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"

#endif
