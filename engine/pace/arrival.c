/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arrival.c - when the messages of an open loop are due
 *
 * The integral of the schedule is kept in units of 2^-32 messages. Within a constant stage its
 * inverse is one 128-bit division, exact to the nanosecond; within a ramp, where it is a parabola,
 * it is found by bisection to the microsecond.
 */
#include <math.h>
#include "base/check.h"
#include "base/clock.h"
#include "pace/arrival.h"

__extension__ typedef unsigned __int128 wide;

#define ONE	 ((wide)1 << 32) /* a message */
#define MICRO	 1000000u
#define NS_MICRO ((wide)NS_PER_SEC * MICRO) /* rate (1e-6/s) times time (ns) per message */
#define US_MICRO ((wide)MICRO * MICRO)	    /* the same with time in microseconds */

bool arrival_rate_fits(struct rate rate, uint64_t *ret_micro)
{
	wide micro;

	if (rate.count == 0 || rate.per_ns <= 0)
		return false;
	micro = (wide)rate.count * MICRO * (wide)NS_PER_SEC / (wide)rate.per_ns;
	if (micro == 0 || micro > (wide)ARRIVAL_RATE_MAX * MICRO)
		return false;
	*ret_micro = (uint64_t)micro;
	return true;
}

static int rate_parse(struct span text, struct span whole, uint64_t *ret_micro, struct err *e)
{
	struct rate rate;

	if (units_parse_rate(text, &rate) && rate.count == 0) {
		*ret_micro = 0;
		return 0;
	}
	if (!units_parse_rate(text, &rate) || !arrival_rate_fits(rate, ret_micro))
		return err_set(
			e, EXIT_USAGE, 0,
			"stage \"%.*s\": \"%.*s\" is no rate up to 10,000,000/s; write it as "
			"in 30s@100/s or 1m@100/s..1000/s",
			(int)whole.len, whole.data, (int)text.len, text.data);
	return 0;
}

int arrival_stage_parse(struct span text, struct arrival_stage *ret_stage, struct err *e)
{
	const char *at = memchr(text.data, '@', text.len);
	struct arrival_stage stage;
	struct span length, from, to;
	const char *dots;

	if (at == NULL)
		return err_set(e, EXIT_USAGE, 0,
			       "stage \"%.*s\" has no '@': write LENGTH@RATE, as in 30s@100/s",
			       (int)text.len, text.data);
	length = (struct span){text.data, (size_t)(at - text.data)};
	from = span_skip(text, length.len + 1);
	to = from;
	dots = memmem(from.data, from.len, "..", 2);
	if (dots != NULL) {
		to = span_skip(from, (size_t)(dots - from.data) + 2);
		from.len = (size_t)(dots - from.data);
	}
	if (!units_parse_duration(length, &stage.length_ns) || stage.length_ns <= 0)
		return err_set(e, EXIT_USAGE, 0,
			       "stage \"%.*s\": \"%.*s\" is no length of time; write 30s or 2m",
			       (int)text.len, text.data, (int)length.len, length.data);
	if (rate_parse(from, text, &stage.from_rate, e) != 0 ||
	    rate_parse(to, text, &stage.to_rate, e) != 0)
		return -1;
	if (stage.from_rate != stage.to_rate &&
	    (stage.length_ns < ARRIVAL_RAMP_MIN || stage.length_ns > ARRIVAL_RAMP_MAX))
		return err_set(e, EXIT_USAGE, 0,
			       "stage \"%.*s\": a ramp takes between 1 ms and 150 days",
			       (int)text.len, text.data);
	*ret_stage = stage;
	return 0;
}

/* The integral of a ramp after t microseconds: from * t + (to - from) * t^2 / (2 * length). */
static wide ramp_integral(const struct arrival_stage *s, wide t)
{
	wide length = (wide)s->length_ns / NS_PER_US;
	/* With 16 binary places; a ramp's length has at most 44 bits, as has a rate: no overflow.
	 */
	wide square = ((t * t) << 16) / (2 * length);
	wide flat = (wide)s->from_rate * t;

	if (s->to_rate > s->from_rate)
		flat += ((s->to_rate - s->from_rate) * square) >> 16;
	else
		flat -= ((s->from_rate - s->to_rate) * square) >> 16;
	return flat * ONE / US_MICRO;
}

/* What a whole stage adds to the integral. */
static wide stage_total(const struct arrival_stage *s)
{
	if (s->from_rate == s->to_rate) {
		wide product = (wide)s->length_ns * s->from_rate;

		/* A schedule by number alone has a stage without a bound to speak of. */
		return product >> 96 != 0 ? (wide)1 << 120 : product * ONE / NS_MICRO;
	}
	return ramp_integral(s, (wide)s->length_ns / NS_PER_US);
}

