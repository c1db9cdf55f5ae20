/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sealed.c - a sealed channel: TLS at once and in the middle, bulk, its bound, its end
 */
#include "stage.h"

static void say_hello(struct end *e)
{
	end_send(e, "hello");
}

static void close_on_bytes(struct end *e, struct span bytes)
{
	(void)bytes;
	channel_close(&e->channel);
}

static void echo_once(struct stage *s)
{
	struct end *c = end_new(s);

	s->server.model.echoes = true;
	s->server.model.starts_tls = true;
	c->starts_tls = true;
	c->on_sealed = say_hello;
	c->on_bytes = close_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OTSBC(closed here)");
	/* The client's close_notify is the server's orderly end. */
	assert_string_equal(s->server.ends[0].log, "ATBSC(closed early)");
	assert_string_equal(c->text, "hello");
	assert_string_equal(s->server.ends[0].text, "hello");
	assert_string_equal(c->facts.version, "TLSv1.3");
	assert_string_equal(s->server.ends[0].facts.cipher, c->facts.cipher);
	assert_int_equal(c->failure, SECURE_OK);
	assert_null(c->channel.tx);
}

static void echo_sealed(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	echo_once(s);
	/* One round trip to open, one for the handshake of TLS 1.3. */
	assert_int_equal(s->client.ends[0].sealed_ns - s->client.ends[0].opened_ns,
			 200 * NS_PER_US);
	stage_free(s);
}

/* Any split of the ciphertext leads to the same. */
static void echo_in_octets(void **state)
{
	struct stage *s = stage_new(&(struct stage_options){.split = SIM_SPLIT_OCTETS});

	(void)state;
	echo_once(s);
	stage_free(s);
}

static void echo_in_random_pieces(void **state)
{
	struct stage *s = stage_new(&(struct stage_options){.split = SIM_SPLIT_RANDOM});

	(void)state;
	echo_once(s);
	stage_free(s);
}

static void echo_by_tls_1_2(void **state)
{
	struct stage *s =
		stage_new(&(struct stage_options){.client = {.max_version = SIM_TLS_1_2}});
	struct end *c = end_new(s);

	(void)state;
	s->server.model.echoes = true;
	s->server.model.starts_tls = true;
	c->starts_tls = true;
	c->on_sealed = say_hello;
	c->on_bytes = close_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OTSBC(closed here)");
	assert_string_equal(c->facts.version, "TLSv1.2");
	stage_free(s);
}

/* ---- TLS in the middle ---- */

static void ask_for_tls(struct end *e)
{
	end_send(e, "STARTTLS\n");
}

static void on_go(struct end *e, struct span bytes)
{
	if (e->sealed_ns != 0) {
		channel_close(&e->channel);
		return;
	}
	assert_true(span_equal(bytes, SPAN("go\n")));
	end_start_tls(e, (struct span){0});
}

static void answer_go(struct end *e, struct span bytes)
{
	if (e->sealed_ns != 0)
		return;
	assert_true(span_equal(bytes, SPAN("STARTTLS\n")));
	e->echoes = true;
	end_send(e, "go\n");
}

static void tls_when_answered(struct end *e)
{
	if (e->sealed_ns == 0)
		end_start_tls(e, (struct span){0});
}

static void a_switch_in_lock_step(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.on_bytes = answer_go;
	s->server.model.on_sent = tls_when_answered;
	c->on_opened = ask_for_tls;
	c->on_bytes = on_go;
	c->on_sealed = say_hello;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OSBTSBC(closed here)");
	assert_string_equal(c->text, "go\nhello");
	assert_string_equal(s->server.ends[0].log, "ABSTBSC(closed early)");
	stage_free(s);
}

/* The client does not wait for the answer: what stands behind its command is its ClientHello. */
static void tls_when_asked(struct end *e)
{
	if (e->sealed_ns == 0)
		end_start_tls(e, (struct span){0});
}

static char gathered[1024];
static size_t gathered_len;

static void gather(struct end *e, struct span bytes)
{
	struct span rest;

	if (e->channel.sealed != NULL)
		return;
	assert_true(gathered_len + bytes.len <= sizeof(gathered));
	memcpy(gathered + gathered_len, bytes.data, bytes.len);
	gathered_len += bytes.len;
	/* All of the ClientHello and some: its record's length stands behind the five octets. */
	if (gathered_len < 9 + 5)
		return;
	rest = span_skip((struct span){gathered, gathered_len}, 9);
	if (rest.len < 5u + ((unsigned char)rest.data[3] << 8 | (unsigned char)rest.data[4]))
		return;
	end_start_tls(e, rest);
}

static void eager_switch(enum sim_split split)
{
	struct stage *s = stage_new(&(struct stage_options){.split = split});
	struct end *c = end_new(s);

	gathered_len = 0;
	s->server.model.on_bytes = gather;
	s->server.model.on_sealed = say_hello;
	c->on_opened = ask_for_tls;
	c->on_sent = tls_when_asked;
	c->on_bytes = close_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OSTBC(closed here)");
	assert_string_equal(c->text, "hello");
	stage_free(s);
}

