/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * observe.c - all that logs tell, in order
 *
 * When did the other side decide? It counts a message at its first commands. A log tells when a
 * message was over, and most tell how long it took: the difference is as near as one gets. Where
 * dates have whole seconds alone, that difference would shuffle what stood in order in the log, so
 * there the order of the log is kept and a message counts when it was over.
 */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/escape.h"
#include "learn/observe.h"
#include "learn/stamp.h"
#include "profile/match.h"

/* Lines of one message for its recipients come at once; a retry comes later. */
#define JOIN_NS (2 * NS_PER_SEC)

enum { SEED_CONNECTION = 1, SEED_MESSAGE, SEED_USE, SEED_RECIPIENT };

struct observation *observation_new(void)
{
	struct observation *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	names_init(&o->sites, LEARN_SITES_MAX);
	names_init(&o->sources, LEARN_SOURCES_MAX);
	names_init(&o->hosts, LEARN_SITES_MAX);
	return o;
}

void observation_free(struct observation *o)
{
	if (o == NULL)
		return;
	names_fini(&o->sites);
	names_fini(&o->sources);
	names_fini(&o->hosts);
	wordings_fini(&o->wordings);
	table_fini(&o->by_connection);
	table_fini(&o->by_message);
	table_fini(&o->by_use);
	for (size_t i = 0; i < o->file_count; i++)
		free(o->files[i].name);
	free(o->files);
	free(o->by_site);
	free(o->connections);
	free(o->events);
	free(o);
}

int observation_begin(struct observation *o, const char *name)
{
	struct learn_file *files = realloc(o->files, (o->file_count + 1) * sizeof(*files));

	if (files == NULL)
		return -1;
	o->files = files;
	files[o->file_count] = (struct learn_file){.name = strdup(name)};
	if (files[o->file_count].name == NULL)
		return -1;
	o->file_count++;
	return 0;
}

/* Room for one more item; cap grows by half. */
static void *room(void *items, size_t count, size_t *cap, size_t size)
{
	size_t wanted = *cap + *cap / 2 + 256;
	void *bigger;

	if (count < *cap)
		return items;
	bigger = realloc(items, wanted * size);
	if (bigger != NULL)
		*cap = wanted;
	return bigger;
}

/* ---- sites ---- */

/* A name as it may be shown and written anywhere. */
static int add_name(struct names *names, struct span name)
{
	char shown[256];
	size_t plain = 0;

	while (plain < name.len && name.data[plain] > ' ' && name.data[plain] < 0x7F)
		plain++;
	if (plain == name.len && name.len < sizeof(shown))
		return names_add(names, name);
	name.len = escape_text(name, ESCAPE_CONTROLS, shown, sizeof(shown));
	name.data = shown;
	return names_add(names, name);
}

/* The number of the line's site; -1: memory exhausted or too many. */
static int add_site(struct observation *o, const struct learn_line *l)
{
	static const struct span unknown = SPAN_INIT("unknown");
	int site = add_name(&o->sites, l->site.len > 0 ? l->site : unknown);
	int host = l->host.len > 0 ? add_name(&o->hosts, l->host) : -1;
	struct learn_site *s;

	if (site < 0)
		return -1;
	while ((size_t)site >= o->site_cap) {
		size_t cap = o->site_cap * 2 + 16;
		struct learn_site *more = realloc(o->by_site, cap * sizeof(*more));

		if (more == NULL)
			return -1;
		memset(more + o->site_cap, 0, (cap - o->site_cap) * sizeof(*more));
		o->by_site = more;
		o->site_cap = cap;
	}
	s = &o->by_site[site];
	for (int i = 0; i < s->host_count; i++)
		if (s->hosts[i] == host)
			host = -1;
	if (host >= 0 && s->host_count < LEARN_HOSTS_MAX)
		s->hosts[s->host_count++] = host;
	return site;
}

int observation_main_site(const struct observation *o)
{
	int best = -1;

	for (size_t i = 0; i < o->sites.count; i++) {
		const struct learn_site *s = &o->by_site[i];
		const struct learn_site *b = best < 0 ? NULL : &o->by_site[best];

		if (b == NULL || s->refused > b->refused ||
		    (s->refused == b->refused && s->messages > b->messages))
			best = (int)i;
	}
	return best;
}

int observation_find_site(const struct observation *o, const char *name)
{
	struct span wanted = span_of(name);

	for (size_t i = 0; i < o->sites.count; i++)
		if (span_equal_nocase(span_of(o->sites.items[i]), wanted))
			return (int)i;
	for (size_t i = 0; i < o->sites.count; i++) {
		const struct learn_site *s = &o->by_site[i];

		for (int k = 0; k < s->host_count; k++)
			if (match_host(wanted, span_of(o->hosts.items[s->hosts[k]])))
				return (int)i;
	}
	return -1;
}

