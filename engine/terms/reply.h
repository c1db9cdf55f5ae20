/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply.h - an SMTP reply and its status code
 *
 * RFC 5321 s4.2 (code), RFC 3463 and RFC 2034 (enhanced status code). A value without ownership.
 */
#ifndef VOLLEY_TERMS_REPLY_H
#define VOLLEY_TERMS_REPLY_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

/* class.subject.detail; class 0: the reply carried none. */
struct enhanced_code {
	uint8_t class;	  /* 2, 4, 5 */
	uint16_t subject; /* 0..999 */
	uint16_t detail;  /* 0..999 */
};

struct reply {
	uint16_t code; /* 200..599 */
	struct enhanced_code enhanced;
	/*
	 * The text after code and separator; lines of a multi-line reply are joined by '\n'. The
	 * enhanced code is part of the text. Borrowed: its source says for how long.
	 */
	struct span text;
};

#define ENHANCED_TEXT_MAX 12 /* "5.999.999" */

/*
 * Reads "4.7.28" at the start of text, followed by white space or the end (RFC 2034 s4). False
 * when there is none or its class does not agree with the code's first digit.
 */
bool enhanced_parse(struct span text, uint16_t code, struct enhanced_code *ret_enhanced);

/* "4.7.28", or "" for none; out must hold ENHANCED_TEXT_MAX. */
const char *enhanced_text(struct enhanced_code enhanced, char *out);

#endif
