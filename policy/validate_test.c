/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate.h"

#include "tests/support/support.h"

static const char SCHEMA[] =
    "entity User in [Group] = {name: String, age?: Long, boss?: User, r?: {x?: Long}} tags String;"
    "entity Group in [Group] = {level: Long}; entity Doc in [Group] = {owner: User, tags: "
    "Set<String>};"
    "entity Color enum [\"red\"]; action any;"
    "action read, write in any appliesTo {principal: User, resource: [Doc, Group],"
    "  context: {ip: ipaddr, when: datetime, n?: Long}};"
    "action admin appliesTo {principal: Group, resource: Doc};";

struct row {
	const char *policy;
	const char *strict; /* part of the message; NULL: valid */
	const char *permissive;
};

static void check(const struct pol_schema *s, const struct row *row)
{
	struct pol_set *set = NULL;
	struct or_err err;

	ASSERT_OK(pol_set_parse(&set, POL_IDS_NUMBERED, "p", or_slice_str(row->policy), NULL, &err),
	    &err);
	for (int mode = 0; mode < 2; mode++) {
		const char *expected = mode == 0 ? row->strict : row->permissive;
		enum or_code rc = pol_validate_set(
		    set, s, mode == 0 ? POL_VALIDATE_STRICT : POL_VALIDATE_PERMISSIVE, NULL, &err);

		if ((rc == OR_OK) != (expected == NULL))
			fail_msg("%s: %s", row->policy, rc ? err.msg : "is valid");
		if (expected)
			ASSERT_HAS(err.msg, expected);
	}
	pol_set_free(set);
}

static void check_all(const struct row *rows, size_t n)
{
	struct pol_schema *s = NULL;
	struct or_err err;

	ASSERT_OK(pol_schema_parse_text(&s, "s", or_slice_str(SCHEMA), NULL, &err), &err);
	for (size_t i = 0; i < n; i++)
		check(s, &rows[i]);
	pol_schema_free(s);
}

#define WHEN(expr)                                                                                 \
	"permit(principal is User,action == Action::\"read\",resource is Doc) when { " expr " };"

static void policy__must_name_what_is_declared(void **state)
{
	static const struct row rows[] = {
	    {"permit(principal,action,resource);", NULL, NULL},
	    {"permit(principal == Nope::\"a\",action,resource);", "unknown entity type `Nope`",
		"unknown entity type `Nope`"},
	    {"permit(principal,action == Action::\"nope\",resource);", "unknown action `nope`",
		"unknown action `nope`"},
	    {WHEN("principal is Nope"), "unknown entity type `Nope`", "unknown entity type `Nope`"},
	    {WHEN("Color::\"blue\" == Color::\"red\""), "is not one of the enumeration",
		"is not one of the enumeration"},
	    {"permit(principal is Doc,action,resource);", "no action of the schema applies",
		"no action of the schema applies"},
	    {"permit(principal is User,action == Action::\"admin\",resource);",
		"no action of the schema", "no action of the schema"},
	    {"permit(principal,action in Action::\"any\",resource is Doc in Group::\"g\");", NULL,
		NULL},
	    {"permit(principal in ?principal,action,resource == ?resource);", NULL, NULL},
	};

	(void)state;
	check_all(rows, OR_LEN(rows));
}

