/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/depot.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/telemetry/depot_file.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>

enum { FIXED = 8 + CO_MARKS_AGENT_LEN + 8 + 8 + 8 + 2 + 4, RECORD = 8 + 4, STREAMS = 100000 };

struct co_depot {
	char *dir;
	uint64_t segment_bytes;
	int64_t keep_ns;
	int lock_fd;
	int fd; /* the last segment; -1: the next commit begins one */
	uint64_t number;
	uint32_t day;
	uint64_t bytes; /* of it, that are committed */
	bool is_dirty;  /* bytes behind them could not be cut */
	uint64_t damaged;
	struct co_marks *marks;
};

/* ---- groups */

static void put_u64(struct or_buf *b, uint64_t v)
{
	v = htole64(v);
	or_buf_put(b, &v, sizeof(v));
}

static void put_u32(struct or_buf *b, uint32_t v)
{
	v = htole32(v);
	or_buf_put(b, &v, sizeof(v));
}

static uint64_t take_u64(struct or_slice *s)
{
	uint64_t v;

	memcpy(&v, s->p, sizeof(v));
	*s = or_slice_from(*s, sizeof(v));
	return le64toh(v);
}

static uint32_t take_u32(struct or_slice *s)
{
	uint32_t v;

	memcpy(&v, s->p, sizeof(v));
	*s = or_slice_from(*s, sizeof(v));
	return le32toh(v);
}

static struct or_slice take_bytes(struct or_slice *s, size_t n)
{
	struct or_slice taken = or_slice(s->p, n);

	*s = or_slice_from(*s, n);
	return taken;
}

void co_depot_put(struct or_buf *out, const struct co_depot_group *g,
    const struct co_depot_record *records, size_t n)
{
	size_t start = out->n, whole = CO_DEPOT_WORD + FIXED + g->key.stream.n;
	uint8_t word[CO_DEPOT_WORD] = {0};
	uint16_t stream = htole16((uint16_t)g->key.stream.n);

	OR_ASSERT(g->key.agent.n == CO_MARKS_AGENT_LEN && g->key.stream.n <= CO_MARKS_STREAM_MAX);
	for (size_t i = 0; i < n; i++)
		whole += RECORD + records[i].bytes.n;
	if (!or_buf_reserve(out, whole))
		return; /* all or nothing */
	or_buf_put(out, word, sizeof(word));
	put_u64(out, (uint64_t)g->received_ns);
	or_buf_put_slice(out, g->key.agent);
	put_u64(out, g->key.epoch);
	put_u64(out, g->from);
	put_u64(out, g->to);
	or_buf_put(out, &stream, sizeof(stream));
	or_buf_put_slice(out, g->key.stream);
	put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		put_u64(out, records[i].seq);
		put_u32(out, (uint32_t)records[i].bytes.n);
		or_buf_put_slice(out, records[i].bytes);
	}
	co_depot_file_word(word, or_slice(out->p + start + CO_DEPOT_WORD, whole - CO_DEPOT_WORD));
	memcpy(out->p + start, word, sizeof(word));
}

bool co_depot_next_record(struct co_depot_record *out, struct or_slice *records)
{
	struct or_slice s = *records;
	uint32_t n;

	if (s.n < RECORD)
		return false;
	out->seq = take_u64(&s);
	n = take_u32(&s);
	if (n > s.n)
		return false;
	out->bytes = take_bytes(&s, n);
	*records = s;
	return true;
}

static enum or_code parse_group(struct co_depot_group *out, struct or_slice s)
{
	uint16_t stream;

	if (s.n < FIXED)
		return OR_CORRUPT;
	out->received_ns = (int64_t)take_u64(&s);
	out->key.agent = take_bytes(&s, CO_MARKS_AGENT_LEN);
	out->key.epoch = take_u64(&s);
	out->from = take_u64(&s);
	out->to = take_u64(&s);
	memcpy(&stream, s.p, sizeof(stream));
	s = or_slice_from(s, sizeof(stream));
	stream = le16toh(stream);
	if (stream > CO_MARKS_STREAM_MAX || s.n < stream + sizeof(uint32_t))
		return OR_CORRUPT;
	out->key.stream = take_bytes(&s, stream);
	out->n = take_u32(&s);
	out->records = s;
	return OR_OK;
}

