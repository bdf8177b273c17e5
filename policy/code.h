/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy set as a flat program. Private to the room; made by pol_code_build from the trees of
 * policy/ast.h and run by policy/run.h.
 *
 * A policy becomes a list of guards, in the order in which Cedar evaluates them: what its scope
 * says, then the operands of its conditions' outer `&&` (and, in an `unless`, `||`). It is
 * satisfied where each guard holds; the first that does not, or errs, is its outcome. Guards,
 * expressions, constants and names are there once per set, however many policies share them, so
 * that equal guards are equal numbers: that is what policy/index.h builds on.
 *
 * Messages are not the program's: what errs is evaluated again over the tree, which knows places.
 *
 * Owns:   its arena; literals, names and trees are the set's, which outlives it.
 * Thread: immutable, any.
 */
#ifndef POLICY_CODE_H
#define POLICY_CODE_H

#include "policy/ast.h"
#include "policy/set.h"

#define POL_CODE_STACK 64 /* values; an expression that needs more stays a tree */

enum pol_code_op {
	POL_CODE_CONST,    /* arg: constant */
	POL_CODE_VAR,      /* sub: enum pol_var */
	POL_CODE_VAR_ATTR, /* sub: enum pol_var, arg: name */
	POL_CODE_ATTR,     /* arg: name */
	POL_CODE_HAS,      /* arg: list of names */
	POL_CODE_LIKE,     /* arg: name, the pattern */
	POL_CODE_IS,       /* arg: name of the type */
	POL_CODE_DUP,      /* the top once more */
	POL_CODE_NO,       /* false in place of the top */
	POL_CODE_NOT,
	POL_CODE_NEG,
	POL_CODE_BINARY, /* sub: enum pol_op */
	POL_CODE_IS_EMPTY,
	POL_CODE_TAG,    /* sub: POL_OP_HAS_TAG or POL_OP_GET_TAG */
	POL_CODE_SET,    /* arg: how many items */
	POL_CODE_RECORD, /* arg: list of names */
	POL_CODE_EXT,    /* sub: enum pol_ext_fn, arg: how many arguments */
	POL_CODE_BOOL,   /* the top must be a bool */
	POL_CODE_WHILE,  /* the top must be a bool; sub is its value: take it; else go on at arg */
	POL_CODE_IF,     /* takes a bool; false: go on at arg */
	POL_CODE_GOTO,   /* arg: instructions from the expression's first, as above */
};

struct pol_code_instr {
	uint8_t op;  /* enum pol_code_op */
	uint8_t sub; /* see the op */
	uint32_t arg;
};

enum pol_code_form {
	POL_CODE_FORM_VAR,      /* var */
	POL_CODE_FORM_VAR_ATTR, /* var, at: name */
	POL_CODE_FORM_CODE,     /* at: first instruction, n of them */
	POL_CODE_FORM_TREE,     /* at: index of trees */
};

struct pol_code_expr {
	uint8_t form; /* enum pol_code_form */
	uint8_t var;  /* enum pol_var */
	uint32_t at;
	uint32_t n;
};

enum pol_code_test {
	POL_CODE_TEST_NEVER,
	POL_CODE_TEST_BOOL,     /* expr */
	POL_CODE_TEST_EQ,       /* expr == constant arg */
	POL_CODE_TEST_EQ_ANY,   /* constant arg, a set, contains expr */
	POL_CODE_TEST_IN,       /* expr in constant arg, an entity */
	POL_CODE_TEST_IN_ANY,   /* expr in constant arg, a set of entities */
	POL_CODE_TEST_IS,       /* expr is name arg */
	POL_CODE_TEST_HAS,      /* expr has name arg */
	POL_CODE_TEST_CONTAINS, /* expr contains constant arg */
	POL_CODE_TEST_GE,       /* expr >= constant arg, a long or datetime */
	POL_CODE_TEST_LE,       /* expr <= constant arg, a long or datetime */
	POL_CODE_TEST_LIKE,     /* expr like name arg, the pattern */
};

/*
 * What guards of one kind on one expression have in common: the index finds out the expression's
 * value once and goes on with the guards that it fits.
 */
enum pol_code_class {
	POL_CODE_CLASS_BOOL,     /* a guard whose outcome is the key: of: the guard, key: 0 or 1 */
	POL_CODE_CLASS_EQ,       /* of: expr, as below; key: constant */
	POL_CODE_CLASS_IN,       /* key: constant, an entity */
	POL_CODE_CLASS_IS,       /* key: name */
	POL_CODE_CLASS_HAS,      /* key: name */
	POL_CODE_CLASS_CONTAINS, /* key: constant */
	POL_CODE_CLASS_GE,       /* key: constant, a long */
	POL_CODE_CLASS_LE,       /* so too */
	POL_CODE_CLASS_GE_TIME,  /* key: constant, a datetime */
	POL_CODE_CLASS_LE_TIME,
	POL_CODE_CLASS_PREFIX, /* key: name, with which the value begins */
};

struct pol_code_guard {
	uint8_t test; /* enum pol_code_test */
	bool want;    /* the outcome with which it holds */
	bool total;   /* cannot err */
	uint32_t expr;
	uint32_t arg;
	uint32_t dim;          /* index of dims */
	uint32_t alternatives; /* list of guards, one of which holds or errs too; or none */
};

struct pol_code_dim {
	uint8_t kind; /* enum pol_code_class */
	uint32_t of;
};

#define POL_CODE_STAR 0xFF /* in a pattern: no byte of a text */

struct pol_code_tree {
	const struct pol_node *node;
	const struct pol_source *src;
};

struct pol_code_range {
	uint32_t at;
	uint32_t n;
};

struct pol_code {
	struct or_arena *arena; /* holds it */
	const struct pol_value *consts;
	const struct or_slice *names;
	const uint32_t *lists; /* of names, guards: how many, then each */
	const struct pol_code_instr *instrs;
	const struct pol_code_expr *exprs;
	const struct pol_code_guard *guards;
	const struct pol_code_tree *trees;
	const struct pol_policy *const *policies; /* by place */
	const struct pol_index *index;            /* policy/index.h */
};

/* Of a set whose policies are policies[0..n). Its index is NULL where budget is no room for it. */
struct pol_code *pol_code_build(const struct pol_policy *const *policies, size_t n, size_t budget);
void pol_code_free(struct pol_code *code);

/* set.c: the set's program, built where it is not there; NULL where there is no room for one. */
const struct pol_code *pol_set_code(const struct pol_set *set);

#endif
