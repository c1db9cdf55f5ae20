/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * race.h - a second attempt to connect, beside the first
 *
 * Happy eyeballs (RFC 8305): when an address has not answered after the attempt delay, the next
 * one is tried beside it, and the first to answer wins. At most two attempts run at once. Internal
 * to talk/; exists only while a talk with several addresses is connecting.
 */
#ifndef VOLLEY_TALK_RACE_H
#define VOLLEY_TALK_RACE_H
#include "talk/talk.h"

/* Starts waiting for the attempt delay. NULL when memory is exhausted: there is no race then. */
struct talk_race *race_new(struct talk *t, int64_t now_ns);

/* An attempt began just now: the next one may begin when the attempt delay has passed. */
void race_wait(struct talk_race *r, int64_t now_ns);

/* True while the second attempt is under way. */
bool race_is_running(const struct talk_race *r);

/*
 * Takes the second attempt over as the talk's channel, after the first has closed, and begins the
 * next one beside it: a failure does not wait for the attempt delay (RFC 8305 s5).
 */
void race_promote(struct talk_race *r, int64_t now_ns);

/* Ends the race: what is open is aborted, and the memory goes when it has closed. */
void race_end(struct talk *t);

/* Frees what had not ended when the transport went: no event will come. */
void race_free_all(struct talk_hub *h);

/* talk.c: the second attempt has connected, and stands in t->channel by now. */
void talk_race_won(struct talk *t, int64_t at_ns);

/*
 * talk.c: connects c to the next address, and tells its index; false when none is left or no link
 * is to be had.
 */
bool talk_try_next(struct talk *t, struct channel *c, struct channel_user *user, int64_t now_ns,
		   uint8_t *ret_address);

#endif
