/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which fields cross the gate (DESIGN.md §7, RFC 9110 §7.6.1).
 *
 * Towards the app: nothing that concerns the connection, nothing that says who asks (the gate has
 * verified that; only it may tell), nothing that says where the request came from but what the gate
 * itself says. Names are compared with '_' as '-': gateways of other languages make both the same
 * variable. Pure; any thread.
 */
#ifndef AGENT_GATE_HYGIENE_H
#define AGENT_GATE_HYGIENE_H

#include "base/http_msg.h"

/* True where the field of a request may go to the app. */
bool ag_hygiene_passes_in(const struct or_http_msg *msg, const struct or_http_field *field);

/* True where the field of an answer may go to the client. */
bool ag_hygiene_passes_out(const struct or_http_msg *msg, const struct or_http_field *field);

#endif
