/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sealed_pair.h - two sealed sessions joined by hand
 *
 * What one puts in its tx is fed to the other, whole or in pieces, until neither has anything left
 * to say.
 */
#ifndef VOLLEY_TESTS_UNIT_SIM_SEALED_PAIR_H
#define VOLLEY_TESTS_UNIT_SIM_SEALED_PAIR_H
#include "support.h"
#include "sim/sealed.h"

#define TX_LIMIT (256u << 10)
#define NAME	 "mx.example.com"

struct end {
	struct secure_session *session;
	struct buf tx;
	char got[40000];
	size_t got_len;
	int opened_count;
	enum secure_step last;
	char detail[128];
};

struct pair {
	struct sim *sim;
	struct secure *client, *server;
	struct end c, s;
	size_t piece;	 /* octets fed at a time; 0: all */
	size_t out_size; /* of secure_read(); 0: 16 KiB */
	int flights;
};

/* server.certificate NULL: for NAME and *.sub.example.com, by GoodCA. Roles are filled in. */
void pair_contexts(struct pair *p, struct sim_secure_options client,
		   struct sim_secure_options server);
void pair_begin(struct pair *p, const char *name);
void pair_end(struct pair *p);	 /* the sessions */
void pair_close(struct pair *p); /* all of it */
void pair_feed(struct pair *p, struct end *to, struct span in);
/* Everything that one end has to say goes to the other. */
void pair_carry(struct pair *p, struct end *from, struct end *to);
void pair_talk(struct pair *p);
void pair_expect_open(struct pair *p);
void pair_send_text(struct pair *p, struct end *from, const char *text);

#endif
