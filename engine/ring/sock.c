/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sock.c - sockets: addresses, options, and the way from nothing to connected
 *
 * A socket is made, given its options, bound and connected by one chain of linked requests in
 * one submission, straight into the descriptor table. All but the last are marked to complete
 * silently, so that a chain yields exactly one completion: the connect's, or that of the request
 * which failed, after which the rest is dropped (io_uring_enter(2), IOSQE_CQE_SKIP_SUCCESS). Its
 * user_data says how far it came.
 *
 * liburing 2.3 knows neither socket options nor bind as requests; their fields are set by hand.
 * Where direct descriptors do not serve, the same is done by system calls and only the connect
 * is a request.
 */
#include "ring/private.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"

/* From the kernel's header; liburing 2.3 ends before them. */
#define RAW_OP_BIND	   56
#define RAW_CMD_SETSOCKOPT 3

static const int option_on = 1;

bool sockaddr_from_endpoint(const struct endpoint *from, struct sockaddr_storage *ret_address,
			    socklen_t *ret_len)
{
	memset(ret_address, 0, sizeof *ret_address);
	switch (from->family) {
	case ENDPOINT_IPV4: {
		struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(from->port);
		memcpy(&v4->sin_addr, from->v4, sizeof from->v4);
		*ret_len = sizeof *v4;
		return true;
	}
	case ENDPOINT_IPV6: {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(from->port);
		v6->sin6_scope_id = from->scope;
		memcpy(&v6->sin6_addr, from->v6, sizeof from->v6);
		*ret_len = sizeof *v6;
		return true;
	}
	case ENDPOINT_UNIX: {
		struct sockaddr_un *local = (struct sockaddr_un *)ret_address;
		const size_t len = strnlen(from->path, sizeof from->path);

		if (len == 0 || len >= sizeof local->sun_path)
			return false;
		local->sun_family = AF_UNIX;
		memcpy(local->sun_path, from->path, len);
		*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
		return true;
	}
	case ENDPOINT_NONE:
		break;
	}
	return false;
}

void endpoint_from_sockaddr(const struct sockaddr_storage *from, socklen_t len,
			    struct endpoint *ret_endpoint)
{
	*ret_endpoint = (struct endpoint){.family = ENDPOINT_NONE};
	if (len < sizeof(sa_family_t))
		return;
	switch (from->ss_family) {
	case AF_INET: {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

		ret_endpoint->family = ENDPOINT_IPV4;
		ret_endpoint->port = ntohs(v4->sin_port);
		memcpy(ret_endpoint->v4, &v4->sin_addr, sizeof ret_endpoint->v4);
		break;
	}
	case AF_INET6: {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

		ret_endpoint->family = ENDPOINT_IPV6;
		ret_endpoint->port = ntohs(v6->sin6_port);
		ret_endpoint->scope = v6->sin6_scope_id;
		memcpy(ret_endpoint->v6, &v6->sin6_addr, sizeof ret_endpoint->v6);
		break;
	}
	case AF_UNIX: {
		const struct sockaddr_un *local = (const struct sockaddr_un *)from;
		const size_t head = offsetof(struct sockaddr_un, sun_path);
		size_t room = len > head ? len - head : 0;

		/* A client's end mostly has no name; the path stays empty then. */
		ret_endpoint->family = ENDPOINT_UNIX;
		if (room >= sizeof ret_endpoint->path)
			room = sizeof ret_endpoint->path - 1;
		memcpy(ret_endpoint->path, local->sun_path, room);
		break;
	}
	default:
		break;
	}
}

enum link_end end_of_error(enum operation op, int os_error)
{
	switch (os_error) {
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return LINK_END_RESET;
	case ECONNREFUSED:
	case ENOENT: /* of a Unix socket: nobody listens there */
		return LINK_END_REFUSED;
	case ETIMEDOUT:
		return LINK_END_TIMED_OUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return LINK_END_UNREACHABLE;
	case EADDRNOTAVAIL:
		/* bind() says so of an address that is not ours, connect() of a lack of ports */
		return op == OP_BIND ? LINK_END_NO_SOURCE : LINK_END_NO_PORTS;
	case EADDRINUSE:
		return LINK_END_NO_PORTS;
	case EMFILE:
	case ENFILE:
		return LINK_END_NO_DESCRIPTORS;
	case ENOMEM:
	case ENOBUFS:
		return LINK_END_NO_MEMORY;
	case EACCES:
	case EPERM:
		return LINK_END_DENIED;
	default:
		return LINK_END_OTHER;
	}
}

void sqe_set_option(struct io_uring_sqe *sqe, uint32_t file, int level, int name, const void *value,
		    size_t value_len)
{
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, (int)file, NULL, 0, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = RAW_CMD_SETSOCKOPT;
	/* Newer headers call these fields level and optname (in place of addr), optlen, optval. */
	memcpy(&sqe->addr, (const int[]){level, name}, sizeof sqe->addr);
	sqe->file_index = (uint32_t)value_len;
	sqe->addr3 = (uintptr_t)value;
}

