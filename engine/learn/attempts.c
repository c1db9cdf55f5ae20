/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attempts.c - attempts in order, and what each found when it was made
 *
 * What an attempt found is computed from what passed before it in the log, never from what a model
 * would have let pass: so the error of a guess does not add up.
 */
#include <stdlib.h>
#include <string.h>
#include "learn/attempts.h"

/* ---- making ---- */

static bool add_point(struct attempts *s, const struct attempts_point *p)
{
	if (s->count == ATTEMPTS_POINTS_MAX)
		return true;
	if (s->count == s->cap) {
		size_t cap = 2 * s->cap + 1024;
		struct attempts_point *points = realloc(s->points, cap * sizeof(*points));

		if (points == NULL)
			return false;
		s->points = points;
		s->cap = cap;
	}
	s->points[s->count] = *p;
	s->points[s->count].order = (uint32_t)s->count;
	s->count++;
	return true;
}

/* A message that was refused in a later phase had passed what is asked before. */
static bool is_beyond(const struct learn_event *e, enum phase phase)
{
	return e->wording >= 0 && e->phase > (uint8_t)phase && e->phase <= PHASE_ACCEPT;
}

/* True with the point when the event is an attempt of this series. */
static bool take_event(const struct attempts *s, const struct learn_event *e, int wording,
		       enum phase phase, struct attempts_point *p)
{
	bool is_ours = e->wording == wording;

	if (e->is_aftermath)
		return false;
	*p = (struct attempts_point){
		.at_ns = e->at_ns,
		.connection = e->connection,
		.on_connection = e->on_connection,
		.recipients = e->recipients > 0 ? e->recipients : 1,
		.source = e->source,
		.is_charged = e->has_passed,
		.was_refused = is_ours,
		.label = is_ours ? SCORE_REFUSED : SCORE_PASSED,
	};
	if (e->kind == LEARN_ENDED) {
		/* One more message would have been the first that is too many. */
		p->on_connection++;
		return is_ours && s->kind == ATTEMPTS_MESSAGES && e->on_connection > 0;
	}
	if (e->kind == LEARN_TURNED_AWAY)
		return is_ours && s->kind == ATTEMPTS_TURNED_AWAY;
	if (is_ours && s->kind == ATTEMPTS_TURNED_AWAY)
		return false;
	/* So many had been taken when the next was refused. */
	if (is_ours && s->kind == ATTEMPTS_RECIPIENTS && e->has_passed && e->knows_refused)
		p->recipients = e->recipients - e->refused + 1;
	return is_ours || e->has_passed || is_beyond(e, phase);
}

static bool take_events(struct attempts *s, const struct observation *o, int site, int wording)
{
	enum phase phase = wording_phase(&o->wordings.items[wording]);
	struct attempts_point p;
	size_t first = 0;

	/* What came long before the first refusal is no evidence, and may be very much. */
	while (first < o->event_count &&
	       (o->events[first].site != site || o->events[first].wording != wording))
		first++;
	first = first > ATTEMPTS_POINTS_AHEAD ? first - ATTEMPTS_POINTS_AHEAD : 0;
	for (size_t i = first; i < o->event_count; i++)
		if (o->events[i].site == site && take_event(s, &o->events[i], wording, phase, &p) &&
		    !add_point(s, &p))
			return false;
	return true;
}

static bool take_connections(struct attempts *s, const struct observation *o, int site, int wording)
{
	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];
		struct attempts_point p = {
			.at_ns = e->at_ns,
			.connection = e->connection,
			.recipients = 1,
			.source = e->source,
			.was_refused = true,
			.label = SCORE_REFUSED,
		};

		if (e->site == site && e->kind == LEARN_TURNED_AWAY && e->wording == wording &&
		    s->count < ATTEMPTS_POINTS_MAX / 2 && !add_point(s, &p))
			return false;
	}
	for (size_t i = 0; i < o->connection_count; i++) {
		const struct learn_connection *c = &o->connections[i];
		struct attempts_point p = {
			.at_ns = c->opened_ns,
			.connection = (uint32_t)i,
			.recipients = 1,
			.source = c->source,
			.is_charged = true,
			.label = SCORE_PASSED,
		};

		if (c->site == site && !c->is_turned_away && !add_point(s, &p))
			return false;
	}
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct attempts_point *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_source(const void *a, const void *b)
{
	const struct attempts_point *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return by_time(a, b);
}

