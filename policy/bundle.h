/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle: the policies of one product with their schema and entities, signed.
 *
 * The bytes are a DSSE envelope (protocol version 1.0.0) over a JSON payload:
 *   {"payloadType": "application/vnd.outrider.bundle+json", "payload": base64,
 *    "signatures": [{"keyid": …, "sig": base64}]}
 *   payload: {"product", "revision", "not_before", "not_after", "schema", "policies": [{"name",
 *    "text"}], "entities": [ … ]}; times as RFC 3339, schema and policies as Cedar text.
 * Signatures are Ed25519 over DSSE's pre-authentication encoding, and are checked before the
 * payload is looked at. Building is deterministic: the same source and key give the same bytes.
 *
 * An open bundle is immutable and counted: ref and unref may be called by any thread.
 * Limits: POL_BUNDLE_MAX bytes; the budgets of set, schema and store.
 */
#ifndef POLICY_BUNDLE_H
#define POLICY_BUNDLE_H

#include "base/crypto.h"
#include "policy/schema.h"
#include "policy/set.h"

#define POL_BUNDLE_MAX  (64 * OR_MIB)
#define POL_BUNDLE_TYPE "application/vnd.outrider.bundle+json"

struct pol_bundle_policy {
	const char *name; /* of its file; part of the ids of policies without @id */
	struct or_slice text;
};

struct pol_bundle_source {
	const char *product;
	uint64_t revision;     /* 1 to INT64_MAX */
	int64_t not_before_ns; /* Unix time */
	int64_t not_after_ns;
	struct or_slice schema; /* Cedar schema text; empty: none */
	const struct pol_bundle_policy *policies;
	size_t n_policies;
	struct or_slice entities; /* JSON list; empty: none */
};

/*
 * Puts the signed bytes. What open would refuse is refused here: OR_PARSE with diagnostics (which
 * may be NULL), OR_EXISTS for a policy id or an entity that is there twice, OR_INVAL for other
 * fields and for a key that cannot sign. Where there is a schema the policies must also pass strict
 * validation (OR_INVAL with diagnostics), and masks must be such as can be carried out
 * (policy/mask.h); open leaves that to whoever signed.
 */
OR_NODISCARD enum or_code pol_bundle_build(struct or_buf *out, const struct pol_bundle_source *src,
    const struct or_crypto_key *key, struct or_slice key_id, struct pol_diags *diags,
    struct or_err *err);

/* Puts the id that a key has by default: hex of the first eight bytes of the SHA-256 of its raw
 * public half. OR_INVAL: not an Ed25519 key. */
OR_NODISCARD enum or_code pol_bundle_key_id(struct or_buf *out, const struct or_crypto_key *key);

struct pol_bundle_key {
	struct or_slice id;
	const struct or_crypto_key *key; /* Ed25519; borrowed during open */
};

struct pol_bundle_pins {
	const struct pol_bundle_key *keys; /* those that may sign for the product */
	size_t n_keys;
	const char *product;
	uint64_t min_revision; /* the highest seen, or pinned */
	int64_t now_ns;        /* Unix time */
};

struct pol_bundle;

/*
 * Opens a bundle; *out has one reference.
 * OR_DENIED: no signature by a pinned key, one that does not verify, or another product's bundle.
 * OR_STALE: a lower revision than min_revision, or outside of not_before and not_after.
 * OR_PARSE: malformed, or schema, policies or entities do not parse (diags and err say where).
 * OR_EXISTS, OR_INVAL: as the stores say. OR_FULL: too large.
 */
OR_NODISCARD enum or_code pol_bundle_open(struct pol_bundle **out, struct or_slice bytes,
    const struct pol_bundle_pins *pins, struct pol_diags *diags, struct or_err *err);

struct pol_bundle *pol_bundle_ref(struct pol_bundle *b);
void pol_bundle_unref(struct pol_bundle *b); /* NULL is allowed */

/* Borrowed while a reference is held. */
const struct pol_set *pol_bundle_set(const struct pol_bundle *b);
const struct pol_entities *pol_bundle_entities(const struct pol_bundle *b);
const struct pol_schema *pol_bundle_schema(const struct pol_bundle *b); /* NULL: it has none */
const char *pol_bundle_product(const struct pol_bundle *b);
uint64_t pol_bundle_revision(const struct pol_bundle *b);
int64_t pol_bundle_not_after_ns(const struct pol_bundle *b);
struct or_slice pol_bundle_key_used(const struct pol_bundle *b);
/* SHA-256 of the signed bytes, OR_CRYPTO_HASH_LEN long. */
const uint8_t *pol_bundle_hash(const struct pol_bundle *b);

#endif
