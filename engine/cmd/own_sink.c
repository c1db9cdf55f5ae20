/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * own_sink.c - volley's own sink as a process of its own
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cmd/commands.h"
#include "cmd/own_sink.h"

#define READY_MS 10000

/* In the child: the sink's command, with its output into the pipe. */
static void become_sink(struct own_sink *s, int out_fd)
{
	char *argv[] = {
		"sink",		"--listen", "smtp+starttls://127.0.0.1:0",
		"--tls-ca-out", s->ca_path, "--json",
		s->json_path,	"--quiet",  NULL,
	};

	/* The terminal's Ctrl-C is for the bench alone, which stops us when it has drained. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(out_fd, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILED);
	_exit(cmd_sink((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv));
}

/* Reads "listening smtp+starttls 127.0.0.1:PORT". */
static int wait_ready(struct own_sink *s, int fd, struct err *e)
{
	char text[512];
	size_t len = 0;

	while (len < sizeof(text) - 1) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n = poll(&p, 1, READY_MS) > 0 ? read(fd, text + len, sizeof(text) - 1 - len)
						      : -1;
		char *colon;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		text[len] = '\0';
		if (strchr(text, '\n') == NULL)
			continue;
		*strchr(text, '\n') = '\0';
		colon = strrchr(text, ':');
		if (colon != NULL)
			s->port = (uint16_t)strtoul(colon + 1, NULL, 10);
		if (s->port != 0)
			return 0;
		break;
	}
	return err_set(
		e, EXIT_FAILED, 0,
		"volley's own sink did not start; 'volley sink' shows why, or name a TARGET");
}

int own_sink_start(struct own_sink *s, struct err *e)
{
	int fds[2];
	int result;

	*s = (struct own_sink){.folder = "/tmp/volley-XXXXXX"};
	if (mkdtemp(s->folder) == NULL)
		return err_set(e, EXIT_FAILED, errno, "cannot make a folder in /tmp: %s",
			       strerror(errno));
	snprintf(s->ca_path, sizeof(s->ca_path), "%s/ca.pem", s->folder);
	snprintf(s->json_path, sizeof(s->json_path), "%s/sink.json", s->folder);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set(e, EXIT_FAILED, errno, "cannot make a pipe: %s", strerror(errno));
	s->pid = fork();
	if (s->pid == 0)
		become_sink(s, fds[1]);
	close(fds[1]);
	if (s->pid < 0) {
		close(fds[0]);
		return err_set(e, EXIT_FAILED, errno, "cannot start volley's own sink: %s",
			       strerror(errno));
	}
	result = wait_ready(s, fds[0], e);
	close(fds[0]);
	if (result != 0)
		own_sink_stop(s, NULL);
	return result;
}

static int64_t integer_at(const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);

	return json_is_integer(value) ? json_integer_value(value) : RUN_NONE;
}

static void read_count(const char *path, struct run_end_to_end *count)
{
	json_t *document = json_load_file(path, 0, NULL);
	const json_t *e2e = json_object_get(document, "end_to_end");
	const json_t *us = json_object_get(e2e, "latency_us");
	const json_t *mean = json_object_get(us, "mean");

	if (json_is_object(e2e)) {
		count->is_known = true;
		count->received = (uint64_t)integer_at(e2e, "received");
		count->lost = (uint64_t)integer_at(e2e, "lost");
		count->duplicated = (uint64_t)integer_at(e2e, "duplicated");
		count->latency = (struct run_latency){
			.count = json_is_object(us) ? (uint64_t)integer_at(us, "count") : 0,
			.mean_us = json_is_number(mean) ? json_number_value(mean) : 0,
			.min_us = integer_at(us, "min"),
			.p50_us = integer_at(us, "p50"),
			.p90_us = integer_at(us, "p90"),
			.p99_us = integer_at(us, "p99"),
			.p99_9_us = integer_at(us, "p99_9"),
			.p99_99_us = integer_at(us, "p99_99"),
			.max_us = integer_at(us, "max"),
		};
	}
	json_decref(document);
}

void own_sink_stop(struct own_sink *s, struct run_end_to_end *ret_count)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	s->pid = 0;
	if (ret_count != NULL)
		read_count(s->json_path, ret_count);
	unlink(s->json_path);
	unlink(s->ca_path);
	rmdir(s->folder);
}
