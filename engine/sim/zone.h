/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zone.h - the names of a simulated world, and a resolver over them
 *
 * A zone is a table of records, written as text, one record a line, much as a zone file has it:
 *
 *     example.com        3600  MX     10 mx1.example.com
 *     example.com              MX     20 mx2.example.com.    ; the TTL may be left out: 300
 *     mx1.example.com          A      192.0.2.10
 *     mx1.example.com          AAAA   2001:db8::10
 *     silent.example           MX     0 .                    ; null MX, RFC 7505
 *     www.example.com          CNAME  mx1.example.com
 *     *.bench.example          A      192.0.2.20             ; RFC 4592
 *     broken.example           SERVFAIL                      ; also NXDOMAIN, REFUSED, TIMEOUT
 *     far.example              DELAY  250ms                  ; a look-up of it takes longer
 *
 * Names are relative to the root, their case does not count. A name that is not there, and has no
 * names below it, does not exist (RESOLVER_NO_NAME).
 *
 * The resolver asks for the mail exchangers of a domain as RFC 5321 s5.1 says, in the order of
 * net/exchangers.h. A look-up takes one round trip for the MX records and one for all addresses.
 * It has no cache: is_from_cache is never set. expires_ns follows the smallest TTL.
 */
#ifndef VOLLEY_SIM_ZONE_H
#define VOLLEY_SIM_ZONE_H
#include "base/err.h"
#include "base/span.h"
#include "net/resolver.h"
#include "sim/sim.h"

struct sim_zone;

/* An empty zone; NULL when memory is exhausted. Several resolvers may share one. */
struct sim_zone *sim_zone_new(void);
void sim_zone_free(struct sim_zone *z);

/*
 * Adds the records of text, lines of the form above; empty lines and comments are allowed. Also
 * while resolvers use it: an answer is made of what the zone holds when it is given. -1 with *e
 * set (it names the line) at the first line that is wrong, with the lines before it added.
 */
int sim_zone_load(struct sim_zone *z, struct span text, struct err *e);

/* Forgets all about one name; names below it stay. */
void sim_zone_forget(struct sim_zone *z, struct span name);

/* What is 0 stands for the default. */
struct sim_resolver_options {
	int64_t delay_ns;   /* one round trip; default 1 ms; <0: none */
	int64_t timeout_ns; /* how long a TIMEOUT takes to be told; default 5 s */
};

/*
 * A resolver over the zone, which is lent for its life. Equal preferences are shuffled with the
 * world's seed. NULL with *e set when memory is exhausted. Freed by resolver_free(); in a script
 * without actors, resolver_turn() waits by moving the world on, as transport_turn() does.
 */
struct resolver *sim_resolver(struct sim *s, struct sim_zone *z,
			      const struct sim_resolver_options *options, struct err *e);

#endif
