/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * harness.h - asks a resolver and waits for the answer
 */
#ifndef VOLLEY_TESTS_DNS_HARNESS_H
#define VOLLEY_TESTS_DNS_HARNESS_H
#include "base/clock.h"
#include "dns/resolver.h"

/* A clock that stands still until it is moved. */
struct fake_clock {
	struct clock clock;
	int64_t now_ns;
};

void fake_clock_init(struct fake_clock *c);

/* A user that keeps its last answer. */
struct keeper {
	struct resolver_user user;
	int count;
	struct resolver_answer answer;
};

void keeper_init(struct keeper *k);

/* A resolver with short time-outs and without the hosts file. Fails the test when there is none. */
struct resolver *resolver_at(const char *server, struct fake_clock *clock, uint64_t seed);

/* The same with all options given; what is 0 gets a default that suits tests. */
struct resolver *resolver_with(struct dns_options options);

/* Turns until nothing is open. */
void resolver_drain(struct resolver *r);

/* Asks for port 25 and waits. */
void ask(struct resolver *r, enum resolver_question question, const char *name, struct keeper *k);

/* "10 mx1.example.test 192.0.2.1 | 20 mx2 ..." of the answer, or its cause; static. */
const char *answer_text(const struct resolver_answer *a);

#endif
