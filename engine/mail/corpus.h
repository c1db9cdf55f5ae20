/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * corpus.h - messages read from files: one, a folder of them, or a template
 */
#ifndef VOLLEY_MAIL_CORPUS_H
#define VOLLEY_MAIL_CORPUS_H
#include <stddef.h>
#include "base/err.h"
#include "mail/message.h"
#include "mail/text.h"

/*
 * Reads params->eml_path, a file or a folder whose *.eml are taken in order of name. *ret_texts
 * is owned by the caller (text_fini() each, free()). -1 with *e naming the file.
 */
__attribute__((warn_unused_result)) int corpus_read(const struct mail_params *params, struct err *e,
						    struct text **ret_texts, size_t *ret_count);

/* Reads params->template_path. */
__attribute__((warn_unused_result)) int corpus_read_template(const struct mail_params *params,
							     struct err *e, struct text *ret_text);

#endif
