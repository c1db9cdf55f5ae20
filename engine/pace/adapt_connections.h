/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_connections.h - the dial of connections: finds how many a path may have open at once
 *
 * Pure, no allocation, O(1) a call; one owner at a time; time is an argument, monotonic ns.
 */
#ifndef VOLLEY_PACE_ADAPT_CONNECTIONS_H
#define VOLLEY_PACE_ADAPT_CONNECTIONS_H
#include <stdbool.h>
#include <stdint.h>

struct connection_dial {
	uint32_t low, high; /* bounds */
	int64_t interval_ns;

	uint32_t dial;
	uint32_t held;	  /* where it stood before the last raise */
	uint32_t refused; /* how many were open when there were too many, last time; 0: never */
	uint32_t raise;	  /* the next step up */
	uint32_t cut;	  /* what the next refusal in a row takes off */
	uint32_t fails;	  /* raises in a row that were refused */

	int64_t changed_ns; /* the last raise or cut */
	int64_t cluster_ns; /* the refusal that those right behind it belong to; -1: none */
	uint32_t floor;	    /* below which that cluster does not cut */
	uint64_t accepted;  /* messages since the last refusal */
	uint32_t drops;	    /* closed without a word, in a row */
	bool is_bound;	    /* since the last change as many were open as the dial allows */
	bool is_raised;	    /* the last change was a raise that has not lasted yet */
};

/* 0 < low <= first <= high. interval_ns > 0. */
void connection_dial_init(struct connection_dial *d, uint32_t low, uint32_t high, uint32_t first,
			  int64_t interval_ns, int64_t now_ns);

/* How many may be open now. */
uint32_t connection_dial_allowed(struct connection_dial *d, int64_t now_ns);

/* One was greeted, or a message accepted; open: how many there are then. */
void connection_dial_connected(struct connection_dial *d, uint32_t open, int64_t now_ns);
void connection_dial_accepted(struct connection_dial *d, uint32_t open);

/* One was refused, or a reply said that there are too many; open: with the one it was said to. */
void connection_dial_refused(struct connection_dial *d, uint32_t open, int64_t now_ns);

/* One was closed without a word: several in a row, with nothing good between, are a refusal. */
void connection_dial_dropped(struct connection_dial *d, uint32_t open, int64_t now_ns);

#endif
