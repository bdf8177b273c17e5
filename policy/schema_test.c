/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema.h"

#include "policy/conform.h"
#include "policy/entities_json.h"
#include "tests/support/support.h"

static struct pol_schema *parse(const char *text)
{
	struct pol_schema *s = NULL;
	struct or_err err;

	ASSERT_OK(pol_schema_parse_text(&s, "s", or_slice_str(text), NULL, &err), &err);
	return s;
}

static void has_attr(const struct pol_schema *s, const char *type, const char *attr, const char *is)
{
	const struct pol_attr *a = pol_schema_attr_find(s, or_slice_str(type), or_slice_str(attr));
	struct or_buf b;

	assert_non_null(a);
	or_buf_init(&b, 4096);
	pol_schema_type_print(&b, a->type);
	if (!a->required)
		or_buf_put_str(&b, "?");
	assert_string_equal(or_buf_text(&b), is);
	or_buf_done(&b);
}

static const char TEXT[] =
    "namespace Shop {\n"
    "  type Money = {amount: decimal, currency: String};\n"
    "  @doc(\"a person\") entity User, Bot in [Team, Shop::Org] = {\n"
    "    name: String, \"e-mail\"?: String, age: Long, when: datetime, for: duration,\n"
    "    groups: Set<Team>, pay?: Money, from: ipaddr, it: {deep: Set<Set<Bool>>},\n"
    "  } tags Set<String>;\n"
    "  entity Team in [Team, Org]; entity Org; entity Color enum [\"red\", \"green\"];\n"
    "  action all; action \"r w\", write in [all, Shop::Action::\"more\"] appliesTo {\n"
    "    principal: [User, Bot], resource: Top, context: Money };\n"
    "  action more in all;\n"
    "}\n"
    "entity Top {own: Shop::User, long: __cedar::Long};";

static void text__resolves_names_and_types(void **state)
{
	struct pol_schema *s = parse(TEXT);

	(void)state;
	assert_int_equal(pol_schema_entity_count(s), 6);
	has_attr(s, "Shop::User", "name", "String");
	has_attr(s, "Shop::Bot", "e-mail", "String?");
	has_attr(s, "Shop::User", "groups", "Set<Shop::Team>");
	has_attr(s, "Shop::User", "pay", "{\"amount\": decimal, \"currency\": String}?");
	has_attr(s, "Shop::User", "it", "{\"deep\": Set<Set<Bool>>}");
	has_attr(s, "Shop::User", "from", "ipaddr");
	has_attr(s, "Top", "own", "Shop::User");
	has_attr(s, "Top", "long", "Long");
	assert_null(pol_schema_attr_find(s, OR_SLICE_LIT("Shop::User"), OR_SLICE_LIT("none")));
	assert_int_equal(pol_schema_entity_find(s, OR_SLICE_LIT("Shop::Color"))->n_ids, 2);
	assert_non_null(pol_schema_entity_find(s, OR_SLICE_LIT("Shop::User"))->tags);
	pol_schema_free(s);
}

static void text__closes_groups(void **state)
{
	struct pol_schema *s = parse(TEXT);
	struct pol_uid uid = pol_uid_make(OR_SLICE_LIT("Shop::Action"), OR_SLICE_LIT("r w"));
	const struct pol_action *a = pol_schema_action_find(s, &uid);
	const struct pol_entity_type *user = pol_schema_entity_find(s, OR_SLICE_LIT("Shop::User"));

	(void)state;
	assert_true(pol_schema_may_be_in(user, OR_SLICE_LIT("Shop::Org")));
	assert_false(pol_schema_may_be_in(user, OR_SLICE_LIT("Top")));
	assert_non_null(a);
	assert_int_equal(a->n_parents, 2);
	assert_int_equal(a->n_ancestors, 2);
	assert_int_equal(a->n_principals, 2);
	ASSERT_SLICE(a->resources[0], "Top");
	assert_int_equal(a->context->n_attrs, 2);
	uid = pol_uid_make(OR_SLICE_LIT("Shop::Action"), OR_SLICE_LIT("none"));
	assert_null(pol_schema_action_find(s, &uid));
	pol_schema_free(s);
}

