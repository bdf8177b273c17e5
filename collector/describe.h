/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verifiers need to know of a collector, as JSON: its id, the key under which checkpoints are
 * signed, the keys that certify agents, and the shards with their origins.
 *
 * GET /v1/shards answers it, and <state>/log.json holds it, so that a copy of the directory can be
 * verified without the collector. Pure; any thread. Nothing secret is in it.
 */
#ifndef COLLECTOR_DESCRIBE_H
#define COLLECTOR_DESCRIBE_H

#include "base/crypto.h"
#include "base/jsonw.h"

struct co_describe_shard {
	const char *origin;
	const uint64_t *size; /* NULL: is not said */
};

struct co_describe {
	const char *collector_id;
	const char *vkey;
	const struct or_crypto_key *enrolment_key;
	const struct co_describe_shard *shards; /* by number */
	size_t n_shards;
};

/* One object, begun and ended. */
void co_describe_put(struct or_jsonw *w, const struct co_describe *d);

#endif
