/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_record.c - records of several workers add up, and their keys lead back to words
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sender/record.h"

static void fill(struct record *r, int salt)
{
	uint64_t *counts = (uint64_t *)&r->counts;
	struct reply reply = {.code = 250, .enhanced = {2, 1, 5}, .text = SPAN("2.1.5 fine")};
	struct talk_failure f = {.cause = TALK_CAUSE_LINK,
				 .phase = PHASE_CONNECT,
				 .end = LINK_END_REFUSED,
				 .detail = ""};
	struct secure_facts facts = {"TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", salt % 2 == 0};

	for (size_t i = 0; i < RECORD_COUNTS; i++)
		counts[i] += i + (size_t)salt;
	for (int i = 0; i < 10; i++) {
		record_phase(r, PHASE_MAIL, (i + salt) * NS_PER_MS);
		record_phase(r, salt % 2 ? PHASE_RCPT : PHASE_DATA, NS_PER_MS);
		record_reply(r, SMTP_RCPT, &reply);
		record_failure(r, &f);
		record_tls(r, &facts);
	}
	record_lag(r, salt * NS_PER_US);
	record_lookup_failure(r, RESOLVER_NO_NAME, SPAN("nowhere.example"));
}

/* Merging the parts gives what recording all in one place would have given. */
static void parts_add_up(void **state)
{
	struct record whole, sum, part;
	struct err e = {0};

	(void)state;
	assert_int_equal(record_init(&whole, &e) | record_init(&sum, &e) | record_init(&part, &e),
			 0);
	for (int salt = 1; salt <= 4; salt++) {
		fill(&whole, salt);
		fill(&part, salt);
		record_merge(&sum, &part);
		record_clear(&part);
	}
	assert_memory_equal(&sum.counts, &whole.counts, sizeof(sum.counts));
	for (int i = 0; i < PHASE_COUNT; i++) {
		assert_true((sum.phases[i] == NULL) == (whole.phases[i] == NULL));
		if (sum.phases[i] != NULL)
			assert_memory_equal(sum.phases[i], whole.phases[i], sizeof(struct hdr));
	}
	assert_memory_equal(sum.lag, whole.lag, sizeof(struct hdr));
	assert_int_equal(sum.replies.total, 40);
	assert_int_equal(sum.errors.total, 44);
	assert_int_equal(sum.tls.total, 40);
	assert_int_equal(sum.tls.entry_count, 2);
	/* A cleared record is as good as new, and merging it adds nothing. */
	record_merge(&sum, &part);
	assert_memory_equal(&sum.counts, &whole.counts, sizeof(sum.counts));
	assert_int_equal(sum.replies.total, 40);
	record_fini(&whole);
	record_fini(&sum);
	record_fini(&part);
}

