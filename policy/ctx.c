/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ctx.h"

#include "policy/run.h"

enum { SCRATCH_MAX = 64 * 1024 };

struct pol_ctx {
	struct or_arena *home;  /* holds the context itself */
	struct or_arena *arena; /* of the request */
	const struct pol_entities *bases[POL_CTX_BASES_MAX];
	size_t n_bases;
	struct pol_entity over[POL_CTX_ENTITIES_MAX];
	size_t n_over;
	struct or_buf scratch;
	struct pol_value stack[1 + POL_CODE_STACK]; /* the top of none is the first */
};

static const struct pol_record EMPTY;

struct pol_ctx *pol_ctx_new(size_t budget)
{
	struct or_arena *home = or_arena_new(0);
	struct pol_ctx *ctx = or_arena_alloc(home, sizeof(*ctx));

	ctx->home = home;
	ctx->arena = or_arena_new(budget ? budget : POL_CTX_BUDGET);
	or_buf_init(&ctx->scratch, SCRATCH_MAX);
	return ctx;
}

void pol_ctx_free(struct pol_ctx *ctx)
{
	if (!ctx)
		return;
	or_buf_done(&ctx->scratch);
	or_arena_free(ctx->arena);
	or_arena_free(ctx->home);
}

void pol_ctx_begin(struct pol_ctx *ctx, const struct pol_entities *const *bases, size_t n_bases)
{
	OR_ASSERT(n_bases <= POL_CTX_BASES_MAX);
	or_arena_clear(ctx->arena);
	ctx->n_over = 0;
	ctx->n_bases = 0;
	for (size_t i = 0; i < n_bases; i++) {
		if (bases[i])
			ctx->bases[ctx->n_bases++] = bases[i];
	}
}

struct or_arena *pol_ctx_arena(struct pol_ctx *ctx)
{
	return ctx->arena;
}

struct or_buf *pol_ctx_scratch(struct pol_ctx *ctx)
{
	return &ctx->scratch;
}

struct pol_value *pol_ctx_stack(struct pol_ctx *ctx)
{
	return ctx->stack + 1;
}

static bool is_parent(const struct pol_ctx *ctx, const struct pol_uid *uid)
{
	for (size_t i = 0; i < ctx->n_over; i++) {
		if (pol_entities_has_ancestor(&ctx->over[i], uid))
			return true;
	}
	return false;
}

/* The parents and all their ancestors, in the arena. */
static enum or_code gather(struct pol_ctx *ctx, struct pol_entity *e, const struct pol_uid *parents)
{
	struct pol_uid *own = or_arena_array(ctx->arena, e->n_parents, sizeof(*own));
	size_t n = e->n_parents, at = 0;
	const struct pol_uid **list;

	for (size_t i = 0; i < e->n_parents; i++) {
		const struct pol_entity *p = pol_ctx_find(ctx, &parents[i]);

		n += p ? p->n_ancestors : 0;
	}
	list = or_arena_array(ctx->arena, n, sizeof(*list));
	if (!own || !list)
		return OR_FULL;
	for (size_t i = 0; i < e->n_parents; i++) {
		const struct pol_entity *p = pol_ctx_find(ctx, &parents[i]);

		own[i] = parents[i];
		list[at++] = &own[i];
		for (size_t j = 0; p && j < p->n_ancestors; j++)
			list[at++] = p->ancestors[j];
	}
	return pol_entities_take_ancestors(e, ctx->arena, list, pol_entities_sort(list, n));
}

enum or_code pol_ctx_put(struct pol_ctx *ctx, const struct pol_uid *uid,
    const struct pol_record *attrs, const struct pol_uid *parents, size_t n_parents)
{
	struct pol_entity *e = &ctx->over[ctx->n_over];
	enum or_code rc;

	if (ctx->n_over == POL_CTX_ENTITIES_MAX)
		return OR_FULL;
	for (size_t i = 0; i < ctx->n_over; i++) {
		if (pol_uid_eq(&ctx->over[i].uid, uid))
			return OR_EXISTS;
	}
	if (is_parent(ctx, uid))
		return OR_INVAL;
	*e = (struct pol_entity){
	    .uid = *uid, .attrs = attrs ? attrs : &EMPTY, .tags = &EMPTY, .n_parents = n_parents};
	rc = gather(ctx, e, parents);
	if (rc)
		return rc;
	/* The direct parents are not told apart from the others here; nothing asks for them. */
	e->parents = e->ancestors;
	ctx->n_over++;
	return OR_OK;
}

const struct pol_entity *pol_ctx_find(const struct pol_ctx *ctx, const struct pol_uid *uid)
{
	for (size_t i = 0; i < ctx->n_over; i++) {
		if (pol_uid_eq(&ctx->over[i].uid, uid))
			return &ctx->over[i];
	}
	for (size_t i = 0; i < ctx->n_bases; i++) {
		const struct pol_entity *e = pol_entities_find(ctx->bases[i], uid);

		if (e)
			return e;
	}
	return NULL;
}
