/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * read_postfix.c - the lines of Postfix's delivery agents in the mail log
 *
 * smtp(8) and lmtp(8) write a line for each recipient of each attempt, with what the server said
 * and to which command; a host that turned the connection away while there were others to try has
 * a line of its own without "status=". How long an attempt took stands in delays=a/b/c/d: before
 * the queue manager, in it, connecting, sending. Lines of other programs are of no interest.
 */
#include <stdio.h>
#include "base/clock.h"
#include "base/units.h"
#include "learn/line.h"
#include "learn/stamp.h"

static bool find(struct span text, struct span wanted, size_t *ret_at)
{
	const char *at = text.data != NULL && text.len >= wanted.len
				 ? memmem(text.data, text.len, wanted.data, wanted.len)
				 : NULL;

	if (at == NULL)
		return false;
	*ret_at = (size_t)(at - text.data);
	return true;
}

static bool begins(struct span text, struct span with)
{
	return text.len >= with.len && memcmp(text.data, with.data, with.len) == 0;
}

/* What stands before wanted; text moves behind it. False: it does not occur. */
static bool take_until(struct span *text, struct span wanted, struct span *ret_before)
{
	size_t at;

	if (!find(*text, wanted, &at))
		return false;
	*ret_before = (struct span){text->data, at};
	*text = span_skip(*text, at + wanted.len);
	return true;
}

static bool read_u32(struct span text, uint32_t *ret)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 10)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* "host postfix/smtp[123]: " - a delivery agent's line. Moves text behind it. */
static bool take_agent(struct span *text, uint32_t *ret_process)
{
	struct span head, tag, pid;
	size_t bracket;

	if (!take_until(text, SPAN("]: "), &head) || !find(head, SPAN("["), &bracket))
		return false;
	tag = (struct span){head.data, bracket};
	pid = span_skip(head, bracket + 1);
	if (!read_u32(pid, ret_process) || tag.len < 5)
		return false;
	return memcmp(tag.data + tag.len - 5, "/smtp", 5) == 0 ||
	       memcmp(tag.data + tag.len - 5, "/lmtp", 5) == 0;
}

/* The value of "key=..., " in attributes; values hold no comma and space. Empty: missing. */
static struct span attribute(struct span attributes, struct span key)
{
	struct span value, rest = attributes;

	while (rest.len > 0) {
		if (!take_until(&rest, SPAN(", "), &value)) {
			value = rest;
			rest.len = 0;
		}
		if (begins(value, key))
			return span_skip(value, key.len);
	}
	return (struct span){"", 0};
}

/* "mx.example.net[192.0.2.1]:25": the name, and with the port where that is not 25. */
static void read_relay(struct span relay, struct line_scratch *s, struct learn_line *l)
{
	struct span host, address, port = relay;
	int len;

	if (!take_until(&port, SPAN("["), &host) || !take_until(&port, SPAN("]"), &address))
		return;
	if (host.len == 0)
		host = address;
	if (port.len > 1 && !span_equal(port, SPAN(":25")) && port.len < 7)
		len = snprintf(s->site, sizeof(s->site), "%.*s%.*s", (int)(host.len % 240),
			       host.data, (int)port.len, port.data);
	else
		len = snprintf(s->site, sizeof(s->site), "%.*s", (int)(host.len % 240), host.data);
	l->host = (struct span){s->site, host.len % 240};
	l->site = (struct span){s->site, len > 0 ? (size_t)len : 0};
}

static int64_t duration(struct span text)
{
	int64_t ns;

	return units_parse_duration(text, &ns) ? ns : -1;
}

/* a/b/c/d of delays=. */
static void read_delays(struct span text, struct learn_line *l)
{
	struct span part;

	if (!take_until(&text, SPAN("/"), &part) || !take_until(&text, SPAN("/"), &part) ||
	    !take_until(&text, SPAN("/"), &part))
		return;
	l->connect_ns = duration(part);
	l->message_ns = duration(text);
}

/*
 * Lines of one reply are joined by spaces: "421-4.7.0 Slow down 421 4.7.0 please". They are told
 * by their code and its separator; the last line has a space there.
 */
