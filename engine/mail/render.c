/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * render.c - one message out of the plan
 *
 * A block of the press's slab holds everything a message needs beside the plan's own memory; its
 * size is known from the plan, so that nothing is checked or grown while rendering. The text is
 * run through once, or twice where its dot-stuffed form differs.
 */
#include "base/check.h"
#include "base/rng.h"
#include "mail/digits.h"
#include "mail/plan.h"
#include "terms/address.h"

#define NULL_SENDER_LOCAL "MAILER-DAEMON@"
#define NS_PER_SECOND	  1000000000

/* What a message is made of: the fields' values. */
struct render {
	struct mail_press *press;
	const struct mail_plan *plan;
	const struct mail_slot *slot;
	uint64_t seq, random;
	int64_t due_ns;
	uint64_t size;	 /* asked for, of a sized message */
	uint64_t filler; /* octets of filler that make it up; set by the form that is not stuffed */
	bool is_padded;	 /* and one space */
};

/* The form under way: octets written so far, and the segments that lead through them. */
struct form {
	char *out, *run; /* run: where the open segment begins */
	char *pad;	 /* where a space may be put in */
	struct iovec *segments;
	int count;
	uint64_t size; /* of the closed segments */
	bool is_stuffed, is_line_start;
};

void mail_press_init(struct mail_press *press, const struct mail_plan *plan)
{
	*press = (struct mail_press){.plan = plan, .date_s = -1};
	slab_init(&press->blocks, plan->block_size);
}

void mail_press_fini(struct mail_press *press)
{
	CHECK(press->blocks.in_use == 0);
	slab_fini(&press->blocks);
}

void mail_slot_release(struct mail_press *press, struct mail_slot *slot)
{
	if (slot->block)
		slab_free(&press->blocks, slot->block);
	*slot = (struct mail_slot){0};
}

static char *put(char *out, const void *data, size_t len)
{
	memcpy(out, data, len);
	return out + len;
}

static char *put_span(char *out, struct span text)
{
	return put(out, text.data, text.len);
}

/* The left side of Message-ID and the first two parts of X-Volley-ID, joined by a character. */
static char *put_run_seq(const struct render *r, char joint, char *out)
{
	out = put(out, r->plan->run, sizeof(r->plan->run));
	*out++ = joint;
	return digits_decimal(r->seq, 0, out);
}

static char *put_date(const struct render *r, char *out)
{
	struct mail_press *press = r->press;
	int64_t second = r->due_ns / NS_PER_SECOND;

	if (press->date_s != second) {
		digits_date(second, press->date);
		press->date_s = second;
	}
	return put(out, press->date, DIGITS_DATE_LEN);
}

/* Each recipient on a line of its own, so that no line grows too long. */
static char *put_to(const struct render *r, char *out)
{
	for (int i = 0; i < r->slot->rcpt_count; i++) {
		if (i > 0)
			out = put(out, ",\r\n ", 4);
		out = put_span(out, r->slot->rcpt[i]);
	}
	return out;
}

static char *put_from(const struct render *r, char *out)
{
	if (r->slot->sender.len > 0)
		return put_span(out, r->slot->sender);
	out = put_span(out, SPAN(NULL_SENDER_LOCAL));
	return put(out, r->plan->domain, r->plan->domain_len);
}

static char *put_message_id(const struct render *r, char *out)
{
	*out++ = '<';
	out = put_run_seq(r, '.', out);
	*out++ = '@';
	out = put(out, r->plan->domain, r->plan->domain_len);
	*out++ = '>';
	return out;
}

static char *put_id(const struct render *r, char *out)
{
	out = put_run_seq(r, '-', out);
	*out++ = '-';
	return digits_decimal((uint64_t)r->due_ns, 0, out);
}

