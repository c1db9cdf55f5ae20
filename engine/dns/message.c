/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.c - a bounds-checked walk over the sections of a DNS message
 *
 * Names are expanded by c-ares, which bounds compression pointers; everything else is read through
 * a cursor that knows the message's end. A message that breaks anywhere on the way is broken as a
 * whole. Sections are walked again for each alias: chains are short, and nothing has to be kept.
 */
#include <ares.h>
#include <string.h>

#include "dns/message.h"
#include "dns/name.h"

#define HEADER_LEN   12
#define RR_FIXED_LEN 10 /* type, class, TTL, length */
#define CLASS_IN     1
#define TYPE_NS	     2
#define TYPE_CNAME   5
#define TYPE_SOA     6
#define SOA_TAIL_LEN 20 /* serial, refresh, retry, expire, minimum */
#define FLAG_AA	     0x0400

enum rcode {
	RCODE_NOERROR,
	RCODE_FORMERR,
	RCODE_SERVFAIL,
	RCODE_NXDOMAIN,
	RCODE_NOTIMP,
	RCODE_REFUSED
};

struct message {
	const uint8_t *data;
	size_t len;
	unsigned flags;
	unsigned answer_count, authority_count;
	size_t answers_at; /* where the answer section starts */
};

struct rr {
	char owner[RESOLVER_NAME_MAX];
	unsigned type, class, rdata_len;
	uint32_t ttl_s;
	size_t rdata_at;
};

static unsigned read_u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * Expands the name at *at, in lower case, and moves *at behind it. A name whose text does not fit
 * is legal on the wire (each octet may be an escape of four) but is nobody's host name: it
 * becomes "\", which equals no name.
 */
static bool name_read(const struct message *m, size_t *at, char out[RESOLVER_NAME_MAX])
{
	char *text = NULL;
	long encoded_len = 0;
	size_t len;

	if (*at >= m->len)
		return false;
	if (ares_expand_name(m->data + *at, m->data, (int)m->len, &text, &encoded_len) !=
	    ARES_SUCCESS)
		return false;
	len = strlen(text);
	if (len >= RESOLVER_NAME_MAX) {
		out[0] = '\\';
		out[1] = '\0';
	} else {
		for (size_t i = 0; i <= len; i++)
			out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a')
								  : text[i];
	}
	ares_free_string(text);
	*at += (size_t)encoded_len;
	return *at <= m->len;
}

static bool rr_read(const struct message *m, size_t *at, struct rr *r)
{
	const uint8_t *fixed;

	if (!name_read(m, at, r->owner) || m->len - *at < RR_FIXED_LEN)
		return false;
	fixed = m->data + *at;
	r->type = read_u16(fixed);
	r->class = read_u16(fixed + 2);
	r->ttl_s = read_u32(fixed + 4);
	if (r->ttl_s > INT32_MAX)
		r->ttl_s = 0; /* RFC 2181 s8 */
	r->rdata_len = read_u16(fixed + 8);
	r->rdata_at = *at + RR_FIXED_LEN;
	if (m->len - r->rdata_at < r->rdata_len)
		return false;
	*at = r->rdata_at + r->rdata_len;
	return true;
}

/* A name that fills the rest of the record exactly. */
static bool rdata_name_read(const struct message *m, const struct rr *r, size_t skip,
			    char out[RESOLVER_NAME_MAX])
{
	size_t at = r->rdata_at + skip;

	return r->rdata_len > skip && name_read(m, &at, out) && at == r->rdata_at + r->rdata_len;
}

static bool message_open(struct message *m, const uint8_t *data, size_t len)
{
	char question[RESOLVER_NAME_MAX];

	if (len < HEADER_LEN || len > UINT16_MAX)
		return false;
	*m = (struct message){
		.data = data,
		.len = len,
		.flags = read_u16(data + 2),
		.answer_count = read_u16(data + 6),
		.authority_count = read_u16(data + 8),
		.answers_at = HEADER_LEN,
	};
	for (unsigned i = read_u16(data + 4); i > 0; i--) {
		if (!name_read(m, &m->answers_at, question) || m->len - m->answers_at < 4)
			return false;
		m->answers_at += 4;
	}
	return true;
}

