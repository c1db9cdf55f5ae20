/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bufring.c - the receive buffers that the kernel picks from
 *
 * One ring of buffers for all links: an idle session holds none. A buffer is given back as soon
 * as its bytes were handed on, so that all are at home between two turns.
 *
 * liburing 2.3 has no helper for the set-up: the ring is mapped and registered by hand. Buffers
 * stand one cache line further apart than they are long; else their first lines, the only ones
 * that short replies touch, would all compete for the same few sets of the cache.
 */
#include "ring/private.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static void *map_pages(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

static int buffers_failed(int error, struct err *e)
{
	if (error == EINVAL)
		return err_set(
			e, EXIT_FAILED, error,
			"this kernel has no provided buffer rings for io_uring: volley needs "
			"Linux 6.0 or newer");
	return err_set(e, EXIT_FAILED, error, "cannot set up receive buffers for io_uring: %s",
		       strerror(error));
}

int buffers_init(struct buffer_ring *b, struct io_uring *uring, unsigned count, unsigned size,
		 struct err *e)
{
	*b = (struct buffer_ring){.count = count, .size = size, .stride = size + BUFFER_COLOUR};
	b->ring_size = count * sizeof(struct io_uring_buf);
	b->data_size = (size_t)count * b->stride;
	b->ring = map_pages(b->ring_size);
	b->data = map_pages(b->data_size);
	if (!b->ring || !b->data) {
		buffers_fini(b, NULL);
		return buffers_failed(ENOMEM, e);
	}

	struct io_uring_buf_reg registration = {
		.ring_addr = (uintptr_t)b->ring,
		.ring_entries = count,
		.bgid = BUFFER_GROUP,
	};
	io_uring_buf_ring_init(b->ring);
	const int result = io_uring_register_buf_ring(uring, &registration, 0);
	if (result) {
		buffers_fini(b, NULL);
		return buffers_failed(-result, e);
	}
	for (unsigned id = 0; id < count; id++)
		buffer_return(b, id);
	buffers_show(b);
	return 0;
}

void buffers_fini(struct buffer_ring *b, struct io_uring *uring)
{
	if (uring && b->ring)
		io_uring_unregister_buf_ring(uring, BUFFER_GROUP);
	if (b->ring)
		munmap(b->ring, b->ring_size);
	if (b->data)
		munmap(b->data, b->data_size);
	*b = (struct buffer_ring){0};
}
