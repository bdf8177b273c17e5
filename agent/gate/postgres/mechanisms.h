/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says first, to a client that is not on TLS while the gate is with the server: the
 * server then offers SCRAM-SHA-256-PLUS, which such a client cannot use and takes for an attack
 * (libpq ends the connection). The mechanism is taken off the list, AuthenticationSASL (§55.7), and
 * everything else passes as it is. Pure; any thread.
 */
#ifndef AGENT_GATE_POSTGRES_MECHANISMS_H
#define AGENT_GATE_POSTGRES_MECHANISMS_H

#include "base/buf.h"
#include "base/err.h"

/* Moves whole messages from held to out, up to the first of authentication: then *done, and what is
 * held behind it has been moved too. OR_PARSE: they are no messages, or longer than held may be. */
OR_NODISCARD enum or_code ag_mechanisms_pass(struct or_buf *out, struct or_buf *held, bool *done);

#endif
