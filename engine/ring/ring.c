/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring.c - making and freeing a ring, and its descriptor table
 *
 * Sizes follow link_max, so that a small test touches little memory and stays in the cache: a
 * completion queue is walked from end to end however few completions stand in it.
 *
 * Slots of the table are chosen here and not by the kernel, so that one allocator knows them
 * all: those of links, of accepts in flight and of listeners. The last one given back is taken
 * first.
 */
#include "ring/private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/check.h"

#define BUFFER_COUNT_DEFAULT 256u
#define BUFFER_COUNT_MAX     32768u /* of the kernel */
#define BUFFER_SIZE_DEFAULT  8192u
#define BUFFER_SIZE_MAX	     (1u << 20)
#define SQ_ENTRIES_MIN	     16u	/* above ADVANCE_ROOM */
#define TABLE_MAX	     (1u << 20) /* of the kernel */
#define LISTENER_ROOM	     (2 * LISTENER_SLOTS)
#define PLAIN_ROOM	     128 /* descriptors that other parts of the process may need */
#define FREE_WAIT_NS	     (100 * NS_PER_MS)
#define FREE_TURNS_IDLE	     20

static const struct transport_ops ring_ops;

static size_t descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > TABLE_MAX)
		return TABLE_MAX;
	return limit.rlim_cur;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t ring_link_capacity(void)
{
	const size_t limit = descriptor_limit();

	if (kernel_has_prompt_direct())
		return limit - smaller(LISTENER_ROOM, limit / 8);
	return limit - smaller(PLAIN_ROOM, limit / 2);
}

/* A power of two, at least value, between bounds that are powers of two. */
static unsigned round_up(size_t value, unsigned least, unsigned most)
{
	unsigned rounded = least;

	while (rounded < value && rounded < most)
		rounded *= 2;
	return rounded;
}

uint32_t file_take(struct ring *r)
{
	if (r->free_file_count)
		return r->free_files[--r->free_file_count];
	return r->file_fresh < r->table_size ? r->file_fresh++ : NO_FILE;
}

void file_give(struct ring *r, uint32_t file)
{
	if (!r->is_direct || file == NO_FILE)
		return;
	r->free_files[r->free_file_count++] = file;
	listeners_wake(r);
}

static int table_init(struct ring *r, const struct ring_options *o, struct err *e)
{
	const size_t limit = descriptor_limit();
	size_t size = o->table_size;

	if (!r->is_direct)
		return 0;
	if (!size)
		size = smaller((size_t)o->link_max + LISTENER_ROOM, limit);
	if (size > limit || (!o->table_size && size < o->link_max))
		return err_set(
			e, EXIT_USAGE, EMFILE,
			"%u connections do not fit a ring whose descriptor table is limited "
			"to %zu slots: raise the limit on open files (ulimit -n) or use more "
			"threads",
			o->link_max, limit);
	const int result = io_uring_register_files_sparse(&r->uring, (unsigned)size);
	if (result)
		return err_set(e, EXIT_FAILED, -result,
			       "cannot register a table of %zu descriptors with io_uring: %s", size,
			       strerror(-result));
	r->table_size = (unsigned)size;
	r->free_files = malloc(size * sizeof *r->free_files);
	if (!r->free_files)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory for a ring's descriptor table");
	return 0;
}

static size_t links_size(size_t link_max)
{
	return (link_max + 1) * sizeof(struct ring_link);
}

static int links_init(struct ring *r, unsigned link_max, struct err *e)
{
	void *pages = mmap(NULL, links_size(link_max), PROT_READ | PROT_WRITE,
			   MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED)
		return err_set(e, EXIT_FAILED, ENOMEM, "no memory for %u connections", link_max);
	r->links = pages;
	r->base.link_max = link_max;
	r->dirty.end = &r->dirty.head;
	r->starved.end = &r->starved.head;
	slab_init(&r->openings, sizeof(struct opening));
	slab_init(&r->vectors, sizeof(struct send_vector));
	return 0;
}

static int wake_init(struct ring *r, struct err *e)
{
	/* Blocking: the read on the ring is to wait, and would fail at once otherwise. */
	r->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (r->wake_fd < 0)
		return err_set(e, EXIT_FAILED, errno, "cannot create an eventfd: %s",
			       strerror(errno));
	return 0;
}

