/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enumerations of audit.proto, and the names of their values both ways: as queries, JSON and
 * policies write them.
 * Any thread; the texts are static.
 */
#ifndef PROTO_NAME_H
#define PROTO_NAME_H

#include "base/err.h"

enum wire_kind {
	WIRE_KIND_NONE,
	WIRE_KIND_ACCESS,
	WIRE_KIND_POLICY,
	WIRE_KIND_IDENTITY,
	WIRE_KIND_PROCESS,
	WIRE_KIND_FILE,
	WIRE_KIND_NETWORK,
	WIRE_KIND_PIPELINE,
	WIRE_KIND_GAP,
	WIRE_KIND_ADMIN,
};

enum wire_front {
	WIRE_FRONT_NONE,
	WIRE_FRONT_PROXY,
	WIRE_FRONT_EXT_AUTHZ,
	WIRE_FRONT_FORWARD_AUTH,
	WIRE_FRONT_DECIDE,
	WIRE_FRONT_KERNEL,
	WIRE_FRONT_COLLECTOR,
	WIRE_FRONT_AGENT,
	WIRE_FRONT_POSTGRES,
	WIRE_FRONT_S3,
};

enum wire_phase {
	WIRE_PHASE_NONE,
	WIRE_PHASE_COMPLETE,
	WIRE_PHASE_DECISION,
	WIRE_PHASE_OUTCOME,
};

enum wire_decision {
	WIRE_DECISION_NONE,
	WIRE_DECISION_ALLOW,
	WIRE_DECISION_DENY,
	WIRE_DECISION_ERROR,
	WIRE_DECISION_WOULD_ALLOW,
	WIRE_DECISION_WOULD_DENY,
};

enum wire_name_set {
	WIRE_NAME_KIND,     /* enum wire_kind: "access", "policy"… */
	WIRE_NAME_FRONT,    /* enum wire_front: "proxy", "ext_authz"… */
	WIRE_NAME_PHASE,    /* enum wire_phase: "complete", "decision", "outcome" */
	WIRE_NAME_DECISION, /* enum wire_decision: "allow", "deny", "error", "would_allow"… */
};

/* "" for 0 (none), "unknown" for a value of a newer schema. */
const char *wire_name_get(enum wire_name_set set, unsigned int value);

/* OR_ABSENT: no such name. */
OR_NODISCARD enum or_code wire_name_find(
    unsigned int *out, enum wire_name_set set, struct or_slice name);

/* All names of the set, ended by NULL: for messages and or_str_nearest. */
const char *const *wire_name_list(enum wire_name_set set);

#endif
