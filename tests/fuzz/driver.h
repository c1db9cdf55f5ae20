/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * driver.h - what a fuzz target defines
 *
 * A target is a file that defines LLVMFuzzerTestOneInput(), which aborts when a claim is broken,
 * and the words that its input is made of. With clang and -Dfuzz=true it is linked with libFuzzer;
 * else with driver.c, which replays a corpus and a bounded number of mutations of it.
 */
#ifndef VOLLEY_TESTS_FUZZ_DRIVER_H
#define VOLLEY_TESTS_FUZZ_DRIVER_H
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends in NULL. A mutation may put a word anywhere. */
extern const char *const fuzz_words[];

#endif
