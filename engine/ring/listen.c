/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listen.c - listeners, and accepting
 *
 * A listener keeps 64 one-shot accepts in flight, each with an address and a table slot of its
 * own: a multishot accept cannot tell who connected, and a direct descriptor has no
 * getpeername(). Nor has it getsockname(), so that a listener on a wildcard address, whose
 * connections differ in their local address, accepts into ordinary descriptors and moves them
 * into the table.
 *
 * A connection that was accepted while its listener is paused, or while link_max links are open,
 * is held until that has changed, like one in the kernel's backlog. When descriptors or memory
 * run out, accepting rests for a while; it never spins.
 */
#include "ring/private.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"

#define BACKLOG_DEFAULT 4096

static const char *listen_advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; something listens there already: choose another port, or stop it";
	case EADDRNOTAVAIL:
		return "; that address is not one of this machine's";
	case EACCES:
		return "; a port below 1024 takes the capability CAP_NET_BIND_SERVICE, a path "
		       "takes "
		       "the right to write its folder";
	case EMFILE:
		return "; raise the limit on open files (ulimit -n)";
	default:
		return "";
	}
}

static int listen_failed(const struct endpoint *at, int error, struct err *e)
{
	char text[ENDPOINT_TEXT_MAX];

	return err_set(e, EXIT_FAILED, error, "cannot listen on %s: %s%s", endpoint_text(at, text),
		       strerror(error), listen_advice(error));
}

static bool is_wildcard(const struct endpoint *at)
{
	static const struct endpoint any;

	if (at->family == ENDPOINT_IPV4)
		return memcmp(at->v4, any.v4, sizeof any.v4) == 0;
	return at->family == ENDPOINT_IPV6 && memcmp(at->v6, any.v6, sizeof any.v6) == 0;
}

/* A socket's file that nobody listens on, left by a process that ended, may be replaced. */
static bool remove_stale_path(const struct sockaddr_storage *address, socklen_t len)
{
	const char *path = ((const struct sockaddr_un *)address)->sun_path;
	struct stat facts;

	if (lstat(path, &facts) < 0 || !S_ISSOCK(facts.st_mode))
		return false;
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	const bool is_stale =
		connect(fd, (const struct sockaddr *)address, len) < 0 && errno == ECONNREFUSED;
	close(fd);
	return is_stale && unlink(path) == 0;
}

static int set_listen_options(int fd, const struct endpoint *at, const struct listen_options *o)
{
	const int on = 1;

	if (o->receive_buffer &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->receive_buffer, sizeof o->receive_buffer) < 0)
		return -1;
	if (at->family == ENDPOINT_UNIX)
		return 0;
	/* What is accepted inherits TCP_NODELAY and the buffer. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		return -1;
	if (o->share_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
		return -1;
	/* So that both wildcards can be listened on side by side. */
	if (at->family == ENDPOINT_IPV6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return -1;
	return 0;
}

/* A listening socket in an ordinary descriptor, and where it is bound; -1 with errno. */
static int listening_socket(const struct endpoint *at, const struct listen_options *o,
			    struct endpoint *ret_bound)
{
	struct sockaddr_storage address;
	socklen_t len;

	if (!sockaddr_from_endpoint(at, &address, &len)) {
		errno = EINVAL;
		return -1;
	}
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (set_listen_options(fd, at, o) < 0)
		goto failed;
	int result = bind(fd, (const struct sockaddr *)&address, len);
	if (result < 0 && errno == EADDRINUSE && at->family == ENDPOINT_UNIX) {
		if (remove_stale_path(&address, len))
			result = bind(fd, (const struct sockaddr *)&address, len);
		else
			errno = EADDRINUSE;
	}
	if (result < 0 || listen(fd, o->backlog ? o->backlog : BACKLOG_DEFAULT) < 0)
		goto failed;
	len = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		goto failed;
	endpoint_from_sockaddr(&address, len, ret_bound);
	return fd;
failed:;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Moves an ordinary descriptor into a slot of the table; the descriptor is closed either way. */
static int move_into_table(struct ring *r, int fd, uint32_t slot)
{
	const int result = io_uring_register_files_update(&r->uring, slot, &fd, 1);

	close(fd);
	return result < 0 ? result : 0;
}

static void on_retry(struct timer *timer, int64_t now_ns)
{
	struct ring_listener *ls =
		(struct ring_listener *)((char *)timer - offsetof(struct ring_listener, retry));

	(void)now_ns;
	ls->is_backing_off = false;
	ring_of(ls->base.transport)->has_hungry_listeners = true;
}

static struct ring_listener *listener_take(struct ring *r)
{
	for (uint32_t i = 0; i < LISTENER_MAX; i++) {
		if (r->listeners[i])
			continue;
		struct ring_listener *ls = calloc(1, sizeof *ls);
		if (!ls)
			return NULL;
		ls->index = i;
		ls->generation = ++r->listener_generation & GENERATION_MASK;
		ls->retry.fire = on_retry;
		for (unsigned k = 0; k < LISTENER_ACCEPTS; k++)
			ls->accepts[k].file = NO_FILE;
		r->listener_count++;
		return r->listeners[i] = ls;
	}
	errno = ENFILE;
	return NULL;
}

static void listener_drop(struct ring *r, struct ring_listener *ls)
{
	r->listeners[ls->index] = NULL;
	r->listener_count--;
	free(ls);
}

struct listener *ring_listen(struct transport *t, const struct endpoint *at,
			     const struct listen_options *options, struct listener_user *user,
			     struct err *e)
{
	static const struct listen_options defaults;
	struct ring *r = ring_of(t);
	struct endpoint bound;
	const int fd = listening_socket(at, options ? options : &defaults, &bound);

