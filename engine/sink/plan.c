/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.c - what a sink shall do, checked before it listens
 *
 * Listeners are addresses, not names: a sink never asks the DNS where it is. Without a host it
 * stays on loopback, so that nobody opens a port to the world by leaving something out.
 */
#include "sink/plan.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/units.h"
#include "sink/fault.h"

void sink_plan_init(struct sink_plan *p)
{
	*p = (struct sink_plan){
		.threads = 1,
		.name = "sink.volley.invalid",
		.extensions = SINK_EXTENSIONS,
		.size_max = UINT64_C(128) << 20,
		.strictness = SMTP_NORMAL,
		.idle_ns = 300 * NS_PER_SEC,
		.errors_max = 1000,
		.does_trace_ids = true,
		.scale = 1,
	};
}

/* Wiped, because a password is in it. */
static void free_secret(char *text)
{
	if (!text)
		return;
	explicit_bzero(text, strlen(text));
	free(text);
}

void sink_plan_fini(struct sink_plan *p)
{
	for (int i = 0; i < p->account_count; i++) {
		free_secret(p->accounts[i].user);
		free_secret(p->accounts[i].password);
	}
	free(p->accounts);
	free(p->impositions);
	fault_rules_free(p->faults);
	sink_plan_init(p);
}

static const struct {
	struct span prefix;
	enum sink_security security;
	bool is_lmtp;
	uint16_t port;
} schemes[] = {
	{{"smtp://", 7}, SINK_CLEAR, false, 25},
	{{"smtps://", 8}, SINK_IMPLICIT, false, 465},
	{{"smtp+starttls://", 16}, SINK_STARTTLS, false, 25},
	{{"starttls://", 11}, SINK_STARTTLS, false, 25},
	{{"lmtp://", 7}, SINK_CLEAR, true, 24},
	{{"lmtp+starttls://", 16}, SINK_STARTTLS, true, 24},
};

static bool has_prefix(struct span text, struct span prefix)
{
	return text.len >= prefix.len &&
	       span_equal_nocase((struct span){text.data, prefix.len}, prefix);
}

static bool read_port(struct span text, uint16_t *ret_port)
{
	uint64_t port;

	if (text.len == 0 || text.len > 5)
		return false;
	port = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		port = port * 10 + (uint64_t)(text.data[i] - '0');
	}
	*ret_port = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool read_host(struct span host, struct endpoint *at)
{
	if (host.len == 0 || span_equal_nocase(host, SPAN("localhost")))
		return endpoint_parse_address(SPAN("127.0.0.1"), at);
	if (span_equal(host, SPAN("*")))
		return endpoint_parse_address(SPAN("0.0.0.0"), at);
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = (struct span){host.data + 1, host.len - 2};
	return endpoint_parse_address(host, at);
}

/* Where c stands last in text, before end; -1: nowhere. */
static ptrdiff_t last_of(struct span text, size_t end, char c)
{
	while (end > 0 && text.data[end - 1] != c)
		end--;
	return (ptrdiff_t)end - 1;
}

/* "HOST:PORT", "HOST", ":PORT", "PORT"; an IPv6 address stands in brackets before a port. */
static bool read_place(struct span text, uint16_t port, struct endpoint *at)
{
	struct span host = text;
	ptrdiff_t colon, bracket;

	while (text.len > 0 && text.data[text.len - 1] == '/')
		host.len = --text.len;
	colon = last_of(text, text.len, ':');
	bracket = last_of(text, text.len, ']');
	if (read_port(text, &port)) {
		host.len = 0;
	} else if (colon > bracket && (bracket >= 0 || last_of(text, (size_t)colon, ':') < 0)) {
		host.len = (size_t)colon;
		if (!read_port(span_skip(text, host.len + 1), &port))
			return false;
	}
	if (!read_host(host, at))
		return false;
	at->port = port;
	return true;
}

int sink_listener_parse(struct span text, struct sink_listener *ret_listener, struct err *e)
{
	struct sink_listener l = {0};
	struct span rest = text;
	uint16_t port = 25;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!has_prefix(text, schemes[i].prefix))
			continue;
		l.security = schemes[i].security;
		l.is_lmtp = schemes[i].is_lmtp;
		port = schemes[i].port;
		rest = span_skip(text, schemes[i].prefix.len);
		break;
	}
	if (has_prefix(rest, SPAN("lmtp:unix:"))) {
		l.is_lmtp = true;
		rest = span_skip(rest, 5);
	}
	if (has_prefix(rest, SPAN("unix:"))) {
		rest = span_skip(rest, 5);
		if (!endpoint_from_path(rest, &l.at))
			return err_set(e, EXIT_USAGE, 0,
				       "\"%.*s\": the path of a Unix socket has 1 to %d octets",
				       (int)text.len, text.data, ENDPOINT_PATH_MAX - 1);
	} else if (!read_place(rest, port, &l.at)) {
		return err_set(e, EXIT_USAGE, 0,
			       "\"%.*s\" is nothing to listen at: write it like "
			       "\"smtp://127.0.0.1:2525\", \"smtps://[::1]:0\", "
			       "\"smtp+starttls://*:25\", \"lmtp://:24\" or \"unix:/run/sink\"; a "
			       "host is an address here, not a name",
			       (int)text.len, text.data);
	}
	*ret_listener = l;
	return 0;
}

const char *sink_listener_scheme(const struct sink_listener *l)
{
	static const char *const names[3][2] = {
		[SINK_CLEAR] = {"smtp", "lmtp"},
		[SINK_STARTTLS] = {"smtp+starttls", "lmtp+starttls"},
		[SINK_IMPLICIT] = {"smtps", "lmtps"},
	};

	return names[l->security][l->is_lmtp];
}