static void policy__must_not_err(void **state)
{
	static const struct row rows[] = {
	    {WHEN("principal.name == \"a\""), NULL, NULL},
	    {WHEN("principal.nope == 1"), "p:1:75: error: User has no attribute `nope`",
		"User has no attribute `nope`"},
	    {WHEN("principal.age > 1"), "the attribute `age` may be absent",
		"the attribute `age` may be absent"},
	    {WHEN("principal has age && principal.age > 1"), NULL, NULL},
	    {WHEN("principal has r.x && principal.r.x > 1"), NULL, NULL},
	    {WHEN("principal has age || principal.age > 1"), "may be absent", "may be absent"},
	    {WHEN("if principal has age then principal.age > 1 else false"), NULL, NULL},
	    {WHEN("!(principal has age) || principal.age > 1"), "may be absent", "may be absent"},
	    {WHEN("principal has boss && principal.boss has age && principal.boss.age > 1"), NULL,
		NULL},
	    {WHEN("principal.hasTag(\"a\") && principal.getTag(\"a\") == \"b\""), NULL, NULL},
	    {WHEN("principal.getTag(\"a\") == \"b\""), "the tag may be absent",
		"the tag may be absent"},
	    {WHEN("principal.hasTag(\"a\") && principal.getTag(\"b\") == \"b\""),
		"the tag may be absent", "the tag may be absent"},
	    {WHEN("resource.hasTag(\"a\") && resource.getTag(\"a\") == 1"), NULL, NULL},
	    {WHEN("principal.name + 1 == 2"), "expected Long, found String",
		"expected Long, found String"},
	    {WHEN("principal.name"), "expected Bool, found String", "expected Bool, found String"},
	    {WHEN("resource.tags.contains(\"a\")"), NULL, NULL},
	    {WHEN("principal.contains(1)"), "expected a set, found User",
		"expected a set, found User"},
	    {WHEN("context.ip.isLoopback() && context.when < datetime(\"2024-01-01\")"), NULL,
		NULL},
	    {WHEN("context.when < 1"), "are not compatible", "are not compatible"},
	    {WHEN("ip(\"x\").isIpv4()"), "this is not a valid ipaddr",
		"this is not a valid ipaddr"},
	    {WHEN("ip().isIpv4()"), "ip takes 1 argument, not 0", "ip takes 1 argument, not 0"},
	    {WHEN("principal in 1"), "expected entity or a set of them, found Long",
		"expected entity or a set of them, found Long"},
	};

	(void)state;
	check_all(rows, OR_LEN(rows));
}

static void policy__is_not_blamed_for_what_cannot_happen(void **state)
{
	static const struct row rows[] = {
	    /* Only where the resource is a Doc is the attribute asked for. */
	    {"permit(principal,action == Action::\"read\",resource) when {"
	     " resource is Doc && resource.owner == principal };",
		NULL, NULL},
	    {"permit(principal,action == Action::\"read\",resource) when { resource.owner == "
	     "principal };",
		"Group has no attribute `owner`", "Group has no attribute `owner`"},
	    {WHEN("false && principal.nope"), NULL, NULL},
	    {WHEN("if principal is Group then principal.level > 1 else true"), NULL, NULL},
	    {WHEN("action in Action::\"any\" || principal.nope"), NULL, NULL},
	    {WHEN("principal in Doc::\"d\" && principal.nope"), NULL, NULL},
	};

	(void)state;
	check_all(rows, OR_LEN(rows));
}

static void strict__demands_more(void **state)
{
	static const struct row rows[] = {
	    {WHEN("1 == \"a\" || principal.name == 1"),
		"the types String and Long are not compatible", NULL},
	    {WHEN("[1, \"a\"].contains(1)"), "the types Long and String are not compatible",
		"the types Long and String are not compatible"},
	    {WHEN("[principal, resource].contains(principal)"), "are not compatible", NULL},
	    {WHEN("[].contains(1)"), "the type of an empty set is not known", NULL},
	    {WHEN("[1].contains(\"a\")"), "are not compatible", NULL},
	    {WHEN("(if context.n == 1 then principal else resource) == principal"), "may be absent",
		"may be absent"},
	    {WHEN("(if context.ip.isIpv4() then principal else resource) == principal"),
		"the types User and Doc are not compatible", NULL},
	    {WHEN("ip(principal.name).isIpv4()"), "ip needs a literal", NULL},
	    {WHEN("{a:1} == {b:1}"), "are not compatible", NULL},
	};

	(void)state;
	check_all(rows, OR_LEN(rows));
}

