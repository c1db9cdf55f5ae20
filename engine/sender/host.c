/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host.c - what the machine says of itself
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "sender/host.h"

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void host_process_usage(struct host_usage *ret_usage)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	ret_usage->user_s = seconds_of(u.ru_utime);
	ret_usage->system_s = seconds_of(u.ru_stime);
	ret_usage->peak_rss = (uint64_t)u.ru_maxrss * 1024;
}

int64_t host_thread_cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
	       ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

/* The value under a name in a file of pairs of lines: names, then values, as /proc/net has them. */
static uint64_t paired_value(const char *path, const char *name)
{
	char names[4096], values[4096];
	uint64_t value = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return 0;
	while (fgets(names, sizeof(names), file) != NULL &&
	       fgets(values, sizeof(values), file) != NULL) {
		char *save_name, *save_value;
		char *n = strtok_r(names, " \n", &save_name);
		char *v = strtok_r(values, " \n", &save_value);

		for (; n != NULL && v != NULL;
		     n = strtok_r(NULL, " \n", &save_name), v = strtok_r(NULL, " \n", &save_value))
			if (strcmp(n, name) == 0)
				sscanf(v, "%lu", &value);
	}
	fclose(file);
	return value;
}

uint64_t host_syn_retransmits(void)
{
	return paired_value("/proc/net/netstat", "TCPSynRetrans");
}

uint64_t host_local_ports(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	uint64_t low = 0, high = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu %lu", &low, &high) != 2 || high < low)
		low = high + 1;
	fclose(file);
	return high - low + 1;
}

uint64_t host_memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[256];
	uint64_t kib = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

int host_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return CPU_COUNT(&set);
}
