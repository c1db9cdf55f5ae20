/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text.c - the report of a run for people to read: the order of its sections
 *
 * What decides stands first: the verdict, then the figures that it rests on, then what the
 * servers said, and last what is needed to repeat the run.
 */
#include "report/text.h"
#include <errno.h>
#include <string.h>
#include "report/page.h"
#include "report/sections.h"

/* Cells at the end of a line leave spaces behind. */
static void trim_lines(struct buf *b)
{
	size_t len = 0;

	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] == '\n')
			while (len > 0 && b->data[len - 1] == ' ')
				len--;
		b->data[len++] = b->data[i];
	}
	b->len = len;
}

int report_text(const struct run_document *d, FILE *out, const struct report_style *style,
		struct err *e)
{
	struct page p;
	int status = 0;

	page_init(&p, style);
	section_head(&p, d);
	section_thresholds(&p, d);
	section_messages(&p, d);
	section_latency(&p, d);
	section_pace(&p, d);
	section_replies(&p, d);
	section_errors(&p, d);
	section_course(&p, d);
	section_tls(&p, d);
	section_limits(&p, d);
	section_facts(&p, d);
	trim_lines(&p.out);
	if (p.is_out_of_memory)
		status = err_set(e, EXIT_FAILED, ENOMEM, "no memory for the report");
	else if (fwrite(p.out.data, 1, p.out.len, out) != p.out.len || fflush(out) == EOF)
		status = err_set(e, EXIT_FAILED, errno, "cannot write the report: %s",
				 strerror(errno));
	page_fini(&p);
	return status;
}
