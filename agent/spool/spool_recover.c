/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a crash, a power cut or a failing disk left behind.
 *
 *	the file ends inside its last entry, or in zeros	torn: cut
 *	bytes that do not check, entries behind them		damage: left where it is, passed
 *over the last segment's end does not check			damage, and a new epoch no head,
 *another's number, another stream's name	set aside as *.bad
 *	... and it was the newest				and a new epoch
 *	the state names a newer segment than there is		a new epoch
 *	no valid state						what is there is delivered anew
 *
 * A new epoch remembers the old one and the last number that is known of each stream.
 */
#include "agent/spool/spool_state.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>

struct recovery {
	struct ag_spool *spool;
	struct spool_state state; /* generation 0: none */
	struct spool_segment *segment;
	bool has_mark[AG_SPOOL_STREAMS_MAX]; /* from the state, or the first declaration */
	uint64_t seen[AG_SPOOL_STREAMS_MAX]; /* the last number, in this epoch */
	bool has_conflict;
	bool ends_void;    /* a repair took away what came last */
	bool is_cut_short; /* last numbers are not known */
	uint64_t newest;   /* number of any segment that was ever seen */
	uint64_t n_bad;
};

/* -- streams -- */

static bool set_name(struct spool_stream *s, struct or_slice name)
{
	if (*s->name && !or_slice_is(name, s->name))
		return false;
	if (!*s->name) {
		or_mem_free(s->name);
		s->name = or_mem_dup(name);
	}
	return true;
}

/* The stream with that id; those below it that nobody named yet have empty names. */
static struct spool_stream *get_stream(struct ag_spool *spool, size_t id, struct or_slice name)
{
	if (id >= AG_SPOOL_STREAMS_MAX)
		return NULL;
	while (spool->n_streams <= id)
		ag_spool_add_stream(spool, OR_SLICE_NONE);
	return set_name(&spool->streams[id], name) ? &spool->streams[id] : NULL;
}

static bool on_declaration(
    struct recovery *r, const struct ag_segment_entry *e, struct spool_segment *seg)
{
	struct spool_stream *s;

	if (e->payload.n <= 8 || e->payload.n > 8 + AG_SPOOL_NAME_MAX || e->seq == 0 ||
	    memchr(e->payload.p + 8, 0, e->payload.n - 8))
		return false;
	s = get_stream(r->spool, e->stream, or_slice_from(e->payload, 8));
	if (!s)
		return false;
	seg->declared |= 1ULL << e->stream;
	s->prev_seq = 0;
	for (size_t i = 0; i < 8; i++)
		s->prev_seq |= (uint64_t)e->payload.p[i] << (8 * i);
	if (e->seq > s->next_seq)
		s->next_seq = e->seq;
	if (!r->has_mark[e->stream]) {
		r->has_mark[e->stream] = true;
		s->acked = (struct ag_spool_mark){seg->head.number, 0, seg->head.epoch, e->seq - 1};
	}
	return true;
}

static bool on_entry(void *arg, const struct ag_segment_entry *e, uint64_t end)
{
	struct recovery *r = arg;
	struct spool_segment *seg = r->segment;
	struct spool_stream *s;

	r->ends_void = e->type == AG_SEGMENT_VOID;
	if (r->ends_void)
		return true;
	if (e->type == AG_SEGMENT_STREAM) {
		r->has_conflict = !on_declaration(r, e, seg);
		return !r->has_conflict;
	}
	r->has_conflict = e->stream >= AG_SPOOL_STREAMS_MAX || e->seq == 0 ||
			  !(seg->declared & 1ULL << e->stream);
	if (r->has_conflict)
		return false;
	s = &r->spool->streams[e->stream];
	seg->last_end[e->stream] = (uint32_t)end;
	if (e->place.n)
		ag_spool_place_set(r->spool, e->place, seg->head.number, end);
	if (e->type != AG_SEGMENT_RECORD || e->seq <= r->seen[e->stream])
		return true;
	r->seen[e->stream] = e->seq;
	if (e->seq >= s->next_seq)
		s->next_seq = e->seq + 1;
	if (seg->head.number > s->acked.segment ||
	    (seg->head.number == s->acked.segment && end > s->acked.offset)) {
		s->pending++;
		s->pending_bytes += e->payload.n;
	}
	return true;
}

