/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hlog.c - HdrHistogram's V2 encoding and its interval log
 *
 * Encoding: a header of 40 octets in network order, then the counts from 0 to the maximum's place,
 * a run of n empty places as -n, each number ZigZag and LEB128 with a ninth octet of eight bits;
 * that is compressed by zlib, gets a header of its own, and is written in base64.
 *
 * The log keeps what its readers stumble over: no comment line after the legend, short header
 * lines, seconds with three digits, an interval's length (not its end) in the second column. All
 * numbers are formatted from integers, because a locale's decimal comma would add columns.
 */
#include "stats/hlog.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include "base/clock.h"
#include "base/log.h"

#define COOKIE_PAYLOAD	  UINT32_C(0x1c849313)
#define COOKIE_COMPRESSED UINT32_C(0x1c849314)
#define PAYLOAD_HEAD	  40
#define COMPRESSED_HEAD	  8
#define LEB_MAX		  9  /* octets of one number */
#define LOGGED_BY_MAX	  80 /* keeps the header line below the 128 octets that a reader takes */

static unsigned char *put_u32(unsigned char *out, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*out++ = (unsigned char)(value >> shift);
	return out;
}

static unsigned char *put_u64(unsigned char *out, uint64_t value)
{
	return put_u32(put_u32(out, (uint32_t)(value >> 32)), (uint32_t)value);
}

static unsigned char *put_number(unsigned char *out, int64_t number)
{
	uint64_t value = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);

	for (int i = 0; i < LEB_MAX - 1; i++) {
		if (value < 0x80) {
			*out++ = (unsigned char)value;
			return out;
		}
		*out++ = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	*out++ = (unsigned char)value;
	return out;
}

/* out has room for a run of zeros and for each place from the minimum to last. */
static unsigned char *put_counts(unsigned char *out, const struct hdr *h, int last)
{
	int zeros = h->total > 0 ? hdr_index(h->min_us) : 1;

	for (int i = zeros; i <= last; i++) {
		if (h->counts[i] == 0) {
			zeros++;
			continue;
		}
		if (zeros > 0)
			out = put_number(out, zeros == 1 ? 0 : -(int64_t)zeros);
		zeros = 0;
		out = put_number(out, (int64_t)h->counts[i]);
	}
	/* Zeros at the end occur in an empty histogram alone: its one place. */
	return zeros > 0 ? put_number(out, 0) : out;
}

static size_t put_payload(unsigned char *payload, const struct hdr *h, int last)
{
	static const double ratio = 1.0; /* "integer to double value conversion": none */
	unsigned char *out = payload;
	unsigned char *counts = payload + PAYLOAD_HEAD;
	size_t counts_len = (size_t)(put_counts(counts, h, last) - counts);
	uint64_t ratio_bits;

	memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
	out = put_u32(out, COOKIE_PAYLOAD);
	out = put_u32(out, (uint32_t)counts_len);
	out = put_u32(out, 0); /* normalizing index offset */
	out = put_u32(out, HDR_SIGNIFICANT_DIGITS);
	out = put_u64(out, (uint64_t)HDR_LOWEST_US);
	out = put_u64(out, (uint64_t)HDR_HIGHEST_US);
	put_u64(out, ratio_bits);
	return PAYLOAD_HEAD + counts_len;
}

/* RFC 4648 s4, with padding. */
static bool append_base64(struct buf *out, const unsigned char *data, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t size = (len + 2) / 3 * 4;
	char *to;

	if (!buf_reserve(out, size))
		return false;
	to = out->data + out->len;
	for (size_t i = 0; i < len; i += 3) {
		size_t rest = len - i;
		uint32_t group = (uint32_t)data[i] << 16 |
				 (rest > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
				 (rest > 2 ? (uint32_t)data[i + 2] : 0);

		*to++ = alphabet[group >> 18];
		*to++ = alphabet[group >> 12 & 63];
		*to++ = rest > 1 ? alphabet[group >> 6 & 63] : '=';
		*to++ = rest > 2 ? alphabet[group & 63] : '=';
	}
	out->len += size;
	return true;
}

bool hlog_encode(const struct hdr *h, struct buf *out)
{
	int first = h->total > 0 ? hdr_index(h->min_us) : 0;
	int last = h->total > 0 ? hdr_index(h->max_us) : 0;
	/* One number for the zeros in front, at most one for each place from there on. */
	size_t payload_size = PAYLOAD_HEAD + LEB_MAX * (size_t)(last - first + 2);
	unsigned char *payload = malloc(payload_size);
	unsigned char *packed = NULL;
	bool done = false;
	size_t payload_len;
	uLongf packed_len;

	if (!payload)
		return false;
	payload_len = put_payload(payload, h, last);
	packed_len = compressBound((uLong)payload_len);
	packed = malloc(COMPRESSED_HEAD + packed_len);
	if (packed && compress2(packed + COMPRESSED_HEAD, &packed_len, payload, (uLong)payload_len,
				Z_DEFAULT_COMPRESSION) == Z_OK) {
		put_u32(put_u32(packed, COOKIE_COMPRESSED), (uint32_t)packed_len);
		done = append_base64(out, packed, COMPRESSED_HEAD + packed_len);
	}
	free(packed);
	free(payload);
	return done;
}

static int write_failed(struct err *e)
{
	int os_error = errno;

	return err_set(e, EXIT_FAILED, os_error, "cannot write the histogram log: %s",
		       strerror(os_error));
}

/* "Wed Sep 09 15:24:39 UTC 2015", as the reference writer prints dates. */
static void header_date(int64_t wall_s, char *text, size_t size)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)wall_s;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm)) {
		snprintf(text, size, "unknown date");
		return;
	}
	snprintf(text, size, "%s %s %02d %02d:%02d:%02d UTC %lld", days[tm.tm_wday],
		 months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (long long)tm.tm_year + 1900);
}

