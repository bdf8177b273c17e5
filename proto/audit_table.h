/* SPDX-License-Identifier: Apache-2.0 */
/* The table of AuditRecord, for the modules of proto/ that walk it: audit, audit_fit. */
#ifndef PROTO_AUDIT_TABLE_H
#define PROTO_AUDIT_TABLE_H

#include "proto/audit.h"
#include "proto/table.h"

/* fields[i] has number i + 1; what the struct calls time_ns is "time" here, as on the wire. */
extern const struct wire_table wire_audit_table_record;

#endif
