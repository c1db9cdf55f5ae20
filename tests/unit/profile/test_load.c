/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_load.c - a document as a profile: what each key becomes, and what is said of wrong values
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/clock.h"
#include "folder.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MINUTE	     (60 * NS_PER_SEC)
#define HOUR	     (60 * MINUTE)

static void assert_span(struct span s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.data, text, s.len);
}

static const char whole[] =
	"title: Example Mail\n"
	"about: One. Two.\n"
	"provider: Example\n"
	"recognise: 'example\\.net'\n"
	"match: {mx: ['*.example.net', mx.example.org], domains: [example.net], relays: "
	"r.example}\n"
	"submission:\n"
	"  servers:\n"
	"    - {host: smtp.example.net, port: 587, security: starttls}\n"
	"    - {host: smtp.example.net, port: 465, security: tls}\n"
	"  auth: [plain, cram-md5]\n"
	"  user: full address\n"
	"  requires: [login, tls]\n"
	"headroom: 12.5%\n"
	"limits:\n"
	"  open: {max: 5, of: connections, per: source, source: D, sure: documented}\n"
	"  hourly: {max: 200/h, of: messages, per: account, window: fixed, reset: '00:15',\n"
	"           counts: accepted}\n"
	"  fast: {max: 30/1m, of: recipients, per: site, burst: 4}\n"
	"  volume: {max: 10GB/d, of: octets, per: sender, window: rolling}\n"
	"  size: {max: 25MB, of: octets, per: message}\n"
	"  each: {max: 1k, of: messages, per: connection}\n"
	"retry: {factor: 1.5, jitter: 0%}\n"
	"reputation: {start: warming, new: 5%, warming: 30%, good: 100%, poor: 0.1%, rise: 1000,\n"
	"             fall: 20/1m, heal: 1h}\n"
	"replies:\n"
	"  quick:\n"
	"    phase: [mail, rcpt]\n"
	"    code: [421, 4xx]\n"
	"    enhanced: 4.7.x\n"
	"    text: 'too (fast|quick)'\n"
	"    class: throttled\n"
	"    dial: connections\n"
	"    do: slow 33.3%\n"
	"    trigger: 5/10m\n"
	"    when: {over: hourly}\n"
	"    say: \"421-4.7.9 Too fast for {ip},\\n421 4.7.9 too quick\"\n"
	"    then: close\n"
	"    cause: c\n"
	"    remedy: r\n"
	"  list: {text: 'bad place', class: blocklisted, permanence: hard}\n"
	"  full: {code: 450, text: 'no room', class: unknown-user, do: retry reply}\n"
	"  wait: {text: 'come back tomorrow', class: quota-exhausted, do: pause window}\n"
	"sources:\n"
	"  D: {what: the manual, date: 2026-02-12}\n";

static void check_limits(const struct profile *p)
{
	static const struct limit expected[] = {
		{LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, LIMIT_AT_ONCE, .amount = 5,
		 .sureness = SURE_DOCUMENTED},
		{LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, LIMIT_FIXED, .counts_accepted = true,
		 .amount = 200, .period_ns = HOUR, .reset_ns = 15 * MINUTE},
		{LIMIT_RECIPIENTS, LIMIT_PER_SITE, LIMIT_SMOOTH, .amount = 30, .period_ns = MINUTE,
		 .burst = 4},
		{LIMIT_OCTETS, LIMIT_PER_SENDER, LIMIT_ROLLING, .amount = 10000000000,
		 .period_ns = 24 * HOUR},
		{LIMIT_OCTETS, LIMIT_PER_MESSAGE, LIMIT_AT_ONCE, .amount = 25000000},
		{LIMIT_MESSAGES, LIMIT_PER_CONNECTION, LIMIT_AT_ONCE, .amount = 1000},
	};

	assert_int_equal(p->limit_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		const struct limit *a = &p->limits[i].limit, *b = &expected[i];

		assert_int_equal(a->unit, b->unit);
		assert_int_equal(a->scope, b->scope);
		assert_int_equal(a->window, b->window);
		assert_int_equal(a->counts_accepted, b->counts_accepted);
		assert_int_equal(a->amount, b->amount);
		assert_int_equal(a->period_ns, b->period_ns);
		assert_int_equal(a->burst, b->burst);
		assert_int_equal(a->reset_ns, b->reset_ns);
		assert_int_equal(a->sureness, b->sureness);
	}
	assert_string_equal(p->limits[0].name, "open");
	assert_string_equal(p->limits[0].source, "D");
	assert_null(p->limits[1].source);
	assert_int_equal(p->limits[1].place.line, 16);
	assert_ptr_equal(profile_find_limit(p, LIMIT_OCTETS, LIMIT_PER_SENDER, LIMIT_ROLLING),
			 &p->limits[3]);
	assert_null(profile_find_limit(p, LIMIT_OCTETS, LIMIT_PER_SENDER, LIMIT_FIXED));
}

