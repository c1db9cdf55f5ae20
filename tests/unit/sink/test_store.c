/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_store.c - messages in a maildir, records in a file, and a disk that is behind
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sink/envelope.h"
#include "sink/store.h"

static char folder[64];

static int folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/volley-store-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL) {
		char inner[512];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%.200s/%.250s", path, entry->d_name);
		if (unlink(inner) < 0)
			remove_all(inner);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int folder_remove(void **state)
{
	(void)state;
	remove_all(folder);
	return 0;
}

static void path_of(const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", folder, name);
}

/* The files of a folder below the maildir; the last one's text goes to text. */
static int count_files(const char *name, struct buf *text)
{
	char path[256];
	DIR *d;
	struct dirent *entry;
	int count = 0;

	path_of(name, path);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		char block[4096];
		ssize_t len;
		int file;

		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (!text)
			continue;
		file = openat(dirfd(d), entry->d_name, O_RDONLY);
		assert_true(file >= 0);
		buf_clear(text);
		while ((len = read(file, block, sizeof(block))) > 0)
			assert_true(buf_append(text, block, (size_t)len));
		close(file);
	}
	closedir(d);
	return count;
}

static void no_wake(struct store_port *self)
{
	(void)self;
}

static struct store *start(const char *maildir, const char *jsonl, size_t queue_max,
			   struct store_port *port)
{
	struct store_options o = {
		.maildir = maildir,
		.jsonl = jsonl,
		.does_sync = true,
		.queue_max = queue_max,
		.clock = clock_system(),
	};
	struct err e = {0};
	struct store *s = store_start(&o, &e);

	if (!s)
		fail_msg("%s", e.text);
	store_port_open(port, s, no_wake);
	return s;
}

static struct store_message *wait_for(struct store_port *port)
{
	store_port_wait(port);
	return store_port_collect(port);
}

/* Lines end in LF, wherever CRLF was cut; a bare CR stays what it was. */
static void test_maildir(void **state)
{
	static const char content[] = "Subject: x\r\n\r\na\rb\r\r\n.dot\nend\r\n";
	static const char stored[] = "Subject: x\n\na\rb\r\n.dot\nend\n";
	struct store_port port;
	struct store_stats stats;
	struct store *s;
	struct buf text;

	(void)state;
	s = start(folder, NULL, 0, &port);
	assert_true(store_has_maildir(s));
	assert_false(store_has_lines(s));
	buf_init(&text, 1 << 20);
	for (size_t piece = 1; piece <= sizeof(content) - 1; piece++) {
		struct store_message *m = store_message_new(&port, &port);

		for (size_t at = 0; at < sizeof(content) - 1; at += piece) {
			size_t len = sizeof(content) - 1 - at;

			assert_true(store_message_append(
				m, (struct span){content + at, piece < len ? piece : len}));
		}
		assert_true(store_message_commit(m));
		m = wait_for(&port);
		assert_ptr_equal(m->owner, &port);
		assert_true(m->is_stored);
		store_message_free(m);
		assert_int_equal(count_files("new", &text), piece);
		assert_int_equal(text.len, sizeof(stored) - 1);
		assert_memory_equal(text.data, stored, text.len);
		assert_int_equal(count_files("tmp", NULL), 0);
	}
	store_port_close(&port);
	store_stop(s, &stats);
	assert_int_equal(stats.stored, sizeof(content) - 1);
	assert_int_equal(stats.octets, (sizeof(content) - 1) * (sizeof(content) - 1));
	buf_fini(&text);
}

/* Larger than a chunk; one that is abandoned leaves nothing, not even under tmp/. */
static void test_large_and_abandoned(void **state)
{
	size_t size = 3 * STORE_CHUNK + 17;
	char *content = malloc(size);
	struct store_port port;
	struct store_stats stats;
	struct store_message *m, *gone;
	struct store *s;
	struct buf text;

	(void)state;
	s = start(folder, NULL, 0, &port);
	memset(content, 'y', size);
	gone = store_message_new(&port, NULL);
	assert_true(store_message_append(gone, (struct span){content, size}));
	m = store_message_new(&port, NULL);
	assert_true(store_message_append(m, (struct span){content, size}));
	store_message_abandon(gone);
	assert_true(store_message_commit(m));
	store_message_free(wait_for(&port));
	assert_null(store_port_collect(&port));
	store_port_close(&port);
	store_stop(s, &stats);
	assert_int_equal(stats.stored, 1);
	buf_init(&text, 1 << 20);
	assert_int_equal(count_files("new", &text), 1);
	assert_int_equal(text.len, size);
	assert_int_equal(count_files("tmp", NULL), 0);
	buf_fini(&text);
	free(content);
}

/* What cannot be stored comes back as not stored. */
static void test_failure(void **state)
{
	struct store_port port;
	struct store_stats stats;
	struct store_message *m;
	struct store *s;
	char tmp[256];

	(void)state;
	s = start(folder, NULL, 0, &port);
	path_of("tmp", tmp);
	assert_int_equal(rmdir(tmp), 0);
	m = store_message_new(&port, NULL);
	assert_true(store_message_append(m, SPAN("x\r\n")));
	assert_true(store_message_commit(m));
	m = wait_for(&port);
	assert_false(m->is_stored);
	store_message_free(m);
	store_port_close(&port);
	store_stop(s, &stats);
	assert_int_equal(stats.stored, 0);
	assert_int_equal(stats.failed, 1);
}

