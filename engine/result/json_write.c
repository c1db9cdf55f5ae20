/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_write.c - the document of a run, out
 *
 * The tree is built whole and then written: a failed allocation shows as NULL, and jansson's
 * functions pass NULL on, so that one check at each object is enough.
 */
#include "result/json.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "result/fields.h"
#include "result/json_out.h"

#define DECIMALS 1e6

/* A text that is not UTF-8 (a command line may be) is escaped where it is not. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);
	size_t size = 4 * strlen(text) + 1;
	char *clean;

	if (value || !(clean = malloc(size)))
		return value;
	run_text_clean(span_of(text), clean, size);
	value = json_string(clean);
	free(clean);
	return value;
}

static json_t *real_value(double value)
{
	return json_real(isfinite(value) ? round(value * DECIMALS) / DECIMALS : 0);
}

static json_t *list_value(const struct run_texts *texts)
{
	json_t *list = json_array();

	for (int i = 0; list && i < texts->count; i++) {
		if (json_array_append_new(list, text_value(texts->items[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *number_text(uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

static json_t *count_value(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

static json_t *field_value(const struct field *f, const void *member)
{
	const char *text = member;
	const char *const *owned = member;
	double real;

	switch (f->kind) {
	case FIELD_COUNT:
		return count_value(*(const uint64_t *)member);
	case FIELD_INTEGER:
		return *(const int64_t *)member == RUN_NONE
			       ? json_null()
			       : json_integer(*(const int64_t *)member);
	case FIELD_INT:
		return json_integer(*(const int *)member);
	case FIELD_REAL:
		return real_value(*(const double *)member);
	case FIELD_REAL_OR_NULL:
		real = *(const double *)member;
		return real > 0 ? real_value(real) : json_null();
	case FIELD_REAL_OR_NAN:
		real = *(const double *)member;
		return isnan(real) ? json_null() : real_value(real);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)member);
	case FIELD_TEXT:
		return text_value(text);
	case FIELD_TEXT_OR_NULL:
	case FIELD_TEXT_OR_NONE:
		return text[0] ? text_value(text) : json_null();
	case FIELD_OWNED:
		return *owned && **owned ? text_value(*owned) : json_null();
	case FIELD_LIST:
		return list_value(member);
	case FIELD_NUMBER_TEXT:
		return number_text(*(const uint64_t *)member);
	case FIELD_MODE:
		return json_string(fields_modes[*(const enum run_mode *)member]);
	case FIELD_VERDICT:
		return json_string(fields_verdicts[*(const enum run_verdict *)member]);
	case FIELD_STATUS:
		return json_integer((json_int_t) * (const enum exit_status *)member);
	}
	return NULL;
}

/* False when memory is exhausted. */
static bool add_fields(json_t *object, const struct field *fields, const void *from)
{
	for (const struct field *f = fields; f->key; f++) {
		const char *member = (const char *)from + f->offset;

		if (f->kind == FIELD_TEXT_OR_NONE && !*member)
			continue;
		if (json_object_set_new(object, f->key, field_value(f, member)) < 0)
			return false;
	}
	return true;
}

static json_t *object_of(const struct field *fields, const void *from)
{
	json_t *object = json_object();

	if (object && !add_fields(object, fields, from)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static bool add_objects(json_t *root, const struct run_document *d)
{
	for (const struct field_object *o = field_objects; o->key; o++)
		if (json_object_set_new(root, o->key,
					object_of(o->fields, (const char *)d + o->offset)) < 0)
			return false;
	return true;
}

/* What the tables of fields do not say: parts of config and rate. */
static bool add_rest(json_t *root, const struct run_document *d)
{
	json_t *config = json_object_get(root, "config"), *rate = json_object_get(root, "rate");
	const struct run_rate *r = &d->rate;

	return json_object_set_new(config, "tls", object_of(fields_config_tls, &d->config.tls)) ==
		       0 &&
	       json_object_set_new(rate, "offered",
				   r->has_offered ? real_value(r->offered) : json_null()) == 0 &&
	       json_object_set_new(rate, "lag_us", object_of(fields_lag, r)) == 0;
}

/* Phases that did not occur are left out. */
static bool add_latencies(json_t *root, const struct run_document *d)
{
	json_t *phases = json_object();

	if (json_object_set_new(root, "latency_us", phases) < 0)
		return false;
	for (int i = 0; i < RUN_PHASE_COUNT; i++) {
		const struct run_latency *l = &d->latency[i];

		if (l->count > 0 && json_object_set_new(phases, run_phase_names[i],
							object_of(fields_latency, l)) < 0)
			return false;
	}
	return true;
}

static bool add_table(json_t *root, const struct run_document *d, const struct field_table *table)
{
	const char *base = (const char *)d;
	const char *rows;
	size_t count;
	json_t *array = json_array();

	memcpy(&rows, base + table->rows_offset, sizeof(rows));
	memcpy(&count, base + table->count_offset, sizeof(count));
	if (json_object_set_new(root, table->key, array) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(array,
					  object_of(table->fields, rows + i * table->row_size)) < 0)
			return false;
	return true;
}

static bool add_end_to_end(json_t *root, const struct run_document *d)
{
	json_t *object;

	if (!d->end_to_end.is_known)
		return true;
	object = object_of(fields_end_to_end, &d->end_to_end);
	return json_object_set_new(root, "end_to_end", object) == 0 &&
	       json_object_set_new(object, "latency_us",
				   object_of(fields_latency, &d->end_to_end.latency)) == 0;
}

static bool add_pace(json_t *root, const struct run_document *d)
{
	json_t *object;
	bool is_done;

	if (!d->pace.is_used)
		return true;
	object = object_of(fields_pace, &d->pace);
	is_done = json_object_set_new(root, "pace", object) == 0;
	for (const struct field_table *t = field_pace_tables; is_done && t->key; t++)
		is_done = add_table(object, d, t);
	return is_done;
}

static json_t *document_value(const struct run_document *d)
{
	json_t *root = json_object();
	bool is_done = root && json_object_set_new(root, "schema", json_integer(RUN_SCHEMA)) == 0 &&
		       json_object_set_new(root, "kind", json_string("run")) == 0 &&
		       add_fields(root, fields_document, d) && add_objects(root, d) &&
		       add_rest(root, d) && add_latencies(root, d) && add_end_to_end(root, d) &&
		       add_pace(root, d);

	for (const struct field_table *t = field_tables; is_done && t->key; t++)
		is_done = add_table(root, d, t);
	if (!is_done) {
		json_decref(root);
		return NULL;
	}
	return root;
}

int run_json_write(const struct run_document *d, FILE *out, struct err *e)
{
	return json_out_write(document_value(d), out, e);
}

int run_json_save(const struct run_document *d, const char *path, struct err *e)
{
	return json_out_save(document_value(d), path, e);
}
