/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.c - an SMTP or LMTP server as a pure state machine: input
 *
 * Feed looks at one state and takes one step: a line, a stretch of content, a chunk. What is
 * wrong with a command is found here and kept as a fault next to the owed reply; what to say
 * about it, and what follows from what was said, stands in server_reply.c. A line that arrives
 * in one piece is read where it lies; only one that is cut is copied.
 */
#include "smtp/server.h"
#include "base/check.h"
#include "smtp/server_internal.h"
#include "terms/address.h"

_Static_assert(sizeof(struct smtp_server) <= 512, "there is one for each connection");

void smtp_server_init(struct smtp_server *s, const struct smtp_server_texts *texts, bool is_sealed)
{
	*s = (struct smtp_server){.texts = texts, .is_sealed = is_sealed};
	buf_init(&s->line, SMTP_SERVER_AUTH_LINE_MAX);
}

void smtp_server_fini(struct smtp_server *s)
{
	if (s->sasl)
		sasl_free(s->sasl);
	s->sasl = NULL;
	free(s->user);
	s->user = NULL;
	smtp_server_forget_line(s);
}

static uint32_t offered(const struct smtp_server *s)
{
	uint32_t extensions = s->texts->params.extensions;

	return s->is_sealed ? extensions & ~(uint32_t)SMTP_EXT_STARTTLS : extensions;
}

static bool is_in_transaction(const struct smtp_server *s)
{
	return s->state == SMTP_SERVER_MAIL || s->state == SMTP_SERVER_RCPT ||
	       s->state == SMTP_SERVER_BETWEEN;
}

static enum smtp_request_fault check_starttls(const struct smtp_server *s)
{
	if (!(s->texts->params.extensions & SMTP_EXT_STARTTLS))
		return SMTP_REQUEST_NOT_IMPLEMENTED;
	if (s->is_sealed)
		return SMTP_REQUEST_TWICE;
	if (s->state == SMTP_SERVER_HELLO)
		return SMTP_REQUEST_NO_HELLO;
	return is_in_transaction(s) ? SMTP_REQUEST_NESTED : SMTP_REQUEST_FINE;
}

static enum smtp_request_fault check_auth(const struct smtp_server *s)
{
	const struct smtp_server_params *p = &s->texts->params;

	if (!p->accounts || !(p->extensions & SMTP_EXT_AUTH))
		return SMTP_REQUEST_NOT_IMPLEMENTED;
	if (s->state == SMTP_SERVER_HELLO)
		return SMTP_REQUEST_NO_HELLO;
	if (is_in_transaction(s))
		return SMTP_REQUEST_NESTED;
	if (s->user)
		return SMTP_REQUEST_TWICE;
	return p->is_tls_required && !s->is_sealed ? SMTP_REQUEST_NEEDS_TLS : SMTP_REQUEST_FINE;
}

static enum smtp_request_fault check_mail(const struct smtp_server *s, const struct smtp_request *r)
{
	const struct smtp_server_params *p = &s->texts->params;

	if (s->state == SMTP_SERVER_HELLO)
		return SMTP_REQUEST_NO_HELLO;
	if (is_in_transaction(s))
		return SMTP_REQUEST_NESTED;
	if (p->is_tls_required && !s->is_sealed)
		return SMTP_REQUEST_NEEDS_TLS;
	if (p->is_auth_required && !s->user)
		return SMTP_REQUEST_NEEDS_AUTH;
	if (p->mail_max > 0 && s->mail_count >= p->mail_max)
		return SMTP_REQUEST_TOO_MANY_MAIL;
	if (p->size_max > 0 && r->size > p->size_max)
		return SMTP_REQUEST_TOO_BIG;
	return !r->is_utf8 && address_needs_utf8(r->path) ? SMTP_REQUEST_NEEDS_UTF8
							  : SMTP_REQUEST_FINE;
}

