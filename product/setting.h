/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a product says to Outrider: customProperties named outrider.*, on the product or on an
 * output port (which then overrides the product's).
 *
 *   outrider.listener    "127.0.0.1:8080"         where the gate listens; port 0 is any
 *   outrider.upstream    "http://127.0.0.1:9000"  the workload; under `outrider run` its PORT
 *   outrider.mode        enforce | shadow | observe  whether decisions are carried out
 *   outrider.audit       strict | async           DESIGN: when a decision is on disk
 *   outrider.audit_full  deny | allow             what happens when the audit spool is full
 *   outrider.purposes    [fraud, billing]         purposes a reader may give
 *   outrider.retention   "400d"                   how long audit records are kept
 *   outrider.routes      [{path, port, methods, action}]  product only; see product/route.h
 *
 * Thread: any. Everything borrows from the document's tree and the arena.
 */
#ifndef PRODUCT_SETTING_H
#define PRODUCT_SETTING_H

#include "product/rule.h"

#define DP_SETTING_ROUTES_MAX   256
#define DP_SETTING_PURPOSES_MAX 64

enum dp_audit { DP_AUDIT_UNSAID, DP_AUDIT_STRICT, DP_AUDIT_ASYNC };
/* shadow: decided and recorded, and let through; observe: recorded and let through. */
enum dp_mode { DP_MODE_UNSAID, DP_MODE_ENFORCE, DP_MODE_SHADOW, DP_MODE_OBSERVE };
enum dp_audit_full { DP_AUDIT_FULL_UNSAID, DP_AUDIT_FULL_DENY, DP_AUDIT_FULL_ALLOW };

struct dp_route {
	struct or_slice path;           /* a prefix of whole segments: /orders holds /orders/1 */
	struct or_slice port;           /* an output port's name */
	const struct or_slice *methods; /* none: all */
	size_t n_methods;
	struct or_slice action; /* p == NULL: the method's own */
	const struct or_json *node;
};

/* p == NULL, n == 0, -1 and UNSAID mean that the product says nothing. */
struct dp_settings {
	struct or_slice listener;
	struct or_slice upstream;
	enum dp_mode mode;
	enum dp_audit audit;
	enum dp_audit_full audit_full;
	const struct or_slice *purposes;
	size_t n_purposes;
	int64_t retention_ns;
	const struct dp_route *routes;
	size_t n_routes;
};

/*
 * Reads the outrider.* entries of a customProperties list (NULL: none); other names are left alone.
 * Wrong ones go to run->diags under run->path. OR_FULL: the arena. *out is filled in any case.
 */
OR_NODISCARD enum or_code dp_setting_parse(struct dp_settings *out, const struct or_json *custom,
    bool on_port, struct or_arena *a, struct dp_rule_run *run);

/* The port's settings over the product's. */
struct dp_settings dp_setting_merge(
    const struct dp_settings *product, const struct dp_settings *port);

#endif
