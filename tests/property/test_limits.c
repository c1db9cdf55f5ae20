/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_limits.c - no window of any limit is ever passed, and none is left unused
 *
 * How it works: random limits of every kind, several of them in each take, are asked for by
 * several sources, in bursts after a rest, without a break, and at random, on a virtual clock.
 * Some takes are given back later, some limits move. What passed is written down, and judged by
 * limits_judge.h; what is open at once is counted while it happens. An endless demand has to get
 * what the limits allow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/rng.h"
#include "limits_judge.h"
#include "pace/limits.h"
#include "property.h"

#define SOURCES	      3
#define LIMITS_MAX    4
#define SCENARIOS     150
#define ATTEMPTS      30000
#define PERIOD_MAX_NS (31 * 86400 * NS_PER_SEC)
#define RECENT	      32 /* takes that may still be given back */

static uint64_t seed;

/* --- one thread, a clock that jumps ----------------------------------------------------------- */

struct tested {
	struct law law;
	bool is_shared; /* one cell for all sources */
	uint64_t most;	/* in a claim */
	struct limit_cell *cells[SOURCES];
	struct record records[SOURCES];
	uint64_t open[SOURCES];
};

/* A take of all limits that may be given back. */
struct taken {
	int64_t at_ns;
	int source;
	struct limits_claim claims[LIMITS_MAX];
	size_t entries[LIMITS_MAX];
};

static struct scenario {
	struct rng rng;
	struct limits *table;
	struct tested tested[LIMITS_MAX];
	int count;
	int64_t now_ns;
	int64_t typical_ns; /* between two takes */
	struct taken recent[RECENT];
	int recent_count;
	uint64_t returns_of; /* a thousand takes that are given back */
	uint64_t takes, attempts;
} s;

static int cell_index(const struct tested *t, int source)
{
	return t->is_shared ? 0 : source;
}

static void scenario_make(uint64_t number)
{
	static const uint32_t scales[] = {1, 1, 60, 3600, 100000};
	uint64_t takes, mean;
	int64_t wall_offset_ns, period_ns;

	memset(&s, 0, sizeof(s));
	rng_fork(&s.rng, seed, number);
	s.now_ns = (int64_t)any_size(&s.rng, 55);
	wall_offset_ns = (int64_t)any_size(&s.rng, 60);
	s.table = limits_new(wall_offset_ns);
	assert_non_null(s.table);
	s.count = (int)rng_below(&s.rng, LIMITS_MAX) + 1;
	s.returns_of = rng_below(&s.rng, 2) ? rng_below(&s.rng, 500) : 0;
	takes = any_size(&s.rng, 14);
	mean = any_size(&s.rng, 16);
	period_ns = 20 * NS_PER_MS + (int64_t)any_size(&s.rng, 44);
	s.typical_ns = period_ns / (int64_t)takes + 1;
	for (int i = 0; i < s.count; i++) {
		struct tested *t = &s.tested[i];
		struct limits_reading reading = {
			.headroom_millis = rng_below(&s.rng, 2) ? 200 : 0,
			.share_millis = rng_below(&s.rng, 4) ? 1000 : 50,
			.scale = scales[rng_below(&s.rng, 5)],
			.is_smooth = rng_below(&s.rng, 3) == 0,
		};
		struct limit l =
			any_limit(&s.rng, (enum limit_window)rng_below(&s.rng, LIMIT_WINDOW_COUNT),
				  takes, period_ns, mean);

		if (l.period_ns > PERIOD_MAX_NS / (int64_t)reading.scale)
			reading.scale = 1;
		l.period_ns *= reading.scale;
		t->law = law_of(&l, &reading, wall_offset_ns);
		t->is_shared = rng_below(&s.rng, 2) == 0;
		t->most = l.unit == LIMIT_RECIPIENTS || l.unit == LIMIT_OCTETS ? 2 * mean : 1;
		if (l.unit == LIMIT_MESSAGES && rng_below(&s.rng, 4) == 0)
			t->most = any_size(&s.rng, 6);
		if (t->most > t->law.amount)
			t->most = t->law.amount;
		for (int k = 0; k < SOURCES; k++)
			t->cells[k] = limits_cell(s.table, &l, &reading, (uint64_t)i,
						  (uint64_t)cell_index(t, k), s.now_ns);
	}
}

static void scenario_judge(void)
{
	for (int i = 0; i < s.count; i++) {
		struct tested *t = &s.tested[i];

		for (int k = 0; k < SOURCES; k++) {
			judge(&t->law, t->records[k].entries, t->records[k].count);
			free(t->records[k].entries);
		}
	}
	limits_free(s.table);
}

