/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * target.h - a target as it is typed: smtp://user@host:port
 *
 * smtp:// (port 25), smtps:// (465, RFC 8314 s3.3), smtp+starttls:// (587), lmtp:// (24),
 * lmtp+starttls://, unix:/path; a bare host or host:port and smtp-source's inet:host:port are
 * smtp://. User name and password may stand before the host, percent-encoded; the copy in argv is
 * overwritten, so that no list of processes shows them.
 */
#ifndef VOLLEY_CMD_TARGET_H
#define VOLLEY_CMD_TARGET_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "smtp/client.h"

struct cmd_target {
	char url[320];	/* without user and password: for reports */
	char host[256]; /* name or address literal; the path of a Unix socket */
	uint16_t port;
	enum smtp_tls_use tls;
	bool is_lmtp, is_unix;
	char user[256], password[1024]; /* decoded; "" for none */
};

/* text is overwritten where it holds user and password. EXIT_USAGE and a sentence on failure. */
int cmd_target_parse(char *text, struct cmd_target *ret_target, struct err *e);

#endif
