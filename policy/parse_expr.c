/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions. One function per level of the grammar; a result of NULL means that the error has
 * been reported and the policy is given up.
 */
#include "policy/parse.h"

#include "base/str.h"

static const struct pol_node *parse_add(struct pol_parse *ps);

static const struct pol_node *unexpected(struct pol_parse *ps, const char *what)
{
	pol_lex_expected(&ps->lex, what);
	ps->rc = ps->rc ? ps->rc : OR_PARSE;
	return NULL;
}

static bool expect(struct pol_parse *ps, enum pol_tok kind)
{
	if (pol_lex_expect(&ps->lex, kind))
		return true;
	ps->rc = ps->rc ? ps->rc : OR_PARSE;
	return false;
}

/* A node over the operands pushed since mark. */
struct pol_node *pol_parse_expr_list(struct pol_parse *ps, enum pol_op op, size_t at, size_t mark)
{
	size_t n = (ps->scratch.n - mark) / sizeof(struct pol_node *);
	const struct pol_node *const *args = pol_parse_pop(ps, mark);
	const struct pol_node *highest = NULL;
	struct pol_node *node;

	if (!args)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!highest || args[i]->height > highest->height)
			highest = args[i];
	}
	node = pol_parse_node(ps, op, at, highest, NULL);
	if (!node)
		return NULL;
	node->a = NULL;
	node->args = args;
	node->n = (uint32_t)n;
	return node;
}

static const struct pol_node *parse_name_list(
    struct pol_parse *ps, const struct pol_node *on, size_t at)
{
	size_t mark = pol_parse_mark(ps);
	struct pol_node *node;
	size_t n;

	do {
		const struct pol_token *t = &ps->lex.tok;

		if (t->kind != POL_TOK_IDENT)
			return unexpected(ps, "the name of an attribute");
		if (pol_lex_is_reserved(t->text))
			return pol_parse_fail(ps, t->at, t->text.n, "write it as a string",
			    "`%.*s` is reserved and cannot be an attribute here",
			    OR_SLICE_FMT(t->text));
		pol_parse_push(ps, &t->text, sizeof(t->text));
		pol_lex_next(&ps->lex);
	} while (pol_lex_accept(&ps->lex, POL_TOK_DOT));
	n = (ps->scratch.n - mark) / sizeof(struct or_slice);
	node = pol_parse_node(ps, POL_OP_HAS, at, on, NULL);
	if (!node)
		return NULL;
	node->n = (uint32_t)n;
	node->names = pol_parse_pop(ps, mark);
	return node->names ? node : NULL;
}

static bool take_string(struct pol_parse *ps, struct or_slice *out, bool pattern)
{
	enum or_code rc;

	if (ps->lex.tok.kind != POL_TOK_STR) {
		unexpected(ps, "a string");
		return false;
	}
	rc = pol_lex_unescape(out, &ps->lex, &ps->lex.tok, ps->arena, pattern);
	if (rc) {
		ps->rc = rc;
		return false;
	}
	pol_lex_next(&ps->lex);
	return true;
}

static const struct pol_node *parse_has(struct pol_parse *ps, const struct pol_node *on, size_t at)
{
	struct or_slice *name;
	struct pol_node *node;

	if (ps->lex.tok.kind != POL_TOK_STR)
		return parse_name_list(ps, on, at);
	name = or_arena_alloc(ps->arena, sizeof(*name));
	if (!name) {
		ps->rc = OR_FULL;
		return NULL;
	}
	if (!take_string(ps, name, false))
		return NULL;
	node = pol_parse_node(ps, POL_OP_HAS, at, on, NULL);
	if (node) {
		node->n = 1;
		node->names = name;
	}
	return node;
}

static const struct pol_node *parse_like(struct pol_parse *ps, const struct pol_node *on, size_t at)
{
	struct or_slice pattern;
	struct pol_node *node;

	if (!take_string(ps, &pattern, true))
		return NULL;
	node = pol_parse_node(ps, POL_OP_LIKE, at, on, NULL);
	if (node)
		node->name = pattern;
	return node;
}

static const struct pol_node *parse_is(struct pol_parse *ps, const struct pol_node *on, size_t at)
{
	const struct pol_node *in = NULL;
	struct or_slice type;
	struct pol_node *node;

	if (!pol_parse_path(ps, &type, NULL))
		return NULL;
	if (pol_lex_accept_word(&ps->lex, "in")) {
		in = parse_add(ps);
		if (!in)
			return NULL;
	}
	node = pol_parse_node(ps, POL_OP_IS, at, on, in);
	if (node)
		node->name = type;
	return node;
}

