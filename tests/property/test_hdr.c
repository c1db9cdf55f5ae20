/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_hdr.c - the histogram against a sorted array, and its encoding against a second decoder
 *
 * How it works: 1. values are drawn from several distributions, up to beyond the highest; 2. the
 * same values go into a histogram (or several, merged) and into an array, which is sorted; 3. each
 * percentile of the one has to be within three digits of the other's, and everything that is said
 * to be exact has to be; 4. the histogram is encoded, decoded by the decoder below, which shares
 * no code with the encoder, and compared count by count.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>
#include "base/rng.h"
#include "stats/hdr.h"
#include "stats/hlog.h"
#include "property.h"

#define VALUES	20000
#define WORKERS 3

static int compare_values(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

static int64_t draw_us(struct rng *r, int kind)
{
	switch (kind) {
	case 0:
		return (int64_t)rng_below(r, 3000);
	case 1:
		return (int64_t)rng_exponential(r, 20000);
	case 2: /* log-uniform, with some beyond the highest */
		return (int64_t)exp2(rng_unit(r) * 33);
	case 3: /* two humps far apart */
		return (int64_t)fabs(rng_normal(r, rng_below(r, 100) ? 800 : 5e6, 90));
	default:
		return 123456;
	}
}

/* The exact rank in integers: percentile in thousandths of a percent. */
static uint64_t exact_rank(uint64_t total, uint64_t percentile_milli)
{
	uint64_t rank = (total * percentile_milli + 99999) / 100000;

	return rank > 0 ? rank : 1;
}

static void check_percentiles(const struct hdr *h, const int64_t *sorted, size_t count)
{
	static const uint64_t milli[] = {1,	10,    1000,  5000,  10000, 25000, 50000, 75000,
					 90000, 95000, 99000, 99500, 99900, 99990, 99999, 100000};

	for (size_t i = 0; i < sizeof(milli) / sizeof(milli[0]); i++) {
		uint64_t rank = exact_rank(count, milli[i]);
		int64_t exact = sorted[rank - 1];
		int64_t got = hdr_percentile(h, (double)milli[i] / 1000);

		if (got < exact || got > exact + exact / 1000 || got > sorted[count - 1])
			fail_msg("p%g of %zu is %lld, not %lld", (double)milli[i] / 1000, count,
				 (long long)got, (long long)exact);
		assert_int_equal(hdr_samples_beyond(h, (double)milli[i] / 1000), count - rank);
	}
}

static void percentiles_are_those_of_the_array(void **state)
{
	static int64_t values[VALUES];
	const uint64_t *seed = *state;
	struct hdr *parts[WORKERS], *h = hdr_new();

	assert_non_null(h);
	for (int i = 0; i < WORKERS; i++) {
		parts[i] = hdr_new();
		assert_non_null(parts[i]);
	}
	for (int kind = 0; kind < 5; kind++) {
		struct rng r;
		size_t count;
		double sum = 0;
		uint64_t clipped = 0;

		rng_fork(&r, *seed, (uint64_t)kind);
		count = rng_below(&r, VALUES) + 1;
		for (size_t i = 0; i < count; i++) {
			int64_t us = draw_us(&r, kind);
			int64_t off_ns = (int64_t)rng_below(&r, 1000) - (us > 0 ? 500 : 0);

			/* off_ns stays within what rounds to us. */
			hdr_record_ns(parts[rng_below(&r, WORKERS)],
				      us * 1000 + (us > 0 ? off_ns : off_ns / 3));
			if (us > HDR_HIGHEST_US) {
				clipped++;
				us = HDR_HIGHEST_US;
			}
			values[i] = us;
			sum += (double)us;
		}
		for (int i = 0; i < WORKERS; i++) {
			hdr_merge(h, parts[i]);
			hdr_clear(parts[i]);
		}
		qsort(values, count, sizeof(values[0]), compare_values);
		assert_int_equal(h->total, count);
		assert_int_equal(h->clipped, clipped);
		assert_int_equal(h->min_us, values[0]);
		assert_int_equal(h->max_us, values[count - 1]);
		assert_true(fabs(hdr_mean(h) * (double)count - sum) <= sum * 1e-12);
		check_percentiles(h, values, count);
		hdr_clear(h);
		assert_int_equal(h->total, 0);
	}
	for (int i = 0; i < WORKERS; i++)
		hdr_free(parts[i]);
	hdr_free(h);
}

/* The decoder: base64, zlib, ZigZag LEB128 of up to 9 octets. */

static int base64_value(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

static size_t decode_base64(struct span text, unsigned char *out, size_t out_size)
{
	uint32_t bits = 0;
	int have = 0;
	size_t len = 0, data_len = text.len;

	assert_int_equal(text.len % 4, 0);
	while (data_len > 0 && text.len - data_len < 2 && text.data[data_len - 1] == '=')
		data_len--;
	for (size_t i = 0; i < data_len; i++) {
		int value = base64_value(text.data[i]);

		assert_true(value >= 0);
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			assert_true(len < out_size);
			out[len++] = (unsigned char)(bits >> have);
		}
	}
	return len;
}

static uint64_t big_endian(const unsigned char *data, int octets)
{
	uint64_t value = 0;

	for (int i = 0; i < octets; i++)
		value = value << 8 | data[i];
	return value;
}

/* One number at *pos; moves *pos on. */
static int64_t decode_number(const unsigned char *data, size_t len, size_t *pos)
{
	uint64_t value = 0;

	for (int octet = 0;; octet++) {
		unsigned char c;

		assert_true(*pos < len);
		c = data[(*pos)++];
		if (octet == 8) {
			value |= (uint64_t)c << 56;
			break;
		}
		value |= (uint64_t)(c & 0x7f) << (7 * octet);
		if (!(c & 0x80))
			break;
	}
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static void check_decodes(const struct hdr *h)
{
	static unsigned char packed[HLOG_BLOB_MAX], payload[HLOG_BLOB_MAX];
	uLongf payload_len = sizeof(payload);
	size_t packed_len, pos = 40;
	int index = 0, last = h->total > 0 ? hdr_index(h->max_us) : 0;
	struct buf text;

	buf_init(&text, HLOG_BLOB_MAX);
	assert_true(hlog_encode(h, &text));
	packed_len = decode_base64(buf_span(&text), packed, sizeof(packed));
	buf_fini(&text);
	assert_true(big_endian(packed, 4) == 0x1c849314);
	assert_int_equal(big_endian(packed + 4, 4), packed_len - 8);
	assert_int_equal(uncompress(payload, &payload_len, packed + 8, (uLong)packed_len - 8),
			 Z_OK);
	assert_true(big_endian(payload, 4) == 0x1c849313);
	assert_int_equal(big_endian(payload + 4, 4), payload_len - 40);
	assert_int_equal(big_endian(payload + 8, 4), 0);
	assert_int_equal(big_endian(payload + 12, 4), 3);
	assert_int_equal(big_endian(payload + 16, 8), 1);
	assert_int_equal(big_endian(payload + 24, 8), 3600000000);
	assert_true(big_endian(payload + 32, 8) == UINT64_C(0x3ff0000000000000));
	while (pos < payload_len) {
		int64_t number = decode_number(payload, payload_len, &pos);

		if (number < 0) {
			for (; number < 0; number++, index++) {
				assert_true(index < HDR_COUNTS);
				assert_true(h->counts[index] == 0);
			}
		} else {
			assert_true(index < HDR_COUNTS);
			assert_true(h->counts[index] == (uint64_t)number);
			index++;
		}
	}
	assert_int_equal(index, last + 1);
}

static void encoding_is_undone_by_another_decoder(void **state)
{
	const uint64_t *seed = *state;
	struct hdr *h = hdr_new();
	struct rng r;

	assert_non_null(h);
	rng_fork(&r, *seed, 100);
	check_decodes(h);
	/* Counts of 1 to 9 octets; runs of zeros of every length, 1 included. */
	for (int round = 0; round < 60; round++) {
		int gap_bits = (int)rng_below(&r, 14), count_bits = (int)rng_below(&r, 62) + 1;

		for (int index = (int)rng_below(&r, 3); index <= hdr_index(HDR_HIGHEST_US);
		     index += 1 + (int)rng_below(&r, UINT64_C(1) << gap_bits))
			hdr_add_value(h, hdr_lowest_at(index),
				      rng_below(&r, UINT64_C(1) << count_bits) + 1);
		check_decodes(h);
		hdr_clear(h);
	}
	for (int bits = 0; bits < 63; bits++) {
		hdr_add_value(h, (int64_t)rng_below(&r, 2000), UINT64_C(1) << bits);
		check_decodes(h);
		hdr_clear(h);
	}
	for (int kind = 0; kind < 5; kind++) {
		for (int i = 0; i < 1000; i++)
			hdr_add_value(h, draw_us(&r, kind), 1);
		check_decodes(h);
		hdr_clear(h);
	}
	hdr_free(h);
}

int main(void)
{
	uint64_t seed = property_seed();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(percentiles_are_those_of_the_array, &seed),
		cmocka_unit_test_prestate(encoding_is_undone_by_another_decoder, &seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
