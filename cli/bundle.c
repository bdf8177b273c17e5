/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bundle.h"

#include "base/str.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/key.h"
#include "policy/bundle.h"
#include "policy/schema_convert.h"
#include "product/product.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 1024, KEY_MAX = 64 * 1024 };

#define DEVELOPMENT_LIFE_NS (30LL * 24 * 3600 * OR_NS_PER_S)

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

static const char *product_id(struct ctl_state *s, const char *path, struct or_err *err)
{
	const struct dp_product *product;
	struct dp_diags diags;
	struct or_slice text;

	if (ctl_state_read(&text, s, path, err))
		return NULL;
	dp_diag_init(&diags, path, s->arena);
	if (dp_product_parse(&product, text, s->arena, &diags, err))
		return NULL;
	return or_arena_strdup(s->arena, product->id);
}

/* policy/ beside the descriptor. */
static const char *policy_dir(struct ctl_state *s, const struct ctl_bundle_opt *opt)
{
	const char *slash = strrchr(opt->product_path, '/');
	const char *dir = opt->policy_dir;

	if (dir)
		return dir;
	dir = or_arena_printf(s->arena, "%.*s/policy", slash ? (int)(slash - opt->product_path) : 1,
	    slash ? opt->product_path : ".");
	OR_ASSERT(dir);
	return dir;
}

/* A bundle holds the schema as text. */
static enum or_code take_schema(struct pol_bundle_source *src, struct ctl_state *s,
    const char *path, struct or_slice text, bool json, struct or_err *err)
{
	struct or_buf b;
	enum or_code rc = OR_OK;

	if (src->schema.n)
		return or_err_set(err, OR_INVAL, "%s: a second schema", path);
	src->schema = text;
	if (!json)
		return OR_OK;
	or_buf_init(&b, POL_BUNDLE_MAX);
	rc = pol_schema_convert_to_text(&b, path, text, NULL, err);
	if (rc == OR_OK)
		src->schema = or_arena_dup(s->arena, or_buf_slice(&b));
	or_buf_done(&b);
	return rc;
}

/* *.cedar and *.cedar.json are policies, *.cedarschema (or .json of it) the schema, entities.json
 * further entities. */
static enum or_code take_file(struct pol_bundle_source *src, struct pol_bundle_policy *files,
    struct ctl_state *s, const char *path, struct or_slice name, struct or_err *err)
{
	bool is_policy =
	    or_str_has_suffix(name, ".cedar") || or_str_has_suffix(name, ".cedar.json");
	bool is_json = or_str_has_suffix(name, ".json");
	bool is_schema =
	    or_str_has_suffix(name, ".cedarschema") || or_str_has_suffix(name, ".cedarschema.json");
	struct or_slice text;
	enum or_code rc;

	if (!is_policy && !is_schema && !or_slice_is(name, "entities.json"))
		return OR_OK;
	rc = ctl_state_read(&text, s, path, err);
	if (rc)
		return rc;
	if (is_policy && src->n_policies == FILES_MAX)
		return or_err_set(err, OR_FULL, "%s: more than %d policy files", path, FILES_MAX);
	if (is_schema)
		return take_schema(src, s, path, text, is_json, err);
	if (is_policy)
		files[src->n_policies++] = (struct pol_bundle_policy){
		    .name = or_arena_strdup(s->arena, name), .text = text};
	else
		src->entities = text;
	return OR_OK;
}

static enum or_code read_policies(struct pol_bundle_source *src, struct pol_bundle_policy *files,
    struct ctl_state *s, const char *dir, struct or_err *err)
{
	struct or_sys_names names;
	enum or_code rc = or_sys_list(&names, dir, err);

	if (rc)
		return rc;
	for (size_t i = 0; rc == OR_OK && i < names.n; i++) {
		const char *path = or_arena_printf(
		    s->arena, "%.*s/%s", OR_SLICE_FMT(or_slice_str(dir)), names.names[i]);

		rc = take_file(src, files, s, path, or_slice_str(names.names[i]), err);
	}
	or_sys_names_free(&names);
	if (rc == OR_OK && src->n_policies == 0)
		return or_err_set(
		    err, OR_ABSENT, "%s: no policy (*.cedar, *.cedar.json) is there", dir);
	return rc;
}

static void describe(struct ctl_bundle_built *out, const struct pol_bundle_source *src,
    struct or_slice bytes, size_t n_policies)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf hex;

	or_buf_init(&hex, 64);
	or_crypto_sha256(hash, bytes);
	or_str_hex_encode(&hex, or_slice(hash, sizeof(hash)));
	*out = (struct ctl_bundle_built){
	    .revision = src->revision, .n_policies = n_policies, .product = src->product};
	snprintf(out->sha256, sizeof(out->sha256), "%s", or_buf_text(&hex));
	or_buf_done(&hex);
}

static enum or_code sign(struct ctl_bundle_built *out, const struct pol_bundle_source *src,
    const struct ctl_bundle_opt *opt, struct or_err *err)
{
	struct or_crypto_key *key = NULL;
	struct pol_bundle *opened = NULL;
	struct or_buf bytes, key_id;
	struct pol_bundle_key pin;
	struct pol_bundle_pins pins;
	enum or_code rc;

	or_buf_init(&bytes, POL_BUNDLE_MAX);
	or_buf_init(&key_id, 64);
	rc = ctl_key_load(&key, opt->key_path, err);
	if (rc == OR_OK && (pol_bundle_key_id(&key_id, key) || !or_crypto_key_is_private(key)))
		rc = or_err_set(err, OR_INVAL, "%s: bundles are signed with private Ed25519 keys",
		    opt->key_path);
	if (rc == OR_OK)
		rc = pol_bundle_build(&bytes, src, key, or_buf_slice(&key_id), NULL, err);
	/* What an agent will do with it. */
	pin = (struct pol_bundle_key){.id = or_buf_slice(&key_id), .key = key};
	pins = (struct pol_bundle_pins){
	    .keys = &pin, .n_keys = 1, .product = src->product, .now_ns = src->not_before_ns};
	if (rc == OR_OK)
		rc = pol_bundle_open(&opened, or_buf_slice(&bytes), &pins, NULL, err);
	if (rc == OR_OK)
		rc = or_sys_write_file(opt->out_path, or_buf_slice(&bytes), 0644, err);
	if (rc == OR_OK)
		describe(out, src, or_buf_slice(&bytes), pol_set_count(pol_bundle_set(opened)));
	pol_bundle_unref(opened);
	or_crypto_key_free(key);
	or_buf_done(&bytes);
	or_buf_done(&key_id);
	return rc;
}

