/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_options.h - the options of volley sink
 */
#ifndef VOLLEY_CMD_SINK_OPTIONS_H
#define VOLLEY_CMD_SINK_OPTIONS_H
#include <stdbool.h>
#include "cmd/options.h"
#include "cmd/sink_profiles.h"
#include "sink/plan.h"
#include "tls/certificate.h"
#include "tls/tls.h"

/* What is wrong, on purpose, with a certificate that the sink makes itself. */
enum sink_certificate_fault {
	SINK_CERTIFICATE_GOOD,
	SINK_CERTIFICATE_EXPIRED,
	SINK_CERTIFICATE_NOT_YET,
	SINK_CERTIFICATE_WRONG_NAME,
	SINK_CERTIFICATE_SELF_SIGNED,
	SINK_CERTIFICATE_UNKNOWN_CA, /* not signed by the CA of --tls-ca-out */
};

struct sink_options {
	struct cmd_take take; /* first: the callback finds the struct by it */
	struct sink_plan plan;
	struct sink_profiles profiles;
	struct tls_options tls;
	const char *names[CERTIFICATE_NAMES_MAX]; /* of the certificate that is made */
	int name_count;
	enum certificate_key key;
	enum sink_certificate_fault certificate_fault;
	const char *ca_out, *json;
	bool is_quiet, wants_help;
};

extern const struct cmd_option sink_option_table[];

/*
 * Reads options; values point into argv, but accounts, which are copied and wiped there. -1 with
 * EXIT_USAGE and a sentence. sink_options_fini() in any case.
 */
int sink_options_parse(int argc, char **argv, struct sink_options *ret_options, struct err *e);
void sink_options_fini(struct sink_options *o);

#endif
