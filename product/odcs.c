/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables follow the schema's $defs in order. What it writes as if/then is a `more` function:
 * server_more by `type`, column_more by `logicalType`, quality_more by `type` and `metric`.
 */
#include "product/odcs.h"

#include "base/str.h"
#include "product/odcs_server.h"
#include "product/rule.h"

static bool is_word_byte(uint8_t c, bool digits)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	       (digits && c >= '0' && c <= '9');
}

/* [A-Za-z_][A-Za-z0-9_]* from *at on; moves *at behind it. */
static bool eat_name(struct or_slice s, size_t *at)
{
	size_t i = *at;

	if (i >= s.n || !is_word_byte(s.p[i], false))
		return false;
	while (i < s.n && is_word_byte(s.p[i], true))
		i++;
	*at = i;
	return true;
}

/* [A-Za-z0-9_-]+ from *at on. */
static bool eat_id(struct or_slice s, size_t *at)
{
	size_t i = *at;

	while (i < s.n && (is_word_byte(s.p[i], true) || s.p[i] == '-'))
		i++;
	if (i == *at)
		return false;
	*at = i;
	return true;
}

static bool is_stable_id(struct or_slice s)
{
	size_t at = 0;

	return eat_id(s, &at) && at == s.n;
}

/* table.column */
static bool is_short_ref(struct or_slice s)
{
	size_t at = 0;

	if (!eat_name(s, &at) || at >= s.n || s.p[at++] != '.')
		return false;
	return eat_name(s, &at) && at == s.n;
}

/* name/id(/name/id)*, with one '/' allowed in front */
static bool is_pointer(struct or_slice s)
{
	size_t at = s.n && s.p[0] == '/';

	for (;;) {
		if (!eat_name(s, &at) || at >= s.n || s.p[at++] != '/' || !eat_id(s, &at))
			return false;
		if (at == s.n)
			return true;
		if (s.p[at++] != '/')
			return false;
	}
}

/* ((https?://)?[A-Za-z0-9._-/]+.yaml#)? before a pointer */
static bool is_full_ref(struct or_slice s)
{
	size_t hash = or_str_find(s, '#', 0);
	struct or_slice file = or_slice(s.p, hash);
	size_t from = or_str_has_prefix(file, "https://")  ? 8
		      : or_str_has_prefix(file, "http://") ? 7
							   : 0;

	if (hash == s.n)
		return is_pointer(s);
	if (file.n < from + 6 || !or_str_has_suffix(file, ".yaml"))
		return false;
	for (size_t i = from; i < file.n; i++) {
		uint8_t c = file.p[i];

		if (!is_word_byte(c, true) && c != '.' && c != '-' && c != '/')
			return false;
	}
	return is_pointer(or_slice_from(s, hash + 1));
}

static bool is_ref(struct or_slice s)
{
	return is_short_ref(s) || is_full_ref(s);
}

static const struct dp_rule stable_id = {
    .types = DP_RULE_STR,
    .matches = is_stable_id,
    .like = "letters, digits, '_' and '-' only",
};

