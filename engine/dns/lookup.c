/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lookup.c - what MX, A and AAAA sets mean together
 *
 * Where several things went wrong, the answer names the one that could still come right: a
 * temporary failure anywhere forbids calling the whole permanent, or mail would bounce that an
 * hour later could be delivered. But addresses that were found are used, whatever else failed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/local.h"
#include "dns/lookup.h"
#include "dns/name.h"
#include "net/exchangers.h"

__attribute__((format(printf, 2, 3))) static void detail_set(struct resolver_answer *a,
							     const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(a->detail, sizeof(a->detail), fmt, args);
	va_end(args);
}

/* Names are at most 253 octets; a detail keeps to what can be read at a glance. */
#define NAME_SHOWN 80

int lookup_init(struct lookup *l, const struct resolver_request *request,
		struct resolver_user *user, int64_t now_ns, struct err *e)
{
	struct span text = span_of(request->name);
	char address[ENDPOINT_TEXT_MAX];
	const char *fault;

	memset(l, 0, sizeof(*l));
	l->user = user;
	l->port = request->port;
	l->question = request->question;
	l->families = request->families;
	l->asked_ns = now_ns;
	l->stage = LOOKUP_ASKED;
	if (dns_literal_read(text, &l->literal)) {
		l->is_literal = true;
		snprintf(l->name, sizeof(l->name), "%s",
			 endpoint_address_text(&l->literal, address));
		return 0;
	}
	fault = dns_name_read(text, l->name);
	if (fault)
		return err_set(e, EXIT_USAGE, 0, "the host name \"%.*s\" %s", NAME_SHOWN,
			       text.len ? text.data : "", fault);
	return 0;
}

void lookup_fini(struct lookup *l)
{
	dns_set_unref(l->mx.set);
	for (int i = 0; i < l->host_count; i++)
		for (int j = 0; j < l->hosts[i].want_count; j++)
			dns_set_unref(l->hosts[i].wants[j].set);
	free(l->hosts);
	l->hosts = NULL;
	l->host_count = 0;
	l->mx.set = NULL;
}

static void want_init(struct want *w, struct lookup *l, const char *name, enum dns_type type)
{
	*w = (struct want){.lookup = l, .name = name, .type = type, .is_wanted = true};
}

static bool hosts_alloc(struct lookup *l, int count)
{
	l->hosts = calloc((size_t)count, sizeof(*l->hosts));
	l->lacks_memory = l->hosts == NULL;
	return !l->lacks_memory;
}

static void host_add(struct lookup *l, const struct dns_pins *pins, const char *name,
		     uint16_t preference)
{
	struct lookup_host *h = &l->hosts[l->host_count++];

	memcpy(h->name, name, strlen(name) + 1);
	h->preference = preference;
	h->pin = dns_pins_find(pins, h->name, l->port);
	h->is_localhost = dns_name_is_localhost(h->name);
	if (h->pin || h->is_localhost)
		return;
	if (l->families != RESOLVE_IPV4)
		want_init(&h->wants[h->want_count++], l, h->name, DNS_AAAA);
	if (l->families != RESOLVE_IPV6)
		want_init(&h->wants[h->want_count++], l, h->name, DNS_A);
}

void lookup_begin(struct lookup *l, const struct dns_pins *pins)
{
	if (l->question == RESOLVE_DOMAIN) {
		l->stage = LOOKUP_MX;
		want_init(&l->mx, l, l->name, DNS_MX);
		return;
	}
	l->stage = LOOKUP_HOSTS;
	if (hosts_alloc(l, 1))
		host_add(l, pins, l->name, 0);
}

