/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/segment.h"

#include "tests/support/support.h"

static const struct ag_segment_head head = {
    .number = 7, .epoch = 0x1122334455667788, .prev_epoch = 3};

static int setup(void **state)
{
	struct or_buf *b = test_calloc(1, sizeof(*b));

	or_buf_init(b, 4 << 20);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	or_buf_done(*state);
	test_free(*state);
	return 0;
}

static void put(struct or_buf *b, uint64_t seq, const char *text)
{
	struct ag_segment_entry e = {
	    .type = AG_SEGMENT_RECORD, .stream = 5, .seq = seq, .payload = or_slice_str(text)};

	ag_segment_put(b, &head, b->n, &e);
}

static void head__is_read_back_and_checked(void **state)
{
	struct or_buf *b = *state;
	struct ag_segment_head got;

	ag_segment_head_put(b, &head);
	assert_int_equal(b->n, AG_SEGMENT_HEAD_LEN);
	ASSERT_CODE(ag_segment_head_get(&got, or_buf_slice(b)), OR_OK);
	assert_memory_equal(&got, &head, sizeof(head));
	ASSERT_CODE(ag_segment_head_get(&got, or_slice(b->p, b->n - 1)), OR_AGAIN);
	for (size_t i = 0; i < b->n; i++) {
		b->p[i] ^= 1;
		ASSERT_CODE(ag_segment_head_get(&got, or_buf_slice(b)), OR_CORRUPT);
		b->p[i] ^= 1;
	}
}

static void entry__may_hold_the_place_it_was_read_from(void **state)
{
	struct or_buf *b = *state;
	struct ag_segment_entry in = {.type = AG_SEGMENT_RECORD,
	    .stream = 5,
	    .seq = 9,
	    .payload = OR_SLICE_LIT("hello"),
	    .place = OR_SLICE_LIT("file 7 at 100")};
	struct ag_segment_entry e;
	size_t size;

	ag_segment_put(b, &head, 0, &in);
	assert_int_equal(b->n, ag_segment_size(&in));
	ASSERT_CODE(ag_segment_get(&e, &size, &head, 0, or_buf_slice(b)), OR_OK);
	assert_int_equal(size, b->n);
	assert_int_equal(e.type, AG_SEGMENT_RECORD);
	ASSERT_SLICE(e.payload, "hello");
	ASSERT_SLICE(e.place, "file 7 at 100");
	for (size_t i = 0; i < b->n * 8; i++) {
		b->p[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(ag_segment_get(&e, &size, &head, 0, or_buf_slice(b)), OR_OK);
		b->p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void entry__is_read_back_and_every_bit_counts(void **state)
{
	struct or_buf *b = *state;
	struct ag_segment_entry e;
	size_t size;

	put(b, 9, "hello");
	assert_int_equal(b->n, 32);
	ASSERT_CODE(ag_segment_get(&e, &size, &head, 0, or_buf_slice(b)), OR_OK);
	assert_int_equal(size, 32);
	assert_int_equal(e.type, AG_SEGMENT_RECORD);
	assert_int_equal(e.stream, 5);
	assert_int_equal(e.seq, 9);
	ASSERT_SLICE(e.payload, "hello");
	for (size_t n = 0; n < b->n; n++)
		ASSERT_CODE(ag_segment_get(&e, &size, &head, 0, or_slice(b->p, n)), OR_AGAIN);
	for (size_t i = 0; i < b->n * 8; i++) {
		b->p[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(ag_segment_get(&e, &size, &head, 0, or_buf_slice(b)), OR_OK);
		b->p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void entry__is_valid_in_its_own_place_only(void **state)
{
	struct or_buf *b = *state;
	struct ag_segment_head other = head;
	struct ag_segment_entry e;
	size_t size;

	put(b, 1, "x");
	ASSERT_CODE(ag_segment_get(&e, &size, &head, 8, or_buf_slice(b)), OR_CORRUPT);
	other.number++;
	ASSERT_CODE(ag_segment_get(&e, &size, &other, 0, or_buf_slice(b)), OR_CORRUPT);
	other = head;
	other.epoch++;
	ASSERT_CODE(ag_segment_get(&e, &size, &other, 0, or_buf_slice(b)), OR_CORRUPT);
}

static void resync__finds_the_next_entry_behind_damage(void **state)
{
	struct or_buf *b = *state;
	size_t first, work = 1 << 20;
	struct ag_segment_entry e;
	size_t size;

	put(b, 1, "the first one");
	first = b->n;
	put(b, 2, "the second one");
	b->p[30] ^= 0x40;
	ASSERT_CODE(ag_segment_get(&e, &size, &head, 0, or_buf_slice(b)), OR_CORRUPT);
	assert_int_equal(ag_segment_resync(&head, 0, or_buf_slice(b), &work), first);
	b->p[first + 30] ^= 0x40;
	assert_int_equal(ag_segment_resync(&head, 0, or_buf_slice(b), &work), 0);
}

/* A payload made of frames that do not check must not cost a check of each to its full length. */
static void resync__is_bounded(void **state)
{
	struct or_buf *b = *state;
	struct ag_segment_head forged = head;
	struct ag_segment_entry big = {.type = AG_SEGMENT_RECORD, .seq = 1};
	static uint8_t zeros[AG_SEGMENT_PAYLOAD_MAX];
	size_t work = 3 << 20;

	forged.epoch = 1;
	big.payload = or_slice(zeros, sizeof(zeros));
	or_buf_put(b, zeros, 8);
	ag_segment_put(b, &forged, 8, &big);
	for (size_t at = 40; at < 1000; at += 24)
		memcpy(b->p + at, b->p + 8, 24);
	put(b, 2, "behind");
	assert_int_equal(ag_segment_resync(&head, 0, or_buf_slice(b), &work), 0);
	assert_true(work < 2 << 20);
	work = 1 << 30;
	assert_int_equal(ag_segment_resync(&head, 0, or_buf_slice(b), &work), b->n - 32);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(head__is_read_back_and_checked),
	    CASE(entry__may_hold_the_place_it_was_read_from),
	    CASE(entry__is_read_back_and_every_bit_counts),
	    CASE(entry__is_valid_in_its_own_place_only),
	    CASE(resync__finds_the_next_entry_behind_damage),
	    CASE(resync__is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