/* The fewest steps that a policy is valid with; none: it steps from a literal. */
static void levels__count_steps_between_entities(void **state)
{
	static const struct {
		const char *policy;
		int level; /* -1: none */
	} rows[] = {
	    {"permit(principal,action,resource);", 0},
	    {WHEN("principal == User::\"a\" && context.ip.isIpv4()"), 0},
	    {WHEN("{a: principal}.a == resource && context has n"), 0},
	    {"permit(principal in Group::\"g\",action,resource);", 1},
	    {"permit(principal in ?principal,action,resource);", 1},
	    {WHEN("principal.name == \"a\""), 1},
	    {WHEN("principal has age"), 1},
	    {WHEN("principal.hasTag(\"a\") && principal.getTag(\"a\") == \"b\""), 1},
	    {WHEN("[principal].contains(resource.owner)"), 1},
	    {WHEN("{a: {b: principal}, c: 1}.a.b.name == \"a\""), 1},
	    {WHEN("resource.owner.name == \"a\""), 2},
	    {WHEN("resource.owner has age"), 2},
	    {WHEN("principal has boss.age"), 2},
	    {WHEN("principal has r.x"), 1},
	    {WHEN("principal is User in resource.owner"), 1},
	    {WHEN("resource.owner is User in principal"), 2},
	    {WHEN("(if context has n then principal else resource.owner).name == \"a\""), 2},
	    {WHEN("principal has boss.boss && principal.boss.boss has boss.age"), 4},
	    {WHEN("principal is Group && resource.owner.name == \"a\""), 0},
	    {WHEN("User::\"a\".name == \"a\""), -1},
	    {WHEN("User::\"a\" in principal"), -1},
	};
	struct pol_schema *s = NULL;

	(void)state;
	ASSERT_CODE(pol_schema_parse_text(&s, "s", or_slice_str(SCHEMA), NULL, NULL), OR_OK);
	for (size_t i = 0; i < OR_LEN(rows); i++) {
		struct pol_set *set = NULL;

		ASSERT_CODE(pol_set_parse(&set, POL_IDS_NUMBERED, "p", or_slice_str(rows[i].policy),
				NULL, NULL),
		    OR_OK);
		for (int level = 0; level < 6; level++) {
			struct or_err err = {.msg = "valid"};
			enum or_code rc = pol_validate_level(pol_set_at(set, 0), s,
			    POL_VALIDATE_STRICT, (unsigned int)level, NULL, &err);

			if ((rc == OR_OK) != (rows[i].level >= 0 && level >= rows[i].level))
				fail_msg("%s at level %d: %s", rows[i].policy, level, err.msg);
			if (rc)
				ASSERT_HAS(err.msg, "[entity_deref_level_violation]\n");
		}
		pol_set_free(set);
	}
	pol_schema_free(s);
}

/* What is said of a policy, errors and warnings. */
static void check_findings(
    const struct pol_schema *s, const char *policy, const enum pol_finding *expected, size_t n)
{
	struct pol_set *set = NULL;
	struct pol_diags d;
	enum or_code rc;

	pol_diag_init(&d);
	ASSERT_CODE(
	    pol_set_parse(&set, POL_IDS_NUMBERED, "p", or_slice_str(policy), NULL, NULL), OR_OK);
	rc = pol_validate_set(set, s, POL_VALIDATE_STRICT, &d, NULL);
	assert_int_equal(rc == OR_OK, d.errors == 0);
	for (size_t i = 0; i < n && expected[i]; i++) {
		if (i >= d.n || d.items[i].finding != expected[i])
			fail_msg("%s: %s is not said, but %s", policy,
			    pol_finding_name(expected[i]), i < d.n ? d.items[i].msg : "nothing");
		assert_true(d.items[i].warning == (expected[i] >= POL_FINDING_WARNINGS));
	}
	if (!expected[0])
		assert_int_equal(d.n, 0);
	pol_diag_done(&d);
	pol_set_free(set);
}