static struct span unfold(struct span text, char *out, size_t out_size)
{
	char code[5] = " xxx";
	size_t len = 0;
	bool is_last = text.len < 4 || text.data[3] != '-';

	memcpy(code + 1, text.data, 3);
	text = span_skip(text, text.len > 3 ? 4 : 3);
	while (text.len > 0 && len + 1 < out_size) {
		if (!is_last && text.len >= 5 && memcmp(text.data, code, 4) == 0 &&
		    (text.data[4] == '-' || text.data[4] == ' ')) {
			is_last = text.data[4] == ' ';
			out[len++] = '\n';
			text = span_skip(text, 5);
			continue;
		}
		out[len++] = *text.data;
		text = span_skip(text, 1);
	}
	return (struct span){out, len};
}

/* "421 4.7.0 Try again later" at the start of text. */
static bool read_reply(struct span text, struct line_scratch *s, struct learn_line *l)
{
	char lines[LINE_TEXT_MAX + 64];
	uint32_t code;

	if (text.len < 3 || !read_u32((struct span){text.data, 3}, &code) || code < 200 ||
	    code > 599 || (text.len > 3 && text.data[3] != ' ' && text.data[3] != '-'))
		return false;
	l->reply.code = (uint16_t)code;
	l->reply.text = line_clean(unfold(text, lines, sizeof(lines)), s);
	enhanced_parse(l->reply.text, l->reply.code, &l->reply.enhanced);
	return true;
}

static enum phase command_phase(struct span command)
{
	static const struct {
		struct span name;
		enum phase phase;
	} commands[] = {
		{SPAN_INIT("MAIL FROM"), PHASE_MAIL}, {SPAN_INIT("RCPT TO"), PHASE_RCPT},
		{SPAN_INIT("DATA"), PHASE_DATA},      {SPAN_INIT("end of DATA"), PHASE_ACCEPT},
		{SPAN_INIT("EHLO"), PHASE_EHLO},      {SPAN_INIT("HELO"), PHASE_EHLO},
		{SPAN_INIT("LHLO"), PHASE_EHLO},      {SPAN_INIT("STARTTLS"), PHASE_TLS},
		{SPAN_INIT("AUTH"), PHASE_AUTH},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (begins(command, commands[i].name))
			return commands[i].phase;
	return PHASE_SESSION;
}

/* "(in reply to MAIL FROM command)" at the end; text is cut before it. */
static enum phase take_command(struct span *text)
{
	static const struct span words = SPAN_INIT(" (in reply to ");

	for (size_t i = text->len; i-- > 0;) {
		struct span rest = span_skip(*text, i);

		if (begins(rest, words)) {
			text->len = i;
			return command_phase(span_skip(rest, words.len));
		}
	}
	return PHASE_SESSION;
}

/* "lost connection with HOST while WHAT": the step that it struck. */
static enum phase lost_phase(struct span what)
{
	size_t at;

	if (find(what, SPAN("greeting"), &at))
		return PHASE_BANNER;
	if (find(what, SPAN("handshake"), &at) || find(what, SPAN("HELO"), &at))
		return PHASE_EHLO;
	if (find(what, SPAN("MAIL FROM"), &at))
		return PHASE_MAIL;
	if (find(what, SPAN("RCPT TO"), &at))
		return PHASE_RCPT;
	if (find(what, SPAN("end of data"), &at) || find(what, SPAN("message body"), &at))
		return PHASE_ACCEPT;
	return find(what, SPAN("DATA"), &at) ? PHASE_DATA : PHASE_SESSION;
}

static bool is_before_mail(enum phase phase)
{
	return phase == PHASE_BANNER || phase == PHASE_EHLO || phase == PHASE_TLS ||
	       phase == PHASE_AUTH;
}

/* "BEFORE HOST BETWEEN ...": HOST; text moves behind BETWEEN. False: it is not put so. */
static bool take_host(struct span *text, struct span before, struct span between,
		      struct span *ret_host)
{
	struct span rest = *text;

	if (!begins(rest, before))
		return false;
	rest = span_skip(rest, before.len);
	if (!take_until(&rest, between, ret_host))
		return false;
	*text = rest;
	return true;
}

/* What a server said or did, without the outer brackets. */
static enum line_result read_said(struct span text, struct line_scratch *s, struct learn_line *l)
{
	struct span host;

