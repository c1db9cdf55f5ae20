/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer.h - versions, cipher suites and groups: read from options, put into a context
 *
 * Internal to tls/.
 */
#ifndef VOLLEY_TLS_OFFER_H
#define VOLLEY_TLS_OFFER_H
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include "base/err.h"
#include "tls/tls.h"

#define TLS_GROUPS_MAX	8
#define TLS_CIPHERS_MAX 1024

struct tls_offer {
	enum tls_version min_version, max_version; /* never TLS_VERSION_DEFAULT */
	const char *asked_ciphers;     /* borrowed; NULL: a list of ours, whose names are right */
	char ciphers[TLS_CIPHERS_MAX]; /* those of the versions above, separated by colons */
	bool has_asked_groups;
	int groups[TLS_GROUPS_MAX]; /* the library's numbers, which are IANA's */
	int group_count;	    /* >= 1 */
};

/* -1 with *e set when a name is not known or the versions contradict each other. */
int tls_offer_read(struct tls_offer *ret_offer, const struct tls_options *options, struct err *e);

/* -1 with *e set when this build of the library lacks what was asked for. */
int tls_offer_apply(const struct tls_offer *offer, WOLFSSL_CTX *ctx, enum secure_role role,
		    struct err *e);

#endif
