/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.c - two hosts of a simulated network with a channel hub each
 */
#include "stage.h"
#include <stdio.h>

#define SESSIONS_MAX (2 * ENDS_MAX)

/* ---- a spy on handshake steps ---- */

/* The implementation's own calls, and which of its sessions are open by now. */
static const struct secure_ops *real_ops;
static struct secure_session *open_sessions[SESSIONS_MAX];
static int open_count;
static struct host *host_in_turn;

static bool is_open(const struct secure_session *s)
{
	for (int i = 0; i < open_count; i++)
		if (open_sessions[i] == s)
			return true;
	return false;
}

static void spy_feed(struct secure_session *s, struct span in)
{
	/* What begins with an alert or with clear text is no step: reading it costs nothing. */
	if (host_in_turn && !is_open(s) && in.len > 0 && in.data[0] == 0x16)
		host_in_turn->steps++;
	real_ops->feed(s, in);
}

static enum secure_step spy_read(struct secure_session *s, char *out, size_t out_size,
				 size_t *ret_len, struct buf *tx)
{
	enum secure_step step = real_ops->read(s, out, out_size, ret_len, tx);

	if (step == SECURE_OPEN) {
		assert_true(open_count < SESSIONS_MAX);
		open_sessions[open_count++] = s;
	}
	return step;
}

static void spy_release(struct secure_session *s)
{
	for (int i = 0; i < open_count; i++) {
		if (open_sessions[i] != s)
			continue;
		open_sessions[i] = open_sessions[--open_count];
		break;
	}
	real_ops->release(s);
}

static void spy_on(struct secure *s)
{
	static struct secure_ops ops;

	real_ops = s->ops;
	ops = *s->ops;
	ops.feed = spy_feed;
	ops.read = spy_read;
	ops.release = spy_release;
	s->ops = &ops;
}

/* ---- ends ---- */

char pattern_at(uint64_t place)
{
	return (char)('!' + (place * 31 + place / 251) % 90);
}

static void log_text(struct end *e, const char *text)
{
	size_t len = strlen(e->log);

	snprintf(e->log + len, sizeof(e->log) - len, "%s", text);
}

void end_send(struct end *e, const char *text)
{
	struct iovec v = {.iov_len = strlen(text)};

	memcpy(&v.iov_base, &text, sizeof(text));
	channel_send(&e->channel, &v, 1);
}

void end_start_tls(struct end *e, struct span leftover)
{
	bool is_client = e->host->listening.on_accept == NULL;
	struct secure_request request = {
		.role = is_client ? SECURE_CLIENT : SECURE_SERVER,
		.server_name = is_client ? "mx.example.com" : NULL,
		.resume_key = is_client ? "mx" : NULL,
	};

	channel_start_tls(&e->channel, &request, leftover, clock_now(e->host->transport->clock));
}

static void echo(struct end *e)
{
	struct iovec v = {e->echo, e->echo_len};

	if (e->echo_len > 0 && !e->channel.is_sending)
		channel_send(&e->channel, &v, 1);
}

static void on_bytes(struct end *e, struct span bytes)
{
	size_t len = strlen(e->log);

	for (size_t i = 0; i < bytes.len && e->received + i < sizeof(e->text) - 1; i++)
		e->text[e->received + i] = bytes.data[i];
	e->received += bytes.len;
	if (len == 0 || e->log[len - 1] != 'B')
		log_text(e, "B");
	if (e->echoes) {
		/* While an echo is under way, its memory is lent: no test sends that much. */
		assert_false(e->channel.is_sending);
		assert_true(bytes.len <= sizeof(e->echo));
		memcpy(e->echo, bytes.data, bytes.len);
		e->echo_len = bytes.len;
		echo(e);
	}
	if (e->on_bytes)
		e->on_bytes(e, bytes);
}

static void on_closed(struct end *e, const struct channel_event *ev)
{
	char text[96];

	assert_false(e->is_closed);
	e->is_closed = true;
	e->closed_ns = ev->at_ns;
	e->closed_as = ev->end;
	e->failure = ev->failure;
	snprintf(e->detail, sizeof(e->detail), "%s", ev->detail);
	if (ev->failure != SECURE_OK)
		snprintf(text, sizeof(text), "C(%s, %s)", link_end_name(ev->end),
			 secure_failure_name(ev->failure));
	else
		snprintf(text, sizeof(text), "C(%s)", link_end_name(ev->end));
	log_text(e, text);
	if (e->on_closed)
		e->on_closed(e);
}

