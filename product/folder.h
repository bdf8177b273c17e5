/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A product with the contracts that lie beside it: the caller reads the files, this puts them
 * together. Each output port finds its contract by contractId = the contract's id.
 *
 * Thread: any; immutable once loaded. Owns: nothing; bytes, trees and structs lie in the arena, the
 * files' own bytes may go afterwards.
 * Limits: DP_FOLDER_CONTRACTS_MAX contracts.
 */
#ifndef PRODUCT_FOLDER_H
#define PRODUCT_FOLDER_H

#include "product/contract.h"

#define DP_FOLDER_CONTRACTS_MAX 256

struct dp_file {
	const char *name; /* for messages */
	struct or_slice bytes;
};

struct dp_folder {
	const struct dp_product *product;
	const struct dp_contract *contracts[DP_FOLDER_CONTRACTS_MAX];
	size_t n_contracts;
};

/*
 * product: the descriptor; contracts: the *.odcs.yaml files of its folder. What is wrong goes to
 * `report` as text lines (may be NULL), warnings too: a port whose contract is not there is one.
 * OR_INVAL, OR_PARSE, OR_FULL: err has the first error.
 */
OR_NODISCARD enum or_code dp_folder_load(struct dp_folder *out, const struct dp_file *product,
    const struct dp_file *contracts, size_t n_contracts, struct or_arena *a, struct or_buf *report,
    struct or_err *err);

/* The contract of the port; NULL: it names none, or none that is here. */
const struct dp_contract *dp_folder_contract(const struct dp_folder *f, const struct dp_port *port);

#endif
