/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * handshake.c - the messages of a sealed link's handshake, and the order in which they come
 *
 * TLS 1.3 (RFC 8446 s2): ClientHello; ServerHello, EncryptedExtensions, Certificate,
 * CertificateVerify, Finished; Certificate where asked for, Finished; then two tickets. TLS 1.2
 * (RFC 5246 s7.3): one round trip more. Resumed ones leave the certificates out.
 */
#include <stdio.h>
#include <stdlib.h>
#include "sim/message.h"

#define HELLO_SIZE	  512 /* with its head; RFC 7685's padding gives the same */
#define SERVER_HELLO_SIZE 122
#define EXTENSIONS_SIZE	  24
#define VERIFY_SIZE	  80
#define KEY_SIZE	  150
#define DONE_SIZE	  8
#define CLIENT_KEY_SIZE	  37
#define FINISHED_SIZE	  36
#define TICKET_SIZE	  200
#define TICKETS_GIVEN	  2
#define NAME_MAX_OCTETS	  255

static bool put_ccs(struct sealed_session *s, struct buf *tx)
{
	bool is_sealed = s->is_tx_sealed, is_fine;
	char one = 1;

	s->is_tx_sealed = false;
	is_fine = sealed_put(s, TYPE_CCS, &one, 1, tx);
	s->is_tx_sealed = is_sealed;
	return is_fine;
}

/* ChangeCipherSpec and Finished. */
static bool put_finished(struct sealed_session *s, struct buf *tx)
{
	bool is_fine = put_ccs(s, tx);

	s->is_tx_sealed = true;
	return is_fine && message_send_empty(s, MESSAGE_FINISHED, FINISHED_SIZE, tx);
}

static bool put_certificate(struct sealed_session *s, const struct sim_certificate *shown,
			    struct buf *tx)
{
	char message[SEALED_MESSAGE_MAX];
	struct writer w = message_begin(message);

	message_put(&w, shown && shown->is_revoked, 1);
	message_put(&w, shown ? (uint64_t)shown->not_before_s : 0, 8);
	message_put(&w, shown ? (uint64_t)shown->not_after_s : 0, 8);
	message_put_text(&w, shown ? shown->names : NULL);
	message_put_text(&w, shown ? shown->issuer : NULL);
	return message_send(s, MESSAGE_CERTIFICATE, &w, shown ? shown->size : 0, tx);
}

static void no_room(struct sealed_session *s, struct buf *tx)
{
	sealed_fail(s, SECURE_NO_MEMORY, "no memory for what is to be sent", tx);
}

static void out_of_turn(struct sealed_session *s, struct buf *tx)
{
	sealed_fail(s, SECURE_RECORD, "a handshake message out of turn", tx);
}

static void open_up(struct sealed_session *s)
{
	struct sealed *c = sealed_of(s);

	s->state = STATE_OPEN;
	s->is_just_open = true;
	if (s->is_resumed)
		c->secure.handshakes_resumed++;
	else
		c->secure.handshakes_full++;
}

/* --- Client */

bool handshake_start(struct sealed_session *s, struct buf *tx)
{
	struct sealed *c = sealed_of(s);
	char message[SEALED_MESSAGE_MAX];
	struct writer w = message_begin(message);
	uint64_t host = 0, number = 0;

	if (s->server_name && strlen(s->server_name) > NAME_MAX_OCTETS)
		return false;
	if (c->options.resume && s->resume_key)
		ticket_take(c, s->resume_key, &host, &number);
	message_put(&w, c->min_version, 2);
	message_put(&w, c->max_version, 2);
	message_put(&w, s->random, 8);
	message_put(&w, host, 8);
	message_put(&w, number, 8);
	message_put_offer(&w, &c->suites);
	message_put_offer(&w, &c->groups);
	message_put_text(&w, s->server_name);
	return message_send(s, MESSAGE_CLIENT_HELLO, &w, HELLO_SIZE, tx);
}

