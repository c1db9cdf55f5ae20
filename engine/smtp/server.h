/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.h - an SMTP or LMTP server as a pure state machine
 *
 * Bytes in, events out, replies into a buffer of the owner; no I/O, no system call, no clock. No
 * allocation but for a command line that arrives in pieces, and for SASL. One struct per session;
 * one thread. RFC 5321, 2033 (LMTP), and the extensions of smtp/extension.h.
 *
 * Use:  smtp_server_texts_init() once; smtp_server_init() per connection
 *       loop smtp_server_feed(): the first event is the greeting's, before any input
 *       MORE: all input was used. WAIT: a reply is owed; keep the rest of the input.
 *       COMMAND and END owe a reply: smtp_server_answer() for the one that fits, or
 *       smtp_server_reply() for another, now or at any later time; then feed goes on.
 *       smtp_server_is_closing(): close the connection once the replies are sent.
 *
 * What a reply does follows from its code: 2xx to RCPT makes a recipient, whoever chose it. Only
 * a command that was out of order changes nothing, whatever is said to it.
 *
 * End of data is CRLF.CRLF and nothing else, but for SMTP_LENIENT: a dot between bare line ends
 * is content (RFC 5321 s2.3.8, s4.1.1.4), so that no second message can be smuggled in.
 */
#ifndef VOLLEY_SMTP_SERVER_H
#define VOLLEY_SMTP_SERVER_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "smtp/command.h"
#include "smtp/extension.h"
#include "smtp/sasl.h"
#include "terms/reply.h"

#define SMTP_SERVER_LINE_MAX	  2048	/* default; RFC 5321 s4.5.3.1.4 says 512 */
#define SMTP_SERVER_AUTH_LINE_MAX 12288 /* RFC 4954 s4 */
#define SMTP_SERVER_REPLY_MAX	  1024	/* the longest reply that smtp_server_answer() appends */
#define SMTP_SERVER_NAME_MAX	  255

struct smtp_server_params {
	const char *name;	  /* the server's own, in the greeting and in EHLO */
	bool is_lmtp;		  /* LHLO, a reply per recipient */
	uint32_t extensions;	  /* on offer; STARTTLS only while in clear */
	uint64_t size_max;	  /* octets of a message; 0: no limit */
	uint32_t rcpt_max;	  /* recipients of a message; 0: no limit. Told by LIMITS */
	uint32_t mail_max;	  /* messages of a session; 0: no limit. Told by LIMITS */
	uint32_t auth_mechanisms; /* on offer, of enum sasl_mechanism */
	const struct sasl_accounts *accounts; /* NULL: AUTH is not on offer */
	bool allow_clear_auth;		      /* PLAIN, LOGIN and OAuth without TLS */
	bool is_tls_required;		      /* 530 to MAIL and AUTH before STARTTLS */
	bool is_auth_required;		      /* 530 to MAIL before AUTH */
	enum smtp_strictness strictness;
	uint32_t line_max; /* octets of a command line with its end; 0: the default */
};

/* What is said again and again, made once; shared by sessions and threads, immutable. */
struct smtp_server_texts {
	struct smtp_server_params params; /* name and accounts stay lent */
	char greeting[SMTP_SERVER_NAME_MAX + 32];
	char helo[SMTP_SERVER_NAME_MAX + 16];
	char ehlo[2][SMTP_SERVER_REPLY_MAX]; /* in clear, sealed */
	uint16_t greeting_len, helo_len, ehlo_len[2];
};

/* -1 with *e set when the name is empty, too long or holds something else than a host name's
 * characters (or an address literal's). */
__attribute__((warn_unused_result)) int smtp_server_texts_init(struct smtp_server_texts *t,
							       const struct smtp_server_params *p,
							       struct err *e);

enum smtp_server_step {
	SMTP_SERVER_MORE,  /* all input was used */
	SMTP_SERVER_WAIT,  /* a reply, or TLS, is owed: feed again after it, with the rest */
	SMTP_SERVER_EVENT, /* ret_event is set: act, then feed the rest */
};

enum smtp_server_event_kind {
	SMTP_SERVER_COMMAND, /* a reply is owed */
	SMTP_SERVER_CONTENT, /* the first octet of a message comes next; nothing is owed */
	SMTP_SERVER_BYTES,   /* content, dots unstuffed; nothing is owed */
	SMTP_SERVER_END,     /* the message is complete; a reply is owed (LMTP: an event each) */
};

struct smtp_server_event {
	enum smtp_server_event_kind kind;
	struct smtp_request request; /* COMMAND; END has verb DOT. Borrowed until the next feed */
	struct span bytes;	     /* BYTES: points into the input, or to constant memory */
	uint64_t size;		     /* END: octets of the message, unstuffed, with its last CRLF */
	int rcpt_idx;		     /* END of LMTP: which accepted recipient, from 0; else -1 */
	bool is_challenge;	     /* AUTH: the answer due is a 334, not the final reply */
};

