/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_message.c - sized messages: their size, their header, their repeatability, their memory
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "letter.h"
#include "mail/plan.h"
#include "scratch.h"

static void header(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){
		.size = "1k", .sender = "s%d@a.example", .recipient = "r%d@b.example"});
	struct letter l = letter_number(plan, 41);
	static const char expected[] =
		"Message-ID: <00c0ffee12345678.41@a.example>\r\n"
		"X-Volley-ID: 00c0ffee12345678-41-1700566380123456789\r\n"
		"Date: Tue, 21 Nov 2023 11:33:00 +0000\r\n"
		"From: s42@a.example\r\n"
		"To: r42@b.example\r\n"
		"Subject: volley load test, message 41 of run 00c0ffee12345678\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n"
		"\r\n";

	(void)state;
	assert_int_equal(l.chunk_len, 1024);
	assert_memory_equal(l.chunk, expected, strlen(expected));
	letter_free(&l);
	mail_plan_free(plan);
}

/* Every size from the header's on comes out exactly, and is well formed (see letter_of()). */
static void exact_sizes(void **state)
{
	(void)state;
	for (unsigned size = 1; size < 1500; size++) {
		char text[16];
		struct mail_plan *plan;
		struct letter l;

		snprintf(text, sizeof(text), "%u", size);
		plan = plan_of(&(struct mail_params){.size = text});
		l = letter_number(plan, size);
		if (size >= 400 && l.chunk_len != size)
			fail_msg("%u octets asked for, %zu made", size, l.chunk_len);
		assert_true(l.chunk_len >= size && l.chunk_len < 1500);
		letter_free(&l);
		mail_plan_free(plan);
	}
}

/* Around the block of filler, where a body becomes several segments. */
static void large_sizes(void **state)
{
	static const int offsets[] = {-80, -2, -1, 0, 1, 2, 77, 78, 79, 400, 480};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		uint64_t size = 2 * FILLER_BLOCK_MAX + (uint64_t)offsets[i];
		char text[32];
		struct mail_plan *plan;
		struct letter l;

		snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
		plan = plan_of(&(struct mail_params){.size = text});
		l = letter_number(plan, i);
		assert_int_equal(l.chunk_len, size);
		letter_free(&l);
		mail_plan_free(plan);
	}
}

/* The largest message shares one block: no memory of its size is taken. */
static void largest_size(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){.size = "128M"});
	struct mail_press press;
	struct mail_slot slot = {0};
	uint64_t sum = 0;

	(void)state;
	mail_press_init(&press, plan);
	assert_true(mail_render(&press, 0, TEST_DUE_NS, &slot));
	for (int i = 0; i < slot.data_count; i++)
		sum += slot.data[i].iov_len;
	assert_int_equal(sum, MAIL_SIZE_MAX);
	assert_int_equal(slot.size, MAIL_SIZE_MAX);
	assert_true(plan->filler_len <= 1 << 20);
	assert_true(plan->block_size < 16384);
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

/* Sizes drawn from a distribution are met one by one, and repeat from the seed. */
static void drawn_sizes(void **state)
{
	struct mail_params params = {.size = "uniform:600-9000", .seed = 5};
	struct mail_plan *plan = plan_of(&params), *again = plan_of(&params), *other;
	struct mail_press press, press_again, press_other;
	struct mail_slot slot = {0}, slot_again = {0}, slot_other = {0};
	double sum = 0;
	int differing = 0;

	(void)state;
	params.seed = 6;
	other = plan_of(&params);
	mail_press_init(&press, plan);
	mail_press_init(&press_again, again);
	mail_press_init(&press_other, other);
	for (uint64_t seq = 0; seq < 5000; seq++) {
		/* The other way round: a message does not depend on those before it. */
		assert_true(mail_render(&press, seq, TEST_DUE_NS, &slot));
		assert_true(slot.size >= 600 && slot.size <= 9000);
		sum += (double)slot.size;
		assert_true(mail_render(&press_again, 4999 - seq, TEST_DUE_NS, &slot_again));
		assert_true(mail_render(&press_again, seq, TEST_DUE_NS, &slot_again));
		assert_int_equal(slot.size, slot_again.size);
		assert_true(mail_render(&press_other, seq, TEST_DUE_NS, &slot_other));
		differing += slot.size != slot_other.size;
	}
	assert_true(sum / 5000 > 4600 && sum / 5000 < 5000);
	assert_true(differing > 4900);
	mail_slot_release(&press, &slot);
	mail_slot_release(&press_again, &slot_again);
	mail_slot_release(&press_other, &slot_other);
	mail_press_fini(&press);
	mail_press_fini(&press_again);
	mail_press_fini(&press_other);
	mail_plan_free(plan);
	mail_plan_free(again);
	mail_plan_free(other);
}

