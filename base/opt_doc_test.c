/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_doc.h"

#include "tests/support/support.h"

struct target {
	int64_t wait_ns;
	int mode;
	bool on;
};

static const struct or_opt opts[] = {
    {.name = "gate.wait",
	.type = OR_OPT_DURATION,
	.flags = OR_OPT_RELOAD,
	.offset = offsetof(struct target, wait_ns),
	.min = OR_NS_PER_MS,
	.max = 90 * OR_NS_PER_S,
	.def = "250ms",
	.help = "How long it waits."},
    {.name = "audit.a_name_that_is_rather_long",
	.type = OR_OPT_ENUM,
	.flags = OR_OPT_REQUIRED,
	.offset = offsetof(struct target, mode),
	.choices = "strict|async",
	.help = "A sentence that is long enough to reach beyond the hundredth column of a line."},
};

static const struct or_opt_table tables[] = {{opts, OR_LEN(opts), NULL, sizeof(struct target)}};
static const struct or_opt_set set = {tables, 1};

static void help__is_two_columns(void **state)
{
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 4096);
	or_opt_doc_help(&out, &set);
	ASSERT_HAS(or_buf_text(&out),
	    "  --gate.wait DURATION            How long it waits. Default: 250ms. Range: 1ms to "
	    "90s.\n"
	    "  --audit.a_name_that_is_rather_long strict|async\n"
	    "                                  A sentence that is long enough to reach beyond the "
	    "hundredth\n"
	    "                                  column of a line. Required.\n");
	ASSERT_HAS(or_buf_text(&out), "  --config TEXT  ");
	or_buf_done(&out);
}

static void markdown__is_a_table(void **state)
{
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 4096);
	or_opt_doc_markdown(&out, &set);
	ASSERT_HAS(or_buf_text(&out),
	    "\n| `gate.wait` | `DURATION` | `250ms` | 1ms to 90s | How long it waits. | reload |\n"
	    "| `audit.a_name_that_is_rather_long` | `strict\\|async` | required |  | A sentence");
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(help__is_two_columns),
	    cmocka_unit_test(markdown__is_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
