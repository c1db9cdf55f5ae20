/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * world.c - a world: its clock, its queue and whoever is stepped by it
 *
 * The loop at the bottom is the only place where virtual time moves on.
 */
#include <stdlib.h>
#include "base/check.h"
#include "sim/world.h"

#define START_DEFAULT_NS  NS_PER_SEC
#define EPOCH_DEFAULT_NS  (INT64_C(1767225600) * NS_PER_SEC) /* 2026-01-01T00:00:00Z */
#define DELAY_DEFAULT_NS  (50 * NS_PER_US)
#define BUFFER_DEFAULT	  (128 << 10)
#define PORT_FIRST	  32768
#define PORT_LAST	  60999
#define LISTEN_PORT_FIRST 20000

/* What may happen without the clock moving before a run is taken for stuck. */
#define SAME_TIME_MAX 10000000

enum { STREAM_PATH = 1, STREAM_RULE, STREAM_SPLIT };

static int64_t clock_read(struct clock *clock)
{
	return ((struct sim *)clock)->now_ns;
}

static int64_t clock_read_wall(struct clock *clock)
{
	struct sim *s = (struct sim *)clock;

	return s->now_ns + s->wall_offset_ns;
}

static int check_options(const struct sim_options *o, struct err *e)
{
	if (o->start_ns < 0 || o->send_buffer < 1 || o->receive_buffer < 1)
		return err_set(e, EXIT_USAGE, 0,
			       "simulated network: start and buffer sizes must not be negative");
	if (o->port_first > o->port_last || o->port_last > UINT16_MAX)
		return err_set(e, EXIT_USAGE, 0,
			       "simulated network: the ports %u to %u are no range of ports",
			       o->port_first, o->port_last);
	if (o->path.jitter_ns < 0 || !(o->path.loss >= 0 && o->path.loss <= 1))
		return err_set(e, EXIT_USAGE, 0,
			       "simulated network: jitter must be >= 0 and loss from 0 to 1");
	return 0;
}

static struct sim_options with_defaults(const struct sim_options *options)
{
	struct sim_options o = options ? *options : (struct sim_options){0};

	if (o.start_ns == 0)
		o.start_ns = START_DEFAULT_NS;
	if (o.epoch_ns == 0)
		o.epoch_ns = EPOCH_DEFAULT_NS;
	if (o.path.delay_ns == 0)
		o.path.delay_ns = DELAY_DEFAULT_NS;
	else if (o.path.delay_ns < 0)
		o.path.delay_ns = 0;
	if (o.send_buffer == 0)
		o.send_buffer = BUFFER_DEFAULT;
	if (o.receive_buffer == 0)
		o.receive_buffer = BUFFER_DEFAULT;
	if (o.port_first == 0 && o.port_last == 0) {
		o.port_first = PORT_FIRST;
		o.port_last = PORT_LAST;
	}
	return o;
}

struct sim *sim_new(const struct sim_options *options, struct err *e)
{
	static const size_t chunk_sizes[SIM_CHUNK_CLASSES] = {512, 4096 + 64, SIM_CHUNK_MAX + 64};
	struct sim_options o = with_defaults(options);
	struct sim *s;

	if (check_options(&o, e) < 0)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		err_set(e, EXIT_FAILED, 0, "no memory for a simulated network");
		return NULL;
	}
	s->clock = (struct clock){.now = clock_read, .wall_ns = clock_read_wall};
	s->now_ns = o.start_ns;
	s->wall_offset_ns = o.epoch_ns - o.start_ns;
	s->options = o;
	rng_fork(&s->path_rng, o.seed, STREAM_PATH);
	rng_fork(&s->rule_rng, o.seed, STREAM_RULE);
	rng_fork(&s->split_rng, o.seed, STREAM_SPLIT);
	slab_init(&s->conns, sizeof(struct sim_conn));
	slab_init(&s->lookups, names_lookup_size());
	slab_init(&s->listener_slab, sizeof(struct sim_listener));
	for (int i = 0; i < SIM_CHUNK_CLASSES; i++)
		slab_init(&s->chunks[i], chunk_sizes[i]);
	s->listen_port = LISTEN_PORT_FIRST;
	s->actors_tail = &s->actors;
	return s;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	CHECK(s->member_count == 0 && !s->is_running);
	queue_fini(&s->queue);
	ports_fini(s);
	slab_fini(&s->conns);
	slab_fini(&s->lookups);
	slab_fini(&s->listener_slab);
	for (int i = 0; i < SIM_CHUNK_CLASSES; i++)
		slab_fini(&s->chunks[i]);
	free(s->rules);
	free(s);
}

struct clock *sim_clock(struct sim *s)
{
	return &s->clock;
}

void sim_wall_jump(struct sim *s, int64_t by_ns)
{
	s->wall_offset_ns += by_ns;
}

uint64_t sim_digest(const struct sim *s)
{
	return s->digest;
}

uint64_t sim_entries_run(const struct sim *s)
{
	return s->entries_run;
}

uint64_t sim_steps_run(const struct sim *s)
{
	return s->steps_run;
}

void world_digest(struct sim *s, uint64_t value)
{
	uint64_t x = (s->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);

	s->digest = x ^ (x >> 29);
}

static uint64_t mix(uint64_t digest, const char *octets)
{
	uint64_t word;

	memcpy(&word, octets, sizeof(word));
	digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return digest ^ (digest >> 29);
}

