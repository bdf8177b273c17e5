/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration, read again while the agent runs (SIGHUP).
 *
 *	read ─wrong─────────────▶ refused: what was in force stays, the error is kept
 *	  │ right
 *	  ▼
 *	apply ─a part refuses it─▶ refused, and nothing of it was taken
 *	  │
 *	  ▼
 *	taken: the keys with OR_OPT_RELOAD; others that differ are named, and wait for a restart
 *
 * Thread: the loop's. What is in force lies in *config, whose texts live until the next success.
 */
#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include "agent/config.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "base/metric.h"

struct ag_reload;

struct ag_reload_opt {
	struct or_loop *loop;
	struct ag_config *config; /* in force; written to */
	int argc;
	char **argv; /* as ag_config_load took them; with the environment they are read again */
	struct or_metric_registry *metrics;
	/* Takes next, of which *config differs in what can be reloaded, or leaves all as it is. */
	enum or_code (*apply)(void *arg, const struct ag_config *next, struct or_err *err);
	void *arg;
};

struct ag_reload *ag_reload_new(const struct ag_reload_opt *opt);
/* After everything that borrows from the configuration. NULL does nothing. */
void ag_reload_free(struct ag_reload *r);

void ag_reload_run(struct ag_reload *r);

/* Puts the member "config": {state: started, reloaded or refused; since, error, needs_restart}. */
void ag_reload_put_status(const struct ag_reload *r, struct or_jsonw *w);

#endif
