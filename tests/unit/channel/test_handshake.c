/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_handshake.c - handshakes by the hundred, and each way in which one fails
 */
#include "stage.h"
#include <stdio.h>

#define MANY 300

static void say_hello(struct end *e)
{
	end_send(e, "hello");
}

static void close_on_bytes(struct end *e, struct span bytes)
{
	(void)bytes;
	channel_close(&e->channel);
}

/* ---- many at once ---- */

static struct end *many_new(struct stage *s)
{
	struct end *c = end_new(s);

	c->starts_tls = true;
	c->on_sealed = say_hello;
	c->on_bytes = close_on_bytes;
	return c;
}

static void many(enum sim_split split)
{
	struct stage *s = stage_new(&(struct stage_options){.split = split});

	s->server.model.starts_tls = s->server.model.echoes = true;
	for (int i = 0; i < MANY; i++)
		end_connect(s, many_new(s));
	stage_run(s);
	for (int i = 0; i < MANY; i++) {
		assert_string_equal(s->client.ends[i].log, "OTSBC(closed here)");
		assert_string_equal(s->client.ends[i].text, "hello");
	}
	assert_true(s->server.hub.handshakes_put_off > 0);
	assert_true(s->client.hub.handshakes_put_off > 0);
	/* Both sides were at the bound, and neither was ever above it. */
	assert_int_equal(s->server.steps_most, CHANNEL_HANDSHAKE_MAX);
	assert_int_equal(s->client.steps_most, CHANNEL_HANDSHAKE_MAX);
	stage_free(s);
}

static void hundreds_at_once(void **state)
{
	(void)state;
	many(SIM_SPLIT_NONE);
	many(SIM_SPLIT_RANDOM);
}

/* Those that end while they wait leave the list in order, from anywhere in it. */
static void hundreds_that_give_up(void **state)
{
	struct stage *s = stage_new(NULL);
	int sealed = 0, expected = 0;

	(void)state;
	s->server.model.starts_tls = s->server.model.echoes = true;
	for (int i = 0; i < MANY; i++)
		end_connect(s, many_new(s));
	/* Until the servers' flights have come: most of them wait now. */
	s->client.skips_turns = true;
	stage_run(s);
	assert_non_null(s->client.hub.waiting);
	for (int i = 0; i < MANY; i++) {
		bool gives_up = i % 3 == 0 || i == MANY - 1;

		expected += !gives_up || s->client.ends[i].sealed_ns != 0;
		if (gives_up)
			channel_abort(&s->client.ends[i].channel);
	}
	stage_run(s);
	s->client.skips_turns = false;
	while (s->client.hub.waiting != NULL) {
		channel_hub_turn(&s->client.hub, clock_now(sim_clock(s->sim)));
		stage_run(s);
	}
	for (int i = 0; i < MANY; i++)
		sealed += s->client.ends[i].sealed_ns != 0;
	assert_int_equal(sealed, expected);
	assert_ptr_equal(s->client.hub.waiting_end, &s->client.hub.waiting);
	stage_free(s);
}

/* ---- failures ---- */

struct failing {
	const char *name;
	struct stage_options options;
	enum secure_failure client, server;
};

#define EXPIRED_S 1
static const struct sim_certificate expired = {"mx.example.com", "Test CA", 0, EXPIRED_S, false, 0};
static const struct sim_certificate self_signed = {"mx.example.com", NULL, 0, 0, false, 0};
static const struct sim_certificate other_name = {"mx.example.org", "Test CA", 0, 0, false, 0};
static const struct sim_sealed_fault by_alert[] = {{.kind = SECURE_ALERT, .alert = 40}};
static const struct sim_sealed_fault clear_text[] = {{.kind = SECURE_NOT_TLS}};
static const struct sim_sealed_fault bad_record[] = {{.kind = SECURE_RECORD}};
static const struct sim_sealed_fault early_close[] = {{.kind = SECURE_CLOSED_EARLY}};
static const struct sim_sealed_fault old_version[] = {{.kind = SECURE_VERSION}};
static const struct sim_sealed_fault not_yet[] = {{.kind = SECURE_CERT_NOT_YET}};

