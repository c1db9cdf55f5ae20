/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_dialogues.c - plays dialogue files: as they stand, octet by octet, and cut at every octet
 *
 * usage: test_dialogues FILE...   A test for each file, in TAP.
 *
 * However the server's stream is cut, the client must report the same events and send the same
 * octets: the file says which. Streams of over EVERY_MAX octets are cut at every n-th one, so that
 * a file costs a bounded number of runs.
 */
#include <stdio.h>
#include <string.h>
#include "run.h"

#define EVERY_MAX 1000
#define RUNS_MAX  200

static bool is_good(const char *path)
{
	struct script s;
	size_t stride;
	bool is_fine;

	is_fine = script_read(&s, path) && run_script(&s, path, RUN_WHOLE) &&
		  run_script(&s, path, RUN_BY_OCTET);
	stride = s.server_size > EVERY_MAX ? s.server_size / RUNS_MAX : 1;
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
		bool is_fine = is_good(argv[i]);

		printf("%s %d - %s\n", is_fine ? "ok" : "not ok", i, name ? name + 1 : argv[i]);
		failed += !is_fine;
	}
	sasl_thread_fini();
	return failed > 0;
}