/* The relation at the token; false where there is none. */
static bool relation_op(struct pol_parse *ps, enum pol_op *op)
{
	switch ((int)ps->lex.tok.kind) {
	case POL_TOK_EQ: *op = POL_OP_EQ; return true;
	case POL_TOK_NE: *op = POL_OP_NE; return true;
	case POL_TOK_LT: *op = POL_OP_LT; return true;
	case POL_TOK_LE: *op = POL_OP_LE; return true;
	case POL_TOK_GT: *op = POL_OP_GT; return true;
	case POL_TOK_GE: *op = POL_OP_GE; return true;
	default: *op = POL_OP_IN; return pol_lex_is_word(&ps->lex, "in");
	}
}

static const struct pol_node *no_chain(struct pol_parse *ps, const struct pol_node *node)
{
	const struct pol_token *t = &ps->lex.tok;
	enum pol_op op;

	if (node && (relation_op(ps, &op) || pol_lex_is_word(&ps->lex, "has") ||
			pol_lex_is_word(&ps->lex, "like") || pol_lex_is_word(&ps->lex, "is")))
		return pol_parse_fail(
		    ps, t->at, t->text.n, "use parentheses", "relations cannot be chained");
	return node;
}

static const struct pol_node *parse_relation(struct pol_parse *ps)
{
	size_t at = ps->lex.tok.at;
	const struct pol_node *left = parse_add(ps), *right;
	enum pol_op op;

	if (!left)
		return NULL;
	if (pol_lex_accept_word(&ps->lex, "has"))
		return no_chain(ps, parse_has(ps, left, at));
	if (pol_lex_accept_word(&ps->lex, "like"))
		return no_chain(ps, parse_like(ps, left, at));
	if (pol_lex_accept_word(&ps->lex, "is"))
		return no_chain(ps, parse_is(ps, left, at));
	if (ps->lex.tok.kind == POL_TOK_ASSIGN)
		return pol_parse_fail(
		    ps, ps->lex.tok.at, 1, "write `==` to compare", "`=` is not an operator");
	if (!relation_op(ps, &op))
		return left;
	pol_lex_next(&ps->lex);
	right = parse_add(ps);
	return right ? no_chain(ps, pol_parse_node(ps, op, at, left, right)) : NULL;
}

/* One level of `&&` or `||`: a chain becomes one node. */
static const struct pol_node *parse_chain(struct pol_parse *ps, enum pol_op op)
{
	enum pol_tok tok = op == POL_OP_AND ? POL_TOK_AND : POL_TOK_OR;
	size_t mark = pol_parse_mark(ps), at = ps->lex.tok.at, n = 0;
	const struct pol_node *arg;

	do {
		arg = op == POL_OP_AND ? parse_relation(ps) : parse_chain(ps, POL_OP_AND);
		if (!arg)
			return NULL;
		pol_parse_push(ps, &arg, sizeof(arg));
		n++;
	} while (pol_lex_accept(&ps->lex, tok));
	if (n > 1)
		return pol_parse_expr_list(ps, op, at, mark);
	or_buf_cut(&ps->scratch, mark);
	return arg;
}

static const struct pol_node *parse_if(struct pol_parse *ps)
{
	size_t at = ps->lex.tok.at;
	const struct pol_node *test, *yes, *no;
	struct pol_node *node;

	pol_lex_next(&ps->lex);
	test = pol_parse_expr(ps);
	if (!test)
		return NULL;
	if (!pol_lex_accept_word(&ps->lex, "then"))
		return unexpected(ps, "`then`");
	yes = pol_parse_expr(ps);
	if (!yes)
		return NULL;
	if (!pol_lex_accept_word(&ps->lex, "else"))
		return unexpected(ps, "`else`");
	no = pol_parse_expr(ps);
	if (!no)
		return NULL;
	node = pol_parse_node(ps, POL_OP_IF, at, test, yes->height > no->height ? yes : no);
	if (node) {
		node->b = yes;
		node->c = no;
	}
	return node;
}

