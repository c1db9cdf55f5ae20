/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * failure.c - why a TLS conversation failed, from what the library says
 *
 * The library has one error number for whatever stopped it. Here it becomes a cause that a report
 * can count and a few words that a person can act on. What a peer sent is the peer's failure
 * (SECURE_RECORD at the least); only a closed list of errors is held to be our own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tls/internal.h"
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#define DETAIL_MAX   256
#define LIBRARY_TEXT 80 /* wolfSSL_ERR_error_string() wants as much, its manual says */
#define SHOWN_MAX    48 /* octets of a stranger's greeting that are shown */

/* The descriptions of RFC 8446 s6.2 and RFC 5246 s7.2, in words. */
static const char *alert_name(int code)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{10, "unexpected message"},
		{20, "bad record MAC"},
		{21, "decryption failed"},
		{22, "record overflow"},
		{30, "decompression failure"},
		{40, "handshake failure"},
		{41, "no certificate"},
		{42, "bad certificate"},
		{43, "unsupported certificate"},
		{44, "certificate revoked"},
		{45, "certificate expired"},
		{46, "certificate unknown"},
		{47, "illegal parameter"},
		{48, "unknown CA"},
		{49, "access denied"},
		{50, "decode error"},
		{51, "decrypt error"},
		{60, "export restriction"},
		{70, "protocol version"},
		{71, "insufficient security"},
		{80, "internal error"},
		{86, "inappropriate fallback"},
		{90, "user canceled"},
		{100, "no renegotiation"},
		{109, "missing extension"},
		{110, "unsupported extension"},
		{111, "certificate unobtainable"},
		{112, "unrecognized name"},
		{113, "bad certificate status response"},
		{114, "bad certificate hash value"},
		{115, "unknown PSK identity"},
		{116, "certificate required"},
		{120, "no application protocol"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

struct verdict {
	int error;
	enum secure_failure failure;
	const char *words; /* NULL: the library's own */
};

static const struct verdict verdicts[] = {
	{VERSION_ERROR, SECURE_VERSION, "the peer speaks no version that is allowed here"},
	{UNSUPPORTED_PROTO_VERSION, SECURE_VERSION, NULL},
	{MATCH_SUITE_ERROR, SECURE_NO_COMMON, "no cipher suite in common"},
	{UNSUPPORTED_SUITE, SECURE_NO_COMMON, "no cipher suite in common"},
	{KEY_SHARE_ERROR, SECURE_NO_COMMON, "no group in common"},
	{BAD_KEY_SHARE_DATA, SECURE_NO_COMMON, "no group in common"},
	{ECC_CURVE_ERROR, SECURE_NO_COMMON, "no group in common"},
	{ECC_CURVETYPE_ERROR, SECURE_NO_COMMON, "no group in common"},

	{ASN_AFTER_DATE_E, SECURE_CERT_EXPIRED, "has expired"},
	{ASN_BEFORE_DATE_E, SECURE_CERT_NOT_YET, "is not valid yet"},
	{ASN_NO_SIGNER_E, SECURE_CERT_UNTRUSTED, "is signed by no trusted CA"},
	{ASN_SELF_SIGNED_E, SECURE_CERT_SELF_SIGNED, "is signed by itself"},
	{ASN_SIG_CONFIRM_E, SECURE_CERT_UNTRUSTED, "has a signature that is not its CA's"},
	{DOMAIN_NAME_MISMATCH, SECURE_CERT_NAME, "is for another name"},
	{IPADDR_MISMATCH, SECURE_CERT_NAME, "is for another address"},
	{CRL_CERT_REVOKED, SECURE_CERT_REVOKED, "is revoked"},
	{OCSP_CERT_REVOKED, SECURE_CERT_REVOKED, "is revoked"},
	{NO_PEER_CERT, SECURE_CERT_MISSING, "the peer sent no certificate"},
	{NO_PEER_VERIFY, SECURE_CERT_MISSING, "the peer did not prove that it has the key"},
	{NOT_CA_ERROR, SECURE_CERT_OTHER, "was signed by what is no CA"},
	{MAX_CHAIN_ERROR, SECURE_CERT_OTHER, "has too long a chain"},
	{ASN_PATHLEN_SIZE_E, SECURE_CERT_OTHER, "has a longer chain than its CA allows"},
	{ASN_PATHLEN_INV_E, SECURE_CERT_OTHER, "has a longer chain than its CA allows"},
	{ASN_NAME_INVALID_E, SECURE_CERT_OTHER, "has a name that its CA may not sign"},
	{KEYUSE_SIGNATURE_E, SECURE_CERT_OTHER, "is not meant for signing"},
	{KEYUSE_ENCIPHER_E, SECURE_CERT_OTHER, "is not meant for key encipherment"},
	{EXTKEYUSE_AUTH_E, SECURE_CERT_OTHER, "is not meant for this side of TLS"},
	{RSA_KEY_SIZE_E, SECURE_CERT_OTHER, "has too small a key"},
	{ECC_KEY_SIZE_E, SECURE_CERT_OTHER, "has too small a key"},
	{VERIFY_CERT_ERROR, SECURE_CERT_OTHER, NULL},
	{PEER_KEY_ERROR, SECURE_CERT_OTHER, NULL},
	{BAD_CERTIFICATE_STATUS_ERROR, SECURE_CERT_OTHER, NULL},

	{VERIFY_MAC_ERROR, SECURE_RECORD, "a record's authentication tag is wrong"},
	{DECRYPT_ERROR, SECURE_RECORD, "a record's authentication tag is wrong"},
	{AES_GCM_AUTH_E, SECURE_RECORD, "a record's authentication tag is wrong"},
	{MAC_CMP_FAILED_E, SECURE_RECORD, "a record's authentication tag is wrong"},
	{UNKNOWN_RECORD_TYPE, SECURE_RECORD, "a record of no known type"},
	{LENGTH_ERROR, SECURE_RECORD, "a record longer than allowed"},
	{ZERO_RETURN, SECURE_CLOSED_EARLY, "the peer sent close_notify"},
	{SOCKET_PEER_CLOSED_E, SECURE_CLOSED_EARLY, NULL},

	{MEMORY_E, SECURE_NO_MEMORY, NULL},
	{MEMORY_ERROR, SECURE_NO_MEMORY, NULL},
	{BAD_FUNC_ARG, SECURE_INTERNAL, NULL},
	{BAD_STATE_E, SECURE_INTERNAL, NULL},
	{BAD_MUTEX_E, SECURE_INTERNAL, NULL},
	{RNG_FAILURE_E, SECURE_INTERNAL, NULL},
	{OPEN_RAN_E, SECURE_INTERNAL, NULL},
	{READ_RAN_E, SECURE_INTERNAL, NULL},
	{NO_PRIVATE_KEY, SECURE_INTERNAL, NULL},
	{NO_CERT_ERROR, SECURE_INTERNAL, NULL},
	{BUILD_MSG_ERROR, SECURE_INTERNAL, NULL},
	{ENCRYPT_ERROR, SECURE_INTERNAL, NULL},
	{GETTIME_ERROR, SECURE_INTERNAL, NULL},
	{NOT_COMPILED_IN, SECURE_INTERNAL, NULL},
};

static bool is_about_certificate(enum secure_failure failure)
{
	return failure >= SECURE_CERT_EXPIRED && failure <= SECURE_CERT_OTHER &&
	       failure != SECURE_CERT_MISSING;
}

static void fail(struct tls_session *s, enum secure_failure failure, const char *detail)
{
	s->state = TLS_STATE_FAILED;
	s->failure = (uint8_t)failure;
	free(s->detail);
	s->detail = strdup(detail);
}

/* Some alerts name the cause better than the mere fact of an alert does. */
static void fail_by_alert(struct tls_session *s, int code)
{
	enum secure_failure failure = SECURE_ALERT;
	const char *name = alert_name(code);
	char detail[DETAIL_MAX];

	if (code == wolfssl_alert_protocol_version)
		failure = SECURE_VERSION;
	else if (code == certificate_required)
		failure = SECURE_CERT_MISSING;
	if (name)
		snprintf(detail, sizeof(detail), "alert: %s", name);
	else
		snprintf(detail, sizeof(detail), "alert: number %d", code);
	fail(s, failure, detail);
}

/* The contents and the whole of the next DER element, which is stepped over; false at nonsense. */
static bool next_element(struct span *der, struct span *ret_contents, struct span *ret_whole)
{
	const unsigned char *at = (const unsigned char *)der->data;
	size_t head = 2, len;

	if (der->len < 2)
		return false;
	len = at[1];
	if (len & 0x80) {
		size_t octets = len & 0x7f;

		if (octets < 1 || octets > 3 || der->len < 2 + octets)
			return false;
		len = 0;
		for (size_t i = 0; i < octets; i++)
			len = len << 8 | at[2 + i];
		head += octets;
	}
	if (len > der->len - head)
		return false;
	*ret_contents = (struct span){der->data + head, len};
	*ret_whole = (struct span){der->data, head + len};
	*der = span_skip(*der, head + len);
	return true;
}

/*
 * Whether issuer and subject are the same name (RFC 5280 s4.1): version (optional), serial number,
 * algorithm, issuer, validity, subject. Not every build of the library tells.
 */
static bool is_self_issued(struct span der)
{
	struct span body, contents, whole, issuer;

	if (!next_element(&der, &contents, &whole) || !next_element(&contents, &body, &whole))
		return false;
	if (body.len > 0 && (unsigned char)body.data[0] == 0xa0 &&
	    !next_element(&body, &contents, &whole))
		return false;
	for (int i = 0; i < 3; i++)
		if (!next_element(&body, &contents, &issuer))
			return false;
	for (int i = 0; i < 2; i++)
		if (!next_element(&body, &contents, &whole))
			return false;
	return span_equal(issuer, whole);
}

/* Remembers where in the chain the fault is; decides nothing. */
int tls_on_certificate_error(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	struct tls_session *s = store->userCtx;
	int total = store->totalCerts, index = store->error_depth;

	if (is_good || !s || total < 0 || total > UINT8_MAX || index < 0 || index >= total)
		return is_good;
	s->chain_length = (uint8_t)total;
	s->chain_index = (uint8_t)index;
	s->is_self_issued = is_self_issued((struct span){(const char *)store->certs[index].buffer,
							 store->certs[index].length});
	return is_good;
}

static void certificate_words(const struct tls_session *s, const char *words, char *out,
			      size_t size)
{
	if (s->chain_index > 0)
		snprintf(out, size, "certificate %u of the peer's chain of %u %s",
			 s->chain_index + 1u, s->chain_length, words);
	else
		snprintf(out, size, "the peer's certificate %s", words);
}

/*
 * For some errors the library sends no alert, and the peer would wait. As long as nothing of ours
 * is encrypted one can be written by hand; a client's keys may be in place before it has sent
 * anything with them, so that it does so for what ServerHello alone can bring about.
 */
static void send_alert(struct tls_session *s, enum secure_failure failure)
{
	bool is_server = tls_of(&s->base)->role == SECURE_SERVER;
	char record[] = {0x15, 0x03, 0x03, 0x00, 0x02, alert_fatal, 0};

	if (failure == SECURE_VERSION)
		record[6] = wolfssl_alert_protocol_version;
	else if (failure == SECURE_NO_COMMON || (is_server && failure == SECURE_CERT_MISSING))
		record[6] = handshake_failure;
	else if (is_server && failure == SECURE_RECORD)
		record[6] = decode_error;
	else if (is_server && failure == SECURE_INTERNAL)
		record[6] = internal_error;
	else
		return;
	/* The session is lost as it is; without memory its end must do as a message. */
	(void)buf_append(s->tx, record, sizeof(record));
}

void tls_fail(struct tls_session *s, int error)
{
	bool may_alert = s->state == TLS_STATE_HANDSHAKE && !s->has_sealed;
	enum secure_failure failure = SECURE_RECORD;
	const char *words = NULL;
	WOLFSSL_ALERT_HISTORY alerts = {0};
	char library[LIBRARY_TEXT], detail[DETAIL_MAX];

	if (s->is_tx_full) {
		fail(s, SECURE_NO_MEMORY, "no memory for what is to be sent");
		return;
	}
	wolfSSL_get_alert_history(s->ssl, &alerts);
	if (error == FATAL_ERROR && alerts.last_rx.level == alert_fatal) {
		fail_by_alert(s, alerts.last_rx.code);
		return;
	}
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].error == error) {
			failure = verdicts[i].failure;
			words = verdicts[i].words;
			break;
		}
	}
	/* Within a conversation, another version in a record's head is just a bad record. */
	if (error == VERSION_ERROR && s->state == TLS_STATE_OPEN)
		failure = SECURE_RECORD, words = "a record of another version";
	/*
	 * A chain that ends in its own root is no self-signed certificate: it is only that nobody
	 * here trusts that root. Some builds tell the two apart, some don't.
	 */
	if (error == ASN_NO_SIGNER_E && s->is_self_issued && s->chain_length == 1)
		failure = SECURE_CERT_SELF_SIGNED, words = "is signed by itself";
	else if (error == ASN_SELF_SIGNED_E && s->chain_length > 1)
		failure = SECURE_CERT_UNTRUSTED, words = "is a root that is not trusted";
	if (words && is_about_certificate(failure)) {
		certificate_words(s, words, detail, sizeof(detail));
	} else if (words) {
		snprintf(detail, sizeof(detail), "%s", words);
	} else {
		wolfSSL_ERR_error_string((unsigned long)error, library);
		snprintf(detail, sizeof(detail), "%s (wolfSSL error %d)", library, error);
	}
	fail(s, failure, detail);
	if (may_alert && alerts.last_tx.level != alert_fatal)
		send_alert(s, failure);
}

void tls_fail_not_tls(struct tls_session *s, struct span first)
{
	char shown[4 * SHOWN_MAX + 4], detail[DETAIL_MAX];
	size_t len = 0;

	/* The first line says it all: a greeting, a status line, a command. */
	while (len < first.len && len < SHOWN_MAX && first.data[len] != '\r' &&
	       first.data[len] != '\n')
		len++;
	log_escape((struct span){first.data, len}, shown, sizeof(shown));
	snprintf(detail, sizeof(detail), "the peer sent \"%s%s\"", shown,
		 len == SHOWN_MAX && first.len > len ? "..." : "");
	fail(s, SECURE_NOT_TLS, detail);
}
