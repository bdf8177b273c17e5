/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a log is not sealed yet, as parts in memory, so that queries do not read it leaf by leaf.
 *
 * Whoever walks the leaves behind co_tail_end puts them in on the way; each CO_TAIL_ROWS of them
 * become a part that the next query reads by its columns. The parts follow each other from where
 * sealing ended; what is sealed meanwhile goes when nobody has it pinned.
 *
 * Thread: whoever owns it. Limits: CO_TAIL_BYTES_MAX of parts; what lies behind is walked.
 */
#ifndef COLLECTOR_AUDIT_TAIL_H
#define COLLECTOR_AUDIT_TAIL_H

#include "tlog/part.h"

#define CO_TAIL_ROWS        4096
#define CO_TAIL_BYTES_MAX   (32UL * 1024 * 1024)
#define CO_TAIL_COLUMNS_MAX (24UL * 1024 * 1024) /* what they keep of columns between queries */

struct co_tail;

struct co_tail *co_tail_new(void);
void co_tail_free(struct co_tail *t);

/* sealed: where parts on disk end; the same for all who have it pinned. */
void co_tail_pin(struct co_tail *t, uint64_t sealed);
void co_tail_unpin(struct co_tail *t);

/* While pinned. Parts in order, the first begins at `sealed`; where the last of them ends. */
size_t co_tail_n(const struct co_tail *t);
struct tl_part *co_tail_get(const struct co_tail *t, size_t i);
uint64_t co_tail_end(const struct co_tail *t);

/* Leaves on their way to be a part. */
struct co_tail_build;
/* NULL: there is no room. index: the leaf that comes first. */
struct co_tail_build *co_tail_build_new(const struct co_tail *t, uint64_t index);
void co_tail_build_free(struct co_tail_build *b);
/* True: it takes no more (this leaf may not be in it): co_tail_take. */
bool co_tail_build_add(struct co_tail_build *b, const struct tl_segment_entry *e);
/* The next leaf that it would take. */
uint64_t co_tail_build_end(const struct co_tail_build *b);
/* Makes a part of it, unless another one has its place (two walks side by side); b is gone. */
void co_tail_take(struct co_tail *t, struct co_tail_build *b);

#endif
