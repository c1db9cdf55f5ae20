/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.h - the sheet that a text report is written on
 *
 * Collects the text in memory, knows width and colour, and is the one place through which peers'
 * text passes: it is escaped and cut here. A failed allocation is remembered and shows at the end.
 */
#ifndef VOLLEY_REPORT_PAGE_H
#define VOLLEY_REPORT_PAGE_H
#include <stdbool.h>
#include "base/buf.h"
#include "report/text.h"

enum page_ink { INK_PLAIN, INK_BOLD, INK_FAINT, INK_GOOD, INK_WARN, INK_BAD };

struct page {
	struct buf out;
	bool use_color, is_out_of_memory;
	int width;
};

void page_init(struct page *p, const struct report_style *style);
void page_fini(struct page *p);

__attribute__((format(printf, 2, 3))) void page_printf(struct page *p, const char *fmt, ...);

/* Text from here on in this ink, until page_plain(). */
void page_ink(struct page *p, enum page_ink ink);
void page_plain(struct page *p);

/* An empty line, then the heading of a section, without a line end. */
void page_title(struct page *p, const char *title, int columns);

/*
 * Foreign text on one line, escaped, line ends shown as " / ", cut with "..." to so many columns
 * (a character counts as one). Returns how many columns it took.
 */
int page_foreign(struct page *p, const char *text, int columns);

/* The same, filled up with spaces to exactly so many columns. */
void page_cell(struct page *p, const char *text, int columns);

/* Foreign text broken into lines of the page's width, each after the first indented. */
void page_wrapped(struct page *p, const char *text, int indent);

#endif
