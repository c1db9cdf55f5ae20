/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of tls/ share among themselves
 *
 * No other room includes this.
 */
#ifndef VOLLEY_TLS_INTERNAL_H
#define VOLLEY_TLS_INTERNAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include "base/slab.h"
#include "net/secure.h"
#include "tls/tickets.h"
#include "tls/tls.h"

#define TLS_RECORD_MAX	    16384u /* octets of plain text in a record, RFC 8446 s5.1 */
#define TLS_RECORD_OVERHEAD 512u   /* header, tag, padding of any suite, and a key update beside */

struct tls {
	struct secure base;
	WOLFSSL_CTX *ctx;
	enum secure_role role;
	enum tls_verify verify;
	bool resume;
	int share_group; /* the library's number of the group to offer a key share for, 0: none */
	struct slab sessions;
	struct ticket_pool tickets;
	char *scratch; /* one record of plain text, where small segments are joined */
};

enum tls_state { TLS_STATE_HANDSHAKE, TLS_STATE_OPEN, TLS_STATE_CLOSED, TLS_STATE_FAILED };

struct tls_session {
	struct secure_session base;
	WOLFSSL *ssl;
	struct span in;		  /* lent ciphertext that was not used yet */
	struct buf *tx;		  /* set during a call only */
	struct ticket_site *site; /* NULL: no resumption */
	struct ticket *kept;	  /* this session's ticket in the pool, NULL for none */
	char *detail;		  /* set on failure, NULL when there was no memory for it */
	uint8_t state;		  /* enum tls_state */
	uint8_t failure;	  /* enum secure_failure */
	uint8_t looked_at;	  /* how many of the peer's first two octets were judged */
	bool has_ticket;	  /* a ticket came in and was not kept yet */
	bool has_sealed;	  /* an encrypted record was sent, or is what comes next */
	bool is_tx_full;	  /* tx could not take what the library wrote */
	bool is_self_issued;	  /* the certificate at fault names itself as its issuer */
	uint8_t chain_length;	  /* certificates that the peer sent, known after a failure */
	uint8_t chain_index;	  /* which of them was at fault, 0 is its own */
};

static inline struct tls *tls_of(struct secure_session *session)
{
	return (struct tls *)session->secure;
}

/* session.c */
extern const struct secure_ops tls_ops;
int tls_io_receive(WOLFSSL *ssl, char *out, int size, void *session);
int tls_io_send(WOLFSSL *ssl, char *data, int size, void *session);

/*
 * failure.c: decides how a session failed from the library's error (negative or WOLFSSL_ERROR_*)
 * and writes it, with words for people, into the session.
 */
void tls_fail(struct tls_session *s, int error);
int tls_on_certificate_error(int is_good, WOLFSSL_X509_STORE_CTX *store);
void tls_fail_not_tls(struct tls_session *s, struct span first);

/* ticket_seal.c: the callback by which a server encrypts its tickets, alike in all threads. */
int tls_ticket_seal(WOLFSSL *ssl, unsigned char *key_name, unsigned char *iv, unsigned char *mac,
		    int is_encrypting, unsigned char *ticket, int len, int *ret_len, void *context);

/* library.c: once a process, before anything else of the library. */
bool tls_library_start(void);
bool tls_library_has_aes(void);

#endif
