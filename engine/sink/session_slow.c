/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_slow.c - one client of a sink: replies that are not sent in one go
 *
 * A tarpit sends the reply octet by octet. An oversize reply is a line of any length, an endless
 * one has no last line: both are sent out of memory that is lent to the transport again and
 * again, so that a reply of 100 MB needs no more memory than one of 100 octets.
 */
#include "sink/session.h"
#include <stdlib.h>

#define ENDLESS_BLOCK ((size_t)4096)

/* The reply as it would have been; the server goes on as if it had been said. */
static bool take_answer(struct sink_session *s, struct buf *text, int *ret_code)
{
	enum smtp_verb verb = s->server.owed_verb;

	*ret_code = smtp_server_answer(&s->server, text);
	if (*ret_code == 0)
		return false;
	sink_session_settled(s, verb, *ret_code, buf_span(text));
	return true;
}

static bool begin_tarpit(struct sink_session *s, struct session_slow *slow)
{
	int code;

	return take_answer(s, &slow->text, &code);
}

/* "250 xxxx...": what is sent has the size that was asked for, line end included. */
static bool begin_oversize(struct sink_session *s, struct session_slow *slow)
{
	struct buf answer;
	int code;
	bool is_good;

	buf_init(&answer, SINK_OUT_SIZE);
	is_good = take_answer(s, &answer, &code);
	buf_fini(&answer);
	if (!is_good || !buf_printf(&slow->text, "%03d ", code))
		return false;
	slow->left = slow->rule->size - slow->text.len - 2;
	return true;
}

static bool begin_endless(struct sink_session *s, struct session_slow *slow)
{
	int code = smtp_server_answer_code(&s->server);

	while (slow->text.len < ENDLESS_BLOCK)
		if (!buf_printf(&slow->text, "%03d-and there is more to say\r\n", code))
			return false;
	return true;
}

/*
 * Random octets and a line end in place of the reply. Whatever they are taken for, the server has
 * not moved on, but for a greeting, which there is only one of.
 */
static void send_garbage(struct sink_session *s, const struct fault_rule *rule)
{
	struct iovec segments[2] = {{rule->reply, rule->reply_len},
				    {(char *)(uintptr_t) "\r\n", 2}};
	enum smtp_verb verb = s->server.owed_verb;

	smtp_server_settle(&s->server, verb == SMTP_VERB_CONNECT ? 220 : 500);
	if (verb == SMTP_VERB_DOT && s->server.state != SMTP_SERVER_ENDED) {
		s->worker->counters.unanswered++;
		sink_session_content_drop(s);
	}
	s->flow = smtp_server_is_closing(&s->server) ? FLOW_END : FLOW_FLUSH;
	channel_send(&s->channel, segments, 2);
}

void sink_session_slow_begin(struct sink_session *s, const struct fault_rule *rule)
{
	struct session_slow *slow = calloc(1, sizeof(*slow));
	bool is_good = true;

	if (!slow) {
		sink_session_abort(s);
		return;
	}
	s->slow = slow;
	s->flow = FLOW_SLOW;
	slow->rule = rule;
	buf_init(&slow->text, ENDLESS_BLOCK + 64);
	if (rule->action == FAULT_TARPIT)
		is_good = begin_tarpit(s, slow);
	else if (rule->action == FAULT_OVERSIZE)
		is_good = begin_oversize(s, slow);
	else if (rule->action == FAULT_ENDLESS)
		is_good = begin_endless(s, slow);
	if (!is_good)
		sink_session_abort(s);
	else
		s->flow = FLOW_SLOW;
}

/* All was said: what comes next follows from the server's state. */
static void finish(struct sink_session *s)
{
	sink_session_slow_end(s);
	if (smtp_server_is_closing(&s->server))
		s->flow = FLOW_END;
	else if (s->server.state == SMTP_SERVER_TLS)
		s->flow = FLOW_TLS;
	else
		s->flow = FLOW_FLUSH;
	sink_session_flush(s);
}

static void step_tarpit(struct sink_session *s, struct session_slow *slow)
{
	struct wheel *wheel = &s->worker->transport->wheel;
	struct iovec segment;
	int64_t now_ns;

	if (timer_is_pending(&s->timer))
		return;
	if (slow->sent == slow->text.len) {
		finish(s);
		return;
	}
	now_ns = clock_now(s->worker->transport->clock);
	segment = (struct iovec){slow->text.data + slow->sent++, 1};
	wheel_set(wheel, &s->timer, now_ns + slow->rule->interval_ns);
	channel_send(&s->channel, &segment, 1);
}

/* As much as one send takes of "250 ", x without end, CRLF. */
static void step_oversize(struct sink_session *s, struct session_slow *slow)
{
	const char *filler = sink_worker_filler(s->worker);
	struct iovec segments[LINK_SEGMENTS_MAX];
	int count = 0;

	if (slow->has_ended) {
		finish(s);
		return;
	}
	if (!filler) {
		sink_session_abort(s);
		return;
	}
	if (!slow->has_started)
		segments[count++] = (struct iovec){slow->text.data, slow->text.len};
	slow->has_started = true;
	while (slow->left > 0 && count < LINK_SEGMENTS_MAX - 1) {
		size_t len = slow->left < SINK_FILLER_SIZE ? (size_t)slow->left : SINK_FILLER_SIZE;

		segments[count++] = (struct iovec){(char *)(uintptr_t)filler, len};
		slow->left -= len;
	}
	if (slow->left == 0) {
		segments[count++] = (struct iovec){(char *)(uintptr_t) "\r\n", 2};
		slow->has_ended = true;
	}
	channel_send(&s->channel, segments, count);
}

static void step_endless(struct sink_session *s, struct session_slow *slow)
{
	struct iovec segments[LINK_SEGMENTS_MAX];

	for (int i = 0; i < LINK_SEGMENTS_MAX; i++)
		segments[i] = (struct iovec){slow->text.data, slow->text.len};
	channel_send(&s->channel, segments, LINK_SEGMENTS_MAX);
}

void sink_session_slow_step(struct sink_session *s)
{
	struct session_slow *slow = s->slow;

	/* What was said before comes first; SENT leads back here. */
	if (s->channel.is_sending || s->out.len > 0)
		return;
	if (slow->rule->action == FAULT_GARBAGE) {
		const struct fault_rule *rule = slow->rule;

		sink_session_slow_end(s);
		send_garbage(s, rule);
	} else if (slow->rule->action == FAULT_TARPIT) {
		step_tarpit(s, slow);
	} else if (slow->rule->action == FAULT_OVERSIZE) {
		step_oversize(s, slow);
	} else {
		step_endless(s, slow);
	}
}

void sink_session_slow_end(struct sink_session *s)
{
	if (!s->slow)
		return;
	buf_fini(&s->slow->text);
	free(s->slow);
	s->slow = NULL;
}
