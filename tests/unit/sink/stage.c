/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.c - a sink and its clients in a simulated world
 */
#include "stage.h"
#include <stdio.h>
#include <stdlib.h>

#define GOT_MAX ((size_t)256 << 10)

static int64_t near_step(struct sim_actor *self, int64_t now_ns)
{
	struct stage *s = (struct stage *)((char *)self - offsetof(struct stage, near_actor));
	bool is_busy = sink_worker_turn(&s->worker, now_ns);

	assert_true(transport_turn(s->near, now_ns, NULL) >= 0);
	return is_busy ? now_ns : TIME_NEVER;
}

static int64_t far_step(struct sim_actor *self, int64_t now_ns)
{
	struct stage *s = (struct stage *)((char *)self - offsetof(struct stage, far_actor));
	bool is_busy = channel_hub_turn(&s->hub, now_ns);

	assert_true(transport_turn(s->far, now_ns, NULL) >= 0);
	return is_busy ? now_ns : TIME_NEVER;
}

static struct endpoint place(uint16_t port)
{
	struct endpoint at;

	assert_true(endpoint_parse_address(SPAN("192.0.2.200"), &at));
	at.port = port;
	return at;
}

void stage_init(struct stage *s, const char *const *rules)
{
	static const struct sink_listener listeners[] = {
		[STAGE_SMTP] = {.security = SINK_STARTTLS},
		[STAGE_SMTPS] = {.security = SINK_IMPLICIT},
		[STAGE_LMTP] = {.is_lmtp = true},
	};
	static const uint16_t ports[] = {25, 465, 24};
	struct err e = {0};

	*s = (struct stage){0};
	sink_plan_init(&s->plan);
	s->plan.name = "sink.example";
	s->plan.listener_count = 3;
	for (int i = 0; i < 3; i++) {
		s->plan.listeners[i] = listeners[i];
		s->plan.listeners[i].at = place(ports[i]);
	}
	s->plan.faults = fault_rules_new();
	for (; rules && *rules; rules++)
		if (fault_rules_add(s->plan.faults, span_of(*rules), &e) < 0)
			fail_msg("%s", e.text);
}

