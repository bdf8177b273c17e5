/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include "tests/support/support.h"

#include <sys/wait.h>
#include <unistd.h>

static void fill__writes_every_byte_and_no_more(void **state)
{
	uint8_t seen[1000] = {0}, p[1002];

	(void)state;
	/* A byte stays 0 in 64 draws with probability 2^-512. */
	for (int draw = 0; draw < 64; draw++) {
		memset(p, 0, sizeof(p));
		or_rng_fill(p + 1, sizeof(seen));
		assert_int_equal(p[0], 0);
		assert_int_equal(p[sizeof(p) - 1], 0);
		for (size_t i = 0; i < sizeof(seen); i++)
			seen[i] |= p[i + 1];
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_true(seen[i]);
	or_rng_fill(NULL, 0);
}

static void u64__uses_every_bit(void **state)
{
	uint64_t ones = 0, zeros = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t v = or_rng_u64();

		ones |= v;
		zeros |= ~v;
	}
	assert_true(ones == UINT64_MAX);
	assert_true(zeros == UINT64_MAX);
}

static void id__is_new_each_time_and_in_each_process(void **state)
{
	uint8_t seen[200][24], mine[24], childs[24];
	int fds[2];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < OR_LEN(seen); i++) {
		or_rng_id(seen[i], sizeof(seen[i]));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], sizeof(seen[i]));
	}
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		or_rng_id(childs, sizeof(childs));
		_exit(write(fds[1], childs, sizeof(childs)) != (ssize_t)sizeof(childs));
	}
	or_rng_id(mine, sizeof(mine));
	assert_int_equal(read(fds[0], childs, sizeof(childs)), sizeof(childs));
	assert_memory_not_equal(mine, childs, sizeof(mine));
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
}

static bool is_uuid4(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape); i++) {
		const char *set = shape[i] == 'x'   ? "0123456789abcdef"
				  : shape[i] == 'v' ? "89ab"
						    : (char[2]){shape[i], 0};

		if (shape[i] && (!text[i] || !strchr(set, text[i])))
			return false;
	}
	return strlen(text) == sizeof(shape) - 1;
}

static void uuid__is_version_4_and_new_each_time(void **state)
{
	char a[OR_RNG_UUID_LEN + 1], b[OR_RNG_UUID_LEN + 1];

	(void)state;
	for (int i = 0; i < 100; i++) {
		or_rng_uuid(a);
		or_rng_uuid(b);
		assert_true(is_uuid4(a));
		assert_string_not_equal(a, b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fill__writes_every_byte_and_no_more),
	    cmocka_unit_test(id__is_new_each_time_and_in_each_process),
	    cmocka_unit_test(u64__uses_every_bit),
	    cmocka_unit_test(uuid__is_version_4_and_new_each_time),
	};

	return cmocka_run_group_tests_name("base.rng", tests, NULL, NULL);
}
