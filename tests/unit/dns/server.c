/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.c - the scripted DNS server
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "wire.h"

#define ASKED_MAX 4096
#define TCP_MAX	  8

struct asked {
	char name[256];
	unsigned type;
	bool is_tcp;
};

struct server {
	const struct script *table;
	int udp, listener, stop[2];
	bool has_tcp;
	int tcp[TCP_MAX];
	char address[32];
	pthread_t thread;
	pthread_mutex_t lock; /* of what was asked */
	struct asked asked[ASKED_MAX];
	int asked_count;
	struct wire wire;
	uint8_t query[WIRE_MAX + 2];
};

static int socket_bind(int type, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert(fd >= 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static uint16_t socket_port(int fd)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int status = getsockname(fd, (struct sockaddr *)&at, &len);

	assert(status == 0);
	return ntohs(at.sin_port);
}

int server_nobody(char *text)
{
	/* A socket that is connected to itself holds the port, and takes nothing from others. */
	int fd = socket_bind(SOCK_DGRAM, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(socket_port(fd))};
	int status;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	status = connect(fd, (struct sockaddr *)&at, sizeof(at));
	assert(status == 0);
	snprintf(text, 32, "127.0.0.1:%u", socket_port(fd));
	return fd;
}

/* Returns how often it had been asked before. */
static int note(struct server *s, const char *name, unsigned type, bool is_tcp)
{
	int before = 0;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < s->asked_count; i++)
		before += s->asked[i].type == type && strcmp(s->asked[i].name, name) == 0;
	assert(s->asked_count < ASKED_MAX);
	snprintf(s->asked[s->asked_count].name, sizeof(s->asked[0].name), "%s", name);
	s->asked[s->asked_count].type = type;
	s->asked[s->asked_count].is_tcp = is_tcp;
	s->asked_count++;
	pthread_mutex_unlock(&s->lock);
	return before;
}

static const struct script *script_find(const struct server *s, const char *name, unsigned type)
{
	const struct script *script = s->table;

	while (script->name && (script->type != type || strcmp(script->name, name) != 0))
		script++;
	return script;
}

/* A name that the table knows under another type exists. */
static bool name_exists(const struct server *s, const char *name)
{
	for (const struct script *script = s->table; script->name; script++)
		if (strcmp(script->name, name) == 0)
			return true;
	return false;
}

/* Writes the answer into s->wire; false when there is none to send. */
static bool answer_write(struct server *s, const uint8_t *query, size_t len, bool is_tcp,
			 bool *ret_is_forged_first)
{
	struct wire *w = &s->wire;
	char name[256];
	unsigned type = wire_question(query, len, name);
	unsigned id = (unsigned)query[0] << 8 | query[1];
	const struct script *script;
	int before;

	*ret_is_forged_first = false;
	if (type == 0)
		return false;
	before = note(s, name, type, is_tcp);
	script = script_find(s, name, type);
	if (!script->name) {
		wire_begin(w, id, name_exists(s, name) ? 0 : 3, name, type);
		wire_records(w, WIRE_AUTHORITY, ". 60 SOA 60");
		return true;
	}
	switch (script->behaviour) {
	case SILENT:
		return false;
	case SILENT_ONCE:
		if (before == 0)
			return false;
		break;
	case TRUNCATED:
		if (!is_tcp) {
			wire_begin(w, id, 0x0200, name, type);
			return true;
		}
		break;
	case WRONG_ID:
		id ^= 1;
		break;
	case FORGED_FIRST:
		*ret_is_forged_first = true;
		break;
	case WRONG_QUESTION:
		snprintf(name, sizeof(name), "another.test.");
		break;
	case SHORT:
		w->len = 0;
		wire_raw(w, query, 7);
		return true;
	case PLAIN:
	case RAW:
		break;
	}
	wire_begin(w, id, script->flags, name, type);
	if (script->behaviour == RAW) {
		wire_raw(w, script->raw, script->raw_len);
		wire_set(w, WIRE_ANSWER, script->answer_count);
		return true;
	}
	wire_records(w, WIRE_ANSWER, script->answers);
	wire_records(w, WIRE_AUTHORITY, script->authorities);
	return true;
}

static void udp_serve(struct server *s)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(s->udp, s->query, sizeof(s->query), 0, (struct sockaddr *)&from,
			       &from_len);
	bool is_forged_first;

	if (len < 2 || !answer_write(s, s->query, (size_t)len, false, &is_forged_first))
		return;
	if (is_forged_first) {
		/* The forgery says NXDOMAIN, under another id. */
		s->wire.data[1] ^= 1;
		s->wire.data[3] |= 3;
		sendto(s->udp, s->wire.data, s->wire.len, 0, (struct sockaddr *)&from, from_len);
		s->wire.data[1] ^= 1;
		s->wire.data[3] &= 0xF0;
	}
	sendto(s->udp, s->wire.data, s->wire.len, 0, (struct sockaddr *)&from, from_len);
}

