/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.c - what cannot work is refused before the first connection
 */
#include <stdio.h>
#include "sender/plan.h"

#define MEMORY_SHARE 0.9 /* of what is free */

/* Pairs of (source, target address) that the sessions are spread over. */
static uint64_t port_room(const struct sender_plan *p, const struct plan_bounds *b,
			  bool *ret_is_bounded)
{
	uint64_t sources = p->source_count > 0 ? (uint64_t)p->source_count : 1;
	uint64_t inet = 0;

	for (int i = 0; i < p->target_count; i++)
		inet += p->targets[i].addresses[0].family != ENDPOINT_UNIX;
	*ret_is_bounded = inet > 0 && b->ports > 0;
	return sources * inet * b->ports;
}

static int check_ports(const struct sender_plan *p, const struct plan_bounds *b, struct err *e)
{
	bool is_bounded;
	uint64_t room = port_room(p, b, &is_bounded);
	uint64_t needed_sources;

	if (!is_bounded || (uint64_t)p->sessions <= room)
		return 0;
	needed_sources = ((uint64_t)p->sessions + b->ports - 1) / b->ports;
	return err_set(e, EXIT_USAGE, 0,
		       "%d sessions do not fit: one source address has %llu local ports for one "
		       "target, which makes %llu; give at least %llu addresses with --source-ip, or "
		       "widen net.ipv4.ip_local_port_range",
		       p->sessions, (unsigned long long)b->ports, (unsigned long long)room,
		       (unsigned long long)needed_sources);
}

static int check_threads(struct sender_plan *p, const struct plan_bounds *b, struct err *e)
{
	uint64_t needed;

	if (b->links_per_ring == 0)
		return err_set(e, EXIT_USAGE, 0,
			       "the limit of open files leaves no room for sessions: raise it with "
			       "'ulimit -n 4096'");
	needed = ((uint64_t)p->sessions + b->links_per_ring - 1) / b->links_per_ring;
	if (needed > (uint64_t)b->threads_max)
		return err_set(e, EXIT_USAGE, 0,
			       "%d sessions need %llu threads, as one ring holds %llu under this "
			       "'ulimit -n': raise it, or use fewer --sessions",
			       p->sessions, (unsigned long long)needed,
			       (unsigned long long)b->links_per_ring);
	if (p->threads < (int)needed)
		p->threads = (int)needed;
	if (p->threads > p->sessions)
		p->threads = p->sessions;
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
