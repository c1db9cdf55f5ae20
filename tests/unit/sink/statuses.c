/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * statuses.c - documents of sinks for the tests
 */
#include "statuses.h"
#include <stdlib.h>
#include <string.h>

#define HOSTILE "rcpt:reply=450 \x1b[31m\x01\xff\"x\""

static const struct run_latency few = {
	.count = 3,
	.mean_us = 1000.5,
	.min_us = 900,
	.p50_us = RUN_NONE,
	.p90_us = RUN_NONE,
	.p99_us = RUN_NONE,
	.p99_9_us = RUN_NONE,
	.p99_99_us = RUN_NONE,
	.max_us = 1200,
};

static const struct run_latency many = {
	.count = 1000000,
	.mean_us = 20000,
	.min_us = 10,
	.p50_us = 19000,
	.p90_us = 40000,
	.p99_us = 90000,
	.p99_9_us = 120000,
	.p99_99_us = 150000,
	.max_us = 3600000000,
};

static const struct run_latency none = {
	.min_us = RUN_NONE,
	.p50_us = RUN_NONE,
	.p90_us = RUN_NONE,
	.p99_us = RUN_NONE,
	.p99_9_us = RUN_NONE,
	.p99_99_us = RUN_NONE,
	.max_us = RUN_NONE,
};

void status_idle(struct sink_status *s)
{
	sink_status_init(s);
	sink_status_set_started(s, INT64_C(1700000000250000000));
	s->seconds = 1.5;
	s->threads = 1;
	s->end_to_end.latency = none;
	run_texts_add(&s->listeners, "smtp 127.0.0.1:2525");
}

static void fill_tables(struct sink_status *s)
{
	*sink_status_add_reply(s) = (struct sink_status_reply){"rcpt", 250, 1234567};
	*sink_status_add_reply(s) = (struct sink_status_reply){"rcpt", 450, 5};
	*sink_status_add_reply(s) = (struct sink_status_reply){"dot", 550, 1};
	for (int i = 0; i < 30; i++)
		*sink_status_add_client(s) = (struct sink_status_client){
			.address = "2001:db8::1", .sessions = 1, .messages = 2, .octets = 4096};
	s->clients_total = 30;
	*sink_status_add_tls(s) =
		(struct sink_status_tls){"TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", true, 7};
	*sink_status_add_tls_failure(s) = (struct sink_status_cause){"alert", 2};
	*sink_status_add_end(s) = (struct sink_status_cause){"reset", 3};
	*sink_status_add_fault(s) = (struct sink_status_fault){strdup(HOSTILE), 100, 10, none};
	*sink_status_add_fault(s) =
		(struct sink_status_fault){strdup("mail:delay=exp:20ms"), 100, 100, many};
	*sink_status_add_delay(s) = (struct sink_status_delay){"mail", many};
	*sink_status_add_run(s) =
		(struct sink_status_run){"00000000000000aa", 10, 1, 12, 13, 3, many};
	*sink_status_add_run(s) = (struct sink_status_run){"00000000000000bb", 3, 0, 2, 3, 0, few};
}

/* A limit that held, one that did not, and one on which nothing was. */
static void fill_imposed(struct sink_status *s)
{
	static const struct limit hourly = {
		.unit = LIMIT_MESSAGES,
		.scope = LIMIT_PER_ACCOUNT,
		.window = LIMIT_FIXED,
		.counts_accepted = true,
		.amount = 200,
		.period_ns = INT64_C(3600000000000),
	};
	static const struct limit open = {.unit = LIMIT_CONNECTIONS, .amount = 5};

	s->imposed.is_on = true;
	s->imposed.scale = 3600;
	s->imposed.general = 3;
	s->imposed.has_log = true;
	s->imposed.log_lines = 100;
	s->imposed.log_dropped = 1;
	s->imposed.has_reputation = true;
	s->imposed.reputations[1] = 7;
	*sink_status_add_limit(s) = (struct sink_status_limit){
		.profile = "shared-host",
		.name = "hourly",
		.where = "all",
		.limit = hourly,
		.window_s = 1,
		.keys = 2,
		.passed = 1716,
		.refused = 284,
		.peak = 200,
		.counted = 200,
		.worst = "u\x1b@b.example",
		.worst_refused = 280,
	};
	*sink_status_add_limit(s) = (struct sink_status_limit){
		.profile = "gmail",
		.name = "open",
		.where = "@gmail.example",
		.from_s = 30,
		.limit = open,
		.keys = 1,
		.passed = 7,
		.peak = 5,
		.counted = 6,
	};
	*sink_status_add_limit(s) =
		(struct sink_status_limit){.profile = "gmail", .name = "unused", .limit = open};
	*sink_status_add_rule(s) = (struct sink_status_rule){
		.profile = "shared-host", .name = "over-hourly", .where = "all", .said = 284};
}

void status_busy(struct sink_status *s)
{
	status_idle(s);
	fill_tables(s);
	fill_imposed(s);
	s->threads = 2;
	s->sessions.accepted = 40;
	s->sessions.peak = 12;
	s->sessions.over_limit = 1;
	s->sessions.timed_out = 2;
	s->messages.accepted = 14;
	s->messages.rejected = 1;
	s->messages.broken = 2;
	s->messages.recipients = 28;
	s->messages.octets = 14 << 12;
	s->protocol.faulty = 4;
	s->protocol.injections = 1;
	s->store.is_on = true;
	s->store.stored = 14;
	s->ids_malformed = 1;
	s->end_to_end.is_known = true;
	s->end_to_end.received = 13;
	s->end_to_end.lost = 3;
	s->end_to_end.duplicated = 1;
	s->end_to_end.latency = many;
}
