/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer.c - versions, cipher suites and groups
 *
 * The library drops names that it doesn't know from a list of suites; here a misspelt name is an
 * error. A list with suites of one version only would still be offered with both versions, and a
 * server that picks the other finds nothing in common, so the list bounds the versions as well.
 */
#include "tls/offer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tls/internal.h"

#define CIPHER_NAME_MAX 64

/*
 * Authenticated suites with forward secrecy first; CBC with ECDHE last, for relays that know
 * nothing better. Both lists differ in the place of ChaCha20 alone.
 */
static const char ciphers_with_aes[] =
	"TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:"
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
	"DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256";
static const char ciphers_without_aes[] =
	"TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256";

static const struct {
	const char *name;
	int number;
} group_names[] = {
	{"X25519", WOLFSSL_ECC_X25519},	       {"P-256", WOLFSSL_ECC_SECP256R1},
	{"P256", WOLFSSL_ECC_SECP256R1},       {"secp256r1", WOLFSSL_ECC_SECP256R1},
	{"prime256v1", WOLFSSL_ECC_SECP256R1}, {"P-384", WOLFSSL_ECC_SECP384R1},
	{"P384", WOLFSSL_ECC_SECP384R1},       {"secp384r1", WOLFSSL_ECC_SECP384R1},
	{"P-521", WOLFSSL_ECC_SECP521R1},      {"P521", WOLFSSL_ECC_SECP521R1},
	{"secp521r1", WOLFSSL_ECC_SECP521R1},  {"ffdhe2048", WOLFSSL_FFDHE_2048},
	{"ffdhe3072", WOLFSSL_FFDHE_3072},
};

/* The next name of a list, which moves on; false at the end. An empty name is given out too. */
static bool next_name(const char **list, struct span *ret_name)
{
	size_t len;

	if (!*list)
		return false;
	len = strcspn(*list, ":");
	*ret_name = (struct span){*list, len};
	*list = (*list)[len] ? *list + len + 1 : NULL;
	return true;
}

static int read_groups(struct tls_offer *offer, const char *list, struct err *e)
{
	struct span name;

	offer->group_count = 0;
	while (next_name(&list, &name)) {
		int number = 0;

		for (size_t i = 0; i < sizeof(group_names) / sizeof(group_names[0]); i++)
			if (span_equal_nocase(name, span_of(group_names[i].name)))
				number = group_names[i].number;
		if (!number)
			return err_set(
				e, EXIT_USAGE, 0,
				"no TLS group is called '%.*s'; there are X25519, P-256, P-384, "
				"P-521, ffdhe2048 and ffdhe3072",
				(int)name.len, name.data);
		if (offer->group_count == TLS_GROUPS_MAX)
			return err_set(e, EXIT_USAGE, 0, "more than %d TLS groups", TLS_GROUPS_MAX);
		offer->groups[offer->group_count++] = number;
	}
	return 0;
}

static bool is_suite_of_1_3(struct span name)
{
	char text[CIPHER_NAME_MAX];

	snprintf(text, sizeof(text), "%.*s", (int)name.len, name.data);
	return strncmp(text, "TLS13-", 6) == 0 ||
	       (strncmp(text, "TLS_", 4) == 0 && !strstr(text, "_WITH_"));
}

/* Bounds the versions by the suites: a version without a suite is not offered. */
static int bound_versions(struct tls_offer *offer, const char *list, struct err *e)
{
	bool has_1_2 = false, has_1_3 = false;
	struct span name;

	while (next_name(&list, &name)) {
		if (is_suite_of_1_3(name))
			has_1_3 = true;
		else
			has_1_2 = true;
	}
	if (!has_1_3 && offer->min_version == TLS_VERSION_1_3)
		return err_set(e, EXIT_USAGE, 0,
			       "none of the cipher suites asked for is one of TLS 1.3");
	if (!has_1_2 && offer->max_version == TLS_VERSION_1_2)
		return err_set(e, EXIT_USAGE, 0,
			       "none of the cipher suites asked for is one of TLS 1.2");
	if (!has_1_3)
		offer->max_version = TLS_VERSION_1_2;
	if (!has_1_2)
		offer->min_version = TLS_VERSION_1_3;
	return 0;
}

/* Leaves out the suites of a version that is not offered: a server would take them by its word. */
static int select_ciphers(struct tls_offer *offer, const char *list, struct err *e)
{
	size_t len = 0;
	struct span name;

	while (next_name(&list, &name)) {
		bool is_1_3 = is_suite_of_1_3(name);

		if (is_1_3 ? offer->max_version == TLS_VERSION_1_2
			   : offer->min_version == TLS_VERSION_1_3)
			continue;
		if (len + name.len + 2 > sizeof(offer->ciphers))
			return err_set(e, EXIT_USAGE, 0,
				       "the list of TLS cipher suites is too long");
		if (len > 0)
			offer->ciphers[len++] = ':';
		memcpy(offer->ciphers + len, name.data, name.len);
		len += name.len;
	}
	offer->ciphers[len] = '\0';
	return 0;
}

