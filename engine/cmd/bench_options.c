/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_options.c - the options of volley bench
 *
 * Letters are smtp-source's and names of protocol options swaks', where those have one.
 */
#include "base/check.h"
#include "base/clock.h"
#include "base/units.h"
#include "cmd/bench_options.h"
#include "cmd/values.h"
#include "profile/profile.h"
#include "ring/ring.h"

#define SESSIONS_MAX 4000000

const struct cmd_option bench_option_table[] = {
	{NULL, 0, NULL, "Load"},
	{"sessions", 's', "N", "sessions held at once, over all targets (default 10)"},
	{"messages", 'm', "N", "stop after N messages"},
	{"duration", 0, "T", "stop after T: 30s, 5m (default 10s without --messages or --stage)"},
	{"warmup", 0, "T", "send for T first, without counting"},
	{"rate", 0, "R", "open loop: R messages a second are due, however fast the server answers"},
	{"stage", 0, "T@R[..R]",
	 "open loop: a stage of length T at a rate, or a ramp from one "
	 "rate to another; repeat for more stages"},
	{"arrivals", 0, "KIND", "spacing in open loop: constant (default) or poisson"},
	{"messages-per-connection", 0, "N", "QUIT and reconnect after N messages (default: never)"},
	{"keep", 'd', NULL, "keep connections open: the default, accepted as smtp-source's -d"},
	{"think", 'w', "T", "closed loop: wait T between a session's messages"},
	{"idle", 0, "T",
	 "open all sessions first and hold them for T; without --messages or "
	 "--duration nothing is sent"},
	{"connect-rate", 0, "R", "open at most R connections a second"},
	{"connects-in-flight", 0, "N",
	 "at most N connections being opened per target (default 500)"},
	{"source-ip", 0, "ADDR,...", "connect from these addresses of this machine, in turn"},
	{"threads", 0, "N",
	 "worker threads, a ring each (default 1; more when one ring cannot hold "
	 "the sessions)"},
	{"batch", 0, "T",
	 "while many replies come, wait up to T (at most 10ms, from Linux 6.12) for several at "
	 "once: more messages for a CPU, but each reply is seen up to T late"},
	{"drain", 0, "T", "at the end, wait T for what is under way (default 30s)"},
	{"give-up", 0, "T", "end the run when no session could be held for T (default 30s)"},
	{"seed", 0, "N", "make a run repeatable (default: random)"},
	{NULL, 0, NULL, "Pace"},
	{"profile", 0, "[HOST=]NAME",
	 "obey this provider's limits, for all targets or for those of a host; none (default) "
	 "obeys nobody. A message that is deferred is not tried again: a load test counts "
	 "attempts"},
	{"adapt", 0, NULL,
	 "find limits that nobody told: fewer messages or connections when replies ask for it, "
	 "more when they are quiet; with --profile within its limits"},
	{"adapt-interval", 0, "T",
	 "time in which --adapt reacts once, about the server's window (default 60s, or the "
	 "profile's shortest window)"},
	{"scale", 0, "N",
	 "let each window, pause and interval of profile and --adapt pass N times faster"},
	{"profile-dir", 0, "DIR", "look for profiles there first; repeat for more"},
	{NULL, 0, NULL, "Message"},
	{"size", 'l', "SIZE",
	 "whole message: 4k (default), uniform:1k-64k, lognormal:median=8k,"
	 "sigma=1.2, mix:FILE, specmail2001"},
	{"message", 'F', "FILE|DIR", "send this .eml file, or the *.eml of a folder in turn"},
	{"template", 0, "FILE", "send this file with {{fields}} filled in"},
	{"subject", 'S', "TEXT", "Subject header"},
	{"add-header", 0, "'N: V'", "add a header; repeat for more"},
	{"from", 'f', "ADDR", "envelope sender; %d counts up (user%d@example.com); <> for none"},
	{"from-file", 0, "FILE", "envelope senders, one a line"},
	{"to", 't', "ADDR", "recipient; %d counts up"},
	{"to-file", 0, "FILE", "recipients, one a line"},
	{"recipients-per-message", 'r', "N", "5, 1-10 or specmail2001 (default 1)"},
	{"number-recipients", 'N', NULL, "append a number to each recipient's local part"},
	{NULL, 0, NULL, "Protocol"},
	{"pipeline", 0, NULL, "use PIPELINING where offered (default: lock step)"},
	{"chunking", 0, NULL, "use CHUNKING (BDAT) where offered"},
	{"ehlo", 'M', "NAME", "name in EHLO (default: this host's)"},
	{"helo", 'o', NULL, "say HELO, not EHLO"},
	{"lmtp", 'L', NULL, "speak LMTP, for unix: targets too"},
	{"mx", 0, NULL, "targets are mail domains: look up their MX (RFC 5321 section 5.1)"},
	{"timeout", 'T', "[PHASE=]T",
	 "time-out, of all phases or of one: connect tls banner ehlo starttls "
	 "auth mail rcpt data body accept rset quit"},
	{"dsn-notify", 0, "WORDS", "NOTIFY parameter (RFC 3461), such as NEVER"},
	{"dsn-ret", 0, "WORD", "RET parameter: FULL or HDRS"},
	{"4", '4', NULL, "IPv4 only"},
	{"6", '6', NULL, "IPv6 only"},
	{NULL, 0, NULL, "TLS"},
	{"tls-verify", 0, "none|ca|full",
	 "check nothing, the chain, or chain and name (default full)"},
	{"cafile", 0, "FILE", "trust these CAs instead of the system's"},
	{"tls-cert", 0, "FILE", "client certificate, PEM"},
	{"tls-key", 0, "FILE", "its key (default: in the certificate's file)"},
	{"tls-min", 0, "1.2|1.3", "lowest version (default 1.2)"},
	{"tls-max", 0, "1.2|1.3", "highest version (default 1.3)"},
	{"tls-ciphers", 0, "LIST", "suites in order of preference, separated by colons"},
	{"tls-groups", 0, "LIST",
	 "groups, the first with a key share (default X25519:P-256:P-384)"},
	{"tls-resume", 0, NULL, "resume sessions (default: a full handshake each)"},
	{"tls-sni", 0, "NAME", "name for SNI and the certificate (default: the target's host)"},
	{NULL, 0, NULL, "Authentication"},
	{"auth", 0, "MECH,...",
	 "mechanisms allowed: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 XOAUTH2 "
	 "OAUTHBEARER"},
	{"auth-user", 0, "USER", "user name"},
	{"auth-password-file", 0, "FILE",
	 "read the password or token from FILE; without it from "
	 "the environment's VOLLEY_AUTH_PASSWORD"},
	{"auth-authzid", 0, "ID", "act as this identity"},
	{"auth-optional", 0, NULL, "go on without AUTH where it is not offered"},
	{"auth-clear", 0, NULL, "allow passwords over connections without TLS"},
	{NULL, 0, NULL, "Names"},
	{"resolver", 0, "HOST:PORT", "ask this DNS server instead of the system's"},
	{"resolve", 0, "NAME:PORT:ADDR", "use ADDR for NAME:PORT, as curl does"},
	{NULL, 0, NULL, "Result"},
	{"json", 0, "FILE", "write the whole result as JSON (- for standard output)"},
	{"hlog", 0, "FILE", "write an HdrHistogram interval log, a tag per phase"},
	{"log", 0, "FILE", "write a JSON line per message"},
	{"log-failures", 0, NULL, "in --log, only what was not accepted"},
	{"threshold", 0, "EXPR",
	 "exit with 3 when it does not hold: 'accept.p99<500ms', "
	 "'replies.4xx<1%'; repeat for more"},
	{"quiet", 'q', NULL, "no live view, no text report"},
	{"dry-run", 0, NULL, "check everything, print the plan, connect to nothing"},
	{"i-own-this-target", 0, NULL,
	 "allow targets with public addresses: you are entitled to "
	 "test them"},
	{"help", 'h', NULL, "this text"},
	{NULL, 0, NULL, NULL},
};

