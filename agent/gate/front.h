/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front: one way in which requests reach the decision core. A folder each, with a descriptor;
 * agent/gate/fronts.c lists them.
 *
 * Thread: the loop's. A front owns its listener and connections and borrows what is in its
 * environment. It records every decision before its answer; what is in flight when it is closed is
 * recorded then.
 */
#ifndef AGENT_GATE_FRONT_H
#define AGENT_GATE_FRONT_H

#include "agent/config.h"
#include "agent/gate/decide.h"
#include "agent/gate/issuers.h"
#include "agent/gate/record.h"

struct ag_front_env {
	struct or_loop *loop;
	const struct ag_config *config;
	struct ag_decide *decide;
	struct ag_issuers *issuers;
	struct ag_record *record;
	struct or_metric_registry *registry;
};

struct ag_front {
	const char *name; /* as the endpoint file and the status call it */
	/* OR_BUSY: the address is in use. OR_INVAL: a setting; the message names it. NULL is
	 * given out where the configuration does not ask for it. */
	enum or_code (*open)(void **out, const struct ag_front_env *env, struct or_err *err);
	void (*close)(void *front);
	/* Takes no new connections and lets requests end; then calls done. */
	void (*drain)(void *front, or_loop_fn *done, void *arg);
	const char *(*address)(const void *front); /* "127.0.0.1:8080" */
};

#endif
