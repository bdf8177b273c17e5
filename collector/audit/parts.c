/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/parts.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

struct item {
	struct co_files_part at;
	struct tl_part *part; /* NULL: not open */
	struct handle {
		int fd; /* -1: closed; the next read opens it */
		char path[CO_FILES_PATH_MAX];
	} * handle;
	uint64_t used; /* when last, in calls of get */
};

struct co_parts {
	char *dir;
	struct item *items;
	size_t n;
	uint64_t tick;
	size_t n_open;
	size_t pins;
	struct co_tail *tail;
};

struct co_parts *co_parts_new(const char *dir)
{
	struct co_parts *p = or_mem_new(sizeof(*p));

	p->dir = or_mem_strdup(dir);
	p->tail = co_tail_new();
	return p;
}

static void close_item(struct co_parts *p, struct item *item)
{
	tl_part_close(item->part);
	if (item->handle) {
		p->n_open -= item->handle->fd >= 0;
		or_sys_close(item->handle->fd);
	}
	or_mem_free(item->handle);
}

void co_parts_free(struct co_parts *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		close_item(p, &p->items[i]);
	co_tail_free(p->tail);
	or_mem_free(p->items);
	or_mem_free(p->dir);
	or_mem_free(p);
}

/* By beginning; of those that begin alike the longest first. */
static int in_order(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->at.first != y->at.first)
		return x->at.first < y->at.first ? -1 : 1;
	return (x->at.end < y->at.end) - (x->at.end > y->at.end);
}

/* What is known of an item that was there before. */
static void take_known(struct co_parts *p, struct item *item)
{
	for (size_t i = 0; i < p->n; i++) {
		struct item *old = &p->items[i];

		if (old->at.first == item->at.first && old->at.end == item->at.end &&
		    old->at.day == item->at.day) {
			*item = *old;
			old->part = NULL;
			old->handle = NULL;
			return;
		}
	}
}

static void replace_items(struct co_parts *p, struct item *items, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(items, n, sizeof(*items), in_order);
	for (size_t i = 0; i < n; i++) {
		if (kept && items[i].at.end <= items[kept - 1].at.end)
			continue;
		items[kept] = items[i];
		take_known(p, &items[kept++]);
	}
	for (size_t i = 0; i < p->n; i++)
		close_item(p, &p->items[i]);
	or_mem_free(p->items);
	p->items = items;
	p->n = kept;
}

enum or_code co_parts_list(struct co_parts *p, struct or_err *err)
{
	char path[CO_FILES_PATH_MAX];
	struct or_sys_names names;
	struct item *items;
	size_t n = 0;
	enum or_code rc;

	OR_ASSERT(!p->pins);
	co_files_join(path, p->dir, "parts");
	rc = or_sys_list(&names, path, err);
	if (rc)
		return rc == OR_ABSENT ? OR_OK : rc;
	items = or_mem_array(names.n + 1, sizeof(*items));
	for (size_t i = 0; i < names.n; i++) {
		if (co_files_part_parse(&items[n].at, names.names[i]))
			n++;
	}
	or_sys_names_free(&names);
	replace_items(p, items, n);
	return OR_OK;
}

enum or_code co_parts_pin(struct co_parts *p, struct or_err *err)
{
	enum or_code rc = p->pins ? OR_OK : co_parts_list(p, err);
	struct tl_part *part;

	if (rc)
		return rc;
	/* What is wrong with one is told to who gets it. */
	for (size_t i = 0; i < p->n && !p->pins; i++) {
		if (!p->items[i].part)
			rc = co_parts_get(p, i, &part, NULL);
	}
	p->pins++;
	co_tail_pin(p->tail, co_parts_sealed(p));
	return OR_OK;
}

void co_parts_unpin(struct co_parts *p)
{
	OR_ASSERT(p->pins);
	p->pins--;
	co_tail_unpin(p->tail);
}