static int take_rate(const char *name, const char *value, struct rate *ret, uint64_t *ret_micro,
		     struct err *e)
{
	if (!units_parse_rate(span_of(value), ret) || !arrival_rate_fits(*ret, ret_micro))
		return value_refuse(
			name, value,
			"a rate above 0 and up to 10,000,000/s, such as 100/s or 6000/m", e);
	return 0;
}

static int take_sources(struct bench_options *o, const char *value, struct err *e)
{
	struct span rest = span_of(value);
	bool is_more;

	do {
		struct span one;

		is_more = span_cut(&rest, ',', &one);
		if (o->source_count == PLAN_SOURCES_MAX)
			return err_set(e, EXIT_USAGE, 0, "--source-ip: more than %d addresses",
				       PLAN_SOURCES_MAX);
		if (!endpoint_parse_address(one, &o->sources[o->source_count]))
			return err_set(e, EXIT_USAGE, 0,
				       "--source-ip: \"%.*s\" is no IPv4 or IPv6 address",
				       (int)one.len, one.data);
		o->source_count++;
	} while (is_more);
	return 0;
}

static int take_timeout(struct bench_options *o, const char *value, struct err *e)
{
	struct smtp_timeouts *t = &o->timeouts;
	const struct {
		const char *name;
		int64_t *slot;
	} phases[] = {
		{"connect", &o->connect_timeout_ns},
		{"tls", &o->tls_timeout_ns},
		{"banner", &t->banner_ns},
		{"ehlo", &t->ehlo_ns},
		{"starttls", &t->starttls_ns},
		{"auth", &t->auth_ns},
		{"mail", &t->mail_ns},
		{"rcpt", &t->rcpt_ns},
		{"data", &t->data_ns},
		{"body", &t->body_ns},
		{"accept", &t->dot_ns},
		{"rset", &t->rset_ns},
		{"quit", &t->quit_ns},
	};
	const char *equals = strchr(value, '=');
	const char *text = equals != NULL ? equals + 1 : value;
	bool is_known = equals == NULL;
	int64_t ns;

	if (value_time("timeout", text, &ns, e) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		if (equals != NULL &&
		    (strlen(phases[i].name) != (size_t)(equals - value) ||
		     strncmp(phases[i].name, value, (size_t)(equals - value)) != 0))
			continue;
		*phases[i].slot = ns;
		is_known = true;
	}
	if (!is_known)
		return value_refuse(
			"timeout", value,
			"T or PHASE=T with a phase out of connect tls banner ehlo starttls "
			"auth mail rcpt data body accept rset quit",
			e);
	return 0;
}

