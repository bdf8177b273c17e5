/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a filter, inside collector/query/ only.
 *
 * Chains of one kind lean left, so that their length needs no recursion; nesting is bounded by
 * CO_QUERY_DEPTH_MAX.
 */
#ifndef COLLECTOR_QUERY_EXPR_H
#define COLLECTOR_QUERY_EXPR_H

#include "base/regex.h"
#include "collector/query/net.h"
#include "collector/query/query.h"

enum co_expr_kind { CO_EXPR_AND, CO_EXPR_OR, CO_EXPR_NOT, CO_EXPR_COMPARE };

enum co_expr_op { CO_EXPR_EQ, CO_EXPR_NE, CO_EXPR_LT, CO_EXPR_LE, CO_EXPR_GT, CO_EXPR_GE };

struct co_expr_operand {
	struct or_slice text;
	bool is_pattern;              /* a bare word with * */
	const struct or_regex *regex; /* behind ~, else NULL */
	const struct co_net *net;     /* cidr(…), else NULL */
	bool has_number;              /* what the text says for the field's type */
	uint64_t number;              /* TIME: ns since 1970 */
	struct co_expr_operand *next; /* of in (…) */
};

struct co_query_expr {
	enum co_expr_kind kind;
	const struct co_query_expr *left; /* NOT: the only one */
	const struct co_query_expr *right;
	struct co_query_field field; /* COMPARE */
	enum co_expr_op op;
	const struct co_expr_operand *operands; /* EQ and NE: any of them */
	size_t measure;                         /* COMPARE behind groups: instead of the field */
};

/* The value itself is compared, not looked into. */
static inline bool co_expr_is_plain(const struct co_expr_operand *o)
{
	return !o->is_pattern && !o->regex && !o->net;
}

#endif
