/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bundle/bundle.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/watch.h"

#include <limits.h>
#include <stdio.h>

enum { KEYS_MAX = 8, KEY_FILE_MAX = 64 * 1024 };

struct ag_bundle {
	struct or_loop *loop;
	struct ag_bundle_opt opt;
	struct or_crypto_key *keys[KEYS_MAX];
	struct or_buf key_ids[KEYS_MAX];
	size_t n_keys;
	struct pol_bundle *current;
	uint64_t floor; /* no lower revision is taken */
	struct or_err error;
	struct or_watch *watch;
	char good_path[PATH_MAX], floor_path[PATH_MAX];
};

static enum or_code read_key(struct ag_bundle *b, const char *path, struct or_err *err)
{
	struct or_crypto_key *key;
	struct or_buf pem, *id;
	enum or_code rc;

	if (b->n_keys == KEYS_MAX)
		return or_err_set(err, OR_FULL, "bundle.keys: more than %d", KEYS_MAX);
	or_buf_init(&pem, KEY_FILE_MAX);
	rc = or_sys_read_file(&pem, path, err);
	if (rc == OR_OK)
		rc = or_crypto_key_from_pem(&key, or_buf_slice(&pem), err);
	or_buf_done(&pem);
	if (rc)
		return or_err_wrap(err, rc, "bundle.keys: %s", path);
	id = &b->key_ids[b->n_keys];
	or_buf_init(id, 64);
	b->keys[b->n_keys++] = key;
	return pol_bundle_key_id(id, key)
		   ? or_err_set(err, OR_INVAL,
			 "bundle.keys: %s: bundles are signed with Ed25519 keys", path)
		   : OR_OK;
}

/* The highest revision that was ever in force here. */
static enum or_code read_floor(struct ag_bundle *b, struct or_err *err)
{
	struct or_buf text;
	uint64_t seen = 0;
	enum or_code rc;

	or_buf_init(&text, 64);
	rc = or_sys_read_file(&text, b->floor_path, err);
	if (rc == OR_ABSENT)
		rc = OR_OK;
	else if (rc == OR_OK && or_str_u64(&seen, or_buf_slice(&text)))
		rc = or_err_set(err, OR_CORRUPT,
		    "%s is damaged; write the revision of the bundle that was in force into it",
		    b->floor_path);
	b->floor = seen > b->opt.min_revision ? seen : b->opt.min_revision;
	or_buf_done(&text);
	return rc;
}

/* The bundle is kept before its revision: a crash between the two leaves a lower floor, never a
 * floor without its bundle. */
static enum or_code keep(
    struct ag_bundle *b, struct or_slice bytes, uint64_t revision, struct or_err *err)
{
	struct or_buf text;
	enum or_code rc = or_sys_write_file(b->good_path, bytes, 0600, err);

	or_buf_init(&text, 32);
	or_buf_put_u64(&text, revision);
	if (rc == OR_OK && revision > b->floor)
		rc = or_sys_write_file(b->floor_path, or_buf_slice(&text), 0600, err);
	or_buf_done(&text);
	return rc;
}

static enum or_code open_bytes(
    struct pol_bundle **out, struct ag_bundle *b, struct or_slice bytes, struct or_err *err)
{
	struct pol_bundle_key pins[KEYS_MAX];
	struct pol_bundle_pins how = {.keys = pins,
	    .n_keys = b->n_keys,
	    .product = b->opt.product,
	    .min_revision = b->floor,
	    .now_ns = or_loop_wall_ns(b->loop)};

	for (size_t i = 0; i < b->n_keys; i++)
		pins[i] =
		    (struct pol_bundle_key){.id = or_buf_slice(&b->key_ids[i]), .key = b->keys[i]};
	return pol_bundle_open(out, bytes, &how, NULL, err);
}

static bool is_current(const struct ag_bundle *b, const struct pol_bundle *opened)
{
	return b->current && memcmp(pol_bundle_hash(b->current), pol_bundle_hash(opened),
				 OR_CRYPTO_HASH_LEN) == 0;
}

