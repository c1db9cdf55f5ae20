/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client.c - an SMTP or LMTP client as a pure state machine: its surface
 *
 * Two cursors, as pipelining needs them: "next" is what is put out next, "pending" are the
 * commands whose replies are still to come, in order. A reply is judged by the command at the
 * head of pending and by its class, never by what was put out last. What follows from a reply
 * beside the reply itself ("due") is reported by the next call, so that one call reports one
 * event and nothing is queued.
 */
#include <stdlib.h>
#include "smtp/client_internal.h"

void smtp_client_init(struct smtp_client *c, const struct smtp_client_params *params,
		      int64_t now_ns)
{
	*c = (struct smtp_client){
		.params = params,
		.body_sent_ns = TIME_NEVER,
		.is_sealed = params->tls == SMTP_TLS_IMPLICIT,
	};
	reply_parser_init(&c->parser);
	c->pending[0] =
		(struct smtp_pending){.sent_ns = now_ns, .count = 1, .command = SMTP_CONNECT};
	c->pending_runs = 1;
	c->pending_count = 1;
	smtp_client_wait(c, now_ns);
}

void smtp_client_fini(struct smtp_client *c)
{
	smtp_auth_free(c);
	smtp_message_forget(c);
	reply_parser_fini(&c->parser);
	c->message = NULL;
	c->state = SMTP_STATE_OVER;
	c->next = SMTP_NEXT_NOTHING;
	c->due = SMTP_DUE_NOTHING;
	c->deadline_ns = TIME_NEVER;
}

/* Moves the text to where it outlives the input: the parser takes no more of it. */
static void fault_reply_keep(struct smtp_client *c, const struct reply *reply)
{
	struct buf *kept = &c->parser.kept;
	const char *text = reply->text.data;

	c->fault_reply = *reply;
	if (reply->text.len == 0 ||
	    (kept->data && text >= kept->data && text < kept->data + kept->cap))
		return;
	buf_clear(kept);
	if (buf_append(kept, text, reply->text.len))
		c->fault_reply.text = buf_span(kept);
	else
		c->fault_reply.text = (struct span){.len = 0};
}

void smtp_client_fail(struct smtp_client *c, enum smtp_fault fault, enum smtp_command command,
		      enum phase phase, const struct reply *reply)
{
	if (reply)
		fault_reply_keep(c, reply);
	else
		c->fault_reply = (struct reply){.code = 0};
	c->fault = (uint8_t)fault;
	c->fault_command = (uint8_t)command;
	c->fault_phase = (uint8_t)phase;
	c->due = SMTP_DUE_FAILED;
	c->state = SMTP_STATE_OVER;
	c->next = SMTP_NEXT_NOTHING;
	c->is_reset_due = false;
	c->deadline_ns = TIME_NEVER;
}

/* True while octets of a message that belong to the reply waited for are still going out. */
static bool is_body_going_out(const struct smtp_client *c)
{
	if (c->state != SMTP_STATE_MESSAGE)
		return false;
	return c->next == SMTP_NEXT_BODY || (c->is_all_out && c->is_in_flight);
}

void smtp_client_waited_for(const struct smtp_client *c, enum smtp_command *ret_command,
			    enum phase *ret_phase)
{
	static const uint8_t next_command[] = {
		[SMTP_NEXT_NOTHING] = SMTP_UNASKED,   [SMTP_NEXT_EHLO] = SMTP_EHLO,
		[SMTP_NEXT_HELO] = SMTP_HELO,	      [SMTP_NEXT_LHLO] = SMTP_LHLO,
		[SMTP_NEXT_STARTTLS] = SMTP_STARTTLS, [SMTP_NEXT_AUTH] = SMTP_AUTH,
		[SMTP_NEXT_RSET] = SMTP_RSET,	      [SMTP_NEXT_NOOP] = SMTP_NOOP,
		[SMTP_NEXT_QUIT] = SMTP_QUIT,	      [SMTP_NEXT_MAIL] = SMTP_MAIL,
		[SMTP_NEXT_RCPT] = SMTP_RCPT,	      [SMTP_NEXT_DATA] = SMTP_DATA,
		[SMTP_NEXT_BODY] = SMTP_DOT,	      [SMTP_NEXT_DOT] = SMTP_DOT,
	};
	enum smtp_command command = (enum smtp_command)next_command[c->next];

	if (c->state == SMTP_STATE_OVER) {
		*ret_command = (enum smtp_command)c->fault_command;
		*ret_phase = (enum phase)c->fault_phase;
		return;
	}
	if (c->state == SMTP_STATE_SEALING)
		command = SMTP_STARTTLS;
	else if (c->pending_runs > 0)
		command = (enum smtp_command)c->pending[c->pending_head].command;
	else if (is_body_going_out(c))
		command = c->is_bdat ? SMTP_BDAT : SMTP_DOT;
	*ret_command = command;
	*ret_phase = smtp_command_phase(command);
	if ((command == SMTP_DOT || command == SMTP_BDAT) && is_body_going_out(c))
		*ret_phase = PHASE_BODY;
}