const struct pol_node *pol_parse_expr(struct pol_parse *ps)
{
	const struct pol_node *node;

	if (!pol_parse_enter(ps))
		return NULL;
	node = pol_lex_is_word(&ps->lex, "if") ? parse_if(ps) : parse_chain(ps, POL_OP_OR);
	pol_parse_leave(ps);
	return node;
}

static const struct pol_node *literal(struct pol_parse *ps, size_t at, struct pol_value value)
{
	struct pol_node *node = pol_parse_node(ps, POL_OP_LIT, at, NULL, NULL);

	if (node)
		node->lit = value;
	return node;
}

/* A number, with the minus in front of it: so that the least i64 can be written. */
static const struct pol_node *parse_int(struct pol_parse *ps, size_t at, bool negative)
{
	const struct pol_token *t = &ps->lex.tok;
	uint64_t v, max = (uint64_t)INT64_MAX + negative;

	if (or_str_u64(&v, t->text) || v > max)
		return pol_parse_fail(ps, t->at, t->text.n, NULL,
		    "this number does not fit in 64 bits (the largest is 9223372036854775807)");
	pol_lex_next(&ps->lex);
	return literal(ps, at, pol_value_long(negative ? (int64_t)(0 - v) : (int64_t)v));
}

static const struct pol_node *parse_list(struct pol_parse *ps, size_t at)
{
	size_t mark = pol_parse_mark(ps);
	struct pol_node *node;

	while (ps->lex.tok.kind != POL_TOK_RBRACKET) {
		const struct pol_node *arg = pol_parse_expr(ps);

		if (!arg)
			return NULL;
		pol_parse_push(ps, &arg, sizeof(arg));
		if (ps->lex.tok.kind != POL_TOK_RBRACKET &&
		    !pol_lex_accept(&ps->lex, POL_TOK_COMMA))
			return unexpected(ps, "`,` or `]`");
	}
	pol_lex_next(&ps->lex);
	node = pol_parse_expr_list(ps, POL_OP_SET, at, mark);
	return node ? pol_parse_call_fold_set(ps, node) : NULL;
}

static bool parse_key(struct pol_parse *ps, struct pol_node_field *f, size_t mark)
{
	const struct pol_node_field *seen = (const struct pol_node_field *)(ps->scratch.p + mark);
	size_t n = (ps->scratch.n - mark) / sizeof(*f);
	struct pol_token t = ps->lex.tok;

	if (t.kind == POL_TOK_STR) {
		if (!take_string(ps, &f->key, false))
			return false;
	} else if (t.kind != POL_TOK_IDENT) {
		unexpected(ps, "the name of an attribute");
		return false;
	} else if (pol_lex_is_reserved(t.text)) {
		pol_parse_fail(ps, t.at, t.text.n, "write it as a string",
		    "`%.*s` is reserved and cannot be an attribute here", OR_SLICE_FMT(t.text));
		return false;
	} else {
		f->key = t.text;
		pol_lex_next(&ps->lex);
	}
	for (size_t i = 0; i < n; i++) {
		if (or_slice_eq(seen[i].key, f->key)) {
			pol_parse_fail(ps, t.at, t.text.n, NULL, "this attribute is there twice");
			return false;
		}
	}
	return true;
}

const struct pol_node *pol_parse_expr_record(struct pol_parse *ps, size_t at, size_t mark)
{
	size_t n = (ps->scratch.n - mark) / sizeof(struct pol_node_field);
	const struct pol_node_field *fields = pol_parse_pop(ps, mark);
	const struct pol_node *highest = NULL;
	struct pol_node *node;

	if (!fields)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!highest || fields[i].value->height > highest->height)
			highest = fields[i].value;
	}
	node = pol_parse_node(ps, POL_OP_RECORD, at, highest, NULL);
	if (!node)
		return NULL;
	node->a = NULL;
	node->fields = fields;
	node->n = (uint32_t)n;
	return node;
}

static const struct pol_node *parse_record(struct pol_parse *ps, size_t at)
{
	size_t mark = pol_parse_mark(ps);

	while (ps->lex.tok.kind != POL_TOK_RBRACE) {
		struct pol_node_field f = {0};

		if (!parse_key(ps, &f, mark) || !expect(ps, POL_TOK_COLON))
			return NULL;
		f.value = pol_parse_expr(ps);
		if (!f.value)
			return NULL;
		pol_parse_push(ps, &f, sizeof(f));
		if (ps->lex.tok.kind != POL_TOK_RBRACE && !pol_lex_accept(&ps->lex, POL_TOK_COMMA))
			return unexpected(ps, "`,` or `}`");
	}
	pol_lex_next(&ps->lex);
	return pol_parse_expr_record(ps, at, mark);
}

