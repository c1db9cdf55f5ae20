/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_plan.c - from options to a plan
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "cmd/bench_plan.h"
#include "cmd/secret.h"
#include "crypt/random.h"
#include "dns/resolver.h"
#include "ring/ring.h"
#include "sender/host.h"

#define LOOKUP_MAX_NS	  (30 * NS_PER_SEC)
#define ATTEMPT_DELAY_NS  (250 * NS_PER_MS) /* RFC 8305 s5 */
#define PLAIN_MEMORY	  (4u << 10)	    /* measured: bench/sessions.txt */
#define TLS_MEMORY	  (16u << 10)
#define DEFAULT_LENGTH_NS (10 * NS_PER_SEC)

static void default_helo(char *out, size_t out_size)
{
	if (gethostname(out, out_size) != 0 || out[0] == '\0')
		snprintf(out, out_size, "localhost");
	out[out_size - 1] = '\0';
}

static int target_auth(struct bench_plan *b, const struct bench_options *o, int idx, struct err *e)
{
	struct plan_target *t = &b->plan.targets[idx];
	const struct cmd_target *from = &o->targets[idx];
	const char *user = from->user[0] != '\0' ? from->user : o->auth_user;
	const char *password = from->password[0] != '\0' ? b->password[idx] : b->shared_password;

	memcpy(b->password[idx], from->password, sizeof(from->password));
	if (user == NULL) {
		if (o->auth_mechanisms != 0 || o->auth_password_path != NULL ||
		    o->auth_authzid != NULL)
			return err_set(
				e, EXIT_USAGE, 0,
				"AUTH needs a user name: --auth-user, or user@ in the target");
		return 0;
	}
	if (password[0] == '\0')
		return err_set(e, EXIT_USAGE, 0,
			       "user %s has no password: give --auth-password-file or "
			       "set " SECRET_ENVIRONMENT,
			       user);
	t->auth = (struct sasl_params){
		.user = user,
		.password = password,
		.authzid = o->auth_authzid,
		.host = t->host,
		.port = from->port,
		.mechanisms = o->auth_mechanisms,
		.allow_clear = o->allow_clear_auth,
	};
	t->smtp.auth = &t->auth;
	t->smtp.is_auth_required = !o->is_auth_optional;
	return 0;
}

static int make_target(struct bench_plan *b, const struct bench_options *o, int idx, struct err *e)
{
	struct plan_target *t = &b->plan.targets[idx];
	const struct cmd_target *from = &o->targets[idx];

	memcpy(t->url, from->url, sizeof(t->url));
	if (!from->is_unix)
		snprintf(t->host, sizeof(t->host), "%s", o->tls_name ? o->tls_name : from->host);
	t->lookup_ns = -1;
	t->smtp = (struct smtp_client_params){
		.helo_name = b->helo_name,
		.is_lmtp = from->is_lmtp || o->use_lmtp,
		.tls = from->tls,
		.use_pipelining = o->use_pipelining,
		.use_chunking = o->use_chunking,
		.use_helo = o->use_helo,
		.timeouts = o->timeouts,
	};
	b->use_tls |= from->tls != SMTP_TLS_NONE;
	return target_auth(b, o, idx, e);
}

/* ---- names ---- */

struct lookup {
	struct resolver_user user;
	struct bench_plan *bench;
	const struct bench_options *options;
	int idx;
	struct err err;
};

static void take_addresses(struct plan_target *t, const struct resolver_answer *a)
{
	for (int i = 0; i < a->address_count && t->address_count < PLAN_ADDRESSES_MAX; i++)
		t->addresses[t->address_count++] = a->addresses[i];
}

static void take_site(const struct lookup *l, struct plan_target *t,
		      const struct resolver_answer *a)
{
	struct span mx[RESOLVER_EXCHANGER_MAX];
	int count = 0;

	for (; l->options->use_mx && count < a->exchanger_count; count++)
		mx[count] = span_of(a->exchangers[count].name);
	bench_pace_site(t, l->options->targets[l->idx].host, mx, count);
}

