/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/folder.h"

#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"

#include <limits.h>
#include <stdio.h>

enum { FILE_MAX = 4 * 1024 * 1024, REPORT_MAX = 64 * 1024 };

static enum or_code read_file(
    struct dp_file *out, const char *path, struct or_arena *a, struct or_err *err)
{
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, FILE_MAX);
	rc = or_sys_read_file(&b, path, err);
	if (rc == OR_OK) {
		out->name = or_arena_strdup(a, or_slice_str(path));
		out->bytes = or_arena_dup(a, or_buf_slice(&b));
		if (!out->name || !out->bytes.p)
			rc = or_err_set(err, OR_FULL, "%s: too large", path);
	}
	or_buf_done(&b);
	return rc;
}

static bool is_contract(const char *name)
{
	struct or_slice s = or_slice_str(name);

	return or_str_has_suffix(s, ".odcs.yaml") || or_str_has_suffix(s, ".odcs.yml");
}

static enum or_code read_contracts(
    struct dp_file *files, size_t *n, const char *dir, struct or_arena *a, struct or_err *err)
{
	struct or_sys_names names;
	enum or_code rc = or_sys_list(&names, dir, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < names.n && rc == OR_OK; i++) {
		const char *path;

		if (!is_contract(names.names[i]))
			continue;
		if (*n == DP_FOLDER_CONTRACTS_MAX) {
			rc = or_err_set(err, OR_FULL, "%s: more than %d contracts", dir,
			    DP_FOLDER_CONTRACTS_MAX);
			break;
		}
		path = or_arena_printf(a, "%s/%s", dir, names.names[i]);
		rc = path ? read_file(&files[(*n)++], path, a, err)
			  : or_err_set(err, OR_FULL, "%s: too large", dir);
	}
	or_sys_names_free(&names);
	return rc;
}

enum or_code ag_folder_read(
    struct dp_folder *out, const char *path, struct or_arena *a, struct or_err *err)
{
	struct dp_file product, *contracts;
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct or_buf report;
	size_t n = 0;
	enum or_code rc;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	contracts = or_arena_array(a, DP_FOLDER_CONTRACTS_MAX, sizeof(*contracts));
	if (!contracts)
		return or_err_set(err, OR_FULL, "%s: too large", path);
	rc = read_file(&product, path, a, err);
	if (rc == OR_OK)
		rc = read_contracts(contracts, &n, dir, a, err);
	if (rc)
		return rc;
	or_buf_init(&report, REPORT_MAX);
	rc = dp_folder_load(out, &product, contracts, n, a, &report, err);
	if (rc == OR_OK && report.n)
		OR_LOG(OR_LOG_WARN, "product.warnings", or_log_str("text", or_buf_slice(&report)));
	or_buf_done(&report);
	return rc;
}