static bool read_all(int fd, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t got = recv(fd, data, len, 0);
		if (got <= 0)
			return false;
		data += got;
		len -= (size_t)got;
	}
	return true;
}

/* One query; the client of a test sends it whole. False when the connection is over. */
static bool tcp_serve(struct server *s, int fd)
{
	uint8_t prefix[2];
	size_t len;
	bool is_forged_first;

	if (!read_all(fd, prefix, 2))
		return false;
	len = (size_t)prefix[0] << 8 | prefix[1];
	if (!read_all(fd, s->query, len))
		return false;
	if (!answer_write(s, s->query, len, true, &is_forged_first))
		return true;
	prefix[0] = (uint8_t)(s->wire.len >> 8);
	prefix[1] = (uint8_t)s->wire.len;
	/* In two parts, so that the reader has to wait for the second. */
	return send(fd, prefix, 2, MSG_NOSIGNAL) == 2 &&
	       send(fd, s->wire.data, s->wire.len, MSG_NOSIGNAL) == (ssize_t)s->wire.len;
}

static void *server_run(void *arg)
{
	struct server *s = arg;

	for (;;) {
		struct pollfd polls[3 + TCP_MAX] = {
			{.fd = s->stop[0], .events = POLLIN},
			{.fd = s->udp, .events = POLLIN},
			{.fd = s->has_tcp ? s->listener : -1, .events = POLLIN},
		};

		for (int i = 0; i < TCP_MAX; i++)
			polls[3 + i] = (struct pollfd){.fd = s->tcp[i], .events = POLLIN};
		if (poll(polls, 3 + TCP_MAX, -1) < 0 && errno != EINTR)
			return NULL;
		if (polls[0].revents)
			return NULL;
		if (polls[1].revents)
			udp_serve(s);
		for (int i = 0; i < TCP_MAX; i++) {
			if (s->tcp[i] >= 0 && polls[3 + i].revents && !tcp_serve(s, s->tcp[i])) {
				close(s->tcp[i]);
				s->tcp[i] = -1;
			}
		}
		for (int i = 0; i < TCP_MAX && polls[2].revents; i++) {
			if (s->tcp[i] < 0) {
				s->tcp[i] = accept(s->listener, NULL, NULL);
				break;
			}
		}
	}
}

static struct server *start(const struct script *table, bool has_tcp)
{
	struct server *s = calloc(1, sizeof(*s));
	int status;

	assert(s);
	s->table = table;
	for (int i = 0; i < TCP_MAX; i++)
		s->tcp[i] = -1;
	/* The port that TCP got may be taken for UDP by somebody else: then another one. */
	do {
		s->listener = socket_bind(SOCK_STREAM, 0);
		s->udp = socket_bind(SOCK_DGRAM, socket_port(s->listener));
		if (s->udp < 0)
			close(s->listener);
	} while (s->udp < 0);
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", socket_port(s->udp));
	/* A socket that is bound and does not listen keeps the port and refuses connections. */
	status = has_tcp ? listen(s->listener, TCP_MAX) : 0;
	assert(status == 0);
	s->has_tcp = has_tcp;
	status = pipe(s->stop);
	assert(status == 0);
	pthread_mutex_init(&s->lock, NULL);
	status = pthread_create(&s->thread, NULL, server_run, s);
	assert(status == 0);
	return s;
}

struct server *server_start(const struct script *table)
{
	return start(table, true);
}

struct server *server_start_without_tcp(const struct script *table)
{
	return start(table, false);
}

void server_stop(struct server *s)
{
	ssize_t written = write(s->stop[1], "", 1);

	assert(written == 1);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < TCP_MAX; i++)
		if (s->tcp[i] >= 0)
			close(s->tcp[i]);
	close(s->stop[0]);
	close(s->stop[1]);
	close(s->udp);
	close(s->listener);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *server_address(const struct server *s)
{
	return s->address;
}

int server_asked(struct server *s, const char *name, unsigned type)
{
	int count = 0;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < s->asked_count; i++)
		count += !name || (s->asked[i].type == type && strcmp(s->asked[i].name, name) == 0);
	pthread_mutex_unlock(&s->lock);
	return count;
}

int server_asked_by_tcp(struct server *s)
{
	int count = 0;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < s->asked_count; i++)
		count += s->asked[i].is_tcp;
	pthread_mutex_unlock(&s->lock);
	return count;
}
