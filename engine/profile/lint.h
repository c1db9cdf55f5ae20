/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lint.h - what is wrong with a profile although each of its values is well formed
 *
 * Patterns that do not compile or that backtrack without end on the wrong reply; rules that match
 * nothing, match the same as another, or can never be reached; samples and replies that come out
 * as another class than their rule's. What is inherited is the business of the file that it was
 * written in: rules are judged where file is theirs, against all that the profile has.
 */
#ifndef VOLLEY_PROFILE_LINT_H
#define VOLLEY_PROFILE_LINT_H
#include "profile/faults.h"
#include "profile/profile.h"

/* p is decoded without a fault; file is as in its rules' places. */
void lint_profile(const struct profile *p, const char *file, struct faults *f);

/*
 * lint_pattern.c: adds a fault when the pattern does not compile, or when a reply made of its own
 * parts drives it over a limit of steps that no honest pattern comes near. key is the key that
 * holds it ("replies.NAME.text").
 */
void lint_pattern(struct span pattern, struct profile_place place, const char *key,
		  struct faults *f);

#endif
