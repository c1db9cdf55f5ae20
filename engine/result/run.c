/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.c - the document of a run: making, growing, ordering and freeing it
 */
#include "result/run.h"
#include <stdlib.h>
#include <string.h>
#include "base/escape.h"

const char *const run_phase_names[RUN_PHASE_COUNT] = {
	"dns",	"connect", "banner", "ehlo",   "tls",  "auth",	  "mail",     "rcpt",
	"data", "body",	   "hold",   "accept", "quit", "session", "response", "service",
};

void run_init(struct run_document *d)
{
	*d = (struct run_document){
		.config = {.messages = RUN_NONE,
			   .messages_per_connection = RUN_NONE,
			   .batch_us = RUN_NONE},
		.rate = {.lag_p50_us = RUN_NONE,
			 .lag_p99_us = RUN_NONE,
			 .lag_max_us = RUN_NONE,
			 .is_valid = true},
	};
	for (int i = 0; i <= RUN_PHASE_COUNT; i++) {
		struct run_latency *l =
			i < RUN_PHASE_COUNT ? &d->latency[i] : &d->end_to_end.latency;

		l->min_us = l->p50_us = l->p90_us = l->p99_us = RUN_NONE;
		l->p99_9_us = l->p99_99_us = l->max_us = RUN_NONE;
	}
}

static void texts_fini(struct run_texts *t)
{
	for (int i = 0; i < t->count; i++)
		free(t->items[i]);
	free(t->items);
}

void run_fini(struct run_document *d)
{
	free(d->run.command);
	texts_fini(&d->config.targets);
	texts_fini(&d->config.sources);
	free(d->config.rate);
	free(d->config.message);
	free(d->config.recipients);
	free(d->config.tls.ciphers);
	free(d->config.tls.groups);
	free(d->replies);
	free(d->errors);
	free(d->tls);
	free(d->series);
	free(d->limits);
	free(d->thresholds);
	free(d->pace.targets);
	free(d->pace.holds);
	*d = (struct run_document){0};
}

bool run_set_text(char **slot, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return false;
	free(*slot);
	*slot = copy;
	return true;
}

bool run_texts_add(struct run_texts *texts, const char *text)
{
	char *copy = strdup(text);
	char **items = realloc(texts->items, ((size_t)texts->count + 1) * sizeof(*items));

	if (items)
		texts->items = items;
	if (!copy || !items) {
		free(copy);
		return false;
	}
	items[texts->count++] = copy;
	return true;
}

/* A zeroed row at the end of the table that *table points to; grows at every power of two. */
static void *add_row(void *table, size_t *count, size_t row_size)
{
	char *rows;

	memcpy(&rows, table, sizeof(rows));
	if ((*count & (*count - 1)) == 0) {
		rows = reallocarray(rows, *count ? *count * 2 : 1, row_size);
		if (!rows)
			return NULL;
		memcpy(table, &rows, sizeof(rows));
	}
	return memset(rows + (*count)++ * row_size, 0, row_size);
}

struct run_reply *run_add_reply(struct run_document *d)
{
	return add_row(&d->replies, &d->reply_count, sizeof(*d->replies));
}

struct run_error *run_add_error(struct run_document *d)
{
	return add_row(&d->errors, &d->error_count, sizeof(*d->errors));
}

struct run_tls *run_add_tls(struct run_document *d)
{
	return add_row(&d->tls, &d->tls_count, sizeof(*d->tls));
}

struct run_second *run_add_second(struct run_document *d)
{
	struct run_second *row = add_row(&d->series, &d->series_count, sizeof(*d->series));

	if (row)
		row->p50_us = row->p99_us = RUN_NONE;
	return row;
}

struct run_limit *run_add_limit(struct run_document *d)
{
	return add_row(&d->limits, &d->limit_count, sizeof(*d->limits));
}

struct run_threshold *run_add_threshold(struct run_document *d)
{
	return add_row(&d->thresholds, &d->threshold_count, sizeof(*d->thresholds));
}

struct run_pace_target *run_add_pace_target(struct run_document *d)
{
	struct run_pace_target *row =
		add_row(&d->pace.targets, &d->pace.target_count, sizeof(*d->pace.targets));

	if (row)
		row->messages_per_connection = RUN_NONE;
	return row;
}

struct run_pace_hold *run_add_pace_hold(struct run_document *d)
{
	return add_row(&d->pace.holds, &d->pace.hold_count, sizeof(*d->pace.holds));
}

/* The order of the commands in a session; what is not listed comes last. */
static int command_rank(const char *command)
{
	static const char *const order[] = {
		"connect", "ehlo", "helo", "lhlo", "starttls", "auth", "mail",	  "rcpt",
		"data",	   "dot",  "bdat", "rset", "noop",     "quit", "unasked",
	};
	int rank = 0;

	while (rank < (int)(sizeof(order) / sizeof(*order)) && strcmp(order[rank], command) != 0)
		rank++;
	return rank;
}

static int compare_replies(const void *left, const void *right)
{
	const struct run_reply *a = left, *b = right;
	int ranks = command_rank(a->command) - command_rank(b->command);

	if (ranks)
		return ranks;
	if (a->code != b->code)
		return a->code - b->code;
	return strverscmp(a->enhanced, b->enhanced);
}

static int compare_counts(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int compare_errors(const void *left, const void *right)
{
	const struct run_error *a = left, *b = right;
	int order = compare_counts(a->count, b->count);

	if (!order)
		order = strcmp(a->phase, b->phase);
	return order ? order : strcmp(a->kind, b->kind);
}

static int compare_tls(const void *left, const void *right)
{
	const struct run_tls *a = left, *b = right;
	int order = compare_counts(a->count, b->count);

	if (!order)
		order = strcmp(a->cipher, b->cipher);
	if (!order)
		order = strcmp(a->group, b->group);
	return order ? order : (int)a->is_resumed - (int)b->is_resumed;
}

static void sort(void *rows, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count > 1)
		qsort(rows, count, size, compare);
}

void run_sort(struct run_document *d)
{
	sort(d->replies, d->reply_count, sizeof(*d->replies), compare_replies);
	sort(d->errors, d->error_count, sizeof(*d->errors), compare_errors);
	sort(d->tls, d->tls_count, sizeof(*d->tls), compare_tls);
}

/* Line ends off the end of text. */
static struct span trim_line_ends(struct span text)
{
	while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.len--;
	return text;
}

size_t run_text_clean(struct span text, char *out, size_t out_size)
{
	size_t len = 0;

	if (out_size == 0)
		return 0;
	out[0] = '\0';
	text = trim_line_ends(text);
	for (;;) {
		const char *lf = text.len ? memchr(text.data, '\n', text.len) : NULL;
		size_t line_len = lf ? (size_t)(lf - text.data) : text.len;
		struct span line = trim_line_ends((struct span){text.data, line_len});

		len += escape_text(line, ESCAPE_CONTROLS, out + len, out_size - len);
		if (!lf)
			return len;
		/* No room for more than the line end: what was written is the whole of it. */
		if (len + 4 >= out_size)
			return len;
		out[len++] = '\n';
		out[len] = '\0';
		text = span_skip(text, line_len + 1);
	}
}
