/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client.h - an SMTP or LMTP client as a pure state machine
 *
 * Bytes and actions in, bytes and events out; no I/O, no system call, no clock (time is an
 * argument). Memory is taken for SASL, for a reply that arrives in pieces or in several lines, and
 * for a decisive reply of over SMTP_KEPT_TEXT octets; an idle session holds none. One struct per
 * session; one thread.
 *
 * Use:  smtp_client_init()
 *       on bytes: loop smtp_client_feed() until it answers SMTP_FEED_MORE, acting on each event
 *       after each feed or action: while smtp_client_output() yields segments: send them;
 *       when they were sent: smtp_client_sent(), then output again
 *       at smtp_client_deadline(): smtp_client_late()
 *
 * An event may be due without input: a message that is refused before it is sent; the end of a
 * message whose reply came before its last octets were reported as sent; memory that was not to
 * be had for output. smtp_client_has_event() is true then and the deadline is due; feed with
 * nothing, or late, reports it.
 *
 * The session part runs by itself: greeting, EHLO (HELO when refused), STARTTLS, AUTH, up to
 * SMTP_EVENT_READY. Then the owner gives one message at a time (smtp_client_message()), or RSET,
 * NOOP, QUIT. A message runs MAIL, RCPT..., DATA and body or BDAT, in lock step or pipelined, up
 * to SMTP_EVENT_DONE; after DONE the session is ready again, with RSET sent by itself where a
 * transaction was left open (all recipients refused, say).
 *
 * Limits: SMTP_REPLY_LINE_MAX octets in a reply line, SMTP_REPLY_LINES_MAX lines; beyond them the
 * peer is broken and the session ends (SMTP_FAULT_REPLY_TOO_LONG).
 */
#ifndef VOLLEY_SMTP_CLIENT_H
#define VOLLEY_SMTP_CLIENT_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "smtp/extension.h"
#include "smtp/reply_parser.h"
#include "smtp/sasl.h"
#include "terms/phase.h"
#include "terms/reply.h"

#define SMTP_RCPT_MAX	  1000	       /* recipients in one message */
#define SMTP_PIPELINE_MAX 128	       /* commands that wait for their reply at once */
#define SMTP_PENDING_RUNS 8	       /* runs of one command, put out together, among them */
#define SMTP_FLUSH_MAX	  4096	       /* octets of commands in one output */
#define SMTP_BLOCK_MAX	  (256 * 1024) /* octets of a message in one output: the body's block */
#define SMTP_SNIFF_MAX	  64	       /* octets of a greeting that is not SMTP */
#define SMTP_KEPT_TEXT	  96	       /* octets of a decisive reply kept without allocation */

/* Which command a reply answers: the first column of the reply table. */
enum smtp_command {
	SMTP_CONNECT, /* the greeting */
	SMTP_EHLO,
	SMTP_HELO,
	SMTP_LHLO,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_DOT, /* end of data */
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_QUIT,
	SMTP_UNASKED, /* a reply that no command asked for: 421 as a server shuts down */
};
#define SMTP_COMMAND_COUNT (SMTP_UNASKED + 1)
const char *smtp_command_name(enum smtp_command command); /* "connect", "ehlo", "dot" ... */

enum smtp_tls_use {
	SMTP_TLS_NONE,
	SMTP_TLS_IMPLICIT, /* the channel is sealed before the greeting: nothing to do here */
	SMTP_TLS_START,	   /* STARTTLS is required; fail when it is not offered */
	SMTP_TLS_MAY,	   /* STARTTLS when offered */
};

/* Durations, ns; defaults are RFC 5321 s4.5.3.2 scaled by the owner. */
struct smtp_timeouts {
	int64_t banner_ns, ehlo_ns, starttls_ns, auth_ns, mail_ns, rcpt_ns, data_ns, body_ns,
		dot_ns, rset_ns, quit_ns;
};

/* Fills in RFC 5321 s4.5.3.2: 5 m banner, 5 m MAIL, 5 m RCPT, 2 m DATA, 3 m block, 10 m dot. */
void smtp_timeouts_rfc5321(struct smtp_timeouts *ret_timeouts);

