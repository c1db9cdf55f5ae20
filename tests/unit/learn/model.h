/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * model.h - a server with a limit, clients that press it, and the log they write, on virtual time
 *
 * The server is written a second time here, straight from the words of terms/limit.h, so that what
 * is learned is held against something that shares no code with it.
 */
#ifndef VOLLEY_TESTS_UNIT_LEARN_MODEL_H
#define VOLLEY_TESTS_UNIT_LEARN_MODEL_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "learn/line.h"
#include "terms/limit.h"

/* What the server holds clients to; 0: nothing of the kind. */
struct model_server {
	enum limit_window window;
	uint64_t amount;
	int64_t period_ns, reset_ns;
	uint64_t burst;
	uint64_t hourly; /* beside it so many in each hour of the clock, with the same reply */
	bool is_pooled;	 /* all sources together */
	bool refuses_connections; /* the window is of connections */
	uint32_t connections, messages_per_connection, recipients;
	bool is_silent;	    /* ends a used-up connection without a word */
	uint32_t noise_ppm; /* other errors: so many of a million messages, at RCPT */
	int64_t greylist_ns;
	bool closes;	   /* the connection after a refusal of the window */
	const char *words; /* of the refusal; NULL: those of model.c */
};

struct model_load {
	int sessions, sources;
	uint64_t messages;
	int64_t service_ns;  /* of a message, about */
	int64_t pause_ns;    /* after a refusal, about; 0: none */
	int64_t jitter_ns;   /* of the log's times against the server's, up to */
	uint32_t recipients; /* 1..so many in a message */
	uint32_t use;	     /* messages until the client quits; 0: never */
	int64_t start_ns;    /* wall */
	uint64_t seed;
	bool coarse;  /* dates have whole seconds */
	bool retries; /* to the same recipients until they pass */
};

/* Plays it, and writes the log in that format to out. Returns how many messages were accepted. */
uint64_t model_play(const struct model_server *server, const struct model_load *load,
		    enum learn_format format, struct buf *out);

#endif
