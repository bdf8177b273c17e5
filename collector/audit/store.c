/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/store.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/files.h"
#include "collector/audit/tiles.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PENDING_KEEP = 1 << 20 }; /* bytes of buffer that an idle store holds on to */

#define DAY_NS (86400ULL * 1000000000)

/* What one segment's file may be when it is read at open. */
#define SEGMENT_READ_MAX (TL_SEGMENT_HEAD_MAX + 2ULL * CO_STORE_PENDING_MAX)

struct co_store {
	char *dir;
	char *origin;
	const struct tl_note_key *key;
	const struct tl_note_key *older;
	const struct co_store_state *state;
	uint64_t segment_bytes;
	int64_t segment_age_ns;

	int lock_fd;
	int fd; /* the last segment, -1 where damaged */
	char name[CO_FILES_NAME_LEN + 1];
	uint64_t first;        /* its first leaf's index */
	uint64_t created_ns;   /* when it was begun */
	uint64_t bytes;        /* of it, that are committed */
	uint64_t signed_bytes; /* of them, at open, that the checkpoint covers */

	struct tl_tree tree;  /* committed */
	struct tl_tree ahead; /* with what was put since */
	struct or_buf pending;
	struct co_tiles tiles;

	uint64_t signed_size;
	struct tl_hash signed_root;
	struct or_buf note;

	struct or_err damage; /* code OR_OK: none */
	struct or_err failure;
};

const struct or_err *co_store_damage(const struct co_store *s)
{
	return s->damage.code ? &s->damage : NULL;
}

uint64_t co_store_size(const struct co_store *s)
{
	return s->signed_size;
}

struct or_slice co_store_checkpoint(const struct co_store *s)
{
	return or_buf_slice(&s->note);
}

uint64_t co_store_segment_bytes(const struct co_store *s)
{
	return s->bytes;
}

uint64_t co_store_segment_first(const struct co_store *s)
{
	return s->first;
}

/* Signs the committed tree and replaces the checkpoint on disk. */
static enum or_code sign(struct co_store *s, struct or_err *err)
{
	struct tl_checkpoint c = {.origin = or_slice_str(s->origin), .size = s->tree.size};
	char path[CO_FILES_PATH_MAX];
	struct or_buf note;
	enum or_code rc;

	tl_tree_root(&c.root, &s->tree);
	or_buf_init(&note, TL_NOTE_MAX);
	rc = tl_checkpoint_sign(&note, &c, &s->key, 1, err);
	if (!rc) {
		co_files_join(path, s->dir, "checkpoint");
		rc = or_sys_write_file(path, or_buf_slice(&note), 0640, err);
	}
	if (rc) {
		or_buf_done(&note);
		return or_err_wrap(err, rc, "signing the checkpoint");
	}
	or_buf_done(&s->note);
	s->note = note;
	s->signed_size = c.size;
	s->signed_root = c.root;
	return OR_OK;
}

/* Begins a segment at the committed tree. It appears under its name with a whole header or not at
 * all. */
static enum or_code begin_segment(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	struct tl_segment_head head = {.tree = s->tree, .created_ns = (uint64_t)now_ns};
	char path[CO_FILES_PATH_MAX], name[CO_FILES_NAME_LEN + 1];
	struct or_buf state, bytes;
	enum or_code rc;
	int fd = -1;

	or_buf_init(&state, TL_SEGMENT_HEAD_MAX - 65536);
	or_buf_init(&bytes, TL_SEGMENT_HEAD_MAX);
	if (s->state)
		s->state->save(s->state->arg, &state);
	head.state = or_buf_slice(&state);
	head.previous = or_slice_str(s->name);
	tl_segment_begin(&bytes, &head);
	co_files_segment_name(name, s->tree.size);
	co_files_segment(path, s->dir, name);
	rc = or_buf_ok(&state) && or_buf_ok(&bytes)
		 ? or_sys_write_file(path, or_buf_slice(&bytes), 0640, err)
		 : or_err_set(err, OR_FULL, "the state of a segment is too large");
	if (!rc)
		rc = or_sys_open(&fd, path, O_RDWR, 0, err);
	if (!rc) {
		or_sys_close(s->fd);
		s->fd = fd;
		s->first = s->tree.size;
		s->created_ns = head.created_ns;
		s->bytes = bytes.n;
		memcpy(s->name, name, sizeof(name));
	}
	or_buf_done(&bytes);
	or_buf_done(&state);
	return rc ? or_err_wrap(err, rc, "beginning a segment") : OR_OK;
}

