/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposing.c - profiles made by hand, and sessions that ask an imposer, on a clock that a test
 * moves
 */
#include "imposing.h"
#include <stdio.h>
#include <string.h>

/* A whole number of days and a bit: windows do not begin at zero. */
#define WALL_START (INT64_C(1800000000) * NS_PER_SEC)

static char last_said[2048];
static bool last_close;
static const char *last_user; /* of this test's session under way */

void hand_profile_init(struct hand_profile *p, const char *name)
{
	*p = (struct hand_profile){0};
	snprintf(p->profile.name, sizeof(p->profile.name), "%s", name);
	p->profile.title = p->profile.provider = name;
	p->profile.rules = p->rules;
}

int hand_limit(struct hand_profile *p, const char *name, uint64_t amount, enum limit_unit unit,
	       enum limit_scope scope, enum limit_window window, int64_t period_ns)
{
	p->profile.limits[p->profile.limit_count] = (struct profile_limit){
		.name = name,
		.limit =
			{
				.unit = unit,
				.scope = scope,
				.window = window,
				.amount = amount,
				.period_ns = period_ns,
				.burst = window == LIMIT_SMOOTH ? amount : 0,
			},
	};
	return p->profile.limit_count++;
}

int hand_rule(struct hand_profile *p, enum profile_cause when, enum phase at, const char *say)
{
	struct profile_rule *r = &p->rules[p->profile.rule_count];

	*r = (struct profile_rule){
		.name = say,
		.when = when,
		.limit = -1,
		.at = at,
		.say = span_of(say),
		.class = CLASS_THROTTLED,
	};
	return p->profile.rule_count++;
}

int hand_over(struct hand_profile *p, int limit, enum phase at, const char *say)
{
	int i = hand_rule(p, CAUSE_OVER, at, say);

	p->rules[i].limit = limit;
	return i;
}

static int64_t clock_of_test(struct clock *self)
{
	return ((struct imposing *)self)->now_ns;
}

static int64_t wall_of_test(struct clock *self)
{
	return WALL_START + ((struct imposing *)self)->now_ns;
}

void imposing_init(struct imposing *m)
{
	*m = (struct imposing){
		.clock = {.now = clock_of_test, .wall_ns = wall_of_test},
		.now_ns = 5 * NS_PER_SEC,
	};
	sink_plan_init(&m->plan);
	m->plan.name = "sink.example";
}

void imposing_add(struct imposing *m, const struct hand_profile *p)
{
	struct sink_imposition at = {.profile = &p->profile};
	struct err e = {0};

	if (sink_plan_impose(&m->plan, &at, &e) < 0)
		fail_msg("%s", e.text);
}

void imposing_start(struct imposing *m)
{
	struct err e = {0};

	m->imposer = imposer_new(&m->plan, &m->clock, &e);
	if (!m->imposer)
		fail_msg("%s", e.text);
}

void imposing_prepare(struct imposing *m, struct hand_profile *p)
{
	imposing_init(m);
	hand_profile_init(p, "hand");
}

void imposing_begin(struct imposing *m, const struct hand_profile *p)
{
	imposing_add(m, p);
	imposing_start(m);
}

void imposing_fini(struct imposing *m)
{
	imposer_free(m->imposer);
	sink_plan_fini(&m->plan);
}

static struct endpoint endpoint_of(const char *address, uint16_t port)
{
	struct endpoint e;

	assert_true(endpoint_parse_address(span_of(address[0] ? address : "192.0.2.1"), &e));
	e.port = port;
	return e;
}

/* Takes what is to be said. True: nothing is. */
static bool take(struct imposer_session *x)
{
	const struct imposer_reply *r = imposer_reply(x);
	size_t len = r ? r->lines.len : 0;

	last_said[0] = '\0';
	last_close = r && r->does_close;
	if (!r)
		return true;
	assert_true(len < sizeof(last_said));
	if (len > 0) {
		assert_true(len > 2 && memcmp(r->lines.data + len - 2, "\r\n", 2) == 0);
		memcpy(last_said, r->lines.data, len - 2);
		last_said[len - 2] = '\0';
	}
	return false;
}

