/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rule.c - which connections have which path and which failures
 *
 * Rules are looked at once for each connection, first to last; a rehearsal has few of them, since
 * one pattern covers a whole network.
 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "sim/world.h"

#define RULES_FIRST 16

/* "25": digits alone, 1 to 65535. */
static bool parse_number(struct span text, unsigned max, unsigned *ret_number)
{
	unsigned number = 0;

	if (text.len == 0 || text.len > 5)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		number = number * 10 + (unsigned)(text.data[i] - '0');
	}
	if (number > max)
		return false;
	*ret_number = number;
	return true;
}

/* Cuts text at the last `mark` in front of `end`; false when there is none. */
static bool cut_behind(struct span *text, char mark, struct span *ret_rest)
{
	const char *at = text->len > 0 ? memrchr(text->data, mark, text->len) : NULL;

	if (!at)
		return false;
	*ret_rest = (struct span){at + 1, text->len - (size_t)(at + 1 - text->data)};
	text->len = (size_t)(at - text->data);
	return true;
}

/* The address and "/bits" of a pattern; text is without port and brackets. */
static bool parse_prefix(struct span text, struct span bits, struct sim_pattern *p)
{
	unsigned count, max;

	if (!endpoint_parse_address(text, &p->address))
		return false;
	p->family = p->address.family;
	max = p->family == ENDPOINT_IPV4 ? 32 : 128;
	count = max;
	if (bits.data && !parse_number(bits, max, &count))
		return false;
	p->prefix_bits = (int)count;
	return true;
}

bool sim_pattern_parse(struct span text, struct sim_pattern *ret_pattern)
{
	static const struct span unix_prefix = {"unix:", 5};
	struct sim_pattern p = {.family = ENDPOINT_NONE};
	struct span rest, bits = {NULL, 0};
	unsigned port = 0;

	if (text.len >= unix_prefix.len && memcmp(text.data, unix_prefix.data, 5) == 0) {
		p.family = ENDPOINT_UNIX;
		rest = span_skip(text, unix_prefix.len);
		if (rest.len > 0 && !endpoint_from_path(rest, &p.address))
			return false;
		*ret_pattern = p;
		return true;
	}
	/* A colon stands in front of a port where it is the only one, or behind a bracket. */
	if (text.len > 0 && memchr(text.data, ':', text.len) == memrchr(text.data, ':', text.len)) {
		if (cut_behind(&text, ':', &rest) && (!parse_number(rest, 65535, &port) || !port))
			return false;
	} else if (text.len > 0 && text.data[0] == '[' && memrchr(text.data, ']', text.len)) {
		const char *bracket = memrchr(text.data, ']', text.len);

		rest = span_skip(text, (size_t)(bracket - text.data));
		if (memchr(rest.data, ':', rest.len)) {
			cut_behind(&text, ':', &rest);
			if (!parse_number(rest, 65535, &port) || !port)
				return false;
		}
	}
	p.port = (uint16_t)port;
	if (span_equal(text, SPAN("*"))) {
		*ret_pattern = p;
		return true;
	}
	cut_behind(&text, '/', &bits);
	if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
		text = (struct span){text.data + 1, text.len - 2};
	if (!parse_prefix(text, bits, &p))
		return false;
	*ret_pattern = p;
	return true;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, (size_t)whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool address_matches(const struct sim_pattern *p, const struct endpoint *at)
{
	if (p->family == ENDPOINT_NONE)
		return true;
	if (p->family != at->family)
		return false;
	switch (p->family) {
	case ENDPOINT_IPV4:
		return same_bits(p->address.v4, at->v4, p->prefix_bits);
	case ENDPOINT_IPV6:
		return same_bits(p->address.v6, at->v6, p->prefix_bits);
	case ENDPOINT_UNIX:
		return p->address.path[0] == '\0' || endpoint_same_address(&p->address, at);
	case ENDPOINT_NONE:
	default:
		return true;
	}
}

bool sim_pattern_matches(const struct sim_pattern *p, const struct endpoint *at)
{
	return (p->port == 0 || p->port == at->port) && address_matches(p, at);
}

static bool is_failure(enum link_end end)
{
	return end > LINK_END_RESET && end < LINK_END_COUNT;
}

int sim_rule_add(struct sim *s, const struct sim_rule *rule, struct err *e)
{
	if (!(rule->probability >= 0 && rule->probability <= 1) || rule->after_ns < 0)
		return err_set(
			e, EXIT_USAGE, 0,
			"simulated network: a rule's probability is from 0 to 1, its time >= 0");
	if (rule->effect == SIM_FAIL && !is_failure(rule->end))
		return err_set(e, EXIT_USAGE, 0,
			       "simulated network: a connect cannot fail with \"%s\"",
			       link_end_name(rule->end));
	if (rule->effect == SIM_PATH && (rule->path.delay_ns < 0 || rule->path.jitter_ns < 0 ||
					 !(rule->path.loss >= 0 && rule->path.loss <= 1)))
		return err_set(
			e, EXIT_USAGE, 0,
			"simulated network: delay and jitter must be >= 0, loss from 0 to 1");
	if (s->rule_count == s->rule_capacity) {
		size_t capacity = s->rule_capacity ? s->rule_capacity * 2 : RULES_FIRST;
		struct sim_rule *rules = realloc(s->rules, capacity * sizeof(*rules));

		if (!rules)
			return err_set(e, EXIT_FAILED, 0, "no memory for the simulated network");
		s->rules = rules;
		s->rule_capacity = capacity;
	}
	s->rules[s->rule_count++] = *rule;
	return 0;
}

void sim_rules_clear(struct sim *s)
{
	s->rule_count = 0;
}

const struct sim_rule *rule_find(struct sim *s, enum sim_effect effect, const struct endpoint *from,
				 const struct endpoint *to)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct sim_rule *r = &s->rules[i];

		if (r->effect != effect || s->now_ns < r->since_ns ||
		    (r->until_ns != 0 && s->now_ns >= r->until_ns) ||
		    !sim_pattern_matches(&r->to, to) || !address_matches(&r->from, from))
			continue;
		if (r->probability > 0 && rng_unit(&s->rule_rng) >= r->probability)
			continue;
		return r;
	}
	return NULL;
}
