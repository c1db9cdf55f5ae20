/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_options.c - the options of volley sink
 *
 * The table has the names and the help; take() finds what a value is for.
 */
#include "cmd/sink_options.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/units.h"
#include "cmd/output.h"
#include "cmd/values.h"
#include "sink/fault.h"

#define LINE_LEN_MAX 4096

const struct cmd_option sink_option_table[] = {
	{NULL, 0, NULL, "Listening"},
	{"listen", 'l', "URL",
	 "listen here: smtp://, smtps://, smtp+starttls:// or lmtp:// with ADDRESS:PORT, or "
	 "unix:PATH, lmtp:unix:PATH; repeat for more. Port 0 takes a free one; without an address "
	 "it is loopback, * is every address (default smtp+starttls://127.0.0.1:2525)"},
	{"threads", 0, "N",
	 "threads, a ring each (default 1; more when one ring cannot hold the "
	 "sessions)"},
	{"max-sessions", 'm', "N",
	 "sessions at once, further ones get 421; threads are added where it "
	 "takes more (default: what the threads hold, at most 30000)"},
	{"name", 0, "NAME", "this server's name in greetings"},
	{NULL, 0, NULL, "Protocol"},
	{"hide", 0, "EXT,...",
	 "do not offer these: PIPELINING SIZE 8BITMIME SMTPUTF8 CHUNKING "
	 "BINARYMIME DSN STARTTLS AUTH ENHANCEDSTATUSCODES LIMITS, or all"},
	{"max-size", 0, "SIZE", "largest message, 0 for no limit (default 128M)"},
	{"max-recipients", 0, "N", "recipients of a message, then 452 (default: no limit)"},
	{"max-messages", 0, "N", "messages of a session, then 421 (default: no limit)"},
	{"strictness", 0, "HOW", "lenient (LF.LF ends a message), normal (default) or strict"},
	{"idle", 0, "T", "time-out of a silent session (default 5m)"},
	{"max-errors", 0, "N",
	 "bad commands of a session, then 421; 0 for no limit (default 1000)"},
	{NULL, 0, NULL, "TLS"},
	{"tls-cert", 0, "FILE", "certificate with its chain, PEM (default: one is made)"},
	{"tls-key", 0, "FILE", "its key (default: in the certificate's file)"},
	{"tls-name", 0, "NAME",
	 "host name or address in the certificate that is made; repeat for "
	 "more (default localhost, 127.0.0.1, ::1)"},
	{"tls-key-type", 0, "TYPE",
	 "key of the certificate that is made: p256 (default), rsa2048 "
	 "or ed25519"},
	{"tls-ca-out", 0, "FILE",
	 "write the CA of the certificate that is made, for clients to trust"},
	{"tls-cert-fault", 0, "KIND",
	 "make a bad certificate: expired, not-yet, wrong-name, "
	 "self-signed or unknown-ca"},
	{"tls-client-ca", 0, "FILE", "demand client certificates of these CAs"},
	{"tls-required", 0, NULL, "530 to MAIL and AUTH without TLS"},
	{"tls-min", 0, "1.2|1.3", "lowest version (default 1.2)"},
	{"tls-max", 0, "1.2|1.3", "highest version (default 1.3)"},
	{"tls-ciphers", 0, "LIST", "suites in order of preference, separated by colons"},
	{"tls-groups", 0, "LIST", "groups, separated by colons"},
	{"tls-resume", 0, NULL, "give out session tickets (default: full handshakes)"},
	{NULL, 0, NULL, "Authentication"},
	{"account", 0, "USER:PASSWORD", "someone who may log in; repeat for more"},
	{"accounts-file", 0, "FILE", "the same, one a line"},
	{"auth", 0, "MECH,...",
	 "mechanisms offered (default: all): PLAIN LOGIN CRAM-MD5 "
	 "SCRAM-SHA-256 XOAUTH2 OAUTHBEARER"},
	{"auth-clear", 0, NULL, "offer PLAIN, LOGIN and OAuth without TLS too"},
	{"auth-required", 0, NULL, "530 to MAIL before AUTH"},
	{NULL, 0, NULL, "Faults"},
	{"fault", 'f', "RULE",
	 "misbehave: PHASE:WHAT[;WHEN], such as 'rcpt:reply=450 4.2.1 Busy;p=0.1', "
	 "'mail:delay=exp:20ms', 'dot:close;every=100', 'body:reset;at=1000', "
	 "'connect:refuse;after=1000/s'; repeat for more. See volley(1)"},
	{"fault-file", 0, "FILE", "rules, one a line; # begins a comment"},
	{"seed", 0, "N", "of the rules' chances, so that a run repeats (default 1)"},
	{NULL, 0, NULL, "Profiles"},
	{"profile", 0, "[WHERE=]NAME",
	 "impose the limits of this provider and answer in its words (volley profile list); WHERE "
	 "is an ADDRESS or ADDRESS:PORT that is listened at, or a @DOMAIN of recipients; repeat "
	 "for more"},
	{"profile-at", 0, "T=NAME",
	 "so long after the start, impose this one in place of the first; what was counted stays "
	 "counted for limits of the same name"},
	{"profile-dir", 0, "DIR", "look for profiles there first; repeat for more"},
	{"scale", 0, "N", "an hour passes in 3600/N seconds, for all times of the profiles"},
	{"reputation", 0, "LEVEL",
	 "clients begin as new, warming, good or poor (default: as the profile says)"},
	{"decisions", 0, "FILE",
	 "write a JSON line for each refusal, with the counter that caused it (- for standard "
	 "output)"},
	{NULL, 0, NULL, "Keeping"},
	{"maildir", 0, "DIR", "store messages there; 250 is said once they are"},
	{"sync", 0, NULL, "fsync each message before its 250"},
	{"jsonl", 0, "FILE", "write a JSON line per message (- for standard output)"},
	{"expect", 0, "N", "messages that a run should bring: counts losses at its end too"},
	{"no-ids", 0, NULL, "do not look for X-Volley-ID"},
	{NULL, 0, NULL, "Result"},
	{"json", 0, "FILE", "at the end, write what was counted as JSON (- for standard output)"},
	{"quiet", 'q', NULL, "no report at the end; listeners are printed all the same"},
	{"help", 'h', NULL, "this text"},
	{NULL, 0, NULL, NULL},
};

