/* SPDX-License-Identifier: Apache-2.0 */
/* The store's invariants: nothing acknowledged is lost, nothing is there twice, damage is named. */
#include "collector/audit/store.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/read.h"
#include "tests/support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORIGIN "outrider/test/shard/0"

/* What the owner keeps: it counts leaves, and remembers what it was told last. */
struct owner {
	uint64_t count;
	uint64_t restored;
};

struct fixture {
	char *dir;
	struct or_crypto_key *secret;
	struct tl_note_key key;
	struct owner owner;
	struct co_store_state state;
	struct co_store_opt opt;
	struct co_store *s;
	struct or_err err;
};

static enum or_code on_restore(void *arg, struct or_slice state, struct or_err *err)
{
	struct owner *o = arg;

	(void)err;
	o->count = 0;
	if (state.n == sizeof(o->count))
		memcpy(&o->count, state.p, sizeof(o->count));
	o->restored = o->count;
	return OR_OK;
}

static enum or_code on_apply(
    void *arg, uint64_t index, const struct tl_segment_entry *entry, struct or_err *err)
{
	struct owner *o = arg;

	(void)entry;
	if (index != o->count)
		return or_err_set(err, OR_CORRUPT, "leaf %llu came as number %llu",
		    (unsigned long long)index, (unsigned long long)o->count);
	o->count++;
	return OR_OK;
}

static void on_save(void *arg, struct or_buf *out)
{
	const struct owner *o = arg;

	or_buf_put(out, &o->count, sizeof(o->count));
}

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));

	x->dir = support_tmpdir_new();
	ASSERT_OK(or_crypto_key_new(&x->secret, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&x->key, ORIGIN, x->secret, &x->err), &x->err);
	x->state = (struct co_store_state){&x->owner, on_restore, on_apply, on_save};
	x->opt = (struct co_store_opt){.dir = x->dir,
	    .origin = ORIGIN,
	    .key = &x->key,
	    .segment_bytes = 2000,
	    .state = &x->state,
	    .now_ns = 1000};
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_sys_fault_set(NULL, NULL);
	co_store_close(x->s);
	tl_note_key_done(&x->key);
	or_crypto_key_free(x->secret);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

static void open_store(struct fixture *x)
{
	ASSERT_OK(co_store_open(&x->s, &x->opt, &x->err), &x->err);
}

static void close_store(struct fixture *x)
{
	co_store_close(x->s);
	x->s = NULL;
}

/* Group g has g % 4 + 1 leaves "g.i". */
static size_t group_len(size_t g)
{
	return g % 4 + 1;
}

static enum or_code append_group(struct fixture *x, size_t g)
{
	struct or_slice leaves[4];
	char text[4][32];
	uint64_t first;
	enum or_code rc;

	for (size_t i = 0; i < group_len(g); i++) {
		snprintf(text[i], sizeof(text[i]), "%zu.%zu", g, i);
		leaves[i] = or_slice_str(text[i]);
	}
	rc = co_store_put(x->s, leaves, group_len(g), 5000, &first, &x->err);
	return rc ? rc : co_store_commit(x->s, 6000, &x->err);
}

/* Reads everything back: groups 0, 1, 2… whole and in order; returns how many. Root, proofs and
 * tiles agree with the checkpoint. */
