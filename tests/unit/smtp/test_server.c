/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_server.c - what the server says to commands, lines, chunks, and over LMTP
 */
#include "server_talk.h"

/* RFC 5321 s3.3 and s4.1.4: the order of commands. */
static void test_sequence(void **state)
{
	static const struct dialogue dialogues[] = {
		{"a message",
		 {0},
		 {EHLO MAIL RCPT "DATA\r\nhello\r\n.\r\nQUIT\r\n"},
		 OPENED DOT_OK BYE,
		 "[a@b.example>c@d.example:hello\r\n]7"},
		{"two messages",
		 {0},
		 {EHLO MAIL RCPT "DATA\r\n1\r\n.\r\n" MAIL RCPT "DATA\r\n22\r\n.\r\n"},
		 OPENED DOT_OK OPENED DOT_OK,
		 "[a@b.example>c@d.example:1\r\n]3[a@b.example>c@d.example:22\r\n]4"},
		{"case does not matter",
		 {0},
		 {"ehlo x\r\nmail from:<a@b.example>\r\nRcpt To:<c@d.example>\r\n"
		  "data\r\n.\r\nquit\r\n"},
		 OPENED DOT_OK BYE,
		 "[a@b.example>c@d.example:]0"},
		{"nothing before hello",
		 {0},
		 {MAIL RCPT "DATA\r\nNOOP\r\nRSET\r\nVRFY x\r\n"},
		 "503 5.5.1 Say hello first\r\n503 5.5.1 MAIL first\r\n503 5.5.1 MAIL first\r\n"
		 "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n252 2.5.0 Cannot verify, will take mail and "
		 "try\r\n",
		 ""},
		{"order within a transaction",
		 {0},
		 {EHLO RCPT "DATA\r\n" MAIL MAIL "DATA\r\n" RCPT "STARTTLS\r\n"},
		 "503 5.5.1 MAIL first\r\n503 5.5.1 MAIL first\r\n" MAIL_OK
		 "503 5.5.1 Not within a transaction\r\n503 5.5.1 RCPT first\r\n" RCPT_OK
		 "503 5.5.1 Not within a transaction\r\n",
		 NULL},
		{"RSET forgets",
		 {0},
		 {EHLO MAIL RCPT "RSET\r\nDATA\r\n"},
		 MAIL_OK RCPT_OK DOT_OK "503 5.5.1 MAIL first\r\n",
		 NULL},
		{"EHLO forgets",
		 {0},
		 {EHLO MAIL RCPT EHLO "DATA\r\n"},
		 MAIL_OK RCPT_OK "503 5.5.1 MAIL first\r\n",
		 NULL},
		{"HELO", {0}, {"HELO c.example\r\n" MAIL}, "250 mx.example\r\n" MAIL_OK, NULL},
		{"unknown",
		 {0},
		 {EHLO "XYZZY\r\n\r\nEXPN all\r\nLHLO x\r\nHELP\r\n"},
		 "500 5.5.2 Command not recognized\r\n500 5.5.2 Command not recognized\r\n"
		 "502 5.5.1 Command not implemented\r\n500 5.5.2 Command not recognized\r\n"
		 "214 2.0.0 See RFC 5321\r\n",
		 NULL},
		{"after QUIT nothing is heard", {0}, {EHLO "QUIT\r\n" MAIL RCPT}, BYE, ""},
		{"no argument where one belongs",
		 {0},
		 {"EHLO\r\n" EHLO "MAIL\r\nVRFY\r\nDATA x\r\nQUIT x\r\n"},
		 "501 5.5.4 Syntax error in argument\r\n501 5.5.4 Syntax error in argument\r\n"
		 "501 5.5.4 Syntax error in argument\r\n503 5.5.1 MAIL first\r\n"
		 "501 5.5.4 Syntax error in argument\r\n",
		 NULL},
		{"limits",
		 {.rcpt_max = 1, .mail_max = 1},
		 {EHLO MAIL RCPT RCPT "DATA\r\n.\r\n" MAIL MAIL},
		 MAIL_OK RCPT_OK "452 4.5.3 Too many recipients\r\n" DATA_OK DOT_OK
				 "421 4.7.0 Too many messages on this connection\r\n",
		 NULL},
		{"no enhanced codes where they are not announced",
		 {.extensions = SMTP_EXT_PIPELINING},
		 {EHLO MAIL RCPT "DATA\r\n.\r\nFOO\r\nSTARTTLS\r\n"},
		 "250 Ok\r\n250 Ok\r\n" DATA_OK "250 Ok\r\n500 Command not recognized\r\n"
		 "502 Command not implemented\r\n",
		 NULL},
	};

	(void)state;
	CHECK(dialogues);
}

