/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_pace.c - the profiles that a bench obeys, and what its replies are called
 *
 * A run without a profile pays nothing for them: the base profile is read when the run is over, or
 * before it where the log or adaptive control needs it.
 */
#include <stdlib.h>
#include <string.h>
#include "cmd/bench_pace.h"
#include "pace/limits.h"

#define NONE "none"
#define BASE "base"

static int open_store(struct bench_pace *b, const struct bench_options *o, struct err *e)
{
	if (b->store != NULL)
		return 0;
	b->store = cmd_folders_store(&o->folders, e);
	return b->store != NULL ? 0 : -1;
}

static const struct profile *load(struct bench_pace *b, const struct bench_options *o,
				  const char *name, struct err *e)
{
	return open_store(b, o, e) == 0 ? profile_store_load(b->store, name, e) : NULL;
}

static int load_base(struct bench_pace *b, const struct bench_options *o, struct err *e)
{
	if (b->base.rules != NULL)
		return 0;
	b->base.profile = load(b, o, BASE, e);
	b->base.rules = b->base.profile != NULL ? rules_new(b->base.profile, e) : NULL;
	return b->base.rules != NULL ? 0 : -1;
}

/* The name behind "HOST=" when the option is bound to a host, else all of it. */
static const char *name_of(const char *option, struct span *ret_host)
{
	const char *equals = strchr(option, '=');

	*ret_host = (struct span){0};
	/* A path may hold the sign as well, a host name never holds a slash. */
	if (equals == NULL || memchr(option, '/', (size_t)(equals - option)) != NULL)
		return option;
	*ret_host = (struct span){option, (size_t)(equals - option)};
	return equals + 1;
}

/* What applies to a host: the last one that names it, else the last that names none. */
static const char *choose(const struct bench_options *o, const char *host)
{
	const char *chosen = NULL, *general = NULL;

	for (int i = 0; i < o->profile_count; i++) {
		struct span bound;
		const char *name = name_of(o->profiles[i], &bound);

		if (bound.len == 0)
			general = name;
		else if (span_equal_nocase(bound, span_of(host)))
			chosen = name;
	}
	if (chosen == NULL)
		chosen = general;
	return chosen != NULL && strcmp(chosen, NONE) != 0 ? chosen : NULL;
}

static int check_hosts(const struct bench_options *o, struct err *e)
{
	for (int i = 0; i < o->profile_count; i++) {
		bool is_known = false;
		struct span host;

		(void)name_of(o->profiles[i], &host);
		for (int j = 0; j < o->target_count; j++)
			is_known |= span_equal_nocase(host, span_of(o->targets[j].host));
		if (host.len > 0 && !is_known)
			return err_set(e, EXIT_USAGE, 0,
				       "--profile %s: no target has the host %.*s; write it as in "
				       "the target, without port",
				       o->profiles[i], (int)host.len, host.data);
	}
	return 0;
}

static int bind_profile(struct bench_pace *b, const struct bench_options *o, const char *name,
			struct plan_target *t, struct err *e)
{
	int i = 0;

	t->profile = load(b, o, name, e);
	if (t->profile == NULL)
		return -1;
	/* Targets with the same profile share its rules. */
	while (i < b->used_count && b->used[i].profile != t->profile)
		i++;
	if (i == b->used_count) {
		b->used[i] = (struct bench_profile){t->profile, rules_new(t->profile, e)};
		if (b->used[i].rules == NULL)
			return -1;
		b->used_count++;
	}
	t->rules = b->used[i].rules;
	return 0;
}

static int check_scale(const struct sender_plan *p, struct err *e)
{
	for (int i = 0; i < p->target_count; i++) {
		const struct profile *profile = p->targets[i].profile;

		for (int j = 0; profile != NULL && j < profile->limit_count; j++)
			if (limits_check_scale(&profile->limits[j].limit, p->scale, e) != 0)
				return err_prefix(e, "--scale: profile %s, limit %s", profile->name,
						  profile->limits[j].name);
	}
	return 0;
}

/* The domain of all reverse paths, where they have one and the same. */
static struct span sender_domain(const struct mail_params *m)
{
	const char *sender = m->sender != NULL ? m->sender : MAIL_SENDER_DEFAULT;
	const char *at = strrchr(sender, '@');

	if (m->sender_path != NULL || at == NULL || strchr(at, '%') != NULL)
		return (struct span){0};
	return (struct span){at + 1, strcspn(at + 1, ">")};
}

int bench_pace_load(struct bench_pace *b, const struct bench_options *o, struct sender_plan *p,
		    struct err *e)
{
	bool needs_base = o->does_adapt;

	p->does_adapt = o->does_adapt;
	p->scale = o->scale;
	p->adapt_interval_ns = o->adapt_interval_ns;
	p->sender_domain = sender_domain(&o->mail);
	if (check_hosts(o, e) != 0)
		return -1;
	for (int i = 0; i < p->target_count; i++) {
		const char *name = choose(o, o->targets[i].host);

		if (name != NULL && bind_profile(b, o, name, &p->targets[i], e) != 0)
			return -1;
	}
	/* The log calls replies by their classes where it can. */
	if ((needs_base || o->log_path != NULL) && load_base(b, o, e) != 0) {
		if (needs_base)
			return -1;
		*e = (struct err){0};
	}
	for (int i = 0; i < p->target_count; i++)
		if (p->targets[i].rules == NULL)
			p->targets[i].rules = b->base.rules;
	if (o->scale > 1 && !plan_is_paced(p))
		return err_set(e, EXIT_USAGE, 0,
			       "--scale needs --profile or --adapt: without them nothing waits");
	return check_scale(p, e);
}