static void text__says_what_is_wrong(void **state)
{
	static const char *const cases[][2] = {
	    {"entity A", "s:1:9: error: expected `;`, found the end of the text"},
	    {"entity A = {x: Nope};", "unknown entity or common type `Nope`"},
	    {"entity A in Nope;", "unknown entity type `Nope`"},
	    {"entity A; entity A;", "the entity type `A` is declared twice"},
	    {"entity A {x: Long, x: Long};", "the attribute `x` is there twice"},
	    {"entity Action;", "`Action` cannot be the name of a type"},
	    {"entity A enum [];", "expected a string, found `]`"},
	    /* A record's list may end in a comma; these may not. */
	    {"entity A enum [\"a\",];", "expected a string, found `]`"},
	    {"entity U; entity A in [U,];", "found `]`"},
	    {"entity U; action a appliesTo {principal: [U,], resource: U};", "found `]`"},
	    {"action b; action a in [b,];", "found `]`"},
	    {"action a in [];", "found `]`"},
	    {"type T = {x: T};", "the type `T` contains itself"},
	    {"type Long = String;", "`Long` is a type of the language"},
	    {"type A = B; type B = A;", "contains itself"},
	    {"entity E; action a appliesTo {principal: E};",
		"an appliesTo with principal and resource"},
	    {"entity E; action a appliesTo {principal: E, resource: E, context: E};",
		"this must be a record"},
	    {"action a in b;", "there is no action `b`"},
	    {"action a in b; action b in a;", "contains itself"},
	    {"entity A; namespace N { entity A; }",
		"the type `A` hides one outside of this namespace"},
	    {"action a; namespace N { action a; }", "the action `a` hides one"},
	    {"entity A {x: Set<Set<};", "expected a type, found `}`"},
	    {"thing A;", "expected `entity`, `action` or `type`, found `thing`"},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct pol_schema *s = NULL;
		struct or_err err = {.msg = ""};

		ASSERT_CODE(pol_schema_parse_text(&s, "s", or_slice_str(cases[i][0]), NULL, &err),
		    OR_PARSE);
		ASSERT_HAS(err.msg, cases[i][1]);
		assert_null(s);
	}
}

static void text__goes_on_behind_an_error(void **state)
{
	struct pol_schema *s = NULL;
	struct pol_diags diags;
	struct or_err err;

	(void)state;
	pol_diag_init(&diags);
	ASSERT_CODE(pol_schema_parse_text(&s, "s",
			OR_SLICE_LIT("entity A\n  in ;\nentity B;\naction x y;\nentity C = 1;"),
			&diags, &err),
	    OR_PARSE);
	assert_int_equal(diags.errors, 3);
	assert_int_equal(diags.items[0].line, 2);
	assert_int_equal(diags.items[0].col, 6);
	assert_int_equal(diags.items[1].line, 4);
	assert_int_equal(diags.items[2].line, 5);
	pol_diag_done(&diags);
}

static void json__means_the_same(void **state)
{
	static const char text[] =
	    "{\"N\":{\"commonTypes\":{\"T\":{\"type\":\"Record\",\"attributes\":{\"x\":{\"type\":"
	    "\"Long\"}}}},"
	    "\"entityTypes\":{\"U\":{\"memberOfTypes\":[\"G\"],\"shape\":{\"type\":\"Record\","
	    "\"attributes\":"
	    "{\"t\":{\"type\":\"T\",\"required\":false},\"e\":{\"type\":\"Entity\",\"name\":\"N::"
	    "U\"},"
	    "\"i\":{\"type\":\"Extension\",\"name\":\"ipaddr\"},"
	    "\"s\":{\"type\":\"Set\",\"element\":{\"type\":\"EntityOrCommon\",\"name\":\"Bool\"}}}}"
	    ","
	    "\"tags\":{\"type\":\"String\"}},\"G\":{},\"C\":{\"enum\":[\"a\"]}},"
	    "\"actions\":{\"r\":{\"memberOf\":[{\"id\":\"g\",\"type\":\"N::Action\"}],"
	    "\"appliesTo\":"
	    "{\"principalTypes\":[\"U\"],\"resourceTypes\":[\"G\"],\"context\":{\"type\":\"T\"}}},"
	    "\"g\":{}}}}";
	struct pol_schema *s = NULL;
	struct pol_uid uid = pol_uid_make(OR_SLICE_LIT("N::Action"), OR_SLICE_LIT("r"));
	struct or_err err;

	(void)state;
	ASSERT_OK(pol_schema_parse_json(&s, "s", or_slice_str(text), NULL, &err), &err);
	has_attr(s, "N::U", "t", "{\"x\": Long}?");
	has_attr(s, "N::U", "e", "N::U");
	has_attr(s, "N::U", "i", "ipaddr");
	has_attr(s, "N::U", "s", "Set<Bool>");
	assert_int_equal(pol_schema_action_find(s, &uid)->n_ancestors, 1);
	assert_int_equal(pol_schema_action_find(s, &uid)->context->n_attrs, 1);
	pol_schema_free(s);
}

