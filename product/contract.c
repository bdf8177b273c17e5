/* SPDX-License-Identifier: Apache-2.0 */
#include "product/contract.h"

#include "base/str.h"
#include "product/odcs.h"

struct load {
	struct dp_contract *contract;
	struct or_arena *arena;
	size_t n_columns;
	bool too_many;
};

static const char *const class_names[] = {"public", "internal", "confidential", "restricted"};

enum dp_class dp_contract_class(struct or_slice word)
{
	for (size_t i = 0; i < OR_LEN(class_names); i++) {
		if (or_str_eq_nocase(word, or_slice_str(class_names[i])))
			return (enum dp_class)i;
	}
	return DP_CLASS_RESTRICTED;
}

const char *dp_contract_class_name(enum dp_class class)
{
	return class_names[class];
}

static void note_class(struct dp_contract *c, struct or_slice word)
{
	enum dp_class class = dp_contract_class(word);

	if (!word.p || (c->classified && class <= c->class))
		return;
	c->classified = true;
	c->class = class;
	c->class_word = word;
}

static bool is_true(const struct or_json *o, const char *member)
{
	const struct or_json *v = or_json_get_type(o, member, OR_JSON_BOOL);

	return v && v->b;
}

static enum or_code load_column(struct load *l, struct dp_column *c, const struct or_json *o);

static enum or_code load_columns(
    struct load *l, const struct or_json *list, const struct dp_column **out, size_t *n)
{
	struct dp_column *columns;

	if (!list || list->array.n == 0)
		return OR_OK;
	l->n_columns += list->array.n;
	if (l->n_columns > DP_CONTRACT_COLUMNS_MAX) {
		l->too_many = true;
		return OR_FULL;
	}
	columns = or_arena_array(l->arena, list->array.n, sizeof(*columns));
	if (!columns)
		return OR_FULL;
	for (size_t i = 0; i < list->array.n; i++) {
		enum or_code rc = load_column(l, &columns[i], list->array.items[i]);

		if (rc)
			return rc;
	}
	*out = columns;
	*n = list->array.n;
	return OR_OK;
}

static enum or_code load_tags(struct load *l, struct dp_column *c, const struct or_json *list)
{
	struct or_slice *tags;

	if (!list)
		return OR_OK;
	tags = or_arena_array(l->arena, list->array.n, sizeof(*tags));
	if (!tags)
		return OR_FULL;
	for (size_t i = 0; i < list->array.n; i++)
		tags[i] = list->array.items[i]->s;
	c->tags = tags;
	c->n_tags = list->array.n;
	return OR_OK;
}

/* The document is at most 128 levels deep, and so is this. */
static enum or_code load_column(struct load *l, struct dp_column *c, const struct or_json *o)
{
	const struct or_json *items = or_json_get(o, "items");
	enum or_code rc = load_tags(l, c, or_json_get(o, "tags"));

	c->name = or_json_get_str(o, "name");
	c->logical_type = or_json_get_str(o, "logicalType");
	c->classification = or_json_get_str(o, "classification");
	c->description = or_json_get_str(o, "description");
	c->required = is_true(o, "required");
	c->primary_key = is_true(o, "primaryKey");
	note_class(l->contract, c->classification);
	if (rc == OR_OK && items) {
		struct or_json one = {.type = OR_JSON_ARRAY, .array = {.items = &items, .n = 1}};

		return load_columns(l, &one, &c->columns, &c->n_columns);
	}
	return rc ? rc : load_columns(l, or_json_get(o, "properties"), &c->columns, &c->n_columns);
}

static enum or_code load_tables(struct load *l, const struct or_json *list)
{
	struct dp_table *tables;

	if (!list)
		return OR_OK;
	tables = or_arena_array(l->arena, list->array.n, sizeof(*tables));
	if (!tables)
		return OR_FULL;
	for (size_t i = 0; i < list->array.n; i++) {
		const struct or_json *o = list->array.items[i];
		enum or_code rc = load_columns(
		    l, or_json_get(o, "properties"), &tables[i].columns, &tables[i].n_columns);

		if (rc)
			return rc;
		tables[i].name = or_json_get_str(o, "name");
		tables[i].physical_name = or_json_get_str(o, "physicalName");
		tables[i].description = or_json_get_str(o, "description");
	}
	l->contract->tables = tables;
	l->contract->n_tables = list->array.n;
	return OR_OK;
}

static enum or_code load(struct load *l, const struct or_json *tree)
{
	struct dp_contract *c = l->contract;

	c->tree = tree;
	c->class = DP_CLASS_INTERNAL;
	c->id = or_json_get_str(tree, "id");
	c->name = or_json_get_str(tree, "name");
	c->version = or_json_get_str(tree, "version");
	c->status = or_json_get_str(tree, "status");
	c->domain = or_json_get_str(tree, "domain");
	c->data_product = or_json_get_str(tree, "dataProduct");
	return load_tables(l, or_json_get(tree, "schema"));
}

enum or_code dp_contract_load(const struct dp_contract **out, const struct or_json *tree,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	struct load l = {.arena = a};

	dp_odcs_validate(tree, diags);
	if (diags->n_errors)
		return dp_diag_result(diags, err);
	l.contract = or_arena_alloc(a, sizeof(*l.contract));
	if (l.contract && load(&l, tree) == OR_OK) {
		*out = l.contract;
		return OR_OK;
	}
	if (!l.too_many)
		return or_err_set(err, OR_FULL, "%s: needs too much memory", diags->file);
	dp_diag_error(diags, NULL, "schema", "more than %d columns", DP_CONTRACT_COLUMNS_MAX);
	return dp_diag_result(diags, err);
}

enum or_code dp_contract_parse(const struct dp_contract **out, struct or_slice text,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	const struct or_json *tree;
	enum or_code rc = dp_product_tree(&tree, text, a, diags, err);

	return rc ? rc : dp_contract_load(out, tree, a, diags, err);
}

enum dp_audit dp_contract_audit(const struct dp_settings *s, const struct dp_contract *contract)
{
	if (s->audit != DP_AUDIT_UNSAID)
		return s->audit;
	return !contract || contract->class > DP_CLASS_INTERNAL ? DP_AUDIT_STRICT : DP_AUDIT_ASYNC;
}
