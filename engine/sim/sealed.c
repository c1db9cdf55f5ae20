/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sealed.c - sealed links: contexts, records, and the calls of net/secure.h
 *
 * A record that lies whole in what was fed is read from there; only one that came in pieces is
 * gathered in a buffer, which is given back with the record. An open session without bytes under
 * way owns its structure alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/hash.h"
#include "sim/sealed_private.h"
#include "sim/world.h"

#define STREAM_SEALED	     0x7365616c
#define CERTIFICATE_DEFAULT  1200
#define CERTIFICATE_MAX	     12000
#define CERTIFICATE_TEXT_MAX 2000 /* names and issuer together */
#define TICKETS_DEFAULT	     4096

static void put_u64(char *out, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		out[i] = (char)(value & 0xff);
}

static uint64_t get_u64(const char *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | (unsigned char)in[i];
	return value;
}

/* --- Writing */

static void put_header(char *out, enum sealed_type type, size_t len)
{
	out[0] = (char)type;
	out[1] = 3;
	out[2] = 3;
	out[3] = (char)(len >> 8);
	out[4] = (char)(len & 0xff);
}

/* In place of the tag: the session's key, and the record's number mixed into it. */
static void put_trailer(struct sealed_session *s, char *out, enum sealed_type type)
{
	out[0] = (char)type;
	put_u64(out + 1, s->key);
	put_u64(out + 9, s->key + ++s->tx_number);
}

bool sealed_put(struct sealed_session *s, enum sealed_type type, const void *data, size_t len,
		struct buf *tx)
{
	bool is_sealed = s->is_tx_sealed;
	size_t body = len + (is_sealed ? SEALED_TRAILER : 0);
	char *out;

	if (!buf_reserve(tx, SEALED_HEADER + body))
		return false;
	out = tx->data + tx->len;
	put_header(out, is_sealed && s->version == WIRE_TLS_1_3 ? TYPE_DATA : type, body);
	memcpy(out + SEALED_HEADER, data, len);
	if (is_sealed)
		put_trailer(s, out + SEALED_HEADER + len, type);
	tx->len += SEALED_HEADER + body;
	return true;
}

static size_t sealed_seal(struct secure_session *session, const struct iovec *plain, int count,
			  size_t limit, struct buf *tx)
{
	struct sealed_session *s = (struct sealed_session *)session;
	size_t left = 0, done = 0, offset = 0;
	int idx = 0;

	CHECK(s->state == STATE_OPEN);
	for (int i = 0; i < count; i++)
		left += plain[i].iov_len;
	if (left > limit)
		left = limit;
	while (left > 0) {
		size_t len = left < SEALED_PLAIN_MAX ? left : SEALED_PLAIN_MAX, filled = 0;
		char *out;

		if (!buf_reserve(tx, SEALED_HEADER + len + SEALED_TRAILER))
			break;
		out = tx->data + tx->len;
		put_header(out, TYPE_DATA, len + SEALED_TRAILER);
		out += SEALED_HEADER;
		while (filled < len) {
			size_t part = plain[idx].iov_len - offset;

			if (part > len - filled)
				part = len - filled;
			if (part > 0)
				memcpy(out + filled, (char *)plain[idx].iov_base + offset, part);
			filled += part;
			offset += part;
			if (offset == plain[idx].iov_len) {
				idx++;
				offset = 0;
			}
		}
		put_trailer(s, out + len, TYPE_DATA);
		tx->len += SEALED_HEADER + len + SEALED_TRAILER;
		done += len;
		left -= len;
	}
	return done;
}

static void sealed_shut(struct secure_session *session, struct buf *tx)
{
	struct sealed_session *s = (struct sealed_session *)session;

	if (s->state == STATE_HANDSHAKE || s->state == STATE_OPEN)
		sealed_send_alert(s, ALERT_CLOSE_NOTIFY, tx);
}

/* --- Reading */

static void drop_held(struct sealed_session *s)
{
	buf_fini(&s->held);
	s->is_held_whole = false;
}

