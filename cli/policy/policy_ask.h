/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request from flags, from JSON, or from a file of cases:
 *   {"principal": "User::\"alice\"", "action": "read", "resource": "Port::\"orders/orders\"",
 *    "context": {…}, "entities": […]}
 * An entity may also be written {"type": …, "id": …}; an action without a type is Action::"…".
 */
#ifndef CLI_POLICY_POLICY_ASK_H
#define CLI_POLICY_POLICY_ASK_H

#include "base/json.h"
#include "cli/policy/policy_world.h"
#include "policy/authorize.h"
#include "policy/mask.h"

struct ctl_policy_ask_opt {
	const char *principal;
	const char *action;
	const char *resource;
	const char *context;      /* JSON, or @FILE */
	const char *request;      /* a file of JSON, "-" for standard input */
	const char *forbid_error; /* "deny" or "skip" */
};

#define CTL_POLICY_ASK_FLAGS(o)                                                                    \
	{.name = "principal",                                                                      \
	    .metavar = "ENTITY",                                                                   \
	    .value = &(o)->principal,                                                              \
	    .help = "who asks: User::\"alice\""},                                                  \
	    {.name = "action",                                                                     \
		.metavar = "ENTITY",                                                               \
		.value = &(o)->action,                                                             \
		.help = "what for: read, or Action::\"read\""},                                    \
	    {.name = "context",                                                                    \
		.metavar = "JSON",                                                                 \
		.value = &(o)->context,                                                            \
		.help = "the context, or @FILE"},                                                  \
	{                                                                                          \
		.name = "on-forbid-error", .metavar = "WHAT", .value = &(o)->forbid_error,         \
		.help = "deny as agents do (default), or skip: Cedar's own rule"                   \
	}

/* A request that is complete but for what was not asked for. */
struct ctl_policy_ask {
	struct pol_request req;        /* resource.type.p == NULL: none was given */
	struct pol_entities *entities; /* the request's own over the world's; NULL: the world's */
};

/* From flags; resource may be left out where it is not needed. OR_PARSE, OR_INVAL: err says what.
 */
OR_NODISCARD enum or_code ctl_policy_ask_flags(struct ctl_policy_ask *out,
    struct ctl_policy_world *w, const struct ctl_policy_ask_opt *opt, bool need_resource,
    struct or_err *err);

/* From a node of a case or a recorded request; where: for messages. */
OR_NODISCARD enum or_code ctl_policy_ask_json(struct ctl_policy_ask *out,
    struct ctl_policy_world *w, const struct or_json *j, const char *where, bool need_resource,
    struct or_err *err);
void ctl_policy_ask_done(struct ctl_policy_ask *ask);

struct ctl_policy_answer {
	struct pol_decision d;
	struct pol_masks masks;
	bool allow;             /* d.allow, and the masks can be carried out */
	const char *mask_error; /* why they cannot; NULL: they can */
};

/* Begins the world's context and decides in it. With a schema the request must fit it (OR_INVAL).
 */
OR_NODISCARD enum or_code ctl_policy_ask_decide(struct ctl_policy_answer *out,
    struct ctl_policy_world *w, const struct ctl_policy_ask *ask, struct or_err *err);

/* Begins the world's context for the request. */
void ctl_policy_ask_begin(struct ctl_policy_world *w, const struct ctl_policy_ask *ask);

#endif
