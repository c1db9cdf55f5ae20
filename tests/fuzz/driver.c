/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * driver.c - runs a fuzz target without libFuzzer, for a bounded time and always the same
 *
 * usage: TARGET [-runs=N] [-seed=N] FOLDER|FILE...
 *
 * Two tests in TAP: every file of the corpus as it stands; then N mutations (default 20000) of
 * randomly chosen files, from a seed (default 1). Each input stands in memory of exactly its size.
 * Before an input that ends the process, its octets are not written anywhere: the seed and the
 * number of the run, printed as it ends, bring it back (-seed=S -runs=N).
 */
#include "driver.h"
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/rng.h"

#define INPUT_MAX ((size_t)8192)

struct input {
	uint8_t *data;
	size_t size;
};

static struct {
	struct input *inputs;
	size_t count;
} corpus;

static unsigned long long seed = 1, runs = 20000;
static volatile unsigned long long run_number;

static void fail_usage(const char *what, const char *name)
{
	fprintf(stderr, "driver: %s: %s\n", what, name);
	exit(2);
}

static void file_add(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t size;

	if (!file || !data)
		fail_usage("cannot read", path);
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	corpus.inputs = realloc(corpus.inputs, (corpus.count + 1) * sizeof(*corpus.inputs));
	if (!corpus.inputs)
		fail_usage("no memory", path);
	corpus.inputs[corpus.count++] = (struct input){data, size};
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void path_add(const char *path)
{
	struct dirent **entries;
	struct stat about;
	char name[4096];
	int count;

	if (stat(path, &about) != 0)
		fail_usage("not found", path);
	if (!S_ISDIR(about.st_mode)) {
		file_add(path);
		return;
	}
	/* In an order of their own, so that a seed means the same everywhere. */
	count = scandir(path, &entries, NULL, by_name);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			file_add(name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void input_run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Replaces cut octets at at by len others; what does not fit is dropped. */
static void splice(struct input *in, size_t at, size_t cut, const void *with, size_t len)
{
	if (in->size - cut + len > INPUT_MAX)
		return;
	memmove(in->data + at + len, in->data + at + cut, in->size - at - cut);
	if (len > 0)
		memcpy(in->data + at, with, len);
	in->size = in->size - cut + len;
}

static size_t word_count(void)
{
	size_t count = 0;

	while (fuzz_words[count])
		count++;
	return count;
}

/* A stretch of in: where it begins and how long it is, short more often than long. */
static void pick_stretch(struct rng *r, const struct input *in, size_t *ret_at, size_t *ret_len)
{
	uint64_t reach = rng_below(r, 4) == 0 ? 512 : 16;

	*ret_at = (size_t)rng_below(r, in->size + 1);
	*ret_len = (size_t)rng_below(r, reach);
	if (*ret_len > in->size - *ret_at)
		*ret_len = in->size - *ret_at;
}

static void mutate(struct rng *r, struct input *in)
{
	const struct input *other = &corpus.inputs[rng_below(r, corpus.count)];
	uint8_t octet = (uint8_t)rng_next(r), stretch[512];
	const char *word = fuzz_words[rng_below(r, word_count())];
	size_t at, len, from, from_len;

	pick_stretch(r, in, &at, &len);
	switch (rng_below(r, 8)) {
	case 0:
		if (at < in->size)
			in->data[at] ^= (uint8_t)(1u << (octet & 7));
		return;
	case 1:
		if (at < in->size)
			in->data[at] = octet;
		return;
	case 2:
		splice(in, at, 0, &octet, 1);
		return;
	case 3:
		splice(in, at, len, NULL, 0);
		return;
	case 4: /* the stretch twice */
		memcpy(stretch, in->data + at, len);
		splice(in, at, 0, stretch, len);
		return;
	case 5: /* a stretch of another input */
		pick_stretch(r, other, &from, &from_len);
		splice(in, at, len, other->data + from, from_len);
		return;
	case 6:
		splice(in, at, 0, word, strlen(word));
		return;
	default:
		splice(in, at, len, word, strlen(word));
		return;
	}
}

static void mutations_run(void)
{
	struct input in = {malloc(INPUT_MAX), 0};

	if (!in.data)
		abort();
	for (run_number = 0; run_number < runs; run_number++) {
		const struct input *base;
		struct rng r;

		rng_fork(&r, seed, run_number);
		base = &corpus.inputs[rng_below(&r, corpus.count)];
		memcpy(in.data, base->data, base->size);
		in.size = base->size;
		for (uint64_t n = 1 + rng_below(&r, 8); n > 0; n--)
			mutate(&r, &in);
		input_run(in.data, in.size);
	}
	free(in.data);
}

/* The last words of a run that ended early; a crash says more on standard error. */
static void note_end(void)
{
	if (run_number < runs)
		fprintf(stderr, "driver: ended at -seed=%llu, run %llu\n", seed, run_number);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-runs=", 6) == 0)
			runs = strtoull(argv[i] + 6, NULL, 10);
		else if (strncmp(argv[i], "-seed=", 6) == 0)
			seed = strtoull(argv[i] + 6, NULL, 10);
		else
			path_add(argv[i]);
	}
	if (corpus.count == 0)
		fail_usage("no corpus", argv[0]);
	printf("1..2\n");
	fflush(stdout);
	atexit(note_end);
	for (size_t i = 0; i < corpus.count; i++)
		input_run(corpus.inputs[i].data, corpus.inputs[i].size);
	printf("ok 1 - the corpus, %zu files\n", corpus.count);
	fflush(stdout);
	mutations_run();
	printf("ok 2 - %llu mutations from seed %llu\n", runs, seed);
	for (size_t i = 0; i < corpus.count; i++)
		free(corpus.inputs[i].data);
	free(corpus.inputs);
	return 0;
}
