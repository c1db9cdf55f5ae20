/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world.c - the real world of a run
 */
#include "cmd/world.h"
#include "ring/ring.h"

static struct transport *transport_new(struct run_world *self, size_t links, struct err *e)
{
	const struct cmd_world *w = (const struct cmd_world *)self;
	struct ring_options options = {
		.link_max = (unsigned)links,
		.clock = self->clock,
		.batch_ns = w->batch_ns,
	};

	return ring_new(&options, e);
}

static int secure_new(struct run_world *self, struct secure **ret_secure, struct err *e)
{
	struct cmd_world *w = (struct cmd_world *)self;

	*ret_secure = NULL;
	if (!w->use_tls)
		return 0;
	*ret_secure = tls_new(&w->tls, e);
	return *ret_secure != NULL ? 0 : -1;
}

void cmd_world_init(struct cmd_world *w, const struct tls_options *tls)
{
	*w = (struct cmd_world){
		.world = {transport_new, secure_new, clock_system()},
		.use_tls = tls != NULL,
	};
	if (tls != NULL)
		w->tls = *tls;
}
