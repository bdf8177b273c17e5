/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of `outrider verify` over one shard's log, leaf by leaf, wherever the leaves come
 * from.
 *
 *   1. the root: all leaves hashed again (RFC 6962 §2.1) give the signed checkpoint's root;
 *   2. history: the first N leaves give the root of the checkpoint that was seen last;
 *   3. frames: each record lies under a frame that its agent signed, with a key that the
 * collector's enrolment key certified for that product, and the frame's own root covers its
 * records;
 *   4. streams: numbers run from 1 without a hole or a repetition.
 * Tiles are compared by whoever watches (cli/tiles.h).
 *
 * Pure: no I/O. Thread: one. Memory grows with the number of streams, not of records.
 * Limits: CTL_CHECK_FINDINGS_MAX findings are kept, further ones counted.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "base/arena.h"
#include "base/crypto.h"
#include "tlog/tree.h"

#define CTL_CHECK_FINDINGS_MAX 50

struct ctl_check_opt {
	uint64_t size; /* of the checkpoint whose signature has been verified */
	struct tl_hash root;
	uint64_t seen_size; /* 0: none was seen before */
	struct tl_hash seen_root;
	struct or_crypto_key *const *enrolment_keys;
	size_t n_enrolment_keys;
};

struct ctl_check_report {
	uint64_t leaves;
	uint64_t records;
	uint64_t frames;
	uint64_t agents;
	uint64_t streams;
	uint64_t findings; /* 0: everything holds */
	const char *texts[CTL_CHECK_FINDINGS_MAX];
	size_t n_texts;
	bool root_ok;
	bool history_ok;
};

struct ctl_check;

struct ctl_check *ctl_check_new(const struct ctl_check_opt *opt);
void ctl_check_free(struct ctl_check *c);

/* Told of each complete subtree whose leaves read back as they were written (a tl_tree_fn). Set
 * before the first leaf. */
void ctl_check_watch(struct ctl_check *c, tl_tree_fn *fn, void *arg);

/*
 * The leaf at the next index. stored: what the log's own files say of it (NULL: unknown), so
 * that a changed leaf is named and not only the root that went wrong. where: its place, for
 * messages ("shards/0/… offset 4711"), or NULL.
 */
void ctl_check_leaf(
    struct ctl_check *c, struct or_slice leaf, const struct tl_hash *stored, const char *where);

/* A finding that the caller made itself. */
void ctl_check_found(struct ctl_check *c, const char *fmt, ...) OR_PRINTF(2, 3);
/* The same, where it is the next leaf that does not read back: a segment that does not parse. */
void ctl_check_damaged(struct ctl_check *c, const char *text);

/* Ends; texts live as long as c. */
const struct ctl_check_report *ctl_check_end(struct ctl_check *c);

#endif
