/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of functions and methods, and what of them is known before any request: the value of
 * ip("10.0.0.0/8") or of a set of literals.
 */
#include "policy/parse.h"

#include "base/str.h"
#include "policy/ext.h"

enum { ARGS_MAX = 8 };

struct call {
	const struct pol_node *args[ARGS_MAX];
	size_t n;
};

/* The arguments up to and with `)`. */
static bool parse_args(struct pol_parse *ps, struct call *c)
{
	while (ps->lex.tok.kind != POL_TOK_RPAREN) {
		const struct pol_node *arg;

		if (c->n == ARGS_MAX) {
			pol_parse_fail(
			    ps, ps->lex.tok.at, ps->lex.tok.text.n, NULL, "too many arguments");
			return false;
		}
		arg = pol_parse_expr(ps);
		if (!arg)
			return false;
		c->args[c->n++] = arg;
		if (ps->lex.tok.kind != POL_TOK_RPAREN &&
		    !pol_lex_accept(&ps->lex, POL_TOK_COMMA)) {
			pol_lex_expected(&ps->lex, "`,` or `)`");
			ps->rc = ps->rc ? ps->rc : OR_PARSE;
			return false;
		}
	}
	pol_lex_next(&ps->lex);
	return true;
}

/* The number of arguments is checked when it is evaluated and when it is validated. */
static const struct pol_node *ext_node(struct pol_parse *ps, enum pol_ext_fn fn,
    const struct pol_node *const *from, size_t n, size_t at)
{
	const struct pol_node *highest = NULL;
	const struct pol_node **args = or_arena_array(ps->arena, n, sizeof(*args));
	struct pol_node *node;

	for (size_t i = 0; i < n; i++) {
		if (!highest || from[i]->height > highest->height)
			highest = from[i];
	}
	node = args ? pol_parse_node(ps, POL_OP_EXT, at, highest, NULL) : NULL;
	if (!node) {
		ps->rc = ps->rc ? ps->rc : OR_FULL;
		return NULL;
	}
	if (n)
		memcpy(args, from, n * sizeof(*args));
	node->sub = (uint8_t)fn;
	node->n = (uint32_t)n;
	node->args = args;
	node->a = n > 0 ? from[0] : NULL;
	node->b = n > 1 ? from[1] : NULL;
	return node;
}

const struct pol_node *pol_parse_call_make(struct pol_parse *ps, enum pol_ext_fn fn,
    const struct pol_node *const *args, size_t n, size_t at)
{
	const struct pol_node *call = ext_node(ps, fn, args, n, at);
	struct pol_value v;
	struct pol_node *node;
	enum or_code rc;

	/* A literal that is not valid is an error of the evaluation, as is one that is computed. */
	if (!call || fn >= POL_EXT_CONSTRUCTORS || n != 1 || args[0]->op != POL_OP_LIT ||
	    args[0]->lit.kind != POL_STRING)
		return call;
	rc = pol_ext_construct(&v, fn, args[0]->lit.s, ps->arena);
	if (rc == OR_FULL && or_arena_is_full(ps->arena)) {
		ps->rc = OR_FULL;
		return NULL;
	}
	if (rc)
		return call;
	node = pol_parse_node(ps, POL_OP_LIT, at, NULL, NULL);
	if (!node)
		return NULL;
	node->a = call;
	node->lit = v;
	return node;
}

const struct pol_node *pol_parse_call_function(
    struct pol_parse *ps, struct or_slice name, size_t at)
{
	size_t n = ps->lex.end - at - 1;
	enum pol_ext_fn fn = pol_ext_find(name);
	struct call c = {.n = 0};

	if (fn >= POL_EXT_CONSTRUCTORS)
		return pol_parse_fail(ps, at, n,
		    "the functions are ip, decimal, datetime and duration",
		    fn == POL_EXT_FNS ? "unknown function `%.*s`"
				      : "`%.*s` is a method: write it behind a value and a dot",
		    OR_SLICE_FMT(name));
	return parse_args(ps, &c) ? pol_parse_call_make(ps, fn, c.args, c.n, at) : NULL;
}

