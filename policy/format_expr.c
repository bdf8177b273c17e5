/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions as documents. What is a group and what is nested is Cedar's formatter's.
 */
#include "policy/format_toks.h"

static const struct pol_format_doc *group(struct pol_format_toks *t, const struct pol_format_doc *d)
{
	return pol_format_doc_group(t->arena, d);
}

static const struct pol_format_doc *nest(
    struct pol_format_toks *t, int indent, const struct pol_format_doc *d)
{
	return pol_format_doc_nest(t->arena, indent, d);
}

static void add(
    struct pol_format_toks *t, const struct pol_format_doc **d, const struct pol_format_doc *b)
{
	pol_format_toks_add(t, d, b);
}

static void add_space(struct pol_format_toks *t, const struct pol_format_doc **d)
{
	add(t, d, &pol_format_doc_space);
}

static const struct pol_format_doc *take(struct pol_format_toks *t)
{
	return pol_format_toks_take(t, NULL);
}

/* a::b::c, and ::"id" where it is an entity. */
const struct pol_format_doc *pol_format_expr_name(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = take(t);

	while (pol_format_toks_is(t, POL_TOK_PATH)) {
		add(t, &d, take(t));
		add(t, &d, take(t));
	}
	return d;
}

static const struct pol_format_doc *field(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = pol_format_expr_any(t);

	add(t, &d, take(t));
	add_space(t, &d);
	add(t, &d, pol_format_expr_any(t));
	return d;
}

/* Items up to the closing bracket, a line between them. */
static const struct pol_format_doc *items(struct pol_format_toks *t, enum pol_tok close,
    const struct pol_format_doc *(*item)(struct pol_format_toks *))
{
	const struct pol_format_doc *d = NULL;

	while (!pol_format_toks_is(t, close)) {
		add(t, &d, item(t));
		if (!pol_format_toks_is(t, POL_TOK_COMMA))
			break;
		if (pol_format_toks_peek(t, 1)->kind == close) {
			pol_format_toks_drop_comma(t);
			break;
		}
		add(t, &d, take(t));
		add(t, &d, &pol_format_doc_line);
	}
	return d;
}

static const struct pol_format_doc *list(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = take(t);

	add(t, &d, nest(t, 1, items(t, POL_TOK_RBRACKET, pol_format_expr_any)));
	add(t, &d, take(t));
	return d;
}

static const struct pol_format_doc *record(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = take(t), *inner = &pol_format_doc_line;

	if (!pol_format_toks_is(t, POL_TOK_RBRACE)) {
		add(t, &inner, items(t, POL_TOK_RBRACE, field));
		add(t, &inner, &pol_format_doc_line);
		add(t, &d, nest(t, t->indent, group(t, inner)));
	}
	add(t, &d, take(t));
	return d;
}

static const struct pol_format_doc *primary(struct pol_format_toks *t)
{
	const struct pol_format_doc *d;

	switch ((int)pol_format_toks_peek(t, 0)->kind) {
	case POL_TOK_LBRACKET: return list(t);
	case POL_TOK_LBRACE: return record(t);
	case POL_TOK_LPAREN:
		d = take(t);
		add(t, &d, nest(t, 1, pol_format_expr_any(t)));
		add(t, &d, take(t));
		return group(t, d);
	case POL_TOK_IDENT: return pol_format_expr_name(t);
	default: return take(t);
	}
}

static const struct pol_format_doc *arguments(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = take(t), *inner = &pol_format_doc_line0;

	if (!pol_format_toks_is(t, POL_TOK_RPAREN)) {
		add(t, &inner, items(t, POL_TOK_RPAREN, pol_format_expr_any));
		add(t, &d, nest(t, t->indent, inner));
		add(t, &d, &pol_format_doc_line0);
	}
	add(t, &d, take(t));
	return d;
}

static const struct pol_format_doc *access(struct pol_format_toks *t)
{
	const struct pol_format_doc *d;

	if (pol_format_toks_is(t, POL_TOK_LPAREN))
		return arguments(t);
	d = take(t);
	/* .name, or ["name"] */
	if (pol_format_toks_peek(t, 1)->kind == POL_TOK_RBRACKET &&
	    pol_format_toks_is(t, POL_TOK_STR))
		add(t, &d, take(t));
	add(t, &d, take(t));
	return d;
}