static enum smtp_request_fault check_rcpt(const struct smtp_server *s, const struct smtp_request *r)
{
	const struct smtp_server_params *p = &s->texts->params;

	if (s->state == SMTP_SERVER_BETWEEN)
		return SMTP_REQUEST_MIXED;
	if (!is_in_transaction(s))
		return SMTP_REQUEST_NO_MAIL;
	if (p->rcpt_max > 0 && s->rcpt_count >= p->rcpt_max)
		return SMTP_REQUEST_TOO_MANY_RCPT;
	return !s->is_utf8 && address_needs_utf8(r->path) ? SMTP_REQUEST_NEEDS_UTF8
							  : SMTP_REQUEST_FINE;
}

/* DATA and BDAT need a recipient; RFC 2033 s4.2 wants 503 for want of one, whatever the cause. */
static enum smtp_request_fault check_content(const struct smtp_server *s)
{
	if (!is_in_transaction(s))
		return SMTP_REQUEST_NO_MAIL;
	if (s->rcpt_count > 0)
		return SMTP_REQUEST_FINE;
	return s->rcpt_tried > 0 && !s->texts->params.is_lmtp ? SMTP_REQUEST_NO_VALID_RCPT
							      : SMTP_REQUEST_NO_RCPT;
}

/* RFC 3030 s2, s3: DATA does not go with BDAT, nor with a body that may hold any octet. */
static enum smtp_request_fault check_data(const struct smtp_server *s)
{
	if (s->state == SMTP_SERVER_BETWEEN || s->body == SMTP_BODY_BINARYMIME)
		return SMTP_REQUEST_MIXED;
	return check_content(s);
}

/* Whether a well-formed command is allowed now. */
static enum smtp_request_fault check_sequence(const struct smtp_server *s,
					      const struct smtp_request *r)
{
	bool is_lmtp = s->texts->params.is_lmtp;

	if (s->is_refused && r->verb != SMTP_VERB_QUIT)
		return SMTP_REQUEST_NO_HELLO;
	switch (r->verb) {
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
		return is_lmtp ? SMTP_REQUEST_UNKNOWN : SMTP_REQUEST_FINE;
	case SMTP_VERB_LHLO:
		return is_lmtp ? SMTP_REQUEST_FINE : SMTP_REQUEST_UNKNOWN;
	case SMTP_VERB_STARTTLS:
		return check_starttls(s);
	case SMTP_VERB_AUTH:
		return check_auth(s);
	case SMTP_VERB_MAIL:
		return check_mail(s, r);
	case SMTP_VERB_RCPT:
		return check_rcpt(s, r);
	case SMTP_VERB_DATA:
		return check_data(s);
	case SMTP_VERB_BDAT:
		return offered(s) & SMTP_EXT_CHUNKING ? check_content(s)
						      : SMTP_REQUEST_NOT_IMPLEMENTED;
	case SMTP_VERB_CONNECT:
	case SMTP_VERB_DOT:
	case SMTP_VERB_RSET:
	case SMTP_VERB_NOOP:
	case SMTP_VERB_VRFY:
	case SMTP_VERB_EXPN:
	case SMTP_VERB_HELP:
	case SMTP_VERB_QUIT:
	case SMTP_VERB_UNKNOWN:
		break;
	}
	return SMTP_REQUEST_FINE;
}

void smtp_server_owe(struct smtp_server *s, enum smtp_verb verb, enum smtp_request_fault fault)
{
	s->is_owed = true;
	s->owed_verb = verb;
	s->owed_fault = fault;
	s->errors += fault != SMTP_REQUEST_FINE;
}

/* An event for a command that is none: a line too long, TLS on a port in clear ... */
static enum smtp_server_step owe_fault(struct smtp_server *s, enum smtp_verb verb,
				       enum smtp_request_fault fault,
				       struct smtp_server_event *ret_event)
{
	*ret_event = (struct smtp_server_event){
		.kind = SMTP_SERVER_COMMAND,
		.request = {.verb = verb, .fault = fault},
		.rcpt_idx = -1,
	};
	smtp_server_owe(s, verb, fault);
	return SMTP_SERVER_EVENT;
}

