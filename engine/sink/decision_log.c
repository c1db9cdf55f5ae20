/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decision_log.c - what an imposed profile decided, and why, as lines of JSON
 *
 * The queue and its thread are those of the store, without a maildir.
 */
#include "sink/decision_log.h"
#include <stdatomic.h>
#include <stdlib.h>
#include "sink/json_line.h"
#include "sink/store.h"

#define LINE_MAX_ ((size_t)16 << 10)

struct decision_log {
	struct store *store;
	struct store_port port;
	struct clock *clock;
	_Atomic uint64_t dropped;
};

/* Nobody waits for the log. */
static void wake(struct store_port *self)
{
	(void)self;
}

struct decision_log *decision_log_open(const char *path, struct clock *clock, struct err *e)
{
	struct store_options options = {
		.jsonl = path,
		.clock = clock,
		.queue_max = DECISIONS_QUEUE_MAX,
	};
	struct decision_log *l = calloc(1, sizeof(*l));

	if (!l) {
		err_set(e, EXIT_FAILED, 0, "no memory for the log of decisions");
		return NULL;
	}
	l->clock = clock;
	l->store = store_start(&options, e);
	if (!l->store) {
		free(l);
		return NULL;
	}
	store_port_open(&l->port, l->store, wake);
	return l;
}

void decision_log_close(struct decision_log *l, uint64_t *ret_lines, uint64_t *ret_dropped)
{
	struct store_stats stats = {0};

	if (!l)
		return;
	store_port_close(&l->port);
	store_stop(l->store, &stats);
	if (ret_lines)
		*ret_lines = stats.lines;
	if (ret_dropped)
		*ret_dropped = l->dropped;
	free(l);
}

static void begin(const struct decision_log *l, struct buf *line, bool *is_good)
{
	buf_init(line, LINE_MAX_);
	*is_good = json_line_begin(line, clock_wall_ns(l->clock));
}

/* Hands the line over, or drops it. */
static void end(struct decision_log *l, struct buf *line, bool is_good)
{
	is_good = is_good && buf_append(line, "}\n", 2);
	if (!is_good || store_is_full(l->store) || !store_line(&l->port, line))
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
	buf_fini(line);
}

static bool add_seconds(struct buf *line, const char *name, int64_t ns)
{
	return buf_printf(line, ",\"%s\":%.6f", name, (double)ns / (double)NS_PER_SEC);
}

void decision_log_limit(struct decision_log *l, const struct decision_limit *d)
{
	char text[LIMIT_TEXT_MAX];
	struct buf line;
	bool is_good;

	begin(l, &line, &is_good);
	is_good = is_good && json_line_member(&line, "event", "imposed") &&
		  json_line_member(&line, "profile", d->profile) &&
		  json_line_member(&line, "limit", d->name) &&
		  json_line_member(&line, "text", limit_text(d->limit, text)) &&
		  json_line_number(&line, "amount", d->limit->amount) &&
		  json_line_member(&line, "unit", limit_unit_name(d->limit->unit)) &&
		  json_line_member(&line, "per", limit_scope_name(d->limit->scope)) &&
		  json_line_member(&line, "window", limit_window_name(d->limit->window)) &&
		  add_seconds(&line, "window_s", d->period_ns) &&
		  add_seconds(&line, "from_s", d->from_ns);
	end(l, &line, is_good);
}

static bool add_limit(struct buf *line, const struct decision *d)
{
	if (!d->limit)
		return true;
	return json_line_member(line, "limit", d->limit) &&
	       json_line_member(line, "whose", d->whose) &&
	       json_line_number(line, "used", d->used) &&
	       json_line_number(line, "amount", d->amount) &&
	       add_seconds(line, "window_s", d->period_ns);
}

static bool add_reply(struct buf *line, struct span reply)
{
	while (reply.len > 0 &&
	       (reply.data[reply.len - 1] == '\n' || reply.data[reply.len - 1] == '\r'))
		reply.len--;
	if (reply.len == 0)
		return json_line_member(line, "reply", NULL);
	return buf_append_text(line, ",\"reply\":") && json_line_string(line, reply);
}

void decision_log_refusal(struct decision_log *l, const struct decision *d)
{
	struct buf line;
	bool is_good;

	begin(l, &line, &is_good);
	is_good = is_good && json_line_member(&line, "event", "refused") &&
		  json_line_member(&line, "client", d->client) &&
		  json_line_member(&line, "account", d->account) &&
		  json_line_number(&line, "session", d->session) &&
		  json_line_member(&line, "phase", phase_name(d->phase)) &&
		  json_line_member(&line, "profile", d->profile) &&
		  json_line_member(&line, "rule", d->rule) &&
		  json_line_member(&line, "cause", d->cause) && add_limit(&line, d) &&
		  add_reply(&line, d->reply);
	if (is_good && d->has_reputation)
		is_good = json_line_member(&line, "reputation", reputation_name(d->reputation));
	end(l, &line, is_good);
}

void decision_log_reputation(struct decision_log *l, const char *client, const char *profile,
			     enum reputation from, enum reputation to)
{
	struct buf line;
	bool is_good;

	begin(l, &line, &is_good);
	is_good = is_good && json_line_member(&line, "event", "reputation") &&
		  json_line_member(&line, "client", client) &&
		  json_line_member(&line, "profile", profile) &&
		  json_line_member(&line, "from", reputation_name(from)) &&
		  json_line_member(&line, "to", reputation_name(to));
	end(l, &line, is_good);
}
