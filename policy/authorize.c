/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/authorize.h"

#include "policy/eval.h"
#include "policy/index.h"

#include <stdlib.h>

/* Up to here it is quicker to try every policy than to look candidates up. */
enum { LINEAR_MAX = 12 };

/* Lists that grow in the arena by doubling, so that a request with no match allocates nothing. */
struct tally {
	struct or_arena *arena;
	const struct pol_policy **permits, **forbids;
	struct pol_policy_error *errors;
	size_t n_permits, n_forbids, n_errors;
	bool forbid_erred;
};

static void *grow(struct or_arena *a, void *list, size_t n, size_t size)
{
	void *bigger;

	/* Full at every power of two from 8 on. */
	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return list;
	bigger = or_arena_array(a, n ? n * 2 : 8, size);
	if (bigger && n)
		memcpy(bigger, list, n * size);
	return bigger;
}

static bool add_policy(
    struct or_arena *a, const struct pol_policy ***list, size_t *n, const struct pol_policy *p)
{
	const struct pol_policy **to = grow(a, *list, *n, sizeof(*to));

	if (!to)
		return false;
	to[(*n)++] = p;
	*list = to;
	return true;
}

static bool add_error(struct tally *t, const struct pol_policy *p, const char *msg)
{
	struct pol_policy_error *to = grow(t->arena, t->errors, t->n_errors, sizeof(*to));

	if (!to)
		return false;
	to[t->n_errors++] = (struct pol_policy_error){p, msg};
	t->errors = to;
	t->forbid_erred |= p->forbid;
	return true;
}

static bool count(struct tally *t, struct pol_eval *ev, const struct pol_policy *p)
{
	switch (pol_eval_policy(ev, p)) {
	case POL_OUTCOME_NO: return true;
	case POL_OUTCOME_YES:
		return p->forbid ? add_policy(t->arena, &t->forbids, &t->n_forbids, p)
				 : add_policy(t->arena, &t->permits, &t->n_permits, p);
	case POL_OUTCOME_ERROR: return !ev->full && add_error(t, p, ev->error);
	}
	return false;
}

static void decide(struct pol_decision *d, const struct tally *t, enum pol_forbid_error mode)
{
	*d = (struct pol_decision){.errors = t->errors, .n_errors = t->n_errors};
	if (t->n_forbids) {
		d->reasons = t->forbids;
		d->n_reasons = t->n_forbids;
	} else if (t->forbid_erred && mode == POL_FORBID_ERROR_DENY) {
		d->by_error = true;
	} else if (t->n_permits) {
		d->allow = true;
		d->reasons = t->permits;
		d->n_reasons = t->n_permits;
	}
}

static bool count_entries(struct tally *t, struct pol_eval *ev, const struct pol_index_entry *e)
{
	for (; e; e = e->next) {
		if (!count(t, ev, e->policy))
			return false;
	}
	return true;
}

/* The candidates that one of the request's entities, or an ancestor of it, gives. */
static bool count_var(
    struct tally *t, struct pol_eval *ev, const struct pol_index *ix, enum pol_var var)
{
	const struct pol_entity *e = ev->known[var];

	if (!count_entries(t, ev, pol_index_find(ix, var, ev->vars[var].e->hash)))
		return false;
	for (size_t i = 0; e && i < e->n_ancestors; i++) {
		if (!count_entries(t, ev, pol_index_find(ix, var, e->ancestors[i]->hash)))
			return false;
	}
	return true;
}

static int on_policies(const void *a, const void *b)
{
	const struct pol_policy *x = *(const struct pol_policy *const *)a;
	const struct pol_policy *y = *(const struct pol_policy *const *)b;

	return (x->place > y->place) - (x->place < y->place);
}

static int on_errors(const void *a, const void *b)
{
	const struct pol_policy_error *x = a, *y = b;

	return on_policies(&x->policy, &y->policy);
}

/* Answers come in the order of the set, whichever way the policies were found. */
static void sort_from(struct tally *t, const struct tally *before)
{
	size_t p = before->n_permits, f = before->n_forbids, e = before->n_errors;

	if (t->n_permits - p > 1)
		qsort(t->permits + p, t->n_permits - p, sizeof(*t->permits), on_policies);
	if (t->n_forbids - f > 1)
		qsort(t->forbids + f, t->n_forbids - f, sizeof(*t->forbids), on_policies);
	if (t->n_errors - e > 1)
		qsort(t->errors + e, t->n_errors - e, sizeof(*t->errors), on_errors);
}

static bool count_set(struct tally *t, struct pol_eval *ev, const struct pol_set *set)
{
	const struct pol_index *ix = pol_set_index(set);
	struct tally before = *t;

	if (pol_set_count(set) <= LINEAR_MAX) {
		for (size_t i = 0; i < pol_set_count(set); i++) {
			const struct pol_policy *p = pol_set_at(set, i);

			if (!p->template && !count(t, ev, p))
				return false;
		}
		return true;
	}
	if (!count_entries(t, ev, ix->rest) || !count_var(t, ev, ix, POL_VAR_PRINCIPAL) ||
	    !count_var(t, ev, ix, POL_VAR_ACTION) || !count_var(t, ev, ix, POL_VAR_RESOURCE))
		return false;
	sort_from(t, &before);
	return true;
}

enum or_code pol_authorize_request(struct pol_decision *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_request *req)
{
	static const struct pol_record none;
	struct pol_eval ev = {.ctx = ctx, .arena = pol_ctx_arena(ctx)};
	struct tally t = {.arena = pol_ctx_arena(ctx)};

	ev.vars[POL_VAR_PRINCIPAL] = pol_value_entity(&req->principal);
	ev.vars[POL_VAR_ACTION] = pol_value_entity(&req->action);
	ev.vars[POL_VAR_RESOURCE] = pol_value_entity(&req->resource);
	ev.vars[POL_VAR_CONTEXT] = pol_value_rec(req->context ? req->context : &none);
	for (int i = 0; i < 3; i++)
		ev.known[i] = pol_ctx_find(ctx, ev.vars[i].e);
	for (size_t s = 0; s < n_sets; s++) {
		if (!count_set(&t, &ev, sets[s]))
			return OR_FULL;
	}
	decide(out, &t, req->on_forbid_error);
	return OR_OK;
}
