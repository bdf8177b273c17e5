/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/folder.h"

#include "base/str.h"
#include "base/sys.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

struct look {
	struct or_arena *arena;
	struct dp_file product;
	struct dp_file contracts[DP_FOLDER_CONTRACTS_MAX];
	size_t n_contracts;
};

static enum or_code read_file(
    struct dp_file *out, struct or_arena *a, const char *path, struct or_err *err)
{
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, FILE_MAX);
	rc = or_sys_read_file(&b, path, err);
	if (rc == OR_OK) {
		out->name = path;
		out->bytes = or_arena_dup(a, or_buf_slice(&b));
		if (!out->bytes.p)
			rc = or_err_set(err, OR_FULL, "%s: too large", path);
	}
	or_buf_done(&b);
	return rc;
}

static bool is_contract(const char *name)
{
	struct or_slice s = or_slice_str(name);

	return or_str_has_suffix(s, ".odcs.yaml") || or_str_has_suffix(s, ".odcs.yml") ||
	       or_str_has_suffix(s, ".odcs.json");
}

/* The contracts that lie beside the descriptor. */
static enum or_code read_contracts(struct look *l, const char *path, struct or_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *dir =
	    slash ? or_arena_strdup(l->arena, or_slice(path, (size_t)(slash - path))) : ".";
	struct or_sys_names names;
	enum or_code rc = or_sys_list(&names, dir[0] ? dir : "/", err);

	if (rc)
		return rc;
	for (size_t i = 0; i < names.n && rc == OR_OK; i++) {
		const char *file = slash ? or_arena_printf(l->arena, "%s/%s", dir, names.names[i])
					 : or_arena_strdup(l->arena, or_slice_str(names.names[i]));

		if (!is_contract(names.names[i]))
			continue;
		if (l->n_contracts == DP_FOLDER_CONTRACTS_MAX)
			rc = or_err_set(err, OR_FULL, "%s: too many contracts", dir);
		else
			rc = read_file(&l->contracts[l->n_contracts++], l->arena, file, err);
	}
	or_sys_names_free(&names);
	return rc;
}

enum or_code ctl_folder_read(struct dp_folder *out, const char *path, struct or_arena *a,
    struct or_buf *report, struct or_err *err)
{
	struct look *l = or_arena_alloc(a, sizeof(*l));
	enum or_code rc;

	if (!l)
		return or_err_set(err, OR_FULL, "%s: too large", path);
	l->arena = a;
	rc = read_file(&l->product, a, path, err);
	if (rc == OR_OK)
		rc = read_contracts(l, path, err);
	return rc ? rc
		  : dp_folder_load(out, &l->product, l->contracts, l->n_contracts, a, report, err);
}
