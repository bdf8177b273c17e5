/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query's filter over the columns of one part, a block of rows at a time.
 *
 * What the dictionaries and ranges of the part rule out is known before any row is read. A term
 * whose field is not in columns (a span, a pattern on trace ids) lets all rows through: then
 * is_exact is false, and each row is to be asked as a whole record.
 * Thread: whoever owns the part.
 */
#ifndef COLLECTOR_QUERY_SIEVE_H
#define COLLECTOR_QUERY_SIEVE_H

#include "collector/query/plan.h"
#include "collector/query/query.h"
#include "tlog/part.h"

#define CO_SIEVE_WORDS (TL_PART_BLOCK / 64)

struct co_sieve;

/* The query and the part must outlive it. */
OR_NODISCARD enum or_code co_sieve_new(
    struct co_sieve **out, const struct co_query *q, struct tl_part *part, struct or_err *err);
void co_sieve_free(struct co_sieve *s);

/* No row of the part passes. */
bool co_sieve_is_empty(const struct co_sieve *s);
/* What says so; CO_PLAN_READ where it is not empty. */
enum co_plan_skip co_sieve_why(const struct co_sieve *s);
bool co_sieve_is_exact(const struct co_sieve *s);

/* Rows of a block that pass, a bit each: takes away from bits those that do not. */
OR_NODISCARD enum or_code co_sieve_block(
    struct co_sieve *s, uint32_t block, uint64_t bits[CO_SIEVE_WORDS], struct or_err *err);

#endif
