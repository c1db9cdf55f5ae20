/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer.c - profiles imposed on clients: made ready, before the first one comes
 *
 * Of each profile at each seat: which limit is taken at which step and who says that it is
 * passed, so that asking compares no names.
 */
#include <stdlib.h>
#include "sink/imposer_private.h"
#include "sink/key.h"
#include "terms/address.h"

/* --- Limits -------------------------------------------------------------------------------- */

/* Limits whose count nobody but the session needs. */
static void set_kind(struct imposed_limit *l)
{
	const struct limit *limit = &l->of->limit;
	bool has_window = limit->window != LIMIT_AT_ONCE && limit->period_ns > 0;

	l->is_plain = limit->scope == LIMIT_PER_MESSAGE ||
		      (limit->scope == LIMIT_PER_CONNECTION && !has_window);
	l->is_own = limit->scope == LIMIT_PER_CONNECTION && has_window;
	l->has_share = (has_window || limit->unit == LIMIT_CONNECTIONS) &&
		       (limit->scope == LIMIT_PER_SOURCE || limit->scope == LIMIT_PER_SOURCE_SITE ||
			limit->scope == LIMIT_PER_ACCOUNT || limit->scope == LIMIT_PER_SENDER);
}

/* The first step from which on a limit can be counted. */
static enum imposer_step countable_from(const struct limit *limit)
{
	switch (limit->unit) {
	case LIMIT_CONNECTIONS:
		return AT_BANNER;
	case LIMIT_MESSAGES:
		return limit->scope == LIMIT_PER_RECIPIENT ? AT_RCPT : AT_MAIL;
	case LIMIT_RECIPIENTS:
		return AT_RCPT;
	case LIMIT_OCTETS:
		break;
	}
	return AT_ACCEPT;
}

/* A limit is taken where its first rule speaks, or as soon as it can be. */
static void set_step(struct imposed_limit *l)
{
	enum imposer_step from = countable_from(&l->of->limit);

	l->charged_at = from;
	/* Later, the recipient is not known any more: it is counted here and said there. */
	if (l->of->limit.scope == LIMIT_PER_RECIPIENT)
		return;
	for (int step = from; step < IMPOSER_STEPS; step++)
		if (l->said[step]) {
			l->charged_at = (enum imposer_step)step;
			return;
		}
}

static uint64_t limit_id(const struct imposed_stage *stage, const struct profile_limit *of,
			 bool is_shared)
{
	const struct limit *l = &of->limit;
	const struct imposed_seat *seat = stage->seat;
	uint64_t id = is_shared ? key_of(span_of(stage->profile->name), 0) : seat->id;

	id = key_of(span_of(of->name), id);
	id = key_of_number((uint64_t)l->unit << 16 | (uint64_t)l->scope << 8 | (uint64_t)l->window,
			   id);
	return key_of_number((uint64_t)l->period_ns, id);
}

/*
 * A provider counts a client over all its sites together, but for what belongs to one site. Where
 * limits move or follow a reputation, each seat is its own.
 */
static bool is_shared(const struct imposer *i, const struct imposed_stage *stage,
		      const struct limit *l)
{
	return l->scope != LIMIT_PER_SITE && l->scope != LIMIT_PER_SOURCE_SITE &&
	       stage->seat->stage_count == 1 && !i->reputations;
}

static int make_limits(struct imposer *i, struct imposed_stage *stage, struct err *e)
{
	const struct profile *p = stage->profile;

	stage->limit_count = p->limit_count;
	stage->limits = calloc((size_t)p->limit_count + 1, sizeof(*stage->limits));
	if (!stage->limits)
		return err_set(e, EXIT_FAILED, 0, "no memory for the limits of %s", p->name);
	for (int k = 0; k < p->limit_count; k++) {
		struct imposed_limit *l = &stage->limits[k];

		l->of = &p->limits[k];
		if (limits_check_scale(&l->of->limit, i->scale, e) < 0)
			return err_prefix(e, "profile %s, limit %s", p->name, l->of->name);
		set_kind(l);
		l->id = limit_id(stage, l->of, is_shared(i, stage, &l->of->limit));
		l->row = i->row_count;
		i->rows[i->row_count++] = (struct imposed_row){.stage = stage, .limit = l};
	}
	return 0;
}

/* --- Rules --------------------------------------------------------------------------------- */

