/* SPDX-License-Identifier: Apache-2.0 */
#include "product/conformance_walk.h"
#include "product/odps.h"
#include "product/product.h"

/* By the standard's rules alone: product.h adds some of its own. */
static enum or_code judge(
    struct or_slice text, struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	const struct or_json *tree;
	enum or_code rc = dp_product_tree(&tree, text, a, diags, err);

	if (rc)
		return rc;
	dp_odps_validate(tree, diags);
	return dp_diag_result(diags, err);
}

int main(int argc, char **argv)
{
	return walk_main(argc, argv, "odps", judge);
}
