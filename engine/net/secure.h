/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secure.h - the interface behind which a stream of bytes is encrypted
 *
 * Two implementations: tls/ (wolfSSL over memory) and sim/ (sealed links, which behave like TLS
 * without cryptography). Pure but for the randomness of key material: bytes in, bytes out, no
 * descriptor. A secure is one thread's set of contexts, made before the first session; sessions
 * belong to the same thread.
 *
 * Input is pulled: secure_feed() lends ciphertext, then secure_read() is called until it answers
 * something else than SECURE_DATA or SECURE_OPEN; SECURE_MORE means that all of the input was
 * used. After every call that answers anything, what stands in tx is to be sent: handshake
 * messages, alerts, tickets and key updates appear there.
 */
#ifndef VOLLEY_NET_SECURE_H
#define VOLLEY_NET_SECURE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum secure_role { SECURE_CLIENT, SECURE_SERVER };

/* How a TLS conversation failed: the words of reports and of errors[].kind, "tls " before them. */
enum secure_failure {
	SECURE_OK,
	SECURE_NOT_TLS,	  /* the peer's first bytes are no TLS record: plain SMTP, HTTP ... */
	SECURE_ALERT,	  /* the peer sent a fatal alert; alert says which */
	SECURE_VERSION,	  /* no common protocol version */
	SECURE_NO_COMMON, /* no common cipher suite or group */
	SECURE_CERT_EXPIRED,
	SECURE_CERT_NOT_YET,
	SECURE_CERT_UNTRUSTED, /* no chain to a trusted CA */
	SECURE_CERT_SELF_SIGNED,
	SECURE_CERT_NAME, /* not for this host name */
	SECURE_CERT_REVOKED,
	SECURE_CERT_MISSING, /* a client certificate was required and not given */
	SECURE_CERT_OTHER,
	SECURE_RECORD,	     /* bad MAC, oversized or malformed record */
	SECURE_CLOSED_EARLY, /* close_notify during the handshake */
	SECURE_NO_MEMORY,
	SECURE_INTERNAL,
};
#define SECURE_FAILURE_COUNT (SECURE_INTERNAL + 1)

/* What was agreed, for the result's tls[]; names as IANA and OpenSSL print them. */
struct secure_facts {
	char version[16]; /* "TLSv1.3" */
	char cipher[48];  /* "TLS_AES_128_GCM_SHA256" */
	char group[24];	  /* "X25519", "P-256"; "" when unknown */
	bool is_resumed;
};

struct secure;

/* First member of every implementation's session. */
struct secure_session {
	struct secure *secure;
};

enum secure_step {
	SECURE_MORE,   /* nothing to read until more is fed */
	SECURE_OPEN,   /* the handshake has just completed; reported once */
	SECURE_DATA,   /* *ret_len octets of plain text were written to out */
	SECURE_CLOSED, /* the peer sent close_notify */
	SECURE_FAILED, /* see secure_failure_of(); tx may hold the alert to send */
};

struct secure_request {
	enum secure_role role;
	/* Client: for SNI and for the certificate's name check; NULL for neither. Borrowed. */
	const char *server_name;
	/* Client: sessions with the same key may resume each other; SNI and port, say. Borrowed. */
	const char *resume_key;
};

struct secure_ops {
	struct secure_session *(*open)(struct secure *, const struct secure_request *,
				       struct buf *tx, struct err *);
	void (*feed)(struct secure_session *, struct span in);
	enum secure_step (*read)(struct secure_session *, char *out, size_t out_size,
				 size_t *ret_len, struct buf *tx);
	size_t (*seal)(struct secure_session *, const struct iovec *plain, int count, size_t limit,
		       struct buf *tx);
	void (*shut)(struct secure_session *, struct buf *tx);
	void (*facts)(struct secure_session *, struct secure_facts *);
	enum secure_failure (*failure)(struct secure_session *, char *detail, size_t detail_size);
	void (*release)(struct secure_session *);
	void (*free)(struct secure *);
};

struct secure {
	const struct secure_ops *ops;
	uint64_t handshakes_full, handshakes_resumed;
};

/*
 * Begins a session. For a client the first handshake message stands in tx afterwards. NULL with
 * *e set when memory is exhausted or the request is unusable.
 */
static inline struct secure_session *
secure_open(struct secure *s, const struct secure_request *request, struct buf *tx, struct err *e)
{
	return s->ops->open(s, request, tx, e);
}

/*
 * Lends ciphertext until secure_read() next answers SECURE_MORE, SECURE_CLOSED or SECURE_FAILED.
 * Must not be called while earlier input is unread.
 */
static inline void secure_feed(struct secure_session *s, struct span in)
{
	s->secure->ops->feed(s, in);
}

/* Goes on with the handshake or decrypts; out_size >= 1, 16 KiB takes a whole record. */
static inline enum secure_step secure_read(struct secure_session *s, char *out, size_t out_size,
					   size_t *ret_len, struct buf *tx)
{
	return s->secure->ops->read(s, out, out_size, ret_len, tx);
}

/*
 * Encrypts plain text into tx, whole records, until limit octets of plain text are sealed or all
 * is; small segments are joined into one record. Only after SECURE_OPEN. Returns how many octets
 * of plain text were sealed; less than asked only by limit or when memory ran out (0 then).
 */
static inline size_t secure_seal(struct secure_session *s, const struct iovec *plain, int count,
				 size_t limit, struct buf *tx)
{
	return s->secure->ops->seal(s, plain, count, limit, tx);
}

/* Appends close_notify to tx. */
static inline void secure_shut(struct secure_session *s, struct buf *tx)
{
	s->secure->ops->shut(s, tx);
}

/* Valid after SECURE_OPEN. */
static inline void secure_facts_of(struct secure_session *s, struct secure_facts *ret_facts)
{
	s->secure->ops->facts(s, ret_facts);
}

/*
 * Why the session failed; detail gets a few words for people ("alert: unknown ca", the library's
 * own reason), NUL-terminated, escaped. SECURE_OK before a failure.
 */
static inline enum secure_failure secure_failure_of(struct secure_session *s, char *detail,
						    size_t detail_size)
{
	return s->secure->ops->failure(s, detail, detail_size);
}

/* Ends a session in any state; nothing is sent. */
static inline void secure_release(struct secure_session *s)
{
	s->secure->ops->release(s);
}

/* All sessions must have been released. */
static inline void secure_free(struct secure *s)
{
	s->ops->free(s);
}

/* "not TLS", "certificate expired", "alert" ... */
const char *secure_failure_name(enum secure_failure failure);

#endif