static int write_header(struct hlog_writer *w, const char *logged_by, int64_t start_wall_ns,
			struct err *e)
{
	int64_t start_ms = start_wall_ns / NS_PER_MS;
	char by[LOGGED_BY_MAX + 1], date[64];
	int written;

	log_escape(span_of(logged_by), by, sizeof(by));
	header_date(start_ms / 1000, date, sizeof(date));
	written = fprintf(w->file,
			  "#[Logged by %s]\n"
			  "#[Histogram log format version 1.3]\n"
			  "#[StartTime: %" PRId64 ".%03" PRId64 " (seconds since epoch), %s]\n"
			  "#[BaseTime: %" PRId64 ".%03" PRId64 " (seconds since epoch)]\n"
			  "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
			  "\"Interval_Compressed_Histogram\"\n",
			  by, start_ms / 1000, start_ms % 1000, date, start_ms / 1000,
			  start_ms % 1000);
	/* A disk that is full is told now, not after the run. */
	if (written < 0 || fflush(w->file) != 0)
		return write_failed(e);
	return 0;
}

int hlog_attach(struct hlog_writer *w, FILE *file, const char *logged_by, int64_t start_wall_ns,
		struct err *e)
{
	*w = (struct hlog_writer){.file = file};
	buf_init(&w->line, HLOG_BLOB_MAX);
	return write_header(w, logged_by, start_wall_ns, e);
}

int hlog_open(struct hlog_writer *w, const char *path, const char *logged_by, int64_t start_wall_ns,
	      struct err *e)
{
	FILE *file = fopen(path, "we");
	int os_error;

	if (!file) {
		os_error = errno;
		return err_set(e, EXIT_FAILED, os_error, "cannot create the histogram log %s: %s",
			       path, strerror(os_error));
	}
	if (hlog_attach(w, file, logged_by, start_wall_ns, e) < 0) {
		fclose(file);
		return -1;
	}
	w->owns_file = true;
	return 0;
}

static bool is_tag(const char *tag)
{
	if (*tag == '\0')
		return false;
	for (; *tag; tag++)
		if ((unsigned char)*tag <= ' ' || *tag == ',' || *tag == 0x7f)
			return false;
	return true;
}

static bool append_ms(struct buf *line, int64_t ms)
{
	uint64_t magnitude = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

	return buf_printf(line, "%s%" PRIu64 ".%03" PRIu64 ",", ms < 0 ? "-" : "", magnitude / 1000,
			  magnitude % 1000);
}

int hlog_interval(struct hlog_writer *w, const char *tag, double start_s, double length_s,
		  const struct hdr *h, struct err *e)
{
	struct buf *line = &w->line;
	/* The maximum in us is one in ms with three digits behind the point, as times are. */
	int64_t max_us = h->total > 0 ? h->max_us : 0;

	if (tag && !is_tag(tag))
		return err_set(e, EXIT_USAGE, 0,
			       "\"%s\" cannot be a tag in a histogram log: it is empty or has a "
			       "comma, white space or a control character in it",
			       tag);
	buf_clear(line);
	if ((tag && !buf_printf(line, "Tag=%s,", tag)) ||
	    !append_ms(line, llround(start_s * 1000)) ||
	    !append_ms(line, llround(length_s * 1000)) || !append_ms(line, max_us) ||
	    !hlog_encode(h, line) || !buf_append(line, "\n", 1))
		return err_set(e, EXIT_FAILED, ENOMEM,
			       "no memory to write an interval of the histogram log");
	if (fwrite(line->data, 1, line->len, w->file) != line->len)
		return write_failed(e);
	return 0;
}

int hlog_close(struct hlog_writer *w, struct err *e)
{
	int result = 0;

	buf_fini(&w->line);
	if (fflush(w->file) != 0 || ferror(w->file))
		result = write_failed(e);
	if (w->owns_file && fclose(w->file) != 0 && result == 0)
		result = write_failed(e);
	w->file = NULL;
	return result;
}