static void on_answer(struct resolver_user *self, const struct resolver_answer *a)
{
	struct lookup *l = (struct lookup *)self;
	struct plan_target *t = &l->bench->plan.targets[l->idx];
	const struct cmd_target *from = &l->options->targets[l->idx];

	t->lookup_ns = a->took_ns;
	record_phase(&l->bench->lookups, PHASE_DNS, a->took_ns);
	if (a->cause == RESOLVER_OK) {
		take_addresses(t, a);
		take_site(l, t, a);
		/* The certificate is the exchanger's, not the domain's. */
		if (l->options->use_mx && l->options->tls_name == NULL)
			snprintf(t->host, sizeof(t->host), "%s", a->exchangers[0].name);
		return;
	}
	record_lookup_failure(&l->bench->lookups, a->cause, span_of(a->detail));
	err_set(&l->err, EXIT_UNREACHABLE, 0, "%s: %s in phase dns%s%s%s; %s", from->url,
		resolver_cause_name(a->cause), a->detail[0] != '\0' ? " (" : "", a->detail,
		a->detail[0] != '\0' ? ")" : "",
		a->cause == RESOLVER_NULL_MX ? "the domain takes no mail (RFC 7505)"
		: a->cause == RESOLVER_NO_NAME
			? "check the spelling, or give the address with --resolve"
			: "check the resolver, or name another with --resolver");
}

static int resolve(struct bench_plan *b, struct bench_options *o, struct err *e)
{
	struct dns_options options = {
		.servers = o->resolvers,
		.server_count = o->resolver_count,
		.pins = o->pins,
		.pin_count = o->pin_count,
		.seed = b->plan.seed,
		.clock = clock_system(),
	};
	struct lookup *lookups = calloc((size_t)o->target_count, sizeof(*lookups));
	struct resolver *r = lookups != NULL ? dns_new(&options, e) : NULL;
	int64_t until_ns = clock_now(clock_system()) + LOOKUP_MAX_NS;
	int result = -1, open = 0;

	for (int i = 0; r != NULL && i < o->target_count; i++) {
		struct resolver_request request = {
			.name = o->targets[i].host,
			.port = o->targets[i].port,
			.question = o->use_mx ? RESOLVE_DOMAIN : RESOLVE_HOST,
			.families = o->families,
		};

		lookups[i] = (struct lookup){{on_answer}, b, o, i, {0}};
		if (o->targets[i].is_unix)
			endpoint_from_path(
				span_of(o->targets[i].host),
				&b->plan.targets[i].addresses[b->plan.targets[i].address_count++]);
		else if (resolver_ask(r, &request, &lookups[i].user, e) != 0)
			goto out;
		else
			open++;
	}
	while (r != NULL && open > 0 && clock_now(clock_system()) < until_ns)
		open = resolver_turn(r, until_ns);
	for (int i = 0; r != NULL && i < o->target_count; i++) {
		if (b->plan.targets[i].address_count > 0)
			continue;
		if (lookups[i].err.status == EXIT_WELL)
			err_set(&lookups[i].err, EXIT_UNREACHABLE, 0,
				"%s: timed out in phase dns; check the resolver, or name another "
				"with --resolver",
				o->targets[i].url);
		if (e != NULL)
			*e = lookups[i].err;
		goto out;
	}
	result = r != NULL ? 0 : -1;
out:
	if (r != NULL)
		resolver_free(r);
	free(lookups);
	return result;
}

/* ---- guard rails ---- */

/* A load test against somebody else's server is an attack, whatever was meant. */
static int guard(const struct bench_plan *b, const struct bench_options *o, struct err *e)
{
	for (int i = 0; i < b->plan.target_count && !o->owns_targets; i++) {
		const struct plan_target *t = &b->plan.targets[i];

		for (int j = 0; j < t->address_count; j++) {
			char text[ENDPOINT_TEXT_MAX];

			if (endpoint_is_private(&t->addresses[j]))
				continue;
			return err_set(
				e, EXIT_USAGE, 0,
				"%s is at the public address %s, and a load test of a server "
				"that is not yours is an attack on it: if you are entitled to "
				"test it, say so with --i-own-this-target",
				t->url, endpoint_address_text(&t->addresses[j], text));
		}
	}
	return 0;
}

/* ---- load ---- */

static void make_schedule(struct sender_plan *p, const struct bench_options *o)
{
	p->is_open_loop = o->rate_micro != 0 || o->stage_count > 0;
	p->arrivals = o->arrivals;
	if (o->rate_micro != 0) {
		int64_t length = p->duration_ns;

		/* By number alone: long enough for the last message to be due. */
		if (length == 0)
			length = INT64_MAX / 4;
		p->stages[0] =
			(struct arrival_stage){p->warmup_ns + length, o->rate_micro, o->rate_micro};
		p->stage_count = 1;
		return;
	}
	for (int i = 0; i < o->stage_count; i++)
		p->stages[i] = o->stages[i];
	p->stage_count = o->stage_count;
	if (p->stage_count > 0) {
		p->duration_ns = 0;
		for (int i = 0; i < p->stage_count; i++)
			p->duration_ns += p->stages[i].length_ns;
		p->duration_ns -= p->warmup_ns;
	}
}

