/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a damaged spool whole again. Opening one already works around any damage; a repair takes it
 * out of the files, keeps every byte that it takes in a file beside them, and says what went.
 *
 *	damaged   copied to <segment>.<offset>.cut, a void entry in its place (offsets stay)
 *	torn      copied, and cut off
 *	cut       copied, and a void entry in its place, behind which a new epoch begins
 *	foreign   renamed to <segment>.bad, as opening it does
 *	empty     removed
 *	state     that does not check: renamed to state.bad; what is there is delivered anew
 *
 * Each copy is durable before anything is taken away, so a crash at any point loses nothing, and a
 * second repair goes on. Thread: any; blocks. Holds the directory's lock.
 */
#ifndef AGENT_SPOOL_SPOOL_REPAIR_H
#define AGENT_SPOOL_SPOOL_REPAIR_H

#include "agent/spool/spool_look.h"

struct ag_spool_repair_step {
	const char *path; /* of the file */
	enum ag_spool_look_what what;
	bool is_state; /* the state file, instead of what */
	uint64_t from, to;
	const char *aside; /* where it is kept; "" where nothing is worth keeping */
};
typedef void ag_spool_repair_fn(void *arg, const struct ag_spool_repair_step *step);

/* dry: says what would be done, without the lock. fn is called after each step. OR_BUSY: an agent
 * runs. OR_ABSENT, OR_IO, OR_FULL: nothing more was done. */
OR_NODISCARD enum or_code ag_spool_repair_run(
    const char *dir, bool dry, ag_spool_repair_fn *fn, void *arg, struct or_err *err);

#endif
