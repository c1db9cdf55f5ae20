/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_network.c - paths, rules, ports, windows: what a simulated network does to a connection
 */
#include "support.h"
#include <stdio.h>

#define MS     NS_PER_MS
#define OCTETS 1000

struct net {
	struct sim *sim;
	struct transport *client, *server;
	struct stepper client_stepper, server_stepper;
	struct endpoint at;
	struct listening listening;
	int64_t start_ns;
};

static char payload[OCTETS];

static void net_open(struct net *n, const struct sim_options *options)
{
	*n = (struct net){.sim = options ? sim_new(options, NULL) : new_world(1, MS)};
	assert_non_null(n->sim);
	n->client = new_transport(n->sim);
	n->server = new_transport(n->sim);
	n->at = address("192.0.2.25", 25);
	listening_open(&n->listening, n->server, &n->at, NULL);
	stepper_add(&n->client_stepper, n->sim, n->client);
	stepper_add(&n->server_stepper, n->sim, n->server);
	n->start_ns = clock_now(sim_clock(n->sim));
	for (int i = 0; i < OCTETS; i++)
		payload[i] = (char)('a' + i % 26);
}

static void net_close(struct net *n)
{
	transport_free(n->client);
	transport_free(n->server);
	sim_free(n->sim);
}

static void add_rule(struct net *n, struct sim_rule rule, const char *to)
{
	struct err e = {0};

	assert_true(sim_pattern_parse(span_of(to), &rule.to));
	if (sim_rule_add(n->sim, &rule, &e) < 0)
		fail_msg("%s", e.text);
}

/* Connects, and runs until nothing is left to happen. */
static void try_connect(struct net *n, struct user *u)
{
	user_init(u, n->client);
	user_connect(u, &n->at);
	run_dry(n->sim);
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *address;
		uint16_t port;
		bool matches;
	} cases[] = {
		{"*", "192.0.2.7", 25, true},
		{"*", "2001:db8::1", 25, true},
		{"*:25", "2001:db8::1", 25, true},
		{"*:25", "2001:db8::1", 26, false},
		{"192.0.2.7", "192.0.2.7", 99, true},
		{"192.0.2.7", "192.0.2.6", 99, false},
		{"192.0.2.0/24", "192.0.2.200", 25, true},
		{"192.0.2.0/25", "192.0.2.200", 25, false},
		{"192.0.2.128/25:25", "192.0.2.200", 25, true},
		{"192.0.2.128/25:25", "192.0.2.200", 26, false},
		{"0.0.0.0/0", "203.0.113.1", 25, true},
		{"0.0.0.0/0", "::1", 25, false},
		{"2001:db8::/32", "2001:db8:1::5", 25, true},
		{"[2001:db8::]/32", "2001:db9::5", 25, false},
		{"[2001:db8::5]:25", "2001:db8::5", 25, true},
		{"[2001:db8::5]:25", "2001:db8::5", 465, false},
		{"[2001:db8::]/33:25", "2001:db8:7fff::5", 25, true},
		{"[2001:db8::]/33:25", "2001:db8:8000::5", 25, false},
	};
	static const char *const broken[] = {
		"",	   "x",	   "192.0.2.7:", "192.0.2.7:0", "192.0.2.7:66000", "192.0.2.0/33",
		"::1/129", "[::1", "[::1]:x",	 "*/8",		"192.0.2.0/",
	};
	struct sim_pattern p;
	struct endpoint path;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e = address(cases[i].address, cases[i].port);

		if (!sim_pattern_parse(span_of(cases[i].pattern), &p))
			fail_msg("%s is not understood", cases[i].pattern);
		if (sim_pattern_matches(&p, &e) != cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].address);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		if (sim_pattern_parse(span_of(broken[i]), &p))
			fail_msg("\"%s\" is understood", broken[i]);
	assert_true(endpoint_from_path(SPAN("/run/a"), &path));
	assert_true(sim_pattern_parse(SPAN("unix:/run/a"), &p) && sim_pattern_matches(&p, &path));
	assert_true(sim_pattern_parse(SPAN("unix:"), &p) && sim_pattern_matches(&p, &path));
	assert_true(sim_pattern_parse(SPAN("unix:/run/b"), &p) && !sim_pattern_matches(&p, &path));
}

