/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * harness.c - see harness.h
 */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_up(void **state, bool is_direct)
{
	struct harness *h = calloc(1, sizeof *h);

	if (!h)
		return -1;
	h->is_direct = is_direct;
	*state = h;
	return 0;
}

int harness_direct(void **state)
{
	return set_up(state, true);
}

int harness_plain(void **state)
{
	return set_up(state, false);
}

int harness_teardown(void **state)
{
	struct harness *h = *state;

	if (h->t)
		transport_free(h->t);
	free(h);
	return 0;
}

struct transport *harness_ring_of(bool is_direct, struct ring_options options)
{
	struct err e = {0};

	if (is_direct && !kernel_has_prompt_direct())
		skip();
	struct transport *t = ring_new_kind(&options, is_direct, &e);
	if (!t)
		fail_msg("%s", e.text);
	return t;
}

struct transport *harness_ring(void **state, struct ring_options options)
{
	struct harness *h = *state;

	h->t = harness_ring_of(h->is_direct, options);
	return h->t;
}

static void on_bytes(struct end *end, const struct link_event *event)
{
	for (size_t i = 0; i < event->len; i++)
		end->got_sum = end->got_sum * 31 + (unsigned char)event->data[i];
	if (end->got_len < sizeof end->got) {
		size_t room = sizeof end->got - end->got_len;

		memcpy(end->got + end->got_len, event->data, event->len < room ? event->len : room);
	}
	end->got_len += event->len;
	if (end->echoes) {
		assert_in_range(event->len, 1, sizeof end->out);
		memcpy(end->out, event->data, event->len);
		link_send(end->link, &(struct iovec){end->out, event->len}, 1);
	}
}

static void on_event(struct link_user *user, struct link *link, const struct link_event *event)
{
	struct end *end = (struct end *)user;

	assert_ptr_equal(link, end->link);
	assert_int_equal(end->closed, 0);
	assert_true(event->at_ns >= end->last_at_ns || event->kind == LINK_LATE);
	end->last_at_ns = event->at_ns;
	switch (event->kind) {
	case LINK_OPENED:
		end->opened++;
		break;
	case LINK_BYTES:
		on_bytes(end, event);
		break;
	case LINK_SENT:
		assert_false(link->is_sending);
		end->sent++;
		if (end->closes_after_echo)
			link_close(link);
		break;
	case LINK_LATE:
		end->late++;
		break;
	case LINK_CLOSED:
		end->closed++;
		end->why = event->end;
		end->os_error = event->os_error;
		end->link = NULL;
		break;
	}
}

void end_init(struct end *end)
{
	memset(end, 0, sizeof *end);
	end->user.on_event = on_event;
}

struct end *end_connect(struct transport *t, struct end *end, const struct endpoint *to,
			const struct link_options *options)
{
	end_init(end);
	end->link = link_connect(t, to, options, &end->user);
	assert_non_null(end->link);
	return end;
}

void end_send(struct end *end, const char *text)
{
	link_send(end->link, &(struct iovec){(char *)(uintptr_t)text, strlen(text)}, 1);
}

static void on_accept(struct listener_user *user, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	struct server *s = (struct server *)user;

	assert_true(at_ns > 0);
	s->accepted++;
	if (s->refuses)
		return;
	struct end *end = malloc(sizeof *end);
	assert_non_null(end);
	end_init(end);
	end->chain = s->ends;
	end->echoes = s->echoes;
	end->peer = *peer;
	end->local = *local;
	end->link = link;
	link->user = &end->user;
	s->ends = end;
	if (s->greeting)
		end_send(end, s->greeting);
}

void server_start(struct server *s, struct transport *t, const struct endpoint *at)
{
	struct err e = {0};

	s->user.on_accept = on_accept;
	s->listener = transport_listen(t, at, &(struct listen_options){0}, &s->user, &e);
	if (!s->listener)
		fail_msg("%s", e.text);
}

void turn_some(struct transport *t, int count)
{
	struct err e = {0};

	for (int i = 0; i < count; i++)
		if (transport_turn(t, clock_now(t->clock) + NS_PER_MS, &e) < 0)
			fail_msg("%s", e.text);
}

void server_stop(struct server *s)
{
	if (s->listener) {
		struct transport *t = s->listener->transport;

		t->ops->listener_close(s->listener);
		for (struct end *end = s->ends; end; end = end->chain) {
			if (end->link)
				link_abort(end->link);
			TURN_UNTIL(t, end->closed);
		}
		turn_some(t, 3);
	}
	s->listener = NULL;
	while (s->ends) {
		struct end *end = s->ends;

		s->ends = end->chain;
		free(end);
	}
}

struct endpoint endpoint_any(const char *address)
{
	struct endpoint e;

	assert_true(endpoint_parse_address(span_of(address), &e));
	return e;
}

struct endpoint endpoint_unique_path(void)
{
	static int number;
	struct endpoint e;
	char path[ENDPOINT_PATH_MAX];

	snprintf(path, sizeof path, "/tmp/volley-ring-%ld-%d", (long)getpid(), ++number);
	assert_true(endpoint_from_path(span_of(path), &e));
	return e;
}

void assert_all_home(struct transport *t)
{
	struct ring *r = ring_of(t);

	assert_int_equal(r->link_open, 0);
	for (unsigned i = 0; i < r->link_fresh; i++)
		assert_int_equal(r->links[i].state, LINK_IS_FREE);
	if (r->is_direct && !r->listener_count)
		assert_int_equal(r->free_file_count, r->file_fresh);
	assert_int_equal(r->buffers.returned, 0);
	assert_int_equal(r->openings.in_use, 0);
	assert_int_equal(r->vectors.in_use, 0);
}
