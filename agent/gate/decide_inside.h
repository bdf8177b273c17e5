/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decide.c (a request for a port), decide_rows.c (rows of a table) and decide_mode.c (modes,
 * break-glass) share; nobody else includes it.
 */
#ifndef AGENT_GATE_DECIDE_INSIDE_H
#define AGENT_GATE_DECIDE_INSIDE_H

#include "agent/gate/decide.h"

struct ag_decide {
	struct ag_decide_opt opt;
	struct pol_entities *ports; /* Port, Product, Domain: the same for every request */
	struct pol_ctx *ctx;
};

/* One decision under way. */
struct ag_decide_case {
	struct ag_decide *d;
	const struct ag_decide_ask *ask;
	struct or_arena *a;
	struct ag_decide_result *out;
	struct ag_identity_who who;
	struct pol_uid principal, action, resource;
	const struct pol_record *attrs, *context;
	struct wire_attribute *notes; /* of the record; NULL: none yet */
	bool by_policy;               /* policies were asked, or there were none to ask */
	struct or_slice unfit;        /* the claim that is not of the type that policies expect */
	/* Of rows alone. */
	const struct dp_table *table;
	const struct pol_record *row; /* the one that is decided on; NULL: a filter is made */
};

#define AG_DECIDE_UID(type, id) pol_uid_make(OR_SLICE_LIT(type), (id))

/* -- in decide.c -- */

/* p == NULL: the arena is used up. */
struct or_slice ag_decide_join(
    struct or_arena *a, struct or_slice left, const char *between, struct or_slice right);
/* Sets the end of the decision in result and record alike; always OR_OK. */
enum or_code ag_decide_conclude(
    struct ag_decide_case *r, enum ag_decide_verdict verdict, const char *reason);
/* An attribute of the record; the value is borrowed. At most AG_DECIDE_NOTES_MAX. */
void ag_decide_note(struct ag_decide_case *r, const char *key, struct or_slice value);
/* A deny that no policy had a say in; the attribute tells what did not fit. */
enum or_code ag_decide_deny_unfit(
    struct ag_decide_case *r, const char *reason, const char *key, struct or_slice value);
/* The port's audit mode, and the port in result and record. */
void ag_decide_take_port(struct ag_decide_case *r, const struct dp_port *port);
/* NULL: a method that no policy is asked about. */
const char *ag_decide_action_of(struct or_slice method);

/* -- in decide_mode.c -- */

#define AG_DECIDE_SKIP_TRIAL ((1U << POL_MODE_SHADOW) | (1U << POL_MODE_OBSERVE))

/* Tells what the policies that do not count yet would have decided. enforced: what the others
 * did. */
enum or_code ag_decide_mode_try(struct ag_decide_case *r, const struct pol_set *set,
    const struct pol_request *request, const struct pol_decision *enforced);
/* The product observes only: nothing is decided. */
bool ag_decide_mode_observes(const struct ag_decide_case *r);
/* At the end: a grant that lets through, a mode that does. */
void ag_decide_mode_settle(struct ag_decide_case *r);

/* -- in decide_rows.c -- */

/* The table, its port and the action; as route() of decide.c. False: the decision has been made. */
bool ag_decide_rows_route(struct ag_decide_case *r);
/* What policies see as the path of an ask that has none. */
struct or_slice ag_decide_rows_path(const struct ag_decide_case *r);
/* From JSON to the row's attributes (r->row). False: the decision has been made, or *rc says why
 * it cannot be. */
bool ag_decide_rows_read(struct ag_decide_case *r, enum or_code *rc);
/* Puts the row that is decided on into the context. */
enum or_code ag_decide_rows_put(struct ag_decide_case *r);
/* Makes the filter, and the decision of it. */
enum or_code ag_decide_rows_filter(struct ag_decide_case *r, const struct pol_bundle *bundle);

#endif
