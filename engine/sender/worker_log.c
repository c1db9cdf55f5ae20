/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker_log.c - what a worker puts into the log of outcomes
 *
 * Fixed records, filled in by the worker and formatted by the log's own thread. A connection has a
 * number of its own, so that a reader can tell how many stood when something was refused, and how
 * many messages one had carried by then.
 */
#include "sender/worker_log.h"

struct outcome_log *worker_log_open(const struct sender_plan *plan, const char *path,
				    bool failures_only, int worker_count, struct err *e)
{
	static const char *urls[PLAN_TARGETS_MAX], *sources[PLAN_SOURCES_MAX];
	static const struct rules *rules[PLAN_TARGETS_MAX];
	static char source_texts[PLAN_SOURCES_MAX][ENDPOINT_TEXT_MAX];
	struct outcome_log_params params = {
		.path = path,
		.failures_only = failures_only,
		.run_id = plan->run_id,
		.worker_count = worker_count,
		.urls = urls,
		.rules = rules,
		.target_count = plan->target_count,
		.sources = sources,
	};

	for (int i = 0; i < plan->target_count; i++) {
		urls[i] = plan->targets[i].url;
		rules[i] = plan->targets[i].rules;
	}
	for (int i = 0; i < plan->source_count; i++)
		sources[i] = endpoint_address_text(&plan->sources[i], source_texts[i]);
	return outcome_log_open(&params, e);
}

static void log_text(struct outcome_record *r, struct span text)
{
	r->text_len = (uint16_t)(text.len < OUTCOME_TEXT_MAX ? text.len : OUTCOME_TEXT_MAX);
	if (r->text_len > 0)
		memcpy(r->text, text.data, r->text_len);
}

/* Fills in what all records have in common; NULL when this one is not logged. */
static struct outcome_record *begin(struct session *s, enum outcome_word word, int64_t at_ns)
{
	struct worker *w = s->worker;
	const struct sender_plan *p = w->plan;
	struct outcome_record *r;

	if (!outcome_log_wants(w->shared->log, word))
		return NULL;
	r = outcome_log_begin(w->shared->log, w->id);
	if (r == NULL) {
		w->record->counts.log_dropped++;
		return NULL;
	}
	r->at_wall_ns = at_ns + w->shared->wall_offset_ns;
	r->session = s->number;
	r->connection = s->connection;
	r->target = (uint16_t)(s->number % (uint32_t)p->target_count);
	r->source = p->source_count == 0 ? -1
					 : (int32_t)(s->number / (uint32_t)p->target_count %
						     (uint32_t)p->source_count);
	r->word = (uint8_t)word;
	r->code = 0;
	r->kind[0] = '\0';
	r->text_len = 0;
	return r;
}

static void tell_failure(struct outcome_record *r, const struct talk_failure *failure)
{
	char kind[TALK_KIND_MAX];
	struct span words;

	if (failure == NULL || failure->cause == TALK_CAUSE_NONE)
		return;
	words = span_of(talk_failure_kind(failure, kind));
	memcpy(r->kind, words.data, words.len + 1);
	r->phase = (uint8_t)failure->phase;
	log_text(r, span_of(failure->detail));
}

static void commit(struct session *s)
{
	outcome_log_commit(s->worker->shared->log, s->worker->id);
}

static void log_connection(struct session *s, enum outcome_word word, int64_t at_ns)
{
	struct outcome_record *r = begin(s, word, at_ns);

	if (r == NULL)
		return;
	r->phase = PHASE_SESSION;
	r->number = s->sent;
	commit(s);
}

void worker_log_opened(struct session *s, int64_t at_ns)
{
	log_connection(s, OUTCOME_OPENED, at_ns);
}

void worker_log_closed(struct session *s, int64_t at_ns)
{
	log_connection(s, OUTCOME_CLOSED, at_ns);
}

void worker_log_session(struct session *s, int64_t at_ns, const struct talk_failure *failure)
{
	struct outcome_record *r = begin(s, OUTCOME_SESSION, at_ns);

	if (r == NULL)
		return;
	tell_failure(r, failure);
	r->code = s->refusal.code;
	r->enhanced = s->refusal.enhanced;
	r->command = s->refusal.command;
	commit(s);
}

void worker_log_message(struct session *s, enum outcome_word word, int64_t at_ns,
			const struct smtp_outcome *o, const struct talk_failure *failure)
{
	struct session_job *job = s->job;
	struct outcome_record *r = begin(s, word, at_ns);
	struct span rcpt = job->message.rcpt[0];

	if (r == NULL)
		return;
	r->phase = (uint8_t)job->phase;
	tell_failure(r, failure);
	r->number = job->number;
	r->on_connection = s->sent + 1;
	r->late_ns = job->start_ns - job->due_ns;
	r->service_ns = at_ns - job->start_ns;
	r->response_ns = at_ns - job->due_ns;
	r->rcpt_count = (uint16_t)job->message.rcpt_count;
	r->rcpt_len = (uint16_t)(rcpt.len < OUTCOME_RCPT_MAX ? rcpt.len : OUTCOME_RCPT_MAX);
	memcpy(r->rcpt, rcpt.data, r->rcpt_len);
	if (o->reply.code != 0) {
		r->code = o->reply.code;
		r->enhanced = o->reply.enhanced;
		r->command = (uint8_t)o->command;
		log_text(r, o->reply.text);
	}
	commit(s);
}
