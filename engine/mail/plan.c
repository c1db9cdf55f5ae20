/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.c - the options made into a plan of messages
 *
 * Everything that can be wrong with a message is found here, before the first connection; from
 * then on rendering cannot fail but for memory.
 */
#include "mail/plan.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rng.h"
#include "base/units.h"
#include "mail/compose.h"
#include "mail/corpus.h"
#include "mail/digits.h"
#include "mail/filler.h"
#include "terms/address.h"

#define SIZE_DEFAULT   "4k"
#define DOMAIN_DEFAULT "volley.invalid" /* RFC 2606: where there is not even a sender's domain */

/* Streams of chance that hang on one seed (rng_fork()). */
#define PURPOSE_MESSAGES 0x6d61696c

static const struct spread_format size_format = {"--size", "size", true, MAIL_SIZE_MAX};
static const struct spread_format rcpts_format = {"--recipients-per-message",
						  "number of recipients", false, MAIL_RCPT_MAX};

static int no_memory(struct err *e)
{
	return err_set(e, EXIT_FAILED, ENOMEM, "no memory for the messages");
}

static int check_exclusive(const struct mail_params *p, struct err *e)
{
	if (!!p->size + !!p->eml_path + !!p->template_path > 1)
		return err_set(
			e, EXIT_USAGE, 0,
			"--size, --message and --template exclude each other: a message has one "
			"source; leave out all but one");
	if (p->sender && p->sender_path)
		return err_set(e, EXIT_USAGE, 0, "--from and --from-file exclude each other");
	if (p->recipient && p->recipient_path)
		return err_set(e, EXIT_USAGE, 0, "--to and --to-file exclude each other");
	if (p->recipient_path && p->number_recipients)
		return err_set(e, EXIT_USAGE, 0,
			       "--number-recipients numbers one --to address, not "
			       "those of --to-file");
	return 0;
}

/* How large messages are, and how many recipients they have. */
static int plan_spreads(const struct mail_params *p, struct err *e, struct mail_plan *plan)
{
	struct mail_facts *facts = &plan->facts;
	const char *rcpts = p->recipients_per_message;

	plan->is_sized = !p->eml_path && !p->template_path;
	if (plan->is_sized &&
	    spread_parse(p->size ? p->size : SIZE_DEFAULT, &size_format, e, &plan->size) < 0)
		return -1;
	plan->rows_have_rcpts = !rcpts && plan->size.has_rcpts;
	if (!rcpts)
		rcpts = plan->size.is_specmail ? "specmail2001" : "1";
	if (spread_parse(rcpts, &rcpts_format, e, &plan->rcpts) < 0)
		return -1;
	facts->rcpt_min = (int)plan->rcpts.min;
	facts->rcpt_max = (int)plan->rcpts.max;
	facts->rcpt_mean = plan->rcpts.mean;
	if (plan->rows_have_rcpts) {
		double total = 0, sum = 0;

		for (size_t i = 0; i < plan->size.row_count; i++) {
			const struct spread_row *row = &plan->size.rows[i];
			int count = row->rcpts > 0 ? row->rcpts : 1;

			if (i == 0 || count < facts->rcpt_min)
				facts->rcpt_min = count;
			if (i == 0 || count > facts->rcpt_max)
				facts->rcpt_max = count;
			total += row->weight;
			sum += row->weight * count;
		}
		facts->rcpt_mean = sum / total;
	}
	plan->stride = (uint64_t)facts->rcpt_max;
	return 0;
}

/* Who sends, and who receives. */
static int plan_rolls(const struct mail_params *p, struct err *e, struct mail_plan *plan)
{
	struct roll_format sender = {"--from", "--from-file", true, false};
	struct roll_format recipient = {"--to", "--to-file", false, false};
	char count[UNITS_TEXT_MAX];

	/* As with smtp-source: several recipients of one address are told apart by a number. */
	recipient.append_number = p->number_recipients || plan->facts.rcpt_max > 1;
	if ((p->sender_path ? roll_from_file(p->sender_path, &sender, e, &plan->sender)
			    : roll_from_pattern(p->sender ? p->sender : MAIL_SENDER_DEFAULT,
						&sender, e, &plan->sender)) < 0)
		return -1;
	if ((p->recipient_path
		     ? roll_from_file(p->recipient_path, &recipient, e, &plan->recipient)
		     : roll_from_pattern(p->recipient ? p->recipient : MAIL_RECIPIENT_DEFAULT,
					 &recipient, e, &plan->recipient)) < 0)
		return -1;
	if (plan->recipient.population > 0 &&
	    plan->recipient.population < (uint64_t)plan->facts.rcpt_max)
		return err_set(
			e, EXIT_USAGE, 0,
			"%s gives %s addresses, but a message goes to up to %d of them; give "
			"more addresses or fewer recipients a message",
			p->recipient_path ? p->recipient_path : "--to",
			units_count_text(plan->recipient.population, count), plan->facts.rcpt_max);
	return 0;
}