static size_t assert_whole(struct fixture *x)
{
	struct tl_checkpoint c;
	const struct tl_note_key *keys[] = {&x->key};
	struct co_read_nodes nodes;
	struct co_read *r;
	struct tl_segment_entry e;
	struct co_read_scan scan = {0};
	struct tl_hash root;
	size_t g = 0, i = 0;
	char text[32];

	assert_null(co_store_damage(x->s));
	ASSERT_OK(tl_checkpoint_verify(
		      &c, co_store_checkpoint(x->s), OR_SLICE_LIT(ORIGIN), keys, 1, &x->err),
	    &x->err);
	assert_int_equal(c.size, co_store_size(x->s));
	ASSERT_OK(co_read_open(&r, x->dir, c.size, &x->err), &x->err);
	scan.to = c.size;
	while (co_read_scan_next(r, &scan, &e, &x->err) == OR_OK) {
		snprintf(text, sizeof(text), "%zu.%zu", g, i);
		ASSERT_SLICE(e.leaf, text);
		assert_int_equal(e.received_ns, 5000);
		if (++i == group_len(g)) {
			g++;
			i = 0;
		}
	}
	assert_int_equal(scan.next, c.size);
	assert_int_equal(i, 0);
	nodes = (struct co_read_nodes){.r = r};
	ASSERT_OK(tl_proof_root(&root, c.size, co_read_node, &nodes), &nodes.err);
	assert_true(tl_hash_eq(&root, &c.root));
	assert_int_equal(x->owner.count, c.size);
	co_read_close(r);
	return g;
}

static void open__begins_a_log_with_a_signed_nothing(void **state)
{
	struct fixture *x = *state;

	open_store(x);
	assert_int_equal(co_store_size(x->s), 0);
	assert_int_equal(assert_whole(x), 0);
	close_store(x);
	open_store(x);
	assert_int_equal(assert_whole(x), 0);
}

static void commit__is_found_again_over_many_segments(void **state)
{
	enum { GROUPS = 150 };
	struct fixture *x = *state;
	struct or_sys_names names;

	open_store(x);
	for (size_t g = 0; g < GROUPS; g++) {
		ASSERT_OK(append_group(x, g), &x->err);
		if (g % 37 == 0) {
			close_store(x);
			open_store(x);
			assert_int_equal(assert_whole(x), g + 1);
		}
	}
	assert_int_equal(assert_whole(x), GROUPS);
	close_store(x);
	ASSERT_OK(or_sys_list(&names, support_path(x->dir, "segments"), &x->err), &x->err);
	assert_true(names.n > 8);
	or_sys_names_free(&names);
	open_store(x);
	/* Recovery began at the last segment, not at the first. */
	assert_true(x->owner.restored > 0);
	assert_int_equal(assert_whole(x), GROUPS);
}

static void commit__takes_several_groups_at_once(void **state)
{
	struct fixture *x = *state;
	struct or_slice a[] = {OR_SLICE_LIT("0.0")},
			b[] = {OR_SLICE_LIT("1.0"), OR_SLICE_LIT("1.1")};
	uint64_t first = 9;

	open_store(x);
	ASSERT_OK(co_store_put(x->s, a, 1, 5000, &first, &x->err), &x->err);
	assert_int_equal(first, 0);
	ASSERT_OK(co_store_put(x->s, b, 2, 5000, &first, &x->err), &x->err);
	assert_int_equal(first, 1);
	assert_int_equal(co_store_size(x->s), 0);
	ASSERT_OK(co_store_commit(x->s, 6000, &x->err), &x->err);
	assert_int_equal(assert_whole(x), 2);
}

static void put__refuses_leaves_that_no_bundle_can_hold(void **state)
{
	struct fixture *x = *state;
	uint8_t *big = or_mem_new(TL_ENTRIES_LEAF_MAX + 1);
	struct or_slice leaf = {big, TL_ENTRIES_LEAF_MAX + 1};
	uint64_t first;

	open_store(x);
	ASSERT_CODE(co_store_put(x->s, &leaf, 1, 5000, &first, &x->err), OR_INVAL);
	leaf.n = 0;
	ASSERT_CODE(co_store_put(x->s, &leaf, 1, 5000, &first, &x->err), OR_INVAL);
	leaf.n = TL_ENTRIES_LEAF_MAX;
	ASSERT_OK(co_store_put(x->s, &leaf, 1, 5000, &first, &x->err), &x->err);
	ASSERT_OK(co_store_commit(x->s, 6000, &x->err), &x->err);
	assert_int_equal(co_store_size(x->s), 1);
	or_mem_free(big);
}

static void open__is_refused_while_another_has_it(void **state)
{
	struct fixture *x = *state;
	struct co_store *second;

	open_store(x);
	ASSERT_CODE(co_store_open(&second, &x->opt, &x->err), OR_BUSY);
}

