/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit.c - the limits that explain what was observed
 *
 * Wording by wording. What a reply's class says no limit stands behind (a mailbox that does not
 * exist, a message that is disliked) is only counted: its share is what the sink repeats. For the
 * others the best guess (guess.c) becomes a limit if it explains nearly all; two limits may share
 * one reply (so many a minute and so many a day), so that what a first limit leaves unexplained is
 * looked at again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "learn/fit.h"
#include "learn/guess.h"
#include "learn/stamp.h"

/*
 * A guess is believed up to this cost where the reply says what kind of limit it is, where it asks
 * for less, and where it does not.
 */
#define ERROR_MAX_SAID	    0.25
#define ERROR_MAX_THROTTLED 0.20
#define ERROR_MAX_OTHER	    0.05
#define REFUSED_MIN_OTHER   10u

/* So many wordings, those that came most often, are searched for limits; the others are counted. */
#define SEARCHED_MAX 48

/* Limits that one wording may announce, and how much must be left over to look for another. */
#define LIMITS_PER_WORDING 3
#define LEFT_SHARE	   0.10
#define LEFT_MIN	   20u

/* Limits of the same kind that are this near each other are one. */
#define SAME 0.10

/* How far the times of a log are from the server's, where nothing in it tells. */
#define DOUBT_NS (2 * NS_PER_MS)

static bool is_before_mail(enum phase phase)
{
	return phase < PHASE_MAIL;
}

/*
 * True when a limit may stand behind a reply of that class. Before RCPT nothing soft can be about a
 * recipient, whatever its words are like ("over quota").
 */
static bool may_be_limited(enum reply_class class, uint16_t code, enum phase phase)
{
	if (class != CLASS_GREYLISTED && code / 100 == 4 && phase <= PHASE_MAIL)
		return true;
	switch (class) {
	case CLASS_THROTTLED:
	case CLASS_QUOTA_EXHAUSTED:
	case CLASS_RECIPIENT_THROTTLED:
	case CLASS_SERVER_TEMPORARY:
	case CLASS_POLICY:
	case CLASS_PROTOCOL:
	case CLASS_NETWORK:
	case CLASS_UNKNOWN:
		return true;
	default:
		return false;
	}
}

static bool asks_for_less(enum reply_class class)
{
	return class == CLASS_THROTTLED || class == CLASS_QUOTA_EXHAUSTED ||
	       class == CLASS_RECIPIENT_THROTTLED;
}

/* ---- limits ---- */

static bool is_same(const struct limit *a, const struct limit *b)
{
	double x = (double)a->amount, y = (double)b->amount;

	return a->unit == b->unit && a->scope == b->scope && a->window == b->window &&
	       a->period_ns == b->period_ns && x <= y * (1 + SAME) && y <= x * (1 + SAME);
}

static bool has_name(const struct learned *l, const char *name)
{
	for (int i = 0; i < l->limit_count; i++)
		if (strcmp(l->limits[i].name, name) == 0)
			return true;
	return false;
}

static void name_limit(const struct learned *l, struct learned_limit *x)
{
	const char *unit = limit_unit_name(x->limit.unit),
		   *scope = limit_scope_name(x->limit.scope);
	bool is_inner =
		x->limit.scope == LIMIT_PER_CONNECTION || x->limit.scope == LIMIT_PER_MESSAGE;
	char period[STAMP_DURATION_MAX];

	for (unsigned number = 1; number <= LEARNED_LIMITS_MAX; number++) {
		int len;

		if (is_inner)
			len = snprintf(x->name, sizeof(x->name), "%s-per-%s", unit, scope);
		else if (x->limit.period_ns == 0)
			len = snprintf(x->name, sizeof(x->name), "%s", unit);
		else
			len = snprintf(x->name, sizeof(x->name), "%s-%s", unit,
				       stamp_duration(x->limit.period_ns, period));
		if (number > 1 && len > 0 && (size_t)len < sizeof(x->name))
			snprintf(x->name + len, sizeof(x->name) - (size_t)len, "-%u", number);
		if (!has_name(l, x->name))
			return;
	}
}