struct co_tail *co_parts_tail(const struct co_parts *p)
{
	return p->tail;
}

size_t co_parts_n(const struct co_parts *p)
{
	return p->n;
}

uint64_t co_parts_first(const struct co_parts *p, size_t i)
{
	return p->items[i].at.first;
}

uint64_t co_parts_end(const struct co_parts *p, size_t i)
{
	return p->items[i].at.end;
}

uint64_t co_parts_day(const struct co_parts *p, size_t i)
{
	return p->items[i].at.day;
}

uint64_t co_parts_sealed(const struct co_parts *p)
{
	return p->n ? p->items[p->n - 1].at.end : 0;
}

bool co_parts_find(const struct co_parts *p, size_t *i, uint64_t index)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->items[mid].at.first <= index)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || index >= p->items[low - 1].at.end)
		return false;
	*i = low - 1;
	return true;
}

static enum or_code fetch(void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	struct handle *h = arg;
	size_t got = 0;
	enum or_code rc = OR_OK;

	if (h->fd < 0)
		rc = or_sys_open(&h->fd, h->path, O_RDONLY, 0, err);
	if (!rc)
		rc = or_sys_pread(h->fd, to, n, offset, &got, err);
	if (!rc && got < n)
		rc = or_err_set(err, OR_CORRUPT,
		    "%s: it ends at offset %" PRIu64 ", before a piece does", h->path,
		    offset + got);
	return rc;
}

static void close_files(struct co_parts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct handle *h = p->items[i].handle;

		if (h) {
			or_sys_close(h->fd);
			h->fd = -1;
		}
	}
	p->n_open = 0;
}

static enum or_code open_item(struct co_parts *p, struct item *item, struct or_err *err)
{
	char name[CO_FILES_PART_LEN + 1], path[CO_FILES_PATH_MAX];
	struct tl_part_source source = {.fetch = fetch};
	struct handle *h = or_mem_new(sizeof(*h));
	struct tl_part *part = NULL;
	enum or_code rc;

	h->fd = -1;
	co_files_part_name(name, &item->at);
	co_files_join(path, p->dir, "parts");
	co_files_join(h->path, path, name);
	source.arg = h;
	source.name = h->path;
	rc = or_sys_open(&h->fd, h->path, O_RDONLY, 0, err);
	if (!rc)
		rc = or_sys_size(&source.size, h->fd, err);
	if (!rc)
		rc = tl_part_open(&part, &source, err);
	if (!rc && (tl_part_first(part) != item->at.first ||
		       tl_part_rows(part) != item->at.end - item->at.first))
		rc = or_err_set(err, OR_CORRUPT, "%s: it holds other leaves (index %" PRIu64 " on)",
		    h->path, tl_part_first(part));
	if (rc) {
		tl_part_close(part);
		or_sys_close(h->fd);
		or_mem_free(h);
		return rc;
	}
	item->part = part;
	item->handle = h;
	p->n_open++;
	return OR_OK;
}

enum or_code co_parts_get(struct co_parts *p, size_t i, struct tl_part **out, struct or_err *err)
{
	struct item *item = &p->items[i];
	enum or_code rc = OR_OK;

	if (!item->part) {
		if (p->n_open >= CO_PARTS_FILES_MAX)
			close_files(p);
		rc = open_item(p, item, err);
	}
	if (rc)
		return rc;
	item->used = ++p->tick;
	*out = item->part;
	return OR_OK;
}

void co_parts_trim(struct co_parts *p, size_t bytes)
{
	for (;;) {
		struct item *oldest = NULL;
		size_t sum = 0;

		for (size_t i = 0; i < p->n; i++) {
			struct item *item = &p->items[i];
			size_t n = item->part ? tl_part_memory(item->part) : 0;

			sum += n;
			if (n && (!oldest || item->used < oldest->used))
				oldest = item;
		}
		if (sum <= bytes || !oldest)
			return;
		tl_part_forget(oldest->part);
	}
}
