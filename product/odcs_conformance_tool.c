/* SPDX-License-Identifier: Apache-2.0 */
#include "product/conformance_walk.h"
#include "product/contract.h"

static enum or_code judge(
    struct or_slice text, struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	const struct dp_contract *contract;

	return dp_contract_parse(&contract, text, a, diags, err);
}

int main(int argc, char **argv)
{
	return walk_main(argc, argv, "odcs", judge);
}
