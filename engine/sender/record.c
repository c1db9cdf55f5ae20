/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.c - what a worker has counted and timed
 *
 * Errors are keyed by (phase, cause, kind within the cause), so that counting one formats nothing;
 * the words are made when the document is. Facts of TLS are keyed by their text, once a handshake.
 */
#include <stdio.h>
#include "sender/record.h"

#define KEYS_MAX 4096

/* Look-ups fail in the control thread; they share the table of errors with the talks' causes. */
#define CAUSE_DNS 0xffu

int record_init(struct record *r, struct err *e)
{
	*r = (struct record){0};
	tally_init(&r->replies, KEYS_MAX);
	tally_init(&r->errors, KEYS_MAX);
	tally_init(&r->tls, KEYS_MAX);
	/* Made now, so that the open loop's first message does not wait for 180 KiB of zeros. */
	r->phases[PHASE_RESPONSE] = hdr_new();
	r->phases[PHASE_SERVICE] = hdr_new();
	if (r->phases[PHASE_RESPONSE] == NULL || r->phases[PHASE_SERVICE] == NULL) {
		record_fini(r);
		return err_set(e, EXIT_FAILED, 0, "no memory for histograms");
	}
	return 0;
}

void record_fini(struct record *r)
{
	if (r->replies.key_max == 0)
		return; /* never initialised */
	for (int i = 0; i < PHASE_COUNT; i++)
		hdr_free(r->phases[i]);
	hdr_free(r->lag);
	tally_fini(&r->replies);
	tally_fini(&r->errors);
	tally_fini(&r->tls);
	*r = (struct record){0};
}

void record_clear(struct record *r)
{
	r->counts = (struct record_counts){0};
	for (int i = 0; i < PHASE_COUNT; i++)
		if (r->phases[i] != NULL && r->phases[i]->total > 0)
			hdr_clear(r->phases[i]);
	if (r->lag != NULL)
		hdr_clear(r->lag);
	tally_clear(&r->replies);
	tally_clear(&r->errors);
	tally_clear(&r->tls);
	r->is_out_of_memory = false;
}

static void merge_hdr(struct record *into, struct hdr **to, const struct hdr *from)
{
	if (from == NULL || from->total == 0)
		return;
	if (*to == NULL)
		*to = hdr_new();
	if (*to == NULL)
		into->is_out_of_memory = true;
	else
		hdr_merge(*to, from);
}

void record_merge(struct record *into, const struct record *from)
{
	const uint64_t *add = (const uint64_t *)&from->counts;
	uint64_t *sum = (uint64_t *)&into->counts;

	for (size_t i = 0; i < RECORD_COUNTS; i++)
		sum[i] += add[i];
	for (int i = 0; i < PHASE_COUNT; i++)
		merge_hdr(into, &into->phases[i], from->phases[i]);
	merge_hdr(into, &into->lag, from->lag);
	tally_merge(&into->replies, &from->replies);
	tally_merge(&into->errors, &from->errors);
	tally_merge(&into->tls, &from->tls);
	into->is_out_of_memory |= from->is_out_of_memory;
}

static void record_ns(struct record *r, struct hdr **h, int64_t took_ns)
{
	if (__builtin_expect(*h == NULL, 0)) {
		*h = hdr_new();
		if (*h == NULL) {
			r->is_out_of_memory = true;
			return;
		}
	}
	hdr_record_ns(*h, took_ns);
}

void record_phase(struct record *r, enum phase phase, int64_t took_ns)
{
	record_ns(r, &r->phases[phase], took_ns);
}

void record_lag(struct record *r, int64_t lag_ns)
{
	record_ns(r, &r->lag, lag_ns);
}

void record_reply(struct record *r, enum smtp_command command, const struct reply *reply)
{
	struct tally_reply key = {
		.command = (uint16_t)command,
		.code = reply->code,
		.class = reply->enhanced.class,
		.subject = reply->enhanced.subject,
		.detail = reply->enhanced.detail,
	};

	if (reply->code < 300)
		r->counts.replies_2xx++;
	else if (reply->code >= 500)
		r->counts.replies_5xx++;
	else if (reply->code >= 400)
		r->counts.replies_4xx++;
	tally_add(&r->replies, tally_reply_key(key), reply->text);
}

void record_reply_of(uint64_t key, enum smtp_command *ret_command, struct reply *ret_reply)
{
	struct tally_reply parts = tally_reply_of(key);

	*ret_command = (enum smtp_command)parts.command;
	*ret_reply = (struct reply){
		.code = parts.code,
		.enhanced = {parts.class, parts.subject, parts.detail},
	};
}

static uint64_t error_key(enum phase phase, uint32_t cause, uint32_t kind)
{
	return tally_pair_key((uint32_t)phase << 8 | cause, kind);
}

void record_failure(struct record *r, const struct talk_failure *f)
{
	uint32_t kind = f->cause == TALK_CAUSE_LINK  ? (uint32_t)f->end
			: f->cause == TALK_CAUSE_TLS ? (uint32_t)f->tls
						     : (uint32_t)f->smtp;
	struct span sample = span_of(f->detail);

	/* A static text; NULL where the number has none. */
	if (sample.len == 0 && f->cause == TALK_CAUSE_LINK && f->os_error != 0)
		sample = span_of(strerrordesc_np(f->os_error));
	r->counts.errors++;
	tally_add(&r->errors, error_key(f->phase, (uint32_t)f->cause, kind), sample);
}

void record_lookup_failure(struct record *r, enum resolver_cause cause, struct span detail)
{
	r->counts.errors++;
	tally_add(&r->errors, error_key(PHASE_DNS, CAUSE_DNS, (uint32_t)cause), detail);
}

bool record_failure_of(uint64_t key, struct talk_failure *ret_failure)
{
	uint32_t where = tally_pair_first(key), kind = tally_pair_second(key);

	if ((where & 0xff) == CAUSE_DNS)
		return false;
	*ret_failure = (struct talk_failure){
		.cause = (enum talk_cause)(where & 0xff),
		.phase = (enum phase)(where >> 8),
		.detail = "",
	};
	if (ret_failure->cause == TALK_CAUSE_LINK)
		ret_failure->end = (enum link_end)kind;
	else if (ret_failure->cause == TALK_CAUSE_TLS)
		ret_failure->tls = (enum secure_failure)kind;
	else
		ret_failure->smtp = (enum smtp_fault)kind;
	return true;
}

const char *record_error_of(uint64_t key, enum phase *ret_phase, char *out)
{
	struct talk_failure f;

	*ret_phase = PHASE_DNS;
	if (!record_failure_of(key, &f)) {
		snprintf(out, TALK_KIND_MAX, "dns %s",
			 resolver_cause_name((enum resolver_cause)tally_pair_second(key)));
		return out;
	}
	*ret_phase = f.phase;
	return talk_failure_kind(&f, out);
}

void record_tls(struct record *r, const struct secure_facts *facts)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%s\t%s\t%s\t%s", facts->version, facts->cipher,
			   facts->group, facts->is_resumed ? "resumed" : "full");
	struct span sample = {text, len > 0 ? (size_t)len : 0};

	if (facts->is_resumed)
		r->counts.sessions_resumed++;
	tally_add(&r->tls, tally_text_key(sample), sample);
}
