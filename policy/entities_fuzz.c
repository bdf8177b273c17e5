/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/entities_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char SCHEMA[] =
    "entity Group in [Group]; entity Color enum [\"red\"];"
    "entity User in [Group] = {\"name\": String, \"age\"?: Long, \"ip\"?: ipaddr,"
    "  \"score\"?: decimal, \"at\"?: datetime, \"ttl\"?: duration, \"friends\"?: Set<User>,"
    "  \"color\"?: Color, \"more\"?: {\"deep\"?: {\"x\"?: Bool}}} tags Set<String>;"
    "action all; action read in [all] appliesTo {principal: User, resource: Group};";

/* Reads the input as entities, with and without a schema. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pol_schema *s = NULL;
	struct pol_entities *es = NULL;
	struct or_err err;

	OR_ASSERT(pol_schema_parse_text(&s, "s", or_slice_str(SCHEMA), NULL, &err) == OR_OK);
	for (int with = 0; with < 2; with++) {
		if (pol_entities_json_parse(
			&es, "f", or_slice(data, size), with ? s : NULL, NULL, &err))
			continue;
		for (size_t i = 0; i < pol_entities_count(es); i++) {
			const struct pol_entity *e = pol_entities_at(es, i);

			OR_ASSERT(pol_entities_find(es, &e->uid) == e);
			OR_ASSERT(!pol_entities_has_ancestor(e, &e->uid));
		}
		pol_entities_free(es);
		es = NULL;
	}
	pol_schema_free(s);
	return 0;
}
