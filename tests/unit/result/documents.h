/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * documents.h - documents of runs with known contents, for the tests of JSON and of reports
 */
#ifndef VOLLEY_TESTS_RESULT_DOCUMENTS_H
#define VOLLEY_TESTS_RESULT_DOCUMENTS_H
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "result/fill.h"
#include "result/run.h"
#include "stats/hdr.h"

/* A phase whose samples lie evenly between two values. */
static inline void document_latency(struct run_document *d, enum phase phase, uint64_t count,
				    int64_t from_us, int64_t to_us)
{
	struct hdr *h = hdr_new();

	assert_non_null(h);
	for (uint64_t i = 0; i < count; i++)
		hdr_add_value(h,
			      from_us + (int64_t)((double)(to_us - from_us) * (double)i /
						  (double)(count > 1 ? count - 1 : 1)),
			      1);
	run_fill_latency(&d->latency[phase], h);
	hdr_free(h);
}

static inline void document_reply(struct run_document *d, const char *command, int code,
				  const char *enhanced, uint64_t count, const char *sample)
{
	struct reply reply = {.code = (uint16_t)code};

	if (*enhanced)
		assert_true(enhanced_parse(span_of(enhanced), reply.code, &reply.enhanced));
	assert_true(run_fill_reply(d, command, &reply, count, span_of(sample)));
}

static inline void document_tls(struct run_document *d, bool is_resumed, uint64_t count)
{
	struct run_tls *row = run_add_tls(d);

	assert_non_null(row);
	snprintf(row->version, sizeof(row->version), "TLSv1.3");
	snprintf(row->cipher, sizeof(row->cipher), "TLS_AES_128_GCM_SHA256");
	snprintf(row->group, sizeof(row->group), "X25519");
	row->is_resumed = is_resumed;
	row->count = count;
}

static inline void document_host(struct run_document *d)
{
	snprintf(d->host.volley, sizeof(d->host.volley), "0.1.0");
	snprintf(d->host.kernel, sizeof(d->host.kernel), "Linux 6.18.5 x86_64");
	snprintf(d->host.liburing, sizeof(d->host.liburing), "2.3");
	snprintf(d->host.tls_library, sizeof(d->host.tls_library),
		 "wolfSSL 5.5.4, lean build with AES-NI");
	d->host.cpus = 2;
}

static inline void document_closed_latencies(struct run_document *d)
{
	document_latency(d, PHASE_CONNECT, 1008, 310, 2900);
	document_latency(d, PHASE_BANNER, 1005, 890, 5100);
	document_latency(d, PHASE_EHLO, 2010, 120, 980);
	document_latency(d, PHASE_TLS, 1005, 4100, 61000);
	document_latency(d, PHASE_AUTH, 1005, 2200, 14100);
	document_latency(d, PHASE_MAIL, 288950, 87, 1204);
	document_latency(d, PHASE_RCPT, 288950, 140, 3310);
	document_latency(d, PHASE_DATA, 288936, 61, 870);
	document_latency(d, PHASE_BODY, 288736, 9, 48);
	document_latency(d, PHASE_ACCEPT, 288735, 1900, 410000);
	document_latency(d, PHASE_QUIT, 6, 90, 200);
	document_latency(d, PHASE_SESSION, 1005, 59000000, 61000000);
	document_latency(d, PHASE_RESPONSE, 288945, 2300, 413000);
	document_latency(d, PHASE_SERVICE, 288945, 2300, 413000);
}

