/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ODCS v3.1.0 servers: which fields each of the 34 types has. Constant tables; any thread.
 */
#ifndef PRODUCT_ODCS_SERVER_H
#define PRODUCT_ODCS_SERVER_H

#include "product/rule.h"

/* The names of the types, NULL at the end. */
extern const char *const dp_odcs_server_types[];

/* The fields that the type adds to every server's; NULL for an unknown type. */
const struct dp_shape *dp_odcs_server_find(struct or_slice type);

#endif
