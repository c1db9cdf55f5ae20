/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server_internal.h - what the parts of the server share: server*.c alone include it
 */
#ifndef VOLLEY_SMTP_SERVER_INTERNAL_H
#define VOLLEY_SMTP_SERVER_INTERNAL_H
#include <stdlib.h>
#include "smtp/server.h"

/* Where the data stands with regard to CRLF.CRLF: the meaning of smtp_server.scan. */
enum smtp_scan_state {
	SCAN_START,  /* at the start of a line, and of the message */
	SCAN_MIDDLE, /* in a line */
	SCAN_CR,     /* in a line, behind a CR */
	SCAN_DOT,    /* behind a dot that starts a line; it is held back */
	SCAN_DOT_CR, /* behind that dot and a CR, both held back */
};

enum smtp_scan {
	SMTP_SCAN_ALL,	 /* all was used, nothing to report */
	SMTP_SCAN_BYTES, /* ret_bytes is content */
	SMTP_SCAN_END,	 /* the message is complete */
};

/* Takes data up to the next event; counts s->size. *ret_used as with smtp_server_feed(). */
enum smtp_scan smtp_server_scan(struct smtp_server *s, struct span in, size_t *ret_used,
				struct span *ret_bytes);

/* A reply is due to this, and the default one follows from fault. */
void smtp_server_owe(struct smtp_server *s, enum smtp_verb verb, enum smtp_request_fault fault);

/* AUTH was allowed: ret_event->request holds it. Owes a challenge or the final reply. */
enum smtp_server_step smtp_server_login_begin(struct smtp_server *s,
					      struct smtp_server_event *ret_event);

/* A line of the client's within the dialogue. */
enum smtp_server_step smtp_server_login_line(struct smtp_server *s, struct span line,
					     struct smtp_server_event *ret_event);

/* Wipes and frees the line buffer: it may hold a password. */
void smtp_server_forget_line(struct smtp_server *s);

/* The dialogue ends: with a user or without. */
void smtp_server_login_end(struct smtp_server *s, bool is_good);

#endif