static void replies_are_classed(void **state)
{
	static const struct {
		uint16_t code;
		uint64_t two, four, five;
	} codes[] = {{220, 1, 0, 0}, {250, 1, 0, 0}, {354, 0, 0, 0}, {421, 0, 1, 0},
		     {450, 0, 1, 0}, {500, 0, 0, 1}, {554, 0, 0, 1}, {299, 1, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct reply reply = {.code = codes[i].code, .text = SPAN("x")};
		enum smtp_command command;
		struct reply back;
		struct record r;

		assert_int_equal(record_init(&r, NULL), 0);
		record_reply(&r, SMTP_DOT, &reply);
		assert_int_equal(r.counts.replies_2xx, codes[i].two);
		assert_int_equal(r.counts.replies_4xx, codes[i].four);
		assert_int_equal(r.counts.replies_5xx, codes[i].five);
		record_reply_of(r.replies.entries[0].key, &command, &back);
		assert_int_equal(command, SMTP_DOT);
		assert_int_equal(back.code, codes[i].code);
		record_fini(&r);
	}
}

/* Each cause in each phase has a key of its own, which leads back to it. */
static void failures_lead_back(void **state)
{
	char room[TALK_KIND_MAX], expected[TALK_KIND_MAX];
	struct record r;
	uint32_t count = 0;

	(void)state;
	assert_int_equal(record_init(&r, NULL), 0);
	for (int phase = 0; phase < PHASE_COUNT; phase++) {
		for (int cause = TALK_CAUSE_LINK; cause <= TALK_CAUSE_SMTP; cause++) {
			for (int kind = 1; kind < 13; kind++) {
				struct talk_failure f =
							    {
								    .cause = (enum talk_cause)cause,
								    .phase = (enum phase)phase,
								    .detail = "words",
							    },
						    back;
				const struct tally_entry *entry;
				enum phase back_phase;

				f.end = cause == TALK_CAUSE_LINK ? (enum link_end)kind : 0;
				f.tls = cause == TALK_CAUSE_TLS ? (enum secure_failure)kind : 0;
				f.smtp = cause == TALK_CAUSE_SMTP ? (enum smtp_fault)kind : 0;
				record_failure(&r, &f);
				assert_int_equal(r.errors.entry_count, ++count);
				entry = &r.errors.entries[count - 1];
				assert_true(span_equal(tally_sample(entry), SPAN("words")));
				snprintf(expected, sizeof(expected), "%s",
					 talk_failure_kind(&f, room));
				assert_string_equal(record_error_of(entry->key, &back_phase, room),
						    expected);
				assert_int_equal(back_phase, phase);
				assert_true(record_failure_of(entry->key, &back));
				assert_int_equal(back.cause, cause);
			}
		}
	}
	assert_int_equal(r.counts.errors, count);
	record_fini(&r);
}

static void a_failed_lookup(void **state)
{
	char room[TALK_KIND_MAX];
	struct talk_failure f;
	enum phase phase;
	struct record r;

	(void)state;
	assert_int_equal(record_init(&r, NULL), 0);
	record_lookup_failure(&r, RESOLVER_SERVFAIL, SPAN("MX of example.com"));
	assert_int_equal(r.counts.errors, 1);
	assert_string_equal(record_error_of(r.errors.entries[0].key, &phase, room),
			    "dns server failure");
	assert_int_equal(phase, PHASE_DNS);
	assert_false(record_failure_of(r.errors.entries[0].key, &f));
	record_fini(&r);
}

/* Without words of its own, a link's failure is told by the system's; unknown numbers by none. */
static void the_systems_words(void **state)
{
	struct talk_failure f = {.cause = TALK_CAUSE_LINK,
				 .phase = PHASE_CONNECT,
				 .end = LINK_END_OTHER,
				 .os_error = EHOSTDOWN,
				 .detail = ""};
	struct record r;

	(void)state;
	assert_int_equal(record_init(&r, NULL), 0);
	record_failure(&r, &f);
	assert_true(span_equal(tally_sample(&r.errors.entries[0]),
			       span_of(strerrordesc_np(EHOSTDOWN))));
	f.os_error = 100000;
	f.phase = PHASE_MAIL;
	record_failure(&r, &f);
	assert_int_equal(r.errors.entries[1].sample_len, 0);
	record_fini(&r);
}

/* A clock that is read in batches may seem to step back: that is no time at all. */
static void no_negative_times(void **state)
{
	struct record r;

	(void)state;
	assert_int_equal(record_init(&r, NULL), 0);
	record_phase(&r, PHASE_QUIT, -5000);
	assert_int_equal(r.phases[PHASE_QUIT]->total, 1);
	assert_int_equal(r.phases[PHASE_QUIT]->max_us, 0);
	record_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_add_up),	      cmocka_unit_test(replies_are_classed),
		cmocka_unit_test(failures_lead_back), cmocka_unit_test(a_failed_lookup),
		cmocka_unit_test(the_systems_words),  cmocka_unit_test(no_negative_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
