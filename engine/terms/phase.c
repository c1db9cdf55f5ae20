/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phase.c - the words for the phases of a mail session
 *
 * They are keys of the JSON result that tools outside the project read: a new phase gets a new
 * word, an old one keeps its own.
 */
#include "terms/phase.h"
#include "terms/words.h"

static const char *const phase_names[PHASE_COUNT] = {
	[PHASE_DNS] = "dns",	     [PHASE_CONNECT] = "connect", [PHASE_BANNER] = "banner",
	[PHASE_EHLO] = "ehlo",	     [PHASE_TLS] = "tls",	  [PHASE_AUTH] = "auth",
	[PHASE_MAIL] = "mail",	     [PHASE_RCPT] = "rcpt",	  [PHASE_DATA] = "data",
	[PHASE_BODY] = "body",	     [PHASE_HOLD] = "hold",	  [PHASE_ACCEPT] = "accept",
	[PHASE_QUIT] = "quit",	     [PHASE_SESSION] = "session", [PHASE_RESPONSE] = "response",
	[PHASE_SERVICE] = "service",
};

const char *phase_name(enum phase phase)
{
	return (unsigned)phase < PHASE_COUNT ? phase_names[phase] : "other";
}

bool phase_from_name(struct span name, enum phase *ret_phase)
{
	unsigned value;

	if (!words_find(WORDS(phase_names), name, &value))
		return false;
	*ret_phase = (enum phase)value;
	return true;
}
