/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile_show.h - what volley profile show and diff print
 */
#ifndef VOLLEY_CMD_PROFILE_SHOW_H
#define VOLLEY_CMD_PROFILE_SHOW_H
#include <stdio.h>
#include "base/err.h"
#include "profile/store.h"

/* The merged document as YAML that can be loaded again, each value with its origin. -1 with *e. */
int profile_show(struct profile_store *store, const char *name, FILE *out, struct err *e);

/* The same as JSON: each value is {"value": ..., "origin": "FILE:LINE"}. */
int profile_show_json(struct profile_store *store, const char *name, FILE *out, struct err *e);

/* A line for each difference: "-" only left, "+" only right, "~" both. Nothing where they agree. */
int profile_show_diff(struct profile_store *store, const char *left, const char *right, FILE *out,
		      struct err *e);

#endif
