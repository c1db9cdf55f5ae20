/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.c - the words for what can happen behind the three interfaces
 *
 * These stand in reports and in the JSON result (errors[].kind): tools read them, so they stay.
 */
#include "net/resolver.h"
#include "net/secure.h"
#include "net/transport.h"

const char *link_end_name(enum link_end end)
{
	static const char *const names[LINK_END_COUNT] = {
		[LINK_END_NONE] = "none",
		[LINK_END_LOCAL] = "closed here",
		[LINK_END_EOF] = "closed early",
		[LINK_END_RESET] = "reset",
		[LINK_END_REFUSED] = "refused",
		[LINK_END_TIMED_OUT] = "timed out",
		[LINK_END_UNREACHABLE] = "unreachable",
		[LINK_END_NO_PORTS] = "no local port",
		[LINK_END_NO_SOURCE] = "source address not local",
		[LINK_END_NO_DESCRIPTORS] = "no descriptor",
		[LINK_END_NO_MEMORY] = "no memory",
		[LINK_END_DENIED] = "denied here",
		[LINK_END_OTHER] = "other",
	};

	return (unsigned)end < LINK_END_COUNT ? names[end] : "other";
}

const char *secure_failure_name(enum secure_failure failure)
{
	static const char *const names[SECURE_FAILURE_COUNT] = {
		[SECURE_OK] = "none",
		[SECURE_NOT_TLS] = "not TLS",
		[SECURE_ALERT] = "alert",
		[SECURE_VERSION] = "no common version",
		[SECURE_NO_COMMON] = "no common cipher",
		[SECURE_CERT_EXPIRED] = "certificate expired",
		[SECURE_CERT_NOT_YET] = "certificate not yet valid",
		[SECURE_CERT_UNTRUSTED] = "certificate untrusted",
		[SECURE_CERT_SELF_SIGNED] = "certificate self-signed",
		[SECURE_CERT_NAME] = "certificate for another name",
		[SECURE_CERT_REVOKED] = "certificate revoked",
		[SECURE_CERT_MISSING] = "client certificate missing",
		[SECURE_CERT_OTHER] = "certificate unusable",
		[SECURE_RECORD] = "bad record",
		[SECURE_CLOSED_EARLY] = "closed during handshake",
		[SECURE_NO_MEMORY] = "no memory",
		[SECURE_INTERNAL] = "internal",
	};

	return (unsigned)failure < SECURE_FAILURE_COUNT ? names[failure] : "internal";
}

const char *resolver_cause_name(enum resolver_cause cause)
{
	static const char *const names[RESOLVER_CAUSE_COUNT] = {
		[RESOLVER_OK] = "ok",
		[RESOLVER_NO_NAME] = "no such name",
		[RESOLVER_NO_ADDRESS] = "no address",
		[RESOLVER_NULL_MX] = "null MX",
		[RESOLVER_SERVFAIL] = "server failure",
		[RESOLVER_REFUSED] = "query refused",
		[RESOLVER_TIMED_OUT] = "timed out",
		[RESOLVER_MALFORMED] = "malformed answer",
		[RESOLVER_NO_MEMORY] = "no memory",
	};

	return (unsigned)cause < RESOLVER_CAUSE_COUNT ? names[cause] : "other";
}
