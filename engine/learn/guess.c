/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guess.c - one limit that may stand behind a refusal, and how well it explains it
 *
 * Why the order of the families is as it is. A flood against a fixed window looks like one against
 * a rolling window from the second window on; what tells them apart is that fixed windows begin
 * when the clock strikes, which a rolling one does by chance alone. A smooth limit passes one
 * message at a time, which a short rolling window could do too, but then its length would be odd.
 * Of windows that fit, the shortest is taken: a limit on an hour holds for two hours as well.
 */
#include <math.h>
#include <stdlib.h>
#include "base/clock.h"
#include "learn/guess.h"

#define MINUTE (60 * NS_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Errors so near each other say nothing about which guess is better. */
#define TOLERANCE 0.02

/* What it costs to contradict the reply. */
#define UNSAID 0.10

/* Windows that are this near a natural one are meant to be it. */
#define NEAR 0.10

/* limit.h: the burst of a smooth limit that states none is this share of its amount. */
#define BURST_SHARE 0.02

/* The error of a smooth rate that is told by what passes alone. */
#define ERROR_REGULAR 0.05
#define COST_POOR     0.10 /* no guess by counts is as good as that */

/* The search for a smooth rate. */
#define RATE_REACH	  2.0 /* times and parts of what was seen */
#define RATE_STEPS_FIRST  36
#define RATE_STEPS	  20
#define RATE_FIRST	  100 /* that passed, at first; RATE_GROWTH times more each round */
#define RATE_GROWTH	  3
#define RATE_SLICES	  256 /* of time */
#define RATE_SLICES_LEAST 8
#define RATE_SLICE_PASSED 60   /* in each, about */
#define RATE_FAR	  0.05 /* cost of a rate twice or half of what was seen */

static const int64_t naturals[] = {
	NS_PER_SEC, 10 * NS_PER_SEC, 30 * NS_PER_SEC, MINUTE,
	5 * MINUTE, 10 * MINUTE,     15 * MINUTE,     30 * MINUTE,
	HOUR,	    3 * HOUR,	     12 * HOUR,	      DAY,
};
#define NATURAL_COUNT (sizeof(naturals) / sizeof(naturals[0]))

bool guess_apply(struct attempts *s, const struct guess_context *x, const struct guess *g)
{
	if (s->is_pooled != g->is_pooled)
		attempts_pool(s, g->is_pooled);
	switch (g->family) {
	case GUESS_AT_ONCE:
		return attempts_open(s, x->observation, x->site);
	case GUESS_PER_CONNECTION:
		attempts_use(s);
		return true;
	case GUESS_PER_MESSAGE:
		attempts_recipients(s);
		return true;
	case GUESS_FIXED:
	case GUESS_FIXED_RESET:
		attempts_fixed(s, &g->count, g->period_ns, g->phase_ns);
		return true;
	case GUESS_SMOOTH:
		attempts_level(s, &g->count, g->per_ns);
		return true;
	case GUESS_ROLLING:
	case GUESS_ROLLING_ODD:
		attempts_rolling(s, &g->count, g->period_ns);
		return true;
	}
	return true;
}

bool guess_is_said(const struct guess *g, enum pace_dial dial)
{
	return (g->family == GUESS_AT_ONCE && dial == DIAL_CONNECTIONS) ||
	       (g->family == GUESS_PER_CONNECTION && dial == DIAL_MESSAGES_PER_CONNECTION) ||
	       (g->family == GUESS_PER_MESSAGE && dial == DIAL_RECIPIENTS_PER_MESSAGE);
}

/*
 * A reply that names what there is too much of is most likely right. That it asks for a lower rate
 * says nothing: throttling replies are taken that way when they say no more than "later".
 */
static double cost_of(const struct guess_context *x, const struct guess *g)
{
	bool is_specific = x->dial != DIAL_NONE && x->dial != DIAL_RATE && x->dial != DIAL_SUSPEND;

	return g->error + (is_specific && !guess_is_said(g, x->dial) ? UNSAID : 0);
}

static int rank_of(const struct guess_context *x, const struct guess *g, enum attempts_kind kind)
{
	int rank = 10 * (int)g->family;

	rank += g->count.counts_accepted + 2 * g->count.by_recipients + 4 * g->is_pooled;
	rank += kind == ATTEMPTS_TURNED_AWAY ? 3 : 0;
	/* Where messages are refused, connections are the last thing to think of. */
	if (g->family == GUESS_AT_ONCE && !x->is_before_mail && x->dial != DIAL_CONNECTIONS)
		rank += 500;
	return rank;
}

