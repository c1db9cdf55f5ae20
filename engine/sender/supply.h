/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * supply.h - which message is next, and when it is due
 *
 * One for the whole process, asked by every worker that has an idle session. In open loop the
 * schedule decides, and a message that is due waits here until some session is free, with its due
 * time unchanged. In closed loop a message is due when a session asks for it.
 *
 * The supply also holds the run's phases: it begins when the sessions stand (open loop, --idle) or
 * at once (closed loop), it ends by number, by time or when told to stop. Messages of the warm-up
 * do not count towards the number. Any thread.
 */
#ifndef VOLLEY_SENDER_SUPPLY_H
#define VOLLEY_SENDER_SUPPLY_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "pace/arrival.h"
#include "sender/plan.h"

enum supply_answer {
	SUPPLY_MESSAGE, /* *ret_number and *ret_due_ns are set */
	SUPPLY_WAIT,	/* nothing before *ret_due_ns (TIME_NEVER: until woken) */
	SUPPLY_OVER,	/* no message will follow */
};

struct supply {
	const struct sender_plan *plan;
	struct arrival arrival;	  /* open loop */
	_Atomic uint64_t taken;	  /* closed loop */
	_Atomic uint64_t warmed;  /* closed loop: those among them that the warm-up took */
	_Atomic int64_t begin_ns; /* of the warm-up; TIME_NEVER until the sessions stand */
	_Atomic int64_t stop_ns;  /* told to stop; TIME_NEVER */
	_Atomic int settled;	  /* sessions that stand or have failed once */
};

/* now_ns: closed loop without --idle begins at once. */
void supply_init(struct supply *s, const struct sender_plan *plan, int64_t now_ns);
void supply_fini(struct supply *s);

/*
 * A session stands, or has failed for the first time; called once for each. True when that was
 * the last one, so that the run begins: the caller then wakes the workers.
 */
bool supply_settled(struct supply *s, int64_t now_ns);

enum supply_answer supply_next(struct supply *s, int64_t now_ns, uint64_t *ret_number,
			       int64_t *ret_due_ns);

/* What supply_next() would answer, without taking a message. MESSAGE may be gone by then. */
enum supply_answer supply_peek(struct supply *s, int64_t now_ns, int64_t *ret_due_ns);

/*
 * Open loop, once the measured part is over: a message that was due before its end and that
 * nobody has taken yet. False when there is none, or when told to stop before the end. _has_ looks
 * without taking it.
 */
bool supply_has_last(struct supply *s);
bool supply_take_last(struct supply *s, uint64_t *ret_number, int64_t *ret_due_ns);

/* True when supply_next() has nothing more to give to anybody. */
bool supply_is_over(struct supply *s, int64_t now_ns);

/* No message is given out from now on. */
void supply_stop(struct supply *s, int64_t now_ns);

/* Begin and end of the measured part; TIME_NEVER while not known. */
int64_t supply_measure_begin_ns(struct supply *s);
int64_t supply_measure_end_ns(struct supply *s);

/* Messages that were due in the measured part by now_ns, those given out and those left over. */
uint64_t supply_left_over(struct supply *s, int64_t now_ns);

#endif
