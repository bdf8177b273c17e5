/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/est.h"

#include "policy/est_read.h"
#include "policy/set_build.h"

enum { TREE_BUDGET = 512 << 20, SCRATCH_MAX = 64 << 20 };

static const char *const NONE[] = {NULL};

struct document {
	struct pol_parse ps;
	struct pol_set *set;
	enum or_code rc; /* the first failure */
};

static void put(struct document *d, const struct pol_est_step *step, const struct or_json *j,
    struct pol_policy *p)
{
	enum or_code rc = pol_set_put(d->set, p);

	if (rc == OR_EXISTS)
		pol_est_read_fail(
		    &d->ps, step, j, "a policy named `%.*s` exists already", OR_SLICE_FMT(p->id));
	if (rc && d->rc == OR_OK)
		d->rc = rc;
}

static void read_policies(
    struct document *d, const struct or_json *root, const char *key, bool templates)
{
	struct pol_est_step step = pol_est_at(NULL, key);
	const struct or_json *j = or_json_get(root, key);

	if (!j)
		return;
	if (j->type != OR_JSON_OBJECT) {
		pol_est_read_fail(&d->ps, &step, j, "expected an object");
		return;
	}
	for (size_t i = 0; i < j->object.n && d->ps.rc != OR_FULL; i++) {
		const struct or_json_member *m = &j->object.members[i];
		struct pol_est_step item = {.up = &step, .key = m->key};
		struct pol_policy *p = pol_est_read_policy(&d->ps, &item, m->value);

		if (!p)
			continue;
		p->id = pol_est_read_keep(&d->ps, m->key);
		if (p->template != templates)
			pol_est_read_fail(&d->ps, &item, m->value,
			    templates ? "a template needs a slot"
				      : "a policy with a slot belongs to `templates`");
		else if (p->id.p)
			put(d, &item, m->value, p);
	}
}

static bool read_values(struct document *d, const struct pol_est_step *up, const struct or_json *j,
    const struct pol_uid *slots[POL_SLOTS])
{
	static const char *const names[] = {"?principal", "?resource", NULL};
	struct pol_est_step step = pol_est_at(up, "values");

	if (!pol_est_read_keys(&d->ps, &step, j, NONE, names))
		return false;
	for (int i = 0; i < POL_SLOTS; i++) {
		struct pol_est_step slot = pol_est_at(&step, names[i]);
		const struct or_json *value = or_json_get(j, names[i]);

		slots[i] = NULL;
		if (!value)
			continue;
		slots[i] = pol_est_read_uid(&d->ps, &slot, value);
		if (!slots[i])
			return false;
	}
	return true;
}

static void read_link(struct document *d, const struct pol_est_step *step, const struct or_json *j)
{
	static const char *const needed[] = {"templateId", "newId", "values", NULL};
	struct or_slice template_id = or_json_get_str(j, "templateId");
	struct or_slice new_id = or_json_get_str(j, "newId");
	const struct pol_uid *slots[POL_SLOTS];
	struct pol_policy *p;
	struct or_err err;
	enum or_code rc;

	if (!pol_est_read_keys(&d->ps, step, j, needed, NONE) ||
	    !read_values(d, step, or_json_get(j, "values"), slots))
		return;
	if (!template_id.p || !new_id.p) {
		pol_est_read_fail(&d->ps, step, j, "`templateId` and `newId` must be strings");
		return;
	}
	rc = pol_set_link_make(&p, d->set, template_id, new_id, slots[0], slots[1], &err);
	if (rc == OR_FULL) {
		d->ps.rc = rc;
	} else if (rc) {
		pol_est_read_fail(&d->ps, step, j, "%s", err.msg);
		if (rc == OR_EXISTS && d->rc == OR_OK)
			d->rc = rc;
	} else {
		put(d, step, j, p);
	}
}

static void read_links(struct document *d, const struct or_json *root)
{
	struct pol_est_step step = pol_est_at(NULL, "templateLinks");
	const struct or_json *j = or_json_get(root, "templateLinks");

	if (!j)
		return;
	if (j->type != OR_JSON_ARRAY) {
		pol_est_read_fail(&d->ps, &step, j, "expected a list");
		return;
	}
	for (size_t i = 0; i < j->array.n && d->ps.rc != OR_FULL; i++) {
		struct pol_est_step item = pol_est_item(&step, i);

		read_link(d, &item, j->array.items[i]);
	}
}

static void read_single(struct document *d, const struct or_json *root)
{
	struct pol_policy *p = pol_est_read_policy(&d->ps, NULL, root);

	if (!p)
		return;
	if (pol_set_name(d->set, p, 0))
		put(d, NULL, root, p);
	else
		d->ps.rc = OR_FULL;
}

static enum or_code read_root(struct document *d, const struct or_json *root)
{
	static const char *const parts[] = {"staticPolicies", "templates", "templateLinks", NULL};
	struct pol_set_mark mark = pol_set_mark(d->set);

	if (or_json_get(root, "effect")) {
		read_single(d, root);
	} else if (pol_est_read_keys(&d->ps, NULL, root, NONE, parts)) {
		read_policies(d, root, "staticPolicies", false);
		read_policies(d, root, "templates", true);
		/* A link of a template that did not parse would only repeat the error. */
		if (d->ps.rc == OR_OK)
			read_links(d, root);
	}
	if (d->ps.rc != OR_FULL && d->rc != OR_OK)
		d->ps.rc = d->rc;
	if (d->ps.rc == OR_OK)
		return pol_set_commit(d->set, mark);
	pol_set_roll_back(d->set, mark);
	return d->ps.rc;
}

static enum or_code read_document(struct document *d)
{
	struct or_arena *tree = or_arena_new(TREE_BUDGET);
	const struct or_json *root;
	enum or_code rc;

	rc = pol_json_parse_deep(&root, &d->ps.lex.src, tree, POL_EST_DEPTH_MAX, d->ps.lex.diags);
	if (rc == OR_OK) {
		or_buf_init(&d->ps.scratch, SCRATCH_MAX);
		/* So that it has an address from the start. */
		or_buf_reserve(&d->ps.scratch, 256);
		rc = read_root(d, root);
		or_buf_done(&d->ps.scratch);
	}
	or_arena_free(tree);
	return rc;
}

enum or_code pol_est_add(struct pol_set *set, const char *name, struct or_slice json,
    struct pol_diags *diags, struct or_err *err)
{
	struct or_arena *a = pol_set_arena(set);
	struct document d = {.ps = {.arena = a}, .set = set};
	struct pol_diags own;
	enum or_code rc;

	d.ps.lex.src =
	    (struct pol_source){or_arena_strdup(a, or_slice_str(name)), or_arena_dup(a, json), 0};
	if (!d.ps.lex.src.file || !d.ps.lex.src.text.p || json.n > UINT32_MAX)
		return or_err_set(err, OR_FULL, "the policies need more memory than their budget");
	pol_diag_init(&own);
	d.ps.lex.diags = diags ? diags : &own;
	rc = read_document(&d);
	if (rc == OR_FULL)
		or_err_set(err, rc, "the policies need more memory than their budget");
	else if (rc)
		pol_diag_err(err, d.ps.lex.diags, rc);
	pol_diag_done(&own);
	return rc;
}
