/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.h - DNS messages written from text, for tests
 *
 * Records are lines as in a zone file, with full names and a TTL each:
 *   "example.test. 300 MX 10 mx.example.test."
 *   "example.test. 300 SOA 60"           (MNAME and RNAME are made up; 60 is MINIMUM)
 * Names are not compressed, but for "@", which is a pointer to the question.
 */
#ifndef VOLLEY_TESTS_DNS_WIRE_H
#define VOLLEY_TESTS_DNS_WIRE_H
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX 65535

struct wire {
	uint8_t data[WIRE_MAX];
	size_t len;
};

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_MX = 15, TYPE_AAAA = 28 };

/* A header with the flags (QR, RA and what is given) and the question (name, type). */
void wire_begin(struct wire *w, unsigned id, unsigned flags, const char *name, unsigned type);

/* Appends lines of records (NULL: none) and counts them in the header's field of that section. */
enum wire_section { WIRE_ANSWER = 6, WIRE_AUTHORITY = 8, WIRE_ADDITIONAL = 10 };
void wire_records(struct wire *w, enum wire_section section, const char *lines);

/* Appends raw octets, uncounted. */
void wire_raw(struct wire *w, const void *data, size_t len);

/* Sets a 16-bit field of the header. */
void wire_set(struct wire *w, size_t at, unsigned value);

/*
 * Reads the question of a query: its name in lower case with its last dot. Returns the type, or 0
 * when the query is not one.
 */
unsigned wire_question(const uint8_t *data, size_t len, char name[256]);

#endif
