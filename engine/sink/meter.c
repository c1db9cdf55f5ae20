/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter.c - how much passed in a window, at most: an independent count
 *
 * A part is the period divided by METER_PARTS and rounded down, so that all parts together are
 * never longer than the period: a limit that holds in every window holds for their sum.
 */
#include "sink/meter.h"

/* Rounds down below zero as well. */
static int64_t divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t part_ns(const struct meter *m)
{
	return m->period_ns >= METER_PARTS ? m->period_ns / METER_PARTS : 1;
}

static uint64_t *slot(struct meter *m, int64_t part)
{
	return &m->parts[(uint64_t)part % METER_PARTS];
}

void meter_init(struct meter *m, int64_t period_ns, int64_t align_ns)
{
	*m = (struct meter){.period_ns = period_ns, .align_ns = align_ns};
}

/* Lets time pass: parts that have left the period are empty. */
static void pass(struct meter *m, int64_t now_ns)
{
	int64_t part = divide(now_ns + m->align_ns, part_ns(m));
	int64_t window = divide(now_ns + m->align_ns, m->period_ns);
	int64_t from = m->part;

	if (window > m->window) {
		m->window = window;
		m->in_window = 0;
	}
	if (part <= m->part)
		return;
	if (part - from > METER_PARTS)
		from = part - METER_PARTS;
	while (from < part) {
		uint64_t *left = slot(m, ++from);

		m->sliding -= *left;
		*left = 0;
	}
	m->part = part;
}

void meter_add(struct meter *m, uint64_t amount, int64_t now_ns)
{
	int64_t part;

	if (m->period_ns == 0) {
		m->sliding += amount;
		m->in_window = m->sliding;
	} else {
		pass(m, now_ns);
		part = divide(now_ns + m->align_ns, part_ns(m));
		/* Another thread may be a little ahead: what is older counts where it belongs. */
		if (part > m->part - METER_PARTS) {
			*slot(m, part) += amount;
			m->sliding += amount;
		}
		if (divide(now_ns + m->align_ns, m->period_ns) == m->window)
			m->in_window += amount;
	}
	if (m->sliding > m->sliding_max)
		m->sliding_max = m->sliding;
	if (m->in_window > m->window_max)
		m->window_max = m->in_window;
}

void meter_take_back(struct meter *m, uint64_t amount, int64_t at_ns)
{
	int64_t part;
	uint64_t *from;

	if (m->period_ns == 0) {
		m->sliding -= amount < m->sliding ? amount : m->sliding;
		m->in_window = m->sliding;
		return;
	}
	part = divide(at_ns + m->align_ns, part_ns(m));
	from = slot(m, part);
	if (part <= m->part && part > m->part - METER_PARTS && *from >= amount) {
		*from -= amount;
		m->sliding -= amount;
	}
	if (divide(at_ns + m->align_ns, m->period_ns) == m->window)
		m->in_window -= amount < m->in_window ? amount : m->in_window;
}

uint64_t meter_sum(struct meter *m, int64_t now_ns)
{
	if (m->period_ns > 0)
		pass(m, now_ns);
	return m->sliding;
}
