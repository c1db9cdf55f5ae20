/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store_maildir.h - one file per message in a maildir
 *
 * A message is written under tmp/ and renamed into new/ when it is whole. Lines end in LF there,
 * as in every maildir. One thread: the writer's.
 */
#ifndef VOLLEY_SINK_STORE_MAILDIR_H
#define VOLLEY_SINK_STORE_MAILDIR_H
#include "sink/store.h"

struct maildir;

/* Makes what is missing of path, path/tmp, path/new and path/cur. NULL with *e set. */
struct maildir *maildir_open(const char *path, bool does_sync, struct clock *clock, struct err *e);
void maildir_close(struct maildir *d); /* NULL is allowed */

/* -1 with errno set, once per message: afterwards has_failed is set and calls do nothing. */
int maildir_write(struct maildir *d, struct store_message *m, struct span content);
int maildir_commit(struct maildir *d, struct store_message *m);
void maildir_abandon(struct maildir *d, struct store_message *m);

#endif
