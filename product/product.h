/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data product: its descriptor (ODPS v1.0.0), validated and as a struct.
 *
 * Thread: any; a loaded product is immutable. Owns: nothing; it borrows from the tree and lives in
 * the caller's arena, as the tree must.
 * Limits: DP_PRODUCT_PORTS_MAX ports of a kind; the arena's budget (OR_FULL).
 * Beyond the standard's own rules: an id, domain and output port's name that are not empty and have
 * no control characters; a port's name without '/', so that Port::"<product>/<port>" has one
 * reading; outrider.* settings that are known and right (product/setting.h).
 */
#ifndef PRODUCT_PRODUCT_H
#define PRODUCT_PRODUCT_H

#include "product/setting.h"

#define DP_PRODUCT_PORTS_MAX 256

/* Texts that the document lacks have p == NULL. */
struct dp_port {
	struct or_slice name;
	struct or_slice version;
	struct or_slice contract_id; /* the `id` of an ODCS contract */
	struct or_slice description; /* output ports only, as the two below */
	struct or_slice type;
	struct dp_settings settings; /* as said on the port; dp_product_setting merges */
	const struct or_json *node;
};

struct dp_support {
	struct or_slice channel;
	struct or_slice url;
	struct or_slice tool;
	struct or_slice scope;
};

struct dp_product {
	struct or_slice id;
	struct or_slice name;
	struct or_slice domain;
	struct or_slice tenant;
	struct or_slice version;
	struct or_slice status;
	struct or_slice description; /* description.purpose */
	struct or_slice team;
	struct or_slice owner; /* the member whose role says owner, and who has not left */
	struct or_slice created;
	const struct or_slice *tags;
	size_t n_tags;
	const struct dp_port *outputs;
	size_t n_outputs;
	const struct dp_port *inputs;
	size_t n_inputs;
	const struct dp_support *support;
	size_t n_support;
	struct dp_settings settings;
	const struct or_json *tree;
};

/*
 * Validates and loads. diags holds errors and warnings afterwards.
 * OR_INVAL: diags has errors, err the first. OR_FULL: the arena.
 */
OR_NODISCARD enum or_code dp_product_load(const struct dp_product **out, const struct or_json *tree,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err);

/* From the file's bytes: YAML, or JSON where they start with '{'. OR_PARSE besides. */
OR_NODISCARD enum or_code dp_product_parse(const struct dp_product **out, struct or_slice text,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err);

/* The bytes' tree alone; diags names the file in errors. */
OR_NODISCARD enum or_code dp_product_tree(const struct or_json **out, struct or_slice text,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err);

/* NULL where no output port has that name. */
const struct dp_port *dp_product_output(const struct dp_product *p, struct or_slice name);

/* What holds for the port: its own settings over the product's. port may be NULL. */
struct dp_settings dp_product_setting(const struct dp_product *p, const struct dp_port *port);

#endif
