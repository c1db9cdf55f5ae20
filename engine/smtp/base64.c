/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * base64.c - base64 of RFC 4648 s4
 *
 * Strict on input: RFC 4648 s3.5 lets a decoder refuse stray bits, and two spellings of one
 * challenge would be two ways to sign it. Arithmetic instead of tables indexed by the octet keeps
 * the time of a conversion independent of the secret in it.
 */
#include "smtp/base64.h"
#include <stdint.h>

static char encode_digit(unsigned value)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return digits[value & 63];
}

bool base64_encode(struct span raw, struct buf *out)
{
	const unsigned char *in = (const unsigned char *)raw.data;
	size_t left = raw.len;
	char *to;

	if (raw.len == 0)
		return true;
	if (!buf_reserve(out, base64_size(raw.len)))
		return false;
	to = out->data + out->len;
	for (; left >= 3; left -= 3, in += 3) {
		*to++ = encode_digit(in[0] >> 2);
		*to++ = encode_digit((unsigned)in[0] << 4 | in[1] >> 4);
		*to++ = encode_digit((unsigned)in[1] << 2 | in[2] >> 6);
		*to++ = encode_digit(in[2]);
	}
	if (left > 0) {
		unsigned second = left > 1 ? in[1] : 0;

		*to++ = encode_digit(in[0] >> 2);
		*to++ = encode_digit((unsigned)in[0] << 4 | second >> 4);
		*to++ = left > 1 ? encode_digit(second << 2) : '=';
		*to++ = '=';
	}
	out->len += base64_size(raw.len);
	return true;
}

/* The value of a digit, or 64 for what is none. */
static unsigned decode_digit(char digit)
{
	unsigned c = (unsigned char)digit;
	unsigned upper = c - 'A', lower = c - 'a', number = c - '0';

	if (upper < 26)
		return upper;
	if (lower < 26)
		return lower + 26;
	if (number < 10)
		return number + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* How many of the four last characters are padding; 3 when that is no legal end. */
static size_t padding_count(struct span text)
{
	const char *end = text.data + text.len;

	if (end[-1] != '=')
		return 0;
	if (end[-2] != '=')
		return decode_digit(end[-2]) & 3 ? 3 : 1;
	return decode_digit(end[-3]) & 15 ? 3 : 2;
}

bool base64_decode(struct span text, struct buf *out)
{
	size_t padding, size;
	uint32_t bits = 0;
	char *to;

	if (text.len == 0)
		return true;
	if (text.len % 4 != 0)
		return false;
	padding = padding_count(text);
	if (padding > 2)
		return false;
	for (size_t i = 0; i < text.len - padding; i++)
		if (decode_digit(text.data[i]) > 63)
			return false;
	size = text.len / 4 * 3 - padding;
	if (!buf_reserve(out, size))
		return false;
	to = out->data + out->len;
	for (size_t i = 0, done = 0; i < text.len; i++) {
		bits = bits << 6 | (text.data[i] == '=' ? 0 : decode_digit(text.data[i]));
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0 && done < size; shift -= 8)
			to[done++] = (char)(bits >> shift);
		bits = 0;
	}
	out->len += size;
	return true;
}
