/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file.h - whole files, read while a plan is made
 */
#ifndef VOLLEY_MAIL_FILE_H
#define VOLLEY_MAIL_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/span.h"

/*
 * Reads a file, a pipe as well, into memory of its own (*ret_data: free()). -1 with *e set when
 * it cannot be read, is a folder, or holds more than limit octets. option is for the message.
 */
__attribute__((warn_unused_result)) int file_read(const char *path, const char *option,
						  uint64_t limit, struct err *e, char **ret_data,
						  size_t *ret_len);

/* Takes the next line off *rest, without its CRLF or LF. False at the end. */
bool file_next_line(struct span *rest, struct span *ret_line);

/* Without white space at both ends. */
struct span file_trim(struct span text);

#endif