int tls_offer_read(struct tls_offer *ret_offer, const struct tls_options *o, struct err *e)
{
	struct tls_offer offer = {
		.min_version = o->min_version ? o->min_version : TLS_VERSION_1_2,
		.max_version = o->max_version ? o->max_version : TLS_VERSION_1_3,
		.asked_ciphers = o->ciphers,
		.has_asked_groups = o->groups != NULL,
	};
	const char *list = o->ciphers;

	if (offer.min_version > offer.max_version)
		return err_set(e, EXIT_USAGE, 0,
			       "the lowest TLS version allowed is above the highest");
	if (!list)
		list = tls_library_has_aes() ? ciphers_with_aes : ciphers_without_aes;
	if (bound_versions(&offer, list, e) < 0 || select_ciphers(&offer, list, e) < 0)
		return -1;
	if (read_groups(&offer, o->groups ? o->groups : TLS_GROUPS_DEFAULT, e) < 0)
		return -1;
	*ret_offer = offer;
	return 0;
}

/* Sets each name alone, which fails for an unknown one, then the whole list. */
static int apply_ciphers(const struct tls_offer *offer, WOLFSSL_CTX *ctx, struct err *e)
{
	const char *list = offer->asked_ciphers;
	char text[CIPHER_NAME_MAX];
	struct span name;

	while (next_name(&list, &name)) {
		snprintf(text, sizeof(text), "%.*s", (int)name.len, name.data);
		if (name.len == 0 || name.len >= sizeof(text) ||
		    wolfSSL_CTX_set_cipher_list(ctx, text) != WOLFSSL_SUCCESS)
			return err_set(
				e, EXIT_USAGE, 0,
				"no TLS cipher suite is called '%.*s' in this build of wolfSSL; "
				"names are such as TLS_AES_128_GCM_SHA256 and "
				"ECDHE-RSA-AES128-GCM-SHA256",
				(int)name.len, name.data);
	}
	if (wolfSSL_CTX_set_cipher_list(ctx, offer->ciphers) != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0, "the TLS cipher suites can't be used together");
	return 0;
}

static int apply_groups(const struct tls_offer *offer, WOLFSSL_CTX *ctx, struct err *e)
{
	int groups[TLS_GROUPS_MAX];
	int ret = WOLFSSL_SUCCESS;

	/* One call does all where TLS 1.3 is among the versions; below, groups are added singly. */
	memcpy(groups, offer->groups, sizeof(groups));
	if (offer->max_version == TLS_VERSION_1_3)
		ret = wolfSSL_CTX_set_groups(ctx, groups, offer->group_count);
	for (int i = 0; offer->max_version == TLS_VERSION_1_2 && i < offer->group_count; i++)
		if (ret == WOLFSSL_SUCCESS)
			ret = wolfSSL_CTX_UseSupportedCurve(ctx, (word16)groups[i]);
	if (ret != WOLFSSL_SUCCESS)
		return err_set(e, EXIT_USAGE, 0,
			       "this build of wolfSSL lacks one of the TLS groups asked for");
	return 0;
}

int tls_offer_apply(const struct tls_offer *offer, WOLFSSL_CTX *ctx, enum secure_role role,
		    struct err *e)
{
	if (apply_ciphers(offer, ctx, e) < 0)
		return -1;
	/*
	 * A server that is given groups takes its own for the client's as well, and insists on the
	 * first of them. Left alone it takes whatever share the client sent, as it should.
	 */
	if (role == SECURE_SERVER && !offer->has_asked_groups)
		return 0;
	return apply_groups(offer, ctx, e);
}

bool tls_verify_parse(struct span text, enum tls_verify *ret_verify)
{
	static const char *const names[] = {
		[TLS_VERIFY_FULL] = "full",
		[TLS_VERIFY_CA] = "ca",
		[TLS_VERIFY_NONE] = "none",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_equal_nocase(text, span_of(names[i]))) {
			*ret_verify = (enum tls_verify)i;
			return true;
		}
	}
	return false;
}

bool tls_version_parse(struct span text, enum tls_version *ret_version)
{
	if (text.len > 4 && strncasecmp(text.data, "TLSv", 4) == 0)
		text = span_skip(text, 4);
	else if (text.len > 3 && strncasecmp(text.data, "TLS", 3) == 0)
		text = span_skip(text, 3);
	if (span_equal(text, SPAN("1.2")))
		*ret_version = TLS_VERSION_1_2;
	else if (span_equal(text, SPAN("1.3")))
		*ret_version = TLS_VERSION_1_3;
	else
		return false;
	return true;
}
