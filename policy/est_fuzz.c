/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/est.h"
#include "policy/print.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One policy as JSON; false: it is nested too deeply for that. */
static bool to_json(struct or_buf *out, const struct pol_set *set)
{
	or_buf_init(out, 64 << 20);
	return pol_est_write_policy(out, pol_set_at(set, 0), 0, NULL) == OR_OK;
}

/* `has` with a path: in text a path has identifiers alone, so that another one is spelt out with &&
 * and comes back as that. */
static bool has_path(const struct or_buf *json)
{
	return strstr(or_buf_text(json), "\"attr\":[") != NULL;
}

/* The text of what was read is read as the same policies, and is written the same again; it may be
 * nested too deeply for a text, or hold a link, whose text is a policy. */
static void check_text(const struct pol_set *set)
{
	struct pol_set *again = NULL;
	struct or_buf text, second, first, back;

	or_buf_init(&text, 64 << 20);
	or_buf_init(&second, 64 << 20);
	pol_print_set(&text, set, false);
	if (or_buf_ok(&text) && pol_set_parse(&again, POL_IDS_NUMBERED, "f.cedar",
				    or_buf_slice(&text), NULL, NULL) == OR_OK) {
		OR_ASSERT(pol_set_count(again) == pol_set_count(set));
		pol_print_set(&second, again, false);
		OR_ASSERT(or_slice_eq(or_buf_slice(&text), or_buf_slice(&second)));
		if (pol_set_count(set) == 1) {
			bool is_written = to_json(&back, again);

			OR_ASSERT(to_json(&first, set) || !is_written);
			OR_ASSERT(!is_written || has_path(&first) ||
				  or_slice_eq(or_buf_slice(&first), or_buf_slice(&back)));
			or_buf_done(&first);
			or_buf_done(&back);
		}
	}
	pol_set_free(again);
	or_buf_done(&second);
	or_buf_done(&text);
}

/* Any bytes are read or refused with a diagnostic; what is read can be written, and means that. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, 64 << 20);
	struct pol_diags diags;
	struct or_buf json;

	pol_diag_init(&diags);
	or_buf_init(&json, 64 << 20);
	if (pol_est_add(set, "f.json", or_slice(data, size), &diags, NULL) == OR_OK) {
		OR_ASSERT(diags.errors == 0);
		if (pol_est_write_set(&json, set, 0, NULL) == OR_OK) {
			struct pol_set *again = pol_set_new(POL_IDS_NUMBERED, 0);
			struct or_buf twice;

			or_buf_init(&twice, 64 << 20);
			OR_ASSERT(
			    pol_est_add(again, "g.json", or_buf_slice(&json), NULL, NULL) == OR_OK);
			OR_ASSERT(pol_est_write_set(&twice, again, 0, NULL) == OR_OK);
			OR_ASSERT(or_slice_eq(or_buf_slice(&json), or_buf_slice(&twice)));
			or_buf_done(&twice);
			pol_set_free(again);
		}
		check_text(set);
	} else {
		OR_ASSERT(pol_set_count(set) == 0);
	}
	or_buf_done(&json);
	pol_diag_done(&diags);
	pol_set_free(set);
	return 0;
}