static char *put_field(const struct render *r, enum text_field field, char *out)
{
	struct span rcpt = r->slot->rcpt[0], domain;

	switch (field) {
	case TEXT_RCPT:
		return put_span(out, rcpt);
	case TEXT_RCPT_LOCAL:
		return put(out, rcpt.data, rcpt.len - address_domain(rcpt).len - 1);
	case TEXT_RCPT_DOMAIN:
		return put_span(out, address_domain(rcpt));
	case TEXT_TO:
		return put_to(r, out);
	case TEXT_FROM:
		return put_from(r, out);
	case TEXT_FROM_DOMAIN:
		domain = address_domain(r->slot->sender);
		return domain.len ? put_span(out, domain)
				  : put(out, r->plan->domain, r->plan->domain_len);
	case TEXT_SEQ:
		return digits_decimal(r->seq, 0, out);
	case TEXT_RUN:
		return put(out, r->plan->run, sizeof(r->plan->run));
	case TEXT_ID:
		return put_id(r, out);
	case TEXT_MESSAGE_ID:
		return put_message_id(r, out);
	case TEXT_DATE:
		return put_date(r, out);
	case TEXT_DUE:
		return digits_decimal((uint64_t)(r->due_ns / NS_PER_SECOND), 0, out);
	case TEXT_RANDOM:
		return digits_hex16(r->random, out);
	case TEXT_OPEN:
		return put(out, "{{", 2);
	case TEXT_CONSTANT:
	case TEXT_PAD:
		break;
	}
	return out;
}

size_t render_field_max(const struct mail_plan *plan, enum text_field field)
{
	size_t sender_max = plan->sender.len_max;

	if (sender_max < sizeof(NULL_SENDER_LOCAL) + plan->domain_len)
		sender_max = sizeof(NULL_SENDER_LOCAL) + plan->domain_len;
	switch (field) {
	case TEXT_RCPT:
	case TEXT_RCPT_LOCAL:
	case TEXT_RCPT_DOMAIN:
		return plan->recipient.len_max;
	case TEXT_TO:
		return (size_t)plan->facts.rcpt_max * (plan->recipient.len_max + 4);
	case TEXT_FROM:
	case TEXT_FROM_DOMAIN:
		return sender_max;
	case TEXT_SEQ:
	case TEXT_DUE:
		return DIGITS_U64_MAX;
	case TEXT_RUN:
	case TEXT_RANDOM:
		return 16;
	case TEXT_ID:
		return 16 + 2 * (DIGITS_U64_MAX + 1);
	case TEXT_MESSAGE_ID:
		return 16 + DIGITS_U64_MAX + plan->domain_len + 4;
	case TEXT_DATE:
		return DIGITS_DATE_LEN;
	case TEXT_OPEN:
		return 2;
	case TEXT_PAD:
		return 1;
	case TEXT_CONSTANT:
		break;
	}
	return 0;
}

/* Ends the segment of octets written here. */
static void close_run(struct form *f)
{
	size_t len = (size_t)(f->out - f->run);

	if (len == 0)
		return;
	f->segments[f->count++] = (struct iovec){f->run, len};
	f->size += len;
	f->run = f->out;
}

/* Lends octets of the plan, which nobody writes to. */
static void lend(struct form *f, const char *data, size_t len)
{
	union {
		const char *from;
		void *to;
	} unconst = {.from = data};

	close_run(f);
	f->segments[f->count++] = (struct iovec){unconst.to, len};
	f->size += len;
}

static void render_constant(struct form *f, const struct text_segment *s, bool may_lend)
{
	struct span text = f->is_stuffed ? s->stuffed : s->plain;

	if (f->is_stuffed && f->is_line_start && text.data[0] == '.')
		*f->out++ = '.';
	if (may_lend && text.len > PLAN_COPY_MAX)
		lend(f, text.data, text.len);
	else
		f->out = put_span(f->out, text);
	f->is_line_start = text.data[text.len - 1] == '\n';
}

static void render_field(const struct render *r, struct form *f, enum text_field field)
{
	char *begin = f->out;

	f->out = put_field(r, field, begin);
	if (f->out == begin)
		return;
	if (f->is_stuffed && f->is_line_start && *begin == '.') {
		memmove(begin + 1, begin, (size_t)(f->out - begin));
		f->out++;
	}
	f->is_line_start = false;
}

/* How much filler makes up the size asked for. */
static void measure_filler(struct render *r, size_t header_len)
{
	r->filler = r->size > header_len ? r->size - header_len : 0;
	/* A body that began with the LF of a line's CRLF is avoided by one more space before it. */
	r->is_padded = r->filler % FILLER_LINE_LEN == 1;
	if (r->is_padded)
		r->filler--;
}