const struct guess *guess_better(const struct guess *a, const struct guess *b)
{
	if (fabs(a->cost - b->cost) > TOLERANCE)
		return a->cost < b->cost ? a : b;
	if (a->rank != b->rank)
		return a->rank < b->rank ? a : b;
	if (a->period_ns != b->period_ns)
		return a->period_ns < b->period_ns ? a : b;
	return a->cost <= b->cost ? a : b;
}

/* Scores a guess; true when that could be done. */
static bool try_guess(struct attempts *s, const struct guess_context *x, struct guess *g,
		      struct guess *best)
{
	struct score score;

	if (!guess_apply(s, x, g) || !attempts_score(s, &score))
		return false;
	g->error = score.threshold > 0 ? score.error : 1;
	g->threshold = score.threshold;
	g->cost = cost_of(x, g);
	g->rank = rank_of(x, g, s->kind);
	*best = *guess_better(best, g);
	return true;
}

/* ---- windows ---- */

/* The natural window that a length of the provider's time is meant to be; 0: none. */
static int64_t natural_near(int64_t period_ns)
{
	for (size_t i = 0; i < NATURAL_COUNT; i++)
		if (fabs((double)(period_ns - naturals[i])) <= NEAR * (double)naturals[i])
			return naturals[i];
	return 0;
}

/*
 * Where windows of that length begin, by when refusals ended: the mean direction of those times on
 * a circle. Given back as a time of day that a person would set: a multiple of a minute of the
 * provider's time, and of an hour for a day.
 */
static int64_t find_phase(const struct attempts *s, int64_t period_ns, uint32_t scale)
{
	double x = 0, y = 0, angle;
	bool is_refused = false;
	int64_t unit_ns = (period_ns * scale >= DAY ? HOUR : MINUTE) / scale, phase_ns;

	for (size_t i = 0; i < s->count; i++) {
		const struct attempts_point *p = &s->points[i];

		if (is_refused && !p->was_refused) {
			angle = 2 * M_PI * (double)(p->at_ns % period_ns) / (double)period_ns;
			x += cos(angle);
			y += sin(angle);
		}
		is_refused = p->was_refused;
	}
	angle = atan2(y, x) / (2 * M_PI);
	if (angle < 0)
		angle += 1;
	if (unit_ns <= 0)
		return 0;
	/* Something passes a little after the window has begun, never before. */
	phase_ns =
		(int64_t)(angle * (double)period_ns + 0.25 * (double)unit_ns) / unit_ns * unit_ns;
	return phase_ns % period_ns;
}

/* Rolling and fixed windows of one length. */
static bool try_window(struct attempts *s, const struct guess_context *x,
		       const struct attempts_count *count, int64_t period_ns, bool is_natural,
		       bool may_be_fixed, struct guess *best)
{
	struct guess g = {
		.family = is_natural ? GUESS_ROLLING : GUESS_ROLLING_ODD,
		.count = *count,
		.is_pooled = s->is_pooled,
		.period_ns = period_ns,
	};

	if (!try_guess(s, x, &g, best))
		return false;
	if (!may_be_fixed || !is_natural)
		return true;
	g.family = GUESS_FIXED;
	if (!try_guess(s, x, &g, best))
		return false;
	g.phase_ns = find_phase(s, period_ns, x->scale);
	g.family = GUESS_FIXED_RESET;
	return g.phase_ns == 0 || try_guess(s, x, &g, best);
}

static bool try_windows(struct attempts *s, const struct guess_context *x,
			const struct attempts_count *count, const struct attempts_shape *shape,
			struct guess *best)
{
	int64_t span_ns = s->last_ns - s->first_ns, least_ns = 4 * s->doubt_ns;

