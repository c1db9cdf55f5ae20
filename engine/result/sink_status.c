/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_status.c - the document of a sink: its memory
 */
#include "result/sink_status.h"
#include <stdlib.h>
#include <string.h>

void sink_status_init(struct sink_status *s)
{
	*s = (struct sink_status){0};
}

void sink_status_fini(struct sink_status *s)
{
	for (int i = 0; i < s->listeners.count; i++)
		free(s->listeners.items[i]);
	for (size_t i = 0; i < s->fault_count; i++)
		free(s->faults[i].rule);
	free(s->listeners.items);
	free(s->replies);
	free(s->clients);
	free(s->tls);
	free(s->tls_failures);
	free(s->ends);
	free(s->faults);
	free(s->delays);
	free(s->runs);
	free(s->limits);
	free(s->rules);
	sink_status_init(s);
}

void sink_status_set_started(struct sink_status *s, int64_t wall_ns)
{
	date_text(wall_ns, 3, s->started);
}

/* Makes room for one more row whenever the count is a power of two. NULL: memory exhausted. */
static void *add_row(void **rows, size_t *count, size_t size)
{
	void *row;

	if ((*count & (*count - 1)) == 0) {
		void *grown = realloc(*rows, (*count > 0 ? *count * 2 : 1) * size);

		if (!grown)
			return NULL;
		*rows = grown;
	}
	row = (char *)*rows + (*count)++ * size;
	memset(row, 0, size);
	return row;
}

#define ADD_ROW(name, type, rows, count)                                                           \
	struct type *name(struct sink_status *s)                                                   \
	{                                                                                          \
		void *all = s->rows;                                                               \
		void *row = add_row(&all, &s->count, sizeof(struct type));                         \
                                                                                                   \
		s->rows = all;                                                                     \
		return row;                                                                        \
	}

ADD_ROW(sink_status_add_reply, sink_status_reply, replies, reply_count)
ADD_ROW(sink_status_add_client, sink_status_client, clients, client_count)
ADD_ROW(sink_status_add_tls, sink_status_tls, tls, tls_count)
ADD_ROW(sink_status_add_tls_failure, sink_status_cause, tls_failures, tls_failure_count)
ADD_ROW(sink_status_add_end, sink_status_cause, ends, end_count)
ADD_ROW(sink_status_add_fault, sink_status_fault, faults, fault_count)
ADD_ROW(sink_status_add_delay, sink_status_delay, delays, delay_count)
ADD_ROW(sink_status_add_run, sink_status_run, runs, run_count)
ADD_ROW(sink_status_add_limit, sink_status_limit, limits, limit_count)
ADD_ROW(sink_status_add_rule, sink_status_rule, rules, rule_count)

const char *sink_status_reputation_name(int reputation)
{
	static const char *const names[SINK_STATUS_REPUTATIONS] = {"new", "warming", "good",
								   "poor"};

	return names[reputation];
}