enum or_code ctl_bundle_build(struct ctl_bundle_built *out, struct ctl_state *s,
    const struct ctl_bundle_opt *opt, struct or_err *err)
{
	struct pol_bundle_policy *files = or_arena_array(s->arena, FILES_MAX, sizeof(*files));
	struct pol_bundle_source src = {.policies = files, .not_before_ns = now_ns()};
	enum or_code rc;

	OR_ASSERT(files);
	/* A bundle is valid from the whole second on, so that a clock a little behind takes it. */
	src.not_before_ns -= src.not_before_ns % OR_NS_PER_S;
	src.not_after_ns = src.not_before_ns + opt->life_ns;
	src.revision = opt->revision ? opt->revision : (uint64_t)(src.not_before_ns / OR_NS_PER_S);
	src.product = product_id(s, opt->product_path, err);
	if (!src.product)
		return err ? err->code : OR_INVAL;
	rc = read_policies(&src, files, s, policy_dir(s, opt), err);
	return rc ? rc : sign(out, &src, opt, err);
}

enum or_code ctl_bundle_check(
    const char *path, const char *const *trust, size_t n, const char *product, struct or_err *err)
{
	struct or_crypto_key *keys[CTL_ARGS_LIST_MAX] = {NULL};
	struct pol_bundle_key pins[CTL_ARGS_LIST_MAX];
	struct or_buf ids[CTL_ARGS_LIST_MAX], bytes;
	struct pol_bundle_pins all = {.keys = pins, .product = product, .now_ns = now_ns()};
	struct pol_bundle *bundle = NULL;
	enum or_code rc = OR_OK;

	OR_ASSERT(n <= CTL_ARGS_LIST_MAX);
	or_buf_init(&bytes, POL_BUNDLE_MAX);
	for (; all.n_keys < n && rc == OR_OK; all.n_keys++) {
		size_t i = all.n_keys;

		or_buf_init(&ids[i], 64);
		rc = ctl_key_load(&keys[i], trust[i], err);
		if (rc == OR_OK && pol_bundle_key_id(&ids[i], keys[i]))
			rc = or_err_set(
			    err, OR_INVAL, "%s: bundles are signed with Ed25519 keys", trust[i]);
		pins[i] = (struct pol_bundle_key){.id = or_buf_slice(&ids[i]), .key = keys[i]};
	}
	if (rc == OR_OK)
		rc = or_sys_read_file(&bytes, path, err);
	if (rc == OR_OK) {
		rc = pol_bundle_open(&bundle, or_buf_slice(&bytes), &all, NULL, err);
		if (rc)
			or_err_wrap(err, rc, "%s", path);
	}
	pol_bundle_unref(bundle);
	for (size_t i = 0; i < all.n_keys; i++) {
		or_crypto_key_free(keys[i]);
		or_buf_done(&ids[i]);
	}
	or_buf_done(&bytes);
	return rc;
}

/* The key pair for development, made on first use. */
static enum or_code development_key(
    const char **private_path, const char **public_path, struct ctl_state *s, struct or_err *err)
{
	struct or_crypto_key *key = NULL;
	struct or_buf pem;
	enum or_code rc = or_sys_mkdir(ctl_state_path(s, "keys"), 0700, err);

	*private_path = ctl_state_path(s, "keys/bundle.key");
	*public_path = ctl_state_path(s, "keys/bundle.key.pub");
	if (rc || access(*private_path, F_OK) == 0)
		return rc;
	or_buf_init(&pem, KEY_MAX);
	rc = or_crypto_key_new(&key, OR_CRYPTO_ED25519, err);
	if (rc == OR_OK)
		rc = or_crypto_key_to_pem(&pem, key, false);
	if (rc == OR_OK)
		rc = or_sys_write_file(*public_path, or_buf_slice(&pem), 0644, err);
	if (rc == OR_OK)
		rc = ctl_key_save(*private_path, key, err);
	or_crypto_key_free(key);
	or_buf_done(&pem);
	return rc;
}

enum or_code ctl_bundle_develop(const char **bundle, const char **public_key, struct ctl_state *s,
    const char *product_path, const char *dir, struct or_err *err)
{
	struct ctl_bundle_opt opt = {.product_path = product_path,
	    .out_path = or_arena_printf(s->arena, "%s/development.bundle", dir),
	    .life_ns = DEVELOPMENT_LIFE_NS};
	struct ctl_bundle_built built;
	const char *public_path;
	enum or_code rc = development_key(&opt.key_path, &public_path, s, err);

	if (rc == OR_OK)
		rc = ctl_bundle_build(&built, s, &opt, err);
	if (rc)
		return rc;
	fprintf(stderr,
	    "outrider run: no --bundle: revision %llu was built from the policies beside the "
	    "descriptor and signed with this machine's development key\n",
	    (unsigned long long)built.revision);
	*bundle = opt.out_path;
	*public_key = public_path;
	return OR_OK;
}
