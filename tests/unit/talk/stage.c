/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.c - a talk on a simulated network, against servers that act by a script
 */
#include "stage.h"
#include <stdio.h>

const struct line plain_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n"},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n"},
	{.expect = "DATA", .say = "354 go ahead\r\n"},
	{.expect = ".", .say = "250 2.0.0 taken\r\n"},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

/* ---- the server ---- */

static void go_on(struct peer *p);

static void begin_tls(struct peer *p)
{
	struct secure_request request = {.role = SECURE_SERVER};

	p->is_sealed = true;
	channel_start_tls(&p->channel, &request, (struct span){0},
			  clock_now(sim_clock(p->stage->sim)));
}

/* The line's answer is out, or there is none: what follows it. */
static void line_done(struct peer *p)
{
	const struct line *line = &p->script[p->lines++];

	p->is_busy = false;
	switch (line->act) {
	case SAY_TLS:
		begin_tls(p);
		return;
	case SAY_CLOSE:
		channel_close(&p->channel);
		return;
	case SAY_RESET:
		channel_abort(&p->channel);
		return;
	case HOLD:
		p->is_busy = true;
		return;
	case SAY:
		break;
	}
	go_on(p);
}

static void answer(struct sim_task *task, int64_t now_ns)
{
	struct peer *p = (struct peer *)((char *)task - offsetof(struct peer, task));
	const struct line *line = &p->script[p->lines];
	struct iovec v;

	(void)now_ns;
	if (p->is_closed || p->channel.is_closing)
		return;
	if (line->say == NULL) {
		line_done(p);
		return;
	}
	memcpy(&v.iov_base, &line->say, sizeof(line->say));
	v.iov_len = strlen(line->say);
	channel_send(&p->channel, &v, 1);
}

static void begin_line(struct peer *p)
{
	const struct line *line = &p->script[p->lines];
	int64_t now_ns = clock_now(sim_clock(p->stage->sim));

	p->is_busy = true;
	p->task.run = answer;
	if (line->after_ns == 0)
		answer(&p->task, now_ns);
	else
		assert_int_equal(sim_at(p->stage->sim, now_ns + line->after_ns, &p->task), 0);
}

static void consume(struct peer *p, size_t len)
{
	memmove(p->in, p->in + len, p->in_len - len);
	p->in_len -= len;
}

/* Takes octets of a content; true when its end was found. */
static bool take_content(struct peer *p)
{
	static const char dot[] = "\r\n.\r\n";
	char *end = memmem(p->in, p->in_len, dot, 5);

	if (end != NULL) {
		p->content += (uint64_t)(end - p->in) + 2;
		consume(p, (size_t)(end - p->in) + 5);
		p->is_content = false;
		return true;
	}
	if (p->in_len > 4) {
		p->content += p->in_len - 4;
		consume(p, p->in_len - 4);
	}
	return false;
}

static bool take_chunk(struct peer *p)
{
	size_t part = p->in_len < p->skip ? p->in_len : (size_t)p->skip;

	p->skip -= part;
	p->content += part;
	consume(p, part);
	return p->skip == 0;
}

/* A command that the next line of the script waits for; true when it is there. */
static bool take_command(struct peer *p, const struct line *line)
{
	size_t len = strlen(line->expect);
	char *end = memmem(p->in, p->in_len, "\r\n", 2);

	if (end == NULL)
		return false;
	if (strncmp(p->in, line->expect, len) != 0)
		fail_msg("\"%.*s\" came where \"%s\" was expected", (int)(end - p->in), p->in,
			 line->expect);
	if (strncmp(p->in, "BDAT ", 5) == 0) {
		p->skip = strtoull(p->in + 5, NULL, 10);
		consume(p, (size_t)(end - p->in) + 2);
		return take_chunk(p);
	}
	p->is_content = line->say != NULL && strncmp(line->say, "354", 3) == 0;
	consume(p, (size_t)(end - p->in) + 2);
	return true;
}

static void go_on(struct peer *p)
{
	while (!p->is_busy && !p->channel.is_closing && !p->is_closed) {
		const struct line *line = &p->script[p->lines];

		if (line->expect == NULL && line->say == NULL && line->act == SAY)
			return; /* the script is over */
		if (line->expect != NULL) {
			if (p->skip > 0	    ? !take_chunk(p)
			    : p->is_content ? !take_content(p)
					    : !take_command(p, line))
				return;
		}
		begin_line(p);
	}
}

