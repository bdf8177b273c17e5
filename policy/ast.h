/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree that the parser makes of a policy, and that evaluator, validator and (later) compiler
 * read. Private to the room.
 *
 * Nodes are immutable, lie in the policy set's arena and point to their operands. `height` bounds
 * every recursion over a tree: the parser refuses trees higher than POL_AST_HEIGHT_MAX. Chains of
 * && and || are one node of many operands.
 */
#ifndef POLICY_AST_H
#define POLICY_AST_H

#include "policy/diag.h"
#include "policy/value.h"

#define POL_AST_HEIGHT_MAX  500 /* of a tree */
#define POL_AST_NESTING_MAX 150 /* of brackets, `if` and unary operators in the text */

enum pol_op {
	POL_OP_LIT,  /* a: the call that an extension value was written as, else NULL */
	POL_OP_VAR,  /* sub: enum pol_var */
	POL_OP_SLOT, /* sub: enum pol_slot */
	POL_OP_IF,   /* a ? b : c */
	POL_OP_AND,  /* n args */
	POL_OP_OR,   /* n args */
	POL_OP_NOT,
	POL_OP_NEG,
	POL_OP_EQ,
	POL_OP_NE,
	POL_OP_LT,
	POL_OP_LE,
	POL_OP_GT,
	POL_OP_GE,
	POL_OP_IN,
	POL_OP_ADD,
	POL_OP_SUB,
	POL_OP_MUL,
	POL_OP_ATTR,   /* a.name */
	POL_OP_HAS,    /* a has names[0].names[1]… */
	POL_OP_LIKE,   /* a like pattern in name: 0xFF is the star */
	POL_OP_IS,     /* a is name, b: the operand of `in`, or NULL */
	POL_OP_SET,    /* n args; a: the folded literal, where all are literals */
	POL_OP_RECORD, /* n fields, as written; keys are unique */
	POL_OP_CONTAINS,
	POL_OP_CONTAINS_ALL,
	POL_OP_CONTAINS_ANY,
	POL_OP_IS_EMPTY,
	POL_OP_HAS_TAG,
	POL_OP_GET_TAG,
	POL_OP_EXT, /* sub: enum pol_ext_fn; a and, where it takes two, b. The constructors of
		     * literals that are valid are POL_OP_LIT. */
};

enum pol_var { POL_VAR_PRINCIPAL, POL_VAR_ACTION, POL_VAR_RESOURCE, POL_VAR_CONTEXT };
enum pol_slot { POL_SLOT_PRINCIPAL, POL_SLOT_RESOURCE, POL_SLOTS, POL_SLOT_NONE = POL_SLOTS };

enum pol_ext_fn {
	POL_EXT_IP,
	POL_EXT_DECIMAL,
	POL_EXT_DATETIME,
	POL_EXT_DURATION,
	POL_EXT_CONSTRUCTORS, /* those above take one string */
	POL_EXT_IS_IPV4 = POL_EXT_CONSTRUCTORS,
	POL_EXT_IS_IPV6,
	POL_EXT_IS_LOOPBACK,
	POL_EXT_IS_MULTICAST,
	POL_EXT_IS_IN_RANGE,
	POL_EXT_LESS_THAN,
	POL_EXT_LESS_THAN_OR_EQUAL,
	POL_EXT_GREATER_THAN,
	POL_EXT_GREATER_THAN_OR_EQUAL,
	POL_EXT_OFFSET,
	POL_EXT_DURATION_SINCE,
	POL_EXT_TO_DATE,
	POL_EXT_TO_TIME,
	POL_EXT_TO_MILLISECONDS,
	POL_EXT_TO_SECONDS,
	POL_EXT_TO_MINUTES,
	POL_EXT_TO_HOURS,
	POL_EXT_TO_DAYS,
	POL_EXT_FNS,
};

struct pol_node;

struct pol_node_field {
	struct or_slice key;
	const struct pol_node *value;
};

struct pol_node {
	uint8_t op;  /* enum pol_op */
	uint8_t sub; /* see the op */
	uint16_t height;
	uint32_t n;  /* operands in args, fields or names */
	uint32_t at; /* where it stands in its source, bytes */
	uint32_t len;
	const struct pol_node *a;
	const struct pol_node *b;
	union {
		const struct pol_node *c;
		const struct pol_node *const *args;
		const struct pol_node_field *fields;
		const struct or_slice *names;
		struct or_slice name;
		struct pol_value lit;
	};
};

enum pol_scope_op {
	POL_SCOPE_ANY,
	POL_SCOPE_EQ,    /* uid or slot */
	POL_SCOPE_IN,    /* uid or slot; for the action any of uids */
	POL_SCOPE_IS,    /* type */
	POL_SCOPE_IS_IN, /* type, and uid or slot */
};

struct pol_scope {
	uint8_t op;   /* enum pol_scope_op */
	uint8_t slot; /* enum pol_slot: stands for uid */
	bool list;    /* `in [ … ]` */
	uint32_t at;
	uint32_t len;
	uint32_t n_uids;
	struct or_slice type;
	const struct pol_uid *uid;
	const struct pol_uid *const *uids;
};

struct pol_condition {
	bool unless;
	const struct pol_node *expr;
};

/* What one text says; a linked template shares it. Its nodes too may be shared: those of a policy
 * in a set are those of every policy that is alike (policy/share.h). */
struct pol_body {
	struct pol_source
	    src; /* positions count from its text's first byte; lives as the set does */
	struct pol_scope principal;
	struct pol_scope action;
	struct pol_scope resource;
	const struct pol_condition *conditions;
	uint32_t n_conditions;
	bool has_slot[POL_SLOTS];
};

#endif
