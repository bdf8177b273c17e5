/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <stdarg.h>
#include <stdio.h>

const void *pol_parse_fail(
    struct pol_parse *ps, size_t at, size_t n, const char *help, const char *fmt, ...)
{
	char msg[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pol_diag_add(ps->lex.diags, &ps->lex.src, at, n, help, "%s", msg);
	ps->rc = OR_PARSE;
	return NULL;
}

bool pol_parse_enter(struct pol_parse *ps)
{
	if (ps->depth == POL_AST_NESTING_MAX) {
		pol_parse_fail(ps, ps->lex.tok.at, ps->lex.tok.text.n, NULL,
		    "nested deeper than %d levels", POL_AST_NESTING_MAX);
		return false;
	}
	ps->depth++;
	return true;
}

void pol_parse_leave(struct pol_parse *ps)
{
	ps->depth--;
}

size_t pol_parse_mark(const struct pol_parse *ps)
{
	return ps->scratch.n;
}

void pol_parse_push(struct pol_parse *ps, const void *item, size_t size)
{
	or_buf_put(&ps->scratch, item, size);
}

const void *pol_parse_pop(struct pol_parse *ps, size_t mark)
{
	size_t n = ps->scratch.n - mark;
	void *to = or_buf_ok(&ps->scratch) ? or_arena_alloc(ps->arena, n) : NULL;

	if (to && n)
		memcpy(to, ps->scratch.p + mark, n);
	if (!to)
		ps->rc = OR_FULL;
	or_buf_cut(&ps->scratch, mark);
	return to;
}

struct pol_node *pol_parse_node(struct pol_parse *ps, enum pol_op op, size_t at,
    const struct pol_node *a, const struct pol_node *b)
{
	struct pol_node *n = or_arena_alloc(ps->arena, sizeof(*n));
	unsigned int height = a ? a->height : 0;

	if (!n) {
		ps->rc = OR_FULL;
		return NULL;
	}
	if (b && b->height > height)
		height = b->height;
	if (height >= POL_AST_HEIGHT_MAX) {
		pol_parse_fail(ps, at, ps->lex.end - at, NULL,
		    "this expression has more than %d levels", POL_AST_HEIGHT_MAX);
		return NULL;
	}
	n->op = (uint8_t)op;
	n->height = (uint16_t)(height + 1);
	n->at = (uint32_t)at;
	n->len = (uint32_t)(ps->lex.end - at);
	n->a = a;
	n->b = b;
	return n;
}

bool pol_parse_path(struct pol_parse *ps, struct or_slice *path, bool *has_id)
{
	struct or_buf *b = &ps->scratch;
	size_t mark = pol_parse_mark(ps), n;
	bool id = false;

	for (;;) {
		if (ps->lex.tok.kind != POL_TOK_IDENT) {
			pol_lex_expected(&ps->lex, "a name");
			goto fail;
		}
		if (pol_lex_is_reserved(ps->lex.tok.text)) {
			pol_parse_fail(ps, ps->lex.tok.at, ps->lex.tok.text.n, NULL,
			    "`%.*s` is reserved and cannot be a name",
			    OR_SLICE_FMT(ps->lex.tok.text));
			goto fail;
		}
		or_buf_put_slice(b, ps->lex.tok.text);
		pol_lex_next(&ps->lex);
		if (!pol_lex_accept(&ps->lex, POL_TOK_PATH))
			break;
		if (has_id && ps->lex.tok.kind == POL_TOK_STR) {
			id = true;
			break;
		}
		or_buf_put_str(b, "::");
	}
	n = b->n - mark;
	path->p = pol_parse_pop(ps, mark);
	path->n = n;
	if (has_id)
		*has_id = id;
	return path->p != NULL;
fail:
	ps->rc = ps->rc ? ps->rc : OR_PARSE;
	or_buf_cut(b, mark);
	return false;
}

const struct pol_uid *pol_parse_entity(struct pol_parse *ps)
{
	struct pol_uid *u = or_arena_alloc(ps->arena, sizeof(*u));
	struct or_slice type, id;
	size_t at = ps->lex.tok.at;
	bool has_id;
	enum or_code rc;

	if (!u) {
		ps->rc = OR_FULL;
		return NULL;
	}
	if (ps->lex.tok.kind != POL_TOK_IDENT) {
		pol_lex_expected(&ps->lex, "an entity such as User::\"alice\"");
		ps->rc = OR_PARSE;
		return NULL;
	}
	if (!pol_parse_path(ps, &type, &has_id))
		return NULL;
	if (!has_id)
		return pol_parse_fail(ps, at, ps->lex.end - at, "an entity is written Type::\"id\"",
		    "expected an entity, found the name `%.*s`", OR_SLICE_FMT(type));
	rc = pol_lex_unescape(&id, &ps->lex, &ps->lex.tok, ps->arena, false);
	if (rc) {
		ps->rc = rc;
		return NULL;
	}
	pol_lex_next(&ps->lex);
	*u = pol_uid_make(type, id);
	return u;
}

/* Reports and notes that the policy is lost. */
static bool unexpected(struct pol_parse *ps, const char *what)
{
	pol_lex_expected(&ps->lex, what);
	ps->rc = ps->rc ? ps->rc : OR_PARSE;
	return false;
}

static bool expect(struct pol_parse *ps, enum pol_tok kind)
{
	if (pol_lex_expect(&ps->lex, kind))
		return true;
	ps->rc = ps->rc ? ps->rc : OR_PARSE;
	return false;
}

static bool parse_annotation(struct pol_parse *ps, size_t mark)
{
	struct pol_annotation a = {0};
	const struct pol_annotation *seen = (const struct pol_annotation *)(ps->scratch.p + mark);
	size_t n = (ps->scratch.n - mark) / sizeof(a), at = ps->lex.tok.at;
	enum or_code rc;

	if (ps->lex.tok.kind != POL_TOK_IDENT)
		return unexpected(ps, "the name of an annotation");
	a.key = ps->lex.tok.text;
	for (size_t i = 0; i < n; i++) {
		if (or_slice_eq(seen[i].key, a.key)) {
			pol_parse_fail(ps, at, a.key.n, NULL, "the annotation @%.*s is there twice",
			    OR_SLICE_FMT(a.key));
			return false;
		}
	}
	pol_lex_next(&ps->lex);
	a.value = OR_SLICE_LIT("");
	a.bare = !pol_lex_accept(&ps->lex, POL_TOK_LPAREN);
	if (!a.bare) {
		if (ps->lex.tok.kind != POL_TOK_STR)
			return unexpected(ps, "a string");
		rc = pol_lex_unescape(&a.value, &ps->lex, &ps->lex.tok, ps->arena, false);
		if (rc) {
			ps->rc = rc;
			return false;
		}
		pol_lex_next(&ps->lex);
		if (!expect(ps, POL_TOK_RPAREN))
			return false;
	}
	pol_parse_push(ps, &a, sizeof(a));
	return true;
}

static bool parse_annotations(struct pol_parse *ps, struct pol_policy *p)
{
	size_t mark = pol_parse_mark(ps);

	while (pol_lex_accept(&ps->lex, POL_TOK_AT)) {
		if (!parse_annotation(ps, mark)) {
			or_buf_cut(&ps->scratch, mark);
			return false;
		}
	}
	p->n_annotations = (ps->scratch.n - mark) / sizeof(struct pol_annotation);
	p->annotations = pol_parse_pop(ps, mark);
	return p->annotations != NULL;
}

/* An entity, or the slot of that name. */
static bool parse_target(
    struct pol_parse *ps, struct pol_scope *s, enum pol_slot slot, struct pol_body *body)
{
	const struct pol_token *t = &ps->lex.tok;