/* ---- connections ---- */

static uint32_t add_connection(struct observation *o, uint16_t site, uint16_t source,
			       int64_t opened_ns)
{
	struct learn_connection *c;
	void *items = room(o->connections, o->connection_count, &o->connection_cap, sizeof(*c));

	if (items == NULL || o->connection_count == LEARN_CONNECTIONS_MAX)
		return LEARN_NONE;
	o->connections = items;
	c = &o->connections[o->connection_count];
	*c = (struct learn_connection){
		.opened_ns = opened_ns, .closed_ns = opened_ns, .site = site, .source = source};
	return (uint32_t)o->connection_count++;
}

/* The connection that the log names. */
static uint32_t named_connection(struct observation *o, const struct learn_line *l, uint16_t site,
				 uint16_t source, int64_t begin_ns)
{
	uint64_t key = table_hash(l->connection, SEED_CONNECTION + (o->file_count << 8));
	uint32_t index;

	if (table_get(&o->by_connection, key, &index))
		return index;
	index = add_connection(o, site, source, begin_ns);
	if (index != LEARN_NONE && !table_put(&o->by_connection, key, index))
		return LEARN_NONE;
	return index;
}

/* process 0 stands for any. Never 0. */
static uint64_t use_key(const struct observation *o, uint16_t site, uint32_t process, uint32_t use)
{
	struct span name = span_of(o->sites.items[site]);

	return table_hash(name, SEED_USE + ((uint64_t)process << 8) + ((uint64_t)use << 40));
}

/*
 * Postfix names no connection, but says how often it was used: one that was used n times goes on
 * with the use n + 1, in the same process or, through the connection cache, in another.
 */
static uint32_t used_connection(struct observation *o, const struct learn_line *l, uint16_t site,
				uint16_t source, int64_t begin_ns)
{
	uint32_t index = LEARN_NONE, use = l->on_connection;

	if (use <= 1 ||
	    (!table_get(&o->by_use, use_key(o, site, l->process, use - 1), &index) &&
	     !table_get(&o->by_use, use_key(o, site, 0, use - 1), &index)) ||
	    o->connections[index].last_use != use - 1)
		index = add_connection(o, site, source,
				       begin_ns - (l->connect_ns > 0 ? l->connect_ns : 0));
	if (index == LEARN_NONE)
		return index;
	o->connections[index].last_use = use;
	if (!table_put(&o->by_use, use_key(o, site, l->process, use), index) ||
	    !table_put(&o->by_use, use_key(o, site, 0, use), index))
		return LEARN_NONE;
	return index;
}

/* ---- lines ---- */

static void learn_connection(struct observation *o, const struct learn_line *l,
			     struct learn_event *e, int64_t begin_ns)
{
	struct learn_connection *c;

	if (l->connection.len > 0)
		e->connection = named_connection(o, l, e->site, e->source, begin_ns);
	else if (l->format == LEARN_POSTFIX && l->on_connection > 0)
		e->connection = used_connection(o, l, e->site, e->source, begin_ns);
	if (e->connection == LEARN_NONE)
		return;
	c = &o->connections[e->connection];
	if (l->kind == LINE_OPENED) {
		c->opened_ns = l->at_ns;
		c->knows_opened = true;
	} else if (!c->knows_opened && begin_ns < c->opened_ns) {
		c->opened_ns = begin_ns;
	}
	if (l->message_ns < 0 && (l->kind == LINE_ACCEPTED || l->kind == LINE_REFUSED))
		c->lacks_begin = true;
	if (!c->knows_closed && l->at_ns > c->closed_ns)
		c->closed_ns = l->at_ns;
	if (l->kind == LINE_CLOSED || (l->kind == LINE_TURNED_AWAY && !c->knows_closed)) {
		c->closed_ns = l->at_ns;
		c->knows_closed = true;
	}
}

/* The message of which another recipient's line came before; NULL: this is the first. */
static struct learn_event *find_message(struct observation *o, const struct learn_line *l,
					uint64_t key)
{
	struct learn_event *e;
	uint32_t index;
	int64_t apart_ns;

	if (l->message.len == 0 || !table_get(&o->by_message, key, &index))
		return NULL;
	e = &o->events[index];
	apart_ns = l->at_ns - e->end_ns;
	return apart_ns < JOIN_NS && apart_ns > -JOIN_NS && e->on_connection == l->on_connection
		       ? e
		       : NULL;
}

