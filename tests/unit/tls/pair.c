/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pair.c - a TLS client and a TLS server that talk to each other in memory
 */
#include "pair.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"

#define BUFFER_MAX (64u << 20)

int64_t days_from_now(int days)
{
	return clock_wall_ns(clock_system()) / NS_PER_SEC + days * INT64_C(86400);
}

struct certificate_request usual_request(void)
{
	static const char *const names[] = {"localhost", "*.example.org", "127.0.0.1",
					    "2001:db8::1"};

	return (struct certificate_request){
		.names = names,
		.name_count = 4,
		.not_before = days_from_now(-1),
		.not_after = days_from_now(1),
	};
}

void make_certificate(struct certificate *ret)
{
	struct certificate_request request = usual_request();
	struct err e = {0};

	if (tls_certificate_make(&request, ret, &e) < 0)
		fail_msg("%s", e.text);
}

struct certificate cert;

int cert_set_up(void **state)
{
	(void)state;
	make_certificate(&cert);
	return 0;
}

int cert_tear_down(void **state)
{
	(void)state;
	certificate_fini(&cert);
	return 0;
}

struct tls_options client_options(const struct certificate *c)
{
	return (struct tls_options){.role = SECURE_CLIENT,
				    .ca_pem = buf_span(c->ca.len ? &c->ca : &c->cert)};
}

struct tls_options server_options(const struct certificate *c)
{
	return (struct tls_options){
		.role = SECURE_SERVER,
		.cert_pem = buf_span(&c->cert),
		.key_pem = buf_span(&c->key),
	};
}

struct secure *new_secure(const struct tls_options *options)
{
	struct err e = {0};
	struct secure *s = tls_new(options, &e);

	if (!s)
		fail_msg("%s", e.text);
	return s;
}

static void end_open(struct end *end, struct secure *secure, enum secure_role role,
		     const char *name, const char *resume_key)
{
	struct secure_request request = {
		.role = role, .server_name = name, .resume_key = resume_key};
	struct err e = {0};

	*end = (struct end){.secure = secure};
	buf_init(&end->tx, BUFFER_MAX);
	buf_init(&end->received, BUFFER_MAX);
	end->session = secure_open(secure, &request, &end->tx, &e);
	if (!end->session)
		fail_msg("%s", e.text);
}

void pair_open(struct pair *p, struct secure *client, struct secure *server, const char *name,
	       const char *resume_key)
{
	end_open(&p->client, client, SECURE_CLIENT, name, resume_key);
	end_open(&p->server, server, SECURE_SERVER, NULL, NULL);
}

/* Reads until the session wants more or has ended. */
static void end_read(struct pair *p, struct end *end)
{
	static char out[16384];
	size_t size = p->out_size ? p->out_size : sizeof(out), len;

	for (;;) {
		enum secure_step step = secure_read(end->session, out, size, &len, &end->tx);

		if (step == SECURE_DATA) {
			assert_in_range(len, 1, size);
			assert_true(buf_append(&end->received, out, len));
			continue;
		}
		end->step = step;
		if (step != SECURE_OPEN)
			return;
		end->opens++;
	}
}

void pair_feed(struct pair *p, struct end *to, struct span bytes)
{
	while (bytes.len > 0) {
		size_t len = p->split && p->split < bytes.len ? p->split : bytes.len;
		/* In memory of its own, so that a read past its end is seen. */
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, bytes.data, len);
		secure_feed(to->session, (struct span){copy, len});
		end_read(p, to);
		free(copy);
		bytes = span_skip(bytes, len);
	}
}

void pair_deliver(struct pair *p, struct end *from, struct end *to)
{
	struct buf bytes = from->tx;

	buf_init(&from->tx, BUFFER_MAX);
	pair_feed(p, to, buf_span(&bytes));
	buf_fini(&bytes);
}

void pair_run(struct pair *p)
{
	while (p->client.tx.len > 0 || p->server.tx.len > 0) {
		pair_deliver(p, &p->client, &p->server);
		pair_deliver(p, &p->server, &p->client);
	}
}

static void end_close(struct end *end)
{
	secure_release(end->session);
	buf_fini(&end->tx);
	buf_fini(&end->received);
}

void pair_close(struct pair *p)
{
	end_close(&p->client);
	end_close(&p->server);
}

bool pair_connect(struct pair *p, struct secure *client, struct secure *server, const char *name,
		  const char *resume_key)
{
	pair_open(p, client, server, name, resume_key);
	pair_run(p);
	return p->client.opens == 1 && p->server.opens == 1;
}

enum secure_failure end_failure(struct end *e)
{
	return secure_failure_of(e->session, NULL, 0);
}

const char *end_detail(struct end *e)
{
	static char detail[256];

	secure_failure_of(e->session, detail, sizeof(detail));
	return detail;
}

struct secure_facts end_facts(struct end *e)
{
	struct secure_facts facts;

	secure_facts_of(e->session, &facts);
	return facts;
}
