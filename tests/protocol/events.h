/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * events.h - events of the SMTP client as lines of text, to be compared
 *
 *   reply COMMAND CODE [E.S.D] [rcpt=N] "text"
 *   starttls, ready, body, closed
 *   done [accepted=N] [deferred=N] [rejected=N] by COMMAND CODE "text"
 *   failed FAULT at COMMAND PHASE [CODE] ["text"]
 *   broken COMMAND PHASE [accepted=N] ... [undecided=N] [doubt] [by COMMAND CODE "text"]
 *   broken COMMAND PHASE no message
 *
 * FAULT has hyphens for its spaces; octets that are not printable ASCII are escaped.
 */
#ifndef VOLLEY_TESTS_PROTOCOL_EVENTS_H
#define VOLLEY_TESTS_PROTOCOL_EVENTS_H
#include "base/buf.h"
#include "smtp/client.h"

/* Each appends one line without its end. */
void event_write(struct buf *out, const struct smtp_event *event);
void broken_write(struct buf *out, bool has_message, const struct smtp_outcome *outcome,
		  enum smtp_command command, enum phase phase);
void capabilities_write(struct buf *out, const struct smtp_capabilities *c);

/* Octets as they may stand in a file. */
void octets_write(struct buf *out, struct span octets);

#endif
