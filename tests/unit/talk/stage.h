/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.h - a talk on a simulated network, against servers that act by a script
 *
 * A script is a list of lines; each is waited for in turn: the greeting (expect NULL), a command
 * that begins with the words of expect, or the end of the content ("."). The server answers after
 * a time that is exact on the virtual clock, and then does what the act says. With pipelined
 * commands a line's time begins when the answer before it was given.
 *
 * The talk writes down what it reports, as one text: "phase=took_us/code" for a step, "READY",
 * "DONE(accepted,deferred,rejected)", "CLOSED(kind at phase)" with ", for good" behind it where the
 * failure is permanent and ", undecided N" or ", in doubt N" for a message that broke.
 */
#ifndef VOLLEY_TESTS_UNIT_TALK_STAGE_H
#define VOLLEY_TESTS_UNIT_TALK_STAGE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sim/sealed.h"
#include "sim/sim.h"
#include "talk/talk.h"

#define MS	  NS_PER_MS
#define US	  NS_PER_US
#define PEERS_MAX 16
#define HOSTS_MAX 8

enum act {
	SAY,	   /* the answer alone */
	SAY_TLS,   /* and TLS behind it */
	SAY_CLOSE, /* and FIN behind it */
	SAY_RESET, /* and a reset behind it */
	HOLD,	   /* nothing, for ever */
};

struct line {
	const char *expect; /* NULL: nothing is waited for */
	const char *say;    /* whole lines; NULL: nothing */
	int64_t after_ns;
	enum act act;
};

struct stage;

/* One connection of the server's. */
struct peer {
	struct channel_user user;
	struct channel channel;
	struct sim_task task;
	struct stage *stage;
	const struct line *script;
	char in[1 << 19];
	size_t in_len;
	uint64_t skip;	  /* octets of a chunk that are still to come */
	uint64_t content; /* octets of contents, dots as they came, final dots not counted */
	int lines;	  /* of the script that were done */
	bool is_content, is_busy, is_closed, is_sealed;
	enum link_end closed_as;
};

/* An address with a script behind it. */
struct place {
	struct listener_user user;
	struct stage *stage;
	struct endpoint at;
	const struct line *script;
	bool is_sealed; /* TLS before the greeting */
	bool never_reads;
};

struct stage {
	struct sim *sim;
	struct sim_actor client_actor, server_actor;
	struct transport *client, *server;
	struct secure *client_secure, *server_secure;
	struct channel_hub server_hub;
	struct place places[HOSTS_MAX];
	int place_count;
	struct peer peers[PEERS_MAX];
	int peer_count;

	struct talk_user user;
	struct talk_hub hub;
	struct talk talk;
	struct talk_target target;
	struct smtp_client_params smtp;
	struct endpoint addresses[HOSTS_MAX];
	struct smtp_message message;
	struct span rcpt[4];
	struct iovec content;
	int messages; /* to be given before QUIT; -1: nothing is done when ready */
	char log[2048];
	int closed;
	int64_t closed_ns;
	enum talk_cause cause;
	char kind[TALK_KIND_MAX], detail[600], reply_text[600];
	/* Called for each event, behind what the stage does; NULL: nothing. */
	void (*on_event)(struct stage *s, const struct talk_event *ev);
	int64_t begin_ns;
};

struct stage_options {
	int64_t delay_ns; /* one way; 0: 1 ms */
	uint64_t bandwidth;
	enum sim_split split;
	int receive_buffer; /* the server's; 0: the default */
	size_t client_links;
	struct sim_secure_options client_tls, server_tls;
};

/* Time-outs of all phases are 10 s, the attempt delay is 250 ms, connects give up after 3 s. */
struct stage *stage_new(const struct stage_options *options);
void stage_free(struct stage *s);

/* A further address to try, on port 25, with a server behind it; script NULL: nobody listens. */
struct place *stage_place(struct stage *s, const char *address, const struct line *script);

/* What happens to connects to an address: black-holed, refused late ... */
void stage_rule(struct stage *s, const char *pattern, enum link_end end, int64_t after_ns);

void stage_open(struct stage *s);
void stage_run(struct stage *s);
void stage_run_until(struct stage *s, int64_t at_ns);

/* Opens, runs until nothing is left, compares the log and frees the stage. */
void stage_plays(struct stage *s, const char *log);

/* A whole session without extensions, in lock step; the answers come at once. */
extern const struct line plain_script[];

#endif
