/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sealed_private.h - what the files behind sealed.h share
 *
 * sealed.c: contexts, records, the calls of net/secure.h. handshake.c: messages and the order in
 * which they come. verdict.c: certificates, alerts, and words for what failed. offer.c: suites,
 * groups and tickets.
 */
#ifndef VOLLEY_SIM_SEALED_PRIVATE_H
#define VOLLEY_SIM_SEALED_PRIVATE_H
#include "base/rng.h"
#include "base/slab.h"
#include "sim/sealed.h"

#define SEALED_HEADER	   5	 /* octets of a record's head */
#define SEALED_TRAILER	   17	 /* the inner type and what stands for the tag */
#define SEALED_PLAIN_MAX   16384 /* RFC 8446 s5.1 */
#define SEALED_RECORD_MAX  (SEALED_PLAIN_MAX + 256)
#define SEALED_MESSAGE_MAX 16000 /* one handshake message stands in one record */
#define SEALED_SUITES	   9
#define SEALED_GROUPS	   3
#define TICKET_BUCKETS	   256

#define WIRE_TLS_1_2 0x0303
#define WIRE_TLS_1_3 0x0304

enum sealed_type { TYPE_CCS = 20, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };

enum sealed_message {
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_SERVER_HELLO = 2,
	MESSAGE_TICKET = 4,
	MESSAGE_EXTENSIONS = 8,
	MESSAGE_CERTIFICATE = 11,
	MESSAGE_KEY = 12,    /* ServerKeyExchange */
	MESSAGE_DONE = 14,   /* ServerHelloDone */
	MESSAGE_VERIFY = 15, /* CertificateVerify */
	MESSAGE_CLIENT_KEY = 16,
	MESSAGE_FINISHED = 20,
};

enum sealed_alert {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED = 10,
	ALERT_BAD_RECORD = 20,
	ALERT_HANDSHAKE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_REVOKED = 44,
	ALERT_EXPIRED = 45,
	ALERT_UNKNOWN_CA = 48,
	ALERT_DECODE = 50,
	ALERT_VERSION = 70,
	ALERT_INTERNAL = 80,
	ALERT_CERTIFICATE_REQUIRED = 116,
};

/* A preference list of suites or groups, as indices into offer.c's tables. */
struct sealed_offer {
	uint8_t ids[SEALED_SUITES];
	uint8_t count;
};

struct sealed_ticket {
	struct sealed_ticket *next;
	uint64_t host, number;
	char key[]; /* resume_key */
};

struct sealed {
	struct secure secure;
	struct sim *sim;
	struct sim_secure_options options; /* pointers are our own copies */
	struct sim_certificate certificate;
	struct sim_sealed_fault *faults;
	struct sealed_offer suites, groups;
	uint16_t min_version, max_version;
	struct rng rng;
	uint64_t host; /* whose tickets a server takes */
	struct slab sessions;
	struct sealed_ticket *tickets[TICKET_BUCKETS];
	unsigned ticket_count;
};

enum sealed_state { STATE_HANDSHAKE, STATE_OPEN, STATE_CLOSED, STATE_FAILED };

struct sealed_session {
	struct secure_session session;
	struct span in;	  /* lent by feed() */
	struct span data; /* of the record in hand, not yet read */
	struct buf held;  /* a record that did not come in one piece */
	uint64_t random, key;
	uint64_t tx_number, rx_number;
	char *server_name, *resume_key; /* NULL: none */
	char *detail;
	uint16_t version; /* 0: not agreed yet */
	uint8_t role, state, failure;
	uint8_t suite, group;
	uint8_t fault; /* enum secure_failure that the server plays */
	bool has_seen_record, is_held_whole;
	bool is_tx_sealed, is_rx_sealed;
	bool is_resumed, has_peer_certificate, is_certificate_wanted;
	bool is_hello_done; /* client: ServerHello came; server: ClientHello came */
	bool is_just_open;
};

static inline struct sealed *sealed_of(const struct sealed_session *s)
{
	return (struct sealed *)s->session.secure;
}

/* --- sealed.c: false when memory is exhausted or tx is full. */
bool sealed_put(struct sealed_session *s, enum sealed_type type, const void *data, size_t len,
		struct buf *tx);

/* --- handshake.c */
bool handshake_start(struct sealed_session *s, struct buf *tx);
/* One message; the session fails, opens or goes on. */
void handshake_on_message(struct sealed_session *s, struct span message, struct buf *tx);

/* --- verdict.c */
/* Fails with the alert to send; alert < 0: none is sent. detail is copied. */
void sealed_fail(struct sealed_session *s, enum secure_failure failure, const char *detail,
		 struct buf *tx);
void sealed_fail_by_alert(struct sealed_session *s, int code);
void sealed_fail_not_tls(struct sealed_session *s, struct span first);
/* What is wrong with a certificate; name NULL: no name is asked for. */
enum secure_failure sealed_verdict(const struct sealed *c, const struct sim_certificate *shown,
				   struct span names, struct span issuer, const char *name);
bool sealed_send_alert(struct sealed_session *s, int code, struct buf *tx);

/* --- offer.c */
bool suites_parse(const char *text, struct sealed_offer *ret_offer);
bool groups_parse(const char *text, struct sealed_offer *ret_offer);
/* The first of ours that they have and that serves the version; -1: none. */
int suites_choose(const struct sealed_offer *ours, const struct sealed_offer *theirs,
		  uint16_t version);
int groups_choose(const struct sealed_offer *ours, const struct sealed_offer *theirs);
const char *suite_name(int suite);
const char *group_name(int group);
void ticket_keep(struct sealed *c, const char *key, uint64_t host, uint64_t number);
bool ticket_take(struct sealed *c, const char *key, uint64_t *ret_host, uint64_t *ret_number);
void tickets_fini(struct sealed *c);

#endif
