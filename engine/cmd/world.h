/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world.h - the real world of a run: io_uring, wolfSSL and the system's clock
 */
#ifndef VOLLEY_CMD_WORLD_H
#define VOLLEY_CMD_WORLD_H
#include "sender/run.h"
#include "tls/tls.h"

struct cmd_world {
	struct run_world world; /* first: the factories find the struct by it */
	struct tls_options tls;
	bool use_tls;
	int64_t batch_ns; /* how long replies may be waited for together; 0: each at once */
};

/* tls is borrowed for the world's life; NULL: no target uses TLS. */
void cmd_world_init(struct cmd_world *w, const struct tls_options *tls);

#endif