static inline void document_closed_replies(struct run_document *d)
{
	document_reply(d, "dot", 250, "2.0.0", 288731, "2.0.0 Ok: queued as 4Sd1mX0PqHz1pL");
	document_reply(d, "connect", 220, "", 1005, "relay.example.com ESMTP Postfix");
	document_reply(d, "ehlo", 250, "", 2010,
		       "relay.example.com\nPIPELINING\nSIZE 10240000\nSTARTTLS\nAUTH PLAIN LOGIN "
		       "SCRAM-SHA-256\nENHANCEDSTATUSCODES\n8BITMIME\nDSN\nCHUNKING");
	document_reply(d, "starttls", 220, "2.0.0", 1005, "2.0.0 Ready to start TLS");
	document_reply(d, "auth", 235, "2.7.0", 1005, "2.7.0 Authentication successful");
	document_reply(d, "mail", 250, "2.1.0", 288950, "2.1.0 Ok");
	document_reply(d, "rcpt", 250, "2.1.5", 288736, "2.1.5 Ok");
	document_reply(d, "rcpt", 450, "4.2.0", 200,
		       "4.2.0 <user17@example.com>: Recipient address rejected: Greylisted, see "
		       "http://postgrey.schweikert.ch/help/example.com.html");
	document_reply(d, "rcpt", 550, "5.1.1", 14,
		       "5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in "
		       "local recipient table");
	document_reply(d, "data", 354, "", 288736, "End data with <CR><LF>.<CR><LF>");
	document_reply(d, "quit", 221, "2.0.0", 6, "2.0.0 Bye");
}

static inline void document_closed_course(struct run_document *d)
{
	for (int t = -5; t < 60; t++) {
		struct run_second *row = run_add_second(d);
		bool is_slow = t >= 30 && t < 35;

		row->t_s = t;
		row->started = is_slow ? 900 : 5170;
		row->accepted = row->started - (t % 10 == 0 ? 36 : 0);
		row->deferred = t % 10 == 0 ? 33 : 0;
		row->rejected = t % 10 == 0 ? 3 : 0;
		row->sessions = 1000;
		row->p50_us = is_slow ? 180000 : 12100;
		row->p99_us = is_slow ? 409000 : 48000;
	}
}

static inline void document_pace_hold(struct run_document *d, const char *by, const char *limit,
				      double seconds, double share)
{
	struct run_pace_hold *row = run_add_pace_hold(d);

	assert_non_null(row);
	snprintf(row->target, sizeof(row->target), "smtp://relay.example.com:587");
	snprintf(row->by, sizeof(row->by), "%s", by);
	snprintf(row->limit, sizeof(row->limit), "%s", limit);
	row->seconds = seconds;
	row->share = share;
}

/* A profile obeyed, with adaptive control within it, and a reply that ended the run. */
static inline void document_paced(struct run_document *d)
{
	struct run_pace_target *t;

	run_init(d);
	snprintf(d->run.id, sizeof(d->run.id), "00c0ffee12345679");
	run_fill_started(d, INT64_C(1700566380250000000));
	d->run.seconds = 10;
	d->config.sessions = 20;
	d->config.threads = 1;
	run_texts_add(&d->config.targets, "smtp://relay.example.com:587");
	run_texts_add(&d->config.targets, "smtp://other.example.com:587");
	snprintf(d->config.tls.use, sizeof(d->config.tls.use), "none");
	d->messages = (struct run_messages){
		.due = 1590, .started = 1590, .accepted = 1587, .deferred = 3};
	d->rate.achieved = 159;
	document_reply(d, "mail", 421, "4.7.0", 3, "4.7.0 Too many messages from your account");
	snprintf(d->replies[0].class, sizeof(d->replies[0].class), "throttled");
	snprintf(d->bound_by, sizeof(d->bound_by), "pace");
	d->status = EXIT_UNDELIVERED;
	d->pace.is_used = true;
	d->pace.scale = 3600;
	d->pace.does_adapt = true;
	d->pace.interval_s = 1;
	snprintf(d->pace.aborted_because, sizeof(d->pace.aborted_because),
		 "account-closed ended it (shared-host): 535 5.7.8 This account is closed");
	t = run_add_pace_target(d);
	assert_non_null(t);
	snprintf(t->target, sizeof(t->target), "smtp://relay.example.com:587");
	snprintf(t->profile, sizeof(t->profile), "shared-host");
	t->headroom = 0.2;
	t->paths = 2;
	t->throttled = 3;
	t->pauses = 1;
	t->cuts = 2;
	t->connections_peak = 4;
	t->connections_allowed = 4;
	t->rate = 152.25;
	t->rate_refused = 171.5;
	t->connections_refused = 5;
	t->messages_per_connection = 20;
	t = run_add_pace_target(d);
	assert_non_null(t);
	snprintf(t->target, sizeof(t->target), "smtp://other.example.com:587");
	t->paths = 2;
	t->dropped = 1;
	t->rests = 1;
	t->connections_peak = 10;
	document_pace_hold(d, "hourly", "200 messages an hour per account", 8.75, 0.875);
	document_pace_hold(d, "pause", "", 1.125, 0.1125);
}

