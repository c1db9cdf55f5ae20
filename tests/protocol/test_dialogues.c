/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_dialogues.c - plays dialogue files: as they stand, octet by octet, and cut at every octet
 *
 * usage: test_dialogues FILE...   A test for each file, in TAP. A file named canary_... is wrong on
 * purpose: its test is that it is found to be.
 *
 * However the server's stream is cut, the client must report the same events and send the same
 * octets: the file says which. Streams of over EVERY_MAX octets are cut at every n-th one, and so
 * are those of files with a large message, so that a file costs a bounded time.
 */
#include <stdio.h>
#include <string.h>
#include "run.h"

#define EVERY_MAX  1000
#define RUNS_MAX   200
#define LARGE_MIN  ((size_t)100000) /* octets that the client sends in a row */
#define LARGE_RUNS 20

static bool is_good(const char *path)
{
	struct script s;
	size_t stride;
	bool is_fine;

	is_fine = script_read(&s, path) && run_script(&s, path, RUN_WHOLE) &&
		  run_script(&s, path, RUN_BY_OCTET);
	stride = s.server_size > EVERY_MAX ? s.server_size / RUNS_MAX : 1;
	for (size_t i = 0; i < s.step_count; i++)
		if (s.steps[i].kind == STEP_CLIENT && s.steps[i].len >= LARGE_MIN)
			stride = s.server_size / LARGE_RUNS + 1;
	for (size_t cut = 1; is_fine && cut < s.server_size; cut += stride)
		is_fine = run_script(&s, path, cut);
	script_free(&s);
	return is_fine;
}

int main(int argc, char **argv)
{
	int failed = 0;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const char *name = strrchr(argv[i], '/');
		bool is_fine;

		name = name ? name + 1 : argv[i];
		is_fine = is_good(argv[i]) != (strncmp(name, "canary_", 7) == 0);
		printf("%s %d - %s\n", is_fine ? "ok" : "not ok", i, name);
		failed += !is_fine;
	}
	run_end();
	sasl_thread_fini();
	return failed > 0;
}
