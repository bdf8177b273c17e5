/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext.h"
#include "policy/lex.h"
#include "policy/term.h"

/* How tightly an operator binds, as in Cedar's grammar. */
enum level {
	LEVEL_IF,
	LEVEL_OR,
	LEVEL_AND,
	LEVEL_RELATION,
	LEVEL_ADD,
	LEVEL_MUL,
	LEVEL_UNARY,
	LEVEL_MEMBER
};

static void print(struct or_buf *b, const struct pol_term *t, enum level least);

static enum level level_of(const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_OP_IF: return LEVEL_IF;
	case POL_OP_OR: return t->n == 1 ? LEVEL_AND : LEVEL_OR;
	case POL_OP_AND: return LEVEL_AND;
	case POL_OP_EQ:
	case POL_OP_NE:
	case POL_OP_LT:
	case POL_OP_LE:
	case POL_OP_GT:
	case POL_OP_GE:
	case POL_OP_IN:
	case POL_OP_HAS:
	case POL_OP_LIKE:
	case POL_OP_IS: return LEVEL_RELATION;
	case POL_OP_ADD:
	case POL_OP_SUB: return LEVEL_ADD;
	case POL_OP_MUL: return LEVEL_MUL;
	case POL_OP_NOT:
	case POL_OP_NEG: return LEVEL_UNARY;
	case POL_OP_LIT:
		/* A negative number is a unary expression. */
		return t->lit.kind == POL_LONG && t->lit.i < 0 ? LEVEL_UNARY : LEVEL_MEMBER;
	default: return LEVEL_MEMBER;
	}
}

static const char *sign_of(const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_OP_EQ: return " == ";
	case POL_OP_NE: return " != ";
	case POL_OP_LT: return " < ";
	case POL_OP_LE: return " <= ";
	case POL_OP_GT: return " > ";
	case POL_OP_GE: return " >= ";
	case POL_OP_IN: return " in ";
	case POL_OP_ADD: return " + ";
	case POL_OP_SUB: return " - ";
	default: return " * ";
	}
}

static void print_list(struct or_buf *b, const struct pol_term *t, size_t from)
{
	for (size_t i = from; i < t->n; i++) {
		if (i > from)
			or_buf_put_str(b, ", ");
		print(b, t->args[i], LEVEL_IF);
	}
}

/* `&&` or `||`; of one operand, with what checks that it is a bool. */
static void print_chain(struct or_buf *b, const struct pol_term *t)
{
	enum level own = t->op == POL_OP_AND ? LEVEL_AND : LEVEL_OR;

	if (t->n == 1) {
		or_buf_put_str(b, "true && ");
		own = LEVEL_AND;
	}
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			or_buf_put_str(b, t->op == POL_OP_AND ? " && " : " || ");
		/* A chain within a chain keeps its own brackets. */
		print(b, t->args[i], own + 1);
	}
}

static void print_pattern(struct or_buf *b, struct or_slice pattern)
{
	struct or_buf part;
	size_t from = 0;

	or_buf_init(&part, OR_MIB);
	or_buf_put_byte(b, '"');
	for (size_t i = 0; i <= pattern.n; i++) {
		if (i < pattern.n && pattern.p[i] != 0xFF && pattern.p[i] != '*')
			continue;
		or_buf_clear(&part);
		pol_uid_print_string(&part, or_slice(pattern.p + from, i - from));
		if (part.n > 2)
			or_buf_put(b, part.p + 1, part.n - 2);
		if (i < pattern.n)
			or_buf_put_str(b, pattern.p[i] == '*' ? "\\*" : "*");
		from = i + 1;
	}
	or_buf_put_byte(b, '"');
	or_buf_done(&part);
}

static void print_name(struct or_buf *b, struct or_slice name)
{
	if (pol_lex_is_ident(name))
		or_buf_put_slice(b, name);
	else
		pol_uid_print_string(b, name);
}

static void print_attr(struct or_buf *b, const struct pol_term *t)
{
	print(b, t->args[0], LEVEL_MEMBER);
	if (pol_lex_is_ident(t->names[0])) {
		or_buf_put_byte(b, '.');
		or_buf_put_slice(b, t->names[0]);
	} else {
		or_buf_put_byte(b, '[');
		pol_uid_print_string(b, t->names[0]);
		or_buf_put_byte(b, ']');
	}
}

static void print_has(struct or_buf *b, const struct pol_term *t)
{
	print(b, t->args[0], LEVEL_ADD);
	or_buf_put_str(b, " has ");
	for (uint32_t i = 0; i < t->n_names; i++) {
		if (i)
			or_buf_put_byte(b, '.');
		print_name(b, t->names[i]);
	}
}

