/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/exec/exec.h"

#include "tests/support/support.h"

#define LIT(text) text, sizeof(text) - 1

/* The record of: sh /srv/job.sh a "" b, with its texts as the kernel lays them. */
static struct or_slice record(struct tap_raw_exec *r, const char *path, size_t path_n,
    const char *name, size_t name_n, const char *args, size_t args_n)
{
	memset(r, 0, sizeof(*r));
	r->head.kind = TAP_EXEC;
	r->head.pid = 41;
	r->head.ns_pid = 7;
	memcpy(r->head.comm, "job.sh", 7);
	memcpy(r->bytes, path, path_n);
	memcpy(r->bytes + path_n, name, name_n);
	memcpy(r->bytes + path_n + name_n, args, args_n);
	r->path_n = (uint16_t)path_n;
	r->name_n = (uint16_t)name_n;
	r->args_n = (uint16_t)args_n;
	r->head.size = (uint32_t)(offsetof(struct tap_raw_exec, bytes) + path_n + name_n + args_n);
	return or_slice(r, r->head.size);
}

static struct or_slice usual(struct tap_raw_exec *r)
{
	return record(
	    r, LIT("dash\0bin\0usr\0"), LIT("/srv/job.sh\0"), LIT("sh\0/srv/job.sh\0\0b\0"));
}

static struct tap_event ev;
static struct tap_raw_exec raw;

static void decode__gives_path_name_and_arguments(void **state)
{
	struct or_slice rest, arg;

	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, usual(&raw)), OR_OK);
	assert_int_equal(ev.kind, TAP_EXEC);
	assert_int_equal(ev.pid, 41);
	assert_int_equal(ev.ns_pid, 7);
	assert_string_equal(ev.comm, "job.sh");
	assert_string_equal(ev.exec.path, "/usr/bin/dash");
	assert_string_equal(ev.exec.name, "/srv/job.sh");
	rest = ev.exec.args;
	assert_true(tap_exec_arg(&arg, &rest));
	ASSERT_SLICE(arg, "sh");
	assert_true(tap_exec_arg(&arg, &rest));
	ASSERT_SLICE(arg, "/srv/job.sh");
	assert_true(tap_exec_arg(&arg, &rest));
	ASSERT_SLICE(arg, "");
	assert_true(tap_exec_arg(&arg, &rest));
	ASSERT_SLICE(arg, "b");
	assert_false(tap_exec_arg(&arg, &rest));
}

static void decode__ends_cut_arguments(void **state)
{
	struct or_slice s = record(&raw, LIT("a\0"), LIT("a\0"), LIT("a\0long wor"));
	struct or_slice rest, arg;

	(void)state;
	raw.head.flags = TAP_CUT_ARGS;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_OK);
	assert_int_equal(ev.flags, TAP_CUT_ARGS);
	rest = ev.exec.args;
	assert_true(tap_exec_arg(&arg, &rest));
	assert_true(tap_exec_arg(&arg, &rest));
	ASSERT_SLICE(arg, "long wor");
	assert_int_equal(arg.p[arg.n], 0);
	assert_false(tap_exec_arg(&arg, &rest));
}

static void decode__takes_the_largest_record(void **state)
{
	struct or_slice s = usual(&raw);

	(void)state;
	memset(raw.bytes, 'x', sizeof(raw.bytes));
	raw.path_n = TAP_RAW_PATH + TAP_RAW_NAME;
	raw.name_n = TAP_EXEC_NAME;
	raw.args_n = TAP_EXEC_ARGS;
	raw.bytes[raw.path_n - 1] = '\0';
	raw.bytes[raw.path_n + raw.name_n - 1] = '\0';
	raw.head.flags = TAP_CUT_PATH | TAP_CUT_NAME | TAP_CUT_ARGS;
	s.n = offsetof(struct tap_raw_exec, bytes) + raw.path_n + raw.name_n + raw.args_n;
	raw.head.size = (uint32_t)s.n;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_OK);
	assert_int_equal(strlen(ev.exec.path), 3 + TAP_RAW_PATH + TAP_RAW_NAME);
	assert_memory_equal(ev.exec.path, ".../xx", 6);
	assert_int_equal(strlen(ev.exec.name), TAP_EXEC_NAME - 1);
	assert_int_equal(ev.exec.args.n, TAP_EXEC_ARGS + 1);
}