/* The n-th call of the seam fails; everything after works again. */
struct fault {
	size_t at;
	size_t calls;
	size_t limit;
};

static int on_call(void *arg, enum or_sys_op op, size_t *limit)
{
	struct fault *f = arg;

	(void)op;
	if (++f->calls != f->at)
		return 0;
	*limit = f->limit;
	return EIO;
}

/* Appends until `groups` are acknowledged, opening again after each failure; a group that failed is
 * sent again only where it is not there already, as ingest's dedup has it. */
static void append_all(struct fixture *x, size_t groups)
{
	size_t g = 0;

	for (int tries = 0; g < groups && tries < 1000; tries++) {
		if (!x->s && co_store_open(&x->s, &x->opt, &x->err))
			continue;
		assert_null(co_store_damage(x->s));
		if (x->owner.count > 0 && g < groups) {
			size_t sum = 0, n = 0;

			while (sum < x->owner.count)
				sum += group_len(n++);
			assert_int_equal(sum, x->owner.count); /* no half group */
			assert_true(n >= g);                   /* invariant 1 */
			assert_true(n <= g + 1);               /* invariant 2 */
			g = n;
		}
		if (g == groups)
			break;
		if (append_group(x, g))
			close_store(x);
		else
			g++;
	}
	assert_int_equal(g, groups);
}

static void any_call_may_fail__and_nothing_is_lost_or_doubled(void **state)
{
	enum { GROUPS = 16 };
	struct fixture *x = *state;
	struct fault f = {.at = 0};
	size_t total;

	x->opt.segment_bytes = 700;
	or_sys_fault_set(on_call, &f);
	append_all(x, GROUPS);
	total = f.calls;
	assert_true(total > 80);
	/* A write that fails may have written nothing, or a part. */
	for (size_t limit = 0; limit < 2; limit++) {
		for (size_t at = 1; at <= total; at++) {
			close_store(x);
			support_tmpdir_remove(x->dir);
			x->dir = support_tmpdir_new();
			x->opt.dir = x->dir;
			x->owner = (struct owner){0};
			f = (struct fault){.at = at, .limit = limit * 60};
			append_all(x, GROUPS);
			assert_int_equal(assert_whole(x), GROUPS);
		}
	}
	or_sys_fault_set(NULL, NULL);
}

/* A child appends and says after each commit how far it is; it is killed at a random moment. */
static void kill_9__loses_nothing_that_was_acknowledged(void **state)
{
	struct fixture *x = *state;
	size_t acked = 0;

	for (int round = 0; round < 15; round++) {
		int ends[2];
		pid_t pid;
		size_t g;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			close(ends[0]);
			if (co_store_open(&x->s, &x->opt, &x->err))
				_exit(1);
			for (g = acked;; g++) {
				if (append_group(x, g) || write(ends[1], &g, sizeof(g)) < 0)
					_exit(1);
			}
		}
		close(ends[1]);
		/* Wherever it is when it has said so many: inside some write, fsync or rename. */
		for (int n = 0; n < 3 + round * 2; n++) {
			assert_int_equal(read(ends[0], &g, sizeof(g)), sizeof(g));
			acked = g + 1;
		}
		kill(pid, SIGKILL);
		while (read(ends[0], &g, sizeof(g)) == sizeof(g))
			acked = g + 1;
		close(ends[0]);
		waitpid(pid, NULL, 0);
		open_store(x);
		g = assert_whole(x);
		assert_true(g >= acked && g <= acked + 1);
		acked = g;
		close_store(x);
	}
}

static void flip(struct fixture *x, const char *name, size_t at)
{
	const char *path = support_path(x->dir, name);
	struct or_buf bytes;

	or_buf_init(&bytes, 1 << 20);
	ASSERT_OK(or_sys_read_file(&bytes, path, &x->err), &x->err);
	assert_true(at < bytes.n);
	bytes.p[at] ^= 1;
	ASSERT_OK(or_sys_write_file(path, or_buf_slice(&bytes), 0640, &x->err), &x->err);
	or_buf_done(&bytes);
}

