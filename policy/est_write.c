/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/est.h"

#include "base/jsonw.h"
#include "base/map.h"
#include "policy/ext.h"

enum { TEMPLATES_MAX = 1 << 20, CHAIN_MAX = 100, CALL_MAX = 256 };

struct writer {
	struct or_buf *b;
	int indent;
	int depth;
	bool started; /* the innermost object or list holds something */
	bool deep;    /* deeper than can be read */
};

static void put_line(struct writer *w)
{
	if (!w->indent)
		return;
	or_buf_put_byte(w->b, '\n');
	for (int i = 0; i < w->depth * w->indent; i++)
		or_buf_put_byte(w->b, ' ');
}

/* Before each element or key. */
static void next(struct writer *w)
{
	if (w->depth == 0)
		return;
	if (w->started)
		or_buf_put_byte(w->b, ',');
	put_line(w);
	w->started = true;
}

static void open(struct writer *w, char bracket)
{
	or_buf_put_byte(w->b, (uint8_t)bracket);
	w->depth++;
	w->deep |= w->depth > POL_EST_DEPTH_MAX;
	w->started = false;
}

static void shut(struct writer *w, char bracket)
{
	w->depth--;
	if (w->started)
		put_line(w);
	or_buf_put_byte(w->b, (uint8_t)bracket);
	w->started = true;
}

static void put_str(struct writer *w, struct or_slice s)
{
	struct or_jsonw one;

	or_jsonw_init(&one, w->b, 0);
	or_jsonw_str(&one, s);
}

static void put_key_slice(struct writer *w, struct or_slice key)
{
	next(w);
	put_str(w, key);
	or_buf_put_str(w->b, w->indent ? ": " : ":");
}

static void put_key(struct writer *w, const char *key)
{
	put_key_slice(w, or_slice_str(key));
}

static void put_member(struct writer *w, const char *key, struct or_slice value)
{
	put_key(w, key);
	put_str(w, value);
}

static void put_uid(struct writer *w, const struct pol_uid *u)
{
	open(w, '{');
	put_member(w, "type", u->type);
	put_member(w, "id", u->id);
	shut(w, '}');
}

static void put_expr(struct writer *w, const struct pol_node *n);

/* {"op": { — closed by end_op */
static void begin_op(struct writer *w, const char *op)
{
	open(w, '{');
	put_key(w, op);
	open(w, '{');
}

static void end_op(struct writer *w)
{
	shut(w, '}');
	shut(w, '}');
}

static void put_part(struct writer *w, const char *key, const struct pol_node *n)
{
	put_key(w, key);
	put_expr(w, n);
}

static void put_value(struct writer *w, const struct pol_value *v);

/* The constructor of an extension value, from how it is printed: fn("text"). */
static void put_construction(struct writer *w, const struct pol_value *v)
{
	struct or_buf text;
	size_t quote;

	or_buf_init(&text, CALL_MAX);
	pol_value_print(&text, v);
	for (quote = 0; quote < text.n && text.p[quote] != '"';)
		quote++;
	OR_ASSERT(or_buf_ok(&text) && quote > 1 && text.n > quote + 2);
	open(w, '{');
	put_key_slice(w, or_slice(text.p, quote - 1));
	open(w, '[');
	next(w);
	open(w, '{');
	put_member(w, "Value", or_slice(text.p + quote + 1, text.n - quote - 3));
	shut(w, '}');
	shut(w, ']');
	shut(w, '}');
	or_buf_done(&text);
}

static void put_set(struct writer *w, const struct pol_set_value *set)
{
	put_key(w, "Set");
	open(w, '[');
	for (size_t i = 0; i < set->n; i++) {
		next(w);
		put_value(w, &set->items[i]);
	}
	shut(w, ']');
}

static void put_record(struct writer *w, const struct pol_record *rec)
{
	put_key(w, "Record");
	open(w, '{');
	for (size_t i = 0; i < rec->n; i++) {
		put_key_slice(w, rec->fields[i].key);
		put_value(w, &rec->fields[i].value);
	}
	shut(w, '}');
}

static void put_plain(struct writer *w, const struct pol_value *v)
{
	put_key(w, "Value");
	if (v->kind == POL_BOOL) {
		or_buf_put_str(w->b, v->b ? "true" : "false");
	} else if (v->kind == POL_LONG) {
		or_buf_put_i64(w->b, v->i);
	} else if (v->kind == POL_STRING) {
		put_str(w, v->s);
	} else {
		open(w, '{');
		put_key(w, "__entity");
		put_uid(w, v->e);
		shut(w, '}');
	}
}

