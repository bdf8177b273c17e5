/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/field.h"

#include "proto/json.h"
#include "proto/name.h"
#include "tests/support/support.h"

static const uint8_t ids[32] = {
    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe};

static const struct or_slice policies[] = {OR_SLICE_LIT("a"), OR_SLICE_LIT("b")};
static const struct wire_policy_error errors[] = {{OR_SLICE_LIT("hours"), OR_SLICE_LIT("no hour")}};
static const struct wire_principal act[] = {{.id = OR_SLICE_LIT("etl")}};
static const struct wire_attribute attributes[] = {
    {.key = OR_SLICE_LIT("purpose"), .value = OR_SLICE_LIT("fraud")},
    {.key = OR_SLICE_LIT("ua"), .value = OR_SLICE_LIT("cu"), .cut = true, .sha256 = {ids, 32}},
    {.key = OR_SLICE_LIT("ua"), .value = OR_SLICE_LIT("second")},
};

static struct wire_audit record(void)
{
	return (struct wire_audit){.time_ns = 1764000000123456789ULL,
	    .agent_id = or_slice(ids, 16),
	    .epoch = 0xabcd,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = 3,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_EXT_AUTHZ,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_WOULD_DENY,
	    .principal = {OR_SLICE_LIT("User"), OR_SLICE_LIT("a\"b\\c"), OR_SLICE_LIT("idp")},
	    .act = act,
	    .n_act = 1,
	    .policies = policies,
	    .n_policies = 2,
	    .policy_errors = errors,
	    .n_policy_errors = 1,
	    .request = {.method = OR_SLICE_LIT("GET"), .status = 403},
	    .trace_id = or_slice(ids, 16),
	    .span_id = or_slice(ids, 8),
	    .attributes = attributes,
	    .n_attributes = OR_LEN(attributes)};
}

static struct wire_field_value get(
    const struct wire_audit *r, const char *name, struct or_buf *scratch)
{
	const struct wire_field *f = wire_field_find(or_slice_str(name));
	struct wire_field_value v;

	assert_non_null(f);
	wire_field_get(&v, f, r, or_slice_str(name), scratch);
	return v;
}

static void get__gives_typed_values(void **state)
{
	struct wire_audit r = record();
	struct wire_field_value v;
	struct or_buf scratch;

	(void)state;
	or_buf_init(&scratch, 4096);
	v = get(&r, "time", &scratch);
	assert_int_equal(v.type, WIRE_FIELD_TIME);
	assert_int_equal(v.i, r.time_ns);
	v = get(&r, "request.status", &scratch);
	assert_int_equal(v.type, WIRE_FIELD_INT);
	assert_int_equal(v.i, 403);
	ASSERT_SLICE(get(&r, "decision", &scratch).s, "would_deny");
	ASSERT_SLICE(get(&r, "front", &scratch).s, "ext_authz");
	ASSERT_SLICE(get(&r, "principal", &scratch).s, "User::\"a\\\"b\\\\c\"");
	ASSERT_SLICE(get(&r, "principal.id", &scratch).s, "a\"b\\c");
	ASSERT_SLICE(get(&r, "agent", &scratch).s, "01234567-89ab-cdef-1032-547698badcfe");
	ASSERT_SLICE(get(&r, "span_id", &scratch).s, "0123456789abcdef");
	ASSERT_SLICE(get(&r, "epoch", &scratch).s, "000000000000abcd");
	ASSERT_SLICE(get(&r, "attributes.purpose", &scratch).s, "fraud");
	ASSERT_SLICE(get(&r, "attributes.ua", &scratch).s, "cu");
	v = get(&r, "policies", &scratch);
	assert_int_equal(v.type, WIRE_FIELD_LIST);
	assert_int_equal(v.n, 2);
	ASSERT_SLICE(v.list[1], "b");
	ASSERT_SLICE(get(&r, "policy_errors", &scratch).list[0], "hours");
	ASSERT_SLICE(get(&r, "act", &scratch).list[0], "etl");
	or_buf_done(&scratch);
}

static void get__says_what_is_absent(void **state)
{
	static const char *const names[] = {"obligations", "resource", "request.bytes_in", "port",
	    "inputs", "attributes.none", "reason"};
	struct wire_audit r = record();
	struct or_buf scratch;

	(void)state;
	or_buf_init(&scratch, 4096);
	for (size_t i = 0; i < OR_LEN(names); i++)
		assert_int_equal(get(&r, names[i], &scratch).type, WIRE_FIELD_NONE);
	or_buf_done(&scratch);
}

