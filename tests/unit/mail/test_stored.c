/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_stored.c - messages from files: .eml, folders of them, templates
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rng.h"
#include "letter.h"
#include <sys/stat.h>
#include "scratch.h"

#define OUR_FIELDS                                                                                 \
	"Message-ID: <00c0ffee12345678.5@example.com>\r\n"                                         \
	"X-Volley-ID: 00c0ffee12345678-5-1700566380123456789\r\n"
#define OUR_DATE "Date: Tue, 21 Nov 2023 11:33:00 +0000\r\n"
#define OUR_FROM "From: sender@example.com\r\n"

/* Message number 5 made of one file. */
static struct letter from_file(const char *name, const char *text, bool is_template)
{
	const char *path = scratch_text(name, text);
	struct mail_params params = {0};
	struct mail_plan *plan;
	struct letter l;

	*(is_template ? &params.template_path : &params.eml_path) = path;
	plan = plan_of(&params);
	l = letter_number(plan, 5);
	mail_plan_free(plan);
	return l;
}

static void assert_made(const char *name, const char *text, bool is_template, const char *expected)
{
	struct letter l = from_file(name, text, is_template);

	assert_string_equal(l.chunk, expected);
	letter_free(&l);
}

static void stored_messages(void **state)
{
	(void)state;
	/* Our fields come first, the old Message-ID and Return-Path go, line ends become CRLF. */
	assert_made("a.eml",
		    "Return-Path: <old@example.org>\n"
		    "From: a@example.org\n"
		    "message-id:\n <old@example.org>\n"
		    "Date: Mon, 1 Jan 2001 00:00:00 +0000\n"
		    "X-Volley-ID: old\n"
		    "Subject: two\n lines\n"
		    "\n"
		    "Body with {{seq}} left alone\n"
		    "\n"
		    "Message-ID: in the body stays",
		    false,
		    OUR_FIELDS "From: a@example.org\r\n"
			       "Date: Mon, 1 Jan 2001 00:00:00 +0000\r\n"
			       "Subject: two\r\n lines\r\n"
			       "\r\n"
			       "Body with {{seq}} left alone\r\n"
			       "\r\n"
			       "Message-ID: in the body stays\r\n");
	/* Missing fields are added; a header alone is a message. */
	assert_made("b.eml", "Subject: x\r\n", false,
		    OUR_FIELDS OUR_DATE OUR_FROM "Subject: x\r\n\r\n");
	/* What is no field ends the header, as it does for a mail server. */
	assert_made("c.eml", "just text\nand more\n", false,
		    OUR_FIELDS OUR_DATE OUR_FROM "\r\njust text\r\nand more\r\n");
	/* The separator of an mbox is no part of the message. */
	assert_made("d.eml", "From a@example.org Mon Jan  1 00:00:00 2001\nSubject: x\n\nbody\n",
		    false, OUR_FIELDS OUR_DATE OUR_FROM "Subject: x\r\n\r\nbody\r\n");
	assert_made("e.eml", "\n\nbody\n", false, OUR_FIELDS OUR_DATE OUR_FROM "\r\n\r\nbody\r\n");
}

static void dots_of_stored_messages(void **state)
{
	struct letter l = from_file("dots.eml", "Subject: x\n\n.\n..\n.text\na.b\n.", false);
	const char *body = strstr(l.data, "\r\n\r\n") + 4;

	(void)state;
	assert_string_equal(body, "..\r\n...\r\n..text\r\na.b\r\n..\r\n");
	assert_int_equal(l.data_len, l.chunk_len + 4);
	letter_free(&l);
}

