/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * live.h - the status line of a run, once a second
 *
 * On a terminal one line is drawn over and over; elsewhere plain lines follow each other. The
 * caller gathers the figures and knows the terminal's width; this module reads no clock.
 */
#ifndef VOLLEY_REPORT_LIVE_H
#define VOLLEY_REPORT_LIVE_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "result/run.h"

enum live_stage { LIVE_STARTING, LIVE_WARMUP, LIVE_MEASURING, LIVE_DRAINING };

/* Sessions by what they do now; their sum is what is open or opening. */
struct live_sessions {
	uint64_t connecting; /* name, connect, banner, EHLO */
	uint64_t securing;   /* TLS handshake */
	uint64_t logging_in; /* AUTH */
	uint64_t idle;	     /* ready for a message */
	uint64_t sending;    /* a message under way */
	uint64_t closing;
	uint64_t wanted; /* how many there shall be */
};

struct live_status {
	enum live_stage stage;
	double elapsed_s; /* since the start of this stage */
	double left_s;	  /* < 0: not known */
	struct live_sessions sessions;
	double rate;		  /* messages with an outcome per second, over the last second */
	double offered;		  /* what the schedule asks for now; 0 in closed loop */
	uint64_t messages_done;	  /* since the start of the measured part */
	uint64_t messages_wanted; /* 0: no limit by number */
	uint64_t replies_2xx, replies_4xx, replies_5xx; /* since the start; 3xx is no outcome */
	int64_t p50_us, p99_us; /* response time over the last second; RUN_NONE */
	const char *held_by;	/* the limit that holds messages back; NULL: none does */
	uint64_t errors;	/* transport, TLS, DNS and protocol failures since the start */
};

struct live {
	FILE *out;	  /* standard error, as a rule */
	bool is_terminal; /* draw over the same line */
	bool use_color;
	int width;     /* columns of the terminal; the caller may change it between calls */
	bool is_drawn; /* a line stands that live_clear() must remove */
};

/* Draws the status; errors of writing are ignored: a lost status line is no failure. */
void live_show(struct live *l, const struct live_status *status);

/* Removes the line from a terminal, so that other output starts on a clean one. */
void live_clear(struct live *l);

#define LIVE_LINE_MAX 320

/*
 * The text alone, without colour and control characters, at most width columns (0: no bound):
 * what matters less is left out first. Returns its length.
 */
size_t live_line(const struct live_status *status, int width, char line[LIVE_LINE_MAX]);

#endif