/* Octets that the record at the front has, header included; 0: the header is not whole yet. */
static size_t record_size(struct sealed_session *s, struct span at, struct buf *tx)
{
	size_t len;

	if (at.len > 0 &&
	    (at.data[0] < TYPE_CCS || at.data[0] > TYPE_DATA || (at.len > 1 && at.data[1] != 3))) {
		if (s->has_seen_record)
			sealed_fail(s, SECURE_RECORD, "a record of no known type", tx);
		else
			sealed_fail_not_tls(s, at);
		return 0;
	}
	if (at.len < SEALED_HEADER)
		return 0;
	len = (size_t)(unsigned char)at.data[3] << 8 | (unsigned char)at.data[4];
	if (len > SEALED_RECORD_MAX) {
		sealed_fail(s, SECURE_RECORD, "a record longer than allowed", tx);
		return 0;
	}
	s->has_seen_record = true;
	return SEALED_HEADER + len;
}

/* Moves octets from what was fed to what is held, until the record there is whole. */
static bool gather(struct sealed_session *s, struct buf *tx)
{
	while (s->state != STATE_FAILED) {
		size_t size = record_size(s, buf_span(&s->held), tx);
		size_t wanted = size > 0 ? size : SEALED_HEADER;
		size_t part = wanted - s->held.len;

		if (s->state == STATE_FAILED)
			return false;
		if (size > 0 && s->held.len == size)
			return true;
		if (s->in.len == 0)
			return false;
		if (part > s->in.len)
			part = s->in.len;
		if (!buf_append(&s->held, s->in.data, part)) {
			sealed_fail(s, SECURE_NO_MEMORY, "no memory for a record", tx);
			return false;
		}
		s->in = span_skip(s->in, part);
	}
	return false;
}

/* The next whole record; false when there is none, or the session failed. */
static bool next_record(struct sealed_session *s, struct span *ret_record, struct buf *tx)
{
	size_t size;

	if (s->is_held_whole)
		drop_held(s);
	if (s->held.len == 0) {
		size = record_size(s, s->in, tx);
		if (s->state == STATE_FAILED)
			return false;
		if (size > 0 && s->in.len >= size) {
			*ret_record = (struct span){s->in.data, size};
			s->in = span_skip(s->in, size);
			return true;
		}
	}
	if (!gather(s, tx))
		return false;
	s->is_held_whole = true;
	*ret_record = buf_span(&s->held);
	return true;
}

/* Takes header and trailer off; false when the trailer is not the one expected. */
static bool open_record(struct sealed_session *s, struct span record, enum sealed_type *ret_type,
			struct span *ret_plain)
{
	struct span plain = span_skip(record, SEALED_HEADER);
	const char *trailer;

	*ret_type = (enum sealed_type)record.data[0];
	*ret_plain = plain;
	/*
	 * In clear even so: the ChangeCipherSpec of TLS 1.3, which means nothing (RFC 8446 sD.4),
	 * and the alert of a client that gave up before it had keys.
	 */
	if (!s->is_rx_sealed || *ret_type == TYPE_CCS ||
	    (*ret_type == TYPE_ALERT && s->version == WIRE_TLS_1_3))
		return true;
	if (plain.len < SEALED_TRAILER)
		return false;
	plain.len -= SEALED_TRAILER;
	trailer = plain.data + plain.len;
	if (get_u64(trailer + 1) != s->key || get_u64(trailer + 9) != s->key + ++s->rx_number ||
	    plain.len > SEALED_PLAIN_MAX || trailer[0] < TYPE_CCS || trailer[0] > TYPE_DATA)
		return false;
	*ret_type = (enum sealed_type)trailer[0];
	*ret_plain = plain;
	return true;
}

static void on_alert(struct sealed_session *s, struct span plain, struct buf *tx)
{
	int code;

	if (plain.len != 2) {
		sealed_fail(s, SECURE_RECORD, "a malformed alert", tx);
		return;
	}
	code = (unsigned char)plain.data[1];
	if (code != ALERT_CLOSE_NOTIFY)
		sealed_fail_by_alert(s, code);
	else if (s->state == STATE_OPEN)
		s->state = STATE_CLOSED;
	else
		sealed_fail(s, SECURE_CLOSED_EARLY, "the peer sent close_notify", tx);
}

static void on_record(struct sealed_session *s, struct span record, struct buf *tx)
{
	enum sealed_type type;
	struct span plain;

	if (!open_record(s, record, &type, &plain)) {
		sealed_fail(s, SECURE_RECORD, "a record's authentication tag is wrong", tx);
		return;
	}
	switch (type) {
	case TYPE_CCS:
		if (s->version == WIRE_TLS_1_2)
			s->is_rx_sealed = true;
		return;
	case TYPE_ALERT:
		on_alert(s, plain, tx);
		return;
	case TYPE_HANDSHAKE:
		handshake_on_message(s, plain, tx);
		return;
	case TYPE_DATA:
		if (s->state == STATE_OPEN)
			s->data = plain;
		else
			sealed_fail(s, SECURE_RECORD, "data before the handshake was over", tx);
		return;
	}
}

