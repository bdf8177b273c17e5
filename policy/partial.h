/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed partial evaluation (Cedar RFC 95): the decision as far as it can be made while a part of
 * the request is not known, and what is left of the policies.
 *
 * The action is known. Principal and resource have a known type; their id, attributes, ancestors
 * and tags may each be unknown. The context is known or not. Everything else is what the stores
 * say: an unknown entity that turns out to be a stored one is that one.
 *
 * A residual is exact: once the unknown is known it is satisfied, not satisfied, or in error, as
 * the policy would have been.
 *
 * Thread: one per context. Owns: nothing; results lie in the context's arena and refer to the
 * request and the policies. Cost: every policy. Limits: the context's budget (OR_FULL).
 */
#ifndef POLICY_PARTIAL_H
#define POLICY_PARTIAL_H

#include "policy/authorize.h"
#include "policy/schema.h"

enum pol_partial_unknown {
	POL_PARTIAL_ATTRS = 1,
	POL_PARTIAL_ANCESTORS = 2,
	POL_PARTIAL_TAGS = 4,
	POL_PARTIAL_REST = 7, /* all of them */
};

struct pol_partial_entity {
	struct pol_uid uid;   /* id.p == NULL: the id is unknown, and so is all the rest */
	unsigned int unknown; /* enum pol_partial_unknown, or'ed; what is not is in the context */
	/* With POL_PARTIAL_ATTRS: the attributes that there can be; NULL: any. */
	const struct pol_type *shape;
};

struct pol_partial_request {
	struct pol_partial_entity principal;
	struct pol_uid action;
	struct pol_partial_entity resource;
	const struct pol_record *context; /* NULL: empty */
	bool context_unknown;
	enum pol_forbid_error on_forbid_error;
	unsigned int skip; /* as struct pol_request has it */
};

struct pol_term; /* policy/term.h */

enum pol_partial_state {
	POL_PARTIAL_NO,    /* not satisfied, whatever the unknown is */
	POL_PARTIAL_YES,   /* satisfied */
	POL_PARTIAL_ERROR, /* it errs */
	POL_PARTIAL_OPEN,  /* term says when it is satisfied */
};

struct pol_partial_residual {
	const struct pol_policy *policy;
	enum pol_partial_state state;
	const struct pol_term *term;
};

enum pol_partial_verdict { POL_PARTIAL_DENY, POL_PARTIAL_ALLOW, POL_PARTIAL_UNDECIDED };

struct pol_partial {
	enum pol_partial_verdict verdict;
	/* Every policy that is not POL_PARTIAL_NO, in the order of the sets. */
	const struct pol_partial_residual *items;
	size_t n;
	size_t n_policies; /* that were looked at */
};

/* OR_FULL: the context's budget. */
OR_NODISCARD enum or_code pol_partial_evaluate(struct pol_partial *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_partial_request *req);

/*
 * The same with more known: the residuals of `from` instead of whole policies. What was known for
 * from must be known as it was.
 */
OR_NODISCARD enum or_code pol_partial_continue(struct pol_partial *out, struct pol_ctx *ctx,
    const struct pol_partial *from, const struct pol_partial_request *req);

/* What is left, as Cedar text: one policy with its id as an annotation, ending in a line break. */
void pol_partial_print(struct or_buf *b, const struct pol_partial_residual *r);

#endif
