/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * support.h - worlds, hosts and users of links for the tests of sim/
 */
#ifndef VOLLEY_TESTS_UNIT_SIM_SUPPORT_H
#define VOLLEY_TESTS_UNIT_SIM_SUPPORT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sim/sim.h"

/* A user that writes down what it sees, and may send once opened or accepted. */
struct user {
	struct link_user base;
	struct transport *transport;
	struct link *link; /* NULL once closed */
	char log[160];	   /* O A B S L C(cause) */
	int64_t opened_ns, first_byte_ns, closed_ns;
	uint64_t received;
	int piece_count; /* BYTES events */
	size_t piece_max;
	char text[256];	      /* the first octets received */
	const char *greeting; /* sent when opened or accepted; NULL: nothing */
	size_t greeting_len;
	bool echoes;
	char echo[4096];
	size_t echo_len, echo_sent;
};

struct listening {
	struct listener_user base;
	struct transport *transport;
	struct listener *listener;
	struct user users[64];
	int count;
	const char *greeting;
	size_t greeting_len;
	bool echoes;
};

struct sim *new_world(uint64_t seed, int64_t delay_ns); /* delay_ns 0: none */
struct transport *new_transport(struct sim *s);
struct endpoint address(const char *text, uint16_t port);
void user_init(struct user *u, struct transport *t);
void user_connect(struct user *u, const struct endpoint *to);
void user_send(struct user *u, const char *text, size_t len);
void listening_open(struct listening *l, struct transport *t, const struct endpoint *at,
		    const struct listen_options *options);

/* Steps a transport in sim_run(). */
struct stepper {
	struct sim_actor actor;
	int count; /* steps */
};
void stepper_add(struct stepper *p, struct sim *s, struct transport *t);

/* Runs until nothing is left to happen. */
void run_dry(struct sim *s);

#endif
