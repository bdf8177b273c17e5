/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Join tokens: each lets one agent enrol once, for some products, until it expires.
 *
 * A token is 256 random bits as base64url text; kept is its SHA-256 alone. A used token answers the
 * agent that used it again until it expires, so that an answer that was lost can be fetched again.
 * In memory; collector/enrol/enrol.h loads and saves it.
 * Thread: whoever owns it. Limits: CO_TOKEN_MAX tokens that have not expired.
 */
#ifndef COLLECTOR_ENROL_TOKEN_H
#define COLLECTOR_ENROL_TOKEN_H

#include "base/json.h"
#include "base/jsonw.h"
#include "base/map.h"
#include "proto/enrol.h"

#define CO_TOKEN_MAX        1000
#define CO_TOKEN_TEXT_LEN   43
#define CO_TOKEN_TTL_MIN_NS (10 * OR_NS_PER_S)
#define CO_TOKEN_TTL_MAX_NS (7 * 86400 * OR_NS_PER_S)

struct co_token_entry {
	uint8_t sha256[OR_CRYPTO_HASH_LEN];
	char **products;
	size_t n_products;
	int64_t expires_ns;
	bool used;
	uint8_t used_by[WIRE_ENROL_UUID_LEN];
};

struct co_token_set {
	struct or_map by_hash; /* of struct co_token_entry */
};

void co_token_init(struct co_token_set *s);
void co_token_done(struct co_token_set *s);

/* Makes a token; its text, NUL behind it, is the only copy. OR_FULL: CO_TOKEN_MAX. */
OR_NODISCARD enum or_code co_token_new(char out[CO_TOKEN_TEXT_LEN + 1], struct co_token_set *s,
    const struct or_slice *products, size_t n_products, int64_t expires_ns, int64_t now_ns);

/* NULL: no such token. Expired and used ones are found too. Borrowed. */
struct co_token_entry *co_token_find(const struct co_token_set *s, struct or_slice text);
bool co_token_has_product(const struct co_token_entry *t, struct or_slice product);

/* Forgets what has expired more than a day ago (until then one says why it is refused). */
void co_token_purge(struct co_token_set *s, int64_t now_ns);

/* {"version":1,"tokens":[…]} as kept on disk; read into an empty set. OR_CORRUPT. */
void co_token_write(struct or_jsonw *w, const struct co_token_set *s);
OR_NODISCARD enum or_code co_token_read(
    struct co_token_set *s, const struct or_json *j, struct or_err *err);

#endif