/* The rest of a sized message: the last octets of endless filler. */
static void render_filler(const struct render *r, struct form *f)
{
	const struct mail_plan *plan = r->plan;
	uint64_t left = r->filler;
	size_t first;

	if (r->is_padded) {
		memmove(f->pad + 1, f->pad, (size_t)(f->out - f->pad));
		*f->pad = ' ';
		f->out++;
	}
	if (left == 0)
		return;
	first = (size_t)(left % plan->filler_len);
	if (first > 0)
		lend(f, plan->filler + plan->filler_len - first, first);
	for (left -= first; left > 0; left -= plan->filler_len)
		lend(f, plan->filler, plan->filler_len);
}

/* Writes one form of the text at f->out; the one that is not stuffed first. */
static void render_form(struct render *r, const struct text *t, struct form *f)
{
	char *begin = f->out;

	f->run = f->out;
	f->is_line_start = true;
	for (size_t i = 0; i < t->count; i++) {
		const struct text_segment *s = &t->segments[i];

		if (s->field == TEXT_CONSTANT)
			render_constant(f, s, !r->plan->is_sized);
		else if (s->field == TEXT_PAD)
			f->pad = f->out;
		else
			render_field(r, f, s->field);
	}
	if (r->plan->is_sized) {
		if (!f->is_stuffed)
			measure_filler(r, (size_t)(f->out - begin));
		render_filler(r, f);
	}
	close_run(f);
}

/* Draws what chance decides, in an order that stays: size, recipients, field. */
static void draw(struct render *r, int *ret_rcpts, uint64_t *ret_first)
{
	const struct mail_plan *plan = r->plan;
	int rcpts = 0;
	struct rng chance;

	*ret_first = r->seq * plan->stride;
	*ret_rcpts = (int)plan->rcpts.min;
	r->size = plan->size.min;
	if (!plan->needs_chance)
		return;
	rng_fork(&chance, plan->seed, r->seq);
	if (plan->is_sized)
		r->size = spread_draw(&plan->size, &chance, &rcpts);
	if (rcpts == 0 || !plan->rows_have_rcpts)
		rcpts = (int)spread_draw(&plan->rcpts, &chance, &rcpts);
	*ret_rcpts = rcpts;
	/* Numbers with gaps would leave out the same addresses of a list each time round. */
	if (plan->facts.rcpt_min != plan->facts.rcpt_max && plan->recipient.population > 0)
		*ret_first = rng_below(&chance, plan->recipient.population);
	r->random = rng_next(&chance);
}

bool mail_render(struct mail_press *press, uint64_t seq, int64_t due_wall_ns,
		 struct mail_slot *slot)
{
	const struct mail_plan *plan = press->plan;
	const struct text *text = &plan->texts[plan->text_count > 1 ? seq % plan->text_count : 0];
	struct render r = {
		.press = press,
		.plan = plan,
		.slot = slot,
		.seq = seq,
		.due_ns = due_wall_ns > 0 ? due_wall_ns : 0,
	};
	struct span *rcpt;
	struct form chunk = {0}, data;
	uint64_t first;
	char *block, *cursor;
	bool is_utf8;

	if (!slot->block && !(slot->block = slab_alloc(&press->blocks)))
		return false;
	block = slot->block;
	rcpt = slot->block;
	cursor = block + plan->octets_offset;
	draw(&r, &slot->rcpt_count, &first);

	slot->sender = roll_pick(&plan->sender, seq, &cursor, &slot->is_utf8);
	slot->rcpt = rcpt;
	for (int i = 0; i < slot->rcpt_count; i++) {
		rcpt[i] = roll_pick(&plan->recipient, first + (uint64_t)i, &cursor, &is_utf8);
		slot->is_utf8 |= is_utf8;
	}

	chunk.out = cursor;
	chunk.segments = (struct iovec *)(void *)(block + plan->chunk_offset);
	render_form(&r, text, &chunk);
	data = chunk;
	if (text->needs_stuffing) {
		data = (struct form){.out = chunk.out, .is_stuffed = true};
		data.segments = (struct iovec *)(void *)(block + plan->data_offset);
		render_form(&r, text, &data);
	}
	slot->chunk = chunk.segments;
	slot->chunk_count = chunk.count;
	slot->data = data.segments;
	slot->data_count = data.count;
	slot->size = chunk.size;
	slot->is_8bit = text->is_8bit;
	slot->is_utf8 |= text->is_utf8;
	return true;
}
