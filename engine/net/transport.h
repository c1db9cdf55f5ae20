/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transport.h - the interface through which bytes reach the world
 *
 * Two implementations: ring/ (io_uring) and sim/ (a virtual network on a virtual clock). One
 * transport belongs to one thread; every call but transport_wake() is made on it. Whoever starts
 * a run hands the transport in; the rooms above include this header alone.
 *
 * A link is one connection. Its life: connect() or an accept -> OPENED (or CLOSED at once) ->
 * BYTES, SENT, LATE in any number -> CLOSED, exactly once, after everything in flight has ended;
 * then the link is gone. Events arrive from within transport_turn() and never from within another
 * call of this interface, so that there is no re-entry: even a failure that is known at once is
 * reported by the next turn. From within an event any call may be made, on any link.
 */
#ifndef VOLLEY_NET_TRANSPORT_H
#define VOLLEY_NET_TRANSPORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/wheel.h"

struct transport;

/* Why a link ended. LINK_END_NONE never stands in an event. */
enum link_end {
	LINK_END_NONE,
	LINK_END_LOCAL,		 /* link_close() or link_abort() was called */
	LINK_END_EOF,		 /* the peer closed its side in order (FIN) */
	LINK_END_RESET,		 /* ECONNRESET, EPIPE, ECONNABORTED after OPENED */
	LINK_END_REFUSED,	 /* ECONNREFUSED; ENOENT of a Unix socket */
	LINK_END_TIMED_OUT,	 /* ETIMEDOUT: the kernel gave up */
	LINK_END_UNREACHABLE,	 /* ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN */
	LINK_END_NO_PORTS,	 /* EADDRNOTAVAIL, EADDRINUSE: the client ran out of local ports */
	LINK_END_NO_SOURCE,	 /* the source address is not this machine's */
	LINK_END_NO_DESCRIPTORS, /* EMFILE, ENFILE, or the ring's table is full */
	LINK_END_NO_MEMORY,	 /* ENOMEM, ENOBUFS from the kernel */
	LINK_END_DENIED,	 /* EACCES, EPERM: a firewall or policy of this machine */
	LINK_END_OTHER,		 /* os_error says which */
};
#define LINK_END_COUNT (LINK_END_OTHER + 1)

enum link_event_kind {
	LINK_OPENED, /* connected */
	LINK_BYTES,  /* bytes arrived; borrowed for the call, the user consumes or copies all */
	LINK_SENT,   /* everything lent by the last link_send() has been taken by the kernel */
	LINK_LATE,   /* the deadline passed; it is unset now, the link goes on until closed */
	LINK_CLOSED, /* the link is gone when the handler returns */
};

struct link_event {
	enum link_event_kind kind;
	int64_t at_ns;	   /* when the completion was reaped: at most 16 completions old */
	const char *data;  /* LINK_BYTES */
	size_t len;	   /* LINK_BYTES: > 0 */
	enum link_end end; /* LINK_CLOSED */
	int os_error;	   /* LINK_CLOSED: errno, 0 when there is none */
};

struct link;

/* What a user of a link embeds in its own structure. */
struct link_user {
	void (*on_event)(struct link_user *self, struct link *link, const struct link_event *event);
};

/*
 * The part of a link that its user may read. Allocated and freed by the transport; the user's
 * pointer is valid until the CLOSED event returns.
 */
struct link {
	struct transport *transport;
	struct link_user *user;
	struct timer deadline; /* owned by the transport: set by link_deadline() */
	bool is_sending;       /* between link_send() and LINK_SENT */
};

struct link_options {
	const struct endpoint *source; /* NULL: the kernel chooses; port 0: any port. Copied. */
	int send_buffer;	       /* SO_SNDBUF in octets, 0: the system's default */
	int receive_buffer;	       /* SO_RCVBUF in octets, 0: the system's default */
};

struct listener;

struct listener_user {
	/*
	 * A connection was accepted. The callee sets link->user, or leaves it NULL to have the
	 * link aborted. peer and local are borrowed for the call. OPENED is not sent for it.
	 */
	void (*on_accept)(struct listener_user *self, struct link *link,
			  const struct endpoint *peer, const struct endpoint *local, int64_t at_ns);
};

struct listen_options {
	int backlog;	    /* 0: 4096 */
	bool share_port;    /* SO_REUSEPORT: a listener per thread on one port */
	int receive_buffer; /* for a slow reader: a small window; 0: the system's default */
};