/* BDAT: its octets come first, the reply after them, even where it is refused. */
static bool begin_chunk(struct smtp_server *s, const struct smtp_request *r)
{
	if (r->fault == SMTP_REQUEST_ARGUMENT || s->is_refused)
		return false;
	s->is_discarding = r->fault != SMTP_REQUEST_FINE;
	s->owed_fault = r->fault;
	if (s->state == SMTP_SERVER_RCPT && !s->is_discarding) {
		s->size = 0;
		s->has_content_begun = false;
		s->has_bare_line_end = false;
	}
	s->before_chunk = (uint8_t)s->state;
	s->state = SMTP_SERVER_CHUNK;
	s->chunk_left = r->size;
	s->is_chunk_last = r->is_last;
	return true;
}

static enum smtp_server_step on_line(struct smtp_server *s, struct span line, bool has_rest,
				     struct smtp_server_event *ret_event)
{
	struct smtp_request *r = &ret_event->request;

	ret_event->kind = SMTP_SERVER_COMMAND;
	ret_event->rcpt_idx = -1;
	ret_event->is_challenge = false;
	s->is_challenge = false;
	smtp_request_read(line, offered(s), s->texts->params.strictness, r);
	/* What is out of order is told before what is ill-formed: it explains more. */
	if (r->verb != SMTP_VERB_UNKNOWN && r->fault != SMTP_REQUEST_NOT_IMPLEMENTED) {
		enum smtp_request_fault fault = check_sequence(s, r);

		if (fault != SMTP_REQUEST_FINE &&
		    !(r->verb == SMTP_VERB_BDAT && r->fault == SMTP_REQUEST_ARGUMENT))
			r->fault = fault;
	}
	if (r->fault == SMTP_REQUEST_FINE) {
		if (r->verb == SMTP_VERB_STARTTLS && has_rest)
			r->fault = SMTP_REQUEST_INJECTION;
		if (r->verb == SMTP_VERB_MAIL) {
			s->body = (uint8_t)r->body;
			s->is_utf8 = r->is_utf8;
		}
		if (r->verb == SMTP_VERB_AUTH)
			return smtp_server_login_begin(s, ret_event);
	}
	if (r->verb == SMTP_VERB_BDAT && begin_chunk(s, r))
		return SMTP_SERVER_MORE;
	smtp_server_owe(s, r->verb, r->fault);
	return SMTP_SERVER_EVENT;
}

/* AUTH lines may be long (RFC 4954 s4), whatever holds for the others. */
static bool is_over_limit(const struct smtp_server *s, struct span in, size_t total)
{
	uint32_t line_max = s->texts->params.line_max;
	struct span start = s->line.len > 0 ? buf_span(&s->line) : in;

	if (total <= line_max)
		return false;
	if (total > SMTP_SERVER_AUTH_LINE_MAX)
		return true;
	if (s->state == SMTP_SERVER_LOGIN)
		return false;
	return start.len < 5 || !span_equal_nocase((struct span){start.data, 5}, SPAN("AUTH "));
}

/* No line end in sight: keeps what there is, or gives the line up. */
static enum smtp_server_step keep_piece(struct smtp_server *s, struct span in, size_t *ret_used)
{
	*ret_used = in.len;
	if (in.len == 0)
		return SMTP_SERVER_MORE;
	if (is_over_limit(s, in, s->line.len + in.len + 1) ||
	    !buf_append(&s->line, in.data, in.len)) {
		smtp_server_forget_line(s);
		s->is_line_skipped = true;
	}
	return SMTP_SERVER_MORE;
}

