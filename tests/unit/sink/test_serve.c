/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_serve.c - a sink with its threads on real sockets: starts, serves, stores, stops
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "ring/ring.h"
#include "sink/fault.h"
#include "sink/serve.h"

#define OPEN "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"

static struct transport *transport_new(const struct sink_world *self, size_t link_max,
				       struct err *e)
{
	struct ring_options o = {.link_max = (unsigned)link_max, .clock = self->clock};

	return ring_new(&o, e);
}

static struct sink_world world(void)
{
	return (struct sink_world){.transport_new = transport_new, .clock = clock_system()};
}

static void plan_init(struct sink_plan *p)
{
	sink_plan_init(p);
	p->name = "sink.example";
	p->session_max = 100;
	p->listener_count = 1;
	assert_int_equal(sink_listener_parse(SPAN("smtp://127.0.0.1:0"), &p->listeners[0], NULL),
			 0);
}

static struct sink *start(const struct sink_plan *p, const struct sink_world *w)
{
	struct err e = {0};
	struct sink *s = sink_start(p, w, &e);

	if (!s)
		fail_msg("%s", e.text);
	return s;
}

static int dial(const struct sink *s)
{
	struct endpoint at = sink_listener_at(s, 0).at;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(at.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 20};

	memcpy(&to.sin_addr, at.v4, 4);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Reads until the text of the answer has come. */
static void expect(int fd, const char *answer)
{
	char got[4096];
	size_t len = 0, want = strlen(answer);

	while (len < want) {
		ssize_t n = recv(fd, got + len, want - len, 0);

		/* A receive with a time-out is interrupted by work that a ring leaves to us. */
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail_msg("the sink said \"%.*s\", not \"%s\"", (int)len, got, answer);
		len += (size_t)n;
	}
	assert_memory_equal(got, answer, want);
}

static void say(int fd, const char *text, const char *answer)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	expect(fd, answer);
}