static void join(struct learn_event *e, const struct learn_line *l, int wording)
{
	e->recipients += l->recipients;
	e->knows_refused = true;
	if (l->kind == LINE_ACCEPTED) {
		e->has_passed = true;
		return;
	}
	e->refused += l->recipients;
	if (e->wording < 0) {
		e->wording = wording;
		e->phase = (uint8_t)l->phase;
	}
}

static uint8_t kind_of(const struct learn_line *l)
{
	if (l->kind == LINE_TURNED_AWAY)
		return LEARN_TURNED_AWAY;
	return l->kind == LINE_CLOSED ? LEARN_ENDED : LEARN_MESSAGE;
}

/* True when the line is about something that the other side did, or that it let pass. */
static bool is_event(const struct learn_line *l)
{
	if (l->kind == LINE_OPENED)
		return false;
	return l->kind != LINE_CLOSED || l->reply.code >= 400 || l->is_silent;
}

static void count_line(struct observation *o, const struct learn_line *l)
{
	struct learn_file *f = &o->files[o->file_count - 1];

	if (f->events == 0 || l->at_ns < f->first_ns)
		f->first_ns = l->at_ns;
	if (f->events == 0 || l->at_ns > f->last_ns)
		f->last_ns = l->at_ns;
	f->format = l->format;
	f->events++;
	if (l->precision_ns > o->precision_ns)
		o->precision_ns = l->precision_ns;
}

/* Of one message, by one process, in one log. */
static uint64_t message_key(const struct observation *o, const struct learn_line *l)
{
	return table_hash(l->message, SEED_MESSAGE + ((uint64_t)l->process << 8) +
					      ((uint64_t)o->file_count << 40));
}

static int add_event(struct observation *o, const struct learn_line *l, const struct learn_event *e)
{
	void *items = room(o->events, o->event_count, &o->event_cap, sizeof(*e));

	if (items == NULL)
		return -1;
	o->events = items;
	o->events[o->event_count] = *e;
	if (e->kind != LEARN_ENDED && l->message.len > 0 &&
	    !table_put(&o->by_message, message_key(o, l), (uint32_t)o->event_count))
		return -1;
	o->event_count++;
	o->by_site[e->site].messages += e->kind == LEARN_MESSAGE;
	o->by_site[e->site].refused += e->wording >= 0;
	return 0;
}

/* Takes a line of a site and a source that are known, or new. */
static int add_line(struct observation *o, const struct learn_line *l, struct learn_event *e,
		    int64_t begin_ns)
{
	bool is_refused = (l->reply.code >= 400 || l->is_silent) && l->kind != LINE_ACCEPTED &&
			  l->kind != LINE_OPENED;
	struct learn_event *first;

	if (is_refused) {
		e->wording = wordings_add(&o->wordings, &l->reply, l->phase);
		if (e->wording < 0)
			return -1;
	}
	first = e->kind == LEARN_ENDED ? NULL : find_message(o, l, message_key(o, l));
	if (first != NULL) {
		join(first, l, e->wording);
		return 0;
	}
	learn_connection(o, l, e, begin_ns);
	return is_event(l) ? add_event(o, l, e) : 0;
}

int observation_add(struct observation *o, const struct learn_line *l)
{
	int site, source;
	int64_t begin_ns = l->at_ns - (l->message_ns > 0 ? l->message_ns : 0);
	bool is_refused = l->kind == LINE_REFUSED || l->kind == LINE_BROKEN;
	struct learn_event e = {
		.at_ns = l->precision_ns < NS_PER_SEC ? begin_ns : l->at_ns,
		.end_ns = l->at_ns,
		.connection = LEARN_NONE,
		.on_connection = l->on_connection,
		.recipients = l->recipients,
		.refused = is_refused ? l->recipients : 0,
		.wording = -1,
		.kind = kind_of(l),
		.phase = (uint8_t)l->phase,
		.has_passed = l->kind == LINE_ACCEPTED || l->is_partial,
		.knows_refused = !l->is_partial,
	};

	count_line(o, l);
	if (o->event_count == LEARN_EVENTS_MAX) {
		o->dropped++;
		return 0;
	}
	site = add_site(o, l);
	source = add_name(&o->sources, l->source);
	if (site < 0 || source < 0) {
		bool is_full =
			o->sites.count == o->sites.limit || o->sources.count == o->sources.limit;

		o->dropped++;
		return is_full ? 0 : -1;
	}
	e.site = (uint16_t)site;
	e.source = (uint16_t)source;
	if (l->message.len > 0)
		e.message = table_hash(l->message, SEED_MESSAGE);
	if (l->recipient.len > 0)
		e.recipient = table_hash(l->recipient, SEED_RECIPIENT);
	return add_line(o, l, &e, begin_ns);
}

