/* SPDX-License-Identifier: Apache-2.0 */
#include "product/document.h"

#include "base/jsonw.h"
#include "base/str.h"

#include <stdlib.h>

enum { SCRATCH_MAX = 16 * 1024 * 1024 };

/* ---- writing */

static int by_key(const void *a, const void *b)
{
	const struct or_json_member *const *x = a, *const *y = b;

	return or_slice_cmp((*x)->key, (*y)->key);
}

static int by_id(const void *a, const void *b)
{
	const struct dp_contract *const *x = a, *const *y = b;

	return or_slice_cmp((*x)->id, (*y)->id);
}

static bool put_tree(struct or_jsonw *w, const struct or_json *j, struct or_arena *a);

static bool put_object(struct or_jsonw *w, const struct or_json *j, struct or_arena *a)
{
	const struct or_json_member **sorted = or_arena_array(a, j->object.n, sizeof(*sorted));

	if (!sorted)
		return false;
	for (size_t i = 0; i < j->object.n; i++)
		sorted[i] = &j->object.members[i];
	qsort(sorted, j->object.n, sizeof(*sorted), by_key);
	or_jsonw_object(w);
	for (size_t i = 0; i < j->object.n; i++) {
		or_jsonw_key_slice(w, sorted[i]->key);
		if (!put_tree(w, sorted[i]->value, a))
			return false;
	}
	or_jsonw_end(w);
	return true;
}

/* No deeper than what parses again. */
static bool put_tree(struct or_jsonw *w, const struct or_json *j, struct or_arena *a)
{
	if (w->depth >= OR_JSON_DEPTH_MAX)
		return false;
	if (j->type == OR_JSON_OBJECT)
		return put_object(w, j, a);
	if (j->type != OR_JSON_ARRAY) {
		or_jsonw_tree(w, j);
		return true;
	}
	or_jsonw_array(w);
	for (size_t i = 0; i < j->array.n; i++) {
		if (!put_tree(w, j->array.items[i], a))
			return false;
	}
	or_jsonw_end(w);
	return true;
}

static bool put_contracts(struct or_jsonw *w, const struct dp_folder *f, struct or_arena *a)
{
	const struct dp_contract *sorted[DP_FOLDER_CONTRACTS_MAX];

	for (size_t i = 0; i < f->n_contracts; i++)
		sorted[i] = f->contracts[i];
	qsort(sorted, f->n_contracts, sizeof(sorted[0]), by_id);
	or_jsonw_key(w, "contracts");
	or_jsonw_array(w);
	for (size_t i = 0; i < f->n_contracts; i++) {
		if (!put_tree(w, sorted[i]->tree, a))
			return false;
	}
	or_jsonw_end(w);
	return true;
}

static void put_source(struct or_jsonw *w, const struct dp_source *s)
{
	or_jsonw_key(w, "source");
	or_jsonw_object(w);
	if (s->commit.n) {
		or_jsonw_kv_str(w, "commit", s->commit);
		if (s->committed.n)
			or_jsonw_kv_str(w, "committed", s->committed);
		or_jsonw_kv_bool(w, "modified", s->modified);
	}
	or_jsonw_end(w);
}

/* NULL: it holds together. */
static const char *wrong_with(const struct dp_source *s)
{
	int64_t ns;

	if (!s->commit.n)
		return s->committed.n ? "source: a time, but no commit" : NULL;
	if (s->commit.n > DP_DOCUMENT_COMMIT_MAX)
		return "source.commit is longer than a hash";
	for (size_t i = 0; i < s->commit.n; i++) {
		uint8_t c = s->commit.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return "source.commit is not lower-case hex";
	}
	if (s->committed.n && or_str_time_parse(&ns, s->committed))
		return "source.committed is not an RFC 3339 time";
	return NULL;
}