struct want *lookup_want(struct lookup *l, int idx)
{
	if (l->stage == LOOKUP_MX)
		return idx == 0 ? &l->mx : NULL;
	for (int i = 0; i < l->host_count; i++) {
		if (idx < l->hosts[i].want_count)
			return &l->hosts[i].wants[idx];
		idx -= l->hosts[i].want_count;
	}
	return NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answer_fail(struct resolver_answer *a, enum resolver_cause cause)
{
	a->cause = cause;
	a->exchanger_count = 0;
	a->address_count = 0;
}

static bool is_family_wanted(const struct lookup *l, enum endpoint_family family)
{
	switch (l->families) {
	case RESOLVE_ANY:
		return true;
	case RESOLVE_IPV4:
		return family == ENDPOINT_IPV4;
	case RESOLVE_IPV6:
		return family == ENDPOINT_IPV6;
	}
	return false;
}

static void addresses_add(const struct lookup *l, const struct endpoint *addresses, int count,
			  struct resolver_answer *a)
{
	for (int i = 0; i < count; i++)
		if (is_family_wanted(l, addresses[i].family) &&
		    !exchangers_add_address(a, &addresses[i], l->port))
			return;
}

/*
 * One set takes at most a fair part of the answer: a host with a hundred addresses must not crowd
 * out the other family, or the other exchangers.
 */
static void set_addresses_add(const struct lookup *l, const struct dns_set *set,
			      struct resolver_answer *a)
{
	const int max = RESOLVER_ADDRESS_MAX / (l->host_count > 1 ? 4 : 2);

	for (int i = 0; i < set->count && i < max; i++) {
		struct endpoint endpoint = {0};
		if (set->type == DNS_A) {
			endpoint.family = ENDPOINT_IPV4;
			memcpy(endpoint.v4, set->addresses[i], sizeof(endpoint.v4));
		} else {
			endpoint.family = ENDPOINT_IPV6;
			memcpy(endpoint.v6, set->addresses[i], sizeof(endpoint.v6));
		}
		addresses_add(l, &endpoint, 1, a);
	}
}

void lookup_answer_known(const struct lookup *l, const struct endpoint *addresses, int count,
			 struct resolver_answer *answer)
{
	exchangers_clear(answer);
	answer->is_implicit_mx = l->question == RESOLVE_DOMAIN;
	exchangers_add(answer, l->name, 0);
	addresses_add(l, addresses, count, answer);
	exchangers_order(answer, NULL);
	if (answer->address_count == 0) {
		answer_fail(answer, RESOLVER_NO_ADDRESS);
		detail_set(answer, "%.*s: no address of the wanted family", NAME_SHOWN, l->name);
	}
}

/* What the answer owes to a set: when it expires. */
static void expiry_lower(struct resolver_answer *a, const struct dns_set *set)
{
	if (set->expires_ns < a->expires_ns)
		a->expires_ns = set->expires_ns;
}

/* The most hopeful cause goes first; a lack of memory says that nothing is known. */
static int cause_rank(enum resolver_cause cause)
{
	switch (cause) {
	case RESOLVER_NO_MEMORY:
		return 6;
	case RESOLVER_SERVFAIL:
		return 5;
	case RESOLVER_REFUSED:
		return 4;
	case RESOLVER_TIMED_OUT:
		return 3;
	case RESOLVER_MALFORMED:
		return 2;
	case RESOLVER_NO_ADDRESS:
		return 1;
	case RESOLVER_NO_NAME:
	case RESOLVER_NULL_MX:
	case RESOLVER_OK:
		break;
	}
	return 0;
}

/* Nothing was found: says why. worst is the set that decides, NULL when there is none. */
static void hosts_fail(const struct lookup *l, enum resolver_cause cause,
		       const struct dns_set *worst, const char *worst_name,
		       struct resolver_answer *a)
{
	const bool is_many = l->question == RESOLVE_DOMAIN && !l->is_implicit_mx;

