/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * target.c - a target as it is typed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/endpoint.h"
#include "cmd/target.h"

static const struct scheme {
	const char *name;
	uint16_t port;
	enum smtp_tls_use tls;
	bool is_lmtp;
} schemes[] = {
	{"smtp", 25, SMTP_TLS_NONE, false},
	{"smtps", 465, SMTP_TLS_IMPLICIT, false},
	{"smtp+starttls", 587, SMTP_TLS_START, false},
	{"lmtp", 24, SMTP_TLS_NONE, true},
	{"lmtp+starttls", 24, SMTP_TLS_START, true},
	{"lmtps", 24, SMTP_TLS_IMPLICIT, true},
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3986 s2.1. False when it does not fit, or holds NUL or a broken escape. */
static bool percent_decode(const char *from, size_t len, char *out, size_t out_size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)from[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_value(from[i + 1]) : -1;
			int low = i + 2 < len ? hex_value(from[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = high * 16 + low;
			i += 2;
		}
		if (c == '\0' || used + 1 >= out_size)
			return false;
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return true;
}

static int read_login(char *text, size_t len, struct cmd_target *t, struct err *e)
{
	char *colon = memchr(text, ':', len);
	size_t user_len = colon != NULL ? (size_t)(colon - text) : len;
	bool is_fine = percent_decode(text, user_len, t->user, sizeof(t->user));

	if (colon != NULL)
		is_fine &= percent_decode(colon + 1, len - user_len - 1, t->password,
					  sizeof(t->password));
	memset(text, '*', len);
	if (!is_fine)
		return err_set(e, EXIT_USAGE, 0,
			       "the user name or password in a target is too long or has a broken "
			       "%%XX escape; better use --auth-user and --auth-password-file");
	return 0;
}

static int bad_target(const char *text, const char *why, struct err *e)
{
	return err_set(e, EXIT_USAGE, 0,
		       "target \"%s\" %s; write smtp://HOST:PORT, smtps://, smtp+starttls://, "
		       "lmtp:// or unix:/PATH",
		       text, why);
}

static int read_port(const char *digits, const char *whole, uint16_t *ret_port, struct err *e)
{
	char *end;
	unsigned long port = strtoul(digits, &end, 10);

	if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || port == 0 || port > 65535)
		return bad_target(whole, "has no port from 1 to 65535 behind its colon", e);
	*ret_port = (uint16_t)port;
	return 0;
}

static int read_host(char *text, const char *whole, struct cmd_target *t, struct err *e)
{
	char *port = NULL, *host = text;
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '/')
		text[--len] = '\0';
	if (text[0] == '[') {
		char *end = strchr(text, ']');

		if (end == NULL)
			return bad_target(whole, "has a '[' without its ']'", e);
		*end = '\0';
		host = text + 1;
		if (end[1] == ':')
			port = end + 2;
		else if (end[1] != '\0')
			return bad_target(whole, "has something behind its ']'", e);
	} else if ((port = strrchr(text, ':')) != NULL) {
		if (strchr(text, ':') != port)
			port = NULL; /* more than one colon: an IPv6 address without brackets */
		else
			*port++ = '\0';
	}
	if (host[0] == '\0')
		return bad_target(whole, "names no host", e);
	if (strpbrk(host, "/?#@ \t") != NULL)
		return bad_target(whole, "has something behind the host that is no port", e);
	if (snprintf(t->host, sizeof(t->host), "%s", host) >= (int)sizeof(t->host))
		return bad_target(whole, "has too long a host name", e);
	return port != NULL ? read_port(port, whole, &t->port, e) : 0;
}

static int read_unix(const char *path, struct cmd_target *t, struct err *e)
{
	while (path[0] == '/' && path[1] == '/')
		path++;
	t->is_unix = true;
	if (path[0] == '\0' || strlen(path) >= ENDPOINT_PATH_MAX)
		return bad_target(path, "has no path, or one over 107 octets", e);
	snprintf(t->host, sizeof(t->host), "%s", path);
	snprintf(t->url, sizeof(t->url), "unix:%s", path);
	return 0;
}

int cmd_target_parse(char *text, struct cmd_target *ret_target, struct err *e)
{
	struct cmd_target t = {.port = 25};
	const struct scheme *scheme = &schemes[0];
	char whole[320], *rest = text, *at, *sep = strstr(text, "://");
	bool is_v6;

	if (strncmp(text, "unix:", 5) == 0) {
		if (read_unix(text + 5, &t, e) != 0)
			return -1;
		*ret_target = t;
		return 0;
	}
	if (sep != NULL) {
		size_t len = (size_t)(sep - text);

		scheme = NULL;
		for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
			if (strlen(schemes[i].name) == len &&
			    strncasecmp(schemes[i].name, text, len) == 0)
				scheme = &schemes[i];
		rest = sep + 3;
	} else if (strncmp(text, "inet:", 5) == 0) {
		rest = text + 5;
	}
	at = strrchr(rest, '@');
	if (at != NULL && read_login(rest, (size_t)(at - rest), &t, e) != 0)
		return -1;
	snprintf(whole, sizeof(whole), "%s", text);
	if (scheme == NULL)
		return bad_target(whole, "has a scheme that is none of volley's", e);
	t.port = scheme->port;
	t.tls = scheme->tls;
	t.is_lmtp = scheme->is_lmtp;
	if (at != NULL)
		rest = at + 1;
	/* Work on a copy: argv keeps what may be shown. */
	char copy[sizeof(whole)];

	snprintf(copy, sizeof(copy), "%s", rest);
	if (read_host(copy, whole, &t, e) != 0)
		return -1;
	is_v6 = strchr(t.host, ':') != NULL;
	snprintf(t.url, sizeof(t.url), "%s://%s%s%s:%u", scheme->name, is_v6 ? "[" : "", t.host,
		 is_v6 ? "]" : "", t.port);
	*ret_target = t;
	return 0;
}
