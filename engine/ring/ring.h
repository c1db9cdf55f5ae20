/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring.h - the transport of net/transport.h over io_uring
 *
 * One ring belongs to one thread, from ring_new() to transport_free(); transport_wake() alone may
 * be called from elsewhere. Sockets live in the ring's own table (direct descriptors), so that
 * RLIMIT_NOFILE bounds each ring and not the process. Besides its table a ring holds two ordinary
 * descriptors: the ring's own and the eventfd behind transport_wake().
 *
 * Needs Linux 6.0; from 6.1 completions are run in our own turn (DEFER_TASKRUN). Direct
 * descriptors are used from 6.13: earlier kernels, from which setsockopt (6.7) and bind (6.11) as
 * requests may be missing too, close a direct descriptor only after every older request of the
 * ring has ended, so that a FIN would wait for strangers. There ordinary descriptors take their
 * place and RLIMIT_NOFILE bounds the process after all. What holds is tried, not guessed from the
 * version.
 */
#ifndef VOLLEY_RING_RING_H
#define VOLLEY_RING_RING_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "net/transport.h"

#define RING_BATCH_MAX_NS (10 * NS_PER_MS)

/*
 * What a ring is made for. Zero-initialize; a 0 stands for the default, which is meant to be good.
 */
struct ring_options {
	unsigned link_max;     /* links open at once; at least 1; see ring_link_capacity() */
	unsigned buffer_count; /* receive buffers, rounded up to a power of two; default 256 */
	unsigned buffer_size;  /* octets of one receive buffer; default 8 KiB */
	unsigned sq_entries;   /* submission queue; default 64 to 1,024, after link_max */
	unsigned cq_entries;   /* completion queue; default 512 to 65,536, after link_max */
	unsigned table_size;   /* descriptor table; default link_max and room for two listeners */
	/*
	 * A busy ring waits so long for several completions at once: fewer turns and less CPU for
	 * events and stamps that are up to so late. At most RING_BATCH_MAX_NS, from Linux 6.12 on;
	 * 0: each event at once.
	 */
	int64_t batch_ns;
	struct clock *clock; /* NULL: the system's */
};

/* What the kernel grants: printed by --version and kept in every result. */
struct ring_facts {
	char kernel[64];	/* release, as uname(2) has it */
	char library[16];	/* liburing's version at build time */
	bool has_defer_taskrun; /* 6.1; else COOP_TASKRUN */
	bool has_batch;		/* 6.12: may wait for several completions, for a bounded time */
	bool has_direct;  /* 6.13: direct descriptors that close promptly; else ordinary ones */
	size_t table_max; /* slots of one ring's table: RLIMIT_NOFILE */
};

/*
 * Tries what this kernel can do, on a small ring of its own that is gone afterwards. Returns 0,
 * or -1 with *e set to a sentence that names the kernel version needed and the likely causes. Any
 * thread.
 */
int ring_probe(struct ring_facts *ret_facts, struct err *e);

/*
 * Makes a ring, to be used by the calling thread only. NULL with *e set when the kernel lacks
 * what is needed, when the table does not fit under RLIMIT_NOFILE, or when memory is exhausted.
 * Freed by transport_free(), by the same thread.
 */
struct transport *ring_new(const struct ring_options *options, struct err *e);

/*
 * How many links one ring can hold under this process's RLIMIT_NOFILE, with room left for
 * listeners. With direct descriptors the sum over several rings is not bounded by it. Any thread.
 */
size_t ring_link_capacity(void);

#endif
