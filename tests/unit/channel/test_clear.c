/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_clear.c - a channel in clear: transparent, its deadline, how it ends, two that change places
 */
#include "stage.h"

static void say_hello(struct end *e)
{
	end_send(e, "hello");
}

static void close_it(struct end *e)
{
	channel_close(&e->channel);
}

static void close_on_bytes(struct end *e, struct span bytes)
{
	(void)bytes;
	channel_close(&e->channel);
}

static void echo_in_clear(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.echoes = true;
	c->on_opened = say_hello;
	c->on_bytes = close_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OSBC(closed here)");
	assert_string_equal(s->server.ends[0].log, "ABSC(closed early)");
	assert_string_equal(c->text, "hello");
	/* Half a round trip each for SYN and its answer, the word and its echo. */
	assert_int_equal(c->opened_ns - NS_PER_SEC, 200 * NS_PER_US);
	assert_int_equal(c->closed_ns - c->opened_ns, 200 * NS_PER_US);
	stage_free(s);
}

static void abort_it(struct end *e)
{
	channel_abort(&e->channel);
	/* Nothing more is to be had from it, and asking does no harm. */
	channel_close(&e->channel);
	channel_shut(&e->channel);
	channel_receive(&e->channel, true);
}

static void an_abort_is_a_reset(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	c->on_opened = abort_it;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OC(closed here)");
	assert_string_equal(s->server.ends[0].log, "AC(reset)");
	stage_free(s);
}

static void refused(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->at.port = 26;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "C(refused)");
	stage_free(s);
}

/* After CLOSED, and from within its handler, the channel may be opened again. */
static struct stage *again_stage;

static void connect_again(struct end *e)
{
	e->on_closed = NULL;
	e->is_closed = false;
	e->on_opened = close_it;
	again_stage->at.port = 25;
	end_connect(again_stage, e);
}

static void opened_again_when_closed(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	again_stage = s;
	s->at.port = 26;
	c->on_closed = connect_again;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "C(refused)OC(closed here)");
	stage_free(s);
}

static void set_deadline(struct end *e)
{
	channel_deadline(&e->channel, e->opened_ns + 10 * NS_PER_MS);
}

static void a_deadline_passes(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	c->on_opened = set_deadline;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OL");
	channel_abort(&c->channel);
	stage_run(s);
	assert_string_equal(c->log, "OLC(closed here)");
	stage_free(s);
}

/* Sends 1 MiB in sends of 16 segments, some of them empty. */
#define BULK_OCTETS (UINT64_C(1) << 20)
static char bulk[BULK_OCTETS];
static uint64_t bulk_sent;

static void send_more(struct end *e)
{
	static const size_t sizes[16] = {1,	0, 7000, 13, 0,	    0, 16384, 1,
					 16385, 2, 300,	 0,  65536, 5, 9,     0};
	struct iovec v[16];
	int count = 0;

	while (count < 16 && bulk_sent < BULK_OCTETS) {
		size_t len = sizes[count];

		if (len > BULK_OCTETS - bulk_sent)
			len = BULK_OCTETS - bulk_sent;
		v[count++] = (struct iovec){bulk + bulk_sent, len};
		bulk_sent += len;
	}
	if (count > 0)
		channel_send(&e->channel, v, count);
	else
		channel_close(&e->channel);
}

static void expect_bulk(struct end *e, struct span bytes)
{
	uint64_t from = e->received - bytes.len;

	assert_memory_equal(bytes.data, bulk + from, bytes.len);
}

static void a_mebibyte(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	for (uint64_t i = 0; i < BULK_OCTETS; i++)
		bulk[i] = pattern_at(i);
	bulk_sent = 0;
	c->on_opened = send_more;
	c->on_sent = send_more;
	s->server.model.on_bytes = expect_bulk;
	end_connect(s, c);
	stage_run(s);
	assert_int_equal(s->server.ends[0].received, BULK_OCTETS);
	stage_free(s);
}

static void shut_it(struct end *e)
{
	channel_shut(&e->channel);
}

/* FIN of one side alone: the other's last words still arrive. */
static void half_closed(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	c->on_opened = say_hello;
	c->on_sent = shut_it;
	s->server.model.echoes = true;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->text, "hello");
	assert_string_equal(c->log, "OSBC(closed early)");
	stage_free(s);
}

/* Two channels change places: each end goes on with the other's link, deadlines and all. */
static void two_change_places(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *a = end_new(s), *b = end_new(s);
	struct link *link_a, *link_b;
	int64_t begin = clock_now(sim_clock(s->sim));

	(void)state;
	s->server.model.echoes = true;
	end_connect(s, a);
	stage_run_until(s, begin + NS_PER_MS);
	s->at.port = 26; /* nobody there: refused a round trip later */
	end_connect(s, b);
	link_a = a->channel.link;
	link_b = b->channel.link;
	channel_deadline(&a->channel, begin + 5 * NS_PER_MS);
	channel_swap(&a->channel, &b->channel);
	assert_ptr_equal(a->channel.link, link_b);
	assert_ptr_equal(b->channel.link, link_a);
	assert_true(b->channel.is_open);
	assert_false(a->channel.is_open);
	end_send(b, "mine");
	stage_run_until(s, begin + 4 * NS_PER_MS);
	assert_string_equal(a->log, "OC(refused)");
	assert_string_equal(b->log, "SB");
	assert_string_equal(b->text, "mine");
	stage_run(s);
	assert_string_equal(b->log, "SBL");
	channel_close(&b->channel);
	stage_run(s);
	stage_free(s);
}

/* One that is closed by now takes over from one that is open: how a race goes on after a loss. */
static void a_closed_one_takes_over(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *a = end_new(s), *b = end_new(s);
	int64_t begin = clock_now(sim_clock(s->sim));

	(void)state;
	s->at.port = 26;
	end_connect(s, a);
	s->at.port = 25;
	end_connect(s, b);
	stage_run_until(s, begin + NS_PER_MS);
	assert_string_equal(a->log, "C(refused)");
	channel_swap(&a->channel, &b->channel);
	assert_null(b->channel.link);
	a->is_closed = false;
	b->is_closed = true;
	channel_close(&a->channel);
	stage_run(s);
	assert_string_equal(a->log, "C(refused)C(closed here)");
	assert_string_equal(b->log, "O");
	stage_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_in_clear),
		cmocka_unit_test(an_abort_is_a_reset),
		cmocka_unit_test(refused),
		cmocka_unit_test(opened_again_when_closed),
		cmocka_unit_test(a_deadline_passes),
		cmocka_unit_test(a_mebibyte),
		cmocka_unit_test(half_closed),
		cmocka_unit_test(two_change_places),
		cmocka_unit_test(a_closed_one_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
