/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.c - command-line options from a table that also prints the help
 *
 * getopt_long() does the parsing; its own messages are silenced, because they do not say what to
 * try. An unknown long option is compared with the known ones by edit distance.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/options.h"

#define ROWS_MAX   128
#define HELP_LEFT  32
#define HELP_WIDTH 80
#define NAME_MAX_  64

static bool is_end(const struct cmd_option *o)
{
	return o->name == NULL && o->help == NULL;
}

/* Levenshtein distance, for short words; a large number for long ones. */
static int distance(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);
	int row[NAME_MAX_ + 1];

	if (len_a > NAME_MAX_ || len_b > NAME_MAX_)
		return NAME_MAX_;
	for (size_t j = 0; j <= len_b; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= len_a; i++) {
		int corner = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= len_b; j++) {
			int best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len_b];
}

static int unknown_option(const struct cmd_option *table, const char *word, struct err *e)
{
	const char *nearest = NULL;
	int best = 4;
	char name[NAME_MAX_ + 1] = "";

	if (strncmp(word, "--", 2) != 0)
		return err_set(e, EXIT_USAGE, 0, "there is no option \"%s\"; --help lists them",
			       word);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (const struct cmd_option *o = table; !is_end(o); o++) {
		int d = o->name != NULL ? distance(name, o->name) : best;

		if (d < best) {
			best = d;
			nearest = o->name;
		}
	}
	if (nearest == NULL)
		return err_set(e, EXIT_USAGE, 0, "there is no option \"--%s\"; --help lists them",
			       name);
	return err_set(e, EXIT_USAGE, 0, "there is no option \"--%s\"; did you mean --%s?", name,
		       nearest);
}

int cmd_options_parse(const struct cmd_option *table, int argc, char **argv, struct cmd_take *take,
		      int *ret_operand, struct err *e)
{
	struct option longs[ROWS_MAX] = {0};
	const struct cmd_option *by_letter[256] = {0};
	char letters[3 * ROWS_MAX] = ":";
	size_t count = 0, letters_len = 1;
	int c, idx;

	for (const struct cmd_option *o = table; !is_end(o); o++) {
		if (o->name == NULL)
			continue;
		longs[count++] = (struct option){
			.name = o->name,
			.has_arg = o->argument != NULL ? required_argument : no_argument,
			.val = 256 + (int)(o - table),
		};
		if (o->letter == 0)
			continue;
		by_letter[(unsigned char)o->letter] = o;
		letters[letters_len++] = o->letter;
		if (o->argument != NULL)
			letters[letters_len++] = ':';
		letters[letters_len] = '\0';
	}
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, letters, longs, &idx)) != -1) {
		const struct cmd_option *o;

		if (c == '?') {
			char word[3] = {'-', (char)optopt, '\0'};

			return unknown_option(
				table, optopt > 0 && optopt < 256 ? word : argv[optind - 1], e);
		}
		if (c == ':')
			return err_set(e, EXIT_USAGE, 0, "option \"%s\" needs a value; see --help",
				       argv[optind - 1]);
		o = c >= 256 ? &table[c - 256] : by_letter[c & 0xff];
		if (take->take(take, o->name, optarg, e) != 0)
			return -1;
	}
	*ret_operand = optind;
	return 0;
}

static void print_wrapped(const char *text, FILE *out)
{
	int column = HELP_LEFT;

	while (*text != '\0') {
		int len = (int)strcspn(text, " ");

		if (column + len > HELP_WIDTH && column > HELP_LEFT) {
			fprintf(out, "\n%*s", HELP_LEFT, "");
			column = HELP_LEFT;
		}
		fprintf(out, "%s%.*s", column > HELP_LEFT ? " " : "", len, text);
		column += len + (column > HELP_LEFT);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void cmd_options_help(const struct cmd_option *table, FILE *out)
{
	for (const struct cmd_option *o = table; !is_end(o); o++) {
		char left[NAME_MAX_ + 32];
		int len;

		if (o->name == NULL) {
			fprintf(out, "\n%s\n", o->help);
			continue;
		}
		len = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
			       o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			       o->argument != NULL ? " " : "",
			       o->argument != NULL ? o->argument : "");
		fputs(left, out);
		if (len >= HELP_LEFT - 1)
			fprintf(out, "\n%*s", HELP_LEFT, "");
		else
			fprintf(out, "%*s", HELP_LEFT - len, "");
		print_wrapped(o->help, out);
	}
}