static const struct dp_field custom_property_fields[] = {
    {"id", false, &stable_id},
    {"property", true, &dp_rule_str},
    {"value", true, &dp_rule_any},
    {"description", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(custom_property);
DP_RULE_LIST_OF(custom_properties, custom_property);

static const struct dp_field definition_fields[] = {
    {"id", false, &stable_id},
    {"url", true, &dp_rule_str},
    {"type", true, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(definition);
DP_RULE_LIST_OF(definitions, definition);

static const struct dp_field description_fields[] = {
    {"usage", false, &dp_rule_str},
    {"purpose", false, &dp_rule_str},
    {"limitations", false, &dp_rule_str},
    {"authoritativeDefinitions", false, &definitions},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};
static const struct dp_shape description_shape = {.fields = description_fields, .open = true};
static const struct dp_rule description = {.types = DP_RULE_OBJECT, .shape = &description_shape};

static const struct dp_field role_fields[] = {
    {"id", false, &stable_id},
    {"role", true, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"access", false, &dp_rule_str},
    {"firstLevelApprovers", false, &dp_rule_str},
    {"secondLevelApprovers", false, &dp_rule_str},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(role);
DP_RULE_LIST_OF(roles, role);

static const struct dp_rule server_type = {.types = DP_RULE_STR, .names = dp_odcs_server_types};
static const struct dp_field server_fields[] = {
    {"id", false, &stable_id},
    {"server", true, &dp_rule_str},
    {"type", true, &server_type},
    {"description", false, &dp_rule_str},
    {"environment", false, &dp_rule_str},
    {"roles", false, &roles},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};

static size_t server_more(const struct or_json *o, const struct dp_shape *out[DP_RULE_MORE_MAX])
{
	const struct dp_shape *fields = dp_odcs_server_find(or_json_get_str(o, "type"));

	if (!fields)
		return 0;
	out[0] = fields;
	return 1;
}

static const struct dp_shape server_shape = {.fields = server_fields, .more = server_more};
static const struct dp_rule server = {.types = DP_RULE_OBJECT, .shape = &server_shape};
DP_RULE_LIST_OF(servers, server);

static const struct dp_field support_fields[] = {
    {"id", false, &stable_id},
    {"channel", true, &dp_rule_str},
    {"url", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"tool", false, &dp_rule_str},
    {"scope", false, &dp_rule_str},
    {"invitationUrl", false, &dp_rule_str},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(support);
DP_RULE_LIST_OF(supports, support);

static const struct dp_field pricing_fields[] = {
    {"id", false, &stable_id},
    {"priceAmount", false, &dp_rule_num},
    {"priceCurrency", false, &dp_rule_str},
    {"priceUnit", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(pricing);

static const struct dp_field member_fields[] = {
    {"id", false, &stable_id},
    {"username", true, &dp_rule_str},
    {"name", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"role", false, &dp_rule_str},
    {"dateIn", false, &dp_rule_date},
    {"dateOut", false, &dp_rule_date},
    {"replacedByUsername", false, &dp_rule_str},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(member);
DP_RULE_LIST_OF(members, member);

static const struct dp_field team_fields[] = {
    {"id", false, &stable_id},
    {"name", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"members", false, &members},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
static const struct dp_shape team_shape = {.fields = team_fields};
/* the list is how v3.0 wrote it; it stays valid */
static const struct dp_rule team = {
    .types = DP_RULE_OBJECT | DP_RULE_ARRAY,
    .shape = &team_shape,
    .items = &member,
};

static const struct dp_rule scalar = {
    .types = DP_RULE_STR | DP_RULE_NUM | DP_RULE_BOOL | DP_RULE_NULL};
static const struct dp_field sla_fields[] = {
    {"id", false, &stable_id},
    {"property", true, &dp_rule_str},
    {"value", true, &scalar},
    {"valueExt", false, &scalar},
    {"unit", false, &dp_rule_str},
    {"element", false, &dp_rule_str},
    {"driver", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"scheduler", false, &dp_rule_str},
    {"schedule", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(sla);
DP_RULE_LIST_OF(slas, sla);

#define REF_LIKE "table.column, or [file.yaml#]schema/<id>/properties/<id>"
static const struct dp_rule ref_item = {.types = DP_RULE_STR, .matches = is_ref, .like = REF_LIKE};
static const struct dp_rule ref = {
    .types = DP_RULE_STR | DP_RULE_ARRAY,
    .matches = is_ref,
    .like = REF_LIKE,
    .items = &ref_item,
    .min_items = 1,
};
static const char *const relationship_types[] = {"foreignKey", NULL};
static const struct dp_rule relationship_type = {.types = DP_RULE_STR, .names = relationship_types};

static void check_table_relationship(struct dp_rule_run *run, const struct or_json *o)
{
	const struct or_json *from = or_json_get(o, "from"), *to = or_json_get(o, "to");

	if (from && to && from->type != to->type)
		dp_rule_error(run, to, "to", "from and to must both be one column or both a list");
}

static const struct dp_field table_relationship_fields[] = {
    {"type", false, &relationship_type},
    {"from", true, &ref},
    {"to", true, &ref},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};
static const struct dp_shape table_relationship_shape = {
    .fields = table_relationship_fields, .check = check_table_relationship};
static const struct dp_rule table_relationship = {
    .types = DP_RULE_OBJECT, .shape = &table_relationship_shape};
DP_RULE_LIST_OF(table_relationships, table_relationship);

/* a column's relationship starts at the column, so it has no `from` */
static const struct dp_field column_relationship_fields[] = {
    {"type", false, &relationship_type},
    {"to", true, &ref},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(column_relationship);
DP_RULE_LIST_OF(column_relationships, column_relationship);

/* Quality checks: the operators are further fields of library and sql checks, exactly one each. */
static const char *const operators[] = {"mustBe", "mustNotBe", "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween",
    "mustNotBeBetween", NULL};

static void check_operators(struct dp_rule_run *run, const struct or_json *o)
{
	const struct or_json *found = NULL;

	for (size_t i = 0; operators[i]; i++) {
		const struct or_json *v = or_json_get(o, operators[i]);

		if (v && found)
			dp_rule_error(run, v, operators[i], "a check has one operator only");
		found = v ? v : found;
	}
	if (!found)
		dp_rule_error(run, o, NULL, "an operator is required: mustBe, mustBeLessThan...");
}

static const struct dp_rule range = {
    .types = DP_RULE_ARRAY, .items = &dp_rule_num, .min_items = 2, .max_items = 2, .unique = true};
static const struct dp_field operator_fields[] = {
    {"mustBe", false, &dp_rule_any},
    {"mustNotBe", false, &dp_rule_any},
    {"mustBeGreaterThan", false, &dp_rule_num},
    {"mustBeGreaterOrEqualTo", false, &dp_rule_num},
    {"mustBeLessThan", false, &dp_rule_num},
    {"mustBeLessOrEqualTo", false, &dp_rule_num},
    {"mustBeBetween", false, &range},
    {"mustNotBeBetween", false, &range},
    {NULL, false, NULL},
};
static const struct dp_shape operator_shape = {.fields = operator_fields, .check = check_operators};

static const char *const metrics[] = {
    "nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount", NULL};
static const struct dp_rule metric = {.types = DP_RULE_STR, .names = metrics};
static const struct dp_field library_fields[] = {
    {"metric", true, &metric},
    {"rule", false, &dp_rule_str},
    {"arguments", false, &dp_rule_object},
    {NULL, false, NULL},
};
static const struct dp_shape library_shape = {.fields = library_fields};
static const struct dp_field sql_fields[] = {
    {"query", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_shape sql_shape = {.fields = sql_fields};
static const struct dp_rule implementation = {.types = DP_RULE_STR | DP_RULE_OBJECT};
static const struct dp_field custom_fields[] = {
    {"engine", true, &dp_rule_str},
    {"implementation", true, &implementation},
    {NULL, false, NULL},
};
static const struct dp_shape custom_shape = {.fields = custom_fields};

static size_t quality_more(const struct or_json *o, const struct dp_shape *out[DP_RULE_MORE_MAX])
{
	struct or_slice type = or_json_get_str(o, "type");
	bool library = or_slice_is(type, "library") || or_json_get_type(o, "metric", OR_JSON_STR);
	bool sql = or_slice_is(type, "sql");
	size_t n = 0;

	if (library)
		out[n++] = &library_shape;
	if (sql)
		out[n++] = &sql_shape;
	if (library || sql)
		out[n++] = &operator_shape;
	if (or_slice_is(type, "custom"))
		out[n++] = &custom_shape;
	return n;
}

static const char *const dimensions[] = {"accuracy", "completeness", "conformity", "consistency",
    "coverage", "timeliness", "uniqueness", NULL};
static const struct dp_rule dimension = {.types = DP_RULE_STR, .names = dimensions};
static const char *const quality_types[] = {"text", "library", "sql", "custom", NULL};
static const struct dp_rule quality_type = {.types = DP_RULE_STR, .names = quality_types};
static const struct dp_field quality_fields[] = {
    {"id", false, &stable_id},
    {"authoritativeDefinitions", false, &definitions},
    {"businessImpact", false, &dp_rule_str},
    {"customProperties", false, &custom_properties},
    {"description", false, &dp_rule_str},
    {"dimension", false, &dimension},
    {"method", false, &dp_rule_str},
    {"name", false, &dp_rule_str},
    {"schedule", false, &dp_rule_str},
    {"scheduler", false, &dp_rule_str},
    {"severity", false, &dp_rule_str},
    {"tags", false, &dp_rule_str_list},
    {"type", false, &quality_type},
    {"unit", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_shape quality_shape = {.fields = quality_fields, .more = quality_more};
static const struct dp_rule quality = {.types = DP_RULE_OBJECT, .shape = &quality_shape};
DP_RULE_LIST_OF(qualities, quality);

/* Columns. The options allowed depend on logicalType; where that is not said none are. */
static const struct dp_rule count = {.types = DP_RULE_INT, .at_least_0 = true};
static const struct dp_rule positive = {.types = DP_RULE_NUM, .above_0 = true};
static const char *const integer_formats[] = {
    "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", NULL};
static const struct dp_rule integer_format = {.types = DP_RULE_STR, .names = integer_formats};
static const char *const number_formats[] = {"f32", "f64", NULL};
static const struct dp_rule number_format = {.types = DP_RULE_STR, .names = number_formats};
static const struct dp_rule unique_names = {
    .types = DP_RULE_ARRAY, .items = &dp_rule_str, .min_items = 1, .unique = true};
static const struct dp_rule any_list = {.types = DP_RULE_ARRAY};
static const struct dp_rule columns;
static const struct dp_rule item;
static const struct dp_field string_option_fields[] = {
    {"minLength", false, &count},
    {"maxLength", false, &count},
    {"pattern", false, &dp_rule_str},
    {"format", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(string_option);
static const struct dp_field string_type_fields[] = {
    {"logicalTypeOptions", false, &string_option},
    {NULL, false, NULL},
};

static const struct dp_field date_option_fields[] = {
    {"format", false, &dp_rule_str},
    {"maximum", false, &dp_rule_str},
    {"exclusiveMaximum", false, &dp_rule_str},
    {"minimum", false, &dp_rule_str},
    {"exclusiveMinimum", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(date_option);
static const struct dp_field date_type_fields[] = {
    {"logicalTypeOptions", false, &date_option},
    {NULL, false, NULL},
};

static const struct dp_field time_option_fields[] = {
    {"format", false, &dp_rule_str},
    {"maximum", false, &dp_rule_str},
    {"exclusiveMaximum", false, &dp_rule_str},
    {"minimum", false, &dp_rule_str},
    {"exclusiveMinimum", false, &dp_rule_str},
    {"timezone", false, &dp_rule_bool},
    {"defaultTimezone", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(time_option);
static const struct dp_field time_type_fields[] = {
    {"logicalTypeOptions", false, &time_option},
    {NULL, false, NULL},
};

static const struct dp_field integer_option_fields[] = {
    {"multipleOf", false, &positive},
    {"maximum", false, &dp_rule_num},
    {"exclusiveMaximum", false, &dp_rule_num},
    {"minimum", false, &dp_rule_num},
    {"exclusiveMinimum", false, &dp_rule_num},
    {"format", false, &integer_format},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(integer_option);
static const struct dp_field integer_type_fields[] = {
    {"logicalTypeOptions", false, &integer_option},
    {NULL, false, NULL},
};

static const struct dp_field number_option_fields[] = {
    {"multipleOf", false, &positive},
    {"maximum", false, &dp_rule_num},
    {"exclusiveMaximum", false, &dp_rule_num},
    {"minimum", false, &dp_rule_num},
    {"exclusiveMinimum", false, &dp_rule_num},
    {"format", false, &number_format},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(number_option);
static const struct dp_field number_type_fields[] = {
    {"logicalTypeOptions", false, &number_option},
    {NULL, false, NULL},
};

static const struct dp_field object_option_fields[] = {
    {"maxProperties", false, &count},
    {"minProperties", false, &count},
    {"required", false, &unique_names},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(object_option);
static const struct dp_field object_type_fields[] = {
    {"logicalTypeOptions", false, &object_option},
    {"properties", false, &columns},
    {NULL, false, NULL},
};

static const struct dp_field array_option_fields[] = {
    {"maxItems", false, &count},
    {"minItems", false, &count},
    {"uniqueItems", false, &dp_rule_bool},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(array_option);
static const struct dp_field array_type_fields[] = {
    {"logicalTypeOptions", false, &array_option},
    {"items", false, &item},
    {NULL, false, NULL},
};

static const struct dp_shape untyped_option_shape = {
    .if_empty = "not allowed here, as logicalType is not given"};
static const struct dp_rule untyped_option = {
    .types = DP_RULE_OBJECT, .shape = &untyped_option_shape};
static const struct dp_field untyped_type_fields[] = {
    {"logicalTypeOptions", false, &untyped_option},
    {"properties", false, &columns},
    {"items", false, &item},
    {NULL, false, NULL},
};

static const char *const logical_types[] = {
    "string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean", NULL};
static const struct dp_rule logical_type = {.types = DP_RULE_STR, .names = logical_types};
/* in the order of the names */
static const struct dp_shape type_shapes[] = {
    {.fields = string_type_fields}, {.fields = date_type_fields},
    {.fields = time_type_fields}, /* timestamp */
    {.fields = time_type_fields}, {.fields = number_type_fields}, {.fields = integer_type_fields},
    {.fields = object_type_fields}, {.fields = array_type_fields},
    {.fields = NULL}, /* boolean: any options */
};
_Static_assert(OR_LEN(type_shapes) + 1 == OR_LEN(logical_types), "one shape per type");
static const struct dp_shape untyped_shape = {.fields = untyped_type_fields};

static size_t column_more(const struct or_json *o, const struct dp_shape *out[DP_RULE_MORE_MAX])
{
	struct or_slice type = or_json_get_str(o, "logicalType");

	if (!or_json_get(o, "logicalType")) {
		out[0] = &untyped_shape;
		return 1;
	}
	for (size_t i = 0; logical_types[i]; i++) {
		if (!or_slice_is(type, logical_types[i]))
			continue;
		out[0] = &type_shapes[i];
		return 1;
	}
	return 0;
}

/* a member of `items` needs no name */
static const struct dp_field item_fields[] = {
    {"id", false, &stable_id},
    {"name", false, &dp_rule_str},
    {"physicalType", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"businessName", false, &dp_rule_str},
    {"authoritativeDefinitions", false, &definitions},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"primaryKey", false, &dp_rule_bool},
    {"primaryKeyPosition", false, &dp_rule_int},
    {"logicalType", false, &logical_type},
    {"logicalTypeOptions", false, &dp_rule_object},
    {"physicalName", false, &dp_rule_str},
    {"required", false, &dp_rule_bool},
    {"unique", false, &dp_rule_bool},
    {"partitioned", false, &dp_rule_bool},
    {"partitionKeyPosition", false, &dp_rule_int},
    {"classification", false, &dp_rule_str},
    {"encryptedName", false, &dp_rule_str},
    {"transformSourceObjects", false, &dp_rule_str_list},
    {"transformLogic", false, &dp_rule_str},
    {"transformDescription", false, &dp_rule_str},
    {"criticalDataElement", false, &dp_rule_bool},
    {"examples", false, &any_list},
    {"relationships", false, &column_relationships},
    {"quality", false, &qualities},
    {NULL, false, NULL},
};
static const struct dp_shape item_shape = {.fields = item_fields, .more = column_more};
static const struct dp_rule item = {.types = DP_RULE_OBJECT, .shape = &item_shape};
static const struct dp_field named_fields[] = {
    {"name", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_shape named_shape = {.fields = named_fields};

static size_t named_column_more(
    const struct or_json *o, const struct dp_shape *out[DP_RULE_MORE_MAX])
{
	size_t n = column_more(o, out);

	out[n++] = &named_shape;
	return n;
}

static const struct dp_shape column_shape = {.fields = item_fields, .more = named_column_more};
static const struct dp_rule column = {.types = DP_RULE_OBJECT, .shape = &column_shape};
static const struct dp_rule columns = {.types = DP_RULE_ARRAY, .items = &column};

static const char *const table_types[] = {"object", NULL};
static const struct dp_rule table_type = {.types = DP_RULE_STR, .names = table_types};
static const struct dp_field table_fields[] = {
    {"id", false, &stable_id},
    {"name", true, &dp_rule_str},
    {"physicalType", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"businessName", false, &dp_rule_str},
    {"authoritativeDefinitions", false, &definitions},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"logicalType", false, &table_type},
    {"physicalName", false, &dp_rule_str},
    {"dataGranularityDescription", false, &dp_rule_str},
    {"properties", false, &columns},
    {"relationships", false, &table_relationships},
    {"quality", false, &qualities},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(table);
DP_RULE_LIST_OF(tables, table);

static const char *const kinds[] = {"DataContract", NULL};
static const struct dp_rule kind = {.types = DP_RULE_STR, .names = kinds};
static const char *const api_versions[] = {
    "v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0", "v2.2.2", "v2.2.1", "v2.2.0", NULL};
static const struct dp_rule api_version = {.types = DP_RULE_STR, .names = api_versions};
static const struct dp_field contract_fields[] = {
    {"version", true, &dp_rule_str},
    {"kind", true, &kind},
    {"apiVersion", true, &api_version},
    {"id", true, &dp_rule_str},
    {"name", false, &dp_rule_str},
    {"tenant", false, &dp_rule_str},
    {"tags", false, &dp_rule_str_list},
    {"status", true, &dp_rule_str},
    {"servers", false, &servers},
    {"dataProduct", false, &dp_rule_str},
    {"description", false, &description},
    {"domain", false, &dp_rule_str},
    {"schema", false, &tables},
    {"support", false, &supports},
    {"price", false, &pricing},
    {"team", false, &team},
    {"roles", false, &roles},
    {"slaDefaultElement", false, &dp_rule_str},
    {"slaProperties", false, &slas},
    {"authoritativeDefinitions", false, &definitions},
    {"customProperties", false, &custom_properties},
    {"contractCreatedTs", false, &dp_rule_date_time},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(contract);

void dp_odcs_validate(const struct or_json *tree, struct dp_diags *diags)
{
	dp_rule_validate(&contract, tree, diags);
}