/* The index of the limit, which may stand already; -1: there are too many. */
static int add_limit(struct learned *l, struct learned_limit *limit)
{
	for (int i = 0; i < l->limit_count; i++) {
		struct learned_limit *known = &l->limits[i];

		if (!is_same(&known->limit, &limit->limit))
			continue;
		known->refused += limit->refused;
		known->onsets += limit->onsets;
		known->ends += limit->ends;
		return i;
	}
	if (l->limit_count == LEARNED_LIMITS_MAX)
		return -1;
	name_limit(l, limit);
	l->limits[l->limit_count] = *limit;
	return l->limit_count++;
}

/* ---- replies ---- */

static struct learned_reply *add_reply(struct learned *l, const struct learned_reply *reply)
{
	struct learned_reply *replies =
		realloc(l->replies, ((size_t)l->reply_count + 1) * sizeof(*replies));

	if (replies == NULL)
		return NULL;
	l->replies = replies;
	replies[l->reply_count] = *reply;
	return &replies[l->reply_count++];
}

/* Attempts that came as far as a phase: what a share is a share of. */
static uint64_t reached(const struct learned *l, enum phase phase)
{
	const struct observation *o = l->observation;
	uint64_t count = 0;

	if (is_before_mail(phase))
		return l->connections + l->turned_away;
	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		count += e->site == l->site && e->kind == LEARN_MESSAGE && !e->is_aftermath &&
			 (e->has_passed || e->wording < 0 || e->phase >= (uint8_t)phase);
	}
	return count;
}

static struct verdict judge(struct rules_reader *reader, const struct wording *w, enum phase phase)
{
	struct reply reply = {.code = w->code, .enhanced = w->enhanced, .text = span_of(w->text)};

	return rules_judge(reader, &reply, phase);
}

/*
 * True when connections ended with it: nearly always nothing came afterwards, although others were
 * used for more than one message.
 */
static bool does_close(const struct learned *l, int wording)
{
	const struct observation *o = l->observation;
	uint64_t last = 0, all = 0;

	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		if (e->site != l->site || e->wording != wording || e->kind != LEARN_MESSAGE ||
		    e->connection == LEARN_NONE)
			continue;
		all++;
		last += e->on_connection >= o->connections[e->connection].messages;
	}
	return all > 0 && 20 * last >= 19 * all;
}

/* ---- greylisting ---- */

struct sight {
	uint64_t recipient;
	int64_t at_ns;
	bool is_refused;
};

static int by_recipient(const void *a, const void *b)
{
	const struct sight *x = a, *y = b;

	if (x->recipient != y->recipient)
		return x->recipient < y->recipient ? -1 : 1;
	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

static size_t find_sights(const struct learned *l, int wording, struct sight *sights)
{
	const struct observation *o = l->observation;
	size_t count = 0;

	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		if (e->site != l->site || e->kind != LEARN_MESSAGE || e->recipient == 0 ||
		    (!e->has_passed && e->wording != wording))
			continue;
		sights[count++] = (struct sight){e->recipient, e->at_ns, e->wording == wording};
	}
	qsort(sights, count, sizeof(*sights), by_recipient);
	return count;
}

/* The roundest time in (refused, passed]. */
static int64_t round_between(int64_t refused_ns, int64_t passed_ns)
{
	static const int64_t seconds[] = {3600, 1800, 900, 600, 300, 120, 60, 30, 20, 10, 5, 1};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		int64_t ns = seconds[i] * NS_PER_SEC;

		if (ns > refused_ns && ns <= passed_ns)
			return ns;
	}
	return passed_ns;
}

