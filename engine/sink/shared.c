/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shared.c - what all threads of a sink share
 */
#include "sink/shared.h"
#include <stdlib.h>
#include "sink/fault.h"

#define ALL_MECHANISMS                                                                             \
	((uint32_t)(SASL_PLAIN | SASL_LOGIN | SASL_CRAM_MD5 | SASL_SCRAM_SHA_256 | SASL_XOAUTH2 |  \
		    SASL_OAUTHBEARER))

/* What one listener offers. */
static struct smtp_server_params listener_params(const struct sink_shared *s,
						 const struct sink_listener *l)
{
	const struct sink_plan *p = s->plan;
	uint32_t extensions = p->extensions;

	if (l->security != SINK_STARTTLS)
		extensions &= ~(uint32_t)SMTP_EXT_STARTTLS;
	return (struct smtp_server_params){
		.name = p->name,
		.is_lmtp = l->is_lmtp,
		.extensions = extensions,
		.size_max = p->size_max,
		.rcpt_max = p->rcpt_max,
		.mail_max = p->mail_max,
		.auth_mechanisms = p->auth_mechanisms ? p->auth_mechanisms : ALL_MECHANISMS,
		.accounts = p->account_count > 0 ? &s->accounts.sasl : NULL,
		.allow_clear_auth = p->allow_clear_auth,
		.is_tls_required = p->is_tls_required,
		.is_auth_required = p->is_auth_required,
		.strictness = p->strictness,
	};
}

static int make_texts(struct sink_shared *s, struct err *e)
{
	const struct sink_plan *p = s->plan;

	s->texts = calloc((size_t)p->listener_count, sizeof(*s->texts));
	if (!s->texts)
		return err_set(e, EXIT_FAILED, 0, "no memory for %d listeners", p->listener_count);
	for (int i = 0; i < p->listener_count; i++) {
		struct smtp_server_params params = listener_params(s, &p->listeners[i]);

		if (smtp_server_texts_init(&s->texts[i], &params, e) < 0)
			return -1;
	}
	return 0;
}

static int start_store(struct sink_shared *s, struct err *e)
{
	const struct sink_plan *p = s->plan;
	struct store_options options = {
		.maildir = p->maildir,
		.does_sync = p->does_sync,
		.jsonl = p->jsonl,
		.clock = s->clock,
	};

	if (!p->maildir && !p->jsonl)
		return 0;
	s->store = store_start(&options, e);
	return s->store ? 0 : -1;
}

int sink_shared_init(struct sink_shared *s, const struct sink_plan *plan, struct clock *clock,
		     struct err *e)
{
	*s = (struct sink_shared){.plan = plan, .clock = clock};
	s->session_max = plan->session_max > 0 ? plan->session_max : SINK_SESSIONS_DEFAULT;
	s->started_ns = clock_now(clock);
	s->started_wall_ns = clock_wall_ns(clock);
	if (accounts_init(&s->accounts, plan, e) < 0 || make_texts(s, e) < 0)
		goto failed;
	if (plan->does_trace_ids) {
		s->ledger = ledger_new();
		if (!s->ledger) {
			err_set(e, EXIT_FAILED, 0, "no memory for the ledger of messages");
			goto failed;
		}
	}
	if (plan->imposition_count > 0) {
		s->imposer = imposer_new(plan, clock, e);
		if (!s->imposer)
			goto failed;
	}
	if (start_store(s, e) < 0)
		goto failed;
	if (plan->faults)
		fault_rules_seal(plan->faults, plan->seed);
	return 0;
failed:
	sink_shared_fini(s);
	return -1;
}

void sink_shared_stop_store(struct sink_shared *s)
{
	store_stop(s->store, &s->store_stats);
	s->store = NULL;
	if (s->imposer)
		imposer_stop(s->imposer);
}

void sink_shared_fini(struct sink_shared *s)
{
	sink_shared_stop_store(s);
	imposer_free(s->imposer);
	ledger_free(s->ledger);
	accounts_fini(&s->accounts);
	free(s->texts);
	s->imposer = NULL;
	s->ledger = NULL;
	s->texts = NULL;
}