static void a_switch_with_leftover(void **state)
{
	(void)state;
	eager_switch(SIM_SPLIT_NONE);
	eager_switch(SIM_SPLIT_OCTETS);
	eager_switch(SIM_SPLIT_RANDOM);
}

/* ---- bulk ---- */

#define BULK_OCTETS (UINT64_C(1) << 20)

static char bulk[BULK_OCTETS];

static const struct transport_ops *real_send_ops;
static const struct secure_ops *real_seal_ops;
static size_t in_flight_most, tx_most;
static uint64_t bulk_sent[2];

/* What is lent at once, and not taken by the kernel yet. */
static void spy_send(struct link *link, const struct iovec *segments, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += segments[i].iov_len;
	if (sum > in_flight_most)
		in_flight_most = sum;
	real_send_ops->send(link, segments, count);
}

/* What collects for the next flight. */
static size_t spy_seal(struct secure_session *session, const struct iovec *plain, int count,
		       size_t limit, struct buf *tx)
{
	size_t done = real_seal_ops->seal(session, plain, count, limit, tx);

	if (tx->len > tx_most)
		tx_most = tx->len;
	return done;
}

static void bulk_more(struct end *e)
{
	static const size_t sizes[16] = {0, 1,	    0,	   7000, 13, 16384, 1, 16385,
					 2, 100000, 65536, 5,	 0,  0,	    9, 0};
	int side = e->host->listening.on_accept != NULL;
	struct iovec v[16];
	int count = 0;

	while (count < 16 && bulk_sent[side] < BULK_OCTETS) {
		size_t len = sizes[count];

		if (len > BULK_OCTETS - bulk_sent[side])
			len = BULK_OCTETS - bulk_sent[side];
		v[count++] = (struct iovec){bulk + bulk_sent[side], len};
		bulk_sent[side] += len;
	}
	if (count > 0)
		channel_send(&e->channel, v, count);
	else if (e->received == BULK_OCTETS)
		channel_close(&e->channel);
}

static void bulk_expect(struct end *e, struct span bytes)
{
	int side = e->host->listening.on_accept != NULL;

	assert_true(e->received <= BULK_OCTETS);
	assert_memory_equal(bytes.data, bulk + e->received - bytes.len, bytes.len);
	if (e->received == BULK_OCTETS && bulk_sent[side] == BULK_OCTETS && !e->channel.is_sending)
		channel_close(&e->channel);
}

static void bulk_both_ways(const struct stage_options *options)
{
	struct transport_ops send_ops;
	struct secure_ops seal_ops;
	struct stage *s = stage_new(options);
	struct end *c = end_new(s);

	for (uint64_t i = 0; i < BULK_OCTETS; i++)
		bulk[i] = pattern_at(i);
	memset(bulk_sent, 0, sizeof(bulk_sent));
	in_flight_most = tx_most = 0;
	real_send_ops = s->client.transport->ops;
	send_ops = *real_send_ops;
	send_ops.send = spy_send;
	s->client.transport->ops = s->server.transport->ops = &send_ops;
	real_seal_ops = s->client.secure->ops;
	seal_ops = *real_seal_ops;
	seal_ops.seal = spy_seal;
	s->client.secure->ops = s->server.secure->ops = &seal_ops;

	s->server.model.starts_tls = c->starts_tls = true;
	s->server.model.on_sealed = s->server.model.on_sent = bulk_more;
	s->server.model.on_bytes = bulk_expect;
	c->on_sealed = c->on_sent = bulk_more;
	c->on_bytes = bulk_expect;
	end_connect(s, c);
	stage_run(s);
	assert_int_equal(c->received, BULK_OCTETS);
	assert_int_equal(s->server.ends[0].received, BULK_OCTETS);
	assert_int_equal(c->failure, SECURE_OK);
	assert_int_equal(s->server.ends[0].failure, SECURE_OK);
	/* 64 KiB of plain text are five records at most; 32 octets more than covers their heads. */
	assert_in_range(in_flight_most, CHANNEL_AHEAD_MAX / 2, CHANNEL_AHEAD_MAX + 5 * 32);
	assert_true(tx_most <= CHANNEL_AHEAD_MAX + 5 * 32);
	stage_free(s);
}

static void a_mebibyte_both_ways(void **state)
{
	(void)state;
	bulk_both_ways(&(struct stage_options){0});
}

static void a_mebibyte_through_a_thin_wire(void **state)
{
	(void)state;
	bulk_both_ways(&(struct stage_options){.bandwidth = 2000000});
}

static void a_mebibyte_in_random_pieces(void **state)
{
	(void)state;
	bulk_both_ways(&(struct stage_options){.split = SIM_SPLIT_RANDOM});
}

/* ---- the end ---- */

/* A close_notify is answered with one (RFC 8446 s6.1), and is an orderly end for both. */
static void close_when_sealed(struct end *e)
{
	channel_close(&e->channel);
}