	if (t->kind != POL_TOK_SLOT) {
		s->uid = pol_parse_entity(ps);
		return s->uid != NULL;
	}
	if (slot == POL_SLOT_NONE) {
		pol_parse_fail(ps, t->at, t->text.n, NULL, "an action has no slot");
		return false;
	}
	if (!or_slice_is(t->text, slot == POL_SLOT_PRINCIPAL ? "?principal" : "?resource")) {
		pol_parse_fail(ps, t->at, t->text.n, NULL, "the slot here is ?%s",
		    slot == POL_SLOT_PRINCIPAL ? "principal" : "resource");
		return false;
	}
	s->slot = (uint8_t)slot;
	body->has_slot[slot] = true;
	pol_lex_next(&ps->lex);
	return true;
}

static bool parse_is(
    struct pol_parse *ps, struct pol_scope *s, enum pol_slot slot, struct pol_body *body)
{
	s->op = POL_SCOPE_IS;
	if (!pol_parse_path(ps, &s->type, NULL))
		return false;
	if (!pol_lex_accept_word(&ps->lex, "in"))
		return true;
	s->op = POL_SCOPE_IS_IN;
	return parse_target(ps, s, slot, body);
}

static bool parse_scope(struct pol_parse *ps, struct pol_scope *s, const char *var,
    enum pol_slot slot, struct pol_body *body)
{
	s->slot = POL_SLOT_NONE;
	s->at = (uint32_t)ps->lex.tok.at;
	if (!pol_lex_is_word(&ps->lex, var)) {
		char what[16];

		snprintf(what, sizeof(what), "`%s`", var);
		return unexpected(ps, what);
	}
	pol_lex_next(&ps->lex);
	if (pol_lex_accept(&ps->lex, POL_TOK_EQ)) {
		s->op = POL_SCOPE_EQ;
		return parse_target(ps, s, slot, body);
	}
	if (pol_lex_accept_word(&ps->lex, "in")) {
		s->op = POL_SCOPE_IN;
		return parse_target(ps, s, slot, body);
	}
	if (pol_lex_accept_word(&ps->lex, "is"))
		return parse_is(ps, s, slot, body);
	return true;
}

static bool parse_action_list(struct pol_parse *ps, struct pol_scope *s)
{
	size_t mark = pol_parse_mark(ps);

	s->list = true;
	while (ps->lex.tok.kind != POL_TOK_RBRACKET) {
		const struct pol_uid *u = pol_parse_entity(ps);

		if (!u || (ps->lex.tok.kind != POL_TOK_RBRACKET && !expect(ps, POL_TOK_COMMA))) {
			or_buf_cut(&ps->scratch, mark);
			return false;
		}
		pol_parse_push(ps, &u, sizeof(u));
	}
	pol_lex_next(&ps->lex);
	s->n_uids = (uint32_t)((ps->scratch.n - mark) / sizeof(struct pol_uid *));
	s->uids = pol_parse_pop(ps, mark);
	return s->uids != NULL;
}

static bool is_action_type(struct or_slice type)
{
	static const char suffix[] = "::Action";
	size_t n = sizeof(suffix) - 1;

	return or_slice_is(type, "Action") ||
	       (type.n > n && memcmp(type.p + type.n - n, suffix, n) == 0);
}

static bool check_action_types(struct pol_parse *ps, const struct pol_scope *s)
{
	for (size_t i = 0; i < s->n_uids; i++) {
		if (!is_action_type(s->uids[i]->type)) {
			pol_parse_fail(ps, s->at, ps->lex.end - s->at, NULL,
			    "the type of an action is Action, not `%.*s`",
			    OR_SLICE_FMT(s->uids[i]->type));
			return false;
		}
	}
	return true;
}

static bool parse_action(struct pol_parse *ps, struct pol_body *body)
{
	struct pol_scope *s = &body->action;

	s->slot = POL_SLOT_NONE;
	s->at = (uint32_t)ps->lex.tok.at;
	if (!pol_lex_accept_word(&ps->lex, "action"))
		return unexpected(ps, "`action`");
	if (pol_lex_accept(&ps->lex, POL_TOK_EQ))
		s->op = POL_SCOPE_EQ;
	else if (pol_lex_accept_word(&ps->lex, "in"))
		s->op = POL_SCOPE_IN;
	else if (pol_lex_is_word(&ps->lex, "is"))
		return unexpected(ps, "`==`, `in` or `,`");
	else
		return true;
	if (s->op == POL_SCOPE_IN && pol_lex_accept(&ps->lex, POL_TOK_LBRACKET)) {
		if (!parse_action_list(ps, s))
			return false;
	} else {
		if (!parse_target(ps, s, POL_SLOT_NONE, body))
			return false;
		s->uids = &s->uid;
		s->n_uids = 1;
	}
	return check_action_types(ps, s);
}

static bool parse_head(struct pol_parse *ps, struct pol_body *body)
{
	uint32_t *len[] = {&body->principal.len, &body->action.len, &body->resource.len};
	const uint32_t *at[] = {&body->principal.at, &body->action.at, &body->resource.at};

	if (!expect(ps, POL_TOK_LPAREN))
		return false;
	for (int i = 0; i < 3; i++) {
		bool ok =
		    i == 0
			? parse_scope(ps, &body->principal, "principal", POL_SLOT_PRINCIPAL, body)
		    : i == 1
			? parse_action(ps, body)
			: parse_scope(ps, &body->resource, "resource", POL_SLOT_RESOURCE, body);

		if (!ok)
			return false;
		*len[i] = (uint32_t)(ps->lex.end - *at[i]);
		if (i < 2 && !expect(ps, POL_TOK_COMMA))
			return false;
	}
	pol_lex_accept(&ps->lex, POL_TOK_COMMA);
	return expect(ps, POL_TOK_RPAREN);
}

static bool parse_conditions(struct pol_parse *ps, struct pol_body *body)
{
	size_t mark = pol_parse_mark(ps);

	while (pol_lex_is_word(&ps->lex, "when") || pol_lex_is_word(&ps->lex, "unless")) {
		struct pol_condition c = {.unless = pol_lex_is_word(&ps->lex, "unless")};

		pol_lex_next(&ps->lex);
		if (!expect(ps, POL_TOK_LBRACE))
			return false;
		if (ps->lex.tok.kind == POL_TOK_RBRACE)
			return unexpected(ps, "a condition");
		c.expr = pol_parse_expr(ps);
		if (!c.expr || !expect(ps, POL_TOK_RBRACE))
			return false;
		pol_parse_push(ps, &c, sizeof(c));
	}
	body->n_conditions = (uint32_t)((ps->scratch.n - mark) / sizeof(struct pol_condition));
	body->conditions = pol_parse_pop(ps, mark);
	return body->conditions != NULL;
}

static bool parse_effect(struct pol_parse *ps, struct pol_policy *p)
{
	if (pol_lex_is_word(&ps->lex, "permit"))
		p->forbid = false;
	else if (pol_lex_is_word(&ps->lex, "forbid"))
		p->forbid = true;
	else
		return unexpected(ps, "`permit` or `forbid`");
	pol_lex_next(&ps->lex);
	return true;
}

bool pol_parse_policy(struct pol_parse *ps, struct pol_policy *p)
{
	struct pol_body *body = or_arena_alloc(ps->arena, sizeof(*body));
	size_t at = ps->lex.tok.at;
	bool ok;

	if (!body) {
		ps->rc = OR_FULL;
		return false;
	}
	body->src = ps->lex.src;
	ps->depth = 0;
	or_buf_clear(&ps->scratch);
	ok = parse_annotations(ps, p) && parse_effect(ps, p) && parse_head(ps, body) &&
	     parse_conditions(ps, body);
	if (ok && ps->lex.tok.kind != POL_TOK_SEMI)
		ok = unexpected(ps, body->n_conditions || ps->lex.tok.kind == POL_TOK_END
					? "`;`"
					: "`when`, `unless` or `;`");
	if (!ok) {
		/* A policy that lacks its `;` must not take the next one with it. */
		if (!pol_lex_is_word(&ps->lex, "permit") && !pol_lex_is_word(&ps->lex, "forbid"))
			pol_lex_recover(&ps->lex);
		return false;
	}
	pol_lex_next(&ps->lex);
	p->at = (uint32_t)at;
	p->len = (uint32_t)(ps->lex.end - at);
	p->body = body;
	p->template = body->has_slot[POL_SLOT_PRINCIPAL] || body->has_slot[POL_SLOT_RESOURCE];
	return true;
}
