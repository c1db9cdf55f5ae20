/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * exchangers.c - the order in which the addresses of a resolver's answer are tried
 *
 * Equal preferences are shuffled by shuffling everything and sorting with a stable sort, so that
 * how many numbers are drawn depends on the count alone. Both lists are short: an insertion sort
 * is the simplest stable one.
 */
#include "net/exchangers.h"
#include <string.h>
#include "base/check.h"

static void shuffle(void *items, size_t item_size, int count, void *spare, struct rng *rng)
{
	char *base = items;

	for (int i = count - 1; i > 0; i--) {
		size_t other = (size_t)rng_below(rng, (uint64_t)i + 1);

		memcpy(spare, base + (size_t)i * item_size, item_size);
		memmove(base + (size_t)i * item_size, base + other * item_size, item_size);
		memcpy(base + other * item_size, spare, item_size);
	}
}

void exchanger_names_order(struct exchanger_name *names, int count, struct rng *rng)
{
	struct exchanger_name spare;

	shuffle(names, sizeof(names[0]), count, &spare, rng);
	for (int i = 1; i < count; i++) {
		int at = i;

		while (at > 0 && names[at - 1].preference > names[i].preference)
			at--;
		if (at == i)
			continue;
		spare = names[i];
		memmove(&names[at + 1], &names[at], (size_t)(i - at) * sizeof(names[0]));
		names[at] = spare;
	}
}

void exchangers_clear(struct resolver_answer *a)
{
	*a = (struct resolver_answer){.cause = RESOLVER_OK, .expires_ns = INT64_MAX};
}

bool exchangers_add(struct resolver_answer *a, const char *name, uint16_t preference)
{
	size_t len = strlen(name);
	struct resolver_exchanger *x;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (a->exchanger_count >= RESOLVER_EXCHANGER_MAX || len >= RESOLVER_NAME_MAX)
		return false;
	x = &a->exchangers[a->exchanger_count++];
	for (size_t i = 0; i < len; i++)
		x->name[i] =
			(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	x->name[len] = '\0';
	x->preference = preference;
	x->address_first = (uint8_t)a->address_count;
	x->address_count = 0;
	return true;
}

bool exchangers_add_address(struct resolver_answer *a, const struct endpoint *address,
			    uint16_t port)
{
	CHECK(a->exchanger_count > 0);
	if (a->address_count >= RESOLVER_ADDRESS_MAX)
		return false;
	a->addresses[a->address_count] = *address;
	a->addresses[a->address_count].port = port;
	a->address_count++;
	a->exchangers[a->exchanger_count - 1].address_count++;
	return true;
}

/* The first address at or behind *at that is of IPv6, or that is not; moves *at to it. */
static bool next_of_family(const struct endpoint *addresses, int count, bool is_ipv6, int *at)
{
	while (*at < count && (addresses[*at].family == ENDPOINT_IPV6) != is_ipv6)
		(*at)++;
	return *at < count;
}

/* IPv6 and IPv4 in turns, then the rest of the family that has more (RFC 8305 s4). */
static void interleave(const struct endpoint *from, int count, struct endpoint *to)
{
	int six = 0, four = 0;

	for (int done = 0; done < count;) {
		if (next_of_family(from, count, true, &six))
			to[done++] = from[six++];
		if (next_of_family(from, count, false, &four))
			to[done++] = from[four++];
	}
}

void exchangers_order(struct resolver_answer *a, struct rng *rng)
{
	struct endpoint addresses[RESOLVER_ADDRESS_MAX];
	struct resolver_exchanger spare;
	int kept = 0, placed = 0;

	if (rng)
		shuffle(a->exchangers, sizeof(spare), a->exchanger_count, &spare, rng);
	for (int i = 0; i < a->exchanger_count; i++) {
		int at = kept;

		if (a->exchangers[i].address_count == 0)
			continue;
		spare = a->exchangers[i];
		while (at > 0 && a->exchangers[at - 1].preference > spare.preference)
			at--;
		memmove(&a->exchangers[at + 1], &a->exchangers[at],
			(size_t)(kept - at) * sizeof(spare));
		a->exchangers[at] = spare;
		kept++;
	}
	a->exchanger_count = kept;
	for (int i = 0; i < kept; i++) {
		struct resolver_exchanger *x = &a->exchangers[i];

		interleave(&a->addresses[x->address_first], x->address_count, &addresses[placed]);
		x->address_first = (uint8_t)placed;
		placed += x->address_count;
	}
	memcpy(a->addresses, addresses, (size_t)placed * sizeof(addresses[0]));
	a->address_count = placed;
}
