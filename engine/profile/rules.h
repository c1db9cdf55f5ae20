/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules.h - reply -> rule, compiled
 *
 * A profile's reply rules compiled once with PCRE2's JIT; first match wins. Where no rule matches,
 * the enhanced code decides, then the basic code (RFC 3463 and its registry, RFC 5321 s4.2), and
 * the verdict says so. Patterns run under a match limit: a reply that makes one exceed it is
 * treated as not matched by it, and counted.
 *
 * Replies are octets, not characters: patterns are searched octet by octet, without regard to the
 * case of ASCII letters, in the text with each run of white space as one space. An enhanced code
 * that a multi-line reply repeats on each line stands there once, so that a phrase may be broken
 * over lines. At most RULES_TEXT_MAX octets are searched.
 *
 * A hard class is never guessed. A bare 550 says that this message is refused, and nothing about
 * why: it is CLASS_UNKNOWN with PERMANENCE_SOFT and RETRY_NEVER. The message is not sent again, as
 * RFC 5321 s4.2.1 demands, and the recipient stays on the list, since nothing was said against the
 * address. Only an enhanced code that says so (5.1.1, 5.1.2, 5.2.1 ...) or a rule makes a recipient
 * hard. A 4xx is never hard, whatever its enhanced code.
 *
 * A rule that names codes means what it says. One that names none was written for its words, and
 * the first digit of the reply qualifies it: with a 4xx nothing is hard and all is tried again;
 * with a 5xx a message to a full or shut mailbox is not. What waits by its nature (throttled,
 * greylisted, quota-exhausted ...) is tried again whatever the digit, since several providers say
 * it with 5xx. A suppression belongs to a rule that names 5xx codes: the action of a rule is not
 * qualified.
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

#define RULES_TEXT_MAX	  4096			/* octets of a reply that are searched */
#define RULES_HOLD_MIN_NS (INT64_C(1000000000)) /* 1 s */
#define RULES_HOLD_MAX_NS (INT64_C(86400) * 1000000000)

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
	/*
	 * How long to leave it alone, clipped to 1 s .. 24 h; 0: nothing was said. The reply's own
	 * figure ("try again in 300 seconds") where the rule has holds_reply; where the class is
	 * one of waiting (throttled, recipient-throttled, greylisted, quota-exhausted) the longer
	 * one of the reply's figure and the rule's; else the rule's.
	 */
	int64_t hold_ns;
};

struct rules;
struct rules_reader;

/* The profile is lent until rules_free(). NULL with *e: "FILE:LINE: ..." (a pattern is wrong). */
struct rules *rules_new(const struct profile *p, struct err *e);
void rules_free(struct rules *r);

/* The rules are lent until rules_reader_free(). NULL: memory exhausted. */
struct rules_reader *rules_reader_new(const struct rules *r);
void rules_reader_free(struct rules_reader *r);

/*
 * Judges a reply that came in that phase. Its text may hold line feeds and the enhanced code. A
 * phase in which no reply comes (PHASE_SESSION, say) stands for "not known": then the phases that
 * a rule names do not matter. A 2xx or 3xx is CLASS_ACCEPTED without a look at the rules.
 */
struct verdict rules_judge(struct rules_reader *r, const struct reply *reply, enum phase phase);

/* How often a pattern gave up on a reply. */
uint64_t rules_gave_up(const struct rules_reader *r);

#endif