static void failures_by_rule(void **state)
{
	static const struct {
		enum link_end end;
		int64_t after_ns;
		const char *log;
	} cases[] = {
		{LINK_END_REFUSED, 2 * MS, "C(refused)"},
		{LINK_END_TIMED_OUT, 30 * NS_PER_SEC, "C(timed out)"},
		{LINK_END_UNREACHABLE, 0, "C(unreachable)"},
		{LINK_END_NO_PORTS, 0, "C(no local port)"},
		{LINK_END_DENIED, 0, "C(denied here)"},
		{LINK_END_NO_DESCRIPTORS, 0, "C(no descriptor)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net n;
		struct user u;

		net_open(&n, NULL);
		add_rule(&n,
			 (struct sim_rule){.effect = SIM_FAIL,
					   .end = cases[i].end,
					   .after_ns = cases[i].after_ns},
			 "192.0.2.0/24:25");
		try_connect(&n, &u);
		assert_string_equal(u.log, cases[i].log);
		assert_int_equal(u.closed_ns - n.start_ns, cases[i].after_ns);
		assert_int_equal(n.listening.count, 0);
		sim_rules_clear(n.sim);
		try_connect(&n, &u);
		assert_string_equal(u.log, "O");
		net_close(&n);
	}
}

static void rules_have_times(void **state)
{
	struct net n;
	struct user users[3];

	(void)state;
	net_open(&n, NULL);
	add_rule(&n,
		 (struct sim_rule){.effect = SIM_FAIL,
				   .end = LINK_END_REFUSED,
				   .since_ns = n.start_ns + 10 * MS,
				   .until_ns = n.start_ns + 20 * MS},
		 "*");
	for (int i = 0; i < 3; i++) {
		/* A deadline keeps the world going until it is time for the next. */
		user_init(&users[i], n.client);
		user_connect(&users[i], &n.at);
		if (users[i].link)
			link_deadline(users[i].link, n.start_ns + (i + 1) * 10 * MS + MS);
		sim_run(n.sim, n.start_ns + (i + 1) * 10 * MS + i, NULL);
	}
	run_dry(n.sim);
	assert_string_equal(users[0].log, "OL");
	assert_string_equal(users[1].log, "C(refused)");
	net_close(&n);
}

static void rules_have_odds(void **state)
{
	static struct user users[400];
	struct net n;
	int refused = 0;

	(void)state;
	net_open(&n, NULL);
	sim_remove(n.sim, &n.server_stepper.actor); /* the backlog is enough here */
	add_rule(
		&n,
		(struct sim_rule){.effect = SIM_FAIL, .end = LINK_END_REFUSED, .probability = 0.25},
		"*");
	for (int i = 0; i < 400; i++) {
		user_init(&users[i], n.client);
		user_connect(&users[i], &n.at);
	}
	run_dry(n.sim);
	for (int i = 0; i < 400; i++)
		refused += strcmp(users[i].log, "C(refused)") == 0;
	assert_in_range(refused, 70, 130);
	net_close(&n);
}

static void nonsense_is_no_rule(void **state)
{
	static const struct sim_rule rules[] = {
		{.effect = SIM_FAIL, .end = LINK_END_NONE},
		{.effect = SIM_FAIL, .end = LINK_END_RESET},
		{.effect = SIM_FAIL, .end = LINK_END_REFUSED, .probability = 1.1},
		{.effect = SIM_FAIL, .end = LINK_END_REFUSED, .after_ns = -1},
		{.effect = SIM_PATH, .path.delay_ns = -1},
		{.effect = SIM_PATH, .path.loss = 2},
	};
	struct sim *s = new_world(1, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct err e = {0};

		assert_int_equal(sim_rule_add(s, &rules[i], &e), -1);
		assert_int_equal(e.status, EXIT_USAGE);
	}
	sim_free(s);
}

static void paths_by_rule(void **state)
{
	struct net n;
	struct user u;

	(void)state;
	net_open(&n, NULL);
	add_rule(&n, (struct sim_rule){.effect = SIM_PATH, .path.delay_ns = 40 * MS}, "*:25");
	add_rule(&n, (struct sim_rule){.effect = SIM_PATH, .path.delay_ns = 80 * MS}, "*");
	try_connect(&n, &u);
	assert_int_equal(u.opened_ns - n.start_ns, 80 * MS);
	net_close(&n);
}

static void bandwidth_takes_time(void **state)
{
	struct net n;
	struct user u;

	(void)state;
	net_open(&n, NULL);
	add_rule(&n, (struct sim_rule){.effect = SIM_PATH, .path = {MS, 0, 10 * OCTETS, 0, 0}},
		 "*");
	user_init(&u, n.client);
	u.greeting = payload;
	u.greeting_len = OCTETS;
	user_connect(&u, &n.at);
	run_dry(n.sim);
	/* Opened after 2 ms, then 1,000 octets at 10,000 a second, and one way. */
	assert_int_equal(n.listening.users[0].first_byte_ns - n.start_ns, 103 * MS);
	net_close(&n);
}

static void jitter_keeps_order(void **state)
{
	struct net n;
	struct user u;

	(void)state;
	net_open(&n,
		 &(struct sim_options){.seed = 3, .path = {.delay_ns = MS, .jitter_ns = 50 * MS}});
	n.listening.echoes = true;
	user_init(&u, n.client);
	user_connect(&u, &n.at);
	run_dry(n.sim);
	for (int i = 0; i < 40; i++) {
		user_send(&u, payload + i, 1);
		/* The wake-up of SENT alone, so that many segments are under way at once. */
		assert_int_equal(sim_run(n.sim, clock_now(sim_clock(n.sim)) + MS, NULL),
				 SIM_REACHED);
		while (u.link->is_sending)
			sim_run(n.sim, clock_now(sim_clock(n.sim)) + MS, NULL);
	}
	run_dry(n.sim);
	assert_int_equal(u.received, 40);
	assert_memory_equal(u.text, payload, 40);
	net_close(&n);
}

/* RFC 6298's back-off: a SYN that is lost comes again after 1, 3, 7 ... s. */
static void lost_syns_are_repeated(void **state)
{
	int on_time = 0, late = 0, never = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct net n;
		struct user u;
		int64_t took_ns;

		net_open(&n, &(struct sim_options){.seed = seed,
						   .path = {.delay_ns = MS, .loss = 0.6}});
		try_connect(&n, &u);
		took_ns = (u.opened_ns ? u.opened_ns : u.closed_ns) - n.start_ns;
		if (u.opened_ns == 0) {
			assert_string_equal(u.log, "C(timed out)");
			assert_int_equal(took_ns, 127 * NS_PER_SEC);
			never++;
		} else {
			int64_t seconds = took_ns / NS_PER_SEC;

			assert_int_equal(took_ns % NS_PER_SEC, 2 * MS);
			assert_int_equal(seconds & (seconds + 1), 0);
			*(seconds == 0 ? &on_time : &late) += 1;
		}
		net_close(&n);
	}
	assert_true(on_time > 10 && late > 10);
	assert_true(never < 10);
}