static const struct pol_node *variable(struct pol_parse *ps, struct or_slice name, size_t at)
{
	static const char *const names[] = {"principal", "action", "resource", "context", NULL};
	const char *near;
	struct pol_node *node;

	for (int i = 0; names[i]; i++) {
		if (or_slice_is(name, names[i])) {
			node = pol_parse_node(ps, POL_OP_VAR, at, NULL, NULL);
			if (node)
				node->sub = (uint8_t)i;
			return node;
		}
	}
	near = or_str_nearest(name, names);
	if (near) {
		char help[32] = "did you mean `";

		memcpy(help + 14, near, strlen(near));
		help[14 + strlen(near)] = '`';
		return pol_parse_fail(
		    ps, at, ps->lex.end - at, help, "unknown variable `%.*s`", OR_SLICE_FMT(name));
	}
	return pol_parse_fail(ps, at, ps->lex.end - at,
	    "the variables are principal, action, resource and context", "unknown variable `%.*s`",
	    OR_SLICE_FMT(name));
}

static const struct pol_node *parse_named(struct pol_parse *ps, size_t at)
{
	struct or_slice path, id;
	struct pol_uid *u;
	bool has_id;

	if (pol_lex_is_word(&ps->lex, "if"))
		return pol_parse_fail(ps, at, 2, NULL, "an `if` needs parentheses here");
	if (!pol_parse_path(ps, &path, &has_id))
		return NULL;
	if (has_id) {
		u = or_arena_alloc(ps->arena, sizeof(*u));
		if (!u) {
			ps->rc = OR_FULL;
			return NULL;
		}
		if (!take_string(ps, &id, false))
			return NULL;
		*u = pol_uid_make(path, id);
		return literal(ps, at, pol_value_entity(u));
	}
	if (pol_lex_accept(&ps->lex, POL_TOK_LPAREN))
		return pol_parse_call_function(ps, path, at);
	return variable(ps, path, at);
}

static const struct pol_node *parse_string(struct pol_parse *ps, size_t at)
{
	struct or_slice s;

	return take_string(ps, &s, false) ? literal(ps, at, pol_value_string(s)) : NULL;
}

static const struct pol_node *parse_primary(struct pol_parse *ps)
{
	size_t at = ps->lex.tok.at;
	const struct pol_node *node;

	if (ps->lex.tok.kind == POL_TOK_INT)
		return parse_int(ps, at, false);
	if (ps->lex.tok.kind == POL_TOK_STR)
		return parse_string(ps, at);
	if (ps->lex.tok.kind == POL_TOK_SLOT)
		return pol_parse_fail(ps, at, ps->lex.tok.text.n, NULL,
		    "a slot can only stand in the scope, not in a condition");
	if (pol_lex_accept_word(&ps->lex, "true"))
		return literal(ps, at, pol_value_bool(true));
	if (pol_lex_accept_word(&ps->lex, "false"))
		return literal(ps, at, pol_value_bool(false));
	if (ps->lex.tok.kind == POL_TOK_IDENT)
		return parse_named(ps, at);
	if (pol_lex_accept(&ps->lex, POL_TOK_LBRACKET))
		return parse_list(ps, at);
	if (pol_lex_accept(&ps->lex, POL_TOK_LBRACE))
		return parse_record(ps, at);
	if (!pol_lex_accept(&ps->lex, POL_TOK_LPAREN))
		return unexpected(ps, "an expression");
	node = pol_parse_expr(ps);
	return node && expect(ps, POL_TOK_RPAREN) ? node : NULL;
}

static const struct pol_node *attribute(
    struct pol_parse *ps, const struct pol_node *on, struct or_slice name, size_t at)
{
	struct pol_node *node = pol_parse_node(ps, POL_OP_ATTR, at, on, NULL);

	if (node)
		node->name = name;
	return node;
}

static const struct pol_node *parse_access(
    struct pol_parse *ps, const struct pol_node *on, size_t at)
{
	struct pol_token t;
	struct or_slice name;

