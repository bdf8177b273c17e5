/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/tail.h"

#include "base/mem.h"
#include "collector/audit/columns.h"
#include "tlog/part_build.h"

enum { PART_MAX = 8 * 1024 * 1024, PARTS_MAX = 512 };

struct item {
	struct tl_part *part;
	struct or_buf *bytes;
	uint64_t first, end;
};

struct co_tail {
	struct item items[PARTS_MAX];
	size_t n;
	size_t bytes;
	unsigned int pins;
	uint64_t sealed; /* of the pins: where the first part begins */
};

struct co_tail_build {
	struct tl_part_build *rows;
	uint64_t first;
};

struct co_tail *co_tail_new(void)
{
	return or_mem_new(sizeof(struct co_tail));
}

static void drop_items(struct co_tail *t)
{
	for (size_t i = 0; i < t->n; i++) {
		tl_part_close(t->items[i].part);
		or_buf_done(t->items[i].bytes);
		or_mem_free(t->items[i].bytes);
	}
	t->n = 0;
	t->bytes = 0;
}

void co_tail_free(struct co_tail *t)
{
	if (!t)
		return;
	drop_items(t);
	or_mem_free(t);
}

/* Parts end where segments do or at a number of rows, so what is left rarely begins where sealing
 * ended; where it does it stays. */
static void drop_sealed(struct co_tail *t, uint64_t sealed)
{
	size_t gone = 0;

	while (gone < t->n && t->items[gone].first < sealed)
		gone++;
	if (gone == t->n || t->items[gone].first != sealed) {
		drop_items(t);
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		if (i >= gone) {
			t->items[i - gone] = t->items[i];
			continue;
		}
		t->bytes -= t->items[i].bytes->n;
		tl_part_close(t->items[i].part);
		or_buf_done(t->items[i].bytes);
		or_mem_free(t->items[i].bytes);
	}
	t->n -= gone;
}

void co_tail_pin(struct co_tail *t, uint64_t sealed)
{
	if (t->pins++)
		return;
	t->sealed = sealed;
	if (t->n && t->items[0].first != sealed)
		drop_sealed(t, sealed);
}

void co_tail_unpin(struct co_tail *t)
{
	size_t columns = 0;

	OR_ASSERT(t->pins);
	if (--t->pins)
		return;
	for (size_t i = 0; i < t->n; i++)
		columns += tl_part_memory(t->items[i].part);
	for (size_t i = 0; columns > CO_TAIL_COLUMNS_MAX && i < t->n; i++) {
		columns -= tl_part_memory(t->items[i].part);
		tl_part_forget(t->items[i].part);
	}
}

size_t co_tail_n(const struct co_tail *t)
{
	return t->n;
}

struct tl_part *co_tail_get(const struct co_tail *t, size_t i)
{
	return t->items[i].part;
}

uint64_t co_tail_end(const struct co_tail *t)
{
	return t->n ? t->items[t->n - 1].end : t->sealed;
}

/* ---- building */

struct co_tail_build *co_tail_build_new(const struct co_tail *t, uint64_t index)
{
	struct co_tail_build *b;

	if (t->bytes >= CO_TAIL_BYTES_MAX || t->n == PARTS_MAX)
		return NULL;
	b = or_mem_new(sizeof(*b));
	b->first = index;
	b->rows = tl_part_build_new(co_columns_audit, co_columns_audit_n, index, CO_TAIL_ROWS);
	return b;
}

void co_tail_build_free(struct co_tail_build *b)
{
	if (!b)
		return;
	tl_part_build_free(b->rows);
	or_mem_free(b);
}

bool co_tail_build_add(struct co_tail_build *b, const struct tl_segment_entry *e)
{
	return tl_part_build_add(b->rows, e) == OR_FULL ||
	       tl_part_build_rows(b->rows) == CO_TAIL_ROWS;
}

uint64_t co_tail_build_end(const struct co_tail_build *b)
{
	return b->first + tl_part_build_rows(b->rows);
}

static enum or_code fetch(void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	const struct or_buf *bytes = arg;

	if (offset > bytes->n || n > bytes->n - offset)
		return or_err_set(err, OR_CORRUPT, "a part in memory ends before a piece does");
	memcpy(to, bytes->p + offset, n);
	return OR_OK;
}

/* NULL: it came out larger than a part in memory may be. */
static struct or_buf *write_part(struct tl_part_build *rows)
{
	struct or_buf *bytes = or_mem_new(sizeof(*bytes));

	or_buf_init(bytes, PART_MAX);
	while (tl_part_build_step(rows, bytes))
		;
	if (or_buf_ok(bytes))
		return bytes;
	or_buf_done(bytes);
	or_mem_free(bytes);
	return NULL;
}

void co_tail_take(struct co_tail *t, struct co_tail_build *b)
{
	uint32_t rows = tl_part_build_rows(b->rows);
	struct item item = {.first = b->first, .end = b->first + rows};
	struct tl_part_source source = {.fetch = fetch, .name = "a part in memory"};

	if (rows && co_tail_end(t) == b->first && t->n < PARTS_MAX)
		item.bytes = write_part(b->rows);
	co_tail_build_free(b);
	if (!item.bytes)
		return;
	source.arg = item.bytes;
	source.size = item.bytes->n;
	if (tl_part_open(&item.part, &source, NULL)) {
		or_buf_done(item.bytes);
		or_mem_free(item.bytes);
		return;
	}
	t->bytes += item.bytes->n;
	t->items[t->n++] = item;
}
