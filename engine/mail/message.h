/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.h - the messages of a run: planned once, rendered by number
 *
 * A plan is made from the options before the run starts, checked, immutable and shared by all
 * threads. Message number seq is a function of (plan, seq) and, for its Date and X-Volley-ID, of
 * the time it is due: any thread may render any message at any time and gets the same octets.
 *
 * Three kinds of message: sized (headers, then a stretch of one shared filler), stored (.eml files
 * in turn) and template (a file with fields). All are compiled to segments; at run time only the
 * octets that differ between messages are written, the rest is lent from the plan's memory.
 *
 * Every message carries Message-ID: <RUN.SEQ@DOMAIN> and X-Volley-ID: RUN-SEQ-DUE, where RUN is 16
 * hexadecimal digits, SEQ decimal, and DUE wall-clock nanoseconds since 1970, decimal. Those two
 * fields replace what a stored message or a template has under these names.
 *
 * Use:  mail_plan_new() once; in each thread mail_press_init(); per message mail_render() into
 *       the session's slot; mail_slot_release() when the session falls idle.
 */
#ifndef VOLLEY_MAIL_MESSAGE_H
#define VOLLEY_MAIL_MESSAGE_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/err.h"
#include "base/slab.h"
#include "base/span.h"

#define MAIL_SIZE_MAX	       (UINT64_C(128) << 20) /* octets in one message */
#define MAIL_CORPUS_MAX	       (UINT64_C(1) << 30)   /* octets in all stored messages together */
#define MAIL_RCPT_MAX	       1000		     /* recipients in one message */
#define MAIL_SENDER_DEFAULT    "sender@example.com"
#define MAIL_RECIPIENT_DEFAULT "recipient@example.com"

/*
 * What to send. All strings are borrowed for the call of mail_plan_new(). At most one of
 * size, eml_path and template_path is given; the fields that may stand in a template
 * ({{rcpt}}, {{seq}} ..., see text.h) may stand in subject and headers too.
 *
 * Errors call the members by bench's options: --size, --message (eml_path), --template, --subject,
 * --add-header, --from, --from-file, --to, --to-file, --recipients-per-message and
 * --number-recipients.
 *
 * Address patterns: "%d" is a number that counts up from 1 and never repeats within a run: of
 * the message for a sender, of the recipient for a recipient; "%06d" pads with zeros;
 * "%{1-1000}" goes round a range; "%%" is a percent sign.
 */
struct mail_params {
	const char *size;	    /* size of the whole message, see spread.h; NULL: "4k" */
	const char *eml_path;	    /* a message file, or a folder: its *.eml in order of name */
	const char *template_path;  /* a message file with fields */
	const char *subject;	    /* NULL: one of ours, or the stored message's own */
	const char *const *headers; /* "Name: value"; one that we write ourselves is replaced */
	int header_count;
	const char *sender;	 /* a pattern; "" or "<>" is the null reverse-path; NULL: default */
	const char *sender_path; /* or a file of addresses, one a line, used in turn */
	const char *recipient;	 /* a pattern; NULL: default */
	const char *recipient_path; /* or a file of addresses */
	/*
	 * "5", "1-10" (uniform), "specmail2001" (its table); NULL: what the size says
	 * (specmail2001, or the third column of a mix), else 1.
	 */
	const char *recipients_per_message;
	bool number_recipients; /* puts a number behind the local part, where there is no "%d" */
	const char *domain;	/* right side of Message-ID; NULL: the sender's domain */
	uint64_t seed;		/* the same seed makes the same run */
	uint64_t run_id;	/* RUN */
};

struct mail_plan;

/* What a plan comes to, for reports and for checks of memory and server limits. */
struct mail_facts {
	const char *text; /* "4.00 KiB", "specmail2001: 1.00 KiB to 2.61 MiB, mean 24.5 KiB" */
	uint64_t size_min,
		size_max; /* octets of a message, not stuffed; an upper bound for templates */
	double size_mean;
	int rcpt_min, rcpt_max;
	double rcpt_mean;
	bool may_be_8bit, may_be_utf8; /* some message needs 8BITMIME, SMTPUTF8 */
};

/*
 * Reads files, checks everything, compiles. 0 and *ret_plan (owned: mail_plan_free()), or -1 with
 * *e set to a sentence that names the option or the file and line.
 */
__attribute__((warn_unused_result)) int mail_plan_new(const struct mail_params *params,
						      struct err *e, struct mail_plan **ret_plan);

/* No press and no slot may be in use any more. NULL is allowed. */
void mail_plan_free(struct mail_plan *plan);

/* Valid as long as the plan. */
const struct mail_facts *mail_plan_facts(const struct mail_plan *plan);

/* One thread's tools for rendering: memory of slots, and the Date of the current second. */
struct mail_press {
	const struct mail_plan *plan;
	struct slab blocks;
	int64_t date_s; /* the second that date[] tells */
	char date[32];	/* RFC 5322 s3.3, in UTC */
};

/*
 * One message, ready to be sent. Zero it before the first use. What it points to is valid until
 * the next mail_render() into it or mail_slot_release(); in between the slot must not be copied.
 */
struct mail_slot {
	struct span sender; /* reverse-path without <>; empty for <> */
	const struct span *rcpt;
	const struct iovec *data;  /* dot-stuffed (RFC 5321 s4.5.2), ends in CRLF, no final dot */
	const struct iovec *chunk; /* the same, not stuffed; often the same array */
	uint64_t size;		   /* octets of chunk */
	int rcpt_count, data_count, chunk_count;
	bool is_8bit, is_utf8;
	void *block; /* the press's; NULL while the slot is idle */
};

/* Allocates nothing. plan is lent for the press's life. */
void mail_press_init(struct mail_press *press, const struct mail_plan *plan);

/* Every slot must have been released. */
void mail_press_fini(struct mail_press *press);

/*
 * Makes message number seq in slot. due_wall_ns: when it is due, ns since 1970 (>= 0). Allocates
 * only when more slots are in use than ever before; false when memory is exhausted.
 */
__attribute__((warn_unused_result)) bool mail_render(struct mail_press *press, uint64_t seq,
						     int64_t due_wall_ns, struct mail_slot *slot);

/* Gives the slot's memory back to the press; an idle slot costs its structure alone. */
void mail_slot_release(struct mail_press *press, struct mail_slot *slot);

#endif
