/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zone.c - the table of a simulated world's names
 *
 * A hash table of names, each with its records. With a name all names above it come to exist,
 * empty, as in DNS: so the closest one that exists is found by cutting labels from the front, and
 * a wildcard counts only right below it (RFC 4592 s3.3.1).
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/hash.h"
#include "base/units.h"
#include "sim/names.h"

#define TTL_DEFAULT_S 300
#define BUCKETS_FIRST 256
#define LABEL_MAX     63
#define NAME_TEXT_MAX 253

struct sim_zone {
	struct zone_name **buckets;
	size_t bucket_count, name_count;
};

static uint64_t hash_text(const char *text)
{
	uint64_t hash = hash_octets(HASH_START, text, strlen(text));

	return hash ^ (hash >> 32);
}

struct sim_zone *sim_zone_new(void)
{
	struct sim_zone *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->bucket_count = BUCKETS_FIRST;
	z->buckets = calloc(z->bucket_count, sizeof(*z->buckets));
	if (!z->buckets) {
		free(z);
		return NULL;
	}
	return z;
}

static void clear_records(struct zone_name *n)
{
	while (n->records) {
		struct zone_record *r = n->records;

		n->records = r->next;
		free(r);
	}
	n->records_tail = &n->records;
	n->fault = RESOLVER_OK;
	n->delay_ns = 0;
}

void sim_zone_free(struct sim_zone *z)
{
	if (!z)
		return;
	for (size_t i = 0; i < z->bucket_count; i++) {
		while (z->buckets[i]) {
			struct zone_name *n = z->buckets[i];

			z->buckets[i] = n->next;
			clear_records(n);
			free(n);
		}
	}
	free(z->buckets);
	free(z);
}

bool zone_normalize(struct span name, char out[RESOLVER_NAME_MAX])
{
	size_t label = 0;

	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > NAME_TEXT_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (c == '.' ? label == 0 : (unsigned char)c <= ' ' || c == 0x7f)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
		out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	out[name.len] = '\0';
	return label > 0;
}

static struct zone_name *find_exact(const struct sim_zone *z, const char *name)
{
	struct zone_name *n = z->buckets[hash_text(name) & (z->bucket_count - 1)];

	while (n && strcmp(n->text, name) != 0)
		n = n->next;
	return n;
}

const struct zone_name *zone_find(const struct sim_zone *z, const char *name)
{
	char wildcard[RESOLVER_NAME_MAX + 2];
	const struct zone_name *n = find_exact(z, name);

	for (const char *above = name; !n;) {
		above = strchr(above, '.');
		if (!above)
			return NULL;
		above++;
		if (!find_exact(z, above))
			continue;
		snprintf(wildcard, sizeof(wildcard), "*.%s", above);
		return find_exact(z, wildcard);
	}
	return n;
}

static void grow(struct sim_zone *z)
{
	size_t count = z->bucket_count * 2;
	struct zone_name **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return; /* chains get longer: no harm */
	for (size_t i = 0; i < z->bucket_count; i++) {
		while (z->buckets[i]) {
			struct zone_name *n = z->buckets[i];
			struct zone_name **head = &buckets[hash_text(n->text) & (count - 1)];

			z->buckets[i] = n->next;
			n->next = *head;
			*head = n;
		}
	}
	free(z->buckets);
	z->buckets = buckets;
	z->bucket_count = count;
}

static struct zone_name *add_one(struct sim_zone *z, const char *name)
{
	struct zone_name *n = find_exact(z, name), **head;
	size_t size = strlen(name) + 1;

	if (n)
		return n;
	if (z->name_count >= z->bucket_count)
		grow(z);
	n = calloc(1, sizeof(*n) + size);
	if (!n)
		return NULL;
	memcpy(n->text, name, size);
	n->records_tail = &n->records;
	head = &z->buckets[hash_text(name) & (z->bucket_count - 1)];
	n->next = *head;
	*head = n;
	z->name_count++;
	return n;
}

/* The name, and all above it. */
static struct zone_name *add_name(struct sim_zone *z, const char *name)
{
	for (const char *above = strchr(name, '.'); above; above = strchr(above, '.'))
		if (!add_one(z, ++above))
			return NULL;
	return add_one(z, name);
}

void sim_zone_forget(struct sim_zone *z, struct span name)
{
	char text[RESOLVER_NAME_MAX];
	struct zone_name *n = zone_normalize(name, text) ? find_exact(z, text) : NULL;

	if (!n)
		return;
	for (struct zone_name **at = &z->buckets[hash_text(text) & (z->bucket_count - 1)]; *at;
	     at = &(*at)->next) {
		if (*at != n)
			continue;
		*at = n->next;
		break;
	}
	clear_records(n);
	free(n);
	z->name_count--;
}

