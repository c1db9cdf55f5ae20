/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.c - one TLS conversation over memory: secure.h by wolfSSL's I/O callbacks
 *
 * The library pulls ciphertext from the lent span and pushes records into the caller's buffer; it
 * keeps what it has of an unfinished record itself, so that the span is used up whenever it wants
 * more. A write that could not be placed would have to be repeated with the same arguments, so
 * room is made before each record instead, and the library never has to wait for the way out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/endpoint.h"
#include "tls/internal.h"
#include <wolfssl/error-ssl.h>

int tls_io_receive(WOLFSSL *ssl, char *out, int size, void *session)
{
	struct tls_session *s = session;
	size_t len = (size_t)size < s->in.len ? (size_t)size : s->in.len;

	(void)ssl;
	if (len == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(out, s->in.data, len);
	s->in = span_skip(s->in, len);
	return (int)len;
}

/* Notes whether any of the records is, or what follows it will be, encrypted. */
static void note_records(struct tls_session *s, const char *data, size_t size)
{
	for (size_t at = 0; at + 5 <= size;) {
		size_t len = (size_t)(unsigned char)data[at + 3] << 8 | (unsigned char)data[at + 4];

		if (data[at] == 0x14 || data[at] == 0x17) /* change_cipher_spec, application_data */
			s->has_sealed = true;
		at += 5 + len;
	}
}

int tls_io_send(WOLFSSL *ssl, char *data, int size, void *session)
{
	struct tls_session *s = session;

	(void)ssl;
	if (!buf_append(s->tx, data, (size_t)size)) {
		s->is_tx_full = true;
		return WOLFSSL_CBIO_ERR_GENERAL;
	}
	if (s->state == TLS_STATE_HANDSHAKE && !s->has_sealed)
		note_records(s, data, (size_t)size);
	return size;
}

static int on_ticket(WOLFSSL *ssl, const unsigned char *ticket, int len, void *session)
{
	struct tls_session *s = session;

	(void)ssl;
	(void)ticket;
	s->has_ticket = len > 0;
	return 0;
}

/*
 * SNI is for host names alone (RFC 6066 s3). For the check, the library prints the addresses of a
 * certificate in its own form and compares text, so an address is brought into that form.
 */
static bool set_server_name(struct tls_session *s, enum tls_verify verify, const char *name)
{
	struct endpoint address;
	char text[40]; /* eight groups of four digits, seven colons, NUL */
	const char *expected = name;

	if (!endpoint_parse_address(span_of(name), &address)) {
		size_t len = strlen(name);

		if (len > UINT16_MAX || wolfSSL_UseSNI(s->ssl, WOLFSSL_SNI_HOST_NAME, name,
						       (word16)len) != WOLFSSL_SUCCESS)
			return false;
	} else if (address.family == ENDPOINT_IPV6) {
		for (int i = 0; i < 8; i++)
			snprintf(text + 5 * i, sizeof(text) - 5 * (size_t)i,
				 i < 7 ? "%02X%02X:" : "%02X%02X", address.v6[2 * i],
				 address.v6[2 * i + 1]);
		expected = text;
	}
	return verify != TLS_VERIFY_FULL ||
	       wolfSSL_check_domain_name(s->ssl, expected) == WOLFSSL_SUCCESS;
}

static bool client_set_up(struct tls *t, struct tls_session *s,
			  const struct secure_request *request)
{
	if (request->server_name && !set_server_name(s, t->verify, request->server_name))
		return false;
	if (t->share_group &&
	    wolfSSL_UseKeyShare(s->ssl, (word16)t->share_group) != WOLFSSL_SUCCESS)
		return false;
	if (t->resume && request->resume_key) {
		s->site = tickets_hold_site(&t->tickets, request->resume_key);
		if (!s->site)
			return false;
		wolfSSL_set_SessionTicket_cb(s->ssl, on_ticket, s);
		tickets_offer(&t->tickets, s->site, s->ssl);
	}
	return true;
}

static void session_release(struct secure_session *session)
{
	struct tls_session *s = (struct tls_session *)session;
	struct tls *t = tls_of(session);

	tickets_forget_slot(&s->kept);
	if (s->site)
		tickets_drop_site(&t->tickets, s->site);
	wolfSSL_free(s->ssl);
	free(s->detail);
	slab_free(&t->sessions, s);
}

static enum secure_step handshake_step(struct tls *t, struct tls_session *s);

static struct secure_session *session_open(struct secure *secure,
					   const struct secure_request *request, struct buf *tx,
					   struct err *e)
{
	struct tls *t = (struct tls *)secure;
	struct tls_session *s;

	CHECK(request->role == t->role);
	if (t->role == SECURE_CLIENT && t->verify == TLS_VERIFY_FULL && !request->server_name) {
		err_set(e, EXIT_USAGE, 0,
			"the server's certificate can't be checked without a host name: give one, "
			"or "
			"verify less");
		return NULL;
	}
	s = slab_alloc(&t->sessions);
	if (!s)
		goto no_memory;
	*s = (struct tls_session){.base.secure = secure, .state = TLS_STATE_HANDSHAKE, .tx = tx};
	s->ssl = wolfSSL_new(t->ctx);
	if (!s->ssl) {
		slab_free(&t->sessions, s);
		goto no_memory;
	}
	wolfSSL_SetIOReadCtx(s->ssl, s);
	wolfSSL_SetIOWriteCtx(s->ssl, s);
	wolfSSL_SetCertCbCtx(s->ssl, s);
	if (t->role == SECURE_CLIENT &&
	    (!client_set_up(t, s, request) || handshake_step(t, s) != SECURE_MORE)) {
		session_release(&s->base);
		goto no_memory;
	}
	s->tx = NULL;
	return &s->base;
no_memory:
	err_set(e, EXIT_FAILED, 0, "no memory for another TLS session: fewer sessions would fit");
	return NULL;
}

static void session_feed(struct secure_session *session, struct span in)
{
	struct tls_session *s = (struct tls_session *)session;

	CHECK(s->in.len == 0 || s->state == TLS_STATE_FAILED || s->state == TLS_STATE_CLOSED);
	s->in = in;
}

/*
 * A TLS peer begins with a handshake record or, when it refuses, with an alert; then comes 3, the
 * major version (RFC 8446 s5.1). The library would answer anything else with an error about
 * versions or lengths; the text that a wrong port sends tells more.
 */
static bool looks_like_tls(struct tls_session *s)
{
	for (size_t i = 0; i < s->in.len && s->looked_at < 2; i++, s->looked_at++) {
		unsigned char c = (unsigned char)s->in.data[i];

		if (s->looked_at == 0 ? c != 0x16 && c != 0x15 : c != 0x03)
			return false;
	}
	return true;
}

static enum secure_step step_failed(struct tls_session *s, int error)
{
	tls_fail(s, error);
	s->in = (struct span){0};
	return SECURE_FAILED;
}

/* Puts what the session can be resumed by into the pool, at the moments when it is complete. */
static void keep_ticket(struct tls *t, struct tls_session *s, bool has_just_opened)
{
	bool is_1_3 = wolfSSL_GetVersion(s->ssl) == WOLFSSL_TLSV1_3;

	if (!s->site)
		return;
	if (is_1_3 ? s->has_ticket
		   : has_just_opened && (s->has_ticket || !wolfSSL_session_reused(s->ssl)))
		tickets_keep(&t->tickets, s->site, s->ssl, !is_1_3, &s->kept);
	s->has_ticket = false;
}

static enum secure_step handshake_step(struct tls *t, struct tls_session *s)
{
	int ret, error;

	ret = t->role == SECURE_CLIENT ? wolfSSL_connect(s->ssl) : wolfSSL_accept(s->ssl);
	if (ret == WOLFSSL_SUCCESS) {
		s->state = TLS_STATE_OPEN;
		if (wolfSSL_session_reused(s->ssl))
			t->base.handshakes_resumed++;
		else
			t->base.handshakes_full++;
		keep_ticket(t, s, true);
		return SECURE_OPEN;
	}
	error = wolfSSL_get_error(s->ssl, ret);
	if (error == WOLFSSL_ERROR_WANT_READ && s->in.len == 0)
		return SECURE_MORE;
	if (error == WOLFSSL_ERROR_ZERO_RETURN)
		error = ZERO_RETURN;
	return step_failed(s, error);
}

static enum secure_step data_step(struct tls *t, struct tls_session *s, char *out, size_t out_size,
				  size_t *ret_len)
{
	int ret, error;

	/* The library's lengths are int; a record is 16 KiB anyway. */
	ret = wolfSSL_read(s->ssl, out,
			   (int)(out_size < TLS_RECORD_MAX ? out_size : TLS_RECORD_MAX));
	if (s->has_ticket)
		keep_ticket(t, s, false);
	if (ret > 0) {
		*ret_len = (size_t)ret;
		return SECURE_DATA;
	}
	error = wolfSSL_get_error(s->ssl, ret);
	if (error == WOLFSSL_ERROR_WANT_READ && s->in.len == 0)
		return SECURE_MORE;
	if (error == WOLFSSL_ERROR_ZERO_RETURN) {
		s->state = TLS_STATE_CLOSED;
		s->in = (struct span){0};
		return SECURE_CLOSED;
	}
	return step_failed(s, error);
}

static enum secure_step session_read(struct secure_session *session, char *out, size_t out_size,
				     size_t *ret_len, struct buf *tx)
{
	struct tls_session *s = (struct tls_session *)session;
	struct tls *t = tls_of(session);
	enum secure_step step = SECURE_FAILED;

	CHECK(out_size > 0);
	s->tx = tx;
	switch ((enum tls_state)s->state) {
	case TLS_STATE_HANDSHAKE:
		if (!looks_like_tls(s)) {
			tls_fail_not_tls(s, s->in);
			s->in = (struct span){0};
			break;
		}
		step = handshake_step(t, s);
		break;
	case TLS_STATE_OPEN:
		step = data_step(t, s, out, out_size, ret_len);
		break;
	case TLS_STATE_CLOSED:
		s->in = (struct span){0};
		step = SECURE_CLOSED;
		break;
	case TLS_STATE_FAILED:
		s->in = (struct span){0};
		break;
	}
	s->tx = NULL;
	return step;
}

/*
 * The next record's plain text: a stretch of a segment where that fills the record or ends the
 * text, else what of several segments fits, joined in scratch. Moves (*index, *offset) on.
 */
static struct span next_plain(struct tls *t, const struct iovec *plain, int count, size_t max,
			      int *index, size_t *offset)
{
	size_t joined = 0;

	while (*index < count && joined < max) {
		const char *at = (const char *)plain[*index].iov_base + *offset;
		size_t left = plain[*index].iov_len - *offset;
		size_t take = left < max - joined ? left : max - joined;
		bool is_last = *index + 1 == count;

		*offset += take;
		if (take == left) {
			++*index;
			*offset = 0;
		}
		if (joined == 0 && take > 0 && (take == max || is_last))
			return (struct span){at, take};
		if (take > 0)
			memcpy(t->scratch + joined, at, take);
		joined += take;
	}
	return (struct span){t->scratch, joined};
}

static size_t session_seal(struct secure_session *session, const struct iovec *plain, int count,
			   size_t limit, struct buf *tx)
{
	struct tls_session *s = (struct tls_session *)session;
	struct tls *t = tls_of(session);
	size_t sealed = 0, offset = 0;
	int index = 0;

	if (s->state != TLS_STATE_OPEN && s->state != TLS_STATE_CLOSED)
		return 0;
	s->tx = tx;
	while (sealed < limit) {
		size_t max = limit - sealed < TLS_RECORD_MAX ? limit - sealed : TLS_RECORD_MAX;
		struct span record = next_plain(t, plain, count, max, &index, &offset);
		int ret;

		if (record.len == 0 || !buf_reserve(tx, record.len + TLS_RECORD_OVERHEAD))
			break;
		ret = wolfSSL_write(s->ssl, record.data, (int)record.len);
		if (ret != (int)record.len) {
			tls_fail(s, wolfSSL_get_error(s->ssl, ret));
			break;
		}
		sealed += record.len;
	}
	s->tx = NULL;
	return sealed;
}

static void session_shut(struct secure_session *session, struct buf *tx)
{
	struct tls_session *s = (struct tls_session *)session;

	if (s->state != TLS_STATE_OPEN && s->state != TLS_STATE_CLOSED)
		return;
	s->tx = tx;
	/* Its answer says whether the peer's close_notify came too, which is not waited for. */
	(void)wolfSSL_shutdown(s->ssl);
	s->tx = NULL;
}

static const char *group_name(const char *library_name)
{
	static const char *const names[][2] = {
		{"SECP256R1", "P-256"},	     {"SECP384R1", "P-384"},
		{"SECP521R1", "P-521"},	     {"FFDHE_2048", "ffdhe2048"},
		{"FFDHE_3072", "ffdhe3072"}, {"FFDHE_4096", "ffdhe4096"},
	};

	if (!library_name)
		return "";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], library_name) == 0)
			return names[i][1];
	return library_name;
}