void smtp_client_wait(struct smtp_client *c, int64_t now_ns)
{
	const struct smtp_timeouts *t = &c->params->timeouts;
	const struct smtp_pending *head = smtp_pending_head(c);
	bool is_final = !head || head->command == SMTP_DOT || head->command == SMTP_BDAT;

	if (c->state == SMTP_STATE_OVER || c->state == SMTP_STATE_SEALING)
		c->deadline_ns = TIME_NEVER;
	else if (is_final && is_body_going_out(c))
		c->deadline_ns = now_ns + t->body_ns;
	else if (head)
		c->deadline_ns =
			now_ns + smtp_command_timeout_ns(t, (enum smtp_command)head->command);
	else
		c->deadline_ns = TIME_NEVER;
}

bool smtp_client_has_event(const struct smtp_client *c)
{
	return smtp_client_is_due(c);
}

/* Reports what is due. */
static void take_due(struct smtp_client *c, struct smtp_event *ret_event)
{
	enum smtp_due due = (enum smtp_due)c->due;

	*ret_event = (struct smtp_event){.rcpt_idx = -1, .phase = PHASE_SESSION};
	c->due = SMTP_DUE_NOTHING;
	if (due != SMTP_DUE_BODY)
		c->deadline_ns = TIME_NEVER;
	switch (due) {
	case SMTP_DUE_STARTTLS:
		ret_event->kind = SMTP_EVENT_STARTTLS;
		ret_event->command = SMTP_STARTTLS;
		ret_event->phase = PHASE_TLS;
		c->state = SMTP_STATE_SEALING;
		reply_parser_release(&c->parser);
		return;
	case SMTP_DUE_READY:
		ret_event->kind = SMTP_EVENT_READY;
		ret_event->command = SMTP_UNASKED;
		c->state = SMTP_STATE_READY;
		reply_parser_release(&c->parser);
		return;
	case SMTP_DUE_BODY:
		ret_event->kind = SMTP_EVENT_BODY;
		ret_event->command = SMTP_DATA;
		ret_event->phase = PHASE_BODY;
		return;
	case SMTP_DUE_DONE:
		ret_event->kind = SMTP_EVENT_DONE;
		ret_event->command = c->outcome.command;
		ret_event->phase = PHASE_ACCEPT;
		ret_event->outcome = &c->outcome;
		c->message = NULL;
		c->state = SMTP_STATE_READY;
		reply_parser_release(&c->parser);
		return;
	case SMTP_DUE_CLOSED:
		ret_event->kind = SMTP_EVENT_CLOSED;
		ret_event->command = SMTP_QUIT;
		ret_event->phase = PHASE_QUIT;
		return;
	case SMTP_DUE_FAILED:
	case SMTP_DUE_NOTHING:
		break;
	}
	ret_event->kind = SMTP_EVENT_FAILED;
	ret_event->fault = (enum smtp_fault)c->fault;
	ret_event->command = (enum smtp_command)c->fault_command;
	ret_event->phase = (enum phase)c->fault_phase;
	ret_event->reply = c->fault_reply;
}

/* How much of the first octets decides what a peer that is not SMTP speaks; 0: not yet. */
static size_t sniff(struct span text, bool *ret_is_tls)
{
	*ret_is_tls = false;
	if (text.len > 0 && text.data[0] >= 0x14 && text.data[0] <= 0x17) {
		/* A TLS record's content type; then the major version (RFC 8446 s5.1). */
		*ret_is_tls = text.len > 1 && text.data[1] == 3;
		return text.len > 1 ? 2 : 0;
	}
	for (size_t i = 0; i < text.len; i++) {
		unsigned char octet = (unsigned char)text.data[i];

		if ((octet < 0x20 && octet != '\t' && octet != '\r') || octet == 0x7f ||
		    i + 1 == SMTP_SNIFF_MAX)
			return i + 1;
	}
	return 0;
}

