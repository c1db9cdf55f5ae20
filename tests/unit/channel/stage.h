/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.h - two hosts of a simulated network with a channel hub each, for the tests of channel/
 *
 * An end writes down what it sees as letters: O opened, A accepted, T sealed (TLS), B bytes (once
 * for each stretch of them), S sent, L late, C(end) or C(end, failure) closed. What it receives is
 * compared with the pattern that the other end sends.
 */
#ifndef VOLLEY_TESTS_UNIT_CHANNEL_STAGE_H
#define VOLLEY_TESTS_UNIT_CHANNEL_STAGE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "channel/channel.h"
#include "sim/sealed.h"
#include "sim/sim.h"

#define ENDS_MAX 1024

struct host;

struct end {
	struct channel_user user;
	struct channel channel;
	struct host *host;
	char log[160];
	int64_t opened_ns, sealed_ns, closed_ns;
	enum link_end closed_as;
	enum secure_failure failure;
	char detail[160];
	struct secure_facts facts;
	uint64_t received; /* octets of the pattern, all as expected */
	char text[64];	   /* the first ones */
	char echo[256];
	size_t echo_len;
	/* Hooks of a test; NULL: nothing. */
	void (*on_opened)(struct end *e);
	void (*on_sealed)(struct end *e);
	void (*on_bytes)(struct end *e, struct span bytes);
	void (*on_sent)(struct end *e);
	void (*on_closed)(struct end *e);
	bool echoes, starts_tls; /* TLS at once, when opened or accepted */
	bool is_closed;
};

struct host {
	struct sim_actor actor;
	struct listener_user listening;
	struct transport *transport;
	struct secure *secure;
	struct channel_hub hub;
	struct end ends[ENDS_MAX];
	int end_count;
	struct end model; /* what an accepted end begins as */
	int steps;	  /* handshake steps in this turn, and the most in one */
	int steps_most;
	bool skips_turns; /* does not call channel_hub_turn() */
};

struct stage {
	struct sim *sim;
	struct host client, server;
	struct endpoint at; /* the server's */
};

struct stage_options {
	enum sim_split split;
	int64_t delay_ns; /* 0: 100 us */
	uint64_t bandwidth;
	struct sim_secure_options client, server; /* roles and a certificate are filled in */
	bool no_tls;
};

/* The server listens; nothing is connected yet. */
struct stage *stage_new(const struct stage_options *options);
void stage_free(struct stage *s);

/* Runs until nothing is left to happen, or to a time. */
void stage_run(struct stage *s);
void stage_run_until(struct stage *s, int64_t at_ns);

/* A new end of the client's host, not connected; its hooks may be set before. */
struct end *end_new(struct stage *s);
void end_connect(struct stage *s, struct end *e);
void end_send(struct end *e, const char *text);
void end_start_tls(struct end *e, struct span leftover);

/*
 * TLS contexts for one side: sealed links (secure_sim.c), or wolfSSL with as much of the options as
 * it has (secure_tls.c). A server without a certificate gets one for mx.example.com, which the
 * clients trust.
 */
struct secure *stage_secure(struct stage *s, const struct sim_secure_options *options,
			    struct err *e);
extern const bool stage_is_encrypted; /* wolfSSL */

/* The octet at a place of the pattern. */
char pattern_at(uint64_t place);

#endif
