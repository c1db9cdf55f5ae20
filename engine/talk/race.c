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
};

static void race_free(struct talk_race *r)
{
	wheel_drop(&r->channel.hub->transport->wheel, &r->timer);
	free(r);
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
	channel_swap(&t->channel, &r->channel);
	race_end(t);
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
	r->channel.hub = &t->hub->channels;
	wheel_set(&r->channel.hub->transport->wheel, &r->timer,
		  now_ns + t->target->attempt_delay_ns);
	return r;
}

bool race_start(struct talk_race *r, int64_t now_ns)
{
	struct channel_hub *hub = r->channel.hub;

	wheel_drop(&hub->transport->wheel, &r->timer);
	if (race_is_running(r))
		return false;
	if (!talk_try_next(r->talk, &r->channel, &r->user, now_ns)) {
		r->channel.hub = hub;
		return false;
	}
	return true;
}

bool race_is_running(const struct talk_race *r)
{
	return r->channel.link != NULL;
}

void race_promote(struct talk_race *r)
{
	channel_swap(&r->talk->channel, &r->channel);
}

void race_end(struct talk *t)
{
	struct talk_race *r = t->race;

	if (r == NULL)
		return;
	t->race = NULL;
	r->talk = NULL;
	if (race_is_running(r)) {
		wheel_drop(&r->channel.hub->transport->wheel, &r->timer);
		channel_abort(&r->channel);
	} else {
		r->channel.hub = &t->hub->channels;
		race_free(r);
	}
}
