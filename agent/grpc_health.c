/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/grpc_health.h"

#include "proto/authz.h"

enum { ANSWER_MAX = 64 };

void ag_grpc_health_answer(struct or_grpc_call *call, const char *const *services)
{
	struct or_slice name = OR_SLICE_NONE;
	struct or_buf out;
	bool known;

	if (wire_authz_health_decode(
		&name, or_grpc_call_message(call), or_grpc_call_arena(call), NULL)) {
		or_grpc_call_fail(
		    call, OR_GRPC_INVALID_ARGUMENT, "no HealthCheckRequest", OR_SLICE_NONE);
		return;
	}
	known = name.n == 0;
	for (; !known && *services; services++)
		known = or_slice_is(name, *services);
	if (!known) {
		or_grpc_call_fail(call, OR_GRPC_NOT_FOUND, "no such service", OR_SLICE_NONE);
		return;
	}
	or_buf_init(&out, ANSWER_MAX);
	wire_authz_health_encode(&out, true);
	or_grpc_call_reply(call, or_buf_slice(&out));
	or_buf_done(&out);
}
