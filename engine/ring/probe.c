/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe.c - what this kernel can do, found out by doing it
 *
 * Version numbers mislead where features are backported or denied by a sandbox, so each one is
 * tried on a ring. The one thing that cannot be seen from an answer is whether a direct
 * descriptor closes at once: before 6.13 the table gave files back in the order of the requests
 * that had used it, and one idle connection held up the FIN of all later ones (liburing issue
 * 1192). That is tried with two pairs of sockets.
 */
#include "ring/private.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROBE_ENTRIES 16

#define SETUP_COMMON                                                                               \
	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |                   \
	 IORING_SETUP_SUBMIT_ALL)

static int set_up_failed(int error, struct err *e)
{
	struct utsname name = {.release = "unknown"};

	uname(&name);
	switch (error) {
	case ENOSYS:
		return err_set(
			e, EXIT_FAILED, error,
			"io_uring is missing here: volley needs Linux 6.0 or newer (this is "
			"%s) with CONFIG_IO_URING, and a sandbox that lets io_uring_setup pass "
			"(seccomp profiles of containers often do not)",
			name.release);
	case EPERM:
	case EACCES:
		return err_set(
			e, EXIT_FAILED, error,
			"io_uring is denied here: look at sysctl kernel.io_uring_disabled (2 "
			"denies it to all, 1 to all but kernel.io_uring_group), and at the "
			"seccomp profile if this is a container");
	case EINVAL:
		return err_set(
			e, EXIT_FAILED, error,
			"this kernel's io_uring is too old: volley needs Linux 6.0 or newer, "
			"this is %s",
			name.release);
	case ENOMEM:
		return err_set(e, EXIT_FAILED, error,
			       "no memory for io_uring's queues: raise the limit on locked memory "
			       "(ulimit -l) or the memory of this container");
	case EMFILE:
	case ENFILE:
		return err_set(e, EXIT_FAILED, error,
			       "no descriptor left for io_uring: raise the limit on open files "
			       "(ulimit -n)");
	default:
		return err_set(e, EXIT_FAILED, error, "io_uring_setup failed: %s", strerror(error));
	}
}

int kernel_set_up(struct io_uring *uring, unsigned sq_entries, unsigned cq_entries,
		  bool *ret_has_defer_taskrun, struct err *e)
{
	static const unsigned flags[] = {
		SETUP_COMMON | IORING_SETUP_DEFER_TASKRUN,
		SETUP_COMMON | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	};
	int result = -EINVAL;

	for (unsigned i = 0; i < sizeof flags / sizeof flags[0] && result == -EINVAL; i++) {
		struct io_uring_params params = {.flags = flags[i], .cq_entries = cq_entries};

		result = io_uring_queue_init_params(sq_entries, uring, &params);
		if (result == 0 && !(params.features & IORING_FEAT_EXT_ARG)) {
			io_uring_queue_exit(uring);
			result = -EINVAL;
		}
		if (result == 0)
			*ret_has_defer_taskrun = flags[i] & IORING_SETUP_DEFER_TASKRUN;
	}
	return result ? set_up_failed(-result, e) : 0;
}

/* Submits one request and waits for its answer. */
static int answer(struct io_uring *uring)
{
	struct io_uring_cqe *cqe;
	int result = io_uring_submit_and_wait(uring, 1);

	if (result < 0)
		return result;
	result = io_uring_peek_cqe(uring, &cqe);
	if (result < 0)
		return result;
	result = cqe->res;
	io_uring_cqe_seen(uring, cqe);
	return result;
}

/* Socket, option and bind as requests; a Unix socket, so that no network need be there. */
static bool makes_sockets(struct io_uring *uring, uint32_t slot)
{
	static const struct linger reset = {.l_onoff = 1};
	struct opening o = {.from = {.ss_family = AF_UNIX}, .from_len = sizeof(sa_family_t)};
	struct io_uring_sqe *sqe = io_uring_get_sqe(uring);

	io_uring_prep_socket_direct(sqe, AF_UNIX, SOCK_STREAM, 0, slot, 0);
	if (answer(uring) < 0)
		return false;
	sqe = io_uring_get_sqe(uring);
	sqe_set_option(sqe, slot, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (answer(uring) < 0)
		return false;
	sqe = io_uring_get_sqe(uring);
	sqe_bind(sqe, slot, &o);
	return answer(uring) == 0;
}

/* Does a direct descriptor close while an older request of another one is in flight? */
static bool closes_promptly(struct io_uring *uring, const int older[2], const int closed[2])
{
	const int files[] = {older[0], closed[0]};
	struct io_uring_sqe *sqe;
	char octet;

	if (io_uring_register_files_update(uring, 0, files, 2) != 2)
		return false;
	close(closed[0]);
	sqe = io_uring_get_sqe(uring);
	io_uring_prep_recv(sqe, 0, &octet, 1, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	if (io_uring_submit(uring) != 1)
		return false;
	sqe = io_uring_get_sqe(uring);
	io_uring_prep_close_direct(sqe, 1);
	const bool is_prompt = answer(uring) == 0 && recv(closed[1], &octet, 1, MSG_DONTWAIT) == 0;
	/* Ends the older request, which writes to this frame. */
	shutdown(older[1], SHUT_RDWR);
	return answer(uring) == 0 && is_prompt;
}

static bool try_direct(void)
{
	struct io_uring uring;
	bool has_defer, result = false;
	int older[2], closed[2];

	if (kernel_set_up(&uring, PROBE_ENTRIES, PROBE_ENTRIES, &has_defer, NULL))
		return false;
	if (io_uring_register_files_sparse(&uring, 4) || !makes_sockets(&uring, 2) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, older) < 0)
		goto out_ring;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, closed) < 0)
		goto out_older;
	result = closes_promptly(&uring, older, closed);
	close(closed[1]);
out_older:
	close(older[0]);
	close(older[1]);
out_ring:
	io_uring_queue_exit(&uring);
	return result;
}

bool kernel_has_prompt_direct(void)
{
	static _Atomic int known = -1;
	int value = atomic_load(&known);

	if (value < 0) {
		value = try_direct(); /* two threads may both try, and find the same */
		atomic_store(&known, value);
	}
	return value;
}

int ring_probe(struct ring_facts *ret_facts, struct err *e)
{
	struct utsname name = {.release = "unknown"};
	struct ring_facts facts = {0};
	struct buffer_ring buffers;
	struct io_uring uring;
	struct rlimit limit = {0};

	if (kernel_set_up(&uring, PROBE_ENTRIES, PROBE_ENTRIES, &facts.has_defer_taskrun, e))
		return -1;
	const int result = buffers_init(&buffers, &uring, 1, 64, e);
	if (result == 0)
		buffers_fini(&buffers, &uring);
	facts.has_batch = uring.features & FEAT_MIN_TIMEOUT;
	io_uring_queue_exit(&uring);
	if (result)
		return -1;
	uname(&name);
	snprintf(facts.kernel, sizeof facts.kernel, "%.63s", name.release);
	snprintf(facts.library, sizeof facts.library, "%s", RING_LIBURING_VERSION);
	facts.has_direct = kernel_has_prompt_direct();
	getrlimit(RLIMIT_NOFILE, &limit);
	facts.table_max = limit.rlim_cur;
	*ret_facts = facts;
	return 0;
}
