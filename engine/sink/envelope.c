/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * envelope.c - what a record says about a message: who, from, to
 */
#include "sink/envelope.h"
#include <inttypes.h>
#include <stdlib.h>
#include "sink/json_line.h"

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

static bool add_recipients(struct buf *out, struct span list)
{
	bool is_good = buf_append_text(out, ",\"to\":[");
	const char *separator = "";

	while (list.len > 0 && is_good) {
		struct span one = span_of(list.data);

		is_good = buf_append_text(out, separator) && json_line_string(out, one);
		separator = ",";
		list = span_skip(list, one.len + 1);
	}
	return is_good && buf_append(out, "]", 1);
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
	return json_line_begin(out, r->wall_ns) && json_line_member(out, "client", r->client) &&
	       json_line_member(out, "listener", r->scheme) && buf_append_text(out, ",\"helo\":") &&
	       json_line_string(out, buf_span(&v->hello)) &&
	       json_line_member(out, "user", r->user) && add_tls(out, r->tls) &&
	       buf_append_text(out, ",\"from\":") && json_line_string(out, buf_span(&v->from)) &&
	       add_recipients(out, (struct span){v->to.data, v->to_accepted}) &&
	       buf_printf(out, ",\"recipients\":%" PRIu32 ",\"size\":%" PRIu64, r->rcpt_count,
			  r->size) &&
	       add_mark(out, r->mark) && json_line_member(out, "file", r->file) &&
	       buf_append_text(out, ",\"reply\":") && json_line_string(out, reply) &&
	       buf_append_text(out, "}\n");
}