void observation_year_back(struct observation *o, size_t first_event, size_t first_connection)
{
	struct learn_file *f = &o->files[o->file_count - 1];

	for (size_t i = first_event; i < o->event_count; i++) {
		o->events[i].at_ns = stamp_year_before(o->events[i].at_ns);
		o->events[i].end_ns = stamp_year_before(o->events[i].end_ns);
	}
	for (size_t i = first_connection; i < o->connection_count; i++) {
		struct learn_connection *c = &o->connections[i];

		c->opened_ns = stamp_year_before(c->opened_ns);
		c->closed_ns = stamp_year_before(c->closed_ns);
	}
	f->first_ns = stamp_year_before(f->first_ns);
	f->last_ns = stamp_year_before(f->last_ns);
}

/* ---- order ---- */

static int by_time(const void *a, const void *b)
{
	const struct learn_event *const *x = a, *const *y = b;

	if ((*x)->at_ns != (*y)->at_ns)
		return (*x)->at_ns < (*y)->at_ns ? -1 : 1;
	/* What stood first in the log comes first. */
	return *x < *y ? -1 : *x > *y;
}

static int sort_events(struct observation *o)
{
	const struct learn_event **order = malloc((o->event_count + 1) * sizeof(*order));
	struct learn_event *sorted = malloc((o->event_count + 1) * sizeof(*sorted));

	if (order == NULL || sorted == NULL) {
		free(order);
		free(sorted);
		return -1;
	}
	for (size_t i = 0; i < o->event_count; i++)
		order[i] = &o->events[i];
	qsort(order, o->event_count, sizeof(const struct learn_event *), by_time);
	for (size_t i = 0; i < o->event_count; i++)
		sorted[i] = *order[i];
	free(order);
	free(o->events);
	o->events = sorted;
	o->event_cap = o->event_count + 1;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* How far apart the messages of a connection were; 0: it had too few. */
static int64_t pace_of(const struct learn_connection *c)
{
	return c->messages > 1 ? (c->closed_ns - c->opened_ns) / (c->messages - 1) : 0;
}

/*
 * Where a log has but the ends of messages, a connection was open before its first message had
 * ended: by as long as its messages took, or those of others where it had only one.
 */
static int open_earlier(struct observation *o)
{
	int64_t *paces = malloc((o->connection_count + 1) * sizeof(*paces)), typical_ns;
	size_t count = 0;

	if (paces == NULL)
		return -1;
	for (size_t i = 0; i < o->connection_count; i++)
		if (o->connections[i].lacks_begin && pace_of(&o->connections[i]) > 0)
			paces[count++] = pace_of(&o->connections[i]);
	if (count > 0)
		qsort(paces, count, sizeof(*paces), by_number);
	typical_ns = count > 0 ? paces[count / 2] : 0;
	free(paces);
	for (size_t i = 0; i < o->connection_count; i++) {
		struct learn_connection *c = &o->connections[i];
		int64_t pace_ns = pace_of(c);

		if (c->lacks_begin && !c->knows_opened)
			c->opened_ns -= pace_ns > 0 ? pace_ns : typical_ns;
	}
	return 0;
}

/*
 * Tells each message the how many-th it was on its connection, where the log does not, and which
 * were lost because the one before was refused and the connection closed.
 */
static void count_messages(struct observation *o)
{
	for (size_t i = 0; i < o->event_count; i++) {
		struct learn_event *e = &o->events[i];
		struct learn_connection *c;

		if (e->connection == LEARN_NONE)
			continue;
		c = &o->connections[e->connection];
		if (e->kind == LEARN_TURNED_AWAY) {
			c->is_turned_away = true;
		} else if (e->kind == LEARN_ENDED) {
			if (e->on_connection == 0)
				e->on_connection = c->messages;
		} else {
			/* It hung up after a refusal: that is the end which the refusal made. */
			e->is_aftermath = c->was_refused && !e->has_passed && e->wording >= 0 &&
					  o->wordings.items[e->wording].code == 0;
			c->was_refused = !e->has_passed;
			if (e->is_aftermath)
				continue;
			c->messages++;
			if (e->on_connection == 0)
				e->on_connection = c->messages;
		}
	}
}

int observation_order(struct observation *o)
{
	if (sort_events(o) < 0)
		return -1;
	count_messages(o);
	return open_earlier(o);
}
