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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy__must_name_what_is_declared),
	    cmocka_unit_test(policy__must_not_err),
	    cmocka_unit_test(policy__is_not_blamed_for_what_cannot_happen),
	    cmocka_unit_test(strict__demands_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
