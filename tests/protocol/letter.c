/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * letter.c - a message for a dialogue, in memory that ends with it
 */
#include "letter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script.h"

/* Takes memory of size octets over. */
static char *own(struct letter *l, char *text, size_t size)
{
	l->texts = realloc(l->texts, (l->text_count + 1) * sizeof(*l->texts));
	l->text_sizes = realloc(l->text_sizes, (l->text_count + 1) * sizeof(*l->text_sizes));
	l->texts[l->text_count] = text;
	l->text_sizes[l->text_count++] = size;
	return text;
}

static char *own_text(struct letter *l, const char *text)
{
	return own(l, strdup(text), strlen(text));
}

static void rcpt_add(struct letter *l, const char *path)
{
	struct smtp_message *m = &l->message;

	l->rcpt = realloc(l->rcpt, (size_t)(m->rcpt_count + 1) * sizeof(*l->rcpt));
	l->rcpt[m->rcpt_count++] = span_of(own_text(l, path));
	m->rcpt = l->rcpt;
}

static void rcpts_add(struct letter *l, long count)
{
	char path[64];

	for (long i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "r%ld@example.com", i);
		rcpt_add(l, path);
	}
}

static bool segment_add(struct letter *l, struct iovec *list, int *count, const char *value)
{
	char *text = own_text(l, value);
	size_t len;

	if (*count == LETTER_SEGMENTS_MAX || !script_unescape(text, &len))
		return false;
	list[(*count)++] = (struct iovec){text, len};
	return true;
}

/* One segment of lines, size octets in all. */
static void body_fill(struct letter *l, size_t size)
{
	struct smtp_message *m = &l->message;
	char *text = own(l, malloc(size + 1), size);

	memset(text, 'x', size);
	for (size_t i = 62; i + 1 < size; i += 64)
		memcpy(text + i, "\r\n", 2);
	l->data[m->data_count++] = (struct iovec){text, size};
}

static bool key_set(struct letter *l, char *key, char *value)
{
	struct smtp_message *m = &l->message;
	size_t len;

	if (!value) {
		m->is_8bit |= strcmp(key, "8bit") == 0;
		m->is_utf8 |= strcmp(key, "utf8") == 0;
		return strcmp(key, "8bit") == 0 || strcmp(key, "utf8") == 0;
	}
	if (strcmp(key, "from") == 0) {
		if (!script_unescape(value, &len))
			return false;
		m->mail_from = span_of(own_text(l, value));
	} else if (strcmp(key, "rcpt") == 0)
		rcpt_add(l, value);
	else if (strcmp(key, "rcpts") == 0)
		rcpts_add(l, strtol(value, NULL, 10));
	else if (strcmp(key, "body") == 0)
		return segment_add(l, l->data, &m->data_count, value);
	else if (strcmp(key, "chunk") == 0)
		return segment_add(l, l->chunk, &m->chunk_count, value);
	else if (strcmp(key, "bodysize") == 0)
		body_fill(l, strtoul(value, NULL, 10));
	else if (strcmp(key, "size") == 0)
		m->size = strtoull(value, NULL, 10);
	else if (strcmp(key, "ret") == 0)
		m->dsn_ret = own_text(l, value);
	else if (strcmp(key, "envid") == 0)
		m->dsn_envid = own_text(l, value);
	else if (strcmp(key, "notify") == 0)
		m->dsn_notify = own_text(l, value);
	else
		return false;
	return true;
}

struct letter *letter_new(const char *description)
{
	struct letter *l = calloc(1, sizeof(*l));
	char *copy = strdup(description), *rest = copy;
	struct smtp_message *m = &l->message;
	bool is_fine = true, has_size;

	for (char *key = script_word(&rest); key && is_fine; key = script_word(&rest)) {
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		is_fine = key_set(l, key, value);
	}
	free(copy);
	has_size = m->size != 0;
	m->data = l->data;
	m->chunk = m->chunk_count > 0 ? l->chunk : l->data;
	if (m->chunk_count == 0)
		m->chunk_count = m->data_count;
	for (int i = 0; !has_size && i < m->chunk_count; i++)
		m->size += m->chunk[i].iov_len;
	if (is_fine)
		return l;
	printf("# message not understood: %s\n", description);
	letter_free(l);
	return NULL;
}

void letter_free(struct letter *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->text_count; i++) {
		memset(l->texts[i], 0xee, l->text_sizes[i]);
		free(l->texts[i]);
	}
	free(l->texts);
	free(l->text_sizes);
	free(l->rcpt);
	memset(l, 0xee, sizeof(*l));
	free(l);
}