static void close_notify_is_answered(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);
	uint64_t before;

	(void)state;
	s->server.model.starts_tls = c->starts_tls = true;
	s->server.model.on_sealed = close_when_sealed;
	end_connect(s, c);
	/* The client's Finished is out, the server's close_notify on its way. */
	stage_run_until(s, NS_PER_SEC + 450 * NS_PER_US);
	assert_string_equal(c->log, "OT");
	before = s->client.transport->counters.bytes_out;
	stage_run(s);
	assert_string_equal(c->log, "OTC(closed early)");
	assert_string_equal(s->server.ends[0].log, "ATC(closed here)");
	assert_string_equal(c->detail, "");
	/* Sealed links leave the answer out. */
	assert_true(s->client.transport->counters.bytes_out > before || !stage_is_encrypted);
	stage_free(s);
}

/* FIN without close_notify is told as what it is. */
static void shut_when_sealed(struct end *e)
{
	link_close(e->channel.link);
}

static void a_bare_fin(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.starts_tls = c->starts_tls = true;
	s->server.model.on_sealed = shut_when_sealed;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->log, "OTC(closed early)");
	stage_free(s);
}

/* A peer that never reads does not keep a channel alive whose last word is an alert. */
static void fill_up(struct end *e)
{
	struct iovec v = {bulk, BULK_OCTETS};

	channel_send(&e->channel, &v, 1);
}

static void stop_reading(struct end *e)
{
	channel_receive(&e->channel, false);
}

static void send_rubbish(struct end *e)
{
	static const char record[] = "\x17\x03\x03\x00\x20"
				     "0123456789abcdef0123456789abcdef";
	struct iovec v = {.iov_len = sizeof(record) - 1};
	const char *data = record;

	memcpy(&v.iov_base, &data, sizeof(data));
	link_send(e->channel.link, &v, 1);
}

static void the_last_word_has_a_time(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s), *server;
	int64_t broken_ns;

	(void)state;
	s->server.model.starts_tls = c->starts_tls = true;
	s->server.model.on_sealed = fill_up;
	c->on_sealed = stop_reading;
	end_connect(s, c);
	stage_run(s);
	server = &s->server.ends[0];
	assert_true(server->channel.is_sending);
	send_rubbish(c);
	broken_ns = clock_now(sim_clock(s->sim)) + 100 * NS_PER_US;
	stage_run_until(s, broken_ns + 4 * NS_PER_SEC);
	assert_false(server->is_closed);
	stage_run(s);
	assert_string_equal(server->log, "ATC(closed here, bad record)");
	assert_in_range(server->closed_ns - broken_ns, 5 * NS_PER_SEC,
			5 * NS_PER_SEC + 2 * WHEEL_TICK_NS);
	channel_receive(&c->channel, true);
	stage_run(s);
	stage_free(s);
}

/* Nothing but empty segments before the first octet: an empty head does not end the channel. */
static void empty_segments(struct end *e)
{
	struct iovec v[3] = {{bulk, 0}, {bulk, 0}, {bulk, 1}};

	channel_send(&e->channel, v, 3);
}

static void empty_segments_first(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.starts_tls = c->starts_tls = true;
	c->on_sealed = empty_segments;
	s->server.model.on_bytes = close_on_bytes;
	end_connect(s, c);
	stage_run(s);
	assert_int_equal(s->server.ends[0].received, 1);
	assert_string_equal(c->log, "OTSC(closed early)");
	stage_free(s);
}

/* An idle sealed channel holds no buffers: they are the hub's. */
static void idle_holds_nothing(void **state)
{
	struct stage *s = stage_new(NULL);
	struct end *c = end_new(s);

	(void)state;
	s->server.model.starts_tls = c->starts_tls = true;
	s->server.model.echoes = true;
	c->on_sealed = say_hello;
	end_connect(s, c);
	stage_run(s);
	assert_string_equal(c->text, "hello");
	assert_null(c->channel.tx);
	assert_null(s->server.ends[0].channel.tx);
	assert_int_equal(s->client.hub.spare_count, 1);
	assert_null(c->channel.held.data);
	channel_close(&c->channel);
	stage_run(s);
	stage_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_sealed),
		cmocka_unit_test(echo_in_octets),
		cmocka_unit_test(echo_in_random_pieces),
		cmocka_unit_test(echo_by_tls_1_2),
		cmocka_unit_test(a_switch_in_lock_step),
		cmocka_unit_test(a_switch_with_leftover),
		cmocka_unit_test(a_mebibyte_both_ways),
		cmocka_unit_test(a_mebibyte_through_a_thin_wire),
		cmocka_unit_test(a_mebibyte_in_random_pieces),
		cmocka_unit_test(close_notify_is_answered),
		cmocka_unit_test(a_bare_fin),
		cmocka_unit_test(the_last_word_has_a_time),
		cmocka_unit_test(empty_segments_first),
		cmocka_unit_test(idle_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
