/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * write.h - what was learned as a profile, and as JSON
 */
#ifndef VOLLEY_LEARN_WRITE_H
#define VOLLEY_LEARN_WRITE_H
#include <stdbool.h>
#include "base/buf.h"
#include "learn/fit.h"

/*
 * Appends a profile (profiles/README.md) that extends base. name: who it is; NULL: the site's own.
 * Figures have the logs as their source, and how often each limit was seen stands beside it. False:
 * out is full or memory is exhausted.
 */
bool learned_to_yaml(const struct learned *l, const char *name, struct buf *out);

/*
 * Appends one JSON document and a line feed: {"schema": 1, "kind": "learned", ...}. Durations are
 * in seconds of the provider's time.
 */
bool learned_to_json(const struct learned *l, const char *name, struct buf *out);

/* The dial that a limit's reply asks to turn. */
enum pace_dial learned_dial(const struct limit *l);

/* Where the sink says it; PHASE_SESSION: nowhere. */
enum phase learned_at(const struct learned_reply *r, const struct limit *limit);

/* The reply as it is said, without the code: lines divided by '\n', none too long. */
bool learned_say(const struct wording *w, struct buf *out);

#endif
