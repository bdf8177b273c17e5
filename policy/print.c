/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/print.h"

#include "policy/ext.h"
#include "policy/lex.h"

#include <stdio.h>

/* How tightly an expression binds: an operand that binds less needs parentheses. */
enum level {
	LEVEL_IF,
	LEVEL_OR,
	LEVEL_AND,
	LEVEL_REL,
	LEVEL_ADD,
	LEVEL_MUL,
	LEVEL_UNARY,
	LEVEL_MEMBER,
};

struct op {
	enum level level;
	const char *text; /* between two operands, or behind the dot */
};

static const struct op OPS[] = {
    [POL_OP_LIT] = {LEVEL_MEMBER, NULL},
    [POL_OP_VAR] = {LEVEL_MEMBER, NULL},
    [POL_OP_SLOT] = {LEVEL_MEMBER, NULL},
    [POL_OP_IF] = {LEVEL_IF, NULL},
    [POL_OP_AND] = {LEVEL_AND, " && "},
    [POL_OP_OR] = {LEVEL_OR, " || "},
    [POL_OP_NOT] = {LEVEL_UNARY, "!"},
    [POL_OP_NEG] = {LEVEL_UNARY, "-"},
    [POL_OP_EQ] = {LEVEL_REL, " == "},
    [POL_OP_NE] = {LEVEL_REL, " != "},
    [POL_OP_LT] = {LEVEL_REL, " < "},
    [POL_OP_LE] = {LEVEL_REL, " <= "},
    [POL_OP_GT] = {LEVEL_REL, " > "},
    [POL_OP_GE] = {LEVEL_REL, " >= "},
    [POL_OP_IN] = {LEVEL_REL, " in "},
    [POL_OP_ADD] = {LEVEL_ADD, " + "},
    [POL_OP_SUB] = {LEVEL_ADD, " - "},
    [POL_OP_MUL] = {LEVEL_MUL, " * "},
    [POL_OP_ATTR] = {LEVEL_MEMBER, NULL},
    [POL_OP_HAS] = {LEVEL_REL, NULL},
    [POL_OP_LIKE] = {LEVEL_REL, NULL},
    [POL_OP_IS] = {LEVEL_REL, NULL},
    [POL_OP_SET] = {LEVEL_MEMBER, NULL},
    [POL_OP_RECORD] = {LEVEL_MEMBER, NULL},
    [POL_OP_CONTAINS] = {LEVEL_MEMBER, "contains"},
    [POL_OP_CONTAINS_ALL] = {LEVEL_MEMBER, "containsAll"},
    [POL_OP_CONTAINS_ANY] = {LEVEL_MEMBER, "containsAny"},
    [POL_OP_IS_EMPTY] = {LEVEL_MEMBER, "isEmpty"},
    [POL_OP_HAS_TAG] = {LEVEL_MEMBER, "hasTag"},
    [POL_OP_GET_TAG] = {LEVEL_MEMBER, "getTag"},
    [POL_OP_EXT] = {LEVEL_MEMBER, NULL},
};

static void put(struct or_buf *b, const struct pol_node *n, enum level at_least);

/* `a has "x y".b` cannot be written: it is `a has "x y" && a["x y"] has b`. */
static bool is_spelt_out(const struct pol_node *n)
{
	bool plain = true;

	for (uint32_t i = 0; i < n->n; i++)
		plain &= pol_lex_is_ident(n->names[i]);
	return n->n > 1 && !plain;
}

static enum level level_of(const struct pol_node *n)
{
	/* -1 is a number, but -1.x is not one's attribute. */
	if (n->op == POL_OP_LIT && n->lit.kind == POL_LONG && n->lit.i < 0)
		return LEVEL_UNARY;
	if (n->op == POL_OP_HAS && is_spelt_out(n))
		return LEVEL_AND;
	return OPS[n->op].level;
}

static void put_list(struct or_buf *b, const struct pol_node *const *args, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		or_buf_put_str(b, i ? ", " : "");
		put(b, args[i], LEVEL_IF);
	}
}