static void on_server_hello(struct sealed_session *s, struct reader *r, struct buf *tx)
{
	struct sealed *c = sealed_of(s);
	uint16_t version = (uint16_t)message_get(r, 2);
	uint64_t random = message_get(r, 8);
	uint64_t suite = message_get(r, 1), group = message_get(r, 1);

	s->is_resumed = message_get(r, 1) != 0;
	if (r->is_short || suite >= SEALED_SUITES || group >= SEALED_GROUPS) {
		sealed_fail(s, SECURE_RECORD, "a malformed ServerHello", tx);
		return;
	}
	if (version < c->min_version || version > c->max_version) {
		sealed_fail(s, SECURE_VERSION, "the peer speaks no version that is allowed here",
			    tx);
		return;
	}
	s->is_hello_done = true;
	s->version = version;
	s->suite = (uint8_t)suite;
	s->group = (uint8_t)group;
	s->key = s->random ^ random;
	if (version == WIRE_TLS_1_3)
		s->is_rx_sealed = s->is_tx_sealed = true;
}

static bool must_verify(const struct sealed *c)
{
	return c->options.role == SECURE_SERVER || c->options.verify != SIM_VERIFY_NONE;
}

static void on_certificate(struct sealed_session *s, struct reader *r, struct buf *tx)
{
	static const char *const words[SECURE_FAILURE_COUNT] = {
		[SECURE_CERT_EXPIRED] = "has expired",
		[SECURE_CERT_NOT_YET] = "is not valid yet",
		[SECURE_CERT_UNTRUSTED] = "is signed by no trusted CA",
		[SECURE_CERT_SELF_SIGNED] = "is signed by itself",
		[SECURE_CERT_NAME] = "is for another name",
		[SECURE_CERT_REVOKED] = "is revoked",
		[SECURE_CERT_OTHER] = "is unreadable",
	};
	struct sealed *c = sealed_of(s);
	struct sim_certificate shown = {.is_revoked = message_get(r, 1) != 0};
	const char *name = NULL;
	struct span names, issuer;
	enum secure_failure failure;
	char detail[64];

	shown.not_before_s = (int64_t)message_get(r, 8);
	shown.not_after_s = (int64_t)message_get(r, 8);
	names = message_get_text(r);
	issuer = message_get_text(r);
	if (r->is_short) {
		sealed_fail(s, SECURE_RECORD, "a malformed Certificate", tx);
		return;
	}
	/* A client without a certificate says so by an empty one. */
	if (s->role == SECURE_SERVER && names.len == 0 && issuer.len == 0)
		return;
	s->has_peer_certificate = true;
	if (s->role == SECURE_CLIENT && c->options.verify == SIM_VERIFY_FULL)
		name = s->server_name;
	failure = must_verify(c) ? sealed_verdict(c, &shown, names, issuer, name) : SECURE_OK;
	if (failure == SECURE_OK)
		return;
	snprintf(detail, sizeof(detail), "the peer's certificate %s", words[failure]);
	sealed_fail(s, failure, detail, tx);
}

/* What a client says last in a full handshake, or in one of TLS 1.3. */
static bool put_client_part(struct sealed_session *s, struct buf *tx)
{
	struct sealed *c = sealed_of(s);

	if (s->is_certificate_wanted && !put_certificate(s, c->options.certificate, tx))
		return false;
	if (s->version == WIRE_TLS_1_2 &&
	    !message_send_empty(s, MESSAGE_CLIENT_KEY, CLIENT_KEY_SIZE, tx))
		return false;
	return put_finished(s, tx);
}

static void on_server_finished(struct sealed_session *s, struct buf *tx)
{
	if (!s->is_resumed && !s->has_peer_certificate) {
		sealed_fail(s, SECURE_CERT_MISSING, "the peer sent no certificate", tx);
		return;
	}
	if (s->version == WIRE_TLS_1_3 || s->is_resumed) {
		bool is_fine =
			s->version == WIRE_TLS_1_3 ? put_client_part(s, tx) : put_finished(s, tx);

		if (!is_fine) {
			no_room(s, tx);
			return;
		}
	}
	open_up(s);
}

