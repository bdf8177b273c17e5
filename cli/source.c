/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source.h"

#include "base/crypto.h"
#include "base/str.h"

static enum or_code describe_keys(
    struct ctl_source *out, const struct or_json *keys, struct or_err *err)
{
	for (size_t i = 0; keys && i < keys->array.n && i < CTL_SOURCE_KEYS_MAX; i++) {
		struct or_slice text = or_json_get_str(keys->array.items[i], "public_key");
		struct or_buf raw;
		bool ok;

		or_buf_init(&raw, 64);
		ok = or_str_base64_decode(&raw, text) == OR_OK && raw.n == OR_CRYPTO_ED25519_LEN;
		if (ok)
			out->enrolment_keys[out->n_enrolment_keys++] =
			    or_arena_dup(out->state->arena, or_buf_slice(&raw));
		or_buf_done(&raw);
		if (!ok)
			return or_err_set(
			    err, OR_PARSE, "enrolment_keys[%zu].public_key: no key", i);
	}
	return OR_OK;
}

enum or_code ctl_source_describe(
    struct ctl_source *out, const struct or_json *j, struct or_err *err)
{
	const struct or_json *shards = or_json_get_type(j, "shards", OR_JSON_ARRAY);

	out->vkey = or_json_get_str(j, "vkey");
	if (!out->vkey.n || !shards || shards->array.n > CTL_SOURCE_SHARDS_MAX)
		return or_err_set(err, OR_PARSE, "no vkey and shards in the log's description");
	for (size_t i = 0; i < shards->array.n; i++) {
		const struct or_json *n =
		    or_json_get_type(shards->array.items[i], "shard", OR_JSON_INT);
		struct or_slice origin = or_json_get_str(shards->array.items[i], "origin");

		if (!n || n->i < 0 || !origin.n)
			return or_err_set(err, OR_PARSE, "shards[%zu]: no number and origin", i);
		out->shards[out->n_shards++] =
		    (struct ctl_source_shard){.number = (uint64_t)n->i, .origin = origin};
	}
	return describe_keys(out, or_json_get_type(j, "enrolment_keys", OR_JSON_ARRAY), err);
}
