/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status.h - the counts of all workers, put together into the document of a sink
 */
#ifndef VOLLEY_SINK_STATUS_H
#define VOLLEY_SINK_STATUS_H
#include "base/err.h"
#include "result/sink_status.h"
#include "sink/shared.h"
#include "sink/worker.h"

#define STATUS_CLIENTS_MAX 1000 /* rows; the others are counted together in one more */

/*
 * Called when nobody turns the workers any more; their clients and histograms are merged into the
 * first one's. listeners are the places that were really bound. host and resources are left to
 * the caller. -1 with *e set when memory is exhausted; *ret_status is to be freed all the same.
 */
int sink_status_collect(struct sink_shared *shared, struct sink_worker *const *workers,
			int worker_count, const struct sink_listener *listeners,
			struct sink_status *ret_status, struct err *e);

#endif
