/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink.c - volley sink: options -> plan -> serve until told to stop -> report
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/secret.h"
#include "cmd/sink_options.h"
#include "cmd/version.h"
#include "report/sink_text.h"
#include "ring/ring.h"
#include "sink/fault.h"
#include "sink/serve.h"

#define DAY 86400

/* The rings and the TLS contexts of the sink's threads. */
struct world {
	struct sink_world sink; /* first: the factories find the struct by it */
	struct tls_options tls;
	struct certificate certificate; /* the one that was made */
};

static struct transport *transport_new(const struct sink_world *self, size_t link_max,
				       struct err *e)
{
	/* A sink times nothing that counts; taking replies in batches saves a fifth of its CPU. */
	struct ring_options options = {
		.link_max = (unsigned)link_max,
		.clock = self->clock,
		.batch_ns = 400 * NS_PER_US,
	};

	return ring_new(&options, e);
}

static struct secure *secure_new(const struct sink_world *self, struct err *e)
{
	const struct world *w = (const struct world *)self;

	return tls_new(&w->tls, e);
}

/* ---- the certificate that is made ---- */

static int write_ca(const char *path, struct span pem, struct err *e)
{
	FILE *file = fopen(path, "we");
	bool is_good;

	if (!file)
		return err_set(e, EXIT_USAGE, errno, "--tls-ca-out: cannot write %s: %s", path,
			       strerror(errno));
	is_good = fwrite(pem.data, 1, pem.len, file) == pem.len;
	if (fclose(file) != 0 || !is_good)
		return err_set(e, EXIT_FAILED, errno, "--tls-ca-out: cannot write %s: %s", path,
			       strerror(errno));
	return 0;
}

/* --tls-ca-out is of another CA: clients that trust it do not know ours. */
static int write_other_ca(const struct certificate_request *request, const char *path,
			  struct err *e)
{
	struct certificate other = {0};
	int status = tls_certificate_make(request, &other, e);

	if (status == 0)
		status = write_ca(path, buf_span(&other.ca), e);
	certificate_fini(&other);
	return status;
}

static int make_certificate(const struct sink_options *o, struct world *w, struct err *e)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
	static const char *const wrong[] = {"wrong-name.volley.invalid"};
	int64_t now = clock_wall_ns(w->sink.clock) / NS_PER_SEC;
	struct certificate_request request = {
		.key = o->key,
		.names = o->name_count > 0 ? o->names : names,
		.name_count = o->name_count > 0 ? o->name_count : 3,
		.not_before = now - DAY,
		.not_after = now + 30 * DAY,
	};
	bool is_other = o->certificate_fault == SINK_CERTIFICATE_UNKNOWN_CA;

	if (o->ca_out && is_other && write_other_ca(&request, o->ca_out, e) < 0)
		return -1;
	if (o->certificate_fault == SINK_CERTIFICATE_EXPIRED)
		request.not_before = now - 30 * DAY, request.not_after = now - DAY;
	if (o->certificate_fault == SINK_CERTIFICATE_NOT_YET)
		request.not_before = now + DAY, request.not_after = now + 30 * DAY;
	/* The CA is good in any case, so that the certificate alone is at fault. */
	request.ca_not_before = now - 60 * DAY;
	request.ca_not_after = now + 60 * DAY;
	if (o->certificate_fault == SINK_CERTIFICATE_WRONG_NAME)
		request.names = wrong, request.name_count = 1;
	request.self_signed = o->certificate_fault == SINK_CERTIFICATE_SELF_SIGNED;
	if (tls_certificate_make(&request, &w->certificate, e) < 0)
		return -1;
	w->tls.cert_pem = buf_span(&w->certificate.cert);
	w->tls.key_pem = buf_span(&w->certificate.key);
	if (o->ca_out && !is_other)
		return write_ca(o->ca_out, buf_span(&w->certificate.ca), e);
	return 0;
}

static bool needs_tls(const struct sink_plan *p)
{
	for (int i = 0; i < p->listener_count; i++)
		if (p->listeners[i].security != SINK_CLEAR)
			return true;
	return false;
}

/* ---- the machine ---- */

/* Up to the hard limit, which is what rings are bounded by. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void fill_host(struct sink_status *s)
{
	struct utsname name;
	struct ring_facts facts;
	struct rusage usage;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	snprintf(s->host.volley, sizeof(s->host.volley), "%s", VOLLEY_VERSION);
	snprintf(s->host.tls_library, sizeof(s->host.tls_library), "%s", tls_library());
	if (uname(&name) == 0)
		snprintf(s->host.kernel, sizeof(s->host.kernel), "Linux %.60s %.20s", name.release,
			 name.machine);
	if (ring_probe(&facts, NULL) == 0)
		snprintf(s->host.liburing, sizeof(s->host.liburing), "%s", facts.library);
	s->host.cpus = cpus > 0 ? (int)cpus : 1;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	s->resources.cpu_user_s =
		(double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
	s->resources.cpu_system_s =
		(double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
	s->resources.peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	s->resources.bytes_in = s->transport.bytes_in;
	s->resources.bytes_out = s->transport.bytes_out;
}

/* ---- serving ---- */

