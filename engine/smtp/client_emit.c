/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_emit.c - what the client sends: commands, the message's content, the final dot
 *
 * In lock step a command goes out when nothing is pending. Pipelined (RFC 2920 s3.1), as much as
 * fits goes out at once, up to DATA, which ends a group. Bounds: SMTP_FLUSH_MAX octets of
 * commands an output, SMTP_PIPELINE_MAX commands pending; when that bound is hit, half of them
 * must have been answered before the next group goes out, so that groups stay groups. The bound
 * keeps the replies that are under way within the smallest socket buffer, so that neither side
 * waits for the other to read (RFC 2920 s3.1).
 *
 * BDAT is pipelined behind its recipients where the server offers PIPELINING, not over LMTP: how
 * many replies a chunk gets there depends on how many recipients were accepted, and with none the
 * RFCs do not say.
 */
#include "smtp/client_internal.h"

#define NUMBER_MAX 20 /* digits of the largest uint64_t */

static const char final_dot[] = ".\r\n";

struct flush {
	struct smtp_client *c;
	struct buf *tx;
	size_t begin;
	int64_t now_ns;
};

static void *unconst(const void *data)
{
	return (void *)(uintptr_t)data;
}

/* Room for a command of at most need octets; NULL: not in this output. */
static char *room(struct flush *f, size_t need)
{
	size_t len = f->tx->len - f->begin;
	enum smtp_command command;
	enum phase phase;

	if (len > 0 && len + need > SMTP_FLUSH_MAX)
		return NULL;
	if (buf_reserve(f->tx, need))
		return f->tx->data + f->tx->len;
	if (len == 0) {
		smtp_client_waited_for(f->c, &command, &phase);
		smtp_client_fail(f->c, SMTP_FAULT_NO_MEMORY, command, phase, NULL);
	}
	return NULL;
}

static inline char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

static char *put_span(char *to, struct span text)
{
	return text.len > 0 ? put(to, text.data, text.len) : to;
}