static void on_ticket(struct sealed_session *s, struct reader *r)
{
	struct sealed *c = sealed_of(s);
	uint64_t host = message_get(r, 8), number = message_get(r, 8);

	if (!r->is_short && c->options.resume && s->resume_key)
		ticket_keep(c, s->resume_key, host, number);
}

static void on_server_message(struct sealed_session *s, int type, struct reader *r, struct buf *tx)
{
	/* Once it is open, nothing but tickets may come. */
	if (s->is_hello_done == (type == MESSAGE_SERVER_HELLO) ||
	    (s->state != STATE_HANDSHAKE && type != MESSAGE_TICKET))
		type = -1;
	switch (type) {
	case MESSAGE_SERVER_HELLO:
		on_server_hello(s, r, tx);
		return;
	case MESSAGE_EXTENSIONS:
		s->is_certificate_wanted = message_get(r, 1) != 0;
		return;
	case MESSAGE_CERTIFICATE:
		on_certificate(s, r, tx);
		return;
	case MESSAGE_VERIFY:
	case MESSAGE_KEY:
		return;
	case MESSAGE_DONE:
		s->is_certificate_wanted = message_get(r, 1) != 0;
		if (!put_client_part(s, tx))
			no_room(s, tx);
		return;
	case MESSAGE_FINISHED:
		on_server_finished(s, tx);
		return;
	case MESSAGE_TICKET:
		on_ticket(s, r);
		return;
	default:
		out_of_turn(s, tx);
		return;
	}
}

/* --- Server */

static const struct sim_sealed_fault *find_fault(struct sealed *c, struct span server_name)
{
	for (int i = 0; i < c->options.fault_count; i++) {
		const struct sim_sealed_fault *f = &c->faults[i];

		if (f->server_name && !span_equal_nocase(server_name, span_of(f->server_name)))
			continue;
		if (f->probability > 0 && rng_unit(&c->rng) >= f->probability)
			continue;
		return f;
	}
	return NULL;
}

/* Plays a fault that ends the handshake at once; false: the handshake goes on with it. */
static bool play_fault(struct sealed_session *s, const struct sim_sealed_fault *f, struct buf *tx)
{
	static const char malformed[] = {TYPE_HANDSHAKE, 3, 3, (char)0xff, (char)0xff, 0};
	static const char in_clear[] = "500 5.5.1 what was that?\r\n";

	switch (f->kind) {
	case SECURE_NOT_TLS:
		buf_append(tx, in_clear, sizeof(in_clear) - 1);
		break;
	case SECURE_ALERT:
		sealed_send_alert(s, f->alert ? f->alert : ALERT_HANDSHAKE, tx);
		break;
	case SECURE_VERSION:
		sealed_send_alert(s, ALERT_VERSION, tx);
		break;
	case SECURE_NO_COMMON:
		sealed_send_alert(s, ALERT_HANDSHAKE, tx);
		break;
	case SECURE_RECORD:
		buf_append(tx, malformed, sizeof(malformed));
		break;
	case SECURE_CLOSED_EARLY:
		sealed_send_alert(s, ALERT_CLOSE_NOTIFY, tx);
		break;
	case SECURE_NO_MEMORY:
	case SECURE_INTERNAL:
		sealed_send_alert(s, ALERT_INTERNAL, tx);
		break;
	case SECURE_OK:
	case SECURE_CERT_EXPIRED:
	case SECURE_CERT_NOT_YET:
	case SECURE_CERT_UNTRUSTED:
	case SECURE_CERT_SELF_SIGNED:
	case SECURE_CERT_NAME:
	case SECURE_CERT_REVOKED:
	case SECURE_CERT_MISSING:
	case SECURE_CERT_OTHER:
	default:
		return false;
	}
	s->state = STATE_FAILED;
	s->failure = SECURE_INTERNAL;
	s->detail = strdup("a fault played on purpose");
	return true;
}

