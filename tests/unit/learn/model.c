/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * model.c - a server with a limit, clients that press it, and the log they write, on virtual time
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>
#include "base/clock.h"
#include "base/rng.h"
#include "model.h"

#define SOURCES_MAX  8
#define SESSIONS_MAX 128
#define WINDOW_MAX   100000

struct session {
	int64_t next_ns;    /* when it acts */
	int64_t connect_ns; /* how long its connection took to open */
	int64_t idle_ns;    /* since when */
	uint64_t connection;
	uint32_t used;	       /* on it */
	bool is_open, is_over; /* over: it closes next */
	uint64_t retry;	       /* the message that was refused; 0: none */
};

/* One source's, or everybody's. */
struct counter {
	int64_t *times; /* what was charged, in a ring */
	size_t first, count;
	int64_t window;
	uint64_t in_window;
	int64_t hour; /* of the second limit */
	uint64_t in_hour;
	double arrival_ns; /* GCRA: theoretical arrival time */
};

struct entry {
	int64_t at_ns;
	char *text;
};

struct model {
	const struct model_server *server;
	const struct model_load *load;
	enum learn_format format;
	struct rng rng;
	struct session sessions[SESSIONS_MAX];
	struct counter counters[SOURCES_MAX];
	uint32_t open[SOURCES_MAX];
	struct entry *entries;
	size_t entry_count, entry_cap;
	uint64_t connections, number, accepted;
	int64_t *first_seen; /* of a message, for greylisting */
};

static int64_t about(struct model *m, int64_t ns)
{
	return ns / 2 + (ns > 0 ? (int64_t)rng_below(&m->rng, (uint64_t)ns) : 0);
}

/* ---- the limit ---- */

static bool passes_rolling(const struct model_server *v, struct counter *c, int64_t now_ns)
{
	while (c->count > 0 && c->times[c->first] <= now_ns - v->period_ns) {
		c->first = (c->first + 1) % WINDOW_MAX;
		c->count--;
	}
	if (c->count >= v->amount)
		return false;
	assert_true(c->count < WINDOW_MAX);
	c->times[(c->first + c->count++) % WINDOW_MAX] = now_ns;
	return true;
}

static bool passes_fixed(const struct model_server *v, struct counter *c, int64_t now_ns)
{
	int64_t window = (now_ns - v->reset_ns) / v->period_ns;

	if (window != c->window)
		c->in_window = 0;
	c->window = window;
	if (c->in_window >= v->amount)
		return false;
	c->in_window++;
	return true;
}

static bool passes_smooth(const struct model_server *v, struct counter *c, int64_t now_ns)
{
	double step_ns = (double)v->period_ns / (double)(v->amount - v->burst);
	double arrival_ns = c->arrival_ns > (double)now_ns ? c->arrival_ns : (double)now_ns;

	if (arrival_ns - (double)now_ns > (double)(v->burst - 1) * step_ns)
		return false;
	c->arrival_ns = arrival_ns + step_ns;
	return true;
}

static bool passes(struct model *m, int source, int64_t now_ns)
{
	const struct model_server *v = m->server;
	struct counter *c = &m->counters[v->is_pooled ? 0 : source];
	int64_t hour = now_ns / (3600 * NS_PER_SEC);
	bool does_pass = true;

	if (hour != c->hour)
		c->in_hour = 0;
	c->hour = hour;
	if (v->hourly > 0 && c->in_hour >= v->hourly)
		return false;
	if (v->window == LIMIT_ROLLING)
		does_pass = passes_rolling(v, c, now_ns);
	else if (v->window == LIMIT_FIXED)
		does_pass = passes_fixed(v, c, now_ns);
	else if (v->window == LIMIT_SMOOTH)
		does_pass = passes_smooth(v, c, now_ns);
	c->in_hour += does_pass;
	return does_pass;
}

/* ---- the log ---- */

struct telling {
	int64_t at_ns, took_ns;
	const char *outcome; /* as volley says it */
	const char *phase, *command;
	int session, source;
	uint64_t connection, number;
	uint32_t use, recipients, taken; /* taken: of the recipients */
	const char *reply;		 /* "421 4.7.0 ..."; NULL: none */
	bool is_silent;
};

