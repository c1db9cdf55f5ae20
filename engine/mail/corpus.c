/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * corpus.c - messages read from files
 *
 * A folder is read in order of name, so that message number n is the same one in every run.
 */
#include "mail/corpus.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/units.h"
#include "mail/compose.h"
#include "mail/file.h"

#define OPTION_EML	"--message"
#define OPTION_TEMPLATE "--template"
#define SUFFIX		".eml"

/* Reads and compiles one file; *total adds up what all files hold. */
static int read_message(const struct mail_params *p, const char *path, bool is_template,
			uint64_t *total, struct err *e, struct text *ret_text)
{
	const char *option = is_template ? OPTION_TEMPLATE : OPTION_EML;
	char text[UNITS_TEXT_MAX];
	char *data;
	size_t len;
	int status;

	if (file_read(path, option, MAIL_SIZE_MAX, e, &data, &len) < 0)
		return -1;
	*total += len;
	if (*total > MAIL_CORPUS_MAX)
		status = err_set(
			e, EXIT_USAGE, 0,
			"the messages up to %s hold more than %s together, the most that is "
			"kept in memory; use fewer of them",
			path, units_size_text(MAIL_CORPUS_MAX, text));
	else
		status =
			compose_stored(p, (struct span){data, len}, is_template, path, e, ret_text);
	free(data);
	if (status < 0)
		err_prefix(e, "%s", option);
	return status;
}

static int is_message(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix_len = strlen(SUFFIX);

	return entry->d_name[0] != '.' && len > suffix_len &&
	       strcasecmp(entry->d_name + len - suffix_len, SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(const struct mail_params *p, struct dirent **entries, int count,
		       struct err *e, struct text *texts, size_t *ret_count)
{
	uint64_t total = 0;

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", p->eml_path, entries[i]->d_name) >=
		    (int)sizeof(path))
			return err_set(e, EXIT_USAGE, ENAMETOOLONG,
				       OPTION_EML ": the path of %s is too long",
				       entries[i]->d_name);
		if (read_message(p, path, false, &total, e, &texts[i]) < 0)
			return -1;
		*ret_count = (size_t)i + 1;
	}
	return 0;
}

int corpus_read(const struct mail_params *p, struct err *e, struct text **ret_texts,
		size_t *ret_count)
{
	struct dirent **entries = NULL;
	struct stat st;
	int count, status;
	uint64_t total = 0;

	/* What cannot be looked at is a file that cannot be opened: file_read() says why. */
	if (stat(p->eml_path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		*ret_texts = calloc(1, sizeof(**ret_texts));
		if (!*ret_texts)
			return err_set(e, EXIT_FAILED, ENOMEM, "no memory for the messages");
		status = read_message(p, p->eml_path, false, &total, e, *ret_texts);
		*ret_count = status == 0;
		return status;
	}
	count = scandir(p->eml_path, &entries, is_message, by_name);
	if (count < 0)
		return err_set(e, EXIT_USAGE, errno, OPTION_EML ": cannot read the folder %s: %s",
			       p->eml_path, strerror(errno));
	if (count == 0) {
		free(entries);
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_EML ": the folder %s holds no *" SUFFIX " file; put messages "
					  "there, or name one file",
			       p->eml_path);
	}
	*ret_texts = calloc((size_t)count, sizeof(**ret_texts));
	status = *ret_texts ? read_folder(p, entries, count, e, *ret_texts, ret_count)
			    : err_set(e, EXIT_FAILED, ENOMEM, "no memory for the messages");
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return status;
}

int corpus_read_template(const struct mail_params *p, struct err *e, struct text *ret_text)
{
	uint64_t total = 0;

	return read_message(p, p->template_path, true, &total, e, ret_text);
}
