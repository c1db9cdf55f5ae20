/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accounts.h - who may log in at a sink
 *
 * The passwords of a plan, found by name for SASL. Immutable once made; any thread.
 */
#ifndef VOLLEY_SINK_ACCOUNTS_H
#define VOLLEY_SINK_ACCOUNTS_H
#include "sink/plan.h"
#include "smtp/sasl.h"

struct accounts {
	struct sasl_accounts sasl;	     /* what SASL asks */
	const struct sink_account **by_name; /* sorted; of one name the first that was given */
	int count;
};

/* The plan is lent. -1 with *e set when memory is exhausted. */
__attribute__((warn_unused_result)) int accounts_init(struct accounts *a, const struct sink_plan *p,
						      struct err *e);
void accounts_fini(struct accounts *a);

#endif
