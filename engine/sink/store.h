/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.h - messages and their records on disk, by a thread of its own
 *
 * A worker hands over content and lines and never waits for the disk. What is queued is bounded:
 * beyond store_options.queue_max octets store_is_full() says so, and whoever feeds it stops
 * reading from its clients until there is room; nothing is dropped.
 *
 * A message: store_message_new(), append in any number, then commit, upon which it comes back
 * from store_port_collect() with its fate, or abandon, upon which it is gone.
 */
#ifndef VOLLEY_SINK_STORE_H
#define VOLLEY_SINK_STORE_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

#define STORE_QUEUE_MAX ((size_t)64 << 20)
#define STORE_CHUNK	((size_t)64 << 10)

struct store;

struct store_options {
	const char *maildir; /* NULL: none. Made with its three folders where it is not there */
	bool does_sync;	     /* fsync of a message before it counts as stored */
	const char *jsonl;   /* NULL: none; "-": standard output. Appended to */
	size_t queue_max;    /* octets; 0: STORE_QUEUE_MAX */
	struct clock *clock; /* for the names of files */
};

struct store_message {
	struct store_message *next;
	struct store_port *port;
	void *owner;	  /* the worker's own; the writer does not look at it */
	struct buf chunk; /* content not handed over yet */
	uint64_t size;
	bool is_stored;			      /* valid when it comes back */
	bool has_failed, has_carriage_return; /* the writer's */
	int file;			      /* the writer's; -1 while there is none */
	char name[128]; /* the file's, in the maildir's new/; valid when it comes back */
};

/* A worker's end. Owned by the worker. */
struct store_port {
	struct store *store;
	void (*wake)(struct store_port *self); /* called by the writer when there is something */
	pthread_mutex_t mutex;
	pthread_cond_t arrived;
	struct store_message *done; /* under the mutex */
	_Atomic bool has_done;
};

struct store_stats {
	uint64_t stored, failed, octets, lines;
};

/* Makes folders, opens the file, starts the writer. NULL with *e set. */
struct store *store_start(const struct store_options *options, struct err *e);

/* Writes what is queued and ends the thread. All ports must be gone. NULL is allowed. */
void store_stop(struct store *s, struct store_stats *ret_stats);

/* Ports are opened and closed while no message of theirs is under way. */
void store_port_open(struct store_port *p, struct store *s, void (*wake)(struct store_port *self));
void store_port_close(struct store_port *p);

/* NULL when memory is exhausted. */
struct store_message *store_message_new(struct store_port *p, void *owner);

/* Copies. False when memory is exhausted: the message can only be abandoned then. */
bool store_message_append(struct store_message *m, struct span content);

/* It will come back. False when memory is exhausted: it was abandoned then. */
bool store_message_commit(struct store_message *m);

/* Forgets a message that was not committed. */
void store_message_abandon(struct store_message *m);

/* A message that was stored or failed to be, to be given to store_message_free(); NULL: none. */
struct store_message *store_port_collect(struct store_port *p);
void store_message_free(struct store_message *m);

/* Blocks until there is something to collect; only while something is under way. */
void store_port_wait(struct store_port *p);

/* A line for the record, with its line end; its memory is taken over. */
bool store_line(struct store_port *p, struct buf *line);

bool store_is_full(const struct store *s);
bool store_has_maildir(const struct store *s);
bool store_has_lines(const struct store *s);

#endif
