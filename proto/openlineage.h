/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenLineage events (spec 2-0-2, OpenLineage.json): RunEvent, JobEvent, DatasetEvent.
 *
 * An event travels and is stored as it came; here it is checked and read. Checked is what the core
 * schema requires: eventTime with its offset, producer, schemaURL; run and job, or job, or dataset;
 * names of datasets; that facets say who made them. Facets' own contents
 * are not judged, nor whether a run's id is a UUID: the schema's "format" only hints at it, and
 * there are producers that take another.
 * Pure; any thread. Slices and lists live in the arena of the tree.
 */
#ifndef PROTO_OPENLINEAGE_H
#define PROTO_OPENLINEAGE_H

#include "base/json.h"

/* The producer of events that tell what was observed, not what somebody declared. */
#define WIRE_OPENLINEAGE_OBSERVER "https://outrider.dev/tap"

#define WIRE_OPENLINEAGE_DATASETS_MAX 10000 /* inputs, and outputs, of one event */

enum wire_openlineage_kind {
	WIRE_OPENLINEAGE_RUN,
	WIRE_OPENLINEAGE_JOB,
	WIRE_OPENLINEAGE_DATASET,
};

struct wire_openlineage_name {
	struct or_slice namespace, name;
};

struct wire_openlineage {
	enum wire_openlineage_kind kind;
	int64_t time_ns;
	struct or_slice event_type; /* START, RUNNING, COMPLETE, ABORT, FAIL, OTHER; empty: none */
	struct or_slice producer;
	struct or_slice run_id;
	struct wire_openlineage_name job; /* empty for a DatasetEvent */
	const struct wire_openlineage_name *inputs;
	size_t n_inputs;
	const struct wire_openlineage_name *outputs; /* of a DatasetEvent: the dataset itself */
	size_t n_outputs;
	struct or_slice version; /* job facet sourceCodeLocation.version: a commit, or empty */
};

/* OR_PARSE: err names the member. OR_FULL: a limit. */
OR_NODISCARD enum or_code wire_openlineage_read(struct wire_openlineage *out,
    const struct or_json *event, struct or_arena *a, struct or_err *err);

/* As above, from text. */
OR_NODISCARD enum or_code wire_openlineage_parse(
    struct wire_openlineage *out, struct or_slice text, struct or_arena *a, struct or_err *err);

#endif
