/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/bundle.h"

#include "base/jsonw.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_signed(struct or_buf *out, const struct or_crypto_key *key, struct or_slice payload)
{
	struct or_buf pae, sig, text;
	struct or_jsonw w;

	or_buf_init(&pae, 1 << 21);
	or_buf_init(&sig, 256);
	or_buf_init(&text, 1 << 21);
	or_buf_printf(
	    &pae, "DSSEv1 %zu %s %zu ", strlen(POL_BUNDLE_TYPE), POL_BUNDLE_TYPE, payload.n);
	or_buf_put_slice(&pae, payload);
	OR_ASSERT(or_crypto_sign(&sig, key, OR_CRYPTO_EDDSA, or_buf_slice(&pae)) == OR_OK);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "payloadType", POL_BUNDLE_TYPE);
	or_str_base64_encode(&text, payload);
	or_jsonw_kv_str(&w, "payload", or_buf_slice(&text));
	or_jsonw_key(&w, "signatures");
	or_jsonw_array(&w);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "keyid", "k");
	or_buf_clear(&text);
	or_str_base64_encode(&text, or_buf_slice(&sig));
	or_jsonw_kv_str(&w, "sig", or_buf_slice(&text));
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_buf_done(&pae);
	or_buf_done(&sig);
	or_buf_done(&text);
}

/* The input as an envelope, which no key has signed, and as a payload that one has. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct or_crypto_key *key;
	struct pol_bundle_key pinned = {OR_SLICE_LIT("k"), NULL};
	struct pol_bundle_pins pins = {
	    .keys = &pinned, .n_keys = 1, .product = "orders", .now_ns = 1};
	struct pol_bundle *b = NULL;
	struct or_buf bytes;

	if (!key)
		OR_ASSERT(or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL) == OR_OK);
	pinned.key = key;
	OR_ASSERT(pol_bundle_open(&b, or_slice(data, size), &pins, NULL, NULL) != OR_OK);
	or_buf_init(&bytes, 1 << 22);
	put_signed(&bytes, key, or_slice(data, size));
	if (pol_bundle_open(&b, or_buf_slice(&bytes), &pins, NULL, NULL) == OR_OK)
		OR_ASSERT(pol_bundle_revision(b) >= 1 && pol_bundle_entities(b));
	pol_bundle_unref(b);
	or_buf_done(&bytes);
	return 0;
}
