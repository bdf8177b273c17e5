/* SPDX-License-Identifier: Apache-2.0 */
#include "product/folder.h"

#include <stdio.h>

static const struct dp_contract *by_id(const struct dp_folder *f, struct or_slice id)
{
	for (size_t i = 0; i < f->n_contracts; i++) {
		if (or_slice_eq(f->contracts[i]->id, id))
			return f->contracts[i];
	}
	return NULL;
}

const struct dp_contract *dp_folder_contract(const struct dp_folder *f, const struct dp_port *port)
{
	return port->contract_id.p ? by_id(f, port->contract_id) : NULL;
}

static enum or_code load_contract(struct dp_folder *f, const struct dp_file *file,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	const struct dp_contract *c;
	enum or_code rc;

	dp_diag_init(diags, file->name, a);
	rc = dp_contract_parse(&c, file->bytes, a, diags, err);
	if (rc)
		return rc;
	if (by_id(f, c->id)) {
		dp_diag_error(diags, or_json_get(c->tree, "id"), "id",
		    "another contract beside it has the same id");
		return dp_diag_result(diags, err);
	}
	f->contracts[f->n_contracts++] = c;
	return OR_OK;
}

static void warn_ports(const struct dp_folder *f, struct dp_diags *diags)
{
	for (size_t i = 0; i < f->product->n_outputs; i++) {
		const struct dp_port *port = &f->product->outputs[i];
		char path[64];

		if (!port->contract_id.p || dp_folder_contract(f, port))
			continue;
		snprintf(path, sizeof(path), "outputPorts[%zu].contractId", i);
		dp_diag_warn(diags, or_json_get(port->node, "contractId"), path,
		    "no *.odcs.yaml file beside it has the id \"%.*s\"",
		    OR_SLICE_FMT(port->contract_id));
	}
}

/* Every file is read, also where one is wrong, so that one run tells all; err has the first. */
static enum or_code load(struct dp_folder *f, struct dp_diags *diags, const struct dp_file *product,
    const struct dp_file *contracts, size_t n_contracts, struct or_arena *a, struct or_buf *report,
    struct or_err *err)
{
	enum or_code first = OR_OK, rc;

	for (size_t i = 0; i < n_contracts; i++) {
		rc = load_contract(f, &contracts[i], a, diags, first ? NULL : err);
		first = first ? first : rc;
		if (report)
			dp_diag_print(report, diags);
	}
	dp_diag_init(diags, product->name, a);
	rc = dp_product_parse(&f->product, product->bytes, a, diags, first ? NULL : err);
	first = first ? first : rc;
	if (first == OR_OK)
		warn_ports(f, diags);
	if (report)
		dp_diag_print(report, diags);
	return first;
}

enum or_code dp_folder_load(struct dp_folder *out, const struct dp_file *product,
    const struct dp_file *contracts, size_t n_contracts, struct or_arena *a, struct or_buf *report,
    struct or_err *err)
{
	struct dp_folder *f = or_arena_alloc(a, sizeof(*f));
	struct dp_diags *diags = or_arena_alloc(a, sizeof(*diags));
	enum or_code rc;

	if (!f || !diags)
		return or_err_set(err, OR_FULL, "%s: needs too much memory", product->name);
	if (n_contracts > DP_FOLDER_CONTRACTS_MAX)
		return or_err_set(err, OR_FULL, "%s: more than %d contracts beside it",
		    product->name, DP_FOLDER_CONTRACTS_MAX);
	rc = load(f, diags, product, contracts, n_contracts, a, report, err);
	if (rc == OR_OK)
		*out = *f;
	return rc;
}
