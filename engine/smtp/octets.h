/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * octets.h - the first control character in a text, found eight octets at a time
 *
 * Every reply and every address goes through it; most are twenty to sixty octets, for which a
 * call to memchr() and the compiler's vector loops spend their time on the ends.
 */
#ifndef VOLLEY_SMTP_OCTETS_H
#define VOLLEY_SMTP_OCTETS_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/span.h"

#define OCTETS_WORD ((size_t)8)

static inline bool octet_is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static inline uint64_t octets_load(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/*
 * The high bit of each octet below 0x20 or equal to 0x7f, the first octet lowest. Exact for the
 * lowest bit that is set; a borrow may set bits above it.
 */
static inline uint64_t octets_suspect(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t del = word ^ (ones * 0x7f);

	return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & high;
}

/* The index of the first control character (C0, DEL) in text; text.len when there is none. */
static inline size_t octets_find_control(struct span text)
{
	uint64_t suspect;
	size_t i = 0;

	for (; i + OCTETS_WORD <= text.len; i += OCTETS_WORD) {
		suspect = octets_suspect(octets_load(text.data + i));
		if (suspect != 0)
			return i + (size_t)__builtin_ctzll(suspect) / 8;
	}
	if (text.len >= OCTETS_WORD && i < text.len) {
		/* The last eight octets, those seen before shifted out; zeros come in behind. */
		suspect = octets_suspect(octets_load(text.data + text.len - OCTETS_WORD) >>
					 8 * (i + OCTETS_WORD - text.len));
		i += suspect != 0 ? (size_t)__builtin_ctzll(suspect) / 8 : OCTETS_WORD;
		return i < text.len ? i : text.len;
	}
	while (i < text.len && !octet_is_control((unsigned char)text.data[i]))
		i++;
	return i;
}

#endif