/* A queue over its bound says so, and empties. */
static void test_back_pressure(void **state)
{
	struct store_port port;
	struct store *s;
	char block[2000];
	bool was_full = false;

	(void)state;
	s = start(folder, NULL, 1000, &port);
	memset(block, 'z', sizeof(block));
	for (int i = 0; i < 50; i++) {
		struct store_message *m = store_message_new(&port, NULL);

		assert_true(store_message_append(m, (struct span){block, sizeof(block)}));
		assert_true(store_message_commit(m));
		was_full = was_full || store_is_full(s);
	}
	assert_true(was_full);
	for (int i = 0; i < 50; i++)
		store_message_free(wait_for(&port));
	store_port_close(&port);
	store_stop(s, NULL);
	assert_int_equal(count_files("new", NULL), 50);
}

static void test_unusable(void **state)
{
	struct store_options o = {.clock = clock_system()};
	struct err e = {0};
	char path[256];

	(void)state;
	path_of("no/such/folder", path);
	o.maildir = path;
	assert_null(store_start(&o, &e));
	assert_non_null(strstr(e.text, path));
	o.maildir = NULL;
	o.jsonl = path;
	assert_null(store_start(&o, &e));
	assert_non_null(strstr(e.text, path));
}

static json_t *line_of(const struct envelope *v, const struct envelope_record *r,
		       struct store_port *port)
{
	struct buf line;
	json_t *value;

	buf_init(&line, 1 << 20);
	assert_true(envelope_write(v, r, &line));
	assert_int_equal(line.data[line.len - 1], '\n');
	assert_null(memchr(line.data, '\n', line.len - 1));
	value = json_loadb(line.data, line.len, 0, NULL);
	assert_non_null(value);
	assert_true(store_line(port, &line));
	return value;
}

static const char *text_at(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Each record is one line of valid JSON, whatever the peer said. */
static void test_records(void **state)
{
	struct mark mark = {.run = 0xab, .seq = 7, .due_wall_ns = 5};
	struct secure_facts tls = {.version = "TLSv1.3", .cipher = "X"};
	struct envelope_record r = {
		.wall_ns = INT64_C(1700000000123456789),
		.client = "192.0.2.1",
		.scheme = "smtp",
		.rcpt_count = 2,
		.size = 99,
		.reply = {"250 2.0.0 Ok\r\n", 14},
	};
	struct envelope *v = envelope_new();
	struct store_port port;
	struct store_stats stats;
	struct store *s;
	char path[256];
	FILE *file;
	json_t *o;

	(void)state;
	path_of("lines", path);
	s = start(NULL, path, 0, &port);
	envelope_hello(v, SPAN("c.example"));
	envelope_from(v, SPAN("a@b.example"));
	envelope_to(v, SPAN("one@d.example"));
	envelope_settle(v, true);
	envelope_to(v, SPAN("refused@d.example"));
	envelope_settle(v, false);
	envelope_to(v, SPAN("\"q\\\x01\x7f\xff\xc3\xa4\xed\xa0\x80\"@d.example"));
	envelope_settle(v, true);
	o = line_of(v, &r, &port);
	assert_string_equal(text_at(o, "time"), "2023-11-14T22:13:20.123456Z");
	assert_string_equal(text_at(o, "helo"), "c.example");
	assert_string_equal(text_at(o, "from"), "a@b.example");
	assert_string_equal(text_at(o, "reply"), "250 2.0.0 Ok");
	assert_int_equal(json_array_size(json_object_get(o, "to")), 2);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(o, "to"), 1)),
		"\"q\\\x01\x7f\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""
		"@d.example");
	assert_true(json_is_null(json_object_get(o, "tls")));
	assert_true(json_is_null(json_object_get(o, "user")));
	json_decref(o);
	r.mark = &mark;
	r.tls = &tls;
	r.user = "joe";
	r.file = "name";
	envelope_clear(v);
	envelope_from(v, SPAN(""));
	o = line_of(v, &r, &port);
	assert_string_equal(text_at(o, "from"), "");
	assert_int_equal(json_array_size(json_object_get(o, "to")), 0);
	assert_string_equal(text_at(json_object_get(o, "volley_id"), "run"), "00000000000000ab");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(o, "volley_id"), "seq")), 7);
	assert_string_equal(text_at(json_object_get(o, "tls"), "version"), "TLSv1.3");
	json_decref(o);
	envelope_free(v);
	store_port_close(&port);
	store_stop(s, &stats);
	assert_int_equal(stats.lines, 2);
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < 2; i++) {
		o = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
		assert_non_null(o);
		json_decref(o);
	}
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_maildir, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_large_and_abandoned, folder_make,
						folder_remove),
		cmocka_unit_test_setup_teardown(test_failure, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_back_pressure, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_unusable, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_records, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
