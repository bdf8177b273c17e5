/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies, requests and rows from a seed, for tests that compare two ways to one answer.
 *
 * The world: User::"alice" in Group::"staff" with clearance, name, vip, teams; rows of the table
 * that columns list, whose values are chosen to hurt: quotes, wildcards, the ends of the integers,
 * look-alikes in Unicode, empty and absent ones.
 */
#ifndef TESTS_SUPPORT_POLICY_GEN_H
#define TESTS_SUPPORT_POLICY_GEN_H

#include "policy/ctx.h"

enum policy_gen_type { POLICY_GEN_LONG, POLICY_GEN_STRING, POLICY_GEN_BOOL };

struct policy_gen_column {
	const char *name;
	enum policy_gen_type type;
};

#define POLICY_GEN_COLUMNS 7
extern const struct policy_gen_column policy_gen_columns[POLICY_GEN_COLUMNS];

struct policy_gen {
	uint64_t state;
	/* Leaves out what no filter can say in SQL (sets and entities from columns, tags…). */
	bool plain;
};

void policy_gen_init(struct policy_gen *g, uint64_t seed);
uint32_t policy_gen_below(struct policy_gen *g, uint32_t n);

/* One to four policies. */
void policy_gen_set(struct policy_gen *g, struct or_buf *text);

/* A value of the type; false: the column is absent. */
bool policy_gen_value(struct policy_gen *g, struct pol_value *out, enum policy_gen_type type);

/* A row's attributes: absent ones are left out. */
const struct pol_record *policy_gen_row(struct policy_gen *g, struct or_arena *a);
/* Attributes of a principal and of a context. */
const struct pol_record *policy_gen_principal(struct policy_gen *g, struct or_arena *a);
const struct pol_record *policy_gen_context(struct policy_gen *g, struct or_arena *a);

#endif
