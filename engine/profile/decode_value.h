/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decode_value.h - single values of a profile read and judged, and mappings read by a table
 *
 * Every reader says what was expected where it finds something else, as a fault with file, line
 * and the path of keys ("limits.hourly.max"); it returns false then and leaves its result as it
 * was. Reading goes on, so that all faults are found in one go.
 */
#ifndef VOLLEY_PROFILE_DECODE_VALUE_H
#define VOLLEY_PROFILE_DECODE_VALUE_H
#include <stdbool.h>
#include <stdint.h>
#include "profile/faults.h"
#include "profile/profile.h"
#include "profile/tree.h"

struct decoder {
	struct arena *arena;
	struct faults *faults;
	const struct tree_node *root;
	struct profile *profile; /* what is being filled */
	const char *file;	 /* the profile's own: what stands elsewhere was judged there */
};

/* A value and the keys that lead to it. */
struct where {
	const struct where *outer; /* NULL: the root */
	struct span key;
	struct profile_place place; /* of the key */
	const struct tree_node *node;
};

/* One key that a mapping may have. The last row has no key. */
struct field {
	const char *key;
	bool is_required;
	void (*take)(struct decoder *d, const struct where *at, void *object);
};

/* A fault at the value: "FILE:LINE: PATH: ...". */
__attribute__((format(printf, 3, 4))) void decode_fault(struct decoder *d, const struct where *at,
							const char *fmt, ...);

/* The same at the key, where what is wrong is what does not stand there. */
__attribute__((format(printf, 3, 4))) void
decode_fault_key(struct decoder *d, const struct where *at, const char *fmt, ...);

/*
 * Calls each key's take with object; an unknown key is a fault that names a near one, and so is a
 * required one that is missing. Members that were taken away (merge.h) are passed over.
 */
void decode_mapping(struct decoder *d, const struct where *at, const struct field *fields,
		    void *object);

/* As a fault when the value is not of that kind; expected is put behind "expected ". */
bool decode_is_mapping(struct decoder *d, const struct where *at, const char *expected);
bool decode_text(struct decoder *d, const struct where *at, const char *expected,
		 struct span *ret_text);

/* A PCRE2 pattern, compiled and probed (lint.h) where it is not inherited. */
bool decode_pattern(struct decoder *d, const struct where *at, struct span *ret_pattern);

/* Least and most are inclusive. */
bool decode_duration(struct decoder *d, const struct where *at, int64_t least_ns, int64_t most_ns,
		     int64_t *ret_ns);
bool decode_count(struct decoder *d, const struct where *at, uint64_t most, uint64_t *ret_count);
bool decode_size(struct decoder *d, const struct where *at, uint64_t *ret_octets);

/* "N/T": count in a period; count > 0, period > 0. A size with in_octets. */
bool decode_rate(struct decoder *d, const struct where *at, bool in_octets, uint64_t *ret_count,
		 int64_t *ret_period_ns);

/* "12.5%" as parts of a million, at most 100 %; least_ppm is inclusive. */
bool decode_share(struct decoder *d, const struct where *at, uint32_t least_ppm, uint32_t *ret_ppm);

/* The same of a text that stands within a value. */
bool decode_share_text(struct span text, uint32_t *ret_ppm);
bool decode_duration_text(struct span text, int64_t *ret_ns); /* a bare number is none */

/* One of count words, of which word(i) is the i-th. An unknown one is a fault that names a near
 * one, or all where they are few. */
bool decode_word(struct decoder *d, const struct where *at, const char *(*word)(unsigned i),
		 unsigned count, unsigned *ret_index);

/* Calls take for each member of a list; a single value counts as a list of one. True when it is a
 * list; *ret_count is how many members it has. */
bool decode_list(struct decoder *d, const struct where *at,
		 void (*take)(struct decoder *d, const struct where *at, size_t i, void *object),
		 void *object, size_t *ret_count);

/* source: and sure: of the mapping: a source must stand under sources:, and what is better than
 * assumed must have one. *ret_source is NULL without one. */
void decode_marks(struct decoder *d, const struct where *at, const char **ret_source,
		  enum sureness *ret_sureness);

/* Takes for source: and sure: in a table of fields, where decode_marks() reads them. */
void decode_nothing(struct decoder *d, const struct where *at, void *object);

#define DECODE_DAY_NS	   (INT64_C(86400) * 1000000000)
#define DECODE_YEAR_NS	   (366 * DECODE_DAY_NS)
#define DECODE_COUNT_MOST  UINT64_C(1000000000000)
#define DECODE_OCTETS_MOST UINT64_C(1000000000000000)

#endif