	if (is_many && (cause == RESOLVER_NO_NAME || cause == RESOLVER_NO_ADDRESS)) {
		/* The domain exists, whatever is wrong with the hosts that it names. */
		answer_fail(a, RESOLVER_NO_ADDRESS);
		detail_set(a, "no mail exchanger of %.*s has an address", NAME_SHOWN, l->name);
		return;
	}
	answer_fail(a, cause);
	if (worst)
		detail_set(a, "%s %.*s: %s", dns_type_name(worst->type), NAME_SHOWN, worst_name,
			   worst->detail);
}

static void hosts_answer(struct lookup *l, struct resolver_answer *a)
{
	enum resolver_cause cause = RESOLVER_NO_NAME;
	const struct dns_set *worst = NULL;
	const char *worst_name = l->name;
	struct endpoint loopback[2];

	for (int i = 0; i < l->host_count; i++) {
		const struct lookup_host *h = &l->hosts[i];

		if (!exchangers_add(a, h->name, h->preference))
			break;
		if (h->pin)
			addresses_add(l, h->pin->addresses, h->pin->address_count, a);
		else if (h->is_localhost)
			addresses_add(l, loopback, dns_localhost(loopback), a);
		if (h->pin || h->is_localhost)
			cause = cause_rank(cause) ? cause : RESOLVER_NO_ADDRESS;
		for (int j = 0; j < h->want_count; j++) {
			const struct dns_set *set = h->wants[j].set;
			enum resolver_cause found = set ? set->cause : RESOLVER_NO_MEMORY;

			if (set)
				expiry_lower(a, set);
			if (found == RESOLVER_OK)
				set_addresses_add(l, set, a);
			else if (cause_rank(found) > cause_rank(cause) ||
				 (!worst && found == cause)) {
				worst = set;
				worst_name = h->name;
				cause = found;
			}
		}
	}
	exchangers_order(a, NULL);
	if (a->address_count == 0)
		hosts_fail(l, l->lacks_memory ? RESOLVER_NO_MEMORY : cause, worst, worst_name, a);
}

/*
 * Turns the MX set into hosts, in the order in which they are tried. What is no host name points
 * to nothing and is left out; of a host that is named twice, the better preference counts.
 */
static void exchangers_want(struct lookup *l, const struct dns_pins *pins, struct rng *rng,
			    struct exchanger_name *names)
{
	const struct dns_set *mx = l->mx.set;
	int count = 0;

	for (int i = 0; i < mx->count; i++) {
		const struct exchanger_name *record = &mx->exchangers[i];
		if (dns_name_read(span_of(record->name), names[count].name) == NULL)
			names[count++].preference = record->preference;
	}
	exchanger_names_order(names, count, rng);
	if (count == 0 ||
	    !hosts_alloc(l, count < RESOLVER_EXCHANGER_MAX ? count : RESOLVER_EXCHANGER_MAX))
		return;
	for (int i = 0; i < count && l->host_count < RESOLVER_EXCHANGER_MAX; i++) {
		bool is_known = false;
		for (int j = 0; j < l->host_count && !is_known; j++)
			is_known = strcmp(l->hosts[j].name, names[i].name) == 0;
		if (!is_known)
			host_add(l, pins, names[i].name, names[i].preference);
	}
}

static bool is_null_mx(const struct dns_set *mx)
{
	return mx->count == 1 && mx->exchangers[0].preference == 0 &&
	       mx->exchangers[0].name[0] == '\0';
}

/* The MX set has come. True when that decides it. */
static bool mx_answer(struct lookup *l, const struct dns_pins *pins, struct rng *rng,
		      struct exchanger_name *names, struct resolver_answer *a)
{
	const struct dns_set *mx = l->mx.set;

	if (!mx) {
		answer_fail(a, RESOLVER_NO_MEMORY);
		return true;
	}
	l->stage = LOOKUP_HOSTS;
	if (mx->cause == RESOLVER_NO_ADDRESS) {
		/* RFC 5321 s5.1: no MX record, so the domain is its own exchanger. */
		l->is_implicit_mx = true;
		if (hosts_alloc(l, 1))
			host_add(l, pins, l->name, 0);
		return false;
	}
	if (mx->cause == RESOLVER_OK && !is_null_mx(mx)) {
		exchangers_want(l, pins, rng, names);
		return false;
	}
	expiry_lower(a, mx);
	if (mx->cause == RESOLVER_OK) {
		answer_fail(a, RESOLVER_NULL_MX);
		detail_set(a, "MX %.*s: the domain takes no mail (RFC 7505)", NAME_SHOWN, l->name);
	} else {
		answer_fail(a, mx->cause);
		detail_set(a, "MX %.*s: %s", NAME_SHOWN, l->name, mx->detail);
	}
	return true;
}

bool lookup_go_on(struct lookup *l, const struct dns_pins *pins, struct rng *rng,
		  struct exchanger_name *names, struct resolver_answer *answer)
{
	exchangers_clear(answer);
	if (l->stage == LOOKUP_MX && !mx_answer(l, pins, rng, names, answer))
		return false;
	if (l->stage == LOOKUP_HOSTS && answer->cause == RESOLVER_OK) {
		if (l->mx.set)
			expiry_lower(answer, l->mx.set);
		hosts_answer(l, answer);
	}
	answer->is_implicit_mx = l->is_implicit_mx;
	answer->is_from_cache = l->is_cached && !l->is_fetched;
	return true;
}
