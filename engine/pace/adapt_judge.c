/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_judge.c - where the limit is, from what passed between two refusals
 *
 * At a refusal a limit is exhausted, whatever its kind. So between two refusals as much passed as
 * it grew back, and that over the time between them is its rate: for a bucket of tokens to the
 * message, for a fixed or rolling window when the time is taken from the first to the last moment
 * at which the limit gave way. The dial's own value says less: a burst lets it stand far above the
 * limit for a while, and a window is exceeded only at its end.
 *
 * What blurs the estimate is the rest. A window and a bucket go on filling while nothing is sent,
 * so that its time counts; a limit without tolerance does not, so that it does not. Where rests
 * are a small part of the cycle the difference is nothing; where they are not (a round trip of a
 * fifth of the window), cuts are small steps instead, or the estimate would feed on itself.
 *
 * Three kinds of cycle:
 * - the search's: nothing is known of the time before the first refusal. A rest that lasts longer
 *   than it took to get there shows a window, and a count; one that does not, shows a rate that
 *   was too high by less than its last doubling.
 * - a long one, where a rate lasted at least a step: the limit is near. The dial goes back to what
 *   lasted. If that is refused at once, a burst had hidden the limit: the mean was right, and is
 *   believed without another test for some cycles.
 * - a short one, where the first rate was refused already: the limit has dropped, or was not found
 *   yet. Cuts go down to the estimate, but while the limit is known, not in one step on the
 *   evidence of few messages.
 *
 * A rolling window remembers the search's burst, and gives way message by message as that leaves
 * it: short cycles in a row, each lower. No cut goes below a quarter of what passed on average
 * since the search, and the ceiling stays at that average.
 */
#include "base/clock.h"
#include "pace/adapt_judge.h"

__extension__ typedef unsigned __int128 wide;

#define NANO_SQUARED ((wide)NS_PER_SEC * NS_PER_SEC) /* 1e-9 messages a second, times ns */

#define LONG_MESSAGES  30 /* make a mean of one cycle */
#define SHORT_MESSAGES 8  /* make one of several short ones */
#define ELASTIC_CYCLES 4
#define ANCHOR_SHARE   4  /* no search is cut below this part of the average */
#define SILENT_SHARE   16 /* a rest longer than this part of the cycle blurs the mean */
#define CLIMB_SHARE    32 /* of a cycle: what a step near the limit should last at least */
#define MEMORY_DECAY   128

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

uint64_t judge_share(uint64_t rate, uint32_t thousandths)
{
	return (uint64_t)((wide)rate * thousandths / 1000);
}

uint64_t judge_clamp(const struct rate_dial *d, uint64_t rate)
{
	return smaller(larger(rate, d->low), d->high);
}

static uint64_t rate_of(uint64_t count, int64_t ns)
{
	wide rate = (wide)count * NANO_SQUARED / (wide)later(ns, 1);

	return rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
}

/*
 * Messages of this cycle that were not refused. Not every end of a message is told, and one
 * message may be refused by several replies: neither count alone is right.
 */
static uint64_t passed(const struct rate_dial *d)
{
	uint64_t rest = d->taken > d->refusals ? d->taken - d->refusals : 1;

	return larger(rest, d->passed);
}

static uint64_t cycle_mean(const struct rate_dial *d)
{
	return rate_of(passed(d), d->refused_ns - d->cycle_ns);
}

static bool was_silent(const struct rate_dial *d)
{
	return (d->resumed_ns - d->cycle_ns) * SILENT_SHARE > d->refused_ns - d->cycle_ns;
}

/* Probes were refused: the limit gave way between the last of them and the one that passed. */
static uint64_t window_lower(const struct rate_dial *d)
{
	return judge_share(rate_of(passed(d), d->probe_ns - d->cycle_ns), 970);
}

static uint64_t window_upper(const struct rate_dial *d)
{
	return rate_of(passed(d) + 1, d->missed_ns - d->cycle_ns);
}

/* The limit is between lower and upper; the dial goes down in any case. */
static void set_bracket(struct rate_dial *d, uint64_t lower, uint64_t upper)
{
	d->rate = judge_clamp(d, smaller(lower, judge_share(d->rate, 950)));
	d->ceiling = upper;
}

static void judge_search(struct rate_dial *d)
{
	int64_t rest = d->probe_ns - d->refused_ns, before = d->refused_ns - d->cycle_ns;

	if (d->probes == 0)
		set_bracket(d, d->rate / 2, d->rate);
	else if (rest > before / 2)
		set_bracket(d, window_lower(d), smaller(d->rate, window_upper(d)));
	else
		set_bracket(d, larger(window_lower(d), d->held / 2), d->rate);
}

/*
 * Refused so far above the mean, the dial climbed faster than the other end could show: steps last
 * longer from now on, unless it is messages that they last for already.
 */
static void learn_pace(struct rate_dial *d)
{
	wide messages = (wide)d->rate * (wide)d->memory_ns / NANO_SQUARED;

	if (messages >= LONG_MESSAGES / 2 && d->memory_ns < d->interval_ns)
		d->memory_ns += d->memory_ns / 2;
	d->memory_ns = later(d->memory_ns, (d->refused_ns - d->cycle_ns) / CLIMB_SHARE);
}