static enum smtp_server_step feed_line(struct smtp_server *s, struct span in, size_t *ret_used,
				       struct smtp_server_event *ret_event)
{
	const char *end = in.len > 0 ? memchr(in.data, '\n', in.len) : NULL;
	struct span line;

	if (!end && s->is_line_skipped) {
		*ret_used = in.len;
		return SMTP_SERVER_MORE;
	}
	if (!end)
		return keep_piece(s, in, ret_used);
	line = (struct span){in.data, (size_t)(end - in.data)};
	*ret_used = line.len + 1;
	if (s->is_line_skipped || is_over_limit(s, in, s->line.len + *ret_used)) {
		s->is_line_skipped = false;
		smtp_server_forget_line(s);
		return owe_fault(s, SMTP_VERB_UNKNOWN, SMTP_REQUEST_TOO_LONG, ret_event);
	}
	if (s->line.len > 0) {
		if (!buf_append(&s->line, line.data, line.len)) {
			smtp_server_forget_line(s);
			return owe_fault(s, SMTP_VERB_UNKNOWN, SMTP_REQUEST_NO_MEMORY, ret_event);
		}
		line = buf_span(&s->line);
		s->is_line_used = true;
	}
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	else if (s->texts->params.strictness == SMTP_STRICT)
		return owe_fault(s, SMTP_VERB_UNKNOWN, SMTP_REQUEST_BARE_LF, ret_event);
	if (s->state == SMTP_SERVER_LOGIN)
		return smtp_server_login_line(s, line, ret_event);
	return on_line(s, line, *ret_used < in.len, ret_event);
}

/* The end of a message: a reply, or with LMTP one for each recipient that was accepted. */
static enum smtp_server_step report_end(struct smtp_server *s, struct smtp_server_event *ret_event)
{
	uint64_t size_max = s->texts->params.size_max;
	enum smtp_request_fault fault = SMTP_REQUEST_FINE;

	if (size_max > 0 && s->size > size_max)
		fault = SMTP_REQUEST_TOO_BIG;
	else if (s->has_bare_line_end)
		fault = SMTP_REQUEST_BARE_LINE_END;
	*ret_event = (struct smtp_server_event){
		.kind = SMTP_SERVER_END,
		.request = {.verb = SMTP_VERB_DOT, .fault = fault},
		.size = s->size,
		.rcpt_idx = s->texts->params.is_lmtp ? (int)s->rcpt_answered : -1,
	};
	smtp_server_owe(s, SMTP_VERB_DOT, fault);
	return SMTP_SERVER_EVENT;
}

static enum smtp_server_step begin_content(struct smtp_server *s,
					   struct smtp_server_event *ret_event)
{
	s->has_content_begun = true;
	*ret_event = (struct smtp_server_event){.kind = SMTP_SERVER_CONTENT, .rcpt_idx = -1};
	return SMTP_SERVER_EVENT;
}

static enum smtp_server_step feed_data(struct smtp_server *s, struct span in, size_t *ret_used,
				       struct smtp_server_event *ret_event)
{
	if (!s->has_content_begun)
		return begin_content(s, ret_event);
	switch (smtp_server_scan(s, in, ret_used, &ret_event->bytes)) {
	case SMTP_SCAN_ALL:
		return SMTP_SERVER_MORE;
	case SMTP_SCAN_BYTES:
		ret_event->kind = SMTP_SERVER_BYTES;
		return SMTP_SERVER_EVENT;
	case SMTP_SCAN_END:
		break;
	}
	s->state = SMTP_SERVER_ENDED;
	s->rcpt_answered = 0;
	return report_end(s, ret_event);
}

/* All octets of the chunk are here. */
static enum smtp_server_step end_chunk(struct smtp_server *s, struct smtp_server_event *ret_event)
{
	enum smtp_request_fault fault = s->owed_fault;
	uint64_t size_max = s->texts->params.size_max;

