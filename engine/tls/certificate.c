/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificate.c - makes keys and certificates by wolfCrypt
 *
 * Three kinds of key for the certificate itself; a CA always has an ECDSA P-256 key, which is made
 * in no time. The library sets validity as days from now, so the dates are encoded here, and so
 * are the alternative names, which it takes as DER only.
 */
#include "tls/certificate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/endpoint.h"
#include "crypt/random.h"
#include "tls/internal.h"
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define DER_MAX	     8192
#define PEM_MAX	     (2 * DER_MAX)
#define SERIAL_LEN   16
#define NAME_MAX_LEN 253 /* a host name, RFC 1035 s2.3.4 as text */
#define DAY_SECONDS  86400
#define RSA_BITS     2048
#define P256_OCTETS  32

struct key {
	enum certificate_key kind;
	bool is_made;
	union {
		ecc_key ecc;
		RsaKey rsa;
		ed25519_key ed25519;
	};
};

/* Everything that is needed while a certificate is made; on the heap, for its size. */
struct workshop {
	WC_RNG rng;
	bool has_rng;
	struct key own, ca;
	Cert cert;
	unsigned char der[DER_MAX], ca_der[DER_MAX];
	char pem[PEM_MAX];
};

static int library_error(struct err *e, const char *doing, int error)
{
	char text[80];

	wolfSSL_ERR_error_string((unsigned long)error, text);
	return err_set(e, EXIT_FAILED, 0, "can't make a certificate: %s: %s", doing, text);
}

static int library_type(enum certificate_key kind)
{
	switch (kind) {
	case CERTIFICATE_ECDSA_P256:
		return ECC_TYPE;
	case CERTIFICATE_RSA_2048:
		return RSA_TYPE;
	case CERTIFICATE_ED25519:
		return ED25519_TYPE;
	}
	return -1;
}

static int signature_type(enum certificate_key kind)
{
	switch (kind) {
	case CERTIFICATE_ECDSA_P256:
		return CTC_SHA256wECDSA;
	case CERTIFICATE_RSA_2048:
		return CTC_SHA256wRSA;
	case CERTIFICATE_ED25519:
		return CTC_ED25519;
	}
	return -1;
}

/* Any of the union's members: they begin at the same address. */
static void *key_handle(struct key *k)
{
	return &k->ecc;
}

static int key_make(struct key *k, enum certificate_key kind, WC_RNG *rng, struct err *e)
{
	int ret = BAD_FUNC_ARG;

	k->kind = kind;
	switch (kind) {
	case CERTIFICATE_ECDSA_P256:
		ret = wc_ecc_init(&k->ecc);
		k->is_made = ret == 0;
		if (ret == 0)
			ret = wc_ecc_make_key_ex(rng, P256_OCTETS, &k->ecc, ECC_SECP256R1);
		break;
	case CERTIFICATE_RSA_2048:
		ret = wc_InitRsaKey(&k->rsa, NULL);
		k->is_made = ret == 0;
		if (ret == 0)
			ret = wc_MakeRsaKey(&k->rsa, RSA_BITS, WC_RSA_EXPONENT, rng);
		break;
	case CERTIFICATE_ED25519:
		ret = wc_ed25519_init(&k->ed25519);
		k->is_made = ret == 0;
		if (ret == 0)
			ret = wc_ed25519_make_key(rng, ED25519_KEY_SIZE, &k->ed25519);
		break;
	}
	return ret == 0 ? 0 : library_error(e, "the key", ret);
}

static void key_wipe(struct key *k)
{
	if (!k->is_made)
		return;
	switch (k->kind) {
	case CERTIFICATE_ECDSA_P256:
		wc_ecc_free(&k->ecc);
		break;
	case CERTIFICATE_RSA_2048:
		wc_FreeRsaKey(&k->rsa);
		break;
	case CERTIFICATE_ED25519:
		wc_ed25519_free(&k->ed25519);
		break;
	}
	k->is_made = false;
}

