/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate_text.h"

#include "policy/confusable.h"

struct walk {
	const struct pol_source *src;
	struct pol_diags *diags;
};

static void warn(struct walk *w, size_t at, size_t n, struct or_slice text, bool identifier)
{
	static const char *const says[] = {
	    [POL_FINDING_BIDI_CHARS_STRING] = "this string turns the direction of text",
	    [POL_FINDING_BIDI_CHARS_IDENTIFIER] = "this name turns the direction of text",
	    [POL_FINDING_MIXED_SCRIPT_STRING] = "this string mixes scripts that may look alike",
	    [POL_FINDING_MIXED_SCRIPT_IDENTIFIER] = "this name mixes scripts that may look alike",
	    [POL_FINDING_CONFUSABLE_IDENTIFIER] =
		"this name holds a character that names should not hold",
	};
	enum pol_finding found =
	    identifier ? pol_confusable_identifier(text) : pol_confusable_string(text);

	if (found)
		pol_diag_find(w->diags, w->src, at, n, found, "%s", says[found]);
}

static void look_at(struct walk *w, const struct pol_node *n);

/* A pattern's stars are no part of its text. */
static void look_at_pattern(struct walk *w, const struct pol_node *n)
{
	size_t from = 0;

	for (size_t i = 0; i <= n->name.n; i++) {
		if (i < n->name.n && n->name.p[i] != 0xFF)
			continue;
		warn(w, n->at, n->len, or_slice(n->name.p + from, i - from), false);
		from = i + 1;
	}
}

static void look_at_literal(struct walk *w, const struct pol_node *n)
{
	if (n->a)
		look_at(w, n->a);
	else if (n->lit.kind == POL_STRING)
		warn(w, n->at, n->len, n->lit.s, false);
	else if (n->lit.kind == POL_ENTITY)
		warn(w, n->at, n->len, n->lit.e->id, true);
}

static void look_at_parts(struct walk *w, const struct pol_node *n)
{
	for (uint32_t i = 0; i < n->n; i++) {
		if (n->op == POL_OP_RECORD) {
			warn(w, n->fields[i].value->at, 1, n->fields[i].key, true);
			look_at(w, n->fields[i].value);
		} else if (n->op == POL_OP_HAS) {
			warn(w, n->at, n->len, n->names[i], true);
		} else {
			look_at(w, n->args[i]);
		}
	}
}

static void look_at(struct walk *w, const struct pol_node *n)
{
	if (!n)
		return;
	switch ((int)n->op) {
	case POL_OP_LIT: look_at_literal(w, n); return;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_RECORD:
	case POL_OP_EXT: look_at_parts(w, n); return;
	case POL_OP_HAS: look_at_parts(w, n); break;
	case POL_OP_ATTR: warn(w, n->at, n->len, n->name, true); break;
	case POL_OP_LIKE: look_at_pattern(w, n); break;
	case POL_OP_IF: look_at(w, n->c); break;
	default: break;
	}
	look_at(w, n->a);
	look_at(w, n->b);
}

static void look_at_scope(struct walk *w, const struct pol_scope *s)
{
	if (s->uid && !s->uids)
		warn(w, s->at, s->len, s->uid->id, true);
	for (size_t i = 0; i < s->n_uids; i++)
		warn(w, s->at, s->len, s->uids[i]->id, true);
}

void pol_validate_text_check(const struct pol_body *body, struct pol_diags *diags)
{
	struct walk w = {&body->src, diags};

	look_at_scope(&w, &body->principal);
	look_at_scope(&w, &body->action);
	look_at_scope(&w, &body->resource);
	for (size_t i = 0; i < body->n_conditions; i++)
		look_at(&w, body->conditions[i].expr);
}
