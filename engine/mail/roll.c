/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * roll.c - where the addresses of a run come from
 *
 * A file is kept as the text that was read, its lines moved together, and an offset for each
 * address: eight octets beside the address itself.
 */
#include "mail/roll.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/units.h"
#include "mail/digits.h"
#include "mail/file.h"
#include "terms/address.h"

#define OFFSET_UTF8 (UINT64_C(1) << 63)
#define WIDTH_MAX   12
#define NUMBER_MAX  UINT64_C(999999999999)
#define PATTERN_MAX 512

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct roll_part *add_part(struct roll *r)
{
	return r->part_count < ROLL_PARTS_MAX ? &r->parts[r->part_count++] : NULL;
}

/* "{1-1000}", behind the percent sign. */
static bool parse_range(struct span *rest, struct roll_part *part)
{
	const char *close = memchr(rest->data, '}', rest->len), *dash;
	struct span low, high;
	uint64_t last;

	if (!close)
		return false;
	low = (struct span){rest->data + 1, (size_t)(close - rest->data) - 1};
	dash = memchr(low.data, '-', low.len);
	if (!dash)
		return false;
	high = span_skip(low, (size_t)(dash - low.data) + 1);
	low.len = (size_t)(dash - low.data);
	if (low.len == 0 || !is_digit(low.data[0]) || !units_parse_count(low, &part->first) ||
	    !units_parse_count(high, &last) || last < part->first || last > NUMBER_MAX)
		return false;
	/* "%{001-100}" keeps its zeros. */
	if (low.data[0] == '0' && low.len > 1 && low.len <= WIDTH_MAX)
		part->width = (uint8_t)low.len;
	part->population = last - part->first + 1;
	*rest = span_skip(*rest, (size_t)(close - rest->data) + 1);
	return true;
}

/* "d", "6d" or "06d", behind the percent sign. */
static bool parse_counter(struct span *rest, struct roll_part *part)
{
	unsigned width = 0;

	while (rest->len > 0 && is_digit(rest->data[0]) && width <= WIDTH_MAX) {
		width = width * 10 + (unsigned)(rest->data[0] - '0');
		*rest = span_skip(*rest, 1);
	}
	if (rest->len == 0 || rest->data[0] != 'd' || width > WIDTH_MAX)
		return false;
	*rest = span_skip(*rest, 1);
	part->width = (uint8_t)width;
	part->first = 1;
	return true;
}

/* Splits the pattern into parts; the literals point into it. */
static int parse_parts(struct span pattern, const struct roll_format *f, struct err *e,
		       struct roll *r)
{
	struct span rest = pattern;

	while (rest.len > 0) {
		const char *percent = memchr(rest.data, '%', rest.len);
		size_t len = percent ? (size_t)(percent - rest.data) : rest.len;
		struct roll_part *part = add_part(r);

		if (!part)
			return err_set(e, EXIT_USAGE, 0, "%s: more than %d numbers in \"%.*s\"",
				       f->option, ROLL_PARTS_MAX - 1, (int)pattern.len,
				       pattern.data);
		part->literal = (struct span){rest.data, len};
		rest = span_skip(rest, len);
		if (!percent)
			break;
		rest = span_skip(rest, 1);
		if (rest.len > 0 && rest.data[0] == '%') {
			part->literal.len++;
			rest = span_skip(rest, 1);
			continue;
		}
		if (!(rest.len > 0 && rest.data[0] == '{' ? parse_range(&rest, part)
							  : parse_counter(&rest, part)))
			return err_set(
				e, EXIT_USAGE, 0,
				"%s: \"%.*s\" has a percent sign that is none of %%d, %%06d, "
				"%%{1-1000} and %%%% (a percent sign)",
				f->option, (int)pattern.len, pattern.data);
		part->has_number = true;
		r->has_number = true;
	}
	return 0;
}

