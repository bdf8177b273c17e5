/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what came in may be believed: certificate, signature, root, and each record against the
 * frame that vouches for it. No state, no side effect.
 *
 * Thread: the loop's (the issuers' keys are used). Slices point into the request and the arena.
 */
#ifndef COLLECTOR_INGEST_CHECK_H
#define COLLECTOR_INGEST_CHECK_H

#include "collector/ingest/ingest.h"
#include "proto/batch.h"
#include "proto/frame.h"

struct co_check_record {
	uint64_t seq;
	struct or_slice bytes;
};

struct co_check {
	struct wire_cert cert;
	struct wire_frame frame;
	struct or_slice product;
	struct co_check_record *records; /* ascending in seq */
	size_t n_records;
	const struct or_slice *inputs;
	size_t n_inputs;
};

/* The frame alone: its certificate, signature and stream, as co_check_run does; what it vouches for
 * is the caller's to compare with its root. out has no records. */
OR_NODISCARD enum or_code co_check_frame(struct co_check *out, const struct co_ingest_opt *opt,
    const struct co_ingest_request *request, int64_t now_ns, struct or_arena *a,
    const char **reason, struct or_err *err);

/* On failure *reason is the stable code of the refusal ("frame", "certificate", "expired",
 * "revoked", "identity", "signature", "product", "batch", "count", "root", "record", "inputs") and
 * the result is OR_PARSE (malformed), OR_DENIED (not permitted) or OR_FULL (a limit).
 * a holds what *out points to; scratch is cleared and used for one record at a time. */
OR_NODISCARD enum or_code co_check_run(struct co_check *out, const struct co_ingest_opt *opt,
    const struct co_ingest_request *request, int64_t now_ns, struct or_arena *a,
    struct or_arena *scratch, const char **reason, struct or_err *err);

/* The same for telemetry, whose records are whatever the agent's intake took: everything but the
 * records' contents is checked, the frame says their numbers, and there are no inputs. */
OR_NODISCARD enum or_code co_check_opaque(struct co_check *out, const struct co_ingest_opt *opt,
    const struct co_ingest_request *request, int64_t now_ns, struct or_arena *a,
    const char **reason, struct or_err *err);

/* False for what is found wrong before the signature of a frame is known to hold. */
bool co_check_is_signed(const char *reason);

#endif