static void check_rules(const struct profile *p)
{
	const struct profile_rule *r = p->rules;

	assert_int_equal(p->rule_count, 6);
	assert_int_equal(p->own_rule_count, 4);
	assert_string_equal(r->name, "quick");
	assert_int_equal(r->place.line, 26);
	assert_int_equal(r->phases, 1u << PHASE_MAIL | 1u << PHASE_RCPT);
	assert_int_equal(r->code_count, 2);
	assert_int_equal(r->codes[0], 421);
	assert_int_equal(r->codes[1], 400);
	assert_false(r->is_code_class[0]);
	assert_true(r->is_code_class[1]);
	assert_span(r->enhanced, "4.7.x");
	assert_span(r->text, "too (fast|quick)");
	assert_int_equal(r->class, CLASS_THROTTLED);
	assert_int_equal(r->permanence, PERMANENCE_SOFT);
	assert_int_equal(r->scope, SCOPE_SOURCE);
	assert_int_equal(r->dial, DIAL_CONNECTIONS);
	assert_int_equal(r->action, ACTION_SLOW);
	assert_int_equal(r->slow_millis, 333);
	assert_int_equal(r->trigger_count, 5);
	assert_int_equal(r->trigger_ns, 10 * MINUTE);
	assert_int_equal(r->when, CAUSE_OVER);
	assert_int_equal(r->limit, 1);
	assert_int_equal(r->at, PHASE_MAIL);
	assert_span(r->say, "421-4.7.9 Too fast for {ip},\n421 4.7.9 too quick");
	assert_true(r->does_close);
	assert_string_equal(r->cause, "c");
	assert_string_equal(r->remedy, "r");

	/* Overridden: no longer curable, so no longer tried from another source. */
	assert_int_equal(r[1].permanence, PERMANENCE_HARD);
	assert_int_equal(r[1].retry, RETRY_NEVER);
	/* A class that is hard by itself, on 4xx replies alone. */
	assert_int_equal(r[2].permanence, PERMANENCE_SOFT);
	assert_int_equal(r[2].retry, RETRY_SAME);
	assert_int_equal(r[2].action, ACTION_RETRY);
	assert_true(r[2].holds_reply);
	assert_int_equal(r[2].trigger_count, 1);
	assert_int_equal(r[2].limit, -1);
	assert_int_equal(r[3].action, ACTION_PAUSE);
	assert_true(r[3].holds_window);
	assert_int_equal(r[3].scope, SCOPE_ACCOUNT);
	assert_string_equal(r[4].name, "busy");
}

