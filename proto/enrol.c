/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/enrol.h"

#include "proto/signed.h"

enum { STATEMENT_MAX = 128 * 1024 };

static void put_statement(struct or_buf *b, const struct wire_enrol *e)
{
	or_buf_init(b, STATEMENT_MAX);
	or_buf_put_str(b, "outrider-enrol-v1");
	wire_signed_put(b, e->credential);
	wire_signed_put(b, e->agent_id);
	wire_signed_put(b, e->public_key);
	for (size_t i = 0; i < e->n_products; i++)
		wire_signed_put(b, e->products[i]);
}

enum or_code wire_enrol_sign(
    struct or_buf *out, const struct wire_enrol *e, const struct or_crypto_key *key)
{
	struct or_buf statement;
	enum or_code rc = OR_FULL;

	put_statement(&statement, e);
	if (or_buf_ok(&statement))
		rc = or_crypto_sign(out, key, OR_CRYPTO_EDDSA, or_buf_slice(&statement));
	or_buf_done(&statement);
	return rc;
}

enum or_code wire_enrol_verify(const struct wire_enrol *e, struct or_slice proof)
{
	struct or_crypto_key *key = NULL;
	struct or_buf statement;
	enum or_code rc = or_crypto_key_from_ed25519(&key, e->public_key);

	if (rc)
		return OR_INVAL;
	put_statement(&statement, e);
	rc = or_buf_ok(&statement)
		 ? or_crypto_verify(key, OR_CRYPTO_EDDSA, or_buf_slice(&statement), proof)
		 : OR_DENIED;
	or_buf_done(&statement);
	or_crypto_key_free(key);
	return rc;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

enum or_code wire_enrol_uuid_parse(uint8_t out[WIRE_ENROL_UUID_LEN], struct or_slice text)
{
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	size_t n = 0;

	if (text.n != WIRE_ENROL_UUID_CHARS)
		return OR_PARSE;
	for (size_t i = 0; i < text.n; i++) {
		if (is_dash(i) && text.p[i] == '-')
			continue;
		if (is_dash(i) || digit(text.p[i]) < 0 || digit(text.p[i + 1]) < 0)
			return OR_PARSE;
		uuid[n++] = (uint8_t)(digit(text.p[i]) * 16 + digit(text.p[i + 1]));
		i++;
	}
	memcpy(out, uuid, sizeof(uuid));
	return OR_OK;
}

void wire_enrol_uuid_text(
    char out[WIRE_ENROL_UUID_CHARS + 1], const uint8_t uuid[WIRE_ENROL_UUID_LEN])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < WIRE_ENROL_UUID_LEN; i++) {
		if (is_dash(n))
			out[n++] = '-';
		out[n++] = hex[uuid[i] >> 4];
		out[n++] = hex[uuid[i] & 15];
	}
	out[n] = 0;
}