static void same_octets_again(void **state)
{
	struct mail_params params = {.size = "specmail2001",
				     .subject = "{{random}}",
				     .recipient = "u%{1-500}@example.com",
				     .seed = 99};
	struct mail_plan *a = plan_of(&params), *b = plan_of(&params);

	(void)state;
	for (uint64_t seq = 0; seq < 40; seq++) {
		struct letter x = letter_number(a, seq), y = letter_number(b, seq);

		assert_int_equal(x.data_len, y.data_len);
		assert_memory_equal(x.data, y.data, x.data_len);
		letter_free(&x);
		letter_free(&y);
	}
	mail_plan_free(a);
	mail_plan_free(b);
}

static void specmail_recipients(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){.size = "specmail2001"});
	const struct mail_facts *facts = mail_plan_facts(plan);
	struct mail_press press;
	struct mail_slot slot = {0};
	double sum = 0, sizes = 0;

	(void)state;
	assert_int_equal(facts->rcpt_max, 20);
	assert_true(facts->rcpt_mean > 1.9995 && facts->rcpt_mean < 2.0005);
	assert_true(facts->size_mean / 1024 > 24.525 && facts->size_mean / 1024 < 24.535);
	mail_press_init(&press, plan);
	for (uint64_t seq = 0; seq < 20000; seq++) {
		assert_true(mail_render(&press, seq, TEST_DUE_NS, &slot));
		assert_in_range(slot.rcpt_count, 1, 20);
		sum += slot.rcpt_count;
		sizes += (double)slot.size;
	}
	/* Five standard errors. */
	assert_true(sum / 20000 > 1.9 && sum / 20000 < 2.1);
	assert_true(sizes / 20000 / 1024 > 19.4 && sizes / 20000 / 1024 < 29.7);
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

/* No recipient twice in a message, none twice in a run where the pattern has no end. */
static void recipients(void **state)
{
	struct mail_plan *plan = plan_of(
		&(struct mail_params){.recipient = "u@example.com", .recipients_per_message = "3"});
	struct mail_press press;
	struct mail_slot slot = {0};
	unsigned number = 0;

	(void)state;
	mail_press_init(&press, plan);
	for (uint64_t seq = 0; seq < 10; seq++) {
		assert_true(mail_render(&press, seq, TEST_DUE_NS, &slot));
		assert_int_equal(slot.rcpt_count, 3);
		for (int i = 0; i < 3; i++) {
			char expected[32];

			snprintf(expected, sizeof(expected), "u%u@example.com", ++number);
			assert_true(span_equal(slot.rcpt[i], span_of(expected)));
		}
	}
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

static void recipients_of_a_list(void **state)
{
	const char *path = scratch_text("list", "a@x.example\nb@x.example\nc@x.example\n"
						"d@x.example\n");
	struct mail_plan *plan = plan_of(&(struct mail_params){
		.recipient_path = path, .recipients_per_message = "1-3", .seed = 8});
	struct mail_press press;
	struct mail_slot slot = {0};
	int seen[4] = {0}, total = 0;

	(void)state;
	mail_press_init(&press, plan);
	for (uint64_t seq = 0; seq < 4000; seq++) {
		unsigned mask = 0;

		assert_true(mail_render(&press, seq, TEST_DUE_NS, &slot));
		for (int i = 0; i < slot.rcpt_count; i++) {
			int which = slot.rcpt[i].data[0] - 'a';

			assert_in_range(which, 0, 3);
			assert_false(mask & 1u << which);
			mask |= 1u << which;
			seen[which]++;
			total++;
		}
	}
	for (int i = 0; i < 4; i++)
		assert_true(seen[i] > total / 5 && seen[i] < total * 3 / 10);
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

/* A thousand recipients fold into a header of short lines. */
static void many_recipients(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){
		.size = "100k", .recipients_per_message = "1000", .recipient = "u%d@example.com"});
	struct letter l = letter_number(plan, 3);
	const char *to = strstr(l.chunk, "\r\nTo: u3001@example.com,\r\n u3002@example.com,\r\n");

	(void)state;
	assert_int_equal(l.chunk_len, 102400);
	assert_non_null(to);
	assert_non_null(strstr(to, "\r\n u4000@example.com\r\nSubject:"));
	letter_free(&l);
	mail_plan_free(plan);
}

