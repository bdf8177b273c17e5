/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's own directory, read without the collector: log.json says which shards there are
 * and under which keys, shards/<n>/checkpoint is the signed head, shards/<n>/parts/ hold the
 * leaves that are sealed (source_part.h), shards/<n>/segments/ those behind (tlog/segment.h). An
 * entry that does not check is named with its file and offset and is read on behind, so that one
 * changed byte does not hide the next. */
#include "cli/source.h"
#include "cli/source_part.h"
#include "cli/source_rest.h"

#include "base/str.h"
#include "base/sys.h"
#include "tlog/note.h"
#include "tlog/segment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum {
	STEP = 1024 * 1024,
	LEAF_AT = TL_SEGMENT_ENTRY_LEN,
	HASH_AT = TL_SEGMENT_ENTRY_LEN - TL_HASH_LEN
};

static enum or_code read_checkpoint(struct or_buf *out, const struct ctl_source *src,
    const struct ctl_source_shard *shard, struct or_err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/shards/%" PRIu64 "/checkpoint", src->dir, shard->number);
	return or_sys_read_file(out, path, err);
}

static enum or_code read_tile(struct or_buf *out, const struct ctl_source *src,
    const struct ctl_source_shard *shard, const struct tl_tile *tile, struct or_err *err)
{
	const struct tl_tile whole = {tile->level, tile->n, TL_TILE_WIDTH};
	struct or_buf path;
	enum or_code rc;

	or_buf_init(&path, PATH_MAX);
	or_buf_printf(&path, "%s/shards/%" PRIu64 "/", src->dir, shard->number);
	tl_tile_path(&path, &whole);
	rc = or_sys_read_file(out, or_buf_text(&path), err);
	or_buf_done(&path);
	return rc;
}

/* One segment file, through a window that grows where an entry needs it. */
struct walk {
	const char *name;
	int fd;
	struct or_buf window;
	size_t at;        /* in the window */
	uint64_t base;    /* of the window in the file */
	uint64_t fetched; /* bytes of the file that the window has seen */
	uint64_t index;   /* of the next leaf */
	uint64_t skip;    /* entries of this segment that are sealed */
	uint64_t size;    /* leaves to read in all */
	uint64_t sealed;  /* the end of the last part */
	bool stopped;     /* what is behind cannot be told */
	ctl_source_leaf_fn *fn;
	ctl_source_damage_fn *damage;
	void *arg;
};

/* *more: false at the end of the file. */
static enum or_code fill(struct walk *w, bool *more, struct or_err *err)
{
	uint8_t *to;
	size_t got;
	enum or_code rc;

	w->base += w->at;
	or_buf_consume(&w->window, w->at);
	w->at = 0;
	to = or_buf_reserve(&w->window, STEP);
	if (!to)
		return or_err_set(err, OR_CORRUPT, "%s: an entry that does not end", w->name);
	rc = or_sys_pread(w->fd, to, STEP, w->fetched, &got, err);
	if (rc)
		return rc;
	or_buf_commit(&w->window, got);
	w->fetched += got;
	*more = got > 0;
	return OR_OK;
}

static struct or_slice rest_of(const struct walk *w)
{
	return or_slice_from(or_buf_slice(&w->window), w->at);
}

static void give(struct walk *w, struct or_slice leaf, const struct tl_hash *stored, size_t length)
{
	char where[NAME_MAX + 64];

	if (w->skip) {
		w->skip--;
		w->at += length;
		return;
	}

	snprintf(where, sizeof(where), "%s at offset %" PRIu64, w->name, w->base + w->at);
	w->fn(w->arg, leaf, stored, where);
	w->index++;
	w->at += length;
}

/* The entry at hand has a wrong checksum. False: where it ends cannot be told. */
static bool give_damaged(struct walk *w)
{
	struct or_slice rest = rest_of(w);
	size_t length = tl_segment_entry_len(rest);
	struct tl_hash stored;
	char text[NAME_MAX + 128];

	snprintf(text, sizeof(text),
	    "leaf %" PRIu64 ": %s, offset %" PRIu64 ": the entry's checksum is wrong", w->index,
	    w->name, w->base + w->at);
	w->damage(w->arg, text);
	if (length <= LEAF_AT || length > rest.n)
		return false;
	memcpy(stored.b, rest.p + HASH_AT, TL_HASH_LEN);
	give(w, or_slice(rest.p + LEAF_AT, length - LEAF_AT), &stored, length);
	return true;
}

static enum or_code walk_entries(struct walk *w, struct or_err *err)
{
	enum or_code rc = OR_OK;

	while (w->index < w->size && rc == OR_OK) {
		struct or_slice rest = rest_of(w), before = rest;
		struct tl_segment_entry entry;
		bool more = true;
		enum or_code next = tl_segment_next(&entry, &rest);

		if (next == OR_OK)
			give(w, entry.leaf, &entry.hash, before.n - rest.n);
		else if (next == OR_CORRUPT)
			rc = give_damaged(w) ? OR_OK : OR_CORRUPT;
		else
			rc = fill(w, &more, err);
		if (!more)
			break; /* a torn tail, or the end: the next segment goes on */
	}
	/* Damage was told; what cannot be read any more shows as leaves that are missing. */
	w->stopped = rc == OR_CORRUPT;
	return rc == OR_CORRUPT ? OR_OK : rc;
}

static enum or_code walk_head(struct walk *w, struct or_err *err)
{
	struct tl_segment_head head;
	struct or_slice rest;
	size_t length = TL_SEGMENT_START_LEN;
	bool more = true;
	enum or_code rc = OR_OK;

