/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * folder.c - a temporary folder of profiles for tests
 */
#include "folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char base_text[] =
	"headroom: 20%\n"
	"retry: {first: 10m, factor: 2, max: 4h, give-up: 3d, jitter: 10%, greylist: 5m}\n"
	"replies:\n"
	"  busy: {code: 4xx, text: 'try again later', class: throttled,\n"
	"         samples: ['421 4.7.0 Please try again later']}\n"
	"  nobody: {enhanced: x.1.1, class: unknown-user}\n";

void folder_renew(struct folder *f)
{
	const char *const folders[] = {f->path};

	profile_store_free(f->store);
	f->store = profile_store_new(folders, 1);
	assert_non_null(f->store);
}

void folder_open(struct folder *f)
{
	*f = (struct folder){0};
	snprintf(f->path, sizeof(f->path), "/tmp/volley-profile-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	assert_int_equal(setenv("XDG_CONFIG_HOME", f->path, 1), 0);
	folder_write(f, "base.yaml", base_text);
	folder_renew(f);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *ftw)
{
	(void)facts;
	(void)type;
	(void)ftw;
	return remove(path);
}

void folder_close(struct folder *f)
{
	profile_store_free(f->store);
	assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void folder_write(const struct folder *f, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	for (char *slash = path + strlen(f->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

const struct profile *folder_load(struct folder *f, const char *name)
{
	struct err e = {0};
	const struct profile *p = profile_store_load(f->store, name, &e);

	if (!p)
		fail_msg("%s: %s", name, e.text);
	return p;
}

void folder_refuse(struct folder *f, const char *name, const char *place, const char *said)
{
	struct err e = {0};
	char head[256];

	if (profile_store_load(f->store, name, &e))
		fail_msg("%s passed, but \"%s\" was expected", name, said);
	snprintf(head, sizeof(head), "%s/%s: ", f->path, place);
	if (strncmp(e.text, head, strlen(head)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\" (expected: %s)", e.text, head, said);
	if (!strstr(e.text, said))
		fail_msg("\"%s\" does not say \"%s\"", e.text, said);
	assert_int_equal(e.status, EXIT_USAGE);
}

void folder_refuse_text(struct folder *f, const char *text, int line, const char *said)
{
	char place[32];

	folder_write(f, "wrong.yaml", text);
	snprintf(place, sizeof(place), "wrong.yaml:%d", line);
	folder_refuse(f, "wrong", place, said);
}
