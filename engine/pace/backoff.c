/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backoff.c - how long to wait after a failure, and when to try a path again
 *
 * Jitter goes both ways for a retry, where the mean is what was asked for, and upwards alone for
 * a path's rest, which nobody may cut short. Chance comes from the caller's stream.
 */
#include "base/clock.h"
#include "pace/backoff.h"

__extension__ typedef __int128 wide;

/* A rest becomes longer by up to a tenth, so that paths that fell together do not rise together. */
#define REST_JITTER_OF 10

/* What a path starts with after a rest, thousandths. */
#define SHARE_FIRST 50
#define SHARE_ALL   1000

static int64_t scaled(int64_t ns, uint32_t scale)
{
	return scale > 1 ? ns / scale : ns;
}

/* Time so much later; never past TIME_NEVER. */
static int64_t later(int64_t now_ns, int64_t by_ns)
{
	int64_t sum_ns;

	if (by_ns <= 0)
		return now_ns;
	return __builtin_add_overflow(now_ns, by_ns, &sum_ns) ? TIME_NEVER : sum_ns;
}

void backoff_init(struct backoff *b)
{
	*b = (struct backoff){.first_attempt_ns = TIME_NEVER};
}

/* first x factor^(attempts - 1), at most the maximum. */
static int64_t grown(const struct profile_retry *retry, uint32_t attempts)
{
	int64_t delay_ns = retry->first_ns < retry->max_ns ? retry->first_ns : retry->max_ns;

	if (retry->factor_millis <= 1000 || delay_ns <= 0)
		return delay_ns > 0 ? delay_ns : 0;
	for (uint32_t i = 1; i < attempts && delay_ns < retry->max_ns; i++) {
		wide next = (wide)delay_ns * retry->factor_millis / 1000;

		/* A delay of very few nanoseconds would never grow. */
		next = next > delay_ns ? next : (wide)delay_ns + 1;
		delay_ns = next < retry->max_ns ? (int64_t)next : retry->max_ns;
	}
	return delay_ns;
}

/* Plus or minus so many thousandths, uniformly. */
static int64_t jittered(int64_t delay_ns, uint32_t millis, struct rng *rng)
{
	int64_t most_ns = (int64_t)((wide)delay_ns * (millis < 1000 ? millis : 1000) / 1000);

	if (most_ns == 0)
		return delay_ns;
	return delay_ns - most_ns + (int64_t)rng_below(rng, 2 * (uint64_t)most_ns + 1);
}

int64_t backoff_next(struct backoff *b, const struct profile_retry *retry, int64_t hold_ns,
		     uint32_t scale, struct rng *rng, int64_t now_ns)
{
	int64_t delay_ns, when_ns;

	if (b->first_attempt_ns == TIME_NEVER)
		b->first_attempt_ns = now_ns;
	if (b->attempts < UINT32_MAX)
		b->attempts++;
	delay_ns = jittered(scaled(grown(retry, b->attempts), scale), retry->jitter_millis, rng);
	hold_ns = scaled(hold_ns, scale);
	when_ns = later(now_ns, delay_ns > hold_ns ? delay_ns : hold_ns);
	if (when_ns > later(b->first_attempt_ns, scaled(retry->give_up_ns, scale)))
		return TIME_NEVER;
	return when_ns;
}

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){.state = BREAKER_CLOSED};
}

bool breaker_may(struct breaker *b, int64_t now_ns, int64_t *ret_when_ns)
{
	switch (b->state) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		if (now_ns < b->until_ns) {
			*ret_when_ns = b->until_ns;
			return false;
		}
		b->state = BREAKER_HALF_OPEN;
		b->is_probing = true;
		return true;
	case BREAKER_HALF_OPEN:
		break;
	}
	if (b->is_probing) {
		*ret_when_ns = TIME_NEVER;
		return false;
	}
	b->is_probing = true;
	return true;
}

void breaker_succeeded(struct breaker *b, const struct breaker_params *p, int64_t now_ns)
{
	/* What was under way when it opened says nothing about the time after the rest. */
	if (b->state == BREAKER_OPEN)
		return;
	b->failures = 0;
	b->opened = 0;
	if (b->state == BREAKER_CLOSED)
		return;
	b->state = BREAKER_CLOSED;
	b->is_probing = false;
	b->spread_from_ns = now_ns;
	b->spread_until_ns = later(now_ns, p->spread_ns);
}

/* Nothing goes until then; a rest that stands is not cut short. */
static void open_until(struct breaker *b, int64_t until_ns)
{
	if (b->state != BREAKER_OPEN || until_ns > b->until_ns)
		b->until_ns = until_ns;
	b->state = BREAKER_OPEN;
	b->is_probing = false;
	b->spread_from_ns = b->spread_until_ns = 0;
}

void breaker_failed(struct breaker *b, const struct breaker_params *p, struct rng *rng,
		    int64_t now_ns)
{
	int64_t rest_ns = p->rest_ns < p->rest_max_ns ? p->rest_ns : p->rest_max_ns;

	/* What was under way when it opened fails as well: one reason, one rest. */
	if (b->state == BREAKER_OPEN)
		return;
	if (b->failures < UINT32_MAX)
		b->failures++;
	if (b->state == BREAKER_CLOSED && b->failures < p->failures_max)
		return;
	for (uint32_t i = 0; i < b->opened && rest_ns > 0 && rest_ns < p->rest_max_ns; i++)
		rest_ns = rest_ns < p->rest_max_ns / 2 ? 2 * rest_ns : p->rest_max_ns;
	if (rest_ns >= REST_JITTER_OF)
		rest_ns =
			later(rest_ns, (int64_t)rng_below(rng, (uint64_t)rest_ns / REST_JITTER_OF));
	if (b->opened < UINT32_MAX)
		b->opened++;
	open_until(b, later(now_ns, rest_ns));
}

void breaker_pause(struct breaker *b, int64_t hold_ns, int64_t now_ns)
{
	open_until(b, later(now_ns, hold_ns));
}

uint32_t breaker_share_millis(const struct breaker *b, int64_t now_ns)
{
	wide gained;

	if (b->state == BREAKER_OPEN)
		return 0;
	if (b->state == BREAKER_HALF_OPEN)
		return SHARE_FIRST;
	if (now_ns >= b->spread_until_ns)
		return SHARE_ALL;
	if (now_ns <= b->spread_from_ns)
		return SHARE_FIRST;
	gained = (wide)(SHARE_ALL - SHARE_FIRST) * (now_ns - b->spread_from_ns);
	return SHARE_FIRST + (uint32_t)(gained / (b->spread_until_ns - b->spread_from_ns));
}