	while (rc == OR_OK && more && w->window.n < length) {
		rc = fill(w, &more, err);
		if (rc == OR_OK && w->window.n >= TL_SEGMENT_START_LEN)
			rc = tl_segment_head_len(&length, or_buf_slice(&w->window));
	}
	rest = or_buf_slice(&w->window);
	if (rc == OR_OK)
		rc = tl_segment_open(&head, &rest, err);
	if (rc)
		return or_err_set(err, OR_CORRUPT, "%s: the segment's header is damaged", w->name);
	if (w->index == w->size && head.tree.size >= w->size)
		return OR_OK; /* begun since the checkpoint was read, or empty */
	w->skip =
	    head.tree.size < w->index && w->sealed == w->index ? w->index - head.tree.size : 0;
	if (head.tree.size + w->skip != w->index)
		return or_err_set(err, OR_CORRUPT,
		    "%s begins at leaf %" PRIu64 ", but leaf %" PRIu64 " is expected: a segment is "
		    "missing or another one",
		    w->name, head.tree.size, w->index);
	w->at = w->window.n - rest.n;
	return OR_OK;
}

static enum or_code walk_segment(struct walk *w, const char *path, struct or_err *err)
{
	enum or_code rc = or_sys_open(&w->fd, path, O_RDONLY, 0, err);

	if (rc == OR_ABSENT && w->index == w->size)
		return OR_OK; /* sealed since its name was read */
	if (rc)
		return rc;
	or_buf_init(&w->window, TL_SEGMENT_HEAD_MAX + 2 * STEP);
	w->at = 0;
	w->base = 0;
	w->fetched = 0;
	rc = walk_head(w, err);
	if (rc == OR_CORRUPT) {
		w->damage(w->arg, err->msg);
		w->stopped = true;
		rc = OR_OK;
	} else if (rc == OR_OK) {
		rc = walk_entries(w, err);
	}
	or_buf_done(&w->window);
	or_sys_close(w->fd);
	return rc;
}

/* A segment whose successor begins with sealed leaves, or right behind them. */
static bool is_sealed(const struct walk *w, const char *next)
{
	uint64_t first;

	return w->sealed && strlen(next) > 20 &&
	       or_str_u64(&first, or_slice((const uint8_t *)next, 20)) == OR_OK &&
	       first <= w->sealed;
}

static enum or_code read_leaves(const struct ctl_source *src, const struct ctl_source_shard *shard,
    uint64_t size, ctl_source_leaf_fn *fn, ctl_source_damage_fn *damage, void *arg,
    struct or_err *err)
{
	struct walk w = {.size = size, .fn = fn, .damage = damage, .arg = arg};
	struct or_sys_names names;
	struct or_err own;
	char dir[PATH_MAX];
	enum or_code rc;

	snprintf(dir, sizeof(dir), "%s/shards/%" PRIu64 "/segments", src->dir, shard->number);
	rc = or_sys_list(&names, dir, err);
	if (rc)
		return rc;
	/* Parts appear before the segments that they hold go: they are looked for after them. */
	snprintf(dir, sizeof(dir), "%s/shards/%" PRIu64 "/parts", src->dir, shard->number);
	rc = ctl_source_part_walk(dir, &w.index, size, fn, damage, arg, err ? err : &own);
	w.sealed = w.index;
	snprintf(dir, sizeof(dir), "%s/shards/%" PRIu64 "/segments", src->dir, shard->number);
	for (size_t i = 0; i < names.n && rc == OR_OK && !w.stopped; i++) {
		const char *path;

		if (!or_str_has_suffix(or_slice_str(names.names[i]), ".seg") ||
		    (i + 1 < names.n && is_sealed(&w, names.names[i + 1])))
			continue;
		path = or_arena_printf(src->state->arena, "%s/%s", dir, names.names[i]);
		w.name = names.names[i];
		rc = walk_segment(&w, path, err ? err : &own);
	}
	or_sys_names_free(&names);
	return rc;
}

/* A key is bound to its name and id by the vkey itself; origins begin with that name. */
static enum or_code check_description(const struct ctl_source *src, struct or_err *err)
{
	struct tl_note_key key;
	enum or_code rc = tl_note_key_parse(&key, src->vkey, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < src->n_shards && rc == OR_OK; i++) {
		char origin[TL_NOTE_NAME_MAX + 64];

		snprintf(origin, sizeof(origin), "%s/shard/%zu", key.name, i);
		if (src->shards[i].number != i || !or_slice_is(src->shards[i].origin, origin))
			rc = or_err_set(err, OR_PARSE, "shards[%zu] is not %s", i, origin);
	}
	tl_note_key_done(&key);
	return rc;
}

enum or_code ctl_source_dir(
    struct ctl_source *out, struct ctl_state *s, const char *dir, struct or_err *err)
{
	const char *path = or_arena_printf(s->arena, "%s/log.json", dir);
	const struct or_json *j;
	struct or_slice text;
	enum or_code rc = ctl_state_read(&text, s, path, err);

	if (rc == OR_ABSENT)
		return or_err_set(
		    err, OR_ABSENT, "%s: not a collector's directory (no log.json)", dir);
	if (rc == OR_OK)
		rc = or_json_parse(&j, text, s->arena, err);
	if (rc)
		return or_err_wrap(err, rc == OR_PARSE ? OR_CORRUPT : rc, "%s", path);
	*out = (struct ctl_source){.state = s,
	    .dir = dir,
	    .read_checkpoint = read_checkpoint,
	    .read_leaves = read_leaves,
	    .read_tile = read_tile,
	    .check_rest = ctl_source_rest_check};
	rc = ctl_source_describe(out, j, err);
	if (!rc)
		rc = check_description(out, err);
	return rc ? or_err_wrap(err, rc == OR_PARSE ? OR_CORRUPT : rc, "%s", path) : OR_OK;
}
