/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * floor.c - the least CPU that sending these messages can cost
 *
 * A bare io_uring loop that pumps the bytes of smtp-source over kept-open SMTP sessions: no
 * parsing (a reply has come when the last octet received is a newline, or with -P when as many
 * newlines as commands came), no clock, no timers, no histogram, no error recovery. Everything
 * that makes io_uring cheap is used: one thread, one system call a turn, completions run in our
 * own turn, direct descriptors, multishot receives from a ring of buffers, and sends from constant
 * memory that complete silently. What volley's sender costs above this is its own.
 *
 * Use: floor [-P] [-s SESSIONS] [-m MESSAGES] [-l OCTETS] ADDRESS:PORT
 *   -P  MAIL, RCPT and DATA in one write, as with PIPELINING; else in lock step
 *   -s  sessions at once, default 100        -l  octets of message text, default 4096
 *   -m  messages in all, default 50000
 * Prints user and system time, and their sum per message, of the whole process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUFFER_COUNT		    256u
#define BUFFER_SIZE		    2048u
#define BUFFER_STRIDE		    (BUFFER_SIZE + 64) /* not all in the same sets of the cache */
#define SESSION_MAX		    16000u
#define RAW_OP_URING_CMD_SETSOCKOPT 3

enum step { STEP_BANNER, STEP_HELO, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_BODY, STEP_QUIT };

enum operation { OP_OPEN = 1, OP_RECEIVE, OP_SEND };

struct text {
	const char *data;
	unsigned len;
};

struct session {
	enum step step;
	unsigned awaited; /* newlines still to come */
};

struct floor {
	struct io_uring ring;
	struct io_uring_buf_ring *buffer_ring;
	char *buffers;
	struct sockaddr_in to;
	struct session *sessions;
	unsigned session_count, open_count;
	unsigned long message_count, started, finished;
	bool is_pipelined;
	struct text body;
};

#define TEXT(literal)                                                                              \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

static const struct text helo = TEXT("HELO localhost\r\n");
static const struct text mail = TEXT("MAIL FROM:<foo@localhost>\r\n");
static const struct text rcpt = TEXT("RCPT TO:<foo@localhost>\r\n");
static const struct text data = TEXT("DATA\r\n");
static const struct text envelope =
	TEXT("MAIL FROM:<foo@localhost>\r\nRCPT TO:<foo@localhost>\r\nDATA\r\n");
static const struct text quit = TEXT("QUIT\r\n");

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("floor: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

/* The headers of smtp-source, then lines of 80 octets, the text being as long as asked for. */
static struct text make_body(size_t len)
{
	static const char header[] = "From: <foo@localhost>\r\n"
				     "To: <foo@localhost>\r\n"
				     "Date: Thu, 1 Jan 2026 00:00:00 +0000 (UTC)\r\n"
				     "Message-Id: <0001.0001.0001@localhost>\r\n"
				     "\r\n";
	static const char end[] = "\r\n.\r\n";
	const size_t total = sizeof header - 1 + len + sizeof end - 1;
	char *body = malloc(total), *text = body + sizeof header - 1;

	if (!body)
		die("no memory for a message of %zu octets", len);
	memcpy(body, header, sizeof header - 1);
	memset(text, 'X', len);
	for (size_t i = 78; i + 2 <= len; i += 80)
		memcpy(text + i, "\r\n", 2);
	memcpy(text + len, end, sizeof end - 1);
	return (struct text){body, (unsigned)total};
}

static struct io_uring_sqe *next_request(struct floor *f)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&f->ring);

	if (!sqe) {
		io_uring_submit(&f->ring);
		sqe = io_uring_get_sqe(&f->ring);
	}
	if (!sqe)
		die("the submission queue stays full");
	return sqe;
}

static void tag(struct io_uring_sqe *sqe, enum operation op, unsigned session)
{
	sqe->user_data = (uint64_t)op << 32 | session;
}

