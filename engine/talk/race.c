/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * race.c - a second attempt to connect, beside the first
 *
 * When the second attempt wins, the two channels change places, so that the talk's own channel is
 * always the one that lives on; the loser is aborted from here and freed when it has closed.
 */
#include <stdlib.h>
#include "talk/race.h"

struct talk_race {
	struct channel_user user;
	struct channel channel;
	struct timer timer;
	struct talk *talk; /* NULL once the race is over */
	struct talk_hub *hub;
	struct talk_race *next, **link; /* among all races of the hub */
	uint8_t address;		/* where the second attempt goes */
};

static void race_free(struct talk_race *r)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	free(r);
}

/* Tries the next address beside, now, unless two attempts run already or none is left. */
static void race_start(struct talk_race *r, int64_t now_ns)
{
	wheel_drop(&r->hub->channels.transport->wheel, &r->timer);
	if (!race_is_running(r))
		talk_try_next(r->talk, &r->channel, &r->user, now_ns, &r->address);
}

static void swap_attempts(struct talk_race *r)
{
	uint8_t address = r->address;

	channel_swap(&r->talk->channel, &r->channel);
	r->address = r->talk->address;
	r->talk->address = address;
}

static void on_event(struct channel_user *self, struct channel *c, const struct channel_event *ev)
{
	struct talk_race *r = (struct talk_race *)self;
	struct talk *t = r->talk;

	if (ev->kind == CHANNEL_CLOSED) {
		if (t == NULL)
			race_free(r);
		else
			race_start(r, ev->at_ns);
		return;
	}
	if (ev->kind == CHANNEL_LATE) {
		channel_abort(c);
		return;
	}
	if (ev->kind != CHANNEL_OPENED || t == NULL)
		return;
	swap_attempts(r);
	talk_race_won(t, ev->at_ns);
}

static void on_timer(struct timer *timer, int64_t now_ns)
{
	struct talk_race *r =
		(struct talk_race *)((char *)timer - offsetof(struct talk_race, timer));

	race_start(r, now_ns);
}

struct talk_race *race_new(struct talk *t, int64_t now_ns)
{
	struct talk_race *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->user.on_event = on_event;
	r->timer.fire = on_timer;
	r->talk = t;
	r->hub = t->hub;
	r->next = r->hub->races;
	r->link = &r->hub->races;
	if (r->next != NULL)
		r->next->link = &r->next;
	r->hub->races = r;
	race_wait(r, now_ns);
	return r;
}

void race_wait(struct talk_race *r, int64_t now_ns)
{
	wheel_set(&r->hub->channels.transport->wheel, &r->timer,
		  now_ns + r->talk->target->attempt_delay_ns);
}

bool race_is_running(const struct talk_race *r)
{
	return r->channel.link != NULL;
}

void race_promote(struct talk_race *r, int64_t now_ns)
{
	swap_attempts(r);
	race_start(r, now_ns);
}

void race_end(struct talk *t)
{
	struct talk_race *r = t->race;

	if (r == NULL)
		return;
	t->race = NULL;
	r->talk = NULL;
	wheel_drop(&r->hub->channels.transport->wheel, &r->timer);
	if (race_is_running(r))
		channel_abort(&r->channel);
	else
		race_free(r);
}

void race_free_all(struct talk_hub *h)
{
	while (h->races != NULL)
		race_free(h->races);
}
