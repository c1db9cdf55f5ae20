/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sealed_pair.c - two sealed sessions joined by hand
 */
#include "sealed_pair.h"

static const struct sim_certificate good_certificate = {
	.names = "mx.example.com *.sub.example.com",
	.issuer = "GoodCA",
};

void pair_contexts(struct pair *p, struct sim_secure_options client,
		   struct sim_secure_options server)
{
	struct err e = {0};

	memset(p, 0, sizeof(*p));
	p->sim = new_world(1, 0);
	client.role = SECURE_CLIENT;
	server.role = SECURE_SERVER;
	if (!server.certificate)
		server.certificate = &good_certificate;
	p->client = sim_secure(p->sim, &client, &e);
	p->server = sim_secure(p->sim, &server, &e);
	if (!p->client || !p->server)
		fail_msg("%s", e.text);
	buf_init(&p->c.tx, TX_LIMIT);
	buf_init(&p->s.tx, TX_LIMIT);
}

void pair_begin(struct pair *p, const char *name)
{
	struct secure_request client = {SECURE_CLIENT, name, "key"},
			      server = {.role = SECURE_SERVER};

	p->c.session = secure_open(p->client, &client, &p->c.tx, NULL);
	p->s.session = secure_open(p->server, &server, &p->s.tx, NULL);
	assert_non_null(p->c.session);
	assert_non_null(p->s.session);
	p->c.opened_count = p->s.opened_count = 0;
	p->c.got_len = p->s.got_len = 0;
	p->flights = 0;
}

void pair_end(struct pair *p)
{
	secure_release(p->c.session);
	secure_release(p->s.session);
	buf_clear(&p->c.tx);
	buf_clear(&p->s.tx);
}

void pair_close(struct pair *p)
{
	pair_end(p);
	secure_free(p->client);
	secure_free(p->server);
	buf_fini(&p->c.tx);
	buf_fini(&p->s.tx);
	sim_free(p->sim);
}

void pair_feed(struct pair *p, struct end *to, struct span in)
{
	static char out[16384];

	secure_feed(to->session, in);
	for (;;) {
		size_t len = 0;

		to->last = secure_read(to->session, out, p->out_size ? p->out_size : sizeof(out),
				       &len, &to->tx);
		if (to->last == SECURE_DATA) {
			assert_true(len > 0 && to->got_len + len <= sizeof(to->got));
			memcpy(to->got + to->got_len, out, len);
			to->got_len += len;
		} else if (to->last == SECURE_OPEN) {
			to->opened_count++;
		} else {
			break;
		}
	}
	if (to->last == SECURE_FAILED)
		secure_failure_of(to->session, to->detail, sizeof(to->detail));
}

void pair_carry(struct pair *p, struct end *from, struct end *to)
{
	struct span left = buf_span(&from->tx);
	struct buf lent = from->tx;

	buf_init(&from->tx, TX_LIMIT);
	while (left.len > 0) {
		size_t part = p->piece && p->piece < left.len ? p->piece : left.len;
		char *copy = malloc(part); /* exactly as large: what is read beyond is found */

		assert_non_null(copy);
		memcpy(copy, left.data, part);
		pair_feed(p, to, (struct span){copy, part});
		free(copy);
		left = span_skip(left, part);
		if (to->last == SECURE_FAILED)
			break;
	}
	buf_fini(&lent);
	p->flights++;
}

void pair_talk(struct pair *p)
{
	while (p->c.tx.len > 0 || p->s.tx.len > 0) {
		if (p->c.tx.len > 0)
			pair_carry(p, &p->c, &p->s);
		if (p->s.tx.len > 0)
			pair_carry(p, &p->s, &p->c);
	}
}

void pair_expect_open(struct pair *p)
{
	if (p->c.opened_count != 1 || p->s.opened_count != 1)
		fail_msg("not open: client \"%s\", server \"%s\"", p->c.detail, p->s.detail);
	assert_int_equal(secure_failure_of(p->c.session, NULL, 0), SECURE_OK);
}

void pair_send_text(struct pair *p, struct end *from, const char *text)
{
	struct iovec v = {.iov_len = strlen(text)};

	(void)p;
	memcpy(&v.iov_base, &text, sizeof(text));
	assert_int_equal(secure_seal(from->session, &v, 1, SIZE_MAX, &from->tx), strlen(text));
}
