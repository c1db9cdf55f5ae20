/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store_maildir.c - one file per message in a maildir
 *
 * Names follow the usual form: seconds, then microseconds, process and a counter, then the host.
 * Folders are held open and files are named relative to them.
 */
#include "sink/store_maildir.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_PART 8192

struct maildir {
	struct clock *clock;
	bool does_sync;
	int tmp, new; /* folders */
	uint64_t counter;
	char host[65];
};

/* A slash and a colon mean something in the name of a file in a maildir. */
static void read_host(char host[65])
{
	char name[65] = "";
	size_t len = 0;

	(void)gethostname(name, sizeof(name) - 1);
	for (const char *c = name; *c && len < 60; c++) {
		bool is_special = *c == '/' || *c == ':';

		if (is_special) {
			memcpy(host + len, *c == '/' ? "\\057" : "\\072", 4);
			len += 4;
		} else {
			host[len++] = *c;
		}
	}
	if (len == 0)
		host[len++] = '-';
	host[len] = '\0';
}

static int open_folder(const char *path, const char *name, struct err *e)
{
	char whole[4096];
	int folder;

	if (snprintf(whole, sizeof(whole), "%s%s%s", path, name[0] ? "/" : "", name) >=
	    (int)sizeof(whole))
		return err_set(e, EXIT_USAGE, ENAMETOOLONG, "%s: the path is too long", path);
	if (mkdir(whole, 0777) < 0 && errno != EEXIST)
		return err_set(e, EXIT_USAGE, errno, "%s: cannot make this folder: %s", whole,
			       strerror(errno));
	folder = open(whole, O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return err_set(e, EXIT_USAGE, errno, "%s: cannot use this folder: %s", whole,
			       strerror(errno));
	return folder;
}

struct maildir *maildir_open(const char *path, bool does_sync, struct clock *clock, struct err *e)
{
	struct maildir *d = calloc(1, sizeof(*d));
	int top, cur;

	if (!d) {
		err_set(e, EXIT_FAILED, 0, "no memory for the maildir");
		return NULL;
	}
	d->clock = clock;
	d->does_sync = does_sync;
	d->tmp = d->new = -1;
	read_host(d->host);
	top = open_folder(path, "", e);
	cur = top < 0 ? -1 : open_folder(path, "cur", e);
	d->tmp = cur < 0 ? -1 : open_folder(path, "tmp", e);
	d->new = d->tmp < 0 ? -1 : open_folder(path, "new", e);
	if (top >= 0)
		close(top);
	if (cur >= 0)
		close(cur);
	if (d->new < 0) {
		maildir_close(d);
		return NULL;
	}
	return d;
}

void maildir_close(struct maildir *d)
{
	if (!d)
		return;
	if (d->tmp >= 0)
		close(d->tmp);
	if (d->new >= 0)
		close(d->new);
	free(d);
}

static int give_up(struct maildir *d, struct store_message *m)
{
	int os_error = errno;

	m->has_failed = true;
	if (m->file >= 0) {
		close(m->file);
		unlinkat(d->tmp, m->name, 0);
	}
	m->file = -1;
	errno = os_error;
	return -1;
}

static int open_file(struct maildir *d, struct store_message *m)
{
	int64_t wall = clock_wall_ns(d->clock);

	snprintf(m->name, sizeof(m->name), "%" PRId64 ".M%06" PRId64 "P%ldQ%" PRIu64 ".%s",
		 wall / NS_PER_SEC, wall % NS_PER_SEC / NS_PER_US, (long)getpid(), ++d->counter,
		 d->host);
	m->file = openat(d->tmp, m->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return m->file;
}

static int write_all(int file, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t count = write(file, data, len);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		data += count;
		len -= (size_t)count;
	}
	return 0;
}

/*
 * Writes content with LF in place of CRLF. A CR at the end of one stretch waits for the next:
 * whether it belongs to a line end is not known before.
 */
static int write_lines(struct store_message *m, struct span content)
{
	char part[LINES_PART];
	size_t len = 0;

	for (size_t i = 0; i < content.len; i++) {
		char c = content.data[i];

		if (m->has_carriage_return && c != '\n')
			part[len++] = '\r';
		m->has_carriage_return = c == '\r';
		if (c != '\r')
			part[len++] = c;
		if (len >= sizeof(part) - 2) {
			if (write_all(m->file, part, len) < 0)
				return -1;
			len = 0;
		}
	}
	return write_all(m->file, part, len);
}

int maildir_write(struct maildir *d, struct store_message *m, struct span content)
{
	if (m->has_failed)
		return 0;
	if (m->file < 0 && open_file(d, m) < 0)
		return give_up(d, m);
	return write_lines(m, content) < 0 ? give_up(d, m) : 0;
}

int maildir_commit(struct maildir *d, struct store_message *m)
{
	if (m->has_failed)
		return 0;
	if (m->has_carriage_return && write_all(m->file, "\r", 1) < 0)
		return give_up(d, m);
	if (d->does_sync && fsync(m->file) < 0)
		return give_up(d, m);
	if (renameat(d->tmp, m->name, d->new, m->name) < 0)
		return give_up(d, m);
	close(m->file);
	m->file = -1;
	if (d->does_sync && fsync(d->new) < 0) {
		m->has_failed = true;
		return -1;
	}
	return 0;
}

void maildir_abandon(struct maildir *d, struct store_message *m)
{
	if (m->file >= 0)
		(void)give_up(d, m);
}
