/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intake: what a workload says of itself, taken on loopback.
 *
 *   POST /v1/logs /v1/metrics /v1/traces       OTLP/HTTP 1.x: protobuf and JSON, gzip or not
 *   the same three over gRPC         opentelemetry.proto.collector.*.v1, where grpc_listen is given
 *   POST /api/v1/lineage /api/v1/lineage/batch OpenLineage: an event, a list of events
 *
 * A request becomes one record of the stream "<topic>/<product>" (otlp_logs, otlp_metrics,
 * otlp_spans, openlineage): OTLP in protobuf whichever way it came, without the secrets and
 * personal data that agent/capture/redact finds; an event as it came. It is answered with success
 * only when the spool has it, so that it survives kill -9. Refusals: 400 malformed (not to be sent
 * again), 404, 405, 413, 415; with Retry-After 503 when the spool has no room, and 429 (of
 * OpenLineage, whose clients do not know it, 503) beyond the rate. Bodies of OTLP's answers are in
 * the request's encoding: Export*ServiceResponse or google.rpc.Status. Over gRPC these are
 * INVALID_ARGUMENT, RESOURCE_EXHAUSTED (too large: not to be sent again) and UNAVAILABLE with
 * RetryInfo. Nothing is ever taken in part, so partial_success is never said. Browsers get nothing
 * in: no CORS, no simple content type.
 *
 * Thread: the loop's. Borrows the spool, whose quota bounds what telemetry may take.
 * Limits: AG_CAPTURE_BODY_MAX bytes a request, packed and unpacked; CONNS connections.
 */
#ifndef AGENT_CAPTURE_CAPTURE_H
#define AGENT_CAPTURE_CAPTURE_H

#include "agent/spool/spool_place.h"
#include "base/json.h"
#include "base/metric.h"
#include "base/opt.h"
#include "proto/batch.h"

#define AG_CAPTURE_BODY_MAX WIRE_BATCH_RECORD_MAX

struct ag_capture;
struct ag_redact;

struct ag_capture_opt {
	const char *listen;      /* "127.0.0.1:4318"; port 0: any */
	const char *grpc_listen; /* "127.0.0.1:4317"; NULL: not over gRPC */
	struct ag_spool *spool;
	const char *product;                 /* copied */
	struct or_metric_registry *registry; /* outlives it */
	/* What agent/capture/redact takes out of OTLP. */
	struct or_opt_list redact;
	const struct or_json *redact_patterns;
	uint64_t rate; /* requests a second, and as many at once; 0: as many as come */
};

/* OR_BUSY: the port is in use. OR_DENIED: the address is not on loopback. OR_INVAL. */
OR_NODISCARD enum or_code ag_capture_new(struct ag_capture **out, struct or_loop *loop,
    const struct ag_capture_opt *opt, struct or_err *err);
/* NULL does nothing. */
void ag_capture_free(struct ag_capture *c);

/* Metrics from within the agent, as a request in protobuf with so many points. OR_FULL, OR_IO. */
OR_NODISCARD enum or_code ag_capture_put_metrics(
    struct ag_capture *c, struct or_slice request, uint64_t points);

/* A lineage event from within the agent, as JSON. OR_FULL, OR_IO. */
OR_NODISCARD enum or_code ag_capture_put_lineage(struct ag_capture *c, struct or_slice event);
/* Log records from within the agent, as a request in protobuf that was redacted already, with the
 * place that they were read to; NULL: there is none. OR_FULL, OR_IO. */
OR_NODISCARD enum or_code ag_capture_put_logs(struct ag_capture *c, struct or_slice request,
    uint64_t records, const struct ag_spool_place *place);
/* From now on; the second's worth of requests is there at once. */
void ag_capture_set_rate(struct ag_capture *c, uint64_t rate);

/* Borrowed; its rules may change (ag_redact_swap). */
struct ag_redact *ag_capture_redact(struct ag_capture *c);

/* "127.0.0.1:4318": where it listens. */
const char *ag_capture_address(const struct ag_capture *c);
/* And over gRPC; NULL: it does not. */
const char *ag_capture_grpc_address(const struct ag_capture *c);

#endif