static void test_whole(void **state)
{
	struct folder f;
	const struct profile *p;

	(void)state;
	folder_open(&f);
	folder_write(&f, "whole.yaml", whole);
	p = folder_load(&f, "whole");
	assert_string_equal(p->name, "whole");
	assert_string_equal(p->title, "Example Mail");
	assert_string_equal(p->about, "One. Two.");
	assert_string_equal(p->provider, "Example");
	assert_span(p->recognise, "example\\.net");
	assert_int_equal(p->mx_count, 2);
	assert_span(p->mx[0], "*.example.net");
	assert_int_equal(p->relay_count, 1);
	assert_span(p->relays[0], "r.example");
	assert_int_equal(p->submission.server_count, 2);
	assert_string_equal(p->submission.servers[1].host, "smtp.example.net");
	assert_int_equal(p->submission.servers[1].port, 465);
	assert_int_equal(p->submission.servers[1].security, PROFILE_TLS);
	assert_int_equal(p->submission.mechanism_count, 2);
	assert_span(p->submission.mechanisms[1], "CRAM-MD5");
	assert_string_equal(p->submission.user, "full address");
	assert_null(p->submission.password);
	assert_true(p->submission.needs_login && p->submission.needs_tls);
	assert_int_equal(p->headroom_millis, 125);
	assert_int_equal(profile_below_headroom(p, 200), 175);
	assert_int_equal(profile_below_headroom(p, 1), 1);
	assert_int_equal(p->retry.first_ns, 10 * MINUTE);
	assert_int_equal(p->retry.factor_millis, 1500);
	assert_int_equal(p->retry.jitter_millis, 0);
	assert_int_equal(p->retry.give_up_ns, 72 * HOUR);
	assert_true(p->reputation.is_given);
	assert_int_equal(p->reputation.start, REPUTATION_WARMING);
	assert_int_equal(p->reputation.share_millis[REPUTATION_POOR], 1);
	assert_int_equal(p->reputation.fall_refusals, 20);
	check_limits(p);
	check_rules(p);
	folder_close(&f);
}

static void test_least(void **state)
{
	struct folder f;
	const struct profile *p;

	(void)state;
	folder_open(&f);
	folder_write(&f, "least.yaml", "title: Least\n");
	p = folder_load(&f, "least");
	assert_string_equal(p->provider, "least");
	assert_int_equal(p->headroom_millis, 200);
	assert_int_equal(p->rule_count, 2);
	assert_int_equal(p->own_rule_count, 0);
	assert_int_equal(p->submission.server_count, 0);
	assert_false(p->reputation.is_given);
	/* The base is a profile as well, and needs no title. */
	assert_string_equal(folder_load(&f, "base")->title, "base");
	folder_close(&f);
}