/* -- segments -- */

bool ag_spool_recover_is_blank(int fd, uint64_t from, uint64_t to)
{
	uint8_t bytes[4096];
	size_t got;

	for (; from < to; from += got) {
		size_t n = to - from < sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);

		if (or_sys_pread(fd, bytes, n, from, &got, NULL) != OR_OK || got == 0)
			return false;
		for (size_t i = 0; i < got; i++) {
			if (bytes[i])
				return false;
		}
	}
	return true;
}

bool ag_spool_recover_is_torn(const struct spool_segment *seg, uint64_t end, uint64_t size)
{
	uint8_t frame[AG_SEGMENT_FRAME_LEN];
	struct ag_segment_entry e;
	size_t got, whole;

	if (ag_spool_recover_is_blank(seg->fd, end, size))
		return true;
	if (or_sys_pread(seg->fd, frame, sizeof(frame), end, &got, NULL) != OR_OK)
		return false;
	return ag_segment_get(&e, &whole, &seg->head, end, or_slice(frame, got)) == OR_AGAIN &&
	       (whole == 0 || end + whole > size);
}

static void end_tail(struct recovery *r, struct spool_segment *seg, uint64_t end, bool is_last)
{
	struct ag_spool_info *info = &r->spool->info;

	if (end == seg->end || !is_last)
		return;
	if (!ag_spool_recover_is_torn(seg, end, seg->end)) {
		r->is_cut_short = true;
		seg->is_broken = true;
		return;
	}
	info->damaged--;
	info->torn_bytes += seg->end - end;
	if (or_sys_truncate(seg->fd, end, NULL) == OR_OK)
		seg->end = end;
	else
		seg->is_broken = true;
}

static void set_aside(struct recovery *r, uint64_t number)
{
	char path[AG_SPOOL_PATH_MAX], bad[AG_SPOOL_PATH_MAX];

	ag_spool_segment_path(path, r->spool, number);
	if (snprintf(bad, sizeof(bad), "%s.bad", path) < (int)sizeof(bad) &&
	    or_sys_rename(path, bad, NULL) == OR_OK)
		r->n_bad++;
	r->spool->info.quarantined++;
}

/* A segment of another epoch than the one before it: numbers begin anew. */
static void enter_epoch(struct recovery *r, const struct ag_segment_head *head)
{
	struct ag_spool *spool = r->spool;

	if (head->epoch == spool->epoch)
		return;
	memset(r->seen, 0, sizeof(r->seen));
	spool->epoch = head->epoch;
	spool->prev_epoch = head->prev_epoch;
	for (size_t i = 0; i < spool->n_streams; i++) {
		spool->streams[i].next_seq = 1;
		spool->streams[i].prev_seq = 0;
	}
}

/* OR_CORRUPT: not one of ours. OR_ABSENT: it never got its head. */
static enum or_code read_head(struct spool_segment *seg, uint64_t number, struct or_err *err)
{
	uint8_t bytes[AG_SEGMENT_HEAD_LEN];
	size_t got;
	enum or_code rc = or_sys_size(&seg->end, seg->fd, err);

	if (rc == OR_OK)
		rc = or_sys_pread(seg->fd, bytes, sizeof(bytes), 0, &got, err);
	if (rc)
		return rc;
	rc = ag_segment_head_get(&seg->head, or_slice(bytes, got));
	if (rc == OR_AGAIN || (rc == OR_CORRUPT && ag_spool_recover_is_blank(seg->fd, 0, seg->end)))
		return OR_ABSENT;
	return rc || seg->head.number != number ? OR_CORRUPT : OR_OK;
}

static enum or_code read_entries(
    struct recovery *r, struct spool_segment *seg, bool is_last, struct or_err *err)
{
	uint64_t end, damaged = 0;
	enum or_code rc;

	r->segment = seg;
	r->has_conflict = r->ends_void = false;
	enter_epoch(r, &seg->head);
	rc = ag_spool_read_segment(
	    r->spool, seg, AG_SEGMENT_HEAD_LEN, seg->end, on_entry, r, &end, &damaged, err);
	if (rc)
		return rc;
	if (r->has_conflict)
		return OR_CORRUPT;
	r->spool->info.damaged += damaged;
	end_tail(r, seg, end, is_last);
	r->is_cut_short = r->is_cut_short || (is_last && r->ends_void);
	/* It may be in the page cache only; from here on it counts as durable. */
	rc = or_sys_fdatasync(seg->fd, err);
	seg->synced = seg->end;
	return rc;
}

