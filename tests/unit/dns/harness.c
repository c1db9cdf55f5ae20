/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * harness.c - asks a resolver and waits for the answer
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "harness.h"

static int64_t fake_now(struct clock *self)
{
	return ((struct fake_clock *)self)->now_ns;
}

void fake_clock_init(struct fake_clock *c)
{
	*c = (struct fake_clock){
		.clock = {.now = fake_now, .wall_ns = fake_now},
		.now_ns = 1000 * NS_PER_SEC,
	};
}

static void on_answer(struct resolver_user *self, const struct resolver_answer *answer)
{
	struct keeper *k = (struct keeper *)self;

	k->count++;
	k->answer = *answer;
}

void keeper_init(struct keeper *k)
{
	memset(k, 0, sizeof(*k));
	k->user.on_answer = on_answer;
}

struct resolver *resolver_with(struct dns_options options)
{
	struct err e = {0};
	struct resolver *r;

	options.hosts_path = "";
	if (options.timeout_ns == 0)
		options.timeout_ns = 20 * NS_PER_SEC;
	if (options.tries == 0)
		options.tries = 2;
	r = dns_new(&options, &e);
	if (!r)
		fail_msg("no resolver: %s", e.text);
	return r;
}

struct resolver *resolver_at(const char *server, struct fake_clock *clock, uint64_t seed)
{
	return resolver_with((struct dns_options){
		.servers = &server,
		.server_count = 1,
		.clock = clock ? &clock->clock : NULL,
		.seed = seed,
	});
}

void resolver_drain(struct resolver *r)
{
	while (resolver_turn(r, TIME_NEVER) > 0)
		continue;
}

void ask(struct resolver *r, enum resolver_question question, const char *name, struct keeper *k)
{
	const struct resolver_request request = {
		.name = name,
		.port = 25,
		.question = question,
		.families = RESOLVE_ANY,
	};
	struct err e = {0};

	keeper_init(k);
	if (resolver_ask(r, &request, &k->user, &e) < 0)
		fail_msg("%s was refused: %s", name, e.text);
	assert_int_equal(k->count, 0);
	resolver_drain(r);
	assert_int_equal(k->count, 1);
}

const char *answer_text(const struct resolver_answer *a)
{
	static char out[16384];
	char address[ENDPOINT_TEXT_MAX];
	int len = 0;

	if (a->cause != RESOLVER_OK)
		return resolver_cause_name(a->cause);
	out[0] = '\0';
	for (int i = 0; i < a->exchanger_count; i++) {
		const struct resolver_exchanger *x = &a->exchangers[i];

		len += snprintf(out + len, sizeof(out) - (size_t)len, "%s%u %s", i ? " | " : "",
				x->preference, x->name);
		for (int j = 0; j < x->address_count; j++)
			len += snprintf(out + len, sizeof(out) - (size_t)len, " %s",
					endpoint_address_text(&a->addresses[x->address_first + j],
							      address));
	}
	return out;
}
