/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/bundle.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "policy/entities_json.h"
#include "policy/est.h"
#include "policy/mask.h"
#include "policy/validate.h"

struct pol_bundle {
	struct or_arena *arena; /* holds the bundle itself */
	unsigned int refs;
	char *product;
	uint64_t revision;
	int64_t not_after_ns;
	struct or_slice key_id;
	struct pol_schema *schema;
	struct pol_set *set;
	struct pol_entities *entities;
	uint8_t hash[OR_CRYPTO_HASH_LEN];
};

/* DSSE: what is signed. */
static void put_pae(struct or_buf *b, struct or_slice payload)
{
	or_buf_printf(b, "DSSEv1 %zu %s %zu ", strlen(POL_BUNDLE_TYPE), POL_BUNDLE_TYPE, payload.n);
	or_buf_put_slice(b, payload);
}

enum or_code pol_bundle_key_id(struct or_buf *out, const struct or_crypto_key *key)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf raw;
	enum or_code rc;

	if (or_crypto_key_kind(key) != OR_CRYPTO_ED25519)
		return OR_INVAL;
	or_buf_init(&raw, 256);
	rc = or_crypto_key_public(&raw, key);
	or_crypto_sha256(hash, or_buf_slice(&raw));
	or_buf_done(&raw);
	if (rc)
		return rc;
	or_str_hex_encode(out, or_slice(hash, 8));
	return or_buf_ok(out) ? OR_OK : OR_FULL;
}

static void put_time(struct or_jsonw *w, const char *key, int64_t ns)
{
	struct or_buf b;

	or_buf_init(&b, 64);
	or_str_time(&b, ns);
	or_jsonw_kv_str(w, key, or_buf_slice(&b));
	or_buf_done(&b);
}

static void put_payload(struct or_buf *b, const struct pol_bundle_source *src)
{
	struct or_jsonw w;

	or_jsonw_init(&w, b, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "product", src->product);
	or_jsonw_kv_u64(&w, "revision", src->revision);
	put_time(&w, "not_before", src->not_before_ns);
	put_time(&w, "not_after", src->not_after_ns);
	or_jsonw_kv_str(&w, "schema", src->schema);
	or_jsonw_key(&w, "policies");
	or_jsonw_array(&w);
	for (size_t i = 0; i < src->n_policies; i++) {
		or_jsonw_object(&w);
		or_jsonw_kv_text(&w, "name", src->policies[i].name);
		or_jsonw_kv_str(&w, "text", src->policies[i].text);
		or_jsonw_end(&w);
	}
	or_jsonw_end(&w);
	or_jsonw_key(&w, "entities");
	or_jsonw_raw(&w, src->entities.n ? src->entities : OR_SLICE_LIT("[]"));
	or_jsonw_end(&w);
}

static void put_envelope(
    struct or_buf *out, struct or_slice payload, struct or_slice key_id, struct or_slice sig)
{
	struct or_jsonw w;
	struct or_buf text;

	or_buf_init(&text, POL_BUNDLE_MAX);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "payloadType", POL_BUNDLE_TYPE);
	or_str_base64_encode(&text, payload);
	or_jsonw_kv_str(&w, "payload", or_buf_slice(&text));
	or_jsonw_key(&w, "signatures");
	or_jsonw_array(&w);
	or_jsonw_object(&w);
	or_jsonw_kv_str(&w, "keyid", key_id);
	or_buf_clear(&text);
	or_str_base64_encode(&text, sig);
	or_jsonw_kv_str(&w, "sig", or_buf_slice(&text));
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_buf_done(&text);
}

static enum or_code check_source(const struct pol_bundle_source *src, struct or_err *err)
{
	if (!src->product || !src->product[0])
		return or_err_set(err, OR_INVAL, "a bundle needs a product");
	if (src->revision == 0 || src->revision > INT64_MAX)
		return or_err_set(err, OR_INVAL, "a bundle's revision is at least 1");
	if (src->not_after_ns <= src->not_before_ns)
		return or_err_set(err, OR_INVAL, "a bundle's not_after lies before its not_before");
	return OR_OK;
}

static enum or_code check_built(struct or_slice bytes, const struct pol_bundle_source *src,
    const struct or_crypto_key *key, struct or_slice key_id, struct pol_diags *diags,
    struct or_err *err)
{
	struct pol_bundle_key pinned = {key_id, key};
	struct pol_bundle_pins pins = {.keys = &pinned,
	    .n_keys = 1,
	    .product = src->product,
	    .min_revision = src->revision,
	    .now_ns = src->not_before_ns};
	struct pol_bundle *b = NULL;
	enum or_code rc = pol_bundle_open(&b, bytes, &pins, diags, err);

