/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the halves of the query's parser share: filter.c (what stands before the bars) and stage.c
 * (what stands behind). Inside collector/query/ only.
 */
#ifndef COLLECTOR_QUERY_PARSER_H
#define COLLECTOR_QUERY_PARSER_H

#include "collector/query/expr.h"
#include "collector/query/lex.h"

struct co_parser {
	struct co_lex lex;
	struct co_query *q;
	int64_t now_ns;
	int depth;      /* of parentheses and nots around the current place */
	bool in_or;     /* behind an "or" of the top level */
	bool ranged;    /* since= or until= has been read */
	bool in_having; /* where behind groups: its names are measures */
	/* Stages that were there already. */
	bool limited, projected, sorted;
};

enum or_code co_parser_no_memory(struct co_parser *p);
enum or_code co_parser_fail_here(struct co_parser *p, const char *what);
/* what "token"; did you mean "nearest"? (nearest may be NULL) */
enum or_code co_parser_fail_name(
    struct co_parser *p, size_t at, const char *what, struct or_slice token, const char *nearest);

/* The name of a field, taken. */
OR_NODISCARD enum or_code co_parser_field(struct co_parser *p, struct co_query_field *out);

/* A filter, up to a bar or the end. */
OR_NODISCARD enum or_code co_filter_parse(struct co_parser *p, const struct co_query_expr **out);
/* The stage behind a bar. */
OR_NODISCARD enum or_code co_stage_parse(struct co_parser *p);
/* The measure that the name at hand means (count, sum(F), its own name), taken. */
OR_NODISCARD enum or_code co_stage_measure(struct co_parser *p, size_t *out);
/* 0.99 as millionths; false: no number from 0 to 1. */
bool co_stage_millionths(uint32_t *out, struct or_slice text);

#endif