static void on_peer_event(struct channel_user *self, struct channel *c,
			  const struct channel_event *ev)
{
	struct peer *p = (struct peer *)self;

	(void)c;
	switch (ev->kind) {
	case CHANNEL_SEALED:
		go_on(p);
		return;
	case CHANNEL_BYTES:
		assert_true(p->in_len + ev->bytes.len <= sizeof(p->in));
		memcpy(p->in + p->in_len, ev->bytes.data, ev->bytes.len);
		p->in_len += ev->bytes.len;
		go_on(p);
		return;
	case CHANNEL_SENT:
		line_done(p);
		return;
	case CHANNEL_CLOSED:
		p->is_closed = true;
		p->closed_as = ev->end;
		return;
	case CHANNEL_OPENED:
	case CHANNEL_LATE:
		return;
	}
}

static void on_accept(struct listener_user *self, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	struct place *place = (struct place *)self;
	struct stage *s = place->stage;
	struct peer *p = &s->peers[s->peer_count++];

	(void)peer;
	(void)local;
	(void)at_ns;
	assert_true(s->peer_count <= PEERS_MAX);
	memset(p, 0, sizeof(*p));
	p->user.on_event = on_peer_event;
	p->stage = s;
	p->script = place->script;
	channel_accept(&p->channel, &s->server_hub, link, &p->user);
	if (place->never_reads)
		channel_receive(&p->channel, false);
	if (place->is_sealed)
		begin_tls(p);
	else
		go_on(p);
}

/* ---- the talk ---- */

__attribute__((format(printf, 2, 3))) static void note(struct stage *s, const char *fmt, ...)
{
	size_t len = strlen(s->log);
	va_list args;

	if (len > 0 && len < sizeof(s->log) - 1)
		s->log[len++] = ' ';
	va_start(args, fmt);
	vsnprintf(s->log + len, sizeof(s->log) - len, fmt, args);
	va_end(args);
}

static void give_next(struct stage *s, int64_t now_ns)
{
	if (s->messages < 0)
		return;
	assert_true(talk_is_ready(&s->talk));
	if (s->messages == 0) {
		talk_quit(&s->talk, now_ns);
		s->messages = -1;
		return;
	}
	s->messages--;
	talk_message(&s->talk, &s->message, now_ns);
}

static void note_step(struct stage *s, const struct talk_event *ev)
{
	char code[16] = "";

	if (ev->reply != NULL)
		snprintf(code, sizeof(code), "/%d", ev->reply->code);
	if (ev->took_ns < 0)
		note(s, "%s=-%s",
		     ev->phase == PHASE_SESSION || ev->phase == PHASE_TLS
			     ? smtp_command_name(ev->command)
			     : phase_name(ev->phase),
		     code);
	else
		note(s, "%s=%lld%s", phase_name(ev->phase), (long long)(ev->took_ns / US), code);
}

static void note_closed(struct stage *s, const struct talk_event *ev)
{
	const struct talk_failure *f = ev->failure;
	char room[TALK_KIND_MAX], text[128];

	s->closed++;
	s->closed_ns = ev->at_ns;
	s->cause = f->cause;
	snprintf(s->kind, sizeof(s->kind), "%s", talk_failure_kind(f, room));
	snprintf(s->detail, sizeof(s->detail), "%s", f->detail);
	if (f->cause == TALK_CAUSE_NONE)
		snprintf(text, sizeof(text), "CLOSED(none");
	else
		snprintf(text, sizeof(text), "CLOSED(%s at %s%s", s->kind, phase_name(f->phase),
			 f->is_permanent ? ", for good" : "");
	if (ev->outcome != NULL) {
		const struct smtp_outcome *o = ev->outcome;

		snprintf(s->reply_text, sizeof(s->reply_text), "%.*s", (int)o->reply.text.len,
			 o->reply.text.len > 0 ? o->reply.text.data : "");
		note(s, "%s, %d/%d/%d %s %d)", text, o->accepted, o->deferred, o->rejected,
		     o->is_in_doubt ? "in doubt" : "undecided", o->undecided);
	} else {
		note(s, "%s)", text);
	}
	assert_false(talk_is_open(&s->talk));
	assert_false(talk_is_ready(&s->talk));
	assert_non_null(talk_failure_hint(f));
}

