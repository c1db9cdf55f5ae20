/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world.c - turns by hand, and users of links that write down what they see
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "world.h"

#define STEP_NS	    (200 * NS_PER_US)
#define PATIENCE_NS (20 * NS_PER_SEC)

int64_t world_now(struct world *w)
{
	return clock_now(w->client->clock);
}

void world_step(struct world *w)
{
	struct err e = {0};

	if (transport_turn(w->client, world_now(w) + STEP_NS, &e) < 0 ||
	    transport_turn(w->server, world_now(w) + STEP_NS, &e) < 0)
		fail_msg("a turn failed: %s", e.text);
}

void world_steps(struct world *w, int count)
{
	while (count-- > 0)
		world_step(w);
}

bool world_until(struct world *w, bool (*is_done)(void *arg), void *arg)
{
	int64_t give_up_ns = world_now(w) + PATIENCE_NS;

	while (!is_done(arg)) {
		if (world_now(w) >= give_up_ns)
			return false;
		world_step(w);
	}
	return true;
}

char pattern_at(uint64_t offset)
{
	return (char)((offset * 31 + (offset >> 8) * 7 + (offset >> 16)) & 0xff);
}

static void log_text(struct peer *p, const char *text)
{
	size_t len = strlen(p->log);

	snprintf(p->log + len, sizeof(p->log) - len, "%s", text);
}

static void log_letter(struct peer *p, char letter)
{
	size_t len = strlen(p->log);

	/* How bytes are cut into events is nobody's promise. */
	if (letter == 'B' && len > 0 && p->log[len - 1] == 'B')
		return;
	log_text(p, (char[]){letter, '\0'});
}

static void check_octets(struct peer *p, const struct link_event *ev)
{
	for (size_t i = 0; p->is_checking && i < ev->len; i++)
		p->wrong += ev->data[i] != pattern_at(p->received + i);
}

static void on_event(struct link_user *self, struct link *link, const struct link_event *ev)
{
	struct peer *p = (struct peer *)self;
	char cause[48];

	assert_false(p->world->in_call);
	assert_ptr_equal(link, p->link);
	assert_int_equal(p->closed_count, 0);
	assert_true(ev->at_ns > 0 && ev->at_ns <= world_now(p->world));
	switch (ev->kind) {
	case LINK_OPENED:
		p->opened_count++;
		log_letter(p, 'O');
		break;
	case LINK_BYTES:
		assert_true(ev->len > 0);
		log_letter(p, 'B');
		check_octets(p, ev);
		p->received += ev->len;
		break;
	case LINK_SENT:
		assert_false(link->is_sending);
		p->sent_count++;
		log_letter(p, 'S');
		break;
	case LINK_LATE:
		p->late_count++;
		assert_false(timer_is_pending(&link->deadline));
		log_letter(p, 'L');
		break;
	case LINK_CLOSED:
		assert_int_not_equal(ev->end, LINK_END_NONE);
		p->closed_count++;
		snprintf(cause, sizeof(cause), "C(%s)", link_end_name(ev->end));
		log_text(p, cause);
		break;
	}
	if (p->script)
		p->script(p, ev);
	if (ev->kind == LINK_CLOSED)
		p->link = NULL;
}

void peer_init(struct peer *p, struct world *w,
	       void (*script)(struct peer *, const struct link_event *))
{
	*p = (struct peer){.user.on_event = on_event, .world = w, .script = script};
}

bool peer_connect(struct peer *p, const struct endpoint *to, const struct link_options *options)
{
	p->world->in_call = true;
	p->link = link_connect(p->world->client, to, options, &p->user);
	p->world->in_call = false;
	return p->link != NULL;
}

void peer_send_segments(struct peer *p, const struct iovec *segments, int count)
{
	p->world->in_call = true;
	link_send(p->link, segments, count);
	p->world->in_call = false;
	assert_true(p->link->is_sending);
}

void peer_send(struct peer *p, const void *data, size_t len)
{
	struct iovec v = {.iov_len = len};

	memcpy(&v.iov_base, &data, sizeof(data));
	peer_send_segments(p, &v, 1);
}

void peer_receive(struct peer *p, bool on)
{
	p->world->in_call = true;
	link_receive(p->link, on);
	p->world->in_call = false;
}

void peer_shut(struct peer *p)
{
	p->world->in_call = true;
	link_shut(p->link);
	p->world->in_call = false;
}

void peer_close(struct peer *p)
{
	p->world->in_call = true;
	link_close(p->link);
	p->world->in_call = false;
}

void peer_abort(struct peer *p)
{
	p->world->in_call = true;
	link_abort(p->link);
	p->world->in_call = false;
}

void peer_deadline(struct peer *p, int64_t at_ns)
{
	p->world->in_call = true;
	link_deadline(p->link, at_ns);
	p->world->in_call = false;
}

bool peer_is_over(void *peer)
{
	return ((struct peer *)peer)->closed_count > 0;
}

static void on_accept(struct listener_user *self, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	struct host *h = (struct host *)self;
	struct peer *p;

	assert_false(h->world->in_call);
	assert_true(at_ns > 0 && at_ns <= world_now(h->world));
	assert_true(h->count < HOST_PEERS);
	p = &h->peers[h->count++];
	peer_init(p, h->world, h->script);
	p->is_checking = h->is_checking;
	p->remote = *peer;
	p->local = *local;
	p->arg = h->arg;
	if (h->leaves_user_null)
		return;
	p->link = link;
	link->user = &p->user;
	log_letter(p, 'A');
	if (h->starts_paused)
		peer_receive(p, false);
	if (h->on_accepted)
		h->on_accepted(p);
}

void host_open_at(struct host *h, struct world *w, const struct endpoint *at,
		  const struct listen_options *options,
		  void (*script)(struct peer *, const struct link_event *))
{
	struct err e = {0};

	*h = (struct host){.user.on_accept = on_accept, .world = w, .script = script};
	h->listener = transport_listen(w->server, at, options, &h->user, &e);
	if (!h->listener)
		fail_msg("cannot listen: %s", e.text);
}

void host_open(struct host *h, struct world *w, const struct listen_options *options,
	       void (*script)(struct peer *, const struct link_event *))
{
	struct endpoint at;

	assert_true(endpoint_parse_address(SPAN("127.0.0.1"), &at));
	host_open_at(h, w, &at, options, script);
	assert_int_not_equal(h->listener->endpoint.port, 0);
}

void host_pause(struct host *h, bool paused)
{
	h->world->in_call = true;
	h->world->server->ops->listener_pause(h->listener, paused);
	h->world->in_call = false;
}

void host_close(struct host *h)
{
	h->world->in_call = true;
	h->world->server->ops->listener_close(h->listener);
	h->world->in_call = false;
	h->listener = NULL;
}

struct endpoint unix_endpoint(struct world *w, const char *name)
{
	struct endpoint at;
	char path[ENDPOINT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", w->folder, name);
	assert_true(endpoint_from_path(span_of(path), &at));
	return at;
}
