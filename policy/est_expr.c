/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions of the EST form: an object with one key, the operator.
 */
#include "policy/est_read.h"

#include "policy/ext.h"

enum { CALL_ARGS_MAX = 8 };

static const char *const NONE[] = {NULL};

/* Nodes take their place from the value that they came from. */
static size_t place(struct pol_parse *ps, const struct or_json *j)
{
	ps->lex.end = pol_json_at(j) + pol_json_len(j);
	return pol_json_at(j);
}

static struct pol_node *node(struct pol_parse *ps, enum pol_op op, const struct or_json *j,
    const struct pol_node *a, const struct pol_node *b)
{
	return pol_parse_node(ps, op, place(ps, j), a, b);
}

static const struct pol_node *part(struct pol_parse *ps, const struct pol_est_step *up,
    const struct or_json *operator, const char * key)
{
	struct pol_est_step step = pol_est_at(up, key);

	return pol_est_expr_read(ps, &step, or_json_get(operator, key));
}

static const struct pol_node *literal(
    struct pol_parse *ps, const struct or_json *j, struct pol_value v)
{
	struct pol_node *n = node(ps, POL_OP_LIT, j, NULL, NULL);

	if (n)
		n->lit = v;
	return n;
}

static const struct pol_node *read_value(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j);

typedef const struct pol_node *(*read_fn)(
    struct pol_parse *, const struct pol_est_step *, const struct or_json *);

/* Pushes what read makes of each element; false after an error. */
static bool push_items(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *list, read_fn read)
{
	for (size_t i = 0; i < list->array.n; i++) {
		struct pol_est_step step = pol_est_item(up, i);
		const struct pol_node *n = read(ps, &step, list->array.items[i]);

		if (!n)
			return false;
		pol_parse_push(ps, &n, sizeof(n));
	}
	return true;
}

static const struct pol_node *read_set(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *list, read_fn read)
{
	size_t mark = pol_parse_mark(ps);
	struct pol_node *n;

	if (list->type != OR_JSON_ARRAY)
		return pol_est_read_fail(ps, step, list, "expected a list");
	if (!push_items(ps, step, list, read)) {
		or_buf_cut(&ps->scratch, mark);
		return NULL;
	}
	n = pol_parse_expr_list(ps, POL_OP_SET, place(ps, j), mark);
	return n ? pol_parse_call_fold_set(ps, n) : NULL;
}

static bool push_field(struct pol_parse *ps, const struct pol_est_step *up,
    const struct or_json_member *m, read_fn read)
{
	struct pol_est_step step = {.up = up, .key = m->key};
	struct pol_node_field f = {pol_est_read_keep(ps, m->key), read(ps, &step, m->value)};

	if (!f.key.p || !f.value)
		return false;
	pol_parse_push(ps, &f, sizeof(f));
	return true;
}

static const struct pol_node *read_record(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from, read_fn read)
{
	size_t mark = pol_parse_mark(ps);

	if (from->type != OR_JSON_OBJECT)
		return pol_est_read_fail(ps, step, from, "expected an object");
	for (size_t i = 0; i < from->object.n; i++) {
		if (!push_field(ps, step, &from->object.members[i], read)) {
			or_buf_cut(&ps->scratch, mark);
			return NULL;
		}
	}
	return pol_parse_expr_record(ps, place(ps, j), mark);
}

static const struct pol_node *read_call(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, enum pol_ext_fn fn, const struct or_json *list, read_fn read)
{
	const struct pol_node *args[CALL_ARGS_MAX];

	if (list->type != OR_JSON_ARRAY)
		return pol_est_read_fail(ps, step, list, "expected the list of arguments");
	if (list->array.n > CALL_ARGS_MAX)
		return pol_est_read_fail(ps, step, list, "too many arguments");
	if (fn >= POL_EXT_CONSTRUCTORS && list->array.n == 0)
		return pol_est_read_fail(ps, step, list, "a method needs what it is called on");
	for (size_t i = 0; i < list->array.n; i++) {
		struct pol_est_step item = pol_est_item(step, i);

		args[i] = read(ps, &item, list->array.items[i]);
		if (!args[i])
			return NULL;
	}
	return pol_parse_call_make(ps, fn, args, list->array.n, place(ps, j));
}

/* {fn, arg} or {fn, args} */
static const struct pol_node *read_extension(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const char *const needed[] = {"fn", NULL}, *const optional[] = {"arg", "args", NULL};
	const struct or_json *arg = or_json_get(from, "arg"), *args = or_json_get(from, "args");
	struct or_json one = {.type = OR_JSON_ARRAY, .array = {&arg, 1}};
	enum pol_ext_fn fn;

	if (!pol_est_read_keys(ps, step, from, needed, optional))
		return NULL;
	if (!arg == !args)
		return pol_est_read_fail(ps, step, from, "expected `arg` or `args`");
	fn = pol_ext_find(or_json_get_str(from, "fn"));
	if (fn == POL_EXT_FNS)
		return pol_est_read_fail(ps, step, from, "unknown function");
	return read_call(ps, step, j, fn, arg ? &one : args, read_value);
}