static void put_value(struct writer *w, const struct pol_value *v)
{
	if (v->kind > POL_RECORD) {
		put_construction(w, v);
		return;
	}
	open(w, '{');
	if (v->kind == POL_SET)
		put_set(w, v->set);
	else if (v->kind == POL_RECORD)
		put_record(w, v->rec);
	else
		put_plain(w, v);
	shut(w, '}');
}

static void put_args(struct writer *w, const struct pol_node *const *args, uint32_t n)
{
	open(w, '[');
	for (uint32_t i = 0; i < n; i++) {
		next(w);
		put_expr(w, args[i]);
	}
	shut(w, ']');
}

static void put_call(struct writer *w, const struct pol_node *n)
{
	open(w, '{');
	put_key(w, pol_ext_name((enum pol_ext_fn)n->sub));
	put_args(w, n->args, n->n);
	shut(w, '}');
}

/* Cedar's form has two operands and groups to the left. A long chain is halved first, which means
 * the same and is not so deep. */
static void put_chain(struct writer *w, const struct pol_node *n, uint32_t from, uint32_t to)
{
	const char *op = n->op == POL_OP_AND ? "&&" : "||";

	if (to - from == 1) {
		put_expr(w, n->args[from]);
		return;
	}
	begin_op(w, op);
	put_key(w, "left");
	if (to - from > CHAIN_MAX) {
		uint32_t half = from + (to - from) / 2;

		put_chain(w, n, from, half);
		put_key(w, "right");
		put_chain(w, n, half, to);
	} else {
		put_chain(w, n, from, to - 1);
		put_part(w, "right", n->args[to - 1]);
	}
	end_op(w);
}

static void put_has(struct writer *w, const struct pol_node *n)
{
	begin_op(w, "has");
	put_part(w, "left", n->a);
	put_key(w, "attr");
	if (n->n == 1) {
		put_str(w, n->names[0]);
	} else {
		open(w, '[');
		for (uint32_t i = 0; i < n->n; i++) {
			next(w);
			put_str(w, n->names[i]);
		}
		shut(w, ']');
	}
	end_op(w);
}

