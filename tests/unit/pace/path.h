/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * path.h - one governed path with all that belongs to it, on a clock that the test moves
 */
#ifndef VOLLEY_TESTS_UNIT_PACE_PATH_H
#define VOLLEY_TESTS_UNIT_PACE_PATH_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "by_hand.h"
#include "pace/governor.h"

#define SEC  NS_PER_SEC
#define MIN  (60 * NS_PER_SEC)
#define HOUR (3600 * NS_PER_SEC)

/* A path with all that belongs to it. */
struct path {
	struct by_hand hand;
	struct rules *rules;
	struct rules_reader *reader;
	struct limits *limits;
	struct governor_params params;
	struct governor *governor;
	int64_t now_ns;
};

static inline void path_begin(struct path *p)
{
	*p = (struct path){.now_ns = 1000 * SEC};
	by_hand_init(&p->hand, "by-hand");
	p->params = (struct governor_params){
		.profile = &p->hand.profile,
		.scale = 1,
		.source_key = 1,
		.site_key = 2,
		.sessions = 10,
		.recipients_most = 1,
		.octets_most = 1000,
		.seed = 7,
	};
}

static inline void path_make(struct path *p)
{
	struct err e = {0};

	p->rules = rules_new(&p->hand.profile, &e);
	if (p->rules == NULL)
		fail_msg("%s", e.text);
	p->reader = rules_reader_new(p->rules);
	p->limits = limits_new(0);
	assert_non_null(p->reader);
	assert_non_null(p->limits);
	p->params.limits = p->limits;
	p->governor = governor_new(&p->params, p->now_ns, &e);
	if (p->governor == NULL)
		fail_msg("%s", e.text);
}

static inline void path_end(struct path *p)
{
	governor_free(p->governor);
	limits_free(p->limits);
	rules_reader_free(p->reader);
	rules_free(p->rules);
}

static inline struct governor_charge charge_at(int64_t now_ns)
{
	return (struct governor_charge){.recipients = 1, .octets = 1000, .taken_ns = now_ns};
}

static inline bool send(struct path *p, struct governor_wait *ret_wait)
{
	struct governor_charge c = charge_at(p->now_ns);

	return governor_may_send(p->governor, &c, p->now_ns, ret_wait);
}

static inline void over(struct path *p, enum governor_outcome outcome)
{
	struct governor_charge c = charge_at(p->now_ns);

	governor_over(p->governor, &c, outcome, p->now_ns);
}

static inline bool open_one(struct path *p, struct governor_wait *ret_wait)
{
	return governor_may_connect(p->governor, p->now_ns, ret_wait);
}

static inline void must_open(struct path *p)
{
	struct governor_wait wait;

	assert_true(open_one(p, &wait));
	governor_connected(p->governor, p->now_ns);
}

static inline void close_one(struct path *p, enum governor_end end, bool was_greeted)
{
	struct governor_closing c = {
		.end = end,
		.was_greeted = was_greeted,
		.is_before_mail = !was_greeted,
	};

	governor_closed(p->governor, &c, p->now_ns);
}

static inline struct governor_reaction reply(struct path *p, uint16_t code, const char *text,
					     enum phase phase, uint64_t sent)
{
	struct reply r = {.code = code, .text = span_of(text)};
	struct verdict v;

	(void)enhanced_parse(r.text, code, &r.enhanced);
	return governor_reply(p->governor, p->reader, &r, phase, sent, p->now_ns, &v);
}

static inline struct governor_facts facts(struct path *p)
{
	struct governor_facts f;

	governor_facts(p->governor, p->now_ns, &f);
	return f;
}

/* Sends as fast as it may for a time; returns how many, and checks every window of the period. */
static inline uint64_t send_for(struct path *p, int64_t for_ns, uint64_t amount, int64_t period_ns)
{
	int64_t *sent = calloc(100000, sizeof(*sent)), until_ns = p->now_ns + for_ns;
	uint64_t count = 0, first = 0;
	struct governor_wait wait;

	while (p->now_ns < until_ns) {
		if (!send(p, &wait)) {
			assert_true(wait.when_ns > p->now_ns && wait.when_ns != TIME_NEVER);
			p->now_ns = wait.when_ns;
			continue;
		}
		over(p, GOVERNOR_ACCEPTED);
		sent[count++] = p->now_ns;
		while (sent[count - 1] - sent[first] >= period_ns)
			first++;
		if (count - first > amount)
			fail_msg("%llu messages within a window of %llu",
				 (unsigned long long)(count - first), (unsigned long long)amount);
	}
	free(sent);
	return count;
}

static inline void begin_pausing(struct path *p)
{
	struct profile_rule *r;

	path_begin(p);
	r = by_hand_rule(&p->hand, "slow-down", 421, "slow down", CLASS_THROTTLED, SCOPE_SOURCE,
			 DIAL_SUSPEND);
	r->action = ACTION_PAUSE;
	r->hold_ns = 10 * MIN;
	r = by_hand_rule(&p->hand, "one-of-many", 451, "busy", CLASS_THROTTLED, SCOPE_SOURCE,
			 DIAL_RATE);
	r->action = ACTION_PAUSE;
	r->hold_ns = 5 * MIN;
	r->trigger_count = 3;
	r->trigger_ns = MIN;
	r = by_hand_rule(&p->hand, "window", 452, "", CLASS_QUOTA_EXHAUSTED, SCOPE_ACCOUNT,
			 DIAL_SUSPEND);
	r->action = ACTION_PAUSE;
	r->holds_window = true;
	by_hand_rule(&p->hand, "nobody", 450, "", CLASS_MAILBOX_FULL, SCOPE_RECIPIENT, DIAL_NONE)
		->action = ACTION_RETRY;
	by_hand_rule(&p->hand, "closed", 535, "", CLASS_AUTH_FAILED, SCOPE_ACCOUNT, DIAL_NONE)
		->action = ACTION_ABORT;
	by_hand_rule(&p->hand, "enough", 454, "", CLASS_THROTTLED, SCOPE_CONNECTION,
		     DIAL_MESSAGES_PER_CONNECTION);
	by_hand_rule(&p->hand, "rate", 455, "", CLASS_THROTTLED, SCOPE_SOURCE, DIAL_RATE);
	by_hand_rule(&p->hand, "many", 456, "", CLASS_THROTTLED, SCOPE_SOURCE, DIAL_CONNECTIONS);
}

#endif
