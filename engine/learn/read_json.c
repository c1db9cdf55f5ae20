/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * read_json.c - volley's own log lines, and KumoMTA's log records
 *
 * Both are one JSON object a line. volley's has "time" and "outcome" (sender/outcome_log.c),
 * KumoMTA's has "type" and "timestamp" (its reference manual, "Log Record"). Keys that are not
 * known here are passed over, and one that is of another type than it should be counts as missing:
 * both formats grow.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include "base/clock.h"
#include "learn/line.h"
#include "learn/stamp.h"

#define KUMOMTA_OWN_WORDS "KumoMTA internal"

static struct span text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		return (struct span){"", 0};
	return (struct span){json_string_value(value), json_string_length(value)};
}

/* A whole number from 0 to max; missing, or another: otherwise. */
static int64_t number_of(const json_t *object, const char *key, int64_t max, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);
	int64_t number = json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;

	return number >= 0 && number <= max ? number : otherwise;
}

static bool begins(struct span text, struct span with)
{
	return text.len >= with.len && strncasecmp(text.data, with.data, with.len) == 0;
}

static bool is_code(int64_t code)
{
	return code >= 200 && code <= 599;
}

/* ---- volley ---- */

/* The phase that a command's reply belongs to; otherwise where it is none of those. */
static enum phase volley_command_phase(struct span command, enum phase otherwise)
{
	static const struct {
		struct span name;
		enum phase phase;
	} commands[] = {
		{SPAN_INIT("connect"), PHASE_BANNER}, {SPAN_INIT("ehlo"), PHASE_EHLO},
		{SPAN_INIT("helo"), PHASE_EHLO},      {SPAN_INIT("lhlo"), PHASE_EHLO},
		{SPAN_INIT("starttls"), PHASE_TLS},   {SPAN_INIT("auth"), PHASE_AUTH},
		{SPAN_INIT("mail"), PHASE_MAIL},      {SPAN_INIT("rcpt"), PHASE_RCPT},
		{SPAN_INIT("data"), PHASE_DATA},      {SPAN_INIT("dot"), PHASE_ACCEPT},
		{SPAN_INIT("bdat"), PHASE_ACCEPT},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_equal(command, commands[i].name))
			return commands[i].phase;
	return otherwise;
}

static void volley_reply(const json_t *o, struct line_scratch *s, struct learn_line *l)
{
	struct span error = text_of(o, "error"), text = text_of(o, "text");
	int64_t code = number_of(o, "code", 599, 0);
	bool is_refusal = span_equal(error, SPAN("refused at connect")) ||
			  span_equal(error, SPAN("server closing (421)"));

	l->is_silent = span_equal(error, SPAN("closed early")) || span_equal(error, SPAN("reset"));
	/* A session's failure is told by its kind; that a 4xx stood behind it follows from that. */
	if (!is_code(code))
		code = is_refusal ? 421 : 0;
	l->reply.code = (uint16_t)code;
	if (code == 0)
		return;
	l->is_silent = false;
	l->reply.text = line_clean(text, s);
	enhanced_parse(l->reply.text, l->reply.code, &l->reply.enhanced);
}

static bool is_before_mail(enum phase phase)
{
	return phase == PHASE_BANNER || phase == PHASE_EHLO || phase == PHASE_TLS ||
	       phase == PHASE_AUTH;
}

/* The outcome of a message: false when it tells nothing. */
static bool volley_message(struct span outcome, struct span command, struct learn_line *l)
{
	enum phase reached = l->phase;

	if (span_equal(outcome, SPAN("accepted"))) {
		l->kind = LINE_ACCEPTED;
		return true;
	}
	if (l->reply.code >= 400) {
		l->kind = LINE_REFUSED;
		l->phase = volley_command_phase(command, reached);
		l->is_partial = l->phase == PHASE_RCPT && reached == PHASE_ACCEPT;
		return true;
	}
	l->kind = LINE_BROKEN;
	return l->is_silent;
}

static bool volley_session(struct span outcome, struct span command, struct learn_line *l)
{
	bool is_over = l->reply.code >= 400 || l->is_silent;

	l->phase = volley_command_phase(command, l->phase);
	if (span_equal(outcome, SPAN("opened"))) {
		l->kind = LINE_OPENED;
		return true;
	}
	/* No connection came about: a matter of the network. */
	if (l->phase == PHASE_DNS || l->phase == PHASE_CONNECT)
		return false;
	l->kind = is_over && is_before_mail(l->phase) ? LINE_TURNED_AWAY : LINE_CLOSED;
	return true;
}

/* "smtp+starttls://user@mx.example.net:587" without its scheme and what stands before the host. */
static struct span target_host(struct span url, struct learn_line *l)
{
	const char *at;
	size_t scheme = 0;

	for (size_t i = 0; i + 2 < url.len && scheme == 0; i++)
		if (memcmp(url.data + i, "://", 3) == 0)
			scheme = i + 3;
	url = span_skip(url, scheme);
	at = url.len > 0 ? memchr(url.data, '@', url.len) : NULL;
	if (at != NULL)
		url = span_skip(url, (size_t)(at - url.data) + 1);
	l->host = url;
	for (size_t i = url.len; i-- > 0 && url.data[i] != ']';) {
		if (url.data[i] == ':') {
			l->host.len = i;
			break;
		}
	}
	return url;
}

