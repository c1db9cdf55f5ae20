/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lint.c - what is wrong with a profile although each of its values is well formed
 *
 * Samples are judged by the very code that judges replies. A profile's own rules come first and
 * nearly always know their samples, so that those alone are compiled at first, and what is
 * inherited only when a sample passes them all: thirty profiles over a base of hundreds of rules
 * load in the time of thirty.
 */
#include "profile/lint.h"
#include <stdio.h>
#include "profile/rules.h"

struct judge {
	const struct profile *profile;
	struct faults *faults;
	struct profile own;	/* the profile up to its last own rule */
	struct rules *rules[2]; /* of own, of all; NULL: not needed yet */
	struct rules_reader *readers[2];
};

/* ---- matchers ---- */

static bool has_matcher(const struct profile_rule *rule)
{
	return rule->code_count > 0 || rule->enhanced.len > 0 || rule->text.len > 0;
}

/* All replies with the code of b, as far as codes tell, are among those of a. */
static bool covers_code(const struct profile_rule *a, uint16_t code, bool is_class)
{
	for (int i = 0; i < a->code_count; i++) {
		if (a->is_code_class[i] ? a->codes[i] / 100 == code / 100
					: !is_class && a->codes[i] == code)
			return true;
	}
	return a->code_count == 0;
}

static bool covers_codes(const struct profile_rule *a, const struct profile_rule *b)
{
	for (int i = 0; i < b->code_count; i++)
		if (!covers_code(a, b->codes[i], b->is_code_class[i]))
			return false;
	return a->code_count == 0 || b->code_count > 0;
}

static bool covers_enhanced(struct span a, struct span b)
{
	if (a.len == 0 || b.len == 0)
		return a.len == 0;
	for (int i = 0; i < 3; i++) {
		struct span of_a, of_b;

		span_cut(&a, '.', &of_a);
		span_cut(&b, '.', &of_b);
		if (!span_equal_nocase(of_a, SPAN("x")) && !span_equal(of_a, of_b))
			return false;
	}
	return true;
}

/* Whatever b matches, a matches; texts are compared as they are written. */
static bool covers(const struct profile_rule *a, const struct profile_rule *b)
{
	return has_matcher(a) && (a->phases == 0 || (b->phases && !(b->phases & ~a->phases))) &&
	       covers_codes(a, b) && covers_enhanced(a->enhanced, b->enhanced) &&
	       (a->text.len == 0 || span_equal(a->text, b->text));
}

static void judge_matcher(struct judge *j, int index)
{
	const struct profile_rule *rule = &j->profile->rules[index];

	if (!has_matcher(rule)) {
		if (rule->when == CAUSE_NONE || (rule->say.len == 0 && !rule->does_close))
			faults_add(j->faults, rule->place,
				   "replies.%s: the rule matches nothing: give it a code, enhanced "
				   "or text, or the sink a when and a say",
				   rule->name);
		return;
	}
	for (int i = 0; i < index; i++) {
		const struct profile_rule *before = &j->profile->rules[i];

		if (!covers(before, rule))
			continue;
		faults_add(
			j->faults, rule->place,
			"replies.%s: the rule is never reached: %s (%s:%d) comes first and matches "
			"%s",
			rule->name, before->name, before->place.file, before->place.line,
			covers(rule, before) ? "the same" : "all that it matches");
		return;
	}
}

static void judge_sink_part(struct judge *j, const struct profile_rule *rule)
{
	if (rule->when != CAUSE_NONE && rule->say.len == 0 && !rule->does_close)
		faults_add(j->faults, rule->place,
			   "replies.%s: when says when the sink says it, but not what: add say, or "
			   "\"then: close\" to close without a word",
			   rule->name);
}

/* ---- samples ---- */

