/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.c - what cannot work is refused before the first connection
 */
#include "sender/plan.h"

#define MEMORY_SHARE 0.9 /* of what is free */
#define LINKS_SPARE  16

bool plan_is_paced(const struct sender_plan *p)
{
	bool is_paced = p->does_adapt;

	for (int i = 0; i < p->target_count; i++)
		is_paced |= p->targets[i].profile != NULL;
	return is_paced;
}

uint32_t plan_path_count(const struct sender_plan *p)
{
	return (uint32_t)p->target_count * (uint32_t)(p->source_count > 0 ? p->source_count : 1);
}

/* The largest number of sessions that go to one address and port: targets may share it. */
static uint64_t sessions_at_one(const struct sender_plan *p)
{
	uint64_t targets = (uint64_t)p->target_count, most = 0;

	for (int i = 0; i < p->target_count; i++) {
		const struct endpoint *at = &p->targets[i].addresses[0];
		uint64_t sum = 0;

		for (int j = 0; j < p->target_count; j++)
			/* Sessions go round the targets: the first ones get the remainder. */
			if (endpoint_equal(at, &p->targets[j].addresses[0]))
				sum += ((uint64_t)p->sessions + targets - 1 - (uint64_t)j) /
				       targets;
		if (at->family != ENDPOINT_UNIX && sum > most)
			most = sum;
	}
	return most;
}

static int check_ports(const struct sender_plan *p, const struct plan_bounds *b, struct err *e)
{
	uint64_t sources = p->source_count > 0 ? (uint64_t)p->source_count : 1;
	uint64_t wanted = sessions_at_one(p), room = sources * b->ports;

	if (b->ports == 0 || wanted <= room)
		return 0;
	return err_set(e, EXIT_USAGE, 0,
		       "%d sessions do not fit: %llu of them go to one address, and %llu local "
		       "ports from each of %llu source address(es) make %llu; give at least %llu "
		       "addresses with --source-ip, or widen net.ipv4.ip_local_port_range",
		       p->sessions, (unsigned long long)wanted, (unsigned long long)b->ports,
		       (unsigned long long)sources, (unsigned long long)room,
		       (unsigned long long)((wanted + b->ports - 1) / b->ports));
}

/*
 * A link for each session, one for each second attempt of those that may be connecting at one time
 * (RFC 8305), and a few for connections that lost such a race and have not closed yet.
 */
size_t plan_links(const struct sender_plan *p, int sessions)
{
	size_t links = (size_t)sessions + LINKS_SPARE;
	size_t seconds = (size_t)p->connects_in_flight * (size_t)p->target_count;
	bool is_raced = false;

	for (int i = 0; i < p->target_count; i++)
		is_raced |= p->targets[i].address_count > 1;
	if (seconds > (size_t)sessions)
		seconds = (size_t)sessions;
	return links + (is_raced ? seconds : 0);
}

static bool fits_rings(const struct sender_plan *p, const struct plan_bounds *b, int threads)
{
	return plan_links(p, (p->sessions + threads - 1) / threads) <= b->links_per_ring;
}

static int check_threads(struct sender_plan *p, const struct plan_bounds *b, struct err *e)
{
	int threads = p->threads;

	if (plan_links(p, 1) > b->links_per_ring)
		return err_set(e, EXIT_USAGE, 0,
			       "the limit of open files leaves no room for sessions: raise it with "
			       "'ulimit -n 4096'");
	while (threads <= b->threads_max && !fits_rings(p, b, threads))
		threads++;
	if (!fits_rings(p, b, threads))
		return err_set(
			e, EXIT_USAGE, 0,
			"%d sessions need more than %d threads, as one ring holds %llu links "
			"under this 'ulimit -n': raise it, or use fewer --sessions",
			p->sessions, b->threads_max, (unsigned long long)b->links_per_ring);
	p->threads = threads < p->sessions ? threads : p->sessions;
	return 0;
}

static int check_memory(const struct sender_plan *p, const struct plan_bounds *b, struct err *e)
{
	uint64_t needed = (uint64_t)p->sessions * b->session_memory;
	char needed_text[UNITS_TEXT_MAX], free_text[UNITS_TEXT_MAX];

	if (b->memory == 0 || (double)needed <= MEMORY_SHARE * (double)b->memory)
		return 0;
	return err_set(e, EXIT_USAGE, 0,
		       "%d sessions need about %s of memory and %s is free: use fewer --sessions",
		       p->sessions, units_size_text(needed, needed_text),
		       units_size_text(b->memory, free_text));
}

int plan_check(struct sender_plan *p, const struct plan_bounds *b, struct err *e)
{
	if (p->sessions < p->target_count)
		return err_set(e, EXIT_USAGE, 0,
			       "%d targets need at least as many --sessions, and there are %d",
			       p->target_count, p->sessions);
	if (check_ports(p, b, e) != 0 || check_memory(p, b, e) != 0)
		return -1;
	return check_threads(p, b, e);
}
