/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leaf of the Merkle log: a record, the frame that brought it, or where they were read from
 * (proto/audit.proto, Leaf).
 *
 * Any thread. Decoded slices point into the input. Limit: WIRE_LEAF_MAX bytes, what an entry of a
 * C2SP tlog-tiles bundle can hold.
 */
#ifndef PROTO_LEAF_H
#define PROTO_LEAF_H

#include "base/buf.h"
#include "base/err.h"

#define WIRE_LEAF_MAX    65535
#define WIRE_LEAF_ID_LEN 20 /* characters */

enum wire_leaf_type {
	WIRE_LEAF_RECORD = 1,
	WIRE_LEAF_FRAME = 2,
	WIRE_LEAF_SOURCE = 3,
};

struct wire_leaf {
	enum wire_leaf_type type;
	struct or_slice content; /* encoded AuditRecord, Frame or Source */
};

/* Appends; fullness is the buffer's. */
void wire_leaf_encode(struct or_buf *out, enum wire_leaf_type type, struct or_slice content);

/* OR_PARSE: anything that wire_leaf_encode would not have written. OR_UNSUPPORTED: one field, of a
 * type that we do not know. */
OR_NODISCARD enum or_code wire_leaf_decode(
    struct wire_leaf *out, struct or_slice in, struct or_err *err);

/* The id by which people name a record: the first 10 bytes of its RFC 6962 leaf hash, in
 * lower-case hex, with a NUL behind it. */
void wire_leaf_id(char out[WIRE_LEAF_ID_LEN + 1], const uint8_t *leaf_hash);

#endif
