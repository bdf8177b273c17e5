/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool_look.h"

#include "agent/spool/spool_state.h"
#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

struct ag_spool_look {
	const struct ag_spool_look_ops *ops;
	void *arg;
	struct ag_spool *spool; /* a directory and a window, for ag_spool_read_segment */
	struct spool_state state;
	struct or_buf state_file;
	char *names[AG_SPOOL_STREAMS_MAX];
	struct spool_segment segment;
	char path[AG_SPOOL_PATH_MAX];
	uint64_t at; /* where the next entry should begin */
	bool is_newest, has_enough;
	uint64_t last_number, last_end; /* how far it was looked at */
};

const char *ag_spool_look_name(enum ag_spool_look_what what)
{
	static const char *const names[] = {"damaged", "torn", "cut", "foreign", "empty", "void"};

	return names[what];
}

static void set_name(struct ag_spool_look *l, size_t id, struct or_slice name)
{
	if (id >= AG_SPOOL_STREAMS_MAX)
		return;
	or_mem_free(l->names[id]);
	l->names[id] = or_mem_dup(name);
}

static void tell_damage(
    struct ag_spool_look *l, enum ag_spool_look_what what, uint64_t from, uint64_t to)
{
	if (l->ops->damage)
		l->ops->damage(l->arg, l->path, what, from, to, l->is_newest);
}

static bool is_acked(const struct ag_spool_look *l, const struct ag_segment_entry *e, uint64_t end)
{
	const struct ag_spool_mark *m;

	if (e->stream >= l->state.n_streams)
		return false;
	m = &l->state.streams[e->stream].acked;
	return m->segment > l->segment.head.number ||
	       (m->segment == l->segment.head.number && m->offset >= end);
}

static bool on_entry(void *arg, const struct ag_segment_entry *e, uint64_t end)
{
	struct ag_spool_look *l = arg;
	uint64_t start = end - ag_segment_size(e);
	const char *name = e->stream < AG_SPOOL_STREAMS_MAX ? l->names[e->stream] : NULL;
	const struct ag_spool_look_entry seen = {.stream = name ? name : "",
	    .stream_id = e->stream,
	    .seq = e->seq,
	    .is_inputs = e->type == AG_SEGMENT_INPUTS,
	    .is_acked = is_acked(l, e, end),
	    .epoch = l->segment.head.epoch,
	    .segment = l->segment.head.number,
	    .offset = start,
	    .payload = e->payload};

	if (start > l->at)
		tell_damage(l, AG_SPOOL_LOOK_DAMAGED, l->at, start);
	l->at = end;
	if (e->type == AG_SEGMENT_VOID) {
		tell_damage(l, AG_SPOOL_LOOK_VOID, start, end);
	} else if (e->type == AG_SEGMENT_STREAM) {
		if (e->payload.n > 8 && e->payload.n <= 8 + AG_SPOOL_NAME_MAX)
			set_name(l, e->stream, or_slice_from(e->payload, 8));
	} else if (l->ops->entry && !l->has_enough) {
		l->has_enough = !l->ops->entry(l->arg, &seen);
	}
	return true;
}

static enum or_code read_head(struct ag_spool_look *l, uint64_t number, struct or_err *err)
{
	uint8_t bytes[AG_SEGMENT_HEAD_LEN];
	struct spool_segment *seg = &l->segment;
	size_t got;
	enum or_code rc = or_sys_size(&seg->end, seg->fd, err);

	if (rc == OR_OK)
		rc = or_sys_pread(seg->fd, bytes, sizeof(bytes), 0, &got, err);
	if (rc)
		return rc;
	rc = ag_segment_head_get(&seg->head, or_slice(bytes, got));
	if (rc == OR_OK && seg->head.number == number)
		return OR_OK;
	tell_damage(l,
	    rc == OR_AGAIN || (rc && ag_spool_recover_is_blank(seg->fd, 0, seg->end))
		? AG_SPOOL_LOOK_EMPTY
		: AG_SPOOL_LOOK_FOREIGN,
	    0, seg->end);
	return OR_CORRUPT;
}

static enum or_code read_entries(struct ag_spool_look *l, struct or_err *err)
{
	struct spool_segment *seg = &l->segment;
	uint64_t end, damaged = 0;
	enum or_code rc;

	l->at = AG_SEGMENT_HEAD_LEN;
	if (l->last_number == seg->head.number && l->last_end > l->at)
		l->at = l->last_end;
	rc =
	    ag_spool_read_segment(l->spool, seg, l->at, seg->end, on_entry, l, &end, &damaged, err);
	l->last_number = seg->head.number;
	l->last_end = l->at;
	if (rc == OR_OK && l->at < seg->end)
		tell_damage(l,
		    ag_spool_recover_is_torn(seg, l->at, seg->end) ? AG_SPOOL_LOOK_TORN
								   : AG_SPOOL_LOOK_CUT,
		    l->at, seg->end);
	return rc;
}

