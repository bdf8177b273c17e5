/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/entities.h"

#include "policy/ctx.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct pol_uid group(int i)
{
	static char ids[2048][8];

	snprintf(ids[i], sizeof(ids[i]), "%d", i);
	return pol_uid_make(OR_SLICE_LIT("G"), or_slice_str(ids[i]));
}

static void add(struct pol_entities *es, int child, int parent)
{
	struct pol_uid uid = group(child), in = parent < 0 ? uid : group(parent);

	ASSERT_CODE(pol_entities_add(es, &uid, NULL, NULL, &in, parent < 0 ? 0 : 1), OR_OK);
}

static void seal__closes_a_long_chain(void **state)
{
	struct pol_entities *es = pol_entities_new(0);
	struct pol_uid first = group(0), last = group(1999);
	const struct pol_entity *e;

	(void)state;
	/* Children first, so that the walk goes all the way up. */
	for (int i = 0; i < 1999; i++)
		add(es, i, i + 1);
	add(es, 1999, -1);
	ASSERT_CODE(pol_entities_seal(es, NULL), OR_OK);
	e = pol_entities_find(es, &first);
	assert_int_equal(e->n_ancestors, 1999);
	assert_true(pol_entities_has_ancestor(e, &last));
	assert_false(pol_entities_has_ancestor(pol_entities_find(es, &last), &first));
	pol_entities_free(es);
}

static void seal__counts_shared_ancestors_once(void **state)
{
	struct pol_entities *es = pol_entities_new(0);
	struct pol_uid uid = group(0), parents[] = {group(1), group(2), group(1)};

	(void)state;
	ASSERT_CODE(pol_entities_add(es, &uid, NULL, NULL, parents, 3), OR_OK);
	add(es, 1, 3);
	add(es, 2, 3);
	ASSERT_CODE(pol_entities_seal(es, NULL), OR_OK);
	/* 1, 2, and 3, which itself is not stored. */
	assert_int_equal(pol_entities_find(es, &uid)->n_ancestors, 3);
	assert_int_equal(pol_entities_find(es, &uid)->n_parents, 3);
	pol_entities_free(es);
}

static void seal__names_a_cycle(void **state)
{
	struct pol_entities *es = pol_entities_new(0);
	struct or_err err;

	(void)state;
	add(es, 5, 0);
	for (int i = 0; i < 3; i++)
		add(es, i, (i + 1) % 3);
	ASSERT_CODE(pol_entities_seal(es, &err), OR_INVAL);
	assert_string_equal(err.msg, "G::\"0\" is its own ancestor");
	pol_entities_free(es);
	es = pol_entities_new(0);
	add(es, 7, 7);
	ASSERT_CODE(pol_entities_seal(es, &err), OR_INVAL);
	pol_entities_free(es);
}

static void seal__names_a_duplicate(void **state)
{
	struct pol_entities *es = pol_entities_new(0);
	struct or_err err;

	(void)state;
	add(es, 1, -1);
	add(es, 1, -1);
	ASSERT_CODE(pol_entities_seal(es, &err), OR_EXISTS);
	assert_string_equal(err.msg, "G::\"1\" is there twice");
	pol_entities_free(es);
}

static void add__copies_everything(void **state)
{
	struct or_arena *a = or_arena_new(0);
	struct pol_entities *es = pol_entities_new(0);
	char type[] = "T", id[] = "x", key[] = "k", text[] = "v";
	struct pol_uid uid = pol_uid_make(or_slice_str(type), or_slice_str(id));
	struct pol_value v = pol_value_string(or_slice_str(text)), set;
	struct pol_field f = {or_slice_str(key), v};
	const struct pol_record *rec = NULL;
	const struct pol_entity *e;

	(void)state;
	ASSERT_CODE(pol_value_set(&set, a, &v, 1), OR_OK);
	f.value = set;
	ASSERT_CODE(pol_value_record(&rec, a, &f, 1), OR_OK);
	ASSERT_CODE(pol_entities_add(es, &uid, rec, rec, NULL, 0), OR_OK);
	type[0] = id[0] = key[0] = text[0] = '!';
	or_arena_free(a);
	ASSERT_CODE(pol_entities_seal(es, NULL), OR_OK);
	e = pol_entities_at(es, 0);
	ASSERT_SLICE(e->uid.type, "T");
	ASSERT_SLICE(pol_value_field(e->attrs, OR_SLICE_LIT("k"))->set->items[0].s, "v");
	assert_non_null(pol_value_field(e->tags, OR_SLICE_LIT("k")));
	pol_entities_free(es);
}

static void add__meets_its_budget(void **state)
{
	struct pol_entities *es = pol_entities_new(2048);
	struct pol_uid uid = group(1);
	enum or_code rc = OR_OK;
	int n = 0;

	(void)state;
	for (; rc == OR_OK && n < 1000; n++)
		rc = pol_entities_add(es, &uid, NULL, NULL, NULL, 0);
	ASSERT_CODE(rc, OR_FULL);
	assert_in_range(n, 2, 100);
	pol_entities_free(es);
}

static void ctx__hides_what_is_stored(void **state)
{
	struct pol_entities *es = pol_entities_new(0);
	const struct pol_entities *bases[1] = {es};
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct pol_uid child = group(1), parent = group(2), other = group(3);

	(void)state;
	add(es, 1, 2);
	add(es, 3, 4);
	ASSERT_CODE(pol_entities_seal(es, NULL), OR_OK);
	pol_ctx_begin(ctx, bases, 1);
	assert_true(pol_entities_has_ancestor(pol_ctx_find(ctx, &child), &parent));
	ASSERT_CODE(pol_ctx_put(ctx, &child, NULL, &other, 1), OR_OK);
	assert_false(pol_entities_has_ancestor(pol_ctx_find(ctx, &child), &parent));
	parent = group(4);
	assert_true(pol_entities_has_ancestor(pol_ctx_find(ctx, &child), &parent));
	/* The next request starts afresh. */
	pol_ctx_begin(ctx, bases, 1);
	parent = group(2);
	assert_true(pol_entities_has_ancestor(pol_ctx_find(ctx, &child), &parent));
	pol_ctx_free(ctx);
	pol_entities_free(es);
}

static void ctx__holds_a_bounded_number(void **state)
{
	struct pol_ctx *ctx = pol_ctx_new(0);

	(void)state;
	pol_ctx_begin(ctx, NULL, 0);
	for (int i = 0; i <= POL_CTX_ENTITIES_MAX; i++) {
		struct pol_uid uid = group(i);

		ASSERT_CODE(pol_ctx_put(ctx, &uid, NULL, NULL, 0),
		    i < POL_CTX_ENTITIES_MAX ? OR_OK : OR_FULL);
	}
	pol_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seal__closes_a_long_chain),
	    cmocka_unit_test(seal__counts_shared_ancestors_once),
	    cmocka_unit_test(seal__names_a_cycle),
	    cmocka_unit_test(seal__names_a_duplicate),
	    cmocka_unit_test(add__copies_everything),
	    cmocka_unit_test(add__meets_its_budget),
	    cmocka_unit_test(ctx__hides_what_is_stored),
	    cmocka_unit_test(ctx__holds_a_bounded_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