/* The right side of Message-ID. */
static int plan_domain(const struct mail_params *p, struct err *e, struct mail_plan *plan)
{
	struct span domain = span_of(p->domain);
	char *storage = NULL;
	bool is_utf8;

	if (p->domain) {
		char address[512];

		if (snprintf(address, sizeof(address), "x@%s", p->domain) >= (int)sizeof(address) ||
		    address_check(span_of(address)) != ADDRESS_FINE)
			return err_set(e, EXIT_USAGE, 0,
				       "\"%s\" is not a domain for the Message-ID", p->domain);
	} else {
		char *cursor = storage = malloc(plan->sender.len_max + 1);

		if (!storage)
			return no_memory(e);
		domain = address_domain(roll_pick(&plan->sender, 0, &cursor, &is_utf8));
	}
	/* An identifier is ASCII (RFC 5322 s3.6.4), also where the sender's domain is not. */
	if (domain.len == 0 || address_needs_utf8(domain))
		domain = SPAN(DOMAIN_DEFAULT);
	plan->domain = strndup(domain.data, domain.len);
	plan->domain_len = domain.len;
	free(storage);
	return plan->domain ? 0 : no_memory(e);
}

static int plan_texts(const struct mail_params *p, struct err *e, struct mail_plan *plan)
{
	if (p->eml_path)
		return corpus_read(p, e, &plan->texts, &plan->text_count);
	plan->texts = calloc(1, sizeof(*plan->texts));
	if (!plan->texts)
		return no_memory(e);
	if (plan->is_sized) {
		if (compose_sized(p, e, plan->texts) < 0)
			return -1;
	} else if (corpus_read_template(p, e, plan->texts) < 0) {
		return -1;
	}
	plan->text_count = 1;
	return 0;
}

static int plan_filler(struct err *e, struct mail_plan *plan)
{
	uint64_t want = plan->size.max + FILLER_LINE_LEN;

	if (!plan->is_sized)
		return 0;
	plan->filler_len = want < FILLER_BLOCK_MAX
				   ? (size_t)want / FILLER_LINE_LEN * FILLER_LINE_LEN
				   : FILLER_BLOCK_MAX;
	plan->filler = filler_new(plan->filler_len, plan->seed);
	return plan->filler ? 0 : no_memory(e);
}

static size_t align_up(size_t size)
{
	const size_t align = _Alignof(max_align_t);

	return (size + align - 1) / align * align;
}

/* What one form of a text takes at most in a block, beside the plan's memory. */
static void measure_text(const struct mail_plan *plan, const struct text *t, size_t *ret_octets,
			 size_t *ret_segments, uint64_t *ret_size)
{
	size_t octets = 1, segments = 1;
	uint64_t size = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct text_segment *s = &t->segments[i];
		size_t field = render_field_max(plan, s->field);

		/* A dot may be put before each. */
		octets += field + 1;
		size += field + s->plain.len;
		if (s->field != TEXT_CONSTANT)
			continue;
		if (plan->is_sized || s->stuffed.len <= PLAN_COPY_MAX)
			octets += s->stuffed.len;
		else if (s->plain.len <= PLAN_COPY_MAX)
			octets += s->plain.len;
		segments += 2;
	}
	*ret_octets = octets;
	*ret_segments = segments;
	*ret_size = size;
}

