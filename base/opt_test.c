/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include "base/sys.h"
#include "tests/support/support.h"

struct target {
	const char *listen;
	const char *name;
	const char *token;
	bool strict;
	uint64_t max_conns;
	int64_t offset;
	int64_t wait_ns;
	uint64_t body_bytes;
	uint16_t port;
	int mode;
	struct or_opt_list products;
	const struct or_json *issuers;
};

struct spool {
	const char *dir;
	uint64_t quota_bytes;
};

#define AT(field) offsetof(struct target, field)

static const struct or_opt gate_opts[] = {
    {.name = "gate.listen", .type = OR_OPT_ADDR, .offset = AT(listen), .def = "127.0.0.1:8080"},
    {.name = "gate.name", .type = OR_OPT_STR, .offset = AT(name), .min = 1, .max = 8},
    {.name = "gate.token",
	.type = OR_OPT_STR,
	.flags = OR_OPT_SECRET,
	.offset = AT(token),
	.min = 4,
	.max = 64},
    {.name = "gate.strict", .type = OR_OPT_BOOL, .offset = AT(strict), .def = "false"},
    {.name = "gate.max_conns",
	.type = OR_OPT_U64,
	.offset = AT(max_conns),
	.min = 1,
	.max = INT64_MAX,
	.def = "1024"},
    {.name = "gate.offset", .type = OR_OPT_I64, .offset = AT(offset), .min = -5, .max = 5},
    {.name = "gate.wait",
	.type = OR_OPT_DURATION,
	.offset = AT(wait_ns),
	.min = OR_NS_PER_MS,
	.max = 60 * OR_NS_PER_S,
	.def = "250ms"},
    {.name = "gate.body",
	.type = OR_OPT_BYTES,
	.offset = AT(body_bytes),
	.min = 1024,
	.max = 65536,
	.def = "64KiB"},
    {.name = "gate.port", .type = OR_OPT_PORT, .offset = AT(port), .def = "0"},
    {.name = "audit.mode",
	.type = OR_OPT_ENUM,
	.offset = AT(mode),
	.choices = "strict|async",
	.def = "async"},
    {.name = "products", .type = OR_OPT_LIST, .offset = AT(products), .max = 3},
    {.name = "issuers", .type = OR_OPT_TREE, .offset = AT(issuers)},
};

static const struct or_opt spool_opts[] = {
    {.name = "spool.dir",
	.type = OR_OPT_STR,
	.flags = OR_OPT_REQUIRED,
	.offset = offsetof(struct spool, dir)},
    {.name = "spool.quota",
	.type = OR_OPT_BYTES,
	.offset = offsetof(struct spool, quota_bytes),
	.def = "1GiB"},
};

struct fixture {
	char *dir;
	const char *file;
	struct or_arena *arena;
	struct target gate;
	struct spool spool;
	struct or_opt_table tables[2];
	struct or_opt_set set;
	struct or_opt_src src;
	struct or_opt_seen seen;
	struct or_err err;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	f->arena = or_arena_new(0);
	f->file = or_arena_strdup(f->arena, or_slice_str(support_path(f->dir, "agent.yaml")));
	f->tables[0] =
	    (struct or_opt_table){gate_opts, OR_LEN(gate_opts), &f->gate, sizeof(f->gate)};
	f->tables[1] =
	    (struct or_opt_table){spool_opts, OR_LEN(spool_opts), &f->spool, sizeof(f->spool)};
	f->set = (struct or_opt_set){f->tables, 2};
	f->src = (struct or_opt_src){.file = f->file, .may_lack = true};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_arena_free(f->arena);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static void write_file(struct fixture *f, const char *text)
{
	ASSERT_OK(or_sys_write_file(f->file, or_slice_str(text), 0600, &f->err), &f->err);
}

static enum or_code load_args(struct fixture *f, const char *const *argv)
{
	static char *words[16];
	int n = 0;