/* RFC 5321 s4.1.2, RFC 1870, 6152, 6531, 3461. */
static void test_arguments(void **state)
{
	static const struct dialogue dialogues[] = {
		{"parameters",
		 {0},
		 {EHLO
		  "MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By "
		  "AUTH=<>\r\nRCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY "
		  "ORCPT=rfc822;c@d.example\r\n"},
		 MAIL_OK RCPT_OK,
		 "[a@b.example 100 8bit utf8>c@d.example SUCCESS,DELAY"},
		{"null path, quoted local part, source route, postmaster",
		 {0},
		 {EHLO
		  "MAIL FROM:<>\r\nRCPT TO:<\"a>b c\"@d.example>\r\nRCPT TO:<@x,@y:c@d.example>\r\n"
		  "RCPT TO:<Postmaster>\r\nRCPT TO:<>\r\n"},
		 MAIL_OK RCPT_OK RCPT_OK RCPT_OK "501 5.1.3 Bad recipient address syntax\r\n",
		 "[>\"a>b c\"@d.example>c@d.example>Postmaster"},
		{"bad paths",
		 {0},
		 {EHLO
		  "MAIL FROM:a@b.example\r\nMAIL FROM:<a@b.example\r\nMAIL FROM:<a b@c.example>\r\n"
		  "MAIL FROM:<a@b.example>SIZE=1\r\nMAIL TO:<a@b.example>\r\n"},
		 "501 5.1.7 Bad sender address syntax\r\n501 5.1.7 Bad sender address syntax\r\n"
		 "501 5.1.7 Bad sender address syntax\r\n501 5.1.7 Bad sender address syntax\r\n"
		 "501 5.5.4 Syntax error in argument\r\n",
		 ""},
		{"lenient: no brackets",
		 {.strictness = SMTP_LENIENT},
		 {EHLO "MAIL FROM:a@b.example\r\nRCPT TO: c@d.example NOTIFY=NEVER\r\n"},
		 MAIL_OK RCPT_OK,
		 "[a@b.example>c@d.example NEVER"},
		{"strict: a blank, no domain",
		 {.strictness = SMTP_STRICT},
		 {EHLO "MAIL FROM: <a@b.example>\r\nMAIL FROM:<a>\r\n" MAIL
		       "RCPT TO:<postmaster>\r\n"},
		 "501 5.1.7 Bad sender address syntax\r\n501 5.1.7 Bad sender address "
		 "syntax\r\n" MAIL_OK RCPT_OK,
		 NULL},
		{"bad parameters",
		 {0},
		 {EHLO
		  "MAIL FROM:<a@b.example> FOO=1\r\nMAIL FROM:<a@b.example> SIZE=x\r\n"
		  "MAIL FROM:<a@b.example> SIZE=1 SIZE=2\r\nMAIL FROM:<a@b.example> BODY=9BIT\r\n"
		  "MAIL FROM:<a@b.example> NOTIFY=NEVER\r\nMAIL FROM:<a@b.example> SIZE\r\n"
		  "MAIL FROM:<a@b.example> SMTPUTF8=1\r\nMAIL FROM:<a@b.example> ENVID=a+2b\r\n"
		  "MAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n"},
		 "555 5.5.4 Parameter not recognized\r\n501 5.5.4 Bad parameter value\r\n"
		 "501 5.5.4 Bad parameter value\r\n501 5.5.4 Bad parameter value\r\n"
		 "555 5.5.4 Parameter not recognized\r\n501 5.5.4 Bad parameter value\r\n"
		 "501 5.5.4 Bad parameter value\r\n501 5.5.4 Bad parameter value\r\n"
		 "501 5.5.4 Bad parameter value\r\n",
		 ""},
		{"NOTIFY",
		 {0},
		 {EHLO MAIL
		  "RCPT TO:<c@d.example> NOTIFY=NEVER,DELAY\r\nRCPT TO:<c@d.example> NOTIFY=\r\n"
		  "RCPT TO:<c@d.example> NOTIFY=DELAY,DELAY\r\nRCPT TO:<c@d.example> ORCPT=c\r\n"},
		 MAIL_OK "501 5.5.4 Bad parameter value\r\n501 5.5.4 Bad parameter value\r\n"
			 "501 5.5.4 Bad parameter value\r\n501 5.5.4 Bad parameter value\r\n",
		 NULL},
		{"a hidden extension's parameter",
		 {.extensions = SMTP_EXT_ENHANCEDSTATUSCODES},
		 {EHLO
		  "MAIL FROM:<a@b.example> SIZE=1\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\n"},
		 "555 5.5.4 Parameter not recognized\r\n555 5.5.4 Parameter not recognized\r\n",
		 ""},
		{"too big as announced",
		 {.size_max = 1000},
		 {EHLO "MAIL FROM:<a@b.example> SIZE=1001\r\n"
		       "MAIL FROM:<a@b.example> SIZE=1000\r\n"},
		 "552 5.3.4 Message size exceeds limit\r\n" MAIL_OK,
		 NULL},
		{"SMTPUTF8 is needed",
		 {0},
		 {EHLO
		  "MAIL FROM:<\xc3\xa4@b.example>\r\nMAIL FROM:<\xc3\xa4@b.example> SMTPUTF8\r\n"
		  "RCPT TO:<\xc3\xb6@d.example>\r\nRCPT TO:<\xff@d.example>\r\nRSET\r\n" MAIL
		  "RCPT TO:<\xc3\xb6@d.example>\r\n"},
		 "553 5.6.7 Address needs SMTPUTF8\r\n" MAIL_OK RCPT_OK
		 "501 5.1.3 Bad recipient address syntax\r\n" DOT_OK MAIL_OK
		 "553 5.6.7 Address needs SMTPUTF8\r\n",
		 NULL},
	};

	(void)state;
	CHECK(dialogues);
}

