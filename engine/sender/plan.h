/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - what a run shall do, checked before the first connection
 *
 * Made by cmd/ out of the options, completed by plan_check(), then immutable and shared by all
 * threads. What cannot work (more sessions than ports, descriptors or memory) is refused here in
 * one sentence rather than found out half way.
 */
#ifndef VOLLEY_SENDER_PLAN_H
#define VOLLEY_SENDER_PLAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/endpoint.h"
#include "base/err.h"
#include "mail/message.h"
#include "pace/arrival.h"
#include "profile/match.h"
#include "profile/profile.h"
#include "profile/rules.h"
#include "smtp/client.h"

#define PLAN_TARGETS_MAX   64
#define PLAN_SOURCES_MAX   256
#define PLAN_ADDRESSES_MAX 64

/* One target, with its name resolved. */
struct plan_target {
	char url[320];	/* as shown: without user and password */
	char host[256]; /* for SNI and the certificate; "" for a Unix socket */
	struct smtp_client_params smtp;
	struct sasl_params auth; /* smtp.auth points here, or is NULL */
	struct endpoint addresses[PLAN_ADDRESSES_MAX];
	int address_count;
	int64_t lookup_ns; /* how long its name took; -1: it needed none */

	const struct profile *profile; /* that is obeyed there; NULL: none. Lent */
	const struct rules *rules;     /* what its replies mean: the profile's, or the base
					  profile's; NULL: nobody knows. Lent */
	char site[SITE_NAME_MAX];      /* whose budget is shared; "": the host's */
};

struct sender_plan {
	struct plan_target targets[PLAN_TARGETS_MAX];
	int target_count;
	struct endpoint sources[PLAN_SOURCES_MAX];
	int source_count; /* 0: the kernel chooses */

	int sessions;
	int threads; /* as asked; plan_check() raises it where one ring cannot hold the sessions */
	bool is_open_loop;
	struct arrival_stage stages[ARRIVAL_STAGES_MAX];
	int stage_count;
	enum arrival_kind arrivals;

	uint64_t messages;   /* 0: no limit by number */
	int64_t duration_ns; /* of the measured part; 0: no limit by time */
	int64_t warmup_ns;   /* before it, not measured */
	int64_t drain_ns;    /* after it, for what is under way */
	int64_t idle_ns;     /* all sessions are opened and held so long before the first message */
	int64_t think_ns;    /* closed loop: between a session's messages */
	int64_t stall_ns;    /* the run ends when nothing has gone on for so long */
	uint64_t messages_per_connection; /* 0: no limit */
	struct rate connect_rate;	  /* count 0: no limit */
	int connects_in_flight;		  /* per target, all threads together */

	int64_t connect_timeout_ns, tls_timeout_ns, attempt_delay_ns;
	int send_buffer, receive_buffer;

	bool does_adapt;	   /* adaptive control, within the profile's limits */
	uint32_t scale;		   /* of the profile's and the controller's durations; 1: none */
	int64_t adapt_interval_ns; /* a hint, before the scale; 0: none */
	struct span sender_domain; /* of all reverse paths; empty: they differ, or have none */

	const struct mail_plan *mail;
	const char *dsn_ret, *dsn_notify; /* RFC 3461, NULL: none */
	uint64_t seed, run_id;
};

/* What the machine sets as bounds: read once by cmd/. */
struct plan_bounds {
	uint64_t links_per_ring; /* by RLIMIT_NOFILE; plan_links() must fit */
	uint64_t ports;		 /* of net.ipv4.ip_local_port_range */
	uint64_t memory;	 /* octets that are free */
	int threads_max;
	uint64_t session_memory; /* octets that a session takes, by plain or TLS */
};

/* True when a profile is obeyed or adaptive control used: sessions then belong to paths. */
bool plan_is_paced(const struct sender_plan *p);

/* Paths: a target and a source each; a session's is its number modulo this. */
uint32_t plan_path_count(const struct sender_plan *p);

/* Links that a worker with so many sessions has to hold at once. */
size_t plan_links(const struct sender_plan *p, int sessions);

/* Checks and completes. -1 with EXIT_USAGE and a sentence. */
int plan_check(struct sender_plan *p, const struct plan_bounds *b, struct err *e);

#endif
