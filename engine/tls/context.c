/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * context.c - from options to one thread's context of the library
 *
 * Files are read here and not by the library, so that a missing file, an unreadable one and one
 * without a certificate in it give three different sentences.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tls/internal.h"
#include "tls/offer.h"
#include <wolfssl/error-ssl.h>

static int read_file(const char *what, const char *path, struct buf *ret_text, struct err *e)
{
	FILE *file = fopen(path, "re");
	int status = -1;

	buf_init(ret_text, TLS_CREDENTIAL_MAX);
	if (!file)
		return err_set(e, EXIT_USAGE, errno, "can't open the %s %s: %s", what, path,
			       strerror(errno));
	for (;;) {
		size_t got;

		if (!buf_reserve(ret_text, BUFSIZ)) {
			err_set(e, EXIT_USAGE, 0, "the %s %s is larger than %u MiB", what, path,
				TLS_CREDENTIAL_MAX >> 20);
			break;
		}
		got = fread(ret_text->data + ret_text->len, 1, BUFSIZ, file);
		ret_text->len += got;
		if (got < BUFSIZ && ferror(file)) {
			err_set(e, EXIT_USAGE, errno, "can't read the %s %s: %s", what, path,
				strerror(errno));
			break;
		}
		if (got < BUFSIZ) {
			status = 0;
			break;
		}
	}
	fclose(file);
	if (status < 0)
		buf_fini(ret_text);
	return status;
}

/* The library's words for one of its error numbers; text must hold 80 octets. */
static const char *reason(int error, char *text)
{
	/* The library reports "nothing found" as 0, for which it has no words. */
	if (error == 0)
		return "it holds none in PEM form";
	wolfSSL_ERR_error_string((unsigned long)error, text);
	return text;
}

static int use_cas(WOLFSSL_CTX *ctx, struct span pem, const char *name, struct err *e)
{
	char text[80];
	int ret = wolfSSL_CTX_load_verify_buffer(ctx, (const unsigned char *)pem.data,
						 (long)pem.len, WOLFSSL_FILETYPE_PEM);

	if (ret != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0, "no usable CA certificate in %s: %s", name,
			       reason(ret, text));
	return 0;
}

static int use_ca_folder(WOLFSSL_CTX *ctx, const char *path, struct err *e)
{
	char text[80];
	struct stat status;
	int ret;

	if (stat(path, &status) < 0)
		return err_set(e, EXIT_USAGE, errno, "can't open the CA folder %s: %s", path,
			       strerror(errno));
	/* Other files may lie there too, and an outdated CA must not spoil the rest. */
	ret = wolfSSL_CTX_load_verify_locations_ex(ctx, NULL, path, WOLFSSL_LOAD_FLAG_IGNORE_ERR);
	if (ret != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0, "no usable CA certificate in the folder %s: %s",
			       path, reason(ret, text));
	return 0;
}

static int use_trust(WOLFSSL_CTX *ctx, const struct tls_options *o, struct err *e)
{
	if (o->ca_pem.len > 0 && use_cas(ctx, o->ca_pem, "the CA given in memory", e) < 0)
		return -1;
	if (o->ca_file) {
		struct buf pem;
		int status;

		if (read_file("CA file", o->ca_file, &pem, e) < 0)
			return -1;
		status = use_cas(ctx, buf_span(&pem), o->ca_file, e);
		buf_fini(&pem);
		if (status < 0)
			return -1;
	}
	if (o->ca_path && use_ca_folder(ctx, o->ca_path, e) < 0)
		return -1;
	if (o->ca_pem.len > 0 || o->ca_file || o->ca_path)
		return 0;
	if (o->role == SECURE_SERVER)
		return err_set(
			e, EXIT_USAGE, 0,
			"client certificates can't be required without a CA to check them by");
	if (wolfSSL_CTX_load_system_CA_certs(ctx) != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0,
			       "this system has no CA store to verify certificates by: install "
			       "ca-certificates, name a CA file, or verify less");
	return 0;
}

static int use_certificate(WOLFSSL_CTX *ctx, struct span cert, const char *cert_name,
			   struct span key, const char *key_name, struct err *e)
{
	char text[80];
	int ret;

	ret = wolfSSL_CTX_use_certificate_chain_buffer(ctx, (const unsigned char *)cert.data,
						       (long)cert.len);
	if (ret != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0, "no usable certificate in %s: %s", cert_name,
			       reason(ret, text));
	ret = wolfSSL_CTX_use_PrivateKey_buffer(ctx, (const unsigned char *)key.data, (long)key.len,
						WOLFSSL_FILETYPE_PEM);
	if (ret != WOLFSSL_SUCCESS)
		return err_set(
			e, EXIT_USAGE, 0,
			"no usable private key in %s (a key with a passphrase is not read): %s",
			key_name, reason(ret, text));
	if (wolfSSL_CTX_check_private_key(ctx) != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0,
			       "the private key in %s is not that of the certificate in %s",
			       key_name, cert_name);
	return 0;
}

