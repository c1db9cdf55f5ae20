/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * support.c - worlds, hosts and users of links for the tests of sim/
 */
#include "support.h"
#include <stdio.h>

static void log_text(struct user *u, const char *text)
{
	size_t len = strlen(u->log);

	snprintf(u->log + len, sizeof(u->log) - len, "%s", text);
}

static void greet(struct user *u)
{
	if (u->greeting)
		user_send(u, u->greeting, u->greeting_len);
}

/* What comes while an echo is under way is echoed with the next. */
static void echo_more(struct user *u)
{
	size_t from = u->echo_sent;

	if (u->link->is_sending || from == u->echo_len)
		return;
	u->echo_sent = u->echo_len;
	user_send(u, u->echo + from, u->echo_len - from);
}

static void on_bytes(struct user *u, const struct link_event *ev)
{
	size_t len = strlen(u->log);

	if (u->received == 0)
		u->first_byte_ns = ev->at_ns;
	for (size_t i = 0; i < ev->len && u->received + i < sizeof(u->text) - 1; i++)
		u->text[u->received + i] = ev->data[i];
	u->received += ev->len;
	u->piece_count++;
	if (ev->len > u->piece_max)
		u->piece_max = ev->len;
	if (len == 0 || u->log[len - 1] != 'B')
		log_text(u, "B");
	if (!u->echoes)
		return;
	assert_true(u->echo_len + ev->len <= sizeof(u->echo));
	memcpy(u->echo + u->echo_len, ev->data, ev->len);
	u->echo_len += ev->len;
	echo_more(u);
}

static void on_event(struct link_user *self, struct link *link, const struct link_event *ev)
{
	struct user *u = (struct user *)self;
	char cause[48];

	assert_ptr_equal(link, u->link);
	switch (ev->kind) {
	case LINK_OPENED:
		u->opened_ns = ev->at_ns;
		log_text(u, "O");
		greet(u);
		break;
	case LINK_BYTES:
		on_bytes(u, ev);
		break;
	case LINK_SENT:
		log_text(u, "S");
		echo_more(u);
		break;
	case LINK_LATE:
		log_text(u, "L");
		break;
	case LINK_CLOSED:
		u->closed_ns = ev->at_ns;
		snprintf(cause, sizeof(cause), "C(%s)", link_end_name(ev->end));
		log_text(u, cause);
		u->link = NULL;
		break;
	}
}

static void on_accept(struct listener_user *self, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	struct listening *l = (struct listening *)self;
	struct user *u = &l->users[l->count++];

	(void)peer;
	(void)local;
	assert_true(l->count <= (int)(sizeof(l->users) / sizeof(l->users[0])));
	user_init(u, l->transport);
	u->link = link;
	u->greeting = l->greeting;
	u->greeting_len = l->greeting_len;
	u->echoes = l->echoes;
	u->opened_ns = at_ns;
	link->user = &u->base;
	log_text(u, "A");
	greet(u);
}

struct sim *new_world(uint64_t seed, int64_t delay_ns)
{
	struct sim *s = sim_new(
		&(struct sim_options){.seed = seed, .path.delay_ns = delay_ns > 0 ? delay_ns : -1},
		NULL);

	assert_non_null(s);
	return s;
}

struct transport *new_transport(struct sim *s)
{
	struct transport *t = sim_transport(s, NULL, NULL);

	assert_non_null(t);
	return t;
}

struct endpoint address(const char *text, uint16_t port)
{
	struct endpoint e;

	assert_true(endpoint_parse_address(span_of(text), &e));
	e.port = port;
	return e;
}

void user_init(struct user *u, struct transport *t)
{
	*u = (struct user){.base.on_event = on_event, .transport = t};
}

void user_connect(struct user *u, const struct endpoint *to)
{
	u->link = link_connect(u->transport, to, NULL, &u->base);
	assert_non_null(u->link);
}

void user_send(struct user *u, const char *text, size_t len)
{
	struct iovec v = {.iov_len = len};

	memcpy(&v.iov_base, &text, sizeof(text));
	link_send(u->link, &v, 1);
}

void listening_open(struct listening *l, struct transport *t, const struct endpoint *at,
		    const struct listen_options *options)
{
	struct err e = {0};

	*l = (struct listening){.base.on_accept = on_accept, .transport = t};
	l->listener = transport_listen(t, at, options, &l->base, &e);
	if (!l->listener)
		fail_msg("%s", e.text);
}

static int64_t step(struct sim_actor *actor, int64_t now_ns)
{
	struct err e = {0};

	((struct stepper *)actor)->count++;
	if (transport_turn(actor->transport, now_ns, &e) < 0)
		fail_msg("%s", e.text);
	return TIME_NEVER;
}

void stepper_add(struct stepper *p, struct sim *s, struct transport *t)
{
	*p = (struct stepper){.actor = {.transport = t, .step = step}};
	sim_add(s, &p->actor);
}

void run_dry(struct sim *s)
{
	struct err e = {0};

	if (sim_run(s, TIME_NEVER, &e) != SIM_IDLE)
		fail_msg("the world did not come to rest: %s", e.text);
}
