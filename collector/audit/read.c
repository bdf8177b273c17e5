/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/read.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/files.h"
#include "collector/audit/parts.h"

#include <fcntl.h>
#include <inttypes.h>

/* One read from disk: at least two of the longest entries. */
enum { STRIDE = 64, WINDOW = 256 * 1024 };

/* Leaves that are worth reading a part's columns whole, and what may be kept of columns. */
enum { WALK_MIN = 64, COLUMNS_MAX = 48 * 1024 * 1024 };

struct segment {
	uint64_t first;
	size_t header_len; /* 0: not looked at yet */
	/* Where every STRIDE-th entry begins, as far as it was walked. */
	uint32_t *marks;
	size_t n_marks, cap;
	uint64_t walked; /* entries */
	uint64_t offset; /* behind them */
};

struct co_read {
	char *dir;
	uint64_t size;
	struct segment *segments;
	size_t n_segments;
	int fd; /* of segment `open` */
	size_t open;
	/* Bytes of the open segment. */
	uint8_t *window;
	uint64_t window_at;
	size_t window_n;
	struct or_buf head; /* what co_read_segment lends */
	struct co_parts *parts;
	/* The part that is being walked, NULL: none; the leaf that comes next. */
	struct tl_part_leaf_walk *walk;
	uint64_t walk_next;
};

static void forget_window(struct co_read *r)
{
	r->window_n = 0;
}

static enum or_code corrupt(struct co_read *r, const struct segment *seg, uint64_t offset,
    uint64_t index, const char *what, struct or_err *err)
{
	return or_err_set(err, OR_CORRUPT,
	    "%s/segments/%020" PRIu64 ".seg: the entry at offset %" PRIu64 " (index %" PRIu64
	    ") %s",
	    r->dir, seg->first, offset, index, what);
}

static void end_walk(struct co_read *r)
{
	tl_part_leaf_walk_free(r->walk);
	r->walk = NULL;
}

/* What is known of a segment that was there before. */
static void take_known(struct co_read *r, struct segment *seg)
{
	for (size_t i = 0; i < r->n_segments; i++) {
		if (r->segments[i].first == seg->first) {
			*seg = r->segments[i];
			r->segments[i].marks = NULL;
			return;
		}
	}
}

static void replace_segments(struct co_read *r, const struct or_sys_names *names)
{
	struct segment *now = or_mem_array(names->n + 1, sizeof(*now));
	uint64_t open = r->fd >= 0 ? r->segments[r->open].first : 0;
	bool is_open = false;
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (!co_files_segment_first(&now[n].first, names->names[i]))
			continue;
		take_known(r, &now[n]);
		if (r->fd >= 0 && now[n].first == open) {
			r->open = n;
			is_open = true;
		}
		n++;
	}
	if (r->fd >= 0 && !is_open) {
		or_sys_close(r->fd);
		r->fd = -1;
		forget_window(r);
	}
	for (size_t i = 0; i < r->n_segments; i++)
		or_mem_free(r->segments[i].marks);
	or_mem_free(r->segments);
	r->segments = now;
	r->n_segments = n;
}

/* Reads the names of segments and parts again. A part appears before the segments that it holds
 * go, so it is looked for after them. */
static enum or_code list_segments(struct co_read *r, struct or_err *err)
{
	char path[CO_FILES_PATH_MAX];
	struct or_sys_names names;
	enum or_code rc;

	co_files_join(path, r->dir, "segments");
	rc = or_sys_list(&names, path, err);
	if (rc)
		return rc;
	replace_segments(r, &names);
	or_sys_names_free(&names);
	end_walk(r);
	return co_parts_list(r->parts, err);
}

enum or_code co_read_open(struct co_read **out, const char *dir, uint64_t size, struct or_err *err)
{
	struct co_read *r;
	enum or_code rc;

	if (strlen(dir) > CO_FILES_PATH_MAX - 128)
		return or_err_set(err, OR_INVAL, "the log's directory has too long a name");
	r = or_mem_new(sizeof(*r));
	r->dir = or_mem_strdup(dir);
	r->size = size;
	r->fd = -1;
	r->window = or_mem_new(WINDOW);
	r->parts = co_parts_new(dir);
	or_buf_init(&r->head, TL_SEGMENT_HEAD_MAX);
	rc = list_segments(r, err);
	if (rc) {
		co_read_close(r);
		return rc;
	}
	*out = r;
	return OR_OK;
}