static void volley_connection(const json_t *o, struct line_scratch *s, struct learn_line *l)
{
	const json_t *id = json_object_get(o, "connection");

	if (!json_is_integer(id))
		return;
	l->connection = (struct span){
		s->connection,
		(size_t)snprintf(s->connection, sizeof(s->connection), "%lld",
				 (long long)json_integer_value(id)),
	};
	l->on_connection = (uint32_t)number_of(o, "on_connection", UINT32_MAX, 0);
}

static enum line_result read_volley(const json_t *o, struct line_scratch *s, struct learn_line *l)
{
	struct span time = text_of(o, "time"), outcome = text_of(o, "outcome");
	struct span command = text_of(o, "command");
	int64_t service_us = number_of(o, "service_us", INT64_MAX / NS_PER_US, -1);
	bool is_event;

	if (outcome.len == 0 || stamp_read_iso(time, &l->at_ns) == 0)
		return LINE_NONE;
	l->format = LEARN_VOLLEY;
	l->precision_ns = NS_PER_US;
	l->site = target_host(text_of(o, "target"), l);
	l->source = text_of(o, "source");
	if (!phase_from_name(text_of(o, "phase"), &l->phase))
		l->phase = PHASE_SESSION;
	l->message = text_of(o, "id");
	l->recipient = text_of(o, "recipient");
	l->recipients = (uint32_t)number_of(o, "recipients", UINT32_MAX, 1);
	l->message_ns = service_us < 0 ? -1 : service_us * NS_PER_US;
	volley_connection(o, s, l);
	volley_reply(o, s, l);
	if (span_equal(outcome, SPAN("session")) || span_equal(outcome, SPAN("opened")) ||
	    span_equal(outcome, SPAN("closed")))
		is_event = volley_session(outcome, command, l);
	else
		is_event = volley_message(outcome, command, l);
	return is_event ? LINE_EVENT : LINE_IDLE;
}

/* ---- KumoMTA ---- */

/* "source2->(alt1|alt2)?.mx.example.net@smtp_client" is mx's whole set, seen from a source. */
static struct span kumomta_site(struct span site)
{
	const char *at;

	for (size_t i = 0; i + 1 < site.len; i++) {
		if (site.data[i] == '-' && site.data[i + 1] == '>') {
			site = span_skip(site, i + 2);
			break;
		}
	}
	at = site.len > 0 ? memchr(site.data, '@', site.len) : NULL;
	if (at != NULL)
		site.len = (size_t)(at - site.data);
	return site;
}

static bool take_seconds(double seconds, int64_t *ret_ns)
{
	if (!isfinite(seconds) || seconds < 0 || seconds > 7e9)
		return false;
	*ret_ns = llrint(seconds * 1e6) * NS_PER_US;
	return true;
}

/* event_time is the newer key and the finer one: seconds with a fraction, or a date. */
static bool kumomta_time(const json_t *o, struct learn_line *l)
{
	const json_t *event = json_object_get(o, "event_time");
	const json_t *stamp = json_object_get(o, "timestamp");

	l->precision_ns = NS_PER_US;
	if (json_is_real(event) && take_seconds(json_real_value(event), &l->at_ns))
		return true;
	if (json_is_string(event) && stamp_read_iso(text_of(o, "event_time"), &l->at_ns) > 0)
		return true;
	if (json_is_real(stamp) && take_seconds(json_real_value(stamp), &l->at_ns))
		return true;
	l->precision_ns = NS_PER_SEC;
	if (!json_is_integer(stamp))
		stamp = event;
	return json_is_integer(stamp) && take_seconds((double)json_integer_value(stamp), &l->at_ns);
}

