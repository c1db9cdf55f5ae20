/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * by_hand.h - profiles made in a test, without a file
 */
#ifndef VOLLEY_TESTS_UNIT_PACE_BY_HAND_H
#define VOLLEY_TESTS_UNIT_PACE_BY_HAND_H
#include <stdio.h>
#include <string.h>
#include "profile/profile.h"
#include "profile/rules.h"

#define BY_HAND_RULES 16

struct by_hand {
	struct profile profile;
	struct profile_rule rules[BY_HAND_RULES];
	uint16_t codes[BY_HAND_RULES];
};

static inline void by_hand_init(struct by_hand *h, const char *name)
{
	*h = (struct by_hand){.profile = {.title = "by hand", .headroom_millis = 200}};
	snprintf(h->profile.name, sizeof(h->profile.name), "%s", name);
	h->profile.rules = h->rules;
	h->profile.retry = (struct profile_retry){
		.first_ns = INT64_C(600) * 1000000000,
		.max_ns = INT64_C(14400) * 1000000000,
		.give_up_ns = INT64_C(259200) * 1000000000,
		.factor_millis = 2000,
	};
}

static inline struct limit *by_hand_limit(struct by_hand *h, const char *name, enum limit_unit unit,
					  enum limit_scope scope, uint64_t amount,
					  int64_t period_ns)
{
	struct profile_limit *l = &h->profile.limits[h->profile.limit_count++];

	*l = (struct profile_limit){
		.name = name,
		.limit =
			{
				.unit = unit,
				.scope = scope,
				.window = period_ns > 0 ? LIMIT_SMOOTH : LIMIT_AT_ONCE,
				.amount = amount,
				.period_ns = period_ns,
			},
		.place = {"by-hand.yaml", h->profile.limit_count},
	};
	return &l->limit;
}

/* A rule for a code and a pattern ("" for any text). */
static inline struct profile_rule *by_hand_rule(struct by_hand *h, const char *name, uint16_t code,
						const char *text, enum reply_class class,
						enum reply_scope scope, enum pace_dial dial)
{
	int at = h->profile.rule_count++;
	struct profile_rule *r = &h->rules[at];

	h->codes[at] = code;
	*r = (struct profile_rule){
		.name = name,
		.place = {"by-hand.yaml", 100 + at},
		.codes = &h->codes[at],
		.code_count = 1,
		.text = span_of(text),
		.class = class,
		.permanence = PERMANENCE_SOFT,
		.retry = RETRY_SAME,
		.scope = scope,
		.dial = dial,
		.limit = -1,
	};
	h->profile.own_rule_count = h->profile.rule_count;
	return r;
}

#endif
