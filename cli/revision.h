/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The git commit that a folder is at, as git on this machine says it.
 *
 * Thread: the main thread; runs git and waits at most CTL_REVISION_WAIT_MS for each answer.
 * Nothing of the repository is run: file system monitors and hooks are off.
 */
#ifndef CLI_REVISION_H
#define CLI_REVISION_H

#include "base/arena.h"

#define CTL_REVISION_WAIT_MS 5000

struct ctl_revision {
	const char *commit;    /* hex; NULL: no git, no repository, no commit */
	const char *committed; /* RFC 3339; NULL where commit is */
	bool modified;         /* the folder has changes that are in no commit */
};

/* In the arena. What git cannot say is absent, never an error. */
void ctl_revision_get(struct ctl_revision *out, const char *folder, struct or_arena *a);

#endif
