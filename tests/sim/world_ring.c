/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world_ring.c - a pair of rings in one thread
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "ring/ring.h"
#include "world.h"

static bool ring_open(struct world *w, const struct world_options *options)
{
	const unsigned links_default = 512;
	struct ring_options o = {.buffer_count = 64};
	struct err e = {0};
	char folder[] = "/tmp/volley-conformance-XXXXXX";

	if (ring_probe(&(struct ring_facts){0}, &e) < 0) {
		print_message("# no ring here: %s\n", e.text);
		return false;
	}
	o.link_max = options->client_links ? (unsigned)options->client_links : links_default;
	w->client = ring_new(&o, &e);
	o.link_max = options->server_links ? (unsigned)options->server_links : links_default;
	w->server = w->client ? ring_new(&o, &e) : NULL;
	if (!w->server)
		fail_msg("no ring: %s", e.text);
	assert_non_null(mkdtemp(folder));
	snprintf(w->folder, sizeof(w->folder), "%s", folder);
	return true;
}

/* Removes the sockets that the scenarios make. */
static void ring_close(struct world *w)
{
	static const char *const names[] = {"a", "b"};
	char path[sizeof(w->folder) + 4];

	transport_free(w->client);
	transport_free(w->server);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->folder, names[i]);
		unlink(path);
	}
	rmdir(w->folder);
}

const struct backend backend_ring = {"ring", ring_open, ring_close};