static void decode__refuses_every_shorter_record(void **state)
{
	struct or_slice s = usual(&raw);

	(void)state;
	for (size_t n = 0; n < s.n; n++) {
		ASSERT_CODE(tap_event_decode(&ev, or_slice(s.p, n)), OR_PARSE);
		/* Also where the record itself claims that size. */
		raw.head.size = (uint32_t)n;
		ASSERT_CODE(tap_event_decode(&ev, or_slice(s.p, n)), OR_PARSE);
		raw.head.size = (uint32_t)s.n;
	}
}

static void decode__refuses_lengths_that_do_not_add_up(void **state)
{
	struct or_slice s = usual(&raw);

	(void)state;
	raw.args_n++;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_PARSE);
	s = usual(&raw);
	raw.path_n = UINT16_MAX;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_PARSE);
	/* A boundary moved by one: neither text ends where it should. */
	s = usual(&raw);
	raw.path_n--;
	raw.name_n++;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_PARSE);
}

static void decode__refuses_unknown_kind_and_flags(void **state)
{
	struct or_slice s = usual(&raw);

	(void)state;
	raw.head.kind = TAP_KINDS;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_PARSE);
	raw.head.kind = TAP_EXEC;
	raw.head.flags = TAP_FLAGS + 1;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_PARSE);
}

static void decode__refuses_names_that_are_none(void **state)
{
	(void)state;
	/* A slash within a name would forge a path, an empty name hides one. */
	ASSERT_CODE(
	    tap_event_decode(&ev, record(&raw, LIT("a/b\0"), LIT("x\0"), LIT(""))), OR_PARSE);
	ASSERT_CODE(
	    tap_event_decode(&ev, record(&raw, LIT("a\0\0b\0"), LIT("x\0"), LIT(""))), OR_PARSE);
	ASSERT_CODE(
	    tap_event_decode(&ev, record(&raw, LIT("a\0b"), LIT("x\0"), LIT(""))), OR_PARSE);
	ASSERT_CODE(
	    tap_event_decode(&ev, record(&raw, LIT("a\0"), LIT("x\0y\0"), LIT(""))), OR_PARSE);
}

static void decode__knows_what_is_in_no_tree(void **state)
{
	struct or_slice s = record(&raw, LIT("memfd:a/b\0"), LIT("/dev/fd/3\0"), LIT("x\0"));

	(void)state;
	raw.head.flags = TAP_PATH_DETACHED;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_OK);
	assert_string_equal(ev.exec.path, "memfd:a/b");
}

static void json__shows_the_event(void **state)
{
	struct or_buf b;

	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, usual(&raw)), OR_OK);
	ev.flags = TAP_CUT_ARGS | TAP_CUT_PATH;
	or_buf_init(&b, 4096);
	tap_event_json(&b, &ev);
	ASSERT_HAS(or_buf_text(&b), "{\"kind\":\"exec\",");
	ASSERT_HAS(or_buf_text(&b), "\"path\":\"/usr/bin/dash\",\"name\":\"/srv/job.sh\","
				    "\"args\":[\"sh\",\"/srv/job.sh\",\"\",\"b\"],"
				    "\"flags\":[\"cut_path\",\"cut_args\"]}");
	or_buf_done(&b);
}

static void wall_ns__counts_back_from_now(void **state)
{
	(void)state;
	ev.mono_ns = 900;
	assert_int_equal(tap_event_wall_ns(&ev, 1000, 5000), 4900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__gives_path_name_and_arguments),
	    cmocka_unit_test(decode__ends_cut_arguments),
	    cmocka_unit_test(decode__takes_the_largest_record),
	    cmocka_unit_test(decode__refuses_every_shorter_record),
	    cmocka_unit_test(decode__refuses_lengths_that_do_not_add_up),
	    cmocka_unit_test(decode__refuses_unknown_kind_and_flags),
	    cmocka_unit_test(decode__refuses_names_that_are_none),
	    cmocka_unit_test(decode__knows_what_is_in_no_tree),
	    cmocka_unit_test(json__shows_the_event),
	    cmocka_unit_test(wall_ns__counts_back_from_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
