/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world.h - what the files of sim/ share with each other
 *
 * Two levels, as in a real machine. A sim_conn is the kernels' view of a connection: two sides
 * with their buffers, and segments between them as entries of the world's queue (wire.c). A
 * sim_link is the user's view of one side (transport.c): it holds what is lent and posts
 * completions to its transport. A side outlives its link while it flushes what was sent.
 */
#ifndef VOLLEY_SIM_WORLD_H
#define VOLLEY_SIM_WORLD_H
#include "base/rng.h"
#include "base/slab.h"
#include "sim/queue.h"
#include "sim/sim.h"

#define SIM_CHUNK_MAX	  ((size_t)16 << 10) /* octets of one segment */
#define SIM_CHUNK_CLASSES 3
#define SIM_BUCKETS	  1024 /* of each hash table; a power of two */
#define SIM_SYN_TRIES	  7    /* the first and six repeats, tcp_syn_retries of Linux */

struct sim_transport;
struct sim_listener;
struct sim_names; /* names.c */

/* Octets on the wire or in a buffer: data[first .. first + len). */
struct sim_chunk {
	struct sim_chunk *next;
	uint32_t first, len;
	uint32_t class; /* which slab it is from */
	char data[];
};

struct sim_chunks {
	struct sim_chunk *head, **tail; /* tail is NULL while empty */
	size_t len;			/* octets in all */
};

/* Ephemeral ports in use between one source address and one destination (port.c). */
struct sim_ports {
	struct sim_ports *next;
	struct endpoint from, to;
	uint64_t *bits; /* bit i: port (port_first + i) mod 65536 */
	uint32_t word_count, in_use;
};

struct sim {
	struct clock clock; /* first: the clock is the world */
	int64_t now_ns;
	int64_t wall_offset_ns; /* wall time less now_ns */
	struct sim_options options;
	struct queue queue;
	struct rng path_rng, rule_rng, split_rng; /* a stream each: one does not shift another */
	struct sim_rule *rules;
	size_t rule_count, rule_capacity;
	struct sim_listener *listeners[SIM_BUCKETS];
	struct sim_ports *ports[SIM_BUCKETS];
	struct slab conns, lookups, listener_slab, chunks[SIM_CHUNK_CLASSES];
	uint32_t worker_count; /* numbers given out so far */
	uint32_t member_count; /* transports and resolvers that are alive */
	uint32_t listen_port;  /* the next one to try for port 0 */
	struct sim_actor *actors, **actors_tail, *next_actor;
	bool is_running, is_stopping, is_out_of_memory;
	uint64_t digest, entries_run, steps_run;
};

enum { SIM_CLIENT, SIM_SERVER };

/* One end of a connection, as its kernel holds it. */
struct sim_side {
	struct sim_link *link; /* NULL: not accepted yet, or its user is gone */
	uint32_t worker;
	bool is_open; /* the handshake got this far: data may be sent */
	bool is_dead; /* closed: what arrives is answered by a reset */
	bool fin_wanted, fin_out, fin_in;
	enum link_end broken; /* RESET or TIMED_OUT: the connection is gone under the user */
	bool is_timing;	      /* a stalled segment's time-out is under way */
	struct sim_chunks tx; /* taken from the user, not yet on the wire */
	struct sim_chunks rx; /* arrived, not yet read */
	size_t tx_limit, rx_limit;
	size_t credit;		 /* octets that the other side's window still takes */
	size_t unannounced;	 /* octets read here that the other side does not know of yet */
	int64_t wire_free_ns;	 /* when the last octet sent has left (bandwidth) */
	int64_t last_arrival_ns; /* at the other side: order is kept */
};

struct sim_conn {
	struct sim *sim;
	struct sim_side sides[2];
	struct endpoint from, to;
	struct sim_path path;
	struct sim_ports *ports;       /* NULL: no port is held */
	struct sim_listener *listener; /* from SYN to accept */
	struct sim_conn *next_waiting;
	uint32_t entries; /* of the queue that point here */
	uint8_t syn_tries;
	bool is_cancelled; /* the client gave up before the handshake was over */
	bool has_cut, is_cut;
	enum sim_cut cut;
	enum sim_direction cut_direction;
	uint64_t cut_left;
	int64_t cut_after_ns;
};

/* Stands in its transport's list while it has something to deliver. */
struct sim_ready {
	struct sim_ready *next;
	bool is_queued;
	/* Delivers one completion; true: there is more. */
	bool (*deliver)(struct sim_ready *self);
};

