/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/code.h"

#include "policy/code_emit.h"
#include "policy/index.h"

/* Guards of the conditions of bodies seen, so that the links of a template share them. */
struct body {
	const struct pol_body *body;
	struct pol_code_range guards;
};

static uint32_t listed(const struct pol_code_pool *p)
{
	return (uint32_t)(p->listed.n / sizeof(uint32_t));
}

static void copy_guards(struct pol_code_pool *p, struct pol_code_range from)
{
	for (uint32_t i = 0; i < from.n; i++) {
		uint32_t g = ((const uint32_t *)(const void *)p->listed.p)[from.at + i];

		or_buf_put(&p->listed, &g, sizeof(g));
	}
}

/* The last one of a body whose hash this is: links of few templates, one after the other. */
enum { BODIES = 64 };

static void list_guards(struct pol_code_pool *p, const struct pol_policy *policy,
    struct body seen[BODIES], struct pol_code_range *out)
{
	struct body *b = &seen[((uintptr_t)policy->body >> 4) % BODIES];
	uint32_t from = listed(p), conditions;

	pol_code_guard_scope(p, policy);
	conditions = listed(p);
	if (b->body == policy->body) {
		copy_guards(p, b->guards);
	} else {
		pol_code_guard_conditions(p, policy->body);
		*b = (struct body){policy->body, {conditions, listed(p) - conditions}};
	}
	*out = (struct pol_code_range){from, listed(p) - from};
}

static const void *keep(struct or_arena *a, const struct or_buf *b, bool *full)
{
	void *to = or_arena_alloc(a, b->n);

	if (to && b->n)
		memcpy(to, b->p, b->n);
	*full |= !to;
	return to;
}

/* What the program needs of the pools, in its arena. */
static bool keep_all(struct pol_code *c, const struct pol_code_pool *p)
{
	bool full = false;

	c->consts = keep(c->arena, &p->consts, &full);
	c->names = keep(c->arena, &p->names, &full);
	c->lists = keep(c->arena, &p->lists, &full);
	c->instrs = keep(c->arena, &p->instrs, &full);
	c->exprs = keep(c->arena, &p->exprs, &full);
	c->guards = keep(c->arena, &p->guards, &full);
	c->trees = keep(c->arena, &p->trees, &full);
	return !full;
}

static bool build(
    struct pol_code *c, struct pol_code_pool *p, const struct pol_policy *const *policies, size_t n)
{
	struct body seen[BODIES] = {{NULL, {0, 0}}};
	struct pol_code_range none = {0, 0}, one;
	struct or_buf ranges;
	bool ok;

	pol_code_pool_start(&ranges);
	for (size_t i = 0; i < n; i++) {
		one = none;
		if (!policies[i]->template)
			list_guards(p, policies[i], seen, &one);
		or_buf_put(&ranges, &one, sizeof(one));
	}
	ok = pol_code_pool_ok(p) && or_buf_ok(&ranges);
	if (ok) {
		c->index = pol_index_build(
		    p, policies, (const struct pol_code_range *)(void *)ranges.p, n);
		ok = c->index && pol_code_pool_ok(p) && keep_all(c, p);
	}
	or_buf_done(&ranges);
	return ok;
}

/* A program that says that there is none, so that it is not tried again for every request. */
static struct pol_code *none(void)
{
	struct or_arena *arena = or_arena_new(0);
	struct pol_code *c = or_arena_alloc(arena, sizeof(*c));

	c->arena = arena;
	return c;
}

struct pol_code *pol_code_build(const struct pol_policy *const *policies, size_t n, size_t budget)
{
	struct or_arena *arena = or_arena_new(budget);
	struct pol_code *c = or_arena_alloc(arena, sizeof(*c));
	struct pol_code_pool pool;
	bool ok = false;

	if (c) {
		*c = (struct pol_code){.arena = arena, .policies = policies};
		pol_code_pool_init(&pool, arena);
		ok = build(c, &pool, policies, n);
		pol_code_pool_done(&pool);
	}
	if (ok)
		return c;
	or_arena_free(arena);
	return none();
}

void pol_code_free(struct pol_code *code)
{
	if (code)
		or_arena_free(code->arena);
}