static const struct pol_node *read_entity(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j)
{
	const struct pol_uid *uid = pol_est_read_uid(ps, step, j);

	return uid ? literal(ps, j, pol_value_entity(uid)) : NULL;
}

static const struct pol_node *read_object(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *j)
{
	const struct or_json *inner = j->object.n == 1 ? j->object.members[0].value : NULL;
	struct or_slice key = inner ? j->object.members[0].key : OR_SLICE_NONE;
	struct pol_est_step step = {.up = up, .key = key};

	if (inner && or_slice_is(key, "__entity"))
		return read_entity(ps, &step, inner);
	if (inner && or_slice_is(key, "__extn"))
		return read_extension(ps, &step, j, inner);
	for (size_t i = 0; i < j->object.n; i++) {
		key = j->object.members[i].key;
		if (or_slice_is(key, "__entity") || or_slice_is(key, "__extn") ||
		    or_slice_is(key, "__expr"))
			return pol_est_read_fail(ps, up, j, "`%.*s` %s", OR_SLICE_FMT(key),
			    or_slice_is(key, "__expr") ? "is no longer part of Cedar"
						       : "must stand alone");
	}
	return read_record(ps, up, j, j, read_value);
}

/* Data, as entities' attributes have it. */
static const struct pol_node *read_value(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j)
{
	struct or_slice s;

	switch (j->type) {
	case OR_JSON_BOOL: return literal(ps, j, pol_value_bool(j->b));
	case OR_JSON_INT: return literal(ps, j, pol_value_long(j->i));
	case OR_JSON_STR:
		s = pol_est_read_keep(ps, j->s);
		return s.p ? literal(ps, j, pol_value_string(s)) : NULL;
	case OR_JSON_ARRAY: return read_set(ps, step, j, j, read_value);
	case OR_JSON_OBJECT: return read_object(ps, step, j);
	case OR_JSON_NULL:
	case OR_JSON_REAL: break;
	}
	return pol_est_read_fail(ps, step, j, "Cedar has no %s", or_json_type_name(j->type));
}

static const struct pol_node *read_variable(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j)
{
	static const char *const names[] = {"principal", "action", "resource", "context"};
	struct pol_node *n;

	for (size_t i = 0; j->type == OR_JSON_STR && i < OR_LEN(names); i++) {
		if (!or_slice_is(j->s, names[i]))
			continue;
		n = node(ps, POL_OP_VAR, j, NULL, NULL);
		if (n)
			n->sub = (uint8_t)i;
		return n;
	}
	return pol_est_read_fail(
	    ps, step, j, "expected \"principal\", \"action\", \"resource\" or \"context\"");
}

static const char *const OPERANDS[] = {"left", "right", NULL};

/* The operator's operands where j is that operator, NULL where it is something else. */
static const struct or_json *chained(const struct or_json *j, const char *op)
{
	if (j->type != OR_JSON_OBJECT || j->object.n != 1 ||
	    !or_slice_is(j->object.members[0].key, op))
		return NULL;
	return j->object.members[0].value;
}

/* Pushes the operands of `&&` or `||`: what is grouped to the left is one chain. */
static bool push_chain(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *j, const char *op)
{
	const struct or_json *operands = chained(j, op);
	struct pol_est_step step = pol_est_at(up, op), left = pol_est_at(&step, "left");
	const struct pol_node *n;

	if (operands) {
		if (!pol_est_read_keys(ps, &step, operands, OPERANDS, NONE) ||
		    !push_chain(ps, &left, or_json_get(operands, "left"), op))
			return false;
		n = part(ps, &step, operands, "right");
	} else {
		n = pol_est_expr_read(ps, up, j);
	}
	if (n)
		pol_parse_push(ps, &n, sizeof(n));
	return n != NULL;
}

static const struct pol_node *read_chain(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *j, enum pol_op op)
{
	size_t mark = pol_parse_mark(ps);

	if (push_chain(ps, up, j, op == POL_OP_AND ? "&&" : "||"))
		return pol_parse_expr_list(ps, op, place(ps, j), mark);
	or_buf_cut(&ps->scratch, mark);
	return NULL;
}

static const struct pol_node *read_attribute(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const char *const needed[] = {"left", "attr", NULL};
	struct or_slice name = or_json_get_str(from, "attr");
	const struct pol_node *on;
	struct pol_node *n;

	if (!pol_est_read_keys(ps, step, from, needed, NONE))
		return NULL;
	if (!name.p)
		return pol_est_read_fail(ps, step, from, "`attr` must be a string");
	on = part(ps, step, from, "left");
	n = on ? node(ps, POL_OP_ATTR, j, on, NULL) : NULL;
	if (!n)
		return NULL;
	n->name = pol_est_read_keep(ps, name);
	return n->name.p ? n : NULL;
}