static enum secure_step sealed_read(struct secure_session *session, char *out, size_t out_size,
				    size_t *ret_len, struct buf *tx)
{
	struct sealed_session *s = (struct sealed_session *)session;

	for (;;) {
		struct span record;

		if (s->data.len > 0) {
			size_t len = s->data.len < out_size ? s->data.len : out_size;

			memcpy(out, s->data.data, len);
			s->data = span_skip(s->data, len);
			*ret_len = len;
			return SECURE_DATA;
		}
		if (s->is_just_open) {
			s->is_just_open = false;
			return SECURE_OPEN;
		}
		if (s->state == STATE_CLOSED || s->state == STATE_FAILED) {
			s->in.len = 0;
			drop_held(s);
			return s->state == STATE_CLOSED ? SECURE_CLOSED : SECURE_FAILED;
		}
		if (next_record(s, &record, tx))
			on_record(s, record, tx);
		else if (s->state != STATE_FAILED)
			return SECURE_MORE;
	}
}

static void sealed_feed(struct secure_session *session, struct span in)
{
	struct sealed_session *s = (struct sealed_session *)session;

	CHECK(s->in.len == 0);
	s->in = in;
}

/* --- Sessions and contexts */

static struct secure_session *sealed_open(struct secure *secure,
					  const struct secure_request *request, struct buf *tx,
					  struct err *e)
{
	struct sealed *c = (struct sealed *)secure;
	struct sealed_session *s;

	if (request->role != c->options.role) {
		err_set(e, EXIT_FAILED, 0, "a TLS context serves one role, not the other");
		return NULL;
	}
	s = slab_alloc(&c->sessions);
	if (!s)
		goto no_memory;
	*s = (struct sealed_session){.session.secure = secure, .role = (uint8_t)request->role};
	buf_init(&s->held, SEALED_HEADER + SEALED_RECORD_MAX);
	s->random = rng_next(&c->rng);
	if (s->role == SECURE_CLIENT) {
		s->server_name = request->server_name ? strdup(request->server_name) : NULL;
		s->resume_key = request->resume_key ? strdup(request->resume_key) : NULL;
		if ((request->server_name && !s->server_name) ||
		    (request->resume_key && !s->resume_key) || !handshake_start(s, tx)) {
			secure_release(&s->session);
			goto no_memory;
		}
	}
	return &s->session;
no_memory:
	err_set(e, EXIT_FAILED, 0, "no memory for a TLS session");
	return NULL;
}

static void sealed_facts(struct secure_session *session, struct secure_facts *ret_facts)
{
	struct sealed_session *s = (struct sealed_session *)session;

	*ret_facts = (struct secure_facts){.is_resumed = s->is_resumed};
	snprintf(ret_facts->version, sizeof(ret_facts->version), "%s",
		 s->version == WIRE_TLS_1_3 ? "TLSv1.3" : "TLSv1.2");
	snprintf(ret_facts->cipher, sizeof(ret_facts->cipher), "%s", suite_name(s->suite));
	snprintf(ret_facts->group, sizeof(ret_facts->group), "%s", group_name(s->group));
}

static enum secure_failure sealed_failure(struct secure_session *session, char *detail,
					  size_t detail_size)
{
	struct sealed_session *s = (struct sealed_session *)session;

	if (detail_size > 0)
		snprintf(detail, detail_size, "%s", s->detail ? s->detail : "");
	return s->failure;
}

static void sealed_release(struct secure_session *session)
{
	struct sealed_session *s = (struct sealed_session *)session;

	buf_fini(&s->held);
	free(s->server_name);
	free(s->resume_key);
	free(s->detail);
	slab_free(&sealed_of(s)->sessions, s);
}

static char *unconst(const char *text)
{
	char *plain;

	memcpy(&plain, &text, sizeof(plain));
	return plain;
}

