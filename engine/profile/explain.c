/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain.c - what a reply means, in words
 *
 * Recognising comes before loading: all profiles' patterns are compiled from their documents, which
 * are cheap to read, and only a profile that a reply leads to is loaded, linted and compiled.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include "profile/explain.h"
#include "profile/rules_private.h"
#include "profile/tree.h"

#define PATTERN_STEPS_MAX 5000
#define PATTERN_OPTIONS	  (PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP)

/* The words of a rule that a profile's own file has. */
struct own_text {
	struct span pattern;
	struct rules_filter *filter;
};

/* A profile of the search path. */
struct candidate {
	char *name;
	pcre2_code *recognise; /* NULL: it recognises nothing */
	/* Once a reply was not recognised. */
	bool has_own_texts;
	struct own_text *own_texts;
	size_t own_text_count;
	/* From here on: once a reply has led to it. */
	bool was_tried;
	const struct profile *profile;
	struct rules *rules;
	struct rules_reader *reader;
};

struct explainer {
	struct profile_store *store;
	struct candidate base; /* or the profile that was named */
	bool is_named;
	struct candidate *others;
	size_t other_count;
	pcre2_match_data *match_data;
	pcre2_match_context *match_context;
};

static void candidate_fini(struct candidate *c)
{
	rules_reader_free(c->reader);
	rules_free(c->rules);
	pcre2_code_free(c->recognise);
	for (size_t i = 0; i < c->own_text_count; i++)
		rules_filter_free(c->own_texts[i].filter);
	free(c->own_texts);
	free(c->name);
}

static int no_memory(struct err *e)
{
	return err_set(e, EXIT_FAILED, 0, "no memory to explain replies");
}

/* Loads a profile with its rules; once, whether it works or not. */
static int candidate_load(struct explainer *x, struct candidate *c, struct err *e)
{
	if (c->was_tried)
		return c->reader != NULL ? 0 : -1;
	c->was_tried = true;
	c->profile = profile_store_load(x->store, c->name, e);
	if (c->profile == NULL)
		return -1;
	c->rules = rules_new(c->profile, e);
	if (c->rules == NULL)
		return -1;
	c->reader = rules_reader_new(c->rules);
	return c->reader != NULL ? 0 : no_memory(e);
}

/* A profile that is broken is passed over here: `volley profile check` is where it is told. */
static void candidate_recognise(struct explainer *x, struct candidate *c)
{
	struct err ignored;
	const struct tree_node *document = profile_store_document(x->store, c->name, &ignored);
	const struct tree_item *item = tree_find(document, "recognise");
	int error;
	PCRE2_SIZE offset;

	if (item == NULL || item->value->kind != TREE_SCALAR || item->value->text.len == 0)
		return;
	c->recognise = pcre2_compile((PCRE2_SPTR)item->value->text.data, item->value->text.len,
				     PATTERN_OPTIONS, &error, &offset, NULL);
	if (c->recognise != NULL)
		pcre2_jit_compile(c->recognise, PCRE2_JIT_COMPLETE);
}

static int others_new(struct explainer *x, struct err *e)
{
	size_t count;
	const char *const *names = profile_store_names(x->store, &count, e);

	if (names == NULL)
		return -1;
	x->others = calloc(count > 0 ? count : 1, sizeof(*x->others));
	if (x->others == NULL)
		return no_memory(e);
	/* Names are copied first: they last until the next call into the store. */
	for (size_t i = 0; i < count; i++) {
		x->others[i].name = strdup(names[i]);
		if (x->others[i].name == NULL)
			return no_memory(e);
		x->other_count = i + 1;
	}
	for (size_t i = 0; i < count; i++)
		candidate_recognise(x, &x->others[i]);
	return 0;
}

struct explainer *explainer_new(struct profile_store *store, const char *profile_name,
				struct err *e)
{
	struct explainer *x = calloc(1, sizeof(*x));

	if (x == NULL) {
		no_memory(e);
		return NULL;
	}
	x->store = store;
	x->is_named = profile_name != NULL;
	x->base.name = strdup(x->is_named ? profile_name : "base");
	x->match_data = pcre2_match_data_create(1, NULL);
	x->match_context = pcre2_match_context_create(NULL);
	if (x->base.name == NULL || x->match_data == NULL || x->match_context == NULL) {
		no_memory(e);
		goto failed;
	}
	pcre2_set_match_limit(x->match_context, PATTERN_STEPS_MAX);
	if (candidate_load(x, &x->base, e) < 0 || (!x->is_named && others_new(x, e) < 0))
		goto failed;
	return x;
failed:
	explainer_free(x);
	return NULL;
}

void explainer_free(struct explainer *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->other_count; i++)
		candidate_fini(&x->others[i]);
	free(x->others);
	candidate_fini(&x->base);
	pcre2_match_data_free(x->match_data);
	pcre2_match_context_free(x->match_context);
	free(x);
}

static bool is_recognised(struct explainer *x, const struct candidate *c, struct span text)
{
	return c->recognise != NULL && pcre2_match(c->recognise, (PCRE2_SPTR)text.data, text.len, 0,
						   0, x->match_data, x->match_context) >= 0;
}

/* By a rule that the profile has of its own, and that knows words. */
static bool is_own_rule(const struct candidate *c, const struct verdict *v)
{
	return v->basis == BASIS_RULE && v->rule_index < c->profile->own_rule_count;
}

/* The profile that speaks: one with a rule of its own where several are recognised. */
static int find_provider(struct explainer *x, const struct reply *reply, enum phase phase,
			 struct candidate **ret_found, struct verdict *ret_verdict, struct err *e)
{
	for (size_t i = 0; i < x->other_count; i++) {
		struct candidate *c = &x->others[i];
		struct verdict v;

		if (!is_recognised(x, c, reply->text))
			continue;
		if (candidate_load(x, c, e) < 0)
			return -1;
		v = rules_judge(c->reader, reply, phase);
		if (*ret_found != NULL && !is_own_rule(c, &v))
			continue;
		*ret_found = c;
		*ret_verdict = v;
		if (is_own_rule(c, &v))
			return 0;
	}
	return 0;
}