/*
 * How old a first refusal must be until the recipient is accepted: more than any age at which it
 * was refused again, and no more than any at which it passed. 0: nobody was tried again.
 */
static int find_triplet(const struct learned *l, int wording, int64_t *ret_ns)
{
	struct sight *sights = malloc((l->observation->event_count + 1) * sizeof(*sights));
	int64_t refused_ns = 0, passed_ns = TIME_NEVER;
	size_t count, first = 0;

	*ret_ns = 0;
	if (sights == NULL)
		return -1;
	count = find_sights(l, wording, sights);
	for (size_t i = 1; i < count; i++) {
		int64_t age_ns = sights[i].at_ns - sights[first].at_ns;

		if (sights[i].recipient != sights[first].recipient || !sights[first].is_refused)
			first = i;
		else if (!sights[i].is_refused && age_ns < passed_ns)
			passed_ns = age_ns;
		else if (sights[i].is_refused && age_ns > refused_ns)
			refused_ns = age_ns;
	}
	free(sights);
	if (passed_ns != TIME_NEVER && passed_ns > 0)
		*ret_ns = round_between(refused_ns < passed_ns ? refused_ns * l->scale : 0,
					passed_ns < TIME_NEVER / l->scale ? passed_ns * l->scale
									  : TIME_NEVER / 2);
	return 0;
}

/* ---- one wording ---- */

struct best {
	struct attempts series[2];
	struct guess guess[2];
	int count, chosen;
};

static void best_fini(struct best *b)
{
	for (int i = 0; i < b->count; i++)
		attempts_fini(&b->series[i]);
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * How long each refused message took. Where a log tells no such times at all, how far apart the
 * messages of a connection were; where it does, and these are connections, nothing.
 */
static size_t find_times(const struct observation *o, int site, int wording, int64_t *before_ns,
			 int64_t *times_ns)
{
	size_t count = 0;
	bool has_times = false;

	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		if (e->site != site || e->end_ns == e->at_ns)
			continue;
		has_times = true;
		if (e->wording == wording)
			times_ns[count++] = e->end_ns - e->at_ns;
	}
	if (has_times)
		return count;
	for (size_t i = 0; i < o->connection_count; i++)
		before_ns[i] = TIME_NEVER;
	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		if (e->site != site || e->connection == LEARN_NONE)
			continue;
		if (before_ns[e->connection] < e->at_ns)
			times_ns[count++] = e->at_ns - before_ns[e->connection];
		before_ns[e->connection] = e->at_ns;
	}
	return count;
}

/*
 * How far the log's times may be from those at which the server decided: half of what a refusal
 * takes, which is the way there and back; and dates are no finer than they are written. -1: memory
 * exhausted.
 */
static int64_t find_doubt(const struct observation *o, int site, int wording)
{
	int64_t *before_ns = malloc((o->connection_count + 1) * sizeof(*before_ns));
	int64_t *times_ns = malloc((o->event_count + 1) * sizeof(*times_ns));
	int64_t doubt_ns = DOUBT_NS;
	size_t count;

	if (before_ns == NULL || times_ns == NULL) {
		free(before_ns);
		free(times_ns);
		return -1;
	}
	count = find_times(o, site, wording, before_ns, times_ns);
	if (count > 0) {
		qsort(times_ns, count, sizeof(*times_ns), by_number);
		doubt_ns = times_ns[count / 2] / 2;
	}
	free(before_ns);
	free(times_ns);
	return doubt_ns > o->precision_ns ? doubt_ns : o->precision_ns;
}