static int append_pem(struct workshop *w, int len, int type, struct buf *out, struct err *e)
{
	int ret;

	if (len <= 0)
		return library_error(e, "its encoding", len);
	ret = wc_DerToPem(w->der, (word32)len, (byte *)w->pem, sizeof(w->pem), type);
	if (ret <= 0)
		return library_error(e, "its PEM", ret);
	if (!buf_append(out, w->pem, (size_t)ret))
		return err_set(e, EXIT_FAILED, 0, "no memory for a certificate");
	return 0;
}

static int key_write(struct workshop *w, struct key *k, struct buf *out, struct err *e)
{
	switch (k->kind) {
	case CERTIFICATE_ECDSA_P256:
		return append_pem(w, wc_EccKeyToDer(&k->ecc, w->der, DER_MAX), ECC_PRIVATEKEY_TYPE,
				  out, e);
	case CERTIFICATE_RSA_2048:
		return append_pem(w, wc_RsaKeyToDer(&k->rsa, w->der, DER_MAX), PRIVATEKEY_TYPE, out,
				  e);
	case CERTIFICATE_ED25519:
		return append_pem(w, wc_Ed25519PrivateKeyToDer(&k->ed25519, w->der, DER_MAX),
				  PKCS8_PRIVATEKEY_TYPE, out, e);
	}
	return -1;
}

/* Time of RFC 5280 s4.1.2.5: UTCTime until 2049, GeneralizedTime after. Returns the length, 0: no.
 */
static int encode_time(unsigned char *out, int64_t seconds)
{
	char text[64];
	time_t when = (time_t)seconds;
	struct tm parts;
	bool is_utc_time;
	int year, len;

	if (!gmtime_r(&when, &parts) || parts.tm_year < 50 || parts.tm_year > 9999 - 1900)
		return 0;
	year = parts.tm_year + 1900;
	is_utc_time = year < 2050;
	len = snprintf(text, sizeof(text), "%0*d%02d%02d%02d%02d%02dZ", is_utc_time ? 2 : 4,
		       is_utc_time ? year % 100 : year, parts.tm_mon + 1, parts.tm_mday,
		       parts.tm_hour, parts.tm_min, parts.tm_sec);
	out[0] = is_utc_time ? 0x17 : 0x18;
	out[1] = (unsigned char)len;
	memcpy(out + 2, text, (size_t)len);
	return len + 2;
}

/* One GeneralName: [2] dNSName or [7] iPAddress, RFC 5280 s4.2.1.6. */
static bool append_name(struct buf *out, const char *name)
{
	struct endpoint address;
	unsigned char head[3] = {0x82, (unsigned char)strlen(name), 0};
	const void *value = name;
	size_t head_len = 2;

	if (endpoint_parse_address(span_of(name), &address)) {
		bool is_v4 = address.family == ENDPOINT_IPV4;

		head[0] = 0x87;
		head[1] = is_v4 ? sizeof(address.v4) : sizeof(address.v6);
		value = is_v4 ? address.v4 : address.v6;
		return buf_append(out, head, 2) && buf_append(out, value, head[1]);
	}
	if (strlen(name) > 127) { /* the long form of a length */
		head[1] = 0x81;
		head[2] = (unsigned char)strlen(name);
		head_len = 3;
	}
	return buf_append(out, head, head_len) && buf_append(out, value, strlen(name));
}

static int set_names(Cert *cert, const struct certificate_request *r, struct err *e)
{
	struct buf names;
	size_t head = 0;
	int status = -1;

	buf_init(&names, CERTIFICATE_NAMES_MAX * (NAME_MAX_LEN + 3));
	for (int i = 0; i < r->name_count; i++)
		if (!append_name(&names, r->names[i]))
			goto out;
	/* SEQUENCE with its length in as few octets as it takes (DER). */
	cert->altNames[head++] = 0x30;
	if (names.len > 255) {
		cert->altNames[head++] = 0x82;
		cert->altNames[head++] = (unsigned char)(names.len >> 8);
	} else if (names.len > 127) {
		cert->altNames[head++] = 0x81;
	}
	cert->altNames[head++] = (unsigned char)names.len;
	if (head + names.len <= sizeof(cert->altNames)) {
		memcpy(cert->altNames + head, names.data, names.len);
		cert->altNamesSz = (int)(head + names.len);
		status = 0;
	}
out:
	buf_fini(&names);
	return status == 0 ? 0 : err_set(e, EXIT_FAILED, 0, "no memory for a certificate's names");
}