	if (fd < 0) {
		listen_failed(at, errno, e);
		return NULL;
	}
	struct ring_listener *ls = listener_take(r);
	if (!ls) {
		listen_failed(at, errno, e);
		close(fd);
		return NULL;
	}
	ls->base = (struct listener){.transport = t, .user = user, .endpoint = bound};
	ls->is_wildcard = is_wildcard(at);
	ls->is_unlinked_after = at->family == ENDPOINT_UNIX;
	ls->file = (uint32_t)fd;
	if (r->is_direct) {
		int result = -ENFILE;

		ls->file = file_take(r);
		if (ls->file == NO_FILE)
			close(fd);
		else
			result = move_into_table(r, fd, ls->file);
		if (result < 0) {
			listen_failed(at, -result, e);
			file_give(r, ls->file);
			listener_drop(r, ls);
			return NULL;
		}
	}
	r->has_hungry_listeners = true;
	return &ls->base;
}

void listeners_wake(struct ring *r)
{
	if (r->listener_count)
		r->has_hungry_listeners = true;
}

void ring_listener_pause(struct listener *listener, bool paused)
{
	struct ring_listener *ls = (struct ring_listener *)listener;

	ls->is_paused = paused;
	ring_of(listener->transport)->has_hungry_listeners = true;
}

void ring_listener_close(struct listener *listener)
{
	struct ring_listener *ls = (struct ring_listener *)listener;
	struct ring *r = ring_of(listener->transport);

	if (ls->is_closing)
		return;
	ls->is_closing = true;
	wheel_drop(&r->base.wheel, &ls->retry);
	if (ls->is_unlinked_after)
		unlink(listener->endpoint.path);
	r->has_hungry_listeners = true;
}

static uint32_t accept_index(const struct ring_listener *ls, unsigned k)
{
	return ls->index * LISTENER_ACCEPTS + k;
}

static void accept_cancel(struct ring *r, struct ring_listener *ls)
{
	for (uint64_t left = ls->posted & ~ls->cancelled; left; left &= left - 1) {
		const unsigned k = (unsigned)__builtin_ctzll(left);

		if (!ring_has_room(r, 1)) {
			r->has_hungry_listeners = true;
			return;
		}
		struct io_uring_sqe *sqe = ring_sqe(r);
		const uint32_t index = accept_index(ls, k);
		io_uring_prep_cancel64(sqe, user_data(OP_ACCEPT, ls->generation, index), 0);
		sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = user_data(OP_CANCEL_ACCEPT, ls->generation, index);
		ls->cancelled |= UINT64_C(1) << k;
	}
}

static void accept_post(struct ring *r, struct ring_listener *ls)
{
	for (uint64_t left = ~(ls->posted | ls->held); left; left &= left - 1) {
		const unsigned k = (unsigned)__builtin_ctzll(left);
		struct accept_slot *slot = &ls->accepts[k];
		int flags = SOCK_CLOEXEC;

		if (!ring_has_room(r, 1)) {
			r->has_hungry_listeners = true;
			return;
		}
		if (r->is_direct && slot->file == NO_FILE) {
			slot->file = file_take(r);
			if (slot->file == NO_FILE)
				return; /* asked again when one is given back */
		}
		const bool into_table = r->is_direct && !ls->is_wildcard;
		struct io_uring_sqe *sqe = ring_sqe(r);
		if (into_table)
			flags = 0; /* refused together with a slot: EINVAL */
		slot->peer_len = sizeof slot->peer;
		io_uring_prep_accept(sqe, (int)ls->file, (struct sockaddr *)&slot->peer,
				     &slot->peer_len, flags);
		sqe->flags = r->file_flag;
		if (into_table)
			sqe->file_index = slot->file + 1;
		sqe->user_data = user_data(OP_ACCEPT, ls->generation, accept_index(ls, k));
		ls->posted |= UINT64_C(1) << k;
	}
}

static void deliver_held(struct ring *r, struct ring_listener *ls)
{
	for (uint64_t left = ls->held; left && !ls->is_paused && !ls->is_closing;
	     left &= left - 1) {
		const unsigned k = (unsigned)__builtin_ctzll(left);
		struct ring_link *l = link_take(r);

		if (!l)
			return;
		ls->held &= ~(UINT64_C(1) << k);
		link_accepted(r, ls, l, &ls->accepts[k]);
	}
}

static void close_unclaimed(struct ring *r, struct ring_listener *ls)
{
	for (; ls->held; ls->held &= ls->held - 1) {
		struct accept_slot *slot = &ls->accepts[__builtin_ctzll(ls->held)];

		if (!ring_has_room(r, 1)) {
			r->has_hungry_listeners = true;
			return;
		}
		struct io_uring_sqe *sqe = ring_sqe(r);
		sqe_close(r, sqe, slot->file);
		sqe->user_data = user_data(OP_CLOSE_UNCLAIMED, 0, slot->file);
		slot->file = NO_FILE;
	}
}

static void listener_finish(struct ring *r, struct ring_listener *ls)
{
	for (unsigned k = 0; k < LISTENER_ACCEPTS; k++)
		if (r->is_direct)
			file_give(r, ls->accepts[k].file);
	file_give(r, ls->file);
	listener_drop(r, ls);
}

static void listener_advance(struct ring *r, struct ring_listener *ls)
{
	if (ls->is_closing) {
		accept_cancel(r, ls);
		close_unclaimed(r, ls);
		if (ls->is_close_submitted || !ring_has_room(r, 1))
			return;
		struct io_uring_sqe *sqe = ring_sqe(r);
		sqe_close(r, sqe, ls->file);
		sqe->user_data = user_data(OP_CLOSE_LISTENER, ls->generation, ls->index);
		ls->is_close_submitted = true;
		return;
	}
	if (ls->is_paused) {
		accept_cancel(r, ls);
		return;
	}
	deliver_held(r, ls);
	if (!ls->is_backing_off)
		accept_post(r, ls);
}

void listeners_advance(struct ring *r)
{
	r->has_hungry_listeners = false;
	for (unsigned i = 0; i < LISTENER_MAX; i++)
		if (r->listeners[i])
			listener_advance(r, r->listeners[i]);
}

/* Into the table, and its local address noted first; -errno when that fails. */
static int adopt(struct ring *r, struct ring_listener *ls, struct accept_slot *slot, int result)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	if (r->is_direct && !ls->is_wildcard)
		return 0;
	if (!r->is_direct)
		slot->file = (uint32_t)result;
	if (ls->is_wildcard) {
		slot->local = ls->base.endpoint;
		if (getsockname(result, (struct sockaddr *)&address, &len) == 0)
			endpoint_from_sockaddr(&address, len, &slot->local);
	}
	return r->is_direct ? move_into_table(r, result, slot->file) : 0;
}

