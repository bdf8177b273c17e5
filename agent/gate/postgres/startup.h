/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first packet of a PostgreSQL client (documentation §55.2.1 and §55.7): it has no type byte,
 * and is a StartupMessage, or one of three requests that stand before it.
 *
 * Strict, because the gate decides on what it reads here and the server acts on the same bytes: no
 * parameter twice, nothing behind the end, user and database in UTF-8 and no longer than a name of
 * PostgreSQL's, which would cut them. Pure; any thread. Slices point into the packet.
 */
#ifndef AGENT_GATE_POSTGRES_STARTUP_H
#define AGENT_GATE_POSTGRES_STARTUP_H

#include "base/err.h"

#define AG_STARTUP_MAX        10000 /* bytes of a packet, as the server has it */
#define AG_STARTUP_NAME_MAX   63    /* NAMEDATALEN - 1 */
#define AG_STARTUP_KEY_MAX    256   /* of a cancel key, protocol 3.2 */
#define AG_STARTUP_PARAMS_MAX 64

enum ag_startup_kind {
	AG_STARTUP_SESSION,
	AG_STARTUP_CANCEL,
	AG_STARTUP_TLS,    /* SSLRequest */
	AG_STARTUP_GSSENC, /* GSSENCRequest */
};

enum ag_startup_reason {
	AG_STARTUP_FINE,
	AG_STARTUP_LENGTH,    /* too short or too long a packet */
	AG_STARTUP_PROTOCOL,  /* no version 3 */
	AG_STARTUP_PARAMETER, /* one without a name or an end, twice, or too many */
	AG_STARTUP_TRAILING,
	AG_STARTUP_USER, /* absent, too long, or not UTF-8 */
	AG_STARTUP_DATABASE,
	AG_STARTUP_APPLICATION, /* not UTF-8 */
	AG_STARTUP_REPLICATION, /* neither a boolean nor "database" */
	AG_STARTUP_KEY,
};

struct ag_startup {
	enum ag_startup_kind kind;
	uint32_t version;
	struct or_slice user;
	struct or_slice database; /* the user's name where it is not given, as the server has it */
	struct or_slice application; /* application_name; p == NULL where not given */
	bool replicates;             /* a walsender's connection */
	uint32_t pid;                /* of a cancel request */
	struct or_slice key;
};

/* How long the packet is whose first bytes are these: OR_AGAIN until 4 are there, OR_PARSE where no
 * packet may be that long or short. */
OR_NODISCARD enum or_code ag_startup_length(size_t *out, struct or_slice head);

/* One whole packet. AG_STARTUP_FINE, else *out is untouched. */
OR_NODISCARD enum ag_startup_reason ag_startup_parse(
    struct ag_startup *out, struct or_slice packet);

/* "startup_user"…: for records. */
const char *ag_startup_reason_name(enum ag_startup_reason reason);

#endif
