/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world_sim.c - a pair of simulated transports, on a smooth network and on a rough one
 */
#include <stdio.h>
#include "sim/sim.h"
#include "world.h"

static bool open_with(struct world *w, const struct world_options *options,
		      const struct sim_path *path)
{
	const size_t links_default = 512;
	struct sim_pattern loopback;
	struct sim_transport_options t = {.sources = &loopback, .source_count = 1};
	struct sim *s = sim_new(&(struct sim_options){.seed = 1, .path = *path}, NULL);

	if (!s || !sim_pattern_parse(SPAN("127.0.0.0/8"), &loopback))
		return false;
	t.link_max = options->client_links ? options->client_links : links_default;
	w->client = sim_transport(s, &t, NULL);
	t.link_max = options->server_links ? options->server_links : links_default;
	w->server = sim_transport(s, &t, NULL);
	w->own = s;
	snprintf(w->folder, sizeof(w->folder), "/simulated");
	return w->client && w->server;
}

static bool sim_open(struct world *w, const struct world_options *options)
{
	return open_with(w, options, &(struct sim_path){0});
}

/* Whatever arrives is cut and joined at random, and each segment takes its own time. */
static bool sim_open_in_pieces(struct world *w, const struct world_options *options)
{
	return open_with(w, options,
			 &(struct sim_path){.delay_ns = 20 * NS_PER_US,
					    .jitter_ns = 50 * NS_PER_US,
					    .split = SIM_SPLIT_RANDOM});
}

static void sim_close(struct world *w)
{
	transport_free(w->client);
	transport_free(w->server);
	sim_free(w->own);
}

const struct backend backend_sim = {"sim", sim_open, sim_close};
const struct backend backend_sim_in_pieces = {"sim in pieces", sim_open_in_pieces, sim_close};