static const struct failing failings[] = {
	{"expired", {.server.certificate = &expired}, SECURE_CERT_EXPIRED, SECURE_ALERT},
	{"self-signed",
	 {.server.certificate = &self_signed},
	 SECURE_CERT_SELF_SIGNED,
	 SECURE_ALERT},
	{"another name", {.server.certificate = &other_name}, SECURE_CERT_NAME, SECURE_ALERT},
	{"untrusted", {.client.trusted = "Other CA"}, SECURE_CERT_UNTRUSTED, SECURE_ALERT},
	{"not yet valid",
	 {.server = {.faults = not_yet, .fault_count = 1}},
	 SECURE_CERT_NOT_YET,
	 SECURE_ALERT},
	{"an alert", {.server = {.faults = by_alert, .fault_count = 1}}, SECURE_ALERT, SECURE_OK},
	{"clear text",
	 {.server = {.faults = clear_text, .fault_count = 1}},
	 SECURE_NOT_TLS,
	 SECURE_OK},
	{"a bad record",
	 {.server = {.faults = bad_record, .fault_count = 1}},
	 SECURE_RECORD,
	 SECURE_OK},
	{"closed early",
	 {.server = {.faults = early_close, .fault_count = 1}},
	 SECURE_CLOSED_EARLY,
	 SECURE_OK},
	{"an old version",
	 {.server = {.faults = old_version, .fault_count = 1}},
	 SECURE_VERSION,
	 SECURE_OK},
	{"versions apart",
	 {.client = {.min_version = SIM_TLS_1_3}, .server = {.max_version = SIM_TLS_1_2}},
	 SECURE_VERSION,
	 SECURE_VERSION},
};

static void fails_as(const struct failing *f, enum sim_split split)
{
	struct stage_options options = f->options;
	struct stage *s;
	struct end *c, *server;

	options.split = split;
	s = stage_new(&options);
	c = end_new(s);
	s->server.model.starts_tls = c->starts_tls = true;
	end_connect(s, c);
	stage_run(s);
	server = &s->server.ends[0];
	if (c->failure != f->client)
		fail_msg("%s: the client tells \"%s\" (%s)", f->name,
			 secure_failure_name(c->failure), c->detail);
	if (c->closed_as != LINK_END_LOCAL || c->detail[0] == '\0')
		fail_msg("%s: %s, \"%s\"", f->name, c->log, c->detail);
	/*
	 * Where the server played the fault, its own side may tell anything. In octets the client
	 * closes with some of the flight unread, and the reset may overtake its alert.
	 */
	if (f->server != SECURE_OK && split == SIM_SPLIT_NONE && server->failure != f->server)
		fail_msg("%s: the server tells \"%s\" (%s), %s", f->name,
			 secure_failure_name(server->failure), server->detail, server->log);
	if (c->sealed_ns != 0 || server->text[0] != '\0')
		fail_msg("%s: %s", f->name, c->log);
	stage_free(s);
}

static void each_way_to_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(failings) / sizeof(failings[0]); i++) {
		fails_as(&failings[i], SIM_SPLIT_NONE);
		fails_as(&failings[i], SIM_SPLIT_OCTETS);
	}
}

/* What made hundreds fail at once is told by all of them, however long they had to wait for it. */
static void hundreds_fail_alike(void **state)
{
	static const struct failing *const alike[] = {&failings[5], &failings[6]};

	(void)state;
	for (size_t k = 0; k < sizeof(alike) / sizeof(alike[0]); k++) {
		struct stage *s = stage_new(&alike[k]->options);

		s->server.model.starts_tls = true;
		for (int i = 0; i < MANY; i++)
			end_connect(s, many_new(s));
		stage_run(s);
		for (int i = 0; i < MANY; i++)
			if (s->client.ends[i].failure != alike[k]->client)
				fail_msg("%s, number %d: %s", alike[k]->name, i,
					 s->client.ends[i].log);
		stage_free(s);
	}
}

