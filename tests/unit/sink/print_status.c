/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * print_status.c - prints a sink's document, "idle" or "busy", as JSON, for the schema's test
 */
#include <string.h>
#include "statuses.h"

int main(int argc, char **argv)
{
	struct sink_status s;
	int result;

	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "busy") == 0)
		status_busy(&s);
	else
		status_idle(&s);
	result = sink_status_json_write(&s, stdout, NULL);
	sink_status_fini(&s);
	return result == 0 ? 0 : 1;
}
