/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * match.h - which profile a destination belongs to, and what its site is called
 *
 * MX host patterns first: a profile is chosen by them only when all MX hosts of the domain match
 * it, so that a vanity name in a mixed set decides nothing. Then domains, then relay host names.
 * A more specific pattern wins over a shorter one. Pure.
 */
#ifndef VOLLEY_PROFILE_MATCH_H
#define VOLLEY_PROFILE_MATCH_H
#include <stddef.h>
#include "profile/profile.h"

struct match_query {
	struct span domain;    /* of recipients; empty: none */
	const struct span *mx; /* host names, any case, with or without a final dot */
	int mx_count;
	struct span relay; /* the host that the user named; empty: none */
};

/* True when pattern ("*.example.net" or a name) covers the host; case and a final dot of the host
 * are ignored. "*.example.net" does not cover "example.net". */
bool match_host(struct span pattern, struct span host);

/* The profile that fits best; NULL: none. */
const struct profile *match_profile(const struct profile *const *profiles, size_t count,
				    const struct match_query *q);

#define SITE_NAME_MAX 256

/*
 * The site's name: "provider:NAME" where p is a profile whose MX patterns matched, else the MX
 * hosts in lower case, sorted, joined by "+", shortened by a hash where they do not fit; else the
 * domain or relay.
 */
const char *match_site_name(const struct profile *p, const struct match_query *q,
			    char out[SITE_NAME_MAX]);

#endif
