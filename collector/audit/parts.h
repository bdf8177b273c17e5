/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a shard's log on disk, read: which there are, and each one opened when it is needed.
 *
 *   <dir>/parts/<first>-<end>-<day>.part     leaves [first, end) that were received on that UTC day
 *
 * A part that lies within another one is what compaction has not removed yet, and is passed over.
 * Thread: whoever owns it; like co_read it shares nothing but the files. Reads block on the disk.
 * Memory: footers, and what was used of columns, until trim; CO_PARTS_FILES_MAX open files.
 */
#ifndef COLLECTOR_AUDIT_PARTS_H
#define COLLECTOR_AUDIT_PARTS_H

#include "collector/audit/tail.h"

#define CO_PARTS_FILES_MAX 512

struct co_parts;

struct co_parts *co_parts_new(const char *dir);
void co_parts_free(struct co_parts *p);

/* Reads the names again; what is open of those that stay is kept. No folder: no parts. Not while
 * they are pinned. */
OR_NODISCARD enum or_code co_parts_list(struct co_parts *p, struct or_err *err);

/* For whoever goes over parts in several steps: lists and opens them all, unless they are pinned
 * already, and keeps them as they are until the last unpin: a part that is removed meanwhile is
 * read on. (Where there are more than CO_PARTS_FILES_MAX of them, one may then be gone.) */
OR_NODISCARD enum or_code co_parts_pin(struct co_parts *p, struct or_err *err);
void co_parts_unpin(struct co_parts *p);

/* What is not sealed yet, as far as it was made parts in memory; pinned with the others. */
struct co_tail *co_parts_tail(const struct co_parts *p);

size_t co_parts_n(const struct co_parts *p);
uint64_t co_parts_first(const struct co_parts *p, size_t i);
uint64_t co_parts_end(const struct co_parts *p, size_t i);
uint64_t co_parts_day(const struct co_parts *p, size_t i); /* 20261124 */
/* The end of the last one: where segments go on. 0 where there are none. */
uint64_t co_parts_sealed(const struct co_parts *p);

/* The part that holds a leaf; false: none does. */
bool co_parts_find(const struct co_parts *p, size_t *i, uint64_t index);

/* Opens part i; borrowed until list, trim or free. OR_CORRUPT: it is damaged, or not what its name
 * says. OR_ABSENT: it is gone (list again). */
OR_NODISCARD enum or_code co_parts_get(
    struct co_parts *p, size_t i, struct tl_part **out, struct or_err *err);

/* Gives back what parts that were not used last hold of columns, until it is at most `bytes`. */
void co_parts_trim(struct co_parts *p, size_t bytes);

#endif
