/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * talk.c - one SMTP conversation as a client
 *
 * The protocol says what to send and when it wants to be called again; this module carries it out
 * and takes the times. Input is used up before output is asked for, so that the replies of one
 * read lead to one write.
 *
 * The deadline moves with every command. Moving the link's timer each time would cost more than
 * it is worth: the timer is only ever brought forward, and when it fires before the deadline that
 * is wanted by then, it is set anew.
 */
#include <stdlib.h>
#include "base/check.h"
#include "base/log.h"
#include "talk/race.h"
#include "talk/talk.h"

#define TX_LIMIT  ((size_t)16 << 10)
#define SPARE_MAX 256
#define LINGER_NS NS_PER_SEC /* after 221: how long the server may take to close */

static void on_channel_event(struct channel_user *self, struct channel *c,
			     const struct channel_event *ev);

int talk_hub_init(struct talk_hub *h, struct transport *t, struct secure *s, struct err *e)
{
	*h = (struct talk_hub){.spare = NULL};
	h->spare = calloc(SPARE_MAX, sizeof(*h->spare));
	if (h->spare == NULL)
		return err_set(e, EXIT_FAILED, 0, "no memory for command buffers");
	return channel_hub_init(&h->channels, t, s, e);
}

void talk_hub_fini(struct talk_hub *h)
{
	while (h->spare_count > 0)
		buf_fini(&h->spare[--h->spare_count]);
	free(h->spare);
	h->spare = NULL;
	race_free_all(h);
	channel_hub_fini(&h->channels);
}

static void tx_take(struct talk *t)
{
	struct talk_hub *h = t->hub;

	if (t->tx.data != NULL)
		return;
	if (h->spare_count > 0)
		t->tx = h->spare[--h->spare_count];
	else
		buf_init(&t->tx, TX_LIMIT);
}

static void tx_give_back(struct talk *t)
{
	struct talk_hub *h = t->hub;

	if (t->tx.data == NULL)
		return;
	if (h->spare_count < SPARE_MAX) {
		buf_clear(&t->tx);
		h->spare[h->spare_count++] = t->tx;
		buf_init(&t->tx, TX_LIMIT);
	} else {
		buf_fini(&t->tx);
	}
}

static void emit(struct talk *t, struct talk_event *ev)
{
	t->user->on_event(t->user, t, ev);
}

static void emit_step(struct talk *t, enum phase phase, int64_t begin_ns, int64_t at_ns)
{
	emit(t, &(struct talk_event){
			.kind = TALK_STEP,
			.phase = phase,
			.at_ns = at_ns,
			.took_ns = at_ns - begin_ns,
			.command = SMTP_UNASKED,
		});
}

static void arm(struct talk *t, int64_t deadline_ns)
{
	t->deadline_ns = deadline_ns;
	if (deadline_ns >= t->armed_ns)
		return;
	t->armed_ns = deadline_ns;
	channel_deadline(&t->channel, deadline_ns);
}

/* Keeps the first failure: what follows from it is not news. */
static struct talk_failure *fail(struct talk *t, enum talk_cause cause, enum phase phase)
{
	if (t->failure.cause != TALK_CAUSE_NONE || t->state == TALK_ENDING)
		return NULL;
	t->failure = (struct talk_failure){.cause = cause, .phase = phase};
	return &t->failure;
}

static void keep_detail(struct talk *t, struct span text)
{
	char escaped[512];

	if (text.len == 0 || t->detail != NULL)
		return;
	log_escape(text, escaped, sizeof(escaped));
	t->detail = strdup(escaped);
}

static void flush(struct talk *t, int64_t now_ns)
{
	struct iovec segments[LINK_SEGMENTS_MAX];
	int count;

	if (t->is_in_feed || t->state != TALK_TALKING)
		return;
	if (!t->channel.is_sending) {
		tx_take(t);
		count = smtp_client_output(&t->smtp, now_ns, &t->tx, segments, LINK_SEGMENTS_MAX);
		if (count > 0)
			channel_send(&t->channel, segments, count);
		else
			tx_give_back(t);
	}
	if (!t->is_tls_due)
		arm(t, smtp_client_deadline(&t->smtp));
}

