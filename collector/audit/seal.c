/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/seal.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/audit/columns.h"
#include "collector/audit/files.h"
#include "collector/audit/read.h"
#include "tlog/part_build.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	SLICE = 2048,    /* leaves a step */
	COMPACT_MIN = 8, /* small parts of a day that still goes on */
	FILE_MAX = 1 << 30,
};

enum phase { PLAN, READ, WRITE, CHECK, PUBLISH };

struct co_seal {
	char *dir;
	uint32_t rows;
	int64_t age_ns;
	bool hurry;
	enum phase phase;
	struct co_read *reader;
	uint64_t from, to; /* leaves of the part at hand */
	uint64_t day;      /* of their receipt */
	uint64_t refused;  /* a part that began here could not be made */
	bool has_refused;
	struct tl_part_build *build;
	struct co_read_scan scan;
	int fd;
	char temp[CO_FILES_PATH_MAX], name[CO_FILES_PATH_MAX];
	struct or_buf stretch;
	uint64_t written;
	struct tl_part *part; /* being checked */
	struct tl_part_leaf_walk *walk;
	struct co_seal_stats stats;
};

struct co_seal *co_seal_new(const struct co_seal_opt *opt)
{
	struct co_seal *s = or_mem_new(sizeof(*s));

	s->dir = or_mem_strdup(opt->dir);
	s->rows = opt->rows ? opt->rows : CO_SEAL_ROWS_DEFAULT;
	s->age_ns = opt->age_ns ? opt->age_ns : CO_SEAL_AGE_DEFAULT;
	s->fd = -1;
	or_buf_init(&s->stretch, FILE_MAX);
	return s;
}

/* Back to the plan; a file that was begun goes there. */
static void drop(struct co_seal *s)
{
	tl_part_leaf_walk_free(s->walk);
	tl_part_close(s->part);
	tl_part_build_free(s->build);
	co_read_close(s->reader);
	or_sys_close(s->fd);
	or_buf_done(&s->stretch);
	s->walk = NULL;
	s->part = NULL;
	s->build = NULL;
	s->reader = NULL;
	s->fd = -1;
	s->written = 0;
	s->phase = PLAN;
}

void co_seal_free(struct co_seal *s)
{
	if (!s)
		return;
	drop(s);
	or_mem_free(s->dir);
	or_mem_free(s);
}

void co_seal_hurry(struct co_seal *s)
{
	s->hurry = true;
}

void co_seal_stats(struct co_seal_stats *out, const struct co_seal *s)
{
	*out = s->stats;
}

/* ---- plan: remove what is not needed any more */

static void parts_path(const struct co_seal *s, char out[CO_FILES_PATH_MAX], const char *name)
{
	char path[CO_FILES_PATH_MAX];

	co_files_join(path, s->dir, "parts");
	co_files_join(out, path, name);
}

/* True where that part is one of those that count; the others lie within one of them. */
static bool counts(const struct co_parts *parts, const struct co_files_part *part)
{
	size_t i;

	return co_parts_find(parts, &i, part->first) && co_parts_first(parts, i) == part->first &&
	       co_parts_end(parts, i) == part->end && co_parts_day(parts, i) == part->day;
}

/* Removes one file that no longer counts: OR_AGAIN. */
static enum or_code remove_part(struct co_seal *s, struct or_err *err)
{
	const struct co_parts *parts = co_read_parts(s->reader);
	char path[CO_FILES_PATH_MAX];
	struct co_files_part part;
	struct or_sys_names names;
	enum or_code rc;

	parts_path(s, path, "");
	rc = or_sys_list(&names, path, err);
	if (rc)
		return rc == OR_ABSENT ? OR_OK : rc;
	for (size_t i = 0; i < names.n && !rc; i++) {
		if (co_files_part_parse(&part, names.names[i]) && counts(parts, &part))
			continue;
		parts_path(s, path, names.names[i]);
		rc = or_sys_unlink(path, err);
		rc = rc ? rc : OR_AGAIN;
	}
	or_sys_names_free(&names);
	return rc;
}

/* Removes one segment all of whose leaves are sealed; the last one stays, whatever it holds. */
static enum or_code remove_segment(struct co_seal *s, struct or_err *err)
{
	uint64_t sealed = co_parts_sealed(co_read_parts(s->reader)), first[2];
	char dir[CO_FILES_PATH_MAX], path[CO_FILES_PATH_MAX];
	struct or_sys_names names;
	enum or_code rc;

