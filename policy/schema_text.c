/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar schema text, read into declarations whose bodies have the JSON form.
 */
#include "policy/lex.h"
#include "policy/schema_decl.h"

enum { SCRATCH_MAX = 64 << 20, TYPE_DEPTH_MAX = 200, TWICE_MAX = 1000 };

struct text {
	struct pol_reader *r;
	struct or_arena *arena;
	struct pol_lex lex;
	struct or_buf stack; /* what lists are made of */
	struct or_slice ns;
	int depth;
	/* Where the line of the last position began; positions only grow. */
	size_t seen;
	size_t line_start;
	uint32_t line;
};

static bool failed(struct text *t, enum or_code rc)
{
	if (t->r->rc == OR_OK)
		t->r->rc = rc;
	return false;
}

static bool unexpected(struct text *t, const char *what)
{
	pol_lex_expected(&t->lex, what);
	return failed(t, OR_PARSE);
}

static bool expect(struct text *t, enum pol_tok kind)
{
	return pol_lex_expect(&t->lex, kind) || failed(t, OR_PARSE);
}

/* A node that stands where the token is. */
static struct or_json *node(struct text *t, enum or_json_type type)
{
	struct or_json *j = pol_json_new(t->arena, type);

	for (; t->seen < t->lex.tok.at; t->seen++) {
		if (t->lex.src.text.p[t->seen] == '\n') {
			t->line++;
			t->line_start = t->seen + 1;
		}
	}
	if (!j) {
		failed(t, OR_FULL);
		return NULL;
	}
	j->line = t->line;
	j->col = (uint32_t)(t->lex.tok.at - t->line_start) + 1;
	return j;
}

static void *settle(struct text *t, size_t mark, size_t size, size_t *n)
{
	size_t bytes = t->stack.n - mark;
	void *to = or_buf_ok(&t->stack) ? or_arena_alloc(t->arena, bytes) : NULL;

	*n = bytes / size;
	if (to && bytes)
		memcpy(to, t->stack.p + mark, bytes);
	or_buf_cut(&t->stack, mark);
	if (!to)
		failed(t, OR_FULL);
	return to;
}

static void put_member(struct text *t, const char *key, const struct or_json *value)
{
	struct or_json_member m = {.key = or_slice_str(key), .value = value};

	or_buf_put(&t->stack, &m, sizeof(m));
}

/* The members since mark go into the object. */
static const struct or_json *end_object(struct text *t, struct or_json *j, size_t mark)
{
	j->object.members = settle(t, mark, sizeof(struct or_json_member), &j->object.n);
	return j->object.members ? j : NULL;
}

static const struct or_json *end_array(struct text *t, struct or_json *j, size_t mark)
{
	j->array.items = settle(t, mark, sizeof(struct or_json *), &j->array.n);
	return j->array.items ? j : NULL;
}

static struct or_json *constant(struct text *t, const char *text)
{
	struct or_json *j = node(t, OR_JSON_STR);

	if (j)
		j->s = or_slice_str(text);
	return j;
}

static bool take_ident(struct text *t, struct or_slice *out)
{
	if (t->lex.tok.kind != POL_TOK_IDENT)
		return unexpected(t, "a name");
	if (pol_lex_is_reserved(t->lex.tok.text))
		return unexpected(t, "a name that is not reserved");
	*out = t->lex.tok.text;
	pol_lex_next(&t->lex);
	return true;
}

static bool take_string(struct text *t, struct or_slice *out)
{
	enum or_code rc;

	if (t->lex.tok.kind != POL_TOK_STR)
		return unexpected(t, "a string");
	rc = pol_lex_unescape(out, &t->lex, &t->lex.tok, t->arena, false);
	if (rc)
		return failed(t, rc);
	pol_lex_next(&t->lex);
	return true;
}

static bool take_name(struct text *t, struct or_slice *out)
{
	return t->lex.tok.kind == POL_TOK_STR ? take_string(t, out) : take_ident(t, out);
}

/* A path; where has_id is not NULL it may end in ::"id", which is left to be read. */
static bool take_path(struct text *t, struct or_slice *out, bool *has_id)
{
	size_t mark = t->stack.n, n;
	struct or_slice part;

	for (;;) {
		/* __cedar::Long means the language's own type, whatever else has that name. */
		if (t->stack.n == mark && pol_lex_is_word(&t->lex, "__cedar")) {
			part = t->lex.tok.text;
			pol_lex_next(&t->lex);
		} else if (!take_ident(t, &part)) {
			or_buf_cut(&t->stack, mark);
			return false;
		}
		or_buf_put_slice(&t->stack, part);
		if (!pol_lex_accept(&t->lex, POL_TOK_PATH))
			break;
		if (has_id && t->lex.tok.kind == POL_TOK_STR) {
			*has_id = true;
			break;
		}
		or_buf_put_str(&t->stack, "::");
	}
	n = t->stack.n - mark;
	out->p = settle(t, mark, 1, &out->n);
	OR_ASSERT(!out->p || out->n == n);
	return out->p != NULL;
}

