/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * words.h - tables of words: the name of each value of an enumeration
 *
 * A table has a word for each value from 0 to its count less one. Pure.
 */
#ifndef VOLLEY_TERMS_WORDS_H
#define VOLLEY_TERMS_WORDS_H
#include <stdbool.h>
#include "base/span.h"

/* A table and how many words it has, as the functions below take them. */
#define WORDS(table) (table), sizeof(table) / sizeof((table)[0])

/* The word of a value; that of value 0 for one that the table does not have. */
static inline const char *words_at(const char *const *words, size_t count, unsigned value)
{
	return words[value < count ? value : 0];
}

/* The value of a word. False: it is none of them. */
static inline bool words_find(const char *const *words, size_t count, struct span word,
			      unsigned *ret_value)
{
	for (unsigned i = 0; i < count; i++) {
		if (span_equal(word, span_of(words[i]))) {
			*ret_value = i;
			return true;
		}
	}
	return false;
}

#endif