	co_files_join(dir, s->dir, "segments");
	rc = or_sys_list(&names, dir, err);
	if (rc)
		return rc;
	if (names.n > 1 && co_files_segment_first(&first[0], names.names[0]) &&
	    co_files_segment_first(&first[1], names.names[1]) && first[1] <= sealed) {
		co_files_join(path, dir, names.names[0]);
		rc = or_sys_unlink(path, err);
		rc = rc ? rc : OR_AGAIN;
	}
	or_sys_names_free(&names);
	return rc;
}

/* ---- plan: what comes next */

/* The head of the segment that holds a leaf, and where the closed leaves of its day end: at the
 * first segment of another day (*is_over), or at the last segment. */
static enum or_code find_day(struct co_seal *s, uint64_t leaf, uint64_t *created, uint64_t *end,
    bool *is_over, struct or_err *err)
{
	size_t n = co_read_segments(s->reader, err);
	struct tl_segment_head head = {.created_ns = 0};
	enum or_code rc = OR_OK;

	*is_over = false;
	*created = 0;
	*end = leaf;
	for (size_t i = 0; i < n; i++) {
		rc = co_read_segment(s->reader, i, &head, err);
		if (rc)
			return rc;
		if (head.tree.size <= leaf) {
			*created = head.created_ns;
			continue;
		}
		*end = head.tree.size;
		*is_over = co_files_day(head.created_ns) != co_files_day(*created);
		if (*is_over || head.tree.size - leaf >= s->rows)
			break;
	}
	return OR_OK;
}

static enum or_code plan_sealing(struct co_seal *s, int64_t now_ns, bool *found, struct or_err *err)
{
	uint64_t created, end;
	bool is_over, is_old;
	enum or_code rc;

	s->from = co_parts_sealed(co_read_parts(s->reader));
	rc = find_day(s, s->from, &created, &end, &is_over, err);
	if (rc)
		return rc;
	s->day = co_files_day(created);
	is_old = s->hurry || now_ns - (int64_t)created >= s->age_ns;
	s->to = end - s->from > s->rows ? s->from + s->rows : end;
	*found = s->to > s->from && (s->to - s->from == s->rows || is_over || is_old) &&
		 !(s->has_refused && s->refused == s->from);
	return OR_OK;
}

/* Small parts of one day side by side that fit into one. */
static bool plan_compaction(struct co_seal *s)
{
	const struct co_parts *parts = co_read_parts(s->reader);
	size_t n = co_parts_n(parts), first = 0;

	for (size_t i = 1; i <= n; i++) {
		if (i < n && co_parts_day(parts, i) == co_parts_day(parts, first) &&
		    co_parts_end(parts, i) - co_parts_first(parts, first) <= s->rows)
			continue;
		/* i ends the run [first, i): another part, or another day, or nothing follows. */
		s->from = co_parts_first(parts, first);
		s->to = co_parts_end(parts, i - 1);
		s->day = co_parts_day(parts, first);
		if (i - first >= 2 && (i < n || i - first >= COMPACT_MIN) &&
		    !(s->has_refused && s->refused == s->from))
			return true;
		first = i;
	}
	return false;
}

static void name_part(struct co_seal *s)
{
	const struct co_files_part part = {s->from, s->to, s->day};
	char name[CO_FILES_PART_LEN + 1];

	co_files_part_name(name, &part);
	parts_path(s, s->name, name);
}

static enum or_code begin(struct co_seal *s, struct or_err *err)
{
	char dir[CO_FILES_PATH_MAX];
	enum or_code rc;

	name_part(s);
	parts_path(s, s->temp, "new");
	co_files_join(dir, s->dir, "parts");
	rc = or_sys_mkdir(dir, 0750, err);
	if (!rc)
		rc = or_sys_sync_dir(s->dir, err);
	if (!rc)
		rc = or_sys_open(&s->fd, s->temp, O_RDWR | O_CREAT | O_TRUNC, 0640, err);
	if (rc)
		return rc;
	s->build = tl_part_build_new(
	    co_columns_audit, co_columns_audit_n, s->from, (uint32_t)(s->to - s->from));
	s->scan = (struct co_read_scan){.next = s->from, .to = s->to};
	s->phase = READ;
	return OR_AGAIN;
}

static enum or_code plan(struct co_seal *s, uint64_t size, int64_t now_ns, struct or_err *err)
{
	bool found = false;
	enum or_code rc = co_read_open(&s->reader, s->dir, size, err);

	if (!rc)
		rc = remove_part(s, err);
	if (!rc)
		rc = remove_segment(s, err);
	if (!rc)
		rc = plan_sealing(s, now_ns, &found, err);
	if (!rc && !found)
		found = plan_compaction(s);
	return rc || !found ? rc : begin(s, err);
}

