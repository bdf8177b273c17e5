/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's telemetry path: the intake (agent/capture), a spool of its own and its delivery.
 *
 * Audit and telemetry share nothing but the slow thread and the client: with its own quota,
 * telemetry can never take the room that a decision needs. It is shipped the way audit is, each
 * record by itself where that is Kafka; while nobody takes it it waits in the spool, and the intake
 * says 503 once that is full. Thread: the loop's. Owns <state>/telemetry/.
 */
#ifndef AGENT_TELEMETRY_H
#define AGENT_TELEMETRY_H

#include "agent/config.h"
#include "agent/enrol/enrol.h"
#include "agent/ship/link.h"
#include "base/http_client.h"
#include "base/jsonw.h"
#include "base/metric.h"
#include "base/slow.h"

struct ag_telemetry;

/* Everything is borrowed. */
struct ag_telemetry_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const struct ag_config *config;
	const char *product;
	const struct ag_link *link; /* NULL: HTTP to origin */
	const char *origin;         /* of the collector; NULL: none */
	struct or_http_client *client;
	struct ag_enrol *enrol;
	struct or_metric_registry *metrics;
};

/* Errors are those of ag_spool_open, ag_ship_new and ag_capture_new. */
OR_NODISCARD enum or_code ag_telemetry_open(
    struct ag_telemetry **out, const struct ag_telemetry_opt *opt, struct or_err *err);
/* Takes capture.redact, .redact_patterns, .files and .scrape of next where they differ, all of them
 * or none. Spool, delivery, intake, and files that are being read, go on. */
OR_NODISCARD enum or_code ag_telemetry_reload(
    struct ag_telemetry *t, const struct ag_config *next, struct or_err *err);
/* NULL does nothing. */
void ag_telemetry_close(struct ag_telemetry *t);

/* A lineage event from within the agent, as JSON. OR_FULL, OR_IO. */
OR_NODISCARD enum or_code ag_telemetry_put_lineage(struct ag_telemetry *t, struct or_slice event);

/* A certificate came: tries at once. */
void ag_telemetry_wake(struct ag_telemetry *t);
/* Records that the collector has not acknowledged; 0 where nothing can be done about them now. */
uint64_t ag_telemetry_pending(const struct ag_telemetry *t);
/* "http://127.0.0.1:4318" */
const char *ag_telemetry_url(const struct ag_telemetry *t);
/* "127.0.0.1:4317"; NULL: OTLP is not taken over gRPC. */
const char *ag_telemetry_grpc_address(const struct ag_telemetry *t);
/* Puts the member "telemetry" into the object that is open. */
void ag_telemetry_put_status(const struct ag_telemetry *t, struct or_jsonw *w);

#endif