/* One name or a path of them. */
static const struct or_slice *has_names(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *j, uint32_t *n)
{
	struct pol_est_step step = pol_est_at(up, "attr");
	bool list = j->type == OR_JSON_ARRAY;
	size_t count = list ? j->array.n : 1;
	struct or_slice *names = or_arena_array(ps->arena, count, sizeof(*names));

	if (count == 0)
		return pol_est_read_fail(ps, &step, j, "expected at least one name");
	if (!names) {
		ps->rc = OR_FULL;
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const struct or_json *name = list ? j->array.items[i] : j;

		if (name->type != OR_JSON_STR)
			return pol_est_read_fail(ps, &step, name, "expected a string");
		names[i] = pol_est_read_keep(ps, name->s);
		if (!names[i].p)
			return NULL;
	}
	*n = (uint32_t)count;
	return names;
}

static const struct pol_node *read_has(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const char *const needed[] = {"left", "attr", NULL};
	const struct or_slice *names;
	const struct pol_node *on;
	struct pol_node *n;
	uint32_t count = 0;

	if (!pol_est_read_keys(ps, step, from, needed, NONE))
		return NULL;
	on = part(ps, step, from, "left");
	names = on ? has_names(ps, step, or_json_get(from, "attr"), &count) : NULL;
	n = names ? node(ps, POL_OP_HAS, j, on, NULL) : NULL;
	if (!n)
		return NULL;
	n->n = count;
	n->names = names;
	return n;
}

static bool put_element(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, struct or_buf *pattern)
{
	static const char *const needed[] = {"Literal", NULL};
	struct or_slice text;

	if (j->type == OR_JSON_STR && or_slice_is(j->s, "Wildcard")) {
		or_buf_put_byte(pattern, 0xFF);
		return true;
	}
	if (j->type != OR_JSON_OBJECT) {
		pol_est_read_fail(ps, step, j, "expected \"Wildcard\" or {\"Literal\": …}");
		return false;
	}
	if (!pol_est_read_keys(ps, step, j, needed, NONE))
		return false;
	text = or_json_get_str(j, "Literal");
	if (!text.p) {
		pol_est_read_fail(ps, step, j, "`Literal` must be a string");
		return false;
	}
	or_buf_put_slice(pattern, text);
	return true;
}

static struct or_slice read_pattern(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *j)
{
	struct pol_est_step step = pol_est_at(up, "pattern");
	struct or_slice out = OR_SLICE_NONE;
	struct or_buf pattern;
	bool ok = j->type == OR_JSON_ARRAY;

	if (!ok)
		pol_est_read_fail(ps, &step, j, "expected a list");
	or_buf_init(&pattern, ps->lex.src.text.n + 1);
	for (size_t i = 0; ok && i < j->array.n; i++) {
		struct pol_est_step item = pol_est_item(&step, i);

		ok = put_element(ps, &item, j->array.items[i], &pattern);
	}
	if (ok)
		out = pol_est_read_keep(ps, or_buf_slice(&pattern));
	or_buf_done(&pattern);
	return out;
}

static const struct pol_node *read_like(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const char *const needed[] = {"left", "pattern", NULL};
	struct or_slice pattern;
	const struct pol_node *on;
	struct pol_node *n;

	if (!pol_est_read_keys(ps, step, from, needed, NONE))
		return NULL;
	on = part(ps, step, from, "left");
	pattern = on ? read_pattern(ps, step, or_json_get(from, "pattern")) : OR_SLICE_NONE;
	n = pattern.p ? node(ps, POL_OP_LIKE, j, on, NULL) : NULL;
	if (n)
		n->name = pattern;
	return n;
}

static const struct pol_node *read_is(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const char *const needed[] = {"left", "entity_type", NULL};
	static const char *const optional[] = {"in", NULL};
	struct pol_est_step type = pol_est_at(step, "entity_type");
	const struct pol_node *on, *in = NULL;
	struct or_slice name;
	struct pol_node *n;

	if (!pol_est_read_keys(ps, step, from, needed, optional) ||
	    !pol_est_read_type(ps, &type, or_json_get(from, "entity_type"), &name))
		return NULL;
	on = part(ps, step, from, "left");
	if (on && or_json_get(from, "in")) {
		in = part(ps, step, from, "in");
		if (!in)
			return NULL;
	}
	n = on ? node(ps, POL_OP_IS, j, on, in) : NULL;
	if (n)
		n->name = name;
	return n;
}

