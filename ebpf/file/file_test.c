/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/file/file.h"

#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct tap_event ev;
static struct tap_raw_file raw;

static struct or_slice record(const char *bytes, size_t n, uint16_t flags)
{
	memset(&raw, 0, sizeof(raw));
	raw.head.kind = TAP_FILE;
	raw.head.flags = flags;
	raw.head.size = (uint32_t)(offsetof(struct tap_raw_file, bytes) + n);
	raw.inode = 77;
	raw.device = 8 << 20 | 17;
	raw.mode = S_IFREG | 0640;
	raw.open_flags = O_RDWR;
	raw.path_n = (uint16_t)n;
	memcpy(raw.bytes, bytes, n);
	return or_slice(&raw, raw.head.size);
}

static void decode__gives_the_opened_file(void **state)
{
	static const char names[] = "part-0\0orders\0data"; /* with the last NUL */

	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, record(names, sizeof(names), 0)), OR_OK);
	assert_string_equal(ev.file.path, "/data/orders/part-0");
	assert_int_equal(ev.file.error, 0);
	assert_int_equal(ev.file.open_flags, O_RDWR);
	assert_int_equal(ev.file.mode, S_IFREG | 0640);
	assert_int_equal(ev.file.inode, 77);
	assert_int_equal(ev.file.dev_major, 8);
	assert_int_equal(ev.file.dev_minor, 17);
}

static void decode__knows_the_root(void **state)
{
	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, record("", 0, 0)), OR_OK);
	assert_string_equal(ev.file.path, "/");
}

static void decode__marks_a_cut_path(void **state)
{
	static const char names[] = "f\0deep";

	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, record(names, sizeof(names), TAP_CUT_PATH)), OR_OK);
	assert_string_equal(ev.file.path, ".../deep/f");
}

static void decode__takes_a_pipe_without_a_name(void **state)
{
	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, record("", 1, TAP_PATH_DETACHED)), OR_OK);
	assert_string_equal(ev.file.path, "");
}

static void decode__gives_what_was_asked_where_refused(void **state)
{
	struct or_slice s = record("../secret", 10, TAP_PATH_ASKED);

	(void)state;
	raw.error = EACCES;
	ASSERT_CODE(tap_event_decode(&ev, s), OR_OK);
	assert_string_equal(ev.file.path, "../secret");
	assert_int_equal(ev.file.error, EACCES);
}

static void decode__refuses_malformed_texts(void **state)
{
	(void)state;
	ASSERT_CODE(tap_event_decode(&ev, record("a", 1, 0)), OR_PARSE);
	ASSERT_CODE(tap_event_decode(&ev, record("a", 1, TAP_PATH_ASKED)), OR_PARSE);
	ASSERT_CODE(tap_event_decode(&ev, record("a\0b", 4, TAP_PATH_ASKED)), OR_PARSE);
	ASSERT_CODE(tap_event_decode(&ev, record("", 1, 0)), OR_PARSE);
	/* More than the record has room for, or less than it claims. */
	memset(&raw, 0, sizeof(raw));
	raw.head.kind = TAP_FILE;
	raw.head.size = sizeof(raw) + 8;
	raw.path_n = sizeof(raw.bytes) + 8;
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_PARSE);
	raw.head.size = sizeof(raw);
	ASSERT_CODE(tap_event_decode(&ev, or_slice(&raw, sizeof(raw))), OR_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__gives_the_opened_file),
	    cmocka_unit_test(decode__knows_the_root),
	    cmocka_unit_test(decode__marks_a_cut_path),
	    cmocka_unit_test(decode__takes_a_pipe_without_a_name),
	    cmocka_unit_test(decode__gives_what_was_asked_where_refused),
	    cmocka_unit_test(decode__refuses_malformed_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