/* What CA and server certificate have in common. */
static int cert_begin(struct workshop *w, struct key *k, const char *name, int64_t not_before,
		      int64_t not_after, struct err *e)
{
	Cert *cert = &w->cert;
	int ret = wc_InitCert(cert);

	if (ret != 0)
		return library_error(e, "its structure", ret);
	crypt_random(cert->serial, SERIAL_LEN);
	cert->serial[0] = (cert->serial[0] & 0x7f) | 0x40; /* positive, and no leading zeros */
	cert->serialSz = SERIAL_LEN;
	snprintf(cert->subject.commonName, sizeof(cert->subject.commonName), "%s",
		 strlen(name) < sizeof(cert->subject.commonName) ? name : "volley");
	cert->beforeDateSz = encode_time(cert->beforeDate, not_before);
	cert->afterDateSz = encode_time(cert->afterDate, not_after);
	if (!cert->beforeDateSz || !cert->afterDateSz)
		return err_set(e, EXIT_USAGE, 0, "a certificate's dates lie between 1950 and 9999");
	ret = wc_SetSubjectKeyIdFromPublicKey_ex(cert, library_type(k->kind), key_handle(k));
	return ret == 0 ? 0 : library_error(e, "its key identifier", ret);
}

/* Encodes and signs w->cert into w->der; the length, or -1 with *e set. */
static int cert_sign(struct workshop *w, struct key *subject, struct key *signer, struct err *e)
{
	int ret;

	w->cert.sigType = signature_type(signer->kind);
	ret = wc_MakeCert_ex(&w->cert, w->der, DER_MAX, library_type(subject->kind),
			     key_handle(subject), &w->rng);
	if (ret < 0)
		return library_error(e, "its body", ret);
	ret = wc_SignCert_ex(w->cert.bodySz, w->cert.sigType, w->der, DER_MAX,
			     library_type(signer->kind), key_handle(signer), &w->rng);
	return ret > 0 ? ret : library_error(e, "its signature", ret);
}

static int make_ca(struct workshop *w, const struct certificate_request *r, struct certificate *out,
		   struct err *e)
{
	bool is_dated = r->ca_not_before != 0 || r->ca_not_after != 0;
	int64_t from = is_dated ? r->ca_not_before : r->not_before - DAY_SECONDS;
	int64_t until = is_dated ? r->ca_not_after : r->not_after + DAY_SECONDS;
	int len;

	if (key_make(&w->ca, CERTIFICATE_ECDSA_P256, &w->rng, e) < 0 ||
	    cert_begin(w, &w->ca, "volley throw-away CA", from, until, e) < 0)
		return -1;
	w->cert.isCA = 1;
	wc_SetKeyUsage(&w->cert, "keyCertSign,cRLSign");
	len = cert_sign(w, &w->ca, &w->ca, e);
	if (len < 0 || append_pem(w, len, CERT_TYPE, &out->ca, e) < 0)
		return -1;
	return key_write(w, &w->ca, &out->ca_key, e);
}

/* Reads the CA's key back from the issuer that the caller handed in. */
static int take_ca(struct workshop *w, const struct certificate *issuer, struct certificate *out,
		   struct err *e)
{
	word32 index = 0;
	int len;

	if (issuer->ca.len == 0 || issuer->ca_key.len == 0)
		return err_set(e, EXIT_USAGE, 0, "a certificate without a CA can't issue another");
	len = wc_KeyPemToDer((const byte *)issuer->ca_key.data, (int)issuer->ca_key.len, w->der,
			     DER_MAX, NULL);
	if (len <= 0)
		return library_error(e, "its CA's key", len);
	w->ca.kind = CERTIFICATE_ECDSA_P256;
	w->ca.is_made = wc_ecc_init(&w->ca.ecc) == 0;
	if (!w->ca.is_made || wc_EccPrivateKeyDecode(w->der, &index, &w->ca.ecc, (word32)len) != 0)
		return err_set(e, EXIT_FAILED, 0, "the CA's key can't be read");
	if (!buf_append(&out->ca, issuer->ca.data, issuer->ca.len) ||
	    !buf_append(&out->ca_key, issuer->ca_key.data, issuer->ca_key.len))
		return err_set(e, EXIT_FAILED, 0, "no memory for a certificate");
	return 0;
}

