/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_words.c - what belongs to each command: its name, its phase, its time-out
 *
 * The names stand in reports; the phases are the columns of the latency tables.
 */
#include "smtp/client_internal.h"

static const char *const command_names[SMTP_COMMAND_COUNT] = {
	[SMTP_CONNECT] = "connect", [SMTP_EHLO] = "ehlo",	  [SMTP_HELO] = "helo",
	[SMTP_LHLO] = "lhlo",	    [SMTP_STARTTLS] = "starttls", [SMTP_AUTH] = "auth",
	[SMTP_MAIL] = "mail",	    [SMTP_RCPT] = "rcpt",	  [SMTP_DATA] = "data",
	[SMTP_DOT] = "dot",	    [SMTP_BDAT] = "bdat",	  [SMTP_RSET] = "rset",
	[SMTP_NOOP] = "noop",	    [SMTP_QUIT] = "quit",	  [SMTP_UNASKED] = "unasked",
};

const uint8_t smtp_command_phases[SMTP_COMMAND_COUNT] = {
	[SMTP_CONNECT] = PHASE_BANNER, [SMTP_EHLO] = PHASE_EHLO,    [SMTP_HELO] = PHASE_EHLO,
	[SMTP_LHLO] = PHASE_EHLO,      [SMTP_STARTTLS] = PHASE_TLS, [SMTP_AUTH] = PHASE_AUTH,
	[SMTP_MAIL] = PHASE_MAIL,      [SMTP_RCPT] = PHASE_RCPT,    [SMTP_DATA] = PHASE_DATA,
	[SMTP_DOT] = PHASE_ACCEPT,     [SMTP_BDAT] = PHASE_ACCEPT,  [SMTP_RSET] = PHASE_SESSION,
	[SMTP_NOOP] = PHASE_SESSION,   [SMTP_QUIT] = PHASE_QUIT,    [SMTP_UNASKED] = PHASE_SESSION,
};

#define TIMEOUT(name) (offsetof(struct smtp_timeouts, name##_ns))

const uint8_t smtp_command_timeouts[SMTP_COMMAND_COUNT] = {
	[SMTP_CONNECT] = TIMEOUT(banner),    [SMTP_EHLO] = TIMEOUT(ehlo),
	[SMTP_HELO] = TIMEOUT(ehlo),	     [SMTP_LHLO] = TIMEOUT(ehlo),
	[SMTP_STARTTLS] = TIMEOUT(starttls), [SMTP_AUTH] = TIMEOUT(auth),
	[SMTP_MAIL] = TIMEOUT(mail),	     [SMTP_RCPT] = TIMEOUT(rcpt),
	[SMTP_DATA] = TIMEOUT(data),	     [SMTP_DOT] = TIMEOUT(dot),
	[SMTP_BDAT] = TIMEOUT(dot),	     [SMTP_RSET] = TIMEOUT(rset),
	[SMTP_NOOP] = TIMEOUT(rset),	     [SMTP_QUIT] = TIMEOUT(quit),
	[SMTP_UNASKED] = TIMEOUT(rset),
};

static const char *const fault_names[SMTP_FAULT_COUNT] = {
	[SMTP_FAULT_NONE] = "none",
	[SMTP_FAULT_NOT_SMTP] = "not SMTP",
	[SMTP_FAULT_TLS_ON_PLAIN] = "TLS on a plain port",
	[SMTP_FAULT_BAD_REPLY] = "malformed reply",
	[SMTP_FAULT_REPLY_TOO_LONG] = "reply too long",
	[SMTP_FAULT_UNASKED] = "unasked reply",
	[SMTP_FAULT_INJECTION] = "clear text behind STARTTLS",
	[SMTP_FAULT_REFUSED_GREETING] = "refused at connect",
	[SMTP_FAULT_REFUSED_EHLO] = "EHLO refused",
	[SMTP_FAULT_NO_STARTTLS] = "STARTTLS not offered",
	[SMTP_FAULT_REFUSED_STARTTLS] = "STARTTLS refused",
	[SMTP_FAULT_NO_AUTH] = "no usable AUTH mechanism",
	[SMTP_FAULT_REFUSED_AUTH] = "AUTH refused",
	[SMTP_FAULT_BAD_CHALLENGE] = "bad AUTH challenge",
	[SMTP_FAULT_TIMED_OUT] = "timed out",
	[SMTP_FAULT_CLOSING] = "server closing (421)",
	[SMTP_FAULT_NO_MEMORY] = "out of memory",
};

const char *smtp_command_name(enum smtp_command command)
{
	return (unsigned)command < SMTP_COMMAND_COUNT ? command_names[command] : "other";
}

const char *smtp_fault_name(enum smtp_fault fault)
{
	return (unsigned)fault < SMTP_FAULT_COUNT ? fault_names[fault] : "other";
}

void smtp_timeouts_rfc5321(struct smtp_timeouts *ret_timeouts)
{
	const int64_t minute_ns = 60 * NS_PER_SEC;

	/* s4.5.3.2 names banner, MAIL, RCPT, DATA, block and dot; the others follow MAIL. */
	*ret_timeouts = (struct smtp_timeouts){
		.banner_ns = 5 * minute_ns,
		.ehlo_ns = 5 * minute_ns,
		.starttls_ns = 5 * minute_ns,
		.auth_ns = 5 * minute_ns,
		.mail_ns = 5 * minute_ns,
		.rcpt_ns = 5 * minute_ns,
		.data_ns = 2 * minute_ns,
		.body_ns = 3 * minute_ns,
		.dot_ns = 10 * minute_ns,
		.rset_ns = 5 * minute_ns,
		.quit_ns = 5 * minute_ns,
	};
}
