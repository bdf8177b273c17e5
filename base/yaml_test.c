/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"
#include "base/yaml.h"
#include "tests/support/support.h"

/* Parses text and compares the tree, written as JSON. */
static void assert_yaml(const char *text, const char *json)
{
	struct or_arena *a = or_arena_new(1 << 20);
	const struct or_json *tree;
	struct or_jsonw w;
	struct or_buf b;
	struct or_err err = {0};

	or_buf_init(&b, 1 << 20);
	ASSERT_OK(or_yaml_parse(&tree, or_slice_str(text), a, &err), &err);
	or_jsonw_init(&w, &b, 0);
	or_jsonw_tree(&w, tree);
	ASSERT_SLICE(or_buf_slice(&b), json);
	or_buf_done(&b);
	or_arena_free(a);
}

static void assert_refused(const char *text, enum or_code code, const char *message)
{
	struct or_arena *a = or_arena_new(1 << 20);
	const struct or_json *tree = NULL;
	struct or_err err = {0};

	ASSERT_CODE(or_yaml_parse(&tree, or_slice_str(text), a, &err), code);
	ASSERT_HAS(err.msg, message);
	assert_null(tree);
	or_arena_free(a);
}

static void parse__builds_the_tree(void **state)
{
	(void)state;
	assert_yaml("a: 1\nb: [x, 'y', \"z\"]\nc:\n  - d: {e: ~}\n  - f\n",
	    "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"],\"c\":[{\"d\":{\"e\":null}},\"f\"]}");
	assert_yaml("--- text\n...\n", "\"text\"");
}

static void parse__resolves_by_the_core_schema(void **state)
{
	(void)state;
	assert_yaml("[true, FALSE, yes, no, on, null, '', \"\", ~, Null]",
	    "[true,false,\"yes\",\"no\",\"on\",null,\"\",\"\",null,null]");
	assert_yaml("[0, -7, +7, 0x1F, 0o17, 017, 1_000, 9223372036854775807, 9223372036854775808]",
	    "[0,-7,7,31,15,17,\"1_000\",9223372036854775807,\"9223372036854775808\"]");
	assert_yaml("[1.5, .5, 5., 1e3, 1.2.3, 1e, .inf, -]",
	    "[1.5,0.5,5.0,1000.0,\"1.2.3\",\"1e\",\".inf\",\"-\"]");
	assert_yaml("[2026-11-24, 12:30:00, v1.0.0]", "[\"2026-11-24\",\"12:30:00\",\"v1.0.0\"]");
}

static void parse__knows_where_nodes_are(void **state)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *tree;
	const struct or_json *b;

	(void)state;
	ASSERT_CODE(or_yaml_parse(&tree, OR_SLICE_LIT("a: 1\nb:\n    c: deep\n"), a, NULL), OR_OK);
	b = or_json_get(or_json_get(tree, "b"), "c");
	assert_int_equal(b->line, 3);
	assert_int_equal(b->col, 8);
	or_arena_free(a);
}

static void parse__refuses_what_the_subset_lacks(void **state)
{
	(void)state;
	assert_refused("a: &x 1\nb: *x\n", OR_PARSE, "line 1, column 4: anchors");
	assert_refused("b: *x\n", OR_PARSE, "aliases");
	assert_refused("a: !!str 1\n", OR_PARSE, "tags");
	assert_refused("<<: {a: 1}\n", OR_PARSE, "merge keys");
	assert_refused("a: 1\nb: 2\na: 3\n", OR_PARSE, "line 3: the key \"a\" is there twice");
	assert_refused("[1]: 2\n", OR_PARSE, "key must be a string");
	assert_refused("a: 1\n---\nb: 2\n", OR_PARSE, "more than one document");
	assert_refused("a: [1\n", OR_PARSE, "line");
	assert_refused("", OR_PARSE, "empty");
	assert_refused("a: \"\\0\"\n", OR_PARSE, "NUL");
}

static void parse__is_bounded(void **state)
{
	char deep[200];
	struct or_arena *a = or_arena_new(512);
	const struct or_json *tree = NULL;

	(void)state;
	memset(deep, '[', 100);
	memset(deep + 100, 0, 1);
	assert_refused(deep, OR_FULL, "64 levels");
	ASSERT_CODE(
	    or_yaml_parse(&tree, OR_SLICE_LIT("[a, b, c, d, e, f, g, h, i, j, k, l]"), a, NULL),
	    OR_FULL);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__builds_the_tree),
	    cmocka_unit_test(parse__resolves_by_the_core_schema),
	    cmocka_unit_test(parse__knows_where_nodes_are),
	    cmocka_unit_test(parse__refuses_what_the_subset_lacks),
	    cmocka_unit_test(parse__is_bounded),
	};

	return cmocka_run_group_tests_name("base.yaml", tests, NULL, NULL);
}
