/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool_state.h"

#include "base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define SEGMENT_DEFAULT (8 * OR_MIB)
#define SEGMENT_MIN     (4 * OR_KIB)
#define QUOTA_DEFAULT   (256 * OR_MIB)

/* The largest thing that is written in one go: a head or declarations of all streams, an entry. */
#define SCRATCH_MAX                                                                                \
	(AG_SPOOL_ENTRY_MAX + AG_SPOOL_STREAMS_MAX * (AG_SPOOL_NAME_MAX + 64) + AG_SEGMENT_HEAD_LEN)

_Static_assert(AG_SPOOL_ENTRY_MAX <= AG_SEGMENT_PAYLOAD_MAX, "an entry's payload fits");
_Static_assert(AG_SPOOL_STREAMS_MAX <= 64, "spool_segment.declared has a bit for each");

void ag_spool_segment_path(
    char out[AG_SPOOL_PATH_MAX], const struct ag_spool *spool, uint64_t number)
{
	snprintf(out, AG_SPOOL_PATH_MAX, "%s/%016" PRIx64 ".seg", spool->dir, number);
}

/* -- streams -- */

struct spool_stream *ag_spool_add_stream(struct ag_spool *spool, struct or_slice name)
{
	struct spool_stream *s;

	if (spool->n_streams == AG_SPOOL_STREAMS_MAX)
		return NULL;
	s = &spool->streams[spool->n_streams++];
	*s = (struct spool_stream){.name = or_mem_dup(name), .next_seq = 1};
	s->acked.epoch = spool->epoch;
	return s;
}

/* Takes an id that recovery found no name for, or the next one. */
static struct spool_stream *name_stream(struct ag_spool *spool, struct or_slice name)
{
	for (size_t i = 0; i < spool->n_streams; i++) {
		if (!*spool->streams[i].name) {
			or_mem_free(spool->streams[i].name);
			spool->streams[i].name = or_mem_dup(name);
			return &spool->streams[i];
		}
	}
	return ag_spool_add_stream(spool, name);
}

enum or_code ag_spool_stream(
    uint16_t *out, struct ag_spool *spool, const char *name, struct or_err *err)
{
	size_t n = strlen(name);
	struct spool_stream *s;

	for (size_t i = 0; i < spool->n_streams; i++) {
		if (strcmp(spool->streams[i].name, name) == 0) {
			*out = (uint16_t)i;
			return OR_OK;
		}
	}
	if (n == 0 || n > AG_SPOOL_NAME_MAX)
		return or_err_set(err, OR_INVAL, "a stream's name of %zu bytes", n);
	s = name_stream(spool, or_slice_str(name));
	if (!s)
		return or_err_set(
		    err, OR_FULL, "the spool has %d streams already", AG_SPOOL_STREAMS_MAX);
	/* It has nothing in the segments that are there. */
	s->acked.segment = spool->next_number - (spool->is_active ? 1 : 0);
	s->acked.offset = spool->is_active ? spool->last->end : 0;
	*out = (uint16_t)(s - spool->streams);
	return OR_OK;
}

static void put_declaration(struct or_buf *out, const struct ag_segment_head *head, uint64_t offset,
    const struct ag_spool *spool, uint16_t id)
{
	const struct spool_stream *s = &spool->streams[id];
	uint8_t payload[8 + AG_SPOOL_NAME_MAX];
	size_t n = strlen(s->name);

	for (size_t i = 0; i < 8; i++)
		payload[i] = (uint8_t)(s->prev_seq >> (8 * i));
	memcpy(payload + 8, s->name, n);
	ag_segment_put(out, head, offset,
	    &(struct ag_segment_entry){.type = AG_SEGMENT_STREAM,
		.stream = id,
		.seq = s->next_seq,
		.payload = or_slice(payload, n + 8)});
}

/* -- segments -- */

