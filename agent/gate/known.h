/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People and workloads that a front knows by another name than a token's: a database's user, an
 * access key. A file says who they are, in claims as a token would have them:
 *
 *   etl:
 *     claims: {iss: https://issuer.example, sub: etl, groups: [pipelines], clearance: 2}
 *     secret: …            only where the front checks signatures by it
 *
 * Watched: a new file is taken whole, one that is not right leaves the one before.
 * Thread: the loop's. Limits: AG_KNOWN_MAX names, a file of AG_KNOWN_FILE_MAX bytes. Secrets do not
 * appear in messages; the file's memory is wiped.
 */
#ifndef AGENT_GATE_KNOWN_H
#define AGENT_GATE_KNOWN_H

#include "agent/gate/identity.h"
#include "base/loop.h"

#define AG_KNOWN_MAX      4096
#define AG_KNOWN_FILE_MAX (1024U * 1024)

struct ag_known;

/* One name; it is borrowed until the next turn of the loop. */
struct ag_known_one {
	struct ag_identity_who who;
	struct or_slice secret; /* empty: none is known */
};

/* file: YAML or JSON. OR_INVAL, OR_PARSE, OR_ABSENT, OR_FULL: the message says what and where. */
OR_NODISCARD enum or_code ag_known_open(
    struct ag_known **out, struct or_loop *loop, const char *file, struct or_err *err);
void ag_known_close(struct ag_known *k);

/* NULL: nobody of that name. */
const struct ag_known_one *ag_known_find(const struct ag_known *k, struct or_slice name);

#endif
