/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/filter_term.h"

static const struct pol_filter_column *find(
    const struct pol_filter_table *table, const struct pol_term *on, struct or_slice name)
{
	if (on->op != POL_OP_VAR || on->sub != POL_VAR_RESOURCE)
		return NULL;
	for (size_t i = 0; i < table->n_columns; i++) {
		if (or_slice_eq(table->columns[i].name, name))
			return &table->columns[i];
	}
	return NULL;
}

const struct pol_filter_column *pol_filter_term_column(
    const struct pol_filter_table *table, const struct pol_term *t)
{
	return t->op == POL_OP_ATTR ? find(table, t->args[0], t->names[0]) : NULL;
}

const struct pol_filter_column *pol_filter_term_has(
    const struct pol_filter_table *table, const struct pol_term *t)
{
	return t->op == POL_OP_HAS ? find(table, t->args[0], t->names[0]) : NULL;
}

static enum pol_filter_kind kind_of_value(const struct pol_value *v)
{
	switch ((int)v->kind) {
	case POL_LONG: return POL_FILTER_KIND_LONG;
	case POL_STRING: return POL_FILTER_KIND_STRING;
	case POL_BOOL: return POL_FILTER_KIND_BOOL;
	case POL_DATETIME: return POL_FILTER_KIND_DATETIME;
	default: return POL_FILTER_KIND_FOREIGN;
	}
}

static enum pol_filter_kind kind_of_column(const struct pol_filter_column *c)
{
	static const enum pol_filter_kind kinds[] = {[POL_FILTER_LONG] = POL_FILTER_KIND_LONG,
	    [POL_FILTER_STRING] = POL_FILTER_KIND_STRING,
	    [POL_FILTER_BOOL] = POL_FILTER_KIND_BOOL,
	    [POL_FILTER_DATETIME] = POL_FILTER_KIND_DATETIME,
	    [POL_FILTER_OTHER] = POL_FILTER_KIND_UNKNOWN};

	return kinds[c->type];
}

enum pol_filter_kind pol_filter_term_kind(
    const struct pol_filter_table *table, const struct pol_term *t)
{
	const struct pol_filter_column *c = pol_filter_term_column(table, t);
	enum pol_filter_kind k;

	if (c)
		return kind_of_column(c);
	switch ((int)t->op) {
	case POL_OP_LIT: return kind_of_value(&t->lit);
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL:
	case POL_OP_NEG: return POL_FILTER_KIND_LONG;
	case POL_OP_IF:
		k = pol_filter_term_kind(table, t->args[1]);
		return k == pol_filter_term_kind(table, t->args[2]) && k < POL_FILTER_KIND_FOREIGN
			   ? k
			   : POL_FILTER_KIND_UNKNOWN;
	default: return pol_term_is_boolean(t) ? POL_FILTER_KIND_BOOL : POL_FILTER_KIND_UNKNOWN;
	}
}

static bool is_known(const struct pol_filter_known *known, const struct pol_filter_column *c)
{
	while (known && known->column != c)
		known = known->next;
	return known != NULL;
}

static bool operand_may_err(const struct pol_filter_table *table, const struct pol_term *t,
    const struct pol_filter_known *known)
{
	const struct pol_filter_column *c = pol_filter_term_column(table, t);

	return c ? !is_known(known, c) : !pol_term_is_lit(t);
}

/* What stands behind `has` in an `&&` may count on it. */
static bool chain_may_err(const struct pol_filter_table *table, const struct pol_term *t,
    const struct pol_filter_known *known, uint32_t from)
{
	const struct pol_filter_column *c;
	struct pol_filter_known more;

	if (from == t->n)
		return false;
	if (pol_filter_term_may_err(table, t->args[from], known))
		return true;
	c = pol_filter_term_has(table, t->args[from]);
	if (t->op == POL_OP_AND && c && t->args[from]->n_names == 1) {
		more = (struct pol_filter_known){c, known};
		known = &more;
	}
	return chain_may_err(table, t, known, from + 1);
}

static bool binary_may_err(const struct pol_filter_table *table, const struct pol_term *t,
    const struct pol_filter_known *known)
{
	enum pol_filter_kind a = pol_filter_term_kind(table, t->args[0]);
	enum pol_filter_kind b = pol_filter_term_kind(table, t->args[1]);

	if (t->op == POL_OP_EQ || t->op == POL_OP_NE
		? a == POL_FILTER_KIND_UNKNOWN || b == POL_FILTER_KIND_UNKNOWN
		: a != b || !pol_filter_kind_compares(a))
		return true;
	return operand_may_err(table, t->args[0], known) ||
	       operand_may_err(table, t->args[1], known);
}

bool pol_filter_term_may_err(const struct pol_filter_table *table, const struct pol_term *t,
    const struct pol_filter_known *known)
{
	switch ((int)t->op) {
	case POL_OP_LIT: return t->lit.kind != POL_BOOL;
	case POL_OP_NOT: return pol_filter_term_may_err(table, t->args[0], known);
	case POL_OP_AND:
	case POL_OP_OR: return chain_may_err(table, t, known, 0);
	case POL_OP_HAS: return !pol_filter_term_has(table, t) || t->n_names != 1;
	case POL_OP_ATTR:
		return pol_filter_term_kind(table, t) != POL_FILTER_KIND_BOOL ||
		       operand_may_err(table, t, known);
	case POL_OP_EQ:
	case POL_OP_NE:
	case POL_OP_LT:
	case POL_OP_LE:
	case POL_OP_GT:
	case POL_OP_GE: return binary_may_err(table, t, known);
	case POL_OP_CONTAINS:
		return !pol_term_is_lit(t->args[0]) || t->args[0]->lit.kind != POL_SET ||
		       pol_filter_term_kind(table, t->args[1]) >= POL_FILTER_KIND_FOREIGN ||
		       operand_may_err(table, t->args[1], known);
	case POL_OP_LIKE:
		return pol_filter_term_kind(table, t->args[0]) != POL_FILTER_KIND_STRING ||
		       operand_may_err(table, t->args[0], known);
	default: return true;
	}
}

enum or_code pol_filter_term_refuse(
    struct or_err *err, const struct pol_policy *p, const struct pol_term *t, const char *why)
{
	struct or_buf b;

	or_buf_init(&b, 64 * 1024);
	pol_term_print(&b, t);
	or_err_set(err, OR_UNSUPPORTED, "policy `%.*s` (%s:%u): %s: %.200s", OR_SLICE_FMT(p->id),
	    p->file, p->line, why, or_buf_text(&b));
	or_buf_done(&b);
	return OR_UNSUPPORTED;
}