static void full_backlog_delays(void **state)
{
	struct net n;
	struct user users[3];
	struct endpoint at = address("192.0.2.26", 25);
	struct listening l;

	(void)state;
	net_open(&n, NULL);
	listening_open(&l, n.server, &at, &(struct listen_options){.backlog = 2});
	n.server->ops->listener_pause(l.listener, true);
	for (int i = 0; i < 3; i++) {
		user_init(&users[i], n.client);
		user_connect(&users[i], &at);
	}
	sim_run(n.sim, n.start_ns + 500 * MS, NULL);
	assert_string_equal(users[1].log, "O");
	assert_string_equal(users[2].log, "");
	n.server->ops->listener_pause(l.listener, false);
	run_dry(n.sim);
	assert_string_equal(users[2].log, "O");
	assert_int_equal(users[2].opened_ns - n.start_ns, NS_PER_SEC + 2 * MS);
	net_close(&n);
}

static void ports_run_out(void **state)
{
	struct sim_options o = {.path.delay_ns = MS, .port_first = 40000, .port_last = 40002};
	struct net n;
	struct user users[5];

	(void)state;
	net_open(&n, &o);
	for (int i = 0; i < 4; i++) {
		user_init(&users[i], n.client);
		user_connect(&users[i], &n.at);
	}
	run_dry(n.sim);
	for (int i = 0; i < 3; i++)
		assert_string_equal(users[i].log, "O");
	assert_string_equal(users[3].log, "C(no local port)");
	/* A port is free again once both ends have closed. */
	link_close(users[1].link);
	run_dry(n.sim);
	try_connect(&n, &users[4]);
	assert_string_equal(users[4].log, "O");
	net_close(&n);
}

static void cut(enum sim_cut how, enum sim_direction direction, const char *client_log,
		const char *server_log, uint64_t arrived)
{
	struct net n;
	struct user u;

	net_open(&n, NULL);
	add_rule(&n,
		 (struct sim_rule){.effect = SIM_CUT,
				   .cut = how,
				   .direction = direction,
				   .after_bytes = 600,
				   .after_ns = 9 * NS_PER_SEC},
		 "*");
	user_init(&u, n.client);
	u.greeting = payload;
	u.greeting_len = OCTETS;
	user_connect(&u, &n.at);
	run_dry(n.sim);
	assert_string_equal(u.log, client_log);
	assert_string_equal(n.listening.users[0].log, server_log);
	assert_int_equal(n.listening.users[0].received, arrived);
	if (how == SIM_CUT_STALL)
		assert_int_equal(u.closed_ns - n.start_ns, 9 * NS_PER_SEC + 2 * MS);
	net_close(&n);
}