static void ring_release(struct ring *r)
{
	buffers_fini(&r->buffers, &r->uring);
	io_uring_queue_exit(&r->uring);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	if (r->links) {
		slab_fini(&r->openings);
		slab_fini(&r->vectors);
		munmap(r->links, links_size(r->base.link_max));
	}
	free(r->free_files);
	free(r);
}

struct transport *ring_new_kind(const struct ring_options *o, bool is_direct, struct err *e)
{
	const unsigned sq_entries = o->sq_entries ? round_up(o->sq_entries, SQ_ENTRIES_MIN, 32768)
						  : round_up((size_t)o->link_max * 2, 64, 1024);
	const unsigned cq_entries = o->cq_entries ? round_up(o->cq_entries, sq_entries, 65536)
						  : round_up((size_t)o->link_max * 4, 512, 65536);
	const unsigned count = round_up(o->buffer_count ? o->buffer_count : BUFFER_COUNT_DEFAULT, 1,
					BUFFER_COUNT_MAX);
	const unsigned size = o->buffer_size ? o->buffer_size : BUFFER_SIZE_DEFAULT;

	CHECK(o->link_max > 0 && size <= BUFFER_SIZE_MAX);
	struct ring *r = calloc(1, sizeof *r);
	if (!r) {
		err_set(e, EXIT_FAILED, ENOMEM, "no memory for a ring");
		return NULL;
	}
	r->base.ops = &ring_ops;
	r->base.clock = o->clock ? o->clock : clock_system();
	r->enter = ring_enter;
	r->is_direct = is_direct;
	r->file_flag = is_direct ? IOSQE_FIXED_FILE : 0;
	r->wake_fd = -1;
	r->alarm_ns = TIME_NEVER;
	wheel_init(&r->base.wheel, clock_now(r->base.clock));
	if (kernel_set_up(&r->uring, sq_entries, cq_entries, &r->has_defer_taskrun, e)) {
		free(r);
		return NULL;
	}
	CHECK(o->batch_ns >= 0 && o->batch_ns <= RING_BATCH_MAX_NS);
	if (r->uring.features & FEAT_MIN_TIMEOUT)
		r->batch_ns = o->batch_ns;
	/* Only saves time; 16 of them are granted to a thread. */
	r->has_registered_fd = io_uring_register_ring_fd(&r->uring) == 1;
	if (table_init(r, o, e) || buffers_init(&r->buffers, &r->uring, count, size, e) ||
	    links_init(r, o->link_max, e) || wake_init(r, e)) {
		ring_release(r);
		return NULL;
	}
	return &r->base;
}

struct transport *ring_new(const struct ring_options *options, struct err *e)
{
	return ring_new_kind(options, kernel_has_prompt_direct(), e);
}

static void ring_free(struct transport *t)
{
	struct ring *r = ring_of(t);
	unsigned idle = 0;

	r->is_freeing = true;
	for (unsigned i = 0; i < LISTENER_MAX; i++)
		if (r->listeners[i])
			ring_listener_close(&r->listeners[i]->base);
	for (unsigned i = 0; i < r->link_fresh; i++)
		if (r->links[i].state != LINK_IS_FREE)
			ring_abort(&r->links[i].base);
	/* The kernel must have let go of what was lent. A ring that fails is given up. */
	while ((r->link_open || r->listener_count) && idle < FREE_TURNS_IDLE) {
		const unsigned before = r->link_open + r->listener_count;

		if (ring_turn(t, clock_now(t->clock) + FREE_WAIT_NS, NULL) < 0)
			break;
		idle = r->link_open + r->listener_count < before ? 0 : idle + 1;
	}
	for (unsigned i = 0; i < LISTENER_MAX; i++)
		free(r->listeners[i]);
	ring_release(r);
}

static const struct transport_ops ring_ops = {
	.connect = ring_connect,
	.send = ring_send,
	.receive = ring_receive,
	.shut = ring_shut,
	.abort = ring_abort,
	.close = ring_close,
	.listen = ring_listen,
	.listener_pause = ring_listener_pause,
	.listener_close = ring_listener_close,
	.turn = ring_turn,
	.wake = ring_wake,
	.free = ring_free,
};
