/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own port: health, metrics and status, on loopback, without a secret in any answer.
 *
 *   GET /healthz     200: the loop turns
 *   GET /readyz      200: a valid bundle is loaded and the gate listens; else 503 and why
 *   GET /metrics     Prometheus text 0.0.4
 *   GET /v1/status   JSON: what `outrider doctor` shows
 *
 * Thread: the loop's.
 */
#ifndef AGENT_ADMIN_ADMIN_H
#define AGENT_ADMIN_ADMIN_H

#include "base/jsonw.h"
#include "base/loop.h"
#include "base/metric.h"

struct ag_admin;

struct ag_admin_opt {
	const char *listen;
	struct or_metric_registry *metrics;
	/* True where the agent is ready; else *why is a sentence (static, or valid until the next
	 * turn). */
	bool (*is_ready)(void *arg, const char **why);
	/* Puts members into an object that is open. */
	void (*put_status)(void *arg, struct or_jsonw *w);
	void *arg;
};

/* OR_BUSY: the port is in use. */
OR_NODISCARD enum or_code ag_admin_new(struct ag_admin **out, struct or_loop *loop,
    const struct ag_admin_opt *opt, struct or_err *err);
void ag_admin_free(struct ag_admin *admin);

/* "127.0.0.1:9465": where it listens. */
const char *ag_admin_address(const struct ag_admin *admin);

#endif
