/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tickets.h - what a client keeps of ended sessions, to resume them
 *
 * A pool per thread, bounded, with a site for each resume_key. The newest ticket of a site is
 * offered first; when the pool is full, its oldest ticket goes. A TLS 1.3 ticket leaves the pool
 * when it is offered (RFC 8446 sC.4), a TLS 1.2 session stays until a newer one replaces it.
 *
 * This stands in place of the library's own cache, which is one table with locks for all threads.
 */
#ifndef VOLLEY_TLS_TICKETS_H
#define VOLLEY_TLS_TICKETS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#define TICKET_BUCKETS 1024u

struct ticket_site;

/*
 * The library's session object is shared with the live session that it came from, which may still
 * put a newer ticket into it; slot tells that session that its ticket is still here.
 */
struct ticket {
	struct ticket *newer, *older;		/* in the whole pool */
	struct ticket *site_newer, *site_older; /* in its site */
	struct ticket_site *site;
	struct ticket **slot; /* NULL once the session that it came from has ended */
	WOLFSSL_SESSION *session;
	bool is_reusable;
};

struct ticket_pool {
	struct ticket_site **buckets; /* NULL until the first site */
	struct ticket *newest, *oldest;
	size_t count, max;
};

/* No allocation. max is a number of tickets. */
void tickets_init(struct ticket_pool *p, size_t max);

/* All sites must have been dropped. */
void tickets_fini(struct ticket_pool *p);

/* The site of a key, made when it is new; NULL when memory is exhausted. To be dropped. */
struct ticket_site *tickets_hold_site(struct ticket_pool *p, const char *key);
void tickets_drop_site(struct ticket_pool *p, struct ticket_site *site);

/* Has a session that has not begun offer the newest usable ticket of the site; false: none. */
bool tickets_offer(struct ticket_pool *p, struct ticket_site *site, WOLFSSL *ssl);

/*
 * Keeps what ssl has for resumption. *slot becomes the ticket, and NULL when it leaves the pool;
 * the owner calls tickets_forget_slot() before slot's memory goes. Nothing is kept when memory is
 * exhausted.
 */
void tickets_keep(struct ticket_pool *p, struct ticket_site *site, WOLFSSL *ssl, bool is_reusable,
		  struct ticket **slot);

static inline void tickets_forget_slot(struct ticket **slot)
{
	if (*slot)
		(*slot)->slot = NULL;
	*slot = NULL;
}

#endif
