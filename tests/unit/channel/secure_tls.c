/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secure_tls.c - the tests of channel/ with wolfSSL over the simulated network
 *
 * The channel knows TLS by net/secure.h alone: what holds over sealed links has to hold over the
 * real thing. Handshakes cost real time, which is no time on the virtual clock.
 */
#include "stage.h"
#include "tls/certificate.h"
#include "tls/tls.h"

const bool stage_is_encrypted = true;

static struct certificate made;

/* One for all tests of the process; the clock of the world is not the one that TLS reads. */
static const struct certificate *the_certificate(struct err *e)
{
	static const char *const names[] = {"mx.example.com"};
	int64_t now_s = clock_wall_ns(clock_system()) / NS_PER_SEC;
	struct certificate_request request = {
		.key = CERTIFICATE_ECDSA_P256,
		.names = names,
		.name_count = 1,
		.not_before = now_s - 86400,
		.not_after = now_s + 86400,
	};

	if (made.cert.len == 0 && tls_certificate_make(&request, &made, e) != 0)
		return NULL;
	return &made;
}

static enum tls_version version_of(enum sim_tls_version version)
{
	return version == SIM_TLS_1_2	? TLS_VERSION_1_2
	       : version == SIM_TLS_1_3 ? TLS_VERSION_1_3
					: TLS_VERSION_DEFAULT;
}

struct secure *stage_secure(struct stage *s, const struct sim_secure_options *options,
			    struct err *e)
{
	const struct certificate *c = the_certificate(e);
	struct tls_options o = {
		.role = options->role,
		.min_version = version_of(options->min_version),
		.max_version = version_of(options->max_version),
		.resume = options->resume,
	};

	(void)s;
	if (c == NULL)
		return NULL;
	if (o.role == SECURE_SERVER) {
		o.cert_pem = buf_span(&c->cert);
		o.key_pem = buf_span(&c->key);
	} else {
		o.ca_pem = buf_span(&c->ca);
	}
	return tls_new(&o, e);
}

__attribute__((destructor)) static void let_go(void)
{
	certificate_fini(&made);
}