static bool record_keep(const struct message *m, const struct rr *r, enum dns_type type,
			struct dns_reply *reply)
{
	const uint8_t *rdata = m->data + r->rdata_at;
	struct exchanger_name *exchanger;

	if (type != DNS_MX) {
		if (r->rdata_len != (type == DNS_A ? 4u : 16u))
			return false;
		if (reply->count < DNS_RECORD_MAX) {
			uint8_t *address = reply->records.addresses[reply->count++];
			memset(address, 0, sizeof(reply->records.addresses[0]));
			memcpy(address, rdata, r->rdata_len);
		}
		return true;
	}
	if (reply->count == DNS_RECORD_MAX)
		return true;
	exchanger = &reply->records.exchangers[reply->count];
	if (!rdata_name_read(m, r, 2, exchanger->name))
		return false;
	exchanger->preference = (uint16_t)read_u16(rdata);
	reply->count++;
	return true;
}

static void ttl_lower(struct dns_reply *reply, uint32_t ttl_s)
{
	if (ttl_s < reply->ttl_s)
		reply->ttl_s = ttl_s;
}

/*
 * Collects what the answer section says about owner: records of the type, and at most one alias
 * ("" when there is none). False when the message is broken.
 */
static bool answers_walk(const struct message *m, const char *owner, enum dns_type type,
			 struct dns_reply *reply, char alias[RESOLVER_NAME_MAX])
{
	size_t at = m->answers_at;
	struct rr r;

	alias[0] = '\0';
	for (unsigned i = 0; i < m->answer_count; i++) {
		if (!rr_read(m, &at, &r))
			return false;
		if (r.class != CLASS_IN || strcmp(r.owner, owner) != 0)
			continue;
		if (r.type == (unsigned)type) {
			if (!record_keep(m, &r, type, reply))
				return false;
			ttl_lower(reply, r.ttl_s);
		} else if (r.type == TYPE_CNAME) {
			if (!rdata_name_read(m, &r, 0, alias))
				return false;
			ttl_lower(reply, r.ttl_s);
		}
	}
	return true;
}

enum authority { AUTHORITY_BROKEN, AUTHORITY_NONE, AUTHORITY_SOA, AUTHORITY_REFERRAL };

/* Tells a negative answer from a referral, and how long the former holds (RFC 2308 s2.2, s5). */
static enum authority authority_walk(const struct message *m, const char *name, uint32_t *ret_ttl_s)
{
	enum authority found = AUTHORITY_NONE;
	size_t at = m->answers_at;
	struct rr r;

	for (unsigned i = 0; i < m->answer_count; i++)
		if (!rr_read(m, &at, &r))
			return AUTHORITY_BROKEN;
	for (unsigned i = 0; i < m->authority_count; i++) {
		char ignored[RESOLVER_NAME_MAX];
		size_t soa_at;
		uint32_t minimum_s;

		if (!rr_read(m, &at, &r))
			return AUTHORITY_BROKEN;
		if (r.class == CLASS_IN && r.type == TYPE_NS && found == AUTHORITY_NONE)
			found = AUTHORITY_REFERRAL;
		if (r.class != CLASS_IN || r.type != TYPE_SOA)
			continue;
		soa_at = r.rdata_at;
		if (!name_read(m, &soa_at, ignored) || !name_read(m, &soa_at, ignored) ||
		    soa_at + SOA_TAIL_LEN != r.rdata_at + r.rdata_len)
			return AUTHORITY_BROKEN;
		if (dns_name_is_below(name, r.owner)) {
			minimum_s = read_u32(m->data + soa_at + SOA_TAIL_LEN - 4);
			*ret_ttl_s = minimum_s < r.ttl_s ? minimum_s : r.ttl_s;
			found = AUTHORITY_SOA;
		}
	}
	return found;
}

