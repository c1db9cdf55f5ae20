/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compose.h - the three kinds of message made into texts: sized, stored, template
 *
 * Decides which header fields a message gets: Message-ID and X-Volley-ID always ours, the fields
 * of --add-header and --subject in place of what was there, Date and From added where missing.
 */
#ifndef VOLLEY_MAIL_COMPOSE_H
#define VOLLEY_MAIL_COMPOSE_H
#include "base/err.h"
#include "base/span.h"
#include "mail/message.h"
#include "mail/text.h"

/* Checks subject and headers once, before messages are made of them. */
__attribute__((warn_unused_result)) int compose_check(const struct mail_params *params,
						      struct err *e);

/* The header of a sized message, with its empty line; the filler follows it. */
__attribute__((warn_unused_result)) int compose_sized(const struct mail_params *params,
						      struct err *e, struct text *ret_text);

/*
 * A message read from a file, with any line ends. A line that is no header field ends the header,
 * as it does for a mail server. has_fields: it is a template. name is for errors.
 */
__attribute__((warn_unused_result)) int compose_stored(const struct mail_params *params,
						       struct span raw, bool has_fields,
						       const char *name, struct err *e,
						       struct text *ret_text);

#endif
