/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_convert.h"

#include "base/jsonw.h"
#include "policy/schema_decl.h"

struct writer {
	struct or_buf *b;
	int indent;
	int depth;
	bool started; /* the innermost object or list holds something */
};

static void put_line(struct writer *w)
{
	if (!w->indent)
		return;
	or_buf_put_byte(w->b, '\n');
	for (int i = 0; i < w->depth * w->indent; i++)
		or_buf_put_byte(w->b, ' ');
}

static void next(struct writer *w)
{
	if (w->started)
		or_buf_put_byte(w->b, ',');
	put_line(w);
	w->started = true;
}

static void open(struct writer *w, char bracket)
{
	or_buf_put_byte(w->b, (uint8_t)bracket);
	w->depth++;
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

static void put_key(struct writer *w, struct or_slice key)
{
	next(w);
	put_str(w, key);
	or_buf_put_str(w->b, w->indent ? ": " : ":");
}

/* base/jsonw.h knows fewer levels than types may have. */
static void put_tree(struct writer *w, const struct or_json *j)
{
	switch (j->type) {
	case OR_JSON_OBJECT:
		open(w, '{');
		for (size_t i = 0; i < j->object.n; i++) {
			put_key(w, j->object.members[i].key);
			put_tree(w, j->object.members[i].value);
		}
		shut(w, '}');
		return;
	case OR_JSON_ARRAY:
		open(w, '[');
		for (size_t i = 0; i < j->array.n; i++) {
			next(w);
			put_tree(w, j->array.items[i]);
		}
		shut(w, ']');
		return;
	case OR_JSON_STR: put_str(w, j->s); return;
	case OR_JSON_INT: or_buf_put_i64(w->b, j->i); return;
	case OR_JSON_BOOL: or_buf_put_str(w->b, j->b ? "true" : "false"); return;
	case OR_JSON_NULL:
	case OR_JSON_REAL: or_buf_put_str(w->b, "null"); return;
	}
}

/* The declarations of one kind in a namespace; an empty object where there are none, if needed. */
static void put_section(struct writer *w, const struct pol_reader *r, struct or_slice ns,
    const char *key, enum pol_decl_kind kind, bool needed)
{
	bool begun = false;

	for (size_t i = 0; i < pol_schema_decl_count(r); i++) {
		const struct pol_decl *d = pol_schema_decl_at(r, i);

		if (d->kind != kind || !or_slice_eq(d->ns, ns))
			continue;
		if (!begun) {
			put_key(w, or_slice_str(key));
			open(w, '{');
		}
		begun = true;
		put_key(w, d->name);
		put_tree(w, d->body);
	}
	if (!begun && needed) {
		put_key(w, or_slice_str(key));
		open(w, '{');
	}
	if (begun || needed)
		shut(w, '}');
}

static void put_namespace(struct writer *w, const struct pol_reader *r, struct or_slice ns)
{
	put_key(w, ns);
	open(w, '{');
	for (size_t i = 0; i < pol_schema_decl_count(r); i++) {
		const struct pol_decl *d = pol_schema_decl_at(r, i);

		if (d->kind == POL_DECL_NAMESPACE && or_slice_eq(d->ns, ns) && d->body) {
			put_key(w, OR_SLICE_LIT("annotations"));
			put_tree(w, d->body);
		}
	}
	put_section(w, r, ns, "commonTypes", POL_DECL_COMMON, false);
	put_section(w, r, ns, "entityTypes", POL_DECL_ENTITY, true);
	put_section(w, r, ns, "actions", POL_DECL_ACTION, true);
	shut(w, '}');
}

static enum or_code write_json(struct pol_reader *r, void *arg)
{
	struct writer *w = arg;
	bool outside = false;

	open(w, '{');
	for (size_t i = 0; i < pol_schema_decl_count(r); i++)
		outside |= pol_schema_decl_at(r, i)->ns.n == 0;
	if (outside)
		put_namespace(w, r, OR_SLICE_LIT(""));
	for (size_t i = 0; i < pol_schema_decl_count(r); i++) {
		const struct pol_decl *d = pol_schema_decl_at(r, i);

		if (d->kind == POL_DECL_NAMESPACE && d->ns.n)
			put_namespace(w, r, d->ns);
	}
	shut(w, '}');
	if (w->indent)
		or_buf_put_byte(w->b, '\n');
	return or_buf_ok(w->b) ? OR_OK : OR_FULL;
}

enum or_code pol_schema_convert_to_json(struct or_buf *b, const char *name, struct or_slice text,
    int indent, struct pol_diags *diags, struct or_err *err)
{
	struct writer w = {.b = b, .indent = indent};

	return pol_schema_decl_read(NULL, name, text, false, write_json, &w, diags, err);
}

static enum or_code write_text(struct pol_reader *r, void *arg)
{
	return pol_schema_print_decls(arg, r);
}

enum or_code pol_schema_convert_to_text(struct or_buf *b, const char *name, struct or_slice json,
    struct pol_diags *diags, struct or_err *err)
{
	return pol_schema_decl_read(NULL, name, json, true, write_text, b, diags, err);
}