static int make_load(struct bench_plan *b, const struct bench_options *o, struct err *e)
{
	struct sender_plan *p = &b->plan;

	p->sessions = o->sessions;
	p->threads = o->threads;
	p->messages = o->messages;
	p->duration_ns = o->duration_ns;
	p->warmup_ns = o->warmup_ns;
	p->drain_ns = o->drain_ns;
	p->idle_ns = o->idle_ns;
	p->think_ns = o->think_ns;
	p->stall_ns = o->stall_ns;
	p->messages_per_connection = o->messages_per_connection;
	p->connect_rate = o->connect_rate;
	p->connects_in_flight = o->connects_in_flight;
	p->connect_timeout_ns = o->connect_timeout_ns;
	p->tls_timeout_ns = o->tls_timeout_ns;
	p->attempt_delay_ns = ATTEMPT_DELAY_NS;
	p->dsn_ret = o->dsn_ret;
	p->dsn_notify = o->dsn_notify;
	p->source_count = o->source_count;
	memcpy(p->sources, o->sources, sizeof(p->sources));
	if (!o->has_messages && p->duration_ns == 0 && o->stage_count == 0 && p->idle_ns == 0)
		p->duration_ns = DEFAULT_LENGTH_NS;
	make_schedule(p, o);
	if (o->stage_count > 0 && p->duration_ns <= 0)
		return err_set(e, EXIT_USAGE, 0,
			       "--warmup is as long as all stages together: nothing would be "
			       "measured");
	if (p->idle_ns != 0 && p->warmup_ns != 0)
		return err_set(e, EXIT_USAGE, 0, "--idle and --warmup exclude each other");
	return 0;
}

static int make_mail(struct bench_plan *b, struct bench_options *o, struct err *e)
{
	o->mail.seed = b->plan.seed;
	o->mail.run_id = b->plan.run_id;
	if (mail_plan_new(&o->mail, e, &b->mail) != 0)
		return -1;
	b->plan.mail = b->mail;
	return 0;
}

static int check_bounds(struct bench_plan *b, struct err *e)
{
	struct plan_bounds bounds = {
		.links_per_ring = ring_link_capacity(),
		.ports = host_local_ports(),
		.memory = host_memory_available(),
		.threads_max = 1024,
		.session_memory = b->use_tls ? TLS_MEMORY : PLAIN_MEMORY,
	};

	return plan_check(&b->plan, &bounds, e);
}

int bench_plan_make(struct bench_plan *b, struct bench_options *o, struct err *e)
{
	if (record_init(&b->lookups, e) != 0)
		return -1;
	if (cmd_secret_read(o->auth_password_path, b->shared_password, sizeof(b->shared_password),
			    e) != 0)
		return -1;
	crypt_random(&b->plan.run_id, sizeof(b->plan.run_id));
	b->plan.seed = o->has_seed ? o->seed : b->plan.run_id;
	if (o->helo_name != NULL)
		snprintf(b->helo_name, sizeof(b->helo_name), "%s", o->helo_name);
	else
		default_helo(b->helo_name, sizeof(b->helo_name));
	b->plan.target_count = o->target_count;
	for (int i = 0; i < o->target_count; i++)
		if (make_target(b, o, i, e) != 0)
			return -1;
	if (make_load(b, o, e) != 0 || make_mail(b, o, e) != 0 ||
	    bench_pace_load(&b->pace, o, &b->plan, e) != 0 || bench_pace_check(&b->plan, e) != 0 ||
	    resolve(b, o, e) != 0)
		return -1;
	return guard(b, o, e) != 0 ? -1 : check_bounds(b, e);
}

void bench_plan_fini(struct bench_plan *b)
{
	mail_plan_free(b->mail);
	bench_pace_fini(&b->pace);
	record_fini(&b->lookups);
	explicit_bzero(b->password, sizeof(b->password));
	explicit_bzero(b->shared_password, sizeof(b->shared_password));
}
