/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include "policy/reduce.h"

enum { TEXT_MAX = 64 * 1024, SCRATCH_MAX = 64 * 1024 * 1024 };

struct maker {
	struct pol_reduce reduce; /* nothing is unknown: an evaluator */
	struct pol_partial_request req;
	struct or_arena *arena;
	bool full;
};

static struct or_slice keep(struct maker *m, struct or_buf *b)
{
	struct or_slice s = or_arena_dup(m->arena, or_buf_slice(b));

	m->full |= !s.p;
	or_buf_done(b);
	return s;
}

static struct or_slice print(struct maker *m, const struct pol_term *t)
{
	struct or_buf b;

	or_buf_init(&b, TEXT_MAX);
	pol_term_print(&b, t);
	return keep(m, &b);
}

/* Never NULL: where the arena is full that is noted, and the answer does not matter. */
static const struct pol_term *reduce(struct maker *m, const struct pol_term *t)
{
	const struct pol_term *v = m->full ? NULL : pol_reduce_term(&m->reduce, t);

	m->full |= !v;
	return v ? v : pol_term_bool(false);
}

/* ---- the values that an expression saw */

struct values {
	struct pol_explain_value items[POL_EXPLAIN_VALUES_MAX];
	size_t n;
};

static void visit(struct maker *m, struct values *v, const struct pol_term *t);

static void note(struct maker *m, struct values *v, const struct pol_term *t)
{
	const struct pol_term *is = reduce(m, t);
	struct pol_explain_value one = {.term = print(m, t), .error = pol_term_is_error(is)};
	struct or_buf b;

	if (m->full || v->n == OR_LEN(v->items))
		return;
	for (size_t i = 0; i < v->n; i++) {
		if (or_slice_eq(v->items[i].term, one.term))
			return;
	}
	or_buf_init(&b, TEXT_MAX);
	if (one.error)
		or_buf_put_str(&b, is->error);
	else
		pol_value_print(&b, &is->lit);
	one.value = keep(m, &b);
	v->items[v->n++] = one;
}

static bool is_path(const struct pol_term *t)
{
	while (t->op == POL_OP_ATTR || t->op == POL_OP_HAS)
		t = t->args[0];
	return t->op == POL_OP_VAR;
}

/* As far as `&&` and `||` look. */
static void visit_chain(struct maker *m, struct values *v, const struct pol_term *t)
{
	bool stop = t->op == POL_OP_OR;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct pol_term *is = reduce(m, t->args[i]);

		visit(m, v, t->args[i]);
		if (pol_term_is_bool(is, stop) || pol_term_is_error(is))
			return;
	}
}

static void visit(struct maker *m, struct values *v, const struct pol_term *t)
{
	const struct pol_term *is;

	switch ((int)t->op) {
	case POL_OP_LIT: return;
	case POL_OP_VAR:
		/* The whole context would say too much. */
		if (t->sub != POL_VAR_CONTEXT)
			note(m, v, t);
		return;
	case POL_OP_AND:
	case POL_OP_OR: visit_chain(m, v, t); return;
	case POL_OP_IF:
		visit(m, v, t->args[0]);
		is = reduce(m, t->args[0]);
		if (pol_term_is_lit(is) && is->lit.kind == POL_BOOL)
			visit(m, v, t->args[is->lit.b ? 1 : 2]);
		return;
	case POL_OP_ATTR:
	case POL_OP_HAS:
	case POL_OP_GET_TAG:
	case POL_OP_HAS_TAG:
		note(m, v, t);
		if (is_path(t))
			return;
		break;
	default: break;
	}
	for (uint32_t i = 0; i < t->n; i++)
		visit(m, v, t->args[i]);
}

/* ---- the operand that settled it */

static const struct pol_term *settle(struct maker *m, const struct pol_term *t)
{
	const struct pol_term *is;

	if (t->op == POL_OP_NOT)
		return settle(m, t->args[0]);
	if (t->op == POL_OP_IF) {
		is = reduce(m, t->args[0]);
		if (pol_term_is_error(is))
			return settle(m, t->args[0]);
		return settle(m, t->args[pol_term_is_bool(is, true) ? 1 : 2]);
	}
	if (t->op != POL_OP_AND && t->op != POL_OP_OR)
		return t;
	for (uint32_t i = 0; i < t->n; i++) {
		is = reduce(m, t->args[i]);
		if (pol_term_is_error(is) || pol_term_is_bool(is, t->op == POL_OP_OR))
			return settle(m, t->args[i]);
	}
	return t;
}