static bool pattern_matches(struct explainer *x, struct span pattern, struct span text)
{
	int error, result = -1;
	PCRE2_SIZE offset;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len, PATTERN_OPTIONS,
					 &error, &offset, NULL);

	if (code != NULL)
		result = pcre2_match(code, (PCRE2_SPTR)text.data, text.len, 0, 0, x->match_data,
				     x->match_context);
	pcre2_code_free(code);
	return result >= 0;
}

/* Collects the words of a profile's own rules from its document, since loading every profile would
 * take a thousand times as long. What finds no memory is left out. */
static void collect_own_texts(struct explainer *x, struct candidate *c)
{
	struct err ignored;
	const struct tree_node *document = profile_store_document(x->store, c->name, &ignored);
	const struct tree_item *replies = tree_find(document, "replies");
	size_t count = replies != NULL ? replies->value->count : 0;

	c->has_own_texts = true;
	if (count == 0)
		return;
	c->own_texts = calloc(count, sizeof(*c->own_texts));
	for (size_t i = 0; c->own_texts != NULL && i < count; i++) {
		const struct tree_item *words = tree_find(replies->value->items[i].value, "text");
		struct own_text *own = &c->own_texts[c->own_text_count];

		if (words == NULL || words->value->kind != TREE_SCALAR ||
		    words->value->text.len == 0 || words->place.file != document->place.file)
			continue;
		own->pattern = words->value->text;
		own->filter = rules_filter_new(own->pattern);
		c->own_text_count += own->filter != NULL;
	}
}

static bool knows_text(struct explainer *x, struct candidate *c, struct span text,
		       const struct rules_filter_text *filter_text)
{
	if (!c->has_own_texts)
		collect_own_texts(x, c);
	for (size_t i = 0; i < c->own_text_count; i++)
		if (rules_filter_passes(c->own_texts[i].filter, filter_text) &&
		    pattern_matches(x, c->own_texts[i].pattern, text))
			return true;
	return false;
}

/* Nobody was recognised, and the general rules do not know the text: does any profile? A profile
 * that cannot be loaded is passed over, since nothing points to it. */
static void find_text(struct explainer *x, const struct reply *reply, enum phase phase,
		      struct candidate **ret_found, struct verdict *ret_verdict)
{
	struct rules_filter_text filter_text;
	char normal[RULES_TEXT_MAX];
	struct span text = {normal, rules_normalise(reply, normal)};

	rules_filter_text(&filter_text, text);
	for (size_t i = 0; i < x->other_count; i++) {
		struct candidate *c = &x->others[i];
		struct verdict v;
		struct err ignored;

		if (!knows_text(x, c, text, &filter_text) || candidate_load(x, c, &ignored) < 0)
			continue;
		v = rules_judge(c->reader, reply, phase);
		if (!is_own_rule(c, &v) || v.rule->text.len == 0)
			continue;
		*ret_found = c;
		*ret_verdict = v;
		return;
	}
}

/* When the verdict's words and the profile's schedule say to try again. */
static int64_t after_of(const struct verdict *v, const struct profile *p)
{
	int64_t after_ns = v->hold_ns;

	if (v->retry == RETRY_NEVER || (v->rule != NULL && v->rule->holds_window))
		return 0;
	if (v->class == CLASS_GREYLISTED && after_ns < p->retry.greylist_ns)
		after_ns = p->retry.greylist_ns;
	return after_ns > 0 ? after_ns : p->retry.first_ns;
}

static void explain(struct explanation *x, const struct verdict *v, const struct profile *p,
		    const char *provider)
{
	const struct profile_rule *rule = v->rule;

	*x = (struct explanation){
		.verdict = *v,
		.profile = p,
		.provider = provider,
		.kind = explain_kind(v),
		.whose = explain_scope(v->scope),
		.cause = rule != NULL && rule->cause != NULL ? rule->cause
							     : explain_class_cause(v->class),
		.remedy = rule != NULL && rule->remedy != NULL ? rule->remedy
							       : explain_class_remedy(v->class),
		.retries = v->retry != RETRY_NEVER,
		.after_ns = after_of(v, p),
	};
}

int explainer_judge(struct explainer *x, const struct reply *reply, enum phase phase,
		    struct explanation *ret_explanation, struct err *e)
{
	struct candidate *found = NULL;
	struct verdict v = {0};

	/* A reply that says "accepted" needs no reason, from whomever it comes. */
	if (reply->code >= 400 && find_provider(x, reply, phase, &found, &v, e) < 0)
		return -1;
	if (found == NULL) {
		v = rules_judge(x->base.reader, reply, phase);
		if (!x->is_named && reply->code >= 400 && v.basis != BASIS_RULE)
			find_text(x, reply, phase, &found, &v);
	}
	if (found == NULL)
		explain(ret_explanation, &v, x->base.profile,
			x->is_named ? x->base.profile->provider : NULL);
	else
		explain(ret_explanation, &v, found->profile, found->profile->provider);
	return 0;
}

void explainer_judge_network(struct explainer *x, struct explanation *ret_explanation)
{
	const struct verdict v = {
		.rule_index = -1,
		.basis = BASIS_NONE,
		.class = CLASS_NETWORK,
		.permanence = PERMANENCE_SOFT,
		.retry = RETRY_SAME,
		.scope = SCOPE_SITE,
	};

	explain(ret_explanation, &v, x->base.profile, NULL);
}
