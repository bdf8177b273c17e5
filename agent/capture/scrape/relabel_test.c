/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/relabel.h"

#include "base/yaml.h"
#include "tests/support/support.h"

static struct or_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = or_arena_new(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	or_arena_free(arena);
	return 0;
}

static struct ag_relabel *rules(const char *yaml)
{
	const struct or_json *tree;
	struct ag_relabel *r;
	struct or_err err;

	ASSERT_OK(or_yaml_parse(&tree, or_slice_str(yaml), arena, &err), &err);
	ASSERT_OK(ag_relabel_new(&r, tree, &err), &err);
	return r;
}

/* "a=1 b=2" of the metric m, or NULL where the point is dropped. */
static const char *after(const char *yaml)
{
	struct wire_otlp_metric_attribute items[4] = {{OR_SLICE_LIT("code"), OR_SLICE_LIT("404")},
	    {OR_SLICE_LIT("path"), OR_SLICE_LIT("/Ab/7")}};
	struct ag_relabel_labels labels = {items, 2, 4};
	struct ag_relabel *r = rules(yaml);
	bool is_kept = ag_relabel_apply(r, OR_SLICE_LIT("http_requests"), &labels, arena);
	char *out = or_arena_printf(arena, "%s", "");

	for (size_t i = 0; i < labels.n; i++)
		out = or_arena_printf(arena, "%s%s%.*s=%.*s", out, i ? " " : "",
		    OR_SLICE_FMT(items[i].key), OR_SLICE_FMT(items[i].value));
	ag_relabel_free(r);
	return is_kept ? out : NULL;
}

static void apply__keeps_and_drops(void **state)
{
	(void)state;
	assert_non_null(after("[{action: keep, source_labels: [__name__], regex: 'http_.*'}]"));
	assert_null(
	    after("[{action: keep, source_labels: [__name__], regex: 'http'}]")); /* anchored */
	assert_null(
	    after("[{action: drop, source_labels: [__name__, code], regex: 'http_requests;4..'}]"));
	assert_non_null(after("[{action: drop, source_labels: [none], regex: 'x'}]"));
	assert_null(after("[{action: drop, source_labels: [none], regex: ''}]"));
}

static void apply__replaces(void **state)
{
	(void)state;
	assert_string_equal(after("[{source_labels: [path], regex: '/([^/]+)/([0-9]+)', "
				  "target_label: id, replacement: '$2-${1}$$'}]"),
	    "code=404 path=/Ab/7 id=7-Ab$");
	assert_string_equal(
	    after("[{source_labels: [code], target_label: path}]"), "code=404 path=404");
	assert_string_equal(after("[{target_label: path, replacement: ''}]"), "code=404");
	assert_string_equal(
	    after("[{source_labels: [code], regex: 5.., target_label: x}]"), "code=404 path=/Ab/7");
	assert_string_equal(
	    after("[{source_labels: [path], target_label: path, action: lowercase}]"),
	    "code=404 path=/ab/7");
}

static void apply__chooses_labels(void **state)
{
	(void)state;
	assert_string_equal(after("[{action: labeldrop, regex: co.*}]"), "path=/Ab/7");
	assert_string_equal(after("[{action: labelkeep, regex: co.*}]"), "code=404");
}

static void new__says_which_rule_is_wrong(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
	    {"{}", "expected a list"},
	    {"[{action: keep}, {action: explode}]",
		"relabel rule 2: action: there is no 'explode'"},
	    {"[{target_label: x, regex: '('}]", "relabel rule 1: regex '('"},
	    {"[{action: replace}]", "target_label: the action replace needs one"},
	    {"[{target_label: __name__}]", "a metric's name is not changed"},
	    {"[{source: [x]}]", "there is no key 'source'"},
	    {"[{source_labels: x}]", "source_labels: expected a list"},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		const struct or_json *tree;
		struct ag_relabel *r = NULL;
		struct or_err err;

		ASSERT_OK(or_yaml_parse(&tree, or_slice_str(cases[i].yaml), arena, &err), &err);
		assert_int_equal(ag_relabel_new(&r, tree, &err), OR_INVAL);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("%s: %s", cases[i].yaml, err.msg);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(apply__keeps_and_drops),
	    cmocka_unit_test(apply__replaces),
	    cmocka_unit_test(apply__chooses_labels),
	    cmocka_unit_test(new__says_which_rule_is_wrong),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