/* Tries the series that a refusal at that place may be about. */
static bool best_find(struct best *b, const struct guess_context *x, int wording)
{
	enum attempts_kind kinds[2] = {ATTEMPTS_MESSAGES, ATTEMPTS_RECIPIENTS};
	int64_t doubt_ns = find_doubt(x->observation, x->site, wording);

	if (x->is_before_mail) {
		kinds[0] = ATTEMPTS_CONNECTIONS;
		kinds[1] = ATTEMPTS_TURNED_AWAY;
	}
	*b = (struct best){0};
	for (int i = 0; i < 2 && doubt_ns >= 0; i++) {
		b->count = i + 1;
		if (!attempts_make(&b->series[i], x->observation, x->site, wording, kinds[i],
				   doubt_ns) ||
		    !guess_search(&b->series[i], x, &b->guess[i]))
			return false;
	}
	b->chosen = guess_better(&b->guess[0], &b->guess[1]) == &b->guess[0] ? 0 : 1;
	return doubt_ns >= 0;
}

static bool is_believed(const struct guess *g, const struct attempts *s,
			const struct verdict *verdict)
{
	if (guess_is_said(g, verdict->dial))
		return g->cost <= ERROR_MAX_SAID;
	if (asks_for_less(verdict->class))
		return g->cost <= ERROR_MAX_THROTTLED;
	return g->cost <= ERROR_MAX_OTHER && s->refused >= REFUSED_MIN_OTHER;
}

/* Adds the limits that a wording announces, and a row of it for each. */
static bool add_limits(struct learned *l, const struct guess_context *x, struct best *b,
		       struct learned_reply *reply)
{
	struct attempts *s = &b->series[b->chosen];
	struct guess g = b->guess[b->chosen];
	uint64_t all = s->refused;

	for (int i = 0; i < LIMITS_PER_WORDING; i++) {
		struct learned_limit limit = {.limit = guess_limit(&g, s->kind, l->scale)};
		struct attempts_shape shape;
		int index;

		if (!is_believed(&g, s, &reply->verdict))
			return true;
		if (!guess_apply(s, x, &g) || !attempts_shape(s, &shape))
			return false;
		limit.error = g.error;
		limit.onsets = shape.onsets;
		limit.ends = shape.ends;
		limit.refused = attempts_explain(s, g.threshold);
		limit.lasted_ns = shape.lasted_ns < 0 || shape.lasted_ns > TIME_NEVER / l->scale
					  ? -1
					  : shape.lasted_ns * l->scale;
		index = add_limit(l, &limit);
		if (index >= 0 && index != reply->limit) {
			reply->is_further = reply->limit >= 0;
			reply->limit = index;
			reply->lasted_ns = limit.lasted_ns;
			if (!asks_for_less(reply->class))
				reply->class = CLASS_THROTTLED;
			if (add_reply(l, reply) == NULL)
				return false;
		}
		if (s->refused < LEFT_MIN || (double)s->refused < LEFT_SHARE * (double)all ||
		    g.family < GUESS_FIXED)
			return true;
		if (!guess_search(s, x, &g))
			return false;
	}
	return true;
}

static bool learn_wording(struct learned *l, int index, uint64_t count, bool is_searched,
			  struct rules_reader *reader)
{
	const struct wording *w = &l->observation->wordings.items[index];
	enum phase phase = wording_phase(w);
	struct learned_reply reply = {
		.wording = index,
		.limit = -1,
		.phase = phase,
		.count = count,
		.lasted_ns = -1,
	};
	struct guess_context x = {
		.observation = l->observation,
		.site = l->site,
		.scale = l->scale,
		.is_before_mail = is_before_mail(phase),
	};
	uint64_t attempts = reached(l, phase);
	int before = l->reply_count;
	struct best b;
	bool done = true;

	if (w->code != 0)
		reply.verdict = judge(reader, w, phase);
	else
		reply.verdict.class = CLASS_NETWORK;
	reply.class = reply.verdict.class;
	reply.does_close = does_close(l, index);
	x.dial = reply.verdict.dial;
	if (attempts > 0 && count <= attempts)
		reply.share_ppm = (uint32_t)(1e6 * (double)count / (double)attempts);
	if (is_searched && may_be_limited(reply.class, w->code, phase)) {
		done = best_find(&b, &x, index) && add_limits(l, &x, &b, &reply);
		best_fini(&b);
	} else if (reply.class == CLASS_GREYLISTED) {
		done = find_triplet(l, index, &reply.triplet_ns) == 0;
	}
	/* A network's own troubles are no provider's rule. */
	if (done && l->reply_count == before && w->code != 0)
		done = add_reply(l, &reply) != NULL;
	return done;
}