/* Writes scratch at the end of the segment; what went in of a failed write is cut off again. */
static enum or_code write_scratch(
    struct ag_spool *spool, struct spool_segment *seg, struct or_err *err)
{
	enum or_code rc = or_sys_pwrite(seg->fd, or_buf_slice(&spool->scratch), seg->end, err);

	if (rc == OR_OK) {
		seg->end += spool->scratch.n;
		spool->bytes += spool->scratch.n;
		return OR_OK;
	}
	if (or_sys_truncate(seg->fd, seg->end, NULL) != OR_OK)
		seg->is_broken = true;
	return rc;
}

/* The one before is sealed; where all of it is durable its file is not needed open any more. */
void ag_spool_add_segment(struct ag_spool *spool, struct spool_segment *seg)
{
	struct spool_segment *before = spool->last;

	if (before && before->synced == before->end) {
		or_sys_close(before->fd);
		before->fd = -1;
	}
	if (before)
		before->next = seg;
	else
		spool->first = seg;
	spool->last = seg;
}

enum or_code ag_spool_roll(struct ag_spool *spool, struct or_err *err)
{
	struct spool_segment *seg = or_mem_new(sizeof(*seg));
	char path[AG_SPOOL_PATH_MAX];
	enum or_code rc;

	seg->head = (struct ag_segment_head){spool->next_number, spool->epoch, spool->prev_epoch};
	ag_spool_segment_path(path, spool, spool->next_number);
	rc = or_sys_open(&seg->fd, path, O_RDWR | O_CREAT | O_EXCL, 0600, err);
	if (rc) {
		or_mem_free(seg);
		return rc;
	}
	or_buf_clear(&spool->scratch);
	ag_segment_head_put(&spool->scratch, &seg->head);
	for (size_t i = 0; i < spool->n_streams; i++) {
		if (!*spool->streams[i].name)
			continue;
		put_declaration(&spool->scratch, &seg->head, spool->scratch.n, spool, (uint16_t)i);
		seg->declared |= 1ULL << i;
	}
	rc = write_scratch(spool, seg, err);
	if (rc) {
		or_sys_close(seg->fd);
		/* A file that stays is a torn head to recovery; its number is not used again. */
		if (or_sys_unlink(path, NULL) != OR_OK)
			spool->next_number++;
		or_mem_free(seg);
		return rc;
	}
	spool->next_number++;
	spool->is_dir_dirty = true;
	ag_spool_add_segment(spool, seg);
	spool->is_active = true;
	return OR_OK;
}

static enum or_code make_room(
    struct ag_spool *spool, const struct ag_segment_entry *e, struct or_err *err)
{
	struct spool_segment *seg = spool->is_active ? spool->last : NULL;
	size_t size = ag_segment_size(e);

	if (seg && !seg->is_broken && seg->end + size <= spool->opt.segment_bytes)
		return OR_OK;
	return ag_spool_roll(spool, err);
}

enum or_code ag_spool_write(
    struct ag_spool *spool, const struct ag_segment_entry *e, struct or_err *err)
{
	enum or_code rc = make_room(spool, e, err);
	struct spool_segment *seg = spool->last;
	uint64_t bit = 1ULL << e->stream;

	if (rc)
		return rc;
	or_buf_clear(&spool->scratch);
	if (!(seg->declared & bit))
		put_declaration(&spool->scratch, &seg->head, seg->end, spool, e->stream);
	ag_segment_put(&spool->scratch, &seg->head, seg->end + spool->scratch.n, e);
	OR_ASSERT(or_buf_ok(&spool->scratch));
	rc = write_scratch(spool, seg, err);
	if (rc)
		return rc;
	seg->declared |= bit;
	seg->last_end[e->stream] = (uint32_t)seg->end;
	ag_spool_sync_later(spool);
	return OR_OK;
}

/* -- append -- */

enum or_code ag_spool_append_entry(struct ag_spool *spool, const struct ag_segment_entry *e)
{
	struct spool_stream *s = &spool->streams[e->stream];
	enum or_code rc = OR_OK;

