/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain.h - what a reply means, in words
 *
 * A verdict (rules.h) says what the sender does; an explanation says the same to a person: whose
 * problem it is, the likely cause, what to do, which provider speaks, and whether to try again.
 *
 * The rules of a provider's profile are used where its `recognise` pattern finds it in the text;
 * where several profiles share a pattern (a provider's inbound and its submission), the one with a
 * rule of its own for the reply. Where neither they nor the general rules know the text, the own
 * rules of all profiles are asked for a text that one of them knows.
 *
 * One thread; nothing here is for the hot path.
 */
#ifndef VOLLEY_PROFILE_EXPLAIN_H
#define VOLLEY_PROFILE_EXPLAIN_H
#include "profile/rules.h"
#include "profile/store.h"

struct explanation {
	struct verdict verdict;
	const struct profile *profile; /* whose rules judged; its own ones or inherited ones */
	const char *provider;	       /* who says it; NULL: not recognised */
	const char *kind;	       /* explain_kind() */
	const char *whose;	       /* "this recipient" */
	const char *cause, *remedy;    /* never NULL */
	bool retries;
	/* When to try again, from now; 0: does not apply, or nobody knows. The reply's or rule's
	 * own figure, else the profile's schedule. */
	int64_t after_ns;
};

struct explainer;

/*
 * Compiles the recognise patterns of all profiles in the store's search path; a profile there that
 * cannot be loaded is passed over. With a name, that profile's rules are used for every reply. The
 * store is lent until explainer_free(). NULL with *e: the named profile or "base" cannot be loaded.
 */
struct explainer *explainer_new(struct profile_store *store, const char *profile_name,
				struct err *e);
void explainer_free(struct explainer *x);

/*
 * Explains a reply of that phase (rules_judge() has the one for "not known"). All texts of the
 * explanation live as long as the store, but for *reply. 0; -1 with *e when a profile that the
 * reply leads to cannot be loaded.
 */
int explainer_judge(struct explainer *x, const struct reply *reply, enum phase phase,
		    struct explanation *ret_explanation, struct err *e);

/* Explains a failure without a reply: refused, reset, timed out. */
void explainer_judge_network(struct explainer *x, struct explanation *ret_explanation);

/*
 * "hard" "soft" "throttle" "greylist" "auth" "policy" "protocol" "network" "unknown" "accepted":
 * what sort of answer a verdict asks for.
 */
const char *explain_kind(const struct verdict *v);

/* "this recipient", "your sending IP address". */
const char *explain_scope(enum reply_scope scope);

/* The words of a class where a rule has none of its own; two clauses without a full stop. */
const char *explain_class_cause(enum reply_class class);
const char *explain_class_remedy(enum reply_class class);

#endif
