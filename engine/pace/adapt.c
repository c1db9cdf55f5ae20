/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt.c - finds a limit that nobody published, and stays below it
 *
 * Two dials that know nothing of each other (adapt_rate.c, adapt_connections.c), and the decision
 * which of them a refusal turns. They can be strangers to each other since each grows only while it
 * is what holds the sender back: where few connections bound the traffic the rate stands still.
 */
#include <stdlib.h>
#include "base/check.h"
#include "pace/adapt.h"
#include "pace/adapt_connections.h"
#include "pace/adapt_rate.h"

#define NANO_PER_MICRO 1000u

struct adapt {
	struct rate_dial rate;
	struct connection_dial connections;
};

struct adapt *adapt_new(const struct adapt_params *p, int64_t now_ns)
{
	struct adapt *a = malloc(sizeof *a);

	CHECK(p->rate_low > 0 && p->rate_low <= p->rate_first && p->rate_first <= p->rate_high);
	CHECK(p->rate_high <= ADAPT_RATE_MAX);
	CHECK(p->connections_low > 0 && p->connections_low <= p->connections_first &&
	      p->connections_first <= p->connections_high);
	CHECK(p->interval_ns > 0);
	if (a == NULL)
		return NULL;
	rate_dial_init(&a->rate, p->rate_low * NANO_PER_MICRO, p->rate_high * NANO_PER_MICRO,
		       p->rate_first * NANO_PER_MICRO, p->interval_ns, now_ns);
	connection_dial_init(&a->connections, p->connections_low, p->connections_high,
			     p->connections_first, p->interval_ns, now_ns);
	return a;
}

void adapt_free(struct adapt *a)
{
	free(a);
}

static void refused(struct adapt *a, enum pace_dial dial, bool is_before_mail, uint32_t connections,
		    int64_t now_ns)
{
	switch (dial) {
	case DIAL_NONE:
		if (is_before_mail)
			connection_dial_refused(&a->connections, connections, now_ns);
		else
			rate_dial_refused(&a->rate, now_ns);
		return;
	case DIAL_CONNECTIONS:
		connection_dial_refused(&a->connections, connections, now_ns);
		return;
	case DIAL_RATE:
	case DIAL_SUSPEND:
		rate_dial_refused(&a->rate, now_ns);
		return;
	case DIAL_MESSAGES_PER_CONNECTION:
	case DIAL_RECIPIENTS_PER_MESSAGE:
		return; /* dials that are not kept here */
	}
}

void adapt_tell(struct adapt *a, enum adapt_news news, enum pace_dial dial, bool is_before_mail,
		uint32_t connections, int64_t now_ns)
{
	switch (news) {
	case ADAPT_CONNECTED:
		connection_dial_connected(&a->connections, connections, now_ns);
		return;
	case ADAPT_ACCEPTED:
		connection_dial_accepted(&a->connections, connections);
		rate_dial_passed(&a->rate, now_ns);
		return;
	case ADAPT_REFUSED:
		refused(a, dial, is_before_mail, connections, now_ns);
		return;
	case ADAPT_DROPPED:
		connection_dial_dropped(&a->connections, connections, now_ns);
		return;
	case ADAPT_ENDED:
		rate_dial_passed(&a->rate, now_ns);
		return;
	}
}

bool adapt_take(struct adapt *a, int64_t now_ns, int64_t *ret_when_ns)
{
	return rate_dial_take(&a->rate, now_ns, ret_when_ns);
}

void adapt_give_back(struct adapt *a, int64_t now_ns)
{
	rate_dial_give_back(&a->rate, now_ns);
}

uint32_t adapt_connections(struct adapt *a, int64_t now_ns)
{
	return connection_dial_allowed(&a->connections, now_ns);
}

uint64_t adapt_rate(const struct adapt *a)
{
	return a->rate.rate / NANO_PER_MICRO;
}

uint64_t adapt_rate_refused(const struct adapt *a)
{
	return a->rate.refused / NANO_PER_MICRO;
}

uint32_t adapt_connections_refused(const struct adapt *a)
{
	return a->connections.refused;
}
