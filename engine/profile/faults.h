/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults.h - everything that is wrong with a profile, each with its place
 *
 * Who runs a profile wants the first fault; who writes one wants them all. One thread.
 */
#ifndef VOLLEY_PROFILE_FAULTS_H
#define VOLLEY_PROFILE_FAULTS_H
#include "base/err.h"
#include "profile/profile.h"

#define FAULTS_MAX 100 /* kept; further ones are counted */

/* All zero is an empty list. */
struct faults {
	char *texts[FAULTS_MAX]; /* "FILE:LINE: KEY: ...", escaped for a terminal, by lines */
	int lines[FAULTS_MAX];
	int kept;
	int count;
	bool is_out_of_memory;
};

/* Puts FILE:LINE before the sentence. A fault that is already there is not repeated. */
__attribute__((format(printf, 3, 4))) void faults_add(struct faults *f, struct profile_place place,
						      const char *fmt, ...);

/* Takes a sentence over that has its place in it. */
void faults_take(struct faults *f, const struct err *e);

/* 0 when there is none, else the first one in *e and -1. */
int faults_result(const struct faults *f, struct err *e);

void faults_fini(struct faults *f);

#endif