static enum or_code load_segment(
    struct recovery *r, uint64_t number, bool is_last, struct or_err *err)
{
	struct spool_segment *seg = or_mem_new(sizeof(*seg));
	char path[AG_SPOOL_PATH_MAX];
	enum or_code rc;

	seg->fd = -1;
	ag_spool_segment_path(path, r->spool, number);
	rc = or_sys_open(&seg->fd, path, O_RDWR, 0, err);
	if (rc == OR_OK)
		rc = read_head(seg, number, err);
	if (rc == OR_OK)
		rc = read_entries(r, seg, is_last, err);
	if (number > r->newest)
		r->newest = number;
	if (rc == OR_OK) {
		r->spool->bytes += seg->end;
		ag_spool_add_segment(r->spool, seg);
		return OR_OK;
	}
	if (rc == OR_CORRUPT) {
		set_aside(r, number);
		r->is_cut_short = r->is_cut_short || is_last;
		rc = OR_OK;
	}
	or_sys_close(seg->fd);
	or_mem_free(seg);
	return rc;
}

bool ag_spool_recover_number(uint64_t *number, const char *name)
{
	struct or_slice s = or_slice_str(name);
	struct or_buf b;
	bool ok = false;

	if (s.n != 20 || !or_str_has_suffix(s, ".seg"))
		return false;
	or_buf_init(&b, 8);
	if (or_str_hex_decode(&b, or_slice(s.p, 16)) == OR_OK) {
		*number = 0;
		for (size_t i = 0; i < 8; i++)
			*number = *number << 8 | b.p[i];
		ok = *number != 0 && *number != UINT64_MAX;
	}
	or_buf_done(&b);
	return ok;
}

/* The oldest of the files that were set aside go. */
static void trim_bad(struct recovery *r, const struct or_sys_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		r->n_bad += or_str_has_suffix(or_slice_str(names->names[i]), ".seg.bad");
	for (size_t i = 0; i < names->n && r->n_bad > AG_SPOOL_BAD_MAX; i++) {
		char path[AG_SPOOL_PATH_MAX];

		if (!or_str_has_suffix(or_slice_str(names->names[i]), ".seg.bad"))
			continue;
		snprintf(path, sizeof(path), "%.3800s/%.200s", r->spool->dir, names->names[i]);
		r->n_bad--;
		if (or_sys_unlink(path, NULL) != OR_OK)
			break;
	}
}

/* Removes a file whose head never came to its end: nothing was appended to it. */
static enum or_code drop_headless(
    struct recovery *r, uint64_t number, bool *dropped, struct or_err *err)
{
	struct spool_segment seg = {.fd = -1};
	char path[AG_SPOOL_PATH_MAX];
	enum or_code rc;

	ag_spool_segment_path(path, r->spool, number);
	rc = or_sys_open(&seg.fd, path, O_RDONLY, 0, err);
	if (rc)
		return rc;
	rc = read_head(&seg, number, err);
	or_sys_close(seg.fd);
	*dropped = rc == OR_ABSENT;
	if (!*dropped)
		return rc == OR_CORRUPT ? OR_OK : rc;
	r->spool->info.torn_bytes += seg.end;
	r->newest = number;
	return or_sys_unlink(path, err);
}

static enum or_code load_segments(struct recovery *r, struct or_err *err)
{
	struct or_sys_names names;
	size_t n = 0;
	uint64_t *numbers;
	enum or_code rc = or_sys_list(&names, r->spool->dir, err);

	if (rc)
		return rc;
	numbers = or_mem_array(names.n, sizeof(*numbers));
	for (size_t i = 0; i < names.n && rc == OR_OK; i++) {
		bool dropped = true;

		if (ag_spool_recover_number(&numbers[n], names.names[i]))
			rc = drop_headless(r, numbers[n], &dropped, err);
		n += !dropped;
	}
	for (size_t i = 0; i < n && rc == OR_OK; i++)
		rc = load_segment(r, numbers[i], i + 1 == n, err);
	trim_bad(r, &names);
	or_mem_free(numbers);
	or_sys_names_free(&names);
	return rc;
}

