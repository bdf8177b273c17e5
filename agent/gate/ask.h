/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an HTTP request asks of the decision core: the parts that every front over HTTP reads alike.
 *
 * One canonical path (base/http_path.h) goes to policy, to the record and to the app; what has none
 * is refused with a reason. Pure but for the caller's arena and scratch buffer; any thread.
 */
#ifndef AGENT_GATE_ASK_H
#define AGENT_GATE_ASK_H

#include "agent/gate/decide.h"
#include "base/http_msg.h"

#define AG_ASK_TARGET_MAX (16U * 1024)

/*
 * Fills ask->path and the names in the query; *target is path and query as they go to the app.
 * *changed, where not NULL: the canonical path is another text than path. query.p NULL: there is
 * none. NULL, or why it is refused.
 */
const char *ag_ask_target(struct ag_decide_ask *ask, struct or_slice *target, bool *changed,
    struct or_slice path, struct or_slice query, struct or_buf *scratch, struct or_arena *a);

/* "Bearer token", once. Another scheme is no token; two fields are one that does not verify. */
struct or_slice ag_ask_token(const struct or_http_msg *msg);

/* X-Outrider-Purpose, empty where absent. False: it is no text, or there are two. */
bool ag_ask_purpose(struct or_slice *out, const struct or_http_msg *msg);

/* X-Outrider-Break-Glass: a grant (policy/grant.h), empty where absent; of two, none that holds. */
struct or_slice ag_ask_grant(const struct or_http_msg *msg);

/* "192.0.2.1:40000" without the port; IPv4 in IPv6 is IPv4; empty for a unix socket. */
struct or_slice ag_ask_client(const char *peer_text);

#endif
