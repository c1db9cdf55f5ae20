/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules.h - reply -> rule, compiled
 *
 * A profile's reply rules compiled once with PCRE2's JIT; first match wins. Where no rule matches,
 * the enhanced code decides, then the basic code (RFC 3463, RFC 5321 s4.2), and the verdict says
 * so; a hard class is never guessed. Patterns run under a match limit: a reply that makes one
 * exceed it is treated as not matched by it, and counted.
 *
 * struct rules is immutable after rules_new() and may be shared by all threads; each thread has a
 * rules_reader of its own, with match data and a cache of replies seen before, so that a reply
 * that repeats costs one hash and one comparison.
 */
#ifndef VOLLEY_PROFILE_RULES_H
#define VOLLEY_PROFILE_RULES_H
#include <stdint.h>
#include "base/err.h"
#include "profile/profile.h"
#include "terms/reply.h"

enum verdict_basis {
	BASIS_RULE,	/* a rule of the list */
	BASIS_ENHANCED, /* the enhanced status code alone */
	BASIS_CODE,	/* the basic code alone */
	BASIS_NONE,	/* not a reply that SMTP knows */
};

struct verdict {
	const struct profile_rule *rule; /* NULL unless BASIS_RULE */
	int rule_index;			 /* in the profile; -1 */
	enum verdict_basis basis;
	enum reply_class class;
	enum permanence permanence;
	enum retry_way retry;
	enum reply_scope scope;
	enum pace_dial dial;
	int64_t hold_ns; /* what rule or reply say, clipped to 1 s .. 24 h; 0: nothing said */
};

struct rules;
struct rules_reader;

/* The profile is lent until rules_free(). NULL with *e: "FILE:LINE: ..." (a pattern is wrong). */
struct rules *rules_new(const struct profile *p, struct err *e);
void rules_free(struct rules *r);

/* NULL: memory exhausted. */
struct rules_reader *rules_reader_new(const struct rules *r);
void rules_reader_free(struct rules_reader *r);

/* Judges a reply that came in that phase. Its text may hold line feeds and the enhanced code. */
struct verdict rules_judge(struct rules_reader *r, const struct reply *reply, enum phase phase);

/* How often a pattern gave up on a reply. */
uint64_t rules_gave_up(const struct rules_reader *r);

#endif