/* ---- making the part */

static enum or_code read_slice(struct co_seal *s, struct or_err *err)
{
	struct tl_segment_entry e;
	enum or_code rc;

	for (int i = 0; i < SLICE; i++) {
		rc = co_read_scan_next(s->reader, &s->scan, &e, err);
		if (rc == OR_OK)
			rc = tl_part_build_add(s->build, &e);
		/* The end, or as many texts as a part may have: it is shorter then. */
		if (rc == OR_ABSENT || rc == OR_FULL) {
			s->to = s->from + tl_part_build_rows(s->build);
			name_part(s);
			s->phase = WRITE;
			return OR_AGAIN;
		}
		if (rc)
			return rc;
	}
	return OR_AGAIN;
}

/* What the file holds, from the file. */
static enum or_code fetch(void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	const struct co_seal *s = arg;
	size_t got = 0;
	enum or_code rc = or_sys_pread(s->fd, to, n, offset, &got, err);

	return !rc && got < n ? or_err_set(err, OR_CORRUPT, "%s: it is too short", s->temp) : rc;
}

static enum or_code begin_check(struct co_seal *s, struct or_err *err)
{
	struct tl_part_source source = {fetch, s, s->written, s->temp};
	enum or_code rc = or_sys_fdatasync(s->fd, err);

	if (!rc)
		rc = tl_part_open(&s->part, &source, err);
	if (rc)
		return rc;
	tl_part_build_free(s->build);
	s->build = NULL;
	s->walk = tl_part_leaf_walk_new(s->part, 0, tl_part_rows(s->part));
	s->scan = (struct co_read_scan){.next = s->from, .to = s->to};
	s->phase = CHECK;
	return OR_AGAIN;
}

static enum or_code write_stretch(struct co_seal *s, struct or_err *err)
{
	bool more = tl_part_build_step(s->build, &s->stretch);
	enum or_code rc;

	if (!or_buf_ok(&s->stretch))
		return or_err_set(err, OR_FULL, "a part of more than %d bytes", FILE_MAX);
	rc = or_sys_pwrite(s->fd, or_buf_slice(&s->stretch), s->written, err);
	s->written += s->stretch.n;
	or_buf_clear(&s->stretch);
	if (rc)
		return rc;
	return more ? OR_AGAIN : begin_check(s, err);
}

static enum or_code check_slice(struct co_seal *s, struct or_err *err)
{
	struct tl_segment_entry was, is;
	enum or_code rc = OR_OK;

	for (int i = 0; i < SLICE && s->scan.next < s->to && !rc; i++) {
		uint64_t index = s->scan.next;

		rc = co_read_scan_next(s->reader, &s->scan, &was, err);
		if (!rc)
			rc = tl_part_leaf_walk_next(s->walk, &is, err);
		if (!rc && (!or_slice_eq(was.leaf, is.leaf) || was.received_ns != is.received_ns ||
			       was.end != is.end))
			rc = or_err_set(err, OR_CORRUPT,
			    "sealing: leaf %" PRIu64 " does not come back from its part", index);
	}
	if (rc)
		return rc;
	if (s->scan.next == s->to)
		s->phase = PUBLISH;
	return OR_AGAIN;
}

static enum or_code publish(struct co_seal *s, struct or_err *err)
{
	char dir[CO_FILES_PATH_MAX];
	enum or_code rc = or_sys_rename(s->temp, s->name, err);

	co_files_join(dir, s->dir, "parts");
	if (!rc)
		rc = or_sys_sync_dir(dir, err);
	if (rc)
		return rc;
	s->stats.parts++;
	s->stats.leaves += s->to - s->from;
	s->stats.bytes += s->written;
	drop(s);
	return OR_AGAIN;
}

enum or_code co_seal_step(struct co_seal *s, uint64_t size, int64_t now_ns, struct or_err *err)
{
	bool is_plan = s->phase == PLAN;
	enum or_code rc = OR_OK;

	switch (s->phase) {
	case PLAN: rc = plan(s, size, now_ns, err); break;
	case READ: rc = read_slice(s, err); break;
	case WRITE: rc = write_stretch(s, err); break;
	case CHECK: rc = check_slice(s, err); break;
	case PUBLISH: rc = publish(s, err); break;
	}
	if (rc == OR_AGAIN && !(is_plan && s->phase == PLAN))
		return rc;
	if (rc == OR_CORRUPT && !is_plan) {
		s->refused = s->from;
		s->has_refused = true;
	}
	drop(s);
	return rc;
}
