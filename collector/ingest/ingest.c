/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/ingest.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/ingest/inputs.h"
#include "collector/ingest/state.h"
#include "proto/source.h"

#include <limits.h>
#include <stdio.h>

enum {
	STREAMS_DEFAULT = 100000,
	DEAD_DEFAULT = 64 * 1024 * 1024,
	SCRATCH_ARENA = 1 << 20,
	REOPEN_NS = 1000000000L, /* between two tries to open a log that failed */
};

/* Hooks of the log: keep `committed`, from which everything is known after a restart. */

static enum or_code on_restore(void *arg, struct or_slice state, struct or_err *err)
{
	struct co_ingest *in = arg;

	return co_marks_load(in->committed, state, err);
}

struct co_marks_key co_ingest_source_key(struct or_slice name, uint32_t partition)
{
	static const uint8_t nobody[CO_MARKS_AGENT_LEN];

	return (struct co_marks_key){or_slice(nobody, sizeof(nobody)), partition, name};
}

static enum or_code add_mark(struct co_ingest *in, const struct co_marks_key *key, uint64_t from,
    uint64_t to, struct or_err *err)
{
	return co_marks_add(in->committed, key, from, to)
		   ? or_err_set(err, OR_FULL, "more streams or holes than may be")
		   : OR_OK;
}

static enum or_code apply_frame(struct co_ingest *in, struct or_slice content, struct or_err *err)
{
	struct wire_frame f;
	struct wire_cert c;
	enum or_code rc;

	or_arena_clear(in->hook_arena);
	rc = wire_frame_decode(&f, content, in->hook_arena, err);
	if (!rc)
		rc = wire_cert_decode(&c, f.cert, in->hook_arena, err);
	if (rc)
		return rc;
	return add_mark(
	    in, &(struct co_marks_key){c.agent_id, f.epoch, f.stream}, f.seq_from, f.seq_to, err);
}

static enum or_code apply_source(struct co_ingest *in, struct or_slice content, struct or_err *err)
{
	struct co_marks_key key;
	struct wire_source s;
	enum or_code rc = wire_source_decode(&s, content, err);

	if (rc || s.next == 0)
		return rc;
	key = co_ingest_source_key(s.name, s.partition);
	return add_mark(in, &key, s.next, s.next - 1, err);
}

static enum or_code on_apply(
    void *arg, uint64_t index, const struct tl_segment_entry *entry, struct or_err *err)
{
	struct wire_leaf leaf;
	enum or_code rc = wire_leaf_decode(&leaf, entry->leaf, err);

	(void)index;
	if (!rc && leaf.type == WIRE_LEAF_FRAME)
		return apply_frame(arg, leaf.content, err);
	if (!rc && leaf.type == WIRE_LEAF_SOURCE)
		return apply_source(arg, leaf.content, err);
	/* A newer collector's leaves are none of the marks' business. */
	return rc == OR_UNSUPPORTED ? OR_OK : rc;
}

static void on_save(void *arg, struct or_buf *out)
{
	const struct co_ingest *in = arg;

	co_marks_save(in->committed, out);
}

/* After the log has been opened: what is durable is what is known. */
static enum or_code take_committed(struct co_ingest *in, struct or_err *err)
{
	struct or_buf saved;
	enum or_code rc;

	or_buf_init(&saved, TL_SEGMENT_HEAD_MAX);
	co_marks_save(in->committed, &saved);
	rc = co_marks_load(in->marks, or_buf_slice(&saved), err);
	or_buf_done(&saved);
	return rc;
}

static char *sub_dir(const char *dir, const char *name)
{
	char path[PATH_MAX];

	OR_ASSERT(snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_MAX);
	return or_mem_strdup(path);
}

static enum or_code open_parts(
    struct co_ingest *in, const struct co_ingest_opt *opt, struct or_err *err)
{
	struct co_log_opt log = {.store = {.dir = in->log_dir,
				     .origin = opt->origin,
				     .key = opt->key,
				     .older = opt->older,
				     .segment_bytes = opt->segment_bytes,
				     .segment_age_ns = opt->seals ? opt->seal_age_ns : 0,
				     .state = &in->hooks,
				     .now_ns = or_loop_wall_ns(opt->loop)},
	    .loop = opt->loop,
	    .slow = opt->slow,
	    .max_pending = opt->max_pending,
	    .seals = opt->seals,
	    .seal_rows = opt->seal_rows,
	    .seal_age_ns = opt->seal_age_ns};
	char *dead_dir = sub_dir(opt->dir, "dead");
	enum or_code rc = co_own_init(&in->own, opt->own_key, opt->own_cert, opt->origin, err);

	if (!rc)
		rc = or_sys_mkdir(in->inputs_dir, 0750, err);
	if (!rc)
		rc = co_dead_open(&in->dead, dead_dir,
		    opt->dead_bytes ? opt->dead_bytes : DEAD_DEFAULT, opt->slow, err);
	if (!rc)
		rc = co_log_open(&in->log, &log, err);
	if (!rc)
		rc = take_committed(in, err);
	or_mem_free(dead_dir);
	return rc;
}