/* The greeting is no reply: says what it is as soon as that is certain. */
static void sniff_greeting(struct smtp_client *c, struct span in)
{
	struct buf *kept = &c->parser.kept;
	size_t take = in.len < SMTP_SNIFF_MAX ? in.len : SMTP_SNIFF_MAX;
	struct reply reply = {.code = 0};
	bool is_tls;
	size_t len;

	c->state = SMTP_STATE_SNIFFING;
	if (!buf_append(kept, in.data, take)) {
		smtp_client_fail(c, SMTP_FAULT_NO_MEMORY, SMTP_CONNECT, PHASE_BANNER, NULL);
		return;
	}
	len = sniff(buf_span(kept), &is_tls);
	if (len == 0)
		return;
	/* The octet that decided stands in the text where it is text. */
	if (len < SMTP_SNIFF_MAX || (unsigned char)kept->data[len - 1] < 0x20)
		len--;
	while (len > 0 && kept->data[len - 1] == '\r')
		len--;
	reply.text = is_tls ? (struct span){.len = 0} : (struct span){kept->data, len};
	smtp_client_fail(c, is_tls ? SMTP_FAULT_TLS_ON_PLAIN : SMTP_FAULT_NOT_SMTP, SMTP_CONNECT,
			 PHASE_BANNER, &reply);
}

/*
 * The line that broke the rules, where that showed at its end: its code and separator are well
 * formed, so that it was judged as a whole however the input was cut. Empty otherwise.
 */
static struct span broken_line(const struct smtp_client *c, struct span rest)
{
	const struct reply_parser *p = &c->parser;
	struct span line = {p->kept.data + p->kept.len - p->line_len, p->line_len};
	unsigned code = 0;

	if (p->line_len == 0) {
		const char *end = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;

		line = (struct span){rest.data, end ? (size_t)(end - rest.data) + 1 : 0};
	}
	if (line.len < 5 || line.data[line.len - 1] != '\n')
		return (struct span){.len = 0};
	for (int i = 0; i < 3; i++) {
		if (line.data[i] < '0' || line.data[i] > '9')
			return (struct span){.len = 0};
		code = code * 10 + (unsigned)(line.data[i] - '0');
	}
	if ((line.data[3] != ' ' && line.data[3] != '-') || code < 200 || code > 599 ||
	    (p->line_count > 0 && code != p->code))
		return (struct span){.len = 0};
	line.len -= line.data[line.len - 2] == '\r' ? 2 : 1;
	return line;
}

/* The parser gave up; rest is what it did not use. */
static void on_broken_stream(struct smtp_client *c, enum reply_step step, struct span rest)
{
	const struct smtp_pending *head = smtp_pending_head(c);
	enum smtp_command command;
	enum phase phase;

	if (step == REPLY_NO_CODE && head && head->command == SMTP_CONNECT &&
	    c->parser.line_count == 0) {
		sniff_greeting(c, rest);
		return;
	}
	smtp_client_waited_for(c, &command, &phase);
	if (step == REPLY_TOO_LONG)
		smtp_client_fail(c, SMTP_FAULT_REPLY_TOO_LONG, command, phase, NULL);
	else if (step == REPLY_NO_MEMORY)
		smtp_client_fail(c, SMTP_FAULT_NO_MEMORY, command, phase, NULL);
	else
		smtp_client_fail(c, SMTP_FAULT_BAD_REPLY, command, phase,
				 &(struct reply){.text = broken_line(c, rest)});
}

/* Takes input while no event is due. True when there is one to report. */
static bool take_input(struct smtp_client *c, struct span in, int64_t now_ns, size_t *ret_used,
		       struct smtp_event *ret_event)
{
	while (*ret_used < in.len) {
		struct span rest = span_skip(in, *ret_used);
		struct reply reply;
		enum reply_step step;
		size_t used;

		if (c->state == SMTP_STATE_OVER) {
			*ret_used = in.len;
			return false;
		}
		if (c->state == SMTP_STATE_SEALING) {
			smtp_client_fail(c, SMTP_FAULT_INJECTION, SMTP_STARTTLS, PHASE_TLS, NULL);
		} else if (c->state == SMTP_STATE_SNIFFING) {
			sniff_greeting(c, rest);
			*ret_used = in.len;
		} else {
			step = reply_parser_feed(&c->parser, rest, &used, &reply);
			*ret_used += used;
			if (step == REPLY_MORE)
				return false;
			if (step != REPLY_DONE) {
				on_broken_stream(c, step, span_skip(rest, used));
				*ret_used = in.len;
			} else if (smtp_client_on_reply(c, &reply, ret_event)) {
				/* Answered before it was reported as sent: it ended by now. */
				if (ret_event->phase == PHASE_ACCEPT &&
				    c->body_sent_ns == TIME_NEVER)
					c->body_sent_ns = now_ns;
				smtp_client_wait(c, now_ns);
				return true;
			} else {
				smtp_client_wait(c, now_ns);
			}
		}
		if (smtp_client_is_due(c)) {
			take_due(c, ret_event);
			return true;
		}
	}
	return false;
}

