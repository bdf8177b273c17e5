/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision API: a workload asks about requests that it carries out itself. Shaped as OPA's data
 * API, so that its clients work:
 *
 *   POST /v1/decide, /v1/data/outrider   {"input": {…}}
 *     → {"decision_id": "…", "result": {"allow": true, "reason": "policy_permit", "policies": […],
 *        "obligations": […], "principal": "…", "action": "…", "resource": "…"}}
 *   POST /v1/data/outrider/allow         the same, with "result": true
 *   with {"inputs": {"a": {…}, …}} or a list → {"responses": {"a": {…}, …}}, or a list
 *
 * An input is {token, method, path, host?, client?, purpose?, grant?}: the caller's token, and the
 * request as it came; the path, with its query behind '?', must be canonical. With {table, row}
 * instead of method and path it is about that row of a table (agent/gate/decide_rows.h); which rows
 * there are to be had is agent/gate/api/api_filter.h. Whoever has no token that verifies is not
 * allowed (reason "unauthenticated"); nothing here takes a workload's word for who asks. 200
 * whatever was decided; 400 where the body is none of these; 503 where nothing can be recorded. At
 * most AG_API_INPUTS_MAX inputs and 1 MiB. Thread: the loop's.
 */
#ifndef AGENT_GATE_API_API_H
#define AGENT_GATE_API_API_H

#include "agent/gate/service/service.h"
#include "base/jsonw.h"

#define AG_API_INPUTS_MAX 256

extern const struct ag_service_route ag_api_routes[];
extern const size_t ag_api_n_routes;

/* -- for agent/gate/api/ alone -- */

/* The ask of an input; filters: it must be for the rows of a table, else it must not. NULL, or why
 * it is refused. */
const char *ag_api_read(struct ag_decide_ask *ask, struct ag_service_call *call,
    const struct or_json *input, bool filters);
/* A body, strictly: false where it is no JSON. */
OR_NODISCARD bool ag_api_parse(
    const struct or_json **out, struct or_slice text, struct or_arena *a);
void ag_api_answer_bad(struct ag_service_call *call); /* 400 */
void ag_api_put_list(struct or_jsonw *w, const char *key, const struct or_slice *items, size_t n);

#endif
