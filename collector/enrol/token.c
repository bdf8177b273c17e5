/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/enrol/token.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "proto/cert.h"

enum { TOKEN_BYTES = 32 };

static const int64_t REMEMBER_NS = 86400 * OR_NS_PER_S;

void co_token_init(struct co_token_set *s)
{
	or_map_init(&s->by_hash, CO_TOKEN_MAX);
}

static void free_entry(struct co_token_entry *t)
{
	for (size_t i = 0; i < t->n_products; i++)
		or_mem_free(t->products[i]);
	or_mem_free(t->products);
	or_mem_free(t);
}

void co_token_done(struct co_token_set *s)
{
	struct or_map_entry *m;
	size_t at = 0;

	while ((m = or_map_next(&s->by_hash, &at)))
		free_entry(m->value);
	or_map_done(&s->by_hash);
}

void co_token_purge(struct co_token_set *s, int64_t now_ns)
{
	struct or_map_entry *m;
	size_t at = 0;

	while ((m = or_map_next(&s->by_hash, &at))) {
		struct co_token_entry *t = m->value;

		if (t->expires_ns < now_ns - REMEMBER_NS) {
			or_map_take(&s->by_hash, or_slice(t->sha256, sizeof(t->sha256)));
			free_entry(t);
		}
	}
}

static struct co_token_entry *new_entry(
    const uint8_t *sha256, const struct or_slice *products, size_t n, int64_t expires_ns)
{
	struct co_token_entry *t = or_mem_new(sizeof(*t));

	memcpy(t->sha256, sha256, sizeof(t->sha256));
	t->products = or_mem_array(n, sizeof(*t->products));
	for (size_t i = 0; i < n; i++)
		t->products[i] = or_mem_dup(products[i]);
	t->n_products = n;
	t->expires_ns = expires_ns;
	return t;
}

static enum or_code put_entry(struct co_token_set *s, struct co_token_entry *t)
{
	enum or_code rc = or_map_put(&s->by_hash, or_slice(t->sha256, sizeof(t->sha256)), t);

	if (rc)
		free_entry(t);
	return rc;
}

/* When there is no room, what has merely expired goes at once. */
static void make_room(struct co_token_set *s, int64_t now_ns)
{
	co_token_purge(s, now_ns);
	if (s->by_hash.n == CO_TOKEN_MAX)
		co_token_purge(s, now_ns + REMEMBER_NS);
}

enum or_code co_token_new(char out[CO_TOKEN_TEXT_LEN + 1], struct co_token_set *s,
    const struct or_slice *products, size_t n_products, int64_t expires_ns, int64_t now_ns)
{
	uint8_t random[TOKEN_BYTES], sha256[OR_CRYPTO_HASH_LEN];
	struct or_buf text;
	enum or_code rc;

	make_room(s, now_ns);
	or_rng_fill(random, sizeof(random));
	or_buf_init(&text, CO_TOKEN_TEXT_LEN + 1);
	or_str_base64url_encode(&text, or_slice(random, sizeof(random)));
	OR_ASSERT(text.n == CO_TOKEN_TEXT_LEN);
	or_crypto_sha256(sha256, or_buf_slice(&text));
	rc = put_entry(s, new_entry(sha256, products, n_products, expires_ns));
	if (rc == OR_OK)
		memcpy(out, or_buf_text(&text), CO_TOKEN_TEXT_LEN + 1);
	or_mem_wipe(text.p, text.n);
	or_mem_wipe(random, sizeof(random));
	or_buf_done(&text);
	return rc;
}

struct co_token_entry *co_token_find(const struct co_token_set *s, struct or_slice text)
{
	uint8_t sha256[OR_CRYPTO_HASH_LEN];

	or_crypto_sha256(sha256, text);
	return or_map_find(&s->by_hash, or_slice(sha256, sizeof(sha256)));
}

bool co_token_has_product(const struct co_token_entry *t, struct or_slice product)
{
	for (size_t i = 0; i < t->n_products; i++) {
		if (or_slice_is(product, t->products[i]))
			return true;
	}
	return false;
}

