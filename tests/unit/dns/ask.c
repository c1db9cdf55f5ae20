/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ask.c - asks the resolver from the command line and prints the answer as lines
 *
 * ask [--resolver ADDRESS:PORT]... [--resolve NAME:PORT:ADDRESS]... [--timeout-ms N] [--tries N]
 *     [--repeat N] (mx | host) NAME
 *
 * Prints "cause WORDS", "implicit", "exchanger PREFERENCE NAME", "address IP:PORT" in the order in
 * which they would be tried, "detail WORDS", and at the end "queries N". With --repeat, all of it
 * as often. Exits with 0 when there was an answer of any kind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"

#define LIST_MAX 16

static void on_answer(struct resolver_user *self, const struct resolver_answer *a)
{
	char text[ENDPOINT_TEXT_MAX];

	(void)self;
	printf("cause %s\n", resolver_cause_name(a->cause));
	if (a->is_implicit_mx)
		printf("implicit\n");
	for (int i = 0; i < a->exchanger_count; i++) {
		const struct resolver_exchanger *x = &a->exchangers[i];

		printf("exchanger %u %s\n", x->preference, x->name);
		for (int j = 0; j < x->address_count; j++)
			printf("address %s\n",
			       endpoint_text(&a->addresses[x->address_first + j], text));
	}
	if (a->detail[0])
		printf("detail %s\n", a->detail);
}

static int usage(void)
{
	fprintf(stderr, "usage: ask [--resolver ADDRESS:PORT] [--resolve NAME:PORT:ADDRESS] "
			"[--timeout-ms N] [--tries N] [--repeat N] mx|host NAME\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *servers[LIST_MAX], *pins[LIST_MAX];
	struct dns_options options = {.servers = servers, .pins = pins};
	struct resolver_request request = {.port = 25};
	struct resolver_user user = {.on_answer = on_answer};
	struct dns_counters counters;
	struct err e = {0};
	struct resolver *r;
	long repeat = 1;
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--resolver") == 0 && options.server_count < LIST_MAX)
			servers[options.server_count++] = argv[i + 1];
		else if (strcmp(argv[i], "--resolve") == 0 && options.pin_count < LIST_MAX)
			pins[options.pin_count++] = argv[i + 1];
		else if (strcmp(argv[i], "--timeout-ms") == 0)
			options.timeout_ns = strtol(argv[i + 1], NULL, 10) * NS_PER_MS;
		else if (strcmp(argv[i], "--tries") == 0)
			options.tries = (int)strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--repeat") == 0)
			repeat = strtol(argv[i + 1], NULL, 10);
		else
			return usage();
	}
	if (i + 2 != argc || (strcmp(argv[i], "mx") != 0 && strcmp(argv[i], "host") != 0))
		return usage();
	request.question = strcmp(argv[i], "mx") == 0 ? RESOLVE_DOMAIN : RESOLVE_HOST;
	request.name = argv[i + 1];

	r = dns_new(&options, &e);
	if (!r) {
		fprintf(stderr, "ask: %s\n", e.text);
		return (int)e.status;
	}
	for (; repeat > 0; repeat--) {
		if (resolver_ask(r, &request, &user, &e) < 0) {
			fprintf(stderr, "ask: %s\n", e.text);
			resolver_free(r);
			return (int)e.status;
		}
		while (resolver_turn(r, TIME_NEVER) > 0)
			continue;
	}
	dns_counters_read(r, &counters);
	printf("queries %llu\n", (unsigned long long)counters.queries);
	resolver_free(r);
	return 0;
}
