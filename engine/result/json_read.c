/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_read.c - the document of a run, in
 *
 * Strict about what is there, indifferent to what is more: a key that is missing or of the wrong
 * type is named, an unknown one is passed over.
 */
#include "result/json.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/units.h"
#include "result/fields.h"

#define FILE_MAX ((size_t)512 << 20)

/* Where reading stands: "replies[3]." before the key of a message. */
struct place {
	const char *name; /* of the file */
	const char *object;
	int index; /* -1: none */
	struct err *e;
};

static int wrong(const struct place *p, const char *key, const char *what)
{
	char index[16] = "";

	if (p->index >= 0)
		snprintf(index, sizeof(index), "[%d]", p->index);
	return err_set(p->e, EXIT_USAGE, 0, "%s is no result of a run: %s%s%s%s %s", p->name,
		       p->object, index, *p->object && *key ? "." : "", key, what);
}

static int read_text(const struct place *p, const struct field *f, json_t *value, char *member)
{
	if (json_is_null(value) && f->kind != FIELD_TEXT) {
		*member = '\0';
		return 0;
	}
	if (!json_is_string(value))
		return wrong(p, f->key, "is not a text");
	run_text_clean((struct span){json_string_value(value), json_string_length(value)}, member,
		       f->size);
	return 0;
}

static int read_owned(const struct place *p, const struct field *f, json_t *value, char **member)
{
	if (!json_is_null(value) && !json_is_string(value))
		return wrong(p, f->key, "is not a text");
	return run_set_text(member, json_string_value(value)) ? 0
							      : wrong(p, f->key, "finds no memory");
}

static int read_list(const struct place *p, const struct field *f, json_t *value,
		     struct run_texts *member)
{
	size_t index;
	json_t *item;

	if (!json_is_array(value))
		return wrong(p, f->key, "is not a list");
	json_array_foreach(value, index, item)
	{
		if (!json_is_string(item))
			return wrong(p, f->key, "holds something else than texts");
		if (!run_texts_add(member, json_string_value(item)))
			return wrong(p, f->key, "finds no memory");
	}
	return 0;
}

/* The index of a name in a list. */
static int read_name(const struct place *p, const struct field *f, json_t *value,
		     const char *const *names, int *ret_index)
{
	for (int i = 0; json_is_string(value) && names[i]; i++) {
		if (strcmp(json_string_value(value), names[i]) != 0)
			continue;
		*ret_index = i;
		return 0;
	}
	return wrong(p, f->key, "is none of the words that may stand there");
}

static int read_number(const struct place *p, const struct field *f, json_t *value, void *member)
{
	json_int_t integer = json_integer_value(value);
	uint64_t number;

	switch (f->kind) {
	case FIELD_COUNT:
		if (!json_is_integer(value) || integer < 0)
			return wrong(p, f->key, "is not a count");
		*(uint64_t *)member = (uint64_t)integer;
		return 0;
	case FIELD_INTEGER:
		if (!json_is_integer(value) && !json_is_null(value))
			return wrong(p, f->key, "is neither an integer nor null");
		*(int64_t *)member = json_is_null(value) ? RUN_NONE : (int64_t)integer;
		return 0;
	case FIELD_INT:
		if (!json_is_integer(value) || integer < 0 || integer > INT32_MAX)
			return wrong(p, f->key, "is not a count");
		*(int *)member = (int)integer;
		return 0;
	case FIELD_NUMBER_TEXT:
		if (!json_is_string(value) ||
		    !units_parse_count(span_of(json_string_value(value)), &number))
			return wrong(p, f->key, "is not a number in a text");
		*(uint64_t *)member = number;
		return 0;
	default:
		if (!json_is_number(value) && !(f->kind != FIELD_REAL && json_is_null(value)))
			return wrong(p, f->key, "is not a number");
		*(double *)member = json_is_null(value) && f->kind == FIELD_REAL_OR_NAN
					    ? NAN
					    : json_number_value(value);
		return 0;
	}
}

static int read_field(const struct place *p, const struct field *f, json_t *value, void *member)
{
	int index = 0;

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_TEXT_OR_NULL:
	case FIELD_TEXT_OR_NONE:
		return read_text(p, f, value, member);
	case FIELD_OWNED:
		return read_owned(p, f, value, member);
	case FIELD_LIST:
		return read_list(p, f, value, member);
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return wrong(p, f->key, "is neither true nor false");
		*(bool *)member = json_is_true(value);
		return 0;
	case FIELD_MODE:
		if (read_name(p, f, value, fields_modes, &index) < 0)
			return -1;
		*(enum run_mode *)member = (enum run_mode)index;
		return 0;
	case FIELD_VERDICT:
		if (read_name(p, f, value, fields_verdicts, &index) < 0)
			return -1;
		*(enum run_verdict *)member = (enum run_verdict)index;
		return 0;
	case FIELD_STATUS:
		if (!json_is_integer(value))
			return wrong(p, f->key, "is not an integer");
		*(enum exit_status *)member = (enum exit_status)json_integer_value(value);
		return 0;
	default:
		return read_number(p, f, value, member);
	}
}

static int read_fields(const struct place *p, json_t *object, const struct field *fields, void *to)
{
	if (!json_is_object(object))
		return wrong(p, "", "is not an object");
	for (const struct field *f = fields; f->key; f++) {
		json_t *value = json_object_get(object, f->key);

		if (!value && f->kind == FIELD_TEXT_OR_NONE)
			continue;
		if (!value)
			return wrong(p, f->key, "is missing");
		if (read_field(p, f, value, (char *)to + f->offset) < 0)
			return -1;
	}
	return 0;
}

