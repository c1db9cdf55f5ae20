/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world.h - a pair of transports, real or simulated, and recorded users of their links
 *
 * What a conformance scenario is written against: it does not know which of the two it runs on.
 * Both transports live in one thread and are turned by hand.
 */
#ifndef VOLLEY_TESTS_SIM_WORLD_H
#define VOLLEY_TESTS_SIM_WORLD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/transport.h"

#define PEER_LOG_MAX 256
#define HOST_PEERS   256

struct world {
	const char *name;
	struct transport *client, *server;
	bool in_call;	 /* a call of the transport is under way: no event may come */
	char folder[64]; /* for Unix sockets */
	void *own;	 /* the back-end's */
};

struct world_options {
	size_t client_links, server_links; /* 0: 512 */
};

struct backend {
	const char *name;
	/* False: this machine cannot; the scenario is skipped. */
	bool (*open)(struct world *w, const struct world_options *options);
	void (*close)(struct world *w);
};

extern const struct backend backend_sim;
extern const struct backend backend_sim_in_pieces;
#ifdef HAVE_RING
extern const struct backend backend_ring;
#endif

/* One turn of each transport, which may wait a little. */
void world_step(struct world *w);
void world_steps(struct world *w, int count);
/* Steps until is_done(arg) or 20 s of the world's clock are over; says whether it was done. */
bool world_until(struct world *w, bool (*is_done)(void *arg), void *arg);
int64_t world_now(struct world *w);

/*
 * A link's user. Its log has a letter for each event: O opened, A accepted, B bytes (consecutive
 * ones are one), S sent, L late, C(...) closed with its cause.
 */
struct peer {
	struct link_user user;
	struct world *world;
	struct link *link; /* NULL once CLOSED was told */
	char log[PEER_LOG_MAX];
	int closed_count, opened_count, sent_count, late_count;
	uint64_t received;
	bool is_checking; /* the octets must be those of pattern_at() */
	uint64_t wrong;	  /* octets that were not */
	int stage;	  /* the script's own */
	void *arg;
	void (*script)(struct peer *p, const struct link_event *ev); /* NULL: records only */
	struct endpoint remote, local;				     /* accepted ones */
};

void peer_init(struct peer *p, struct world *w,
	       void (*script)(struct peer *, const struct link_event *));
/* False: the transport holds no more links. */
bool peer_connect(struct peer *p, const struct endpoint *to, const struct link_options *options);
void peer_send(struct peer *p, const void *data, size_t len);
void peer_send_segments(struct peer *p, const struct iovec *segments, int count);
void peer_receive(struct peer *p, bool on);
void peer_shut(struct peer *p);
void peer_close(struct peer *p);
void peer_abort(struct peer *p);
void peer_deadline(struct peer *p, int64_t at_ns);
bool peer_is_over(void *peer);
char pattern_at(uint64_t offset);

/* A listener whose connections are peers with the host's script. */
struct host {
	struct listener_user user;
	struct world *world;
	struct listener *listener;
	struct peer peers[HOST_PEERS];
	int count;
	bool leaves_user_null, starts_paused, is_checking;
	void (*script)(struct peer *p, const struct link_event *ev);
	void (*on_accepted)(struct peer *p); /* NULL: nothing */
	void *arg;
};

/* Listens at 127.0.0.1 with a free port. */
void host_open(struct host *h, struct world *w, const struct listen_options *options,
	       void (*script)(struct peer *, const struct link_event *));
void host_open_at(struct host *h, struct world *w, const struct endpoint *at,
		  const struct listen_options *options,
		  void (*script)(struct peer *, const struct link_event *));
void host_pause(struct host *h, bool paused);
void host_close(struct host *h);
struct endpoint unix_endpoint(struct world *w, const char *name);

#endif