static sigset_t stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

/* A line for each listener: what a script waits for. */
static void say_ready(const struct sink *sink, const struct sink_plan *p)
{
	for (int i = 0; i < p->listener_count; i++) {
		struct sink_listener l = sink_listener_at(sink, i);
		char text[ENDPOINT_TEXT_MAX];

		printf("listening %s %s\n", sink_listener_scheme(&l), endpoint_text(&l.at, text));
		if (!endpoint_is_private(&l.at))
			log_warning("%s is reachable from outside: a sink takes mail from anybody",
				    text);
	}
	fflush(stdout);
}

/* What a profile demands and nobody could do here is not demanded. */
static void say_what_is_left_out(const struct sink_plan *p)
{
	bool can_seal = false;

	for (int i = 0; i < p->listener_count; i++)
		can_seal = can_seal || p->listeners[i].security != SINK_CLEAR;
	for (int i = 0; i < p->imposition_count; i++) {
		const struct profile *profile = p->impositions[i].profile;

		if (profile->submission.needs_login && p->account_count == 0)
			log_warning("profile %s asks for a login, which is not demanded: there is "
				    "no --account",
				    profile->name);
		if (profile->submission.needs_tls && !can_seal)
			log_warning("profile %s asks for TLS, which is not demanded: no listener "
				    "has it",
				    profile->name);
	}
}

static void wait_for_stop(const struct sink *sink)
{
	sigset_t set = stop_signals();
	struct timespec patience = {.tv_nsec = 250 * 1000 * 1000};

	while (sink_is_well(sink)) {
		if (sigtimedwait(&set, NULL, &patience) > 0)
			return;
	}
}

static int report(const struct sink_options *o, const struct sink_status *s, struct err *e)
{
	const char *no_color = getenv("NO_COLOR");
	struct winsize size;
	struct report_style style = {
		.use_color = isatty(STDOUT_FILENO) && (!no_color || !no_color[0]),
	};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		style.width = size.ws_col;
	if (!o->is_quiet && report_sink_text(s, stdout, &style, e) < 0)
		return -1;
	return o->json ? sink_status_json_save(s, o->json, e) : 0;
}

static int serve(const struct sink_options *o, struct world *w, struct err *e)
{
	struct sink_status status;
	struct sink *sink = sink_start(&o->plan, &w->sink, e);
	struct err report_err = {0};
	int result;

	if (!sink)
		return -1;
	say_what_is_left_out(&o->plan);
	say_ready(sink, &o->plan);
	wait_for_stop(sink);
	result = sink_stop(sink, &status, e);
	fill_host(&status);
	/* What was counted is reported even where a thread failed; that is the error to tell. */
	if (report(o, &status, &report_err) < 0 && result == 0) {
		*e = report_err;
		result = -1;
	}
	sink_status_fini(&status);
	return result;
}

static int run(const struct sink_options *o, struct err *e)
{
	sigset_t set = stop_signals(), before;
	struct world w = {
		.sink =
			{
				.transport_new = transport_new,
				.clock = clock_system(),
			},
		.tls = o->tls,
	};
	int status;

	raise_descriptor_limit();
	w.sink.link_capacity = ring_link_capacity();
	if (needs_tls(&o->plan)) {
		w.sink.secure_new = secure_new;
		if (!o->tls.cert_file && make_certificate(o, &w, e) < 0) {
			certificate_fini(&w.certificate);
			return -1;
		}
	}
	if (o->plan.account_count > 0)
		cmd_hide_memory();
	/* Blocked before threads are made, so that only this one takes them. */
	pthread_sigmask(SIG_BLOCK, &set, &before);
	signal(SIGPIPE, SIG_IGN);
	status = serve(o, &w, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	certificate_fini(&w.certificate);
	return status;
}

int cmd_sink(int argc, char **argv)
{
	struct sink_options options;
	struct err e = {0};
	int status = sink_options_parse(argc, argv, &options, &e);

	if (status == 0 && options.wants_help) {
		printf("usage: volley sink [OPTIONS]\n\n"
		       "Takes mail over SMTP and LMTP, counts it and throws it away; misbehaves on "
		       "request.\n");
		cmd_options_help(sink_option_table, stdout);
	} else if (status == 0) {
		status = run(&options, &e);
	}
	sink_options_fini(&options);
	if (status < 0) {
		fprintf(stderr, "volley sink: %s\n", e.text);
		return e.status != EXIT_WELL ? (int)e.status : EXIT_FAILED;
	}
	return EXIT_WELL;
}
