/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reputation.h - a small model of what providers do not publish: how they rate a client
 *
 * By client address. Who is accepted long enough without a refusal rises: new, warming, good. Too
 * many refusals in a time make it poor, and the limits shrink to the shares that the profile
 * states; a time without any heals it to warming. Refusals while it is poor renew the wait, as
 * with providers whose blocks are prolonged by each try.
 *
 * Any thread.
 */
#ifndef VOLLEY_SINK_REPUTATION_H
#define VOLLEY_SINK_REPUTATION_H
#include <stdint.h>
#include "profile/profile.h"

#define STANDINGS_MAX 65536u /* clients; the others share one standing */

struct reputations;
struct standing; /* one client's */

/* Times pass scale times faster. NULL when memory is exhausted. */
struct reputations *reputations_new(uint32_t scale);
void reputations_free(struct reputations *r); /* NULL is allowed */

/* The standing of a client, which begins at start when it is new; lives as long as the table. */
struct standing *reputations_find(struct reputations *r, uint64_t key, enum reputation start);

/* What happened, if anything did. */
struct reputation_move {
	enum reputation from, to;
};

/* Where it stands now; healing happens in here. */
enum reputation standing_level(struct standing *s, const struct profile_reputation *model,
			       int64_t now_ns);

/* A message was accepted; a limit or a throttling rule refused something. */
struct reputation_move standing_accepted(struct standing *s, const struct profile_reputation *model,
					 int64_t now_ns);
struct reputation_move standing_refused(struct standing *s, const struct profile_reputation *model,
					int64_t now_ns);

/* How many clients stand where, as they were last seen. */
void reputations_count(struct reputations *r, uint64_t ret_counts[REPUTATION_COUNT]);

#endif