static bool start_tls(struct talk *t, struct span leftover, int64_t now_ns)
{
	struct secure_request request = {
		.role = SECURE_CLIENT,
		.server_name = t->target->server_name,
		.resume_key = t->target->resume_key,
	};

	t->state = TALK_SEALING;
	if (!channel_start_tls(&t->channel, &request, leftover, now_ns)) {
		struct talk_failure *f = fail(t, TALK_CAUSE_TLS, PHASE_TLS);

		if (f != NULL)
			f->tls = SECURE_NO_MEMORY;
		t->state = TALK_ENDING;
		return false;
	}
	arm(t, now_ns + t->target->tls_timeout_ns);
	return true;
}

static void begin_smtp(struct talk *t, int64_t now_ns)
{
	t->state = TALK_TALKING;
	t->step_ns = now_ns;
	smtp_client_init(&t->smtp, t->target->smtp, now_ns);
	arm(t, smtp_client_deadline(&t->smtp));
}

static void on_connected(struct talk *t, int64_t at_ns)
{
	t->target->preferred = t->address;
	/* An attempt that ran out of time may have left one, and not have closed yet. */
	t->failure.cause = TALK_CAUSE_NONE;
	race_end(t);
	emit_step(t, PHASE_CONNECT, t->opened_ns, at_ns);
	if (t->state != TALK_CONNECTING)
		return;
	t->step_ns = at_ns;
	if (t->target->smtp->tls == SMTP_TLS_IMPLICIT)
		start_tls(t, (struct span){0}, at_ns);
	else
		begin_smtp(t, at_ns);
}

void talk_race_won(struct talk *t, int64_t at_ns)
{
	on_connected(t, at_ns);
}

bool talk_try_next(struct talk *t, struct channel *c, struct channel_user *user, int64_t now_ns,
		   uint8_t *ret_address)
{
	struct talk_target *target = t->target;
	struct link_options options = {
		.source = t->source.family != ENDPOINT_NONE ? &t->source : NULL,
		.send_buffer = target->send_buffer,
		.receive_buffer = target->receive_buffer,
	};
	int idx;

	if (t->attempts >= target->address_count)
		return false;
	idx = (t->first + t->attempts) % target->address_count;
	if (!channel_connect(c, &t->hub->channels, &target->addresses[idx], &options, user))
		return false;
	t->attempts++;
	*ret_address = (uint8_t)idx;
	channel_deadline(c, now_ns + target->connect_timeout_ns);
	return true;
}

static void on_sealed(struct talk *t, int64_t at_ns)
{
	emit_step(t, PHASE_TLS, t->step_ns, at_ns);
	if (t->state != TALK_SEALING)
		return;
	if (t->target->smtp->tls == SMTP_TLS_IMPLICIT) {
		begin_smtp(t, at_ns);
		return;
	}
	t->state = TALK_TALKING;
	smtp_client_secured(&t->smtp, at_ns);
	flush(t, at_ns);
}

/* Closes in order when the server has the last word, with a reset when it is not to be trusted. */
static void end(struct talk *t, bool in_order)
{
	if (t->state == TALK_ENDING)
		return;
	t->state = TALK_ENDING;
	if (in_order)
		channel_close(&t->channel);
	else
		channel_abort(&t->channel);
}

static bool fault_is_permanent(const struct smtp_event *ev)
{
	switch (ev->fault) {
	case SMTP_FAULT_NOT_SMTP:
	case SMTP_FAULT_TLS_ON_PLAIN:
	case SMTP_FAULT_BAD_REPLY:
	case SMTP_FAULT_REPLY_TOO_LONG:
	case SMTP_FAULT_INJECTION:
	case SMTP_FAULT_NO_STARTTLS:
	case SMTP_FAULT_NO_AUTH:
	case SMTP_FAULT_BAD_CHALLENGE:
		return true;
	case SMTP_FAULT_REFUSED_GREETING:
	case SMTP_FAULT_REFUSED_EHLO:
	case SMTP_FAULT_REFUSED_STARTTLS:
	case SMTP_FAULT_REFUSED_AUTH:
		return ev->reply.code >= 500;
	default:
		return false;
	}
}