static void find__knows_its_names_only(void **state)
{
	const char *list[WIRE_FIELD_LIST_MAX];
	const struct wire_field *f = NULL;
	size_t n = 0;

	(void)state;
	assert_null(wire_field_find(OR_SLICE_LIT("principle")));
	assert_null(wire_field_find(OR_SLICE_LIT("attributes")));
	assert_null(wire_field_find(OR_SLICE_LIT("attributes.")));
	assert_null(wire_field_find(OR_SLICE_NONE));
	wire_field_list(list);
	while ((f = wire_field_next(f))) {
		assert_string_equal(list[n++], wire_field_name(f));
		assert_true(strlen(wire_field_help(f)) > 0);
	}
	assert_null(list[n]);
	assert_int_equal(wire_field_names(wire_field_find(OR_SLICE_LIT("kind"))), WIRE_NAME_KIND);
	assert_int_equal(wire_field_names(wire_field_find(OR_SLICE_LIT("port"))), -1);
}

static void json__writes_every_field_under_its_name(void **state)
{
	static const char expected[] =
	    "{\"time\":\"2025-11-24T16:00:00.123456Z\",\"kind\":\"access\","
	    "\"decision\":\"would_deny\",\"product\":\"orders\","
	    "\"principal\":\"User::\\\"a\\\\\\\"b\\\\\\\\c\\\"\",\"principal.type\":\"User\","
	    "\"principal.id\":\"a\\\"b\\\\c\",\"principal.issuer\":\"idp\",\"act\":[\"etl\"],"
	    "\"policies\":[\"a\",\"b\"],\"policy_errors\":[\"hours\"],\"request.method\":\"GET\","
	    "\"request.status\":403,\"front\":\"ext_authz\",\"phase\":\"complete\","
	    "\"trace_id\":\"0123456789abcdef1032547698badcfe\",\"span_id\":\"0123456789abcdef\","
	    "\"agent\":\"01234567-89ab-cdef-1032-547698badcfe\",\"epoch\":\"000000000000abcd\","
	    "\"stream\":\"outrider.audit/orders\",\"seq\":3,"
	    "\"attributes\":{\"purpose\":\"fraud\",\"ua\":\"cu\"},"
	    "\"cut\":{\"ua\":\"0123456789abcdef1032547698badcfe"
	    "00000000000000000000000000000000\"}}";
	struct or_arena *a = or_arena_new(0);
	struct wire_audit r = record();
	const struct or_json *tree;
	struct or_jsonw w;
	struct or_buf out;
	struct or_err err;

	(void)state;
	or_buf_init(&out, 1 << 16);
	or_jsonw_init(&w, &out, 0);
	wire_json_audit(&w, &r);
	assert_string_equal(or_buf_text(&out), expected);
	ASSERT_OK(or_json_parse(&tree, or_buf_slice(&out), a, &err), &err);
	or_buf_done(&out);
	or_arena_free(a);
}

static void name__goes_both_ways(void **state)
{
	unsigned int v = 0;

	(void)state;
	for (int set = WIRE_NAME_KIND; set <= WIRE_NAME_DECISION; set++) {
		const char *const *list = wire_name_list((enum wire_name_set)set);

		for (unsigned int i = 0; list[i]; i++) {
			ASSERT_CODE(
			    wire_name_find(&v, (enum wire_name_set)set, or_slice_str(list[i])),
			    OR_OK);
			assert_int_equal(v, i + 1);
			assert_string_equal(wire_name_get((enum wire_name_set)set, v), list[i]);
		}
	}
	assert_string_equal(wire_name_get(WIRE_NAME_KIND, WIRE_KIND_ADMIN), "admin");
	assert_string_equal(wire_name_get(WIRE_NAME_FRONT, WIRE_FRONT_AGENT), "agent");
	assert_string_equal(wire_name_get(WIRE_NAME_PHASE, WIRE_PHASE_OUTCOME), "outcome");
	assert_string_equal(wire_name_get(WIRE_NAME_DECISION, 6), "unknown");
	assert_string_equal(wire_name_get(WIRE_NAME_DECISION, 0), "");
	ASSERT_CODE(wire_name_find(&v, WIRE_NAME_DECISION, OR_SLICE_LIT("Allow")), OR_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(get__gives_typed_values),
	    cmocka_unit_test(get__says_what_is_absent),
	    cmocka_unit_test(find__knows_its_names_only),
	    cmocka_unit_test(json__writes_every_field_under_its_name),
	    cmocka_unit_test(name__goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