static void explain_part(struct maker *m, struct pol_explain_part *part,
    const struct pol_term *whole, const struct pol_term *shown)
{
	const struct pol_term *is = reduce(m, whole), *by = settle(m, shown);
	struct values v = {.n = 0};
	struct pol_explain_value *values;

	part->outcome = pol_term_is_error(is)         ? POL_EXPLAIN_ERRS
			: pol_term_is_bool(is, true)  ? POL_EXPLAIN_HOLDS
			: pol_term_is_bool(is, false) ? POL_EXPLAIN_FAILS
						      : POL_EXPLAIN_ERRS;
	if (pol_term_is_error(is))
		part->error = is->error;
	else if (part->outcome == POL_EXPLAIN_ERRS)
		part->error = "type error: expected bool";
	if (by != shown)
		part->because = print(m, by);
	visit(m, &v, shown);
	values = or_arena_array(m->arena, v.n, sizeof(*values));
	m->full |= !values;
	if (values && v.n)
		memcpy(values, v.items, v.n * sizeof(*values));
	part->values = values;
	part->n_values = v.n;
}

static void explain_scope(
    struct maker *m, struct pol_explain_part *part, const struct pol_policy *p, enum pol_var var)
{
	static const char *const kinds[] = {"principal", "action", "resource"};
	const struct pol_term *t = pol_term_scope(m->arena, p, var);

	part->kind = kinds[var];
	part->outcome = POL_EXPLAIN_HOLDS;
	m->full |= !t;
	if (!t || pol_term_is_lit(t))
		return;
	part->text = print(m, t);
	explain_part(m, part, t, t);
}

static void explain_condition(struct maker *m, struct pol_explain_part *part,
    const struct pol_policy *p, const struct pol_condition *c, bool tried)
{
	const struct pol_term *whole = pol_term_condition(m->arena, p, c);
	const struct pol_term *shown = whole && c->unless ? whole->args[0] : whole;

	part->kind = c->unless ? "unless" : "when";
	part->outcome = POL_EXPLAIN_UNTRIED;
	m->full |= !shown;
	if (m->full)
		return;
	part->text = print(m, shown);
	if (tried)
		explain_part(m, part, whole, shown);
}

/* The scope is shown whole; of the conditions those behind the first that does not hold are not
 * looked at, nor is any where the scope does not match. */
static void explain_policy(struct maker *m, struct pol_explain_policy *out,
    const struct pol_policy *p, enum pol_explain_role role)
{
	size_t n = POL_TERM_SCOPES + p->body->n_conditions;
	struct pol_explain_part *parts = or_arena_array(m->arena, n, sizeof(*parts));
	bool tried = true;

	m->full |= !parts;
	for (size_t i = 0; i < n && !m->full; i++) {
		if (i < POL_TERM_SCOPES)
			explain_scope(m, &parts[i], p, (enum pol_var)i);
		else
			explain_condition(
			    m, &parts[i], p, &p->body->conditions[i - POL_TERM_SCOPES], tried);
		tried = tried && parts[i].outcome == POL_EXPLAIN_HOLDS;
	}
	*out = (struct pol_explain_policy){role, p, parts, n};
}

/* ---- the permits that came closest */

struct candidate {
	const struct pol_policy *policy;
	uint32_t scopes, conditions, operands;
};

static bool is_closer(const struct candidate *a, const struct candidate *b)
{
	if (a->scopes != b->scopes)
		return a->scopes > b->scopes;
	if (a->conditions != b->conditions)
		return a->conditions > b->conditions;
	return a->operands > b->operands;
}

/* How many operands of an `&&` hold before one does not, in thousandths of them. */
static uint32_t count_operands(struct maker *m, const struct pol_term *t)
{
	uint32_t n = 0;

	if (t->op != POL_OP_AND)
		return 0;
	while (n < t->n && pol_term_is_bool(reduce(m, t->args[n]), true))
		n++;
	return n * 1000 / t->n;
}

static struct candidate measure(struct maker *m, const struct pol_policy *p)
{
	struct candidate c = {.policy = p};

	for (int var = 0; var < POL_TERM_SCOPES && !m->full; var++) {
		const struct pol_term *t = pol_term_scope(m->arena, p, (enum pol_var)var);

		m->full |= !t;
		c.scopes += t && pol_term_is_bool(reduce(m, t), true);
	}
	for (size_t i = 0; c.scopes == POL_TERM_SCOPES && i < p->body->n_conditions; i++) {
		const struct pol_term *t = pol_term_condition(m->arena, p, &p->body->conditions[i]);

		m->full |= !t;
		if (m->full)
			break;
		if (!pol_term_is_bool(reduce(m, t), true)) {
			c.operands = count_operands(m, t);
			break;
		}
		c.conditions++;
	}
	return c;
}