/* Puts a counter before the last '@'; the parts have no number yet. */
static int append_number(struct roll *r, const struct roll_format *f, struct err *e)
{
	int at = r->part_count - 1;
	const char *sign = NULL;
	struct span literal;

	while (at >= 0 &&
	       !(sign = memrchr(r->parts[at].literal.data, '@', r->parts[at].literal.len)))
		at--;
	if (!sign)
		return 0; /* no address at all: the check that follows says so */
	if (!add_part(r))
		return err_set(e, EXIT_USAGE, 0, "%s: more than %d percent signs", f->option,
			       ROLL_PARTS_MAX - 2);
	memmove(&r->parts[at + 1], &r->parts[at],
		(size_t)(r->part_count - 1 - at) * sizeof(r->parts[0]));
	literal = r->parts[at].literal;
	r->parts[at] = (struct roll_part){
		.literal = {literal.data, (size_t)(sign - literal.data)},
		.has_number = true,
		.first = 1,
	};
	r->parts[at + 1].literal = span_skip(literal, r->parts[at].literal.len);
	r->has_number = true;
	return 0;
}

static struct span pattern_pick(const struct roll *r, uint64_t idx, char **cursor)
{
	char *begin = *cursor, *out = begin;

	for (int i = 0; i < r->part_count; i++) {
		const struct roll_part *part = &r->parts[i];
		uint64_t number = part->population ? idx % part->population : idx;

		memcpy(out, part->literal.data, part->literal.len);
		out += part->literal.len;
		if (part->has_number)
			out = digits_decimal(part->first + number, part->width, out);
	}
	*cursor = out;
	return (struct span){begin, (size_t)(out - begin)};
}

/* What the numbers allow, and that an address comes out whatever they are. */
static int check_pattern(const char *pattern, const struct roll_format *f, struct err *e,
			 struct roll *r)
{
	uint64_t range_max = 0;
	bool is_endless = false;

	for (int i = 0; i < r->part_count; i++) {
		const struct roll_part *part = &r->parts[i];

		r->len_max += part->literal.len + (part->has_number ? DIGITS_U64_MAX : 0);
		if (part->has_number && part->population == 0)
			is_endless = true;
		if (part->population > range_max)
			range_max = part->population;
	}
	r->population = is_endless ? 0 : range_max > 0 ? range_max : 1;
	for (int i = 0; i < 2; i++) {
		char text[PATTERN_MAX + ROLL_PARTS_MAX * DIGITS_U64_MAX], *cursor = text;
		struct span address = pattern_pick(r, i ? NUMBER_MAX - 1 : 0, &cursor);
		enum address_fault fault = address_check(address);

		if (fault != ADDRESS_FINE)
			return err_set(e, EXIT_USAGE, 0, "%s: \"%s\"%s%.*s%s %s", f->option,
				       pattern, i ? " with a large number in it (" : "",
				       i ? (int)address.len : 0, address.data, i ? ")" : "",
				       address_fault_text(fault));
		r->is_utf8 = r->may_be_utf8 = address_needs_utf8(address);
		if (!r->has_number)
			break;
	}
	return 0;
}

int roll_from_pattern(const char *pattern, const struct roll_format *format, struct err *e,
		      struct roll *ret_roll)
{
	struct roll r = {.population = 1};
	struct span text;

	if (format->allow_null && (!strcmp(pattern, "") || !strcmp(pattern, "<>"))) {
		*ret_roll = r;
		return 0;
	}
	if (strlen(pattern) > PATTERN_MAX)
		return err_set(e, EXIT_USAGE, 0, "%s: an address of more than %d octets",
			       format->option, PATTERN_MAX);
	r.storage = strdup(pattern);
	if (!r.storage)
		return err_set(e, EXIT_FAILED, ENOMEM, "%s: no memory", format->option);
	text = span_of(r.storage);
	if (text.len >= 2 && text.data[0] == '<' && text.data[text.len - 1] == '>')
		text = (struct span){text.data + 1, text.len - 2};
	if (parse_parts(text, format, e, &r) < 0 ||
	    (format->append_number && !r.has_number && append_number(&r, format, e) < 0) ||
	    check_pattern(pattern, format, e, &r) < 0) {
		roll_fini(&r);
		return -1;
	}
	*ret_roll = r;
	return 0;
}