static int take_batch(struct bench_options *o, const char *value, struct err *e)
{
	int64_t ns;

	if (!units_parse_duration(span_of(value), &ns) || ns < NS_PER_US || ns > RING_BATCH_MAX_NS)
		return value_refuse("batch", value,
				    "a length of time from 1us to 10ms, such as 400us", e);
	o->batch_ns = ns;
	return 0;
}

static int take_name(const char *name, const char *value, const char **list, int *count,
		     struct err *e)
{
	if (*count == BENCH_NAMES_MAX)
		return err_set(e, EXIT_USAGE, 0, "--%s: given more than %d times", name,
			       BENCH_NAMES_MAX);
	list[(*count)++] = value;
	return 0;
}

/* A word that stands in a command line: not empty, without white space and control characters. */
static int take_word(const char *name, const char *value, const char **ret, struct err *e)
{
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return value_refuse(name, value, "one word", e);
	if (*value == '\0' || strlen(value) > 255)
		return value_refuse(name, value, "a word of 1 to 255 octets", e);
	*ret = value;
	return 0;
}

/* RFC 3461 s4.1: NEVER alone, or SUCCESS, FAILURE and DELAY in any number. */
static int take_notify(const char *value, const char **ret, struct err *e)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
	struct span rest = span_of(value);
	bool is_fine = true, is_more = strcmp(value, "NEVER") != 0;

	*ret = value;
	while (is_fine && is_more) {
		struct span one;

		is_more = span_cut(&rest, ',', &one);
		is_fine = false;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			is_fine |= span_equal(one, span_of(words[i]));
	}
	return is_fine ? 0
		       : value_refuse("dsn-notify", value,
				      "NEVER, or SUCCESS, FAILURE and DELAY joined by commas", e);
}