void co_read_close(struct co_read *r)
{
	if (!r)
		return;
	end_walk(r);
	co_parts_free(r->parts);
	or_sys_close(r->fd);
	for (size_t i = 0; i < r->n_segments; i++)
		or_mem_free(r->segments[i].marks);
	or_mem_free(r->segments);
	or_mem_free(r->window);
	or_buf_done(&r->head);
	or_mem_free(r->dir);
	or_mem_free(r);
}

void co_read_grow(struct co_read *r, uint64_t size)
{
	if (size <= r->size)
		return;
	r->size = size;
	/* It may hold bytes of an append that was cut and written over since. */
	forget_window(r);
}

uint64_t co_read_size(const struct co_read *r)
{
	return r->size;
}

static enum or_code open_segment(struct co_read *r, size_t i, struct or_err *err)
{
	char name[CO_FILES_NAME_LEN + 1], path[CO_FILES_PATH_MAX];
	enum or_code rc;
	int fd = -1;

	if (r->fd >= 0 && r->open == i)
		return OR_OK;
	co_files_segment_name(name, r->segments[i].first);
	co_files_segment(path, r->dir, name);
	rc = or_sys_open(&fd, path, O_RDONLY, 0, err);
	if (rc)
		return rc;
	or_sys_close(r->fd);
	r->fd = fd;
	r->open = i;
	forget_window(r);
	return OR_OK;
}

/* The bytes of the open segment from offset on, as far as one window goes. */
static enum or_code look(
    struct co_read *r, struct or_slice *out, uint64_t offset, size_t want, struct or_err *err)
{
	enum or_code rc;
	size_t got;

	if (offset < r->window_at || offset + want > r->window_at + r->window_n) {
		rc = or_sys_pread(r->fd, r->window, WINDOW, offset, &got, err);
		if (rc)
			return rc;
		r->window_at = offset;
		r->window_n = got;
	}
	*out = offset > r->window_at + r->window_n
		   ? OR_SLICE_NONE
		   : or_slice(r->window + (offset - r->window_at),
			 r->window_n - (size_t)(offset - r->window_at));
	return OR_OK;
}

/* The whole entry at an offset, checked or not, in the window. */
static enum or_code entry_at(
    struct co_read *r, struct or_slice *out, uint64_t offset, struct or_err *err)
{
	enum or_code rc = look(r, out, offset, TL_SEGMENT_ENTRY_LEN, err);

	if (!rc && tl_segment_entry_len(*out) == 0)
		rc = look(r, out, offset, TL_SEGMENT_ENTRY_LEN + TL_ENTRIES_LEAF_MAX, err);
	return rc;
}

static enum or_code read_start(struct co_read *r, struct segment *seg, struct or_err *err)
{
	struct or_slice start;
	enum or_code rc;

	if (seg->header_len)
		return OR_OK;
	rc = look(r, &start, 0, TL_SEGMENT_START_LEN, err);
	if (rc)
		return rc;
	if (tl_segment_head_len(&seg->header_len, start)) {
		seg->header_len = 0;
		return or_err_set(err, OR_CORRUPT,
		    "%s/segments/%020" PRIu64 ".seg: this is no segment", r->dir, seg->first);
	}
	seg->offset = seg->header_len;
	return OR_OK;
}

static void add_mark(struct segment *seg)
{
	if (seg->walked % STRIDE)
		return;
	if (seg->n_marks == seg->cap) {
		seg->cap = seg->cap ? seg->cap * 2 : 64;
		seg->marks = or_mem_resize(seg->marks, seg->cap * sizeof(*seg->marks));
	}
	OR_ASSERT(seg->offset <= UINT32_MAX);
	seg->marks[seg->n_marks++] = (uint32_t)seg->offset;
}

/* True where a whole entry lies at that offset. */
static bool is_entry(struct co_read *r, uint64_t offset)
{
	struct tl_segment_entry e;
	struct or_slice bytes;

	return entry_at(r, &bytes, offset, NULL) == OR_OK && tl_segment_next(&e, &bytes) == OR_OK;
}

/* The length of the entry at seg->offset. One whose bytes changed is passed over where the next one
 * stands where it should, so that a flipped bit hides one leaf and not all behind it. */