/* Shared by many sessions and immutable; lent for the life of the client. */
struct smtp_client_params {
	const char *helo_name; /* EHLO/LHLO argument: a domain or an address literal */
	bool is_lmtp;	       /* RFC 2033 */
	enum smtp_tls_use tls;
	bool use_pipelining;   /* where offered; else lock step */
	bool use_chunking;     /* BDAT where offered, else DATA */
	bool use_helo;	       /* HELO at once, no EHLO (smtp-source -o) */
	bool is_auth_required; /* fail when there is no common mechanism; else go on without */
	const struct sasl_params *auth; /* NULL: no AUTH */
	struct smtp_timeouts timeouts;
};

struct smtp_message {
	struct span mail_from;	  /* reverse-path without <>; empty for <> */
	const struct span *rcpt;  /* forward-paths without <> */
	int rcpt_count;		  /* 1 .. SMTP_RCPT_MAX */
	const struct iovec *data; /* dot-stuffed (s4.5.2), ends in CRLF, without the final dot */
	int data_count;
	const struct iovec *chunk; /* the same not dot-stuffed, for BDAT; NULL: always DATA */
	int chunk_count;
	uint64_t size;		/* octets of chunk, for SIZE= and BDAT (checked there) */
	bool is_8bit;		/* BODY=8BITMIME where offered */
	bool is_utf8;		/* needs SMTPUTF8; refused before sending when not offered */
	const char *dsn_ret;	/* RFC 3461: "FULL", "HDRS", NULL */
	const char *dsn_envid;	/* xtext, NULL */
	const char *dsn_notify; /* "NEVER" or "SUCCESS,FAILURE,DELAY", NULL */
};

enum smtp_event_kind {
	SMTP_EVENT_REPLY, /* a final reply to a command; always comes before what follows from it */
	SMTP_EVENT_STARTTLS, /* start the handshake now, then call smtp_client_secured() */
	SMTP_EVENT_READY,    /* a message may be given; capabilities are known */
	SMTP_EVENT_BODY,     /* 354 was received: the body goes out next (for the phase's time) */
	SMTP_EVENT_DONE,     /* the message is over; see struct smtp_outcome. Ready again */
	SMTP_EVENT_CLOSED,   /* 221 to QUIT: close the connection */
	/*
	 * The session cannot go on; see fault. Close or abort. smtp_client_broken() tells what
	 * became of a message under way; DONE does not follow.
	 */
	SMTP_EVENT_FAILED,
};

enum smtp_fault {
	SMTP_FAULT_NONE,
	SMTP_FAULT_NOT_SMTP,	     /* the greeting is something else: HTTP, SSH, binary ... */
	SMTP_FAULT_TLS_ON_PLAIN,     /* the peer's first bytes are a TLS record */
	SMTP_FAULT_BAD_REPLY,	     /* a malformed reply (s4.2) */
	SMTP_FAULT_REPLY_TOO_LONG,   /* a line or a reply over its limit */
	SMTP_FAULT_UNASKED,	     /* a reply that no command asked for, not 421 */
	SMTP_FAULT_INJECTION,	     /* clear text behind the STARTTLS reply (RFC 3207 s4.2, s6) */
	SMTP_FAULT_REFUSED_GREETING, /* 4xx, 5xx at connect */
	SMTP_FAULT_REFUSED_EHLO,
	SMTP_FAULT_NO_STARTTLS, /* wanted, not offered */
	SMTP_FAULT_REFUSED_STARTTLS,
	SMTP_FAULT_NO_AUTH, /* wanted, no AUTH or no common mechanism offered */
	SMTP_FAULT_REFUSED_AUTH,
	SMTP_FAULT_BAD_CHALLENGE, /* SASL: the server's data is wrong, or it failed to prove itself
				   */
	SMTP_FAULT_TIMED_OUT,	  /* no reply in time; the event's phase says where */
	SMTP_FAULT_CLOSING,	  /* 421: the server closes the channel (s3.8) */
	SMTP_FAULT_NO_MEMORY,
};
#define SMTP_FAULT_COUNT (SMTP_FAULT_NO_MEMORY + 1)
const char *smtp_fault_name(enum smtp_fault fault); /* "not SMTP", "timed out" ... */