static int make_own(struct workshop *w, const struct certificate_request *r,
		    struct certificate *out, struct err *e)
{
	struct key *signer = r->self_signed ? &w->own : &w->ca;
	int ret = 0, len, ca_len;

	if (key_make(&w->own, r->key, &w->rng, e) < 0 ||
	    cert_begin(w, &w->own, r->names[0], r->not_before, r->not_after, e) < 0 ||
	    set_names(&w->cert, r, e) < 0)
		return -1;
	wc_SetKeyUsage(&w->cert, r->key == CERTIFICATE_RSA_2048 ? "digitalSignature,keyEncipherment"
								: "digitalSignature");
	wc_SetExtKeyUsage(&w->cert, "serverAuth,clientAuth");
	if (!r->self_signed) {
		ca_len = wc_CertPemToDer((const byte *)out->ca.data, (int)out->ca.len, w->ca_der,
					 DER_MAX, CERT_TYPE);
		ret = ca_len > 0 ? wc_SetIssuerBuffer(&w->cert, w->ca_der, ca_len) : ca_len;
		if (ret >= 0)
			ret = wc_SetAuthKeyIdFromPublicKey_ex(&w->cert, ECC_TYPE, &w->ca.ecc);
	}
	if (ret < 0)
		return library_error(e, "its issuer", ret);
	len = cert_sign(w, &w->own, signer, e);
	if (len < 0 || append_pem(w, len, CERT_TYPE, &out->cert, e) < 0)
		return -1;
	return key_write(w, &w->own, &out->key, e);
}

static int check_request(const struct certificate_request *r, struct err *e)
{
	if (r->name_count < 1 || r->name_count > CERTIFICATE_NAMES_MAX)
		return err_set(e, EXIT_USAGE, 0, "a certificate has 1 to %d names",
			       CERTIFICATE_NAMES_MAX);
	for (int i = 0; i < r->name_count; i++) {
		size_t len = strlen(r->names[i]);

		if (len < 1 || len > NAME_MAX_LEN)
			return err_set(e, EXIT_USAGE, 0, "a certificate's name has 1 to %d octets",
				       NAME_MAX_LEN);
	}
	if (r->not_before >= r->not_after)
		return err_set(e, EXIT_USAGE, 0, "a certificate's validity ends before it begins");
	return 0;
}

int tls_certificate_make(const struct certificate_request *r, struct certificate *ret_certificate,
			 struct err *e)
{
	struct certificate made;
	struct workshop *w;
	int status = -1;

	if (check_request(r, e) < 0)
		return -1;
	if (!tls_library_start())
		return err_set(e, EXIT_FAILED, 0,
			       "the TLS library could not be started: no memory?");
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, EXIT_FAILED, 0, "no memory for a certificate");
	buf_init(&made.cert, PEM_MAX);
	buf_init(&made.key, PEM_MAX);
	buf_init(&made.ca, PEM_MAX);
	buf_init(&made.ca_key, PEM_MAX);
	w->has_rng = wc_InitRng(&w->rng) == 0;
	if (!w->has_rng)
		err_set(e, EXIT_FAILED, 0, "no random numbers for a certificate's key");
	else if (r->self_signed)
		status = make_own(w, r, &made, e);
	else if ((r->issuer ? take_ca(w, r->issuer, &made, e) : make_ca(w, r, &made, e)) == 0)
		status = make_own(w, r, &made, e);
	if (w->has_rng)
		wc_FreeRng(&w->rng);
	key_wipe(&w->own);
	key_wipe(&w->ca);
	explicit_bzero(w, sizeof(*w));
	free(w);
	if (status == 0)
		*ret_certificate = made;
	else
		certificate_fini(&made);
	return status;
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_fini(b);
}

void certificate_fini(struct certificate *c)
{
	wipe(&c->key);
	wipe(&c->ca_key);
	buf_fini(&c->cert);
	buf_fini(&c->ca);
}
