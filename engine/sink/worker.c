/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.c - one thread's part of a sink
 */
#include "sink/worker.h"
#include <stdlib.h>
#include "sink/session.h"

#define TLS_KINDS_MAX 256

static void on_accept(struct listener_user *self, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	struct sink_port *port = (struct sink_port *)self;

	sink_session_accept(port, link, peer, local, at_ns);
}

static void wake(struct store_port *self)
{
	struct sink_worker *w =
		(struct sink_worker *)((char *)self - offsetof(struct sink_worker, store));

	transport_wake(w->transport);
}

/*
 * A receive buffer small enough for the slowest rule to be felt by the client: a tenth of a
 * second's octets, within what the kernel takes. 0: no rule reads slowly.
 */
static int receive_buffer(const struct fault_rules *f)
{
	double slowest = 0;

	for (int i = 0; f && i < f->rule_count; i++) {
		const struct fault_rule *r = f->rules[i];
		double per_second;

		if (r->action != FAULT_READ)
			continue;
		per_second = (double)r->rate.count * (double)NS_PER_SEC / (double)r->rate.per_ns;
		if (slowest == 0 || per_second < slowest)
			slowest = per_second;
	}
	if (slowest == 0)
		return 0;
	return slowest / 10 < 4096	  ? 4096
	       : slowest / 10 > (1 << 20) ? 1 << 20
					  : (int)(slowest / 10);
}

static int listen_all(struct sink_worker *w, const struct endpoint *endpoints, bool shares_ports,
		      bool is_first, struct err *e)
{
	const struct sink_plan *plan = w->shared->plan;
	struct listen_options options = {
		.share_port = shares_ports,
		.receive_buffer = receive_buffer(plan->faults),
	};

	for (int i = 0; i < plan->listener_count; i++) {
		struct sink_port *port = &w->ports[i];

		*port = (struct sink_port){
			.user.on_accept = on_accept,
			.worker = w,
			.plan = &plan->listeners[i],
			.texts = &w->shared->texts[i],
		};
		if (endpoints[i].family == ENDPOINT_UNIX && !is_first)
			continue;
		port->listener =
			transport_listen(w->transport, &endpoints[i], &options, &port->user, e);
		if (!port->listener)
			return -1;
	}
	return 0;
}

static int make_histograms(struct sink_worker *w, struct err *e)
{
	const struct fault_rules *f = w->shared->plan->faults;

	for (int i = 0; f && i < f->rule_count; i++) {
		if (f->rules[i]->delay.kind == LAW_NONE)
			continue;
		w->delays[i] = hdr_new();
		if (!w->delays[i])
			return err_set(e, EXIT_FAILED, 0, "no memory for a histogram of delays");
	}
	return 0;
}

int sink_worker_init(struct sink_worker *w, struct sink_shared *shared, struct transport *transport,
		     struct secure *secure, const struct endpoint *endpoints, bool shares_ports,
		     bool is_first, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->shared = shared;
	w->transport = transport;
	slab_init(&w->sessions_slab, sizeof(struct sink_session));
	slab_init(&w->out_slab, SINK_OUT_SIZE);
	clients_init(&w->clients);
	tally_init(&w->tls, TLS_KINDS_MAX);
	if (shared->store)
		store_port_open(&w->store, shared->store, wake);
	if (channel_hub_init(&w->hub, transport, secure, e) < 0 || make_histograms(w, e) < 0 ||
	    listen_all(w, endpoints, shares_ports, is_first, e) < 0) {
		sink_worker_stop(w);
		sink_worker_abandon(w);
		sink_worker_fini(w);
		return -1;
	}
	return 0;
}

/* Messages that came back, and sessions for which the disk has room again. */
static void collect(struct sink_worker *w)
{
	struct store_message *m;

	while ((m = store_port_collect(&w->store)) != NULL) {
		w->store_under_way--;
		if (m->owner)
			sink_session_stored(m->owner, m);
		store_message_free(m);
	}
	if (w->store_waiting == 0 || store_is_full(w->shared->store))
		return;
	for (struct sink_session *s = w->sessions; s; s = s->next)
		sink_session_store_has_room(s);
}

bool sink_worker_turn(struct sink_worker *w, int64_t now_ns)
{
	bool is_busy = channel_hub_turn(&w->hub, now_ns);

	if (w->store.store)
		collect(w);
	return is_busy;
}

void sink_worker_stop(struct sink_worker *w)
{
	w->is_stopping = true;
	for (int i = 0; i < SINK_LISTENERS_MAX; i++) {
		if (w->ports[i].listener)
			w->transport->ops->listener_close(w->ports[i].listener);
		w->ports[i].listener = NULL;
	}
	for (struct sink_session *s = w->sessions; s; s = s->next)
		sink_session_leave(s);
}

void sink_worker_abort(struct sink_worker *w)
{
	w->open_at_end = w->session_count;
	for (struct sink_session *s = w->sessions; s; s = s->next)
		sink_session_abort(s);
}

void sink_worker_abandon(struct sink_worker *w)
{
	w->transport_counters = w->transport->counters;
	w->handshakes_put_off = w->hub.handshakes_put_off;
	while (w->sessions)
		sink_session_free(w->sessions);
	while (w->store_under_way > 0) {
		store_port_wait(&w->store);
		collect(w);
	}
	if (w->store.store)
		store_port_close(&w->store);
	channel_hub_fini(&w->hub);
}

void sink_worker_fini(struct sink_worker *w)
{
	for (int i = 0; i < FAULT_RULES_MAX; i++)
		hdr_free(w->delays[i]);
	for (int i = 0; i < LEDGER_RUNS_MAX; i++)
		hdr_free(w->run_latency[i]);
	free(w->filler);
	tally_fini(&w->tls);
	clients_fini(&w->clients);
	slab_fini(&w->out_slab);
	slab_fini(&w->sessions_slab);
}

const char *sink_worker_filler(struct sink_worker *w)
{
	if (!w->filler) {
		w->filler = malloc(SINK_FILLER_SIZE);
		if (w->filler)
			memset(w->filler, 'x', SINK_FILLER_SIZE);
	}
	return w->filler;
}
