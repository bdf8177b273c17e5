/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry: which agents were enrolled, with which key, for which products, and who is revoked.
 *
 * In memory; collector/enrol/enrol.h loads and saves it. An agent keeps its key: another key under
 * the same id is refused, so nobody can continue somebody else's sequence.
 * Thread: whoever owns it. Limits: CO_AGENTS_MAX agents, CO_AGENTS_BYTES_MAX bytes of their
 * products' names; an agent is never forgotten (revocation must outlive it).
 */
#ifndef COLLECTOR_ENROL_AGENTS_H
#define COLLECTOR_ENROL_AGENTS_H

#include "base/json.h"
#include "base/jsonw.h"
#include "base/map.h"
#include "proto/enrol.h"

#define CO_AGENTS_MAX       10000
#define CO_AGENTS_BYTES_MAX (8UL * 1024 * 1024)

struct co_agents_entry {
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	uint8_t public_key[OR_CRYPTO_ED25519_LEN];
	char **products;
	size_t n_products;
	int64_t first_seen_ns;
	int64_t not_after_ns; /* of the latest certificate */
	int64_t revoked_ns;   /* 0: it is not */
};

struct co_agents {
	struct or_map by_uuid; /* of struct co_agents_entry */
	size_t bytes;
};

void co_agents_init(struct co_agents *a);
void co_agents_done(struct co_agents *a);

/* NULL: not enrolled. Borrowed. */
struct co_agents_entry *co_agents_find(const struct co_agents *a, const uint8_t *uuid);

/* Enters the agent, or replaces the products of one that is there. OR_DENIED: it is revoked, or
 * has another key. OR_FULL: a limit. Nothing changes then. */
struct co_agents_grant {
	const uint8_t *uuid;
	struct or_slice public_key;
	const struct or_slice *products;
	size_t n_products;
	int64_t not_after_ns;
};
OR_NODISCARD enum or_code co_agents_put(
    struct co_agents *a, const struct co_agents_grant *g, int64_t now_ns, struct or_err *err);

/* Walks: *at starts at 0; NULL at the end. */
const struct co_agents_entry *co_agents_next(const struct co_agents *a, size_t *at);

/* {"version":1,"agents":[…]} as kept on disk. */
void co_agents_write(struct or_jsonw *w, const struct co_agents *a);
/* The members of one agent, into an object that the caller has open. */
void co_agents_write_members(struct or_jsonw *w, const struct co_agents_entry *e);

/* Into an empty registry. OR_CORRUPT: not what co_agents_write wrote. */
OR_NODISCARD enum or_code co_agents_read(
    struct co_agents *a, const struct or_json *j, struct or_err *err);

#endif
