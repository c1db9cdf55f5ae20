/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules_private.h - the parts of rules.c that stand in files of their own
 */
#ifndef VOLLEY_PROFILE_RULES_PRIVATE_H
#define VOLLEY_PROFILE_RULES_PRIVATE_H
#include "profile/rules.h"

/* rules_code.c: what the codes alone say. Sets all of *v but rule, rule_index and hold_ns. */
void rules_judge_codes(const struct reply *reply, enum phase phase, struct verdict *v);

/* The enhanced code of a reply; where none stands in front, one that qmail and its kin put behind
 * ("sorry, no mailbox here by that name (#5.1.1)"). False when there is none. */
bool rules_enhanced(const struct reply *reply, struct enhanced_code *ret_enhanced);

/* rules.c: the text that patterns are searched in; out has room for RULES_TEXT_MAX octets. Returns
 * how many there are. */
size_t rules_normalise(const struct reply *reply, char *out);

/*
 * rules_hold.c: how long the reply asks to wait, in nanoseconds, not clipped; 0 when it does not
 * say. text is searched as it is, in any case. Pure.
 */
int64_t rules_hold(struct span text);

/*
 * rules_filter.c: what a text must hold for a pattern to match it. A filter never holds back a text
 * that the pattern matches without regard to case; it is immutable and may be shared by threads.
 */
#define RULES_FILTER_BITS 8192

struct rules_filter;
struct rules_filter_text {
	uint64_t bits[RULES_FILTER_BITS / 64];
};

/* NULL: memory exhausted. The pattern has been compiled: it is well formed. */
struct rules_filter *rules_filter_new(struct span pattern);
void rules_filter_free(struct rules_filter *f);
void rules_filter_text(struct rules_filter_text *t, struct span text);
bool rules_filter_passes(const struct rules_filter *f, const struct rules_filter_text *t);

#endif
