/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.c - handshake messages of sealed links, as octets
 *
 * Fields stand at the front of a message, in an order of our own; the rest is padding up to a
 * usual size. Whoever writes knows that there is room; whoever reads trusts nothing.
 */
#include "base/check.h"
#include "sim/message.h"

void message_put(struct writer *w, uint64_t value, int octets)
{
	for (int i = octets - 1; i >= 0; i--)
		w->data[w->len++] = (char)(value >> (8 * i) & 0xff);
}

void message_put_text(struct writer *w, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	message_put(w, len, 2);
	if (len > 0)
		memcpy(w->data + w->len, text, len);
	w->len += len;
}

void message_put_offer(struct writer *w, const struct sealed_offer *offer)
{
	message_put(w, offer->count, 1);
	for (int i = 0; i < offer->count; i++)
		message_put(w, offer->ids[i], 1);
}

uint64_t message_get(struct reader *r, int octets)
{
	uint64_t value = 0;

	if (r->left.len < (size_t)octets) {
		r->is_short = true;
		return 0;
	}
	for (int i = 0; i < octets; i++)
		value = value << 8 | (unsigned char)r->left.data[i];
	r->left = span_skip(r->left, (size_t)octets);
	return value;
}

struct span message_get_text(struct reader *r)
{
	size_t len = (size_t)message_get(r, 2);
	struct span text = {r->left.data, len};

	if (len > r->left.len) {
		r->is_short = true;
		return (struct span){NULL, 0};
	}
	r->left = span_skip(r->left, len);
	return text;
}

struct sealed_offer message_get_offer(struct reader *r, int known)
{
	struct sealed_offer offer = {.count = 0};
	uint64_t count = message_get(r, 1);

	for (uint64_t i = 0; i < count && !r->is_short; i++) {
		uint64_t id = message_get(r, 1);

		if (id < (uint64_t)known && offer.count < known)
			offer.ids[offer.count++] = (uint8_t)id;
	}
	return offer;
}

struct writer message_begin(char *message)
{
	return (struct writer){message, MESSAGE_HEAD};
}

bool message_send(struct sealed_session *s, enum sealed_message type, struct writer *w, size_t size,
		  struct buf *tx)
{
	size_t body;

	if (w->len < size) {
		memset(w->data + w->len, 0, size - w->len);
		w->len = size;
	}
	CHECK(w->len <= SEALED_MESSAGE_MAX);
	body = w->len - MESSAGE_HEAD;
	w->data[0] = (char)type;
	w->data[1] = (char)(body >> 16);
	w->data[2] = (char)(body >> 8 & 0xff);
	w->data[3] = (char)(body & 0xff);
	return sealed_put(s, TYPE_HANDSHAKE, w->data, w->len, tx);
}

bool message_send_empty(struct sealed_session *s, enum sealed_message type, size_t size,
			struct buf *tx)
{
	char message[SEALED_MESSAGE_MAX];
	struct writer w = message_begin(message);

	return message_send(s, type, &w, size, tx);
}