static void json__says_what_is_wrong(void **state)
{
	static const char *const cases[][2] = {{"[]", "a schema must be an object"},
	    {"{\"\":{\"entities\":{}}}", "`entities` is not a part of a namespace"},
	    {"{\"\":{\"entityTypes\":[]}}", "entityTypes must be an object"},
	    {"{\"a b\":{\"actions\":{\"x\":{}}}}", "`a b` cannot be a namespace"},
	    {"{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":\"B\"}}}}",
		"`memberOfTypes` must be a list"},
	    {"{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Long\"}}}}}",
		"this must be a record"},
	    {"{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},"
	     "\"additionalAttributes\":true}}}}}",
		"additional attributes"},
	    {"{\"\":\n{\"a\":1,\"a\":2}}", "s:2:1: error: a key is there twice"}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct pol_schema *s = NULL;
		struct or_err err = {.msg = ""};

		ASSERT_CODE(pol_schema_parse_json(&s, "s", or_slice_str(cases[i][0]), NULL, &err),
		    OR_PARSE);
		ASSERT_HAS(err.msg, cases[i][1]);
	}
}

static const char FIT[] =
    "entity User in [Group] = {name: String, ip?: ipaddr, boss?: User, color?: Color} tags Long;"
    "entity Group; entity Color enum [\"red\"]; action g; action read in g appliesTo {"
    " principal: User, resource: Group, context: {n: Long, at?: datetime}};";

static enum or_code entities(const struct pol_schema *s, const char *text, struct or_err *err)
{
	struct pol_entities *es = NULL;
	enum or_code rc = pol_entities_json_parse(&es, "e", or_slice_str(text), s, NULL, err);

	pol_entities_free(es);
	return rc;
}

static void conform__checks_entities(void **state)
{
	static const char *const cases[][2] = {
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"n\",\"ip\":\"::1\","
	     "\"boss\":{\"type\":\"User\",\"id\":\"b\"},\"color\":{\"type\":\"Color\",\"id\":"
	     "\"red\"}},"
	     "\"parents\":[{\"type\":\"Group\",\"id\":\"g\"}],\"tags\":{\"t\":1}}]",
		""},
	    {"[{\"uid\":{\"type\":\"Nope\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]",
		"is not declared"},
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]",
		"the attribute `name` is missing"},
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":1},\"parents\":[]}]",
		"attribute `name`: expected String, found long"},
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"n\",\"x\":1},"
	     "\"parents\":[]}]",
		"the attribute `x` is not declared"},
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"n\",\"ip\":\"x\"},"
	     "\"parents\":[]}]",
		"this is not a valid ipaddr"},
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"n\",\"color\":"
	     "{\"type\":\"Color\",\"id\":\"blue\"}},\"parents\":[]}]",
		"Color::\"blue\" is not one of the enumeration"},
	    {"[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"name\":\"n\"},\"parents\":"
	     "[{\"type\":\"User\",\"id\":\"b\"}]}]",
		"its type cannot be in User::\"b\""},
	    {"[{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{"
	     "\"a\":1}}]",
		"its type has no tags"},
	    {"[{\"uid\":{\"type\":\"Action\",\"id\":\"read\"},\"attrs\":{},\"parents\":[]}]",
		"in other groups than declared"},
	    {"[{\"uid\":{\"type\":\"Action\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]",
		"is not declared"},
	    {"[{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]},"
	     "{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]",
		"is there twice"},
	    {"[{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"parents\":[]}]",
		"needs an object `attrs`"},
	    {"[{\"uid\":{\"type\":\"Group\",\"id\":\"a\"},\"attrs\":{\"x\":1.5},\"parents\":[]}]",
		"Cedar's numbers are integers"},
	    {"{}", "expected a list of entities"},
	};
	struct pol_schema *s = parse(FIT);

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_err err = {.msg = ""};
		enum or_code rc = entities(s, cases[i][0], &err);

		assert_true((rc == OR_OK) == (cases[i][1][0] == 0));
		ASSERT_HAS(err.msg, cases[i][1]);
	}
	pol_schema_free(s);
}

