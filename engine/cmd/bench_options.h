/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_options.h - the options of volley bench, as typed and checked one by one
 *
 * What they mean together (plan, targets, guard rails) is bench.c's. Strings are argv's.
 */
#ifndef VOLLEY_CMD_BENCH_OPTIONS_H
#define VOLLEY_CMD_BENCH_OPTIONS_H
#include "cmd/folders.h"
#include "cmd/options.h"
#include "cmd/target.h"
#include "mail/message.h"
#include "net/resolver.h"
#include "result/threshold.h"
#include "sender/plan.h"
#include "tls/tls.h"

#define BENCH_HEADERS_MAX    32
#define BENCH_THRESHOLDS_MAX 32
#define BENCH_NAMES_MAX	     32 /* of --resolver and --resolve each */

struct bench_options {
	struct cmd_take take; /* first: the parser's callback finds the struct by it */
	struct cmd_target targets[PLAN_TARGETS_MAX];
	int target_count;

	int sessions, threads;
	uint64_t messages, messages_per_connection;
	int64_t duration_ns, warmup_ns, drain_ns, idle_ns, think_ns, stall_ns, batch_ns;
	uint64_t rate_micro; /* of --rate; 0: none */
	struct arrival_stage stages[ARRIVAL_STAGES_MAX];
	int stage_count;
	enum arrival_kind arrivals;
	bool has_arrivals, has_messages;
	struct rate connect_rate;
	int connects_in_flight;
	struct endpoint sources[PLAN_SOURCES_MAX];
	int source_count;
	enum resolver_families families;
	uint64_t seed;
	bool has_seed;

	const char *profiles[PLAN_TARGETS_MAX + 1]; /* "NAME" or "HOST=NAME" */
	int profile_count;
	struct cmd_folders folders;
	bool does_adapt;
	uint32_t scale;
	int64_t adapt_interval_ns; /* 0: not given */

	struct mail_params mail;
	const char *headers[BENCH_HEADERS_MAX];

	const char *helo_name;
	bool use_lmtp, use_helo, use_pipelining, use_chunking, use_mx;
	struct smtp_timeouts timeouts;
	int64_t connect_timeout_ns, tls_timeout_ns;
	const char *dsn_ret, *dsn_notify;

	struct tls_options tls;
	const char *tls_name; /* --tls-sni; NULL: the target's host */

	const char *auth_user, *auth_password_path, *auth_authzid;
	uint32_t auth_mechanisms;
	bool is_auth_optional, allow_clear_auth;

	const char *resolvers[BENCH_NAMES_MAX], *pins[BENCH_NAMES_MAX];
	int resolver_count, pin_count;

	const char *json_path, *hlog_path, *log_path;
	bool log_failures_only, is_quiet, owns_targets, is_dry_run, wants_help;
	struct threshold thresholds[BENCH_THRESHOLDS_MAX];
	int threshold_count;
};

extern const struct cmd_option bench_option_table[];

/* Fills in defaults, then what argv says. EXIT_USAGE and a sentence on failure. */
int bench_options_parse(struct bench_options *o, int argc, char **argv, struct err *e);

#endif
