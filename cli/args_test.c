/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <unistd.h>

static const char *value;
static struct ctl_args_list list;
static bool on;

static const struct ctl_args_flag flags[] = {
    {.name = "file", .metavar = "FILE", .help = "a file", .value = &value},
    {.name = "tag", .metavar = "TAG", .help = "again and again", .list = &list},
    {.name = "loud", .help = "a switch", .on = &on},
};
static const struct ctl_args spec = {
    .usage = "outrider thing [flags] WORD", .about = "About.", .flags = flags, .n_flags = 3};

static int reset(void **state)
{
	(void)state;
	value = NULL;
	list.n = 0;
	on = false;
	return 0;
}

/* Parses and gives back what went to stderr. */
static const char *misuse(const struct ctl_args *a, int argc, char **argv, int *code)
{
	static char text[1024];
	FILE *to = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n_words, n;

	fflush(stderr);
	dup2(fileno(to), STDERR_FILENO);
	assert_false(ctl_args_parse(a, argc, argv, &n_words, code));
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(to);
	n = fread(text, 1, sizeof(text) - 1, to);
	text[n] = 0;
	fclose(to);
	return text;
}

static void parse__takes_flags_and_words(void **state)
{
	char *argv[] = {
	    "thing", "a", "--file=x", "--loud", "--tag", "1", "b", "--tag=2", "--", "--file", NULL};
	size_t n;
	int code;

	(void)state;
	assert_true(ctl_args_parse(&spec, 10, argv, &n, &code));
	assert_int_equal(n, 3);
	assert_string_equal(argv[0], "a");
	assert_string_equal(argv[1], "b");
	assert_string_equal(argv[2], "--file");
	assert_string_equal(value, "x");
	assert_true(on);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.values[1], "2");
}

static void parse__leaves_a_command_alone(void **state)
{
	struct ctl_args command = spec;
	char *argv[] = {"run", "--loud", "python3", "--file", "--unknown", NULL};
	size_t n;
	int code;

	(void)state;
	command.stop_at_word = true;
	assert_true(ctl_args_parse(&command, 5, argv, &n, &code));
	assert_int_equal(n, 3);
	assert_string_equal(argv[2], "--unknown");
	assert_null(value);
	assert_true(on);
}

static void parse__says_what_is_wrong(void **state)
{
	char *unknown[] = {"thing", "--flie", "x", NULL}, *missing[] = {"thing", "--file", NULL};
	char *extra[] = {"thing", "--loud=yes", NULL}, *one_dash[] = {"thing", "-l", NULL};
	int code;

	(void)state;
	ASSERT_HAS(misuse(&spec, 3, unknown, &code),
	    "outrider thing: there is no flag --flie; did you mean --file?");
	assert_int_equal(code, CTL_EXIT_USAGE);
	ASSERT_HAS(misuse(&spec, 2, missing, &code), "--file needs a value: FILE");
	ASSERT_HAS(misuse(&spec, 2, extra, &code), "--loud takes no value");
	ASSERT_HAS(misuse(&spec, 2, one_dash, &code), "flags are long here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(parse__takes_flags_and_words, reset),
	    cmocka_unit_test_setup(parse__leaves_a_command_alone, reset),
	    cmocka_unit_test_setup(parse__says_what_is_wrong, reset),
	};

	return cmocka_run_group_tests_name("cli.args", tests, NULL, NULL);
}