/* A closed loop over STARTTLS against a relay that greylists a few and drops a few connections. */
static inline void document_closed(struct run_document *d)
{
	run_init(d);
	snprintf(d->run.id, sizeof(d->run.id), "00c0ffee12345678");
	run_set_text(&d->run.command, "volley bench --sessions 1000 --duration 60s "
				      "smtp+starttls://relay.example.com:587");
	run_fill_started(d, INT64_C(1700566380250000000));
	d->run.seconds = 60.002;
	d->run.drain_seconds = 0.213;
	d->config.sessions = 1000;
	d->config.threads = 2;
	run_texts_add(&d->config.targets, "smtp+starttls://relay.example.com:587");
	d->config.duration_s = 60;
	d->config.warmup_s = 5;
	run_set_text(&d->config.message, "4.00 KiB");
	run_set_text(&d->config.recipients, "1");
	d->config.use_pipelining = true;
	snprintf(d->config.auth, sizeof(d->config.auth), "SCRAM-SHA-256");
	snprintf(d->config.tls.use, sizeof(d->config.tls.use), "starttls");
	snprintf(d->config.tls.verify, sizeof(d->config.tls.verify), "full");
	snprintf(d->config.tls.version_min, sizeof(d->config.tls.version_min), "TLSv1.2");
	d->config.seed = UINT64_C(18446744073709551615);
	d->messages = (struct run_messages){.due = 288950,
					    .started = 288950,
					    .accepted = 288731,
					    .deferred = 200,
					    .rejected = 14,
					    .failed = 4,
					    .in_doubt = 1};
	d->recipients = (struct run_recipients){
		.accepted = 288731, .deferred = 200, .rejected = 14, .failed = 4, .in_doubt = 1};
	d->sessions =
		(struct run_sessions){.opened = 1005, .peak = 1000, .failed = 5, .tls_resumed = 5};
	d->rate.achieved = 4815.7;
	document_closed_latencies(d);
	document_closed_replies(d);
	run_fill_error(d, "connect", "refused", 3, SPAN("Connection refused"),
		       "is the server listening on this port, and is its backlog large enough?");
	run_fill_error(d, "accept", "closed early", 5, SPAN(""), "");
	document_tls(d, true, 5);
	document_tls(d, false, 1000);
	document_closed_course(d);
	d->resources = (struct run_resources){.cpu_user_s = 12.31,
					      .cpu_system_s = 8.14,
					      .peak_rss_bytes = 86 << 20,
					      .bytes_in = UINT64_C(83) << 20,
					      .bytes_out = UINT64_C(1229) << 20};
	snprintf(d->bound_by, sizeof(d->bound_by), "server");
	snprintf(d->bound_note, sizeof(d->bound_note), "the client was busy 34 %% of the time");
	run_fill_limit(d, "local ports", 1005, 28232, false, "");
	run_fill_limit(d, "SYN retransmissions (whole host)", 12, 0, false,
		       "connections met a full accept queue or a lossy path");
	document_host(d);
	d->status = EXIT_UNDELIVERED;
	run_sort(d);
}