	OR_ASSERT(
	    e->stream < spool->n_streams && e->payload.n > 0 && e->payload.n <= AG_SPOOL_ENTRY_MAX);
	if (spool->is_stuck)
		rc = OR_IO;
	else if (spool->bytes + ag_segment_size(e) > spool->opt.quota_bytes)
		rc = OR_FULL;
	if (rc == OR_OK)
		rc = ag_spool_write(spool, e, NULL);
	if (rc) {
		spool->info.failed_appends++;
		return rc == OR_FULL ? OR_FULL : OR_IO;
	}
	if (e->type == AG_SEGMENT_RECORD) {
		s->next_seq++;
		s->pending++;
		s->pending_bytes += e->payload.n;
	}
	return OR_OK;
}

enum or_code ag_spool_append(struct ag_spool *spool, uint16_t stream, struct or_slice record)
{
	return ag_spool_append_entry(spool, &(struct ag_segment_entry){.type = AG_SEGMENT_RECORD,
						.stream = stream,
						.seq = spool->streams[stream].next_seq,
						.payload = record});
}

enum or_code ag_spool_append_inputs(struct ag_spool *spool, uint16_t stream, struct or_slice inputs)
{
	return ag_spool_append_entry(spool, &(struct ag_segment_entry){.type = AG_SEGMENT_INPUTS,
						.stream = stream,
						.seq = spool->streams[stream].next_seq,
						.payload = inputs});
}

uint64_t ag_spool_epoch(const struct ag_spool *spool)
{
	return spool->epoch;
}

uint64_t ag_spool_next_seq(const struct ag_spool *spool, uint16_t stream)
{
	OR_ASSERT(stream < spool->n_streams);
	return spool->streams[stream].next_seq;
}

void ag_spool_watch(struct ag_spool *spool, or_loop_fn *fn, void *arg)
{
	spool->watch_fn = fn;
	spool->watch_arg = arg;
}

/* -- open and close -- */

static void free_all(struct ag_spool *spool)
{
	while (spool->first) {
		struct spool_segment *seg = spool->first;

		spool->first = seg->next;
		or_sys_close(seg->fd);
		or_mem_free(seg);
	}
	for (size_t i = 0; i < spool->n_streams; i++)
		or_mem_free(spool->streams[i].name);
	or_mem_free(spool->places);
	or_buf_done(&spool->scratch);
	or_buf_done(&spool->window);
	or_sys_close(spool->state_fd);
	or_sys_close(spool->lock_fd);
	or_mem_free(spool->dir);
	or_mem_free(spool);
}

static enum or_code check_options(struct ag_spool_opt *opt, struct or_err *err)
{
	if (!opt->segment_bytes)
		opt->segment_bytes = SEGMENT_DEFAULT;
	if (!opt->quota_bytes)
		opt->quota_bytes = QUOTA_DEFAULT;
	if (!opt->sync_ns)
		opt->sync_ns = 50 * OR_NS_PER_MS;
	if (!opt->state_ns)
		opt->state_ns = OR_NS_PER_S;
	if (!opt->retry_ns)
		opt->retry_ns = OR_NS_PER_S;
	if (opt->segment_bytes < SEGMENT_MIN || opt->segment_bytes > 1024 * OR_MIB)
		return or_err_set(err, OR_INVAL,
		    "spool segments of %" PRIu64 " bytes: 4 KiB to 1 GiB", opt->segment_bytes);
	if (opt->quota_bytes < 2 * opt->segment_bytes)
		return or_err_set(err, OR_INVAL,
		    "a spool quota of %" PRIu64 " bytes: at least two segments of %" PRIu64,
		    opt->quota_bytes, opt->segment_bytes);
	if (strlen(opt->dir) > AG_SPOOL_PATH_MAX - 64)
		return or_err_set(err, OR_INVAL, "the spool's path is too long");
	return OR_OK;
}

