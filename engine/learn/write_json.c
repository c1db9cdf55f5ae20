/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * write_json.c - what was learned as JSON
 */
#include <jansson.h>
#include <stdlib.h>
#include "base/clock.h"
#include "learn/stamp.h"
#include "learn/write.h"

#define SCHEMA 1

static double to_seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_SEC;
}

static json_t *duration(int64_t ns)
{
	return ns < 0 ? json_null() : json_real(to_seconds(ns));
}

static json_t *limit_json(const struct learned_limit *x)
{
	const struct limit *l = &x->limit;
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:b}", "name", x->name, "max",
			      (json_int_t)l->amount, "of", limit_unit_name(l->unit), "per",
			      limit_scope_name(l->scope), "window", limit_window_name(l->window),
			      "counts_accepted", l->counts_accepted);

	if (o == NULL)
		return NULL;
	if (l->period_ns > 0)
		json_object_set_new(o, "period", json_real(to_seconds(l->period_ns)));
	if (l->window == LIMIT_SMOOTH)
		json_object_set_new(o, "burst", json_integer((json_int_t)l->burst));
	if (l->window == LIMIT_FIXED)
		json_object_set_new(o, "reset", json_real(to_seconds(l->reset_ns)));
	json_object_set_new(o, "reached", json_integer(x->onsets));
	json_object_set_new(o, "ended", json_integer(x->ends));
	json_object_set_new(o, "refused", json_integer((json_int_t)x->refused));
	json_object_set_new(o, "error", json_real(x->error));
	json_object_set_new(o, "lasted", duration(x->lasted_ns));
	return o;
}

static json_t *reply_json(const struct learned *l, const struct learned_reply *r)
{
	const struct wording *w = &l->observation->wordings.items[r->wording];
	char enhanced[ENHANCED_TEXT_MAX];
	json_t *o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:f}", "code", (int)w->code,
			      "enhanced", enhanced_text(w->enhanced, enhanced), "text", w->text,
			      "phase", phase_name(r->phase), "class", class_name(r->class), "count",
			      (json_int_t)r->count, "share", r->share_ppm / 1e6);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "pattern", json_string(w->pattern));
	json_object_set_new(o, "limit",
			    r->limit >= 0 ? json_string(l->limits[r->limit].name) : json_null());
	json_object_set_new(o, "lasted", duration(r->lasted_ns));
	if (r->triplet_ns > 0)
		json_object_set_new(o, "triplet", duration(r->triplet_ns));
	return o;
}

static json_t *file_json(const struct learn_file *f)
{
	char first[STAMP_DATE_MAX], last[STAMP_DATE_MAX];
	json_t *name = json_string(f->name);

	/* A name that is no UTF-8 has no place in JSON. */
	return json_pack("{s:o, s:s, s:I, s:I, s:s, s:s}", "name",
			 name != NULL ? name : json_null(), "format", learn_format_name(f->format),
			 "lines", (json_int_t)f->lines, "unknown", (json_int_t)f->unknown, "first",
			 stamp_date(f->first_ns, first), "last", stamp_date(f->last_ns, last));
}

static json_t *document(const struct learned *l, const char *name)
{
	const struct observation *o = l->observation;
	const char *site = o->sites.items[l->site];
	json_t *limits = json_array(), *replies = json_array(), *files = json_array();

	for (int i = 0; i < l->limit_count; i++)
		json_array_append_new(limits, limit_json(&l->limits[i]));
	for (int i = 0; i < l->reply_count; i++)
		json_array_append_new(replies, reply_json(l, &l->replies[i]));
	for (size_t i = 0; i < o->file_count; i++)
		json_array_append_new(files, file_json(&o->files[i]));
	return json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "schema",
			 SCHEMA, "kind", "learned", "name", name != NULL ? name : site, "site",
			 site, "scale", (json_int_t)l->scale, "messages", (json_int_t)l->messages,
			 "accepted", (json_int_t)l->accepted, "connections",
			 (json_int_t)l->connections, "turned_away", (json_int_t)l->turned_away,
			 "limits", limits, "replies", replies, "files", files);
}

bool learned_to_json(const struct learned *l, const char *name, struct buf *out)
{
	json_t *o = document(l, name);
	char *text = o != NULL ? json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
	bool done = text != NULL && buf_append_text(out, text) && buf_append_text(out, "\n");

	free(text);
	json_decref(o);
	return done;
}