static void plan_block(struct mail_plan *plan)
{
	size_t octets_max = 0, segments_max = 0;
	size_t rcpt_max = (size_t)plan->facts.rcpt_max;

	for (size_t i = 0; i < plan->text_count; i++) {
		size_t octets, segments;
		uint64_t size;

		measure_text(plan, &plan->texts[i], &octets, &segments, &size);
		if (plan->texts[i].needs_stuffing)
			octets *= 2;
		if (octets > octets_max)
			octets_max = octets;
		if (segments > segments_max)
			segments_max = segments;
	}
	if (plan->is_sized)
		segments_max += (size_t)(plan->size.max / plan->filler_len) + 2;
	octets_max += plan->sender.len_max + rcpt_max * plan->recipient.len_max;

	plan->segment_max = segments_max;
	plan->chunk_offset = align_up(rcpt_max * sizeof(struct span));
	plan->data_offset = plan->chunk_offset + align_up(segments_max * sizeof(struct iovec));
	plan->octets_offset = plan->data_offset;
	for (size_t i = 0; i < plan->text_count; i++) {
		if (!plan->texts[i].needs_stuffing)
			continue;
		plan->octets_offset += align_up(segments_max * sizeof(struct iovec));
		break;
	}
	plan->block_size = plan->octets_offset + octets_max;
}

static void name_source(const struct mail_params *p, struct mail_plan *plan)
{
	struct mail_facts *f = &plan->facts;
	char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX], mean[UNITS_TEXT_MAX];
	char *text = plan->facts_text;

	units_size_text(f->size_min, low);
	units_size_text(f->size_max, high);
	units_size_text((uint64_t)f->size_mean, mean);
	if (plan->is_sized)
		spread_text(&plan->size, &size_format, text, PLAN_TEXT_MAX);
	else if (p->template_path)
		snprintf(text, PLAN_TEXT_MAX, "template %s, up to %s", p->template_path, high);
	else if (plan->text_count == 1)
		snprintf(text, PLAN_TEXT_MAX, "%s, %s", p->eml_path, high);
	else
		snprintf(text, PLAN_TEXT_MAX, "%zu messages of %s, %s to %s, mean %s",
			 plan->text_count, p->eml_path, low, high, mean);
	f->text = text;
}

static void plan_facts(const struct mail_params *p, struct mail_plan *plan)
{
	struct mail_facts *f = &plan->facts;
	double sum = 0;

	f->may_be_utf8 = plan->sender.may_be_utf8 || plan->recipient.may_be_utf8;
	for (size_t i = 0; i < plan->text_count; i++) {
		const struct text *t = &plan->texts[i];
		size_t octets, segments;
		uint64_t size;

		measure_text(plan, t, &octets, &segments, &size);
		if (i == 0 || size < f->size_min)
			f->size_min = size;
		if (size > f->size_max)
			f->size_max = size;
		sum += (double)size;
		f->may_be_8bit |= t->is_8bit;
		f->may_be_utf8 |= t->is_utf8;
		plan->needs_chance |= text_has(t, TEXT_RANDOM);
	}
	f->size_mean = sum / (double)plan->text_count;
	if (plan->is_sized) {
		uint64_t header = f->size_max;

		f->size_min = plan->size.min;
		f->size_max = plan->size.max > header ? plan->size.max : header;
		f->size_mean = plan->size.mean;
		plan->needs_chance |= plan->size.kind != SPREAD_FIXED;
	}
	plan->needs_chance |= plan->rcpts.kind != SPREAD_FIXED;
	name_source(p, plan);
}

static int plan_fill(const struct mail_params *p, struct err *e, struct mail_plan *plan)
{
	struct rng seeds;

	rng_fork(&seeds, p->seed, PURPOSE_MESSAGES);
	plan->seed = rng_next(&seeds);
	digits_hex16(p->run_id, plan->run);
	if (check_exclusive(p, e) < 0 || compose_check(p, e) < 0 || plan_spreads(p, e, plan) < 0 ||
	    plan_rolls(p, e, plan) < 0 || plan_domain(p, e, plan) < 0 ||
	    plan_texts(p, e, plan) < 0 || plan_filler(e, plan) < 0)
		return -1;
	plan_facts(p, plan);
	plan_block(plan);
	return 0;
}

int mail_plan_new(const struct mail_params *params, struct err *e, struct mail_plan **ret_plan)
{
	struct mail_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return no_memory(e);
	if (plan_fill(params, e, plan) < 0) {
		mail_plan_free(plan);
		return -1;
	}
	*ret_plan = plan;
	return 0;
}

void mail_plan_free(struct mail_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; plan->texts && i < plan->text_count; i++)
		text_fini(&plan->texts[i]);
	free(plan->texts);
	spread_fini(&plan->size);
	spread_fini(&plan->rcpts);
	roll_fini(&plan->sender);
	roll_fini(&plan->recipient);
	free(plan->filler);
	free(plan->domain);
	free(plan);
}

const struct mail_facts *mail_plan_facts(const struct mail_plan *plan)
{
	return &plan->facts;
}
