/* SPDX-License-Identifier: Apache-2.0 */
#include "product/document.h"

#include "tests/support/support.h"

#define PRODUCT(more)                                                                              \
	"apiVersion: v1.0.0\nkind: DataProduct\nid: orders\nstatus: active\nversion: 1.2.0\n" more
#define CONTRACT(id)                                                                               \
	"version: 1.0.0\napiVersion: v3.1.0\nkind: DataContract\nid: " id "\nstatus: active\n"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

struct world {
	struct or_arena *a;
	struct dp_folder folder;
	struct or_buf text;
	struct or_err err;
};

static void init(struct world *w, const char *product, const char *first, const char *second)
{
	const struct dp_file descriptor = {"dataproduct.yaml", or_slice_str(product)};
	const struct dp_file contracts[] = {
	    {"1.odcs.yaml", or_slice_str(first)}, {"2.odcs.yaml", or_slice_str(second)}};

	memset(w, 0, sizeof(*w));
	w->a = or_arena_new(16U << 20);
	or_buf_init(&w->text, DP_DOCUMENT_MAX);
	ASSERT_CODE(
	    dp_folder_load(&w->folder, &descriptor, contracts, second ? 2 : 1, w->a, NULL, &w->err),
	    OR_OK);
}

static void done(struct world *w)
{
	or_buf_done(&w->text);
	or_arena_free(w->a);
}

static void put__gives_the_same_bytes_for_the_same_content(void **state)
{
	const struct dp_source source = {.commit = OR_SLICE_LIT(COMMIT)};
	struct world one, other;

	(void)state;
	init(&one, PRODUCT("name: Orders\n"), CONTRACT("a"), CONTRACT("b"));
	init(&other, "name: Orders # first\n" PRODUCT(""), CONTRACT("b"), CONTRACT("a"));
	ASSERT_CODE(dp_document_put(&one.text, &one.folder, &source, &one.err), OR_OK);
	ASSERT_CODE(dp_document_put(&other.text, &other.folder, &source, &other.err), OR_OK);
	ASSERT_SLICE(or_buf_slice(&one.text), or_buf_text(&other.text));
	assert_non_null(strstr(
	    or_buf_text(&one.text), "\"source\":{\"commit\":\"" COMMIT "\",\"modified\":false}}"));
	done(&one);
	done(&other);
}

static void parse__gives_back_what_was_put(void **state)
{
	const struct dp_source source = {.commit = OR_SLICE_LIT(COMMIT),
	    .committed = OR_SLICE_LIT("2026-11-24T10:00:00+01:00"),
	    .modified = true};
	struct dp_document d;
	struct world w;

	(void)state;
	init(&w, PRODUCT("domain: sales\n"), CONTRACT("a"), CONTRACT("b"));
	ASSERT_CODE(dp_document_put(&w.text, &w.folder, &source, &w.err), OR_OK);
	ASSERT_CODE(dp_document_parse(&d, or_buf_slice(&w.text), w.a, &w.err), OR_OK);
	ASSERT_SLICE(d.folder.product->domain, "sales");
	assert_int_equal(d.folder.n_contracts, 2);
	ASSERT_SLICE(d.folder.contracts[1]->id, "b");
	ASSERT_SLICE(d.source.commit, COMMIT);
	ASSERT_SLICE(d.source.committed, "2026-11-24T10:00:00+01:00");
	assert_true(d.source.modified);
	done(&w);
}

static void put__refuses_a_source_that_is_none(void **state)
{
	static const struct dp_source wrong[] = {
	    {.commit = OR_SLICE_LIT("HEAD")},
	    {.commit = OR_SLICE_LIT(COMMIT COMMIT)},
	    {.commit = OR_SLICE_LIT(COMMIT), .committed = OR_SLICE_LIT("yesterday")},
	    {.committed = OR_SLICE_LIT("2026-11-24T10:00:00Z")},
	};
	struct world w;

	(void)state;
	init(&w, PRODUCT(""), CONTRACT("a"), NULL);
	for (size_t i = 0; i < OR_LEN(wrong); i++)
		ASSERT_CODE(dp_document_put(&w.text, &w.folder, &wrong[i], &w.err), OR_INVAL);
	assert_int_equal(w.text.n, 0);
	done(&w);
}

static void parse__says_what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		enum or_code code;
		const char *says;
	} cases[] = {
	    {"{", OR_PARSE, ""},
	    {"[]", OR_PARSE, "product, contracts and source"},
	    {"{\"product\":{},\"contracts\":[],\"source\":{}}", OR_INVAL, "product: "},
	    {"{\"product\":{\"apiVersion\":\"v1.0.0\",\"kind\":\"DataProduct\",\"id\":\"o\","
	     "\"status\":\"active\"},\"contracts\":[{}],\"source\":{}}",
		OR_INVAL, "contracts[0]"},
	    {"{\"product\":{\"apiVersion\":\"v1.0.0\",\"kind\":\"DataProduct\",\"id\":\"o\","
	     "\"status\":\"active\"},\"contracts\":[],\"source\":{\"commit\":\"x\"}}",
		OR_INVAL, "source.commit"},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_arena *a = or_arena_new(16U << 20);
		struct dp_document d;
		struct or_err err;

		ASSERT_CODE(
		    dp_document_parse(&d, or_slice_str(cases[i].text), a, &err), cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].says));
		or_arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put__gives_the_same_bytes_for_the_same_content),
	    cmocka_unit_test(parse__gives_back_what_was_put),
	    cmocka_unit_test(put__refuses_a_source_that_is_none),
	    cmocka_unit_test(parse__says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
