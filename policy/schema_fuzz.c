/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the input as a schema in both forms and walks what comes out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pol_schema *s = NULL;
	enum or_code rc;

	for (int json = 0; json < 2; json++) {
		rc = json ? pol_schema_parse_json(&s, "f", or_slice(data, size), NULL, NULL)
			  : pol_schema_parse_text(&s, "f", or_slice(data, size), NULL, NULL);
		if (rc)
			continue;
		for (size_t i = 0; i < pol_schema_entity_count(s); i++) {
			const struct pol_entity_type *t = pol_schema_entity_at(s, i);

			OR_ASSERT(pol_schema_entity_find(s, t->name) == t);
		}
		for (size_t i = 0; i < pol_schema_action_count(s); i++) {
			const struct pol_action *a = pol_schema_action_at(s, i);

			OR_ASSERT(pol_schema_action_find(s, &a->uid) == a || a->uid.id.n > 2048 ||
				  a->uid.type.n > 2048);
		}
		pol_schema_free(s);
		s = NULL;
	}
	return 0;
}