static void entities__are_read_without_a_schema(void **state)
{
	static const char text[] =
	    "[{\"uid\":{\"__entity\":{\"type\":\"A\",\"id\":\"\\u0000\"}},\"attrs\":{"
	    "\"e\":{\"__entity\":{\"type\":\"B\",\"id\":\"b\"}},\"r\":{\"type\":\"B\",\"id\":\"b\"}"
	    ","
	    "\"x\":{\"__extn\":{\"fn\":\"offset\",\"args\":[{\"__extn\":{\"fn\":\"datetime\","
	    "\"arg\":"
	    "\"1970-01-01\"}},{\"__extn\":{\"fn\":\"duration\",\"arg\":\"5ms\"}}]}},"
	    "\"s\":[2,1,1]},\"parents\":[]}]";
	struct pol_entities *es = NULL;
	const struct pol_entity *e;
	struct or_err err;
	struct or_buf b;

	(void)state;
	ASSERT_OK(pol_entities_json_parse(&es, "e", or_slice_str(text), NULL, NULL, &err), &err);
	e = pol_entities_at(es, 0);
	or_buf_init(&b, 4096);
	pol_uid_print(&b, &e->uid);
	assert_string_equal(or_buf_text(&b), "A::\"\\0\"");
	or_buf_clear(&b);
	for (size_t i = 0; i < e->attrs->n; i++) {
		or_buf_put_slice(&b, e->attrs->fields[i].key);
		pol_value_print(&b, &e->attrs->fields[i].value);
	}
	assert_string_equal(or_buf_text(&b), "eB::\"b\"r{\"id\": \"b\", \"type\": \"B\"}s[1, "
					     "2]xdatetime(\"1970-01-01T00:00:00.005Z\")");
	or_buf_done(&b);
	pol_entities_free(es);
}

static void conform__checks_requests(void **state)
{
	struct pol_schema *s = parse(FIT);
	struct or_arena *a = or_arena_new(0);
	struct pol_source src = {"c", OR_SLICE_LIT("{\"n\": 1, \"at\": \"2024-01-01\"}"), 0};
	struct pol_request req = {
	    .principal = pol_uid_make(OR_SLICE_LIT("User"), OR_SLICE_LIT("a")),
	    .action = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("read")),
	    .resource = pol_uid_make(OR_SLICE_LIT("Group"), OR_SLICE_LIT("g"))};
	const struct or_json *j = NULL;
	struct or_err err;

	(void)state;
	ASSERT_CODE(pol_json_parse(&j, &src, a, NULL), OR_OK);
	ASSERT_CODE(
	    pol_entities_json_context(&req.context, a, &src, j, s, &req.action, NULL), OR_OK);
	assert_int_equal(pol_value_field(req.context, OR_SLICE_LIT("at"))->kind, POL_DATETIME);
	ASSERT_OK(pol_conform_request(s, &req, &err), &err);
	req.context = NULL;
	ASSERT_CODE(pol_conform_request(s, &req, &err), OR_INVAL);
	assert_string_equal(err.msg, "context: the attribute `n` is missing");
	req.resource = req.principal;
	ASSERT_CODE(pol_conform_request(s, &req, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "does not apply to the resource User::\"a\"");
	req.action = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("none"));
	ASSERT_CODE(pol_conform_request(s, &req, &err), OR_INVAL);
	pol_schema_free(s);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text__resolves_names_and_types),
	    cmocka_unit_test(text__closes_groups),
	    cmocka_unit_test(text__says_what_is_wrong),
	    cmocka_unit_test(text__goes_on_behind_an_error),
	    cmocka_unit_test(json__means_the_same),
	    cmocka_unit_test(json__says_what_is_wrong),
	    cmocka_unit_test(conform__checks_entities),
	    cmocka_unit_test(entities__are_read_without_a_schema),
	    cmocka_unit_test(conform__checks_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
