/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of a data product descriptor: Open Data Product Standard v1.0.0 (Bitol), read from its
 * JSON Schema: closed objects, required members, types. Verdicts equal a JSON Schema validator's
 * (formats are annotations there, warnings here).
 *
 * Thread: any.
 */
#ifndef PRODUCT_ODPS_H
#define PRODUCT_ODPS_H

#include "product/diag.h"

void dp_odps_validate(const struct or_json *tree, struct dp_diags *diags);

#endif