/* -- the state -- */

static void load_places(struct recovery *r)
{
	for (size_t i = 0; i < r->state.n_places; i++) {
		const struct spool_place *p = &r->state.places[i];

		ag_spool_place_set(r->spool, or_slice(p->bytes, p->n), p->segment, p->end);
	}
}

static enum or_code load_state(struct recovery *r, struct or_buf *file, struct or_err *err)
{
	struct ag_spool *spool = r->spool;
	uint8_t *p = or_buf_reserve(file, file->max);
	size_t got;
	enum or_code rc = or_sys_pread(spool->state_fd, p, file->max, 0, &got, err);

	if (rc)
		return rc;
	or_buf_commit(file, got);
	rc = ag_spool_state_decode(&r->state, or_buf_slice(file));
	if (rc) {
		r->state.generation = 0;
		spool->info.damaged += rc == OR_CORRUPT;
		/* A disk too full for that is full for the first segment too. */
		(void)!ag_spool_state_reserve(spool->state_fd, NULL);
		return OR_OK;
	}
	spool->state_generation = r->state.generation;
	spool->epoch = r->state.epoch;
	spool->prev_epoch = r->state.prev_epoch;
	for (size_t i = 0; i < r->state.n_streams; i++) {
		const struct spool_state_stream *from = &r->state.streams[i];
		struct spool_stream *s = get_stream(spool, i, from->name);

		r->has_mark[i] = from->name.n > 0;
		s->acked = from->acked;
		s->next_seq = from->next_seq;
		s->prev_seq = from->prev_seq;
	}
	load_places(r);
	return OR_OK;
}

/* After the segments: what the state knows better. */
static void merge_state(struct recovery *r)
{
	struct ag_spool *spool = r->spool;
	const struct spool_state *state = &r->state;
	bool is_newer = state->last_number > (spool->last ? spool->last->head.number : 0);

	if (!state->generation)
		return;
	if (state->next_number > r->newest)
		r->newest = state->next_number - 1;
	if (is_newer) {
		r->is_cut_short = true;
		spool->epoch = state->epoch;
		spool->prev_epoch = state->prev_epoch;
	}
	for (size_t i = 0; i < state->n_streams && state->epoch == spool->epoch; i++) {
		if (is_newer || state->streams[i].next_seq > spool->streams[i].next_seq) {
			spool->streams[i].next_seq = state->streams[i].next_seq;
			spool->streams[i].prev_seq = state->streams[i].prev_seq;
		}
	}
}

static void begin_epoch(struct ag_spool *spool)
{
	spool->prev_epoch = spool->epoch;
	do
		spool->epoch = or_rng_u64();
	while (spool->epoch == 0 || spool->epoch == spool->prev_epoch);
	for (size_t i = 0; i < spool->n_streams; i++) {
		spool->streams[i].prev_seq = spool->streams[i].next_seq - 1;
		spool->streams[i].next_seq = 1;
	}
}

enum or_code ag_spool_recover(struct ag_spool *spool, struct or_err *err)
{
	struct recovery *r = or_mem_new(sizeof(*r));
	struct or_buf file;
	enum or_code rc;

	r->spool = spool;
	or_buf_init(&file, 2 * AG_SPOOL_SLOT);
	rc = load_state(r, &file, err);
	if (rc == OR_OK)
		rc = load_segments(r, err);
	if (rc == OR_OK)
		rc = or_sys_sync_dir(spool->dir, err);
	if (rc == OR_OK) {
		merge_state(r);
		if (spool->epoch == 0 || r->is_cut_short)
			begin_epoch(spool);
		spool->next_number = r->newest + 1;
		spool->is_active = spool->last && !spool->last->is_broken &&
				   spool->last->head.epoch == spool->epoch;
		/* On a full disk the first append tries again. */
		if (!spool->is_active)
			(void)!ag_spool_roll(spool, NULL);
		if (ag_spool_sync_removable(spool))
			ag_spool_sync_state(spool, true);
	}
	or_buf_done(&file);
	or_mem_free(r);
	return rc;
}