static const struct pol_node *read_if(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const char *const needed[] = {"if", "then", "else", NULL};
	const struct pol_node *test, *yes, *no;
	struct pol_node *n;

	if (!pol_est_read_keys(ps, step, from, needed, NONE))
		return NULL;
	test = part(ps, step, from, "if");
	yes = test ? part(ps, step, from, "then") : NULL;
	no = yes ? part(ps, step, from, "else") : NULL;
	if (!no)
		return NULL;
	n = node(ps, POL_OP_IF, j, test, yes->height > no->height ? yes : no);
	if (n) {
		n->b = yes;
		n->c = no;
	}
	return n;
}

static const struct pol_node *read_unary(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from, enum pol_op op)
{
	static const char *const needed[] = {"arg", NULL};
	const struct pol_node *a;

	if (!pol_est_read_keys(ps, step, from, needed, NONE))
		return NULL;
	a = part(ps, step, from, "arg");
	return a ? node(ps, op, j, a, NULL) : NULL;
}

static const struct pol_node *read_binary(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from, enum pol_op op)
{
	const struct pol_node *a, *b;

	if (!pol_est_read_keys(ps, step, from, OPERANDS, NONE))
		return NULL;
	a = part(ps, step, from, "left");
	b = a ? part(ps, step, from, "right") : NULL;
	return b ? node(ps, op, j, a, b) : NULL;
}

static const struct {
	const char *key;
	enum pol_op op;
	bool unary;
} OPERATORS[] = {{"!", POL_OP_NOT, true}, {"neg", POL_OP_NEG, true},
    {"isEmpty", POL_OP_IS_EMPTY, true}, {"==", POL_OP_EQ, false}, {"!=", POL_OP_NE, false},
    {"<", POL_OP_LT, false}, {"<=", POL_OP_LE, false}, {">", POL_OP_GT, false},
    {">=", POL_OP_GE, false}, {"in", POL_OP_IN, false}, {"+", POL_OP_ADD, false},
    {"-", POL_OP_SUB, false}, {"*", POL_OP_MUL, false}, {"contains", POL_OP_CONTAINS, false},
    {"containsAll", POL_OP_CONTAINS_ALL, false}, {"containsAny", POL_OP_CONTAINS_ANY, false},
    {"hasTag", POL_OP_HAS_TAG, false}, {"getTag", POL_OP_GET_TAG, false}};

static const struct pol_node *read_operation(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	enum pol_ext_fn fn = pol_ext_find(step->key);

	for (size_t i = 0; i < OR_LEN(OPERATORS); i++) {
		if (!or_slice_is(step->key, OPERATORS[i].key))
			continue;
		return OPERATORS[i].unary ? read_unary(ps, step, j, from, OPERATORS[i].op)
					  : read_binary(ps, step, j, from, OPERATORS[i].op);
	}
	if (fn != POL_EXT_FNS)
		return read_call(ps, step, j, fn, from, pol_est_expr_read);
	if (or_slice_is(step->key, "Slot"))
		return pol_est_read_fail(
		    ps, step->up, j, "a slot can only stand in the scope, not in a condition");
	return pol_est_read_fail(
	    ps, step->up, j, "unknown operator `%.*s`", OR_SLICE_FMT(step->key));
}

static const struct pol_node *read_operator(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const struct or_json *from)
{
	static const struct {
		const char *key;
		const struct pol_node *(*read)(struct pol_parse *, const struct pol_est_step *,
		    const struct or_json *, const struct or_json *);
	} special[] = {{".", read_attribute}, {"has", read_has}, {"like", read_like},
	    {"is", read_is}, {"if-then-else", read_if}};

	if (or_slice_is(step->key, "Value"))
		return read_value(ps, step, from);
	if (or_slice_is(step->key, "Var"))
		return read_variable(ps, step, from);
	if (or_slice_is(step->key, "Set"))
		return read_set(ps, step, j, from, pol_est_expr_read);
	if (or_slice_is(step->key, "Record"))
		return read_record(ps, step, j, from, pol_est_expr_read);
	for (size_t i = 0; i < OR_LEN(special); i++) {
		if (or_slice_is(step->key, special[i].key))
			return special[i].read(ps, step, j, from);
	}
	return read_operation(ps, step, j, from);
}

const struct pol_node *pol_est_expr_read(
    struct pol_parse *ps, const struct pol_est_step *up, const struct or_json *j)
{
	struct pol_est_step step = {.up = up};

	if (j->type != OR_JSON_OBJECT || j->object.n != 1)
		return pol_est_read_fail(
		    ps, up, j, "expected an expression: an object with one key");
	step.key = j->object.members[0].key;
	if (or_slice_is(step.key, "&&"))
		return read_chain(ps, up, j, POL_OP_AND);
	if (or_slice_is(step.key, "||"))
		return read_chain(ps, up, j, POL_OP_OR);
	return read_operator(ps, &step, j, j->object.members[0].value);
}