static void reply_fail(struct dns_reply *reply, enum resolver_cause cause, const char *word)
{
	reply->cause = cause;
	reply->is_alias = false;
	reply->count = 0;
	reply->ttl_s = 0;
	reply->word = word;
}

/* True when the code leaves something to read. */
static bool rcode_read(unsigned code, struct dns_reply *reply)
{
	switch (code) {
	case RCODE_NOERROR:
	case RCODE_NXDOMAIN:
		return true;
	case RCODE_FORMERR:
		reply_fail(reply, RESOLVER_MALFORMED, "answered FORMERR");
		return false;
	case RCODE_REFUSED:
		reply_fail(reply, RESOLVER_REFUSED, "answered REFUSED");
		return false;
	case RCODE_SERVFAIL:
		reply_fail(reply, RESOLVER_SERVFAIL, "answered SERVFAIL");
		return false;
	case RCODE_NOTIMP:
		reply_fail(reply, RESOLVER_SERVFAIL, "answered NOTIMP");
		return false;
	default:
		reply_fail(reply, RESOLVER_SERVFAIL, "answered with an unknown code");
		return false;
	}
}

/* The name at the end of the aliases, if any, has no record of the type in this message. */
static void negative_read(const struct message *m, const char *name, struct dns_reply *reply)
{
	const bool is_unknown = (m->flags & 0xFu) == RCODE_NXDOMAIN;
	uint32_t negative_ttl_s = 0;
	enum authority authority = authority_walk(m, name, &negative_ttl_s);

	if (authority == AUTHORITY_BROKEN) {
		reply_fail(reply, RESOLVER_MALFORMED, "sent a broken authority section");
	} else if (is_unknown || authority == AUTHORITY_SOA) {
		ttl_lower(reply, negative_ttl_s);
		reply->cause = is_unknown ? RESOLVER_NO_NAME : RESOLVER_NO_ADDRESS;
		reply->word = is_unknown ? "answered NXDOMAIN" : "has no such record";
	} else if (reply->alias_count > 0) {
		/* The server knows where the alias points to, and nothing of what stands there. */
		reply->is_alias = true;
		memcpy(reply->alias, name, strlen(name) + 1);
	} else if (authority == AUTHORITY_REFERRAL && !(m->flags & FLAG_AA)) {
		reply_fail(reply, RESOLVER_SERVFAIL, "refers to other servers, does not resolve");
	} else {
		/* RFC 2308 s5: without an SOA record it holds for this once. */
		ttl_lower(reply, 0);
		reply->cause = RESOLVER_NO_ADDRESS;
		reply->word = "has no such record";
	}
}

void dns_message_read(const uint8_t *data, size_t len, const char *name, enum dns_type type,
		      struct dns_reply *ret_reply)
{
	struct dns_reply *reply = ret_reply;
	char current[RESOLVER_NAME_MAX], alias[RESOLVER_NAME_MAX];
	struct message m;

	reply->cause = RESOLVER_OK;
	reply->is_alias = false;
	reply->alias_count = 0;
	reply->count = 0;
	reply->ttl_s = INT32_MAX;
	reply->word = "answered";
	if (!message_open(&m, data, len)) {
		reply_fail(reply, RESOLVER_MALFORMED, "sent a broken message");
		return;
	}
	if (!rcode_read(m.flags & 0xFu, reply))
		return;

	memcpy(current, name, strlen(name) + 1);
	for (;;) {
		if (!answers_walk(&m, current, type, reply, alias)) {
			reply_fail(reply, RESOLVER_MALFORMED, "sent a broken answer section");
			return;
		}
		if (reply->count > 0)
			return;
		if (alias[0] == '\0')
			break;
		if (++reply->alias_count > DNS_ALIAS_MAX) {
			reply_fail(reply, RESOLVER_MALFORMED, "sent a loop of aliases");
			return;
		}
		memcpy(current, alias, strlen(alias) + 1);
	}
	negative_read(&m, current, reply);
}