static void set_up(struct floor *f)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL,
		.cq_entries = f->session_count * 4 < 512 ? 512 : f->session_count * 4,
	};
	const size_t ring_size = BUFFER_COUNT * sizeof(struct io_uring_buf);
	int result = io_uring_queue_init_params(256, &f->ring, &params);

	if (result)
		die("io_uring_setup: %s", strerror(-result));
	io_uring_register_ring_fd(&f->ring);
	result = io_uring_register_files_sparse(&f->ring, f->session_count);
	if (result)
		die("a table of %u descriptors: %s", f->session_count, strerror(-result));
	f->buffer_ring = mmap(NULL, ring_size + BUFFER_COUNT * BUFFER_STRIDE,
			      PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (f->buffer_ring == MAP_FAILED)
		die("no memory for buffers");
	f->buffers = (char *)f->buffer_ring + ring_size;
	io_uring_buf_ring_init(f->buffer_ring);
	struct io_uring_buf_reg registration = {
		.ring_addr = (uintptr_t)f->buffer_ring,
		.ring_entries = BUFFER_COUNT,
	};
	result = io_uring_register_buf_ring(&f->ring, &registration, 0);
	if (result)
		die("a ring of buffers: %s", strerror(-result));
	for (unsigned id = 0; id < BUFFER_COUNT; id++)
		io_uring_buf_ring_add(f->buffer_ring, f->buffers + id * BUFFER_STRIDE, BUFFER_SIZE,
				      (unsigned short)id, io_uring_buf_ring_mask(BUFFER_COUNT),
				      (int)id);
	io_uring_buf_ring_advance(f->buffer_ring, (int)BUFFER_COUNT);
}

/* Socket, TCP_NODELAY, connect, receive: one chain. */
static void open_session(struct floor *f, unsigned i)
{
	static const int on = 1;
	const unsigned flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	struct io_uring_sqe *sqe;

	if (io_uring_sq_space_left(&f->ring) < 4)
		io_uring_submit(&f->ring);
	sqe = next_request(f);
	io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, i, 0);
	sqe->flags |= flags;
	tag(sqe, OP_OPEN, i);
	sqe = next_request(f);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, (int)i, NULL, 0, 0);
	sqe->cmd_op = RAW_OP_URING_CMD_SETSOCKOPT;
	memcpy(&sqe->addr, (const int[]){IPPROTO_TCP, TCP_NODELAY}, sizeof sqe->addr);
	sqe->file_index = sizeof on;
	sqe->addr3 = (uintptr_t)&on;
	sqe->flags = (uint8_t)(IOSQE_FIXED_FILE | flags);
	tag(sqe, OP_OPEN, i);
	sqe = next_request(f);
	io_uring_prep_connect(sqe, (int)i, (struct sockaddr *)&f->to, sizeof f->to);
	sqe->flags = (uint8_t)(IOSQE_FIXED_FILE | flags);
	tag(sqe, OP_OPEN, i);
	sqe = next_request(f);
	io_uring_prep_recv_multishot(sqe, (int)i, NULL, 0, 0);
	sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	tag(sqe, OP_RECEIVE, i);
	f->sessions[i] = (struct session){.step = STEP_BANNER, .awaited = 1};
	f->open_count++;
}

static void send_text(struct floor *f, unsigned i, struct text text)
{
	struct io_uring_sqe *sqe = next_request(f);

	io_uring_prep_send(sqe, (int)i, text.data, text.len, MSG_WAITALL | MSG_NOSIGNAL);
	sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	tag(sqe, OP_SEND, i);
}

/* All replies that were awaited have come: the next step. */
static void go_on(struct floor *f, unsigned i)
{
	struct session *s = &f->sessions[i];

	s->awaited = 1;
	switch (s->step) {
	case STEP_BANNER:
		s->step = STEP_HELO;
		send_text(f, i, helo);
		return;
	case STEP_BODY:
		f->finished++;
		__attribute__((fallthrough));
	case STEP_HELO:
		if (f->started == f->message_count) {
			s->step = STEP_QUIT;
			send_text(f, i, quit);
			return;
		}
		f->started++;
		if (f->is_pipelined) {
			s->step = STEP_DATA;
			s->awaited = 3;
			send_text(f, i, envelope);
		} else {
			s->step = STEP_MAIL;
			send_text(f, i, mail);
		}
		return;
	case STEP_MAIL:
		s->step = STEP_RCPT;
		send_text(f, i, rcpt);
		return;
	case STEP_RCPT:
		s->step = STEP_DATA;
		send_text(f, i, data);
		return;
	case STEP_DATA:
		s->step = STEP_BODY;
		send_text(f, i, f->body);
		return;
	case STEP_QUIT:
		return;
	}
}

