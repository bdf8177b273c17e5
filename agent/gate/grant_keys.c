/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/grant_keys.h"

#include "base/mem.h"
#include "base/sys.h"

enum { PEM_MAX = 16 * 1024 };

struct ag_grant_keys {
	struct or_crypto_key *keys[AG_GRANT_KEYS_MAX];
	size_t n;
};

static enum or_code read_one(struct ag_grant_keys *keys, const char *path, struct or_err *err)
{
	struct or_buf pem;
	enum or_code rc;

	if (keys->n == AG_GRANT_KEYS_MAX)
		return or_err_set(err, OR_FULL, "more than %d keys", AG_GRANT_KEYS_MAX);
	or_buf_init(&pem, PEM_MAX);
	rc = or_sys_read_file(&pem, path, err);
	if (rc == OR_OK)
		rc = or_crypto_key_from_pem(&keys->keys[keys->n], or_buf_slice(&pem), err);
	or_buf_done(&pem);
	if (rc)
		return or_err_wrap(err, rc, "%s", path);
	if (or_crypto_key_kind(keys->keys[keys->n++]) != OR_CRYPTO_ED25519)
		return or_err_set(err, OR_INVAL, "%s: grants are signed with Ed25519 keys", path);
	return OR_OK;
}

enum or_code ag_grant_keys_read(
    struct ag_grant_keys **out, const struct or_opt_list *files, struct or_err *err)
{
	struct ag_grant_keys *keys = or_mem_new(sizeof(*keys));
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < files->n && rc == OR_OK; i++)
		rc = read_one(keys, files->items[i], err);
	if (rc) {
		ag_grant_keys_free(keys);
		return or_err_wrap(err, rc, "gate.break-glass-keys");
	}
	*out = keys;
	return OR_OK;
}

void ag_grant_keys_free(struct ag_grant_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->n; i++)
		or_crypto_key_free(keys->keys[i]);
	or_mem_free(keys);
}

const struct or_crypto_key *const *ag_grant_keys_get(const struct ag_grant_keys *keys, size_t *n)
{
	*n = keys->n;
	return (const struct or_crypto_key *const *)keys->keys;
}
