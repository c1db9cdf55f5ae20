/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * own_sink.h - volley's own sink as a process of its own, for a bench without a target
 *
 * A process of its own, so that its CPU and memory are not counted as the sender's. It listens on
 * loopback, on a port that it picks, and ends with us.
 */
#ifndef VOLLEY_CMD_OWN_SINK_H
#define VOLLEY_CMD_OWN_SINK_H
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "result/run.h"

struct own_sink {
	pid_t pid;
	uint16_t port;
	char folder[64]; /* of its certificate and its result; removed at the end */
	char ca_path[96];
	char json_path[96];
};

/* Starts it and waits until it listens, with STARTTLS and a certificate for "localhost". */
int own_sink_start(struct own_sink *s, struct err *e);

/* Stops it and takes its count into *ret_count; nothing happens when it does not run. */
void own_sink_stop(struct own_sink *s, struct run_end_to_end *ret_count);

#endif
