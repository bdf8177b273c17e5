/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the CLI keeps what it starts on this machine, and how it finds a collector.
 *
 *   <state>/collector/   the collector's own directory: endpoint, admin.token, keys/, shards/
 *   <state>/agents/P/    the agent of product P: outrider-agent.yaml, endpoint, spool/, …
 *   <state>/keys/        development keys that were made on the way
 *   <state>/logs.json    checkpoints that `outrider verify` has seen, by origin
 *
 * <state> is --state, else $OUTRIDER_HOME (a name of its own: OUTRIDER_STATE is the agent's and the
 * collector's key "state"), else $XDG_STATE_HOME/outrider, else
 * ~/.local/state/outrider. Who writes there makes it, with mode 0700; asking leaves no trace.
 */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

struct ctl_state {
	struct or_arena *arena;
	const char *dir; /* absolute */
};

/* What a process of ours wrote about itself. */
struct ctl_state_endpoint {
	const char *url;    /* the collector's API, or the agent's admin port */
	const char *gate;   /* the agent's gate, else NULL */
	const char *decide; /* where the agent is asked for decisions, else NULL */
	const char *admin;  /* the agent's admin address, else NULL */
	pid_t pid;
	bool alive; /* that process runs */
};

/* dir: the value of --state, or NULL. */
OR_NODISCARD enum or_code ctl_state_open(
    struct ctl_state *out, const char *dir, struct or_err *err);
void ctl_state_close(struct ctl_state *s);

/* "<state>/<relative>" in the state's arena. */
const char *ctl_state_path(struct ctl_state *s, const char *fmt, ...) OR_PRINTF(2, 3);

/* Reads <state>/<relative>/endpoint. OR_ABSENT: nothing was started there. */
OR_NODISCARD enum or_code ctl_state_endpoint(
    struct ctl_state_endpoint *out, struct ctl_state *s, const char *relative, struct or_err *err);

/* Reads a whole small file into the state's arena, without a trailing line break. */
OR_NODISCARD enum or_code ctl_state_read(
    struct or_slice *out, struct ctl_state *s, const char *path, struct or_err *err);

#endif