static int take_hidden(struct sink_options *o, const char *value, struct err *e)
{
	struct span rest = span_of(value);
	bool is_more;

	do {
		struct span word;
		uint32_t bit;

		is_more = span_cut(&rest, ',', &word);
		bit = span_equal_nocase(word, SPAN("all")) ? SINK_EXTENSIONS
							   : smtp_extension_from_name(word);
		if (bit == 0)
			return value_refuse("hide", value, "a list of extensions that there are",
					    e);
		o->plan.extensions &= ~bit;
	} while (is_more);
	return 0;
}

/* Calls take for each line of a file that is neither empty nor a comment. */
static int take_lines(const char *name, const char *path,
		      int (*take)(struct sink_options *o, struct span line, struct err *e),
		      struct sink_options *o, struct err *e)
{
	FILE *file = fopen(path, "re");
	char line[LINE_LEN_MAX];
	int number = 0, status = 0;

	if (!file)
		return err_set(e, EXIT_USAGE, errno, "--%s: cannot read %s: %s", name, path,
			       strerror(errno));
	while (status == 0 && fgets(line, sizeof(line), file)) {
		number++;
		if (!strchr(line, '\n') && !feof(file)) {
			status = err_set(e, EXIT_USAGE, 0, "the line is over %d octets",
					 LINE_LEN_MAX - 2);
			break;
		}
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			status = take(o, span_of(line), e);
	}
	explicit_bzero(line, sizeof(line));
	if (status == 0 && ferror(file))
		status = err_set(e, EXIT_USAGE, errno, "cannot be read: %s", strerror(errno));
	fclose(file);
	return status == 0 ? 0 : err_prefix(e, "%s:%d", path, number);
}

