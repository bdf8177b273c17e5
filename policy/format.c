/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format.h"

#include "policy/format_toks.h"
#include "policy/print.h"

enum { WIDTH = 80, INDENT = 2, TEXT_MAX = 512 << 20 };

static void add(
    struct pol_format_toks *t, const struct pol_format_doc **d, const struct pol_format_doc *b)
{
	pol_format_toks_add(t, d, b);
}

/* @key("value") on a line of its own. */
static const struct pol_format_doc *annotation(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = pol_format_toks_take(t, NULL);

	if (pol_format_toks_peek(t, 1)->kind != POL_TOK_LPAREN) {
		add(t, &d, pol_format_toks_take(t, &pol_format_doc_hard));
		return d;
	}
	for (int i = 0; i < 3; i++)
		add(t, &d, pol_format_toks_take(t, NULL));
	add(t, &d, pol_format_toks_take(t, &pol_format_doc_hard));
	return d;
}

static const struct pol_format_doc *scope_type(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = &pol_format_doc_line, *type = &pol_format_doc_line;

	add(t, &d, pol_format_toks_take(t, NULL));
	d = pol_format_doc_group(t->arena, d);
	add(t, &type, pol_format_expr_name(t));
	add(t, &d, type);
	return pol_format_doc_group(t->arena, pol_format_doc_nest(t->arena, t->indent, d));
}

/* principal is T in x */
static const struct pol_format_doc *scope(struct pol_format_toks *t)
{
	const struct pol_format_doc *lead = pol_format_toks_lead(t);
	const struct pol_format_doc *d = pol_format_toks_take(t, NULL), *rhs = &pol_format_doc_line;

	if (pol_format_toks_is_word(t, "is"))
		add(t, &d, scope_type(t));
	if (pol_format_toks_is(t, POL_TOK_EQ) || pol_format_toks_is_word(t, "in")) {
		add(t, &d, &pol_format_doc_line);
		add(t, &d, pol_format_toks_take(t, NULL));
		d = pol_format_doc_group(t->arena, d);
		add(t, &rhs, pol_format_expr_any(t));
		add(t, &d, pol_format_doc_nest(t->arena, t->indent, rhs));
		d = pol_format_doc_group(t->arena, d);
	}
	add(t, &lead, d);
	return lead;
}

/* Whether the scope says nothing but the three names. */
static bool is_bare(struct pol_format_toks *t)
{
	for (size_t i = 0; i < 5; i += 2) {
		enum pol_tok behind = pol_format_toks_peek(t, i + 1)->kind;

		if (behind != POL_TOK_COMMA && behind != POL_TOK_RPAREN)
			return false;
	}
	return true;
}

/* On one line where it is bare, else one line for each. */
static const struct pol_format_doc *scopes(struct pol_format_toks *t)
{
	bool bare = is_bare(t);
	const struct pol_format_doc *d = bare ? NULL : &pol_format_doc_hard;

	for (int i = 0; i < 3; i++) {
		add(t, &d, scope(t));
		if (i < 2)
			add(t, &d,
			    pol_format_toks_take(
				t, bare ? &pol_format_doc_space : &pol_format_doc_hard));
	}
	if (pol_format_toks_is(t, POL_TOK_COMMA))
		pol_format_toks_drop_comma(t);
	d = pol_format_doc_nest(t->arena, t->indent, d);
	if (bare)
		return pol_format_doc_group(t->arena, d);
	add(t, &d, &pol_format_doc_hard);
	return d;
}

static const struct pol_format_doc *condition(struct pol_format_toks *t)
{
	const struct pol_format_doc *lead = pol_format_toks_lead(t), *d, *inner;

	d = pol_format_toks_take(t, &pol_format_doc_line);
	add(t, &d, pol_format_toks_lead(t));
	inner = pol_format_toks_take(t, &pol_format_doc_line);
	add(t, &inner, pol_format_toks_lead(t));
	add(t, &inner, pol_format_doc_group(t->arena, pol_format_expr_any(t)));
	inner = pol_format_doc_nest(t->arena, t->indent, inner);
	add(t, &inner, &pol_format_doc_line);
	add(t, &inner, pol_format_toks_take(t, NULL));
	add(t, &d, pol_format_doc_group(t->arena, inner));
	add(t, &lead, pol_format_doc_group(t->arena, d));
	return lead;
}