/* ---- peers that go away ---- */

static void close_it(struct end *e)
{
	channel_close(&e->channel);
}

static void abort_on_bytes(struct end *e, struct span bytes)
{
	(void)bytes;
	channel_abort(&e->channel);
}

static void the_server_hangs_up(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	c->starts_tls = true;
	s->server.model.on_bytes = close_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OC(closed early)");
	stage_free(s);
	s = stage_new(NULL);
	c = end_new(s);
	c->starts_tls = true;
	s->server.model.on_bytes = abort_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OC(reset)");
	stage_free(s);
}

static void the_client_hangs_up(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.starts_tls = true;
	c->starts_tls = true;
	end_connect(s, c);
	/* Its ClientHello is out, the server's flight on its way. */
	stage_run_until(s, NS_PER_SEC + 350 * NS_PER_US);
	assert_string_equal(c->log, "O");
	channel_close(&c->channel);
	stage_run(s);
	assert_string_equal(c->log, "OC(closed here)");
	assert_null(strchr(s->server.ends[0].log, 'T'));
	stage_free(s);
}

/* ---- what cannot be had ---- */

static void try_tls(struct end *e)
{
	struct secure_request request = {.role = SECURE_CLIENT};

	assert_false(channel_start_tls(&e->channel, &request, (struct span){0}, e->opened_ns));
	assert_true(e->channel.is_closing);
}

static void no_session_to_be_had(void **state)
{
	struct stage *s = stage_new(&(struct stage_options){.no_tls = true});
	struct end *c = end_new(s);

	(void)state;
	c->on_opened = try_tls;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OC(closed here, no memory)");
	stage_free(s);
}

/* A peer that floods a handshake which waits its turn is cut off. */
static char flood[CHANNEL_HELD_MAX + 4096];

static void send_flood(struct end *e)
{
	struct iovec v = {flood, sizeof(flood)};

	channel_send(&e->channel, &v, 1);
}

static void a_flood_while_it_waits(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.on_opened = send_flood;
	s->client.skips_turns = true;
	s->client.hub.steps_left = 0;
	c->starts_tls = true;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OC(closed here, no memory)");
	stage_free(s);
}

/* Started again and again over one hub: a second session resumes the first. */
static void a_session_is_resumed(void **state)
{
	struct stage *s =
		stage_new(&(struct stage_options){.client.resume = true, .server.resume = true});

	(void)state;
	s->server.model.starts_tls = s->server.model.echoes = true;
	for (int i = 0; i < 2; i++) {
		struct end *c = end_new(s);

		c->starts_tls = true;
		c->on_sealed = say_hello;
		c->on_bytes = close_on_bytes;
		end_connect(s, c);
		stage_run(s);
		assert_string_equal(c->log, "OTSBC(closed here)");
		assert_true(c->facts.is_resumed == (i == 1));
	}
	assert_int_equal(s->client.secure->handshakes_resumed, 1);
	stage_free(s);
}

/* Closed from within SEALED: nothing follows but the end. */
static void closed_when_sealed(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.starts_tls = c->starts_tls = true;
	c->on_sealed = close_it;
	s->server.model.on_sealed = say_hello;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OTC(closed here)");
	stage_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hundreds_at_once),	cmocka_unit_test(hundreds_that_give_up),
		cmocka_unit_test(each_way_to_fail),	cmocka_unit_test(hundreds_fail_alike),
		cmocka_unit_test(the_server_hangs_up),	cmocka_unit_test(the_client_hangs_up),
		cmocka_unit_test(no_session_to_be_had), cmocka_unit_test(a_flood_while_it_waits),
		cmocka_unit_test(a_session_is_resumed), cmocka_unit_test(closed_when_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
