/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * handshake_limit.c - what a TLS handshake costs without a network
 *
 * wolfSSL shakes hands with itself in memory, once by bare calls of the library and once through
 * engine/tls, with the suite and the kind of certificate that volley sink makes (ECDSA P-256,
 * X25519, TLS_AES_128_GCM_SHA256). Only the CPU of one side is counted at a time, so that the
 * client's figure is the limit that volley bench is measured against: full handshakes per CPU
 * second. The bare loop does the least that works; what engine/tls adds is the difference.
 *
 * After that, many sessions are kept open to see what one costs in heap while it idles.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "tls/certificate.h"
#include "tls/internal.h"
#include "tls/tls.h"

#define NAME	     "localhost"
#define SUITE	     "TLS_AES_128_GCM_SHA256"
#define WARM_UP	     50
#define HANDSHAKES   1000
#define LIVE	     1000
#define BUFFER_LIMIT (1u << 20)

/* The CPU of this thread, ns. Not a clock of the engine: it measures the engine. */
static int64_t cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

struct cost {
	int64_t client_ns, server_ns;
};

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "handshake_limit: %s\n", what);
	exit(EXIT_FAILED);
}

/* What goes from one side to the other, for the bare calls. */
struct pipe {
	char data[16384];
	size_t from, to;
};

struct wire {
	struct pipe *in, *out;
};