static char *put_number(char *to, uint64_t number)
{
	char digits[NUMBER_MAX];
	size_t len = 0;

	do {
		digits[NUMBER_MAX - ++len] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return put(to, digits + NUMBER_MAX - len, len);
}

/* True when the command belongs to the run put out last: recipients of one output. */
static bool joins_last_run(const struct flush *f, enum smtp_command command)
{
	const struct smtp_client *c = f->c;
	const struct smtp_pending *last;

	if (command != SMTP_RCPT || c->pending_runs == 0)
		return false;
	last = &c->pending[(c->pending_head + c->pending_runs - 1) % SMTP_PENDING_RUNS];
	return last->command == command && last->sent_ns == f->now_ns;
}

/* Notes that count replies to the command are to come. */
static void push(struct flush *f, enum smtp_command command, int count, int rcpt_idx,
		 int64_t sent_ns)
{
	struct smtp_client *c = f->c;
	size_t idx = (size_t)(c->pending_head + c->pending_runs) % SMTP_PENDING_RUNS;

	c->pending_count = (uint16_t)(c->pending_count + count);
	if (joins_last_run(f, command)) {
		idx = (idx + SMTP_PENDING_RUNS - 1) % SMTP_PENDING_RUNS;
		c->pending[idx].count = (uint16_t)(c->pending[idx].count + count);
		return;
	}
	CHECK(c->pending_runs < SMTP_PENDING_RUNS);
	c->pending_runs++;
	c->pending[idx] = (struct smtp_pending){
		.sent_ns = sent_ns,
		.count = (uint16_t)count,
		.rcpt_idx = (uint16_t)rcpt_idx,
		.command = (uint8_t)command,
	};
}

/* Whether the command may go out now, with regard to what is pending. */
static bool may_put(const struct flush *f, enum smtp_command command)
{
	struct smtp_client *c = f->c;

	if (c->pending_count == 0)
		return true;
	if (!smtp_client_is_pipelining(c))
		return false;
	return c->pending_runs < SMTP_PENDING_RUNS || joins_last_run(f, command);
}

static bool put_simple(struct flush *f, enum smtp_command command, struct span line)
{
	char *to;

	if (!may_put(f, command))
		return false;
	to = room(f, line.len);
	if (!to)
		return false;
	put_span(to, line);
	f->tx->len += line.len;
	push(f, command, 1, 0, f->now_ns);
	return true;
}

/* EHLO, HELO, LHLO: verb holds the space. */
static bool put_greeting(struct flush *f, enum smtp_command command, struct span verb)
{
	struct span name = span_of(f->c->params->helo_name);
	char *begin, *to;

	if (!may_put(f, command))
		return false;
	begin = to = room(f, verb.len + name.len + 2);
	if (!to)
		return false;
	to = put_span(to, verb);
	to = put_span(to, name);
	to = PUT(to, "\r\n");
	f->tx->len += (size_t)(to - begin);
	push(f, command, 1, 0, f->now_ns);
	return true;
}

static bool put_mail(struct flush *f)
{
	const struct smtp_message *m = f->c->message;
	uint32_t ext = f->c->capabilities.extensions;
	struct span ret = {.len = 0}, envid = {.len = 0};
	char *begin, *to;

	if (!may_put(f, SMTP_MAIL))
		return false;
	if (ext & SMTP_EXT_DSN) {
		ret = span_of(m->dsn_ret);
		envid = span_of(m->dsn_envid);
	}
	begin = to = room(f, sizeof("MAIL FROM:<> SIZE= BODY=8BITMIME SMTPUTF8 RET= ENVID=\r\n") +
				     NUMBER_MAX + m->mail_from.len + ret.len + envid.len);
	if (!to)
		return false;
	to = PUT(to, "MAIL FROM:<");
	to = put_span(to, m->mail_from);
	to = PUT(to, ">");
	if (ext & SMTP_EXT_SIZE)
		to = put_number(PUT(to, " SIZE="), m->size);
	if (m->is_8bit && (ext & SMTP_EXT_8BITMIME))
		to = PUT(to, " BODY=8BITMIME");
	if (m->is_utf8)
		to = PUT(to, " SMTPUTF8");
	if (ret.len > 0)
		to = put_span(PUT(to, " RET="), ret);
	if (envid.len > 0)
		to = put_span(PUT(to, " ENVID="), envid);
	to = PUT(to, "\r\n");
	f->tx->len += (size_t)(to - begin);
	push(f, SMTP_MAIL, 1, 0, f->now_ns);
	f->c->next = SMTP_NEXT_RCPT;
	return true;
}

/* The bound on what is pending, with the half that must drain first. */
static bool is_window_shut(struct smtp_client *c)
{
	if (c->pending_count >= SMTP_PIPELINE_MAX)
		c->is_window_held = true;
	else if (c->pending_count <= SMTP_PIPELINE_MAX / 2)
		c->is_window_held = false;
	return c->is_window_held;
}

static bool put_rcpt(struct flush *f)
{
	struct smtp_client *c = f->c;
	const struct smtp_message *m = c->message;
	struct span path = m->rcpt[c->rcpt_next], notify = {.len = 0};
	char *begin, *to;

	if (!may_put(f, SMTP_RCPT) || is_window_shut(c))
		return false;
	if (c->capabilities.extensions & SMTP_EXT_DSN)
		notify = span_of(m->dsn_notify);
	begin = to = room(f, sizeof("RCPT TO:<> NOTIFY=\r\n") + path.len + notify.len);
	if (!to)
		return false;
	to = PUT(to, "RCPT TO:<");
	to = put_span(to, path);
	to = PUT(to, ">");
	if (notify.len > 0)
		to = put_span(PUT(to, " NOTIFY="), notify);
	to = PUT(to, "\r\n");
	f->tx->len += (size_t)(to - begin);
	push(f, SMTP_RCPT, 1, c->rcpt_next, f->now_ns);
	if (++c->rcpt_next == m->rcpt_count)
		c->next = SMTP_NEXT_DATA;
	return true;
}

static bool put_bdat(struct flush *f)
{
	struct smtp_client *c = f->c;
	bool is_lmtp = c->params->is_lmtp;
	char *begin, *to;

	if (!may_put(f, SMTP_BDAT) || (is_lmtp && c->pending_count > 0))
		return false;
	begin = to = room(f, sizeof("BDAT  LAST\r\n") + NUMBER_MAX);
	if (!to)
		return false;
	to = put_number(PUT(to, "BDAT "), c->message->size);
	to = PUT(to, " LAST\r\n");
	f->tx->len += (size_t)(to - begin);
	push(f, SMTP_BDAT, is_lmtp ? c->accepted_count : 1,
	     is_lmtp ? smtp_message_next_accepted(c, 0) : 0, f->now_ns);
	c->next = SMTP_NEXT_BODY;
	return true;
}

static bool put_data(struct flush *f)
{
	if (f->c->is_bdat)
		return put_bdat(f);
	if (!put_simple(f, SMTP_DATA, SPAN("DATA\r\n")))
		return false;
	f->c->next = SMTP_NEXT_NOTHING;
	return true;
}

/* A command of the session: whatever follows it depends on its reply. */
static bool put_next(struct flush *f)
{
	struct smtp_client *c = f->c;
	bool is_put = false;

	switch ((enum smtp_next)c->next) {
	case SMTP_NEXT_EHLO:
		is_put = put_greeting(f, SMTP_EHLO, SPAN("EHLO "));
		break;
	case SMTP_NEXT_HELO:
		is_put = put_greeting(f, SMTP_HELO, SPAN("HELO "));
		break;
	case SMTP_NEXT_LHLO:
		is_put = put_greeting(f, SMTP_LHLO, SPAN("LHLO "));
		break;
	case SMTP_NEXT_STARTTLS:
		is_put = put_simple(f, SMTP_STARTTLS, SPAN("STARTTLS\r\n"));
		break;
	case SMTP_NEXT_RSET:
		is_put = put_simple(f, SMTP_RSET, SPAN("RSET\r\n"));
		break;
	case SMTP_NEXT_NOOP:
		is_put = put_simple(f, SMTP_NOOP, SPAN("NOOP\r\n"));
		break;
	case SMTP_NEXT_QUIT:
		is_put = put_simple(f, SMTP_QUIT, SPAN("QUIT\r\n"));
		break;
	case SMTP_NEXT_MAIL:
		return put_mail(f);
	case SMTP_NEXT_RCPT:
		return put_rcpt(f);
	case SMTP_NEXT_DATA:
		return put_data(f);
	case SMTP_NEXT_NOTHING:
	case SMTP_NEXT_AUTH:
	case SMTP_NEXT_BODY:
	case SMTP_NEXT_DOT:
		return false;
	}
	if (is_put)
		c->next = SMTP_NEXT_NOTHING;
	return is_put;
}

static void put_commands(struct flush *f)
{
	struct smtp_client *c = f->c;

	if (c->is_reset_due) {
		if (!put_simple(f, SMTP_RSET, SPAN("RSET\r\n")))
			return;
		c->is_reset_due = false;
	}
	while (put_next(f))
		;
}

/* The content has been put out as a whole, the dot included. */
static void end_content(struct flush *f)
{
	struct smtp_client *c = f->c;
	bool is_lmtp = c->params->is_lmtp;

	if (!c->is_bdat)
		push(f, SMTP_DOT, is_lmtp ? c->accepted_count : 1,
		     is_lmtp ? smtp_message_next_accepted(c, 0) : 0, f->now_ns);
	c->is_all_out = true;
	c->next = SMTP_NEXT_NOTHING;
}

static void skip_empty(struct smtp_client *c, const struct iovec *content, int count)
{
	while (c->segment_idx < count && c->segment_offset == content[c->segment_idx].iov_len) {
		c->segment_idx++;
		c->segment_offset = 0;
	}
}

/*
 * The next block of the content, never copied. The last segment waits for the next output when the
 * dot does not fit beside it: the two go out in one write.
 */
static int put_content(struct flush *f, struct iovec *segments, int max)
{
	struct smtp_client *c = f->c;
	const struct smtp_message *m = c->message;
	const struct iovec *content = c->is_bdat ? m->chunk : m->data;
	int content_count = c->is_bdat ? m->chunk_count : m->data_count;
	size_t block = SMTP_BLOCK_MAX;
	int count = 0;

	skip_empty(c, content, content_count);
	while (count < max && block > 0 && c->segment_idx < content_count) {
		const struct iovec *v = &content[c->segment_idx];
		size_t left = v->iov_len - c->segment_offset;
		size_t take = left < block ? left : block;

		if (!c->is_bdat && count > 0 && count == max - 1 && take == left &&
		    c->segment_idx == content_count - 1)
			return count;
		segments[count++] = (struct iovec){(char *)v->iov_base + c->segment_offset, take};
		c->segment_offset += take;
		block -= take;
		skip_empty(c, content, content_count);
	}
	if (c->segment_idx < content_count || (!c->is_bdat && count == max))
		return count;
	if (!c->is_bdat)
		segments[count++] = (struct iovec){unconst(final_dot), sizeof(final_dot) - 1};
	end_content(f);
	return count;
}

static int put_dot(struct flush *f, struct iovec *segments)
{
	segments[0] = (struct iovec){unconst(final_dot), sizeof(final_dot) - 1};
	end_content(f);
	return 1;
}

/* AUTH and its responses stand in memory that is wiped, not in tx. */
static int put_auth(struct flush *f, struct iovec *segments)
{
	struct smtp_client *c = f->c;
	int64_t sent_ns;
	struct span line;

	if (!may_put(f, SMTP_AUTH))
		return 0;
	line = smtp_auth_line(c, f->now_ns, &sent_ns);
	segments[0] = (struct iovec){unconst(line.data), line.len};
	push(f, SMTP_AUTH, 1, 0, sent_ns);
	c->next = SMTP_NEXT_NOTHING;
	return 1;
}

int smtp_client_output(struct smtp_client *c, int64_t now_ns, struct buf *tx,
		       struct iovec *segments, int max)
{
	struct flush f = {.c = c, .tx = tx, .begin = tx->len, .now_ns = now_ns};
	const struct smtp_pending *head;
	bool was_waiting = c->pending_count > 0;
	int count = 0;

	CHECK(!c->is_in_flight && max >= 2);
	if (c->next == SMTP_NEXT_NOTHING && !c->is_reset_due)
		return 0;
	put_commands(&f);
	if (tx->len > f.begin)
		segments[count++] = (struct iovec){tx->data + f.begin, tx->len - f.begin};
	if (c->next == SMTP_NEXT_BODY)
		count += put_content(&f, segments + count, max - count);
	else if (c->next == SMTP_NEXT_DOT)
		count += put_dot(&f, segments + count);
	else if (c->next == SMTP_NEXT_AUTH)
		count += put_auth(&f, segments + count);
	c->is_in_flight = count > 0;
	if (c->state == SMTP_STATE_MESSAGE)
		smtp_message_check_done(c);
	/* What was waited for already keeps its time, but a block of a chunk renews it. */
	head = smtp_pending_head(c);
	if (c->is_in_flight && (!was_waiting || (head && head->command == SMTP_BDAT)))
		smtp_client_wait(c, now_ns);
	smtp_client_wake(c, now_ns);
	return count;
}