	if (pol_lex_accept(&ps->lex, POL_TOK_LBRACKET)) {
		if (!take_string(ps, &name, false) || !expect(ps, POL_TOK_RBRACKET))
			return NULL;
		return attribute(ps, on, name, at);
	}
	pol_lex_next(&ps->lex); /* the dot */
	t = ps->lex.tok;
	if (t.kind != POL_TOK_IDENT)
		return unexpected(ps, "the name of an attribute or method");
	if (pol_lex_is_reserved(t.text))
		return pol_parse_fail(ps, t.at, t.text.n, "write it as [\"…\"]",
		    "`%.*s` is reserved and cannot be an attribute here", OR_SLICE_FMT(t.text));
	pol_lex_next(&ps->lex);
	if (pol_lex_accept(&ps->lex, POL_TOK_LPAREN))
		return pol_parse_call_method(ps, on, t.text, t.at);
	return attribute(ps, on, t.text, at);
}

static const struct pol_node *parse_accesses(
    struct pol_parse *ps, const struct pol_node *node, size_t at)
{
	while (node && (ps->lex.tok.kind == POL_TOK_DOT || ps->lex.tok.kind == POL_TOK_LBRACKET))
		node = parse_access(ps, node, at);
	if (node && ps->lex.tok.kind == POL_TOK_LPAREN)
		return pol_parse_fail(
		    ps, at, ps->lex.end - at, NULL, "this is not a function and cannot be called");
	return node;
}

/* True where the token behind a number reads something of it, as in -1.x */
static bool has_access(const struct pol_parse *ps)
{
	struct pol_lex ahead = ps->lex;

	ahead.diags = NULL;
	pol_lex_next(&ahead);
	return ahead.tok.kind == POL_TOK_DOT || ahead.tok.kind == POL_TOK_LBRACKET ||
	       ahead.tok.kind == POL_TOK_LPAREN;
}

static const struct pol_node *parse_unary(struct pol_parse *ps)
{
	size_t at = ps->lex.tok.at, starts[4];
	enum pol_tok tok = ps->lex.tok.kind;
	const struct pol_node *node;
	size_t n = 0;

	if (tok != POL_TOK_NOT && tok != POL_TOK_MINUS)
		return parse_accesses(ps, parse_primary(ps), at);
	for (; ps->lex.tok.kind == tok; n++) {
		if (n == OR_LEN(starts))
			return pol_parse_fail(
			    ps, ps->lex.tok.at, 1, NULL, "at most four of these in a row");
		starts[n] = ps->lex.tok.at;
		pol_lex_next(&ps->lex);
	}
	at = ps->lex.tok.at;
	if (tok == POL_TOK_MINUS && ps->lex.tok.kind == POL_TOK_INT && !has_access(ps))
		node = parse_int(ps, starts[--n], true);
	else
		node = parse_accesses(ps, parse_primary(ps), at);
	while (node && n > 0)
		node = pol_parse_node(
		    ps, tok == POL_TOK_NOT ? POL_OP_NOT : POL_OP_NEG, starts[--n], node, NULL);
	return node;
}

static const struct pol_node *parse_mult(struct pol_parse *ps)
{
	size_t at = ps->lex.tok.at;
	const struct pol_node *left = parse_unary(ps), *right;

	while (left && pol_lex_accept(&ps->lex, POL_TOK_STAR)) {
		right = parse_unary(ps);
		left = right ? pol_parse_node(ps, POL_OP_MUL, at, left, right) : NULL;
	}
	if (left && (ps->lex.tok.kind == POL_TOK_SLASH || ps->lex.tok.kind == POL_TOK_PERCENT))
		return pol_parse_fail(
		    ps, ps->lex.tok.at, 1, NULL, "Cedar has no division and no remainder");
	return left;
}

static const struct pol_node *parse_add(struct pol_parse *ps)
{
	size_t at = ps->lex.tok.at;
	const struct pol_node *left = parse_mult(ps), *right;

	while (left && (ps->lex.tok.kind == POL_TOK_PLUS || ps->lex.tok.kind == POL_TOK_MINUS)) {
		enum pol_op op = ps->lex.tok.kind == POL_TOK_PLUS ? POL_OP_ADD : POL_OP_SUB;

		pol_lex_next(&ps->lex);
		right = parse_mult(ps);
		left = right ? pol_parse_node(ps, op, at, left, right) : NULL;
	}
	return left;
}