	if (s->is_chunk_last && !s->is_discarding) {
		s->state = SMTP_SERVER_ENDED;
		s->rcpt_answered = 0;
		return report_end(s, ret_event);
	}
	s->state = (enum smtp_server_state)s->before_chunk;
	if (!s->is_discarding && size_max > 0 && s->size > size_max)
		fault = SMTP_REQUEST_TOO_BIG;
	*ret_event = (struct smtp_server_event){
		.kind = SMTP_SERVER_COMMAND,
		.request = {.verb = SMTP_VERB_BDAT, .fault = fault, .is_last = s->is_chunk_last},
		.size = s->size,
		.rcpt_idx = -1,
	};
	smtp_server_owe(s, SMTP_VERB_BDAT, fault);
	return SMTP_SERVER_EVENT;
}

static enum smtp_server_step feed_chunk(struct smtp_server *s, struct span in, size_t *ret_used,
					struct smtp_server_event *ret_event)
{
	size_t count = in.len < s->chunk_left ? in.len : (size_t)s->chunk_left;

	if (!s->is_discarding && !s->has_content_begun)
		return begin_content(s, ret_event);
	*ret_used = count;
	s->chunk_left -= count;
	if (!s->is_discarding && count > 0) {
		s->size += count;
		if (s->wants_content) {
			ret_event->kind = SMTP_SERVER_BYTES;
			ret_event->bytes = (struct span){in.data, count};
			return SMTP_SERVER_EVENT;
		}
	}
	return s->chunk_left == 0 ? end_chunk(s, ret_event) : SMTP_SERVER_MORE;
}

enum smtp_server_step smtp_server_feed(struct smtp_server *s, struct span in, size_t *ret_used,
				       struct smtp_server_event *ret_event)
{
	enum smtp_server_step step;
	size_t total = 0;

	*ret_used = 0;
	if (s->is_owed || s->state == SMTP_SERVER_TLS)
		return SMTP_SERVER_WAIT;
	if (s->is_line_used)
		smtp_server_forget_line(s);
	/* The first octet of a TLS record of the type handshake begins no command. */
	if (!s->has_input && in.len > 0 && s->state != SMTP_SERVER_GREET) {
		s->has_input = true;
		if (in.data[0] == 0x16 && !s->is_sealed) {
			*ret_used = in.len;
			return owe_fault(s, SMTP_VERB_UNKNOWN, SMTP_REQUEST_TLS_ON_PLAIN,
					 ret_event);
		}
	}
	do {
		struct span rest = span_skip(in, total);
		size_t used = 0;

		switch (s->state) {
		case SMTP_SERVER_GREET:
			step = owe_fault(s, SMTP_VERB_CONNECT, SMTP_REQUEST_FINE, ret_event);
			break;
		case SMTP_SERVER_DATA:
			step = feed_data(s, rest, &used, ret_event);
			break;
		case SMTP_SERVER_CHUNK:
			step = feed_chunk(s, rest, &used, ret_event);
			break;
		case SMTP_SERVER_ENDED:
			step = report_end(s, ret_event);
			break;
		case SMTP_SERVER_CLOSING:
			used = rest.len;
			step = SMTP_SERVER_MORE;
			break;
		case SMTP_SERVER_HELLO:
		case SMTP_SERVER_READY:
		case SMTP_SERVER_MAIL:
		case SMTP_SERVER_RCPT:
		case SMTP_SERVER_BETWEEN:
		case SMTP_SERVER_LOGIN:
			step = feed_line(s, rest, &used, ret_event);
			break;
		case SMTP_SERVER_TLS:
		default:
			step = SMTP_SERVER_WAIT;
			break;
		}
		total += used;
		/* BDAT is used without an event of its own: its chunk may be in hand already. */
	} while (step == SMTP_SERVER_MORE && s->state == SMTP_SERVER_CHUNK &&
		 (total < in.len || s->chunk_left == 0 ||
		  (!s->is_discarding && !s->has_content_begun)));
	*ret_used = total;
	return step;
}
