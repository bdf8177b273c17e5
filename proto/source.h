/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a source of batches has been read (proto/audit.proto, Source): a leaf beside the records
 * that came from there, so that what was read and where to go on are durable together.
 *
 * Any thread. Decoded slices point into the input. Limit: WIRE_SOURCE_NAME_MAX bytes of name.
 */
#ifndef PROTO_SOURCE_H
#define PROTO_SOURCE_H

#include "base/buf.h"
#include "base/err.h"

#define WIRE_SOURCE_NAME_MAX 256
#define WIRE_SOURCE_MAX      512 /* bytes, encoded */

struct wire_source {
	struct or_slice name; /* "<Kafka's cluster id>/<topic>" */
	uint32_t partition;
	uint64_t next; /* everything below was taken */
};

/* Appends; fullness is the buffer's. OR_INVAL: no name, or too long a one. */
OR_NODISCARD enum or_code wire_source_encode(struct or_buf *out, const struct wire_source *s);

/* OR_PARSE: anything that wire_source_encode would not have written. */
OR_NODISCARD enum or_code wire_source_decode(
    struct wire_source *out, struct or_slice in, struct or_err *err);

#endif