enum or_code co_depot_next_group(struct co_depot_group *out, struct or_slice *groups)
{
	struct or_slice payload;
	size_t n;

	if (groups->n == 0)
		return OR_ABSENT;
	if (groups->n < CO_DEPOT_WORD)
		return OR_CORRUPT;
	n = co_depot_file_len(groups->p);
	if (n > groups->n - CO_DEPOT_WORD)
		return OR_CORRUPT;
	payload = or_slice(groups->p + CO_DEPOT_WORD, n);
	if (!co_depot_file_check(groups->p, payload) || parse_group(out, payload))
		return OR_CORRUPT;
	*groups = or_slice_from(*groups, CO_DEPOT_WORD + n);
	return OR_OK;
}

/* ---- opening */

static enum or_code add_marks(
    struct co_depot *d, const struct co_depot_group *g, struct or_err *err)
{
	if (co_marks_add(d->marks, &g->key, g->from, g->to))
		return or_err_set(err, OR_FULL, "more streams or holes than may be");
	return OR_OK;
}

/* Reads the last segment: its marks, and what its groups add to them. Damage closes the segment:
 * the next one begins with what could be read. */
static enum or_code load_segment(struct co_depot *d, const char *name, struct or_err *err)
{
	char path[CO_DEPOT_FILE_PATH];
	struct co_depot_group g;
	struct or_buf bytes;
	uint64_t end = 0;
	enum or_code rc;

	co_depot_file_path(path, d->dir, name);
	rc = or_sys_open(&d->fd, path, O_RDWR, 0, err);
	if (rc)
		return rc;
	or_buf_init(&bytes, CO_DEPOT_HEAD_MAX);
	rc = co_depot_file_head(&bytes, &end, d->fd, err);
	if (rc == OR_OK)
		rc = co_marks_load(d->marks, or_buf_slice(&bytes), err);
	while (rc == OR_OK) {
		d->bytes = end;
		rc = co_depot_file_group(&bytes, &end, d->fd, err);
		if (rc == OR_OK)
			rc = parse_group(&g, or_buf_slice(&bytes));
		if (rc == OR_OK)
			rc = add_marks(d, &g, err);
	}
	or_buf_done(&bytes);
	/* What a process wrote that was killed is not synced yet, and counts from now on. */
	if (rc == OR_ABSENT)
		return or_sys_fdatasync(d->fd, err);
	if (rc != OR_CORRUPT)
		return rc;
	d->damaged++;
	or_sys_close(d->fd);
	d->fd = -1;
	return OR_OK;
}

/* A segment whose header is lost says nothing about marks: then the one before it is read too. */
static enum or_code load_last(struct co_depot *d, struct or_sys_names *names, struct or_err *err)
{
	uint64_t number;
	uint32_t day;

	for (size_t i = names->n; i > 0; i--) {
		enum or_code rc;

		if (!co_depot_file_parse(&number, &day, names->names[i - 1]))
			continue;
		if (number > d->number) {
			d->number = number;
			d->day = day;
		}
		d->bytes = 0;
		rc = load_segment(d, names->names[i - 1], err);
		if (rc)
			return rc;
		if (d->bytes) {
			if (number < d->number) { /* not the newest: the next one begins anew */
				or_sys_close(d->fd);
				d->fd = -1;
			}
			return OR_OK;
		}
	}
	return OR_OK;
}

static enum or_code take_directory(struct co_depot *d, struct or_err *err)
{
	char path[CO_DEPOT_FILE_PATH];
	struct or_sys_names names;
	enum or_code rc = or_sys_mkdir(d->dir, 0750, err);

	co_depot_file_path(path, d->dir, "lock");
	if (!rc)
		rc = or_sys_open(&d->lock_fd, path, O_RDWR | O_CREAT, 0640, err);
	if (!rc)
		rc = or_sys_lock(d->lock_fd, 0, err);
	if (!rc)
		rc = or_sys_list(&names, d->dir, err);
	if (rc)
		return rc;
	rc = load_last(d, &names, err);
	or_sys_names_free(&names);
	return rc;
}