#define IS(option) (strcmp(name, option) == 0)

static int take_load(struct bench_options *o, const char *name, const char *value, struct err *e)
{
	struct rate rate;

	if (IS("sessions"))
		return value_int(name, value, 1, SESSIONS_MAX, &o->sessions, e);
	if (IS("messages")) {
		o->has_messages = true;
		return value_count(name, value, 1, UINT64_C(1) << 40, &o->messages, e);
	}
	if (IS("duration"))
		return value_time(name, value, &o->duration_ns, e);
	if (IS("warmup"))
		return value_time(name, value, &o->warmup_ns, e);
	if (IS("rate"))
		return take_rate(name, value, &rate, &o->rate_micro, e);
	if (IS("stage")) {
		if (o->stage_count == ARRIVAL_STAGES_MAX)
			return err_set(e, EXIT_USAGE, 0, "--stage: more than %d stages",
				       ARRIVAL_STAGES_MAX);
		return arrival_stage_parse(span_of(value), &o->stages[o->stage_count++], e);
	}
	if (IS("arrivals")) {
		o->has_arrivals = true;
		o->arrivals = strcmp(value, "poisson") == 0 ? ARRIVAL_POISSON : ARRIVAL_CONSTANT;
		if (o->arrivals == ARRIVAL_CONSTANT && strcmp(value, "constant") != 0)
			return value_refuse(name, value, "constant or poisson", e);
		return 0;
	}
	if (IS("messages-per-connection"))
		return value_count(name, value, 1, UINT64_C(1) << 40, &o->messages_per_connection,
				   e);
	if (IS("think"))
		return value_time(name, value, &o->think_ns, e);
	if (IS("idle"))
		return value_time(name, value, &o->idle_ns, e);
	if (IS("connect-rate")) {
		uint64_t micro;

		return take_rate(name, value, &o->connect_rate, &micro, e);
	}
	if (IS("connects-in-flight"))
		return value_int(name, value, 1, SESSIONS_MAX, &o->connects_in_flight, e);
	if (IS("source-ip"))
		return take_sources(o, value, e);
	if (IS("threads"))
		return value_int(name, value, 1, 1024, &o->threads, e);
	if (IS("batch"))
		return take_batch(o, value, e);
	if (IS("drain"))
		return value_time(name, value, &o->drain_ns, e);
	if (IS("give-up"))
		return value_time(name, value, &o->stall_ns, e);
	if (IS("seed")) {
		o->has_seed = true;
		return value_count(name, value, 0, UINT64_MAX, &o->seed, e);
	}
	return 1;
}

static int take_pace(struct bench_options *o, const char *name, const char *value, struct err *e)
{
	if (IS("profile")) {
		if (o->profile_count > PLAN_TARGETS_MAX)
			return err_set(e, EXIT_USAGE, 0, "--profile: given more than %d times",
				       PLAN_TARGETS_MAX + 1);
		if (*value == '\0' || value[strlen(value) - 1] == '=')
			return value_refuse(name, value, "NAME or HOST=NAME", e);
		o->profiles[o->profile_count++] = value;
		return 0;
	}
	if (IS("profile-dir"))
		return cmd_folders_take(&o->folders, value, e);
	if (IS("adapt"))
		o->does_adapt = true;
	else if (IS("adapt-interval"))
		return value_time(name, value, &o->adapt_interval_ns, e);
	else if (IS("scale"))
		return value_u32(name, value, 1, PROFILE_SCALE_MAX, &o->scale, e);
	else
		return 1;
	return 0;
}

