/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - the inside of a message plan: what plan.c makes and render.c reads
 */
#ifndef VOLLEY_MAIL_PLAN_H
#define VOLLEY_MAIL_PLAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "mail/message.h"
#include "mail/roll.h"
#include "mail/spread.h"
#include "mail/text.h"

#define PLAN_TEXT_MAX 512

/* Constants up to this length are copied, longer ones are segments of their own. */
#define PLAN_COPY_MAX 512

/*
 * The filler: lines of 76 characters and CRLF. A body is its last octets, so that it always ends
 * in a whole line; bodies longer than a block are several of them.
 */
#define FILLER_LINE_LEN	 78
#define FILLER_BLOCK_MAX ((size_t)FILLER_LINE_LEN * 13443) /* just under 1 MiB */

struct mail_plan {
	bool is_sized;
	struct spread size; /* sized messages */
	struct spread rcpts;
	bool rows_have_rcpts; /* the size's table says how many recipients */
	struct roll sender, recipient;
	struct text *texts; /* sized, template: one; stored: one a file */
	size_t text_count;
	char *filler; /* whole lines */
	size_t filler_len;
	char *domain;
	size_t domain_len;
	char run[16]; /* RUN, not NUL-terminated */
	uint64_t seed;
	bool needs_chance; /* some draw depends on the seed */
	uint64_t stride;   /* recipients numbered per message */

	/* The block of a slot: recipients, then two arrays of segments, then octets. */
	size_t segment_max, block_size;
	size_t data_offset, chunk_offset, octets_offset;

	struct mail_facts facts;
	char facts_text[PLAN_TEXT_MAX];
};

/* Octets that a field may take at most; what follows from it is the size of a block. */
size_t render_field_max(const struct mail_plan *plan, enum text_field field);

#endif
