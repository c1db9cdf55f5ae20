/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pacing.c - the paths of a run, their governors, and what held them back
 *
 * What held a path back is counted per target, not per path: a run may have ten thousand paths,
 * and a person wants to know which limit of which provider bound.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "sender/pacing.h"

#define ANY_SOURCE "the kernel's choice"

int pacing_hold_of(const struct governor_wait *wait)
{
	return wait->hold == HOLD_LIMIT && wait->limit >= 0 ? HOLD_COUNT + wait->limit
							    : (int)wait->hold;
}

static const char *hold_name(const struct sender_plan *plan, uint32_t target, int hold)
{
	const struct profile *profile = plan->targets[target].profile;

	if (hold < HOLD_COUNT || profile == NULL)
		return governor_hold_name((enum governor_hold)hold);
	return profile->limits[hold - HOLD_COUNT].name;
}

static uint64_t source_key(const struct sender_plan *plan, uint32_t source)
{
	char text[ENDPOINT_TEXT_MAX];

	if (plan->source_count == 0)
		return governor_key(span_of(ANY_SOURCE));
	return governor_key(span_of(endpoint_address_text(&plan->sources[source], text)));
}

/* Sessions that will be opened on this path. */
static uint32_t sessions_of(const struct sender_plan *plan, uint32_t path, uint32_t path_count)
{
	uint32_t sessions = (uint32_t)plan->sessions;

	return sessions / path_count + (path < sessions % path_count);
}

static int make_path(struct pacing *p, uint32_t idx, int64_t wall_offset_ns, int64_t now_ns,
		     struct err *e)
{
	const struct sender_plan *plan = p->plan;
	const struct mail_facts *mail = mail_plan_facts(plan->mail);
	struct pacing_path *path = &p->paths[idx];
	const struct plan_target *t;
	struct governor_params params;

	path->target = idx % (uint32_t)plan->target_count;
	t = &plan->targets[path->target];
	path->source_key = source_key(plan, idx / (uint32_t)plan->target_count);
	path->site_key = governor_key(span_of(t->site[0] != '\0'   ? t->site
					      : t->host[0] != '\0' ? t->host
								   : t->url));
	path->account_key = t->smtp.auth != NULL ? governor_key(span_of(t->smtp.auth->user)) : 0;
	if (t->profile == NULL && !plan->does_adapt)
		return 0;
	params = (struct governor_params){
		.profile = t->profile,
		.limits = p->limits,
		.scale = plan->scale > 0 ? plan->scale : 1,
		.does_adapt = plan->does_adapt,
		.interval_ns = plan->adapt_interval_ns,
		.wall_offset_ns = wall_offset_ns,
		.source_key = path->source_key,
		.site_key = path->site_key,
		.account_key = path->account_key,
		.sender_key = governor_key(plan->sender_domain),
		.sessions = sessions_of(plan, idx, p->path_count),
		.recipients_most = (uint32_t)mail->rcpt_max,
		.octets_most = mail->size_max,
		.seed = plan->seed + idx,
	};
	/* Fewer sessions than paths: nobody will use this one. */
	if (params.sessions == 0)
		return 0;
	path->governor = governor_new(&params, now_ns, e);
	return path->governor != NULL ? 0 : -1;
}

struct pacing *pacing_new(const struct sender_plan *plan, int64_t wall_offset_ns, int64_t now_ns,
			  struct err *e)
{
	struct pacing *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(e, EXIT_FAILED, 0, "no memory for the pace of the run");
		return NULL;
	}
	p->plan = plan;
	p->path_count = plan_path_count(plan);
	pthread_mutex_init(&p->lock, NULL);
	for (int i = 0; i < plan->target_count; i++)
		atomic_store(&p->targets[i].held_by, -1);
	p->limits = limits_new(wall_offset_ns);
	p->paths = calloc(p->path_count, sizeof(*p->paths));
	if (p->limits == NULL || p->paths == NULL) {
		err_set(e, EXIT_FAILED, 0, "no memory for the pace of %u paths", p->path_count);
		pacing_free(p);
		return NULL;
	}
	for (uint32_t i = 0; i < p->path_count; i++) {
		if (make_path(p, i, wall_offset_ns, now_ns, e) != 0) {
			pacing_free(p);
			return NULL;
		}
	}
	return p;
}

void pacing_free(struct pacing *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; p->paths != NULL && i < p->path_count; i++)
		governor_free(p->paths[i].governor);
	free(p->paths);
	limits_free(p->limits);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- replies that concern more than one path ---- */

static bool is_meant(const struct pacing_path *a, const struct pacing_path *b,
		     enum reply_scope scope)
{
	switch (scope) {
	case SCOPE_SOURCE:
		return a->source_key == b->source_key;
	case SCOPE_SITE:
		return a->site_key == b->site_key;
	case SCOPE_ACCOUNT:
		return a->account_key != 0 && a->account_key == b->account_key;
	case SCOPE_SENDER:
		return true; /* a run has one sender, or goes round them */
	default:
		return false;
	}
}

void pacing_spread_pause(struct pacing *p, const struct pacing_path *path,
			 const struct governor_reaction *reaction, int64_t now_ns)
{
	const struct profile *profile = p->plan->targets[path->target].profile;

	for (uint32_t i = 0; i < p->path_count; i++) {
		struct pacing_path *other = &p->paths[i];

		/* A source is known to one provider at a time. */
		if (other == path || other->governor == NULL ||
		    p->plan->targets[other->target].profile != profile ||
		    (profile == NULL && other->site_key != path->site_key))
			continue;
		if (is_meant(path, other, reaction->scope))
			governor_pause(other->governor, reaction->pause_ns, now_ns);
	}
	atomic_fetch_add(&p->paused, 1);
}

