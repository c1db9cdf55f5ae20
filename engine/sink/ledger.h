/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ledger.h - which messages of which run have arrived
 *
 * A bit for each sequence number, in blocks that are made when first needed, so that what is lost
 * and what came twice is known exactly. One ledger for the process: entering is atomic and takes
 * no lock, but for the first message of a run or of a block. Bounds: LEDGER_RUNS_MAX runs,
 * numbers below LEDGER_SEQ_MAX; what lies beyond is told, not entered.
 *
 * A message is known by its number alone: where a relay splits one message to several recipients
 * into several, the later ones count as duplicates.
 */
#ifndef VOLLEY_SINK_LEDGER_H
#define VOLLEY_SINK_LEDGER_H
#include <stdint.h>
#include "sink/mark.h"

#define LEDGER_RUNS_MAX 64
#define LEDGER_SEQ_MAX	(UINT64_C(1) << 32)

struct ledger;

enum ledger_entry {
	LEDGER_NEW,    /* it had not been there */
	LEDGER_AGAIN,  /* a duplicate */
	LEDGER_BEYOND, /* not entered: too many runs, too high a number, no memory */
};

/* NULL when memory is exhausted. */
struct ledger *ledger_new(void);
void ledger_free(struct ledger *l); /* NULL is allowed */

/* Enters a message; *ret_run is which run it is, 0 .. LEDGER_RUNS_MAX - 1. Any thread. */
enum ledger_entry ledger_enter(struct ledger *l, const struct mark *m, int *ret_run);

struct ledger_run {
	uint64_t id, received, duplicated, highest;
};

/* How many runs there are, and one of them. Exact once no thread enters any more. */
int ledger_run_count(const struct ledger *l);
struct ledger_run ledger_run_at(const struct ledger *l, int run);

#endif
