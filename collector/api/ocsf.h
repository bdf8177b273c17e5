/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An audit record as an event of OCSF 1.8.0, with the profile security_control.
 *
 *   access             6005 Datastore Activity        policy   3004 Entity Management
 *   identity           3002 Authentication            process  1007 Process Activity
 *   file               1001 File System Activity      network  4001 Network Activity
 *   pipeline gap admin 6003 API Activity              (and kinds of a newer schema)
 *
 * What OCSF has no place for is in "unmapped": the record as proto/json.h writes it. metadata.uid
 * is the record's id, under which `outrider verify` proves it. Any thread; pure. `./dev conformance
 * ocsf` validates events of every kind.
 */
#ifndef COLLECTOR_API_OCSF_H
#define COLLECTOR_API_OCSF_H

#include "base/jsonw.h"
#include "proto/audit.h"

#define CO_OCSF_VERSION "1.8.0"

/* One object. id: the record's. */
void co_ocsf_put(struct or_jsonw *w, const char *id, const struct wire_audit *r);

#endif