/* What became of a message, counted in recipients. */
struct smtp_outcome {
	int accepted, deferred, rejected; /* recipients: 2xx, 4xx, 5xx as the final word for each */
	int undecided;			  /* the session broke before a final word */
	bool is_in_doubt;		  /* it broke between the final dot and its reply */
	struct reply reply;	   /* the decisive reply; code 0: none. Borrowed as the event's */
	enum smtp_command command; /* what the decisive reply answered */
};

struct smtp_event {
	enum smtp_event_kind kind;
	enum smtp_command command; /* REPLY: what it answers; FAILED: what was waited for */
	enum phase phase;	   /* the phase it belongs to; RSET, NOOP, UNASKED: SESSION */
	/*
	 * REPLY, FAILED (code 0: none; with NOT_SMTP the text is the beginning of what came, at
	 * most SMTP_SNIFF_MAX octets of its first line). Borrowed until the next call.
	 */
	struct reply reply;
	int64_t sent_ns; /* REPLY: when the command was put out, as told to _output() */
	int rcpt_idx;	 /* REPLY to RCPT, to DOT and BDAT over LMTP: which recipient; or -1 */
	enum smtp_fault fault;		    /* FAILED */
	const struct smtp_outcome *outcome; /* DONE. Valid until the next message */
};

enum smtp_feed {
	SMTP_FEED_MORE,	 /* all input was used; nothing to report */
	SMTP_FEED_EVENT, /* ret_event is set; *ret_used octets were used: act, then call again */
};

/* Commands that wait for their reply: a run of one command that was put out at one time. */
struct smtp_pending {
	int64_t sent_ns;
	uint16_t count;	   /* replies to come, > 0 */
	uint16_t rcpt_idx; /* RCPT, and DOT or BDAT over LMTP: the recipient of the next reply */
	uint8_t command;   /* enum smtp_command */
};

struct smtp_auth; /* an authentication under way */

/* The fields are the module's own: client*.c read and write them, nobody else does. */
struct smtp_client {
	const struct smtp_client_params *params;
	const struct smtp_message *message; /* under way; NULL: none */
	struct smtp_auth *auth;		    /* NULL: none under way */
	int64_t deadline_ns, body_sent_ns;
	struct reply_parser parser;
	struct smtp_pending pending[SMTP_PENDING_RUNS]; /* a ring: the order of the replies */
	struct smtp_capabilities capabilities;
	struct smtp_outcome outcome;
	uint64_t is_accepted[(SMTP_RCPT_MAX + 63) / 64]; /* LMTP: a bit for each recipient */
	char kept_text[SMTP_KEPT_TEXT];			 /* text of outcome.reply where it fits */
	char *kept_long;				 /* where it does not; owned */
	struct reply fault_reply; /* for a FAILED that is due; text in parser.kept */
	size_t segment_offset;	  /* of the body: how far it was put out */
	int segment_idx;
	uint16_t pending_count;	 /* commands that wait for their reply */
	uint16_t rcpt_next;	 /* the next recipient to be put out */
	uint16_t accepted_count; /* recipients accepted by RCPT, without a final word yet */
	uint8_t pending_head, pending_runs;
	uint8_t state;	       /* enum smtp_client_state */
	uint8_t next;	       /* enum smtp_next: what is put out next */
	uint8_t due;	       /* enum smtp_due: an event that waits to be taken */
	uint8_t fault;	       /* enum smtp_fault */
	uint8_t fault_command; /* enum smtp_command */
	uint8_t fault_phase;   /* enum phase */
	bool is_sealed;
	bool is_in_flight;   /* between output and sent */
	bool is_reset_due;   /* a transaction was left open */
	bool is_transaction; /* MAIL was accepted, nothing ended it yet */
	bool is_mail_refused;
	bool is_window_held; /* the pipeline was full; it is to drain by half before it goes on */
	bool is_bdat;
	bool is_all_out; /* the message's last octet was put out */
};
_Static_assert(sizeof(struct smtp_client) <= 640, "a session's protocol state stays small");

/* now_ns starts the banner's time-out. params is lent for the client's life. */
void smtp_client_init(struct smtp_client *c, const struct smtp_client_params *params,
		      int64_t now_ns);