/* When, from the stage's begin, the integral reaches target; target < stage_total(). */
static int64_t stage_inverse(const struct arrival_stage *s, wide target)
{
	int64_t low = 0, high = s->length_ns / NS_PER_US;

	if (s->from_rate == s->to_rate) {
		wide divisor = (wide)s->from_rate * ONE;

		return (int64_t)((target * NS_MICRO + divisor - 1) / divisor);
	}
	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (ramp_integral(s, (wide)middle) >= target)
			high = middle;
		else
			low = middle + 1;
	}
	return low * NS_PER_US;
}

/* The distance from one arrival to the next in the integral. */
static wide next_step(struct arrival *a)
{
	if (a->kind == ARRIVAL_CONSTANT)
		return ONE;
	return (wide)(rng_exponential(&a->rng, 1.0) * 4294967296.0);
}

/* Finds when next_at is reached; moves on to the stage that it falls into. */
static void schedule_next(struct arrival *a)
{
	int64_t due = TIME_NEVER;

	while (a->stage < a->stage_count) {
		const struct arrival_stage *s = &a->stages[a->stage];
		wide total = stage_total(s);

		if (a->next_at < a->stage_at + total) {
			due = a->begin_ns + a->stage_ns +
			      stage_inverse(s, a->next_at - a->stage_at);
			break;
		}
		a->stage_at += total;
		a->stage_ns += s->length_ns;
		a->stage++;
	}
	if (a->limit != 0 && a->taken >= a->limit + a->warmed)
		due = TIME_NEVER;
	atomic_store_explicit(&a->next_ns, due, memory_order_release);
}

void arrival_init(struct arrival *a, const struct arrival_stage *stages, int stage_count,
		  enum arrival_kind kind, uint64_t limit, int64_t warmup_ns, uint64_t seed)
{
	CHECK(stage_count > 0 && stage_count <= ARRIVAL_STAGES_MAX);
	*a = (struct arrival){
		.stage_count = stage_count,
		.kind = kind,
		.limit = limit,
		.warmup_ns = warmup_ns,
	};
	memcpy(a->stages, stages, (size_t)stage_count * sizeof(*stages));
	pthread_mutex_init(&a->lock, NULL);
	rng_init(&a->rng, seed);
	atomic_store(&a->next_ns, TIME_NEVER);
}

void arrival_fini(struct arrival *a)
{
	pthread_mutex_destroy(&a->lock);
}

void arrival_begin(struct arrival *a, int64_t begin_ns)
{
	pthread_mutex_lock(&a->lock);
	a->begin_ns = begin_ns;
	/* The first constant arrival is due at once; the first Poisson one after a random time. */
	a->next_at = a->kind == ARRIVAL_CONSTANT ? 0 : next_step(a);
	schedule_next(a);
	pthread_mutex_unlock(&a->lock);
}

bool arrival_take(struct arrival *a, int64_t now_ns, uint64_t *ret_number, int64_t *ret_due_ns)
{
	int64_t due;

	if (arrival_next_ns(a) > now_ns)
		return false;
	pthread_mutex_lock(&a->lock);
	due = arrival_next_ns(a);
	if (due <= now_ns) {
		*ret_number = a->taken++;
		*ret_due_ns = due;
		a->warmed += due - a->begin_ns < a->warmup_ns;
		a->next_at += next_step(a);
		schedule_next(a);
	}
	pthread_mutex_unlock(&a->lock);
	return due <= now_ns;
}

uint64_t arrival_skip(struct arrival *a, int64_t until_ns)
{
	uint64_t count = 0, number;
	int64_t due;

	while (arrival_take(a, until_ns - 1, &number, &due))
		count++;
	return count;
}

int64_t arrival_length_ns(const struct arrival *a)
{
	int64_t length = 0;

	for (int i = 0; i < a->stage_count; i++)
		length += a->stages[i].length_ns;
	return length;
}

double arrival_rate_at(const struct arrival *a, int64_t since_begin_ns)
{
	int64_t begin = 0;

	for (int i = 0; i < a->stage_count; i++) {
		const struct arrival_stage *s = &a->stages[i];
		int64_t into = since_begin_ns - begin;
		double from = (double)s->from_rate, to = (double)s->to_rate;

		if (into >= 0 && into < s->length_ns)
			return (from + (to - from) * (double)into / (double)s->length_ns) / MICRO;
		begin += s->length_ns;
	}
	return 0;
}
