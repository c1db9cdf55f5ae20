/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode.h - a merged document turned into a profile
 *
 * Every key is checked by a table. Texts of the profile are the tree's own; arrays stand in the
 * arena: both must outlive it. What single values allow is judged here; what needs several of
 * them at once is lint's (lint.h).
 */
#ifndef VOLLEY_PROFILE_DECODE_H
#define VOLLEY_PROFILE_DECODE_H
#include "profile/decode_value.h"

/* What decode_profile() needs to know beside the document. */
struct decode_request {
	const struct tree_node *root; /* merged */
	const char *name;	      /* of the profile */
	const char *file;	      /* its own: rules from elsewhere are inherited */
	bool is_root;		      /* a base, or it extends nothing: it needs no title */
};

/* Faults are added to f; with none *ret_profile is whole. */
void decode_profile(struct arena *a, const struct decode_request *r, struct faults *f,
		    struct profile *ret_profile);

/* decode_limit.c, decode_rule.c: what stands under limits: and replies:. */
void decode_limits(struct decoder *d, const struct where *at, void *object);
void decode_replies(struct decoder *d, const struct where *at);

/* decode_rule_sink.c: when, at, say, then of a rule. say is checked for its form. */
void decode_rule_when(struct decoder *d, const struct where *at, void *object);
void decode_rule_at(struct decoder *d, const struct where *at, void *object);
void decode_rule_say(struct decoder *d, const struct where *at, void *object);
void decode_rule_then(struct decoder *d, const struct where *at, void *object);

/* Where a rule says its reply when it does not say so itself. */
enum phase decode_default_phase(const struct profile *p, const struct profile_rule *rule);

#endif
