/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * version.c - what this build is made of, and what this kernel grants it
 */
#include <stdio.h>
#include "cmd/commands.h"
#include "cmd/version.h"
#include "ring/ring.h"
#include "tls/tls.h"

int cmd_version(int argc, char **argv)
{
	struct ring_facts facts;
	struct err e = {0};

	(void)argc;
	(void)argv;
	printf("volley %s\n", VOLLEY_VERSION);
	printf("  TLS      %s\n", tls_library());
	if (ring_probe(&facts, &e) != 0) {
		printf("  kernel   unusable: %s\n", e.text);
		return EXIT_FAILED;
	}
	printf("  ring     liburing %s on Linux %s: %s, %s\n", facts.library, facts.kernel,
	       facts.has_defer_taskrun ? "deferred task work" : "cooperative task work",
	       facts.has_direct ? "direct descriptors" : "ordinary descriptors");
	printf("  sessions up to %zu for each thread under this ulimit -n\n", ring_link_capacity());
	return EXIT_WELL;
}
