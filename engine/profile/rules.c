/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules.c - reply -> rule, compiled
 *
 * A rule's codes and phases are compared before its pattern runs, and then its filter
 * (rules_filter.c), so that most rules cost some comparisons and no search.
 *
 * The cache is a table of fixed size in which a reply has one place, found by its hash: no
 * allocation and no list on the way of a reply, and a new reply takes the place of an older one. It
 * compares the reply's octets as they came, since normalising would cost what it spares. Replies
 * that name a queue or a message each time are judged anew each time.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "profile/rules.h"
#include "profile/rules_private.h"

/* Steps of one attempt of one pattern; an ordinary reply takes some dozens. */
#define MATCH_STEPS_MAX 5000
#define MATCH_DEPTH_MAX 1000
#define MATCH_HEAP_KIB	256
#define PATTERN_LEN_MAX 8192

#define CACHE_SIZE     256u /* a power of two */
#define CACHE_TEXT_MAX 512

#define PART_ANY   (-1) /* "x" in an enhanced code */
#define PART_COUNT 3

struct compiled {
	pcre2_code *pattern; /* NULL: the rule has no text */
	struct rules_filter *filter;
	int16_t enhanced[PART_COUNT];
	bool has_enhanced, has_matcher;
};

struct rules {
	const struct profile *profile;
	struct compiled *compiled;
	pcre2_compile_context *compile_context;
};

struct cached {
	uint64_t hash; /* 0: free */
	uint16_t code, len;
	uint8_t phase;
	struct enhanced_code enhanced;
	struct verdict verdict;
	char text[CACHE_TEXT_MAX];
};

struct rules_reader {
	const struct rules *rules;
	pcre2_match_data *match_data;
	pcre2_match_context *match_context;
	uint64_t gave_up;
	size_t text_len;
	char text[RULES_TEXT_MAX]; /* the normalised text */
	struct rules_filter_text filter_text;
	struct cached cache[CACHE_SIZE];
};

/* --- compiling ---------------------------------------------------------------------------- */

static bool part_parse(struct span *text, int16_t *ret_part)
{
	int number = 0;
	size_t len = 0;

	if (text->len > 0 && (text->data[0] == 'x' || text->data[0] == 'X')) {
		*text = span_skip(*text, 1);
		*ret_part = PART_ANY;
		return true;
	}
	while (len < text->len && len < 3 && text->data[len] >= '0' && text->data[len] <= '9')
		number = number * 10 + (text->data[len++] - '0');
	if (len == 0)
		return false;
	*text = span_skip(*text, len);
	*ret_part = (int16_t)number;
	return true;
}

static int enhanced_compile(const struct profile_rule *rule, struct compiled *c, struct err *e)
{
	struct span rest = rule->enhanced;

	for (int i = 0; i < PART_COUNT; i++) {
		if (!part_parse(&rest, &c->enhanced[i]))
			break;
		if (i < PART_COUNT - 1) {
			if (rest.len == 0 || rest.data[0] != '.')
				break;
			rest = span_skip(rest, 1);
		} else if (rest.len == 0) {
			return 0;
		}
	}
	return err_set(e, EXIT_USAGE, 0,
		       "%s:%d: replies.%s.enhanced: \"%.*s\" is no enhanced code; write it as "
		       "4.7.28, with x for any part",
		       rule->place.file, rule->place.line, rule->name, (int)rule->enhanced.len,
		       rule->enhanced.data);
}

static int pattern_compile(const struct rules *r, const struct profile_rule *rule,
			   struct compiled *c, struct err *e)
{
	int error;
	PCRE2_SIZE offset;
	PCRE2_UCHAR why[128] = "";

	c->pattern = pcre2_compile((PCRE2_SPTR)rule->text.data, rule->text.len,
				   PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
					   PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE,
				   &error, &offset, r->compile_context);
	if (c->pattern == NULL) {
		pcre2_get_error_message(error, why, sizeof(why));
		return err_set(e, EXIT_USAGE, 0,
			       "%s:%d: replies.%s.text: the pattern does not compile: %s, at its "
			       "octet %zu",
			       rule->place.file, rule->place.line, rule->name, (const char *)why,
			       (size_t)offset);
	}
	/* Where there is no JIT, or no memory that may be executed, pcre2_match() interprets. */
	pcre2_jit_compile(c->pattern, PCRE2_JIT_COMPLETE);
	c->filter = rules_filter_new(rule->text);
	return c->filter != NULL ? 0 : err_set(e, EXIT_FAILED, 0, "no memory for reply rules");
}

static int rule_compile(const struct rules *r, const struct profile_rule *rule, struct compiled *c,
			struct err *e)
{
	if (rule->enhanced.len > 0) {
		c->has_enhanced = true;
		if (enhanced_compile(rule, c, e) < 0)
			return -1;
	}
	c->has_matcher = rule->code_count > 0 || c->has_enhanced || rule->text.len > 0;
	return rule->text.len > 0 ? pattern_compile(r, rule, c, e) : 0;
}

struct rules *rules_new(const struct profile *p, struct err *e)
{
	struct rules *r = calloc(1, sizeof(*r));
	size_t count = (size_t)p->rule_count;