/* The server's own certificate, or one with the fault that it plays. */
static bool put_own_certificate(struct sealed_session *s, struct buf *tx)
{
	struct sealed *c = sealed_of(s);
	struct sim_certificate shown = c->certificate;
	int64_t now_s = clock_wall_ns(sim_clock(c->sim)) / NS_PER_SEC;

	switch (s->fault) {
	case SECURE_CERT_EXPIRED:
		shown.not_after_s = now_s - 1;
		break;
	case SECURE_CERT_NOT_YET:
		shown.not_before_s = now_s + 86400;
		break;
	case SECURE_CERT_UNTRUSTED:
		shown.issuer = "An unknown CA";
		break;
	case SECURE_CERT_SELF_SIGNED:
		shown.issuer = NULL;
		break;
	case SECURE_CERT_NAME:
		shown.names = "other.invalid";
		break;
	case SECURE_CERT_REVOKED:
		shown.is_revoked = true;
		break;
	case SECURE_CERT_OTHER:
		shown.names = NULL;
		break;
	default:
		break;
	}
	return put_certificate(s, &shown, tx);
}

static bool wants_client_certificate(const struct sealed_session *s)
{
	return sealed_of(s)->options.require_client_cert || s->fault == SECURE_CERT_MISSING;
}

/* Everything from ServerHello on that does not wait for the client. */
static bool put_server_flight(struct sealed_session *s, struct buf *tx)
{
	char message[SEALED_MESSAGE_MAX];
	struct writer w = message_begin(message);
	bool is_1_3 = s->version == WIRE_TLS_1_3;

	message_put(&w, s->version, 2);
	message_put(&w, s->random, 8);
	message_put(&w, s->suite, 1);
	message_put(&w, s->group, 1);
	message_put(&w, s->is_resumed, 1);
	if (!message_send(s, MESSAGE_SERVER_HELLO, &w, SERVER_HELLO_SIZE, tx))
		return false;
	if (is_1_3) {
		s->is_tx_sealed = true;
		w = message_begin(message);
		message_put(&w, wants_client_certificate(s), 1);
		if (!message_send(s, MESSAGE_EXTENSIONS, &w, EXTENSIONS_SIZE, tx))
			return false;
	}
	if (!s->is_resumed && (!put_own_certificate(s, tx) ||
			       !message_send_empty(s, is_1_3 ? MESSAGE_VERIFY : MESSAGE_KEY,
						   is_1_3 ? VERIFY_SIZE : KEY_SIZE, tx)))
		return false;
	if (is_1_3 || s->is_resumed)
		return put_finished(s, tx);
	w = message_begin(message);
	message_put(&w, wants_client_certificate(s), 1);
	return message_send(s, MESSAGE_DONE, &w, DONE_SIZE, tx);
}

/* Agrees on version, suite and group; false when the session failed over it. */
static bool agree(struct sealed_session *s, uint16_t min_version, uint16_t max_version,
		  const struct sealed_offer *suites, const struct sealed_offer *groups,
		  struct buf *tx)
{
	struct sealed *c = sealed_of(s);
	uint16_t version = max_version < c->max_version ? max_version : c->max_version;
	int suite, group;

	if (version < min_version || version < c->min_version) {
		sealed_fail(s, SECURE_VERSION, "the peer speaks no version that is allowed here",
			    tx);
		return false;
	}
	suite = suites_choose(&c->suites, suites, version);
	/* With no suite for the highest version, the one below it may still do. */
	if (suite < 0 && version == WIRE_TLS_1_3 && min_version <= WIRE_TLS_1_2 &&
	    c->min_version <= WIRE_TLS_1_2) {
		version = WIRE_TLS_1_2;
		suite = suites_choose(&c->suites, suites, version);
	}
	group = groups_choose(&c->groups, groups);
	if (suite < 0 || group < 0) {
		sealed_fail(s, SECURE_NO_COMMON,
			    suite < 0 ? "no cipher suite in common" : "no group in common", tx);
		return false;
	}
	s->version = version;
	s->suite = (uint8_t)suite;
	s->group = (uint8_t)group;
	return true;
}