static void on_event(struct channel_user *self, struct channel *c, const struct channel_event *ev)
{
	struct end *e = (struct end *)self;

	assert_ptr_equal(c, &e->channel);
	switch (ev->kind) {
	case CHANNEL_OPENED:
		e->opened_ns = ev->at_ns;
		log_text(e, "O");
		if (e->starts_tls)
			end_start_tls(e, (struct span){0});
		if (e->on_opened)
			e->on_opened(e);
		return;
	case CHANNEL_SEALED:
		e->sealed_ns = ev->at_ns;
		log_text(e, "T");
		channel_facts(c, &e->facts);
		if (e->on_sealed)
			e->on_sealed(e);
		return;
	case CHANNEL_BYTES:
		on_bytes(e, ev->bytes);
		return;
	case CHANNEL_SENT:
		log_text(e, "S");
		if (e->on_sent)
			e->on_sent(e);
		return;
	case CHANNEL_LATE:
		log_text(e, "L");
		return;
	case CHANNEL_CLOSED:
		on_closed(e, ev);
		return;
	}
}

static struct end *end_take(struct host *h)
{
	struct end *e = &h->ends[h->end_count++];

	assert_true(h->end_count <= ENDS_MAX);
	*e = h->model;
	e->user.on_event = on_event;
	e->host = h;
	return e;
}

struct end *end_new(struct stage *s)
{
	return end_take(&s->client);
}

void end_connect(struct stage *s, struct end *e)
{
	assert_true(channel_connect(&e->channel, &s->client.hub, &s->at, NULL, &e->user));
}

static void on_accept(struct listener_user *self, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	struct host *h = (struct host *)((char *)self - offsetof(struct host, listening));
	struct end *e = end_take(h);

	(void)peer;
	(void)local;
	channel_accept(&e->channel, &h->hub, link, &e->user);
	e->opened_ns = at_ns;
	log_text(e, "A");
	if (e->starts_tls)
		end_start_tls(e, (struct span){0});
	if (e->on_opened)
		e->on_opened(e);
}

/* ---- hosts ---- */

static int64_t step(struct sim_actor *actor, int64_t now_ns)
{
	struct host *h = (struct host *)actor;
	struct err e = {0};

	host_in_turn = h;
	h->steps = 0;
	if (!h->skips_turns)
		channel_hub_turn(&h->hub, now_ns);
	if (transport_turn(h->transport, now_ns, &e) < 0)
		fail_msg("%s", e.text);
	if (h->steps > h->steps_most)
		h->steps_most = h->steps;
	host_in_turn = NULL;
	return h->hub.waiting != NULL && !h->skips_turns ? now_ns : TIME_NEVER;
}

static void host_init(struct stage *s, struct host *h, const struct stage_options *o,
		      struct sim_secure_options secure, enum secure_role role)
{
	struct err e = {0};

	h->transport =
		sim_transport(s->sim, &(struct sim_transport_options){.link_max = ENDS_MAX}, &e);
	secure.role = role;
	h->secure = o->no_tls ? NULL : stage_secure(s, &secure, &e);
	if (h->transport == NULL || (h->secure == NULL && !o->no_tls) ||
	    channel_hub_init(&h->hub, h->transport, h->secure, &e) != 0)
		fail_msg("%s", e.text);
	if (h->secure != NULL)
		spy_on(h->secure);
	h->actor = (struct sim_actor){.transport = h->transport, .step = step};
	sim_add(s->sim, &h->actor);
}

struct stage *stage_new(const struct stage_options *options)
{
	struct stage_options o = options ? *options : (struct stage_options){0};
	struct sim_path path = {
		.delay_ns = o.delay_ns > 0 ? o.delay_ns : 100 * NS_PER_US,
		.bandwidth = o.bandwidth,
		.split = o.split,
	};
	struct stage *s = calloc(1, sizeof(*s));
	struct err e = {0};

	assert_non_null(s);
	open_count = 0;
	s->sim = sim_new(&(struct sim_options){.seed = 4711, .path = path}, &e);
	assert_non_null(s->sim);
	host_init(s, &s->client, &o, o.client, SECURE_CLIENT);
	host_init(s, &s->server, &o, o.server, SECURE_SERVER);
	assert_true(endpoint_parse_address(span_of("198.51.100.25"), &s->at));
	s->at.port = 25;
	s->server.listening.on_accept = on_accept;
	if (transport_listen(s->server.transport, &s->at, &(struct listen_options){0},
			     &s->server.listening, &e) == NULL)
		fail_msg("%s", e.text);
	return s;
}

static void host_fini(struct stage *s, struct host *h)
{
	sim_remove(s->sim, &h->actor);
	transport_free(h->transport);
	for (int i = 0; i < h->end_count; i++)
		assert_true(h->ends[i].is_closed);
	assert_null(h->hub.waiting);
	channel_hub_fini(&h->hub);
	if (h->secure != NULL)
		secure_free(h->secure);
}

void stage_free(struct stage *s)
{
	host_fini(s, &s->client);
	host_fini(s, &s->server);
	sim_free(s->sim);
	free(s);
}

void stage_run(struct stage *s)
{
	struct err e = {0};

	if (sim_run(s->sim, TIME_NEVER, &e) != SIM_IDLE)
		fail_msg("the world did not come to rest: %s", e.text);
}

void stage_run_until(struct stage *s, int64_t at_ns)
{
	struct err e = {0};

	if (sim_run(s->sim, at_ns, &e) == SIM_FAILED)
		fail_msg("%s", e.text);
}