static void give_back(int at)
{
	struct taken *t = &s.recent[at];

	limits_give_back(t->claims, s.count, t->at_ns);
	for (int i = 0; i < s.count; i++) {
		struct tested *tested = &s.tested[i];
		int k = cell_index(tested, t->source);

		tested->records[k].entries[t->entries[i]].amount = 0;
		if (tested->law.window == LIMIT_AT_ONCE)
			tested->open[k] -= t->claims[i].amount;
	}
	*t = s.recent[--s.recent_count];
}

/* What is not given back any more keeps what is open, so that it is closed at some time. */
static void forget(int at)
{
	struct limits_claim open[LIMITS_MAX];
	int count = 0;

	for (int i = 0; i < s.count; i++) {
		if (s.tested[i].law.window == LIMIT_AT_ONCE) {
			s.tested[i].open[cell_index(&s.tested[i], s.recent[at].source)]--;
			open[count++] = s.recent[at].claims[i];
		}
	}
	limits_give_back(open, count, s.recent[at].at_ns);
	s.recent[at] = s.recent[--s.recent_count];
}

/* Asks once; writes down what passed. */
static bool attempt(struct taken *t, int64_t *ret_when_ns)
{
	int binding = -1;

	s.attempts++;
	if (!limits_take(t->claims, s.count, s.now_ns, ret_when_ns, &binding)) {
		assert_true(*ret_when_ns > s.now_ns);
		assert_true(binding >= 0 && binding < s.count);
		return false;
	}
	t->at_ns = s.now_ns;
	for (int i = 0; i < s.count; i++) {
		struct tested *tested = &s.tested[i];
		int k = cell_index(tested, t->source);

		t->entries[i] = record_add(&tested->records[k], s.now_ns, t->claims[i].amount);
		if (tested->law.window == LIMIT_AT_ONCE) {
			tested->open[k] += t->claims[i].amount;
			assert_true(tested->open[k] <= tested->law.amount);
		}
	}
	s.takes++;
	if (s.recent_count == RECENT)
		forget(0);
	s.recent[s.recent_count++] = *t;
	return true;
}

/* What was refused until a time is refused just before it and passes then. */
static void wait_until(struct taken *t, int64_t when_ns)
{
	int64_t again_ns = 0;

	if (when_ns == TIME_NEVER) {
		assert_true(s.recent_count > 0);
		forget((int)rng_below(&s.rng, (uint64_t)s.recent_count));
		return;
	}
	if (when_ns - 1 > s.now_ns) {
		s.now_ns = when_ns - 1;
		assert_false(attempt(t, &again_ns));
	}
	s.now_ns = when_ns;
	if (!attempt(t, &again_ns))
		fail_msg("it was to pass at %lld and has to wait until %lld", (long long)when_ns,
			 (long long)again_ns);
}

static void scenario_run(void)
{
	int mode = 0, left = 0;

	for (int n = 0; n < ATTEMPTS; n++) {
		struct taken t = {.source = (int)rng_below(&s.rng, SOURCES)};
		int64_t when_ns = 0;

		if (left-- == 0) {
			mode = (int)rng_below(&s.rng, 3);
			left = (int)any_size(&s.rng, 12);
			if (rng_below(&s.rng, 2) == 0)
				s.now_ns += (int64_t)rng_below(
					&s.rng, 3 * (uint64_t)s.tested[0].law.period_ns + 1);
		}
		for (int i = 0; i < s.count; i++) {
			const struct tested *tested = &s.tested[i];

			t.claims[i].cell = tested->cells[t.source];
			t.claims[i].amount = rng_below(&s.rng, tested->most) + 1;
		}
		if (!attempt(&t, &when_ns)) {
			if (mode == 0)
				wait_until(&t, when_ns);
			else if (when_ns == TIME_NEVER)
				forget(0);
		}
		if (mode > 0)
			s.now_ns += (int64_t)rng_below(
				&s.rng, (uint64_t)s.typical_ns * 2 / (mode == 1 ? 1 : 8) + 1);
		if (s.recent_count > 0 && rng_below(&s.rng, 1000) < s.returns_of)
			give_back((int)rng_below(&s.rng, (uint64_t)s.recent_count));
	}
}

static void no_window_is_passed(void **state)
{
	uint64_t takes = 0, attempts = 0;

	(void)state;
	for (uint64_t number = 0; number < SCENARIOS; number++) {
		scenario_make(number);
		scenario_run();
		scenario_judge();
		takes += s.takes;
		attempts += s.attempts;
	}
	printf("# %llu attempts, %llu takes\n", (unsigned long long)attempts,
	       (unsigned long long)takes);
	assert_true(takes > attempts / 20);
}

/* --- none is left unused ---------------------------------------------------------------------- */

