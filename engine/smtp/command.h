/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h - one SMTP command line, as a server reads it
 *
 * RFC 5321 s4.1 with the parameters of RFC 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 3461 (RET,
 * ENVID, NOTIFY, ORCPT), 3030 (BDAT) and 4954 (AUTH). Pure: a line in, a value out; what it
 * points to lies in the line. Whether the command is allowed now is the server's to say.
 */
#ifndef VOLLEY_SMTP_COMMAND_H
#define VOLLEY_SMTP_COMMAND_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

/* What a reply of the server answers: commands, and two things that are none. */
enum smtp_verb {
	SMTP_VERB_CONNECT, /* the connection itself: the greeting answers it */
	SMTP_VERB_HELO,
	SMTP_VERB_EHLO,
	SMTP_VERB_LHLO,
	SMTP_VERB_STARTTLS,
	SMTP_VERB_AUTH,
	SMTP_VERB_MAIL,
	SMTP_VERB_RCPT,
	SMTP_VERB_DATA,
	SMTP_VERB_BDAT, /* a chunk that is not the last */
	SMTP_VERB_DOT,	/* end of the message: the dot, or BDAT LAST */
	SMTP_VERB_RSET,
	SMTP_VERB_NOOP,
	SMTP_VERB_VRFY,
	SMTP_VERB_EXPN,
	SMTP_VERB_HELP,
	SMTP_VERB_QUIT,
	SMTP_VERB_UNKNOWN,
};
#define SMTP_VERB_COUNT (SMTP_VERB_UNKNOWN + 1)

/* "connect", "ehlo", "dot" ...: the names the client's reply table uses too. */
const char *smtp_verb_name(enum smtp_verb verb);

/* What is wrong with a command; each has its default reply. */
enum smtp_request_fault {
	SMTP_REQUEST_FINE,
	SMTP_REQUEST_TOO_LONG,	      /* 500: the line is over its limit */
	SMTP_REQUEST_BARE_LF,	      /* 500: LF without CR, where that is refused */
	SMTP_REQUEST_UNKNOWN,	      /* 500: no such command */
	SMTP_REQUEST_NOT_SMTP,	      /* 421: the peer speaks HTTP; the session ends */
	SMTP_REQUEST_TLS_ON_PLAIN,    /* 421: a ClientHello on a port in clear; the session ends */
	SMTP_REQUEST_NOT_IMPLEMENTED, /* 502: known, not offered here */
	SMTP_REQUEST_ARGUMENT,	      /* 501: an argument is missing, or there is one too many */
	SMTP_REQUEST_BAD_FROM,	      /* 501: no good reverse-path */
	SMTP_REQUEST_BAD_TO,	      /* 501: no good forward-path */
	SMTP_REQUEST_NEEDS_UTF8,      /* 553: octets above 127 in an address, without SMTPUTF8 */
	SMTP_REQUEST_PARAMETER,	      /* 501: the value of a parameter is wrong, or given twice */
	SMTP_REQUEST_NO_PARAMETER,    /* 555: a parameter that is not known or not offered */
	SMTP_REQUEST_TOO_BIG,	      /* 552: SIZE=, or the message, is over the limit */
	SMTP_REQUEST_NO_HELLO,	      /* 503: EHLO first */
	SMTP_REQUEST_NO_MAIL,	      /* 503: MAIL first */
	SMTP_REQUEST_NO_RCPT,	      /* 503: RCPT first (554 when all were refused) */
	SMTP_REQUEST_NO_VALID_RCPT,   /* 554 */
	SMTP_REQUEST_NESTED,	      /* 503: MAIL, AUTH or STARTTLS within a transaction */
	SMTP_REQUEST_TWICE,	      /* 503: AUTH after AUTH, STARTTLS after STARTTLS */
	SMTP_REQUEST_MIXED,	      /* 503: DATA after BDAT, or for BODY=BINARYMIME */
	SMTP_REQUEST_NEEDS_TLS,	      /* 530 (RFC 3207 s4) */
	SMTP_REQUEST_NEEDS_AUTH,      /* 530 (RFC 4954 s6) */
	SMTP_REQUEST_MECHANISM,	      /* 504: no such mechanism */
	SMTP_REQUEST_CLEAR_AUTH,      /* 538: the mechanism needs encryption */
	SMTP_REQUEST_AUTH_FAILED,     /* 535 */
	SMTP_REQUEST_AUTH_CANCELLED,  /* 501: the client sent "*" */
	SMTP_REQUEST_BASE64,	      /* 501: not base64 */
	SMTP_REQUEST_TOO_MANY_RCPT,   /* 452 */
	SMTP_REQUEST_TOO_MANY_MAIL,   /* 421; the session ends */
	SMTP_REQUEST_INJECTION,	      /* 554: bytes in clear behind STARTTLS; the session ends */
	SMTP_REQUEST_BARE_LINE_END,   /* 554: bare CR or LF in the message, where that is refused */
	SMTP_REQUEST_NO_MEMORY,	      /* 451 */
};
#define SMTP_REQUEST_FAULT_COUNT (SMTP_REQUEST_NO_MEMORY + 1)

enum smtp_body { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

/* How strict the server is with what RFC 5321 forbids and clients do nevertheless. */
enum smtp_strictness {
	/*
	 * LF ends a command; in the message nothing but CRLF is a line end. Names without a domain
	 * are taken.
	 */
	SMTP_NORMAL,
	/*
	 * LF ends a line of a command and of the message, so that LF.LF ends the data: how servers
	 * behave that can be smuggled into. Paths without <> are taken.
	 */
	SMTP_LENIENT,
	/* As the standard says: LF ends nothing, a bare CR or LF in a message has it refused. */
	SMTP_STRICT,
};

/* All spans point into the line. */
struct smtp_request {
	enum smtp_verb verb;
	enum smtp_request_fault fault;
	struct span argument; /* all behind the verb, outer blanks cut off */
	struct span path; /* MAIL, RCPT: the mailbox without <> and source route; may be empty */
	uint64_t size;	  /* MAIL SIZE=, BDAT's chunk size; 0: not given */
	enum smtp_body body;
	bool is_utf8;	       /* MAIL SMTPUTF8 */
	bool is_last;	       /* BDAT LAST */
	struct span ret;       /* "FULL", "HDRS" */
	struct span envid;     /* xtext, as it stands */
	struct span notify;    /* "NEVER" or a list, as it stands */
	struct span orcpt;     /* "rfc822;xtext", as it stands */
	struct span mechanism; /* AUTH */
	struct span initial;   /* AUTH: the initial response in base64; "=" for an empty one */
};

/*
 * Reads a line without its line end. extensions, of enum smtp_extension, are those on offer: a
 * parameter of another one is SMTP_REQUEST_NO_PARAMETER. A fault leaves the verb set, so that
 * it is known what was refused.
 */
void smtp_request_read(struct span line, uint32_t extensions, enum smtp_strictness strictness,
		       struct smtp_request *ret_request);

#endif