static int take_message(struct bench_options *o, const char *name, const char *value, struct err *e)
{
	const struct {
		const char *name;
		const char **slot;
	} texts[] = {
		{"size", &o->mail.size},
		{"message", &o->mail.eml_path},
		{"template", &o->mail.template_path},
		{"subject", &o->mail.subject},
		{"from", &o->mail.sender},
		{"from-file", &o->mail.sender_path},
		{"to", &o->mail.recipient},
		{"to-file", &o->mail.recipient_path},
		{"recipients-per-message", &o->mail.recipients_per_message},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (IS(texts[i].name)) {
			*texts[i].slot = value;
			return 0;
		}
	}
	if (IS("number-recipients")) {
		o->mail.number_recipients = true;
		return 0;
	}
	if (IS("add-header")) {
		if (o->mail.header_count == BENCH_HEADERS_MAX)
			return err_set(e, EXIT_USAGE, 0, "--add-header: more than %d headers",
				       BENCH_HEADERS_MAX);
		o->headers[o->mail.header_count++] = value;
		o->mail.headers = o->headers;
		return 0;
	}
	return 1;
}

static int take_tls(struct bench_options *o, const char *name, const char *value, struct err *e)
{
	if (IS("tls-verify"))
		return tls_verify_parse(span_of(value), &o->tls.verify)
			       ? 0
			       : value_refuse(name, value, "none, ca or full", e);
	if (IS("tls-min") || IS("tls-max"))
		return value_tls_version(
			name, value, IS("tls-min") ? &o->tls.min_version : &o->tls.max_version, e);
	if (IS("cafile"))
		o->tls.ca_file = value;
	else if (IS("tls-cert"))
		o->tls.cert_file = value;
	else if (IS("tls-key"))
		o->tls.key_file = value;
	else if (IS("tls-ciphers"))
		o->tls.ciphers = value;
	else if (IS("tls-groups"))
		o->tls.groups = value;
	else if (IS("tls-resume"))
		o->tls.resume = true;
	else if (IS("tls-sni"))
		return take_word(name, value, &o->tls_name, e);
	else
		return 1;
	return 0;
}

static int take_result(struct bench_options *o, const char *name, const char *value, struct err *e)
{
	if (IS("threshold")) {
		if (o->threshold_count == BENCH_THRESHOLDS_MAX)
			return err_set(e, EXIT_USAGE, 0, "--threshold: more than %d",
				       BENCH_THRESHOLDS_MAX);
		return threshold_parse(value, e, &o->thresholds[o->threshold_count++]);
	}
	if (IS("json"))
		o->json_path = value;
	else if (IS("hlog"))
		o->hlog_path = value;
	else if (IS("log"))
		o->log_path = value;
	else if (IS("log-failures"))
		o->log_failures_only = true;
	else if (IS("quiet"))
		o->is_quiet = true;
	else if (IS("dry-run"))
		o->is_dry_run = true;
	else if (IS("i-own-this-target"))
		o->owns_targets = true;
	else if (IS("help"))
		o->wants_help = true;
	else
		return 1;
	return 0;
}