/* Two bundles under one revision would make the revision in the records say nothing. */
static enum or_code refuse_twin(
    const struct ag_bundle *b, const struct pol_bundle *opened, struct or_err *err)
{
	if (!b->current || is_current(b, opened) ||
	    pol_bundle_revision(opened) != pol_bundle_revision(b->current))
		return OR_OK;
	return or_err_set(err, OR_STALE,
	    "revision %llu is in force already with other content; give the new bundle a higher "
	    "one",
	    (unsigned long long)pol_bundle_revision(opened));
}

/* OR_EXISTS: it is the one in force. */
static enum or_code take(struct ag_bundle *b, const char *path, bool is_kept, struct or_err *err)
{
	struct pol_bundle *opened = NULL;
	struct or_buf bytes;
	enum or_code rc;

	or_buf_init(&bytes, POL_BUNDLE_MAX);
	rc = or_sys_read_file(&bytes, path, err);
	if (rc == OR_OK)
		rc = open_bytes(&opened, b, or_buf_slice(&bytes), err);
	if (rc == OR_OK)
		rc = refuse_twin(b, opened, err);
	if (rc == OR_OK && is_current(b, opened))
		rc = OR_EXISTS;
	if (rc == OR_OK && !is_kept)
		rc = keep(b, or_buf_slice(&bytes), pol_bundle_revision(opened), err);
	or_buf_done(&bytes);
	if (rc) {
		pol_bundle_unref(opened);
		return rc == OR_EXISTS ? rc : or_err_wrap(err, rc, "%s", path);
	}
	pol_bundle_unref(b->current);
	b->current = opened;
	if (pol_bundle_revision(opened) > b->floor)
		b->floor = pol_bundle_revision(opened);
	return OR_OK;
}

void ag_bundle_reload(struct ag_bundle *b)
{
	struct or_err err = {0};
	enum or_code rc = take(b, b->opt.file, false, &err);

	if (rc == OR_EXISTS) {
		b->error = (struct or_err){0};
		return;
	}
	b->error = err;
	b->error.code = rc;
	if (b->opt.on_change)
		b->opt.on_change(b->opt.arg, ag_bundle_get(b), &b->error);
}

static void on_file(void *arg)
{
	ag_bundle_reload(arg);
}

enum or_code ag_bundle_new(struct ag_bundle **out, struct or_loop *loop,
    const struct ag_bundle_opt *opt, struct or_err *err)
{
	struct ag_bundle *b = or_mem_new(sizeof(*b));
	enum or_code rc = OR_OK;

	b->loop = loop;
	b->opt = *opt;
	snprintf(b->good_path, sizeof(b->good_path), "%s/bundle.good", opt->state_dir);
	snprintf(b->floor_path, sizeof(b->floor_path), "%s/bundle.revision", opt->state_dir);
	for (size_t i = 0; i < opt->keys.n && rc == OR_OK; i++)
		rc = read_key(b, opt->keys.items[i], err);
	if (rc == OR_OK)
		rc = read_floor(b, err);
	if (rc == OR_OK)
		rc = or_watch_start(&b->watch, loop, opt->file, on_file, b, err);
	if (rc) {
		ag_bundle_free(b);
		return rc;
	}
	/* The last good one first: the file may be gone, or worse. */
	(void)!take(b, b->good_path, true, NULL);
	ag_bundle_reload(b);
	*out = b;
	return OR_OK;
}

void ag_bundle_free(struct ag_bundle *b)
{
	if (!b)
		return;
	or_watch_cancel(b->watch);
	pol_bundle_unref(b->current);
	for (size_t i = 0; i < b->n_keys; i++) {
		or_crypto_key_free(b->keys[i]);
		or_buf_done(&b->key_ids[i]);
	}
	or_mem_free(b);
}

struct pol_bundle *ag_bundle_get(const struct ag_bundle *b)
{
	if (!b->current || or_loop_wall_ns(b->loop) >= pol_bundle_not_after_ns(b->current))
		return NULL;
	return b->current;
}

const struct or_err *ag_bundle_error(const struct ag_bundle *b)
{
	return &b->error;
}
