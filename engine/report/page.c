/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.c - the sheet that a text report is written on
 */
#include "report/page.h"
#include <stdlib.h>
#include "base/escape.h"

#define PAGE_LIMIT    ((size_t)64 << 20)
#define WIDTH_DEFAULT 100
#define WIDTH_MIN     80
#define ELLIPSIS      "..."

void page_init(struct page *p, const struct report_style *style)
{
	*p = (struct page){.use_color = style->use_color, .width = style->width};
	if (p->width <= 0)
		p->width = WIDTH_DEFAULT;
	if (p->width < WIDTH_MIN)
		p->width = WIDTH_MIN;
	buf_init(&p->out, PAGE_LIMIT);
}

void page_fini(struct page *p)
{
	buf_fini(&p->out);
}

void page_printf(struct page *p, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		p->is_out_of_memory = true;
		return;
	}
	p->is_out_of_memory |= !buf_append(&p->out, text, (size_t)len);
	free(text);
}

void page_ink(struct page *p, enum page_ink ink)
{
	static const char *const sequences[] = {
		[INK_PLAIN] = "0", [INK_BOLD] = "1",  [INK_FAINT] = "2",
		[INK_GOOD] = "32", [INK_WARN] = "33", [INK_BAD] = "31",
	};

	if (p->use_color && ink != INK_PLAIN)
		page_printf(p, "\x1b[%sm", sequences[ink]);
}

void page_plain(struct page *p)
{
	if (p->use_color)
		page_printf(p, "\x1b[0m");
}

void page_title(struct page *p, const char *title, int columns)
{
	page_printf(p, "\n");
	page_ink(p, INK_BOLD);
	page_printf(p, "%-*s", columns, title);
	page_plain(p);
}

/* Octets of the character at text; the text is valid UTF-8 once it was escaped. */
static size_t character_len(const char *text)
{
	size_t len = 1;

	while (((unsigned char)text[len] & 0xC0) == 0x80)
		len++;
	return len;
}

/* Octets of text that fill at most so many columns; *ret_columns: how many they do fill. */
static size_t cut(const char *text, int columns, int *ret_columns)
{
	size_t len = 0;
	int used = 0;

	for (; used < columns && text[len]; used++)
		len += character_len(text + len);
	*ret_columns = used;
	return len;
}

/* Escaped text on one line, owned; NULL when memory is exhausted. */
static char *one_line(struct page *p, const char *text)
{
	size_t size = 4 * strlen(text) + 1, len = 0;
	char *line = malloc(size);

	if (!line) {
		p->is_out_of_memory = true;
		return NULL;
	}
	line[0] = '\0';
	while (*text) {
		size_t part = strcspn(text, "\n");

		len += escape_text((struct span){text, part}, ESCAPE_CONTROLS, line + len,
				   size - len);
		text += part;
		if (*text != '\n')
			break;
		text++;
		if (*text && len + sizeof(" / ") <= size) {
			memcpy(line + len, " / ", sizeof(" / "));
			len += sizeof(" / ") - 1;
		}
	}
	return line;
}

int page_foreign(struct page *p, const char *text, int columns)
{
	char *line = one_line(p, text);
	const char *end = "";
	int used;
	size_t len;

	if (!line)
		return 0;
	len = cut(line, columns, &used);
	if (line[len] != '\0' && columns > (int)strlen(ELLIPSIS)) {
		len = cut(line, columns - (int)strlen(ELLIPSIS), &used);
		end = ELLIPSIS;
	}
	page_printf(p, "%.*s%s", (int)len, line, end);
	free(line);
	return used + (int)strlen(end);
}

void page_cell(struct page *p, const char *text, int columns)
{
	page_printf(p, "%*s", columns - page_foreign(p, text, columns), "");
}

void page_wrapped(struct page *p, const char *text, int indent)
{
	char *line = one_line(p, text), *rest = line;

	while (rest) {
		int columns;
		size_t len = cut(rest, p->width - indent, &columns), whole = len;

		if (rest[len] == '\0') {
			page_printf(p, "%s\n", rest);
			break;
		}
		while (whole > 0 && rest[whole] != ' ')
			whole--;
		if (whole > 0)
			len = whole;
		page_printf(p, "%.*s\n%*s", (int)len, rest, indent, "");
		rest += len;
		rest += strspn(rest, " ");
	}
	free(line);
}
