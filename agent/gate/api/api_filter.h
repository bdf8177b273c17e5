/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows of a table somebody may read, as a condition that the workload puts into its query.
 *
 *   POST /v1/filter  {"input": {"token", "table", "dialect"?, "alias"?, "port"?, "method"?,
 * "path"?, "client"?, "purpose"?}} → {"decision_id": "…", "result": {"allow": true, "rows": "some",
 * "reason": "policy_permit", "policies": […], "table": "orders", "sql": "…", "params": […],
 * "masks": [{column, kind}]}} dialect is postgresql (or postgres), sqlite, trino or ucast; then
 * "ucast" is there for "sql". rows: "all" (the condition is always true), "some", or "none" with
 * "allow": false.
 *
 *   POST /v1/compile/outrider/<table>  the same in the shape of OPA's compile API; Accept says the
 *     form: application/vnd.opa.ucast.all+json, application/vnd.opa.sql.postgresql+json, …sqlite+…,
 *     …trino+…; others are answered 406.
 *     → {"result": {"query": {…} | "WHERE …", "params": […], "masks": {table: {column: {"replace":
 *        {"value": …}}}}}}
 *     {} and "" are all rows; without "query" there are none. A mask that shows a part of the value
 *     has no form there: it becomes null. options.targetSQLTableMappings.<dialect>.<table>.$self is
 *     the alias; columns keep their names.
 *
 * Values are parameters, longs beyond what a double holds are text. What the policies say and no
 * condition can (filter_unsupported) is a deny; each answer is recorded with its condition. The
 * token may come in Authorization as well. Thread: the loop's.
 */
#ifndef AGENT_GATE_API_API_FILTER_H
#define AGENT_GATE_API_API_FILTER_H

#include "agent/gate/service/service.h"

void ag_api_filter_serve(struct ag_service_call *call);

#endif