static void on_talk_event(struct talk_user *self, struct talk *talk, const struct talk_event *ev)
{
	struct stage *s = (struct stage *)((char *)self - offsetof(struct stage, user));

	assert_ptr_equal(talk, &s->talk);
	switch (ev->kind) {
	case TALK_STEP:
		note_step(s, ev);
		break;
	case TALK_READY:
		note(s, "READY");
		give_next(s, ev->at_ns);
		break;
	case TALK_DONE:
		note(s, "DONE(%d,%d,%d)", ev->outcome->accepted, ev->outcome->deferred,
		     ev->outcome->rejected);
		give_next(s, ev->at_ns);
		break;
	case TALK_CLOSED:
		note_closed(s, ev);
		break;
	}
	if (s->on_event)
		s->on_event(s, ev);
}

/* ---- the stage ---- */

static int64_t step_of(struct transport *t, struct channel_hub *h, int64_t now_ns)
{
	struct err e = {0};

	channel_hub_turn(h, now_ns);
	if (transport_turn(t, now_ns, &e) < 0)
		fail_msg("%s", e.text);
	return h->waiting != NULL ? now_ns : TIME_NEVER;
}

static int64_t client_step(struct sim_actor *actor, int64_t now_ns)
{
	struct stage *s = (struct stage *)((char *)actor - offsetof(struct stage, client_actor));

	return step_of(s->client, &s->hub.channels, now_ns);
}

static int64_t server_step(struct sim_actor *actor, int64_t now_ns)
{
	struct stage *s = (struct stage *)((char *)actor - offsetof(struct stage, server_actor));

	return step_of(s->server, &s->server_hub, now_ns);
}

static void make_client(struct stage *s)
{
	static const char *const rcpt[] = {"a@example.com", "b@example.com", "c@example.com",
					   "d@example.com"};
	static char content[] = "Subject: test\r\n\r\nOne line.\r\n";
	struct smtp_timeouts *t = &s->smtp.timeouts;

	s->smtp.helo_name = "client.example";
	*t = (struct smtp_timeouts){
		.banner_ns = 10 * NS_PER_SEC,
		.ehlo_ns = 10 * NS_PER_SEC,
		.starttls_ns = 10 * NS_PER_SEC,
		.auth_ns = 10 * NS_PER_SEC,
		.mail_ns = 10 * NS_PER_SEC,
		.rcpt_ns = 10 * NS_PER_SEC,
		.data_ns = 10 * NS_PER_SEC,
		.body_ns = 10 * NS_PER_SEC,
		.dot_ns = 10 * NS_PER_SEC,
		.rset_ns = 10 * NS_PER_SEC,
		.quit_ns = 10 * NS_PER_SEC,
	};
	for (size_t i = 0; i < 4; i++)
		s->rcpt[i] = span_of(rcpt[i]);
	s->content = (struct iovec){content, sizeof(content) - 1};
	s->message = (struct smtp_message){
		.mail_from = SPAN("sender@example.com"),
		.rcpt = s->rcpt,
		.rcpt_count = 1,
		.data = &s->content,
		.data_count = 1,
		.chunk = &s->content,
		.chunk_count = 1,
		.size = s->content.iov_len,
	};
	s->messages = 1;
	s->target = (struct talk_target){
		.addresses = s->addresses,
		.server_name = "mx.example.com",
		.resume_key = "mx.example.com",
		.smtp = &s->smtp,
		.connect_timeout_ns = 3 * NS_PER_SEC,
		.tls_timeout_ns = 5 * NS_PER_SEC,
		.attempt_delay_ns = 250 * NS_PER_MS,
	};
	s->user.on_event = on_talk_event;
}