static int wire_receive(WOLFSSL *ssl, char *out, int size, void *context)
{
	struct pipe *p = ((struct wire *)context)->in;
	size_t len = p->to - p->from < (size_t)size ? p->to - p->from : (size_t)size;

	(void)ssl;
	if (len == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(out, p->data + p->from, len);
	p->from += len;
	if (p->from == p->to)
		p->from = p->to = 0;
	return (int)len;
}

static int wire_send(WOLFSSL *ssl, char *data, int size, void *context)
{
	struct pipe *p = ((struct wire *)context)->out;

	(void)ssl;
	if ((size_t)size > sizeof(p->data) - p->to)
		return WOLFSSL_CBIO_ERR_GENERAL;
	memcpy(p->data + p->to, data, (size_t)size);
	p->to += (size_t)size;
	return size;
}

struct bare {
	WOLFSSL_CTX *client, *server;
	bool verify;
};

static struct bare bare_new(const struct certificate *c, bool verify)
{
	struct bare b = {
		.client = wolfSSL_CTX_new(wolfTLSv1_3_client_method()),
		.server = wolfSSL_CTX_new(wolfTLSv1_3_server_method()),
		.verify = verify,
	};
	WOLFSSL_CTX *both[] = {b.client, b.server};

	if (!b.client || !b.server)
		give_up("no memory");
	wolfSSL_CTX_set_verify(b.client, verify ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE, NULL);
	wolfSSL_CTX_set_verify(b.server, WOLFSSL_VERIFY_NONE, NULL);
	if (wolfSSL_CTX_load_verify_buffer(b.client, (byte *)c->ca.data, (long)c->ca.len,
					   WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_certificate_chain_buffer(b.server, (byte *)c->cert.data,
						     (long)c->cert.len) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_PrivateKey_buffer(b.server, (byte *)c->key.data, (long)c->key.len,
					      WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
		give_up("the certificate is not taken");
	for (int i = 0; i < 2; i++) {
		wolfSSL_CTX_SetIORecv(both[i], wire_receive);
		wolfSSL_CTX_SetIOSend(both[i], wire_send);
		wolfSSL_CTX_set_session_cache_mode(both[i], WOLFSSL_SESS_CACHE_OFF);
		if (wolfSSL_CTX_set_cipher_list(both[i], SUITE) != WOLFSSL_SUCCESS)
			give_up("this build lacks " SUITE);
	}
	wolfSSL_CTX_no_ticket_TLSv13(b.server);
	return b;
}

static void bare_handshake(const struct bare *b, struct cost *cost)
{
	static struct pipe up, down;
	struct wire client_wire = {&down, &up}, server_wire = {&up, &down};
	int64_t start = cpu_now(), middle;
	WOLFSSL *client, *server;
	int client_done = 0, server_done = 0;
	bool is_set;

	client = wolfSSL_new(b->client);
	if (!client)
		give_up("no memory");
	wolfSSL_SetIOReadCtx(client, &client_wire);
	wolfSSL_SetIOWriteCtx(client, &client_wire);
	is_set = wolfSSL_UseSNI(client, WOLFSSL_SNI_HOST_NAME, NAME, strlen(NAME)) ==
			 WOLFSSL_SUCCESS &&
		 wolfSSL_UseKeyShare(client, WOLFSSL_ECC_X25519) == WOLFSSL_SUCCESS;
	if (is_set && b->verify)
		is_set = wolfSSL_check_domain_name(client, NAME) == WOLFSSL_SUCCESS;
	middle = cpu_now();
	cost->client_ns += middle - start;
	server = wolfSSL_new(b->server);
	if (!server || !is_set)
		give_up("no memory");
	wolfSSL_SetIOReadCtx(server, &server_wire);
	wolfSSL_SetIOWriteCtx(server, &server_wire);
	cost->server_ns += cpu_now() - middle;
	for (int round = 0; !client_done || !server_done; round++) {
		if (round == 8)
			give_up("the bare handshake does not end");
		start = cpu_now();
		client_done = wolfSSL_connect(client) == WOLFSSL_SUCCESS;
		middle = cpu_now();
		server_done = wolfSSL_accept(server) == WOLFSSL_SUCCESS;
		cost->client_ns += middle - start;
		cost->server_ns += cpu_now() - middle;
	}
	start = cpu_now();
	wolfSSL_free(client);
	middle = cpu_now();
	wolfSSL_free(server);
	cost->client_ns += middle - start;
	cost->server_ns += cpu_now() - middle;
}

struct through {
	struct secure *client, *server;
};

static struct secure *secure_new(const struct tls_options *o)
{
	struct err e = {0};
	struct secure *s = tls_new(o, &e);

	if (!s)
		give_up(e.text);
	return s;
}

static struct through through_new(const struct certificate *c, bool verify)
{
	struct tls_options client = {
		.role = SECURE_CLIENT,
		.verify = verify ? TLS_VERIFY_FULL : TLS_VERIFY_NONE,
		.ca_pem = buf_span(&c->ca),
		.ciphers = SUITE,
	};
	struct tls_options server = {
		.role = SECURE_SERVER,
		.cert_pem = buf_span(&c->cert),
		.key_pem = buf_span(&c->key),
		.ciphers = SUITE,
	};

	return (struct through){secure_new(&client), secure_new(&server)};
}

static struct secure_session *begin(struct secure *s, enum secure_role role, struct buf *tx)
{
	struct secure_request request = {.role = role, .server_name = NAME};
	struct err e = {0};
	struct secure_session *session = secure_open(s, &request, tx, &e);

	if (!session)
		give_up(e.text);
	return session;
}

/* Hands what is in from to a session; true once its handshake is done. */
static bool hand_over(struct buf *from, struct secure_session *to, struct buf *to_tx)
{
	char out[64];
	size_t len;
	bool is_open = false;

	secure_feed(to, buf_span(from));
	for (;;) {
		switch (secure_read(to, out, sizeof(out), &len, to_tx)) {
		case SECURE_OPEN:
			is_open = true;
			continue;
		case SECURE_DATA:
			continue;
		case SECURE_MORE:
			buf_clear(from);
			return is_open;
		case SECURE_CLOSED:
		case SECURE_FAILED:
			give_up("the handshake through engine/tls failed");
		}
	}
}

/* The sessions are left open, for the caller to release. */
static void through_handshake(const struct through *t, struct cost *cost, struct buf *up,
			      struct buf *down, struct secure_session *ret[2])
{
	int64_t start = cpu_now(), middle;
	bool client_done = false, server_done = false;

	ret[0] = begin(t->client, SECURE_CLIENT, up);
	middle = cpu_now();
	ret[1] = begin(t->server, SECURE_SERVER, down);
	cost->client_ns += middle - start;
	cost->server_ns += cpu_now() - middle;
	while (up->len > 0 || down->len > 0) {
		start = cpu_now();
		server_done |= hand_over(up, ret[1], down);
		middle = cpu_now();
		client_done |= hand_over(down, ret[0], up);
		cost->server_ns += middle - start;
		cost->client_ns += cpu_now() - middle;
	}
	if (!client_done || !server_done)
		give_up("the handshake through engine/tls does not end");
}

static void through_release(struct secure_session *sessions[2], struct cost *cost)
{
	int64_t start = cpu_now(), middle;

	secure_release(sessions[0]);
	middle = cpu_now();
	secure_release(sessions[1]);
	cost->client_ns += middle - start;
	cost->server_ns += cpu_now() - middle;
}

static double per_second(int64_t ns)
{
	return HANDSHAKES * (double)NS_PER_SEC / (double)ns;
}

static void report(const char *way, const char *verify, const struct cost *cost, double limit)
{
	printf("%-12s %-8s %10.0f %10.0f %10.1f %10.1f", way, verify, per_second(cost->client_ns),
	       per_second(cost->server_ns), (double)cost->client_ns / HANDSHAKES / NS_PER_US,
	       (double)cost->server_ns / HANDSHAKES / NS_PER_US);
	if (limit > 0)
		printf(" %9.2f", per_second(cost->client_ns) / limit);
	printf("\n");
}

static void measure(const struct certificate *c, bool verify)
{
	const char *name = verify ? "full" : "none";
	struct bare bare = bare_new(c, verify);
	struct through through = through_new(c, verify);
	struct cost bare_cost = {0}, through_cost = {0};
	struct secure_session *sessions[2];
	struct buf up, down;

	buf_init(&up, BUFFER_LIMIT);
	buf_init(&down, BUFFER_LIMIT);
	/* In turns, so that whatever slows the machine slows both alike. */
	for (int i = 0; i < WARM_UP + HANDSHAKES; i++) {
		if (i == WARM_UP)
			bare_cost = through_cost = (struct cost){0};
		bare_handshake(&bare, &bare_cost);
		through_handshake(&through, &through_cost, &up, &down, sessions);
		through_release(sessions, &through_cost);
	}
	report("bare", name, &bare_cost, 0);
	report("engine/tls", name, &through_cost, per_second(bare_cost.client_ns));
	wolfSSL_CTX_free(bare.client);
	wolfSSL_CTX_free(bare.server);
	secure_free(through.client);
	secure_free(through.server);
	buf_fini(&up);
	buf_fini(&down);
}

static size_t heap(void)
{
	return mallinfo2().uordblks;
}

/* Opens LIVE sessions, frees one side of each, then the other: what falls is what that side held.
 */
static void measure_memory(const struct certificate *c)
{
	struct through t = through_new(c, true);
	struct secure_session *(*sessions)[2] = calloc(LIVE, sizeof(*sessions));
	size_t full, without_servers, without_both;
	struct cost ignored = {0};
	struct buf up, down;

	if (!sessions)
		give_up("no memory");
	buf_init(&up, BUFFER_LIMIT);
	buf_init(&down, BUFFER_LIMIT);
	for (int i = 0; i < LIVE; i++)
		through_handshake(&t, &ignored, &up, &down, sessions[i]);
	full = heap();
	for (int i = 0; i < LIVE; i++)
		secure_release(sessions[i][1]);
	without_servers = heap();
	for (int i = 0; i < LIVE; i++)
		secure_release(sessions[i][0]);
	without_both = heap();
	printf("heap of a live, idle session (TLS 1.3, %d of them): client %zu octets, server %zu, "
	       "besides %zu of engine/tls itself\n",
	       LIVE, (without_servers - without_both) / LIVE, (full - without_servers) / LIVE,
	       sizeof(struct tls_session));
	free(sessions);
	secure_free(t.client);
	secure_free(t.server);
	buf_fini(&up);
	buf_fini(&down);
}

int main(void)
{
	static const char *const names[] = {NAME};
	int64_t now = clock_wall_ns(clock_system()) / NS_PER_SEC;
	struct certificate_request request = {
		.key = CERTIFICATE_ECDSA_P256,
		.names = names,
		.name_count = 1,
		.not_before = now - 86400,
		.not_after = now + 86400,
	};
	struct certificate c;
	struct err e = {0};

	if (tls_certificate_make(&request, &c, &e) < 0)
		give_up(e.text);
	printf("%s; ECDSA P-256, X25519, %s; %d full handshakes each\n", tls_library(), SUITE,
	       HANDSHAKES);
	printf("%-12s %-8s %10s %10s %10s %10s %9s\n", "way", "verify", "client/s", "server/s",
	       "client us", "server us", "of limit");
	measure(&c, false);
	measure(&c, true);
	measure_memory(&c);
	certificate_fini(&c);
	return EXIT_WELL;
}