void world_digest_octets(struct sim *s, const void *data, size_t len)
{
	const char *octets = data;
	char last[8] = {0};

	world_digest(s, len);
	/* A body goes through in four lanes, which a processor works on side by side. */
	if (len >= 32) {
		uint64_t lanes[4] = {1, 2, 3, 4};

		for (; len >= 32; octets += 32, len -= 32)
			for (int i = 0; i < 4; i++)
				lanes[i] = mix(lanes[i], octets + i * 8);
		for (int i = 0; i < 4; i++)
			world_digest(s, lanes[i]);
	}
	for (; len >= 8; octets += 8, len -= 8)
		s->digest = mix(s->digest, octets);
	if (len == 0)
		return;
	memcpy(last, octets, len);
	s->digest = mix(s->digest, last);
}

bool world_push(struct sim *s, struct sim_entry entry)
{
	if (entry.at_ns < s->now_ns)
		entry.at_ns = s->now_ns;
	if (queue_push(&s->queue, &entry))
		return true;
	s->is_out_of_memory = true;
	return false;
}

static void run_task(struct sim *s, const struct sim_entry *entry)
{
	struct sim_task *task = entry->target;

	task->run(task, s->now_ns);
}

int sim_at(struct sim *s, int64_t at_ns, struct sim_task *task)
{
	struct sim_entry entry = {.at_ns = at_ns, .run = run_task, .target = task};

	return world_push(s, entry) ? 0 : -1;
}

void sim_add(struct sim *s, struct sim_actor *actor)
{
	actor->next = NULL;
	actor->next_ns = s->now_ns;
	*s->actors_tail = actor;
	s->actors_tail = &actor->next;
	/* Added by the last actor of a round: it has its turn in the same round. */
	if (s->is_running && !s->next_actor)
		s->next_actor = actor;
}

void sim_remove(struct sim *s, struct sim_actor *actor)
{
	for (struct sim_actor **at = &s->actors; *at; at = &(*at)->next) {
		if (*at != actor)
			continue;
		*at = actor->next;
		if (s->actors_tail == &actor->next)
			s->actors_tail = at;
		if (s->next_actor == actor)
			s->next_actor = actor->next;
		return;
	}
}

void sim_stop(struct sim *s)
{
	s->is_stopping = true;
}

/* When an actor is to be stepped next. */
static int64_t actor_due_ns(const struct sim *s, const struct sim_actor *a)
{
	const struct sim_transport *t = (const struct sim_transport *)a->transport;
	int64_t due = a->next_ns;

	if (t) {
		int64_t timer = wheel_next_ns(&t->transport.wheel);

		if (transport_is_due(t, s->now_ns))
			due = s->now_ns;
		else if (timer < due)
			due = timer;
	}
	if (a->resolver && names_are_due((const struct sim_names *)a->resolver))
		due = s->now_ns;
	if (due < s->now_ns)
		due = s->now_ns;
	return due < a->stalled_until_ns ? a->stalled_until_ns : due;
}

static int64_t next_due_ns(const struct sim *s, const struct sim_transport *watched)
{
	int64_t next = s->queue.count > 0 ? s->queue.entries[0].at_ns : TIME_NEVER;

	for (const struct sim_actor *a = s->actors; a; a = a->next) {
		int64_t due = actor_due_ns(s, a);

		if (due < next)
			next = due;
	}
	if (watched) {
		int64_t timer = wheel_next_ns(&watched->transport.wheel);

		if (timer < next)
			next = timer;
	}
	return next < s->now_ns ? s->now_ns : next;
}

/* Everything that is due now: the network first, then each actor once. */
static uint64_t run_due(struct sim *s)
{
	uint64_t count = 0;

	while (s->queue.count > 0 && s->queue.entries[0].at_ns <= s->now_ns &&
	       count < SAME_TIME_MAX) {
		struct sim_entry entry = queue_pop(&s->queue);

		entry.run(s, &entry);
		count++;
	}
	s->entries_run += count;
	for (struct sim_actor *a = s->actors; a && !s->is_stopping; a = s->next_actor) {
		s->next_actor = a->next;
		if (actor_due_ns(s, a) > s->now_ns)
			continue;
		a->next_ns = TIME_NEVER;
		a->next_ns = a->step(a, s->now_ns);
		s->steps_run++;
		count++;
	}
	s->next_actor = NULL;
	return count;
}

enum sim_end world_go(struct sim *s, int64_t until_ns, struct sim_transport *t, struct sim_names *r,
		      struct err *e)
{
	enum sim_end end = SIM_REACHED;
	uint64_t at_same_time = 0;

	CHECK(!s->is_running);
	s->is_running = true;
	s->is_stopping = false;
	while (!(t && transport_is_due(t, s->now_ns)) && !(r && names_are_due(r))) {
		int64_t next = next_due_ns(s, t);

		/* Whoever waits for something waits to the end; a run ends when all is over. */
		if (next == TIME_NEVER && (until_ns == TIME_NEVER || !(t || r))) {
			end = SIM_IDLE;
			break;
		}
		if (next > until_ns) {
			s->now_ns = until_ns;
			break;
		}
		if (next > s->now_ns)
			at_same_time = 0;
		s->now_ns = next;
		at_same_time += run_due(s);
		if (s->is_out_of_memory) {
			err_set(e, EXIT_FAILED, 0, "no memory for the simulated network");
			end = SIM_FAILED;
		} else if (at_same_time >= SAME_TIME_MAX) {
			err_set(e, EXIT_FAILED, 0,
				"simulated network: events follow each other without time passing");
			end = SIM_FAILED;
		} else if (s->is_stopping) {
			end = SIM_STOPPED;
		}
		if (end != SIM_REACHED)
			break;
	}
	s->is_running = false;
	return end;
}

enum sim_end sim_run(struct sim *s, int64_t until_ns, struct err *e)
{
	return world_go(s, until_ns, NULL, NULL, e);
}