/* What the sink does with an answer. Returns the code that was said; 0: the connection ends. */
static int settle(struct imposing *m, struct imposer_session *x, enum smtp_verb verb, int good,
		  uint64_t size)
{
	const struct imposer_reply *r = imposer_reply(x);
	int code = r ? r->code : good;

	imposer_said(x);
	if (code > 0)
		imposer_settled(x, verb, code, true, code / 100 == 2, size, m->now_ns);
	return code;
}

struct imposer_session *client_at(struct imposing *m, const char *address, const char *local,
				  uint16_t port, bool is_lmtp, bool *is_refused)
{
	struct endpoint peer = endpoint_of(address, 40000), at = endpoint_of(local, port);
	struct imposer_facts facts = {.peer = &peer,
				      .local = &at,
				      .can_seal = true,
				      .can_login = true,
				      .is_lmtp = is_lmtp};
	struct imposer_question q = {.step = AT_BANNER, .now_ns = m->now_ns, .recipient_idx = -1};
	struct imposer_session *x = imposer_session_new(m->imposer, &facts);
	bool was_refused;

	last_user = NULL;
	assert_non_null(x);
	was_refused = imposer_ask(x, &q);
	assert_int_equal(was_refused, !take(x));
	imposer_said(x);
	if (is_refused)
		*is_refused = was_refused;
	else
		assert_false(was_refused);
	return x;
}

struct imposer_session *client(struct imposing *m, const char *address, bool *is_refused)
{
	return client_at(m, address, "192.0.2.200", 25, false, is_refused);
}

void leave(struct imposing *m, struct imposer_session *x)
{
	imposer_session_free(x, m->now_ns);
}

bool login(struct imposing *m, struct imposer_session *x, const char *user)
{
	struct imposer_question q = {
		.step = AT_AUTH,
		.now_ns = m->now_ns,
		.user = user,
		.is_sealed = true,
		.has_failed = user == NULL,
		.recipient_idx = -1,
	};
	bool is_good;

	imposer_ask(x, &q);
	is_good = take(x);
	settle(m, x, SMTP_VERB_AUTH, user ? 235 : 535, 0);
	return is_good;
}

bool mail(struct imposing *m, struct imposer_session *x, const char *user, const char *from,
	  uint64_t size)
{
	struct imposer_question q = {
		.step = AT_MAIL,
		.now_ns = m->now_ns,
		.path = span_of(from),
		.size = size,
		.user = user,
		.is_sealed = true,
		.recipient_idx = -1,
	};
	bool is_good;

	last_user = user;
	imposer_ask(x, &q);
	is_good = take(x);
	settle(m, x, SMTP_VERB_MAIL, 250, 0);
	return is_good;
}

bool rcpt(struct imposing *m, struct imposer_session *x, const char *to)
{
	struct imposer_question q = {
		.step = AT_RCPT,
		.now_ns = m->now_ns,
		.path = span_of(to),
		.user = last_user,
		.is_sealed = true,
		.recipient_idx = -1,
	};
	bool is_good;

	imposer_ask(x, &q);
	is_good = take(x);
	settle(m, x, SMTP_VERB_RCPT, 250, 0);
	return is_good;
}

bool data(struct imposing *m, struct imposer_session *x)
{
	struct imposer_question q = {.step = AT_DATA,
				     .now_ns = m->now_ns,
				     .user = last_user,
				     .is_sealed = true,
				     .recipient_idx = -1};
	bool is_good;

	imposer_ask(x, &q);
	is_good = take(x);
	settle(m, x, SMTP_VERB_DATA, 354, 0);
	return is_good;
}

bool dot(struct imposing *m, struct imposer_session *x, uint64_t size, int code)
{
	struct imposer_question q = {
		.step = AT_ACCEPT,
		.now_ns = m->now_ns,
		.size = size,
		.user = last_user,
		.is_sealed = true,
		.recipient_idx = -1,
	};
	bool is_good;

	imposer_ask(x, &q);
	is_good = take(x);
	settle(m, x, SMTP_VERB_DOT, code, size);
	return is_good;
}

bool message(struct imposing *m, struct imposer_session *x)
{
	return mail(m, x, NULL, "a@b.example", 0) && rcpt(m, x, "c@d.example") && data(m, x) &&
	       dot(m, x, 100, 250);
}

const char *said(void)
{
	return last_said;
}

bool said_close(void)
{
	return last_close;
}