void pacing_abort(struct pacing *p, const struct pacing_path *path, const struct verdict *verdict,
		  const struct reply *reply)
{
	char text[RUN_NOTE_MAX / 2];

	if (atomic_exchange(&p->is_aborted, true))
		return;
	run_text_clean(reply->text, text, sizeof(text));
	pthread_mutex_lock(&p->lock);
	snprintf(p->aborted_because, sizeof(p->aborted_because), "%s ended it (%s): %u %s",
		 verdict->rule != NULL ? verdict->rule->name : class_name(verdict->class),
		 p->plan->targets[path->target].profile != NULL
			 ? p->plan->targets[path->target].profile->name
			 : "base",
		 reply->code, text);
	pthread_mutex_unlock(&p->lock);
}

/* ---- what is shown ---- */

const char *pacing_held_now(struct pacing *p)
{
	for (int i = 0; i < p->plan->target_count; i++) {
		int hold = atomic_load_explicit(&p->targets[i].held_by, memory_order_relaxed);

		if (hold > HOLD_NOTHING)
			return hold_name(p->plan, (uint32_t)i, hold);
	}
	return NULL;
}

int64_t pacing_held_until_ns(struct pacing *p)
{
	int64_t latest_ns = 0;

	for (int i = 0; i < p->plan->target_count; i++) {
		int64_t until_ns =
			atomic_load_explicit(&p->targets[i].held_until_ns, memory_order_relaxed);

		latest_ns = until_ns > latest_ns ? until_ns : latest_ns;
	}
	return latest_ns;
}

static bool fill_holds(struct pacing *p, uint32_t target, int64_t measured_ns,
		       struct run_document *d)
{
	const struct plan_target *t = &p->plan->targets[target];
	int users = atomic_load(&p->targets[target].users);

	for (int hold = HOLD_NOTHING + 1; hold < PACING_HOLDS; hold++) {
		uint64_t held_ns = atomic_load(&p->targets[target].held_ns[hold]);
		struct run_pace_hold *row;

		if (held_ns == 0)
			continue;
		row = run_add_pace_hold(d);
		if (row == NULL)
			return false;
		snprintf(row->target, sizeof(row->target), "%s", t->url);
		snprintf(row->by, sizeof(row->by), "%s", hold_name(p->plan, target, hold));
		if (hold >= HOLD_COUNT && t->profile != NULL)
			limit_text(&t->profile->limits[hold - HOLD_COUNT].limit, row->limit);
		row->seconds = (double)held_ns / (users > 0 ? users : 1) / 1e9;
		if (measured_ns > 0)
			row->share = row->seconds / ((double)measured_ns / 1e9);
		if (row->share > 1)
			row->share = 1;
	}
	return true;
}

static uint64_t least(uint64_t so_far, uint64_t value)
{
	return so_far == 0 || (value != 0 && value < so_far) ? value : so_far;
}

static bool fill_target(struct pacing *p, uint32_t target, int64_t now_ns, struct run_document *d)
{
	const struct plan_target *t = &p->plan->targets[target];
	struct run_pace_target *row = run_add_pace_target(d);
	uint64_t used_up = 0, rate = 0, rate_refused = 0;
	uint32_t connections_refused = 0;

	if (row == NULL)
		return false;
	snprintf(row->target, sizeof(row->target), "%s", t->url);
	if (t->profile != NULL) {
		snprintf(row->profile, sizeof(row->profile), "%s", t->profile->name);
		row->headroom = t->profile->headroom_millis / 1000.0;
	}
	for (uint32_t i = 0; i < p->path_count; i++) {
		struct governor_facts f;

		if (p->paths[i].target != target || p->paths[i].governor == NULL)
			continue;
		governor_facts(p->paths[i].governor, now_ns, &f);
		row->paths++;
		row->throttled += f.throttled;
		row->dropped += f.dropped;
		row->pauses += f.pauses;
		row->rests += f.rests;
		row->cuts += f.cuts;
		row->connections_peak += f.connections_peak;
		row->connections_allowed += f.connections_allowed;
		rate += f.rate_micro;
		rate_refused += f.rate_refused_micro;
		connections_refused += f.connections_refused;
		used_up = least(used_up, f.messages_per_connection);
	}
	row->rate = p->plan->does_adapt ? (double)rate / 1e6 : 0;
	row->rate_refused = (double)rate_refused / 1e6;
	row->connections_refused = connections_refused;
	row->messages_per_connection = used_up != 0 ? (int64_t)used_up : RUN_NONE;
	return true;
}

bool pacing_fill(struct pacing *p, int64_t measured_ns, int64_t now_ns, struct run_document *d)
{
	struct run_pace *pace = &d->pace;
	int64_t interval_ns = p->plan->adapt_interval_ns > 0
				      ? p->plan->adapt_interval_ns
				      : governor_interval_ns(p->plan->targets[0].profile);

	pace->is_used = true;
	pace->scale = (int)(p->plan->scale > 0 ? p->plan->scale : 1);
	pace->does_adapt = p->plan->does_adapt;
	if (p->plan->does_adapt)
		pace->interval_s = (double)interval_ns / 1e9 / pace->scale;
	snprintf(pace->aborted_because, sizeof(pace->aborted_because), "%s", p->aborted_because);
	for (int i = 0; i < p->plan->target_count; i++)
		if (!fill_target(p, (uint32_t)i, now_ns, d) ||
		    !fill_holds(p, (uint32_t)i, measured_ns, d))
			return false;
	return true;
}
