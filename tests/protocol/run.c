/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.c - plays a dialogue against the SMTP client
 *
 * The client is held to its contract: input stands in memory of exactly its size that is freed
 * after each call, commands in a buffer that is overwritten once they are sent, messages in memory
 * that is overwritten and freed as soon as they are over. AddressSanitizer sees the rest.
 */
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "events.h"
#include "letter.h"

#define TEXT_LIMIT ((size_t)16 << 20)

struct run {
	const struct script *script;
	const char *path;
	size_t cut, server_pos;
	struct smtp_client client;
	struct letter *letter;
	struct buf tx, written, events; /* events: lines with '\n' */
	size_t event_pos;		/* the first one not compared yet */
	long writes;
	int64_t now_ns;
	bool is_held, is_flying;
	bool is_wrong;
};

static void complain(struct run *r, const struct step *step, const char *what, struct span want,
		     struct span have)
{
	struct buf text;

	if (r->is_wrong)
		return;
	r->is_wrong = true;
	buf_init(&text, TEXT_LIMIT);
	if (want.len > 2000)
		want.len = 2000;
	if (have.len > 2000)
		have.len = 2000;
	octets_write(&text, want);
	printf("# %s:%d: %s (cut %zd)\n#   want: %.*s\n", r->path, step->line, what,
	       (ssize_t)r->cut, (int)text.len, text.data ? text.data : "");
	buf_clear(&text);
	octets_write(&text, have);
	printf("#   have: %.*s\n", (int)text.len, text.data ? text.data : "");
	buf_fini(&text);
}

static void event_note(struct run *r, const struct smtp_event *event)
{
	event_write(&r->events, event);
	if (!buf_append(&r->events, "\n", 1))
		abort();
	if (event->kind != SMTP_EVENT_DONE)
		return;
	letter_free(r->letter);
	r->letter = NULL;
}

/* Feeds input up to MORE, each call from memory of its own. */
static void feed(struct run *r, struct span in)
{
	enum smtp_feed answer;

	do {
		struct smtp_event event;
		char *copy = in.len > 0 ? malloc(in.len) : NULL;
		size_t used = 0;

		if (copy)
			memcpy(copy, in.data, in.len);
		answer = smtp_client_feed(&r->client, (struct span){copy, in.len}, r->now_ns, &used,
					  &event);
		if (answer == SMTP_FEED_EVENT)
			event_note(r, &event);
		else if (used != in.len)
			abort();
		if (copy)
			memset(copy, 0xee, in.len);
		free(copy);
		if (used > 0)
			in = span_skip(in, used);
	} while (answer == SMTP_FEED_EVENT);
}

static void sent(struct run *r)
{
	r->is_flying = false;
	smtp_client_sent(&r->client, r->now_ns);
	if (r->tx.data)
		memset(r->tx.data, 0xee, r->tx.cap);
	buf_clear(&r->tx);
	if (smtp_client_has_event(&r->client))
		feed(r, (struct span){.len = 0});
}

/* Takes what the client sends, and reports it as sent unless that is held back. */
static void drain(struct run *r)
{
	struct iovec segments[64];
	int count;

	while (!r->is_flying) {
		count = smtp_client_output(&r->client, r->now_ns, &r->tx, segments,
					   r->script->segments_max);
		if (count == 0 && smtp_client_has_event(&r->client))
			feed(r, (struct span){.len = 0});
		if (count == 0)
			return;
		r->writes++;
		r->is_flying = true;
		for (int i = 0; i < count; i++)
			if (!buf_append(&r->written, segments[i].iov_base, segments[i].iov_len))
				abort();
		if (!r->is_held)
			sent(r);
	}
}

static void serve(struct run *r, const struct step *step)
{
	size_t at = r->server_pos;
	struct span in = {step->text, step->len};

	r->server_pos += step->len;
	if (r->cut == RUN_BY_OCTET) {
		for (; in.len > 0; in = span_skip(in, 1))
			feed(r, (struct span){in.data, 1});
	} else if (r->cut > at && r->cut < at + step->len) {
		feed(r, (struct span){in.data, r->cut - at});
		feed(r, span_skip(in, r->cut - at));
	} else {
		feed(r, in);
	}
}

/* The events not compared yet. */
static struct span events_left(const struct run *r)
{
	if (r->event_pos >= r->events.len)
		return (struct span){.len = 0};
	return span_skip(buf_span(&r->events), r->event_pos);
}

static void compare_event(struct run *r, const struct step *step)
{
	struct span have = events_left(r);
	const char *end = have.len > 0 ? memchr(have.data, '\n', have.len) : NULL;

	have.len = end ? (size_t)(end - have.data) : 0;
	if (!end || !span_equal(have, (struct span){step->text, step->len}))
		complain(r, step, "event", (struct span){step->text, step->len}, have);
	r->event_pos += have.len + 1;
}

static void compare_output(struct run *r, const struct step *step)
{
	struct span want = {step->text, step->len};

	if (!span_equal(want, buf_span(&r->written)))
		complain(r, step, "the client's words", want, buf_span(&r->written));
	buf_clear(&r->written);
}

static void compare_number(struct run *r, const struct step *step, const char *what, long want,
			   long have)
{
	char want_text[32], have_text[32];

	if (want == have)
		return;
	snprintf(want_text, sizeof(want_text), "%ld", want);
	snprintf(have_text, sizeof(have_text), "%ld", have);
	complain(r, step, what, span_of(want_text), span_of(have_text));
}