static void send_message(int fd, int seq)
{
	char text[200];

	say(fd, OPEN, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
	snprintf(text, sizeof(text),
		 "X-Volley-ID: 00000000000000aa-%d-1700000000000000000\r\n\r\n.\r\n", seq);
	say(fd, text, "250 2.0.0 Ok\r\n");
}

/* Two threads on one port: their counts are one sink's. */
static void test_threads(void **state)
{
	struct sink_world w = world();
	struct sink_status status;
	struct sink_plan p;
	struct sink *s;
	int fds[16];

	(void)state;
	plan_init(&p);
	p.threads = 2;
	p.faults = fault_rules_new();
	assert_int_equal(fault_rules_add(p.faults, SPAN("noop:reply=250 tenth;every=10"), NULL), 0);
	s = start(&p, &w);
	assert_int_equal(sink_thread_count(s), 2);
	assert_true(sink_is_well(s));
	for (int i = 0; i < 16; i++) {
		fds[i] = dial(s);
		expect(fds[i], "220 sink.example ESMTP volley\r\n");
		say(fds[i], "HELO x\r\n", "250 sink.example\r\n");
	}
	for (int i = 0; i < 16; i++) {
		send_message(fds[i], i);
		/* Every tenth of the process, whichever thread serves it. */
		say(fds[i], "NOOP\r\n", i == 9 ? "250 tenth\r\n" : "250 2.0.0 Ok\r\n");
	}
	send_message(fds[0], 5);
	for (int i = 0; i < 8; i++) {
		say(fds[i], "QUIT\r\n", "221 2.0.0 Bye\r\n");
		close(fds[i]);
	}
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	for (int i = 8; i < 16; i++) {
		expect(fds[i], "421 4.3.2 Service shutting down\r\n");
		close(fds[i]);
	}
	assert_int_equal(status.threads, 2);
	assert_int_equal(status.sessions.accepted, 16);
	assert_int_equal(status.sessions.peak, 16);
	assert_int_equal(status.messages.accepted, 17);
	assert_int_equal(status.client_count, 1);
	assert_int_equal(status.clients[0].messages, 17);
	assert_int_equal(status.end_to_end.received, 16);
	assert_int_equal(status.end_to_end.duplicated, 1);
	assert_int_equal(status.end_to_end.lost, 0);
	assert_int_equal(status.faults[0].seen, 16);
	assert_int_equal(status.faults[0].fired, 1);
	sink_status_fini(&status);
	sink_plan_fini(&p);
}

static void remove_folder(const char *folder)
{
	static const char *const parts[] = {"new", "tmp", "cur", "."};

	for (int i = 0; i < 4; i++) {
		char path[300];
		DIR *d;
		struct dirent *entry;

		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		d = opendir(path);
		while (d && (entry = readdir(d)) != NULL)
			unlinkat(dirfd(d), entry->d_name, 0);
		if (d)
			closedir(d);
		if (i < 3)
			rmdir(path);
	}
	rmdir(folder);
}

/* 250 is said once the message is there; a record names its file. */
static void test_store(void **state)
{
	char folder[] = "/tmp/volley-serve-XXXXXX", maildir[64], lines[64], file[400];
	struct sink_world w = world();
	struct sink_status status;
	struct sink_plan p;
	struct sink *s;
	json_t *record;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(maildir, sizeof(maildir), "%s/mail", folder);
	snprintf(lines, sizeof(lines), "%s/lines", folder);
	plan_init(&p);
	p.maildir = maildir;
	p.jsonl = lines;
	s = start(&p, &w);
	fd = dial(s);
	say(fd, "HELO x\r\n", "220 sink.example ESMTP volley\r\n250 sink.example\r\n");
	for (int i = 0; i < 5; i++)
		send_message(fd, i);
	/* The connection breaks while a message is on its way: nothing of it is kept. */
	say(fd, OPEN, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
	assert_int_equal(send(fd, "half", 4, MSG_NOSIGNAL), 4);
	close(fd);
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	assert_true(status.store.is_on);
	assert_int_equal(status.store.stored, 5);
	assert_int_equal(status.store.failed, 0);
	assert_int_equal(status.messages.accepted, 5);
	assert_int_equal(status.messages.broken, 1);
	record = json_load_file(lines, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(record);
	assert_string_equal(json_string_value(json_object_get(record, "from")), "a@b.example");
	snprintf(file, sizeof(file), "%s/new/%.200s", maildir,
		 json_string_value(json_object_get(record, "file")));
	assert_int_equal(access(file, R_OK), 0);
	json_decref(record);
	sink_status_fini(&status);
	sink_plan_fini(&p);
	remove_folder(maildir);
	remove_folder(folder);
}

static void test_unix(void **state)
{
	char folder[] = "/tmp/volley-serve-XXXXXX", text[64];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct sink_world w = world();
	struct sink_status status;
	struct sink_plan p;
	struct sink *s;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/s", folder);
	snprintf(text, sizeof(text), "lmtp:unix:%s/s", folder);
	plan_init(&p);
	assert_int_equal(sink_listener_parse(span_of(text), &p.listeners[0], NULL), 0);
	s = start(&p, &w);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	expect(fd, "220 sink.example LMTP volley\r\n");
	say(fd, "QUIT\r\n", "221 2.0.0 Bye\r\n");
	close(fd);
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	assert_int_equal(status.clients_total, 1);
	sink_status_fini(&status);
	sink_plan_fini(&p);
	unlink(to.sun_path);
	rmdir(folder);
}

/* An address that is taken: one sentence, and nothing is left running. */
static void test_address_taken(void **state)
{
	struct sink_world w = world();
	struct sink_status status;
	struct sink_plan p, q;
	struct sink *s;
	struct err e = {0};

	(void)state;
	plan_init(&p);
	s = start(&p, &w);
	plan_init(&q);
	q.listeners[0].at = sink_listener_at(s, 0).at;
	assert_null(sink_start(&q, &w, &e));
	assert_true(e.text[0] != '\0');
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	sink_status_fini(&status);
	/* It is free again. */
	s = start(&q, &w);
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	sink_status_fini(&status);
	sink_plan_fini(&p);
	sink_plan_fini(&q);
}

/* Threads are added where one cannot hold the sessions that were asked for. */
static void test_thread_count(void **state)
{
	struct sink_world w = world();
	struct sink_status status;
	struct sink_plan p;
	struct sink *s;

	(void)state;
	w.link_capacity = 600;
	plan_init(&p);
	p.session_max = 1000;
	s = start(&p, &w);
	/* 1000 / n * 5 / 4 + 256 fit into 600 from n = 4 on. */
	assert_int_equal(sink_thread_count(s), 4);
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	sink_status_fini(&status);
	/* Nothing asked for: what one thread holds. */
	p.session_max = 0;
	s = start(&p, &w);
	assert_int_equal(sink_thread_count(s), 1);
	assert_int_equal(sink_stop(s, &status, NULL), 0);
	sink_status_fini(&status);
	sink_plan_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),	     cmocka_unit_test(test_store),
		cmocka_unit_test(test_unix),	     cmocka_unit_test(test_address_taken),
		cmocka_unit_test(test_thread_count),
	};
	struct ring_facts facts;
	struct err e = {0};

	if (ring_probe(&facts, &e) < 0) {
		printf("1..0 # SKIP %s\n", e.text);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
