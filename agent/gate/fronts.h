/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All the fronts of one gate: opened, drained and closed together.
 * Thread: the loop's. Owns the fronts.
 */
#ifndef AGENT_GATE_FRONTS_H
#define AGENT_GATE_FRONTS_H

#include "agent/gate/front.h"
#include "base/jsonw.h"

struct ag_fronts;

/* Opens each of them; none where one fails. env is copied, what it names is borrowed. */
OR_NODISCARD enum or_code ag_fronts_open(
    struct ag_fronts **out, const struct ag_front_env *env, struct or_err *err);
void ag_fronts_close(struct ag_fronts *fronts);

/* Calls done once, when every front has let its requests end. */
void ag_fronts_drain(struct ag_fronts *fronts, or_loop_fn *done, void *arg);

/* "gate": "127.0.0.1:8080", … for each, into an open object. */
void ag_fronts_put(struct or_jsonw *w, const struct ag_fronts *fronts);
/* Of the front of that name; NULL where it is not open. */
const char *ag_fronts_address(const struct ag_fronts *fronts, const char *name);

#endif