static int make_rules(struct imposer *i, struct imposed_stage *stage, struct err *e)
{
	const struct profile *p = stage->profile;

	stage->rules = calloc((size_t)p->rule_count + 1, sizeof(*stage->rules));
	stage->conditions = calloc((size_t)p->rule_count + 1, sizeof(*stage->conditions));
	if (!stage->rules || !stage->conditions)
		return err_set(e, EXIT_FAILED, 0, "no memory for the rules of %s", p->name);
	for (int k = 0; k < p->rule_count; k++) {
		const struct profile_rule *r = &p->rules[k];
		enum imposer_step step = imposer_step_of(r);

		if (r->when == CAUSE_OVER && r->limit >= 0 && r->limit < p->limit_count) {
			struct imposed_limit *l = &stage->limits[r->limit];

			if (!l->said[step])
				l->said[step] = r;
			if (!l->said_else)
				l->said_else = r;
		} else if (r->when != CAUSE_NONE && r->when != CAUSE_OVER) {
			stage->conditions[stage->condition_count++] = r;
		}
		if (r->when == CAUSE_TRIPLET && !i->greylist) {
			i->greylist = greylist_new();
			if (!i->greylist)
				return err_set(e, EXIT_FAILED, 0, "no memory for a greylist");
		}
	}
	for (int k = 0; k < stage->limit_count; k++)
		set_step(&stage->limits[k]);
	return 0;
}

/* --- Seats --------------------------------------------------------------------------------- */

static bool is_of_first_seat(const struct sink_imposition *m)
{
	return m->from_ns > 0;
}

static int count_stages(const struct sink_plan *plan)
{
	int count = 1;

	for (int k = 0; k < plan->imposition_count; k++)
		count += is_of_first_seat(&plan->impositions[k]);
	return count;
}

