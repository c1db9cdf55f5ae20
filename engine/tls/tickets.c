/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tickets.c - the pool of tickets: sites by key, tickets by age
 *
 * Two orders at once: within a site the newest is wanted, over the pool the oldest has to go. Both
 * are doubly linked lists, so that every step takes the same short time however many there are.
 * A site lives while it has tickets or sessions that hold it.
 */
#include "tls/tickets.h"
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/hash.h"

struct ticket_site {
	struct ticket_site *next, **link; /* in its bucket */
	struct ticket *newest;
	size_t holders;
	char key[];
};

void tickets_init(struct ticket_pool *p, size_t max)
{
	*p = (struct ticket_pool){.max = max};
}

static void site_free_if_unused(struct ticket_site *site)
{
	if (site->holders > 0 || site->newest)
		return;
	*site->link = site->next;
	if (site->next)
		site->next->link = site->link;
	free(site);
}

/* Takes a ticket out of both lists and frees it; its site may go with it. */
static void ticket_remove(struct ticket_pool *p, struct ticket *t)
{
	struct ticket_site *site = t->site;

	*(t->newer ? &t->newer->older : &p->newest) = t->older;
	*(t->older ? &t->older->newer : &p->oldest) = t->newer;
	*(t->site_newer ? &t->site_newer->site_older : &site->newest) = t->site_older;
	if (t->site_older)
		t->site_older->site_newer = t->site_newer;
	p->count--;
	if (t->slot)
		*t->slot = NULL;
	wolfSSL_SESSION_free(t->session);
	free(t);
	site_free_if_unused(site);
}

void tickets_fini(struct ticket_pool *p)
{
	while (p->oldest)
		ticket_remove(p, p->oldest);
	for (size_t i = 0; p->buckets && i < TICKET_BUCKETS; i++)
		CHECK(!p->buckets[i]);
	free(p->buckets);
	p->buckets = NULL;
}

static size_t bucket_of(const char *key)
{
	return (size_t)(hash_octets(HASH_START, key, strlen(key)) >> 32) % TICKET_BUCKETS;
}

struct ticket_site *tickets_hold_site(struct ticket_pool *p, const char *key)
{
	size_t size = strlen(key) + 1;
	struct ticket_site *site, **bucket;

	if (!p->buckets) {
		p->buckets = calloc(TICKET_BUCKETS, sizeof(struct ticket_site *));
		if (!p->buckets)
			return NULL;
	}
	bucket = &p->buckets[bucket_of(key)];
	for (site = *bucket; site; site = site->next) {
		if (strcmp(site->key, key) == 0) {
			site->holders++;
			return site;
		}
	}
	site = malloc(sizeof(*site) + size);
	if (!site)
		return NULL;
	*site = (struct ticket_site){.next = *bucket, .link = bucket, .holders = 1};
	memcpy(site->key, key, size);
	if (site->next)
		site->next->link = &site->next;
	*bucket = site;
	return site;
}

void tickets_drop_site(struct ticket_pool *p, struct ticket_site *site)
{
	(void)p;
	CHECK(site->holders > 0);
	site->holders--;
	site_free_if_unused(site);
}

bool tickets_offer(struct ticket_pool *p, struct ticket_site *site, WOLFSSL *ssl)
{
	/* The caller's hold keeps the site when its last ticket goes. */
	while (site->newest) {
		struct ticket *t = site->newest;
		/* The library copies the session; it refuses one that is past its lifetime. */
		bool is_usable = wolfSSL_set_session(ssl, t->session) == WOLFSSL_SUCCESS;

		if (!is_usable || !t->is_reusable)
			ticket_remove(p, t);
		if (is_usable)
			return true;
	}
	return false;
}

static void ticket_insert(struct ticket_pool *p, struct ticket_site *site, struct ticket *t)
{
	t->site = site;
	t->older = p->newest;
	*(t->older ? &t->older->newer : &p->oldest) = t;
	p->newest = t;
	t->site_older = site->newest;
	if (t->site_older)
		t->site_older->site_newer = t;
	site->newest = t;
	p->count++;
}

void tickets_keep(struct ticket_pool *p, struct ticket_site *site, WOLFSSL *ssl, bool is_reusable,
		  struct ticket **slot)
{
	struct ticket *t;

	/* The object in the pool is the session's own, so that it holds the newer ticket by now. */
	if (*slot)
		return;
	if (site->newest && site->newest->is_reusable)
		ticket_remove(p, site->newest);
	t = calloc(1, sizeof(*t));
	if (!t)
		return;
	t->session = wolfSSL_get1_session(ssl);
	if (!t->session) {
		free(t);
		return;
	}
	t->is_reusable = is_reusable;
	t->slot = slot;
	*slot = t;
	ticket_insert(p, site, t);
	if (p->count > p->max)
		ticket_remove(p, p->oldest);
}