enum or_code co_depot_open(
    struct co_depot **out, const struct co_depot_opt *opt, struct or_err *err)
{
	struct co_depot *d;
	enum or_code rc;

	if (strlen(opt->dir) > CO_DEPOT_FILE_PATH - 64)
		return or_err_set(err, OR_INVAL, "the depot's directory has too long a name");
	d = or_mem_new(sizeof(*d));
	d->dir = or_mem_strdup(opt->dir);
	d->segment_bytes = opt->segment_bytes ? opt->segment_bytes : CO_DEPOT_SEGMENT_DEFAULT;
	d->keep_ns = opt->keep_ns;
	d->lock_fd = d->fd = -1;
	d->marks = co_marks_new(opt->max_streams ? opt->max_streams : STREAMS);
	rc = take_directory(d, err);
	if (rc) {
		co_depot_close(d);
		return or_err_wrap(err, rc, "opening the depot in %s", opt->dir);
	}
	*out = d;
	return OR_OK;
}

void co_depot_close(struct co_depot *d)
{
	if (!d)
		return;
	or_sys_close(d->fd);
	or_sys_close(d->lock_fd);
	co_marks_free(d->marks);
	or_mem_free(d->dir);
	or_mem_free(d);
}

const struct co_marks *co_depot_marks(const struct co_depot *d)
{
	return d->marks;
}

uint64_t co_depot_damaged(const struct co_depot *d)
{
	return d->damaged;
}

/* ---- writing */

/* Takes away segments that are too old; never the newest. What cannot be taken away waits. */
static void remove_old(struct co_depot *d, int64_t now_ns)
{
	char path[CO_DEPOT_FILE_PATH];
	struct or_sys_names names;
	uint32_t oldest = co_depot_file_day(now_ns - d->keep_ns), day;
	uint64_t number;

	if (!d->keep_ns || or_sys_list(&names, d->dir, NULL))
		return;
	for (size_t i = 0; i < names.n; i++) {
		if (!co_depot_file_parse(&number, &day, names.names[i]) || day >= oldest ||
		    number >= d->number)
			continue;
		co_depot_file_path(path, d->dir, names.names[i]);
		(void)!or_sys_unlink(path, NULL);
	}
	or_sys_names_free(&names);
}

static enum or_code begin_segment(struct co_depot *d, int64_t now_ns, struct or_err *err)
{
	char path[CO_DEPOT_FILE_PATH], name[CO_DEPOT_FILE_NAME];
	struct or_buf marks, bytes;
	enum or_code rc = OR_OK;
	int fd = -1;

	or_buf_init(&marks, CO_DEPOT_HEAD_MAX);
	or_buf_init(&bytes, CO_DEPOT_HEAD_MAX + 64);
	co_marks_save(d->marks, &marks);
	co_depot_file_begin(&bytes, or_buf_slice(&marks));
	co_depot_file_name(name, d->number + 1, now_ns);
	co_depot_file_path(path, d->dir, name);
	if (!or_buf_ok(&marks) || !or_buf_ok(&bytes))
		rc = or_err_set(err, OR_FULL, "the marks of a segment are too large");
	if (!rc)
		rc = or_sys_write_file(path, or_buf_slice(&bytes), 0640, err);
	if (!rc)
		rc = or_sys_open(&fd, path, O_RDWR, 0, err);
	if (!rc) {
		or_sys_close(d->fd);
		d->fd = fd;
		d->number++;
		d->day = co_depot_file_day(now_ns);
		d->bytes = bytes.n;
		d->is_dirty = false;
		remove_old(d, now_ns);
	}
	or_buf_done(&marks);
	or_buf_done(&bytes);
	return rc ? or_err_wrap(err, rc, "beginning a segment") : OR_OK;
}

static enum or_code ready_segment(struct co_depot *d, size_t n, int64_t now_ns, struct or_err *err)
{
	enum or_code rc;

	if (d->fd >= 0 && d->is_dirty) {
		rc = or_sys_truncate(d->fd, d->bytes, err);
		if (rc)
			return rc;
		d->is_dirty = false;
	}
	if (d->fd < 0 || d->day != co_depot_file_day(now_ns) || d->bytes + n > d->segment_bytes)
		return begin_segment(d, now_ns, err);
	return OR_OK;
}