enum smtp_server_state {
	SMTP_SERVER_GREET,   /* the greeting has not been said */
	SMTP_SERVER_HELLO,   /* waits for EHLO */
	SMTP_SERVER_READY,   /* no transaction */
	SMTP_SERVER_MAIL,    /* MAIL was accepted */
	SMTP_SERVER_RCPT,    /* a RCPT was accepted */
	SMTP_SERVER_DATA,    /* in the message, up to the dot */
	SMTP_SERVER_CHUNK,   /* in a chunk of BDAT */
	SMTP_SERVER_BETWEEN, /* between chunks */
	SMTP_SERVER_ENDED,   /* the replies to a message are owed */
	SMTP_SERVER_LOGIN,   /* within the dialogue of AUTH */
	SMTP_SERVER_TLS,     /* 220 to STARTTLS was said: waits for smtp_server_sealed() */
	SMTP_SERVER_CLOSING, /* QUIT, or a 421, was said */
};

/* The owner reads what is marked public and writes wants_content alone. */
struct smtp_server {
	const struct smtp_server_texts *texts;
	struct sasl *sasl; /* an AUTH under way */
	char *user;	   /* public: who logged in, UTF-8; NULL while nobody did */
	struct buf line;   /* the start of a command line whose end has not come */
	uint64_t size;	   /* octets of this message so far */
	uint64_t chunk_left;
	uint64_t errors;     /* public: commands that were at fault */
	uint32_t rcpt_count; /* public: recipients accepted in this transaction */
	uint32_t rcpt_tried;
	uint32_t rcpt_answered;	      /* LMTP: replies given to this message */
	uint32_t mail_count;	      /* public: messages begun in this session */
	enum smtp_server_state state; /* public */
	enum smtp_verb owed_verb;
	enum smtp_request_fault owed_fault; /* public: why the default answer is a refusal */
	uint8_t scan;			    /* where in CRLF.CRLF the data stands */
	uint8_t body;			    /* enum smtp_body */
	uint8_t before_chunk;		    /* enum smtp_server_state */
	bool wants_content;		    /* report BYTES; may be changed at any event */
	bool is_owed;			    /* public: a reply is due */
	bool is_sealed;			    /* public: TLS is on */
	bool is_extended;		    /* public: EHLO or LHLO, not HELO */
	bool is_utf8;			    /* public: SMTPUTF8 of this transaction */
	bool is_line_skipped;		    /* the rest of a line that is too long is thrown away */
	bool is_chunk_last;
	bool is_discarding; /* content of a BDAT that came out of order */
	bool has_content_begun;
	bool has_bare_line_end; /* public: seen in this message (SMTP_STRICT looks) */
	bool has_input;		/* the peer has sent something */
	bool is_refused;	/* the greeting was no 220: only QUIT is heard (RFC 5321 s3.1) */
	bool is_line_used;	/* line is what the last event points to */
	bool is_login_over;	/* the next line of AUTH is the last, whatever it says */
	bool is_login_good;
	bool is_challenge;
	char hold; /* the last octet of the piece before, for what is looked for across pieces */
};

/* texts are lent for the session's life. is_sealed: the link was encrypted from the start. */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_texts *texts, bool is_sealed);

/* Frees what was allocated; wipes SASL state. */
void smtp_server_fini(struct smtp_server *s);

/*
 * Takes bytes, at most up to the next event; *ret_used <= in.len of them. in is borrowed for the
 * call, and where ret_event points into it as long as that is used. Property: any split of the
 * input yields the same events, but for the borders of BYTES.
 */
__attribute__((warn_unused_result)) enum smtp_server_step
smtp_server_feed(struct smtp_server *s, struct span in, size_t *ret_used,
		 struct smtp_server_event *ret_event);

/*
 * Appends the reply that fits to out, and goes on accordingly. Only while one is owed (checked).
 * Returns its code; 0 when out had no room: nothing has happened then. SMTP_SERVER_REPLY_MAX
 * octets of room are enough; a challenge of SCRAM may take more.
 */
int smtp_server_answer(struct smtp_server *s, struct buf *out);

/* The code that smtp_server_answer() would give: 250, 354, 503 ... */
int smtp_server_answer_code(const struct smtp_server *s);

/*
 * The same with a reply of the owner's choice: whole lines with code and CRLF. code decides what
 * follows from it. False when out had no room.
 */
bool smtp_server_reply(struct smtp_server *s, int code, struct span lines, struct buf *out);

/* As if a reply with this code had been given; the owner sends what it likes. */
void smtp_server_settle(struct smtp_server *s, int code);

/*
 * Bytes of the peer stood unread when the reply to STARTTLS fell due: the answer becomes a
 * refusal. (Those that came together with the command are noticed by feed itself.)
 */
void smtp_server_injected(struct smtp_server *s);

/*
 * The owner ends the session by a 421 of its own that answers nothing (RFC 5321 s3.8), or without
 * a word: whatever still comes in is thrown away.
 */
void smtp_server_shut(struct smtp_server *s);

/* The handshake after STARTTLS is done: all is forgotten (RFC 3207 s4.2), EHLO comes next. */
void smtp_server_sealed(struct smtp_server *s);

static inline bool smtp_server_is_closing(const struct smtp_server *s)
{
	return s->state == SMTP_SERVER_CLOSING;
}

/* The default reply to a fault, as its whole line with CRLF; with an enhanced code or without. */
struct span smtp_request_fault_line(enum smtp_request_fault fault, bool has_enhanced,
				    int *ret_code);

#endif
