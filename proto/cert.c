/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cert.h"

#include "proto/audit.h"
#include "proto/signed.h"
#include "proto/table.h"

#define AT(member) .offset = offsetof(struct wire_cert, member)

static const struct wire_table_field cert_fields[] = {
    {.name = "agent_id", .kind = WIRE_TABLE_ID, AT(agent_id), .max = WIRE_AUDIT_AGENT_LEN},
    {.name = "public_key", .kind = WIRE_TABLE_ID, AT(public_key), .max = OR_CRYPTO_ED25519_LEN},
    {.name = "products",
	.kind = WIRE_TABLE_STRS,
	AT(products),
	.n_offset = offsetof(struct wire_cert, n_products),
	.max = 192,
	.max_items = WIRE_CERT_PRODUCTS_MAX},
    {.name = "not_before", .kind = WIRE_TABLE_FIXED64, AT(not_before_ns)},
    {.name = "not_after", .kind = WIRE_TABLE_FIXED64, AT(not_after_ns)},
    {.name = "issuer_key_id",
	.kind = WIRE_TABLE_ID,
	AT(issuer_key_id),
	.max = WIRE_CERT_KEY_ID_LEN},
    {.name = "signature", .kind = WIRE_TABLE_ID, AT(signature), .max = OR_CRYPTO_SIG_MAX},
};
static const struct wire_table cert_table = {.name = "certificate",
    .size = sizeof(struct wire_cert),
    .fields = cert_fields,
    .n_fields = OR_LEN(cert_fields)};

static const char *what_is_wrong(const struct wire_cert *c)
{
	if (c->agent_id.n != WIRE_AUDIT_AGENT_LEN || c->public_key.n != OR_CRYPTO_ED25519_LEN)
		return "agent_id or public_key is absent";
	if (c->n_products == 0)
		return "no product is named";
	for (size_t i = 0; i < c->n_products; i++) {
		if (c->products[i].n == 0)
			return "a product's name is empty";
	}
	if (c->not_after_ns > INT64_MAX || c->not_before_ns >= c->not_after_ns)
		return "not_before and not_after are no range";
	return NULL;
}

static void put_signed(struct or_buf *b, const struct wire_cert *c)
{
	wire_signed_begin(b, "outrider/agent-cert/v1");
	wire_signed_put(b, c->agent_id);
	wire_signed_put(b, c->public_key);
	wire_signed_put_u64(b, c->n_products);
	for (size_t i = 0; i < c->n_products; i++)
		wire_signed_put(b, c->products[i]);
	wire_signed_put_u64(b, c->not_before_ns);
	wire_signed_put_u64(b, c->not_after_ns);
	wire_signed_put(b, c->issuer_key_id);
}

enum or_code wire_cert_key_id(uint8_t out[WIRE_CERT_KEY_ID_LEN], const struct or_crypto_key *issuer)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf raw;
	enum or_code rc;

	if (or_crypto_key_kind(issuer) != OR_CRYPTO_ED25519)
		return OR_INVAL;
	or_buf_init(&raw, OR_CRYPTO_ED25519_LEN);
	rc = or_crypto_key_public(&raw, issuer);
	if (!rc) {
		or_crypto_sha256(hash, or_buf_slice(&raw));
		memcpy(out, hash, WIRE_CERT_KEY_ID_LEN);
	}
	or_buf_done(&raw);
	return rc;
}

enum or_code wire_cert_issue(struct or_buf *out, const struct wire_cert *c,
    const struct or_crypto_key *issuer, struct or_err *err)
{
	const char *wrong = what_is_wrong(c);
	uint8_t key_id[WIRE_CERT_KEY_ID_LEN];
	struct wire_cert copy = *c;
	struct or_buf msg, sig;
	enum or_code rc;

	if (!wrong && wire_cert_key_id(key_id, issuer))
		wrong = "the enrolment key is not an Ed25519 key";
	if (wrong)
		return or_err_set(err, OR_INVAL, "certificate: %s", wrong);
	copy.issuer_key_id = or_slice(key_id, sizeof(key_id));
	copy.signature = OR_SLICE_NONE;
	rc = wire_table_check(&cert_table, &copy, err);
	if (rc)
		return rc;
	put_signed(&msg, &copy);
	or_buf_init(&sig, OR_CRYPTO_SIG_MAX);
	rc = or_crypto_sign(&sig, issuer, OR_CRYPTO_EDDSA, or_buf_slice(&msg));
	if (rc) {
		or_err_set(err, rc, "certificate: the enrolment key cannot sign");
		goto out;
	}
	copy.signature = or_buf_slice(&sig);
	wire_table_encode(out, &cert_table, &copy);
	if (!or_buf_ok(out))
		rc = or_err_set(err, OR_FULL, "certificate: the buffer is full");
out:
	or_buf_done(&sig);
	or_buf_done(&msg);
	return rc;
}

enum or_code wire_cert_decode(
    struct wire_cert *out, struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct wire_table_seen seen = {0};
	struct wire_cert c;
	const char *wrong;
	enum or_code rc;

	if (in.n > WIRE_CERT_MAX)
		return or_err_set(err, OR_FULL, "certificate: longer than %d bytes", WIRE_CERT_MAX);
	rc = wire_table_decode(&c, &seen, &cert_table, in, a, err);
	if (rc)
		return rc;
	wrong = what_is_wrong(&c);
	if (!wrong &&
	    (c.issuer_key_id.n != WIRE_CERT_KEY_ID_LEN || c.signature.n != OR_CRYPTO_SIG_MAX))
		wrong = "issuer_key_id or signature is absent";
	if (!wrong && seen.not_canonical)
		wrong = "not in the one encoding that a certificate has";
	if (wrong)
		return or_err_set(err, OR_PARSE, "certificate: %s", wrong);
	*out = c;
	return OR_OK;
}

enum or_code wire_cert_verify(const struct wire_cert *c, const struct or_crypto_key *issuer,
    int64_t now_ns, struct or_err *err)
{
	uint8_t key_id[WIRE_CERT_KEY_ID_LEN];
	enum or_code rc = wire_cert_key_id(key_id, issuer);
	struct or_buf msg;

	if (rc || !or_slice_eq(c->issuer_key_id, or_slice(key_id, sizeof(key_id))))
		return or_err_set(err, OR_DENIED, "certificate: issued by another key");
	put_signed(&msg, c);
	rc = or_crypto_verify(issuer, OR_CRYPTO_EDDSA, or_buf_slice(&msg), c->signature);
	or_buf_done(&msg);
	if (rc)
		return or_err_set(err, OR_DENIED, "certificate: its signature does not verify");
	if (now_ns < 0 || (uint64_t)now_ns < c->not_before_ns)
		return or_err_set(err, OR_STALE, "certificate: not valid yet");
	if ((uint64_t)now_ns >= c->not_after_ns)
		return or_err_set(err, OR_STALE, "certificate: expired");
	return OR_OK;
}

bool wire_cert_has_product(const struct wire_cert *c, struct or_slice product)
{
	for (size_t i = 0; i < c->n_products; i++) {
		if (or_slice_eq(c->products[i], product) || or_slice_is(c->products[i], "*"))
			return true;
	}
	return false;
}