/* One that is gone meanwhile was shipped. */
static enum or_code look_at(
    struct ag_spool_look *l, uint64_t number, size_t i, size_t n, struct or_err *err)
{
	enum or_code rc;

	if (number < l->last_number)
		return OR_OK;
	l->is_newest = i + 1 == n;
	l->segment = (struct spool_segment){.fd = -1};
	ag_spool_segment_path(l->path, l->spool, number);
	rc = or_sys_open(&l->segment.fd, l->path, O_RDONLY, 0, err);
	if (rc)
		return rc == OR_ABSENT ? OR_OK : rc;
	rc = read_head(l, number, err);
	if (rc == OR_OK)
		rc = read_entries(l, err);
	if (rc == OR_OK && l->ops->segment)
		l->ops->segment(
		    l->arg, l->path, number, l->segment.head.epoch, l->segment.end, i, n);
	or_sys_close(l->segment.fd);
	return rc == OR_CORRUPT ? OR_OK : rc;
}

static enum or_code look_at_all(struct ag_spool_look *l, struct or_err *err)
{
	struct or_sys_names names;
	uint64_t *numbers;
	size_t n = 0;
	enum or_code rc = or_sys_list(&names, l->spool->dir, err);

	if (rc)
		return rc;
	numbers = or_mem_array(names.n + 1, sizeof(*numbers));
	for (size_t i = 0; i < names.n; i++)
		n += ag_spool_recover_number(&numbers[n], names.names[i]);
	for (size_t i = 0; i < n && rc == OR_OK && !l->has_enough; i++)
		rc = look_at(l, numbers[i], i, n, err);
	or_mem_free(numbers);
	or_sys_names_free(&names);
	return rc;
}

static enum or_code read_state(struct ag_spool_look *l, struct or_err *err)
{
	char path[AG_SPOOL_PATH_MAX];
	struct ag_spool_look_stream streams[AG_SPOOL_STREAMS_MAX] = {0};
	struct ag_spool_look_state seen = {0};
	enum or_code rc;

	snprintf(path, sizeof(path), "%.4000s/state", l->spool->dir);
	rc = or_sys_read_file(&l->state_file, path, err);
	if (rc == OR_OK)
		rc = ag_spool_state_decode(&l->state, or_buf_slice(&l->state_file));
	else if (rc != OR_ABSENT && rc != OR_FULL)
		return rc;
	seen.is_damaged = rc == OR_CORRUPT || rc == OR_FULL;
	if (rc)
		l->state.n_streams = 0;
	seen.is_valid = rc == OR_OK;
	seen.epoch = l->state.epoch;
	seen.prev_epoch = l->state.prev_epoch;
	seen.n_streams = l->state.n_streams;
	for (size_t i = 0; i < l->state.n_streams; i++) {
		const struct spool_state_stream *s = &l->state.streams[i];

		set_name(l, i, s->name);
		streams[i] = (struct ag_spool_look_stream){
		    l->names[i], s->next_seq, s->acked.seq, s->acked.epoch};
	}
	if (l->ops->state)
		l->ops->state(l->arg, &seen, streams);
	return OR_OK;
}

struct ag_spool_look *ag_spool_look_new(const char *dir)
{
	struct ag_spool_look *l = or_mem_new(sizeof(*l));

	l->spool = or_mem_new(sizeof(*l->spool));
	l->spool->dir = or_mem_strdup(dir);
	or_buf_init(&l->spool->window, AG_SPOOL_ENTRY_MAX + AG_SPOOL_WINDOW);
	or_buf_init(&l->state_file, 2 * AG_SPOOL_SLOT);
	return l;
}

enum or_code ag_spool_look_next(
    struct ag_spool_look *l, const struct ag_spool_look_ops *ops, void *arg, struct or_err *err)
{
	enum or_code rc;

	l->ops = ops;
	l->arg = arg;
	l->has_enough = false;
	or_buf_clear(&l->state_file);
	rc = read_state(l, err);
	return rc ? rc : look_at_all(l, err);
}

void ag_spool_look_free(struct ag_spool_look *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < AG_SPOOL_STREAMS_MAX; i++)
		or_mem_free(l->names[i]);
	or_buf_done(&l->state_file);
	or_buf_done(&l->spool->window);
	or_mem_free(l->spool->dir);
	or_mem_free(l->spool);
	or_mem_free(l);
}

enum or_code ag_spool_look_run(
    const char *dir, const struct ag_spool_look_ops *ops, void *arg, struct or_err *err)
{
	struct ag_spool_look *l = ag_spool_look_new(dir);
	enum or_code rc = ag_spool_look_next(l, ops, arg, err);

	ag_spool_look_free(l);
	return rc;
}