static void put_key(struct or_buf *b, struct or_slice key)
{
	if (pol_lex_is_ident(key))
		or_buf_put_slice(b, key);
	else
		pol_uid_print_string(b, key);
}

static void put_access(struct or_buf *b, struct or_slice name)
{
	if (pol_lex_is_ident(name)) {
		or_buf_put_byte(b, '.');
		or_buf_put_slice(b, name);
	} else {
		or_buf_put_byte(b, '[');
		pol_uid_print_string(b, name);
		or_buf_put_byte(b, ']');
	}
}

static void put_record(struct or_buf *b, const struct pol_node *n)
{
	or_buf_put_byte(b, '{');
	for (uint32_t i = 0; i < n->n; i++) {
		or_buf_put_str(b, i ? ", " : "");
		put_key(b, n->fields[i].key);
		or_buf_put_str(b, ": ");
		put(b, n->fields[i].value, LEVEL_IF);
	}
	or_buf_put_byte(b, '}');
}

static void put_chain(struct or_buf *b, const struct pol_node *n)
{
	for (uint32_t i = 0; i < n->n; i++) {
		or_buf_put_str(b, i ? OPS[n->op].text : "");
		put(b, n->args[i], OPS[n->op].level + 1);
	}
}

/* Relations do not chain; sums and products group to the left. */
static void put_binary(struct or_buf *b, const struct pol_node *n)
{
	const struct op *op = &OPS[n->op];

	put(b, n->a, op->level == LEVEL_REL ? LEVEL_ADD : op->level);
	or_buf_put_str(b, op->text);
	put(b, n->b, op->level + 1);
}

static void put_has_step(struct or_buf *b, const struct pol_node *n, uint32_t step)
{
	put(b, n->a, step ? LEVEL_MEMBER : LEVEL_ADD);
	for (uint32_t i = 0; i < step; i++)
		put_access(b, n->names[i]);
	or_buf_put_str(b, " has ");
	put_key(b, n->names[step]);
}

static void put_has(struct or_buf *b, const struct pol_node *n)
{
	if (!is_spelt_out(n)) {
		put_has_step(b, n, 0);
		for (uint32_t i = 1; i < n->n; i++)
			put_access(b, n->names[i]);
		return;
	}
	for (uint32_t i = 0; i < n->n; i++) {
		or_buf_put_str(b, i ? " && " : "");
		put_has_step(b, n, i);
	}
}

/* A pattern's stars are the byte 0xFF, which is in no UTF-8 text. */
static void put_pattern(struct or_buf *b, struct or_slice pattern)
{
	struct or_buf part;

	or_buf_init(&part, pattern.n * 10 + 64);
	or_buf_put_byte(b, '"');
	for (size_t i = 0; i < pattern.n;) {
		size_t from = i;

		while (i < pattern.n && pattern.p[i] != 0xFF && pattern.p[i] != '*')
			i++;
		or_buf_clear(&part);
		pol_uid_print_string(&part, or_slice(pattern.p + from, i - from));
		or_buf_put(b, part.p + 1, part.n - 2);
		if (i < pattern.n)
			or_buf_put_str(b, pattern.p[i++] == '*' ? "\\*" : "*");
	}
	or_buf_put_byte(b, '"');
	or_buf_done(&part);
}

static void put_test(struct or_buf *b, const struct pol_node *n)
{
	put(b, n->a, LEVEL_ADD);
	if (n->op == POL_OP_LIKE) {
		or_buf_put_str(b, " like ");
		put_pattern(b, n->name);
		return;
	}
	or_buf_put_str(b, " is ");
	or_buf_put_slice(b, n->name);
	if (n->b) {
		or_buf_put_str(b, " in ");
		put(b, n->b, LEVEL_ADD);
	}
}

static void put_method(
    struct or_buf *b, const struct pol_node *on, const char *name, const struct pol_node *arg)
{
	put(b, on, LEVEL_MEMBER);
	or_buf_put_byte(b, '.');
	or_buf_put_str(b, name);
	or_buf_put_byte(b, '(');
	if (arg)
		put(b, arg, LEVEL_IF);
	or_buf_put_byte(b, ')');
}

