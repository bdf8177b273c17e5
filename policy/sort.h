/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting in place, without a heap: qsort takes memory for lists of some length, and a request must
 * not. Private to the room.
 */
#ifndef POLICY_SORT_H
#define POLICY_SORT_H

#include "base/def.h"

#define POL_SORT_SIZE_MAX 64 /* bytes of an item */

/* As qsort: O(n log n) at worst, not stable. */
void pol_sort_items(void *items, size_t n, size_t size, int (*cmp)(const void *a, const void *b));

#endif