	for (; argv && argv[n]; n++)
		words[n] = or_arena_strdup(f->arena, or_slice_str(argv[n]));
	f->src.argv = words;
	f->src.argc = n;
	return or_opt_load(&f->set, &f->src, f->arena, &f->seen, &f->err);
}

#define LOAD(f, ...) load_args((f), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void load__takes_defaults_then_file_then_environment_then_flags(void **state)
{
	struct fixture *f = *state;
	static char e1[] = "OUTRIDER_GATE_WAIT=2s", e2[] = "OUTRIDER_GATE_BODY=2KiB",
		    e3[] = "OUTRIDER_UNRELATED=x";
	char *env[] = {e1, e2, e3, NULL};

	write_file(f, "spool: {dir: /s}\ngate:\n  wait: 1s\n  max_conns: 7\n  strict: true\n");
	f->src.env = env;
	ASSERT_OK(LOAD(f, "--gate.wait", "3s", "--gate.strict", "false", "--", "x"), &f->err);
	assert_string_equal(f->gate.listen, "127.0.0.1:8080");
	assert_int_equal(f->gate.max_conns, 7);
	assert_int_equal(f->gate.body_bytes, 2048);
	assert_int_equal(f->gate.wait_ns, 3 * OR_NS_PER_S);
	assert_false(f->gate.strict);
	assert_string_equal(f->spool.dir, "/s");
	assert_int_equal(f->spool.quota_bytes, 1 << 30);
	assert_null(f->gate.name);
	assert_string_equal(f->seen.file, f->file);
	assert_int_equal(f->seen.rest, 5);
}

static void load__reads_every_type_from_the_file(void **state)
{
	struct fixture *f = *state;

	write_file(f, "spool.dir: /s\n"
		      "gate: {listen: '[::1]:0', name: abc, offset: -5, wait: 1m, body: 1024, "
		      "port: 65535}\n"
		      "audit: {mode: strict}\n"
		      "products: [a, b]\n"
		      "issuers:\n  - url: https://x\n");
	ASSERT_OK(LOAD(f), &f->err);
	assert_string_equal(f->gate.listen, "[::1]:0");
	assert_string_equal(f->gate.name, "abc");
	assert_int_equal(f->gate.offset, -5);
	assert_int_equal(f->gate.wait_ns, 60 * OR_NS_PER_S);
	assert_int_equal(f->gate.body_bytes, 1024);
	assert_int_equal(f->gate.port, 65535);
	assert_int_equal(f->gate.mode, 0);
	assert_int_equal(f->gate.products.n, 2);
	assert_string_equal(f->gate.products.items[1], "b");
	ASSERT_SLICE(or_json_get_str(f->gate.issuers->array.items[0], "url"), "https://x");
}

static void load__reads_every_type_from_flags(void **state)
{
	struct fixture *f = *state;

	ASSERT_OK(LOAD(f, "--spool.dir=/s", "--gate.strict", "--gate.offset=-1",
		      "--audit.mode=strict", "--products=a, b,c", "--issuers=[{\"url\":\"u\"}]",
		      "--gate.token", "--odd", "run", "--gate.nothing"),
	    &f->err);
	assert_true(f->gate.strict);
	assert_int_equal(f->gate.offset, -1);
	assert_int_equal(f->gate.products.n, 3);
	assert_string_equal(f->gate.products.items[1], "b");
	assert_int_equal(f->gate.issuers->array.n, 1);
	assert_string_equal(f->gate.token, "--odd");
	assert_int_equal(f->seen.rest, 8);
	assert_null(f->seen.file);
}

static void load__names_the_place_and_the_nearest_key(void **state)
{
	struct fixture *f = *state;

	write_file(f, "spool:\n  dir: /s\n\ngate:\n  lisen: x\n");
	ASSERT_CODE(LOAD(f), OR_INVAL);
	ASSERT_HAS(
	    f->err.msg, "agent.yaml:5: unknown key \"gate.lisen\"; did you mean \"gate.listen\"?");
	write_file(f, "spool: {dir: /s}\ngaet:\n  listen: x\n");
	ASSERT_CODE(LOAD(f), OR_INVAL);
	ASSERT_HAS(f->err.msg, "agent.yaml:2: unknown key \"gaet\"; did you mean \"gate\"?");
	write_file(f, "completely_different: 1\n");
	ASSERT_CODE(LOAD(f), OR_INVAL);
	assert_null(strstr(f->err.msg, "did you mean"));
	write_file(f, "spool: {dir: /s}\n");
	ASSERT_CODE(LOAD(f, "--gate.wat", "1s"), OR_INVAL);
	ASSERT_HAS(f->err.msg, "--gate.wat: unknown key \"gate.wat\"; did you mean \"gate.wait\"?");
}

struct bad {
	const char *file;
	const char *message;
};

static void load__refuses_wrong_values_and_says_what_is_right(void **state)
{
	static const struct bad cases[] = {
	    {"gate: {body: 1}", "agent.yaml:1: gate.body: expected 1KiB to 64KiB, not \"1\""},
	    {"gate: {wait: 2m}", "expected 1ms to 1m, not \"2m\""},
	    {"gate: {wait: 5}", "expected a duration such as 250ms"},
	    {"gate: {max_conns: 0}", "expected at least 1, not \"0\""},
	    {"gate: {offset: 6}", "expected -5 to 5, not \"6\""},
	    {"gate: {port: 65536}", "expected a port from 0 to 65535, not \"65536\""},
	    {"gate: {listen: 8080}", "expected an address such as"},
	    {"gate: {name: 8}", "expected a string (in quotes), not a YAML integer"},
	    {"gate: {name: ''}", "expected 1 to 8 bytes long"},
	    {"gate: {strict: 'yes'}", "expected true or false, not \"yes\""},
	    {"gate: {strict: 1}", "expected true or false, not \"1\""},
	    {"audit: {mode: lax}", "expected strict|async, not \"lax\""},
	    {"products: [a, 1]", "products: expected a list of strings"},
	    {"products: [a, b, c, d]", "expected 0 to 3 items"},
	    {"products: a", "expected a list of strings, not a YAML string"},
	    {"gate: 7", "gate: expected a map, not a integer"},
	    {"- gate", "agent.yaml:1: expected a map of options"},
	    {"gate: {wait: 1s", "agent.yaml: "},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < OR_LEN(cases); i++) {
		write_file(f, cases[i].file);
		assert_int_not_equal(LOAD(f, "--spool.dir=/s"), OR_OK);
		ASSERT_HAS(f->err.msg, cases[i].message);
		assert_null(f->gate.listen); /* untouched */
	}
}

static void load__never_shows_a_secret(void **state)
{
	struct fixture *f = *state;

	ASSERT_CODE(LOAD(f, "--spool.dir=/s", "--gate.token", "abc"), OR_INVAL);
	ASSERT_HAS(f->err.msg, "--gate.token: gate.token: expected 4 to 64 bytes long");
	assert_null(strstr(f->err.msg, "abc"));
}

static void load__wants_what_is_required_and_the_file_that_was_named(void **state)
{
	struct fixture *f = *state;

	write_file(f, "# nothing\n\n");
	ASSERT_CODE(LOAD(f), OR_ABSENT);
	ASSERT_HAS(f->err.msg, "spool.dir is required: set it in ");
	ASSERT_HAS(f->err.msg, "as OUTRIDER_SPOOL_DIR or with --spool.dir");
	ASSERT_CODE(LOAD(f, "--config", "/none.yaml", "--spool.dir=/s"), OR_ABSENT);
	ASSERT_HAS(f->err.msg, "/none.yaml");
	ASSERT_CODE(LOAD(f, "--spool.dir"), OR_INVAL);
	ASSERT_HAS(f->err.msg, "--spool.dir: a value is missing");
	ASSERT_CODE(LOAD(f, "-x"), OR_INVAL);
}

static void load__help_wins_over_everything(void **state)
{
	struct fixture *f = *state;

	write_file(f, "broken: [");
	ASSERT_OK(LOAD(f, "--gate.strict", "--help"), &f->err);
	assert_true(f->seen.help);
	assert_false(f->gate.strict);
}

static void addr__takes_hosts_and_bracketed_v6_only(void **state)
{
	static const char *const bad[] = {"", ":1", "a", "a:", "a:65536", "a:+1", "::1:80", "[]:1",
	    "[::1]", "[::1:80", "a b:1", "a/b:1"};
	struct or_slice host;
	uint16_t port;

	(void)state;
	ASSERT_CODE(or_opt_addr(&host, &port, OR_SLICE_LIT("localhost:80")), OR_OK);
	ASSERT_SLICE(host, "localhost");
	assert_int_equal(port, 80);
	ASSERT_CODE(or_opt_addr(&host, &port, OR_SLICE_LIT("[::1]:0")), OR_OK);
	ASSERT_SLICE(host, "::1");
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(or_opt_addr(&host, &port, or_slice_str(bad[i])), OR_PARSE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(load__takes_defaults_then_file_then_environment_then_flags),
	    CASE(load__reads_every_type_from_the_file),
	    CASE(load__reads_every_type_from_flags),
	    CASE(load__names_the_place_and_the_nearest_key),
	    CASE(load__refuses_wrong_values_and_says_what_is_right),
	    CASE(load__never_shows_a_secret),
	    CASE(load__wants_what_is_required_and_the_file_that_was_named),
	    CASE(load__help_wins_over_everything),
	    CASE(addr__takes_hosts_and_bracketed_v6_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