/* ---- all ---- */

static void count_site(struct learned *l, uint64_t *by_wording)
{
	const struct observation *o = l->observation;

	l->first_ns = TIME_NEVER;
	l->last_ns = INT64_MIN;
	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		if (e->site != l->site)
			continue;
		l->messages += e->kind == LEARN_MESSAGE;
		l->accepted += e->kind == LEARN_MESSAGE && e->has_passed;
		l->turned_away += e->kind == LEARN_TURNED_AWAY;
		if (e->wording >= 0 && !e->is_aftermath)
			by_wording[e->wording]++;
		if (e->at_ns < l->first_ns)
			l->first_ns = e->at_ns;
		if (e->end_ns > l->last_ns)
			l->last_ns = e->end_ns;
	}
	for (size_t i = 0; i < o->connection_count; i++)
		l->connections +=
			o->connections[i].site == l->site && !o->connections[i].is_turned_away;
}

/*
 * Patterns that leave words open stand behind those that do not, since the first match wins;
 * further rows of one wording stay behind its first. Else by how often.
 */
static int by_weight(const void *a, const void *b, void *context)
{
	const struct learned_reply *x = a, *y = b;
	const struct wordings *w = context;
	int looser = w->items[x->wording].loose - w->items[y->wording].loose;

	if (looser != 0)
		return looser;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->wording != y->wording)
		return x->wording - y->wording;
	return (int)x->is_further - (int)y->is_further;
}

static int by_count(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x > *y ? -1 : *x < *y;
}

/* How often a wording must have come to be searched for limits. False: memory exhausted. */
static bool find_least(const uint64_t *by_wording, size_t count, uint64_t *ret_least)
{
	uint64_t *sorted = malloc((count + 1) * sizeof(*sorted));

	*ret_least = 0;
	if (sorted == NULL)
		return false;
	if (count > SEARCHED_MAX) {
		memcpy(sorted, by_wording, count * sizeof(*sorted));
		qsort(sorted, count, sizeof(*sorted), by_count);
		*ret_least = sorted[SEARCHED_MAX];
	}
	free(sorted);
	return true;
}

int learn_fit(const struct observation *o, int site, uint32_t scale, struct rules_reader *reader,
	      struct learned *ret_learned, struct err *e)
{
	struct learned l = {.observation = o, .site = site, .scale = scale > 0 ? scale : 1};
	uint64_t *by_wording = calloc(o->wordings.count + 1, sizeof(*by_wording));
	struct wordings wordings = o->wordings;
	bool done = by_wording != NULL;
	uint64_t least = 0;

	if (done) {
		count_site(&l, by_wording);
		done = find_least(by_wording, o->wordings.count, &least);
	}
	for (size_t i = 0; done && i < o->wordings.count; i++)
		if (by_wording[i] > 0)
			done = learn_wording(&l, (int)i, by_wording[i], by_wording[i] > least,
					     reader);
	free(by_wording);
	if (l.first_ns > l.last_ns)
		l.first_ns = l.last_ns = 0;
	if (!done) {
		learned_fini(&l);
		return err_set(e, EXIT_FAILED, 0, "no memory to learn from so many lines");
	}
	if (l.reply_count > 0)
		qsort_r(l.replies, (size_t)l.reply_count, sizeof(*l.replies), by_weight, &wordings);
	*ret_learned = l;
	return 0;
}

void learned_fini(struct learned *l)
{
	free(l->replies);
	l->replies = NULL;
	l->reply_count = 0;
}