static bool is_taken(struct text *t, size_t mark, struct or_slice key)
{
	const struct or_json_member *seen = (const void *)(t->stack.p + mark);

	for (size_t i = 0; i < (t->stack.n - mark) / sizeof(*seen); i++) {
		if (or_slice_eq(seen[i].key, key))
			return true;
	}
	return false;
}

static bool put_annotation(struct text *t, size_t mark)
{
	struct or_json_member m = {.key = t->lex.tok.text};
	struct or_json *value = node(t, OR_JSON_STR);

	if (t->lex.tok.kind != POL_TOK_IDENT)
		return unexpected(t, "the name of an annotation");
	if (!value)
		return false;
	if (is_taken(t, mark, m.key)) {
		pol_diag_add(t->lex.diags, &t->lex.src, t->lex.tok.at, m.key.n, NULL,
		    "the annotation @%.*s is there twice", OR_SLICE_FMT(m.key));
		return failed(t, OR_PARSE);
	}
	pol_lex_next(&t->lex);
	value->s = OR_SLICE_LIT("");
	if (pol_lex_accept(&t->lex, POL_TOK_LPAREN) &&
	    (!take_string(t, &value->s) || !expect(t, POL_TOK_RPAREN)))
		return false;
	m.value = value;
	or_buf_put(&t->stack, &m, sizeof(m));
	return true;
}

/* *out: an object of them; NULL where there is none. */
static bool take_annotations(struct text *t, const struct or_json **out)
{
	struct or_json *j = t->lex.tok.kind == POL_TOK_AT ? node(t, OR_JSON_OBJECT) : NULL;
	size_t mark = t->stack.n;

	*out = NULL;
	if (t->lex.tok.kind != POL_TOK_AT)
		return true;
	while (pol_lex_accept(&t->lex, POL_TOK_AT)) {
		if (!put_annotation(t, mark))
			return false;
	}
	*out = j ? end_object(t, j, mark) : NULL;
	return *out != NULL;
}

static void put_annotations(struct text *t, const struct or_json *annotations)
{
	if (annotations)
		put_member(t, "annotations", annotations);
}

/* How a type stands in what holds it. */
struct stance {
	bool optional;
	const struct or_json *annotations;
};

static const struct stance PLAIN = {.optional = false};

static bool put_type(struct text *t, struct or_json **made, struct stance stance);

static bool put_attribute(struct text *t, size_t mark)
{
	struct or_json_member m = {.value = NULL};
	struct stance stance = PLAIN;
	struct or_json *type;
	size_t at;

	if (!take_annotations(t, &stance.annotations))
		return false;
	at = t->lex.tok.at;
	if (!take_name(t, &m.key))
		return false;
	/* The last one would hide the others. Beyond that many it is seen when the type is made. */
	if (t->stack.n - mark < TWICE_MAX * sizeof(m) && is_taken(t, mark, m.key)) {
		pol_diag_add(t->lex.diags, &t->lex.src, at, m.key.n, NULL,
		    "the attribute `%.*s` is there twice", OR_SLICE_FMT(m.key));
		return failed(t, OR_PARSE);
	}
	stance.optional = pol_lex_accept(&t->lex, POL_TOK_QUESTION);
	if (!expect(t, POL_TOK_COLON) || !put_type(t, &type, stance))
		return false;
	m.value = type;
	or_buf_put(&t->stack, &m, sizeof(m));
	return true;
}

/* { name: Type, … }: the object of attributes. */
static const struct or_json *take_attributes(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_OBJECT);
	size_t mark = t->stack.n;

	if (!j || !expect(t, POL_TOK_LBRACE))
		return NULL;
	while (!pol_lex_accept(&t->lex, POL_TOK_RBRACE)) {
		if (!put_attribute(t, mark))
			return NULL;
		if (t->lex.tok.kind != POL_TOK_RBRACE && !expect(t, POL_TOK_COMMA))
			return NULL;
	}
	return end_object(t, j, mark);
}

