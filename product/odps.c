/* SPDX-License-Identifier: Apache-2.0 */
#include "product/odps.h"

#include "product/rule.h"

static const struct dp_field custom_property_fields[] = {
    {"property", true, &dp_rule_str},
    {"value", true, &dp_rule_any},
    {"description", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(custom_property);
DP_RULE_LIST_OF(custom_properties, custom_property);

static const struct dp_field definition_fields[] = {
    {"type", true, &dp_rule_str},
    {"url", true, &dp_rule_uri},
    {"description", false, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(definition);
DP_RULE_LIST_OF(definitions, definition);

static const struct dp_field description_fields[] = {
    {"purpose", false, &dp_rule_str},
    {"limitations", false, &dp_rule_str},
    {"usage", false, &dp_rule_str},
    {"authoritativeDefinitions", false, &definitions},
    {"customProperties", false, &custom_properties},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(description);

static const struct dp_field input_port_fields[] = {
    {"name", true, &dp_rule_str},
    {"version", true, &dp_rule_str},
    {"contractId", true, &dp_rule_str},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(input_port);
DP_RULE_LIST_OF(input_ports, input_port);

static const struct dp_field sbom_fields[] = {
    {"type", false, &dp_rule_str},
    {"url", true, &dp_rule_uri},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(sbom);
DP_RULE_LIST_OF(sboms, sbom);

static const struct dp_field input_contract_fields[] = {
    {"id", true, &dp_rule_str},
    {"version", true, &dp_rule_str},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(input_contract);
DP_RULE_LIST_OF(input_contracts, input_contract);

static const struct dp_field output_port_fields[] = {
    {"name", true, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"type", false, &dp_rule_str},
    {"version", true, &dp_rule_str},
    {"contractId", false, &dp_rule_str},
    {"sbom", false, &sboms},
    {"inputContracts", false, &input_contracts},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(output_port);
DP_RULE_LIST_OF(output_ports, output_port);

static const struct dp_field management_port_fields[] = {
    {"name", true, &dp_rule_str},
    {"content", true, &dp_rule_str},
    {"type", false, &dp_rule_str},
    {"url", false, &dp_rule_uri},
    {"channel", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(management_port);
DP_RULE_LIST_OF(management_ports, management_port);

static const struct dp_field support_fields[] = {
    {"channel", true, &dp_rule_str},
    {"url", true, &dp_rule_uri},
    {"description", false, &dp_rule_str},
    {"tool", false, &dp_rule_str},
    {"scope", false, &dp_rule_str},
    {"invitationUrl", false, &dp_rule_uri},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(support);
DP_RULE_LIST_OF(supports, support);

static const struct dp_field member_fields[] = {
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
    {"name", false, &dp_rule_str},
    {"description", false, &dp_rule_str},
    {"members", false, &members},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(team);

static const char *const api_versions[] = {"v0.9.0", "v1.0.0", NULL};
static const struct dp_rule api_version = {.types = DP_RULE_STR, .names = api_versions};
static const char *const kinds[] = {"DataProduct", NULL};
static const struct dp_rule kind = {.types = DP_RULE_STR, .names = kinds};

static const struct dp_field product_fields[] = {
    {"apiVersion", true, &api_version},
    {"kind", true, &kind},
    {"id", true, &dp_rule_str},
    {"name", false, &dp_rule_str},
    {"version", false, &dp_rule_str},
    {"status", true, &dp_rule_str},
    {"domain", false, &dp_rule_str},
    {"tenant", false, &dp_rule_str},
    {"description", false, &description},
    {"inputPorts", false, &input_ports},
    {"outputPorts", false, &output_ports},
    {"managementPorts", false, &management_ports},
    {"support", false, &supports},
    {"team", false, &team},
    {"productCreatedTs", false, &dp_rule_date_time},
    {"tags", false, &dp_rule_str_list},
    {"customProperties", false, &custom_properties},
    {"authoritativeDefinitions", false, &definitions},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(product);

void dp_odps_validate(const struct or_json *tree, struct dp_diags *diags)
{
	dp_rule_validate(&product, tree, diags);
}
