/* SPDX-License-Identifier: Apache-2.0 */
#include "product/route.h"

/* /orders holds /orders and /orders/1, not /orders2 */
static bool holds(struct or_slice prefix, struct or_slice path)
{
	if (prefix.n == 1 && prefix.p[0] == '/')
		return path.n > 0 && path.p[0] == '/';
	if (path.n < prefix.n || !or_slice_eq(or_slice(path.p, prefix.n), prefix))
		return false;
	return path.n == prefix.n || path.p[prefix.n] == '/';
}

static bool allows(const struct dp_route *route, struct or_slice method)
{
	for (size_t i = 0; i < route->n_methods; i++) {
		if (or_slice_eq(route->methods[i], method))
			return true;
	}
	return route->n_methods == 0;
}

static const struct dp_port *by_name(const struct dp_product *p, struct or_slice path)
{
	if (p->n_outputs == 1)
		return path.n && path.p[0] == '/' ? &p->outputs[0] : NULL;
	for (size_t i = 0; i < p->n_outputs; i++) {
		if (path.n && path.p[0] == '/' &&
		    or_slice_from(path, 1).n >= p->outputs[i].name.n &&
		    holds(p->outputs[i].name, or_slice_from(path, 1)))
			return &p->outputs[i];
	}
	return NULL;
}

const struct dp_port *dp_route_find(const struct dp_product *p, struct or_slice method,
    struct or_slice path, struct or_slice *action)
{
	const struct dp_settings *s = &p->settings;
	const struct dp_route *best = NULL;

	if (action)
		*action = OR_SLICE_NONE;
	if (s->n_routes == 0)
		return by_name(p, path);
	for (size_t i = 0; i < s->n_routes; i++) {
		const struct dp_route *r = &s->routes[i];

		if (holds(r->path, path) && allows(r, method) &&
		    (!best || r->path.n > best->path.n))
			best = r;
	}
	if (!best)
		return NULL;
	if (action)
		*action = best->action;
	return dp_product_output(p, best->port);
}