static int account_line(struct sink_options *o, struct span line, struct err *e)
{
	return sink_account_add(&o->plan, line, e);
}

static int fault_line(struct sink_options *o, struct span line, struct err *e)
{
	return fault_rules_add(o->plan.faults, line, e);
}

static int take_listen(struct sink_options *o, const char *value, struct err *e)
{
	if (*value == '\0')
		return err_set(e, EXIT_USAGE, 0,
			       "--listen: \"\" names nothing to listen at; write "
			       "smtp://127.0.0.1:2525");
	if (o->plan.listener_count == SINK_LISTENERS_MAX)
		return err_set(e, EXIT_USAGE, 0, "--listen is given more than %d times",
			       SINK_LISTENERS_MAX);
	if (sink_listener_parse(span_of(value), &o->plan.listeners[o->plan.listener_count], e) < 0)
		return err_prefix(e, "--listen");
	o->plan.listener_count++;
	return 0;
}

static int take_strictness(struct sink_options *o, const char *value, struct err *e)
{
	if (!strcmp(value, "lenient"))
		o->plan.strictness = SMTP_LENIENT;
	else if (!strcmp(value, "normal"))
		o->plan.strictness = SMTP_NORMAL;
	else if (!strcmp(value, "strict"))
		o->plan.strictness = SMTP_STRICT;
	else
		return value_refuse("strictness", value, "lenient, normal or strict", e);
	return 0;
}

static int take_key_type(struct sink_options *o, const char *value, struct err *e)
{
	if (!strcmp(value, "p256"))
		o->key = CERTIFICATE_ECDSA_P256;
	else if (!strcmp(value, "rsa2048"))
		o->key = CERTIFICATE_RSA_2048;
	else if (!strcmp(value, "ed25519"))
		o->key = CERTIFICATE_ED25519;
	else
		return value_refuse("tls-key-type", value, "p256, rsa2048 or ed25519", e);
	return 0;
}

static int take_certificate_fault(struct sink_options *o, const char *value, struct err *e)
{
	static const char *const names[] = {
		[SINK_CERTIFICATE_EXPIRED] = "expired",
		[SINK_CERTIFICATE_NOT_YET] = "not-yet",
		[SINK_CERTIFICATE_WRONG_NAME] = "wrong-name",
		[SINK_CERTIFICATE_SELF_SIGNED] = "self-signed",
		[SINK_CERTIFICATE_UNKNOWN_CA] = "unknown-ca",
	};

	for (unsigned i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		o->certificate_fault = (enum sink_certificate_fault)i;
		return 0;
	}
	return value_refuse("tls-cert-fault", value,
			    "expired, not-yet, wrong-name, self-signed or unknown-ca", e);
}

static int take_name(struct sink_options *o, const char *value, struct err *e)
{
	if (value[strcspn(value, " \t\r\n")] != '\0')
		return err_set(e, EXIT_USAGE, 0, "--tls-name: \"%s\" is no host name or address",
			       value);
	if (o->name_count == CERTIFICATE_NAMES_MAX)
		return err_set(e, EXIT_USAGE, 0, "--tls-name is given more than %d times",
			       CERTIFICATE_NAMES_MAX);
	o->names[o->name_count++] = value;
	return 0;
}

/* The password is overwritten where it stands, so that no list of processes shows it. */
static int take_account(struct sink_options *o, const char *value, struct err *e)
{
	int status = sink_account_add(&o->plan, span_of(value), e);
	char *writable = (char *)(uintptr_t)value;

	memset(writable, 'x', strlen(writable));
	return status == 0 ? 0 : err_prefix(e, "--account");
}

static int take_reputation(struct sink_options *o, const char *value, struct err *e)
{
	if (!reputation_from_name(span_of(value), &o->plan.reputation))
		return value_refuse("reputation", value, "new, warming, good or poor", e);
	o->plan.has_reputation = true;
	return 0;
}