	if (rc == OR_OK && b->schema)
		rc = pol_validate_set(b->set, b->schema, POL_VALIDATE_STRICT, diags, err);
	if (rc == OR_OK)
		rc = pol_mask_check(b->set, err);
	if (rc == OR_OK)
		rc = pol_set_check_modes(b->set, err);
	pol_bundle_unref(b);
	return rc;
}

enum or_code pol_bundle_build(struct or_buf *out, const struct pol_bundle_source *src,
    const struct or_crypto_key *key, struct or_slice key_id, struct pol_diags *diags,
    struct or_err *err)
{
	struct or_buf payload, signed_bytes, sig, bytes;
	enum or_code rc = check_source(src, err);

	if (rc)
		return rc;
	or_buf_init(&payload, POL_BUNDLE_MAX);
	or_buf_init(&signed_bytes, POL_BUNDLE_MAX);
	or_buf_init(&sig, OR_CRYPTO_SIG_MAX);
	or_buf_init(&bytes, POL_BUNDLE_MAX);
	put_payload(&payload, src);
	put_pae(&signed_bytes, or_buf_slice(&payload));
	rc = or_crypto_sign(&sig, key, OR_CRYPTO_EDDSA, or_buf_slice(&signed_bytes));
	if (rc)
		or_err_set(err, rc, "this key cannot sign bundles: a private Ed25519 key can");
	put_envelope(&bytes, or_buf_slice(&payload), key_id, or_buf_slice(&sig));
	if (rc == OR_OK && !or_buf_ok(&bytes))
		rc = or_err_set(err, OR_FULL, "a bundle is at most %llu bytes", POL_BUNDLE_MAX);
	if (rc == OR_OK)
		rc = check_built(or_buf_slice(&bytes), src, key, key_id, diags, err);
	if (rc == OR_OK) {
		or_buf_put_slice(out, or_buf_slice(&bytes));
		if (!or_buf_ok(out))
			rc = or_err_set(err, OR_FULL, "no room for the bundle");
	}
	or_buf_done(&payload);
	or_buf_done(&signed_bytes);
	or_buf_done(&sig);
	or_buf_done(&bytes);
	return rc;
}

/* What is needed while a bundle is opened. */
struct opening {
	struct pol_bundle *b;
	const struct pol_bundle_pins *pins;
	struct pol_diags *diags;
	struct or_err *err;
	struct or_arena *arena; /* trees */
	struct or_buf payload;
	struct or_slice signed_bytes;
};

static enum or_code malformed(struct opening *o, const char *what)
{
	return or_err_set(o->err, OR_PARSE, "not a bundle: %s", what);
}

static enum or_code parse_json(
    struct opening *o, const char *name, struct or_slice text, const struct or_json **out)
{
	struct pol_source src = {name, text, 0};
	enum or_code rc = pol_json_parse(out, &src, o->arena, o->diags);

	if (rc == OR_PARSE)
		return pol_diag_err(o->err, o->diags, rc);
	return rc ? or_err_set(o->err, rc, "the bundle needs more memory than its budget") : OR_OK;
}

/* OR_ABSENT: by no pinned key. OR_DENIED: it does not verify. */
static enum or_code verify_one(struct opening *o, const struct or_json *s)
{
	struct or_slice id = or_json_get_str(s, "keyid"), text = or_json_get_str(s, "sig");
	enum or_code rc = OR_ABSENT;
	struct or_buf sig;

	or_buf_init(&sig, 256);
	if (!id.p || !text.p || or_str_base64_decode(&sig, text))
		rc = OR_PARSE;
	for (size_t i = 0; rc == OR_ABSENT && i < o->pins->n_keys; i++) {
		const struct pol_bundle_key *k = &o->pins->keys[i];

		if (!or_slice_eq(k->id, id) || or_crypto_key_kind(k->key) != OR_CRYPTO_ED25519)
			continue;
		rc = or_crypto_verify(k->key, OR_CRYPTO_EDDSA, o->signed_bytes, or_buf_slice(&sig))
			 ? OR_DENIED
			 : OR_OK;
	}
	or_buf_done(&sig);
	if (rc == OR_OK)
		o->b->key_id = or_arena_dup(o->b->arena, id);
	return rc;
}

static enum or_code verify(struct opening *o, const struct or_json *signatures)
{
	bool known = false;

