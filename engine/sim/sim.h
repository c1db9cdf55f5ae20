/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim.h - a virtual network on a virtual clock
 *
 * A world holds everything that takes part in a rehearsal or a test: a clock that nothing but the
 * world moves, transports (net/transport.h) joined by links with delay and failures by rule, and
 * resolvers over a zone table (sim/zone.h). One thread owns a world and all that belongs to it. The
 * same seed and the same calls give the same run, to the byte; sim_digest() tells.
 *
 * How time passes
 *   What the kernels and wires of the world do (a segment that arrives, a handshake's answer) are
 *   entries of one queue, ordered by (time, worker, number): the worker is the transport that it
 *   concerns, in the order in which transports were made, the number counts entries. They change
 *   the state of sockets and post completions, as a kernel does; user code runs only in
 *   transport_turn() and resolver_turn().
 *
 *   With actors: sim_run() picks the earliest of what comes next (an entry of the queue; for each
 *   actor its transport's completions, its transport's next timer, its resolver's answers, and
 *   the time that its last step asked for), moves the clock there, runs all entries that are due,
 *   then steps the actors that are due, in the order in which they were added; and again. A step
 *   calls transport_turn(t, now_ns, e), which delivers what is due and never waits inside a step,
 *   and returns when it wants to be called next at the latest. A step takes no virtual time.
 *
 *   Without actors (a script in one thread): transport_turn(t, until_ns, e) called outside of
 *   sim_run() waits as a real one does: it moves the world on to the next thing that concerns t,
 *   at most to until_ns. Actors, where there are some as well, are stepped on the way.
 *
 * What a virtual link does like a real one: three-way handshake (the server's accept comes half a
 * round trip after the client's OPENED), a bounded send buffer and receive window (SENT is
 * withheld while the peer does not read), orderly close that still delivers what was sent, RST by
 * abort, by closing with unread data and by sending to a closed end, ephemeral ports that run
 * out for each pair of source address and destination, SYNs that are repeated when lost, a
 * bounded backlog. Unix sockets: abort looks like an orderly close to the peer, as on Linux.
 * Not modelled: slow start, loss of data segments, TIME_WAIT, keep-alive, IPv4 over IPv6 sockets.
 */
#ifndef VOLLEY_SIM_SIM_H
#define VOLLEY_SIM_SIM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/span.h"
#include "net/resolver.h"
#include "net/transport.h"

struct sim;

/* How the bytes that arrived are cut before they are handed over: parsers shall see all splits. */
enum sim_split {
	SIM_SPLIT_NONE,	  /* as they were sent, at most 16 KiB at a time */
	SIM_SPLIT_OCTETS, /* every octet is an event of its own */
	SIM_SPLIT_RANDOM, /* seeded pieces, which also join what arrived together */
};

/* How two hosts are joined. Each direction of each link has it for itself. */
struct sim_path {
	int64_t delay_ns;   /* one way */
	int64_t jitter_ns;  /* added to each segment, uniform in [0, jitter]; order is kept */
	uint64_t bandwidth; /* octets a second; 0: unlimited */
	double loss;	    /* of a SYN, 0..1: repeated after 1, 3, 7 ... s, given up after 127 s */
	enum sim_split split;
};

/* What is 0 stands for the default. */
struct sim_options {
	uint64_t seed;	      /* any, 0 included */
	int64_t start_ns;     /* what the clock shows at first; default 1 s */
	int64_t epoch_ns;     /* wall time at first, ns since 1970; default 2026-01-01T00:00:00Z */
	struct sim_path path; /* where no rule says otherwise; delay_ns: default 50 us; <0: none */
	int send_buffer;      /* octets a socket takes ahead of the wire; default 128 KiB */
	int receive_buffer;   /* octets a socket holds unread; default 128 KiB */
	unsigned port_first, port_last; /* ephemeral ports; default 32768..60999, as Linux has it */
};

/* NULL with *e set when memory is exhausted or an option is out of range. */
struct sim *sim_new(const struct sim_options *options, struct err *e);

/* All transports and resolvers must have been freed (checked). NULL is allowed. */
void sim_free(struct sim *s);

/* The world's clock; lives as long as the world. */
struct clock *sim_clock(struct sim *s);

/* The wall clock jumps, forwards or back, as an administrator's or NTP's step does. */
void sim_wall_jump(struct sim *s, int64_t by_ns);

/*
 * A number that depends on every event that was delivered so far: when, to whom, what, each
 * octet. Two runs are the same when it is the same at the end.
 */
uint64_t sim_digest(const struct sim *s);

/* Entries of the queue that were run, and steps of actors: the cost of a run. */
uint64_t sim_entries_run(const struct sim *s);
uint64_t sim_steps_run(const struct sim *s);

/* --- Transports --------------------------------------------------------------------------- */

/* A set of endpoints: a prefix of addresses and a port, or a Unix path. Zero: all of them. */
struct sim_pattern {
	enum endpoint_family family; /* ENDPOINT_NONE: any */
	int prefix_bits;	     /* of the address; 0: any address of the family */
	uint16_t port;		     /* 0: any */
	struct endpoint address;     /* Unix: the path, whole; an empty one for any path */
};

/* "*", "*:25", "192.0.2.7", "192.0.2.0/24:25", "[2001:db8::]/32", "[::1]:25", "unix:/path". */
bool sim_pattern_parse(struct span text, struct sim_pattern *ret_pattern);
bool sim_pattern_matches(const struct sim_pattern *p, const struct endpoint *at);

/* A host's side of the network. What is 0 stands for the default. */
struct sim_transport_options {
	size_t link_max; /* default 1,024 */
	/*
	 * Source addresses where a connection names none; default 192.0.2.N and 2001:db8::N with
	 * the transport's number N, but loopback towards loopback.
	 */
	struct endpoint source_v4, source_v6;
	/* The addresses that this host has, copied; another source ends in LINK_END_NO_SOURCE. */
	const struct sim_pattern *sources;
	int source_count; /* 0: any address will do */
};

/*
 * A transport in the world: one worker of a sender, say, or a sink. options may be NULL. NULL
 * with *e set when memory is exhausted. Freed by transport_free().
 */
struct transport *sim_transport(struct sim *s, const struct sim_transport_options *options,
				struct err *e);

/* --- Rules -------------------------------------------------------------------------------- */

enum sim_effect {
	SIM_PATH, /* the link has the rule's path */
	SIM_FAIL, /* the connect ends as `end` says, after_ns after it was asked for */
	SIM_CUT,  /* the link breaks after after_bytes as `cut` says */
};

enum sim_cut {
	SIM_CUT_RESET, /* both ends get a reset */
	SIM_CUT_CLOSE, /* both ends see the other's orderly close */
	SIM_CUT_STALL, /* nothing gets through any more; after_ns later an end that sends times out
			*/
};

enum sim_direction { SIM_BOTH_WAYS, SIM_TO_SERVER, SIM_TO_CLIENT };

/*
 * A rule is looked at when a connection is opened; of each effect the first rule that fits
 * counts. Fields that do not belong to the effect are ignored.
 */
struct sim_rule {
	enum sim_effect effect;
	struct sim_pattern to;	      /* where the connection goes */
	struct sim_pattern from;      /* its source address; ports are not compared */
	double probability;	      /* that the rule counts for a connection, seeded; 0: always */
	int64_t since_ns;	      /* in force from here ... */
	int64_t until_ns;	      /* ... to before here; 0: for ever */
	struct sim_path path;	      /* PATH */
	enum link_end end;	      /* FAIL: any but NONE, LOCAL, EOF, RESET */
	int64_t after_ns;	      /* FAIL: 0 is at once; CUT with STALL: 0 is never */
	uint64_t after_bytes;	      /* CUT: octets that still get through */
	enum sim_direction direction; /* CUT: which octets are counted */
	enum sim_cut cut;
};

/* Copied, behind the earlier ones. -1 with *e set when it makes no sense or memory is exhausted. */
int sim_rule_add(struct sim *s, const struct sim_rule *rule, struct err *e);

/* Forgets all rules; open links keep what they were given. */
void sim_rules_clear(struct sim *s);

/* --- Running ------------------------------------------------------------------------------ */

/* Whoever is stepped by sim_run(). The owner keeps the memory and fills in the first part. */
struct sim_actor {
	struct transport *transport; /* of this world; NULL: none */
	struct resolver *resolver;   /* of this world; NULL: none */
	/*
	 * Called once at first, then whenever something is due. Calls transport_turn() and
	 * resolver_turn() on its own; may call sim_stop(), sim_add() and sim_remove(). Returns
	 * when it wants to be called at the latest: TIME_NEVER for "when something happens",
	 * now_ns when it left something undone (a handshake that was put off, say).
	 */
	int64_t (*step)(struct sim_actor *self, int64_t now_ns);
	/* A stopped process is not stepped before this time; may be set whenever. */
	int64_t stalled_until_ns;

	/* The world's. */
	struct sim_actor *next;
	int64_t next_ns;
};

/*
 * Adds an actor behind the others: the order of adding is the order of steps at one time. One that
 * is removed from within its own step must stay in memory until the step returned.
 */
void sim_add(struct sim *s, struct sim_actor *actor);
void sim_remove(struct sim *s, struct sim_actor *actor);

/* Something that happens to the world at a time of its own: a rule comes, a sink goes. */
struct sim_task {
	void (*run)(struct sim_task *self, int64_t now_ns);
};

/* The task's memory is lent until it ran; a time in the past is now. -1: memory is exhausted. */
int sim_at(struct sim *s, int64_t at_ns, struct sim_task *task);

enum sim_end {
	SIM_REACHED, /* until_ns: the clock shows it */
	SIM_IDLE,    /* nothing will ever happen again; the clock shows the last thing that did */
	SIM_STOPPED, /* sim_stop() was called */
	SIM_FAILED,  /* *e says why: memory exhausted, or steps went on without time passing */
};

/*
 * Runs the world. Things due at until_ns itself are done. May be called again; not from within a
 * step (checked).
 */
enum sim_end sim_run(struct sim *s, int64_t until_ns, struct err *e);

/* From within a step or a task: sim_run() returns when that is over. */
void sim_stop(struct sim *s);

#endif
