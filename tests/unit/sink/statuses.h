/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * statuses.h - documents of sinks for the tests: an idle one, and one in which all has happened
 */
#ifndef VOLLEY_TESTS_SINK_STATUSES_H
#define VOLLEY_TESTS_SINK_STATUSES_H
#include "result/sink_status.h"

/* Nothing came. */
void status_idle(struct sink_status *s);

/* Every table has rows, every optional part is there; texts are hostile. */
void status_busy(struct sink_status *s);

#endif
