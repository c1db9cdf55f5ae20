/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * events.c - events of the SMTP client as lines of text
 */
#include "events.h"
#include "base/check.h"

void octets_write(struct buf *out, struct span octets)
{
	for (size_t i = 0; i < octets.len; i++) {
		unsigned char c = (unsigned char)octets.data[i];
		bool is_fine;

		if (c == '\r')
			is_fine = buf_append_text(out, "\\r");
		else if (c == '\n')
			is_fine = buf_append_text(out, "\\n");
		else if (c == '\\' || c == '"')
			is_fine = buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			is_fine = buf_printf(out, "\\x%02x", c);
		else
			is_fine = buf_printf(out, "%c", c);
		CHECK(is_fine);
	}
}

static void quoted_write(struct buf *out, struct span text)
{
	CHECK(buf_append_text(out, " \""));
	octets_write(out, text);
	CHECK(buf_append_text(out, "\""));
}

static void reply_write(struct buf *out, const struct reply *reply)
{
	char enhanced[ENHANCED_TEXT_MAX];

	CHECK(buf_printf(out, " %u", reply->code));
	if (reply->enhanced.class != 0)
		CHECK(buf_printf(out, " %s", enhanced_text(reply->enhanced, enhanced)));
}

static void count_write(struct buf *out, const char *name, int count)
{
	if (count != 0)
		CHECK(buf_printf(out, " %s=%d", name, count));
}

static void outcome_write(struct buf *out, const struct smtp_outcome *o)
{
	count_write(out, "accepted", o->accepted);
	count_write(out, "deferred", o->deferred);
	count_write(out, "rejected", o->rejected);
	count_write(out, "undecided", o->undecided);
	if (o->is_in_doubt)
		CHECK(buf_append_text(out, " doubt"));
	if (o->reply.code == 0)
		return;
	CHECK(buf_printf(out, " by %s", smtp_command_name(o->command)));
	reply_write(out, &o->reply);
	quoted_write(out, o->reply.text);
}

static void failed_write(struct buf *out, const struct smtp_event *event)
{
	const char *fault = smtp_fault_name(event->fault);

	CHECK(buf_append_text(out, "failed "));
	for (size_t i = 0; fault[i] != '\0'; i++)
		CHECK(buf_printf(out, "%c", fault[i] == ' ' ? '-' : fault[i]));
	CHECK(buf_printf(out, " at %s %s", smtp_command_name(event->command),
			 phase_name(event->phase)));
	if (event->reply.code != 0)
		reply_write(out, &event->reply);
	if (event->reply.code != 0 || event->reply.text.len > 0)
		quoted_write(out, event->reply.text);
}

void event_write(struct buf *out, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_EVENT_REPLY:
		CHECK(buf_printf(out, "reply %s", smtp_command_name(event->command)));
		reply_write(out, &event->reply);
		if (event->rcpt_idx >= 0)
			CHECK(buf_printf(out, " rcpt=%d", event->rcpt_idx));
		quoted_write(out, event->reply.text);
		return;
	case SMTP_EVENT_STARTTLS:
		CHECK(buf_append_text(out, "starttls"));
		return;
	case SMTP_EVENT_READY:
		CHECK(buf_append_text(out, "ready"));
		return;
	case SMTP_EVENT_BODY:
		CHECK(buf_append_text(out, "body"));
		return;
	case SMTP_EVENT_DONE:
		CHECK(buf_append_text(out, "done"));
		outcome_write(out, event->outcome);
		return;
	case SMTP_EVENT_CLOSED:
		CHECK(buf_append_text(out, "closed"));
		return;
	case SMTP_EVENT_FAILED:
		failed_write(out, event);
		return;
	}
}

void broken_write(struct buf *out, bool has_message, const struct smtp_outcome *outcome,
		  enum smtp_command command, enum phase phase)
{
	CHECK(buf_printf(out, "broken %s %s", smtp_command_name(command), phase_name(phase)));
	if (has_message)
		outcome_write(out, outcome);
	else
		CHECK(buf_append_text(out, " no message"));
}

void capabilities_write(struct buf *out, const struct smtp_capabilities *c)
{
	static const char *const names[] = {"PIPELINING", "SIZE",      "8BITMIME",
					    "SMTPUTF8",	  "CHUNKING",  "DSN",
					    "STARTTLS",	  "AUTH",      "ENHANCEDSTATUSCODES",
					    "LIMITS",	  "BINARYMIME"};
	const char *between = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(c->extensions & smtp_extension_from_name(span_of(names[i]))))
			continue;
		CHECK(buf_printf(out, "%s%s", between, names[i]));
		between = " ";
	}
	for (uint32_t bit = 1; bit <= SASL_OAUTHBEARER; bit <<= 1)
		if (c->auth_mechanisms & bit)
			CHECK(buf_printf(out, " auth=%s",
					 sasl_mechanism_name((enum sasl_mechanism)bit)));
	if (c->size_max != 0)
		CHECK(buf_printf(out, " size=%llu", (unsigned long long)c->size_max));
	count_write(out, "mailmax", (int)c->limit_mail_max);
	count_write(out, "rcptmax", (int)c->limit_rcpt_max);
	count_write(out, "rcptdomainmax", (int)c->limit_domain_max);
}