/* The best so far, in order; the first of equals stays in front. */
static size_t insert(struct candidate *best, size_t n, struct candidate c)
{
	size_t at = n;

	while (at > 0 && is_closer(&c, &best[at - 1]))
		at--;
	if (at == POL_EXPLAIN_NEAREST_MAX)
		return n;
	n = n < POL_EXPLAIN_NEAREST_MAX ? n + 1 : n;
	for (size_t i = n - 1; i > at; i--)
		best[i] = best[i - 1];
	best[at] = c;
	return n;
}

static bool erred(const struct pol_decision *d, const struct pol_policy *p)
{
	size_t i = 0;

	while (i < d->n_errors && d->errors[i].policy != p)
		i++;
	return i < d->n_errors;
}

/* Each policy is measured in memory that is taken back behind it. */
static size_t find_nearest(struct candidate *best, struct maker *m,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_decision *d)
{
	struct or_arena *scratch = or_arena_new(SCRATCH_MAX);
	struct maker own = *m;
	size_t n = 0;

	own.arena = scratch;
	own.reduce.arena = scratch;
	own.reduce.req = &own.req;
	for (size_t s = 0; s < n_sets; s++) {
		for (size_t i = 0; i < pol_set_count(sets[s]) && !own.full; i++) {
			const struct pol_policy *p = pol_set_at(sets[s], i);

			if (p->template || p->forbid || erred(d, p))
				continue;
			n = insert(best, n, measure(&own, p));
			or_arena_clear(scratch);
		}
	}
	m->full |= own.full;
	or_arena_free(scratch);
	return n;
}

enum or_code pol_explain_decision(struct pol_explain *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_request *req,
    const struct pol_decision *d)
{
	struct candidate best[POL_EXPLAIN_NEAREST_MAX];
	struct maker m = {.arena = pol_ctx_arena(ctx),
	    .req = {.principal = {.uid = req->principal},
		.action = req->action,
		.resource = {.uid = req->resource},
		.context = req->context}};
	size_t n = 0, n_best = 0, most;
	struct pol_explain_policy *list;

	pol_reduce_init(&m.reduce, m.arena, ctx, &m.req);
	if (!d->allow && d->n_reasons == 0)
		n_best = find_nearest(best, &m, sets, n_sets, d);
	most = d->n_reasons + d->n_errors + n_best;
	list = or_arena_array(m.arena, most, sizeof(*list));
	m.full |= !list;
	for (size_t i = 0; i < d->n_reasons && !m.full; i++)
		explain_policy(&m, &list[n++], d->reasons[i], POL_EXPLAIN_REASON);
	for (size_t i = 0; i < d->n_errors && !m.full; i++)
		explain_policy(&m, &list[n++], d->errors[i].policy, POL_EXPLAIN_ERROR);
	for (size_t i = 0; i < n_best && !m.full; i++)
		explain_policy(&m, &list[n++], best[i].policy, POL_EXPLAIN_NEAREST);
	if (m.full || m.reduce.full)
		return OR_FULL;
	*out = (struct pol_explain){list, n};
	return OR_OK;
}

static void put_part(struct or_jsonw *w, const struct pol_explain_part *part)
{
	static const char *const outcomes[] = {"holds", "fails", "errs", "untried"};

	or_jsonw_object(w);
	or_jsonw_kv_text(w, "kind", part->kind);
	or_jsonw_kv_text(w, "outcome", outcomes[part->outcome]);
	or_jsonw_kv_str(w, "text", part->text);
	if (part->because.n)
		or_jsonw_kv_str(w, "because", part->because);
	if (part->error)
		or_jsonw_kv_text(w, "error", part->error);
	or_jsonw_key(w, "values");
	or_jsonw_array(w);
	for (size_t i = 0; i < part->n_values; i++) {
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "term", part->values[i].term);
		or_jsonw_kv_str(
		    w, part->values[i].error ? "error" : "value", part->values[i].value);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_jsonw_end(w);
}

void pol_explain_json(struct or_jsonw *w, const struct pol_explain *e)
{
	static const char *const roles[] = {"reason", "error", "nearest"};

	or_jsonw_array(w);
	for (size_t i = 0; i < e->n_policies; i++) {
		const struct pol_explain_policy *p = &e->policies[i];

		or_jsonw_object(w);
		or_jsonw_kv_str(w, "policy", p->policy->id);
		or_jsonw_kv_text(w, "role", roles[p->role]);
		or_jsonw_kv_text(w, "effect", p->policy->forbid ? "forbid" : "permit");
		or_jsonw_kv_text(w, "file", p->policy->file);
		or_jsonw_kv_u64(w, "line", p->policy->line);
		or_jsonw_key(w, "parts");
		or_jsonw_array(w);
		for (size_t k = 0; k < p->n_parts; k++)
			put_part(w, &p->parts[k]);
		or_jsonw_end(w);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}