/* --- Reading */

/* The next word of a line, empty at its end or at a comment. */
static struct span next_word(struct span *line)
{
	struct span word;
	size_t i = 0;

	while (line->len > 0 && (*line->data == ' ' || *line->data == '\t' || *line->data == '\r'))
		*line = span_skip(*line, 1);
	if (line->len > 0 && *line->data == ';')
		line->len = 0;
	while (i < line->len && line->data[i] != ' ' && line->data[i] != '\t' &&
	       line->data[i] != '\r' && line->data[i] != ';')
		i++;
	word = (struct span){line->data, i};
	*line = span_skip(*line, i);
	return word;
}

static bool parse_u32(struct span word, uint32_t max, uint32_t *ret_value)
{
	uint64_t value = 0;

	if (word.len == 0 || word.len > 10)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(word.data[i] - '0');
	}
	if (value > max)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

static const char *append(struct zone_name *n, const struct zone_record *record, const char *target)
{
	size_t size = strlen(target) + 1;
	struct zone_record *r = malloc(sizeof(*r) + size);

	if (!r)
		return "memory is exhausted";
	*r = *record;
	memcpy(r->target, target, size);
	r->next = NULL;
	*n->records_tail = r;
	n->records_tail = &r->next;
	return NULL;
}

/* The data of A, AAAA, MX and CNAME. NULL, or what is wrong with the line. */
static const char *add_record(struct zone_name *n, enum record_type type, uint32_t ttl_s,
			      struct span *line)
{
	struct zone_record r = {.type = type, .ttl_s = ttl_s};
	char target[RESOLVER_NAME_MAX] = "";
	struct span word = next_word(line);
	uint32_t preference;

	if (type == RECORD_A || type == RECORD_AAAA) {
		if (!endpoint_parse_address(word, &r.address) ||
		    (r.address.family == ENDPOINT_IPV6) != (type == RECORD_AAAA))
			return "the address is not of the record's family";
		return append(n, &r, target);
	}
	if (type == RECORD_MX) {
		if (!parse_u32(word, UINT16_MAX, &preference))
			return "an MX record needs a preference from 0 to 65535";
		r.preference = (uint16_t)preference;
		word = next_word(line);
		if (span_equal(word, SPAN(".")))
			return append(n, &r, target);
	}
	if (!zone_normalize(word, target))
		return "the target is no name";
	return append(n, &r, target);
}

/* NULL, or what is wrong with the line. */
static const char *add_line(struct sim_zone *z, struct span line)
{
	static const struct {
		const char *word;
		enum record_type type;
	} types[] = {
		{"A", RECORD_A},
		{"AAAA", RECORD_AAAA},
		{"MX", RECORD_MX},
		{"CNAME", RECORD_CNAME},
	};
	static const struct {
		const char *word;
		enum resolver_cause cause;
	} faults[] = {
		{"NXDOMAIN", RESOLVER_NO_NAME},
		{"SERVFAIL", RESOLVER_SERVFAIL},
		{"REFUSED", RESOLVER_REFUSED},
		{"TIMEOUT", RESOLVER_TIMED_OUT},
	};
	char name[RESOLVER_NAME_MAX];
	uint32_t ttl_s = TTL_DEFAULT_S;
	struct span word = next_word(&line);
	struct zone_name *n;

	if (word.len == 0)
		return NULL;
	if (!zone_normalize(word, name))
		return "the first word is no name";
	word = next_word(&line);
	if (parse_u32(word, INT32_MAX, &ttl_s))
		word = next_word(&line);
	n = add_name(z, name);
	if (!n)
		return "memory is exhausted";
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_equal_nocase(word, span_of(types[i].word)))
			return add_record(n, types[i].type, ttl_s, &line);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!span_equal_nocase(word, span_of(faults[i].word)))
			continue;
		n->fault = faults[i].cause;
		return NULL;
	}
	if (!span_equal_nocase(word, SPAN("DELAY")))
		return "the type is none of A AAAA MX CNAME NXDOMAIN SERVFAIL REFUSED TIMEOUT "
		       "DELAY";
	if (!units_parse_duration(next_word(&line), &n->delay_ns))
		return "DELAY needs a duration";
	return NULL;
}

int sim_zone_load(struct sim_zone *z, struct span text, struct err *e)
{
	for (int number = 1; text.len > 0; number++) {
		struct span line;
		const char *fault;

		span_cut(&text, '\n', &line);
		fault = add_line(z, line);
		if (fault)
			return err_set(e, EXIT_USAGE, 0, "line %d of the zone: %s", number, fault);
	}
	return 0;
}