static void sealed_free(struct secure *secure)
{
	struct sealed *c = (struct sealed *)secure;

	CHECK(c->sessions.in_use == 0);
	for (int i = 0; i < c->options.fault_count && c->faults; i++)
		free(unconst(c->faults[i].server_name));
	free(c->faults);
	free(unconst(c->certificate.names));
	free(unconst(c->certificate.issuer));
	free(unconst(c->options.trusted));
	tickets_fini(c);
	slab_fini(&c->sessions);
	c->sim->member_count--;
	free(c);
}

static const struct secure_ops sealed_ops = {
	.open = sealed_open,
	.feed = sealed_feed,
	.read = sealed_read,
	.seal = sealed_seal,
	.shut = sealed_shut,
	.facts = sealed_facts,
	.failure = sealed_failure,
	.release = sealed_release,
	.free = sealed_free,
};

static bool copy_text(const char **text)
{
	if (!*text)
		return true;
	*text = strdup(*text);
	return *text != NULL;
}

/* Copies what the options point to, all of it also after a failure; false: memory is exhausted. */
static bool copy_options(struct sealed *c, const struct sim_secure_options *o)
{
	bool is_fine = true;

	c->options.fault_count = 0;
	if (o->certificate) {
		c->certificate = *o->certificate;
		c->options.certificate = &c->certificate;
		is_fine = copy_text(&c->certificate.names);
		is_fine = copy_text(&c->certificate.issuer) && is_fine;
		if (c->certificate.size == 0)
			c->certificate.size = CERTIFICATE_DEFAULT;
	}
	is_fine = copy_text(&c->options.trusted) && is_fine;
	if (o->fault_count == 0)
		return is_fine;
	c->faults = calloc((size_t)o->fault_count, sizeof(*c->faults));
	if (!c->faults)
		return false;
	for (int i = 0; i < o->fault_count; i++) {
		c->faults[i] = o->faults[i];
		is_fine = copy_text(&c->faults[i].server_name) && is_fine;
		c->options.fault_count++;
	}
	return is_fine;
}

static int check_options(const struct sim_secure_options *o, struct err *e)
{
	const struct sim_certificate *shown = o->certificate;

	if (o->role == SECURE_SERVER && (!shown || !shown->names))
		return err_set(e, EXIT_USAGE, 0, "sealed links: a server needs a certificate");
	if (shown &&
	    (strlen(shown->names ? shown->names : "") + strlen(shown->issuer ? shown->issuer : "") >
		     CERTIFICATE_TEXT_MAX ||
	     shown->size > CERTIFICATE_MAX))
		return err_set(e, EXIT_USAGE, 0, "sealed links: the certificate is too large");
	return 0;
}

static uint64_t host_of(const struct sealed *c)
{
	const char *names = c->certificate.names ? c->certificate.names : "";

	return hash_octets(c->sim->options.seed ^ HASH_START, names, strlen(names));
}

struct secure *sim_secure(struct sim *sim, const struct sim_secure_options *options, struct err *e)
{
	const struct sim_secure_options o = options ? *options : (struct sim_secure_options){0};
	struct sealed *c;

	if (check_options(&o, e) < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_set(e, EXIT_FAILED, 0, "no memory for TLS contexts");
		return NULL;
	}
	c->secure.ops = &sealed_ops;
	c->sim = sim;
	sim->member_count++;
	c->options = o;
	if (c->options.tickets_max == 0)
		c->options.tickets_max = TICKETS_DEFAULT;
	slab_init(&c->sessions, sizeof(struct sealed_session));
	rng_fork(&c->rng, sim->options.seed, STREAM_SEALED + sim->worker_count++);
	c->min_version = o.min_version == SIM_TLS_1_3 ? WIRE_TLS_1_3 : WIRE_TLS_1_2;
	c->max_version = o.max_version == SIM_TLS_1_2 ? WIRE_TLS_1_2 : WIRE_TLS_1_3;
	if (!copy_options(c, &o)) {
		err_set(e, EXIT_FAILED, 0, "no memory for TLS contexts");
	} else if (c->min_version > c->max_version) {
		err_set(e, EXIT_USAGE, 0, "sealed links: the lowest version is above the highest");
	} else if (!suites_parse(o.ciphers, &c->suites) || !groups_parse(o.groups, &c->groups)) {
		err_set(e, EXIT_USAGE, 0, "sealed links: an unknown cipher suite or group");
	} else {
		c->host = host_of(c);
		return &c->secure;
	}
	sealed_free(&c->secure);
	return NULL;
}
