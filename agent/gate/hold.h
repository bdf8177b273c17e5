/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request whose token names a key that its issuer's set lacks waits for the set to be fetched,
 * and then begins: so a rotation of keys refuses nobody. Where fetching is of no use it is not
 * held.
 *
 * Thread: the loop's. What is held lies in the request's arena.
 */
#ifndef AGENT_GATE_HOLD_H
#define AGENT_GATE_HOLD_H

#include "agent/gate/issuers.h"
#include "base/http_req.h"

typedef void ag_hold_fn(void *arg, struct or_http_req *req);

/*
 * True: the request is held; begin is called once, later, whatever became of the fetch, unless the
 * client goes before. False: nothing happened. issuers may be NULL.
 */
OR_NODISCARD bool ag_hold_start(struct ag_issuers *issuers, struct or_http_req *req,
    struct or_slice token, int64_t now_ns, ag_hold_fn *begin, void *arg);

#endif