/* ---- JSON */

static void put_hex(struct or_jsonw *w, const char *key, const uint8_t *p, size_t n)
{
	struct or_buf hex;

	or_buf_init(&hex, 2 * OR_CRYPTO_HASH_LEN);
	or_str_hex_encode(&hex, or_slice(p, n));
	or_jsonw_kv_str(w, key, or_buf_slice(&hex));
	or_buf_done(&hex);
}

static void write_entry(struct or_jsonw *w, const struct co_token_entry *t)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	or_str_time(&text, t->expires_ns);
	or_jsonw_object(w);
	put_hex(w, "sha256", t->sha256, sizeof(t->sha256));
	or_jsonw_kv_str(w, "expires", or_buf_slice(&text));
	or_jsonw_key(w, "products");
	or_jsonw_array(w);
	for (size_t i = 0; i < t->n_products; i++)
		or_jsonw_text(w, t->products[i]);
	or_jsonw_end(w);
	if (t->used)
		put_hex(w, "used_by", t->used_by, sizeof(t->used_by));
	or_jsonw_end(w);
	or_buf_done(&text);
}

void co_token_write(struct or_jsonw *w, const struct co_token_set *s)
{
	struct or_map_entry *m;
	size_t at = 0;

	or_jsonw_object(w);
	or_jsonw_kv_i64(w, "version", 1);
	or_jsonw_key(w, "tokens");
	or_jsonw_array(w);
	while ((m = or_map_next(&s->by_hash, &at)))
		write_entry(w, m->value);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static bool read_hex(uint8_t *out, size_t n, struct or_slice hex)
{
	struct or_buf b;
	bool ok;

	or_buf_init(&b, OR_CRYPTO_HASH_LEN);
	ok = or_str_hex_decode(&b, hex) == OR_OK && b.n == n;
	if (ok)
		memcpy(out, b.p, n);
	or_buf_done(&b);
	return ok;
}

static enum or_code read_entry(struct co_token_set *s, const struct or_json *j)
{
	const struct or_json *list = or_json_get_type(j, "products", OR_JSON_ARRAY);
	struct or_slice products[WIRE_CERT_PRODUCTS_MAX] = {0};
	uint8_t sha256[OR_CRYPTO_HASH_LEN], used_by[WIRE_ENROL_UUID_LEN];
	bool used = or_json_get(j, "used_by") != NULL;
	struct co_token_entry *t;
	int64_t expires;

	if (!read_hex(sha256, sizeof(sha256), or_json_get_str(j, "sha256")) ||
	    or_str_time_parse(&expires, or_json_get_str(j, "expires")) || !list ||
	    list->array.n == 0 || list->array.n > OR_LEN(products))
		return OR_CORRUPT;
	if (used && !read_hex(used_by, sizeof(used_by), or_json_get_str(j, "used_by")))
		return OR_CORRUPT;
	for (size_t i = 0; i < list->array.n; i++) {
		if (list->array.items[i]->type != OR_JSON_STR)
			return OR_CORRUPT;
		products[i] = list->array.items[i]->s;
	}
	t = new_entry(sha256, products, list->array.n, expires);
	t->used = used;
	if (used)
		memcpy(t->used_by, used_by, sizeof(used_by));
	return put_entry(s, t) ? OR_CORRUPT : OR_OK;
}

enum or_code co_token_read(struct co_token_set *s, const struct or_json *j, struct or_err *err)
{
	const struct or_json *version = or_json_get_type(j, "version", OR_JSON_INT);
	const struct or_json *list = or_json_get_type(j, "tokens", OR_JSON_ARRAY);

	if (!version || version->i != 1 || !list)
		return or_err_set(err, OR_CORRUPT, "version or tokens is absent or malformed");
	for (size_t i = 0; i < list->array.n; i++) {
		if (read_entry(s, list->array.items[i]))
			return or_err_set(
			    err, OR_CORRUPT, "tokens: number %zu is malformed", i + 1);
	}
	return OR_OK;
}
