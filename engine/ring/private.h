/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * private.h - what the files of ring/ share
 *
 * The calls of the transport only record what is wanted and put the link on the dirty list; all
 * requests are made in one place, at the head of a turn, from the state of each dirty link
 * (link_advance). A full submission queue therefore never meets a caller, an event is never
 * delivered from within a call, and what a turn wants is submitted as one batch.
 *
 * A request is known by its user_data: operation, generation and index of its link. A link is
 * given back when none of its requests is in flight, and its generation moves on, so that a
 * completion that still comes is recognized as stale.
 */
#ifndef VOLLEY_RING_PRIVATE_H
#define VOLLEY_RING_PRIVATE_H
#include <liburing.h>
#include <sys/socket.h>
#include "base/slab.h"
#include "net/transport.h"
#include "ring/ring.h"

#define TURN_COMPLETIONS  256 /* completions handled in one turn */
#define STAMP_COMPLETIONS 16  /* completions between two looks at the clock */
#define TURN_TIMERS	  256 /* timers fired in one turn */
#define ADVANCE_ROOM	  8   /* requests that one link may need at a time */
#define LISTENER_ACCEPTS  64  /* accepts in flight for one listener */
#define LISTENER_MAX	  64
#define LISTENER_SLOTS	  (LISTENER_ACCEPTS + 1)
#define ACCEPT_RETRY_NS	  (100 * NS_PER_MS)
#define SUBMIT_RETRY_NS	  NS_PER_MS
#define LOOK_NS		  (200 * NS_PER_US)
#define ALARM_MIN_NS	  (20 * NS_PER_MS) /* shorter waits have a time-out of their own */
#define BATCH_MAX	  32u		   /* completions waited for together */
#define FLOW_TURNS	  16		   /* turns over which their rate is smoothed */
#define FEAT_MIN_TIMEOUT  (1u << 15)	   /* IORING_FEAT_MIN_TIMEOUT, Linux 6.12 */
#define NO_FILE		  UINT32_MAX
#define GENERATION_MASK	  0xffffffu
#define BUFFER_GROUP	  0
#define BUFFER_COLOUR	  64

enum operation {
	OP_IGNORED, /* its completion means nothing: a cancel, SO_LINGER */
	OP_SOCKET,
	OP_OPTION,
	OP_BIND,
	OP_CONNECT,
	OP_RECEIVE,
	OP_SEND,
	OP_SHUT,
	OP_CLOSE,
	OP_CANCEL_CONNECT,
	OP_CANCEL_RECEIVE,
	OP_CANCEL_SEND,
	OP_LINK_LAST = OP_CANCEL_SEND,
	OP_ACCEPT,	    /* the index is listener * LISTENER_ACCEPTS + accept */
	OP_CANCEL_ACCEPT,   /* likewise */
	OP_CLOSE_LISTENER,  /* the index is the listener's */
	OP_CLOSE_UNCLAIMED, /* a connection that no link took over; the index is its descriptor */
	OP_WAKE,
	OP_ALARM,
};

/* Requests in flight, a bit each: there is at most one of a kind for a link. */
enum pending {
	PENDING_OPEN = 1 << 0, /* the chain from socket to connect, which completes once */
	PENDING_RECEIVE = 1 << 1,
	PENDING_SEND = 1 << 2,
	PENDING_SHUT = 1 << 3,
	PENDING_CLOSE = 1 << 4,
};

enum link_state {
	LINK_IS_FREE,
	LINK_IS_NEW,	 /* connect() was called, nothing was submitted yet */
	LINK_IS_OPENING, /* the chain is in flight */
	LINK_IS_OPEN,
	LINK_IS_CLOSING, /* waits for what is in flight */
};

/* Addresses and option values, which the kernel reads while a link opens. */
struct opening {
	struct sockaddr_storage to, from;
	socklen_t to_len, from_len; /* from_len is 0 without a source */
	int send_buffer, receive_buffer;
	bool is_port_open; /* the source leaves the port to connect() */
};

/* A send of several segments. */
struct send_vector {
	struct msghdr message;
	struct iovec segments[LINK_SEGMENTS_MAX];
};

