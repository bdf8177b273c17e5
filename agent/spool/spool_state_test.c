/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool_state.h"

#include "tests/support/support.h"

enum { SLOT_BYTES = AG_SPOOL_SLOT };

/* A file of two slots as the spool writes them, of these generations (0: none). */
static void make_file(uint8_t file[2 * SLOT_BYTES], uint64_t first, uint64_t second)
{
	static struct ag_spool spool;
	static char name[] = "outrider.audit/orders";
	uint64_t generations[] = {first, second};

	memset(file, 0, 2 * SLOT_BYTES);
	spool.n_streams = 2;
	spool.streams[0].name = name;
	spool.streams[1].name = name + sizeof(name) - 1; /* not named yet */
	spool.next_number = 9;
	for (int i = 0; i < 2; i++) {
		struct or_buf b;

		if (!generations[i])
			continue;
		spool.epoch = generations[i] + 100;
		spool.streams[0].next_seq = spool.streams[1].next_seq = generations[i];
		spool.streams[0].acked = (struct ag_spool_mark){1, 2, 3, generations[i]};
		or_buf_init(&b, SLOT_BYTES);
		ag_spool_state_encode(&b, &spool, generations[i]);
		memcpy(file + ag_spool_state_offset(generations[i]), b.p, b.n);
		or_buf_done(&b);
	}
}

static void decode__takes_the_newer_of_two_slots(void **state)
{
	static uint8_t file[2 * SLOT_BYTES];
	static struct spool_state got;

	(void)state;
	make_file(file, 6, 7);
	ASSERT_CODE(ag_spool_state_decode(&got, or_slice(file, sizeof(file))), OR_OK);
	assert_int_equal(got.generation, 7);
	assert_int_equal(got.epoch, 107);
	assert_int_equal(got.next_number, 9);
	assert_int_equal(got.n_streams, 2);
	ASSERT_SLICE(got.streams[0].name, "outrider.audit/orders");
	assert_int_equal(got.streams[0].acked.seq, 7);
	ASSERT_SLICE(got.streams[1].name, "");
	make_file(file, 8, 7);
	ASSERT_CODE(ag_spool_state_decode(&got, or_slice(file, sizeof(file))), OR_OK);
	assert_int_equal(got.generation, 8);
}

static void decode__falls_back_when_the_newer_one_is_torn(void **state)
{
	static uint8_t file[2 * SLOT_BYTES];
	static struct spool_state got;
	size_t at = ag_spool_state_offset(7);

	(void)state;
	make_file(file, 6, 7);
	for (size_t i = 0; i < 200; i++) {
		uint8_t kept = file[at + i];

		file[at + i] ^= 0x20;
		if (ag_spool_state_decode(&got, or_slice(file, sizeof(file))) != OR_OK ||
		    got.generation == 7)
			assert_true(
			    i >= 24 + 40 + 2 + 21 + 48 + 2 + 48); /* behind the slot's end */
		else
			assert_int_equal(got.generation, 6);
		file[at + i] = kept;
	}
	file[at + 30] ^= 1;
	file[30] ^= 1;
	ASSERT_CODE(ag_spool_state_decode(&got, or_slice(file, sizeof(file))), OR_CORRUPT);
}

static void decode__of_a_file_that_was_never_written_is_absent(void **state)
{
	static uint8_t file[2 * SLOT_BYTES];
	static struct spool_state got;

	(void)state;
	ASSERT_CODE(ag_spool_state_decode(&got, or_slice(file, sizeof(file))), OR_ABSENT);
	ASSERT_CODE(ag_spool_state_decode(&got, OR_SLICE_NONE), OR_ABSENT);
	file[5] = 1;
	ASSERT_CODE(ag_spool_state_decode(&got, or_slice(file, 10)), OR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__takes_the_newer_of_two_slots),
	    cmocka_unit_test(decode__falls_back_when_the_newer_one_is_torn),
	    cmocka_unit_test(decode__of_a_file_that_was_never_written_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
