/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposing.h - profiles made by hand, and sessions that ask an imposer, on a clock that a test
 * moves
 */
#ifndef VOLLEY_TESTS_SINK_IMPOSING_H
#define VOLLEY_TESTS_SINK_IMPOSING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "profile/profile.h"
#include "sink/imposer.h"
#include "sink/plan.h"

#define IMPOSING_RULES_MAX 32

struct hand_profile {
	struct profile profile;
	struct profile_rule rules[IMPOSING_RULES_MAX];
};

void hand_profile_init(struct hand_profile *p, const char *name);

/* Each returns an index. period_ns 0: at once. */
int hand_limit(struct hand_profile *p, const char *name, uint64_t amount, enum limit_unit unit,
	       enum limit_scope scope, enum limit_window window, int64_t period_ns);
int hand_over(struct hand_profile *p, int limit, enum phase at, const char *say);
int hand_rule(struct hand_profile *p, enum profile_cause when, enum phase at, const char *say);

/* An imposer of its own, and its clock. */
struct imposing {
	struct clock clock; /* first */
	int64_t now_ns;
	struct sink_plan plan;
	struct imposer *imposer;
};

/* The plan may be changed before imposing_start(). */
void imposing_init(struct imposing *m);
void imposing_add(struct imposing *m, const struct hand_profile *p);
void imposing_start(struct imposing *m);
void imposing_fini(struct imposing *m);

/* For a profile alone: both initialized, under the name "hand"; added, and started with it. */
void imposing_prepare(struct imposing *m, struct hand_profile *p);
void imposing_begin(struct imposing *m, const struct hand_profile *p);

/* A client connects; "" in place of an address: 192.0.2.1. is_refused may be NULL: not refused. */
struct imposer_session *client(struct imposing *m, const char *address, bool *is_refused);
struct imposer_session *client_at(struct imposing *m, const char *address, const char *local,
				  uint16_t port, bool is_lmtp, bool *is_refused);
void leave(struct imposing *m, struct imposer_session *x);

/* One step each; what is said is settled. True: it passed. */
bool login(struct imposing *m, struct imposer_session *x, const char *user);
bool mail(struct imposing *m, struct imposer_session *x, const char *user, const char *from,
	  uint64_t size);
bool rcpt(struct imposing *m, struct imposer_session *x, const char *to);
bool data(struct imposing *m, struct imposer_session *x);
/* code: what is replied where nothing is imposed. */
bool dot(struct imposing *m, struct imposer_session *x, uint64_t size, int code);

/* A whole message with one recipient. */
bool message(struct imposing *m, struct imposer_session *x);

/* The reply that was said last, without its line end. */
const char *said(void);
bool said_close(void);

#endif
