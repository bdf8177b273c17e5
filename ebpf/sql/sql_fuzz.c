/* SPDX-License-Identifier: Apache-2.0 */
/* Any text in any dialect: names that lie in the arena, within the limits, and the same ones again.
 * The first two bytes choose dialect and options. */
#include "ebpf/sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tap_sql_names *names)
{
	OR_ASSERT(names->n <= TAP_SQL_TABLES_MAX && names->n <= names->room);
	for (size_t i = 0; i < names->n; i++)
		OR_ASSERT(names->items[i].text.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tap_sql_opt opt = {.dialect = TAP_SQL_ANSI};
	struct tap_sql_facts facts[2] = {{.more = false}, {.more = false}};
	struct or_arena *a = or_arena_new(8 << 20);
	enum or_code rc[2];

	if (size >= 2) {
		opt.dialect = (enum tap_sql_dialect)(data[0] % TAP_SQL_DIALECTS);
		opt.cut = data[1] & 1;
		opt.whole = data[1] & 2;
		data += 2;
		size -= 2;
	}
	for (size_t i = 0; i < 2; i++) {
		struct tap_sql_use use = {"", ""};

		rc[i] = tap_sql_read(&facts[i], &use, or_slice(data, size), &opt, a);
		if (opt.whole)
			tap_sql_finish(&facts[i]);
		check(&facts[i].in);
		check(&facts[i].out);
		OR_ASSERT(facts[i].failed <= facts[i].statements);
		if (rc[i] == OR_FULL)
			break;
		OR_ASSERT(i == 0 || facts[1].in.n == facts[0].in.n);
	}
	or_arena_free(a);
	return 0;
}
