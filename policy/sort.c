/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sort.h"

/* Up to here insertion is quicker. */
enum { FEW = 12 };

struct list {
	uint8_t *p;
	size_t size;
	int (*cmp)(const void *a, const void *b);
};

static uint8_t *at(const struct list *l, size_t i)
{
	return l->p + i * l->size;
}

static void insert_all(const struct list *l, size_t n)
{
	uint8_t item[POL_SORT_SIZE_MAX];

	for (size_t i = 1; i < n; i++) {
		size_t to = i;

		while (to > 0 && l->cmp(at(l, to - 1), at(l, i)) > 0)
			to--;
		if (to == i)
			continue;
		memcpy(item, at(l, i), l->size);
		memmove(at(l, to + 1), at(l, to), (i - to) * l->size);
		memcpy(at(l, to), item, l->size);
	}
}

/* Lets the item at i sink to where both below it are smaller. */
static void sink(const struct list *l, size_t i, size_t n)
{
	uint8_t item[POL_SORT_SIZE_MAX];

	memcpy(item, at(l, i), l->size);
	for (;;) {
		size_t below = 2 * i + 1;

		if (below + 1 < n && l->cmp(at(l, below), at(l, below + 1)) < 0)
			below++;
		if (below >= n || l->cmp(item, at(l, below)) >= 0)
			break;
		memcpy(at(l, i), at(l, below), l->size);
		i = below;
	}
	memcpy(at(l, i), item, l->size);
}

static void heap_sort(const struct list *l, size_t n)
{
	uint8_t item[POL_SORT_SIZE_MAX];

	for (size_t i = n / 2; i > 0; i--)
		sink(l, i - 1, n);
	for (size_t last = n - 1; last > 0; last--) {
		memcpy(item, at(l, last), l->size);
		memcpy(at(l, last), at(l, 0), l->size);
		memcpy(at(l, 0), item, l->size);
		sink(l, 0, last);
	}
}

static bool is_sorted(const struct list *l, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (l->cmp(at(l, i - 1), at(l, i)) > 0)
			return false;
	}
	return true;
}

void pol_sort_items(void *items, size_t n, size_t size, int (*cmp)(const void *a, const void *b))
{
	struct list l = {items, size, cmp};

	OR_ASSERT(size <= POL_SORT_SIZE_MAX);
	if (n <= FEW)
		insert_all(&l, n);
	else if (!is_sorted(&l, n))
		heap_sort(&l, n);
}