/*
 * Frees SASL state and a partial reply; the client may be initialised again. Not before the
 * segments of the last output are free: AUTH's stand in memory that is wiped and freed here.
 */
void smtp_client_fini(struct smtp_client *c);

/*
 * Takes bytes, at most up to the next event. in is borrowed for the call; *ret_used <= in.len.
 * Call again with the rest (which may be empty) until it answers MORE. After STARTTLS the rest
 * must be empty: bytes there make the next call answer FAILED with SMTP_FAULT_INJECTION.
 * Property: any split of the input yields the same events.
 */
enum smtp_feed smtp_client_feed(struct smtp_client *c, struct span in, int64_t now_ns,
				size_t *ret_used, struct smtp_event *ret_event);

/*
 * What is to be sent now: formats commands into tx (whose storage is the caller's, appended at
 * its end, kept until smtp_client_sent()) and sets up to max segments (max >= 2), which point into
 * tx and into the message; AUTH's point into the client's own memory, so that tx holds no secret.
 * Returns the number of segments, 0 when there is nothing to send. Not called again before
 * smtp_client_sent(). now_ns stamps the commands that go out. tx needs room for SMTP_FLUSH_MAX
 * octets; where its limit or memory does not give it, the session fails with SMTP_FAULT_NO_MEMORY.
 */
int smtp_client_output(struct smtp_client *c, int64_t now_ns, struct buf *tx,
		       struct iovec *segments, int max);

/* All segments of the last output were sent. Times the body's end. */
void smtp_client_sent(struct smtp_client *c, int64_t now_ns);

/* True when smtp_client_feed() has an event to report without any input. */
bool smtp_client_has_event(const struct smtp_client *c);

/*
 * When the last octet of the current message was sent; valid from then, or from the reply to it
 * where that came earlier, until the next message. TIME_NEVER before.
 */
int64_t smtp_client_body_sent_ns(const struct smtp_client *c);

/* The handshake asked for by SMTP_EVENT_STARTTLS is done: EHLO again, with all forgotten (s4.2). */
void smtp_client_secured(struct smtp_client *c, int64_t now_ns);

/*
 * Gives a message; only when ready (checked). Lent, with all it points to, until DONE or fini. A
 * message that the server said it would not take (SIZE, no SMTPUTF8) is not sent: DONE is due at
 * once, all recipients rejected, and the decisive reply's text begins with SMTP_LOCAL_REPLY.
 */
#define SMTP_LOCAL_REPLY "volley, not the server: "
void smtp_client_message(struct smtp_client *c, const struct smtp_message *m, int64_t now_ns);

/* Only when ready (checked). NOOP and RSET lead to READY again. */
void smtp_client_quit(struct smtp_client *c, int64_t now_ns);
void smtp_client_reset(struct smtp_client *c, int64_t now_ns);
void smtp_client_noop(struct smtp_client *c, int64_t now_ns);

bool smtp_client_is_ready(const struct smtp_client *c);

/*
 * When smtp_client_late() is due, absolute ns; TIME_NEVER while nothing is waited for. May change
 * with every call.
 */
int64_t smtp_client_deadline(const struct smtp_client *c);

/*
 * The deadline passed: sets ret_event to an event that was due without input, else to FAILED with
 * SMTP_FAULT_TIMED_OUT (NOT_SMTP where an unfinished greeting was none). now_ns is not before the
 * deadline (checked).
 */
void smtp_client_late(struct smtp_client *c, int64_t now_ns, struct smtp_event *ret_event);

/*
 * The connection ended under the client, or the session failed. Settles the message under way:
 * true when there was one; then *ret_outcome counts what was decided, and is_in_doubt says whether
 * it broke between the final dot and its reply (from when the dot was put out on, since nobody
 * knows how much of that the peer got). The text of its reply is borrowed until init, fini or the
 * next message. command and phase say what was waited for: UNASKED and SESSION for nothing.
 */
bool smtp_client_broken(struct smtp_client *c, struct smtp_outcome *ret_outcome,
			enum smtp_command *ret_command, enum phase *ret_phase);

/* What the server announced; valid from READY. */
const struct smtp_capabilities *smtp_client_capabilities(const struct smtp_client *c);

#endif