static enum or_code step(
    struct co_read *r, const struct segment *seg, size_t *len, struct or_err *err)
{
	struct or_slice bytes, rest;
	struct tl_segment_entry e;
	enum or_code rc = entry_at(r, &bytes, seg->offset, err);

	if (rc)
		return rc;
	rest = bytes;
	if (tl_segment_next(&e, &rest) == OR_OK) {
		*len = bytes.n - rest.n;
		return OR_OK;
	}
	*len = tl_segment_entry_len(bytes);
	if (*len && *len <= TL_SEGMENT_ENTRY_LEN + TL_ENTRIES_LEAF_MAX &&
	    is_entry(r, seg->offset + *len))
		return OR_OK;
	return corrupt(
	    r, seg, seg->offset, seg->first + seg->walked, "has changed or is missing", err);
}

/* Walks the open segment to its end (of what is committed), unless it has been. */
static enum or_code walk(struct co_read *r, struct segment *seg, struct or_err *err)
{
	bool is_last = seg == &r->segments[r->n_segments - 1];
	uint64_t end = is_last ? r->size : seg[1].first;
	enum or_code rc = read_start(r, seg, err);
	size_t len = 0;

	while (!rc && seg->first + seg->walked < end) {
		rc = step(r, seg, &len, err);
		if (rc)
			break;
		add_mark(seg);
		seg->walked++;
		seg->offset += len;
	}
	return rc;
}

/* The last segment that begins at or before index. */
static bool search(const struct co_read *r, size_t *out, uint64_t index)
{
	size_t low = 0, high = r->n_segments;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->segments[mid].first <= index)
			low = mid + 1;
		else
			high = mid;
	}
	*out = low ? low - 1 : 0;
	return low > 0;
}

/* Opens the segment that holds index. A last one may have got a successor since it was listed: then
 * the index is behind its end, so names are read again whenever it has not been walked that far. */
static enum or_code find_segment(struct co_read *r, size_t *out, uint64_t index, struct or_err *err)
{
	enum or_code rc = OR_OK;
	bool found;

	if (index >= r->size)
		return or_err_set(err, OR_ABSENT, "the log has %" PRIu64 " leaves", r->size);
	found = search(r, out, index);
	if (!found || (*out + 1 == r->n_segments &&
			  index - r->segments[*out].first >= r->segments[*out].walked)) {
		rc = list_segments(r, err);
		found = !rc && search(r, out, index);
	}
	if (rc)
		return rc;
	/* Sealed meanwhile: the caller looks again. */
	if (!found && co_parts_find(r->parts, out, index))
		return or_err_set(err, OR_ABSENT, "leaf %" PRIu64 " lies in a part", index);
	if (!found)
		return or_err_set(err, OR_CORRUPT,
		    "%s/segments: the one with leaf %" PRIu64 " is missing", r->dir, index);
	return open_segment(r, *out, err);
}

/* Finds where the entry of that index begins in the segment that is then open. */
static enum or_code locate(
    struct co_read *r, uint64_t *offset, struct segment **out, uint64_t index, struct or_err *err)
{
	struct or_slice bytes;
	struct segment *seg;
	uint64_t k, at;
	enum or_code rc;
	size_t i;

	rc = find_segment(r, &i, index, err);
	if (rc)
		return rc;
	seg = *out = &r->segments[i];
	k = index - seg->first;
	rc = walk(r, seg, err);
	if (k >= seg->walked)
		return rc ? rc : or_err_set(err, OR_CORRUPT, "leaf %" PRIu64 " is missing", index);
	at = seg->marks[k / STRIDE];
	rc = OR_OK;
	for (uint64_t n = k / STRIDE * STRIDE; n < k && !rc; n++) {
		rc = entry_at(r, &bytes, at, err);
		if (!rc)
			at += tl_segment_entry_len(bytes);
	}
	*offset = at;
	return rc;
}

/* Reads and checks the entry at *offset of the open segment, and moves behind it. */
static enum or_code take(struct co_read *r, struct tl_segment_entry *out, const struct segment *seg,
    uint64_t index, uint64_t *offset, struct or_err *err)
{
	struct or_slice bytes, rest;
	enum or_code rc = entry_at(r, &bytes, *offset, err);

	if (rc)
		return rc;
	rest = bytes;
	if (tl_segment_next(out, &rest))
		return corrupt(r, seg, *offset, index, "has changed or is missing", err);
	*offset += bytes.n - rest.n;
	return OR_OK;
}

