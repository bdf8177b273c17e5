/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.health.v1.Health/Check for the agent's gRPC listeners: who is asked serves. Whether the gate
 * has a policy is not told here: without one it answers, with a refusal, and a proxy that took it
 * for absent might let requests pass. Watch is not there, which clients take for "ask again".
 * Thread: the loop's.
 */
#ifndef AGENT_GRPC_HEALTH_H
#define AGENT_GRPC_HEALTH_H

#include "base/grpc.h"

#define AG_GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"

/* Answers the call: SERVING for the empty name and these services (ended by NULL), else NOT_FOUND.
 */
void ag_grpc_health_answer(struct or_grpc_call *call, const char *const *services);

#endif