/* Random octets with many dots and line ends: what arrives is what letter_of() checks. */
static void any_stored_message(void **state)
{
	struct rng chance;

	(void)state;
	rng_init(&chance, 12);
	for (int round = 0; round < 300; round++) {
		char text[3000], name[32];
		size_t len = (size_t)rng_below(&chance, sizeof(text) - 1) + 1;
		struct letter l;

		for (size_t i = 0; i < len; i++)
			text[i] = "...\r\n\r\nab: {}\xC3"[rng_below(&chance, 14)];
		text[len] = '\0';
		snprintf(name, sizeof(name), "any.eml");
		l = from_file(name, text, false);
		letter_free(&l);
		scratch_count--; /* the same file each time */
	}
	scratch_count++;
}

static void eight_bit(void **state)
{
	static const struct {
		const char *text;
		bool is_8bit, is_utf8;
	} cases[] = {
		{"Subject: x\n\nplain\n", false, false},
		{"Subject: x\n\nsch\xC3\xB6n\n", true, false},
		{"Subject: sch\xC3\xB6n\n\nplain\n", false, true},
		/* Latin-1 in a header: SMTPUTF8 would not make it right. */
		{"Subject: sch\xF6n\n\nplain\n", true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char name[32];
		struct mail_plan *plan;
		struct mail_press press;
		struct mail_slot slot = {0};

		snprintf(name, sizeof(name), "bits-%zu.eml", i);
		plan = plan_of(
			&(struct mail_params){.eml_path = scratch_text(name, cases[i].text)});
		mail_press_init(&press, plan);
		assert_true(mail_render(&press, 0, TEST_DUE_NS, &slot));
		assert_int_equal(slot.is_8bit, cases[i].is_8bit);
		assert_int_equal(slot.is_utf8, cases[i].is_utf8);
		assert_int_equal(mail_plan_facts(plan)->may_be_8bit, cases[i].is_8bit);
		mail_slot_release(&press, &slot);
		mail_press_fini(&press);
		mail_plan_free(plan);
	}
}

/* A long body is lent from the plan, not copied for each message. */
static void bodies_are_shared(void **state)
{
	char *text = malloc(500001);
	struct mail_plan *plan;
	struct mail_press press;
	struct mail_slot a = {0}, b = {0};

	(void)state;
	memset(text, 'x', 500000);
	memcpy(text, "S: x\n\n", 6);
	text[500000] = '\0';
	plan = plan_of(&(struct mail_params){.eml_path = scratch_text("long.eml", text)});
	free(text);
	mail_press_init(&press, plan);
	assert_true(mail_render(&press, 0, TEST_DUE_NS, &a));
	assert_true(mail_render(&press, 1, TEST_DUE_NS, &b));
	assert_int_equal(a.data_count, 2);
	assert_ptr_equal(a.data[1].iov_base, b.data[1].iov_base);
	assert_ptr_not_equal(a.data[0].iov_base, b.data[0].iov_base);
	assert_ptr_equal(a.data, a.chunk);
	assert_true(press.blocks.object_size < 4096);
	mail_slot_release(&press, &a);
	mail_slot_release(&press, &b);
	mail_press_fini(&press);
	mail_plan_free(plan);
}

static void folders(void **state)
{
	char folder[80];
	const char *names[] = {"folder/2.eml", "folder/1.EML", "folder/.hidden.eml",
			       "folder/note.txt"};
	struct mail_plan *plan;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/folder", scratch_folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_plan_refused(&(struct mail_params){.eml_path = folder}, "holds no *.eml file");
	for (int i = 0; i < 4; i++) {
		char text[64];

		snprintf(text, sizeof(text), "Subject: %s\n\n", names[i]);
		scratch_text(names[i], text);
	}
	plan = plan_of(&(struct mail_params){.eml_path = folder});
	for (uint64_t seq = 0; seq < 4; seq++) {
		struct letter l = letter_number(plan, seq);

		assert_non_null(strstr(l.chunk, seq % 2 ? "Subject: folder/2.eml"
							: "Subject: folder/1.EML"));
		letter_free(&l);
	}
	assert_non_null(strstr(mail_plan_facts(plan)->text, "2 messages of "));
	mail_plan_free(plan);
	for (int i = 0; i < 4; i++)
		unlink(scratch_paths[--scratch_count]);
	assert_int_equal(rmdir(folder), 0);
}

static void templates(void **state)
{
	(void)state;
	assert_made("t1",
		    "From: {{from}}\nTo: {{ to }}\nDate: {{date}}\nSubject: {{open}}{{seq}}}}\n\n"
		    "{{rcpt}} {{rcpt_local}} {{rcpt_domain}} {{from_domain}}\n"
		    "{{run}} {{id}} {{message_id}} {{due}}",
		    true,
		    OUR_FIELDS OUR_FROM
		    "To: recipient@example.com\r\n" OUR_DATE "Subject: {{5}}\r\n\r\n"
		    "recipient@example.com recipient example.com example.com\r\n"
		    "00c0ffee12345678 00c0ffee12345678-5-1700566380123456789 "
		    "<00c0ffee12345678.5@example.com> 1700566380\r\n");
}

/* A field's value may begin a line with a dot, and so may the text behind it. */
static void dots_of_templates(void **state)
{
	const char *path = scratch_text("dotted", "Subject: x\n\n{{rcpt}}\n.{{seq}}\n{{seq}}.\n");
	struct mail_plan *plan = plan_of(
		&(struct mail_params){.template_path = path, .recipient = ".a@example.com"});
	struct letter l = letter_number(plan, 5);

	(void)state;
	assert_string_equal(strstr(l.data, "\r\n\r\n"), "\r\n\r\n..a@example.com\r\n..5\r\n5.\r\n");
	letter_free(&l);
	mail_plan_free(plan);
}

static void options_replace_fields(void **state)
{
	static const char *const headers[] = {"Date: Mon, 1 Jan 2001 00:00:00 +0000", "X-New: 1"};
	const char *path =
		scratch_text("over", "Subject: old\n long\nX-NEW: 2\nX-Old: 3\n\nbody\n");
	struct mail_plan *plan = plan_of(&(struct mail_params){
		.eml_path = path, .subject = "new", .headers = headers, .header_count = 2});
	struct letter l = letter_number(plan, 5);

	(void)state;
	assert_string_equal(l.chunk, OUR_FIELDS OUR_FROM
			    "Date: Mon, 1 Jan 2001 00:00:00 +0000\r\nX-New: 1\r\n"
			    "Subject: new\r\nX-Old: 3\r\n\r\nbody\r\n");
	letter_free(&l);
	mail_plan_free(plan);
}

static void refusals(void **state)
{
	const char *path = scratch_text("field", "Subject: x\n\nline 3\nline {{four}}\n");

	(void)state;
	assert_plan_refused(&(struct mail_params){.template_path = path},
			    "line 4: there is no field {{four}}");
	assert_plan_refused(&(struct mail_params){.template_path = path}, "--template: /tmp/");
	assert_plan_refused(&(struct mail_params){.eml_path = "/does/not/exist"},
			    "--message: cannot open /does/not/exist: No such file");
	assert_plan_refused(&(struct mail_params){.eml_path = scratch_text("empty.eml", "")},
			    "is empty");
	assert_plan_refused(&(struct mail_params){.eml_path = scratch_write("nul.eml", "a\0b", 3)},
			    "NUL");
	assert_plan_refused(&(struct mail_params){.template_path = scratch_folder}, "is a folder");
	assert_plan_refused(
		&(struct mail_params){.template_path = scratch_text("open", "S: {{seq\n\n")},
		"line 1: {{ is not closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_messages),
		cmocka_unit_test(dots_of_stored_messages),
		cmocka_unit_test(any_stored_message),
		cmocka_unit_test(eight_bit),
		cmocka_unit_test(bodies_are_shared),
		cmocka_unit_test(folders),
		cmocka_unit_test(templates),
		cmocka_unit_test(dots_of_templates),
		cmocka_unit_test(options_replace_fields),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("mail: stored messages and templates", tests,
					   scratch_setup, scratch_teardown);
}