static bool type_members(struct text *t)
{
	struct or_json *element, *name;
	const struct or_json *attributes;
	struct or_slice path;

	if (t->lex.tok.kind == POL_TOK_LBRACE) {
		put_member(t, "type", constant(t, "Record"));
		attributes = take_attributes(t);
		put_member(t, "attributes", attributes);
		return attributes != NULL;
	}
	if (pol_lex_is_word(&t->lex, "Set")) {
		put_member(t, "type", constant(t, "Set"));
		pol_lex_next(&t->lex);
		if (!expect(t, POL_TOK_LT) || !put_type(t, &element, PLAIN) ||
		    !expect(t, POL_TOK_GT))
			return false;
		put_member(t, "element", element);
		return true;
	}
	if (t->lex.tok.kind != POL_TOK_IDENT)
		return unexpected(t, "a type");
	put_member(t, "type", constant(t, "EntityOrCommon"));
	name = node(t, OR_JSON_STR);
	if (!name || !take_path(t, &path, NULL))
		return false;
	name->s = path;
	put_member(t, "name", name);
	return true;
}

static bool put_type(struct text *t, struct or_json **made, struct stance stance)
{
	struct or_json *j = node(t, OR_JSON_OBJECT), *no;
	size_t mark = t->stack.n;
	bool ok;

	if (!j)
		return false;
	if (t->depth == TYPE_DEPTH_MAX)
		return unexpected(t, "a type that is not nested so deeply");
	t->depth++;
	ok = type_members(t);
	t->depth--;
	if (!ok)
		return false;
	put_annotations(t, stance.annotations);
	if (stance.optional) {
		no = node(t, OR_JSON_BOOL);
		if (!no)
			return false;
		put_member(t, "required", no);
	}
	*made = j;
	return end_object(t, j, mark) != NULL;
}

/* One path, or several in brackets, as an array of strings. */
static const struct or_json *take_paths(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_ARRAY), *s;
	bool list = pol_lex_accept(&t->lex, POL_TOK_LBRACKET);
	size_t mark = t->stack.n;

	if (!j)
		return NULL;
	for (bool more = !list || t->lex.tok.kind != POL_TOK_RBRACKET; more;) {
		s = node(t, OR_JSON_STR);
		if (!s || !take_path(t, &s->s, NULL))
			return NULL;
		or_buf_put(&t->stack, &s, sizeof(s));
		more = list && pol_lex_accept(&t->lex, POL_TOK_COMMA);
	}
	if (list && !expect(t, POL_TOK_RBRACKET))
		return NULL;
	return end_array(t, j, mark);
}

/* [ "a", "b" ] */
static const struct or_json *take_choices(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_ARRAY), *s;
	size_t mark = t->stack.n;

	if (!j || !expect(t, POL_TOK_LBRACKET))
		return NULL;
	do {
		s = node(t, OR_JSON_STR);
		if (!s || !take_string(t, &s->s))
			return NULL;
		or_buf_put(&t->stack, &s, sizeof(s));
	} while (pol_lex_accept(&t->lex, POL_TOK_COMMA));
	return expect(t, POL_TOK_RBRACKET) ? end_array(t, j, mark) : NULL;
}

static const struct or_json *entity_shape(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_OBJECT);
	size_t mark = t->stack.n;
	const struct or_json *attributes;

	if (!j)
		return NULL;
	put_member(t, "type", constant(t, "Record"));
	attributes = take_attributes(t);
	put_member(t, "attributes", attributes);
	return attributes ? end_object(t, j, mark) : NULL;
}

static const struct or_json *entity_body(
    struct text *t, struct or_json *j, const struct or_json *annotations)
{
	size_t mark = t->stack.n;
	const struct or_json *part;
	struct or_json *tags;

	put_annotations(t, annotations);
	if (pol_lex_accept_word(&t->lex, "enum")) {
		part = take_choices(t);
		put_member(t, "enum", part);
		return part ? end_object(t, j, mark) : NULL;
	}
	if (pol_lex_accept_word(&t->lex, "in")) {
		part = take_paths(t);
		put_member(t, "memberOfTypes", part);
		if (!part)
			return NULL;
	}
	if (pol_lex_accept(&t->lex, POL_TOK_ASSIGN) || t->lex.tok.kind == POL_TOK_LBRACE) {
		part = entity_shape(t);
		put_member(t, "shape", part);
		if (!part)
			return NULL;
	}
	if (pol_lex_accept_word(&t->lex, "tags")) {
		if (!put_type(t, &tags, PLAIN))
			return NULL;
		put_member(t, "tags", tags);
	}
	return end_object(t, j, mark);
}