static void on_received(struct floor *f, unsigned i, const struct io_uring_cqe *cqe)
{
	struct session *s = &f->sessions[i];
	const unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	const char *bytes = f->buffers + id * BUFFER_STRIDE;
	unsigned lines = bytes[cqe->res - 1] == '\n';

	if (f->is_pipelined) {
		const char *end = bytes + cqe->res, *at = bytes;

		for (lines = 0; (at = memchr(at, '\n', (size_t)(end - at))); at++)
			lines++;
	}
	io_uring_buf_ring_add(f->buffer_ring, f->buffers + id * BUFFER_STRIDE, BUFFER_SIZE,
			      (unsigned short)id, io_uring_buf_ring_mask(BUFFER_COUNT), 0);
	io_uring_buf_ring_advance(f->buffer_ring, 1);
	if (lines > s->awaited)
		die("session %u: more replies than commands", i);
	s->awaited -= lines;
	if (!s->awaited)
		go_on(f, i);
}

static void on_completion(struct floor *f, const struct io_uring_cqe *cqe)
{
	const enum operation op = (enum operation)(cqe->user_data >> 32);
	const unsigned i = (unsigned)cqe->user_data;

	if (op == OP_RECEIVE && cqe->res > 0 && cqe->flags & IORING_CQE_F_MORE)
		on_received(f, i, cqe);
	else if (op == OP_RECEIVE && cqe->res == 0 && f->sessions[i].step == STEP_QUIT)
		f->open_count--;
	else
		die("session %u: request %d ended with %d (%s)", i, (int)op, cqe->res,
		    strerror(cqe->res < 0 ? -cqe->res : 0));
}

static void run(struct floor *f)
{
	for (unsigned i = 0; i < f->session_count; i++)
		open_session(f, i);
	while (f->open_count) {
		const int result = io_uring_submit_and_wait(&f->ring, 1);
		struct io_uring_cqe *cqe;
		unsigned head, count = 0;

		if (result < 0 && result != -EINTR)
			die("io_uring_enter: %s", strerror(-result));
		io_uring_for_each_cqe (&f->ring, head, cqe) {
			on_completion(f, cqe);
			count++;
		}
		io_uring_cq_advance(&f->ring, count);
	}
}

static unsigned long number(const char *text, unsigned long most, const char *what)
{
	char *end;

	errno = 0;
	const unsigned long value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value == 0 || value > most)
		die("%s must be from 1 to %lu", what, most);
	return value;
}

static void parse_target(struct floor *f, const char *text)
{
	const char *colon = strrchr(text, ':');
	char address[INET_ADDRSTRLEN];

	if (!colon || (size_t)(colon - text) >= sizeof address)
		die("the target is ADDRESS:PORT");
	memcpy(address, text, (size_t)(colon - text));
	address[colon - text] = '\0';
	f->to.sin_family = AF_INET;
	f->to.sin_port = htons((uint16_t)number(colon + 1, 65535, "the port"));
	if (inet_pton(AF_INET, address, &f->to.sin_addr) != 1)
		die("%s is not an IPv4 address", address);
}

int main(int count, char **arguments)
{
	struct floor f = {.session_count = 100, .message_count = 50000};
	size_t body_len = 4096;
	struct rusage usage;
	int option;

	while ((option = getopt(count, arguments, "Ps:m:l:")) != -1) {
		if (option == 'P')
			f.is_pipelined = true;
		else if (option == 's')
			f.session_count = (unsigned)number(optarg, SESSION_MAX, "-s");
		else if (option == 'm')
			f.message_count = number(optarg, 1000000000, "-m");
		else if (option == 'l')
			body_len = number(optarg, 1u << 30, "-l");
		else
			die("use: floor [-P] [-s SESSIONS] [-m MESSAGES] [-l OCTETS] ADDRESS:PORT");
	}
	if (optind + 1 != count)
		die("one target is needed: ADDRESS:PORT");
	parse_target(&f, arguments[optind]);
	f.sessions = calloc(f.session_count, sizeof *f.sessions);
	if (!f.sessions)
		die("no memory for %u sessions", f.session_count);
	f.body = make_body(body_len);
	set_up(&f);
	run(&f);
	if (f.finished != f.message_count)
		die("%lu messages of %lu were finished", f.finished, f.message_count);
	getrusage(RUSAGE_SELF, &usage);
	const double user_us = (double)usage.ru_utime.tv_sec * 1e6 + (double)usage.ru_utime.tv_usec;
	const double system_us =
		(double)usage.ru_stime.tv_sec * 1e6 + (double)usage.ru_stime.tv_usec;
	printf("floor: %lu messages, %u sessions, %s: user %.3f s, system %.3f s, %.2f us a "
	       "message\n",
	       f.message_count, f.session_count, f.is_pipelined ? "pipelined" : "lock step",
	       user_us / 1e6, system_us / 1e6, (user_us + system_us) / (double)f.message_count);
	return 0;
}