static const struct pol_format_doc *policy(struct pol_format_toks *t)
{
	const struct pol_format_doc *d = NULL, *head;
	bool first = true;

	while (pol_format_toks_is(t, POL_TOK_AT))
		add(t, &d, annotation(t));
	add(t, &d, pol_format_toks_lead(t));
	head = pol_format_toks_take(t, NULL);
	add(t, &head, &pol_format_doc_line);
	add(t, &head, pol_format_toks_take(t, NULL));
	add(t, &d, pol_format_doc_group(t->arena, head));
	add(t, &d, scopes(t));
	add(t, &d,
	    pol_format_toks_take(
		t, pol_format_toks_peek(t, 1)->kind == POL_TOK_SEMI ? NULL : &pol_format_doc_hard));
	for (; !pol_format_toks_is(t, POL_TOK_SEMI); first = false) {
		if (!first)
			add(t, &d, &pol_format_doc_hard);
		add(t, &d, condition(t));
	}
	add(t, &d, pol_format_toks_take(t, NULL));
	return d;
}

/* Every policy, a blank line between them; then the comments behind the last. */
static enum or_code lay_out(struct or_buf *b, struct pol_format_toks *t, int width)
{
	bool first = true;

	for (; !pol_format_toks_is(t, POL_TOK_END); first = false) {
		if (!first)
			or_buf_put_str(b, "\n");
		if (!pol_format_doc_render(b, policy(t), width) || or_arena_is_full(t->arena))
			return OR_FULL;
		if (b->n && b->p[b->n - 1] != '\n')
			or_buf_put_byte(b, '\n');
		or_arena_clear(t->arena);
	}
	if (!pol_format_doc_render(b, pol_format_toks_lead(t), width) || !or_buf_ok(b))
		return OR_FULL;
	return OR_OK;
}

/* Formatting must not change what is said: a mistake of the formatter's own is caught here. */
static bool means_the_same(const struct pol_set *before, const char *name, struct or_slice text)
{
	struct pol_set *after = NULL;
	struct or_buf a, b;
	bool same;

	if (pol_set_parse(&after, POL_IDS_NUMBERED, name, text, NULL, NULL))
		return false;
	or_buf_init(&a, TEXT_MAX);
	or_buf_init(&b, TEXT_MAX);
	pol_print_set(&a, before, false);
	pol_print_set(&b, after, false);
	same = or_slice_eq(or_buf_slice(&a), or_buf_slice(&b));
	or_buf_done(&a);
	or_buf_done(&b);
	pol_set_free(after);
	return same;
}

enum or_code pol_format_text(struct or_buf *b, const char *name, struct or_slice text,
    const struct pol_format_opt *opt, struct pol_diags *diags, struct or_err *err)
{
	int width = opt && opt->width ? opt->width : WIDTH;
	int indent = opt && opt->indent ? opt->indent : INDENT;
	struct pol_set *set = NULL;
	struct pol_format_toks t;
	struct or_arena *a;
	struct or_buf out;
	enum or_code rc = pol_set_parse(&set, POL_IDS_NUMBERED, name, text, diags, err);

	if (rc)
		return rc;
	a = or_arena_new(POL_FORMAT_BUDGET);
	or_buf_init(&out, TEXT_MAX);
	rc = pol_format_toks_init(&t, a, text, indent);
	if (rc == OR_OK)
		rc = lay_out(&out, &t, width);
	if (rc)
		rc = or_err_set(err, OR_FULL, "%s: too large to format", name);
	else if (!means_the_same(set, name, or_buf_slice(&out)))
		rc = or_err_set(err, OR_UNSUPPORTED,
		    "%s: laid out it would mean something else, so it is left alone", name);
	else
		or_buf_put_slice(b, or_buf_slice(&out));
	pol_format_toks_done(&t);
	or_buf_done(&out);
	or_arena_free(a);
	pol_set_free(set);
	return rc;
}
