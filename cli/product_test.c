/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/product.h"

#include "base/json.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <unistd.h>

static char out[16 * 1024];

static int run(const char *path, char *flag)
{
	char *argv[] = {(char[]){"product"}, (char[]){"validate"}, NULL, NULL, NULL};
	FILE *to = tmpfile();
	int saved = dup(STDOUT_FILENO), code, argc = 3;
	char name[512];
	size_t n;

	snprintf(name, sizeof(name), "%s", path);
	argv[2] = name;
	if (flag)
		argv[argc++] = flag;
	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	code = ctl_product_main(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(to);
	n = fread(out, 1, sizeof(out) - 1, to);
	out[n] = '\0';
	fclose(to);
	return code;
}

static void validate__tells_what_the_example_is(void **state)
{
	(void)state;
	assert_int_equal(run("examples/orders/dataproduct.yaml", NULL), 0);
	ASSERT_HAS(out, "examples/orders/dataproduct.yaml: valid");
	ASSERT_HAS(out, "product orders, 2 output ports, 2 contracts");
	/* both audit modes, from the contracts alone */
	ASSERT_HAS(out, "orders-v1  confidential  strict");
	ASSERT_HAS(out, "totals-v1  internal      async");
	assert_null(strstr(out, "warning"));
}

static void validate__names_what_is_wrong(void **state)
{
	static const char product[] =
	    "apiVersion: v1.0.0\nkind: DataProduct\nid: p\nstatus: active\n"
	    "outputPorts:\n- {name: a, verison: '1'}\n";
	static const char contract[] = "apiVersion: v3.1.0\nkind: DataContract\nid: c\n"
				       "version: 1.0.0\nstatus: active\nschmea: []\n";
	char *dir = support_tmpdir_new();
	const char *path = support_path(dir, "dataproduct.yaml");
	const struct or_json *j;
	struct or_arena *a = or_arena_new(0);
	struct or_err err = {0};

	(void)state;
	ASSERT_OK(or_sys_write_file(path, or_slice_str(product), 0644, &err), &err);
	ASSERT_OK(
	    or_sys_write_file(support_path(dir, "c.odcs.yaml"), or_slice_str(contract), 0644, &err),
	    &err);
	assert_int_equal(run(path, NULL), 1);
	ASSERT_HAS(out, "c.odcs.yaml:6: schmea: unknown field; did you mean \"schema\"?");
	ASSERT_HAS(out, "dataproduct.yaml:6: outputPorts[0].verison: unknown field; did you mean");
	ASSERT_HAS(out, "dataproduct.yaml:6: outputPorts[0].version: required");
	ASSERT_HAS(out, "dataproduct.yaml: not valid");
	assert_int_equal(run(path, (char[]){"--json"}), 1);
	ASSERT_OK(or_json_parse(&j, or_slice_str(out), a, &err), &err);
	assert_false(or_json_get(j, "valid")->b);
	assert_int_equal(or_json_get(j, "messages")->array.n, 3);
	assert_int_equal(run(support_path(dir, "none.yaml"), NULL), 3);
	or_arena_free(a);
	support_tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(validate__tells_what_the_example_is),
	    cmocka_unit_test(validate__names_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
