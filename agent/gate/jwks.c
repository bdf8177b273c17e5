/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/jwks.h"

#include "base/mem.h"

struct ag_jwks {
	struct or_arena *arena; /* kids point into its tree */
	size_t n;
	size_t skipped;
	struct ag_jwk keys[AG_JWKS_KEYS_MAX];
};

static bool has_kid(const struct ag_jwks *set, struct or_slice kid)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->keys[i].kid.p && or_slice_eq(set->keys[i].kid, kid))
			return true;
	}
	return false;
}

static enum or_code add(struct ag_jwks *set, const struct or_json *j, size_t at, struct or_err *err)
{
	struct ag_jwk k;
	enum or_code rc = ag_jwk_parse(&k, j, err);

	if (rc == OR_UNSUPPORTED) {
		set->skipped++;
		return OR_OK;
	}
	if (rc)
		return or_err_wrap(err, rc, "keys[%zu]", at);
	if (k.kid.p && has_kid(set, k.kid)) {
		ag_jwk_done(&k);
		return or_err_set(err, OR_INVAL, "keys[%zu]: another key has the same kid", at);
	}
	set->keys[set->n++] = k;
	return OR_OK;
}

static enum or_code parse(struct ag_jwks *set, struct or_slice text, struct or_err *err)
{
	const struct or_json *tree, *keys;
	enum or_code rc = or_json_parse(&tree, text, set->arena, err);

	if (rc)
		return rc;
	keys = or_json_get_type(tree, "keys", OR_JSON_ARRAY);
	if (!keys)
		return or_err_set(err, OR_INVAL, "expected an object with the list \"keys\"");
	if (keys->array.n > AG_JWKS_KEYS_MAX)
		return or_err_set(err, OR_FULL, "more than %d keys", AG_JWKS_KEYS_MAX);
	for (size_t i = 0; i < keys->array.n && rc == OR_OK; i++)
		rc = add(set, keys->array.items[i], i, err);
	return rc;
}

enum or_code ag_jwks_parse(struct ag_jwks **out, struct or_slice text, struct or_err *err)
{
	struct ag_jwks *set;
	enum or_code rc;

	if (text.n > AG_JWKS_TEXT_MAX)
		return or_err_set(
		    err, OR_FULL, "a key set of more than %u bytes", AG_JWKS_TEXT_MAX);
	set = or_mem_new(sizeof(*set));
	set->arena = or_arena_new(AG_JWKS_TEXT_MAX * 16);
	rc = parse(set, text, err);
	if (rc)
		ag_jwks_free(set);
	else
		*out = set;
	return rc;
}

void ag_jwks_free(struct ag_jwks *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++)
		ag_jwk_done(&set->keys[i]);
	or_arena_free(set->arena);
	or_mem_free(set);
}

size_t ag_jwks_count(const struct ag_jwks *set)
{
	return set->n;
}

size_t ag_jwks_skipped(const struct ag_jwks *set)
{
	return set->skipped;
}

enum or_code ag_jwks_find(const struct ag_jwk **out, const struct ag_jwks *set, struct or_slice kid,
    enum or_crypto_alg alg)
{
	const struct ag_jwk *found = NULL;

	for (size_t i = 0; i < set->n; i++) {
		const struct ag_jwk *k = &set->keys[i];

		if (!ag_jwk_fits(k, alg) || (kid.p && !(k->kid.p && or_slice_eq(k->kid, kid))))
			continue;
		if (found)
			return OR_INVAL;
		found = k;
	}
	if (!found)
		return OR_ABSENT;
	*out = found;
	return OR_OK;
}
