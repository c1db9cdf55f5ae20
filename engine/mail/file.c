/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file.c - whole files, read while a plan is made
 *
 * Read rather than mapped: a message file that is changed or cut short during a run must neither
 * change what is sent nor end the process.
 */
#include "mail/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/units.h"

#define READ_STEP ((size_t)64 << 10)

static int too_large(const char *path, const char *option, uint64_t limit, struct err *e)
{
	char text[UNITS_TEXT_MAX];

	return err_set(e, EXIT_USAGE, 0,
		       "%s: %s holds more than %s, the most that is taken; use a "
		       "smaller file",
		       option, path, units_size_text(limit, text));
}

static int read_all(int fd, const char *path, const char *option, uint64_t limit, struct err *e,
		    struct buf *b)
{
	for (;;) {
		ssize_t count;

		if (!buf_reserve(b, READ_STEP))
			return err_set(e, EXIT_FAILED, ENOMEM, "%s: no memory to read %s", option,
				       path);
		count = read(fd, b->data + b->len, b->cap - b->len);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_set(e, EXIT_USAGE, errno, "%s: cannot read %s: %s", option, path,
				       strerror(errno));
		if (count == 0)
			return 0;
		b->len += (size_t)count;
		if (b->len > limit)
			return too_large(path, option, limit, e);
	}
}

int file_read(const char *path, const char *option, uint64_t limit, struct err *e, char **ret_data,
	      size_t *ret_len)
{
	struct stat st;
	struct buf b;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, EXIT_USAGE, errno, "%s: cannot open %s: %s", option, path,
			       strerror(errno));
	buf_init(&b, (size_t)limit + 2 * READ_STEP);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		err_set(e, EXIT_USAGE, EISDIR, "%s: %s is a folder; name a file", option, path);
		goto fail;
	}
	if (st.st_size > 0 && (uint64_t)st.st_size > limit) {
		too_large(path, option, limit, e);
		goto fail;
	}
	if (st.st_size > 0 && !buf_reserve(&b, (size_t)st.st_size + READ_STEP)) {
		err_set(e, EXIT_FAILED, ENOMEM, "%s: no memory to read %s", option, path);
		goto fail;
	}
	if (read_all(fd, path, option, limit, e, &b) < 0)
		goto fail;
	close(fd);
	*ret_data = b.data;
	*ret_len = b.len;
	return 0;
fail:
	close(fd);
	buf_fini(&b);
	return -1;
}

bool file_next_line(struct span *rest, struct span *ret_line)
{
	if (rest->len == 0)
		return false;
	span_cut(rest, '\n', ret_line);
	if (ret_line->len > 0 && ret_line->data[ret_line->len - 1] == '\r')
		ret_line->len--;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct span file_trim(struct span text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = span_skip(text, 1);
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}