/* Each stands behind "title: x" and a line end, so that its first line is the second. */
static void test_wrong_values(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *said;
	} cases[] = {
		{"titel: y\n", 2, "titel: this key is not known here, did you mean \"title\"?"},
		{"zzz: y\n", 2, "zzz: this key is not known here; known are title, about"},
		{"match:\n  max: [a.example]\n", 3,
		 "match.max: this key is not known here, did you "
		 "mean \"mx\"?"},
		{"match: {mx: ['*.a.example', 'b.example.']}\n", 2,
		 "match.mx: \"b.example.\" ends in a dot"},
		{"match:\n  mx:\n    - a.example\n    - 'a.*.example'\n", 5, "is no host name"},
		{"match: {domains: [a b]}\n", 2, "match.domains: \"a b\" is no host name"},
		{"match: [a]\n", 2, "match: a list is not allowed here"},
		{"headroom: 20\n", 2, "headroom: \"20\" is not understood, expected a share"},
		{"headroom: 100%\n", 2, "would leave next to nothing"},
		{"headroom: -5%\n", 2, "headroom: \"-5%\" is negative, expected a share"},
		{"headroom: 101%\n", 2, "expected a share"},
		{"headroom:\n", 2, "headroom: there is no value behind the colon"},
		{"retry: {first: 10}\n", 2, "retry.first: \"10\" has no unit, expected a duration"},
		{"retry:\n  first: 10 parsecs\n", 3,
		 "retry.first: \"10 parsecs\" is not understood"},
		{"retry:\n  first: -10m\n", 3, "retry.first: \"-10m\" is negative"},
		{"retry: {first: 1ms}\n", 2, "\"1ms\" is too short, expected at least 1.00 s"},
		{"retry: {give-up: 9999d}\n", 2, "\"9999d\" is too long, expected at most 366 d"},
		{"retry:\n  first: 5h\n", 2, "retry: max is shorter than first"},
		{"retry: {factor: 0.5}\n", 2, "is no factor"},
		{"retry: {factor: 2s}\n", 2, "is no factor"},
		{"retry: {jitter: 95%}\n", 2, "absurd"},
		{"retry: 10m\n", 2,
		 "retry: this is one value, and a mapping where it is inherited"},
		{"submission: {servers: []}\nsubmision: 1\n", 3, "did you mean \"submission\"?"},
		{"submission: {auth: [plain]}\n", 2, "submission: \"servers\" is missing"},
		{"submission:\n  servers:\n    - {host: h.example, port: 0, security: tls}\n", 4,
		 "submission.servers.port: \"0\" is nothing"},
		{"submission:\n  servers:\n    - {host: h.example, port: 65536, security: tls}\n",
		 4, "\"65536\" is absurd, expected at most 65,535"},
		{"submission:\n  servers:\n    - {host: h.example, port: 25, security: ssl}\n", 4,
		 "\"ssl\" is not known here"},
		{"submission:\n  servers:\n    - {host: '*.h.example', port: 25, security: tls}\n",
		 4, "is no host name"},
		{"submission:\n  servers: [{host: h, port: 25, security: tls}]\n  auth: [plane]\n",
		 4, "submission.auth: \"plane\" is not known here, did you mean \"plain\"?"},
		{"reputation: {start: good}\n", 2, "reputation: \"new\" is missing"},
		{"reputation: {start: bad, new: 1%, warming: 1%, good: 1%, poor: 1%, rise: 1,\n"
		 "             fall: 1/m, heal: 1h}\n",
		 2, "\"bad\" is not known here, expected new, warming, good, poor"},
		{"sources:\n  A: {date: 2026-01-01}\n", 3, "sources.A: \"what\" is missing"},
		{"sources:\n  A: {what: x, date: 2026-13-01}\n", 3, "\"2026-13-01\" is no date"},
		{"sources:\n  A: {what: x, date: today}\n", 3, "\"today\" is no date"},
		{"recognise: '('\n", 2, "recognise: the pattern does not compile"},
		{"extends: [a]\n", 2, "extends: expected the name of one profile"},
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512];

		snprintf(text, sizeof(text), "title: x\n%s", cases[i].text);
		folder_refuse_text(&f, text, cases[i].line, cases[i].said);
	}
	folder_refuse_text(&f, "about: y\n", 1, "\"title\" is missing");
	folder_close(&f);
}

