/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * values.c - values of options that several commands take
 */
#include "cmd/values.h"
#include <inttypes.h>
#include "base/span.h"
#include "base/units.h"
#include "smtp/sasl.h"

int value_refuse(const char *name, const char *value, const char *want, struct err *e)
{
	return err_set(e, EXIT_USAGE, 0, "--%s: \"%s\" is not %s", name, value, want);
}

int value_count(const char *name, const char *value, uint64_t min, uint64_t max,
		uint64_t *ret_count, struct err *e)
{
	uint64_t count;

	if (!units_parse_count(span_of(value), &count) || count < min || count > max)
		return err_set(e, EXIT_USAGE, 0,
			       "--%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64
			       ", such as %s",
			       name, value, min, max, max < 10000 ? "100" : "10k");
	*ret_count = count;
	return 0;
}

int value_u32(const char *name, const char *value, uint32_t min, uint32_t max, uint32_t *ret_number,
	      struct err *e)
{
	uint64_t count;

	if (value_count(name, value, min, max, &count, e) < 0)
		return -1;
	*ret_number = (uint32_t)count;
	return 0;
}

int value_int(const char *name, const char *value, int min, int max, int *ret_number, struct err *e)
{
	uint64_t count;

	if (value_count(name, value, (uint64_t)min, (uint64_t)max, &count, e) < 0)
		return -1;
	*ret_number = (int)count;
	return 0;
}

int value_time(const char *name, const char *value, int64_t *ret_ns, struct err *e)
{
	int64_t ns;

	if (!units_parse_duration(span_of(value), &ns) || ns == 0)
		return value_refuse(name, value, "a length of time above 0, such as 10s or 500ms",
				    e);
	*ret_ns = ns;
	return 0;
}

int value_tls_version(const char *name, const char *value, enum tls_version *ret_version,
		      struct err *e)
{
	if (!tls_version_parse(span_of(value), ret_version))
		return value_refuse(name, value, "1.2 or 1.3: older versions are not spoken", e);
	return 0;
}

int value_mechanisms(const char *name, const char *value, uint32_t *mechanisms, struct err *e)
{
	struct span rest = span_of(value);
	bool is_more;

	do {
		struct span word;
		uint32_t mechanism;

		is_more = span_cut(&rest, ',', &word);
		mechanism = sasl_mechanism_from_name(word);
		if (mechanism == 0)
			return err_set(e, EXIT_USAGE, 0,
				       "--%s: \"%.*s\" is none of PLAIN LOGIN CRAM-MD5 "
				       "SCRAM-SHA-256 XOAUTH2 OAUTHBEARER",
				       name, (int)word.len, word.data);
		*mechanisms |= mechanism;
	} while (is_more);
	return 0;
}