/* Points that are counted together: those of one source, or all. */
struct group {
	size_t first, end;
};

/* The next group, behind the last one. False: there is none. */
static bool next_group(const struct attempts *s, struct group *g)
{
	g->first = g->end;
	if (g->first == s->count)
		return false;
	do
		g->end++;
	while (g->end < s->count &&
	       (s->is_pooled || s->points[g->end].source == s->points[g->first].source));
	return true;
}

/* The first point of a group that is later than at_ns. */
static size_t after(const struct attempts *s, const struct group *g, int64_t at_ns)
{
	size_t low = g->first, high = g->end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->points[middle].at_ns <= at_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Up to which point others came before each: of what passed those that surely did, of what was
 * refused those that may have.
 */
static void find_ahead(struct attempts *s)
{
	struct group g = {0};

	while (next_group(s, &g)) {
		for (size_t i = g.first; i < g.end; i++) {
			const struct attempts_point *p = &s->points[i];
			size_t end;

			if (p->was_refused) {
				end = after(s, &g, p->at_ns + s->doubt_ns);
			} else {
				end = after(s, &g, p->at_ns - s->doubt_ns);
				end = end < i ? end : i;
			}
			s->ahead[i] = (uint32_t)end;
		}
	}
}

void attempts_pool(struct attempts *s, bool is_pooled)
{
	if (s->count > 0)
		qsort(s->points, s->count, sizeof(*s->points), is_pooled ? by_time : by_source);
	s->is_pooled = is_pooled;
	find_ahead(s);
}

bool attempts_make(struct attempts *s, const struct observation *o, int site, int wording,
		   enum attempts_kind kind, int64_t doubt_ns)
{
	*s = (struct attempts){.kind = kind, .doubt_ns = doubt_ns};
	if (!(kind == ATTEMPTS_CONNECTIONS ? take_connections(s, o, site, wording)
					   : take_events(s, o, site, wording)))
		return false;
	s->found = calloc(s->count + 1, sizeof(*s->found));
	s->lenient = calloc(s->count + 1, sizeof(*s->lenient));
	s->charged = calloc(s->count + 1, sizeof(*s->charged));
	s->ahead = calloc(s->count + 1, sizeof(*s->ahead));
	s->labels = calloc(s->count + 1, 1);
	if (s->found == NULL || s->lenient == NULL || s->charged == NULL || s->ahead == NULL ||
	    s->labels == NULL)
		return false;
	attempts_pool(s, false);
	for (size_t i = 0; i < s->count; i++) {
		const struct attempts_point *p = &s->points[i];

		s->passed += p->label == SCORE_PASSED;
		s->refused += p->label == SCORE_REFUSED;
		s->others += p->label == SCORE_PASSED && !p->is_charged;
		s->sources += i == 0 || p->source != p[-1].source;
		if (p->recipients > s->recipients_max)
			s->recipients_max = p->recipients;
		if (i == 0 || p->at_ns < s->first_ns)
			s->first_ns = p->at_ns;
		if (i == 0 || p->at_ns > s->last_ns)
			s->last_ns = p->at_ns;
	}
	return true;
}

void attempts_fini(struct attempts *s)
{
	free(s->points);
	free(s->found);
	free(s->lenient);
	free(s->charged);
	free(s->ahead);
	free(s->labels);
	*s = (struct attempts){0};
}

/* ---- what was found ---- */

static uint32_t weight(const struct attempts_count *c, const struct attempts_point *p)
{
	return c->by_recipients ? p->recipients : 1;
}

/* What an attempt has used up for those that follow. */
static uint32_t charge(const struct attempts *s, const struct attempts_count *c,
		       const struct attempts_point *p)
{
	if (p->was_refused && (s->kind == ATTEMPTS_TURNED_AWAY || !p->is_charged))
		return 0;
	return c->counts_accepted && !p->is_charged ? 0 : weight(c, p);
}

static void add_charges(struct attempts *s, const struct attempts_count *c)
{
	for (size_t i = 0; i < s->count; i++)
		s->charged[i + 1] = s->charged[i] + charge(s, c, &s->points[i]);
}

/* What points from first (including) to end (excluding) have used up. */
static uint64_t between(const struct attempts *s, size_t first, size_t end)
{
	return end > first ? s->charged[end] - s->charged[first] : 0;
}

static uint32_t clipped(uint64_t value)
{
	return value < UINT32_MAX / 2 ? (uint32_t)value : UINT32_MAX / 2;
}

static void find_rolling(struct attempts *s, const struct attempts_count *c, const struct group *g,
			 int64_t period_ns)
{
	/* The oldest that still counts: by the log, and if the doubt is for it or against it. */
	size_t oldest = g->first, with = oldest, without = oldest;

	for (size_t i = g->first; i < g->end; i++) {
		const struct attempts_point *p = &s->points[i];
		uint32_t own = weight(c, p) - 1;
		int64_t from_ns = p->at_ns - period_ns;

		while (oldest < i && s->points[oldest].at_ns <= from_ns)
			oldest++;
		while (with < i && s->points[with].at_ns <= from_ns - s->doubt_ns)
			with++;
		while (without < i && s->points[without].at_ns <= from_ns + s->doubt_ns)
			without++;
		s->found[i] = clipped(between(s, oldest, i) + own);
		s->lenient[i] =
			clipped(between(s, p->was_refused ? with : without, s->ahead[i]) + own);
	}
}

void attempts_rolling(struct attempts *s, const struct attempts_count *c, int64_t period_ns)
{
	struct group g = {0};

	add_charges(s, c);
	while (next_group(s, &g))
		find_rolling(s, c, &g, period_ns);
}

/* When the window of a time began; rounded down, for times before the phase as well. */
static int64_t window_begin(int64_t at_ns, int64_t period_ns, int64_t phase_ns)
{
	int64_t into_ns = (at_ns - phase_ns) % period_ns;

	return at_ns - (into_ns < 0 ? into_ns + period_ns : into_ns);
}

static void find_fixed(struct attempts *s, const struct attempts_count *c, const struct group *g,
		       int64_t period_ns, int64_t phase_ns)
{
	for (size_t i = g->first; i < g->end; i++) {
		const struct attempts_point *p = &s->points[i];
		int64_t begin_ns = window_begin(p->at_ns, period_ns, phase_ns);
		uint32_t own = weight(c, p) - 1;
		size_t end = s->ahead[i];
		uint64_t best;

		s->found[i] = clipped(between(s, after(s, g, begin_ns - 1), i) + own);
		best = between(s, after(s, g, begin_ns - 1), end);
		/* It may have come in the window before, or in the next. */
		for (int side = -1; side <= 1; side += 2) {
			int64_t other_ns =
				window_begin(p->at_ns + side * s->doubt_ns, period_ns, phase_ns);
			size_t last = end;
			uint64_t found;

			if (other_ns == begin_ns)
				continue;
			if (side < 0)
				last = after(s, g, begin_ns - 1);
			found = between(s, after(s, g, other_ns - 1), last);
			if (p->was_refused ? found > best : found < best)
				best = found;
		}
		s->lenient[i] = clipped(best + own);
	}
}

void attempts_fixed(struct attempts *s, const struct attempts_count *c, int64_t period_ns,
		    int64_t phase_ns)
{
	struct group g = {0};

	add_charges(s, c);
	while (next_group(s, &g))
		find_fixed(s, c, &g, period_ns, phase_ns);
}

static uint32_t level_units(double level)
{
	return level > 0 ? clipped((uint64_t)(level * ATTEMPTS_LEVEL_UNIT)) : 0;
}

static void find_level(struct attempts *s, const struct attempts_count *c, const struct group *g,
		       double per_ns)
{
	double level = 0, doubt = (double)s->doubt_ns * per_ns;
	int64_t before_ns = s->points[g->first].at_ns;

	for (size_t i = g->first; i < g->end; i++) {
		const struct attempts_point *p = &s->points[i];
		size_t end = s->ahead[i];
		uint32_t own = weight(c, p) - 1;

		level -= (double)(p->at_ns - before_ns) * per_ns;
		level = level > 0 ? level : 0;
		before_ns = p->at_ns;
		s->found[i] = level_units(level + own);
		if (p->was_refused)
			s->lenient[i] =
				level_units(level + doubt + own + (double)between(s, i + 1, end));
		else
			s->lenient[i] =
				level_units(level - doubt + own - (double)between(s, end, i));
		level += charge(s, c, p);
	}
}

void attempts_level(struct attempts *s, const struct attempts_count *c, double per_ns)
{
	struct group g = {0};

	add_charges(s, c);
	while (next_group(s, &g))
		find_level(s, c, &g, per_ns);
}

void attempts_use(struct attempts *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct attempts_point *p = &s->points[i];

		s->found[i] = s->lenient[i] = p->on_connection > 0 ? p->on_connection - 1 : 0;
		if (p->on_connection == 0)
			p->label = SCORE_NONE;
	}
}