	for (size_t i = 0; i < signatures->array.n; i++) {
		enum or_code rc = verify_one(o, signatures->array.items[i]);

		if (rc == OR_OK)
			return OR_OK;
		if (rc == OR_PARSE)
			return malformed(o, "a signature needs `keyid` and `sig`");
		known |= rc == OR_DENIED;
	}
	if (known)
		return or_err_set(o->err, OR_DENIED, "the bundle's signature does not verify");
	return or_err_set(o->err, OR_DENIED,
	    "the bundle is not signed by a key that may sign for %s", o->pins->product);
}

static enum or_code open_envelope(struct opening *o, struct or_slice bytes)
{
	const struct or_json *j, *signatures;
	struct or_slice payload;
	struct or_buf pae;
	enum or_code rc = parse_json(o, "bundle", bytes, &j);

	if (rc)
		return rc;
	payload = or_json_get_str(j, "payload");
	signatures = or_json_get_type(j, "signatures", OR_JSON_ARRAY);
	if (!or_slice_is(or_json_get_str(j, "payloadType"), POL_BUNDLE_TYPE))
		return malformed(o, "its payloadType is not " POL_BUNDLE_TYPE);
	if (!payload.p || !signatures || or_str_base64_decode(&o->payload, payload))
		return malformed(o, "it needs a base64 `payload` and `signatures`");
	or_buf_init(&pae, POL_BUNDLE_MAX + 4096);
	put_pae(&pae, or_buf_slice(&o->payload));
	o->signed_bytes = or_buf_slice(&pae);
	rc = verify(o, signatures);
	or_buf_done(&pae);
	return rc;
}

static enum or_code check_times(struct opening *o, const struct or_json *j)
{
	int64_t from, to;

	if (or_str_time_parse(&from, or_json_get_str(j, "not_before")) ||
	    or_str_time_parse(&to, or_json_get_str(j, "not_after")))
		return malformed(o, "`not_before` and `not_after` must be RFC 3339 times");
	if (o->pins->now_ns > to)
		return or_err_set(o->err, OR_STALE, "the bundle expired at %.*s",
		    OR_SLICE_FMT(or_json_get_str(j, "not_after")));
	/* Times are written to the microsecond. */
	if (o->pins->now_ns / OR_NS_PER_US < from / OR_NS_PER_US)
		return or_err_set(o->err, OR_STALE, "the bundle is not valid before %.*s",
		    OR_SLICE_FMT(or_json_get_str(j, "not_before")));
	o->b->not_after_ns = to;
	return OR_OK;
}

static enum or_code check_head(struct opening *o, const struct or_json *j)
{
	const struct or_json *revision = or_json_get_type(j, "revision", OR_JSON_INT);
	struct or_slice product = or_json_get_str(j, "product");

	if (!product.p || or_str_find(product, 0, 0) < product.n)
		return malformed(o, "`product` must be a name");
	if (!revision || revision->i < 1)
		return malformed(o, "`revision` must be a number from 1 on");
	if (!or_slice_is(product, o->pins->product))
		return or_err_set(o->err, OR_DENIED, "the bundle is for %.*s, not for %s",
		    OR_SLICE_FMT(product), o->pins->product);
	if ((uint64_t)revision->i < o->pins->min_revision)
		return or_err_set(o->err, OR_STALE,
		    "the bundle's revision %lld is lower than %llu, which has been seen",
		    (long long)revision->i, (unsigned long long)o->pins->min_revision);
	o->b->revision = (uint64_t)revision->i;
	o->b->product = or_arena_strdup(o->b->arena, product);
	return check_times(o, j);
}

static enum or_code load_schema(struct opening *o, const struct or_json *j)
{
	const struct or_json *schema = or_json_get(j, "schema");

	if (!schema || (schema->type == OR_JSON_STR && schema->s.n == 0))
		return OR_OK;
	if (schema->type != OR_JSON_STR)
		return malformed(o, "`schema` must be text");
	return pol_schema_parse_text(
	    &o->b->schema, "schema.cedarschema", schema->s, o->diags, o->err);
}

