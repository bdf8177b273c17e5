/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/inputs.h"

#include "base/str.h"
#include "base/sys.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static void path_of(
    char path[PATH_MAX], char folder[PATH_MAX], const char *dir, const uint8_t *hash)
{
	struct or_buf hex;

	or_buf_init(&hex, 2 * OR_CRYPTO_HASH_LEN);
	or_str_hex_encode(&hex, or_slice(hash, OR_CRYPTO_HASH_LEN));
	OR_ASSERT(snprintf(folder, PATH_MAX, "%s/%.2s", dir, or_buf_text(&hex)) < PATH_MAX);
	OR_ASSERT(snprintf(path, PATH_MAX, "%s/%.2s/%s", dir, or_buf_text(&hex),
		      or_buf_text(&hex) + 2) < PATH_MAX);
	or_buf_done(&hex);
}

enum or_code co_inputs_put(const char *dir, struct or_slice inputs, struct or_err *err)
{
	char path[PATH_MAX], folder[PATH_MAX];
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	enum or_code rc;

	or_crypto_sha256(hash, inputs);
	path_of(path, folder, dir, hash);
	if (access(path, F_OK) == 0)
		return OR_OK;
	if (access(folder, F_OK) != 0) {
		rc = or_sys_mkdir(folder, 0750, err);
		if (!rc)
			rc = or_sys_sync_dir(dir, err);
		if (rc)
			return rc;
	}
	return or_sys_write_file(path, inputs, 0640, err);
}

enum or_code co_inputs_get(
    struct or_buf *out, const char *dir, const uint8_t hash[OR_CRYPTO_HASH_LEN], struct or_err *err)
{
	char path[PATH_MAX], folder[PATH_MAX];
	uint8_t found[OR_CRYPTO_HASH_LEN];
	size_t start = out->n;
	enum or_code rc;

	path_of(path, folder, dir, hash);
	rc = or_sys_read_file(out, path, err);
	if (rc)
		return rc;
	or_crypto_sha256(found, or_slice_from(or_buf_slice(out), start));
	if (memcmp(found, hash, sizeof(found)) == 0)
		return OR_OK;
	or_buf_cut(out, start);
	return or_err_set(err, OR_CORRUPT, "%s: its bytes are not those of its name", path);
}