/* Bytes of the code point that stands at p. */
static size_t point_length(const uint8_t *p, size_t left)
{
	size_t n = 1;

	while (n < left && (p[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* As Cedar does: a literal for each character. A star is the byte 0xFF. */
static void put_like(struct writer *w, const struct pol_node *n)
{
	begin_op(w, "like");
	put_part(w, "left", n->a);
	put_key(w, "pattern");
	open(w, '[');
	for (size_t i = 0; i < n->name.n;) {
		size_t len = point_length(n->name.p + i, n->name.n - i);

		next(w);
		if (n->name.p[i] == 0xFF) {
			or_buf_put_str(w->b, "\"Wildcard\"");
		} else {
			open(w, '{');
			put_member(w, "Literal", or_slice(n->name.p + i, len));
			shut(w, '}');
		}
		i += len;
	}
	shut(w, ']');
	end_op(w);
}

static void put_is(struct writer *w, const struct pol_node *n)
{
	begin_op(w, "is");
	put_part(w, "left", n->a);
	put_member(w, "entity_type", n->name);
	if (n->b)
		put_part(w, "in", n->b);
	end_op(w);
}

static void put_if(struct writer *w, const struct pol_node *n)
{
	begin_op(w, "if-then-else");
	put_part(w, "if", n->a);
	put_part(w, "then", n->b);
	put_part(w, "else", n->c);
	end_op(w);
}

static void put_leaf(struct writer *w, const struct pol_node *n)
{
	static const char *const vars[] = {"principal", "action", "resource", "context"};

	if (n->op == POL_OP_LIT && n->a) {
		put_call(w, n->a);
	} else if (n->op == POL_OP_LIT) {
		put_value(w, &n->lit);
	} else {
		open(w, '{');
		if (n->op == POL_OP_VAR)
			put_member(w, "Var", or_slice_str(vars[n->sub]));
		else
			put_member(w, "Slot",
			    n->sub == POL_SLOT_PRINCIPAL ? OR_SLICE_LIT("?principal")
							 : OR_SLICE_LIT("?resource"));
		shut(w, '}');
	}
}

static void put_collection(struct writer *w, const struct pol_node *n)
{
	open(w, '{');
	if (n->op == POL_OP_SET) {
		put_key(w, "Set");
		put_args(w, n->args, n->n);
	} else {
		put_key(w, "Record");
		open(w, '{');
		for (uint32_t i = 0; i < n->n; i++) {
			put_key_slice(w, n->fields[i].key);
			put_expr(w, n->fields[i].value);
		}
		shut(w, '}');
	}
	shut(w, '}');
}

/* What has one operand or two. */
static void put_operation(struct writer *w, const struct pol_node *n)
{
	static const char *const names[] = {[POL_OP_NOT] = "!",
	    [POL_OP_NEG] = "neg",
	    [POL_OP_EQ] = "==",
	    [POL_OP_NE] = "!=",
	    [POL_OP_LT] = "<",
	    [POL_OP_LE] = "<=",
	    [POL_OP_GT] = ">",
	    [POL_OP_GE] = ">=",
	    [POL_OP_IN] = "in",
	    [POL_OP_ADD] = "+",
	    [POL_OP_SUB] = "-",
	    [POL_OP_MUL] = "*",
	    [POL_OP_CONTAINS] = "contains",
	    [POL_OP_CONTAINS_ALL] = "containsAll",
	    [POL_OP_CONTAINS_ANY] = "containsAny",
	    [POL_OP_IS_EMPTY] = "isEmpty",
	    [POL_OP_HAS_TAG] = "hasTag",
	    [POL_OP_GET_TAG] = "getTag"};

	begin_op(w, names[n->op]);
	put_part(w, n->b ? "left" : "arg", n->a);
	if (n->b)
		put_part(w, "right", n->b);
	end_op(w);
}

static void put_expr(struct writer *w, const struct pol_node *n)
{
	/* Deeper than can be read: no need to go on. */
	if (w->deep || !or_buf_ok(w->b))
		return;
	switch ((int)n->op) {
	case POL_OP_LIT:
	case POL_OP_VAR:
	case POL_OP_SLOT: put_leaf(w, n); return;
	case POL_OP_IF: put_if(w, n); return;
	case POL_OP_AND:
	case POL_OP_OR: put_chain(w, n, 0, n->n); return;
	case POL_OP_HAS: put_has(w, n); return;
	case POL_OP_LIKE: put_like(w, n); return;
	case POL_OP_IS: put_is(w, n); return;
	case POL_OP_SET:
	case POL_OP_RECORD: put_collection(w, n); return;
	case POL_OP_EXT: put_call(w, n); return;
	case POL_OP_ATTR:
		begin_op(w, ".");
		put_part(w, "left", n->a);
		put_member(w, "attr", n->name);
		end_op(w);
		return;
	default: put_operation(w, n);
	}
}

/* "entity" or "slot", and what it is. */
static void put_target(
    struct writer *w, const struct pol_scope *s, const struct pol_uid *const slots[POL_SLOTS])
{
	const struct pol_uid *uid = s->slot == POL_SLOT_NONE ? s->uid : slots[s->slot];

	/* `in [x]` is written as `in x`, as Cedar does. */
	if (s->list)
		uid = s->uids[0];

	if (uid) {
		put_key(w, "entity");
		put_uid(w, uid);
	} else {
		put_member(w, "slot",
		    s->slot == POL_SLOT_PRINCIPAL ? OR_SLICE_LIT("?principal")
						  : OR_SLICE_LIT("?resource"));
	}
}

static void put_is_scope(
    struct writer *w, const struct pol_scope *s, const struct pol_uid *const slots[POL_SLOTS])
{
	put_member(w, "entity_type", s->type);
	if (s->op != POL_SCOPE_IS_IN)
		return;
	put_key(w, "in");
	open(w, '{');
	put_target(w, s, slots);
	shut(w, '}');
}

static void put_scope(struct writer *w, const char *key, const struct pol_scope *s,
    const struct pol_uid *const slots[POL_SLOTS])
{
	static const char *const ops[] = {[POL_SCOPE_ANY] = "All",
	    [POL_SCOPE_EQ] = "==",
	    [POL_SCOPE_IN] = "in",
	    [POL_SCOPE_IS] = "is",
	    [POL_SCOPE_IS_IN] = "is"};

	put_key(w, key);
	open(w, '{');
	put_member(w, "op", or_slice_str(ops[s->op]));
	if (s->op == POL_SCOPE_IS || s->op == POL_SCOPE_IS_IN) {
		put_is_scope(w, s, slots);
	} else if (s->list && s->n_uids != 1) {
		put_key(w, "entities");
		open(w, '[');
		for (size_t i = 0; i < s->n_uids; i++) {
			next(w);
			put_uid(w, s->uids[i]);
		}
		shut(w, ']');
	} else if (s->op != POL_SCOPE_ANY) {
		put_target(w, s, slots);
	}
	shut(w, '}');
}

static void put_conditions(struct writer *w, const struct pol_body *body)
{
	put_key(w, "conditions");
	open(w, '[');
	for (size_t i = 0; i < body->n_conditions; i++) {
		next(w);
		open(w, '{');
		put_member(w, "kind",
		    body->conditions[i].unless ? OR_SLICE_LIT("unless") : OR_SLICE_LIT("when"));
		put_part(w, "body", body->conditions[i].expr);
		shut(w, '}');
	}
	shut(w, ']');
}

static void put_annotations(struct writer *w, const struct pol_policy *p)
{
	if (p->n_annotations == 0)
		return;
	put_key(w, "annotations");
	open(w, '{');
	for (size_t i = 0; i < p->n_annotations; i++) {
		put_key_slice(w, p->annotations[i].key);
		if (p->annotations[i].bare)
			or_buf_put_str(w->b, "null");
		else
			put_str(w, p->annotations[i].value);
	}
	shut(w, '}');
}

static void put_policy(struct writer *w, const struct pol_policy *p)
{
	open(w, '{');
	put_member(w, "effect", p->forbid ? OR_SLICE_LIT("forbid") : OR_SLICE_LIT("permit"));
	put_scope(w, "principal", &p->body->principal, p->slots);
	put_scope(w, "action", &p->body->action, p->slots);
	put_scope(w, "resource", &p->body->resource, p->slots);
	put_conditions(w, p->body);
	put_annotations(w, p);
	shut(w, '}');
}

static bool is_link(const struct pol_policy *p)
{
	return p->slots[0] || p->slots[1];
}

static void put_policies(
    struct writer *w, const char *key, const struct pol_set *set, bool templates)
{
	put_key(w, key);
	open(w, '{');
	for (size_t i = 0; i < pol_set_count(set); i++) {
		const struct pol_policy *p = pol_set_at(set, i);

		if (p->template != templates || is_link(p))
			continue;
		put_key_slice(w, p->id);
		put_policy(w, p);
	}
	shut(w, '}');
}

static void put_link(struct writer *w, const struct pol_policy *p, const struct pol_policy *t)
{
	static const char *const names[POL_SLOTS] = {"?principal", "?resource"};

	next(w);
	open(w, '{');
	put_member(w, "templateId", t->id);
	put_member(w, "newId", p->id);
	put_key(w, "values");
	open(w, '{');
	for (int i = 0; i < POL_SLOTS; i++) {
		if (p->slots[i]) {
			put_key(w, names[i]);
			put_uid(w, p->slots[i]);
		}
	}
	shut(w, '}');
	shut(w, '}');
}

/* A link shares its template's body, which names it. */
static void put_links(struct writer *w, const struct pol_set *set)
{
	struct or_map templates;
	size_t n = pol_set_count(set);

	or_map_init(&templates, TEMPLATES_MAX);
	put_key(w, "templateLinks");
	open(w, '[');
	for (size_t i = 0; i < n; i++) {
		const struct pol_policy *p = pol_set_at(set, i);
		struct or_slice key = or_slice((const uint8_t *)&p->body, sizeof(p->body));
		const struct pol_policy *t;

		if (p->template) {
			if (or_map_put(&templates, key, (void *)(uintptr_t)p) == OR_FULL)
				w->deep = true;
		} else if (is_link(p)) {
			t = or_map_find(&templates, key);
			if (t)
				put_link(w, p, t);
		}
	}
	shut(w, ']');
	or_map_done(&templates);
}

static enum or_code finish(const struct writer *w, size_t from, struct or_err *err)
{
	if (!w->deep && or_buf_ok(w->b))
		return OR_OK;
	or_buf_cut(w->b, from);
	return or_err_set(err, OR_FULL,
	    w->deep ? "the policies are nested too deeply for JSON"
		    : "the policies' JSON needs more memory than its budget");
}

enum or_code pol_est_write_policy(
    struct or_buf *b, const struct pol_policy *p, int indent, struct or_err *err)
{
	struct writer w = {.b = b, .indent = indent};
	size_t from = b->n;

	put_policy(&w, p);
	return finish(&w, from, err);
}

enum or_code pol_est_write_set(
    struct or_buf *b, const struct pol_set *set, int indent, struct or_err *err)
{
	struct writer w = {.b = b, .indent = indent};
	size_t from = b->n;

	open(&w, '{');
	put_policies(&w, "staticPolicies", set, false);
	put_policies(&w, "templates", set, true);
	put_links(&w, set);
	shut(&w, '}');
	return finish(&w, from, err);
}