/* Declares every name (slices on the stack since mark) with the same body. */
static bool declare(
    struct text *t, enum pol_decl_kind kind, size_t mark, const struct or_json *body)
{
	size_t n;
	struct or_slice *names = settle(t, mark, sizeof(*names), &n);

	for (size_t i = 0; names && i < n; i++) {
		if (!pol_schema_decl_add(t->r, kind, t->ns, names[i], body))
			return false;
	}
	return names && expect(t, POL_TOK_SEMI);
}

static bool read_entity(struct text *t, const struct or_json *annotations)
{
	struct or_json *j = node(t, OR_JSON_OBJECT);
	size_t mark = t->stack.n;
	const struct or_json *body;
	struct or_slice name;

	do {
		if (!j || !take_ident(t, &name))
			return false;
		or_buf_put(&t->stack, &name, sizeof(name));
	} while (pol_lex_accept(&t->lex, POL_TOK_COMMA));
	body = entity_body(t, j, annotations);
	return body && declare(t, POL_DECL_ENTITY, mark, body);
}

static bool put_group(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_OBJECT), *id, *type;
	size_t mark = t->stack.n;
	bool has_id = false;
	struct or_slice path = OR_SLICE_NONE;

	if (!j)
		return false;
	type = node(t, OR_JSON_STR);
	if (t->lex.tok.kind != POL_TOK_STR && !take_path(t, &path, &has_id))
		return false;
	id = node(t, OR_JSON_STR);
	if (!id || !type)
		return false;
	if (path.p && !has_id) {
		/* A plain name is the id of an action. */
		id->s = path;
	} else if (!take_string(t, &id->s)) {
		return false;
	}
	put_member(t, "id", id);
	if (has_id) {
		type->s = path;
		put_member(t, "type", type);
	}
	if (!end_object(t, j, mark))
		return false;
	or_buf_put(&t->stack, &j, sizeof(j));
	return true;
}

static const struct or_json *take_groups(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_ARRAY);
	bool list = pol_lex_accept(&t->lex, POL_TOK_LBRACKET);
	size_t mark = t->stack.n;

	if (!j)
		return NULL;
	do {
		if (!put_group(t))
			return NULL;
	} while (list && pol_lex_accept(&t->lex, POL_TOK_COMMA));
	if (list && !expect(t, POL_TOK_RBRACKET))
		return NULL;
	return end_array(t, j, mark);
}

static bool put_applies(struct text *t, unsigned int *seen)
{
	static const char *const words[] = {"principal", "resource", "context"};
	static const char *const keys[] = {"principalTypes", "resourceTypes", "context"};
	const struct or_json *part;
	struct or_json *type = NULL;

	for (unsigned int i = 0; i < OR_LEN(words); i++) {
		if (!pol_lex_is_word(&t->lex, words[i]))
			continue;
		if (*seen & 1U << i)
			return unexpected(t, "each part of appliesTo once");
		*seen |= 1U << i;
		pol_lex_next(&t->lex);
		if (!expect(t, POL_TOK_COLON))
			return false;
		if (i == 2) {
			if (!put_type(t, &type, PLAIN))
				return false;
			part = type;
		} else {
			part = take_paths(t);
			if (part && part->array.n == 0)
				return unexpected(t, "at least one type before this");
		}
		put_member(t, keys[i], part);
		return part != NULL;
	}
	return unexpected(t, "`principal`, `resource` or `context`");
}

static const struct or_json *take_applies(struct text *t)
{
	struct or_json *j = node(t, OR_JSON_OBJECT);
	size_t mark = t->stack.n;
	unsigned int seen = 0;

	if (!j || !expect(t, POL_TOK_LBRACE))
		return NULL;
	while (!pol_lex_accept(&t->lex, POL_TOK_RBRACE)) {
		if (!put_applies(t, &seen))
			return NULL;
		if (t->lex.tok.kind != POL_TOK_RBRACE && !expect(t, POL_TOK_COMMA))
			return NULL;
	}
	if ((seen & 3U) != 3U) {
		unexpected(t, "an appliesTo with principal and resource");
		return NULL;
	}
	return end_object(t, j, mark);
}

static const struct or_json *action_body(
    struct text *t, struct or_json *j, const struct or_json *annotations)
{
	size_t mark = t->stack.n;
	const struct or_json *part;