static int use_own(WOLFSSL_CTX *ctx, const struct tls_options *o, struct err *e)
{
	struct buf cert = {0}, key = {0};
	const char *key_file = o->key_file ? o->key_file : o->cert_file;
	int status = -1;

	if (o->cert_pem.len > 0)
		return use_certificate(ctx, o->cert_pem, "the certificate given in memory",
				       o->key_pem, "the key given in memory", e);
	if (!o->cert_file && o->key_file)
		return err_set(e, EXIT_USAGE, 0, "a private key was given without its certificate");
	if (!o->cert_file && o->role == SECURE_SERVER)
		return err_set(e, EXIT_USAGE, 0, "a TLS server needs a certificate");
	if (!o->cert_file)
		return 0;
	if (read_file("certificate file", o->cert_file, &cert, e) == 0 &&
	    read_file("key file", key_file, &key, e) == 0)
		status = use_certificate(ctx, buf_span(&cert), o->cert_file, buf_span(&key),
					 key_file, e);
	if (key.data)
		explicit_bzero(key.data, key.cap);
	buf_fini(&key);
	buf_fini(&cert);
	return status;
}

static WOLFSSL_METHOD *method(enum secure_role role, const struct tls_offer *offer)
{
	bool is_client = role == SECURE_CLIENT;

	if (offer->max_version == TLS_VERSION_1_2)
		return is_client ? wolfTLSv1_2_client_method() : wolfTLSv1_2_server_method();
	if (offer->min_version == TLS_VERSION_1_3)
		return is_client ? wolfTLSv1_3_client_method() : wolfTLSv1_3_server_method();
	/* The method that negotiates; its lower end is set beside. */
	return is_client ? wolfSSLv23_client_method() : wolfSSLv23_server_method();
}

/* What is known to differ between builds is set, whatever the default of this one. */
static int context_set_up(struct tls *t, const struct tls_options *o, const struct tls_offer *offer,
			  struct err *e)
{
	WOLFSSL_CTX *ctx = t->ctx;
	int min = offer->min_version == TLS_VERSION_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
	int mode = WOLFSSL_VERIFY_NONE;

	if (wolfSSL_CTX_SetMinVersion(ctx, min) != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_FAILED, 0,
			       "this build of wolfSSL lacks the TLS version asked for");
	if (o->role == SECURE_CLIENT && o->verify != TLS_VERIFY_NONE)
		mode = WOLFSSL_VERIFY_PEER;
	else if (o->role == SECURE_SERVER && o->require_client_cert)
		mode = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	wolfSSL_CTX_set_verify(ctx, mode,
			       mode == WOLFSSL_VERIFY_NONE ? NULL : tls_on_certificate_error);
	if (mode != WOLFSSL_VERIFY_NONE && use_trust(ctx, o, e) < 0)
		return -1;
	if (use_own(ctx, o, e) < 0 || tls_offer_apply(offer, ctx, o->role, e) < 0)
		return -1;
	wolfSSL_CTX_SetIORecv(ctx, tls_io_receive);
	wolfSSL_CTX_SetIOSend(ctx, tls_io_send);
	if (o->role == SECURE_SERVER && o->resume) {
		wolfSSL_CTX_set_TicketEncCb(ctx, tls_ticket_seal);
	} else if (o->role == SECURE_SERVER) {
		wolfSSL_CTX_NoTicketTLSv12(ctx);
		wolfSSL_CTX_no_ticket_TLSv13(ctx);
	} else if (o->resume) {
		wolfSSL_CTX_UseSessionTicket(ctx);
	}
	/*
	 * The library's cache is one for the process, with locks. Off also stops it from preparing
	 * a client's session for resumption, so a client that resumes has it on: nothing of a
	 * client is stored there unless asked for.
	 */
	if (o->role == SECURE_SERVER || !o->resume)
		wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
	return 0;
}

struct secure *tls_new(const struct tls_options *o, struct err *e)
{
	struct tls_offer offer;
	struct tls *t;

	if (!tls_library_start()) {
		err_set(e, EXIT_FAILED, 0, "the TLS library could not be started: no memory?");
		return NULL;
	}
	if (tls_offer_read(&offer, o, e) < 0)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		goto no_memory;
	t->base.ops = &tls_ops;
	t->role = o->role;
	t->verify = o->verify;
	t->resume = o->resume && o->role == SECURE_CLIENT;
	if (o->role == SECURE_CLIENT && offer.max_version == TLS_VERSION_1_3)
		t->share_group = offer.groups[0];
	slab_init(&t->sessions, sizeof(struct tls_session));
	tickets_init(&t->tickets, o->tickets_max ? o->tickets_max : TLS_TICKETS_DEFAULT);
	t->scratch = malloc(TLS_RECORD_MAX);
	t->ctx = wolfSSL_CTX_new(method(o->role, &offer));
	if (!t->ctx || !t->scratch)
		goto no_memory;
	if (context_set_up(t, o, &offer, e) == 0)
		return &t->base;
	secure_free(&t->base);
	return NULL;
no_memory:
	err_set(e, EXIT_FAILED, 0, "no memory for a TLS context");
	if (t)
		secure_free(&t->base);
	return NULL;
}