	for (size_t i = 0; i < NATURAL_COUNT; i++) {
		int64_t period_ns = naturals[i] / x->scale;

		if (period_ns < least_ns)
			continue;
		/* Begins of windows show when there are at least two of them to be seen. */
		if (!try_window(s, x, count, period_ns, true,
				shape->ends >= 2 && period_ns < span_ns, best))
			return false;
		if (period_ns > span_ns)
			break;
	}
	for (int i = 0; i < 2; i++) {
		int64_t period_ns = shape->suggested_ns[i];

		if (period_ns >= least_ns && period_ns < TIME_NEVER / x->scale &&
		    natural_near(period_ns * x->scale) == 0 &&
		    !try_window(s, x, count, period_ns, false, false, best))
			return false;
	}
	return true;
}

/* ---- smooth limits ---- */

static int by_number(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* How much passed while refusals came, in slices of time. */
struct rate_view {
	double per_ns;	 /* 0: too little is known */
	bool is_regular; /* it was always the same, as chance would not have it */
};

/* Of numbers in order: the mean of the middle half, and how far its ends are apart. */
static double middle_mean(const double *numbers, int count, double *ret_width)
{
	int from = count / 4, to = count - count / 4;
	double sum = 0;

	for (int i = from; i < to; i++)
		sum += numbers[i];
	*ret_width = numbers[to - 1] - numbers[from];
	return sum / (to - from);
}

/*
 * The rate itself, where the load never let up: the middle half of the slices, so that a stall of
 * the sender changes nothing. Were refusals a matter of chance, what passes would vary from slice
 * to slice by at least sqrt(mean x share refused); under a limit it hardly does.
 */
static struct rate_view rate_seen(const struct attempts *s, const struct attempts_count *count)
{
	double passed[RATE_SLICES] = {0}, mean, width, deviation, chance;
	int64_t span_ns = s->last_ns - s->first_ns + 1;
	uint64_t wanted = s->passed / RATE_SLICE_PASSED + 1;
	int slices = wanted < RATE_SLICES ? (int)wanted : RATE_SLICES, limited = 0;
	int sources = s->is_pooled || s->sources == 0 ? 1 : (int)s->sources;
	bool is_limited[RATE_SLICES] = {false};

	for (size_t i = 0; i < s->count; i++) {
		const struct attempts_point *p = &s->points[i];
		int slice = (int)((double)(p->at_ns - s->first_ns) / (double)span_ns * slices);

		if (p->label == SCORE_PASSED)
			passed[slice] += count->by_recipients ? p->recipients : 1;
		is_limited[slice] = is_limited[slice] || p->was_refused;
	}
	for (int i = 0; i < slices; i++)
		if (is_limited[i])
			passed[limited++] = passed[i];
	if (limited == 0)
		return (struct rate_view){0};
	qsort(passed, (size_t)limited, sizeof(passed[0]), by_number);
	mean = middle_mean(passed, limited, &width);
	/* Of a normal distribution the middle half is 1.35 deviations wide. */
	deviation = width / 1.35;
	chance = mean * (double)s->refused / (double)(s->refused + s->passed);
	return (struct rate_view){
		.per_ns = mean * slices / (double)span_ns / sources,
		.is_regular = limited >= RATE_SLICES_LEAST && 5 * deviation * deviation < chance,
	};
}

/* What a rate costs to take, beside its error: where all are as good, it is the one that was seen.
 */
static double far_from(double per_ns, double seen)
{
	return RATE_FAR * fabs(log2(per_ns / seen));
}

/* A search for a rate in rounds. */
struct rate_search {
	double seen, middle, reach; /* rates from middle / reach to middle x reach are tried next */
	struct guess best;
};

/* One round over the points that count at this moment. */
static bool rate_round(struct attempts *s, const struct guess_context *x, struct guess *g,
		       struct rate_search *r, int steps)
{
	double least = INFINITY;

	for (int i = 0; i <= steps; i++) {
		struct guess none = GUESS_NONE;

		g->per_ns = r->middle * pow(r->reach, 2.0 * i / steps - 1);
		if (!try_guess(s, x, g, &none))
			return false;
		if (g->error + far_from(g->per_ns, r->seen) < least) {
			least = g->error + far_from(g->per_ns, r->seen);
			r->best = *g;
		}
	}
	r->middle = r->best.per_ns;
	/* The next round looks two steps to each side. */
	r->reach = pow(r->reach, 4.0 / steps);
	return true;
}

/* The first points, up to where enough passed after the first refusal. */
static size_t first_points(const struct attempts *s)
{
	size_t passed = 0, i = 0;

	while (i < s->count && !s->points[i].was_refused)
		i++;
	for (; i < s->count && passed < RATE_FIRST; i++)
		passed += s->points[i].label == SCORE_PASSED;
	return i;
}

/*
 * Where sender or server stalled again and again, no rate tells each attempt right, although what
 * passes is always the same: then that is the rate, and the burst is what passed at first.
 */
static void take_regular(struct attempts *s, const struct guess_context *x, double per_ns,
			 struct guess *g)
{
	size_t first = 0;

	g->per_ns = per_ns;
	attempts_level(s, &g->count, per_ns);
	while (first + 1 < s->count && !s->points[first].was_refused)
		first++;
	g->threshold = s->found[first] > 0 ? s->found[first] : 1;
	g->error = ERROR_REGULAR;
	g->cost = cost_of(x, g);
}

/*
 * What stands in a bucket is a small difference of two numbers that grow, so that over a long time
 * only a very exact rate explains anything. It is found by and by: a rough one from the beginning
 * of the log, and finer ones from longer and longer parts of it.
 */
static bool try_smooth(struct attempts *s, const struct guess_context *x,
		       const struct attempts_count *count, struct guess *best,
		       struct guess *regular)
{
	struct rate_view view = rate_seen(s, count);
	struct rate_search r = {.seen = view.per_ns, .middle = view.per_ns, .reach = RATE_REACH};
	struct guess g = {.family = GUESS_SMOOTH, .count = *count, .is_pooled = s->is_pooled};
	size_t all = s->count;
	bool done = true;

	/* What is as plain and as good already cannot be bettered, and the search is long. */
	g.rank = rank_of(x, &g, s->kind);
	if (r.seen <= 0 || (best->cost <= TOLERANCE && best->rank < g.rank))
		return true;
	s->count = first_points(s);
	done = rate_round(s, x, &g, &r, RATE_STEPS_FIRST);
	while (done && s->count < all) {
		s->count = RATE_GROWTH * s->count < all ? RATE_GROWTH * s->count : all;
		done = rate_round(s, x, &g, &r, RATE_STEPS);
	}
	s->count = all;
	done = done && rate_round(s, x, &g, &r, RATE_STEPS);
	if (!done)
		return false;
	*best = *guess_better(best, &r.best);
	if (view.is_regular) {
		g = r.best;
		take_regular(s, x, view.per_ns, &g);
		*regular = *guess_better(regular, &g);
	}
	return true;
}

/* ---- the search ---- */

static bool try_counts(struct attempts *s, const struct guess_context *x,
		       const struct attempts_shape *shape, struct guess *best,
		       struct guess *regular)
{
	/* Where something else was refused often enough, it shows whether that counts too. */
	int accepted_ways = 50 * s->others > s->passed ? 2 : 1;
	int recipient_ways = s->recipients_max > 1 && s->kind != ATTEMPTS_CONNECTIONS ? 2 : 1;

	for (int a = 0; a < accepted_ways; a++) {
		for (int r = 0; r < recipient_ways; r++) {
			struct attempts_count count = {.counts_accepted = a > 0,
						       .by_recipients = r > 0};

			if (!try_windows(s, x, &count, shape, best) ||
			    !try_smooth(s, x, &count, best, regular))
				return false;
		}
	}
	return true;
}

/* A limit on a connection shows on several of them, and not by the first one's luck. */
static bool has_connections(const struct attempts *s, uint32_t wanted)
{
	uint32_t last = LEARN_NONE, different = 0;

	for (size_t i = 0; i < s->count && different < wanted; i++) {
		const struct attempts_point *p = &s->points[i];

		if (p->label != SCORE_REFUSED || p->on_connection == 0 || p->connection == last)
			continue;
		last = p->connection;
		different++;
	}
	return different >= wanted;
}

bool guess_search(struct attempts *s, const struct guess_context *x, struct guess *ret_guess)
{
	struct guess best = GUESS_NONE, regular = GUESS_NONE;
	struct attempts_shape shape;
	int ways = s->sources > 1 ? 2 : 1;

	*ret_guess = best;
	if (s->passed == 0 || s->refused == 0)
		return true;
	if (s->kind == ATTEMPTS_RECIPIENTS) {
		struct guess g = {.family = GUESS_PER_MESSAGE};

		return try_guess(s, x, &g, ret_guess);
	}
	for (int way = 0; way < ways; way++) {
		struct guess g = {.family = GUESS_AT_ONCE, .is_pooled = way > 0};

		attempts_pool(s, way > 0);
		if (!attempts_shape(s, &shape) || !try_counts(s, x, &shape, &best, &regular))
			return false;
		if (s->kind != ATTEMPTS_TURNED_AWAY && !try_guess(s, x, &g, &best))
			return false;
	}
	/* Last, for it takes the say from what has no known place on its connection. */
	if (s->kind == ATTEMPTS_MESSAGES && has_connections(s, 3)) {
		struct guess g = {.family = GUESS_PER_CONNECTION, .is_pooled = s->is_pooled};

		if (!try_guess(s, x, &g, &best))
			return false;
	}
	/* It says less than a count that goes up, and is wanted where there is none. */
	*ret_guess = best.cost > COST_POOR && regular.cost < best.cost ? regular : best;
	return true;
}

/* ---- the limit ---- */

/* Two significant digits: what an odd window is known to. */
static int64_t rounded(int64_t ns)
{
	int64_t unit = 1;

	while (ns / unit >= 100)
		unit *= 10;
	return (ns + unit / 2) / unit * unit;
}

/*
 * A smooth limit of N per T with burst B passes (N - B) / T (limit.h): only that rate and B can be
 * seen. T is the natural window for which B is nearest to the burst that goes without saying.
 */
static void smooth_limit(const struct guess *g, uint32_t scale, struct limit *l)
{
	double burst = floor((double)(g->threshold - 1) / ATTEMPTS_LEVEL_UNIT + 1.5);
	double per_ns = g->per_ns / scale;
	double wanted_ns = burst * (1 / BURST_SHARE - 1) / per_ns, nearest = INFINITY;

	for (size_t i = 0; i < NATURAL_COUNT; i++) {
		double distance = fabs(log((double)naturals[i] / wanted_ns));
		double amount = round(per_ns * (double)naturals[i] + burst);

		/* An amount of a few cannot state a rate within a few percent. */
		if ((distance < nearest && amount - burst >= 10) || i == NATURAL_COUNT - 1) {
			if (i == NATURAL_COUNT - 1 && distance >= nearest)
				break;
			nearest = distance;
			l->period_ns = naturals[i];
			l->amount = (uint64_t)amount;
		}
	}
	l->burst = (uint64_t)burst;
	if (l->amount <= l->burst)
		l->amount = l->burst + 1;
	l->window = LIMIT_SMOOTH;
}

struct limit guess_limit(const struct guess *g, enum attempts_kind kind, uint32_t scale)
{
	struct limit l = {
		.unit = kind == ATTEMPTS_CONNECTIONS ? LIMIT_CONNECTIONS : LIMIT_MESSAGES,
		.scope = g->is_pooled ? LIMIT_PER_SITE : LIMIT_PER_SOURCE,
		.counts_accepted = g->count.counts_accepted,
		.amount = g->threshold,
		.sureness = SURE_COMMON,
	};

	if (g->count.by_recipients)
		l.unit = LIMIT_RECIPIENTS;
	switch (g->family) {
	case GUESS_AT_ONCE:
		l.unit = LIMIT_CONNECTIONS;
		break;
	case GUESS_PER_CONNECTION:
		l.unit = LIMIT_MESSAGES;
		l.scope = LIMIT_PER_CONNECTION;
		break;
	case GUESS_PER_MESSAGE:
		l.unit = LIMIT_RECIPIENTS;
		l.scope = LIMIT_PER_MESSAGE;
		break;
	case GUESS_SMOOTH:
		smooth_limit(g, scale, &l);
		break;
	case GUESS_FIXED:
	case GUESS_FIXED_RESET:
	case GUESS_ROLLING:
	case GUESS_ROLLING_ODD:
		l.period_ns = natural_near(g->period_ns * scale);
		if (l.period_ns == 0)
			l.period_ns = rounded(g->period_ns * scale);
		l.reset_ns = (g->phase_ns * scale + MINUTE / 2) / MINUTE * MINUTE;
		if (l.reset_ns >= l.period_ns)
			l.reset_ns = 0;
		l.window = g->family == GUESS_FIXED || g->family == GUESS_FIXED_RESET
				   ? LIMIT_FIXED
				   : LIMIT_ROLLING;
		break;
	}
	return l;
}
