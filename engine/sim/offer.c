/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer.c - what a side of a sealed link offers: suites, groups and tickets
 *
 * Names are those of IANA's registries and of OpenSSL, as in results of real runs.
 */
#include <stdlib.h>
#include "base/hash.h"
#include "sim/sealed_private.h"

struct suite {
	const char *name; /* as results show it */
	const char *iana;
	uint16_t version;
};

static const struct suite suites[SEALED_SUITES] = {
	{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", WIRE_TLS_1_3},
	{"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", WIRE_TLS_1_3},
	{"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", WIRE_TLS_1_3},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", WIRE_TLS_1_2},
	{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", WIRE_TLS_1_2},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	 WIRE_TLS_1_2},
	{"ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	 WIRE_TLS_1_2},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", WIRE_TLS_1_2},
	{"ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", WIRE_TLS_1_2},
};

static const char *const groups[SEALED_GROUPS] = {"X25519", "P-256", "P-384"};

static int suite_from_name(struct span name)
{
	for (int i = 0; i < SEALED_SUITES; i++)
		if (span_equal_nocase(name, span_of(suites[i].name)) ||
		    span_equal_nocase(name, span_of(suites[i].iana)))
			return i;
	return -1;
}

static int group_from_name(struct span name)
{
	for (int i = 0; i < SEALED_GROUPS; i++)
		if (span_equal_nocase(name, span_of(groups[i])))
			return i;
	return -1;
}

static bool contains(const struct sealed_offer *offer, int id)
{
	for (int i = 0; i < offer->count; i++)
		if (offer->ids[i] == id)
			return true;
	return false;
}

/* "a:b:c"; text NULL: all, in the order of the table. */
static bool parse(const char *text, int (*from_name)(struct span), int all,
		  struct sealed_offer *ret_offer)
{
	struct sealed_offer offer = {.count = 0};

	if (!text) {
		for (int i = 0; i < all; i++)
			offer.ids[offer.count++] = (uint8_t)i;
		*ret_offer = offer;
		return true;
	}
	for (;;) {
		size_t len = strcspn(text, ":");
		int id = from_name((struct span){text, len});

		if (id < 0)
			return false;
		if (!contains(&offer, id))
			offer.ids[offer.count++] = (uint8_t)id;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	*ret_offer = offer;
	return true;
}

bool suites_parse(const char *text, struct sealed_offer *ret_offer)
{
	return parse(text, suite_from_name, SEALED_SUITES, ret_offer);
}

bool groups_parse(const char *text, struct sealed_offer *ret_offer)
{
	return parse(text, group_from_name, SEALED_GROUPS, ret_offer);
}

int suites_choose(const struct sealed_offer *ours, const struct sealed_offer *theirs,
		  uint16_t version)
{
	for (int i = 0; i < ours->count; i++)
		if (suites[ours->ids[i]].version == version && contains(theirs, ours->ids[i]))
			return ours->ids[i];
	return -1;
}

int groups_choose(const struct sealed_offer *ours, const struct sealed_offer *theirs)
{
	/* The client's order counts: it sent its key share for the first. */
	for (int i = 0; i < theirs->count; i++)
		if (contains(ours, theirs->ids[i]))
			return theirs->ids[i];
	return -1;
}

const char *suite_name(int suite)
{
	return suites[suite].name;
}

const char *group_name(int group)
{
	return groups[group];
}

static struct sealed_ticket **bucket_of(struct sealed *c, const char *key)
{
	uint64_t hash = hash_octets(HASH_START, key, strlen(key));

	return &c->tickets[(hash ^ (hash >> 32)) % TICKET_BUCKETS];
}

/* What does not fit, or finds no memory, is not kept: the next handshake is a full one. */
void ticket_keep(struct sealed *c, const char *key, uint64_t host, uint64_t number)
{
	struct sealed_ticket **head = bucket_of(c, key), *t;
	size_t size = strlen(key) + 1;

	if (c->ticket_count >= c->options.tickets_max)
		return;
	t = malloc(sizeof(*t) + size);
	if (!t)
		return;
	t->host = host;
	t->number = number;
	memcpy(t->key, key, size);
	t->next = *head;
	*head = t;
	c->ticket_count++;
}

bool ticket_take(struct sealed *c, const char *key, uint64_t *ret_host, uint64_t *ret_number)
{
	for (struct sealed_ticket **at = bucket_of(c, key); *at; at = &(*at)->next) {
		struct sealed_ticket *t = *at;

		if (strcmp(t->key, key) != 0)
			continue;
		*at = t->next;
		*ret_host = t->host;
		*ret_number = t->number;
		free(t);
		c->ticket_count--;
		return true;
	}
	return false;
}

void tickets_fini(struct sealed *c)
{
	for (int i = 0; i < TICKET_BUCKETS; i++) {
		while (c->tickets[i]) {
			struct sealed_ticket *t = c->tickets[i];

			c->tickets[i] = t->next;
			free(t);
		}
	}
}
