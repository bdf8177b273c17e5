/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole collector on a loop: its state directory, shards, enrolment and API.
 *
 *   <state>/lock                 held while it runs
 *   <state>/endpoint             {"url","pid"} while it runs
 *   <state>/collector_id         its UUID, as an agent too
 *   <state>/shards.json          what cannot change: number of shards, name
 *   <state>/log.json             what verifiers need (collector/describe.h)
 *   <state>/admin.token          bearer token of the administrator
 *   <state>/keys/                checkpoint.pem, enrolment.pem, agent.pem
 *   <state>/enrol/               who may speak for which product
 *   <state>/telemetry/<topic>/   logs, metrics, spans, lineage events
 *   <state>/alert.db             alerts and what was told of them, where there are rules
 *   <state>/catalogue.db         products and who reads them (collector/catalogue/facts.h)
 *   <state>/shards/<n>/          a shard: its log, inputs, refused batches
 *
 * Thread: the loop's; opening and closing block. Logs its events.
 */
#ifndef COLLECTOR_NODE_H
#define COLLECTOR_NODE_H

#include "base/loop.h"
#include "collector/config.h"

struct co_node;

/*
 * Makes the state where it is new, recovers the shards and serves. A damaged shard is no failure:
 * it is read but takes nothing (/readyz and the log say so).
 * OR_BUSY: another collector has the state, or the address is in use. OR_INVAL: shards or name
 * differ from the state's. OR_ABSENT, OR_DENIED, OR_CORRUPT: a file of the state, by name.
 */
OR_NODISCARD enum or_code co_node_open(
    struct co_node **out, struct or_loop *loop, const struct co_config *config, struct or_err *err);

/* "http://127.0.0.1:8470" */
const char *co_node_url(const struct co_node *node);

/* Reads the alert rules anew. */
void co_node_reload(struct co_node *node);

/* Takes nothing new, lets requests and their commits end, then calls done. */
void co_node_drain(struct co_node *node, or_loop_fn *done, void *arg);
void co_node_close(struct co_node *node);

#endif