static void print_is(struct or_buf *b, const struct pol_term *t)
{
	print(b, t->args[0], LEVEL_ADD);
	or_buf_put_str(b, " is ");
	or_buf_put_slice(b, t->names[0]);
	if (t->n > 1) {
		or_buf_put_str(b, " in ");
		print(b, t->args[1], LEVEL_ADD);
	}
}

static void print_record(struct or_buf *b, const struct pol_term *t)
{
	or_buf_put_byte(b, '{');
	for (uint32_t i = 0; i < t->n; i++) {
		if (i)
			or_buf_put_str(b, ", ");
		pol_uid_print_string(b, t->names[i]);
		or_buf_put_str(b, ": ");
		print(b, t->args[i], LEVEL_IF);
	}
	or_buf_put_byte(b, '}');
}

static void print_method(struct or_buf *b, const struct pol_term *t, const char *name)
{
	print(b, t->args[0], LEVEL_MEMBER);
	or_buf_printf(b, ".%s(", name);
	print_list(b, t, 1);
	or_buf_put_byte(b, ')');
}

static void print_ext(struct or_buf *b, const struct pol_term *t)
{
	const char *name = pol_ext_name((enum pol_ext_fn)t->sub);

	if (t->sub >= POL_EXT_CONSTRUCTORS && t->n) {
		print_method(b, t, name);
		return;
	}
	or_buf_printf(b, "%s(", name);
	print_list(b, t, 0);
	or_buf_put_byte(b, ')');
}

static void print_if(struct or_buf *b, const struct pol_term *t)
{
	static const char *const words[] = {"if ", " then ", " else "};

	for (int i = 0; i < 3; i++) {
		or_buf_put_str(b, words[i]);
		print(b, t->args[i], LEVEL_IF);
	}
}

static void print_unary(struct or_buf *b, const struct pol_term *t)
{
	or_buf_put_byte(b, t->op == POL_OP_NOT ? '!' : '-');
	/* "- -1" and "!!x" would be read differently, or not at all where there are many. */
	print(b, t->args[0], LEVEL_MEMBER);
}

static void print_binary(struct or_buf *b, const struct pol_term *t)
{
	enum level own = level_of(t);
	/* Sums and products are read from the left; comparisons do not chain. */
	enum level left = own == LEVEL_RELATION ? LEVEL_ADD : own;

	print(b, t->args[0], left);
	or_buf_put_str(b, sign_of(t));
	print(b, t->args[1], own + 1);
}

static const char *method_of(const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_OP_CONTAINS: return "contains";
	case POL_OP_CONTAINS_ALL: return "containsAll";
	case POL_OP_CONTAINS_ANY: return "containsAny";
	case POL_OP_IS_EMPTY: return "isEmpty";
	case POL_OP_HAS_TAG: return "hasTag";
	case POL_OP_GET_TAG: return "getTag";
	default: return NULL;
	}
}

static void print_leaf(struct or_buf *b, const struct pol_term *t)
{
	static const char *const vars[] = {"principal", "action", "resource", "context"};

	if (t->op == POL_OP_VAR) {
		or_buf_put_str(b, vars[t->sub]);
	} else if (t->op == POL_OP_LIT) {
		pol_value_print(b, &t->lit);
	} else {
		or_buf_put_str(b, "error(");
		pol_uid_print_string(b, or_slice_str(t->error));
		or_buf_put_byte(b, ')');
	}
}

static void print_bare(struct or_buf *b, const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_TERM_ERROR:
	case POL_OP_VAR:
	case POL_OP_LIT: print_leaf(b, t); return;
	case POL_OP_IF: print_if(b, t); return;
	case POL_OP_AND:
	case POL_OP_OR: print_chain(b, t); return;
	case POL_OP_NOT:
	case POL_OP_NEG: print_unary(b, t); return;
	case POL_OP_ATTR: print_attr(b, t); return;
	case POL_OP_HAS: print_has(b, t); return;
	case POL_OP_IS: print_is(b, t); return;
	case POL_OP_RECORD: print_record(b, t); return;
	case POL_OP_EXT: print_ext(b, t); return;
	case POL_OP_LIKE:
		print(b, t->args[0], LEVEL_ADD);
		or_buf_put_str(b, " like ");
		print_pattern(b, t->names[0]);
		return;
	case POL_OP_SET:
		or_buf_put_byte(b, '[');
		print_list(b, t, 0);
		or_buf_put_byte(b, ']');
		return;
	default:
		if (method_of(t))
			print_method(b, t, method_of(t));
		else
			print_binary(b, t);
	}
}

static void print(struct or_buf *b, const struct pol_term *t, enum level least)
{
	bool brackets = level_of(t) < least;

	if (brackets)
		or_buf_put_byte(b, '(');
	print_bare(b, t);
	if (brackets)
		or_buf_put_byte(b, ')');
}

void pol_term_print(struct or_buf *b, const struct pol_term *t)
{
	print(b, t, LEVEL_IF);
}