enum or_code co_ingest_open(
    struct co_ingest **out, const struct co_ingest_opt *opt, struct or_err *err)
{
	size_t streams = opt->max_streams ? opt->max_streams : STREAMS_DEFAULT;
	struct co_ingest *in;
	enum or_code rc;

	if (strlen(opt->dir) > PATH_MAX - 256)
		return or_err_set(err, OR_INVAL, "the shard's directory has too long a name");
	in = or_mem_new(sizeof(*in));
	in->opt = *opt;
	in->log_dir = or_mem_strdup(opt->dir);
	in->inputs_dir = sub_dir(opt->dir, "inputs");
	in->hooks = (struct co_store_state){in, on_restore, on_apply, on_save};
	in->marks = co_marks_new(streams);
	in->committed = co_marks_new(streams);
	in->hook_arena = or_arena_new(SCRATCH_ARENA);
	in->scratch = or_arena_new(SCRATCH_ARENA);
	in->inputs_known = or_mem_array(CO_STATE_INPUTS_KNOWN, sizeof(*in->inputs_known));
	rc = open_parts(in, opt, err);
	if (rc) {
		co_ingest_close(in);
		return rc;
	}
	*out = in;
	return OR_OK;
}

void co_ingest_close(struct co_ingest *in)
{
	if (!in)
		return;
	co_log_close(in->log);
	co_dead_close(in->dead);
	co_read_close(in->reader);
	co_own_done(&in->own);
	co_marks_free(in->marks);
	co_marks_free(in->committed);
	or_arena_free(in->hook_arena);
	or_arena_free(in->scratch);
	or_mem_free(in->inputs_known);
	or_mem_free(in->log_dir);
	or_mem_free(in->inputs_dir);
	or_mem_free(in);
}

struct co_log *co_ingest_log(struct co_ingest *in)
{
	return in->log;
}

static void on_reopened(void *arg, enum or_code rc, uint64_t size, const struct or_err *err)
{
	struct co_ingest *in = arg;

	(void)size;
	(void)err;
	in->is_reopening = false;
	if (!rc && take_committed(in, NULL))
		in->reopen_ns = INT64_MAX; /* cannot be: the same limits loaded it before */
}

/* A log that failed is opened again, now and then, when somebody wants it. */
static void try_reopen(struct co_ingest *in)
{
	int64_t now = or_loop_now_ns(in->opt.loop);

	if (in->is_reopening || now < in->reopen_ns)
		return;
	in->reopen_ns = now + REOPEN_NS;
	in->is_reopening = co_log_reopen(in->log, on_reopened, in, NULL) == OR_OK;
}

bool co_ingest_has_trouble(struct co_ingest *in, struct or_err *err)
{
	const struct or_err *trouble = co_log_trouble(in->log);

	if (trouble) {
		*err = *trouble;
		if (trouble->code != OR_CORRUPT)
			try_reopen(in);
	} else if (in->is_reopening) {
		or_err_set(err, OR_BUSY, "the log is being opened again");
	}
	return trouble || in->is_reopening;
}

struct co_ingest_call *co_ingest_submit(
    struct co_ingest *in, const struct co_ingest_request *request, co_ingest_fn *fn, void *arg)
{
	return co_call_submit(in, request, fn, arg);
}

void co_ingest_cancel(struct co_ingest_call *call)
{
	co_call_cancel(call);
}

enum or_code co_ingest_own(struct co_ingest *in, const struct wire_audit *record, co_log_fn *fn,
    void *arg, struct or_err *err)
{
	struct or_err why;

	if (co_ingest_has_trouble(in, &why)) {
		if (err)
			*err = why;
		return why.code;
	}
	return co_append_own(in, record, fn, arg, err);
}

uint64_t co_ingest_next(const struct co_ingest *in, struct or_slice name, uint32_t partition)
{
	struct co_marks_key key = co_ingest_source_key(name, partition);

	return co_marks_knows(in->marks, &key) ? co_marks_expected(in->marks, &key) + 1 : 0;
}

enum or_code co_ingest_inputs(struct co_ingest *in, struct or_buf *out,
    const uint8_t hash[OR_CRYPTO_HASH_LEN], struct or_err *err)
{
	return co_inputs_get(out, in->inputs_dir, hash, err);
}

void co_ingest_stats(struct co_ingest_stats *out, const struct co_ingest *in)
{
	*out = in->stats;
	out->streams = co_marks_streams(in->marks);
	out->dead_letters = co_dead_letters(in->dead);
	out->dead_dropped = co_dead_dropped(in->dead);
}

enum or_code co_ingest_vet(struct co_ingest *in, const struct co_ingest_request *request,
    const char **reason, struct or_err *err)
{
	int64_t now = or_loop_wall_ns(in->opt.loop);
	struct or_arena *a = or_arena_new(0);
	struct or_err own = {.code = OR_OK};
	struct co_check check;
	enum or_code rc = co_check_frame(&check, &in->opt, request, now, a, reason, &own);

	or_arena_free(a);
	if (!rc)
		return OR_OK;
	in->stats.refused++;
	co_dead_put(in->dead, request, co_check_is_signed(*reason), *reason, own.msg, now);
	if (err)
		*err = own;
	return rc;
}
