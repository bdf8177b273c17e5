/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: policies and a request in, allow or deny out, with the reasons.
 *
 * Cedar's rule: where a forbid is satisfied, deny, because of those forbids; else where a permit
 * is, allow, because of those permits; else deny, because of nothing. A policy that errors counts
 * as not satisfied and is reported. POL_FORBID_ERROR_DENY closes the gap that this leaves: a
 * forbid that errors denies too.
 *
 * Thread: one per context; sets and stores may be shared. Cost: the policies that the request's
 * entities and values leave as candidates (policy/index.h), not how many there are. After the first
 * requests nothing is allocated but what the context keeps.
 */
#ifndef POLICY_AUTHORIZE_H
#define POLICY_AUTHORIZE_H

#include "policy/ctx.h"
#include "policy/set.h"

enum pol_forbid_error {
	POL_FORBID_ERROR_SKIP, /* Cedar's rule */
	POL_FORBID_ERROR_DENY, /* fail closed */
};

struct pol_request {
	struct pol_uid principal;
	struct pol_uid action;
	struct pol_uid resource;
	const struct pol_record *context; /* NULL: empty */
	enum pol_forbid_error on_forbid_error;
	unsigned int skip; /* policies that do not count: a bit for each enum pol_mode */
};

struct pol_policy_error {
	const struct pol_policy *policy;
	const char *msg; /* file:line:column: what failed */
};

/* Lies in the context's arena: valid until pol_ctx_begin. */
struct pol_decision {
	bool allow;
	bool by_error;                           /* denied only because a forbid erred */
	const struct pol_policy *const *reasons; /* the policies that determined it */
	size_t n_reasons;
	const struct pol_policy_error *errors; /* every policy that erred */
	size_t n_errors;
};

/*
 * Decides the request over all policies of the sets, with the entities of ctx (pol_ctx_begin and
 * pol_ctx_put come first). The obligations of an allow are the annotations of its reasons
 * (pol_set_annotation). OR_FULL: the request needs more memory than its budget; deny.
 */
OR_NODISCARD enum or_code pol_authorize_request(struct pol_decision *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_request *req);

#endif