static void judge_long(struct rate_dial *d)
{
	uint64_t mean = cycle_mean(d), lower = smaller(d->held, judge_share(d->rate, 970));

	if (d->rate < d->held + d->held / 8)
		d->is_settled = true;
	if (!d->is_settled) {
		if (mean < lower)
			lower = mean + (lower - mean) / 2;
	} else if (d->elastic > 0) {
		uint64_t least = was_silent(d) ? judge_share(lower, 930) : 0;

		lower = smaller(lower, larger(judge_share(mean, 985), least));
		d->elastic--;
	}
	if (d->is_settled && d->rate > judge_share(mean, 1200))
		learn_pace(d);
	d->mean = d->taken >= LONG_MESSAGES ? mean : 0;
	d->ceiling = d->rate;
	d->rate = judge_clamp(d, lower);
}

/* The limit is known, and enough has passed for a mean, though no step was over. */
static void judge_known(struct rate_dial *d)
{
	uint64_t mean = cycle_mean(d);

	if (was_silent(d) && d->cuts <= 3) {
		set_bracket(d, judge_share(d->rate, 940), d->rate);
		return;
	}
	if (d->cuts > 1 && !was_silent(d) && mean < judge_share(d->rate, 950))
		d->elastic = ELASTIC_CYCLES;
	set_bracket(d, judge_share(mean, 985), d->rate);
}

/* No probe was refused: lower and upper with and without the rests, over several cycles. */
static void weigh_short(struct rate_dial *d, uint64_t *ret_lower, uint64_t *ret_upper)
{
	int64_t spacing = (int64_t)(NANO_SQUARED / d->rate);

	*ret_upper = d->rate;
	d->sum_passed += passed(d);
	d->sum_ns += d->refused_ns - d->cycle_ns;
	d->sum_spent_ns += later(d->refused_ns - d->resumed_ns, 0) + spacing;
	if (d->sum_passed >= SHORT_MESSAGES) {
		*ret_lower = judge_share(rate_of(d->sum_passed, d->sum_ns), 970);
		*ret_upper = smaller(d->rate, rate_of(d->sum_passed, d->sum_spent_ns));
	} else if (d->mean > 0 && d->mean < d->rate) {
		if (d->rate > judge_share(d->mean, 1150))
			d->elastic = ELASTIC_CYCLES;
		*ret_lower = d->mean + (d->rate - d->mean) / 2;
	} else {
		*ret_lower = judge_share(d->rate, 800);
	}
}

static void judge_short(struct rate_dial *d)
{
	static const uint32_t floors[] = {850, 600}; /* for the first cuts in a row */
	uint64_t lower, upper;

	if (d->is_settled && d->probes == 0 && passed(d) >= LONG_MESSAGES) {
		judge_known(d);
		return;
	}
	if (d->probes == 0) {
		weigh_short(d, &lower, &upper);
	} else {
		lower = window_lower(d);
		upper = smaller(d->rate, window_upper(d));
	}
	if (!d->is_settled) {
		uint64_t average =
			rate_of(d->anchor_passed + passed(d), d->probe_ns - d->anchor_ns);

		lower = larger(lower, average / ANCHOR_SHARE);
		upper = larger(upper, average);
	} else if (d->cuts < 2 + sizeof floors / sizeof *floors) {
		/* The first cut of a row was that of a long cycle. */
		lower = larger(lower, judge_share(d->rate, floors[d->cuts < 2 ? 0 : d->cuts - 2]));
		/* A rolling window still holds what went last, when the dial stood high. */
		if (d->cuts == 2 && d->rate <= d->mean)
			lower = larger(lower, judge_share(d->mean, 970));
	}
	set_bracket(d, lower, larger(lower, upper));
}

/* A window gives way when it ends, or bit by bit: the longest rest is its length or less. */
static void learn_memory(struct rate_dial *d)
{
	if (d->cuts == 1)
		d->contended_ns = d->refused_ns;
	if (d->probes > 0)
		d->memory_ns = later(d->probe_ns - d->refused_ns,
				     d->memory_ns - d->memory_ns / MEMORY_DECAY);
	if (d->cuts > 1 && !d->is_settled)
		d->memory_ns = later(d->memory_ns, (d->probe_ns - d->contended_ns) / 2);
}

void judge_cycle(struct rate_dial *d)
{
	learn_memory(d);
	/* Who still searches cannot pay for it: what a search costs is not made good. */
	if (!d->is_settled)
		d->debt = 0;
	if (d->ends_search)
		judge_search(d);
	else if (d->steps > 0)
		judge_long(d);
	else
		judge_short(d);
	/* Cut again and again, far below what was usual: the limit is another one. */
	if (d->ends_search || (d->cuts > 1 && d->rate < d->mean / 4 * 3)) {
		d->is_settled = false;
		d->mean = 0;
		d->anchor_ns = d->cycle_ns;
		d->anchor_passed = 0;
	}
	d->anchor_passed += passed(d);
}