static bool judge_open(struct judge *j, int which)
{
	const struct profile *p = which == 0 ? &j->own : j->profile;
	struct err e = {0};

	if (j->readers[which])
		return true;
	if (!j->rules[which])
		j->rules[which] = rules_new(p, &e);
	if (!j->rules[which]) {
		faults_take(j->faults, &e);
		return false;
	}
	j->readers[which] = rules_reader_new(j->rules[which]);
	if (!j->readers[which])
		j->faults->is_out_of_memory = true;
	return j->readers[which] != NULL;
}

static void judge_close(struct judge *j)
{
	for (int i = 0; i < 2; i++) {
		rules_reader_free(j->readers[i]);
		rules_free(j->rules[i]);
	}
}

/* The basis is no rule when nothing could be judged. */
static struct verdict judge_reply(struct judge *j, const struct reply *reply, enum phase phase)
{
	struct verdict v = {.rule_index = -1, .basis = BASIS_NONE};

	for (int i = 0; i < 2 && v.basis != BASIS_RULE; i++)
		if (judge_open(j, i))
			v = rules_judge(j->readers[i], reply, phase);
	return v;
}

/* What the sink would fill in. */
static struct span filling(struct span text, size_t *ret_len)
{
	static const char *const words[][2] = {
		{"{ip}", "192.0.2.1"},
		{"{address}", "someone@example.net"},
		{"{domain}", "example.net"},
		{"{id}", "4bQxZl0nFvz12"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*ret_len = strlen(words[i][0]);
		if (text.len >= *ret_len && memcmp(text.data, words[i][0], *ret_len) == 0)
			return span_of(words[i][1]);
	}
	*ret_len = 1;
	return (struct span){text.data, 1};
}

/* A reply as it stands in a profile: "421-4.7.0 One\n421 4.7.0 two", codes of further lines may
 * be left out. False when it does not begin with a code. */
static bool read_reply(struct span text, char scratch[RULES_TEXT_MAX], struct reply *ret_reply)
{
	struct reply reply = {0};
	size_t len = 0;
	char code[3];

	for (int i = 0; i < 3; i++) {
		if (text.len < 3 || text.data[i] < '0' || text.data[i] > '9')
			return false;
		code[i] = text.data[i];
		reply.code = (uint16_t)(reply.code * 10 + (code[i] - '0'));
	}
	if (text.len > 3 && text.data[3] != ' ' && text.data[3] != '-')
		return false;
	for (bool is_start = true; text.len > 0;) {
		struct span fill;
		size_t used;

		if (is_start && text.len > 3 && memcmp(text.data, code, 3) == 0 &&
		    (text.data[3] == ' ' || text.data[3] == '-'))
			text = span_skip(text, 4);
		else if (is_start && text.len == 3 && memcmp(text.data, code, 3) == 0)
			text = span_skip(text, 3);
		if (text.len == 0)
			break;
		is_start = text.data[0] == '\n';
		fill = filling(text, &used);
		if (len + fill.len > RULES_TEXT_MAX)
			break;
		memcpy(scratch + len, fill.data, fill.len);
		len += fill.len;
		text = span_skip(text, used);
	}
	reply.text = (struct span){scratch, len};
	enhanced_parse(reply.text, reply.code, &reply.enhanced);
	*ret_reply = reply;
	return reply.code >= 200 && reply.code < 600;
}

/* "as throttled, by NAME (FILE:LINE)" */
static const char *verdict_text(const struct verdict *v, char *out, size_t size)
{
	if (v->basis == BASIS_RULE)
		snprintf(out, size, "as %s, by %s (%s:%d)", class_name(v->class), v->rule->name,
			 v->rule->place.file, v->rule->place.line);
	else
		snprintf(out, size, "as %s by its code alone, for no rule matches it",
			 class_name(v->class));
	return out;
}

/* The phases in which a rule may be reached, the likeliest first. */
static int phases_of(const struct profile_rule *rule, enum phase phases[PHASE_COUNT])
{
	static const enum phase likely[] = {PHASE_RCPT, PHASE_MAIL, PHASE_ACCEPT, PHASE_BANNER,
					    PHASE_DATA, PHASE_AUTH, PHASE_EHLO,	  PHASE_TLS,
					    PHASE_BODY, PHASE_QUIT};
	int count = 0;

	for (size_t i = 0; i < sizeof(likely) / sizeof(likely[0]); i++)
		if (rule->phases == 0 || rule->phases & UINT32_C(1) << likely[i])
			phases[count++] = likely[i];
	return count;
}

enum outcome { OUTCOME_OTHER, OUTCOME_CLASS, OUTCOME_RULE };

/* Whether the sample comes out as this rule in some phase, or at least as its class. */
static enum outcome judge_sample(struct judge *j, int index, const struct reply *reply,
				 struct verdict *ret_verdict)
{
	const struct profile_rule *rule = &j->profile->rules[index];
	enum phase phases[PHASE_COUNT];
	enum outcome best = OUTCOME_OTHER;
	int count = phases_of(rule, phases);

