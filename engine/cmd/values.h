/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * values.h - values of options that several commands take
 *
 * Each function takes the option's name without its dashes and the value as it was given. -1 with
 * EXIT_USAGE and a sentence that names the option, the value and what is wanted. Main thread only.
 */
#ifndef VOLLEY_CMD_VALUES_H
#define VOLLEY_CMD_VALUES_H
#include <stdint.h>
#include "base/err.h"
#include "tls/tls.h"

/* Says that the value is not what is wanted. Always -1. */
int value_refuse(const char *name, const char *value, const char *want, struct err *e);

/* A number from min to max, also as 10k. */
int value_count(const char *name, const char *value, uint64_t min, uint64_t max,
		uint64_t *ret_count, struct err *e);
int value_u32(const char *name, const char *value, uint32_t min, uint32_t max, uint32_t *ret_number,
	      struct err *e);
int value_int(const char *name, const char *value, int min, int max, int *ret_number,
	      struct err *e);

/* A length of time above 0, in ns. */
int value_time(const char *name, const char *value, int64_t *ret_ns, struct err *e);

/* A version of TLS. */
int value_tls_version(const char *name, const char *value, enum tls_version *ret_version,
		      struct err *e);

/* Mechanisms of SASL, divided by commas; their bits are added to *mechanisms. */
int value_mechanisms(const char *name, const char *value, uint32_t *mechanisms, struct err *e);

#endif