static void accept_failed(struct ring *r, struct ring_listener *ls, int error)
{
	struct transport_counters *counters = &r->base.counters;

	if (error == ECANCELED)
		return;
	counters->accept_errors++;
	/* The connection itself had failed before it was accepted: accept(2). */
	if (error == ECONNABORTED || error == EINTR || error == EAGAIN || error == EPROTO)
		return;
	if (error == EMFILE || error == ENFILE)
		counters->no_descriptors++;
	/* Whatever else it is will not be over at once. */
	ls->is_backing_off = true;
	wheel_set(&r->base.wheel, &ls->retry, r->now_ns + ACCEPT_RETRY_NS);
}

static void on_accepted(struct ring *r, struct ring_listener *ls, unsigned k, int result)
{
	struct accept_slot *slot = &ls->accepts[k];
	const uint64_t bit = UINT64_C(1) << k;

	ls->posted &= ~bit;
	ls->cancelled &= ~bit;
	r->has_hungry_listeners = true;
	if (result >= 0)
		result = adopt(r, ls, slot, result);
	if (result < 0) {
		if (!ls->is_closing)
			accept_failed(r, ls, -result);
		return;
	}
	struct ring_link *l = NULL;
	if (!ls->is_paused && !ls->is_closing && !ls->held)
		l = link_take(r);
	if (l)
		link_accepted(r, ls, l, slot);
	else
		ls->held |= bit;
}

void listener_completion(struct ring *r, enum operation op, uint32_t generation, uint32_t index,
			 const struct io_uring_cqe *cqe)
{
	if (op == OP_CLOSE_UNCLAIMED) {
		file_give(r, index);
		return;
	}

	const unsigned k = index % LISTENER_ACCEPTS;
	const uint32_t which = op == OP_CLOSE_LISTENER ? index : index / LISTENER_ACCEPTS;
	struct ring_listener *ls = which < LISTENER_MAX ? r->listeners[which] : NULL;
	if (!ls || ls->generation != generation) {
		r->base.counters.stale_completions++;
		return;
	}
	switch (op) {
	case OP_ACCEPT:
		on_accepted(r, ls, k, cqe->res);
		break;
	case OP_CANCEL_ACCEPT:
		if (cqe->res == -ENOENT && (ls->posted & (UINT64_C(1) << k))) {
			ls->cancelled &= ~(UINT64_C(1) << k);
			r->has_hungry_listeners = true;
		}
		break;
	case OP_CLOSE_LISTENER:
		ls->is_closed = true;
		break;
	default:
		break;
	}
	if (ls->is_closed && !ls->posted && !ls->held)
		listener_finish(r, ls);
}
