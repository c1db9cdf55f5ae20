/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.h - a DNS server on loopback that answers by a table, in a thread of its own
 *
 * UDP and TCP on one free port. What the table does not name does not exist: NXDOMAIN with an SOA
 * of 60 s. The table must not change while the server runs.
 */
#ifndef VOLLEY_TESTS_DNS_SERVER_H
#define VOLLEY_TESTS_DNS_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum behaviour {
	PLAIN,
	SILENT,		/* never answers */
	SILENT_ONCE,	/* answers from the second time on */
	TRUNCATED,	/* over UDP: an empty answer with TC; over TCP: the truth */
	WRONG_ID,	/* answers with another id alone */
	FORGED_FIRST,	/* a forged answer with another id goes before the right one */
	WRONG_QUESTION, /* answers another question */
	RAW,		/* raw stands in place of the records; answer_count is claimed */
	SHORT,		/* a few octets, not even a header */
};

struct script {
	const char *name; /* lower case, with the last dot */
	unsigned type;
	enum behaviour behaviour;
	unsigned flags;	     /* RCODE and other bits of the header */
	const char *answers; /* as wire_records() reads them */
	const char *authorities;
	const uint8_t *raw; /* RAW */
	size_t raw_len;
	unsigned answer_count; /* RAW */
};

struct server;

/* The table ends with an entry without a name; it is lent until server_stop(). */
struct server *server_start(const struct script *table);

/* The same without TCP: connections are refused. */
struct server *server_start_without_tcp(const struct script *table);
void server_stop(struct server *s);

/* "127.0.0.1:PORT". */
const char *server_address(const struct server *s);

/* How often (name, type) was asked; name NULL: how many queries came in all. */
int server_asked(struct server *s, const char *name, unsigned type);

/* How many queries came over TCP. */
int server_asked_by_tcp(struct server *s);

/*
 * "127.0.0.1:PORT" at which nobody listens, so that the kernel refuses what is sent there; text
 * must hold 32 octets. Returns a descriptor that keeps the port from others: close it at the end.
 */
int server_nobody(char *text);

#endif