int sink_account_add(struct sink_plan *p, struct span text, struct err *e)
{
	const char *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
	size_t user_len = colon ? (size_t)(colon - text.data) : 0;
	struct sink_account *accounts;
	struct sink_account account;

	/* The text is not shown: it holds a password. */
	if (user_len == 0 || user_len + 1 == text.len || memchr(text.data, '\0', text.len))
		return err_set(e, EXIT_USAGE, 0, "an account is written as USER:PASSWORD");
	if (p->account_count == SINK_ACCOUNTS_MAX)
		return err_set(e, EXIT_USAGE, 0, "there are more than %d accounts",
			       SINK_ACCOUNTS_MAX);
	accounts = realloc(p->accounts, ((size_t)p->account_count + 1) * sizeof(*accounts));
	if (accounts)
		p->accounts = accounts;
	account.user = strndup(text.data, user_len);
	account.password = strndup(text.data + user_len + 1, text.len - user_len - 1);
	if (!accounts || !account.user || !account.password) {
		free_secret(account.user);
		free_secret(account.password);
		return err_set(e, EXIT_FAILED, 0, "no memory for an account");
	}
	p->accounts[p->account_count++] = account;
	return 0;
}

static bool is_same_place(const struct sink_imposition *a, const struct sink_imposition *b)
{
	if (a->from_ns != b->from_ns || a->has_address != b->has_address ||
	    (a->domain == NULL) != (b->domain == NULL))
		return false;
	if (a->has_address && !endpoint_equal(&a->address, &b->address))
		return false;
	return !a->domain || span_equal_nocase(span_of(a->domain), span_of(b->domain));
}

int sink_plan_impose(struct sink_plan *p, const struct sink_imposition *imposition, struct err *e)
{
	struct sink_imposition *grown;

	if (p->imposition_count == SINK_IMPOSITIONS_MAX)
		return err_set(e, EXIT_USAGE, 0, "there are more than %d profiles to impose",
			       SINK_IMPOSITIONS_MAX);
	for (int i = 0; i < p->imposition_count; i++)
		if (is_same_place(imposition, &p->impositions[i]))
			return err_set(e, EXIT_USAGE, 0,
				       "profile %s would stand where %s stands already: name an "
				       "address or a @DOMAIN for one of them",
				       imposition->profile->name, p->impositions[i].profile->name);
	grown = realloc(p->impositions, ((size_t)p->imposition_count + 1) * sizeof(*grown));
	if (!grown)
		return err_set(e, EXIT_FAILED, 0, "no memory for a profile");
	p->impositions = grown;
	grown[p->imposition_count++] = *imposition;
	return 0;
}

static int check_impositions(const struct sink_plan *p, struct err *e)
{
	bool has_first = false;

	for (int i = 0; i < p->imposition_count; i++)
		has_first = has_first || p->impositions[i].from_ns == 0;
	if (p->imposition_count > 0 && !has_first)
		return err_set(e, EXIT_USAGE, 0,
			       "a profile takes another's place later, and there is none to begin "
			       "with: add --profile");
	if (p->imposition_count == 0 && (p->decisions || p->has_reputation || p->scale != 1))
		return err_set(e, EXIT_USAGE, 0, "%s is about a profile: add --profile",
			       p->decisions	   ? "--decisions"
			       : p->has_reputation ? "--reputation"
						   : "--scale");
	return 0;
}

static int check_tls(const struct sink_plan *p, bool has_tls, struct err *e)
{
	bool can_seal = false;

	for (int i = 0; i < p->listener_count; i++)
		can_seal = can_seal || p->listeners[i].security != SINK_CLEAR;
	if (can_seal && !has_tls)
		return err_set(e, EXIT_USAGE, 0,
			       "a listener wants TLS and there is no certificate: leave out the "
			       "options that name one, and the sink makes its own");
	for (int i = 0; p->is_tls_required && i < p->listener_count; i++)
		if (p->listeners[i].security == SINK_CLEAR)
			return err_set(e, EXIT_USAGE, 0,
				       "TLS is required and %s:// has none: listen at smtps:// or "
				       "smtp+starttls://",
				       sink_listener_scheme(&p->listeners[i]));
	if (p->is_tls_required && !(p->extensions & SMTP_EXT_STARTTLS))
		return err_set(e, EXIT_USAGE, 0,
			       "TLS is required and STARTTLS is hidden: one of the two has to go");
	return 0;
}

int sink_plan_check(const struct sink_plan *p, bool has_tls, struct err *e)
{
	if (p->listener_count < 1)
		return err_set(e, EXIT_USAGE, 0, "there is nothing to listen at");
	if (p->threads < 1 || p->threads > SINK_THREADS_MAX)
		return err_set(e, EXIT_USAGE, 0, "a sink has 1 to %d threads", SINK_THREADS_MAX);
	if (p->is_auth_required && p->account_count == 0)
		return err_set(e, EXIT_USAGE, 0,
			       "AUTH is required and there is no account: add USER:PASSWORD");
	if (p->is_auth_required && !(p->extensions & SMTP_EXT_AUTH))
		return err_set(e, EXIT_USAGE, 0,
			       "AUTH is required and hidden: one of the two has to go");
	if (p->maildir && p->maildir[0] == '\0')
		return err_set(e, EXIT_USAGE, 0, "the maildir has no name");
	if (check_impositions(p, e) < 0)
		return -1;
	return check_tls(p, has_tls, e);
}
