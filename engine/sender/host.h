/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host.h - what the machine says of itself: bounds before a run, counters around it
 *
 * Reads /proc and the process's own usage. Any thread; values that cannot be read are 0.
 */
#ifndef VOLLEY_SENDER_HOST_H
#define VOLLEY_SENDER_HOST_H
#include <stdint.h>

struct host_usage {
	double user_s, system_s;
	uint64_t peak_rss; /* octets */
};

void host_process_usage(struct host_usage *ret_usage);

/* The calling thread's user and system time, ns. */
int64_t host_thread_cpu_ns(void);

/* SYN segments sent again, by the whole host since it started (TcpExt TCPSynRetrans). */
uint64_t host_syn_retransmits(void);

/* Local ports that the kernel gives out for one pair of addresses. */
uint64_t host_local_ports(void);

/* Memory that is free for new processes, octets. */
uint64_t host_memory_available(void);

int host_cpus(void);

#endif
