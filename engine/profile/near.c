/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * near.c - which known word a misspelt one was meant to be
 *
 * The optimal string alignment distance: a swap of two neighbours, the commonest slip of a hand,
 * counts as one. Words longer than WORD_MAX are near nothing.
 */
#include "profile/near.h"

#define WORD_MAX 64

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int distance(struct span a, struct span b)
{
	int rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= a.len; i++) {
		int *row = rows[i % 3];
		const int *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = (int)i;
		for (size_t j = 1; j <= b.len; j++) {
			row[j] = least(above[j - 1] + (a.data[i - 1] != b.data[j - 1]),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

void near_try(struct near *n, const char *candidate)
{
	struct span c = span_of(candidate);
	int d, max = (int)(c.len + 2) / 3;

	if (n->word.len > WORD_MAX || c.len > WORD_MAX)
		return;
	d = distance(n->word, c);
	if (d > max || (n->best && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}
