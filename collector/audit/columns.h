/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How audit records lie in parts: the fields of proto/audit.proto as columns (tlog/part.h).
 *
 * Adding a field: add it here, in the order of the wire. Parts name their own columns, so older
 * ones stay readable; a record with a field that is not here is kept as it came.
 */
#ifndef COLLECTOR_AUDIT_COLUMNS_H
#define COLLECTOR_AUDIT_COLUMNS_H

#include "tlog/part.h"

/* Numbers of fields that are asked for by name. */
enum co_columns_tag {
	CO_COLUMNS_TIME = 1,
	CO_COLUMNS_AGENT = 2,
	CO_COLUMNS_EPOCH = 3,
	CO_COLUMNS_STREAM = 4,
	CO_COLUMNS_SEQ = 5,
	CO_COLUMNS_TRACE = 26,
};

extern const struct tl_part_field co_columns_audit[];
extern const size_t co_columns_audit_n;

#endif