/* Two cache lines. The index of a link is its place in struct ring's array. */
struct ring_link {
	struct link base;
	uint32_t generation;
	uint32_t file; /* slot of the table, or an ordinary descriptor; NO_FILE */
	uint8_t state; /* enum link_state */
	uint8_t end;   /* enum link_end: why it ends, once that is known */
	uint8_t pending;
	uint8_t cancelled; /* a cancel was submitted for these of pending */
	int os_error;
	bool wants_receive : 1;
	bool wants_shut : 1;
	bool wants_reset : 1;
	bool has_send : 1; /* something was lent that is not submitted, or must be continued */
	bool is_shut : 1;
	bool is_dirty : 1;
	bool is_starved : 1; /* on the list of those that wait for receive buffers */
	bool has_failed_send : 1;
	bool is_local : 1;     /* a Unix socket */
	bool wants_look : 1;   /* read out what there is, instead of waiting for more */
	bool has_looked : 1;   /* before the deadline in hand is called late */
	bool may_hide_end : 1; /* bytes came to the receive in flight: see link.c */
	struct ring_link *next_dirty, *next_starved;
	size_t send_len;	    /* octets still to be sent */
	const char *send_data;	    /* the one segment */
	struct send_vector *vector; /* or several */
	struct opening *opening;
} __attribute__((aligned(64)));

struct link_queue {
	struct ring_link *head, **end;
	unsigned count;
};

struct accept_slot {
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct endpoint local; /* only of a wildcard's */
	uint32_t file;	       /* where the connection will stand or stands */
};

struct ring_listener {
	struct listener base;
	uint32_t index, generation;
	uint32_t file;
	bool is_wildcard, is_paused, is_closing, is_backing_off;
	bool is_close_submitted, is_closed;
	bool is_unlinked_after;		  /* a Unix socket whose path is ours to remove */
	uint64_t posted, cancelled, held; /* a bit for each of accepts[] */
	struct timer retry;
	struct accept_slot accepts[LISTENER_ACCEPTS];
};

struct buffer_ring {
	struct io_uring_buf_ring *ring;
	char *data;
	size_t ring_size, data_size;
	unsigned count, size, stride;
	unsigned returned; /* added, but not yet shown to the kernel */
};

struct ring;

/* Submits what is queued; waits for wait_count completions. -errno or what was submitted. */
typedef int ring_enter_function(struct ring *r, unsigned wait_count, int64_t timeout_ns);

struct ring {
	struct transport base;
	struct io_uring uring;
	ring_enter_function *enter; /* ring_enter(); tests put failures in its place */
	bool is_direct, has_registered_fd, has_defer_taskrun;
	bool is_wake_posted;
	bool is_freeing;    /* no events any more */
	bool wants_backoff; /* the kernel took nothing: wait a little before the next try */
	uint8_t file_flag;  /* IOSQE_FIXED_FILE or 0 */
	int wake_fd;
	uint64_t wake_count;
	int64_t now_ns;	  /* the stamp of the events under way */
	int event_count;  /* delivered in this turn */
	int64_t batch_ns; /* how long completions may be waited for together; 0: not wanted, or not
			     possible */
	float flow;	  /* completions in a nanosecond, smoothed over turns */
	int64_t flow_ns;  /* up to when that was counted */
	unsigned sends_submitted; /* in this turn */
	int64_t alarm_ns; /* when the timer that stands on the ring will fire; TIME_NEVER: none */
	struct __kernel_timespec alarm_after;

	/* link_max, and one that is being told CLOSED; pages are touched as they are first used. */
	struct ring_link *links;
	struct ring_link *free_links;
	unsigned link_fresh; /* links that were ever used */
	unsigned link_open;
	struct link_queue dirty, starved;

	uint32_t *free_files; /* a stack of free slots; above it, those never used */
	unsigned free_file_count, file_fresh, table_size;

	struct buffer_ring buffers;
	struct slab openings, vectors;

	struct ring_listener *listeners[LISTENER_MAX];
	unsigned listener_count;
	uint32_t listener_generation;
	bool has_hungry_listeners; /* some wait for a link or a slot, or were changed */
};

static inline struct ring *ring_of(struct transport *t)
{
	return (struct ring *)t;
}

static inline struct ring *link_ring(struct ring_link *l)
{
	return ring_of(l->base.transport);
}

