/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sieve: of what the kernel saw, what is worth telling. Openings that every program does are
 * left out, and what is the same is told once and then counted.
 *
 *   event ──ignored?──▶ counted
 *     │ new object: told at once            (first note)
 *     └ known one:  counted ──turn──▶ told  (again, with the count), or forgotten where none came
 *
 * The same: kind, object, program's name, user, outcome, and whether a file is opened for writing.
 * Ignored: an opening that only reads, succeeded, and is one of opt.ignore; and one that is part of
 * starting a program, which is told as that. Openings for writing are never ignored. Invariant:
 * seen = ignored + crowded + told + what is still counted here. What was found by looking after a
 * loss (TAP_FOUND) is told where it is not known, and counts nowhere. Pure but for fn; time is an
 * argument. Thread: whoever owns it. Limits: AG_SIEVE_MAX objects of each kind at a time; further
 * ones are counted as crowded, so that a flood of files hides no process and no connection.
 */
#ifndef AGENT_TAP_SIEVE_H
#define AGENT_TAP_SIEVE_H

#include "agent/tap/note.h"
#include "base/opt.h"

#define AG_SIEVE_MAX 512

struct ag_sieve;

/* Takes a note (AG_NOTE_SEEN). OR_FULL: not now; it is offered again. */
typedef enum or_code ag_sieve_fn(void *arg, const struct ag_note *note);

struct ag_sieve_opt {
	struct or_opt_list ignore; /* beginnings of paths, or patterns with *; borrowed */
	bool args;                 /* tell a program's arguments: they may hold secrets */
	ag_sieve_fn *fn;
	void *arg;
};

struct ag_sieve *ag_sieve_new(const struct ag_sieve_opt *opt);
void ag_sieve_free(struct ag_sieve *sieve);

/* time_ns: Unix time of the event. */
void ag_sieve_put(struct ag_sieve *sieve, const struct tap_event *ev, uint64_t time_ns);

/* A window is over: counts are due, and what did not come again is forgotten. */
void ag_sieve_turn(struct ag_sieve *sieve);
/* Tells what is due, until fn gives OR_FULL. True: all was told. */
bool ag_sieve_flush(struct ag_sieve *sieve);
/* Objects that it knows of. */
size_t ag_sieve_count(const struct ag_sieve *sieve);

/* Adds ignored and crowded since the last call to *out. */
void ag_sieve_take_loss(struct ag_sieve *sieve, struct ag_note_loss *out);

#endif
