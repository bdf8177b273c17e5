/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "collector/api/api_impl.h"
#include "collector/ingest/murmur2.h"
#include "proto/audit.h"

enum { ARENA = 256 * 1024 };

enum or_code co_record_append(struct co_api_call *call, const struct co_record_act *act,
    co_log_fn *fn, void *arg, struct or_err *err)
{
	struct co_api *api = call->api;
	const struct wire_attribute attribute = {
	    .key = or_slice_str(act->key), .value = act->value};
	struct wire_audit r = {
	    .time_ns = (uint64_t)or_loop_wall_ns(api->opt.loop),
	    .product = OR_SLICE_LIT(CO_API_PRODUCT),
	    .kind = WIRE_KIND_ADMIN,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_ALLOW,
	    .principal = {.type = or_slice_str(act->by_agent ? "Agent" : "Admin"),
		.id = act->by_agent ? act->resource_id : OR_SLICE_LIT("admin.token")},
	    .action = or_slice_str(act->action),
	    .resource = {or_slice_str(act->resource_type), act->resource_id},
	    .peer = or_slice_str(or_http_req_peer_text(call->req)),
	    .attributes = &attribute,
	    .n_attributes = act->key ? 1 : 0,
	};
	uint32_t shard = co_murmur2_partition(r.product, (uint32_t)api->opt.n_shards);
	struct or_arena *a = or_arena_new(ARENA);
	enum or_code rc = wire_audit_fit(&r, a);

	if (rc == OR_OK)
		rc = co_ingest_own(api->opt.shards[shard].ingest, &r, fn, arg, err);
	else
		or_err_set(err, rc, "the record of this act does not fit");
	or_arena_free(a);
	return rc;
}

void co_record_note(struct co_api_call *call, const struct co_record_act *act)
{
	struct or_err err;

	if (co_record_append(call, act, NULL, NULL, &err))
		OR_LOG(OR_LOG_ERROR, "admin.unrecorded", or_log_text("action", act->action),
		    or_log_str("resource", act->resource_id), or_log_err(&err));
}
