/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a decision came out as it did, for a person: policy by policy the parts, whether each held,
 * the operand that settled it, and the values that it saw.
 *
 * Explained are the policies that determined the decision and those that erred; for a deny without
 * a forbid also the permits that came closest: most of the scope matches first, then most of the
 * conditions, then the most of the condition that failed.
 *
 * Thread: one per context. Owns: nothing; an explanation lies in the context's arena. Cost: every
 * policy, where permits are looked for; not for the data path.
 */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "base/jsonw.h"
#include "policy/authorize.h"

#define POL_EXPLAIN_NEAREST_MAX 3
#define POL_EXPLAIN_VALUES_MAX  64 /* of one part */

enum pol_explain_outcome {
	POL_EXPLAIN_HOLDS,
	POL_EXPLAIN_FAILS,
	POL_EXPLAIN_ERRS,
	POL_EXPLAIN_UNTRIED, /* what came before had settled it */
};

struct pol_explain_value {
	struct or_slice term;  /* `principal.clearance` */
	struct or_slice value; /* as Cedar writes it; of an error the message */
	bool error;
};

struct pol_explain_part {
	const char *kind; /* "principal", "action", "resource", "when", "unless" */
	enum pol_explain_outcome
	    outcome;             /* of the part: an `unless` holds where its text is false */
	struct or_slice text;    /* of the condition; empty: a scope that asks nothing */
	struct or_slice because; /* the operand that settled it; empty: the whole of it */
	const char *error;
	const struct pol_explain_value *values;
	size_t n_values;
};

enum pol_explain_role { POL_EXPLAIN_REASON, POL_EXPLAIN_ERROR, POL_EXPLAIN_NEAREST };

struct pol_explain_policy {
	enum pol_explain_role role;
	const struct pol_policy *policy;
	const struct pol_explain_part *parts; /* the scope's three, then the conditions */
	size_t n_parts;
};

struct pol_explain {
	const struct pol_explain_policy *policies;
	size_t n_policies;
};

/* Explains the decision that pol_authorize_request just made, in the same context. OR_FULL. */
OR_NODISCARD enum or_code pol_explain_decision(struct pol_explain *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_request *req,
    const struct pol_decision *d);

/* [{"policy", "role", "effect", "file", "line", "parts": [{"kind", "outcome", "text", "because",
 * "error", "values": [{"term", "value" | "error"}]}]}] */
void pol_explain_json(struct or_jsonw *w, const struct pol_explain *e);

#endif