	put_annotations(t, annotations);
	if (pol_lex_accept_word(&t->lex, "in")) {
		part = take_groups(t);
		put_member(t, "memberOf", part);
		if (!part)
			return NULL;
	}
	if (pol_lex_accept_word(&t->lex, "appliesTo")) {
		part = take_applies(t);
		put_member(t, "appliesTo", part);
		if (!part)
			return NULL;
	}
	/* Once part of the language, kept as an empty word. */
	if (pol_lex_accept_word(&t->lex, "attributes") &&
	    (!expect(t, POL_TOK_LBRACE) || !expect(t, POL_TOK_RBRACE)))
		return NULL;
	return end_object(t, j, mark);
}

static bool read_action(struct text *t, const struct or_json *annotations)
{
	struct or_json *j = node(t, OR_JSON_OBJECT);
	size_t mark = t->stack.n;
	const struct or_json *body;
	struct or_slice name;

	do {
		if (!j || !take_name(t, &name))
			return false;
		or_buf_put(&t->stack, &name, sizeof(name));
	} while (pol_lex_accept(&t->lex, POL_TOK_COMMA));
	body = action_body(t, j, annotations);
	return body && declare(t, POL_DECL_ACTION, mark, body);
}

static bool read_common(struct text *t, const struct or_json *annotations)
{
	struct stance stance = {false, annotations};
	struct or_json *type;
	struct or_slice name;

	if (!take_ident(t, &name) || !expect(t, POL_TOK_ASSIGN) || !put_type(t, &type, stance) ||
	    !expect(t, POL_TOK_SEMI))
		return false;
	return pol_schema_decl_add(t->r, POL_DECL_COMMON, t->ns, name, type);
}

static bool read_decl(struct text *t, const struct or_json *annotations)
{
	if (pol_lex_accept_word(&t->lex, "entity"))
		return read_entity(t, annotations);
	if (pol_lex_accept_word(&t->lex, "action"))
		return read_action(t, annotations);
	if (pol_lex_accept_word(&t->lex, "type"))
		return read_common(t, annotations);
	return unexpected(t, "`entity`, `action` or `type`");
}

/* After an error reading goes on behind the next `;`. */
static void recover(struct text *t)
{
	or_buf_clear(&t->stack);
	pol_lex_recover(&t->lex);
}

static void read_recovering(struct text *t)
{
	const struct or_json *annotations;

	t->depth = 0;
	if (!take_annotations(t, &annotations) || !read_decl(t, annotations))
		recover(t);
}

static bool is_declared(struct text *t, struct or_slice ns)
{
	for (size_t i = 0; i < pol_schema_decl_count(t->r); i++) {
		const struct pol_decl *d = pol_schema_decl_at(t->r, i);

		if (d->kind == POL_DECL_NAMESPACE && or_slice_eq(d->ns, ns))
			return true;
	}
	return false;
}

static void read_namespace(struct text *t, const struct or_json *annotations)
{
	size_t at = t->lex.tok.at;

	if (!take_path(t, &t->ns, NULL) || !expect(t, POL_TOK_LBRACE)) {
		recover(t);
		return;
	}
	if (is_declared(t, t->ns)) {
		pol_diag_add(t->lex.diags, &t->lex.src, at, t->ns.n, NULL,
		    "the namespace `%.*s` is there twice", OR_SLICE_FMT(t->ns));
		failed(t, OR_PARSE);
	}
	if (!pol_schema_decl_add(t->r, POL_DECL_NAMESPACE, t->ns, OR_SLICE_LIT(""), annotations))
		return;
	while (t->lex.tok.kind != POL_TOK_RBRACE && t->lex.tok.kind != POL_TOK_END &&
	       t->r->rc != OR_FULL)
		read_recovering(t);
	expect(t, POL_TOK_RBRACE);
	t->ns = OR_SLICE_LIT("");
}

/* A namespace, or a declaration outside of any. */
static void read_item(struct text *t)
{
	const struct or_json *annotations;

	t->depth = 0;
	if (!take_annotations(t, &annotations))
		recover(t);
	else if (pol_lex_accept_word(&t->lex, "namespace"))
		read_namespace(t, annotations);
	else if (!read_decl(t, annotations))
		recover(t);
}

enum or_code pol_schema_text_read(struct pol_reader *r)
{
	struct text t = {.r = r, .arena = r->schema->arena, .line = 1, .ns = OR_SLICE_LIT("")};
	enum or_code rc = pol_lex_init(&t.lex, &r->src, r->diags);

	if (rc)
		return rc;
	or_buf_init(&t.stack, SCRATCH_MAX);
	/* So that it has an address from the start. */
	or_buf_reserve(&t.stack, 256);
	while (t.lex.tok.kind != POL_TOK_END && r->rc != OR_FULL)
		read_item(&t);
	or_buf_done(&t.stack);
	return r->rc;
}