	if (r == NULL)
		goto no_memory;
	r->profile = p;
	r->compiled = calloc(count > 0 ? count : 1, sizeof(*r->compiled));
	r->compile_context = pcre2_compile_context_create(NULL);
	if (r->compiled == NULL || r->compile_context == NULL)
		goto no_memory;
	pcre2_set_max_pattern_length(r->compile_context, PATTERN_LEN_MAX);
	for (size_t i = 0; i < count; i++)
		if (rule_compile(r, &p->rules[i], &r->compiled[i], e) < 0) {
			rules_free(r);
			return NULL;
		}
	return r;
no_memory:
	err_set(e, EXIT_FAILED, 0, "no memory for the reply rules of profile %s", p->name);
	rules_free(r);
	return NULL;
}

void rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	if (r->compiled != NULL)
		for (int i = 0; i < r->profile->rule_count; i++) {
			pcre2_code_free(r->compiled[i].pattern);
			rules_filter_free(r->compiled[i].filter);
		}
	pcre2_compile_context_free(r->compile_context);
	free(r->compiled);
	free(r);
}

struct rules_reader *rules_reader_new(const struct rules *r)
{
	struct rules_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->rules = r;
	reader->match_data = pcre2_match_data_create(1, NULL);
	reader->match_context = pcre2_match_context_create(NULL);
	if (reader->match_data == NULL || reader->match_context == NULL) {
		rules_reader_free(reader);
		return NULL;
	}
	pcre2_set_match_limit(reader->match_context, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(reader->match_context, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(reader->match_context, MATCH_HEAP_KIB);
	return reader;
}

void rules_reader_free(struct rules_reader *r)
{
	if (r == NULL)
		return;
	pcre2_match_data_free(r->match_data);
	pcre2_match_context_free(r->match_context);
	free(r);
}

uint64_t rules_gave_up(const struct rules_reader *r)
{
	return r->gave_up;
}

/* --- judging ------------------------------------------------------------------------------ */

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* How many octets the reply's own enhanced code takes at the start of a further line. */
static size_t repeated_code(const struct reply *reply, struct span line)
{
	struct enhanced_code code;
	size_t len = 0;

	if (reply->enhanced.class == 0 || !enhanced_parse(line, reply->code, &code) ||
	    code.subject != reply->enhanced.subject || code.detail != reply->enhanced.detail)
		return 0;
	while (len < line.len && !is_white(line.data[len]))
		len++;
	return len;
}

size_t rules_normalise(const struct reply *reply, char *out)
{
	struct span in = reply->text;
	size_t len = 0;

	for (size_t i = 0; i < in.len && len < RULES_TEXT_MAX; i++) {
		if (!is_white(in.data[i])) {
			out[len++] = in.data[i];
			continue;
		}
		if (in.data[i] == '\n')
			i += repeated_code(reply, span_skip(in, i + 1));
		if (len > 0 && out[len - 1] != ' ')
			out[len++] = ' ';
	}
	return len;
}

static bool codes_match(const struct profile_rule *rule, uint16_t code)
{
	if (rule->code_count == 0)
		return true;
	for (int i = 0; i < rule->code_count; i++)
		if (rule->is_code_class[i] ? rule->codes[i] / 100 == code / 100
					   : rule->codes[i] == code)
			return true;
	return false;
}

static bool enhanced_matches(const struct compiled *c, struct enhanced_code code)
{
	const int parts[PART_COUNT] = {code.class, code.subject, code.detail};

	for (int i = 0; i < PART_COUNT; i++)
		if (c->enhanced[i] != PART_ANY && c->enhanced[i] != parts[i])
			return false;
	return true;
}

static bool text_matches(struct rules_reader *r, const struct compiled *c)
{
	int result;

	if (!rules_filter_passes(c->filter, &r->filter_text))
		return false;
	result = pcre2_match(c->pattern, (PCRE2_SPTR)r->text, r->text_len, 0, 0, r->match_data,
			     r->match_context);
	/* All but "no match" means that a limit was reached. */
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		r->gave_up++;
	return result >= 0;
}

/* Only these are phases in which a server replies to something. */
static bool is_phase_known(enum phase phase)
{
	return phase >= PHASE_BANNER && phase <= PHASE_QUIT && phase != PHASE_BODY &&
	       phase != PHASE_HOLD;
}

static int rule_find(struct rules_reader *r, const struct reply *reply, enum phase phase)
{
	const struct profile *p = r->rules->profile;
	uint32_t phase_bit = is_phase_known(phase) ? UINT32_C(1) << phase : UINT32_MAX;
	struct enhanced_code enhanced = {0};
	bool has_enhanced = rules_enhanced(reply, &enhanced);

	r->text_len = rules_normalise(reply, r->text);
	rules_filter_text(&r->filter_text, (struct span){r->text, r->text_len});
	for (int i = 0; i < p->rule_count; i++) {
		const struct profile_rule *rule = &p->rules[i];
		const struct compiled *c = &r->rules->compiled[i];

		if (!c->has_matcher || (rule->phases != 0 && (rule->phases & phase_bit) == 0) ||
		    !codes_match(rule, reply->code))
			continue;
		if (c->has_enhanced && (!has_enhanced || !enhanced_matches(c, enhanced)))
			continue;
		if (c->pattern == NULL || text_matches(r, c))
			return i;
	}
	return -1;
}

static bool is_waiting(enum reply_class class)
{
	return class == CLASS_THROTTLED || class == CLASS_RECIPIENT_THROTTLED ||
	       class == CLASS_GREYLISTED || class == CLASS_QUOTA_EXHAUSTED;
}

static int64_t hold_of(const struct verdict *v, const struct reply *reply)
{
	const struct profile_rule *rule = v->rule;
	int64_t hold_ns = rule != NULL ? rule->hold_ns : 0;
	bool is_asked = rule != NULL && rule->holds_reply;

	if (is_asked || is_waiting(v->class)) {
		int64_t said_ns = rules_hold(reply->text);

		if (said_ns > hold_ns || (is_asked && said_ns > 0))
			hold_ns = said_ns;
	}
	if (hold_ns <= 0)
		return 0;
	if (hold_ns < RULES_HOLD_MIN_NS)
		return RULES_HOLD_MIN_NS;
	return hold_ns < RULES_HOLD_MAX_NS ? hold_ns : RULES_HOLD_MAX_NS;
}

/* What a rule without codes says is qualified by the reply's first digit (RFC 5321 s4.2.1). */
static void heed_digit(struct verdict *v, const struct reply *reply)
{
	if (v->rule->code_count > 0)
		return;
	if (reply->code < 500) {
		if (v->permanence == PERMANENCE_HARD)
			v->permanence = PERMANENCE_SOFT;
		if (v->retry == RETRY_NEVER)
			v->retry = RETRY_SAME;
	} else if (v->retry == RETRY_SAME &&
		   (v->class == CLASS_MAILBOX_FULL || v->class == CLASS_MAILBOX_UNAVAILABLE)) {
		v->retry = RETRY_NEVER;
	}
}

static struct verdict judge(struct rules_reader *r, const struct reply *reply, enum phase phase)
{
	struct verdict v = {.rule_index = -1};

	if (reply->code >= 400 && reply->code <= 599)
		v.rule_index = rule_find(r, reply, phase);
	if (v.rule_index >= 0) {
		const struct profile_rule *rule = &r->rules->profile->rules[v.rule_index];

		v.rule = rule;
		v.basis = BASIS_RULE;
		v.class = rule->class;
		v.permanence = rule->permanence;
		v.retry = rule->retry;
		v.scope = rule->scope;
		v.dial = rule->dial;
		heed_digit(&v, reply);
	} else {
		rules_judge_codes(reply, phase, &v);
	}
	v.hold_ns = hold_of(&v, reply);
	return v;
}

/* FNV-1a over words (its prime is odd, so that no step loses anything); never 0. */
static uint64_t hash_of(const struct reply *reply, enum phase phase)
{
	uint64_t hash = HASH_START, word;
	struct span rest = reply->text;

	hash = (hash ^ reply->code ^ ((uint64_t)phase << 16) ^
		((uint64_t)reply->enhanced.class << 24) ^
		((uint64_t)reply->enhanced.subject << 32) ^
		((uint64_t)reply->enhanced.detail << 48)) *
	       HASH_PRIME;
	while (rest.len >= sizeof(word)) {
		memcpy(&word, rest.data, sizeof(word));
		hash = (hash ^ word) * HASH_PRIME;
		hash ^= hash >> 29;
		rest = span_skip(rest, sizeof(word));
	}
	word = rest.len;
	for (size_t i = 0; i < rest.len; i++)
		word = word << 8 | (unsigned char)rest.data[i];
	hash = (hash ^ word) * HASH_PRIME;
	hash ^= hash >> 32;
	return hash != 0 ? hash : 1;
}

struct verdict rules_judge(struct rules_reader *r, const struct reply *reply, enum phase phase)
{
	uint64_t hash;
	struct cached *place;
	struct verdict v;

	/* Most replies: nothing to look up, and nothing to keep. */
	if (reply->code < 400 || reply->text.len > CACHE_TEXT_MAX)
		return judge(r, reply, phase);
	hash = hash_of(reply, phase);
	place = &r->cache[hash & (CACHE_SIZE - 1)];
	if (place->hash == hash && place->code == reply->code && place->phase == phase &&
	    place->enhanced.class == reply->enhanced.class &&
	    place->enhanced.subject == reply->enhanced.subject &&
	    place->enhanced.detail == reply->enhanced.detail &&
	    span_equal((struct span){place->text, place->len}, reply->text))
		return place->verdict;
	v = judge(r, reply, phase);
	*place = (struct cached){.hash = hash,
				 .code = reply->code,
				 .len = (uint16_t)reply->text.len,
				 .phase = (uint8_t)phase,
				 .enhanced = reply->enhanced,
				 .verdict = v};
	if (reply->text.len > 0)
		memcpy(place->text, reply->text.data, reply->text.len);
	return v;
}