enum or_code co_read_leaf(
    struct co_read *r, struct tl_segment_entry *out, uint64_t index, struct or_err *err)
{
	struct co_read_scan scan = {.next = index, .to = index + 1};

	return co_read_scan_next(r, &scan, out, err);
}

/* The next leaf of a scan from part i. */
static enum or_code take_from_part(struct co_read *r, size_t i, struct co_read_scan *scan,
    struct tl_segment_entry *out, struct or_err *err)
{
	uint64_t index = scan->next, first = co_parts_first(r->parts, i);
	uint64_t end = co_parts_end(r->parts, i);
	struct tl_part *part;
	enum or_code rc;

	if (!r->walk || r->walk_next != index) {
		if (!r->walk || scan->to - index >= WALK_MIN) {
			end_walk(r);
			co_parts_trim(r->parts, COLUMNS_MAX);
		}
		rc = co_parts_get(r->parts, i, &part, err);
		if (!rc && scan->to - index < WALK_MIN)
			rc = tl_part_leaf(part, (uint32_t)(index - first), out, err);
		if (rc || scan->to - index < WALK_MIN) {
			scan->next += rc == OR_OK;
			return rc;
		}
		r->walk =
		    tl_part_leaf_walk_new(part, (uint32_t)(index - first), (uint32_t)(end - first));
		r->walk_next = index;
	}
	rc = tl_part_leaf_walk_next(r->walk, out, err);
	r->walk_next++;
	if (r->walk_next == end)
		r->walk_next = UINT64_MAX; /* the next one lies elsewhere */
	if (rc)
		return rc;
	tl_hash_leaf(&out->hash, out->leaf);
	scan->next++;
	scan->offset = 0;
	return OR_OK;
}

static enum or_code take_from_segment(
    struct co_read *r, struct co_read_scan *scan, struct tl_segment_entry *out, struct or_err *err)
{
	struct segment *seg = NULL;
	uint64_t offset = 0;
	enum or_code rc;

	/* Going on where the last call ended needs no search. */
	if (r->fd >= 0 && scan->offset && scan->segment == r->segments[r->open].first)
		seg = &r->segments[r->open];
	if (seg && (r->open + 1 == r->n_segments ? scan->next - seg->first >= seg->walked
						 : scan->next >= seg[1].first))
		seg = NULL;
	if (seg) {
		offset = scan->offset;
	} else {
		rc = locate(r, &offset, &seg, scan->next, err);
		if (rc)
			return rc;
	}
	rc = take(r, out, seg, scan->next, &offset, err);
	if (rc)
		return rc;
	scan->next++;
	scan->segment = seg->first;
	scan->offset = offset;
	return OR_OK;
}

enum or_code co_read_scan_next(
    struct co_read *r, struct co_read_scan *scan, struct tl_segment_entry *out, struct or_err *err)
{
	enum or_code rc = OR_OK;
	size_t i;

	if (scan->next >= scan->to || scan->next >= r->size)
		return or_err_set(err, OR_ABSENT, "there are no more leaves");
	/* Its file may have gone since the names were read: sealed, or compacted. */
	for (int try = 0; try < 2; try++) {
		if (co_parts_find(r->parts, &i, scan->next))
			rc = take_from_part(r, i, scan, out, err);
		else
			rc = take_from_segment(r, scan, out, err);
		if (rc != OR_ABSENT)
			return rc;
		rc = list_segments(r, err);
		if (rc)
			return rc;
	}
	return or_err_set(
	    err, OR_CORRUPT, "%s: the file with leaf %" PRIu64 " is missing", r->dir, scan->next);
}

enum or_code co_read_hashes(
    struct co_read *r, struct tl_hash *out, uint64_t first, size_t n, struct or_err *err)
{
	struct co_read_scan scan = {.next = first, .to = first + n};
	struct tl_segment_entry e;

	for (size_t i = 0; i < n; i++) {
		enum or_code rc = co_read_scan_next(r, &scan, &e, err);

		if (rc)
			return rc;
		out[i] = e.hash;
	}
	return OR_OK;
}