struct stage *stage_new(const struct stage_options *options)
{
	static const struct sim_certificate certificate = {
		"mx.example.com", "Test CA", 0, 0, false, 0};
	struct stage_options o = options ? *options : (struct stage_options){0};
	struct sim_options world = {
		.seed = 42,
		.path = {o.delay_ns > 0 ? o.delay_ns : MS, 0, o.bandwidth, 0, o.split},
		.receive_buffer = o.receive_buffer,
	};
	struct stage *s = calloc(1, sizeof(*s));
	struct err e = {0};

	assert_non_null(s);
	s->sim = sim_new(&world, &e);
	assert_non_null(s->sim);
	s->client = sim_transport(s->sim,
				  &(struct sim_transport_options){.link_max = o.client_links}, &e);
	s->server = sim_transport(s->sim, NULL, &e);
	o.client_tls.role = SECURE_CLIENT;
	o.server_tls.role = SECURE_SERVER;
	if (o.server_tls.certificate == NULL)
		o.server_tls.certificate = &certificate;
	s->client_secure = sim_secure(s->sim, &o.client_tls, &e);
	s->server_secure = sim_secure(s->sim, &o.server_tls, &e);
	if (s->client == NULL || s->server == NULL || s->client_secure == NULL ||
	    s->server_secure == NULL || talk_hub_init(&s->hub, s->client, s->client_secure, &e) ||
	    channel_hub_init(&s->server_hub, s->server, s->server_secure, &e))
		fail_msg("%s", e.text);
	make_client(s);
	s->client_actor = (struct sim_actor){.transport = s->client, .step = client_step};
	s->server_actor = (struct sim_actor){.transport = s->server, .step = server_step};
	sim_add(s->sim, &s->client_actor);
	sim_add(s->sim, &s->server_actor);
	s->begin_ns = clock_now(sim_clock(s->sim));
	return s;
}

void stage_free(struct stage *s)
{
	for (int i = 0; i < s->peer_count; i++)
		if (!s->peers[i].is_closed)
			channel_abort(&s->peers[i].channel);
	stage_run(s);
	assert_false(talk_is_open(&s->talk));
	assert_null(s->hub.races);
	sim_remove(s->sim, &s->client_actor);
	sim_remove(s->sim, &s->server_actor);
	transport_free(s->client);
	transport_free(s->server);
	talk_hub_fini(&s->hub);
	channel_hub_fini(&s->server_hub);
	secure_free(s->client_secure);
	secure_free(s->server_secure);
	sim_free(s->sim);
	free(s);
}

struct place *stage_place(struct stage *s, const char *address, const struct line *script)
{
	struct place *place = &s->places[s->place_count++];
	struct err e = {0};

	assert_true(s->place_count <= HOSTS_MAX);
	place->user.on_accept = on_accept;
	place->stage = s;
	place->script = script;
	assert_true(endpoint_parse_address(span_of(address), &place->at));
	place->at.port = 25;
	s->addresses[s->target.address_count++] = place->at;
	if (script != NULL && transport_listen(s->server, &place->at, &(struct listen_options){0},
					       &place->user, &e) == NULL)
		fail_msg("%s", e.text);
	return place;
}

void stage_rule(struct stage *s, const char *pattern, enum link_end end, int64_t after_ns)
{
	struct sim_rule rule = {.effect = SIM_FAIL, .end = end, .after_ns = after_ns};
	struct err e = {0};

	assert_true(sim_pattern_parse(span_of(pattern), &rule.to));
	if (sim_rule_add(s->sim, &rule, &e) != 0)
		fail_msg("%s", e.text);
}

void stage_open(struct stage *s)
{
	assert_true(talk_open(&s->talk, &s->hub, &s->target, NULL, &s->user,
			      clock_now(sim_clock(s->sim))));
}

void stage_run(struct stage *s)
{
	struct err e = {0};

	if (sim_run(s->sim, TIME_NEVER, &e) != SIM_IDLE)
		fail_msg("the world did not come to rest: %s", e.text);
}

void stage_run_until(struct stage *s, int64_t at_ns)
{
	struct err e = {0};

	if (sim_run(s->sim, at_ns, &e) == SIM_FAILED)
		fail_msg("%s", e.text);
}

void stage_plays(struct stage *s, const char *log)
{
	stage_open(s);
	stage_run(s);
	assert_string_equal(s->log, log);
	assert_int_equal(s->closed, 1);
	stage_free(s);
}
