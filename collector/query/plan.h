/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a query is answered: what "explain" shows. Pure; whoever owns it.
 */
#ifndef COLLECTOR_QUERY_PLAN_H
#define COLLECTOR_QUERY_PLAN_H

#include "base/buf.h"

/* Why a part is not read. */
enum co_plan_skip {
	CO_PLAN_READ,   /* it is */
	CO_PLAN_TIME,   /* its times lie outside of since and until */
	CO_PLAN_RANGE,  /* a number that is asked for lies outside of the column's */
	CO_PLAN_VALUE,  /* its dictionary does not have a text that is asked for */
	CO_PLAN_ID,     /* the trace is not among its ids */
	CO_PLAN_FILTER, /* terms that exclude each other */
	CO_PLAN_OLDER,  /* there are enough newer rows */
	CO_PLAN_SKIPS
};

struct co_plan {
	uint64_t parts[CO_PLAN_SKIPS];
	uint64_t blocks_read; /* of 1,024 rows, in the parts that are read */
	uint64_t blocks_skipped;
	uint64_t rows_skipped; /* of parts and blocks that are not read */
	uint64_t rows_columns; /* looked at by their columns */
	uint64_t rows_whole;   /* put together as records and asked */
	uint64_t rows_tail;    /* looked at that are not sealed yet */
};

/* {"explain":{…}} as a line. */
void co_plan_put(struct or_buf *out, const struct co_plan *p, uint64_t matched);

#endif