static enum or_code apply(struct co_depot *d, struct or_slice groups, struct or_err *err)
{
	struct co_depot_group g;
	enum or_code rc = OR_OK;

	while (rc == OR_OK && co_depot_next_group(&g, &groups) == OR_OK)
		rc = add_marks(d, &g, err);
	return rc;
}

enum or_code co_depot_commit(
    struct co_depot *d, struct or_slice groups, int64_t now_ns, struct or_err *err)
{
	enum or_code rc;

	if (groups.n == 0)
		return OR_OK;
	rc = ready_segment(d, groups.n, now_ns, err);
	if (rc)
		return rc;
	rc = or_sys_pwrite(d->fd, groups, d->bytes, err);
	if (!rc)
		rc = or_sys_fdatasync(d->fd, err);
	if (rc) {
		/* What is behind d->bytes may be there or not; nobody may find it. */
		d->is_dirty = or_sys_truncate(d->fd, d->bytes, NULL) != OR_OK;
		return rc;
	}
	d->bytes += groups.n;
	return apply(d, groups, err);
}

/* ---- reading */

struct co_depot_read {
	char *dir;
	struct or_sys_names names;
	size_t next; /* name */
	uint32_t since;
	int fd;
	uint64_t offset;
	uint64_t damaged;
	uint64_t bytes;
	struct or_buf payload;
};

enum or_code co_depot_read_open(
    struct co_depot_read **out, const char *dir, int64_t since_ns, struct or_err *err)
{
	struct co_depot_read *r;
	struct or_sys_names names;
	enum or_code rc = or_sys_list(&names, dir, err);

	if (rc)
		return rc;
	r = or_mem_new(sizeof(*r));
	r->dir = or_mem_strdup(dir);
	r->names = names;
	r->since = since_ns > 0 ? co_depot_file_day(since_ns) : 0;
	r->fd = -1;
	or_buf_init(&r->payload, CO_DEPOT_HEAD_MAX);
	*out = r;
	return OR_OK;
}

void co_depot_read_close(struct co_depot_read *r)
{
	if (!r)
		return;
	or_sys_close(r->fd);
	or_sys_names_free(&r->names);
	or_buf_done(&r->payload);
	or_mem_free(r->dir);
	or_mem_free(r);
}

/* Opens the next segment that is due; one that retention took meanwhile is passed over. */
static enum or_code next_segment(struct co_depot_read *r, struct or_err *err)
{
	char path[CO_DEPOT_FILE_PATH];
	uint64_t number;
	uint32_t day;

	or_sys_close(r->fd);
	r->fd = -1;
	while (r->next < r->names.n) {
		const char *name = r->names.names[r->next++];
		enum or_code rc;

		if (!co_depot_file_parse(&number, &day, name) || day < r->since)
			continue;
		co_depot_file_path(path, r->dir, name);
		rc = or_sys_open(&r->fd, path, O_RDONLY, 0, err);
		if (rc == OR_OK)
			rc = co_depot_file_head(&r->payload, &r->offset, r->fd, err);
		if (rc == OR_OK)
			return OR_OK;
		if (rc != OR_ABSENT && rc != OR_CORRUPT)
			return rc;
		r->damaged += rc == OR_CORRUPT;
		or_sys_close(r->fd);
		r->fd = -1;
	}
	return OR_ABSENT;
}

enum or_code co_depot_read_next(
    struct co_depot_read *r, struct co_depot_group *out, struct or_err *err)
{
	for (;;) {
		enum or_code rc = r->fd < 0
				      ? OR_ABSENT
				      : co_depot_file_group(&r->payload, &r->offset, r->fd, err);

		if (rc == OR_OK) {
			rc = parse_group(out, or_buf_slice(&r->payload));
			r->bytes += r->payload.n;
		}
		if (rc != OR_ABSENT && rc != OR_CORRUPT)
			return rc;
		r->damaged += rc == OR_CORRUPT;
		rc = next_segment(r, err);
		if (rc)
			return rc;
	}
}

uint64_t co_depot_read_damaged(const struct co_depot_read *r)
{
	return r->damaged;
}

uint64_t co_depot_read_bytes(const struct co_depot_read *r)
{
	return r->bytes;
}
