/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals without an identity: malformed requests and tokens that do not verify. Anyone can cause
 * them, so they must not be able to fill the trail: the first of an address and reason within a
 * second is recorded at once, further ones are counted, and the count is recorded when the second
 * is over. Where there are too many addresses at a time they count together.
 *
 * Thread: the loop's. Limits: AG_REFUSAL_KINDS_MAX pairs of address and reason a second.
 */
#ifndef AGENT_GATE_REFUSAL_H
#define AGENT_GATE_REFUSAL_H

#include "agent/gate/record.h"
#include "base/http_msg.h"
#include "base/net.h"

#define AG_REFUSAL_KINDS_MAX 1024

struct ag_refusal;

struct ag_refusal *ag_refusal_new(struct or_loop *loop, struct ag_record *rec);
/* Records what is counted. */
void ag_refusal_free(struct ag_refusal *r);

struct ag_refusal_what {
	enum wire_kind kind;
	enum wire_front front; /* where it came; 0: the proxy */
	const char *reason;    /* static text */
	const struct or_net_addr *peer;
	/* Of a request that was read, else empty. */
	struct or_slice method, path, host;
	unsigned int status;
	struct or_slice trace_id, span_id; /* empty: new ones */
};

/* OR_FULL, OR_IO: the spool did not take the record. */
OR_NODISCARD enum or_code ag_refusal_note(struct ag_refusal *r, const struct ag_refusal_what *what);

#endif
