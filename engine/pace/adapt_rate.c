/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_rate.c - the dial of the rate: finds how many messages a path takes in the long run
 *
 * Nothing is known of the other end but its replies: neither how many messages it allows, nor the
 * length of its window, nor of what kind that is. So the dial has no clock of its own:
 *
 * - Messages are spaced evenly. At N a window no window of any kind ever sees more than N, and a
 *   rate slightly too high is refused slightly: the share of refusals is the share by which it is
 *   too high. That makes looking for the limit cheap.
 * - Before the first refusal the rate doubles, while it binds.
 * - At a refusal everything stops. What is under way is waited for; then single probes go, at
 *   waits that grow by half each, until one passes. A fixed window that is full costs a handful of
 *   refusals that way, however long it lasts. The rest shows how long the other end remembers, and
 *   what was under way shows how long an outcome takes.
 * - adapt_judge.c says where to go on. While dial and ceiling are far apart, the gap is halved
 *   step by step; near the limit steps are a percent, and further on they double, so that a limit
 *   that was raised is followed. A step lasts for some messages, for several round trips (an
 *   outcome has to be seen before it can be judged) and for twice as long as the other end was
 *   seen to remember.
 * - Each refusal is a debt of messages that have to pass before the next attempt upward: that
 *   bounds the share of refusals by itself, with few messages as with many, and counts what was
 *   under way. It is what keeps looking for more from becoming what a provider holds against one.
 * - The rate grows only while it binds: messages that the sender or the server is too slow for
 *   say nothing of a limit.
 */
#include "base/clock.h"
#include "pace/adapt_judge.h"
#include "pace/adapt_rate.h"

#define NANO_SQUARED (UINT64_C(1000000000) * UINT64_C(1000000000))

#define SLACK_NS       (5 * NS_PER_MS) /* a slot that a late timer missed may be made up for */
#define DEBT_REFUSED   60	       /* messages to pass for a refusal: less than 2 % */
#define DEBT_MAX       (256 * DEBT_REFUSED)
#define SEARCH_SHARE   64  /* of the interval: the least time for a doubling */
#define STEP_SHARE     512 /* of the interval: the least time for a step */
#define STEP_LEAST_NS  (20 * NS_PER_MS)
#define STEP_TRIPS     4  /* round trips in a step */
#define PLATEAU_TRIPS  36 /* round trips in the first one of a cycle: a rest takes two or three */
#define STEP_MEMORIES  2
#define MESSAGES_MOST  20 /* in a step, near the limit */
#define MESSAGES_WIDE  8  /* while the gap to the ceiling is wide */
#define MESSAGES_LEAST 4
#define REST_INTERVALS 60 /* the longest wait between two probes */
#define PATIENCE_TRIPS 8  /* for the outcome of a probe: it may never be told */
#define PATIENCE_LEAST (100 * NS_PER_MS)

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t spacing(const struct rate_dial *d)
{
	return (int64_t)(NANO_SQUARED / d->rate);
}

static void begin_step(struct rate_dial *d, int64_t now_ns)
{
	d->step_ns = now_ns;
	d->step_taken = 0;
}

void rate_dial_init(struct rate_dial *d, uint64_t low, uint64_t high, uint64_t first,
		    int64_t interval_ns, int64_t now_ns)
{
	*d = (struct rate_dial){
		.low = low,
		.high = high,
		.interval_ns = interval_ns,
		.mode = RATE_SEARCH,
		.rate = first,
		.cycle_ns = now_ns,
		.resumed_ns = now_ns,
		.anchor_ns = now_ns,
		.sample_ns = -1,
	};
	d->last_ns = now_ns - spacing(d);
	begin_step(d, now_ns);
}

/* ---- steps ---- */

static int64_t step_time(const struct rate_dial *d)
{
	int64_t least = later(STEP_TRIPS * d->latency_ns, STEP_LEAST_NS);

	if (d->mode == RATE_SEARCH)
		return later(least, d->interval_ns / SEARCH_SHARE);
	/* Who has just been refused stays for a while, so that rests are a small part of it. */
	if (d->steps == 0 && (!judge_is_wide(d) || d->is_settled))
		least = later(least, PLATEAU_TRIPS * d->latency_ns);
	least = later(least, d->interval_ns / STEP_SHARE);
	return later(least, STEP_MEMORIES * d->memory_ns);
}

static uint64_t step_messages(const struct rate_dial *d)
{
	if (d->mode == RATE_SEARCH)
		return MESSAGES_LEAST;
	if (judge_is_wide(d))
		return MESSAGES_WIDE;
	if (d->climb < 3)
		return MESSAGES_MOST;
	return d->climb < 5 ? MESSAGES_WIDE : MESSAGES_LEAST;
}

static bool is_step_over(const struct rate_dial *d, int64_t now_ns)
{
	bool may_owe = d->mode == RATE_SEARCH || (judge_is_wide(d) && !d->is_settled);

	return now_ns - d->step_ns >= step_time(d) && d->step_taken >= step_messages(d) &&
	       (may_owe || d->steps > 0 || d->debt == 0);
}

/* Of what the dial allowed in this step at least three quarters went. */
static bool is_binding(const struct rate_dial *d, int64_t now_ns)
{
	int64_t used_ns = (int64_t)d->step_taken * spacing(d);

	return used_ns / 3 >= (now_ns - d->step_ns) / 4;
}

static void raise_rate(struct rate_dial *d)
{
	static const uint32_t climbs[] = {10, 10, 20, 40, 80, 160, 320, 640, 1000};
	uint64_t by = d->rate;

	if (d->mode == RATE_RUN && judge_is_wide(d)) {
		by = (d->ceiling - d->rate) / 2;
		if (by > d->rate)
			by = d->rate;
	} else if (d->mode == RATE_RUN) {
		by = judge_share(d->rate, climbs[d->climb]);
		if (d->climb + 1 < sizeof climbs / sizeof *climbs)
			d->climb++;
	}
	d->rate = judge_clamp(d, d->rate + by);
}