struct sim_link {
	struct link link;
	struct sim_ready ready;
	struct sim_conn *conn; /* NULL: never got one, or closed */
	uint32_t side, number;
	struct sim_link *next, **link_at; /* all links of the transport */
	bool is_receiving, is_closing, is_shut, is_opened_due, is_sent_due;
	bool wants_pump;   /* something was lent, or shut, that the kernel was not told of yet */
	bool wants_reset;  /* abort */
	enum link_end end; /* not NONE: CLOSED is due */
	struct iovec lent[LINK_SEGMENTS_MAX];
	int lent_idx;
	size_t lent_len; /* octets not yet taken */
};

struct sim_listener {
	struct listener listener;
	struct sim_ready ready;
	struct sim *sim;
	struct sim_listener *next_hash, *next_own;
	struct sim_conn *waiting, **waiting_tail;
	int waiting_count; /* from SYN on */
	int backlog, receive_buffer;
	uint32_t conns; /* that point here */
	bool share_port, is_paused, is_closed;
};

struct sim_transport {
	struct transport transport;
	struct sim *sim;
	uint32_t number, link_number;
	uint64_t event_count; /* delivered so far */
	struct slab links;
	struct sim_link *open; /* all links */
	struct sim_listener *listeners;
	struct sim_ready *ready, **ready_tail;
	size_t link_count;
	bool is_woken, is_in_turn, is_short; /* an accept waits for a link to be freed */
	struct endpoint source_v4, source_v6;
	struct sim_pattern *sources;
	int source_count;
	char *split_scratch; /* SIM_CHUNK_MAX octets, where pieces are joined */
};

/* --- world.c */
/* Puts an entry on the queue; at now where its time is over. Failure is kept in the world. */
bool world_push(struct sim *s, struct sim_entry entry);
/* Runs the world until something is due for t or r (either may be NULL), to until_ns at most. */
enum sim_end world_go(struct sim *s, int64_t until_ns, struct sim_transport *t, struct sim_names *r,
		      struct err *e);
void world_digest(struct sim *s, uint64_t value);
void world_digest_octets(struct sim *s, const void *data, size_t len);

/* --- rule.c */
const struct sim_rule *rule_find(struct sim *s, enum sim_effect effect, const struct endpoint *from,
				 const struct endpoint *to);

/* --- port.c */
/* Takes a port between conn->from and conn->to; any when from's is 0. False: none is free. */
bool ports_take(struct sim *s, struct sim_conn *conn);
void ports_give_back(struct sim_conn *conn);
void ports_fini(struct sim *s);

/* --- wire.c */
void chunks_append(struct sim_chunks *list, struct sim_chunk *chunk);
void chunks_clear(struct sim *s, struct sim_chunks *list);
void chunk_free(struct sim *s, struct sim_chunk *chunk);
/* Sends the SYN; the client's side is joined to link. NULL when memory is exhausted. */
struct sim_conn *wire_connect(struct sim *s, struct sim_link *link, const struct endpoint *from,
			      const struct endpoint *to, enum link_end *ret_end);
/* Takes what it can of what is lent, of the buffer and of a wanted FIN onto the wire. */
void wire_pump(struct sim_conn *conn, uint32_t side);
/* count octets of the side's rx were read. */
void wire_read(struct sim_conn *conn, uint32_t side, size_t count);
/* The user lets go: in order, or with a reset. The conn may be gone afterwards. */
void wire_close(struct sim_conn *conn, uint32_t side, bool is_abort);

/* --- listen.c */
struct sim_listener *listener_find(struct sim *s, const struct endpoint *from,
				   const struct endpoint *to);
void listener_take(struct sim_listener *l, struct sim_conn *conn);   /* SYN */
void listener_queue(struct sim_listener *l, struct sim_conn *conn);  /* last ACK */
void listener_forget(struct sim_listener *l, struct sim_conn *conn); /* gave up or accepted */
struct listener *listener_open(struct transport *t, const struct endpoint *at,
			       const struct listen_options *options, struct listener_user *user,
			       struct err *e);
void listener_set_paused(struct listener *listener, bool paused);
void listener_shut(struct listener *listener);

/* --- transport.c */
bool transport_is_due(const struct sim_transport *t, int64_t now_ns);
void transport_post(struct sim_transport *t, struct sim_ready *ready);
struct sim_link *transport_link_new(struct sim_transport *t, struct link_user *user);
void transport_link_gone(struct sim_link *link);
/* Whether the address is one of the host's. */
bool transport_has_address(const struct sim_transport *t, const struct endpoint *address);
static inline struct sim_transport *transport_of(const struct sim_link *link)
{
	return (struct sim_transport *)link->link.transport;
}
static inline void link_post(struct sim_link *link)
{
	transport_post(transport_of(link), &link->ready);
}

/* --- names.c */
size_t names_lookup_size(void);
bool names_are_due(const struct sim_names *n);

#endif