enum smtp_feed smtp_client_feed(struct smtp_client *c, struct span in, int64_t now_ns,
				size_t *ret_used, struct smtp_event *ret_event)
{
	*ret_used = 0;
	if (smtp_client_is_due(c)) {
		take_due(c, ret_event);
		return SMTP_FEED_EVENT;
	}
	if (take_input(c, in, now_ns, ret_used, ret_event))
		return SMTP_FEED_EVENT;
	if (c->state == SMTP_STATE_READY)
		reply_parser_release(&c->parser);
	return SMTP_FEED_MORE;
}

void smtp_client_sent(struct smtp_client *c, int64_t now_ns)
{
	const struct smtp_pending *head = smtp_pending_head(c);
	bool is_block;

	CHECK(c->is_in_flight);
	if (c->auth)
		smtp_auth_sent(c);
	if (c->is_all_out && c->body_sent_ns == TIME_NEVER)
		c->body_sent_ns = now_ns;
	/* A block is through: the next one, or the reply to the dot, has its full time. */
	is_block = is_body_going_out(c) &&
		   (!head || head->command == SMTP_DOT || head->command == SMTP_BDAT);
	c->is_in_flight = false;
	if (is_block)
		smtp_client_wait(c, now_ns);
	smtp_client_wake(c, now_ns);
}

int64_t smtp_client_body_sent_ns(const struct smtp_client *c)
{
	return c->body_sent_ns;
}

void smtp_client_secured(struct smtp_client *c, int64_t now_ns)
{
	CHECK(c->state == SMTP_STATE_SEALING);
	c->is_sealed = true;
	/* RFC 3207 s4.2: what was learned in clear is discarded. */
	c->capabilities = (struct smtp_capabilities){.extensions = 0};
	c->state = SMTP_STATE_OPENING;
	smtp_client_greet(c);
	smtp_client_wait(c, now_ns);
}

static void begin_action(struct smtp_client *c, enum smtp_next next, int64_t now_ns)
{
	CHECK(smtp_client_is_ready(c));
	c->is_reset_due = false;
	c->state = SMTP_STATE_BUSY;
	c->next = (uint8_t)next;
	smtp_client_wait(c, now_ns);
}

void smtp_client_quit(struct smtp_client *c, int64_t now_ns)
{
	begin_action(c, SMTP_NEXT_QUIT, now_ns);
}

void smtp_client_reset(struct smtp_client *c, int64_t now_ns)
{
	begin_action(c, SMTP_NEXT_RSET, now_ns);
}

void smtp_client_noop(struct smtp_client *c, int64_t now_ns)
{
	bool is_reset_due = c->is_reset_due;

	begin_action(c, SMTP_NEXT_NOOP, now_ns);
	c->is_reset_due = is_reset_due;
}

bool smtp_client_is_ready(const struct smtp_client *c)
{
	return c->state == SMTP_STATE_READY && c->due == SMTP_DUE_NOTHING;
}

int64_t smtp_client_deadline(const struct smtp_client *c)
{
	return c->deadline_ns;
}

void smtp_client_late(struct smtp_client *c, int64_t now_ns, struct smtp_event *ret_event)
{
	enum smtp_command command;
	enum phase phase;

	CHECK(now_ns >= c->deadline_ns);
	if (smtp_client_is_due(c)) {
		take_due(c, ret_event);
		return;
	}
	if (c->state == SMTP_STATE_SNIFFING) {
		struct reply reply = {.text = buf_span(&c->parser.kept)};

		smtp_client_fail(c, SMTP_FAULT_NOT_SMTP, SMTP_CONNECT, PHASE_BANNER, &reply);
	} else {
		smtp_client_waited_for(c, &command, &phase);
		smtp_client_fail(c, SMTP_FAULT_TIMED_OUT, command, phase, NULL);
	}
	take_due(c, ret_event);
}

bool smtp_client_broken(struct smtp_client *c, struct smtp_outcome *ret_outcome,
			enum smtp_command *ret_command, enum phase *ret_phase)
{
	bool has_message = c->message != NULL;

	smtp_client_waited_for(c, ret_command, ret_phase);
	if (has_message) {
		struct smtp_outcome *o = &c->outcome;

		o->undecided = c->message->rcpt_count - o->accepted - o->deferred - o->rejected;
		o->is_in_doubt = c->is_all_out && o->undecided > 0;
		*ret_outcome = *o;
		c->message = NULL;
	}
	if (c->state != SMTP_STATE_OVER)
		smtp_client_fail(c, SMTP_FAULT_NONE, *ret_command, *ret_phase, NULL);
	c->due = SMTP_DUE_NOTHING;
	return has_message;
}

const struct smtp_capabilities *smtp_client_capabilities(const struct smtp_client *c)
{
	return &c->capabilities;
}
