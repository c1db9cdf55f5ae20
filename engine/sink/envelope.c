/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * envelope.c - what a record says about a message: who, from, to
 *
 * The line is written by hand, since there is one for each message and its form is fixed. What
 * came from the peer may be any octets: those that are no UTF-8 become U+FFFD.
 */
#include "sink/envelope.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"

struct envelope *envelope_new(void)
{
	struct envelope *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	buf_init(&v->hello, 4096);
	buf_init(&v->from, 4096);
	buf_init(&v->to, ENVELOPE_MAX);
	return v;
}

void envelope_free(struct envelope *v)
{
	if (!v)
		return;
	buf_fini(&v->hello);
	buf_fini(&v->from);
	buf_fini(&v->to);
	free(v);
}

void envelope_hello(struct envelope *v, struct span name)
{
	buf_clear(&v->hello);
	(void)buf_append(&v->hello, name.data, name.len);
}

void envelope_from(struct envelope *v, struct span path)
{
	envelope_clear(v);
	(void)buf_append(&v->from, path.data, path.len);
}

void envelope_to(struct envelope *v, struct span path)
{
	if (!buf_reserve(&v->to, path.len + 1))
		return;
	(void)buf_append(&v->to, path.data, path.len);
	(void)buf_append(&v->to, "", 1);
}

void envelope_settle(struct envelope *v, bool is_accepted)
{
	if (is_accepted)
		v->to_accepted = v->to.len;
	else
		v->to.len = v->to_accepted;
}

void envelope_clear(struct envelope *v)
{
	buf_clear(&v->from);
	buf_clear(&v->to);
	v->to_accepted = 0;
}

/* The length of the valid UTF-8 sequence at the start of text, 0 for none (RFC 3629 s4). */
static size_t utf8_len(struct span text)
{
	unsigned char c = (unsigned char)text.data[0];
	size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (len == 0 || len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char d = (unsigned char)text.data[i];
		unsigned char low = 0x80, high = 0xbf;

		if (i == 1) {
			low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : low;
			high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : high;
		}
		if (d < low || d > high)
			return 0;
	}
	return len;
}

/* A JSON string (RFC 8259 s7). */
static bool add_string(struct buf *out, struct span text)
{
	bool is_good = buf_append(out, "\"", 1);

	while (text.len > 0 && is_good) {
		size_t len = utf8_len(text);
		char c = text.data[0];

		if (len == 0)
			is_good = buf_append(out, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\')
			is_good = buf_append(out, "\\", 1) && buf_append(out, &c, 1);
		else if ((unsigned char)c < ' ' || c == 127)
			is_good = buf_printf(out, "\\u%04x", (unsigned)c);
		else
			is_good = buf_append(out, text.data, len);
		text = span_skip(text, len > 0 ? len : 1);
	}
	return is_good && buf_append(out, "\"", 1);
}

/* ,"name":"text" or ,"name":null */
static bool add_member(struct buf *out, const char *name, const char *text)
{
	if (!buf_printf(out, ",\"%s\":", name))
		return false;
	return text ? add_string(out, span_of(text)) : buf_append(out, "null", 4);
}

static bool add_recipients(struct buf *out, struct span list)
{
	bool is_good = buf_append_text(out, ",\"to\":[");
	const char *separator = "";

	while (list.len > 0 && is_good) {
		struct span one = span_of(list.data);

		is_good = buf_append_text(out, separator) && add_string(out, one);
		separator = ",";
		list = span_skip(list, one.len + 1);
	}
	return is_good && buf_append(out, "]", 1);
}

static bool add_time(struct buf *out, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	struct tm when;

	gmtime_r(&seconds, &when);
	return buf_printf(out, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06" PRId64 "Z\"",
			  when.tm_year + 1900, when.tm_mon + 1, when.tm_mday, when.tm_hour,
			  when.tm_min, when.tm_sec, wall_ns % NS_PER_SEC / NS_PER_US);
}

static bool add_tls(struct buf *out, const struct secure_facts *tls)
{
	if (!tls)
		return buf_append_text(out, ",\"tls\":null");
	return buf_printf(out, ",\"tls\":{\"version\":\"%s\",\"cipher\":\"%s\",\"resumed\":%s}",
			  tls->version, tls->cipher, tls->is_resumed ? "true" : "false");
}

static bool add_mark(struct buf *out, const struct mark *m)
{
	if (!m)
		return buf_append_text(out, ",\"volley_id\":null");
	return buf_printf(out,
			  ",\"volley_id\":{\"run\":\"%016" PRIx64 "\",\"seq\":%" PRIu64
			  ",\"due_ns\":%" PRId64 "}",
			  m->run, m->seq, m->due_wall_ns);
}

bool envelope_write(const struct envelope *v, const struct envelope_record *r, struct buf *out)
{
	struct span reply = r->reply;

	while (reply.len > 0 &&
	       (reply.data[reply.len - 1] == '\n' || reply.data[reply.len - 1] == '\r'))
		reply.len--;
	return add_time(out, r->wall_ns) && add_member(out, "client", r->client) &&
	       add_member(out, "listener", r->scheme) && buf_append_text(out, ",\"helo\":") &&
	       add_string(out, buf_span(&v->hello)) && add_member(out, "user", r->user) &&
	       add_tls(out, r->tls) && buf_append_text(out, ",\"from\":") &&
	       add_string(out, buf_span(&v->from)) &&
	       add_recipients(out, (struct span){v->to.data, v->to_accepted}) &&
	       buf_printf(out, ",\"recipients\":%" PRIu32 ",\"size\":%" PRIu64, r->rcpt_count,
			  r->size) &&
	       add_mark(out, r->mark) && add_member(out, "file", r->file) &&
	       buf_append_text(out, ",\"reply\":") && add_string(out, reply) &&
	       buf_append_text(out, "}\n");
}