void stage_start(struct stage *s)
{
	struct sim_certificate certificate = {.names = "sink.example"};
	struct sim_secure_options server = {.role = SECURE_SERVER, .certificate = &certificate};
	struct sim_secure_options client = {.verify = SIM_VERIFY_NONE};
	struct sim_options world = {.path.delay_ns = 1000};
	struct endpoint places[3];
	struct err e = {0};

	s->sim = sim_new(&world, &e);
	assert_non_null(s->sim);
	s->near = sim_transport(s->sim, NULL, &e);
	s->far = sim_transport(s->sim, NULL, &e);
	s->near_secure = sim_secure(s->sim, &server, &e);
	s->far_secure = sim_secure(s->sim, &client, &e);
	assert_non_null(s->near_secure);
	assert_non_null(s->far_secure);
	for (int i = 0; i < 3; i++)
		places[i] = s->plan.listeners[i].at;
	assert_int_equal(sink_shared_init(&s->shared, &s->plan, sim_clock(s->sim), &e), 0);
	if (sink_worker_init(&s->worker, &s->shared, s->near, s->near_secure, places, false, true,
			     &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(channel_hub_init(&s->hub, s->far, s->far_secure, &e), 0);
	s->near_actor = (struct sim_actor){.transport = s->near, .step = near_step};
	s->far_actor = (struct sim_actor){.transport = s->far, .step = far_step};
	sim_add(s->sim, &s->near_actor);
	sim_add(s->sim, &s->far_actor);
}

void stage_run(struct stage *s, int64_t ns)
{
	int64_t until_ns = clock_now(sim_clock(s->sim)) + ns;
	struct err e = {0};

	switch (sim_run(s->sim, until_ns, &e)) {
	case SIM_FAILED:
		fail_msg("%s", e.text);
		break;
	case SIM_IDLE:
		/* Nothing happens any more, and the time passes all the same. */
		while (clock_now(sim_clock(s->sim)) < until_ns)
			transport_turn(s->far, until_ns, &e);
		break;
	case SIM_REACHED:
	case SIM_STOPPED:
		break;
	}
}

void stage_stop(struct stage *s)
{
	struct sink_worker *workers[] = {&s->worker};

	sink_worker_stop(&s->worker);
	stage_run(s, NS_PER_SEC);
	sink_worker_abort(&s->worker);
	stage_run(s, NS_PER_SEC);
	assert_int_equal(s->worker.session_count, 0);
	assert_int_equal(s->shared.open, 0);
	sink_worker_abandon(&s->worker);
	sink_shared_stop_store(&s->shared);
	sink_status_init(&s->status);
	for (int i = 0; i < s->plan.faults->rule_count; i++) {
		if (!s->worker.delays[i])
			continue;
		s->delays[i] = hdr_new();
		hdr_merge(s->delays[i], s->worker.delays[i]);
	}
	assert_int_equal(
		sink_status_collect(&s->shared, workers, 1, s->plan.listeners, &s->status, NULL),
		0);
	/* Every buffer has come home. */
	assert_int_equal(s->worker.out_slab.in_use, 0);
	sink_worker_fini(&s->worker);
}

void stage_fini(struct stage *s)
{
	for (int i = 0; i < FAULT_RULES_MAX; i++)
		hdr_free(s->delays[i]);
	sink_status_fini(&s->status);
	sink_shared_fini(&s->shared);
	sim_remove(s->sim, &s->near_actor);
	sim_remove(s->sim, &s->far_actor);
	transport_free(s->near);
	transport_free(s->far);
	channel_hub_fini(&s->hub);
	secure_free(s->near_secure);
	secure_free(s->far_secure);
	sim_free(s->sim);
	sink_plan_fini(&s->plan);
}

static void flush(struct peer *p)
{
	struct iovec segment = {p->sending.data, p->sending.len};

	if (p->sending.len > 0 && !p->is_closed)
		channel_send(&p->channel, &segment, 1);
}

static void on_event(struct channel_user *self, struct channel *c, const struct channel_event *ev)
{
	struct peer *p = (struct peer *)self;

	(void)c;
	switch (ev->kind) {
	case CHANNEL_BYTES:
		p->got_total += ev->bytes.len;
		p->got_ns = ev->at_ns;
		if (p->got.len + ev->bytes.len <= GOT_MAX)
			assert_true(buf_append(&p->got, ev->bytes.data, ev->bytes.len));
		break;
	case CHANNEL_SEALED:
		p->is_sealed = true;
		break;
	case CHANNEL_SENT:
		buf_clear(&p->sending);
		break;
	case CHANNEL_CLOSED:
		p->is_closed = true;
		p->end = ev->end;
		p->failure = ev->failure;
		break;
	case CHANNEL_OPENED:
	case CHANNEL_LATE:
		break;
	}
}

void peer_open(struct stage *s, struct peer *p, enum stage_listener to)
{
	*p = (struct peer){.user.on_event = on_event, .stage = s};
	buf_init(&p->got, GOT_MAX);
	buf_init(&p->sending, 16 << 20);
	assert_true(
		channel_connect(&p->channel, &s->hub, &s->plan.listeners[to].at, NULL, &p->user));
	stage_run(s, NS_PER_MS);
}

void peer_tls(struct peer *p)
{
	struct secure_request request = {.role = SECURE_CLIENT, .server_name = "sink.example"};

	assert_true(channel_start_tls(&p->channel, &request, SPAN(""),
				      clock_now(sim_clock(p->stage->sim))));
	stage_run(p->stage, 10 * NS_PER_MS);
}

void peer_send_octets(struct peer *p, const void *data, size_t len)
{
	while (p->sending.len > 0 && !p->is_closed)
		stage_run(p->stage, NS_PER_MS);
	assert_true(buf_append(&p->sending, data, len));
	flush(p);
}

void peer_send(struct peer *p, const char *text)
{
	peer_send_octets(p, text, strlen(text));
}

void peer_expect(struct peer *p, const char *text)
{
	size_t len;

	stage_run(p->stage, 10 * NS_PER_MS);
	len = p->got.len - p->got_taken;
	if (len != strlen(text) || (len > 0 && memcmp(p->got.data + p->got_taken, text, len) != 0))
		fail_msg("got \"%.*s\"\nwant \"%s\"", (int)len,
			 len > 0 ? p->got.data + p->got_taken : "", text);
	p->got_taken = p->got.len;
}

void peer_say(struct peer *p, const char *text, const char *answer)
{
	peer_send(p, text);
	peer_expect(p, answer);
}

void peer_fini(struct peer *p)
{
	if (!p->is_closed)
		channel_abort(&p->channel);
	stage_run(p->stage, 10 * NS_PER_MS);
	assert_true(p->is_closed);
	buf_fini(&p->got);
	buf_fini(&p->sending);
}