static void put_call(struct or_buf *b, const struct pol_node *n)
{
	uint32_t first = n->sub < POL_EXT_CONSTRUCTORS ? 0 : 1;

	if (first && n->n) {
		put(b, n->args[0], LEVEL_MEMBER);
		or_buf_put_byte(b, '.');
	}
	or_buf_put_str(b, pol_ext_name((enum pol_ext_fn)n->sub));
	or_buf_put_byte(b, '(');
	if (n->n > first)
		put_list(b, n->args + first, n->n - first);
	or_buf_put_byte(b, ')');
}

static void put_literal(struct or_buf *b, const struct pol_node *n)
{
	if (n->a)
		put_call(b, n->a);
	else
		pol_value_print(b, &n->lit);
}

/* Four of them in a row are allowed, and a minus takes a number with it: so always parentheses. */
static void put_unary(struct or_buf *b, const struct pol_node *n)
{
	bool number = n->op == POL_OP_NEG && n->a->op == POL_OP_LIT && n->a->lit.kind == POL_LONG;

	or_buf_put_str(b, OPS[n->op].text);
	if (number)
		or_buf_put_byte(b, '(');
	put(b, n->a, number ? LEVEL_IF : LEVEL_MEMBER);
	if (number)
		or_buf_put_byte(b, ')');
}

static void put_if(struct or_buf *b, const struct pol_node *n)
{
	or_buf_put_str(b, "if ");
	put(b, n->a, LEVEL_IF);
	or_buf_put_str(b, " then ");
	put(b, n->b, LEVEL_IF);
	or_buf_put_str(b, " else ");
	put(b, n->c, LEVEL_IF);
}

static void put_leaf(struct or_buf *b, const struct pol_node *n)
{
	static const char *const vars[] = {"principal", "action", "resource", "context"};

	if (n->op == POL_OP_VAR)
		or_buf_put_str(b, vars[n->sub]);
	else if (n->op == POL_OP_SLOT)
		or_buf_put_str(b, n->sub == POL_SLOT_PRINCIPAL ? "?principal" : "?resource");
	else
		put_literal(b, n);
}

static void put_bare(struct or_buf *b, const struct pol_node *n)
{
	switch ((enum pol_op)n->op) {
	case POL_OP_LIT:
	case POL_OP_VAR:
	case POL_OP_SLOT: put_leaf(b, n); return;
	case POL_OP_IF: put_if(b, n); return;
	case POL_OP_AND:
	case POL_OP_OR: put_chain(b, n); return;
	case POL_OP_NOT:
	case POL_OP_NEG: put_unary(b, n); return;
	case POL_OP_EQ:
	case POL_OP_NE:
	case POL_OP_LT:
	case POL_OP_LE:
	case POL_OP_GT:
	case POL_OP_GE:
	case POL_OP_IN:
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL: put_binary(b, n); return;
	case POL_OP_HAS: put_has(b, n); return;
	case POL_OP_LIKE:
	case POL_OP_IS: put_test(b, n); return;
	case POL_OP_RECORD: put_record(b, n); return;
	case POL_OP_EXT: put_call(b, n); return;
	case POL_OP_ATTR:
		put(b, n->a, LEVEL_MEMBER);
		put_access(b, n->name);
		return;
	case POL_OP_SET:
		or_buf_put_byte(b, '[');
		put_list(b, n->args, n->n);
		or_buf_put_byte(b, ']');
		return;
	case POL_OP_CONTAINS:
	case POL_OP_CONTAINS_ALL:
	case POL_OP_CONTAINS_ANY:
	case POL_OP_IS_EMPTY:
	case POL_OP_HAS_TAG:
	case POL_OP_GET_TAG: put_method(b, n->a, OPS[n->op].text, n->b); return;
	}
}