void bench_pace_site(struct plan_target *t, const char *host, const struct span *mx, int mx_count)
{
	struct match_query query = {.mx = mx, .mx_count = mx_count};

	if (mx_count > 0)
		query.domain = span_of(host);
	else
		query.relay = span_of(host);
	(void)match_site_name(t->profile, &query, t->site);
}

static int too_much(const struct profile_limit *l, const struct profile *p, const char *what,
		    struct err *e)
{
	char text[LIMIT_TEXT_MAX];

	return err_set(e, EXIT_USAGE, 0,
		       "%s break profile %s, which allows %s (%s, %s:%d): ask for less, or do "
		       "without the profile",
		       what, p->name, limit_text(&l->limit, text), l->name, l->place.file,
		       l->place.line);
}

int bench_pace_check(const struct sender_plan *p, struct err *e)
{
	const struct mail_facts *mail = mail_plan_facts(p->mail);
	char size[UNITS_TEXT_MAX], what[128];

	for (int i = 0; i < p->target_count; i++) {
		const struct profile *profile = p->targets[i].profile;

		for (int j = 0; profile != NULL && j < profile->limit_count; j++) {
			const struct profile_limit *l = &profile->limits[j];

			if (l->limit.scope != LIMIT_PER_MESSAGE)
				continue;
			if (l->limit.unit == LIMIT_RECIPIENTS &&
			    (uint64_t)mail->rcpt_max > l->limit.amount) {
				snprintf(what, sizeof(what),
					 "messages of %d recipients (--recipients-per-message)",
					 mail->rcpt_max);
				return too_much(l, profile, what, e);
			}
			if (l->limit.unit == LIMIT_OCTETS && mail->size_max > l->limit.amount) {
				snprintf(what, sizeof(what), "messages of %s",
					 units_size_text(mail->size_max, size));
				return too_much(l, profile, what, e);
			}
		}
	}
	return 0;
}

/* ---- what replies are called ---- */

/* The phase in which a command is answered, as far as rules tell phases apart. */
static enum phase phase_of(const char *command)
{
	static const struct {
		const char *command;
		enum phase phase;
	} phases[] = {
		{"connect", PHASE_BANNER}, {"ehlo", PHASE_EHLO},    {"helo", PHASE_EHLO},
		{"lhlo", PHASE_EHLO},	   {"starttls", PHASE_TLS}, {"auth", PHASE_AUTH},
		{"mail", PHASE_MAIL},	   {"rcpt", PHASE_RCPT},    {"data", PHASE_DATA},
		{"dot", PHASE_ACCEPT},	   {"bdat", PHASE_ACCEPT},  {"quit", PHASE_QUIT},
	};

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (strcmp(phases[i].command, command) == 0)
			return phases[i].phase;
	return PHASE_SESSION;
}

static void classify(struct rules_reader *reader, struct run_reply *row)
{
	struct reply reply = {.code = (uint16_t)row->code, .text = span_of(row->sample)};
	struct verdict verdict;

	(void)enhanced_parse(reply.text, reply.code, &reply.enhanced);
	verdict = rules_judge(reader, &reply, phase_of(row->command));
	snprintf(row->class, sizeof(row->class), "%s", class_name(verdict.class));
}

void bench_pace_classify(struct bench_pace *b, const struct bench_options *o,
			 const struct sender_plan *p, struct run_document *d)
{
	const struct rules *rules = p->targets[0].rules;
	struct rules_reader *reader;
	struct err e = {0};
	bool is_needed = false;

	for (size_t i = 0; i < d->reply_count; i++) {
		is_needed |= d->replies[i].code >= 400;
		if (d->replies[i].code < 400)
			snprintf(d->replies[i].class, sizeof(d->replies[i].class), "%s",
				 class_name(CLASS_ACCEPTED));
	}
	for (int i = 1; i < p->target_count; i++)
		if (p->targets[i].rules != rules)
			rules = NULL;
	if (!is_needed)
		return;
	if (rules == NULL) {
		if (load_base(b, o, &e) != 0)
			return;
		rules = b->base.rules;
	}
	reader = rules_reader_new(rules);
	if (reader == NULL)
		return;
	for (size_t i = 0; i < d->reply_count; i++)
		if (d->replies[i].code >= 400)
			classify(reader, &d->replies[i]);
	rules_reader_free(reader);
}

/* ---- showing ---- */

void bench_pace_print(const struct sender_plan *p, FILE *out)
{
	char text[LIMIT_TEXT_MAX];

	for (int i = 0; i < p->target_count; i++) {
		const struct profile *profile = p->targets[i].profile;

		if (profile == NULL)
			continue;
		fprintf(out, "profile   %s for %s, %.0f %% left of each limit", profile->name,
			p->targets[i].url, profile->headroom_millis / 10.0);
		if (p->scale > 1)
			fprintf(out, ", time passes %u times faster", p->scale);
		fputc('\n', out);
		for (int j = 0; j < profile->limit_count; j++)
			fprintf(out, "          %s: %s\n", profile->limits[j].name,
				limit_text(&profile->limits[j].limit, text));
	}
	if (p->does_adapt)
		fprintf(out, "adapt     rate and connections, by what the replies ask for\n");
}

void bench_pace_fini(struct bench_pace *b)
{
	for (int i = 0; i < b->used_count; i++)
		rules_free(b->used[i].rules);
	rules_free(b->base.rules);
	profile_store_free(b->store);
}
