/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_model.h - a server with limits that it tells nobody, and a client that has only adapt.h
 *
 * A discrete-event model on virtual time. The server counts messages in one of four kinds of
 * window and connections at once, and says 421 beyond. The client has a number of sessions, asks
 * adapt_connections() before it connects and adapt_take() before each message, tells what came of
 * them, and has always something to send.
 */
#ifndef VOLLEY_TESTS_ADAPT_MODEL_H
#define VOLLEY_TESTS_ADAPT_MODEL_H
#include <stdbool.h>
#include <stdint.h>
#include "pace/adapt.h"

enum model_kind { MODEL_NO_RATE, MODEL_SMOOTH, MODEL_FIXED, MODEL_ROLLING };

/* Where the refusal of a message is said. */
enum model_place { MODEL_AT_MAIL, MODEL_AT_RCPT, MODEL_AT_DATA, MODEL_AT_DOT };

#define MODEL_CHANGES_MAX 4

struct model {
	enum model_kind kind;
	uint64_t amount; /* messages in a window */
	int64_t period_ns;
	uint64_t burst;	       /* MODEL_SMOOTH */
	bool counts_attempted; /* refused messages count as well */
	uint32_t connections;  /* at once; 0: no limit */
	enum model_place place;
	bool does_close;    /* a refusal at MAIL, RCPT, DATA or dot ends the connection */
	double other_share; /* of the messages end by a 4xx that has nothing to do with pacing */
	bool is_other_told; /* ... as ADAPT_ENDED */

	uint32_t sessions;
	int64_t service_ns;	/* of a message, in the mean */
	uint32_t spread_millis; /* of the service time, to both sides */
	int64_t connect_ns;
	uint32_t messages_per_connection; /* by the client's choice; 0: no end */
	int64_t lateness_ns;		  /* at most, of the client's timers */

	/* The limits are so many thousandths of the above from then on. */
	struct {
		int64_t at_ns;
		uint32_t millis;
	} changes[MODEL_CHANGES_MAX];
	int change_count;

	struct adapt_params params;
	uint64_t seed;
};

/* What the server counted in a stretch of time. */
struct model_count {
	uint64_t accepted, throttled, other;
	double allowed;	   /* messages that its limits would have let pass */
	uint64_t rate_now; /* at its end: the dial, micro */
	uint32_t connections_now;
};

/*
 * Runs the model over count stretches of length stretch_ns and fills in counts. Returns how many
 * events it took.
 */
uint64_t model_run(const struct model *m, int64_t stretch_ns, int count,
		   struct model_count *ret_counts);

#endif