static int read_objects(struct place *p, json_t *root, struct run_document *d)
{
	for (const struct field_object *o = field_objects; o->key; o++) {
		p->object = o->key;
		if (read_fields(p, json_object_get(root, o->key), o->fields,
				(char *)d + o->offset) < 0)
			return -1;
	}
	return 0;
}

static int read_rest(struct place *p, json_t *root, struct run_document *d)
{
	json_t *rate = json_object_get(root, "rate");
	json_t *offered = json_object_get(rate, "offered");

	p->object = "config.tls";
	if (read_fields(p, json_object_get(json_object_get(root, "config"), "tls"),
			fields_config_tls, &d->config.tls) < 0)
		return -1;
	p->object = "rate.lag_us";
	if (read_fields(p, json_object_get(rate, "lag_us"), fields_lag, &d->rate) < 0)
		return -1;
	p->object = "rate";
	if (!json_is_number(offered) && !json_is_null(offered))
		return wrong(p, "offered", "is neither a number nor null");
	d->rate.has_offered = json_is_number(offered);
	d->rate.offered = json_number_value(offered);
	return 0;
}

static int read_latencies(struct place *p, json_t *root, struct run_document *d)
{
	json_t *phases = json_object_get(root, "latency_us");

	p->object = "latency_us";
	if (!json_is_object(phases))
		return wrong(p, "", "is missing");
	for (int i = 0; i < RUN_PHASE_COUNT; i++) {
		json_t *phase = json_object_get(phases, run_phase_names[i]);

		p->object = run_phase_names[i];
		if (phase && read_fields(p, phase, fields_latency, &d->latency[i]) < 0)
			return -1;
	}
	return 0;
}

static int read_end_to_end(struct place *p, json_t *root, struct run_document *d)
{
	json_t *object = json_object_get(root, "end_to_end");

	p->object = "end_to_end";
	if (!object)
		return 0;
	d->end_to_end.is_known = true;
	if (read_fields(p, object, fields_end_to_end, &d->end_to_end) < 0)
		return -1;
	p->object = "end_to_end.latency_us";
	return read_fields(p, json_object_get(object, "latency_us"), fields_latency,
			   &d->end_to_end.latency);
}

static int read_table(struct place *p, json_t *root, const struct field_table *table,
		      struct run_document *d)
{
	json_t *array = json_object_get(root, table->key), *item;
	size_t index;

	p->object = table->key;
	if (!json_is_array(array))
		return wrong(p, "", "is not a list");
	json_array_foreach(array, index, item)
	{
		void *row = table->add(d);

		if (!row)
			return wrong(p, "", "finds no memory");
		p->index = (int)index;
		if (read_fields(p, item, table->fields, row) < 0)
			return -1;
	}
	p->index = -1;
	return 0;
}

static int read_pace(struct place *p, json_t *root, struct run_document *d)
{
	json_t *object = json_object_get(root, "pace");

	p->object = "pace";
	if (!object)
		return 0;
	d->pace.is_used = true;
	if (read_fields(p, object, fields_pace, &d->pace) < 0)
		return -1;
	for (const struct field_table *t = field_pace_tables; t->key; t++)
		if (read_table(p, object, t, d) < 0)
			return -1;
	return 0;
}

static int read_document(struct place *p, json_t *root, struct run_document *d)
{
	const char *kind = json_string_value(json_object_get(root, "kind"));
	json_t *schema = json_object_get(root, "schema");

	if (!kind || strcmp(kind, "run") != 0)
		return wrong(p, "kind", "is not \"run\"");
	if (!json_is_integer(schema) || json_integer_value(schema) != RUN_SCHEMA)
		return err_set(
			p->e, EXIT_USAGE, 0,
			"%s has schema %lld, this volley reads %d; use the version that wrote "
			"it",
			p->name, (long long)json_integer_value(schema), RUN_SCHEMA);
	if (read_fields(p, root, fields_document, d) < 0 || read_objects(p, root, d) < 0 ||
	    read_rest(p, root, d) < 0 || read_latencies(p, root, d) < 0 ||
	    read_end_to_end(p, root, d) < 0 || read_pace(p, root, d) < 0)
		return -1;
	for (const struct field_table *t = field_tables; t->key; t++)
		if (read_table(p, root, t, d) < 0)
			return -1;
	return 0;
}

int run_json_parse(struct span text, const char *name, struct err *e,
		   struct run_document *ret_document)
{
	struct place p = {.name = name, .object = "", .index = -1, .e = e};
	struct run_document d;
	json_error_t error;
	json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	int status;

	if (!root)
		return err_set(e, EXIT_USAGE, 0, "%s is not JSON: line %d: %s", name, error.line,
			       error.text);
	run_init(&d);
	status = read_document(&p, root, &d);
	json_decref(root);
	if (status < 0) {
		run_fini(&d);
		return -1;
	}
	*ret_document = d;
	return 0;
}

int run_json_load(const char *path, struct err *e, struct run_document *ret_document)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct buf b;
	ssize_t count = -1;
	int status = -1;

	if (fd < 0)
		return err_set(e, EXIT_USAGE, errno, "cannot open %s: %s", path, strerror(errno));
	buf_init(&b, FILE_MAX);
	while (buf_reserve(&b, 4096) && ((count = read(fd, b.data + b.len, b.cap - b.len)) > 0 ||
					 (count < 0 && errno == EINTR)))
		b.len += count > 0 ? (size_t)count : 0;
	if (count == 0)
		status = run_json_parse(buf_span(&b), is_stdin ? "standard input" : path, e,
					ret_document);
	else if (count < 0)
		err_set(e, EXIT_USAGE, errno, "cannot read %s: %s", path, strerror(errno));
	else
		err_set(e, EXIT_USAGE, 0, "%s is larger than any result of a run", path);
	buf_fini(&b);
	if (!is_stdin)
		close(fd);
	return status;
}