static size_t file_size(struct fixture *x, const char *name)
{
	struct or_buf bytes;
	size_t n;

	or_buf_init(&bytes, 1 << 20);
	ASSERT_OK(or_sys_read_file(&bytes, support_path(x->dir, name), &x->err), &x->err);
	n = bytes.n;
	or_buf_done(&bytes);
	return n;
}

#define FIRST_SEGMENT "segments/00000000000000000000.seg"

static void damage__is_named_and_stops_appends(void **state)
{
	struct fixture *x = *state;
	size_t n, size;
	uint64_t first;
	struct or_slice leaf = OR_SLICE_LIT("x");

	x->opt.segment_bytes = 1 << 20;
	open_store(x);
	for (size_t g = 0; g < 5; g++)
		ASSERT_OK(append_group(x, g), &x->err);
	size = co_store_size(x->s);
	close_store(x);
	n = file_size(x, FIRST_SEGMENT);
	for (size_t at = 0; at < n; at += 7) {
		flip(x, FIRST_SEGMENT, at);
		open_store(x);
		assert_non_null(co_store_damage(x->s));
		ASSERT_HAS(co_store_damage(x->s)->msg, FIRST_SEGMENT);
		assert_int_equal(co_store_size(x->s), size);
		ASSERT_CODE(co_store_put(x->s, &leaf, 1, 1, &first, &x->err), OR_CORRUPT);
		ASSERT_CODE(co_store_commit(x->s, 1, &x->err), OR_CORRUPT);
		close_store(x);
		assert_int_equal(file_size(x, FIRST_SEGMENT), n); /* nothing was cut */
		flip(x, FIRST_SEGMENT, at);
	}
	open_store(x);
	assert_int_equal(assert_whole(x), 5);
}

static void damage__names_the_entry(void **state)
{
	struct fixture *x = *state;
	struct tl_segment_entry e;
	struct co_read *r;
	size_t header, entry = TL_SEGMENT_ENTRY_LEN + 3;
	char expected[64];

	x->opt.segment_bytes = 1 << 20;
	open_store(x);
	header = file_size(x, FIRST_SEGMENT);
	for (size_t g = 0; g < 5; g++)
		ASSERT_OK(append_group(x, g), &x->err);
	close_store(x);
	flip(x, FIRST_SEGMENT, header + 4 * entry + 50);
	open_store(x);
	snprintf(
	    expected, sizeof(expected), "offset %zu (index 4) has changed", header + 4 * entry);
	ASSERT_HAS(co_store_damage(x->s)->msg, expected);
	/* It is read around: the others are there, with their proofs' hashes. */
	ASSERT_OK(co_read_open(&r, x->dir, co_store_size(x->s), &x->err), &x->err);
	ASSERT_CODE(co_read_leaf(r, &e, 4, &x->err), OR_CORRUPT);
	ASSERT_HAS(x->err.msg, expected);
	ASSERT_OK(co_read_leaf(r, &e, 5, &x->err), &x->err);
	ASSERT_SLICE(e.leaf, "2.2");
	co_read_close(r);
}

static void damage__of_the_checkpoint_is_named(void **state)
{
	struct fixture *x = *state;

	open_store(x);
	ASSERT_OK(append_group(x, 0), &x->err);
	close_store(x);
	for (size_t at = 0; at < file_size(x, "checkpoint"); at += 5) {
		flip(x, "checkpoint", at);
		open_store(x);
		ASSERT_HAS(co_store_damage(x->s)->msg, "checkpoint");
		close_store(x);
		flip(x, "checkpoint", at);
	}
	ASSERT_OK(or_sys_unlink(support_path(x->dir, "checkpoint"), &x->err), &x->err);
	open_store(x);
	ASSERT_HAS(co_store_damage(x->s)->msg, "checkpoint: it is missing");
}

