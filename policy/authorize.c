/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/authorize.h"

#include "policy/index.h"
#include "policy/run.h"
#include "policy/sort.h"

/* Lists that grow in the arena by doubling, so that a request with no match allocates nothing. */
struct tally {
	struct or_arena *arena;
	const struct pol_policy **permits, **forbids;
	struct pol_policy_error *errors;
	size_t n_permits, n_forbids, n_errors;
	bool forbid_erred;
	unsigned int skip;
	struct pol_run run;
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

static bool add_outcome(struct tally *t, enum pol_outcome o, const struct pol_policy *p)
{
	if (t->skip & (1U << p->mode))
		return true;
	switch (o) {
	case POL_OUTCOME_NO: return true;
	case POL_OUTCOME_YES:
		return p->forbid ? add_policy(t->arena, &t->forbids, &t->n_forbids, p)
				 : add_policy(t->arena, &t->permits, &t->n_permits, p);
	case POL_OUTCOME_ERROR: return !t->run.ev->full && add_error(t, p, t->run.ev->error);
	}
	return false;
}

/* What is left of a policy's guards decides; where it errs, the tree says why. */
static bool on_found(void *arg, uint32_t policy, const uint32_t *guards)
{
	struct tally *t = arg;
	const struct pol_code *code = t->run.code;
	const struct pol_policy *p = code->policies[policy];
	enum pol_outcome o = guards ? POL_OUTCOME_YES : POL_OUTCOME_ERROR;

	for (uint32_t i = 1; guards && i <= guards[0] && o == POL_OUTCOME_YES; i++)
		o = pol_run_guard(&t->run, &code->guards[guards[i]]);
	if (o == POL_OUTCOME_ERROR) {
		if (t->run.full)
			return false;
		o = pol_eval_policy(t->run.ev, p);
	}
	return add_outcome(t, o, p);
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

/* One policy may be found more than once. */
static size_t unique(const struct pol_policy **list, size_t n)
{
	size_t kept = 0;

	pol_sort_items(list, n, sizeof(*list), on_policies);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || list[kept - 1] != list[i])
			list[kept++] = list[i];
	}
	return kept;
}

static size_t unique_errors(struct pol_policy_error *list, size_t n)
{
	size_t kept = 0;

	pol_sort_items(list, n, sizeof(*list), on_errors);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || list[kept - 1].policy != list[i].policy)
			list[kept++] = list[i];
	}
	return kept;
}

/* Answers come in the order of the set, whichever way the policies were found. */
static void sort_from(struct tally *t, const struct tally *before)
{
	size_t p = before->n_permits, f = before->n_forbids, e = before->n_errors;

	if (t->n_permits - p > 1)
		t->n_permits = p + unique(t->permits + p, t->n_permits - p);
	if (t->n_forbids - f > 1)
		t->n_forbids = f + unique(t->forbids + f, t->n_forbids - f);
	if (t->n_errors - e > 1)
		t->n_errors = e + unique_errors(t->errors + e, t->n_errors - e);
}

/* Over the trees, where there is no room for a program: slower, the same answers. */
static bool count_trees(struct tally *t, const struct pol_set *set)
{
	for (size_t i = 0; i < pol_set_count(set); i++) {
		const struct pol_policy *p = pol_set_at(set, i);

		if (!p->template && !add_outcome(t, pol_eval_policy(t->run.ev, p), p))
			return false;
	}
	return true;
}

static bool count_set(struct tally *t, const struct pol_set *set)
{
	struct tally before = *t;

	t->run.code = pol_set_code(set);
	if (!t->run.code)
		return count_trees(t, set);
	if (!pol_index_walk(&t->run, t->run.code->index, on_found, t))
		return false;
	sort_from(t, &before);
	return true;
}

/* The stored entity's own name stands for the request's, so that it is known when it is met. */
static void set_var(struct pol_eval *ev, enum pol_var var, const struct pol_uid *uid)
{
	ev->known[var] = pol_ctx_find(ev->ctx, uid);
	ev->vars[var] = pol_value_entity(ev->known[var] ? &ev->known[var]->uid : uid);
}

enum or_code pol_authorize_request(struct pol_decision *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_request *req)
{
	static const struct pol_record none;
	struct pol_eval ev = {.ctx = ctx, .arena = pol_ctx_arena(ctx)};
	struct tally t = {.arena = pol_ctx_arena(ctx), .skip = req->skip, .run = {.ev = &ev}};

	t.run.stack = pol_ctx_stack(ctx);
	set_var(&ev, POL_VAR_PRINCIPAL, &req->principal);
	set_var(&ev, POL_VAR_ACTION, &req->action);
	set_var(&ev, POL_VAR_RESOURCE, &req->resource);
	ev.vars[POL_VAR_CONTEXT] = pol_value_rec(req->context ? req->context : &none);
	for (size_t s = 0; s < n_sets; s++) {
		if (!count_set(&t, sets[s]))
			return OR_FULL;
	}
	decide(out, &t, req->on_forbid_error);
	return OR_OK;
}
