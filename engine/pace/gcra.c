/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gcra.c - a rate kept exactly, in one 64-bit word
 *
 * The interval is rounded up to a whole nanosecond, so that a limit is never passed by rounding.
 */
#include "pace/gcra.h"

void gcra_init(struct gcra *g, struct rate rate, uint64_t burst, int64_t now_ns)
{
	g->interval_ns = 0;
	if (rate.count > 0)
		g->interval_ns = (int64_t)(((uint64_t)rate.per_ns + rate.count - 1) / rate.count);
	g->burst_ns = (int64_t)(burst > 0 ? burst - 1 : 0) * g->interval_ns;
	atomic_store_explicit(&g->next_ns, now_ns, memory_order_relaxed);
}

bool gcra_take(struct gcra *g, int64_t now_ns, int64_t *ret_when_ns)
{
	int64_t next = atomic_load_explicit(&g->next_ns, memory_order_relaxed);

	if (g->interval_ns == 0)
		return true;
	for (;;) {
		int64_t base = next > now_ns ? next : now_ns;

		if (next - g->burst_ns > now_ns) {
			*ret_when_ns = next - g->burst_ns;
			return false;
		}
		if (atomic_compare_exchange_weak_explicit(&g->next_ns, &next, base + g->interval_ns,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	}
}