/* A segment whose last leaves went, with a checkpoint that covers them. */
static void damage__is_also_what_is_missing_at_the_end(void **state)
{
	struct fixture *x = *state;
	struct or_buf bytes;

	open_store(x);
	for (size_t g = 0; g < 3; g++)
		ASSERT_OK(append_group(x, g), &x->err);
	close_store(x);
	or_buf_init(&bytes, 1 << 20);
	ASSERT_OK(or_sys_read_file(&bytes, support_path(x->dir, FIRST_SEGMENT), &x->err), &x->err);
	or_buf_cut(&bytes, bytes.n - 1);
	ASSERT_OK(or_sys_write_file(
		      support_path(x->dir, FIRST_SEGMENT), or_buf_slice(&bytes), 0640, &x->err),
	    &x->err);
	or_buf_done(&bytes);
	open_store(x);
	ASSERT_HAS(co_store_damage(x->s)->msg, "missing or cut short");
}

static void torn_tail__is_cut(void **state)
{
	struct fixture *x = *state;
	struct or_buf bytes, tail;
	struct tl_segment_entry e = {.leaf = OR_SLICE_LIT("1.0"), .received_ns = 5000};

	open_store(x);
	ASSERT_OK(append_group(x, 0), &x->err);
	close_store(x);
	or_buf_init(&bytes, 1 << 20);
	or_buf_init(&tail, 1 << 20);
	ASSERT_OK(or_sys_read_file(&bytes, support_path(x->dir, FIRST_SEGMENT), &x->err), &x->err);
	/* A whole entry whose group is not closed, and half of the next. */
	tl_hash_leaf(&e.hash, e.leaf);
	tl_segment_put(&tail, &e);
	tl_segment_put(&tail, &e);
	for (size_t n = 1; n < tail.n; n += 5) {
		struct or_buf torn;

		or_buf_init(&torn, 1 << 20);
		or_buf_put_slice(&torn, or_buf_slice(&bytes));
		or_buf_put(&torn, tail.p, n);
		ASSERT_OK(or_sys_write_file(support_path(x->dir, FIRST_SEGMENT),
			      or_buf_slice(&torn), 0640, &x->err),
		    &x->err);
		or_buf_done(&torn);
		open_store(x);
		assert_int_equal(assert_whole(x), 1);
		close_store(x);
		assert_int_equal(file_size(x, FIRST_SEGMENT), bytes.n);
	}
	or_buf_done(&bytes);
	or_buf_done(&tail);
}

static void open__takes_the_key_before_this_one(void **state)
{
	struct fixture *x = *state;
	struct or_crypto_key *secret;
	struct tl_note_key fresh;

	ASSERT_OK(or_crypto_key_new(&secret, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&fresh, ORIGIN, secret, &x->err), &x->err);
	open_store(x);
	ASSERT_OK(append_group(x, 0), &x->err);
	close_store(x);
	x->opt.key = &fresh;
	open_store(x);
	ASSERT_HAS(co_store_damage(x->s)->msg, "none of the known keys");
	close_store(x);
	x->opt.older = &x->key;
	open_store(x);
	assert_null(co_store_damage(x->s));
	ASSERT_OK(append_group(x, 1), &x->err);
	close_store(x);
	x->opt.older = NULL;
	open_store(x);
	assert_null(co_store_damage(x->s));
	tl_note_key_done(&fresh);
	or_crypto_key_free(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(open__begins_a_log_with_a_signed_nothing),
	    T(commit__is_found_again_over_many_segments),
	    T(commit__takes_several_groups_at_once),
	    T(put__refuses_leaves_that_no_bundle_can_hold),
	    T(open__is_refused_while_another_has_it),
	    T(any_call_may_fail__and_nothing_is_lost_or_doubled),
	    T(kill_9__loses_nothing_that_was_acknowledged),
	    T(damage__is_named_and_stops_appends),
	    T(damage__names_the_entry),
	    T(damage__of_the_checkpoint_is_named),
	    T(damage__is_also_what_is_missing_at_the_end),
	    T(torn_tail__is_cut),
	    T(open__takes_the_key_before_this_one),
	};

	/* Thousands of fsyncs, none of which can show anything that a disk would. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
