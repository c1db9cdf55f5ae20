/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_log.c - arbitrary octets as a delivery log
 *
 * Input: the log. What is claimed of any input:
 * - it is read to its end, and either holds something or is refused with a sentence;
 * - all that it is said to hold is within bounds, and in the order of time;
 * - whatever holds something can be learned from, and written as a profile without an octet that
 *   YAML does not print, and as JSON.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"
#include "learn/read.h"
#include "learn/write.h"
#include "profile/rules.h"

#define CHECKED(expression)                                                                        \
	do {                                                                                       \
		if (!(expression))                                                                 \
			abort();                                                                   \
	} while (0)

#define WALL_NS INT64_C(1795269901000000000)

const char *const fuzz_words[] = {
	"\n",
	"Nov 21 14:05:01",
	"Jan  1 00:00:00",
	"2026-11-21T14:05:01.5+01:00",
	" out postfix/smtp[1]: ABCDE: ",
	"to=<a@b>, relay=mx[192.0.2.1]:25, ",
	"conn_use=2, ",
	"delays=0/0/1/2, ",
	", status=deferred (host mx[1] said: 421 4.7.0 ",
	" refused to talk to me: 421-",
	"lost connection with mx[1] while ",
	"(in reply to MAIL FROM command)",
	"{\"time\":\"2026-11-21T14:05:01Z\",",
	"\"outcome\":\"deferred\",",
	"\"code\":421,\"text\":\"4.7.0 x\\ny\"",
	"\"connection\":18446744073709551615,",
	"\"timestamp\":1e300,",
	"\"event_time\":1795269901.5,",
	"\"response\":{\"code\":421,\"content\":\"",
	"\"peer_address\":{\"name\":\"mx.\"}",
	"\xc2\x85\xef\xbb\xbf\xff",
	"[]{}()<>@:;.,'\"\\",
	NULL,
};

static void check_observation(const struct observation *o)
{
	for (size_t i = 0; i < o->event_count; i++) {
		const struct learn_event *e = &o->events[i];

		CHECKED(i == 0 || e->at_ns >= e[-1].at_ns);
		CHECKED(e->connection == LEARN_NONE || e->connection < o->connection_count);
		CHECKED(e->wording >= -1 && e->wording < (int)o->wordings.count);
		CHECKED(e->site < o->sites.count && e->source < o->sources.count);
		CHECKED(e->has_passed || e->wording >= 0);
	}
	for (size_t i = 0; i < o->wordings.count; i++)
		CHECKED(o->wordings.items[i].pattern[0] == '^');
}

/* Text that YAML prints: no control character but the line feed. */
static void check_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		CHECKED(c == '\n' || (c >= ' ' && c != 0x7F));
	}
}

static void check_learning(const struct observation *o)
{
	static const struct profile profile = {.name = "none"};
	struct rules *rules = rules_new(&profile, NULL);
	struct rules_reader *reader = rules ? rules_reader_new(rules) : NULL;
	struct learned learned;
	struct buf out;

	CHECKED(reader);
	CHECKED(learn_fit(o, observation_main_site(o), 60, reader, &learned, NULL) == 0);
	buf_init(&out, 1 << 24);
	CHECKED(learned_to_yaml(&learned, NULL, &out));
	check_text(buf_span(&out));
	CHECKED(learned_to_json(&learned, "x", &out));
	buf_fini(&out);
	learned_fini(&learned);
	rules_reader_free(reader);
	rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct observation *o = observation_new();
	struct err e = {0};
	int status;

	CHECKED(o);
	status = learn_read_text(o, (struct span){(const char *)data, size}, "log", WALL_NS, &e);
	CHECKED(status == 0 || (e.status == EXIT_USAGE && e.text[0] != '\0'));
	CHECKED((status == 0) == (o->files[0].events > 0));
	CHECKED(observation_order(o) == 0);
	check_observation(o);
	/* Learning takes longer than reading: a part of what is read is enough to learn from. */
	if (status == 0 && size % 8 == 0)
		check_learning(o);
	observation_free(o);
	return 0;
}