struct method {
	const char *name;
	uint8_t op;
	uint8_t args;
};

static const struct method METHODS[] = {{"contains", POL_OP_CONTAINS, 1},
    {"containsAll", POL_OP_CONTAINS_ALL, 1}, {"containsAny", POL_OP_CONTAINS_ANY, 1},
    {"isEmpty", POL_OP_IS_EMPTY, 0}, {"hasTag", POL_OP_HAS_TAG, 1}, {"getTag", POL_OP_GET_TAG, 1}};

static const struct pol_node *unknown_method(struct pol_parse *ps, struct or_slice name, size_t at)
{
	const char *names[OR_LEN(METHODS) + POL_EXT_FNS + 1] = {NULL};
	char help[64] = "did you mean `";
	size_t n = 0;
	const char *near;

	for (size_t i = 0; i < OR_LEN(METHODS); i++)
		names[n++] = METHODS[i].name;
	for (int fn = POL_EXT_CONSTRUCTORS; fn < POL_EXT_FNS; fn++)
		names[n++] = pol_ext_name((enum pol_ext_fn)fn);
	near = or_str_nearest(name, names);
	if (near) {
		memcpy(help + 14, near, strlen(near));
		help[14 + strlen(near)] = '`';
	}
	return pol_parse_fail(
	    ps, at, name.n, near ? help : NULL, "unknown method `%.*s`", OR_SLICE_FMT(name));
}

const struct pol_node *pol_parse_call_method(
    struct pol_parse *ps, const struct pol_node *on, struct or_slice name, size_t at)
{
	enum pol_ext_fn fn = pol_ext_find(name);
	struct call c = {.args = {on}, .n = 1};

	for (size_t i = 0; i < OR_LEN(METHODS); i++) {
		const struct method *m = &METHODS[i];

		if (!or_slice_is(name, m->name))
			continue;
		if (!parse_args(ps, &c))
			return NULL;
		if (c.n != m->args + 1U)
			return pol_parse_fail(ps, at, ps->lex.end - at, NULL,
			    "`%s` takes %s, not %zu", m->name,
			    m->args ? "one argument" : "no argument", c.n - 1);
		return pol_parse_node(
		    ps, (enum pol_op)m->op, on->at, on, m->args ? c.args[1] : NULL);
	}
	if (fn == POL_EXT_FNS)
		return unknown_method(ps, name, at);
	if (fn < POL_EXT_CONSTRUCTORS)
		return pol_parse_fail(ps, at, name.n, NULL,
		    "`%.*s` is a function, not a method: write %.*s(…)", OR_SLICE_FMT(name),
		    OR_SLICE_FMT(name));
	return parse_args(ps, &c) ? ext_node(ps, fn, c.args, c.n, on->at) : NULL;
}

/* The literal that a node is, NULL where it depends on the request. */
static const struct pol_value *folded(const struct pol_node *node)
{
	if (node->op == POL_OP_SET)
		node = node->a;
	return node && node->op == POL_OP_LIT ? &node->lit : NULL;
}

const struct pol_node *pol_parse_call_fold_set(struct pol_parse *ps, struct pol_node *set)
{
	size_t mark = pol_parse_mark(ps), size = sizeof(struct pol_value);
	struct pol_node *lit;
	enum or_code rc = OR_FULL;

	for (uint32_t i = 0; i < set->n; i++) {
		const struct pol_value *v = folded(set->args[i]);

		if (!v) {
			or_buf_cut(&ps->scratch, mark);
			return set;
		}
		pol_parse_push(ps, v, size);
	}
	lit = pol_parse_node(ps, POL_OP_LIT, set->at, NULL, NULL);
	if (lit && or_buf_ok(&ps->scratch))
		rc = pol_value_set(&lit->lit, ps->arena,
		    (const struct pol_value *)(ps->scratch.p + mark),
		    (ps->scratch.n - mark) / size);
	or_buf_cut(&ps->scratch, mark);
	if (rc) {
		ps->rc = rc;
		return NULL;
	}
	set->a = lit;
	return set;
}
