/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.h - handshake messages of sealed links, as octets
 */
#ifndef VOLLEY_SIM_MESSAGE_H
#define VOLLEY_SIM_MESSAGE_H
#include "sim/sealed_private.h"

#define MESSAGE_HEAD 4 /* type and length */

/* Writes into SEALED_MESSAGE_MAX octets of the caller's, which all fields fit into. */
struct writer {
	char *data;
	size_t len;
};

struct reader {
	struct span left;
	bool is_short; /* something was read that is not there; it reads as 0 or empty */
};

struct writer message_begin(char *message);
void message_put(struct writer *w, uint64_t value, int octets); /* big-endian */
void message_put_text(struct writer *w, const char *text);	/* NULL: empty */
void message_put_offer(struct writer *w, const struct sealed_offer *offer);

uint64_t message_get(struct reader *r, int octets);
struct span message_get_text(struct reader *r);
/* Only ids below `known` are taken over: what we do not know is no use to us. */
struct sealed_offer message_get_offer(struct reader *r, int known);

/* Pads the message to size octets, its head included, and sends it as one record. */
bool message_send(struct sealed_session *s, enum sealed_message type, struct writer *w, size_t size,
		  struct buf *tx);
bool message_send_empty(struct sealed_session *s, enum sealed_message type, size_t size,
			struct buf *tx);

#endif