/* Checks one line of a file; false when it holds no address. */
static int read_line(struct span line, const struct roll_format *f, struct err *e,
		     struct span *ret_address, bool *ret_is_address)
{
	struct span address = file_trim(line);
	enum address_fault fault;

	*ret_is_address = address.len > 0 && address.data[0] != '#';
	if (!*ret_is_address)
		return 0;
	if (address.len >= 2 && address.data[0] == '<' && address.data[address.len - 1] == '>')
		address = (struct span){address.data + 1, address.len - 2};
	*ret_address = address;
	if (address.len == 0 && f->allow_null)
		return 0;
	fault = address_check(address);
	if (fault == ADDRESS_FINE)
		return 0;
	return err_set(
		e, EXIT_USAGE, 0, "\"%.*s\" %s; write one address a line, # before a comment",
		address.len > 80 ? 80 : (int)address.len, address.data, address_fault_text(fault));
}

static int add_offset(struct roll *r, uint64_t offset)
{
	if ((r->population & (r->population - 1)) == 0) {
		size_t cap = r->population ? (size_t)r->population * 2 : 1;
		uint64_t *offsets = realloc(r->offsets, (cap + 1) * sizeof(*offsets));

		if (!offsets)
			return -1;
		r->offsets = offsets;
	}
	r->offsets[r->population++] = offset;
	return 0;
}

int roll_from_file(const char *path, const struct roll_format *format, struct err *e,
		   struct roll *ret_roll)
{
	struct roll r = {0};
	struct span rest, line, address;
	size_t file_len, len = 0, number = 0;
	bool is_address;

	if (file_read(path, format->file_option, ROLL_FILE_MAX, e, &r.storage, &file_len) < 0)
		return -1;
	rest = (struct span){r.storage, file_len};
	while (file_next_line(&rest, &line)) {
		bool is_utf8;

		number++;
		if (read_line(line, format, e, &address, &is_address) < 0) {
			err_prefix(e, "%s:%zu", path, number);
			goto fail;
		}
		if (!is_address)
			continue;
		is_utf8 = address_needs_utf8(address);
		if (add_offset(&r, len | (is_utf8 ? OFFSET_UTF8 : 0)) < 0) {
			err_set(e, EXIT_FAILED, ENOMEM, "%s: no memory for the addresses of %s",
				format->file_option, path);
			goto fail;
		}
		r.may_be_utf8 |= is_utf8;
		memmove(r.storage + len, address.data, address.len);
		len += address.len;
		if (address.len > r.len_max)
			r.len_max = address.len;
	}
	if (r.population == 0) {
		err_set(e, EXIT_USAGE, 0, "%s: %s holds no address; write one a line",
			format->file_option, path);
		goto fail;
	}
	r.offsets[r.population] = len;
	*ret_roll = r;
	return 0;
fail:
	roll_fini(&r);
	return -1;
}

void roll_fini(struct roll *r)
{
	free(r->offsets);
	free(r->storage);
	*r = (struct roll){0};
}

struct span roll_pick(const struct roll *r, uint64_t idx, char **cursor, bool *ret_is_utf8)
{
	uint64_t begin, end;

	if (!r->offsets) {
		*ret_is_utf8 = r->is_utf8;
		return pattern_pick(r, idx, cursor);
	}
	idx %= r->population;
	begin = r->offsets[idx];
	end = r->offsets[idx + 1];
	*ret_is_utf8 = begin & OFFSET_UTF8;
	begin &= ~OFFSET_UTF8;
	end &= ~OFFSET_UTF8;
	return (struct span){r->storage + begin, (size_t)(end - begin)};
}