/*
 * TLS 1.3 suites by IANA's name, those of TLS 1.2 as OpenSSL prints them: what options take. For
 * the former the builds disagree about what the library's own functions answer.
 */
static const char *cipher_name(WOLFSSL *ssl)
{
	static const char *const names[][2] = {
		{"TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
		{"TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"},
		{"TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
		{"TLS13-AES128-CCM-SHA256", "TLS_AES_128_CCM_SHA256"},
		{"TLS13-AES128-CCM-8-SHA256", "TLS_AES_128_CCM_8_SHA256"},
	};
	const char *name = wolfSSL_get_cipher_name(ssl);

	if (!name)
		return "";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

static void session_facts(struct secure_session *session, struct secure_facts *ret_facts)
{
	struct tls_session *s = (struct tls_session *)session;

	*ret_facts = (struct secure_facts){.is_resumed = wolfSSL_session_reused(s->ssl)};
	snprintf(ret_facts->version, sizeof(ret_facts->version), "%s", wolfSSL_get_version(s->ssl));
	snprintf(ret_facts->cipher, sizeof(ret_facts->cipher), "%s", cipher_name(s->ssl));
	snprintf(ret_facts->group, sizeof(ret_facts->group), "%s",
		 group_name(wolfSSL_get_curve_name(s->ssl)));
}

static enum secure_failure session_failure(struct secure_session *session, char *detail,
					   size_t detail_size)
{
	struct tls_session *s = (struct tls_session *)session;

	if (detail_size > 0)
		snprintf(detail, detail_size, "%s", s->detail ? s->detail : "");
	return (enum secure_failure)s->failure;
}

static void tls_free(struct secure *secure)
{
	struct tls *t = (struct tls *)secure;

	tickets_fini(&t->tickets);
	slab_fini(&t->sessions);
	wolfSSL_CTX_free(t->ctx);
	free(t->scratch);
	free(t);
#ifdef FP_ECC
	/* Tables of this thread that the library made for speed, some 12 MB. */
	wc_ecc_fp_free();
#endif
}

const struct secure_ops tls_ops = {
	.open = session_open,
	.feed = session_feed,
	.read = session_read,
	.seal = session_seal,
	.shut = session_shut,
	.facts = session_facts,
	.failure = session_failure,
	.release = session_release,
	.free = tls_free,
};