static void null_sender(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){.sender = "<>"});
	struct mail_press press;
	struct mail_slot slot = {0};
	struct letter l = letter_number(plan, 0);

	(void)state;
	mail_press_init(&press, plan);
	assert_true(mail_render(&press, 0, TEST_DUE_NS, &slot));
	assert_int_equal(slot.sender.len, 0);
	assert_non_null(strstr(l.chunk, "\r\nFrom: MAILER-DAEMON@volley.invalid\r\n"));
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	letter_free(&l);
	mail_plan_free(plan);
}

static void utf8_addresses(void **state)
{
	const char *path = scratch_text("utf8", "a@x.example\n\xC3\xA9@x.example\n");
	struct mail_plan *plan = plan_of(&(struct mail_params){.recipient_path = path});
	struct mail_press press;
	struct mail_slot slot = {0};

	(void)state;
	assert_true(mail_plan_facts(plan)->may_be_utf8);
	assert_false(mail_plan_facts(plan)->may_be_8bit);
	mail_press_init(&press, plan);
	assert_true(mail_render(&press, 0, TEST_DUE_NS, &slot));
	assert_false(slot.is_utf8);
	assert_true(mail_render(&press, 1, TEST_DUE_NS, &slot));
	assert_true(slot.is_utf8);
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

static void subject_and_headers(void **state)
{
	static const char *const headers[] = {"List-Unsubscribe: <mailto:u-{{seq}}@example.com>",
					      "from: \"T\" <t@example.com>",
					      "Content-Type: text/html; charset=us-ascii"};
	struct mail_plan *plan = plan_of(&(struct mail_params){
		.size = "2k",
		.subject = "no {{seq}}: sch\xC3\xB6n",
		.headers = headers,
		.header_count = 3,
	});
	struct letter l = letter_number(plan, 7);

	(void)state;
	assert_int_equal(l.chunk_len, 2048);
	assert_non_null(strstr(l.chunk, "\r\nSubject: no 7: =?UTF-8?B?c2Now7Zu?=\r\n"));
	assert_non_null(strstr(l.chunk, "\r\nList-Unsubscribe: <mailto:u-7@example.com>\r\n"));
	assert_non_null(strstr(l.chunk, "\r\nfrom: \"T\" <t@example.com>\r\n"));
	assert_null(strstr(l.chunk, "\r\nFrom: "));
	assert_non_null(strstr(l.chunk, "text/html"));
	assert_null(strstr(l.chunk, "text/plain"));
	letter_free(&l);
	mail_plan_free(plan);
}

/* A header line that begins with a dot is doubled like any other line. */
static void dotted_header(void **state)
{
	static const char *const headers[] = {".Odd: 1"};

	(void)state;
	for (unsigned size = 500; size < 700; size++) {
		char text[16];
		struct mail_plan *plan;
		struct letter l;

		snprintf(text, sizeof(text), "%u", size);
		plan = plan_of(
			&(struct mail_params){.size = text, .headers = headers, .header_count = 1});
		l = letter_number(plan, 0);
		assert_int_equal(l.chunk_len, size);
		assert_int_equal(l.data_len, size + 1);
		letter_free(&l);
		mail_plan_free(plan);
	}
}

static void dates_follow_the_due_time(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){.size = "1k"});
	struct mail_press press;
	struct mail_slot slot = {0};

	(void)state;
	mail_press_init(&press, plan);
	for (int i = 0; i < 4; i++) {
		int64_t due_ns = TEST_DUE_NS + (i % 2 ? 0 : i * INT64_C(1000000000));
		char date[64];
		struct letter l;

		snprintf(date, sizeof(date), "\r\nDate: Tue, 21 Nov 2023 11:33:%02d +0000\r\n",
			 i % 2 ? 0 : i);
		assert_true(mail_render(&press, 1, due_ns, &slot));
		l = letter_of(&slot);
		assert_non_null(strstr(l.chunk, date));
		letter_free(&l);
	}
	mail_slot_release(&press, &slot);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