	if (take_host(&text, SPAN("lost connection with "), SPAN(" while "), &host)) {
		l->phase = lost_phase(text);
		l->is_silent = true;
	} else if (take_host(&text, SPAN("host "), SPAN(" refused to talk to me: "), &host)) {
		l->phase = PHASE_BANNER;
	} else if (take_host(&text, SPAN("host "), SPAN(" said: "), &host)) {
		l->phase = take_command(&text);
	} else {
		return LINE_IDLE; /* a time-out, no route, a fault at this end */
	}
	if (!l->is_silent && (!read_reply(text, s, l) || l->reply.code < 400))
		return LINE_IDLE;
	if (l->site.len == 0)
		read_relay(host, s, l);
	l->kind = is_before_mail(l->phase) ? LINE_TURNED_AWAY
		  : l->is_silent	   ? LINE_BROKEN
					   : LINE_REFUSED;
	return LINE_EVENT;
}

/* "to=<...>, relay=..., status=sent (250 ...)" */
static enum line_result read_status(struct span text, struct line_scratch *s, struct learn_line *l)
{
	struct span attributes, status, to;
	enum line_result result;

	if (!take_until(&text, SPAN(", status="), &attributes) ||
	    !take_until(&text, SPAN(" ("), &status))
		return LINE_IDLE;
	if (text.len > 0 && text.data[text.len - 1] == ')')
		text.len--;
	to = attribute(attributes, SPAN("to=<"));
	l->recipient = (struct span){to.data, to.len > 0 ? to.len - 1 : 0};
	read_relay(attribute(attributes, SPAN("relay=")), s, l);
	read_delays(attribute(attributes, SPAN("delays=")), l);
	if (!read_u32(attribute(attributes, SPAN("conn_use=")), &l->on_connection))
		l->on_connection = 1;
	if (span_equal(status, SPAN("sent"))) {
		l->kind = LINE_ACCEPTED;
		l->phase = PHASE_ACCEPT;
		return read_reply(text, s, l) ? LINE_EVENT : LINE_IDLE;
	}
	result = read_said(text, s, l);
	/* A connection that was turned away carried nothing. */
	if (result == LINE_EVENT && l->kind == LINE_TURNED_AWAY)
		l->on_connection = 0;
	return result;
}

static bool is_queue_id(struct span text)
{
	if (text.len < 5 || text.len > 32)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
		      (text.data[i] >= 'A' && text.data[i] <= 'Z') ||
		      (text.data[i] >= 'a' && text.data[i] <= 'z')))
			return false;
	return true;
}

enum line_result line_read_postfix(struct span line, int year, struct line_scratch *s,
				   struct learn_line *ret_line)
{
	struct learn_line l = {
		.format = LEARN_POSTFIX, .message_ns = -1, .connect_ns = -1, .recipients = 1};
	enum line_result result;
	struct span rest, date;
	size_t used = stamp_read_iso(line, &l.at_ns), dot;

	if (used == 0)
		used = stamp_read_syslog(line, year, &l.at_ns);
	if (used == 0 || used >= line.len || line.data[used] != ' ')
		return LINE_NONE;
	date = (struct span){line.data, used};
	l.precision_ns = find(date, SPAN("."), &dot) ? NS_PER_US : NS_PER_SEC;
	rest = span_skip(line, used);
	if (!find(rest, SPAN("postfix"), &used))
		return LINE_NONE;
	if (!take_agent(&rest, &l.process) || !take_until(&rest, SPAN(": "), &l.message) ||
	    !is_queue_id(l.message))
		return LINE_IDLE;
	if (begins(rest, SPAN("to=<"))) {
		result = read_status(rest, s, &l);
	} else {
		result = read_said(rest, s, &l);
		/* While there are other hosts to try, only being turned away tells anything. */
		if (result == LINE_EVENT && l.kind != LINE_TURNED_AWAY)
			result = LINE_IDLE;
	}
	if (result == LINE_EVENT)
		*ret_line = l;
	return result;
}
