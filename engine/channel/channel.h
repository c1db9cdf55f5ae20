/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channel.h - a link, in clear or sealed: plain text in, plain text out
 *
 * Joins one link of a transport with, at will, one secure session. Both ends of SMTP use it: talk/
 * as client, sink/ as server. It owns the order of records, the handshake, the bound on what is
 * encrypted ahead (64 KiB), and the rule that nothing in clear may follow a switch to TLS.
 *
 * A channel_hub is one thread's: transport, secure contexts, scratch memory, and the bound on
 * handshake steps in one turn. Channels belong to the same thread. Memory for records is taken
 * while bytes are under way and given back after, so that an idle session costs its structure
 * and the library's session alone.
 */
#ifndef VOLLEY_CHANNEL_CHANNEL_H
#define VOLLEY_CHANNEL_CHANNEL_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "net/secure.h"
#include "net/transport.h"

#define CHANNEL_AHEAD_MAX     (64u << 10)  /* octets sealed and not yet taken by the kernel */
#define CHANNEL_HANDSHAKE_MAX 8		   /* handshake steps in one turn, the rest waits */
#define CHANNEL_HELD_MAX      (128u << 10) /* octets that may wait for a handshake step */

enum channel_event_kind {
	CHANNEL_OPENED, /* the link is connected */
	CHANNEL_SEALED, /* the handshake is done; see channel_facts() */
	CHANNEL_BYTES,	/* plain text; borrowed for the call, the owner consumes or copies all */
	CHANNEL_SENT,	/* all of the last channel_send() was taken by the kernel */
	CHANNEL_LATE,	/* the deadline passed */
	CHANNEL_CLOSED, /* once; the channel may be opened again after the handler returned */
};

struct channel_event {
	enum channel_event_kind kind;
	int64_t at_ns;
	struct span bytes; /* BYTES */
	/* CLOSED: LINK_END_LOCAL after a TLS failure, LINK_END_EOF after the peer's close_notify.
	 */
	enum link_end end;
	int os_error;		     /* CLOSED */
	enum secure_failure failure; /* CLOSED: SECURE_OK unless TLS failed */
	const char *detail; /* CLOSED: words about the TLS failure, "" for none. Borrowed */
};

struct channel;

struct channel_user {
	void (*on_event)(struct channel_user *self, struct channel *c,
			 const struct channel_event *event);
};

struct channel_hub {
	struct transport *transport;
	struct secure *secure;	  /* NULL: TLS is not used */
	struct channel_tx *spare; /* record buffers that are free, with their memory */
	int spare_count;
	char *scratch;				/* one record of plain text */
	struct channel *waiting, **waiting_end; /* handshakes put off to the next turn, in order */
	int steps_left;
	uint64_t handshakes_put_off;
};

struct channel_tx; /* buffers of bytes under way */

struct channel {
	struct link_user link_user;
	struct link *link; /* NULL while closed */
	struct channel_hub *hub;
	struct channel_user *user;
	struct secure_session *sealed;		      /* NULL while in clear */
	struct channel_tx *tx;			      /* NULL while nothing is under way */
	struct channel *next_waiting, **waiting_link; /* the link is NULL while it does not wait */
	bool is_open, is_sealed, is_sending, is_closing;
	bool is_last_send; /* what is in flight is an alert or close_notify: close when it is out */
	bool is_peer_done; /* the peer sent close_notify */
	bool is_starved;   /* ended for want of memory, or held too much */
	struct buf held;   /* ciphertext that waits for its handshake step */
};

/* scratch is allocated here. -1 with *e set when memory is exhausted. */
int channel_hub_init(struct channel_hub *h, struct transport *t, struct secure *s, struct err *e);
void channel_hub_fini(struct channel_hub *h);

/*
 * To be called once before each transport_turn(): goes on with handshakes that were put off.
 * Returns true when some are left, so that the turn must not wait.
 */
bool channel_hub_turn(struct channel_hub *h, int64_t now_ns);

/* False when the transport holds no more links. Everything else is reported by events. */
__attribute__((warn_unused_result)) bool channel_connect(struct channel *c, struct channel_hub *h,
							 const struct endpoint *to,
							 const struct link_options *options,
							 struct channel_user *user);

/* From within on_accept: takes the link over. OPENED is not sent. */
void channel_accept(struct channel *c, struct channel_hub *h, struct link *link,
		    struct channel_user *user);

/*
 * Starts TLS now. Only while nothing is being sent (checked). leftover is what the protocol had
 * not used of the bytes in hand: for a server the start of ClientHello, for a client it must be
 * empty. False when no session can be made: the channel is closed with a failure then.
 */
bool channel_start_tls(struct channel *c, const struct secure_request *request,
		       struct span leftover, int64_t now_ns);

/*
 * Sends; one at a time (checked with c->is_sending). In clear, the segments are lent until SENT
 * or CLOSED; sealed, as well, since sealing goes on as records are taken. count <= 16; the array
 * is copied. Segments may be empty, but not all of them.
 */
void channel_send(struct channel *c, const struct iovec *segments, int count);

void channel_receive(struct channel *c, bool on); /* pause, resume: back-pressure */
void channel_deadline(struct channel *c, int64_t at_ns);
void channel_close(struct channel *c); /* close_notify when sealed and idle, then FIN */
void channel_abort(struct channel *c); /* RST */
void channel_shut(struct channel *c);  /* FIN of this side, in clear */

/*
 * Two channels in clear, with nothing being sent, change places: each keeps its user and takes
 * over the other's link. For a race of two attempts to connect.
 */
void channel_swap(struct channel *a, struct channel *b);

/* Only when sealed. */
void channel_facts(struct channel *c, struct secure_facts *ret_facts);

#endif
