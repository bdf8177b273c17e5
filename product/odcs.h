/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of a data contract: Open Data Contract Standard v3.1.0 (Bitol), read from its JSON
 * Schema: closed objects, required members, types, patterns, and what depends on a server's type,
 * a column's logicalType or a quality check's type. Verdicts equal a JSON Schema validator's
 * (formats are annotations there, warnings here).
 *
 * Thread: any.
 */
#ifndef PRODUCT_ODCS_H
#define PRODUCT_ODCS_H

#include "product/diag.h"

void dp_odcs_validate(const struct or_json *tree, struct dp_diags *diags);

#endif