static bool is_access(struct pol_format_toks *t)
{
	return pol_format_toks_is(t, POL_TOK_DOT) || pol_format_toks_is(t, POL_TOK_LBRACKET) ||
	       pol_format_toks_is(t, POL_TOK_LPAREN);
}

static const struct pol_format_doc *member(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = primary(t), *accesses = NULL;

	while (is_access(t)) {
		if (accesses)
			add(t, &accesses, &pol_format_doc_line0);
		add(t, &accesses, access(t));
	}
	add(t, &d, nest(t, t->indent, accesses));
	return group(t, d);
}

static const struct pol_format_doc *unary(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = NULL;

	while (pol_format_toks_is(t, POL_TOK_NOT) || pol_format_toks_is(t, POL_TOK_MINUS))
		add(t, &d, take(t));
	add(t, &d, member(t));
	return d;
}

/* One level of sums or products. */
static const struct pol_format_doc *arithmetic(struct pol_format_toks *t, bool sum)
{
	const struct pol_format_doc *d = sum ? arithmetic(t, false) : unary(t);

	while (sum ? pol_format_toks_is(t, POL_TOK_PLUS) || pol_format_toks_is(t, POL_TOK_MINUS)
		   : pol_format_toks_is(t, POL_TOK_STAR)) {
		add_space(t, &d);
		add(t, &d, take(t));
		add(t, &d, &pol_format_doc_line);
		add(t, &d, sum ? arithmetic(t, false) : unary(t));
	}
	return group(t, d);
}

/* has, like: the operator stands between lines. */
static const struct pol_format_doc *test(struct pol_format_toks *t, const struct pol_format_doc *d)
{
	add(t, &d, &pol_format_doc_line);
	add(t, &d, take(t));
	add(t, &d, &pol_format_doc_line);
	add(t, &d, nest(t, t->indent, arithmetic(t, true)));
	return group(t, d);
}

static const struct pol_format_doc *is(struct pol_format_toks *t, const struct pol_format_doc *d)
{
	add_space(t, &d);
	add(t, &d, take(t));
	add_space(t, &d);
	add(t, &d, nest(t, t->indent, arithmetic(t, true)));
	if (pol_format_toks_is_word(t, "in")) {
		add(t, &d, &pol_format_doc_line);
		add(t, &d, take(t));
		add_space(t, &d);
		add(t, &d, nest(t, t->indent, arithmetic(t, true)));
	}
	return group(t, d);
}

static bool is_relation(struct pol_format_toks *t)
{
	switch ((int)pol_format_toks_peek(t, 0)->kind) {
	case POL_TOK_EQ:
	case POL_TOK_NE:
	case POL_TOK_LT:
	case POL_TOK_LE:
	case POL_TOK_GT:
	case POL_TOK_GE: return true;
	default: return pol_format_toks_is_word(t, "in");
	}
}

static const struct pol_format_doc *relation(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = arithmetic(t, true);

	if (pol_format_toks_is_word(t, "has") || pol_format_toks_is_word(t, "like"))
		return test(t, d);
	if (pol_format_toks_is_word(t, "is"))
		return is(t, d);
	if (is_relation(t)) {
		add_space(t, &d);
		add(t, &d, take(t));
		add_space(t, &d);
		add(t, &d, arithmetic(t, true));
	}
	return d;
}

static const struct pol_format_doc *chain(struct pol_format_toks *t, enum pol_tok op)
{
	const struct pol_format_doc *d = NULL;

	for (;;) {
		add(t, &d, op == POL_TOK_OR ? chain(t, POL_TOK_AND) : relation(t));
		if (!pol_format_toks_is(t, op))
			return d;
		add_space(t, &d);
		add(t, &d, pol_format_toks_take(t, &pol_format_doc_line));
	}
}

/* if a then b else c: each word with what it says nested behind it. */
static const struct pol_format_doc *conditional(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = NULL;

	for (int i = 0; i < 3; i++) {
		const struct pol_format_doc *inner = &pol_format_doc_line;

		if (i)
			add(t, &d, &pol_format_doc_line);
		add(t, &d, take(t));
		add(t, &inner, pol_format_expr_any(t));
		add(t, &d, nest(t, t->indent, inner));
	}
	return group(t, d);
}

const struct pol_format_doc *pol_format_expr_any(struct pol_format_toks *t)
{
	/* `if` may be the name of a record's attribute, in quotes only. */
	if (pol_format_toks_is_word(t, "if"))
		return conditional(t);
	return chain(t, POL_TOK_OR);
}