static enum or_code open_files(struct ag_spool *spool, struct or_err *err)
{
	char path[AG_SPOOL_PATH_MAX];
	enum or_code rc = or_sys_mkdir(spool->dir, 0700, err);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/lock", spool->dir);
	rc = or_sys_open(&spool->lock_fd, path, O_RDWR | O_CREAT, 0600, err);
	if (rc == OR_OK)
		rc = or_sys_lock(spool->lock_fd, spool->opt.lock_wait_ns, err);
	if (rc == OR_OK) {
		snprintf(path, sizeof(path), "%s/state", spool->dir);
		rc = or_sys_open(&spool->state_fd, path, O_RDWR | O_CREAT, 0600, err);
	}
	return rc;
}

enum or_code ag_spool_open(
    struct ag_spool **out, const struct ag_spool_opt *opt, struct or_err *err)
{
	struct ag_spool *spool = or_mem_new(sizeof(*spool));
	enum or_code rc;

	spool->opt = *opt;
	spool->lock_fd = spool->state_fd = -1;
	spool->dir = or_mem_strdup(opt->dir);
	spool->opt.dir = spool->dir;
	spool->next_number = 1;
	spool->last_wait = &spool->waits;
	or_buf_init(&spool->scratch, SCRATCH_MAX);
	or_buf_init(&spool->window, AG_SPOOL_ENTRY_MAX + AG_SPOOL_WINDOW);
	rc = check_options(&spool->opt, err);
	if (rc == OR_OK)
		rc = open_files(spool, err);
	if (rc == OR_OK)
		rc = ag_spool_recover(spool, err);
	if (rc) {
		or_err_wrap(err, rc, "spool %s", opt->dir);
		ag_spool_sync_stop(spool);
		free_all(spool);
		return rc;
	}
	*out = spool;
	return OR_OK;
}

/* At the end all is written in line: nobody is waiting for the loop any more. */
static void flush(struct ag_spool *spool)
{
	struct or_buf state;

	for (struct spool_segment *seg = spool->first; seg; seg = seg->next) {
		if (seg->synced < seg->end && or_sys_fdatasync(seg->fd, NULL) != OR_OK)
			return;
	}
	if (spool->is_dir_dirty && or_sys_sync_dir(spool->dir, NULL) != OR_OK)
		return;
	or_buf_init(&state, AG_SPOOL_SLOT);
	ag_spool_state_encode(&state, spool, spool->state_generation + 1);
	if (or_sys_pwrite(spool->state_fd, or_buf_slice(&state),
		ag_spool_state_offset(spool->state_generation + 1), NULL) == OR_OK)
		(void)!or_sys_fdatasync(spool->state_fd, NULL);
	or_buf_done(&state);
}

void ag_spool_close(struct ag_spool *spool)
{
	if (!spool)
		return;
	ag_spool_sync_stop(spool);
	flush(spool);
	free_all(spool);
}

/* -- what is told -- */

void ag_spool_get_info(struct ag_spool_info *out, const struct ag_spool *spool)
{
	*out = spool->info;
	out->epoch = spool->epoch;
	out->prev_epoch = spool->prev_epoch;
	out->bytes = spool->bytes;
	out->quota_bytes = spool->opt.quota_bytes;
	for (const struct spool_segment *seg = spool->first; seg; seg = seg->next) {
		out->segments++;
		out->unsynced_bytes += seg->end - seg->synced;
	}
	for (size_t i = 0; i < spool->n_streams; i++)
		out->pending += spool->streams[i].pending;
}

bool ag_spool_get_stream(
    struct ag_spool_stream_info *out, const struct ag_spool *spool, uint16_t stream)
{
	const struct spool_stream *s = &spool->streams[stream];

	if (stream >= spool->n_streams)
		return false;
	*out = (struct ag_spool_stream_info){.name = s->name,
	    .next_seq = s->next_seq,
	    .prev_seq = s->prev_seq,
	    .acked_epoch = s->acked.epoch,
	    .acked_seq = s->acked.seq,
	    .pending = s->pending,
	    .pending_bytes = s->pending_bytes};
	return true;
}
