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

/* Of a request: a credential, or says who asks, which only the gate may. */
bool ag_hygiene_is_identity(struct or_slice name);

/* True where the field of an answer may go to the client. */
bool ag_hygiene_passes_out(const struct or_http_msg *msg, const struct or_http_field *field);

/* Of a request: asks for a part, for a coding, or for nothing where a copy is fresh; such fields do
 * not go to the app while its answer is owed a filter (agent/gate/filter.h). */
bool ag_hygiene_asks_for_part(const struct or_http_field *field);

/* The protocol that the request asks to go over to, where it may be passed on: one, of a GET
 * without content, and no form of HTTP. Else empty: the request is one like others. */
struct or_slice ag_hygiene_upgrade(const struct or_http_msg *msg);

/* True where the sender of a request takes an answer packed with gzip (RFC 9110 §12.5.3). */
bool ag_hygiene_takes_gzip(const struct or_http_msg *msg);

/* Of an answer: says what holds only of the bytes that the app sent (RFC 9110 §8.8.3, RFC 9530);
 * such fields do not pass with a filtered answer. */
bool ag_hygiene_is_of_bytes(const struct or_http_field *field);

#endif