static void late(struct run *r, const struct step *step)
{
	int64_t left_ns = smtp_client_deadline(&r->client) - r->now_ns;
	struct smtp_event event;

	compare_number(r, step, "seconds to the deadline", step->number,
		       (long)(left_ns / NS_PER_SEC));
	if (r->is_wrong)
		return;
	r->now_ns += left_ns;
	smtp_client_late(&r->client, r->now_ns, &event);
	event_note(r, &event);
}

static void broken(struct run *r)
{
	struct smtp_outcome outcome;
	enum smtp_command command;
	enum phase phase;
	bool has_message = smtp_client_broken(&r->client, &outcome, &command, &phase);

	broken_write(&r->events, has_message, &outcome, command, phase);
	if (!buf_append(&r->events, "\n", 1))
		abort();
	letter_free(r->letter);
	r->letter = NULL;
}

static void compare_capabilities(struct run *r, const struct step *step)
{
	struct buf text;

	buf_init(&text, TEXT_LIMIT);
	capabilities_write(&text, smtp_client_capabilities(&r->client));
	if (!span_equal(buf_span(&text), (struct span){step->text, step->len}))
		complain(r, step, "capabilities", (struct span){step->text, step->len},
			 buf_span(&text));
	buf_fini(&text);
}

/* What the steps before led to must have been expected, before anything new happens. */
static void compare_rest(struct run *r, const struct step *step)
{
	struct span left = events_left(r);

	if (left.len > 0)
		complain(r, step, "an event before this line", (struct span){.len = 0}, left);
	if (r->written.len > 0)
		complain(r, step, "the client's words before this line", (struct span){.len = 0},
			 buf_span(&r->written));
	r->writes = 0;
	buf_clear(&r->events);
	r->event_pos = 0;
}

static void give(struct run *r, const struct step *step)
{
	r->letter = letter_new(step->text);
	if (!r->letter || !smtp_client_is_ready(&r->client)) {
		complain(r, step, "a message cannot be given", (struct span){.len = 0},
			 (struct span){.len = 0});
		return;
	}
	smtp_client_message(&r->client, &r->letter->message, r->now_ns);
	if (smtp_client_has_event(&r->client))
		feed(r, (struct span){.len = 0});
}

static void act(struct run *r, const struct step *step)
{
	switch (step->kind) {
	case STEP_SERVER:
		serve(r, step);
		break;
	case STEP_GIVE:
		give(r, step);
		break;
	case STEP_QUIT:
		smtp_client_quit(&r->client, r->now_ns);
		break;
	case STEP_RESET:
		smtp_client_reset(&r->client, r->now_ns);
		break;
	case STEP_NOOP:
		smtp_client_noop(&r->client, r->now_ns);
		break;
	case STEP_SECURED:
		smtp_client_secured(&r->client, r->now_ns);
		break;
	case STEP_UNSENT:
		r->is_held = true;
		break;
	case STEP_SENT:
		r->is_held = false;
		sent(r);
		break;
	case STEP_WAIT:
		r->now_ns += step->number * NS_PER_SEC;
		break;
	case STEP_LATE:
		late(r, step);
		break;
	case STEP_BROKEN:
		broken(r);
		break;
	default:
		break;
	}
	if (!r->is_wrong)
		drain(r);
}

static void step_run(struct run *r, const struct step *step)
{
	switch (step->kind) {
	case STEP_CLIENT:
		compare_output(r, step);
		return;
	case STEP_EVENT:
		compare_event(r, step);
		return;
	case STEP_WRITES:
		compare_number(r, step, "outputs", step->number, r->writes);
		return;
	case STEP_CAPS:
		compare_capabilities(r, step);
		return;
	case STEP_NEVER:
		if (smtp_client_deadline(&r->client) != TIME_NEVER)
			complain(r, step, "there is a deadline", (struct span){.len = 0},
				 (struct span){.len = 0});
		return;
	default:
		compare_rest(r, step);
		act(r, step);
	}
	/* An idle session holds no memory for replies. */
	if (smtp_client_is_ready(&r->client) && r->client.parser.kept.data)
		complain(r, step, "an idle session holds a buffer", (struct span){.len = 0},
			 (struct span){.len = 0});
}

/* Buffers with the memory that earlier runs made them grow to: thousands of runs share it. */
static struct buf spare_tx, spare_written, spare_events;

static struct buf take_spare(struct buf *spare)
{
	struct buf b = *spare;

	if (!b.data)
		buf_init(&b, TEXT_LIMIT);
	buf_clear(&b);
	return b;
}

bool run_script(const struct script *s, const char *path, size_t cut)
{
	struct run r = {.script = s, .path = path, .cut = cut, .now_ns = 1000 * NS_PER_SEC};

	r.tx = take_spare(&spare_tx);
	r.written = take_spare(&spare_written);
	r.events = take_spare(&spare_events);
	smtp_client_init(&r.client, &s->params, r.now_ns);
	for (size_t i = 0; i < s->step_count && !r.is_wrong; i++)
		step_run(&r, &s->steps[i]);
	compare_rest(&r, &s->steps[s->step_count - 1]);
	smtp_client_fini(&r.client);
	letter_free(r.letter);
	spare_tx = r.tx;
	spare_written = r.written;
	spare_events = r.events;
	return !r.is_wrong;
}

void run_end(void)
{
	buf_fini(&spare_tx);
	buf_fini(&spare_written);
	buf_fini(&spare_events);
}
