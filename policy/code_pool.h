/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program is made from, while it is made: pools in which each thing is there once. Private
 * to the room.
 *
 * Thread: one. Owns: the pools, until pol_code_pool_done; the program's arena is pool->code's.
 * Limits: POL_CODE_POOL_MAX bytes a pool; beyond it or_buf_ok of that pool is false, and the
 * program is given up.
 */
#ifndef POLICY_CODE_POOL_H
#define POLICY_CODE_POOL_H

#include "policy/code.h"

#define POL_CODE_POOL_MAX (128 * OR_MIB)

struct pol_code_table {
	struct pol_code_slot *slots;
	size_t n_slots;
	size_t n;
};

struct pol_code_pool {
	struct or_arena *arena; /* of the program */
	struct or_buf consts;   /* struct pol_value */
	struct or_buf names;    /* struct or_slice */
	struct or_buf lists;    /* uint32_t */
	struct or_buf instrs;   /* struct pol_code_instr */
	struct or_buf exprs;    /* struct pol_code_expr */
	struct or_buf guards;   /* struct pol_code_guard */
	struct or_buf dims;     /* struct pol_code_dim */
	struct or_buf trees;    /* struct pol_code_tree */
	struct or_buf listed;   /* uint32_t: guards of policies, one list after the other */
	struct pol_code_table by_const, by_name, by_list, by_expr, by_guard, by_dim;
	bool full;
};

void pol_code_pool_init(struct pol_code_pool *p, struct or_arena *arena);
void pol_code_pool_done(struct pol_code_pool *p);
/* A buffer as the pools are. */
void pol_code_pool_start(struct or_buf *b);

bool pol_code_pool_ok(const struct pol_code_pool *p);

/* The number of what is equal, there or new. */
uint32_t pol_code_pool_const(struct pol_code_pool *p, const struct pol_value *v);
uint32_t pol_code_pool_name(struct pol_code_pool *p, struct or_slice name);
uint32_t pol_code_pool_list(struct pol_code_pool *p, const struct or_slice *names, size_t n);
uint32_t pol_code_pool_guard(struct pol_code_pool *p, const struct pol_code_guard *g);
uint32_t pol_code_pool_dim(struct pol_code_pool *p, enum pol_code_class kind, uint32_t of);
uint32_t pol_code_pool_var(struct pol_code_pool *p, enum pol_var var);

/* The expression of the instructions from `from` on, which are taken back where it is there. */
uint32_t pol_code_pool_expr(struct pol_code_pool *p, size_t from);

/* One that stays a tree. */
uint32_t pol_code_pool_tree(
    struct pol_code_pool *p, const struct pol_node *node, const struct pol_source *src);

/* What a text must begin with to be like the pattern of that name; exact: and that is all. At most
 * POL_CODE_PREFIX_MAX bytes; none where no star ends it. */
#define POL_CODE_PREFIX_MAX 128
struct or_slice pol_code_pool_prefix(const struct pol_code_pool *p, uint32_t name, bool *exact);

static inline const struct pol_value *pol_code_pool_value(const struct pol_code_pool *p, uint32_t i)
{
	return (const struct pol_value *)(const void *)p->consts.p + i;
}

static inline const struct pol_code_guard *pol_code_pool_guard_at(
    const struct pol_code_pool *p, uint32_t i)
{
	return (const struct pol_code_guard *)(const void *)p->guards.p + i;
}

static inline const struct pol_code_expr *pol_code_pool_expr_at(
    const struct pol_code_pool *p, uint32_t i)
{
	return (const struct pol_code_expr *)(const void *)p->exprs.p + i;
}

#endif
