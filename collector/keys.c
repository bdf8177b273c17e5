/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/keys.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/enrol.h"

#include <sys/stat.h>

enum { FILE_MAX = 8192, TOKEN_BYTES = 32, TOKEN_TEXT = 43 };

static enum or_code read_secret(struct or_buf *out, const char *path, struct or_err *err)
{
	enum or_code rc;
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077))
		return or_err_set(err, OR_DENIED,
		    "%s can be read by others: make a new one, or chmod 600 it if nobody did",
		    path);
	rc = or_sys_read_file(out, path, err);
	return rc == OR_FULL ? or_err_set(err, OR_CORRUPT, "%s is too long", path) : rc;
}

static enum or_code lost(const char *path, struct or_err *err)
{
	return or_err_set(err, OR_ABSENT,
	    "%s is not there, though this state directory has been used: put it back", path);
}

static enum or_code make_ed25519(struct or_crypto_key **out, const char *path, struct or_err *err)
{
	struct or_crypto_key *key;
	struct or_buf pem;
	enum or_code rc = or_crypto_key_new(&key, OR_CRYPTO_ED25519, err);

	if (rc)
		return rc;
	or_buf_init(&pem, FILE_MAX);
	rc = or_crypto_key_to_pem(&pem, key, true);
	if (rc)
		or_err_set(err, rc, "%s: the key cannot be written", path);
	else
		rc = or_sys_write_file(path, or_buf_slice(&pem), 0600, err);
	or_mem_wipe(pem.p, pem.n);
	or_buf_done(&pem);
	if (rc)
		or_crypto_key_free(key);
	else
		*out = key;
	return rc;
}

enum or_code co_keys_ed25519(
    struct or_crypto_key **out, const char *path, bool may_make, struct or_err *err)
{
	struct or_crypto_key *key = NULL;
	struct or_buf pem;
	enum or_code rc;

	or_buf_init(&pem, FILE_MAX);
	rc = read_secret(&pem, path, err);
	if (rc == OR_ABSENT) {
		or_buf_done(&pem);
		return may_make ? make_ed25519(out, path, err) : lost(path, err);
	}
	if (rc == OR_OK &&
	    (or_crypto_key_from_pem(&key, or_buf_slice(&pem), NULL) ||
		or_crypto_key_kind(key) != OR_CRYPTO_ED25519 || !or_crypto_key_is_private(key)))
		rc = or_err_set(err, OR_CORRUPT, "%s is no private Ed25519 key in PEM", path);
	or_mem_wipe(pem.p, pem.n);
	or_buf_done(&pem);
	if (rc)
		or_crypto_key_free(key);
	else
		*out = key;
	return rc;
}

/* What the file says, without the end of its line. */
static struct or_slice line_of(const struct or_buf *b)
{
	struct or_slice s = or_buf_slice(b);

	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

enum or_code co_keys_token(struct or_buf *out, const char *path, struct or_err *err)
{
	uint8_t random[TOKEN_BYTES];
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, FILE_MAX);
	rc = read_secret(&text, path, err);
	if (rc == OR_ABSENT) {
		or_rng_fill(random, sizeof(random));
		or_str_base64url_encode(&text, or_slice(random, sizeof(random)));
		or_mem_wipe(random, sizeof(random));
		or_buf_put_byte(&text, '\n');
		rc = or_sys_write_file(path, or_buf_slice(&text), 0600, err);
	}
	if (rc == OR_OK && line_of(&text).n < TOKEN_TEXT)
		rc = or_err_set(err, OR_CORRUPT,
		    "%s is shorter than %d characters: remove it to get a new token", path,
		    TOKEN_TEXT);
	if (rc == OR_OK)
		or_buf_put_slice(out, line_of(&text));
	or_mem_wipe(text.p, text.n);
	or_buf_done(&text);
	return rc;
}

enum or_code co_keys_uuid(
    char out[OR_RNG_UUID_LEN + 1], const char *path, bool may_make, struct or_err *err)
{
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	char text[OR_RNG_UUID_LEN + 1];
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, FILE_MAX);
	rc = or_sys_read_file(&b, path, err);
	if (rc == OR_ABSENT && !may_make)
		rc = lost(path, err);
	else if (rc == OR_ABSENT) {
		or_rng_uuid(text);
		or_buf_printf(&b, "%s\n", text);
		rc = or_sys_write_file(path, or_buf_slice(&b), 0600, err);
	}
	if (rc == OR_OK && wire_enrol_uuid_parse(uuid, line_of(&b)))
		rc = or_err_set(err, OR_CORRUPT, "%s holds no UUID", path);
	if (rc == OR_OK)
		wire_enrol_uuid_text(out, uuid);
	or_buf_done(&b);
	return rc;
}
