/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which output port a request is for.
 *
 * With outrider.routes the longest path prefix (of whole segments) whose methods hold the request's
 * decides; nothing matches, no port. Without routes a product with one output port has it at every
 * path, and one with several has each at /<name>. Paths are canonical and without the query.
 * Thread: any.
 */
#ifndef PRODUCT_ROUTE_H
#define PRODUCT_ROUTE_H

#include "product/product.h"

/* The port, or NULL. *action (where not NULL) becomes the route's own action, p == NULL where it
 * leaves that to the method. */
const struct dp_port *dp_route_find(const struct dp_product *p, struct or_slice method,
    struct or_slice path, struct or_slice *action);

#endif