	for (int i = 0; i < count && best != OUTCOME_RULE; i++) {
		struct verdict v = judge_reply(j, reply, phases[i]);
		enum outcome outcome =
			v.basis != BASIS_RULE || v.class != rule->class ? OUTCOME_OTHER
			: v.rule_index == index || !has_matcher(rule)	? OUTCOME_RULE
									: OUTCOME_CLASS;

		if (i == 0 || outcome > best) {
			best = outcome;
			*ret_verdict = v;
		}
	}
	return best;
}

static void judge_samples(struct judge *j, int index)
{
	const struct profile_rule *rule = &j->profile->rules[index];
	struct verdict v = {0};
	char scratch[RULES_TEXT_MAX], text[256];
	int reached = 0;

	for (int i = 0; i < rule->sample_count; i++) {
		struct reply reply;
		enum outcome outcome;

		if (!read_reply(rule->samples[i], scratch, &reply)) {
			faults_add(j->faults, rule->place,
				   "replies.%s.samples: \"%.60s\" does not begin with a reply code",
				   rule->name, rule->samples[i].data);
			return;
		}
		outcome = judge_sample(j, index, &reply, &v);
		if (outcome == OUTCOME_OTHER) {
			faults_add(j->faults, rule->place,
				   "replies.%s.samples: \"%.60s\" comes out %s, not as %s",
				   rule->name, rule->samples[i].data,
				   verdict_text(&v, text, sizeof(text)), class_name(rule->class));
			return;
		}
		reached += outcome == OUTCOME_RULE;
	}
	if (rule->sample_count > 0 && reached == 0)
		faults_add(j->faults, rule->place,
			   "replies.%s: the rule is never reached: its samples come out %s",
			   rule->name, verdict_text(&v, text, sizeof(text)));
}

static void judge_say(struct judge *j, const struct profile_rule *rule)
{
	char scratch[RULES_TEXT_MAX], text[256];
	struct reply reply;
	struct verdict v;

	if (rule->say.len == 0 || !read_reply(rule->say, scratch, &reply) || reply.code < 400)
		return;
	v = judge_reply(j, &reply, rule->at);
	if (v.basis != BASIS_RULE || v.class != rule->class)
		faults_add(j->faults, rule->place,
			   "replies.%s.say: said at %s it comes out %s, not as %s", rule->name,
			   phase_name(rule->at), verdict_text(&v, text, sizeof(text)),
			   class_name(rule->class));
}

void lint_profile(const struct profile *p, const char *file, struct faults *f)
{
	struct judge j = {.profile = p, .faults = f, .own = *p};

	j.own.rule_count = 0;
	for (int i = 0; i < p->rule_count; i++)
		if (strcmp(p->rules[i].place.file, file) == 0)
			j.own.rule_count = i + 1;
	for (int i = 0; i < j.own.rule_count; i++) {
		const struct profile_rule *rule = &p->rules[i];

		if (strcmp(rule->place.file, file) != 0)
			continue;
		judge_matcher(&j, i);
		judge_sink_part(&j, rule);
		if (rule->sample_count > 0)
			judge_samples(&j, i);
		judge_say(&j, rule);
	}
	judge_close(&j);
}