static inline uint64_t user_data(enum operation op, uint32_t generation, uint32_t index)
{
	return (uint64_t)op << 56 | (uint64_t)(generation & GENERATION_MASK) << 32 | index;
}

/* ring.c */
struct transport *ring_new_kind(const struct ring_options *options, bool is_direct, struct err *e);
uint32_t file_take(struct ring *r); /* NO_FILE when the table is full */
void file_give(struct ring *r, uint32_t file);

/* probe.c */
int kernel_set_up(struct io_uring *uring, unsigned sq_entries, unsigned cq_entries,
		  bool *ret_has_defer_taskrun, struct err *e);
bool kernel_has_prompt_direct(void); /* tried once, then remembered */

/* bufring.c */
int buffers_init(struct buffer_ring *b, struct io_uring *uring, unsigned count, unsigned size,
		 struct err *e);
void buffers_fini(struct buffer_ring *b, struct io_uring *uring);

static inline char *buffer_at(const struct buffer_ring *b, unsigned id)
{
	return b->data + (size_t)id * b->stride;
}

/* Gives a buffer back; buffers_show() lets the kernel see it. */
static inline void buffer_return(struct buffer_ring *b, unsigned id)
{
	io_uring_buf_ring_add(b->ring, buffer_at(b, id), b->size, (unsigned short)id,
			      io_uring_buf_ring_mask(b->count), (int)b->returned++);
}

static inline void buffers_show(struct buffer_ring *b)
{
	if (b->returned) {
		io_uring_buf_ring_advance(b->ring, (int)b->returned);
		b->returned = 0;
	}
}

/* sock.c */
bool sockaddr_from_endpoint(const struct endpoint *from, struct sockaddr_storage *ret_address,
			    socklen_t *ret_len);
void endpoint_from_sockaddr(const struct sockaddr_storage *from, socklen_t len,
			    struct endpoint *ret_endpoint);
enum link_end end_of_error(enum operation op, int os_error);
void sqe_set_option(struct io_uring_sqe *sqe, uint32_t file, int level, int name, const void *value,
		    size_t value_len);
void sqe_close(const struct ring *r, struct io_uring_sqe *sqe, uint32_t file);
void sqe_bind(struct io_uring_sqe *sqe, uint32_t file, const struct opening *o);
void open_submit(struct ring *r, struct ring_link *l);

/* link.c */
struct ring_link *link_take(struct ring *r);
void link_advance(struct ring *r, struct ring_link *l);
void link_completion(struct ring *r, struct ring_link *l, enum operation op,
		     const struct io_uring_cqe *cqe);
void link_mark(struct ring *r, struct ring_link *l); /* onto the dirty list */
void link_wind_down(struct ring *r, struct ring_link *l, enum link_end end, int os_error);
void starved_advance(struct ring *r);

/* calls.c */
struct link *ring_connect(struct transport *t, const struct endpoint *to,
			  const struct link_options *options, struct link_user *user);
void ring_send(struct link *l, const struct iovec *segments, int count);
void ring_receive(struct link *l, bool on);
void ring_shut(struct link *l);
void ring_abort(struct link *l);
void ring_close(struct link *l);
void link_accepted(struct ring *r, struct ring_listener *listener, struct ring_link *l,
		   struct accept_slot *slot);

/* listen.c */
struct listener *ring_listen(struct transport *t, const struct endpoint *at,
			     const struct listen_options *options, struct listener_user *user,
			     struct err *e);
void ring_listener_pause(struct listener *listener, bool paused);
void ring_listener_close(struct listener *listener);
void listeners_wake(struct ring *r); /* a link or a slot came free */
void listeners_advance(struct ring *r);
void listener_completion(struct ring *r, enum operation op, uint32_t generation, uint32_t index,
			 const struct io_uring_cqe *cqe);

/* loop.c */
int ring_enter(struct ring *r, unsigned wait_count, int64_t timeout_ns);
int ring_turn(struct transport *t, int64_t until_ns, struct err *e);
void ring_wake(struct transport *t);
bool ring_has_room(struct ring *r, unsigned count); /* makes room for requests, by submitting */

static inline struct io_uring_sqe *ring_sqe(struct ring *r)
{
	return io_uring_get_sqe(&r->uring);
}

#endif