/* An open loop whose generator could not keep up. */
static inline void document_open(struct run_document *d)
{
	run_init(d);
	snprintf(d->run.id, sizeof(d->run.id), "0000000000000001");
	run_set_text(&d->run.command, "volley bench --rate 50000/s --duration 10s lmtp://[::1]:24");
	run_fill_started(d, 0);
	d->run.seconds = 10;
	d->config.mode = RUN_OPEN;
	d->config.sessions = 200;
	d->config.threads = 1;
	run_texts_add(&d->config.targets, "lmtp://[::1]:24");
	run_texts_add(&d->config.targets, "lmtp://[::1]:25");
	run_texts_add(&d->config.sources, "127.0.0.2");
	d->config.messages = 500000;
	run_set_text(&d->config.rate, "50000/s");
	snprintf(d->config.arrivals, sizeof(d->config.arrivals), "poisson");
	d->config.messages_per_connection = 100;
	run_set_text(&d->config.message, "specmail2001 1.00 KiB to 2.61 MiB, mean 24.5 KiB");
	run_set_text(&d->config.recipients, "1-20");
	d->config.use_chunking = true;
	snprintf(d->config.tls.use, sizeof(d->config.tls.use), "none");
	d->messages = (struct run_messages){.due = 500000, .started = 391220, .accepted = 391220};
	d->recipients = (struct run_recipients){.accepted = 782440};
	d->sessions = (struct run_sessions){.opened = 3912, .peak = 200};
	d->rate = (struct run_rate){
		.has_offered = true,
		.offered = 50000,
		.achieved = 39122,
		.lag_p50_us = 812000,
		.lag_p99_us = 2140000,
		.lag_max_us = 2175000,
		.is_valid = false,
		.invalid_because = "client-limited: a worker was busy 99 % of the time, so replies "
				   "waited here: use more --threads or another machine"};
	document_latency(d, PHASE_RESPONSE, 391220, 400, 2180000);
	document_latency(d, PHASE_SERVICE, 391220, 390, 5100);
	document_reply(d, "bdat", 250, "2.0.0", 391220, "2.0.0 Delivered");
	run_fill_limit(d, "receive buffers empty", 4411, 0, false, "");
	run_fill_limit(d, "no local port", 17, 0, true,
		       "add --source-ip addresses, or send more messages per connection");
	d->end_to_end = (struct run_end_to_end){.is_known = true,
						.received = 391219,
						.lost = 1,
						.latency = {.count = 391219,
							    .mean_us = 4210.25,
							    .min_us = 700,
							    .p50_us = 4100,
							    .p90_us = 6100,
							    .p99_us = 9400,
							    .p99_9_us = 14100,
							    .p99_99_us = 18800,
							    .max_us = 21500}};
	snprintf(d->bound_by, sizeof(d->bound_by), "client CPU");
	document_host(d);
	d->status = EXIT_INVALID;
	run_sort(d);
}

/* Nothing answered. */
static inline void document_unreachable(struct run_document *d)
{
	run_init(d);
	snprintf(d->run.id, sizeof(d->run.id), "00000000000000ff");
	run_fill_started(d, INT64_C(1700566380000000000));
	d->config.sessions = 1;
	d->config.threads = 1;
	run_texts_add(&d->config.targets, "smtps://mail.example.com:465");
	d->config.messages = 1;
	run_set_text(&d->config.message, "4.00 KiB");
	run_set_text(&d->config.recipients, "1");
	snprintf(d->config.tls.use, sizeof(d->config.tls.use), "implicit");
	snprintf(d->config.tls.verify, sizeof(d->config.tls.verify), "full");
	d->sessions.failed = 1;
	run_fill_error(
		d, "tls", "tls certificate expired", 1,
		SPAN("the certificate of mail.example.com expired on 2023-11-01"),
		"renew the server's certificate; --tls-verify none tests without checking it");
	d->status = EXIT_UNREACHABLE;
}

/* A peer that sends terminal control, broken UTF-8, brackets of markup and no end. */
static inline void document_hostile(struct run_document *d)
{
	char endless[2000];

	document_unreachable(d);
	memset(endless, 'A', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	document_reply(d, "connect", 554, "", 1,
		       "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>");
	document_reply(d, "ehlo", 250, "", 1,
		       "caf\xE9 \xC3\xA9 \xF0\x9F\x93\xA7 \x9B"
		       "31m\r\nline two\n\n");
	document_reply(d, "mail", 250, "", 1, endless);
	run_fill_error(d, "banner", "not SMTP", 1, ((struct span){"\0\x01\xFF%s%n\x7f", 8}), "");
	run_set_text(&d->run.command, "volley bench 'smtp://\xFF\x1b[31mhost'");
}

#endif
