/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision core: who asks for what, decided by policy, as an audit record. It knows no front;
 * each front (proxy, and later ext_authz, decide…) brings an ask and carries the result out.
 *
 * HTTP to Cedar: principal User::"<iss>#<sub>" (Workload::"<spiffe id>" where a certificate says
 * who asks and no token does) with parents Group::"<iss>#<group>" and, for each attribute that the
 * bundle's schema declares for User, the token's claim of that name where its type fits; action by
 * method (or the route's own); resource Port::"<product>/<port>" with parents Product and Domain;
 * context {method, path, query, client, purpose}.
 *
 * Whatever is not a clear yes is a no: no bundle, no port, no identity, an unknown method, a forbid
 * that errs, a request that needs too much memory. So is what the bundle's schema does not know,
 * before any policy is asked: a claim of another type than it declares (claim_type), a required
 * one that is missing (principal_unfit), an action or context that is not declared (not_in_schema);
 * and a purpose that the product does not list (purpose_unknown). The record says which.
 *
 * Modes: where the product (outrider.mode) is in shadow all is decided and recorded, as would_deny
 * where it would be denied, and let through as it came, unmasked; where it observes nothing is
 * decided. A policy's @mode("shadow") or ("observe") keeps it from counting: an allow that it would
 * have denied is recorded as would_deny, otherwise the attributes "shadow" and "observe" tell what
 * it would have done. Rows are answered as they are decided.
 *
 * Break-glass: a deny by policy is an allow (break_glass) with a grant that holds; the record names
 * the grant, its reason and what it overrode. One that does not hold is named as well
 * (break_glass_refused) and changes nothing.
 *
 * Thread: the loop's. A result lies in the caller's arena. Nothing here writes a record.
 */
#ifndef AGENT_GATE_DECIDE_H
#define AGENT_GATE_DECIDE_H

#include "agent/bundle/bundle.h"
#include "agent/gate/decide_rows.h"
#include "agent/gate/filter.h"
#include "agent/gate/identity.h"
#include "policy/authorize.h"
#include "product/folder.h"
#include "proto/audit.h"

#define AG_DECIDE_QUERY_KEYS_MAX 64
#define AG_DECIDE_NOTES_MAX      8 /* attributes of a decision's record */
#define AG_DECIDE_EXTRAS_MAX     6

struct ag_decide;
struct ag_decide_result;

/*
 * What an allow is bound to, carried out: called for each allow, before it is one. Sets *out to the
 * plan, in the arena; leaves it NULL where nothing is owed. Anything but OR_OK: it cannot be
 * carried out, and the request is denied (obligation_unsupported).
 */
typedef enum or_code ag_decide_oblige_fn(void *arg, const struct ag_filter_plan **out,
    const struct pol_decision *decision, const struct ag_decide_result *so_far, struct or_arena *a);

struct ag_decide_opt {
	const struct dp_folder *folder; /* borrowed for the life of the core */
	struct ag_bundle *bundle;
	struct ag_identity *identity;
	ag_decide_oblige_fn *oblige; /* NULL: whatever is owed denies */
	void *oblige_arg;
	/* Who may sign break-glass grants (policy/grant.h); borrowed. None: there are none. */
	const struct or_crypto_key *const *grant_keys;
	size_t n_grant_keys;
	const char *agent_id; /* as grants name it; may be NULL */
};

/* OR_FULL: the product's entities. */
OR_NODISCARD enum or_code ag_decide_new(
    struct ag_decide **out, const struct ag_decide_opt *opt, struct or_err *err);
void ag_decide_free(struct ag_decide *d);

struct ag_decide_extra {
	const char *name;
	struct or_slice value;
};

/* Slices are borrowed and appear in the result. */
struct ag_decide_ask {
	enum wire_front front;
	struct or_slice method;
	struct or_slice path; /* canonical, without the query */
	struct or_slice host;
	const struct or_slice *query_keys;
	size_t n_query_keys;
	struct or_slice token; /* p == NULL: none was given */
	struct or_slice
	    workload; /* the SPIFFE ID that the client's certificate proves; empty: none */
	const char
	    *cert_fault; /* why its certificate proves none; NULL: it gave none, or it does */
	struct or_slice cert_hash; /* SHA-256 of its certificate, whoever made it; empty: none */
	struct or_slice peer;      /* for the record: "192.0.2.1:40000" */
	struct or_slice client_ip; /* for policy: "192.0.2.1" */
	struct or_slice purpose;   /* empty: none */
	struct or_slice grant;     /* a break-glass grant; empty: none */
	struct or_slice trace_id;  /* 16 bytes */
	struct or_slice span_id;   /* 8 bytes */
	int64_t now_ns;            /* Unix time */
	const struct ag_decide_rows_ask *rows; /* NULL: the port is asked for */
	bool cannot_filter; /* the front passes no answers: an allow that owes one denies */

	/* For fronts that are not HTTP; each may be empty. */
	struct or_slice action;            /* where the route says none: not the method's */
	const struct ag_identity_who *who; /* whom the front knows itself, instead of a token */
	/* Further texts of the context, as far as the bundle's schema declares them for the action:
	 * policies can ask for no others. */
	const struct ag_decide_extra *extras;
	size_t n_extras; /* at most AG_DECIDE_EXTRAS_MAX */
};

enum ag_decide_verdict {
	AG_DECIDE_ALLOW,
	AG_DECIDE_DENY,            /* 403 */
	AG_DECIDE_UNAUTHENTICATED, /* 401 */
	AG_DECIDE_UNAVAILABLE,     /* 503: there is no policy to decide by */
};

struct ag_decide_result {
	enum ag_decide_verdict verdict;
	const char *reason; /* the stable code that the record has */
	bool unproven;      /* who asks could not be told, whatever the verdict */
	bool strict;        /* the decision must be durable before the request goes on */
	bool audit_full_allows;
	const struct dp_port *port; /* NULL: none has that path */
	/* Complete but for agent, epoch, stream, seq, phase and the request's outcome. */
	struct wire_audit record;
	const struct ag_filter_plan *filter; /* NULL: the answer may pass as it is */
	struct ag_decide_rows rows;          /* where a filter was asked for, of an allow */
	struct or_slice inputs; /* JSON whose SHA-256 is record.inputs; empty: none decided */
};

/* OR_FULL: the arena; answer 503. *out is then untouched. */
OR_NODISCARD enum or_code ag_decide_run(struct ag_decide_result *out, struct ag_decide *d,
    const struct ag_decide_ask *ask, struct or_arena *a);

#endif
