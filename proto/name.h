/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of enumerated values, both ways: as queries, JSON and policies write them.
 * Any thread; the texts are static.
 */
#ifndef PROTO_NAME_H
#define PROTO_NAME_H

#include "base/err.h"

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
