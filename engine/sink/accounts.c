/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accounts.c - who may log in at a sink
 */
#include "sink/accounts.h"
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct sink_account *x = *(const struct sink_account *const *)a;
	const struct sink_account *y = *(const struct sink_account *const *)b;
	int order = strcmp(x->user, y->user);

	/* All of them lie in one array: the earlier one wins. */
	return order != 0 ? order : x < y ? -1 : 1;
}

static const char *password(const struct sasl_accounts *self, const char *user)
{
	const struct accounts *a = (const struct accounts *)self;
	int low = 0, high = a->count;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (strcmp(a->by_name[middle]->user, user) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == a->count || strcmp(a->by_name[low]->user, user) != 0)
		return NULL;
	return a->by_name[low]->password;
}

int accounts_init(struct accounts *a, const struct sink_plan *p, struct err *e)
{
	*a = (struct accounts){.sasl.password = password, .count = p->account_count};
	if (a->count == 0)
		return 0;
	a->by_name = calloc((size_t)a->count, sizeof(*a->by_name));
	if (!a->by_name)
		return err_set(e, EXIT_FAILED, 0, "no memory for %d accounts", a->count);
	for (int i = 0; i < a->count; i++)
		a->by_name[i] = &p->accounts[i];
	qsort(a->by_name, (size_t)a->count, sizeof(*a->by_name), compare);
	return 0;
}

void accounts_fini(struct accounts *a)
{
	free(a->by_name);
	*a = (struct accounts){0};
}
