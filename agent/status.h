/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GET /v1/status says of the agent, as `outrider doctor` reads it.
 *
 * Thread: the loop's. No secret is in it.
 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "agent/announce/announce.h"
#include "agent/bundle/bundle.h"
#include "agent/enrol/enrol.h"
#include "agent/gate/fronts.h"
#include "agent/ship/ship.h"
#include "agent/spool/spool.h"
#include "agent/tap/observe.h"
#include "base/jsonw.h"

struct ag_status {
	const char *product;
	const struct ag_fronts *fronts;
	const struct ag_enrol *enrol;
	const struct ag_bundle *bundle;
	const struct ag_spool *spool;
	const struct ag_ship *ship; /* NULL: there is no collector */
	const struct ag_observe *observe;
	const struct ag_announce *announce;
};

/* Puts members into the object that is open: product, agent_id, one for each front, bundle, spool,
 * ship, tap, catalogue. */
void ag_status_put(struct or_jsonw *w, const struct ag_status *s);

#endif