static int compare_stages(const void *a, const void *b)
{
	const struct imposed_stage *x = a, *y = b;

	return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

static void place_stage(const struct imposer *i, struct imposed_seat *seat,
			const struct sink_imposition *m)
{
	seat->stages[seat->stage_count++] = (struct imposed_stage){
		.seat = seat,
		.profile = m->profile,
		.after_ns = m->from_ns,
		.from_ns = i->started_ns + m->from_ns,
	};
}

/* The first seat has all that takes its place later; the others have one stage. */
static int make_seats(struct imposer *i, struct err *e)
{
	const struct sink_plan *plan = i->plan;

	i->seats = calloc((size_t)plan->imposition_count, sizeof(*i->seats));
	if (!i->seats)
		return err_set(e, EXIT_FAILED, 0, "no memory for the profiles");
	for (int k = 0; k < plan->imposition_count; k++) {
		const struct sink_imposition *m = &plan->impositions[k];
		struct imposed_seat *seat = &i->seats[i->seat_count];
		int room = i->seat_count == 0 ? count_stages(plan) : 1;

		if (is_of_first_seat(m))
			continue;
		seat->idx = i->seat_count++;
		seat->id = key_of_number((uint64_t)seat->idx, 0);
		seat->has_address = m->has_address;
		seat->address = m->address;
		seat->domain = span_of(m->domain);
		i->has_domains = i->has_domains || seat->domain.len > 0;
		seat->stages = calloc((size_t)room, sizeof(*seat->stages));
		if (!seat->stages)
			return err_set(e, EXIT_FAILED, 0, "no memory for the profiles");
		place_stage(i, seat, m);
	}
	for (int k = 0; k < plan->imposition_count; k++)
		if (is_of_first_seat(&plan->impositions[k]))
			place_stage(i, &i->seats[0], &plan->impositions[k]);
	qsort(i->seats[0].stages, (size_t)i->seats[0].stage_count, sizeof(*i->seats[0].stages),
	      compare_stages);
	return 0;
}

/* Each limit stands in a question once as charged, and once for each earlier step with words. */
static int check_demands(const struct imposer *i, struct err *e)
{
	int demands = 0;

	for (int s = 0; s < i->seat_count; s++) {
		int most = 0;

		for (int k = 0; k < i->seats[s].stage_count; k++)
			if (i->seats[s].stages[k].limit_count > most)
				most = i->seats[s].stages[k].limit_count;
		demands += 2 * most;
	}
	if (demands > IMPOSED_DEMANDS_MAX)
		return err_set(
			e, EXIT_USAGE, 0,
			"the profiles have %d limits together, and a sink imposes %d at most: "
			"leave out some --profile",
			demands / 2, IMPOSED_DEMANDS_MAX / 2);
	return 0;
}

static int make_stages(struct imposer *i, struct err *e)
{
	size_t rows = 0;

	for (int s = 0; s < i->seat_count; s++)
		for (int k = 0; k < i->seats[s].stage_count; k++)
			rows += (size_t)i->seats[s].stages[k].profile->limit_count;
	i->rows = calloc(rows + 1, sizeof(*i->rows));
	if (!i->rows)
		return err_set(e, EXIT_FAILED, 0, "no memory for the profiles");
	for (int s = 0; s < i->seat_count; s++)
		for (int k = 0; k < i->seats[s].stage_count; k++) {
			struct imposed_stage *stage = &i->seats[s].stages[k];

			if (make_limits(i, stage, e) < 0 || make_rules(i, stage, e) < 0)
				return -1;
		}
	return check_demands(i, e);
}

/* --- The rest ------------------------------------------------------------------------------ */

static int make_reputations(struct imposer *i, struct err *e)
{
	bool has_model = false;

	for (int k = 0; k < i->plan->imposition_count; k++)
		has_model = has_model || i->plan->impositions[k].profile->reputation.is_given;
	if (!has_model && i->plan->has_reputation)
		return err_set(
			e, EXIT_USAGE, 0,
			"--reputation says where clients begin, and no profile that is imposed "
			"has a model of it: add \"reputation:\" to one");
	if (!has_model)
		return 0;
	i->reputations = reputations_new(i->scale);
	if (!i->reputations)
		return err_set(e, EXIT_FAILED, 0, "no memory for reputations");
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int note_domains(struct imposer *i, struct err *e)
{
	const struct sink_plan *plan = i->plan;

	i->sender_domains = calloc((size_t)plan->account_count + 1, sizeof(uint64_t));
	if (!i->sender_domains)
		return err_set(e, EXIT_FAILED, 0, "no memory for the domains of accounts");
	for (int k = 0; k < plan->account_count; k++) {
		struct span domain = address_domain(span_of(plan->accounts[k].user));

		if (domain.len > 0)
			i->sender_domains[i->sender_domain_count++] = key_of_nocase(domain, 0);
	}
	qsort(i->sender_domains, (size_t)i->sender_domain_count, sizeof(uint64_t), compare_keys);
	return 0;
}

static int open_log(struct imposer *i, struct err *e)
{
	if (!i->plan->decisions)
		return 0;
	i->log = decision_log_open(i->plan->decisions, i->clock, e);
	if (!i->log)
		return -1;
	for (uint32_t k = 0; k < i->row_count; k++) {
		const struct imposed_row *row = &i->rows[k];
		struct decision_limit d = {
			.profile = row->stage->profile->name,
			.name = row->limit->of->name,
			.limit = &row->limit->of->limit,
			.period_ns = row->limit->of->limit.period_ns / i->scale,
			.from_ns = row->stage->after_ns,
		};

		decision_log_limit(i->log, &d);
	}
	return 0;
}

struct imposer *imposer_new(const struct sink_plan *plan, struct clock *clock, struct err *e)
{
	struct imposer *i = calloc(1, sizeof(*i));

	if (!i) {
		err_set(e, EXIT_FAILED, 0, "no memory for the profiles");
		return NULL;
	}
	i->plan = plan;
	i->clock = clock;
	i->started_ns = clock_now(clock);
	i->wall_offset_ns = clock_wall_ns(clock) - i->started_ns;
	i->scale = plan->scale > 0 ? plan->scale : 1;
	i->reading = (struct limits_reading){.share_millis = 1000, .scale = i->scale};
	i->limits = limits_new(i->wall_offset_ns);
	i->counters = counters_new(COUNTERS_MAX);
	if (!i->limits || !i->counters) {
		err_set(e, EXIT_FAILED, 0, "no memory for limits");
		imposer_free(i);
		return NULL;
	}
	if (make_reputations(i, e) < 0 || make_seats(i, e) < 0 || make_stages(i, e) < 0 ||
	    note_domains(i, e) < 0 || open_log(i, e) < 0) {
		imposer_free(i);
		return NULL;
	}
	return i;
}

void imposer_stop(struct imposer *i)
{
	if (i->log)
		decision_log_close(i->log, &i->log_lines, &i->log_dropped);
	i->log = NULL;
}

void imposer_free(struct imposer *i)
{
	if (!i)
		return;
	imposer_stop(i);
	for (int s = 0; s < i->seat_count; s++) {
		struct imposed_seat *seat = &i->seats[s];

		for (int k = 0; k < seat->stage_count; k++) {
			free(seat->stages[k].limits);
			free(seat->stages[k].conditions);
			free(seat->stages[k].rules);
		}
		free(seat->stages);
	}
	free(i->seats);
	free(i->rows);
	free(i->sender_domains);
	reputations_free(i->reputations);
	greylist_free(i->greylist);
	counters_free(i->counters);
	limits_free(i->limits);
	free(i);
}
