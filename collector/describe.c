/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/describe.h"

#include "base/str.h"
#include "proto/cert.h"

static void put_enrolment_key(struct or_jsonw *w, const struct or_crypto_key *key)
{
	uint8_t id[WIRE_CERT_KEY_ID_LEN];
	struct or_buf raw, text;

	or_buf_init(&raw, OR_CRYPTO_ED25519_LEN);
	or_buf_init(&text, 64);
	or_jsonw_object(w);
	if (wire_cert_key_id(id, key) == OR_OK && or_crypto_key_public(&raw, key) == OR_OK) {
		or_str_hex_encode(&text, or_slice(id, sizeof(id)));
		or_jsonw_kv_str(w, "id", or_buf_slice(&text));
		or_buf_clear(&text);
		or_str_base64_encode(&text, or_buf_slice(&raw));
		or_jsonw_kv_str(w, "public_key", or_buf_slice(&text));
	}
	or_jsonw_end(w);
	or_buf_done(&raw);
	or_buf_done(&text);
}

void co_describe_put(struct or_jsonw *w, const struct co_describe *d)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "collector_id", d->collector_id);
	or_jsonw_kv_text(w, "vkey", d->vkey);
	or_jsonw_key(w, "enrolment_keys");
	or_jsonw_array(w);
	put_enrolment_key(w, d->enrolment_key);
	or_jsonw_end(w);
	or_jsonw_key(w, "shards");
	or_jsonw_array(w);
	for (size_t i = 0; i < d->n_shards; i++) {
		or_jsonw_object(w);
		or_jsonw_kv_u64(w, "shard", i);
		or_jsonw_kv_text(w, "origin", d->shards[i].origin);
		if (d->shards[i].size)
			or_jsonw_kv_u64(w, "size", *d->shards[i].size);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_jsonw_end(w);
}