static void advance(struct rate_dial *d, int64_t now_ns)
{
	if (!is_step_over(d, now_ns))
		return;
	if (is_binding(d, now_ns)) {
		d->held = d->rate;
		d->steps++;
		d->cuts = 0;
		d->sum_passed = 0;
		d->sum_ns = 0;
		d->sum_spent_ns = 0;
		raise_rate(d);
	}
	begin_step(d, now_ns);
}

/* ---- asking ---- */

/* Worth asking again when the outcome is due, then often: those who wait are not called. */
static int64_t probe_due(const struct rate_dial *d, int64_t now_ns)
{
	return later(d->probe_ns + d->latency_ns, now_ns + later(d->latency_ns / 4, NS_PER_MS));
}

static bool take_probe(struct rate_dial *d, int64_t now_ns, int64_t *ret_when_ns)
{
	int64_t patience = later(PATIENCE_TRIPS * d->latency_ns, PATIENCE_LEAST);

	if (now_ns < d->probe_ns) {
		*ret_when_ns = d->probe_ns;
		return false;
	}
	if (d->is_probing && now_ns < d->probe_ns + patience) {
		*ret_when_ns = probe_due(d, now_ns);
		return false;
	}
	d->is_probing = true;
	d->probe_ns = now_ns;
	d->sample_ns = now_ns;
	d->last_ns = now_ns;
	d->taken++;
	return true;
}

bool rate_dial_take(struct rate_dial *d, int64_t now_ns, int64_t *ret_when_ns)
{
	int64_t slot;

	if (d->mode == RATE_REST)
		return take_probe(d, now_ns, ret_when_ns);
	advance(d, now_ns);
	slot = later(d->last_ns + spacing(d), now_ns - SLACK_NS);
	if (slot > now_ns) {
		*ret_when_ns = slot;
		return false;
	}
	/* A message that is alone tells by its outcome how long outcomes take; so does the first.
	 */
	if (d->latency_ns == 0)
		d->sample_ns = d->sample_ns < 0 ? now_ns : d->sample_ns;
	else
		d->sample_ns =
			d->sample_ns < 0 && spacing(d) > STEP_TRIPS * d->latency_ns ? now_ns : -1;
	d->last_ns = slot;
	d->taken++;
	d->step_taken++;
	return true;
}

void rate_dial_give_back(struct rate_dial *d, int64_t now_ns)
{
	d->sample_ns = -1;
	if (d->taken > 0)
		d->taken--;
	if (d->mode == RATE_REST) {
		if (d->is_probing)
			d->probe_ns = now_ns;
		d->is_probing = false;
		return;
	}
	d->last_ns -= spacing(d);
	if (d->step_taken > 0)
		d->step_taken--;
}

/* ---- hearing ---- */

/* What was under way when a rest began shows how long an outcome takes, and so does a sample. */
static void learn_latency(struct rate_dial *d, int64_t now_ns)
{
	if (d->mode == RATE_REST && d->probes == 0 && !d->is_probing)
		d->latency_ns = later(d->latency_ns, now_ns - d->refused_ns);
	else if (d->sample_ns >= 0)
		d->latency_ns = later(now_ns - d->sample_ns, d->latency_ns - d->latency_ns / 8);
	d->sample_ns = -1;
}

/* The probe has passed. */
static void end_rest(struct rate_dial *d, int64_t now_ns)
{
	d->taken--; /* the probe is the first of the new cycle */
	judge_cycle(d);
	d->mode = RATE_RUN;
	d->climb = 0;
	d->steps = 0;
	d->held = 0;
	d->is_probing = false;
	/* Where the limit gave way at once, it was exhausted when the rest began. */
	d->cycle_ns = d->probes > 0 ? d->probe_ns : d->refused_ns;
	d->resumed_ns = now_ns;
	d->taken = 1;
	d->passed = 1;
	d->refusals = 0;
	begin_step(d, now_ns);
}

void rate_dial_passed(struct rate_dial *d, int64_t now_ns)
{
	learn_latency(d, now_ns);
	if (d->debt > 0)
		d->debt--;
	if (d->mode == RATE_REST && d->is_probing)
		end_rest(d, now_ns);
	else
		d->passed++;
}

static void begin_rest(struct rate_dial *d, int64_t now_ns)
{
	d->ends_search = d->mode == RATE_SEARCH;
	d->mode = RATE_REST;
	d->cuts++;
	d->refused = d->rate;
	d->refused_ns = now_ns;
	d->missed_ns = now_ns;
	d->probes = 0;
	d->is_probing = false;
	d->wait_ns = later(spacing(d), later(d->latency_ns + d->latency_ns / 2, NS_PER_MS));
	d->probe_ns = now_ns + d->wait_ns;
}

void rate_dial_refused(struct rate_dial *d, int64_t now_ns)
{
	int64_t longest = REST_INTERVALS * d->interval_ns;

	learn_latency(d, now_ns);
	d->refusals++;
	d->debt = d->debt < DEBT_MAX ? d->debt + DEBT_REFUSED : DEBT_MAX;
	if (d->mode != RATE_REST) {
		begin_rest(d, now_ns);
		return;
	}
	if (!d->is_probing)
		return;
	d->is_probing = false;
	d->probes++;
	d->missed_ns = d->probe_ns;
	d->wait_ns += d->wait_ns / 2;
	if (d->wait_ns > longest)
		d->wait_ns = longest;
	d->probe_ns = now_ns + d->wait_ns;
}
