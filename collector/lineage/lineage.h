/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lineage graph: which job reads and writes which data set, as OpenLineage events said.
 *
 *   data set ──▶ job ──▶ data set
 *
 * Edges come from any event of a job, not from its last run alone, so that a run whose outputs vary
 * does not hide the others; each edge and node knows when it was last said. Events may come in any
 * order: what is "last" goes by eventTime. Ids are Marquez's: "dataset:NAMESPACE:NAME", "job:…".
 *
 * In memory, built from the stored events at the start and kept up as they come.
 * Thread: whoever owns it. Limits: max_nodes (events beyond it are counted as dropped),
 * CO_LINEAGE_EDGES_MAX edges a node, CO_LINEAGE_PRODUCTS_MAX products a node.
 */
#ifndef COLLECTOR_LINEAGE_LINEAGE_H
#define COLLECTOR_LINEAGE_LINEAGE_H

#include "base/jsonw.h"
#include "proto/openlineage.h"

#define CO_LINEAGE_EDGES_MAX    10000
#define CO_LINEAGE_PRODUCTS_MAX 16

struct co_lineage;

struct co_lineage *co_lineage_new(size_t max_nodes);
void co_lineage_free(struct co_lineage *l);

/* An event that was reported for that product. */
void co_lineage_add(
    struct co_lineage *l, struct or_slice product, const struct wire_openlineage *event);

/*
 * Puts {"product","nodes":[…],"edges":[{"from","to","time","declared","observed"}],"findings":
 * [{"kind","dataset","job","time"}]}: everything that is connected, in either direction, with what
 * the product reported itself. An edge is observed where an agent saw it happen, declared where
 * anybody else said so. A finding (undeclared_input, undeclared_output) is a data set that a
 * workload of the product was seen to use and none of the product's jobs declares. False, and
 * nothing put: the product reported nothing.
 */
bool co_lineage_put(struct or_jsonw *w, struct co_lineage *l, struct or_slice product);

struct co_lineage_stats {
	size_t nodes, edges;
	uint64_t events, dropped;
};
void co_lineage_stats(struct co_lineage_stats *out, const struct co_lineage *l);

#endif
