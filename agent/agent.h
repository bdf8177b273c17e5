/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent as a whole: its parts made in order, joined, and taken down in reverse.
 *
 *   folder ─▶ spool ─▶ enrol ─▶ record ─▶ issuers ─▶ bundle ─▶ decide ─▶ proxy ─▶ observe
 *          ─▶ ship ─▶ admin ─▶ announce
 *
 * Thread: the loop's. On SIGTERM the gate takes no more, requests in flight end, what the spool
 * holds is shipped for at most AG_AGENT_DRAIN_NS; then the loop stops. On SIGHUP the configuration
 * (agent/reload.h), bundle and keys are read again.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/config.h"
#include "base/loop.h"

#define AG_AGENT_DRAIN_NS (5 * OR_NS_PER_S)

struct ag_agent;

struct ag_agent_opt {
	struct ag_config *config; /* written to when it is reloaded */
	int argc;                 /* that it was read from */
	char **argv;
};

/* Everything is open and serving when it returns. The message of an error names the part. */
OR_NODISCARD enum or_code ag_agent_new(struct ag_agent **out, struct or_loop *loop,
    const struct ag_agent_opt *opt, struct or_err *err);
/* After the loop has ended. */
void ag_agent_free(struct ag_agent *agent);

#endif