static void findings__have_cedars_classes(void **state)
{
	static const struct {
		const char *policy;
		enum pol_finding findings[3];
	} rows[] = {
	    {WHEN("principal is Nope || principal.nope"),
		{POL_FINDING_UNRECOGNIZED_ENTITY_TYPE, POL_FINDING_UNSAFE_ATTRIBUTE_ACCESS}},
	    {"permit(principal,action in [Action::\"x\", Action::\"read\"],resource);",
		{POL_FINDING_UNRECOGNIZED_ACTION_ID, POL_FINDING_INVALID_ACTION_APPLICATION}},
	    {WHEN("Color::\"blue\" == Color::\"red\""), {POL_FINDING_INVALID_ENUM_ENTITY}},
	    {WHEN("principal.age + principal.name == 1"),
		{POL_FINDING_UNSAFE_OPTIONAL_ATTRIBUTE_ACCESS, POL_FINDING_UNEXPECTED_TYPE}},
	    {WHEN("1 == \"a\" || principal.getTag(\"a\") == \"a\""),
		{POL_FINDING_UNSAFE_TAG_ACCESS}},
	    {WHEN("[1] == [\"a\"] || [] == [1]"),
		{POL_FINDING_INCOMPATIBLE_TYPES, POL_FINDING_EMPTY_SET_FORBIDDEN}},
	    {WHEN("ip(\"x\", \"y\") == ip(\"x\") && ip(principal.name) == context.ip"),
		{POL_FINDING_WRONG_NUMBER_ARGUMENTS, POL_FINDING_FUNCTION_ARGUMENT_VALIDATION,
		    POL_FINDING_NON_LIT_EXT_CONSTRUCTOR}},
	    {WHEN("principal in Doc::\"d\""), {POL_FINDING_IMPOSSIBLE_POLICY}},
	    {WHEN("principal.name == \"say_\xD2\xBB"
		  "ello\" && principal in Group::\"say_\xD2\xBB"
		  "ello\""),
		{POL_FINDING_MIXED_SCRIPT_STRING, POL_FINDING_MIXED_SCRIPT_IDENTIFIER}},
	    {WHEN("principal.name like \"*\\u{202E}x\" && principal != User::\"\\u{2066}\""),
		{POL_FINDING_BIDI_CHARS_STRING, POL_FINDING_BIDI_CHARS_IDENTIFIER}},
	    {WHEN("principal.name == \"日本語カタカナ ひらがな!\" || principal.name == \"한국 "
		  "漢字\""),
		{POL_FINDING_NONE}},
	    {WHEN("{\"is\\u{200B}Admin\": 1} == {\"is\\u{200B}Admin\": 2}"),
		{POL_FINDING_CONFUSABLE_IDENTIFIER, POL_FINDING_CONFUSABLE_IDENTIFIER}},
	    {WHEN("{\"a\\u{430}\": 1} == {\"a\\u{430}\": 1} && context has ip"),
		{POL_FINDING_MIXED_SCRIPT_IDENTIFIER, POL_FINDING_MIXED_SCRIPT_IDENTIFIER}},
	    {"permit(principal is User,action == Action::\"admin\",resource);",
		{POL_FINDING_INVALID_ACTION_APPLICATION, POL_FINDING_IMPOSSIBLE_POLICY}},
	};
	struct pol_schema *s = NULL;

	(void)state;
	ASSERT_CODE(pol_schema_parse_text(&s, "s", or_slice_str(SCHEMA), NULL, NULL), OR_OK);
	for (size_t i = 0; i < OR_LEN(rows); i++)
		check_findings(s, rows[i].policy, rows[i].findings, 3);
	pol_schema_free(s);
}

/* What a template cannot tell is asked of its links, and nothing twice. */
static void links__answer_for_their_slots(void **state)
{
	struct pol_schema *s = NULL;
	struct pol_set *set = NULL;
	struct pol_uid good = pol_uid_make(OR_SLICE_LIT("Group"), OR_SLICE_LIT("g"));
	struct pol_uid bad = pol_uid_make(OR_SLICE_LIT("Nope"), OR_SLICE_LIT("g"));
	struct or_slice t = OR_SLICE_LIT("policy0");

	(void)state;
	ASSERT_CODE(pol_schema_parse_text(&s, "s", or_slice_str(SCHEMA), NULL, NULL), OR_OK);
	ASSERT_CODE(
	    pol_set_parse(&set, POL_IDS_NUMBERED, "p",
		OR_SLICE_LIT(
		    "permit(principal in ?principal,action,resource) when { principal.nope };"),
		NULL, NULL),
	    OR_OK);
	ASSERT_CODE(pol_set_link(set, t, OR_SLICE_LIT("l"), &good, NULL, NULL), OR_OK);
	ASSERT_CODE(pol_set_link(set, t, OR_SLICE_LIT("m"), &bad, NULL, NULL), OR_OK);
	ASSERT_CODE(
	    pol_validate_policy(pol_set_at(set, 0), s, POL_VALIDATE_STRICT, NULL, NULL), OR_INVAL);
	ASSERT_CODE(
	    pol_validate_policy(pol_set_at(set, 1), s, POL_VALIDATE_STRICT, NULL, NULL), OR_OK);
	ASSERT_CODE(
	    pol_validate_policy(pol_set_at(set, 2), s, POL_VALIDATE_STRICT, NULL, NULL), OR_INVAL);
	pol_set_free(set);
	pol_schema_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy__must_name_what_is_declared),
	    cmocka_unit_test(policy__must_not_err),
	    cmocka_unit_test(policy__is_not_blamed_for_what_cannot_happen),
	    cmocka_unit_test(strict__demands_more),
	    cmocka_unit_test(levels__count_steps_between_entities),
	    cmocka_unit_test(findings__have_cedars_classes),
	    cmocka_unit_test(links__answer_for_their_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