/* Each is the value of a limit in the third line. */
static void test_wrong_limits(void **state)
{
	static const struct {
		const char *limit, *said;
	} cases[] = {
		{"{max: -5, of: connections, per: source}", "limits.l.max: \"-5\" is negative"},
		{"{max: -200/h, of: messages, per: source}", "\"-200/h\" is negative"},
		{"{max: 0, of: connections, per: source}", "\"0\" is nothing"},
		{"{max: 0/h, of: messages, per: source}", "\"0/h\" is nothing"},
		{"{max: 1.5, of: connections, per: source}", "expected a count"},
		{"{max: 5MB, of: connections, per: source}", "expected a count"},
		{"{max: 25MB/h, of: messages, per: source}", "expected a rate"},
		{"{max: 200/fortnight, of: messages, per: source}", "expected a rate"},
		{"{max: 200/0h, of: messages, per: source}", "the period of \"200/0h\" is absurd"},
		{"{max: 200/10, of: messages, per: source}", "expected a rate"},
		{"{max: 200/, of: messages, per: source}", "expected a rate"},
		{"{max: 1/1000d, of: messages, per: source}", "is absurd"},
		{"{max: 99999999999999, of: connections, per: source}", "is absurd"},
		{"{max: 25 apples, of: octets, per: message}", "expected a size"},
		{"{max: [5], of: connections, per: source}", "a list is not allowed here"},
		{"{max: 200, of: messages, per: source}", "\"200\" has no period, expected one"},
		{"{max: 200, of: recipients, per: account}", "has no period"},
		{"{max: 25MB, of: octets, per: site}", "has no period"},
		{"{max: 5/h, of: recipients, per: message}", "a limit per message has no period"},
		{"{max: 5, of: messages, per: message}", "messages are not counted per message"},
		{"{max: 5, of: connections, per: connection}",
		 "connections are not counted per connection"},
		{"{max: 5, of: mesages, per: connection}",
		 "limits.l.of: \"mesages\" is not known here, did you mean \"messages\"?"},
		{"{max: 5, of: messages, per: ip}", "\"ip\" is not known here"},
		{"{max: 5, of: messages}", "limits.l: \"per\" is missing"},
		{"{of: messages, per: connection}", "limits.l: \"max\" is missing"},
		{"{max: 5, of: messages, per: connection, every: 1h}",
		 "every: this key is not known"},
		{"{max: 5, of: connections, per: source, window: fixed}",
		 "\"fixed\" needs a period"},
		{"{max: 5/m, of: connections, per: source, window: at-once}",
		 "\"at-once\" has no period"},
		{"{max: 5/m, of: connections, per: source, window: sliding}", "\"sliding\""},
		{"{max: 5/m, of: messages, per: source, window: fixed, burst: 2}",
		 "only a smooth window has a burst"},
		{"{max: 5/m, of: messages, per: source, burst: 6}",
		 "the burst is larger than the limit"},
		{"{max: 5/m, of: messages, per: source, burst: 0}", "\"0\" is nothing"},
		{"{max: 5/d, of: messages, per: source, reset: 08:00}",
		 "only a fixed window has a reset"},
		{"{max: 5/d, of: messages, per: source, window: fixed, reset: 24:00}",
		 "\"24:00\" is not understood"},
		{"{max: 5/d, of: messages, per: source, window: fixed, reset: 8}",
		 "\"8\" is not understood"},
		{"{max: 5/h, of: messages, per: source, window: fixed, reset: 08:00}",
		 "the reset is later than the window is long"},
		{"{max: 5/h, of: messages, per: source, counts: delivered}", "\"delivered\""},
		{"{max: 5/h, of: messages, per: source, sure: documented}",
		 "limits.l.sure: what is documented has a source"},
		{"{max: 5/h, of: messages, per: source, sure: certain}", "\"certain\""},
		{"{max: 5/h, of: messages, per: source, source: NOWHERE, sure: common}",
		 "limits.l.source: there is no \"NOWHERE\" under sources"},
		{"5", "limits.l: \"5\" is not understood, expected a mapping"},
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512];

		snprintf(text, sizeof(text), "title: x\nlimits:\n  l: %s\n", cases[i].limit);
		folder_refuse_text(&f, text, 3, cases[i].said);
	}
	folder_close(&f);
}