/* RFC 5321 s4.1.1: the command that was answered, with or without its argument. */
static enum phase kumomta_phase(struct span command)
{
	static const struct {
		struct span verb;
		enum phase phase;
	} verbs[] = {
		{SPAN_INIT("MAIL"), PHASE_MAIL},    {SPAN_INIT("RCPT"), PHASE_RCPT},
		{SPAN_INIT("DATA"), PHASE_DATA},    {SPAN_INIT("."), PHASE_ACCEPT},
		{SPAN_INIT("BDAT"), PHASE_ACCEPT},  {SPAN_INIT("EHLO"), PHASE_EHLO},
		{SPAN_INIT("LHLO"), PHASE_EHLO},    {SPAN_INIT("HELO"), PHASE_EHLO},
		{SPAN_INIT("STARTTLS"), PHASE_TLS}, {SPAN_INIT("AUTH"), PHASE_AUTH},
		{SPAN_INIT("XCLIENT"), PHASE_EHLO}, {SPAN_INIT("RSET"), PHASE_MAIL},
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (begins(command, verbs[i].verb))
			return verbs[i].phase;
	return PHASE_BANNER;
}

/* The log has the enhanced code apart from the text; what the server said began each line so. */
static void kumomta_reply(const json_t *response, struct line_scratch *s, struct learn_line *l)
{
	const json_t *enhanced = json_object_get(response, "enhanced_code");
	struct span content = text_of(response, "content");
	struct enhanced_code *e = &l->reply.enhanced;
	char code[ENHANCED_TEXT_MAX], text[2 * LINE_TEXT_MAX];
	size_t len = 0, code_len;
	struct enhanced_code seen;

	l->reply.code = (uint16_t)number_of(response, "code", 599, 0);
	e->class = (uint8_t)number_of(enhanced, "class", 5, 0);
	e->subject = (uint16_t)number_of(enhanced, "subject", 999, 0);
	e->detail = (uint16_t)number_of(enhanced, "detail", 999, 0);
	if (e->class != l->reply.code / 100)
		*e = (struct enhanced_code){0};
	code_len = strlen(enhanced_text(*e, code));
	if (code_len > 0 && !enhanced_parse(content, l->reply.code, &seen)) {
		memcpy(text, code, code_len);
		text[code_len] = ' ';
		len = code_len + 1;
	}
	for (size_t i = 0; i < content.len && len < LINE_TEXT_MAX; i++) {
		text[len++] = content.data[i];
		if (content.data[i] != '\n' || code_len == 0 ||
		    enhanced_parse(span_skip(content, i + 1), l->reply.code, &seen))
			continue;
		memcpy(text + len, code, code_len);
		text[len + code_len] = ' ';
		len += code_len + 1;
	}
	l->reply.text = line_clean((struct span){text, len}, s);
}

static void kumomta_peer(const json_t *o, struct line_scratch *s, struct learn_line *l)
{
	struct span name = text_of(json_object_get(o, "peer_address"), "name");
	struct span local = text_of(json_object_get(o, "source_address"), "address");
	struct span session = text_of(o, "session_id");

	while (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	l->host = name;
	l->site = kumomta_site(text_of(o, "site"));
	if (l->site.len == 0)
		l->site = name;
	while (l->site.len > 0 && l->site.data[l->site.len - 1] == '.')
		l->site.len--;
	l->source = text_of(o, "egress_source");
	if (l->source.len == 0 || span_equal(l->source, SPAN("unspecified")))
		for (size_t i = local.len; i-- > 0 && l->source.len == 0;)
			if (local.data[i] == ':')
				l->source = (struct span){local.data, i};
	if (session.len == 0)
		session = local;
	if (session.len == 0)
		return;
	if (session.len >= sizeof(s->connection))
		session.len = sizeof(s->connection) - 1;
	memcpy(s->connection, session.data, session.len);
	l->connection = (struct span){s->connection, session.len};
}

static enum line_result read_kumomta(const json_t *o, struct line_scratch *s, struct learn_line *l)
{
	struct span type = text_of(o, "type"), content, command;
	const json_t *response = json_object_get(o, "response");
	const json_t *recipient = json_object_get(o, "recipient");
	bool is_delivery = span_equal(type, SPAN("Delivery"));

	if (type.len == 0 || !kumomta_time(o, l) || !json_is_object(response))
		return LINE_NONE;
	l->format = LEARN_KUMOMTA;
	content = text_of(response, "content");
	/* Other records tell of what was received, or of what KumoMTA decided by itself. */
	if (!is_delivery && !span_equal(type, SPAN("TransientFailure")) &&
	    !span_equal(type, SPAN("Bounce")))
		return LINE_IDLE;
	if (begins(content, SPAN(KUMOMTA_OWN_WORDS)) ||
	    !json_is_object(json_object_get(o, "peer_address")))
		return LINE_IDLE;
	kumomta_peer(o, s, l);
	kumomta_reply(response, s, l);
	l->message = text_of(o, "id");
	l->recipient = text_of(o, "recipient");
	l->recipients = 1;
	if (json_is_array(recipient) && json_array_size(recipient) > 0)
		l->recipients = (uint32_t)json_array_size(recipient);
	command = text_of(response, "command");
	l->phase = is_delivery ? PHASE_ACCEPT : kumomta_phase(command);
	if (is_delivery)
		l->kind = LINE_ACCEPTED;
	else if (l->reply.code < 400)
		return LINE_IDLE;
	else
		l->kind = is_before_mail(l->phase) ? LINE_TURNED_AWAY : LINE_REFUSED;
	return LINE_EVENT;
}

enum line_result line_read_json(struct span line, struct line_scratch *s,
				struct learn_line *ret_line)
{
	struct learn_line l = {.message_ns = -1, .connect_ns = -1};
	enum line_result result = LINE_NONE;
	json_t *o = json_loadb(line.data, line.len, JSON_ALLOW_NUL, NULL);

	json_decref(s->json);
	s->json = o;
	if (!json_is_object(o))
		return LINE_NONE;
	if (json_object_get(o, "outcome") != NULL)
		result = read_volley(o, s, &l);
	else if (json_object_get(o, "type") != NULL)
		result = read_kumomta(o, s, &l);
	if (result == LINE_EVENT)
		*ret_line = l;
	return result;
}