/* RFC 5321 s2.3.8, s4.5.3.1.4; and what speaks something else. */
static void test_lines(void **state)
{
	char lines[3][2200];
	struct dialogue dialogues[] = {
		{"LF ends a command",
		 {0},
		 {"EHLO x\nMAIL FROM:<a@b.example>\nQUIT\n"},
		 MAIL_OK BYE,
		 NULL},
		{"strict: it does not",
		 {.strictness = SMTP_STRICT},
		 {"EHLO x\nQUIT\r\n"},
		 "500 5.5.2 Line does not end in CRLF\r\n" BYE,
		 NULL},
		{"as long as may be", {0}, {lines[0]}, DOT_OK BYE, NULL},
		{"one octet too long", {0}, {lines[1]}, "500 5.5.2 Line too long\r\n" BYE, NULL},
		{"far too long",
		 {.line_max = 100},
		 {lines[2]},
		 "500 5.5.2 Line too long\r\n" BYE,
		 NULL},
		{"HTTP",
		 {0},
		 {"GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		 "421 4.7.0 This is an SMTP port; closing\r\n",
		 NULL},
		{"TLS in clear",
		 {0},
		 {"\x16\x03\x01\x02\x01\x01"},
		 "421 4.7.0 No TLS before STARTTLS on this port; closing\r\n",
		 NULL},
		{"NUL and controls",
		 {0},
		 {EHLO "NOOP \x01\x02\r\nEHLO \x01\r\nMAIL FROM:<\x01@x.y>\r\n"},
		 DOT_OK
		 "501 5.5.4 Syntax error in argument\r\n501 5.1.7 Bad sender address syntax\r\n",
		 NULL},
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		size_t len = i == 0 ? 2048 : i == 1 ? 2049 : 2100;

		memset(lines[i], 'x', len);
		memcpy(lines[i], "NOOP ", 5);
		memcpy(lines[i] + len - 2, "\r\nQUIT\r\n", 9);
	}
	CHECK(dialogues);
}

/* RFC 3030. */
static void test_chunks(void **state)
{
	static const struct dialogue dialogues[] = {
		{"two chunks",
		 {0},
		 {EHLO MAIL RCPT "BDAT 3\r\nabcBDAT 2 LAST\r\nde"},
		 MAIL_OK RCPT_OK DOT_OK DOT_OK,
		 "[a@b.example>c@d.example:abcde]5"},
		{"nothing is special in a chunk",
		 {0},
		 {EHLO MAIL RCPT "BDAT 5 LAST\r\n\r\n.\r\nQUIT\r\n"},
		 MAIL_OK RCPT_OK DOT_OK BYE,
		 "[a@b.example>c@d.example:\r\n.\r\n]5"},
		{"empty chunks",
		 {0},
		 {EHLO MAIL RCPT "BDAT 0\r\nBDAT 0 LAST\r\nNOOP\r\n"},
		 MAIL_OK RCPT_OK DOT_OK DOT_OK DOT_OK,
		 "[a@b.example>c@d.example:]0"},
		{"a chunk out of order is thrown away",
		 {0},
		 {EHLO "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n" MAIL "BDAT 6\r\nQUIT\r\nNOOP\r\n"},
		 "503 5.5.1 MAIL first\r\n" DOT_OK MAIL_OK "503 5.5.1 RCPT first\r\n" DOT_OK,
		 "[a@b.example"},
		{"DATA and RCPT do not go with BDAT",
		 {0},
		 {EHLO MAIL RCPT "BDAT 1\r\nxDATA\r\n" RCPT "BDAT 1 LAST\r\ny"},
		 MAIL_OK RCPT_OK DOT_OK "503 5.5.1 Not together with BDAT\r\n"
					"503 5.5.1 Not together with BDAT\r\n" DOT_OK,
		 "[a@b.example>c@d.example:xy]2"},
		{"BINARYMIME does not go with DATA",
		 {0},
		 {EHLO "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n" RCPT
		       "DATA\r\nBDAT 1 LAST\r\n\n"},
		 MAIL_OK RCPT_OK "503 5.5.1 Not together with BDAT\r\n" DOT_OK,
		 "[a@b.example>c@d.example:\n]1"},
		{"too big",
		 {.size_max = 4},
		 {EHLO MAIL RCPT "BDAT 5\r\nabcdeBDAT 1 LAST\r\nxNOOP\r\n"},
		 MAIL_OK RCPT_OK
		 "552 5.3.4 Message size exceeds limit\r\n503 5.5.1 MAIL first\r\n" DOT_OK,
		 NULL},
		{"bad sizes",
		 {0},
		 {EHLO MAIL RCPT "BDAT\r\nBDAT x\r\nBDAT -1\r\nBDAT 1 FIRST\r\n"},
		 MAIL_OK RCPT_OK
		 "501 5.5.4 Syntax error in argument\r\n501 5.5.4 Syntax error in argument\r\n"
		 "501 5.5.4 Syntax error in argument\r\n501 5.5.4 Syntax error in argument\r\n",
		 NULL},
		{"not offered: the chunk is no command all the same",
		 {.extensions = SMTP_EXT_ENHANCEDSTATUSCODES},
		 {EHLO MAIL RCPT "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"},
		 MAIL_OK RCPT_OK "502 5.5.1 Command not implemented\r\n" DOT_OK,
		 NULL},
	};

	(void)state;
	CHECK(dialogues);
}

/* RFC 2033: a reply for each recipient that was accepted. */
static void test_lmtp(void **state)
{
	static const struct dialogue dialogues[] = {
		{"two recipients",
		 {.is_lmtp = true},
		 {"LHLO x\r\n" MAIL RCPT RCPT "DATA\r\nhi\r\n.\r\nQUIT\r\n"},
		 MAIL_OK RCPT_OK RCPT_OK DATA_OK DOT_OK DOT_OK BYE,
		 "[a@b.example>c@d.example>c@d.example:hi\r\n]4"},
		{"chunks",
		 {.is_lmtp = true},
		 {"LHLO x\r\n" MAIL RCPT RCPT "BDAT 2 LAST\r\nhi" MAIL},
		 MAIL_OK RCPT_OK RCPT_OK DOT_OK DOT_OK MAIL_OK,
		 NULL},
		{"no EHLO, no DATA without recipients",
		 {.is_lmtp = true},
		 {EHLO "HELO x\r\nLHLO x\r\n" MAIL "RCPT TO:<>\r\nDATA\r\n"},
		 "500 5.5.2 Command not recognized\r\n500 5.5.2 Command not recognized\r\n" MAIL_OK
		 "501 5.1.3 Bad recipient address syntax\r\n503 5.5.1 RCPT first\r\n",
		 NULL},
	};

	(void)state;
	CHECK(dialogues);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence), cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_lines),	 cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_lmtp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