/* Thousandths of the limit that an endless demand for claims of up to most has to get. */
static uint64_t share_expected(const struct law *law, const struct limit *l, uint64_t most)
{
	uint64_t lost = most - 1; /* what is left may be less than a claim wants */

	/* A burst is kept back, and so is what the default burst of 2 % makes of it. */
	if (law->window == LIMIT_SMOOTH)
		lost += l->window == LIMIT_SMOOTH && l->burst > 0 ? l->burst : law->amount / 50;
	if (lost >= law->amount)
		return 0;
	/* Slots and whole nanoseconds take less than 5 %. */
	return (law->amount - lost) * 950 / law->amount;
}

static void ask_without_end(struct rng *rng, uint64_t number)
{
	static const struct limits_reading readings[] = {
		{.headroom_millis = 0, .share_millis = 1000, .scale = 1},
		{.headroom_millis = 200, .share_millis = 1000, .scale = 1, .is_smooth = true},
	};
	const struct limits_reading *reading = &readings[number % 2];
	enum limit_window window = LIMIT_SMOOTH + (enum limit_window)(number / 2 % 4);
	int64_t period_ns = 20 * NS_PER_MS + (int64_t)any_size(rng, 50);
	struct limit l = any_limit(rng, window, any_size(rng, 12), period_ns, any_size(rng, 12));
	struct law law = law_of(&l, reading, 0);
	struct limits *table = limits_new(0);
	bool is_sized = l.unit == LIMIT_RECIPIENTS || l.unit == LIMIT_OCTETS;
	uint64_t most = is_sized ? law.amount / 20 + 1 : 1, sum = 0, wanted;
	int64_t now_ns = 0, when_ns = 0;
	struct limit_cell *cell = limits_cell(table, &l, reading, 1, 1, now_ns);
	int binding, periods = 0;

	for (int n = 0; n < 20000 && periods < 40; n++) {
		struct limits_claim claim = {cell, is_sized ? rng_below(rng, most) + 1 : 1};

		while (!limits_take(&claim, 1, now_ns, &when_ns, &binding))
			now_ns = when_ns;
		sum += claim.amount;
		periods = (int)(now_ns / law.period_ns);
	}
	wanted = (uint64_t)((wide)law.amount * periods * share_expected(&law, &l, most) / 1000);
	if (sum < wanted)
		fail_msg("%s (asked for as %s, burst %llu) of %llu in %lld ns: %llu in %d periods",
			 limit_window_name(law.window), limit_window_name(l.window),
			 (unsigned long long)l.burst, (unsigned long long)law.amount,
			 (long long)law.period_ns, (unsigned long long)sum, periods);
	limits_free(table);
}

static void none_is_left_unused(void **state)
{
	struct rng rng;

	(void)state;
	rng_fork(&rng, seed, 1000001);
	for (uint64_t number = 0; number < 160; number++)
		ask_without_end(&rng, number);
}

/* --- a limit that moves ----------------------------------------------------------------------- */

static void move_a_limit(struct rng *rng, uint64_t number)
{
	const struct limits_reading reading = {.share_millis = 1000, .scale = 1};
	enum limit_window window = LIMIT_SMOOTH + (enum limit_window)(number % 4);
	struct limit l = any_limit(rng, window, any_size(rng, 10),
				   NS_PER_SEC + (int64_t)any_size(rng, 40), any_size(rng, 12));
	struct law law = law_of(&l, &reading, 0);
	struct limits *table = limits_new(0);
	bool is_sized = l.unit == LIMIT_RECIPIENTS || l.unit == LIMIT_OCTETS;
	int64_t now_ns = 0, when_ns = 0;
	struct limit_cell *cell = limits_cell(table, &l, &reading, 1, 1, now_ns);
	struct record record = {0};
	int binding;

	for (int change = 0; change < 20; change++) {
		size_t first = record.count;

		for (int n = 0; n < 500; n++) {
			struct limits_claim claim = {cell, 1};

			if (is_sized)
				claim.amount = rng_below(rng, law.amount / 3 + 1) + 1;
			if (limits_take(&claim, 1, now_ns, &when_ns, &binding))
				record_add(&record, now_ns, claim.amount);
			else if (rng_below(rng, 50) > 0)
				now_ns = when_ns;
			else
				now_ns += (int64_t)rng_below(rng, (uint64_t)law.period_ns);
		}
		/* Whatever was taken before the change: after it the new amount is kept. */
		judge(&law, record.entries + first, record.count - first);
		law.amount = rng_below(rng, 2 * law.amount) + 1;
		limits_set_amount(cell, law.amount, now_ns);
	}
	free(record.entries);
	limits_free(table);
}

static void a_moved_limit_holds_at_once(void **state)
{
	struct rng rng;

	(void)state;
	rng_fork(&rng, seed, 1000002);
	for (uint64_t number = 0; number < 60; number++)
		move_a_limit(&rng, number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_is_passed),
		cmocka_unit_test(none_is_left_unused),
		cmocka_unit_test(a_moved_limit_holds_at_once),
	};

	seed = property_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