static void on_client_hello(struct sealed_session *s, struct reader *r, struct buf *tx)
{
	struct sealed *c = sealed_of(s);
	uint16_t min_version = (uint16_t)message_get(r, 2);
	uint16_t max_version = (uint16_t)message_get(r, 2);
	uint64_t random = message_get(r, 8);
	uint64_t host = message_get(r, 8), number = message_get(r, 8);
	struct sealed_offer suites = message_get_offer(r, SEALED_SUITES);
	struct sealed_offer groups = message_get_offer(r, SEALED_GROUPS);
	struct span name = message_get_text(r);
	const struct sim_sealed_fault *fault;

	if (r->is_short) {
		sealed_fail(s, SECURE_RECORD, "a malformed ClientHello", tx);
		return;
	}
	fault = find_fault(c, name);
	if (fault && play_fault(s, fault, tx))
		return;
	s->fault = fault ? (uint8_t)fault->kind : SECURE_OK;
	if (!agree(s, min_version, max_version, &suites, &groups, tx))
		return;
	s->is_hello_done = true;
	s->key = s->random ^ random;
	/* A fault in the certificate must be seen, so there is no resuming around it. */
	s->is_resumed = c->options.resume && number != 0 && host == c->host && !fault;
	if (!put_server_flight(s, tx)) {
		no_room(s, tx);
		return;
	}
	if (s->version == WIRE_TLS_1_3)
		s->is_rx_sealed = true;
}

static bool put_tickets(struct sealed_session *s, int count, struct buf *tx)
{
	struct sealed *c = sealed_of(s);
	char message[SEALED_MESSAGE_MAX];

	for (int i = 0; c->options.resume && i < count; i++) {
		struct writer w = message_begin(message);

		message_put(&w, c->host, 8);
		message_put(&w, rng_next(&c->rng) | 1, 8);
		if (!message_send(s, MESSAGE_TICKET, &w, TICKET_SIZE, tx))
			return false;
	}
	return true;
}

static void on_client_finished(struct sealed_session *s, struct buf *tx)
{
	bool is_1_3 = s->version == WIRE_TLS_1_3, is_fine = true;

	if (wants_client_certificate(s) && !s->has_peer_certificate && !s->is_resumed) {
		sealed_fail(s, SECURE_CERT_MISSING, "the peer sent no certificate", tx);
		return;
	}
	if (is_1_3)
		is_fine = put_tickets(s, TICKETS_GIVEN, tx);
	else if (!s->is_resumed)
		is_fine = put_tickets(s, 1, tx) && put_finished(s, tx);
	if (is_fine)
		open_up(s);
	else
		no_room(s, tx);
}

static void on_client_message(struct sealed_session *s, int type, struct reader *r, struct buf *tx)
{
	if (s->is_hello_done == (type == MESSAGE_CLIENT_HELLO) || s->state != STATE_HANDSHAKE)
		type = -1;
	switch (type) {
	case MESSAGE_CLIENT_HELLO:
		on_client_hello(s, r, tx);
		return;
	case MESSAGE_CERTIFICATE:
		on_certificate(s, r, tx);
		return;
	case MESSAGE_CLIENT_KEY:
		return;
	case MESSAGE_FINISHED:
		on_client_finished(s, tx);
		return;
	default:
		out_of_turn(s, tx);
		return;
	}
}

void handshake_on_message(struct sealed_session *s, struct span message, struct buf *tx)
{
	struct reader r;
	size_t len;

	if (message.len < MESSAGE_HEAD) {
		sealed_fail(s, SECURE_RECORD, "a malformed handshake message", tx);
		return;
	}
	len = (size_t)(unsigned char)message.data[1] << 16 |
	      (size_t)(unsigned char)message.data[2] << 8 | (unsigned char)message.data[3];
	r = (struct reader){.left = span_skip(message, MESSAGE_HEAD)};
	if (len != r.left.len) {
		sealed_fail(s, SECURE_RECORD, "a malformed handshake message", tx);
		return;
	}
	if (s->role == SECURE_CLIENT)
		on_server_message(s, (unsigned char)message.data[0], &r, tx);
	else
		on_client_message(s, (unsigned char)message.data[0], &r, tx);
}