static enum or_code put_entries(
    struct co_read *r, struct or_buf *out, const struct tl_tile *tile, struct or_err *err)
{
	uint64_t first = tile->n * TL_TILE_WIDTH;
	struct co_read_scan scan = {.next = first, .to = first + tile->width};
	struct tl_segment_entry e;

	while (scan.next < scan.to) {
		enum or_code rc = co_read_scan_next(r, &scan, &e, err);

		if (rc)
			return rc;
		tl_entries_put(out, e.leaf);
	}
	return OR_OK;
}

/* count hashes from a stored tile. */
static enum or_code read_stored(
    struct co_read *r, struct tl_hash *out, const struct tl_tile_place *at, struct or_err *err)
{
	char path[CO_FILES_PATH_MAX];
	size_t got = 0, want = at->count * sizeof(*out);
	enum or_code rc;
	int fd = -1;

	co_files_tile(path, r->dir, at->level, at->n);
	rc = or_sys_open(&fd, path, O_RDONLY, 0, err);
	if (!rc)
		rc = or_sys_pread(fd, out, want, at->offset * TL_HASH_LEN, &got, err);
	or_sys_close(fd);
	if (rc == OR_ABSENT || (!rc && got < want))
		return or_err_set(err, OR_CORRUPT, "%s: hash %u is missing", path,
		    at->offset + (unsigned int)(got / TL_HASH_LEN));
	return rc;
}

enum or_code co_read_tile(
    struct co_read *r, struct or_buf *out, const struct tl_tile *tile, struct or_err *err)
{
	struct tl_hash hashes[TL_TILE_WIDTH];
	enum or_code rc;

	if (tl_tile_width(r->size, tile->level, tile->n) < tile->width)
		return or_err_set(err, OR_ABSENT, "the log has no such tile yet");
	if (tile->level == TL_TILE_ENTRIES) {
		rc = put_entries(r, out, tile, err);
	} else {
		const struct tl_tile_place all = {
		    .level = tile->level, .n = tile->n, .count = tile->width};

		rc = tile->level == 0
			 ? co_read_hashes(r, hashes, tile->n * TL_TILE_WIDTH, tile->width, err)
			 : read_stored(r, hashes, &all, err);
		if (!rc)
			or_buf_put(out, hashes, tile->width * TL_HASH_LEN);
	}
	if (!rc && !or_buf_ok(out))
		rc = or_err_set(err, OR_FULL, "the buffer is full");
	return rc;
}

enum or_code co_read_node(void *nodes, struct tl_hash *out, unsigned int height, uint64_t index)
{
	struct co_read_nodes *x = nodes;
	struct tl_hash hashes[TL_TILE_WIDTH / 2];
	struct tl_tile_place at = tl_tile_find(height, index);
	enum or_code rc;

	rc = at.level == 0
		 ? co_read_hashes(x->r, hashes, at.n * TL_TILE_WIDTH + at.offset, at.count, &x->err)
		 : read_stored(x->r, hashes, &at, &x->err);
	if (!rc)
		tl_hash_subtree(out, hashes, at.count);
	return rc;
}

struct co_parts *co_read_parts(struct co_read *r)
{
	return r->parts;
}

size_t co_read_segments(struct co_read *r, struct or_err *err)
{
	return list_segments(r, err) ? 0 : r->n_segments;
}

enum or_code co_read_segment(
    struct co_read *r, size_t i, struct tl_segment_head *out, struct or_err *err)
{
	struct or_slice bytes;
	enum or_code rc;
	uint8_t *to;
	size_t got = 0;

	if (i >= r->n_segments)
		return or_err_set(err, OR_ABSENT, "there are %zu segments", r->n_segments);
	rc = open_segment(r, i, err);
	if (!rc)
		rc = read_start(r, &r->segments[i], err);
	if (rc)
		return rc;
	or_buf_clear(&r->head);
	to = or_buf_reserve(&r->head, r->segments[i].header_len);
	if (!to)
		return or_err_set(err, OR_FULL, "the segment's header is too long");
	rc = or_sys_pread(r->fd, to, r->segments[i].header_len, 0, &got, err);
	if (rc)
		return rc;
	or_buf_commit(&r->head, got);
	bytes = or_buf_slice(&r->head);
	return tl_segment_open(out, &bytes, err);
}