/* Opening: what is wrong is written into s->damage, which is no error of the call. */

static void damaged(struct co_store *s, const char *fmt, ...) OR_PRINTF(2, 3);

static void damaged(struct co_store *s, const char *fmt, ...)
{
	char text[OR_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	or_err_set(&s->damage, OR_CORRUPT, "the log in %s is damaged: %s", s->dir, text);
}

/* The last segment's name, "" where there is none; what a crash left of temporary files goes. */
static enum or_code last_segment(
    struct co_store *s, char name[CO_FILES_NAME_LEN + 1], struct or_err *err)
{
	char dir[CO_FILES_PATH_MAX], path[CO_FILES_PATH_MAX];
	struct or_sys_names names;
	enum or_code rc;
	uint64_t first;

	co_files_join(dir, s->dir, "segments");
	rc = or_sys_list(&names, dir, err);
	if (rc)
		return rc;
	name[0] = 0;
	for (size_t i = 0; i < names.n && !rc; i++) {
		if (co_files_segment_first(&first, names.names[i])) {
			memcpy(name, names.names[i], CO_FILES_NAME_LEN + 1);
		} else {
			co_files_join(path, dir, names.names[i]);
			rc = or_sys_unlink(path, err);
		}
	}
	or_sys_names_free(&names);
	return rc;
}

/* OR_ABSENT: there is no checkpoint. */
static enum or_code load_checkpoint(struct co_store *s, struct or_err *err)
{
	const struct tl_note_key *keys[] = {s->key, s->older};
	char path[CO_FILES_PATH_MAX];
	struct tl_checkpoint c;
	struct or_err why;
	enum or_code rc;

	co_files_join(path, s->dir, "checkpoint");
	or_buf_clear(&s->note);
	rc = or_sys_read_file(&s->note, path, err);
	if (rc == OR_FULL) {
		damaged(s, "checkpoint: too long");
		return OR_OK;
	}
	if (rc)
		return rc;
	if (tl_checkpoint_verify(&c, or_buf_slice(&s->note), or_slice_str(s->origin), keys,
		s->older ? 2 : 1, &why)) {
		damaged(s, "checkpoint: %s", why.msg);
		or_buf_clear(&s->note);
		return OR_OK;
	}
	s->signed_size = c.size;
	s->signed_root = c.root;
	return OR_OK;
}

/* The entries that count: complete groups, and everything that the checkpoint covers. */
struct extent {
	struct or_slice entries; /* behind the header, all there is */
	size_t good;             /* bytes of them that count */
	uint64_t n;              /* entries in these bytes */
};

static void find_extent(struct co_store *s, struct extent *x, uint64_t first, size_t header_len)
{
	struct or_slice rest = x->entries;
	struct tl_segment_entry e;
	enum or_code rc;
	uint64_t n = 0;

	while ((rc = tl_segment_next(&e, &rest)) == OR_OK) {
		n++;
		if (e.end) {
			x->good = x->entries.n - rest.n;
			x->n = n;
		}
	}
	if (first + x->n >= s->signed_size)
		return;
	damaged(s,
	    "segments/%s: the entry at offset %zu (index %" PRIu64 ") %s; the checkpoint covers "
	    "%" PRIu64 " leaves",
	    s->name, header_len + x->entries.n - rest.n, first + n,
	    rc == OR_CORRUPT ? "has changed" : "is missing or cut short", s->signed_size);
}

static bool root_is_signed(struct co_store *s)
{
	struct tl_hash root;

	if (s->tree.size != s->signed_size)
		return true;
	tl_tree_root(&root, &s->tree);
	if (tl_hash_eq(&root, &s->signed_root))
		return true;
	damaged(s,
	    "segments/%s: its leaves do not give the root that the checkpoint signed for "
	    "%" PRIu64 " leaves",
	    s->name, s->signed_size);
	return false;
}

/* Rebuilds the tree, the tiles and the owner's state from the entries that count. */
static void replay(struct co_store *s, const struct extent *x, size_t header_len)
{
	struct or_slice rest = or_slice(x->entries.p, x->good);
	struct tl_segment_entry e;
	struct tl_hash hash;
	struct or_err why;

	while (root_is_signed(s) && tl_segment_next(&e, &rest) == OR_OK) {
		tl_hash_leaf(&hash, e.leaf);
		why =
		    (struct or_err){.code = OR_CORRUPT, .msg = "its hash is not that of its leaf"};
		if (!tl_hash_eq(&hash, &e.hash) ||
		    (s->state && s->state->apply(s->state->arg, s->tree.size, &e, &why))) {
			damaged(s, "segments/%s: the entry at offset %zu (index %" PRIu64 "): %s",
			    s->name,
			    header_len + x->good - rest.n - TL_SEGMENT_ENTRY_LEN - e.leaf.n,
			    s->tree.size, why.msg);
			return;
		}
		tl_tree_append(&s->tree, &hash, co_tiles_on_node, &s->tiles);
		if (s->tree.size == s->signed_size)
			s->signed_bytes = header_len + x->good - rest.n;
	}
}

/* What the bytes of the last segment say, without touching a file. */
static void read_segment(struct co_store *s, struct or_slice bytes, struct extent *x)
{
	struct tl_segment_head head;
	struct or_slice rest = bytes;
	struct or_err why;
	uint64_t first;

	OR_ASSERT(co_files_segment_first(&first, s->name));
	if (tl_segment_open(&head, &rest, &why)) {
		damaged(s, "segments/%s: %s", s->name, why.msg);
		return;
	}
	if (head.tree.size != first || first > s->signed_size) {
		damaged(s, "segments/%s: begins at %" PRIu64 ", the checkpoint covers %" PRIu64,
		    s->name, head.tree.size, s->signed_size);
		return;
	}
	x->entries = rest;
	find_extent(s, x, first, bytes.n - rest.n);
	if (s->damage.code)
		return;
	if (s->state && s->state->restore(s->state->arg, head.state, &why)) {
		damaged(s, "segments/%s: %s", s->name, why.msg);
		return;
	}
	s->tree = head.tree;
	s->first = first;
	s->created_ns = head.created_ns;
	s->bytes = bytes.n - rest.n + x->good;
	s->signed_bytes = bytes.n - rest.n;
	replay(s, x, bytes.n - rest.n);
}

/* Cuts what is behind the entries that count, and brings tiles and checkpoint up to them. What no
 * checkpoint covers yet is written again: after an fsync that failed, the kernel may hold for clean
 * what never reached the disk. */
static enum or_code catch_up(struct co_store *s, struct or_slice bytes, struct or_err *err)
{
	enum or_code rc = OR_OK;

	if (bytes.n > s->bytes)
		rc = or_sys_truncate(s->fd, s->bytes, err);
	if (!rc)
		rc = or_sys_pwrite(s->fd,
		    or_slice(bytes.p + s->signed_bytes, s->bytes - s->signed_bytes),
		    s->signed_bytes, err);
	if (!rc)
		rc = or_sys_fdatasync(s->fd, err);
	if (!rc)
		rc = co_tiles_write(&s->tiles, s->dir, err);
	if (!rc && s->tree.size > s->signed_size)
		rc = sign(s, err);
	s->ahead = s->tree;
	return rc;
}

static enum or_code load_segment(struct co_store *s, struct or_err *err)
{
	struct extent x = {.good = 0};
	char path[CO_FILES_PATH_MAX];
	struct or_buf bytes;
	enum or_code rc;

	or_buf_init(&bytes, SEGMENT_READ_MAX);
	co_files_segment(path, s->dir, s->name);
	rc = or_sys_read_file(&bytes, path, err);
	if (!rc)
		rc = or_sys_open(&s->fd, path, O_RDWR, 0, err);
	if (!rc)
		read_segment(s, or_buf_slice(&bytes), &x);
	if (!rc && !s->damage.code)
		rc = catch_up(s, or_buf_slice(&bytes), err);
	or_buf_done(&bytes);
	return rc;
}

/* A new log: first the checkpoint of nothing, so that a lost one is noticed ever after. */
static enum or_code create(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	enum or_code rc = OR_OK;

	if (or_buf_slice(&s->note).n == 0)
		rc = sign(s, err);
	if (!rc && s->state)
		rc = s->state->restore(s->state->arg, OR_SLICE_NONE, err);
	return rc ? rc : begin_segment(s, now_ns, err);
}

static enum or_code take_directory(struct co_store *s, struct or_err *err)
{
	char path[CO_FILES_PATH_MAX];
	enum or_code rc;

	co_files_join(path, s->dir, "segments");
	rc = or_sys_mkdir(path, 0750, err);
	if (!rc)
		rc = or_sys_sync_dir(s->dir, err);
	co_files_join(path, s->dir, "lock");
	if (!rc)
		rc = or_sys_open(&s->lock_fd, path, O_RDWR | O_CREAT, 0640, err);
	if (!rc)
		rc = or_sys_lock(s->lock_fd, 0, err);
	return rc;
}

static enum or_code load(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	enum or_code rc = take_directory(s, err), found;

	if (!rc)
		rc = last_segment(s, s->name, err);
	if (rc)
		return rc;
	found = load_checkpoint(s, err);
	if (found && found != OR_ABSENT)
		return found;
	if (s->damage.code)
		return OR_OK;
	if (s->name[0] == 0 && s->signed_size == 0)
		return create(s, now_ns, err);
	if (s->name[0] == 0)
		damaged(s, "segments: there are none");
	else if (found == OR_ABSENT)
		damaged(s, "checkpoint: it is missing");
	else
		return load_segment(s, err);
	return OR_OK;
}

enum or_code co_store_open(
    struct co_store **out, const struct co_store_opt *opt, struct or_err *err)
{
	struct co_store *s;
	enum or_code rc;

	/* Room for the longest name below it. */
	if (strlen(opt->dir) > CO_FILES_PATH_MAX - 128 || opt->dir[0] == 0)
		return or_err_set(err, OR_INVAL, "the log's directory has too long a name");
	s = or_mem_new(sizeof(*s));
	s->dir = or_mem_strdup(opt->dir);
	s->origin = or_mem_strdup(opt->origin);
	s->key = opt->key;
	s->older = opt->older;
	s->state = opt->state;
	s->segment_bytes = opt->segment_bytes ? opt->segment_bytes : CO_STORE_SEGMENT_DEFAULT;
	s->segment_age_ns = opt->segment_age_ns;
	s->lock_fd = s->fd = -1;
	or_buf_init(&s->pending, CO_STORE_PENDING_MAX);
	or_buf_init(&s->note, TL_NOTE_MAX);
	co_tiles_init(&s->tiles);
	rc = load(s, opt->now_ns, err);
	if (rc) {
		co_store_close(s);
		return or_err_wrap(err, rc, "opening the log in %s", opt->dir);
	}
	*out = s;
	return OR_OK;
}

void co_store_close(struct co_store *s)
{
	if (!s)
		return;
	or_sys_close(s->fd);
	or_sys_close(s->lock_fd);
	or_buf_done(&s->pending);
	or_buf_done(&s->note);
	co_tiles_done(&s->tiles);
	or_mem_free(s->dir);
	or_mem_free(s->origin);
	or_mem_free(s);
}

static enum or_code refuse(const struct or_err *why, struct or_err *err)
{
	if (err)
		*err = *why;
	return why->code;
}

enum or_code co_store_put(struct co_store *s, const struct or_slice *leaves, size_t n,
    int64_t received_ns, uint64_t *first, struct or_err *err)
{
	size_t room = 0;

	if (s->damage.code || s->failure.code)
		return refuse(s->damage.code ? &s->damage : &s->failure, err);
	for (size_t i = 0; i < n; i++) {
		if (leaves[i].n == 0 || leaves[i].n > TL_ENTRIES_LEAF_MAX)
			return or_err_set(err, OR_INVAL, "a leaf of %zu bytes", leaves[i].n);
		room += TL_SEGMENT_ENTRY_LEN + leaves[i].n;
	}
	if (room > s->pending.max - s->pending.n)
		return or_err_set(err, OR_FULL, "too much waits for the next commit");
	*first = s->ahead.size;
	for (size_t i = 0; i < n; i++) {
		struct tl_segment_entry e = {
		    .leaf = leaves[i], .received_ns = (uint64_t)received_ns, .end = i + 1 == n};

		tl_hash_leaf(&e.hash, e.leaf);
		tl_segment_put(&s->pending, &e);
		tl_tree_append(&s->ahead, &e.hash, co_tiles_on_node, &s->tiles);
	}
	return OR_OK;
}

/* Tells the owner of what has been committed. */
static enum or_code apply_pending(struct co_store *s, uint64_t index, struct or_err *err)
{
	struct or_slice rest = or_buf_slice(&s->pending);
	struct tl_segment_entry e;
	enum or_code rc = OR_OK;

	while (s->state && !rc && tl_segment_next(&e, &rest) == OR_OK)
		rc = s->state->apply(s->state->arg, index++, &e, err);
	return rc;
}

static enum or_code rotate(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	enum or_code rc = co_tiles_sync(s->dir, s->first, s->tree.size, err);

	return rc ? rc : begin_segment(s, now_ns, err);
}

/* A segment ends when it is long or old enough, and with the day (UTC): parts are of one day. */
static bool is_segment_over(const struct co_store *s, int64_t now_ns)
{
	return s->tree.size > s->first &&
	       (s->bytes + s->pending.n > s->segment_bytes ||
		   (s->segment_age_ns && now_ns - (int64_t)s->created_ns >= s->segment_age_ns) ||
		   (uint64_t)now_ns / DAY_NS != s->created_ns / DAY_NS);
}

static enum or_code write_pending(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	uint64_t index = s->tree.size;
	enum or_code rc = OR_OK;

	if (is_segment_over(s, now_ns))
		rc = rotate(s, now_ns, err);
	if (!rc)
		rc = or_sys_pwrite(s->fd, or_buf_slice(&s->pending), s->bytes, err);
	if (!rc)
		rc = or_sys_fdatasync(s->fd, err);
	if (!rc)
		rc = co_tiles_write(&s->tiles, s->dir, err);
	if (rc)
		return rc;
	s->bytes += s->pending.n;
	s->tree = s->ahead;
	rc = sign(s, err);
	return rc ? rc : apply_pending(s, index, err);
}

enum or_code co_store_commit(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	struct or_err why = {.code = OR_OK};
	enum or_code rc;

	if (s->damage.code || s->failure.code)
		return refuse(s->damage.code ? &s->damage : &s->failure, err);
	if (s->pending.n == 0)
		return OR_OK;
	rc = write_pending(s, now_ns, &why);
	if (s->pending.cap > PENDING_KEEP)
		or_buf_done(&s->pending);
	or_buf_clear(&s->pending);
	if (rc) {
		s->failure = why;
		s->failure.code = rc;
		return refuse(&s->failure, err);
	}
	return OR_OK;
}

enum or_code co_store_rotate(struct co_store *s, int64_t now_ns, struct or_err *err)
{
	if (s->damage.code || s->failure.code)
		return refuse(s->damage.code ? &s->damage : &s->failure, err);
	if (s->tree.size == s->first || s->pending.n)
		return OR_OK;
	s->failure.code = rotate(s, now_ns, &s->failure);
	return s->failure.code ? refuse(&s->failure, err) : OR_OK;
}
