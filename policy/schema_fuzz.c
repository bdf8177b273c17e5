/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_convert.h"
#include "policy/schema_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 64 << 20 };

static void walk(const struct pol_schema *s)
{
	for (size_t i = 0; i < pol_schema_entity_count(s); i++) {
		const struct pol_entity_type *t = pol_schema_entity_at(s, i);

		OR_ASSERT(pol_schema_entity_find(s, t->name) == t);
	}
	for (size_t i = 0; i < pol_schema_action_count(s); i++) {
		const struct pol_action *a = pol_schema_action_at(s, i);

		OR_ASSERT(pol_schema_action_find(s, &a->uid) == a || a->uid.id.n > 2048 ||
			  a->uid.type.n > 2048);
	}
}

/* What was converted into that form reads, and means the same. */
static void check_same(const struct pol_schema *s, const struct or_buf *b, bool json)
{
	struct pol_schema *again = NULL;

	OR_ASSERT(
	    (json ? pol_schema_parse_json(&again, "g", or_buf_slice(b), NULL, NULL)
		  : pol_schema_parse_text(&again, "g", or_buf_slice(b), NULL, NULL)) == OR_OK);
	OR_ASSERT(pol_schema_same(s, again));
	pol_schema_free(again);
}

static void check_conversions(const struct pol_schema *s, struct or_slice text, bool json)
{
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, OUT_MAX);
	if (json) {
		/* Some JSON has no text. */
		rc = pol_schema_convert_to_text(&b, "f", text, NULL, NULL);
		OR_ASSERT(rc == OR_OK || rc == OR_UNSUPPORTED || rc == OR_FULL);
	} else {
		rc = pol_schema_convert_to_json(&b, "f", text, 0, NULL, NULL);
		OR_ASSERT(rc == OR_OK || rc == OR_FULL);
	}
	if (rc == OR_OK)
		check_same(s, &b, !json);
	or_buf_done(&b);
}

/* Reads the input as a schema in both forms, walks what comes out, and converts it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pol_schema *s = NULL;
	enum or_code rc;

	for (int json = 0; json < 2; json++) {
		rc = json ? pol_schema_parse_json(&s, "f", or_slice(data, size), NULL, NULL)
			  : pol_schema_parse_text(&s, "f", or_slice(data, size), NULL, NULL);
		if (rc)
			continue;
		walk(s);
		check_conversions(s, or_slice(data, size), json);
		pol_schema_free(s);
		s = NULL;
	}
	return 0;
}