static void on_failed(struct talk *t, const struct smtp_event *ev)
{
	struct talk_failure *f = fail(t, TALK_CAUSE_SMTP, ev->phase);
	bool in_order =
		ev->fault == SMTP_FAULT_CLOSING || ev->fault == SMTP_FAULT_REFUSED_GREETING ||
		ev->fault == SMTP_FAULT_REFUSED_EHLO || ev->fault == SMTP_FAULT_REFUSED_AUTH;

	if (f != NULL) {
		f->smtp = ev->fault;
		f->is_permanent = fault_is_permanent(ev);
		keep_detail(t, ev->reply.text);
	}
	end(t, in_order);
}

static int64_t reply_took_ns(const struct talk *t, const struct smtp_event *ev, int64_t at_ns)
{
	switch (ev->command) {
	case SMTP_CONNECT:
		return at_ns - t->step_ns;
	case SMTP_DOT:
	case SMTP_BDAT:
		return at_ns - smtp_client_body_sent_ns(&t->smtp);
	case SMTP_STARTTLS: /* a part of PHASE_TLS */
	case SMTP_RSET:
	case SMTP_NOOP:
	case SMTP_UNASKED:
		return -1;
	default:
		return at_ns - ev->sent_ns;
	}
}

static void on_reply(struct talk *t, const struct smtp_event *ev, int64_t at_ns)
{
	if (ev->command == SMTP_STARTTLS)
		t->step_ns = ev->sent_ns;
	/* The content of BDAT goes out with the command. */
	if (ev->command == SMTP_BDAT && t->body_ns == 0)
		t->body_ns = ev->sent_ns;
	if ((ev->command == SMTP_DOT || ev->command == SMTP_BDAT) && t->body_ns > 0) {
		int64_t begin_ns = t->body_ns;

		t->body_ns = -1;
		emit_step(t, PHASE_BODY, begin_ns, smtp_client_body_sent_ns(&t->smtp));
	}
	emit(t, &(struct talk_event){
			.kind = TALK_STEP,
			.phase = ev->phase,
			.at_ns = at_ns,
			.took_ns = reply_took_ns(t, ev, at_ns),
			.command = ev->command,
			.reply = &ev->reply,
		});
}

/* Returns false when the rest of the input is not the protocol's any more. */
static bool on_smtp_event(struct talk *t, const struct smtp_event *ev, struct span rest,
			  int64_t at_ns)
{
	switch (ev->kind) {
	case SMTP_EVENT_REPLY:
		on_reply(t, ev, at_ns);
		return true;
	case SMTP_EVENT_STARTTLS:
		if (rest.len > 0)
			return true; /* the protocol's next answer is SMTP_FAULT_INJECTION */
		if (t->channel.is_sending) {
			/* The reply overtook the news that the command is out. */
			t->is_tls_due = true;
			arm(t, at_ns + t->target->tls_timeout_ns);
			return true;
		}
		start_tls(t, rest, at_ns);
		return false;
	case SMTP_EVENT_READY:
		emit(t, &(struct talk_event){.kind = TALK_READY, .at_ns = at_ns});
		return true;
	case SMTP_EVENT_BODY:
		t->body_ns = at_ns;
		return true;
	case SMTP_EVENT_DONE:
		emit(t, &(struct talk_event){
				.kind = TALK_DONE,
				.at_ns = at_ns,
				.command = ev->outcome->command,
				.outcome = ev->outcome,
			});
		return true;
	case SMTP_EVENT_CLOSED:
		/*
		 * The server closes after its 221 (RFC 5321 s4.1.1.10). Waiting for that leaves
		 * the connection's TIME-WAIT, and the local port, to the server.
		 */
		t->state = TALK_ENDING;
		t->armed_ns = TIME_NEVER;
		arm(t, at_ns + LINGER_NS);
		return false;
	case SMTP_EVENT_FAILED:
		on_failed(t, ev);
		return false;
	}
	return false;
}