static void cuts(void **state)
{
	(void)state;
	cut(SIM_CUT_RESET, SIM_BOTH_WAYS, "OSC(reset)", "ABC(reset)", 600);
	cut(SIM_CUT_RESET, SIM_TO_SERVER, "OSC(reset)", "ABC(reset)", 600);
	cut(SIM_CUT_RESET, SIM_TO_CLIENT, "OS", "AB", OCTETS);
	cut(SIM_CUT_CLOSE, SIM_TO_SERVER, "OSC(closed early)", "ABC(closed early)", 600);
	cut(SIM_CUT_STALL, SIM_TO_SERVER, "OSC(timed out)", "AB", 600);
}

static void splitting(void **state)
{
	static const enum sim_split splits[] = {SIM_SPLIT_NONE, SIM_SPLIT_OCTETS, SIM_SPLIT_RANDOM};
	int pieces[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct net n;
		struct user u;
		const struct user *peer;

		net_open(&n, &(struct sim_options){.path.split = splits[i]});
		peer = &n.listening.users[0];
		user_init(&u, n.client);
		u.greeting = payload;
		u.greeting_len = OCTETS;
		user_connect(&u, &n.at);
		run_dry(n.sim);
		assert_int_equal(peer->received, OCTETS);
		assert_memory_equal(peer->text, payload, sizeof(peer->text) - 1);
		pieces[i] = peer->piece_count;
		if (splits[i] == SIM_SPLIT_RANDOM)
			assert_true(peer->piece_max > 1);
		net_close(&n);
	}
	assert_int_equal(pieces[0], 1);
	assert_int_equal(pieces[1], OCTETS);
	assert_true(pieces[2] > 5 && pieces[2] < OCTETS);
}

/* A random piece also joins segments that arrived together. */
static void splitting_joins(void **state)
{
	struct net n;
	struct user u, *peer;

	(void)state;
	net_open(&n, &(struct sim_options){.seed = 5, .path.split = SIM_SPLIT_RANDOM});
	peer = &n.listening.users[0];
	user_init(&u, n.client);
	user_connect(&u, &n.at);
	run_dry(n.sim);
	link_receive(peer->link, false);
	for (int i = 0; i < 100; i++) {
		user_send(&u, payload + i, 1);
		run_dry(n.sim);
	}
	assert_int_equal(peer->received, 0);
	link_receive(peer->link, true);
	run_dry(n.sim);
	assert_int_equal(peer->received, 100);
	assert_true(peer->piece_count < 100 && peer->piece_max > 1);
	assert_memory_equal(peer->text, payload, 100);
	net_close(&n);
}

static void shared_ports(void **state)
{
	struct net n;
	struct listen_options o = {.share_port = true};
	struct endpoint at = address("192.0.2.26", 25);
	struct user users[40];
	static struct listening a, b;

	(void)state;
	net_open(&n, NULL);
	listening_open(&a, n.server, &at, &o);
	listening_open(&b, n.client, &at, &o);
	assert_null(transport_listen(n.server, &at, NULL, &a.base, NULL));
	for (int i = 0; i < 40; i++) {
		user_init(&users[i], n.client);
		user_connect(&users[i], &at);
	}
	run_dry(n.sim);
	assert_int_equal(a.count + b.count, 40);
	assert_true(a.count > 5 && b.count > 5);
	net_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(failures_by_rule),
		cmocka_unit_test(rules_have_times),
		cmocka_unit_test(rules_have_odds),
		cmocka_unit_test(nonsense_is_no_rule),
		cmocka_unit_test(paths_by_rule),
		cmocka_unit_test(bandwidth_takes_time),
		cmocka_unit_test(jitter_keeps_order),
		cmocka_unit_test(lost_syns_are_repeated),
		cmocka_unit_test(full_backlog_delays),
		cmocka_unit_test(ports_run_out),
		cmocka_unit_test(cuts),
		cmocka_unit_test(splitting),
		cmocka_unit_test(splitting_joins),
		cmocka_unit_test(shared_ports),
	};

	return cmocka_run_group_tests_name("sim: network", tests, NULL, NULL);
}
