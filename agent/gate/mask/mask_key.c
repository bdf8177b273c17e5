/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask_key.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/sys.h"

#include <limits.h>
#include <stdio.h>

enum { NEW_LEN = 32 };

static enum or_code make(const char *path, struct or_err *err)
{
	uint8_t key[NEW_LEN];
	enum or_code rc;

	or_rng_fill(key, sizeof(key));
	rc = or_sys_write_file(path, or_slice(key, sizeof(key)), 0600, err);
	or_mem_wipe(key, sizeof(key));
	return rc;
}

enum or_code ag_mask_key_read(
    struct or_buf *out, const char *path, const char *state_dir, struct or_err *err)
{
	size_t before = out->n;
	char own[PATH_MAX];
	enum or_code rc;

	snprintf(own, sizeof(own), "%s/mask.key", state_dir);
	rc = or_sys_read_file(out, path ? path : own, err);
	if (rc == OR_ABSENT && !path) {
		rc = make(own, err);
		if (rc == OR_OK)
			rc = or_sys_read_file(out, own, err);
	}
	if (rc)
		return or_err_wrap(err, rc, "the key of masks");
	if (out->n - before < AG_MASK_KEY_MIN)
		return or_err_set(err, OR_INVAL, "%s: a key of masks has at least %d bytes",
		    path ? path : own, AG_MASK_KEY_MIN);
	return OR_OK;
}
