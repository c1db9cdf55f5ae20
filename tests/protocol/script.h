/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * script.h - dialogues between the SMTP client and a scripted server, as files
 *
 * A file is a list of steps, one a line:
 *
 *   # words                 what the file shows, with the RFC's section
 *   option NAME [VALUE]     how the client is set up; before the first step
 *   S: text                 the server sends text and CRLF
 *   S= text                 the server sends text, nothing added
 *   S* N text               the server sends text N times
 *   S# FROM TO text         ... and CRLF for each number, which stands for % in text
 *   C: text                 the client sends exactly text and CRLF
 *   C= text                 the client sends exactly text
 *   C* N text               the client sends text N times
 *   C# FROM TO text         ... and CRLF for each number
 *   writes N                ... in exactly N outputs
 *   ! event                 the client reports exactly this (see events.h)
 *   !# FROM TO event        ... for each number
 *   give KEY=VALUE ...      a message is given
 *   quit reset noop secured actions of the owner's
 *   unsent, sent            what goes out next is reported as sent only at "sent"
 *   wait SECONDS            time passes
 *   late SECONDS            the deadline is in exactly so many seconds; it passes
 *   never                   there is no deadline
 *   broken                  the connection ends; the outcome is an event
 *   caps TEXT               what the server announced, as events.h writes it
 *
 * In texts \r \n \t \0 \\ \" and \xHH stand for octets. Empty lines separate.
 */
#ifndef VOLLEY_TESTS_PROTOCOL_SCRIPT_H
#define VOLLEY_TESTS_PROTOCOL_SCRIPT_H
#include <stdbool.h>
#include <stddef.h>
#include "smtp/client.h"

enum step_kind {
	STEP_SERVER, /* S: S= S* lines in a row: one stream */
	STEP_CLIENT, /* C: C= C* lines in a row */
	STEP_WRITES,
	STEP_EVENT,
	STEP_GIVE,
	STEP_QUIT,
	STEP_RESET,
	STEP_NOOP,
	STEP_SECURED,
	STEP_UNSENT,
	STEP_SENT,
	STEP_WAIT,
	STEP_LATE,
	STEP_NEVER,
	STEP_BROKEN,
	STEP_CAPS,
};

struct step {
	enum step_kind kind;
	int line;
	char *text; /* octets of SERVER and CLIENT, else the rest of the line; owned */
	size_t len;
	long number; /* WRITES, WAIT, LATE */
};

struct script {
	struct smtp_client_params params;
	struct sasl_params auth;
	int segments_max; /* of an output */
	struct step *steps;
	size_t step_count;
	size_t server_size; /* octets that the server sends in all */
	char **texts;	    /* values that params points to; owned */
	size_t text_count;
};

/* Prints what is wrong with the file and returns false. */
bool script_read(struct script *s, const char *path);
void script_free(struct script *s);

/* Replaces \r, \xHH and so on in place; returns the length. False when an escape is malformed. */
bool script_unescape(char *text, size_t *ret_len);

/* Takes the next word of *text, which may hold "quoted parts"; NULL at the end. Cuts in place. */
char *script_word(char **text);

#endif
