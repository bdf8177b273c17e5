/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/partial.h"

#include "policy/reduce.h"

/* What is left so far, in a list that grows in the arena by doubling. */
struct tally {
	struct pol_reduce reduce;
	struct pol_partial_residual *items;
	size_t n, cap;
	size_t n_policies;
};

static bool add(struct tally *t, const struct pol_policy *p, const struct pol_term *term)
{
	enum pol_partial_state state = pol_term_is_error(term)         ? POL_PARTIAL_ERROR
				       : pol_term_is_bool(term, true)  ? POL_PARTIAL_YES
				       : pol_term_is_bool(term, false) ? POL_PARTIAL_NO
								       : POL_PARTIAL_OPEN;

	if (state == POL_PARTIAL_NO)
		return true;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 8;
		struct pol_partial_residual *items =
		    or_arena_array(t->reduce.arena, cap, sizeof(*items));

		if (!items)
			return false;
		if (t->n)
			memcpy(items, t->items, t->n * sizeof(*items));
		t->items = items;
		t->cap = cap;
	}
	t->items[t->n++] = (struct pol_partial_residual){p, state, term};
	return true;
}

static bool reduce_policy(struct tally *t, const struct pol_policy *p)
{
	const struct pol_term *whole, *left;

	t->n_policies++;
	/* Most policies are about somebody else. */
	if (!pol_reduce_may_match(&t->reduce, p))
		return true;
	whole = pol_term_policy(t->reduce.arena, p);
	left = whole ? pol_reduce_term(&t->reduce, whole) : NULL;
	return left && !t->reduce.full && add(t, p, left);
}

static enum pol_partial_verdict decide(const struct tally *t)
{
	bool strict = t->reduce.req->on_forbid_error == POL_FORBID_ERROR_DENY;
	bool may_permit = false, permits = false, may_forbid = false;

	for (size_t i = 0; i < t->n; i++) {
		enum pol_partial_state state = t->items[i].state;

		if (!t->items[i].policy->forbid) {
			permits |= state == POL_PARTIAL_YES;
			may_permit |= state == POL_PARTIAL_YES || state == POL_PARTIAL_OPEN;
		} else if (state == POL_PARTIAL_YES || (state == POL_PARTIAL_ERROR && strict)) {
			return POL_PARTIAL_DENY;
		} else {
			may_forbid |= state == POL_PARTIAL_OPEN;
		}
	}
	if (!may_permit)
		return POL_PARTIAL_DENY;
	return permits && !may_forbid ? POL_PARTIAL_ALLOW : POL_PARTIAL_UNDECIDED;
}

static enum or_code finish(struct pol_partial *out, const struct tally *t)
{
	*out = (struct pol_partial){
	    .verdict = decide(t), .items = t->items, .n = t->n, .n_policies = t->n_policies};
	return OR_OK;
}

enum or_code pol_partial_evaluate(struct pol_partial *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_partial_request *req)
{
	struct tally t = {.n = 0};

	pol_reduce_init(&t.reduce, pol_ctx_arena(ctx), ctx, req);
	for (size_t s = 0; s < n_sets; s++) {
		for (size_t i = 0; i < pol_set_count(sets[s]); i++) {
			const struct pol_policy *p = pol_set_at(sets[s], i);

			if (!p->template && !(req->skip & (1U << p->mode)) && !reduce_policy(&t, p))
				return OR_FULL;
		}
	}
	return finish(out, &t);
}

enum or_code pol_partial_continue(struct pol_partial *out, struct pol_ctx *ctx,
    const struct pol_partial *from, const struct pol_partial_request *req)
{
	struct tally t = {.n_policies = from->n_policies};

	pol_reduce_init(&t.reduce, pol_ctx_arena(ctx), ctx, req);
	for (size_t i = 0; i < from->n; i++) {
		const struct pol_term *left = pol_reduce_term(&t.reduce, from->items[i].term);

		if (!left || !add(&t, from->items[i].policy, left))
			return OR_FULL;
	}
	return finish(out, &t);
}

void pol_partial_print(struct or_buf *b, const struct pol_partial_residual *r)
{
	or_buf_put_str(b, "@id(");
	pol_uid_print_string(b, r->policy->id);
	or_buf_printf(
	    b, ")\n%s (principal, action, resource)", r->policy->forbid ? "forbid" : "permit");
	if (r->state != POL_PARTIAL_YES) {
		or_buf_put_str(b, "\nwhen { ");
		pol_term_print(b, r->term);
		or_buf_put_str(b, " }");
	}
	or_buf_put_str(b, ";\n");
}