/* Each is the value of a rule in the fifth line; a good one of the same class stands behind it. */
static void test_wrong_rules(void **state)
{
	static const struct {
		const char *rule, *said;
	} cases[] = {
		{"{code: 421}", "replies.r: \"class\" is missing"},
		{"{code: 421, class: slow}", "\"slow\" is not known here"},
		{"{code: 421, class: throtled}", "did you mean \"throttled\"?"},
		{"{code: 621, class: throttled}", "\"621\" is no reply code"},
		{"{code: 42, class: throttled}", "\"42\" is no reply code"},
		{"{code: 4x1, class: throttled}", "\"4x1\" is no reply code"},
		{"{code: [], class: throttled}", "there are 0 codes"},
		{"{code: [1], class: throttled}", "\"1\" is no reply code"},
		{"{enhanced: 4.7, class: throttled}", "\"4.7\" is no enhanced code"},
		{"{enhanced: 3.7.1, class: throttled}", "\"3.7.1\" is no enhanced code"},
		{"{enhanced: 4.7.1.1, class: throttled}", "is no enhanced code"},
		{"{enhanced: 4.7.y, class: throttled}", "is no enhanced code"},
		{"{enhanced: 4.7., class: throttled}", "is no enhanced code"},
		{"{text: 'a(b', class: throttled}",
		 "replies.r.text: the pattern does not compile at"},
		{"{text: '(a+)+$', class: throttled}", "replies.r.text: the pattern would take"},
		{"{phase: helo, code: 421, class: throttled}", "did you mean \"ehlo\"?"},
		{"{code: 421, class: throttled, permanence: temporary}", "\"temporary\""},
		{"{code: 421, class: throttled, retry: later}", "\"later\""},
		{"{code: 421, class: throttled, who: sourc}", "did you mean \"source\"?"},
		{"{code: 421, class: throttled, dial: speed}", "\"speed\""},
		{"{code: 421, class: throttled, do: wait 5m}", "\"wait 5m\" is not understood"},
		{"{code: 421, class: throttled, do: pause 5}", "\"pause 5\" is not understood"},
		{"{code: 421, class: throttled, do: pause -5m}", "is not understood"},
		{"{code: 421, class: throttled, do: slow 100%}", "is not understood"},
		{"{code: 421, class: throttled, do: slow}", "is not understood"},
		{"{code: 421, class: throttled, do: close 5m}", "is not understood"},
		{"{code: 421, class: throttled, trigger: 5}", "expected a rate"},
		{"{code: 421, class: throttled, trigger: 0/m}", "is nothing"},
		{"{code: 421, class: throttled, when: {over: hourli}, say: '421 x'}",
		 "replies.r.when.over: there is no limit \"hourli\", did you mean \"hourly\"?"},
		{"{code: 421, class: throttled, when: {over: x, octets: 5}, say: '421 x'}",
		 "there are 2 conditions"},
		{"{code: 421, class: throttled, when: {}, say: '421 x'}", "there are 0 conditions"},
		{"{code: 421, class: throttled, when: {over: }, say: '421 x'}",
		 "replies.r.when.over: there is no value"},
		{"{code: 421, class: throttled, when: over, say: '421 x'}",
		 "expected one condition"},
		{"{code: 421, class: throttled, when: {sender: known}, say: '421 x'}", "\"known\""},
		{"{code: 421, class: throttled, when: {probability: 1}, say: '421 x'}",
		 "expected a share"},
		{"{code: 421, class: throttled, when: {triplet: 5}, say: '421 x'}", "has no unit"},
		{"{code: 421, class: throttled, when: {weather: bad}, say: '421 x'}",
		 "this key is not known here"},
		{"{code: 421, class: throttled, when: {over: hourly}}", "add say"},
		{"{code: 421, class: throttled, when: {over: hourly}, say: later}",
		 "a reply begins with its code"},
		{"{code: 421, class: throttled, when: {over: hourly}, say: '421 {host} x'}",
		 "\"{host}\" is not filled in"},
		{"{code: 421, class: throttled, when: {over: hourly}, at: ehlo, say: '421 x'}",
		 "\"ehlo\" is not known here"},
		{"{code: 421, class: throttled, then: reset}", "\"reset\" is not known here"},
		{"{code: 421, class: throttled, sure: documented}", "has a source"},
		{"{code: 421, class: throttled, samples: ['hello']}",
		 "\"hello\" does not begin with a reply code"},
		{"[421]", "a list is not allowed here"},
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "title: x\nlimits:\n  hourly: {max: 1/h, of: messages, per: source}\n"
			 "replies:\n  r: %s\n",
			 cases[i].rule);
		folder_refuse_text(&f, text, 5, cases[i].said);
	}
	folder_close(&f);
}

static void test_too_many(void **state)
{
	struct folder f;
	char text[16384];
	size_t len;

	(void)state;
	folder_open(&f);
	len = (size_t)snprintf(text, sizeof(text), "title: x\nlimits:\n");
	for (int i = 0; i <= PROFILE_LIMITS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"  l%d: {max: 5, of: connections, per: source}\n", i);
	folder_refuse_text(&f, text, 3 + PROFILE_LIMITS_MAX, "there are more than 64 limits");
	len = (size_t)snprintf(text, sizeof(text),
			       "title: x\nreplies:\n  r: {class: throttled, code: [");
	for (int i = 0; i < 9; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s42%d", i > 0 ? ", " : "",
					i);
	snprintf(text + len, sizeof(text) - len, "]}\n");
	folder_refuse_text(&f, text, 3, "there are 9 codes, expected 1 to 8");
	folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	     cmocka_unit_test(test_least),
		cmocka_unit_test(test_wrong_values), cmocka_unit_test(test_wrong_limits),
		cmocka_unit_test(test_wrong_rules),  cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