static const char *stamp(int64_t ns, bool coarse, char out[64])
{
	time_t seconds = (time_t)(ns / NS_PER_SEC);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(out, 64, coarse ? "%b %e %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
	if (!coarse)
		snprintf(out + len, 64 - len, ".%06dZ", (int)(ns % NS_PER_SEC / 1000));
	return out;
}

static void tell_volley(const struct telling *t, struct buf *b)
{
	char time[64];

	buf_printf(b,
		   "{\"time\":\"%s\",\"outcome\":\"%s\",\"session\":%d,\"connection\":%" PRIu64
		   ",\"on_connection\":%u,\"source\":\"192.0.2.%d\",\"target\":"
		   "\"smtp://mx.model.example:2525\",\"phase\":\"%s\"",
		   stamp(t->at_ns, false, time), t->outcome, t->session, t->connection, t->use,
		   t->source + 1, t->phase);
	if (t->number > 0)
		buf_printf(b,
			   ",\"id\":\"r-%" PRIu64 "\",\"recipient\":\"u%" PRIu64
			   "@model.example\",\"recipients\":%u,\"service_us\":%" PRId64,
			   t->number, t->number, t->recipients, t->took_ns / 1000);
	if (t->is_silent)
		buf_append_text(b, ",\"error\":\"closed early\"");
	if (t->reply != NULL)
		buf_printf(b, ",\"command\":\"%s\",\"code\":%.3s,\"text\":\"%s\"", t->command,
			   t->reply, t->reply + 4);
	buf_append_text(b, "}");
}

static void tell_kumomta(const struct telling *t, struct buf *b)
{
	static const struct {
		const char *ours, *theirs;
	} commands[] = {{"mail", "MAIL FROM"}, {"rcpt", "RCPT TO"}, {"dot", "."}, {"connect", ""}};
	const char *command = "", *text = t->reply + 4;
	unsigned c = 0, s = 0, d = 0;
	int used = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (t->command != NULL && strcmp(t->command, commands[i].ours) == 0)
			command = commands[i].theirs;
	if (sscanf(text, "%u.%u.%u %n", &c, &s, &d, &used) == 3)
		text += used;
	buf_printf(b,
		   "{\"type\":\"%s\",\"id\":\"m%" PRIu64 "\",\"recipient\":\"u%" PRIu64
		   "@model.example\",\"site\":\"ip-%d->(mx1|mx2)?.model.example@smtp_client\","
		   "\"egress_source\":\"ip-%d\",\"peer_address\":{\"name\":\"mx1.model.example.\","
		   "\"addr\":\"198.51.100.1\"},\"timestamp\":%" PRId64 ",\"event_time\":%.6f,"
		   "\"session_id\":\"s-%" PRIu64
		   "\",\"response\":{\"code\":%.3s,\"enhanced_code\":{\"class\":%u,\"subject\":%u,"
		   "\"detail\":%u},\"content\":\"%s\",\"command\":\"%s\"},\"num_attempts\":1}",
		   strcmp(t->outcome, "accepted") == 0 ? "Delivery" : "TransientFailure", t->number,
		   t->number, t->source, t->source, t->at_ns / NS_PER_SEC, (double)t->at_ns / 1e9,
		   t->connection, t->reply, c, s, d, text, command);
}

/* A recipient's line of Postfix. */
static void tell_postfix(struct model *m, const struct telling *t, struct buf *b)
{
	static const struct {
		const char *ours, *theirs;
	} commands[] = {{"mail", "MAIL FROM"}, {"rcpt", "RCPT TO"}, {"dot", "end of DATA"}};
	const char *command = "", *relay = "mx1.model.example[198.51.100.1]";
	char time[64], use[32] = "";

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (t->command != NULL && strcmp(t->command, commands[i].ours) == 0)
			command = commands[i].theirs;
	if (t->use > 1)
		snprintf(use, sizeof(use), "conn_use=%u, ", t->use);
	for (uint32_t i = 0; i < t->recipients; i++) {
		buf_printf(b,
			   "%s%s out postfix/smtp[%d]: 4F%06" PRIX64 "Q: to=<u%" PRIu64
			   "-%u@model.example>, relay=%s:25, %sdelay=1, delays=0/0/%.4f/%.4f, "
			   "dsn=4.7.0, ",
			   i > 0 ? "\n" : "", stamp(t->at_ns, m->load->coarse, time),
			   4000 + t->session, t->number, t->number, i, relay, use,
			   t->use > 1 ? 0.0 : (double)m->sessions[t->session].connect_ns / 1e9,
			   (double)t->took_ns / 1e9);
		if (i < t->taken)
			buf_append_text(b, "status=sent (250 2.0.0 Ok: queued as 77)");
		else if (t->is_silent)
			buf_printf(b,
				   "status=deferred (lost connection with %s while sending MAIL "
				   "FROM)",
				   relay);
		else if (strcmp(t->phase, "banner") == 0)
			buf_printf(b, "status=deferred (host %s refused to talk to me: %s)", relay,
				   t->reply);
		else
			buf_printf(b, "status=deferred (host %s said: %s (in reply to %s command))",
				   relay, t->reply, command);
	}
}

static void tell(struct model *m, struct telling *t)
{
	struct entry *e;
	struct buf b;

	if (m->entry_count == m->entry_cap) {
		m->entry_cap = 2 * m->entry_cap + 1024;
		m->entries = realloc(m->entries, m->entry_cap * sizeof(*m->entries));
		assert_non_null(m->entries);
	}
	if (m->load->jitter_ns > 0)
		t->at_ns += (int64_t)rng_below(&m->rng, (uint64_t)m->load->jitter_ns);
	/* The other two have no lines for connections. */
	if (t->number == 0 && m->format != LEARN_VOLLEY)
		return;
	buf_init(&b, 1 << 20);
	if (m->format == LEARN_VOLLEY)
		tell_volley(t, &b);
	else if (m->format == LEARN_KUMOMTA)
		tell_kumomta(t, &b);
	else
		tell_postfix(m, t, &b);
	e = &m->entries[m->entry_count++];
	*e = (struct entry){t->at_ns, strndup(b.data, b.len)};
	buf_fini(&b);
}

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* ---- the play ---- */

static int source_of(const struct model *m, const struct session *s)
{
	return (int)((s - m->sessions) % m->load->sources);
}

static void hang_up(struct model *m, struct session *s, int64_t now_ns)
{
	struct telling t = {
		.at_ns = now_ns,
		.outcome = "closed",
		.phase = "quit",
		.session = (int)(s - m->sessions),
		.source = source_of(m, s),
		.connection = s->connection,
	};

	m->open[t.source]--;
	s->is_open = s->is_over = false;
	tell(m, &t);
}

static void connect_now(struct model *m, struct session *s, int64_t now_ns)
{
	const struct model_server *v = m->server;
	int source = source_of(m, s);
	bool is_full = v->connections > 0 && m->open[source] >= v->connections;
	struct telling t = {
		.at_ns = now_ns,
		.outcome = "opened",
		.phase = "banner",
		.session = (int)(s - m->sessions),
		.source = source,
	};

	s->connection = t.connection = ++m->connections;
	s->used = 0;
	s->connect_ns = about(m, m->load->service_ns / 4);
	s->next_ns = now_ns + s->connect_ns;
	if (!is_full && (!v->refuses_connections || passes(m, source, now_ns))) {
		s->is_open = true;
		m->open[source]++;
		tell(m, &t);
		return;
	}
	t.outcome = "session";
	t.command = "connect";
	t.reply = is_full ? "421 4.7.0 Too many connections from your IP"
			  : "421 4.7.0 You connect too often";
	t.number = m->format == LEARN_VOLLEY ? 0 : ++m->number;
	t.recipients = 1;
	if (m->load->pause_ns > 0)
		s->next_ns = now_ns + about(m, m->load->pause_ns);
	tell(m, &t);
}

static void send_now(struct model *m, struct session *s, int64_t now_ns)
{
	const struct model_server *v = m->server;
	struct telling t = {
		.took_ns = about(m, m->load->service_ns),
		.outcome = "accepted",
		.phase = "accept",
		.command = "dot",
		.session = (int)(s - m->sessions),
		.source = source_of(m, s),
		.connection = s->connection,
		.number = s->retry > 0 ? s->retry : ++m->number,
		.use = ++s->used,
		.recipients = 1 + (uint32_t)rng_below(&m->rng, m->load->recipients),
		.reply = "250 2.0.0 Ok",
	};
	bool ends = false, is_refused = true;

	t.at_ns = now_ns + t.took_ns;
	t.taken = t.recipients;
	s->next_ns = t.at_ns;
	s->retry = 0;
	if (v->messages_per_connection > 0 && s->used > v->messages_per_connection) {
		t.command = t.phase = "mail";
		t.is_silent = v->is_silent;
		t.reply = v->is_silent ? NULL : "421 4.4.2 Too many messages on this connection";
		ends = true;
	} else if (!v->refuses_connections && !passes(m, t.source, now_ns)) {
		t.command = t.phase = "mail";
		t.reply = v->words != NULL ? v->words
					   : "421 4.7.28 Slow down, 192.0.2.7 sends too much: id "
					     "4JfcC62DS0z1c1C";
		ends = v->closes;
		if (m->load->pause_ns > 0)
			s->next_ns += about(m, m->load->pause_ns);
	} else if (rng_below(&m->rng, 1000000) < v->noise_ppm) {
		t.command = t.phase = "rcpt";
		t.reply = "451 4.3.0 Something else is wrong here";
	} else if (v->greylist_ns > 0 && (m->first_seen[t.number] == 0 ||
					  now_ns - m->first_seen[t.number] < v->greylist_ns)) {
		if (m->first_seen[t.number] == 0)
			m->first_seen[t.number] = now_ns;
		t.command = t.phase = "rcpt";
		t.reply = "451 4.7.1 Greylisted, please try again later";
		s->retry = m->load->retries ? t.number : 0;
		s->next_ns += about(m, m->load->pause_ns);
	} else if (v->recipients > 0 && t.recipients > v->recipients) {
		t.command = "rcpt";
		t.taken = v->recipients;
		t.reply = "452 4.5.3 Too many recipients";
		t.outcome = "deferred";
		m->accepted++;
		is_refused = true;
	} else {
		m->accepted++;
		is_refused = false;
	}
	if (is_refused && t.taken == t.recipients)
		t.taken = 0;
	if (is_refused)
		t.outcome = t.is_silent ? "failed" : "deferred";
	tell(m, &t);
	s->is_over = ends || (m->load->use > 0 && s->used >= m->load->use);
}

uint64_t model_play(const struct model_server *server, const struct model_load *load,
		    enum learn_format format, struct buf *out)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t accepted;

	assert_non_null(m);
	m->server = server;
	m->load = load;
	m->format = format;
	m->first_seen = calloc(load->messages + SESSIONS_MAX + 1, sizeof(*m->first_seen));
	rng_init(&m->rng, load->seed);
	for (int i = 0; i < SOURCES_MAX; i++) {
		m->counters[i].times = calloc(WINDOW_MAX, sizeof(int64_t));
		m->counters[i].window = -1;
		assert_non_null(m->counters[i].times);
	}
	for (int i = 0; i < load->sessions; i++)
		m->sessions[i].next_ns = load->start_ns + about(m, load->service_ns);
	while (m->number < load->messages && m->connections < load->messages) {
		struct session *next = &m->sessions[0];

		for (int i = 1; i < load->sessions; i++)
			if (m->sessions[i].next_ns < next->next_ns)
				next = &m->sessions[i];
		if (next->is_over)
			hang_up(m, next, next->next_ns);
		else if (next->is_open)
			send_now(m, next, next->next_ns);
		else
			connect_now(m, next, next->next_ns);
	}
	qsort(m->entries, m->entry_count, sizeof(*m->entries), by_time);
	for (size_t i = 0; i < m->entry_count; i++) {
		assert_true(buf_append_text(out, m->entries[i].text));
		assert_true(buf_append_text(out, "\n"));
		free(m->entries[i].text);
	}
	for (int i = 0; i < SOURCES_MAX; i++)
		free(m->counters[i].times);
	accepted = m->accepted;
	free(m->first_seen);
	free(m->entries);
	free(m);
	return accepted;
}