static void on_bytes(struct talk *t, struct span in, int64_t at_ns)
{
	struct smtp_event ev;
	bool go_on = t->state == TALK_TALKING;

	t->is_in_feed = true;
	while (go_on) {
		size_t used = 0;
		enum smtp_feed step = smtp_client_feed(&t->smtp, in, at_ns, &used, &ev);

		in = span_skip(in, used);
		if (step == SMTP_FEED_MORE)
			break;
		go_on = on_smtp_event(t, &ev, in, at_ns) && t->state == TALK_TALKING;
	}
	t->is_in_feed = false;
	flush(t, at_ns);
}

static void on_sent(struct talk *t, int64_t at_ns)
{
	if (t->state != TALK_TALKING)
		return;
	smtp_client_sent(&t->smtp, at_ns);
	buf_clear(&t->tx);
	if (t->is_tls_due) {
		t->is_tls_due = false;
		tx_give_back(t);
		start_tls(t, (struct span){0}, at_ns);
		return;
	}
	/* The end of a message whose reply overtook the news that its last octet is out. */
	if (smtp_client_has_event(&t->smtp))
		on_bytes(t, (struct span){0}, at_ns);
	else
		flush(t, at_ns);
}

static void on_late(struct talk *t, int64_t at_ns)
{
	struct smtp_event ev;
	struct talk_failure *f;

	t->armed_ns = TIME_NEVER;
	if (t->state == TALK_ENDING) {
		/* A server that keeps the line open after 221, or does not take our last bytes. */
		channel_abort(&t->channel);
		return;
	}
	if (t->state == TALK_CONNECTING) {
		/* The next address, if there is one, is tried when this link has closed. */
		f = fail(t, TALK_CAUSE_LINK, PHASE_CONNECT);
		if (f != NULL)
			f->end = LINK_END_TIMED_OUT;
		channel_abort(&t->channel);
		return;
	}
	if (at_ns < t->deadline_ns) {
		arm(t, t->deadline_ns);
		return;
	}
	if (t->state == TALK_SEALING || t->is_tls_due) {
		f = fail(t, TALK_CAUSE_LINK, PHASE_TLS);
		if (f != NULL)
			f->end = LINK_END_TIMED_OUT;
		end(t, false);
		return;
	}
	smtp_client_late(&t->smtp, at_ns, &ev);
	on_smtp_event(t, &ev, (struct span){0}, at_ns);
	flush(t, at_ns);
}

/* Another address may still answer: true when the talk goes on connecting. */
static bool connect_elsewhere(struct talk *t, const struct channel_event *ev)
{
	struct talk_failure *f;

	if (t->failure.cause == TALK_CAUSE_NONE) {
		f = fail(t, TALK_CAUSE_LINK, PHASE_CONNECT);
		f->end = ev->end;
		f->os_error = ev->os_error;
	}
	if (t->race != NULL && race_is_running(t->race))
		race_promote(t->race, ev->at_ns);
	else if (!talk_try_next(t, &t->channel, &t->channel_user, ev->at_ns, &t->address))
		return false;
	else if (t->race != NULL)
		race_wait(t->race, ev->at_ns);
	t->failure.cause = TALK_CAUSE_NONE;
	return true;
}

/*
 * Ends the protocol: settles the message under way and says what was waited for. The text of the
 * message's reply goes with the protocol's memory, so that it is copied; NULL when there is none.
 */
static char *end_smtp(struct talk *t, struct smtp_outcome *outcome, bool *ret_has_outcome,
		      enum phase *ret_phase)
{
	enum smtp_command command;
	char *text = NULL;

	*ret_has_outcome = smtp_client_broken(&t->smtp, outcome, &command, ret_phase);
	if (*ret_has_outcome && outcome->reply.text.len > 0) {
		size_t len = outcome->reply.text.len;

		text = malloc(len);
		if (text != NULL)
			memcpy(text, outcome->reply.text.data, len);
		outcome->reply.text = (struct span){text, text != NULL ? len : 0};
	}
	smtp_client_fini(&t->smtp);
	return text;
}