void sqe_bind(struct io_uring_sqe *sqe, uint32_t file, const struct opening *o)
{
	io_uring_prep_rw(RAW_OP_BIND, sqe, (int)file, &o->from, 0, o->from_len);
	sqe->flags = IOSQE_FIXED_FILE;
}

void sqe_close(const struct ring *r, struct io_uring_sqe *sqe, uint32_t file)
{
	if (r->is_direct)
		io_uring_prep_close_direct(sqe, file);
	else
		io_uring_prep_close(sqe, (int)file);
}

/* The next request of a chain. */
static void chain(struct ring *r, struct ring_link *l, struct io_uring_sqe *sqe, enum operation op)
{
	sqe->user_data = user_data(op, l->generation, (uint32_t)(l - r->links));
	if (op != OP_CONNECT)
		sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	l->pending |= PENDING_OPEN;
}

static void chain_option(struct ring *r, struct ring_link *l, int level, int name, const int *value)
{
	struct io_uring_sqe *sqe = ring_sqe(r);

	sqe_set_option(sqe, l->file, level, name, value, sizeof *value);
	chain(r, l, sqe, OP_OPTION);
}

static void submit_connect(struct ring *r, struct ring_link *l)
{
	struct io_uring_sqe *sqe = ring_sqe(r);
	const struct opening *o = l->opening;

	io_uring_prep_connect(sqe, (int)l->file, (const struct sockaddr *)&o->to, o->to_len);
	sqe->flags = r->file_flag;
	chain(r, l, sqe, OP_CONNECT);
}

static void open_direct(struct ring *r, struct ring_link *l)
{
	const struct opening *o = l->opening;
	struct io_uring_sqe *sqe;

	l->file = file_take(r);
	if (l->file == NO_FILE) {
		r->base.counters.no_descriptors++;
		link_wind_down(r, l, LINK_END_NO_DESCRIPTORS, ENFILE);
		return;
	}
	sqe = ring_sqe(r);
	io_uring_prep_socket_direct(sqe, o->to.ss_family, SOCK_STREAM, 0, l->file, 0);
	chain(r, l, sqe, OP_SOCKET);
	if (o->to.ss_family != AF_UNIX)
		chain_option(r, l, IPPROTO_TCP, TCP_NODELAY, &option_on);
	if (o->send_buffer)
		chain_option(r, l, SOL_SOCKET, SO_SNDBUF, &o->send_buffer);
	if (o->receive_buffer)
		chain_option(r, l, SOL_SOCKET, SO_RCVBUF, &o->receive_buffer);
	if (o->from_len) {
		/* Ports are then counted for each pair of addresses, not for the source alone. */
		if (o->is_port_open)
			chain_option(r, l, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &option_on);
		sqe = ring_sqe(r);
		sqe_bind(sqe, l->file, o);
		chain(r, l, sqe, OP_BIND);
	}
	submit_connect(r, l);
}

static bool set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static void open_plain(struct ring *r, struct ring_link *l)
{
	const struct opening *o = l->opening;
	enum operation op = OP_SOCKET;
	const int fd = socket(o->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		goto failed;
	l->file = (uint32_t)fd;
	op = OP_OPTION;
	if (o->to.ss_family != AF_UNIX && !set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1))
		goto failed;
	if (o->send_buffer && !set_option(fd, SOL_SOCKET, SO_SNDBUF, o->send_buffer))
		goto failed;
	if (o->receive_buffer && !set_option(fd, SOL_SOCKET, SO_RCVBUF, o->receive_buffer))
		goto failed;
	if (o->from_len && o->is_port_open &&
	    !set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1))
		goto failed;
	op = OP_BIND;
	if (o->from_len && bind(fd, (const struct sockaddr *)&o->from, o->from_len) < 0)
		goto failed;
	submit_connect(r, l);
	return;
failed:;
	const int error = errno;
	const enum link_end end = end_of_error(op, error);

	if (end == LINK_END_NO_DESCRIPTORS)
		r->base.counters.no_descriptors++;
	link_wind_down(r, l, end, error);
}

void open_submit(struct ring *r, struct ring_link *l)
{
	const struct opening *o = l->opening;

	l->state = LINK_IS_OPENING;
	if (!o)
		link_wind_down(r, l, LINK_END_NO_MEMORY, ENOMEM);
	else if (!o->to_len)
		link_wind_down(r, l, LINK_END_OTHER, EINVAL);
	else if (o->from_len && o->from.ss_family != o->to.ss_family)
		link_wind_down(r, l, LINK_END_NO_SOURCE, EAFNOSUPPORT);
	else if (r->is_direct)
		open_direct(r, l);
	else
		open_plain(r, l);
}