/* Memory is bounded by the slots in use at once, and an idle slot has none. */
static void slots_are_reused(void **state)
{
	struct mail_plan *plan = plan_of(&(struct mail_params){.size = "4k"});
	struct mail_press press;
	struct mail_slot slots[32] = {0};

	(void)state;
	mail_press_init(&press, plan);
	for (uint64_t seq = 0; seq < 1000; seq++) {
		struct mail_slot *slot = &slots[seq % 32];

		mail_slot_release(&press, slot);
		assert_null(slot->block);
		assert_true(mail_render(&press, seq, TEST_DUE_NS, slot));
		assert_true(mail_render(&press, seq, TEST_DUE_NS, slot));
	}
	assert_int_equal(press.blocks.peak, 32);
	for (int i = 0; i < 32; i++)
		mail_slot_release(&press, &slots[i]);
	mail_slot_release(&press, &slots[0]);
	assert_int_equal(press.blocks.in_use, 0);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

static void refusals(void **state)
{
	static const char *const own[] = {"Message-ID: <a@b>"}, *const broken[] = {"no colon"};
	static const char *const folded[] = {"X: a\r\nBcc: x@example.com"};
	const char *path = scratch_text("two", "a@x.example\nb@x.example\n");

	(void)state;
	assert_plan_refused(&(struct mail_params){.size = "0"}, "--size: a size of 0");
	assert_plan_refused(&(struct mail_params){.size = "1TB"}, "over the maximum, 128 MiB");
	assert_plan_refused(&(struct mail_params){.size = "1k", .eml_path = "x"}, "exclude");
	assert_plan_refused(&(struct mail_params){.sender = "a@b", .sender_path = "x"},
			    "--from and --from-file");
	assert_plan_refused(&(struct mail_params){.recipient = "a@b", .recipient_path = "x"},
			    "--to and --to-file");
	assert_plan_refused(
		&(struct mail_params){.recipient_path = path, .recipients_per_message = "3"},
		"gives 2 addresses, but a message goes to up to 3");
	assert_plan_refused(
		&(struct mail_params){.recipient_path = path, .number_recipients = true},
		"not those of --to-file");
	assert_plan_refused(&(struct mail_params){.recipients_per_message = "0"},
			    "--recipients-per-message");
	assert_plan_refused(&(struct mail_params){.domain = "a b"}, "not a domain");
	assert_plan_refused(&(struct mail_params){.subject = "a\nBcc: x"}, "control character");
	assert_plan_refused(&(struct mail_params){.subject = "{{nope}}"},
			    "--subject: line 1: there is no field {{nope}}; there are: rcpt");
	assert_plan_refused(&(struct mail_params){.subject = "{{seq"}, "not closed");
	assert_plan_refused(&(struct mail_params){.subject = "\xC3\xA9{{seq}}"},
			    "cannot be encoded");
	assert_plan_refused(&(struct mail_params){.subject = "\xFF"}, "not UTF-8");
	assert_plan_refused(&(struct mail_params){.headers = own, .header_count = 1},
			    "volley writes Message-ID itself");
	assert_plan_refused(&(struct mail_params){.headers = broken, .header_count = 1},
			    "is not \"Name: value\"");
	assert_plan_refused(&(struct mail_params){.headers = folded, .header_count = 1},
			    "control character");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),
		cmocka_unit_test(exact_sizes),
		cmocka_unit_test(large_sizes),
		cmocka_unit_test(largest_size),
		cmocka_unit_test(drawn_sizes),
		cmocka_unit_test(same_octets_again),
		cmocka_unit_test(specmail_recipients),
		cmocka_unit_test(recipients),
		cmocka_unit_test(recipients_of_a_list),
		cmocka_unit_test(many_recipients),
		cmocka_unit_test(null_sender),
		cmocka_unit_test(utf8_addresses),
		cmocka_unit_test(subject_and_headers),
		cmocka_unit_test(dotted_header),
		cmocka_unit_test(dates_follow_the_due_time),
		cmocka_unit_test(slots_are_reused),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("mail: messages", tests, scratch_setup,
					   scratch_teardown);
}
