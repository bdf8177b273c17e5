/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source_rest.h"

#include "base/crypto.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/cert.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

enum { FILE_MAX = 1024 * 1024, TEXT_MAX = PATH_MAX + 128 };

struct rest {
	const struct ctl_source *src;
	ctl_source_damage_fn *damage;
	void *arg;
	struct or_buf bytes;
};

static void tell(const struct rest *r, const char *fmt, ...) OR_PRINTF(2, 3);

static void tell(const struct rest *r, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->damage(r->arg, text);
}

/* The file in r->bytes, without a line break at its end. False: it was told, or is not there. */
static bool read_small(struct rest *r, const char *name, struct or_slice *out)
{
	char path[PATH_MAX];
	struct or_err err;
	enum or_code rc;

	snprintf(path, sizeof(path), "%s/%s", r->src->dir, name);
	or_buf_clear(&r->bytes);
	rc = or_sys_read_file(&r->bytes, path, &err);
	if (rc && rc != OR_ABSENT)
		tell(r, "%s: %s", name, err.msg);
	*out = or_buf_slice(&r->bytes);
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	return rc == OR_OK;
}

/* ---- the inputs of decisions */

static void check_input(struct rest *r, const char *folder, const char *half, const char *name)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf hex;
	struct or_slice all;
	char path[PATH_MAX + 2 * NAME_MAX];
	struct or_err err;

	if (strspn(name, "0123456789abcdef") != strlen(name))
		return; /* one that was being written */
	snprintf(path, sizeof(path), "%s/%s/%s", folder, half, name);
	or_buf_clear(&r->bytes);
	if (or_sys_read_file(&r->bytes, path, &err)) {
		tell(r, "inputs %s%s: %s", half, name, err.msg);
		return;
	}
	all = or_buf_slice(&r->bytes);
	or_crypto_sha256(hash, all);
	or_buf_init(&hex, 2 * sizeof(hash));
	or_str_hex_encode(&hex, or_slice(hash, sizeof(hash)));
	if (!or_str_has_prefix(or_buf_slice(&hex), half) ||
	    !or_slice_is(or_slice_from(or_buf_slice(&hex), strlen(half)), name))
		tell(r, "inputs/%s/%s: its bytes are not those of its name", half, name);
	or_buf_done(&hex);
}

static enum or_code check_inputs(
    struct rest *r, const struct ctl_source_shard *shard, struct or_err *err)
{
	struct or_sys_names halves, names;
	char folder[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	enum or_code rc;

	snprintf(
	    folder, sizeof(folder), "%s/shards/%" PRIu64 "/inputs", r->src->dir, shard->number);
	rc = or_sys_list(&halves, folder, err);
	if (rc)
		return rc == OR_ABSENT ? OR_OK : rc;
	for (size_t i = 0; i < halves.n && !rc; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, halves.names[i]);
		rc = or_sys_list(&names, path, err);
		if (rc)
			break;
		for (size_t k = 0; k < names.n; k++)
			check_input(r, folder, halves.names[i], names.names[k]);
		or_sys_names_free(&names);
	}
	or_sys_names_free(&halves);
	return rc;
}

/* ---- the small files, which must say the same of who the collector is */

static void check_json(struct rest *r, const char *name, const char *key, struct or_slice wanted)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j;
	struct or_slice text;
	struct or_err err;

	if (read_small(r, name, &text)) {
		if (or_json_parse(&j, text, a, &err))
			tell(r, "%s: %s", name, err.msg);
		else if (key && !or_slice_eq(or_json_get_str(j, key), wanted))
			tell(r, "%s: \"%s\" is not \"%.*s\"", name, key, OR_SLICE_FMT(wanted));
	}
	or_arena_free(a);
}

static void check_shards(struct rest *r, struct or_slice name)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j, *n;
	struct or_slice text;
	struct or_err err;

	if (read_small(r, "shards.json", &text)) {
		n = or_json_parse(&j, text, a, &err) ? NULL
						     : or_json_get_type(j, "shards", OR_JSON_INT);
		if (!n || n->i < 0 || (uint64_t)n->i != r->src->n_shards)
			tell(r, "shards.json: it does not say %zu shards, as log.json does",
			    r->src->n_shards);
		else if (!or_slice_eq(or_json_get_str(j, "name"), name))
			tell(r, "shards.json: the name is not that of the log's key, \"%.*s\"",
			    OR_SLICE_FMT(name));
	}
	or_arena_free(a);
}

/* Each enrolment key stands under its own id. */
static void check_keys(struct rest *r)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j, *keys = NULL;
	struct or_slice text;
	struct or_err err;

	if (read_small(r, "log.json", &text) && or_json_parse(&j, text, a, &err) == OR_OK)
		keys = or_json_get_type(j, "enrolment_keys", OR_JSON_ARRAY);
	if (!keys || keys->array.n == 0)
		tell(r, "log.json: there are no enrolment_keys");
	for (size_t i = 0; keys && i < keys->array.n && i < r->src->n_enrolment_keys; i++) {
		struct or_crypto_key *key = NULL;
		uint8_t id[WIRE_CERT_KEY_ID_LEN];
		struct or_buf hex;

		or_buf_init(&hex, 2 * sizeof(id));
		if (or_crypto_key_from_ed25519(&key, r->src->enrolment_keys[i]) == OR_OK &&
		    wire_cert_key_id(id, key) == OR_OK)
			or_str_hex_encode(&hex, or_slice(id, sizeof(id)));
		if (!or_slice_eq(or_buf_slice(&hex), or_json_get_str(keys->array.items[i], "id")))
			tell(r, "log.json: enrolment_keys[%zu]: the key is not the one of its id",
			    i);
		or_crypto_key_free(key);
		or_buf_done(&hex);
	}
	or_arena_free(a);
}

/* The log's key has the name "<name>/<collector id>". */
static void check_names(struct rest *r)
{
	struct or_slice all = r->src->vkey, id, said;
	size_t slash;

	all.n = or_str_find(all, '+', 0);
	for (slash = all.n; slash > 0 && all.p[slash - 1] != '/'; slash--)
		;
	id = or_slice_from(all, slash);
	check_shards(r, or_slice(all.p, slash ? slash - 1 : 0));
	if (read_small(r, "collector_id", &said) && !or_slice_eq(said, id))
		tell(
		    r, "collector_id: it is not that of the log's key, \"%.*s\"", OR_SLICE_FMT(id));
	check_json(r, "log.json", "collector_id", id);
	check_keys(r);
}

enum or_code ctl_source_rest_check(const struct ctl_source *src,
    const struct ctl_source_shard *shard, ctl_source_damage_fn *damage, void *arg,
    struct or_err *err)
{
	struct rest r = {.src = src, .damage = damage, .arg = arg};
	enum or_code rc;

	or_buf_init(&r.bytes, FILE_MAX);
	rc = check_inputs(&r, shard, err);
	if (shard == &src->shards[0])
		check_names(&r);
	or_buf_done(&r.bytes);
	return rc;
}