static bool is_option(const char *name, const char *option)
{
	return strcmp(name, option) == 0;
}

/* Options that are texts, taken as they stand. NULL: not one of them. */
static const char **text_option(struct sink_options *o, const char *name)
{
	const struct {
		const char *name;
		const char **slot;
	} texts[] = {
		{"name", &o->plan.name},
		{"tls-cert", &o->tls.cert_file},
		{"tls-key", &o->tls.key_file},
		{"tls-ca-out", &o->ca_out},
		{"tls-client-ca", &o->tls.ca_file},
		{"tls-ciphers", &o->tls.ciphers},
		{"tls-groups", &o->tls.groups},
		{"maildir", &o->plan.maildir},
		{"jsonl", &o->plan.jsonl},
		{"decisions", &o->plan.decisions},
		{"json", &o->json},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (is_option(name, texts[i].name))
			return texts[i].slot;
	return NULL;
}

/* Options without a value. False: not one of them. */
static bool take_flag(struct sink_options *o, const char *name)
{
	const struct {
		const char *name;
		bool *slot;
	} flags[] = {
		{"tls-required", &o->plan.is_tls_required},
		{"tls-resume", &o->tls.resume},
		{"auth-clear", &o->plan.allow_clear_auth},
		{"auth-required", &o->plan.is_auth_required},
		{"sync", &o->plan.does_sync},
		{"quiet", &o->is_quiet},
		{"help", &o->wants_help},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (is_option(name, flags[i].name)) {
			*flags[i].slot = true;
			return true;
		}
	if (!is_option(name, "no-ids"))
		return false;
	o->plan.does_trace_ids = false;
	return true;
}

/* Options that are numbers. 1: not one of them. */
static int take_number(struct sink_options *o, const char *name, const char *value, struct err *e)
{
	struct sink_plan *p = &o->plan;

	if (is_option(name, "threads"))
		return value_int(name, value, 1, SINK_THREADS_MAX, &p->threads, e);
	if (is_option(name, "max-sessions"))
		return value_u32(name, value, 1, 4000000, &p->session_max, e);
	if (is_option(name, "max-recipients"))
		return value_u32(name, value, 1, 1000000, &p->rcpt_max, e);
	if (is_option(name, "max-messages"))
		return value_u32(name, value, 1, 1000000, &p->mail_max, e);
	if (is_option(name, "max-errors"))
		return value_u32(name, value, 0, 1000000, &p->errors_max, e);
	if (is_option(name, "scale"))
		return value_u32(name, value, 1, PROFILE_SCALE_MAX, &p->scale, e);
	if (is_option(name, "seed"))
		return value_count(name, value, 0, UINT64_MAX, &p->seed, e);
	if (is_option(name, "expect"))
		return value_count(name, value, 1, UINT64_MAX, &p->expected, e);
	if (is_option(name, "idle"))
		return value_time(name, value, &p->idle_ns, e);
	if (is_option(name, "max-size"))
		return units_parse_size(span_of(value), &p->size_max)
			       ? 0
			       : value_refuse(name, value, "a size, such as 10M", e);
	return 1;
}

static int take_other(struct sink_options *o, const char *name, const char *value, struct err *e)
{
	if (is_option(name, "listen"))
		return take_listen(o, value, e);
	if (is_option(name, "hide"))
		return take_hidden(o, value, e);
	if (is_option(name, "auth"))
		return value_mechanisms(name, value, &o->plan.auth_mechanisms, e);
	if (is_option(name, "reputation"))
		return take_reputation(o, value, e);
	if (is_option(name, "strictness"))
		return take_strictness(o, value, e);
	if (is_option(name, "tls-name"))
		return take_name(o, value, e);
	if (is_option(name, "tls-key-type"))
		return take_key_type(o, value, e);
	if (is_option(name, "tls-cert-fault"))
		return take_certificate_fault(o, value, e);
	if (is_option(name, "tls-min"))
		return value_tls_version(name, value, &o->tls.min_version, e);
	if (is_option(name, "tls-max"))
		return value_tls_version(name, value, &o->tls.max_version, e);
	if (is_option(name, "account"))
		return take_account(o, value, e);
	if (is_option(name, "accounts-file"))
		return take_lines(name, value, account_line, o, e);
	if (is_option(name, "fault-file"))
		return take_lines(name, value, fault_line, o, e);
	CHECK(is_option(name, "fault"));
	return fault_rules_add(o->plan.faults, span_of(value), e) == 0
		       ? 0
		       : err_prefix(e, "--%s", name);
}

static int take(struct cmd_take *self, const char *name, const char *value, struct err *e)
{
	struct sink_options *o = (struct sink_options *)self;
	const char **text = text_option(o, name);
	int status;

	if (text) {
		*text = value;
		return 0;
	}
	if (take_flag(o, name))
		return 0;
	status = sink_profiles_take(&o->profiles, name, value, e);
	if (status <= 0)
		return status;
	status = take_number(o, name, value, e);
	return status <= 0 ? status : take_other(o, name, value, e);
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static int check_outputs(const struct sink_options *o, struct err *e)
{
	if (is_stdout(o->json) && is_stdout(o->plan.jsonl))
		return err_set(e, EXIT_USAGE, 0, "--json and --jsonl cannot both be \"-\"");
	if (is_stdout(o->plan.decisions) && (is_stdout(o->json) || is_stdout(o->plan.jsonl)))
		return err_set(e, EXIT_USAGE, 0, "--decisions and %s cannot both be \"-\"",
			       is_stdout(o->json) ? "--json" : "--jsonl");
	return 0;
}

/* What goes together, over several options. */
static int check(struct sink_options *o, struct err *e)
{
	bool is_made = o->tls.cert_file == NULL;

	if (!is_made && (o->name_count > 0 || o->ca_out || o->certificate_fault))
		return err_set(e, EXIT_USAGE, 0,
			       "--tls-name, --tls-ca-out and --tls-cert-fault are about a "
			       "certificate that the sink makes: they do not go with --tls-cert");
	if (is_made && o->tls.key_file)
		return err_set(e, EXIT_USAGE, 0, "--tls-key needs --tls-cert");
	if (o->ca_out && o->certificate_fault == SINK_CERTIFICATE_SELF_SIGNED)
		return err_set(e, EXIT_USAGE, 0,
			       "a self-signed certificate has no CA for --tls-ca-out to write");
	if (o->plan.does_sync && !o->plan.maildir)
		return err_set(e, EXIT_USAGE, 0, "--sync needs --maildir");
	return check_outputs(o, e);
}

int sink_options_parse(int argc, char **argv, struct sink_options *ret_options, struct err *e)
{
	struct sink_options *o = ret_options;
	int operand;

	*o = (struct sink_options){.take.take = take, .tls.role = SECURE_SERVER};
	sink_plan_init(&o->plan);
	o->plan.seed = 1;
	o->plan.faults = fault_rules_new();
	if (!o->plan.faults)
		return err_set(e, EXIT_FAILED, 0, "no memory for the fault rules");
	if (cmd_options_parse(sink_option_table, argc, argv, &o->take, &operand, e) < 0)
		return -1;
	if (o->wants_help)
		return 0;
	if (operand < argc)
		return err_set(e, EXIT_USAGE, 0,
			       "\"%s\" is no option: a sink listens where --listen says",
			       argv[operand]);
	if (o->plan.listener_count == 0 && take_listen(o, "smtp+starttls://127.0.0.1:2525", e) < 0)
		return -1;
	o->tls.require_client_cert = o->tls.ca_file != NULL;
	if (cmd_check_output("json", o->json, e) != 0)
		return -1;
	if (check(o, e) < 0)
		return -1;
	return sink_profiles_load(&o->profiles, &o->plan, e);
}

void sink_options_fini(struct sink_options *o)
{
	sink_plan_fini(&o->plan);
	sink_profiles_fini(&o->profiles);
}