/* The files of one form. All are read, so that all errors are seen. */
static enum or_code load_files(
    struct opening *o, const struct or_json *list, bool json, enum or_code first)
{
	for (size_t i = 0; i < list->array.n; i++) {
		const struct or_json *p = list->array.items[i];
		struct or_slice name = or_json_get_str(p, "name"),
				text = or_json_get_str(p, "text");
		struct or_err *err = first == OR_OK ? o->err : NULL;
		enum or_code rc;

		if (!name.p || !text.p || or_str_find(name, 0, 0) < name.n)
			return malformed(o, "a policy needs `name` and `text`");
		if (or_str_has_suffix(name, ".json") != json)
			continue;
		/* The tree's strings end in NUL. */
		rc = json ? pol_est_add(o->b->set, (const char *)name.p, text, o->diags, err)
			  : pol_set_add(o->b->set, (const char *)name.p, text, o->diags, err);
		first = first ? first : rc;
	}
	return first;
}

/* JSON comes last: it may link templates that texts have. */
static enum or_code load_policies(struct opening *o, const struct or_json *j)
{
	const struct or_json *list = or_json_get_type(j, "policies", OR_JSON_ARRAY);
	enum or_code rc;

	if (!list)
		return malformed(o, "`policies` must be a list");
	o->b->set = pol_set_new(POL_IDS_ANNOTATED, 0);
	rc = load_files(o, list, false, OR_OK);
	rc = load_files(o, list, true, rc);
	/* Now, so that no request waits for it. */
	if (rc == OR_OK)
		pol_set_compile(o->b->set);
	return rc;
}

static enum or_code load_entities(struct opening *o, const struct or_json *j)
{
	struct pol_source src = {"bundle", or_buf_slice(&o->payload), 0};
	const struct or_json *list = or_json_get_type(j, "entities", OR_JSON_ARRAY);

	if (!list)
		return malformed(o, "`entities` must be a list");
	return pol_entities_json_read(&o->b->entities, &src, list, o->b->schema, o->diags, o->err);
}

static enum or_code open_all(struct opening *o, struct or_slice bytes)
{
	const struct or_json *j;
	enum or_code rc = open_envelope(o, bytes);

	if (rc == OR_OK)
		rc = parse_json(o, "bundle", or_buf_slice(&o->payload), &j);
	if (rc == OR_OK)
		rc = check_head(o, j);
	if (rc == OR_OK)
		rc = load_schema(o, j);
	if (rc == OR_OK)
		rc = load_policies(o, j);
	return rc ? rc : load_entities(o, j);
}

enum or_code pol_bundle_open(struct pol_bundle **out, struct or_slice bytes,
    const struct pol_bundle_pins *pins, struct pol_diags *diags, struct or_err *err)
{
	struct or_arena *a;
	struct pol_diags own;
	struct opening o = {.pins = pins, .err = err};
	enum or_code rc;

	if (bytes.n > POL_BUNDLE_MAX)
		return or_err_set(err, OR_FULL, "a bundle is at most %llu bytes", POL_BUNDLE_MAX);
	a = or_arena_new(0);
	o.b = or_arena_alloc(a, sizeof(*o.b));
	o.b->arena = a;
	o.b->refs = 1;
	or_crypto_sha256(o.b->hash, bytes);
	pol_diag_init(&own);
	o.diags = diags ? diags : &own;
	o.arena = or_arena_new(POL_BUNDLE_MAX * 8);
	or_buf_init(&o.payload, POL_BUNDLE_MAX);
	rc = open_all(&o, bytes);
	or_buf_done(&o.payload);
	or_arena_free(o.arena);
	pol_diag_done(&own);
	if (rc)
		pol_bundle_unref(o.b);
	else
		*out = o.b;
	return rc;
}

struct pol_bundle *pol_bundle_ref(struct pol_bundle *b)
{
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

void pol_bundle_unref(struct pol_bundle *b)
{
	if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	pol_schema_free(b->schema);
	pol_set_free(b->set);
	pol_entities_free(b->entities);
	/* The bundle itself lies in it. */
	or_arena_free(b->arena);
}

const struct pol_set *pol_bundle_set(const struct pol_bundle *b)
{
	return b->set;
}

const struct pol_entities *pol_bundle_entities(const struct pol_bundle *b)
{
	return b->entities;
}

const struct pol_schema *pol_bundle_schema(const struct pol_bundle *b)
{
	return b->schema;
}

const char *pol_bundle_product(const struct pol_bundle *b)
{
	return b->product;
}

uint64_t pol_bundle_revision(const struct pol_bundle *b)
{
	return b->revision;
}

int64_t pol_bundle_not_after_ns(const struct pol_bundle *b)
{
	return b->not_after_ns;
}

struct or_slice pol_bundle_key_used(const struct pol_bundle *b)
{
	return b->key_id;
}

const uint8_t *pol_bundle_hash(const struct pol_bundle *b)
{
	return b->hash;
}