void attempts_recipients(struct attempts *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->found[i] = s->lenient[i] = s->points[i].recipients - 1;
}

/* ---- connections at once ---- */

/* When connections of one source, or of all, began and ended, each in order. */
struct spans {
	int64_t *opened, *closed;
	size_t count;
};

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void spans_take(struct spans *t, const struct observation *o, int site, int source)
{
	t->count = 0;
	for (size_t i = 0; i < o->connection_count; i++) {
		const struct learn_connection *c = &o->connections[i];

		if (c->site != site || c->is_turned_away || (source >= 0 && c->source != source))
			continue;
		t->opened[t->count] = c->opened_ns;
		t->closed[t->count++] = c->closed_ns;
	}
	if (t->count == 0)
		return;
	qsort(t->opened, t->count, sizeof(*t->opened), by_number);
	qsort(t->closed, t->count, sizeof(*t->closed), by_number);
}

/* How many of the numbers are less than limit. */
static size_t count_below(const int64_t *numbers, size_t count, int64_t limit)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (numbers[middle] < limit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Connections that were open at a time, beside own (NULL: none is): opened by at_ns + early_ns, and
 * not closed before at_ns - late_ns.
 */
static uint32_t open_at(const struct spans *t, const struct learn_connection *own, int64_t at_ns,
			int64_t early_ns, int64_t late_ns)
{
	size_t opened = count_below(t->opened, t->count, at_ns + early_ns + 1);
	size_t closed = count_below(t->closed, t->count, at_ns - late_ns);
	size_t open = opened > closed ? opened - closed : 0;

	if (open > 0 && own != NULL && own->opened_ns <= at_ns + early_ns &&
	    own->closed_ns >= at_ns - late_ns)
		open--;
	return (uint32_t)open;
}

/*
 * By the log, and with the benefit of the doubt: those that may have been open when one was
 * refused, those that surely were when one passed.
 */
static void find_open(struct attempts *s, const struct spans *t, const struct observation *o,
		      size_t i)
{
	const struct attempts_point *p = &s->points[i];
	const struct learn_connection *own =
		p->connection == LEARN_NONE ? NULL : &o->connections[p->connection];
	int64_t doubt_ns = p->was_refused ? s->doubt_ns : -s->doubt_ns;

	if (own != NULL && own->is_turned_away)
		own = NULL;
	s->found[i] = open_at(t, own, p->at_ns, 0, 0);
	s->lenient[i] = open_at(t, own, p->at_ns, doubt_ns, doubt_ns);
}

bool attempts_open(struct attempts *s, const struct observation *o, int site)
{
	size_t size = (o->connection_count + 1) * sizeof(int64_t);
	struct spans t = {malloc(size), malloc(size), 0};
	bool done = t.opened != NULL && t.closed != NULL;
	struct group g = {0};

	while (done && next_group(s, &g)) {
		spans_take(&t, o, site, s->is_pooled ? -1 : s->points[g.first].source);
		for (size_t i = g.first; i < g.end; i++)
			find_open(s, &t, o, i);
	}
	free(t.opened);
	free(t.closed);
	return done;
}

/* ---- judging ---- */

bool attempts_score(struct attempts *s, struct score *ret_score)
{
	for (size_t i = 0; i < s->count; i++)
		s->labels[i] = s->points[i].label;
	return score_threshold(s->found, s->lenient, s->labels, s->count, ret_score);
}

uint64_t attempts_explain(struct attempts *s, uint32_t threshold)
{
	uint64_t explained = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct attempts_point *p = &s->points[i];

		if (p->label != SCORE_REFUSED || s->lenient[i] < threshold)
			continue;
		p->label = SCORE_NONE;
		explained++;
	}
	s->refused -= explained;
	return explained;
}
