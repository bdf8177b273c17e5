/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From verified claims to a person or workload: sub, groups, the chain of actors, the bound
 * certificate. What has a wrong type or is too much is refused, never dropped: a group left out
 * could be the one that a forbid names.
 * Thread: any. Everything lies in the caller's arena.
 */
#ifndef AGENT_GATE_WHO_H
#define AGENT_GATE_WHO_H

#include "agent/gate/identity.h"

/* Claims are named as struct ag_identity_issuer says. AG_JWT_OK, AG_JWT_CLAIMS, or AG_JWT_TOO_LARGE
 * where the arena is used up. Borrows claims. */
OR_NODISCARD enum ag_jwt_reason ag_who_read(struct ag_identity_who *out,
    const struct or_json *claims, const char *subject_claim, const char *groups_claim,
    struct or_arena *a);

/* A copy with all that it points to. False: the arena is used up; *out is untouched. */
OR_NODISCARD bool ag_who_copy(
    struct ag_identity_who *out, const struct ag_identity_who *from, struct or_arena *a);

#endif