static void on_closed(struct talk *t, const struct channel_event *ev)
{
	struct smtp_outcome outcome;
	bool was_ending = t->state == TALK_ENDING, has_outcome = false;
	enum phase phase = PHASE_CONNECT;
	struct talk_failure *f;
	struct talk_event closed = {.kind = TALK_CLOSED, .at_ns = ev->at_ns};
	char *detail, *text = NULL;

	if (t->state == TALK_CONNECTING && connect_elsewhere(t, ev))
		return;
	race_end(t);
	if (t->smtp.params != NULL)
		text = end_smtp(t, &outcome, &has_outcome, &phase);
	if (t->state == TALK_SEALING)
		phase = PHASE_TLS;
	if (was_ending && t->failure.cause == TALK_CAUSE_NONE) {
		t->failure.phase = phase;
	} else if (t->failure.cause == TALK_CAUSE_NONE) {
		f = fail(t, ev->failure != SECURE_OK ? TALK_CAUSE_TLS : TALK_CAUSE_LINK, phase);
		f->end = ev->end;
		f->os_error = ev->os_error;
		f->tls = ev->failure;
		/* Another handshake would meet the same certificate and versions. */
		f->is_permanent = f->tls != SECURE_OK && f->tls != SECURE_NO_MEMORY &&
				  f->tls != SECURE_CLOSED_EARLY && f->tls != SECURE_RECORD;
		keep_detail(t, span_of(ev->detail));
	}
	tx_give_back(t);
	detail = t->detail;
	t->detail = NULL;
	t->failure.detail = detail != NULL ? detail : "";
	t->state = TALK_IDLE;
	closed.failure = &t->failure;
	closed.outcome = has_outcome ? &outcome : NULL;
	emit(t, &closed);
	free(detail);
	free(text);
}

static void on_channel_event(struct channel_user *self, struct channel *c,
			     const struct channel_event *ev)
{
	struct talk *t = (struct talk *)self;

	(void)c;
	switch (ev->kind) {
	case CHANNEL_OPENED:
		if (t->state == TALK_CONNECTING)
			on_connected(t, ev->at_ns);
		return;
	case CHANNEL_SEALED:
		if (t->state == TALK_SEALING)
			on_sealed(t, ev->at_ns);
		return;
	case CHANNEL_BYTES:
		on_bytes(t, ev->bytes, ev->at_ns);
		return;
	case CHANNEL_SENT:
		on_sent(t, ev->at_ns);
		return;
	case CHANNEL_LATE:
		on_late(t, ev->at_ns);
		return;
	case CHANNEL_CLOSED:
		on_closed(t, ev);
		return;
	}
}

bool talk_open(struct talk *t, struct talk_hub *h, struct talk_target *target,
	       const struct endpoint *source, struct talk_user *user, int64_t now_ns)
{
	CHECK(t->state == TALK_IDLE && target->address_count > 0 &&
	      target->address_count <= TALK_ADDRESSES_MAX);
	*t = (struct talk){
		.channel_user.on_event = on_channel_event,
		.hub = h,
		.target = target,
		.user = user,
		.opened_ns = now_ns,
		.first = (uint8_t)(target->preferred % target->address_count),
		.armed_ns = TIME_NEVER,
		.deadline_ns = TIME_NEVER,
	};
	if (source != NULL)
		t->source = *source;
	if (!talk_try_next(t, &t->channel, &t->channel_user, now_ns, &t->address))
		return false;
	t->state = TALK_CONNECTING;
	if (target->address_count > 1)
		t->race = race_new(t, now_ns);
	return true;
}

void talk_message(struct talk *t, const struct smtp_message *m, int64_t now_ns)
{
	CHECK(t->state == TALK_TALKING);
	smtp_client_message(&t->smtp, m, now_ns);
	t->body_ns = 0;
	flush(t, now_ns);
}

void talk_quit(struct talk *t, int64_t now_ns)
{
	CHECK(t->state == TALK_TALKING);
	smtp_client_quit(&t->smtp, now_ns);
	flush(t, now_ns);
}

void talk_abort(struct talk *t)
{
	if (t->state == TALK_IDLE)
		return;
	race_end(t);
	t->state = TALK_ENDING;
	channel_abort(&t->channel);
}

bool talk_facts(struct talk *t, struct secure_facts *ret_facts)
{
	if (!t->channel.is_sealed)
		return false;
	channel_facts(&t->channel, ret_facts);
	return true;
}