static void put(struct or_buf *b, const struct pol_node *n, enum level at_least)
{
	bool parentheses = level_of(n) < at_least;

	if (parentheses)
		or_buf_put_byte(b, '(');
	put_bare(b, n);
	if (parentheses)
		or_buf_put_byte(b, ')');
}

void pol_print_expr(struct or_buf *b, const struct pol_node *n)
{
	put(b, n, LEVEL_IF);
}

static void put_target(
    struct or_buf *b, const struct pol_scope *s, const struct pol_uid *const slots[POL_SLOTS])
{
	if (s->slot == POL_SLOT_NONE)
		pol_uid_print(b, s->uid);
	else if (slots[s->slot])
		pol_uid_print(b, slots[s->slot]);
	else
		or_buf_put_str(b, s->slot == POL_SLOT_PRINCIPAL ? "?principal" : "?resource");
}

static void put_scope(struct or_buf *b, const struct pol_scope *s, const char *var,
    const struct pol_uid *const slots[POL_SLOTS])
{
	or_buf_put_str(b, var);
	if (s->op == POL_SCOPE_IS || s->op == POL_SCOPE_IS_IN) {
		or_buf_put_str(b, " is ");
		or_buf_put_slice(b, s->type);
	}
	if (s->op == POL_SCOPE_ANY || s->op == POL_SCOPE_IS)
		return;
	or_buf_put_str(b, s->op == POL_SCOPE_EQ ? " == " : " in ");
	if (!s->list) {
		put_target(b, s, slots);
		return;
	}
	or_buf_put_byte(b, '[');
	for (size_t i = 0; i < s->n_uids; i++) {
		or_buf_put_str(b, i ? ", " : "");
		pol_uid_print(b, s->uids[i]);
	}
	or_buf_put_byte(b, ']');
}

static void put_annotations(struct or_buf *b, const struct pol_policy *p)
{
	for (size_t i = 0; i < p->n_annotations; i++) {
		const struct pol_annotation *a = &p->annotations[i];

		or_buf_put_byte(b, '@');
		or_buf_put_slice(b, a->key);
		if (!a->bare) {
			or_buf_put_byte(b, '(');
			pol_uid_print_string(b, a->value);
			or_buf_put_byte(b, ')');
		}
		or_buf_put_byte(b, '\n');
	}
}

void pol_print_policy(struct or_buf *b, const struct pol_policy *p)
{
	const struct pol_body *body = p->body;

	put_annotations(b, p);
	or_buf_put_str(b, p->forbid ? "forbid (" : "permit (");
	put_scope(b, &body->principal, "principal", p->slots);
	or_buf_put_str(b, ", ");
	put_scope(b, &body->action, "action", p->slots);
	or_buf_put_str(b, ", ");
	put_scope(b, &body->resource, "resource", p->slots);
	or_buf_put_byte(b, ')');
	for (size_t i = 0; i < body->n_conditions; i++) {
		or_buf_put_str(b, body->conditions[i].unless ? "\nunless { " : "\nwhen { ");
		put(b, body->conditions[i].expr, LEVEL_IF);
		or_buf_put_str(b, " }");
	}
	or_buf_put_str(b, ";\n");
}

/* Whether a reader of the text gives the i-th policy that id by itself. */
static bool is_numbered(const struct pol_policy *p, size_t i)
{
	char id[32];
	int n = snprintf(id, sizeof(id), "policy%zu", i);

	return or_slice_eq(p->id, or_slice((const uint8_t *)id, (size_t)n));
}

void pol_print_set(struct or_buf *b, const struct pol_set *set, bool annotate)
{
	for (size_t i = 0; i < pol_set_count(set); i++) {
		const struct pol_policy *p = pol_set_at(set, i);

		or_buf_put_str(b, i ? "\n" : "");
		if (annotate && !is_numbered(p, i) && !pol_set_annotation(p, "id")) {
			or_buf_put_str(b, "@id(");
			pol_uid_print_string(b, p->id);
			or_buf_put_str(b, ")\n");
		}
		pol_print_policy(b, p);
	}
}
