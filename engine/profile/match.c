/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * match.c - which profile a destination belongs to, and what its site is called
 *
 * The three ways to be chosen are ranks that nothing crosses: MX hosts, then the domain, then the
 * relay. Within a rank the longest pattern that was needed decides; a name without "*" wins over
 * a pattern of the same length, and of equals the first one in the list.
 */
#include "profile/match.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/hash.h"

#define MX_MAX 64 /* of a domain; further ones change neither choice nor name */

static struct span without_dot(struct span host)
{
	if (host.len > 0 && host.data[host.len - 1] == '.')
		host.len--;
	return host;
}

bool match_host(struct span pattern, struct span host)
{
	host = without_dot(host);
	if (pattern.len > 2 && pattern.data[0] == '*' && pattern.data[1] == '.') {
		struct span tail = span_skip(pattern, 1); /* with its dot in front */

		return host.len > tail.len &&
		       span_equal_nocase(tail, span_skip(host, host.len - tail.len));
	}
	return pattern.len > 0 && span_equal_nocase(pattern, host);
}

/* How well the best of the patterns covers the host; 0: none does. */
static size_t fit(const struct span *patterns, int count, struct span host)
{
	size_t best = 0;

	for (int i = 0; i < count; i++) {
		size_t score = 2 * patterns[i].len + (patterns[i].data[0] != '*');

		if (score > best && match_host(patterns[i], host))
			best = score;
	}
	return best;
}

/* How well the worst of the MX hosts is covered; 0: one of them is not. */
static size_t fit_mx(const struct profile *p, const struct match_query *q)
{
	size_t worst = SIZE_MAX;

	for (int i = 0; i < q->mx_count; i++) {
		size_t score = fit(p->mx, p->mx_count, q->mx[i]);

		worst = score < worst ? score : worst;
	}
	return q->mx_count > 0 ? worst : 0;
}

const struct profile *match_profile(const struct profile *const *profiles, size_t count,
				    const struct match_query *q)
{
	for (int rank = 0; rank < 3; rank++) {
		const struct profile *best = NULL;
		size_t best_score = 0;

		for (size_t i = 0; i < count; i++) {
			const struct profile *p = profiles[i];
			size_t score = rank == 0   ? fit_mx(p, q)
				       : rank == 1 ? fit(p->domains, p->domain_count, q->domain)
						   : fit(p->relays, p->relay_count, q->relay);

			if (score > best_score) {
				best = p;
				best_score = score;
			}
		}
		if (best)
			return best;
	}
	return NULL;
}

/* ---- names of sites ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int by_name(const void *left, const void *right)
{
	const struct span *a = left, *b = right;
	size_t len = a->len < b->len ? a->len : b->len;

	for (size_t i = 0; i < len; i++) {
		char x = lower(a->data[i]), y = lower(b->data[i]);

		if (x != y)
			return (unsigned char)x < (unsigned char)y ? -1 : 1;
	}
	return (a->len > b->len) - (a->len < b->len);
}

/* The name while it is being made: all of it is hashed, as much as fits is kept. */
struct name {
	char *out;
	size_t len, kept;
	uint64_t hash;
};

static void name_add(struct name *n, struct span part)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = lower(part.data[i]);

		n->hash = hash_octets(n->hash, &c, 1);
		if (n->kept < SITE_NAME_MAX - 1)
			n->out[n->kept++] = c;
		n->len++;
	}
}

static void name_end(struct name *n)
{
	char tail[20];

	n->out[n->kept] = '\0';
	if (n->len == n->kept)
		return;
	snprintf(tail, sizeof(tail), "~%016llx", (unsigned long long)n->hash);
	memcpy(n->out + SITE_NAME_MAX - 18, tail, 18);
}

static void name_of_hosts(struct name *n, const struct match_query *q)
{
	struct span sorted[MX_MAX] = {0};
	int count = q->mx_count < MX_MAX ? q->mx_count : MX_MAX;

	for (int i = 0; i < count; i++)
		sorted[i] = without_dot(q->mx[i]);
	qsort(sorted, (size_t)count, sizeof(sorted[0]), by_name);
	for (int i = 0; i < count; i++) {
		if (i > 0 && by_name(&sorted[i], &sorted[i - 1]) == 0)
			continue;
		if (i > 0)
			name_add(n, SPAN("+"));
		name_add(n, sorted[i]);
	}
}

const char *match_site_name(const struct profile *p, const struct match_query *q,
			    char out[SITE_NAME_MAX])
{
	struct name n = {.out = out, .hash = HASH_START};

	if (p && fit_mx(p, q) > 0) {
		snprintf(out, SITE_NAME_MAX, "provider:%s", p->name);
		return out;
	}
	if (q->mx_count > 0)
		name_of_hosts(&n, q);
	else
		name_add(&n, without_dot(q->domain.len > 0 ? q->domain : q->relay));
	name_end(&n);
	return out;
}