static int take_protocol(struct bench_options *o, const char *name, const char *value,
			 struct err *e)
{
	const struct {
		const char *name;
		bool *slot;
	} flags[] = {
		{"pipeline", &o->use_pipelining},
		{"chunking", &o->use_chunking},
		{"helo", &o->use_helo},
		{"lmtp", &o->use_lmtp},
		{"mx", &o->use_mx},
		{"auth-optional", &o->is_auth_optional},
		{"auth-clear", &o->allow_clear_auth},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (IS(flags[i].name)) {
			*flags[i].slot = true;
			return 0;
		}
	}
	if (IS("timeout"))
		return take_timeout(o, value, e);
	if (IS("auth"))
		return value_mechanisms(name, value, &o->auth_mechanisms, e);
	if (IS("resolver"))
		return take_name(name, value, o->resolvers, &o->resolver_count, e);
	if (IS("resolve"))
		return take_name(name, value, o->pins, &o->pin_count, e);
	if (IS("4") || IS("6"))
		o->families = IS("4") ? RESOLVE_IPV4 : RESOLVE_IPV6;
	else if (IS("ehlo"))
		return take_word(name, value, &o->helo_name, e);
	else if (IS("dsn-notify"))
		return take_notify(value, &o->dsn_notify, e);
	else if (IS("dsn-ret") && strcmp(value, "FULL") != 0 && strcmp(value, "HDRS") != 0)
		return value_refuse(name, value, "FULL or HDRS", e);
	else if (IS("dsn-ret"))
		o->dsn_ret = value;
	else if (IS("auth-user"))
		o->auth_user = value;
	else if (IS("auth-password-file"))
		o->auth_password_path = value;
	else if (IS("auth-authzid"))
		o->auth_authzid = value;
	else
		CHECK(IS("keep")); /* the default */
	return 0;
}

static int take(struct cmd_take *self, const char *name, const char *value, struct err *e)
{
	struct bench_options *o = (struct bench_options *)self;
	int result = take_load(o, name, value, e);

	if (result > 0)
		result = take_pace(o, name, value, e);
	if (result > 0)
		result = take_message(o, name, value, e);
	if (result > 0)
		result = take_tls(o, name, value, e);
	if (result > 0)
		result = take_result(o, name, value, e);
	return result > 0 ? take_protocol(o, name, value, e) : result;
}

static void set_defaults(struct bench_options *o)
{
	struct smtp_timeouts *t = &o->timeouts;

	*o = (struct bench_options){
		.take.take = take,
		.sessions = 10,
		.threads = 1,
		.scale = 1,
		.connects_in_flight = 500,
		.drain_ns = 30 * NS_PER_SEC,
		.stall_ns = 30 * NS_PER_SEC,
		.connect_timeout_ns = 10 * NS_PER_SEC,
		.tls_timeout_ns = 30 * NS_PER_SEC,
	};
	/* RFC 5321 s4.5.3.2 divided by ten: a load test must not wait ten minutes for a dot. */
	smtp_timeouts_rfc5321(t);
	for (int64_t *ns = &t->banner_ns; ns <= &t->quit_ns; ns++)
		*ns /= 10;
}

int bench_options_parse(struct bench_options *o, int argc, char **argv, struct err *e)
{
	int operand;

	set_defaults(o);
	if (cmd_options_parse(bench_option_table, argc, argv, &o->take, &operand, e) != 0)
		return -1;
	for (; operand < argc; operand++) {
		if (o->target_count == PLAN_TARGETS_MAX)
			return err_set(e, EXIT_USAGE, 0, "more than %d targets", PLAN_TARGETS_MAX);
		if (cmd_target_parse(argv[operand], &o->targets[o->target_count++], e) != 0)
			return -1;
	}
	if (o->rate_micro != 0 && o->stage_count > 0)
		return err_set(e, EXIT_USAGE, 0,
			       "--rate and --stage exclude each other: a stage "
			       "has its own rate");
	if (o->stage_count > 0 && o->duration_ns != 0)
		return err_set(e, EXIT_USAGE, 0,
			       "--stage and --duration exclude each other: the "
			       "stages have their lengths");
	if (o->adapt_interval_ns != 0 && !o->does_adapt)
		return err_set(e, EXIT_USAGE, 0, "--adapt-interval needs --adapt");
	if (o->has_arrivals && o->rate_micro == 0 && o->stage_count == 0)
		return err_set(e, EXIT_USAGE, 0, "--arrivals needs --rate or --stage");
	if (o->think_ns != 0 && (o->rate_micro != 0 || o->stage_count > 0))
		return err_set(e, EXIT_USAGE, 0,
			       "--think is for the closed loop; with --rate or "
			       "--stage the schedule decides");
	return 0;
}