/* Counters of what was near its limit; monotone, read by the owner thread. */
struct transport_counters {
	uint64_t turns, completions;
	uint64_t stale_completions; /* for a link that was gone */
	uint64_t no_buffers;	    /* receive ended with ENOBUFS and was armed again */
	uint64_t cq_overflows;	    /* turns that found the completion queue overflowed */
	uint64_t submit_retries;    /* submit failed with EAGAIN, EBUSY or EINTR and was repeated */
	uint64_t no_descriptors;    /* a socket was not to be had: EMFILE or a full table */
	uint64_t accept_errors;
	uint64_t links_opened, links_peak;
	uint64_t bytes_in, bytes_out;
	uint64_t turn_ns_max; /* the longest turn, waiting excluded */
};

struct transport_ops {
	struct link *(*connect)(struct transport *, const struct endpoint *to,
				const struct link_options *, struct link_user *);
	void (*send)(struct link *, const struct iovec *segments, int count);
	void (*receive)(struct link *, bool on);
	void (*shut)(struct link *);
	void (*abort)(struct link *);
	void (*close)(struct link *);
	struct listener *(*listen)(struct transport *, const struct endpoint *,
				   const struct listen_options *, struct listener_user *,
				   struct err *);
	void (*listener_pause)(struct listener *, bool paused);
	void (*listener_close)(struct listener *);
	int (*turn)(struct transport *, int64_t until_ns, struct err *);
	void (*wake)(struct transport *);
	void (*free)(struct transport *);
};

struct transport {
	const struct transport_ops *ops;
	struct clock *clock;
	struct wheel wheel; /* this thread's timers; the transport expires it in turn() */
	size_t link_max;    /* how many links it can hold at once */
	struct transport_counters counters;
};

/*
 * Opens a connection. NULL only when link_max links are open; every other failure is a CLOSED
 * event of the link. to and options are copied. TCP_NODELAY is always set.
 */
static inline struct link *link_connect(struct transport *t, const struct endpoint *to,
					const struct link_options *options, struct link_user *user)
{
	return t->ops->connect(t, to, options, user);
}

/*
 * Sends all segments, in order. One send at a time per link (checked). The segments' memory is
 * lent until LINK_SENT or LINK_CLOSED; the array itself is copied: count <= LINK_SEGMENTS_MAX.
 */
#define LINK_SEGMENTS_MAX 16
static inline void link_send(struct link *l, const struct iovec *segments, int count)
{
	l->transport->ops->send(l, segments, count);
}

/* Pauses or resumes receiving. Bytes that had been reaped before may still arrive once. */
static inline void link_receive(struct link *l, bool on)
{
	l->transport->ops->receive(l, on);
}

/* Shuts down the writing side, after the send in flight (FIN). */
static inline void link_shut(struct link *l)
{
	l->transport->ops->shut(l);
}

/* Ends the link at once, with a TCP reset; what was lent comes back with LINK_CLOSED. */
static inline void link_abort(struct link *l)
{
	l->transport->ops->abort(l);
}

/* Ends the link in order (FIN); a send in flight is cancelled. LINK_CLOSED follows. */
static inline void link_close(struct link *l)
{
	l->transport->ops->close(l);
}

/* Sets, moves or (TIME_NEVER) unsets the one deadline of the link. */
static inline void link_deadline(struct link *l, int64_t at_ns)
{
	if (at_ns == TIME_NEVER)
		wheel_drop(&l->transport->wheel, &l->deadline);
	else
		wheel_set(&l->transport->wheel, &l->deadline, at_ns);
}

/*
 * Accepts connections at an endpoint; port 0 takes a free port, listener_endpoint() tells which.
 * A wildcard address is allowed. NULL with *e set on failure.
 */
static inline struct listener *transport_listen(struct transport *t, const struct endpoint *at,
						const struct listen_options *options,
						struct listener_user *user, struct err *e)
{
	return t->ops->listen(t, at, options, user, e);
}

/* First member of every listener. */
struct listener {
	struct transport *transport;
	struct listener_user *user;
	struct endpoint endpoint; /* the one that is really bound */
};

/*
 * One turn: submits, waits until until_ns (TIME_NEVER: for ever; 0: no waiting) or until
 * something happened, expires the wheel and delivers events, at most 256 completions. The wait
 * also ends at the wheel's next timer and at transport_wake(). Returns the number of events that
 * were delivered, or -1 with *e set when the ring itself is unusable.
 */
static inline int transport_turn(struct transport *t, int64_t until_ns, struct err *e)
{
	return t->ops->turn(t, until_ns, e);
}

/* Makes the current or the next turn return early. Any thread, also a signal handler. */
static inline void transport_wake(struct transport *t)
{
	t->ops->wake(t);
}

/* Aborts what is open, without events, and frees the transport. Lent segments are free after. */
static inline void transport_free(struct transport *t)
{
	t->ops->free(t);
}

/* "refused", "timed out" ...: the words of reports and of the JSON's errors[].kind. */
const char *link_end_name(enum link_end end);

#endif
