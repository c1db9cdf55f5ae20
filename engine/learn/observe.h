/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * observe.h - all that logs tell, in order: messages, connections, replies
 *
 * Lines of one message are joined, messages find their connection, and everything gets the time at
 * which the other side decided on it. Feed lines, then observation_order(), then read. One thread.
 */
#ifndef VOLLEY_LEARN_OBSERVE_H
#define VOLLEY_LEARN_OBSERVE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "learn/line.h"
#include "learn/wording.h"

#define LEARN_EVENTS_MAX      50000000u
#define LEARN_CONNECTIONS_MAX 20000000u
#define LEARN_SITES_MAX	      10000u
#define LEARN_SOURCES_MAX     65536u
#define LEARN_HOSTS_MAX	      32 /* host names of a site that are remembered */
#define LEARN_NONE	      UINT32_MAX

enum learn_event_kind {
	LEARN_MESSAGE,	   /* an attempt to send one */
	LEARN_TURNED_AWAY, /* a connection that was refused before any message */
	LEARN_ENDED,	   /* a connection that the other side ended between messages */
};

struct learn_event {
	int64_t at_ns;	  /* wall: when the other side decided, as near as the log tells */
	int64_t end_ns;	  /* wall: when it was over */
	uint64_t message; /* hash; 0: unknown */
	uint64_t recipient;
	uint32_t connection;	/* index; LEARN_NONE: unknown */
	uint32_t on_connection; /* from 1; 0: unknown. ENDED: how many it had carried */
	uint32_t recipients;
	uint32_t refused; /* recipients of these; a whole message: all */
	int32_t wording;  /* of the refusal; -1: none */
	uint16_t source, site;
	uint8_t kind, phase;
	bool has_passed;    /* the message went out, if only to some */
	bool knows_refused; /* refused is a count, and not all that can be said */
	bool is_aftermath;  /* broken off since the one before was refused: no evidence */
};

struct learn_connection {
	int64_t opened_ns, closed_ns;
	uint32_t messages; /* attempted on it */
	uint32_t last_use; /* Postfix: conn_use */
	uint16_t source, site;
	bool is_turned_away;
	bool was_refused; /* the last message on it, while they are gone through in order */
	bool knows_opened, knows_closed; /* the log has lines of their own for that */
	bool lacks_begin;		 /* the log does not say how long its messages took */
};

struct learn_site {
	uint64_t messages, refused;
	int hosts[LEARN_HOSTS_MAX];
	int host_count;
};

struct learn_file {
	char *name;
	enum learn_format format;
	uint64_t lines, events, unknown; /* unknown: lines that are of no kind that is read */
	int64_t first_ns, last_ns;
};

struct observation {
	struct learn_event *events;
	struct learn_connection *connections;
	size_t event_count, event_cap, connection_count, connection_cap;
	struct names sites, sources, hosts;
	struct learn_site *by_site;
	size_t site_cap;
	struct wordings wordings;
	struct learn_file *files;
	size_t file_count;
	uint64_t dropped;     /* lines beyond a limit */
	int64_t precision_ns; /* of the coarsest log */
	/* Joining what belongs together, while lines come in. */
	struct table by_connection, by_message, by_use;
};

/* NULL: memory exhausted. */
struct observation *observation_new(void);
void observation_free(struct observation *o);

/* A log begins: what comes next belongs to it. -1: memory exhausted. */
int observation_begin(struct observation *o, const char *name);

/* -1: memory exhausted. What lies beyond the limits is dropped and counted. */
int observation_add(struct observation *o, const struct learn_line *l);

/* All that was added since observation_begin() is a year older than it was taken for. */
void observation_year_back(struct observation *o, size_t first_event, size_t first_connection);

/* Puts events in the order of at_ns, and connections right. Once, after the last line. */
int observation_order(struct observation *o);

/* The site whose messages were refused most, then that with most messages; -1: there is none. */
int observation_main_site(const struct observation *o);

/* The site that goes by that name, or whose hosts do; "*.example.net" covers names. -1: none. */
int observation_find_site(const struct observation *o, const char *name);

#endif
