/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * port.c - ephemeral ports
 *
 * A port is unique among the connections between one source address and one destination, as the
 * kernel has it for connect(2), so that a run with too few source addresses runs out of ports
 * here as well. The lowest free one is taken; a bitmap grows with what is in use.
 */
#include <stdlib.h>
#include "base/check.h"
#include "sim/world.h"

#define WORD_BITS  64u
#define PORT_COUNT 65536u

static size_t bucket_of(const struct endpoint *from, const struct endpoint *to)
{
	uint64_t hash = endpoint_address_hash(from) * 31 + endpoint_address_hash(to) + to->port;

	return (size_t)((hash ^ (hash >> 32)) & (SIM_BUCKETS - 1));
}

static struct sim_ports *find(struct sim *s, const struct endpoint *from, const struct endpoint *to)
{
	struct sim_ports **head = &s->ports[bucket_of(from, to)];
	struct sim_ports *p;

	for (p = *head; p; p = p->next)
		if (endpoint_same_address(&p->from, from) && endpoint_equal(&p->to, to))
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->from = *from;
	p->to = *to;
	p->next = *head;
	*head = p;
	return p;
}

static void forget_if_unused(struct sim *s, struct sim_ports *p)
{
	struct sim_ports **at = &s->ports[bucket_of(&p->from, &p->to)];

	if (p->in_use > 0)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p->bits);
	free(p);
}

static bool grow(struct sim_ports *p, uint32_t words)
{
	uint64_t *bits;

	if (words <= p->word_count)
		return true;
	if (words < p->word_count * 2)
		words = p->word_count * 2;
	bits = realloc(p->bits, words * sizeof(*bits));
	if (!bits)
		return false;
	memset(bits + p->word_count, 0, (words - p->word_count) * sizeof(*bits));
	p->bits = bits;
	p->word_count = words;
	return true;
}

/* The lowest index that is free, whether the bitmap reaches there or not. */
static uint32_t lowest_free(const struct sim_ports *p)
{
	for (uint32_t word = 0; word < p->word_count; word++)
		if (p->bits[word] != UINT64_MAX)
			return word * WORD_BITS + (uint32_t)__builtin_ctzll(~p->bits[word]);
	return p->word_count * WORD_BITS;
}

bool ports_take(struct sim *s, struct sim_conn *conn)
{
	struct sim_ports *p = find(s, &conn->from, &conn->to);
	uint32_t first = s->options.port_first, idx;
	uint64_t bit;

	if (!p)
		return false;
	if (conn->from.port != 0)
		idx = (conn->from.port + PORT_COUNT - first) % PORT_COUNT;
	else
		idx = lowest_free(p);
	bit = UINT64_C(1) << (idx % WORD_BITS);
	if ((conn->from.port == 0 && idx > s->options.port_last - first) ||
	    !grow(p, idx / WORD_BITS + 1) || (p->bits[idx / WORD_BITS] & bit)) {
		forget_if_unused(s, p);
		return false;
	}
	p->bits[idx / WORD_BITS] |= bit;
	p->in_use++;
	conn->from.port = (uint16_t)((first + idx) % PORT_COUNT);
	conn->ports = p;
	return true;
}

void ports_give_back(struct sim_conn *conn)
{
	struct sim_ports *p = conn->ports;
	uint32_t idx;

	if (!p)
		return;
	idx = (conn->from.port + PORT_COUNT - conn->sim->options.port_first) % PORT_COUNT;
	p->bits[idx / WORD_BITS] &= ~(UINT64_C(1) << (idx % WORD_BITS));
	p->in_use--;
	conn->ports = NULL;
	forget_if_unused(conn->sim, p);
}

void ports_fini(struct sim *s)
{
	for (size_t i = 0; i < SIM_BUCKETS; i++) {
		while (s->ports[i]) {
			struct sim_ports *p = s->ports[i];

			s->ports[i] = p->next;
			free(p->bits);
			free(p);
		}
	}
}
