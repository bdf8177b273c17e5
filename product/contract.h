/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data contract (ODCS v3.1.0), validated and as a struct, and what its classifications mean.
 *
 * Classes are ordered public < internal < confidential < restricted, in any case. A word that is
 * none of them counts as restricted: an owner who classifies with own words meant to protect
 * something. Where nothing is classified the contract counts as internal.
 *
 * Thread: any; a loaded contract is immutable. Owns: nothing; it borrows from the tree and lives in
 * the caller's arena.
 * Limits: DP_CONTRACT_COLUMNS_MAX columns over all tables, nested ones included (OR_INVAL).
 */
#ifndef PRODUCT_CONTRACT_H
#define PRODUCT_CONTRACT_H

#include "product/product.h"

#define DP_CONTRACT_COLUMNS_MAX 65536

/* The values are the levels that policies compare. */
enum dp_class {
	DP_CLASS_PUBLIC = 0,
	DP_CLASS_INTERNAL = 1,
	DP_CLASS_CONFIDENTIAL = 2,
	DP_CLASS_RESTRICTED = 3,
};

struct dp_column {
	struct or_slice name; /* p == NULL: the items of a list */
	struct or_slice logical_type;
	struct or_slice classification; /* the document's own word */
	struct or_slice description;
	const struct or_slice *tags;
	size_t n_tags;
	bool required;
	bool primary_key;
	/* The columns of an object, or the one nameless column of a list's items. */
	const struct dp_column *columns;
	size_t n_columns;
};

struct dp_table {
	struct or_slice name;
	struct or_slice physical_name;
	struct or_slice description;
	const struct dp_column *columns;
	size_t n_columns;
};

struct dp_contract {
	struct or_slice id;
	struct or_slice name;
	struct or_slice version;
	struct or_slice status;
	struct or_slice domain;
	struct or_slice data_product;
	const struct dp_table *tables;
	size_t n_tables;
	bool classified;            /* some column has a classification */
	enum dp_class class;        /* the highest of all columns; internal where not classified */
	struct or_slice class_word; /* the document's word for it; p == NULL where not classified */
	const struct or_json *tree;
};

/* Validates and loads; as dp_product_load. */
OR_NODISCARD enum or_code dp_contract_load(const struct dp_contract **out,
    const struct or_json *tree, struct or_arena *a, struct dp_diags *diags, struct or_err *err);
OR_NODISCARD enum or_code dp_contract_parse(const struct dp_contract **out, struct or_slice text,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err);

/* The class of one word, by the order above. */
enum dp_class dp_contract_class(struct or_slice word);
/* "public", "internal", "confidential", "restricted". */
const char *dp_contract_class_name(enum dp_class class);

/* How a port's decisions are recorded: what its settings say, else strict above internal. contract
 * may be NULL: nothing is known of the data, so strict. */
enum dp_audit dp_contract_audit(const struct dp_settings *s, const struct dp_contract *contract);

#endif