enum or_code dp_document_put(struct or_buf *out, const struct dp_folder *folder,
    const struct dp_source *source, struct or_err *err)
{
	const char *wrong = wrong_with(source);
	struct or_arena *a;
	struct or_buf text;
	struct or_jsonw w;
	bool ok;

	if (wrong)
		return or_err_set(err, OR_INVAL, "%s", wrong);
	a = or_arena_new(SCRATCH_MAX);
	or_buf_init(&text, DP_DOCUMENT_MAX);
	or_jsonw_init(&w, &text, 0);
	or_jsonw_object(&w);
	ok = put_contracts(&w, folder, a);
	if (ok) {
		or_jsonw_key(&w, "product");
		ok = put_tree(&w, folder->product->tree, a);
	}
	if (ok) {
		put_source(&w, source);
		or_jsonw_end(&w);
		ok = or_buf_ok(&text);
	}
	if (ok)
		or_buf_put_slice(out, or_buf_slice(&text));
	or_buf_done(&text);
	or_arena_free(a);
	return ok && or_buf_ok(out)
		   ? OR_OK
		   : or_err_set(err, OR_FULL,
			 "descriptor and contracts take more than %u bytes as JSON",
			 DP_DOCUMENT_MAX);
}

/* ---- reading */

static enum or_code load_contracts(struct dp_folder *f, const struct or_json *list,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	if (list->array.n > DP_FOLDER_CONTRACTS_MAX)
		return or_err_set(err, OR_FULL, "contracts: more than %d", DP_FOLDER_CONTRACTS_MAX);
	for (size_t i = 0; i < list->array.n; i++) {
		const char *name = or_arena_printf(a, "contracts[%zu]", i);
		const struct dp_contract *c;
		enum or_code rc;

		dp_diag_init(diags, name ? name : "contracts", a);
		rc = dp_contract_load(&c, list->array.items[i], a, diags, err);
		if (rc)
			return rc;
		for (size_t k = 0; k < f->n_contracts; k++) {
			if (or_slice_eq(f->contracts[k]->id, c->id))
				return or_err_set(err, OR_INVAL,
				    "%s: another contract has the same id", diags->file);
		}
		f->contracts[f->n_contracts++] = c;
	}
	return OR_OK;
}

static enum or_code load_source(struct dp_source *out, const struct or_json *j, struct or_err *err)
{
	const struct or_json *modified = or_json_get_type(j, "modified", OR_JSON_BOOL);
	struct dp_source s = {.commit = or_json_get_str(j, "commit"),
	    .committed = or_json_get_str(j, "committed"),
	    .modified = modified && modified->b};
	const char *wrong = wrong_with(&s);

	if (wrong)
		return or_err_set(err, OR_INVAL, "%s", wrong);
	*out = s;
	return OR_OK;
}

static enum or_code load(struct dp_document *d, const struct or_json *tree, struct or_arena *a,
    struct dp_diags *diags, struct or_err *err)
{
	const struct or_json *product = or_json_get_type(tree, "product", OR_JSON_OBJECT);
	const struct or_json *contracts = or_json_get_type(tree, "contracts", OR_JSON_ARRAY);
	const struct or_json *source = or_json_get_type(tree, "source", OR_JSON_OBJECT);
	enum or_code rc;

	if (!product || !contracts || !source)
		return or_err_set(
		    err, OR_PARSE, "expected an object with product, contracts and source");
	dp_diag_init(diags, "product", a);
	rc = dp_product_load(&d->folder.product, product, a, diags, err);
	if (!rc)
		rc = load_contracts(&d->folder, contracts, a, diags, err);
	return rc ? rc : load_source(&d->source, source, err);
}

enum or_code dp_document_parse(
    struct dp_document *out, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	struct dp_document *d = or_arena_alloc(a, sizeof(*d));
	struct dp_diags *diags = or_arena_alloc(a, sizeof(*diags));
	const struct or_json *tree;
	enum or_code rc;

	if (!d || !diags)
		return or_err_set(err, OR_FULL, "a document needs too much memory");
	if (text.n > DP_DOCUMENT_MAX)
		return or_err_set(
		    err, OR_FULL, "a document of more than %u bytes", DP_DOCUMENT_MAX);
	rc = or_json_parse(&tree, text, a, err);
	if (!rc)
		rc = load(d, tree, a, diags, err);
	if (rc)
		return rc;
	*out = *d;
	return OR_OK;
}
