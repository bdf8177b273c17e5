/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in front of a PostgreSQL server: each connection is decided on before the server hears
 * of it (documentation §55.2).
 *
 * A connection asks for Action::"connect", or Action::"subscribe" where it replicates. Its method
 * is CONNECT or REPLICATE, its path "/<database>", escaped as in a URL, so the product's routes and
 * ports hold as for HTTP. Who asks is the workload of its certificate's SVID where it shows one of
 * a configured trust domain, else the database's user: as the file `users` has them, or User::
 * "<issuer>#<user>". That they are who they say is then for the server to find out; the outcome
 * record tells whether it did. Context besides: user, database, application_name, transport ("tls"
 * or "plain"), as far as the schema declares them.
 *
 * Denied: FATAL, SQLSTATE 28000, the decision's id in the message. Allowed: bytes pass both ways as
 * they are, with backpressure. A decision record goes before, an outcome record follows; statements
 * are recorded in between (agent/gate/postgres/statements.h). Policies are asked at connect alone:
 * what SQL does is the server's own to permit.
 *
 * SSLRequest is answered S where there is a certificate, direct TLS (ALPN postgresql) is taken then
 * too; GSSENCRequest is answered N. Cancel requests pass where their key is of a session here.
 * Thread: the loop's. Limits: AG_POSTGRES_SESSIONS_MAX connections; startup.h's, frames.h's.
 */
#ifndef AGENT_GATE_POSTGRES_POSTGRES_H
#define AGENT_GATE_POSTGRES_POSTGRES_H

#include "agent/gate/front.h"

#define AG_POSTGRES_SESSIONS_MAX 1024

extern const struct ag_front ag_postgres_front;

#endif
