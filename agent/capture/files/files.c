/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/files.h"

#include "agent/capture/files/files_config.h"
#include "agent/capture/files/tail.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notice.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/otlp_log.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>

#define ROTATE_NS (5 * OR_NS_PER_S)
#define SWEEP_NS  (10 * OR_NS_PER_S)
/* While lines come: how often is looked, and how often for other files. */
#define BUSY_NS  (20 * OR_NS_PER_MS)
#define AMONG_NS OR_NS_PER_S
/* Folders are not looked through more often than that, whatever happens in them. */
#define SOON_NS (100 * OR_NS_PER_MS)
/* While the spool is too full, or failed. */
#define WAIT_NS (50 * OR_NS_PER_MS)

enum { STEPS_A_TURN = 4, NAMES_MAX = 10000, REQUEST_ROOM = 8 * 1024 };

struct metrics {
	struct or_metric_counter *rotated, *truncated, *cut, *misfits, *bytes;
};

struct ag_files {
	struct ag_files_opt opt;
	struct ag_files_config *config; /* and older ones, by which files are still read */
	struct ag_tail *tails[AG_FILES_OPEN_MAX];
	size_t n_tails;
	struct ag_tail_reader reader;
	struct or_buf request;
	struct or_notice *notice;
	struct or_loop_timer *timer;
	int64_t swept_ns; /* monotonic */
	bool has_swept, wants_sweep;
	bool is_quiet; /* nothing new, and the notice is armed */
	bool is_over;  /* more files than may be open: said */
	struct metrics metrics;
};

static void schedule(struct ag_files *f, int64_t after_ns);

/* ---- one step of one file */

enum step { NOTHING, SOME, BLOCKED };

/* Half of the quota stays for what cannot wait in a file. */
static bool is_spool_full(const struct ag_files *f)
{
	struct ag_spool_info info;

	ag_spool_get_info(&info, f->opt.spool);
	return info.bytes > info.quota_bytes / 2;
}

static void note_rewind(struct ag_files *f, const struct ag_tail *t)
{
	or_metric_add(f->metrics.truncated, 1);
	OR_LOG(OR_LOG_INFO, "file.emptied", or_log_text("path", t->path));
}

static enum or_code put_request(struct ag_files *f, struct ag_tail *t)
{
	struct ag_batch *b = &f->reader.batch;
	uint8_t value[AG_TAIL_PLACE_MAX];
	struct ag_spool_place place;

	memcpy(place.id, t->id, sizeof(place.id));
	place.value = or_slice(value, ag_tail_place(value, t, &f->reader));
	or_buf_clear(&f->request);
	wire_otlp_log_request(&f->request, or_slice_str(f->opt.product), or_slice_str(t->path),
	    or_buf_slice(&b->logs));
	OR_ASSERT(or_buf_ok(&f->request));
	return f->opt.take(f->opt.arg, or_buf_slice(&f->request), b->records, &place);
}

static enum step step(struct ag_files *f, struct ag_tail *t, bool is_final)
{
	const struct ag_tail_now now = {.wall_ns = or_loop_wall_ns(f->opt.loop),
	    .mono_ns = or_loop_now_ns(f->opt.loop),
	    .is_final = is_final};
	const struct ag_batch *b = &f->reader.batch;
	struct or_err err;

	if (is_spool_full(f))
		return BLOCKED;
	if (ag_tail_read(t, &f->reader, &now, &err)) {
		OR_LOG(
		    OR_LOG_WARN, "file.unreadable", or_log_text("path", t->path), or_log_err(&err));
		return NOTHING;
	}
	if (f->reader.is_rewound)
		note_rewind(f, t);
	t->is_at_end = !ag_tail_has_new(t, &f->reader);
	if (t->is_at_end)
		return NOTHING;
	if (b->records && put_request(f, t))
		return BLOCKED;
	or_metric_add(f->metrics.bytes, b->end);
	or_metric_add(f->metrics.cut, b->cut);
	or_metric_add(f->metrics.misfits, b->misfits);
	ag_tail_commit(t, &f->reader);
	return SOME;
}

/* ---- which files there are */

static struct ag_tail *find(struct ag_files *f, const uint8_t *id)
{
	for (size_t i = 0; i < f->n_tails; i++) {
		if (memcmp(f->tails[i]->id, id, AG_TAIL_ID) == 0)
			return f->tails[i];
	}
	return NULL;
}

static void resume(struct ag_files *f, struct ag_tail *t)
{
	struct ag_spool_place place;

	for (size_t i = 0; ag_spool_place_get(&place, f->opt.spool, i); i++) {
		if (memcmp(place.id, t->id, AG_TAIL_ID) != 0)
			continue;
		if (!ag_tail_resume(t, place.value))
			note_rewind(f, t);
		return;
	}
}

static void open_file(struct ag_files *f, const char *path, const struct ag_batch_format *format)
{
	struct ag_tail *t;
	struct or_err err;
	enum or_code rc;

	if (f->n_tails == AG_FILES_OPEN_MAX) {
		if (!f->is_over)
			OR_LOG(OR_LOG_WARN, "files.too_many", or_log_text("path", path),
			    or_log_u64("open", f->n_tails));
		f->is_over = true;
		return;
	}
	rc = ag_tail_open(&t, path, format, &err);
	if (rc) {
		if (rc != OR_ABSENT)
			OR_LOG(OR_LOG_WARN, "file.unreadable", or_log_err(&err));
		return;
	}
	resume(f, t);
	t->is_found = true;
	f->tails[f->n_tails++] = t;
	OR_LOG(
	    OR_LOG_INFO, "file.found", or_log_text("path", path), or_log_u64("offset", t->offset));
}

static void watch_folder(struct ag_files *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", slash && slash > path ? (int)(slash - path) : 1,
	    slash ? path : ".");
	/* A folder that cannot be watched is looked at now and then. */
	(void)!or_notice_add(f->notice, dir, NULL);
}

static void look_for(struct ag_files *f, const struct ag_files_pattern *p)
{
	uint8_t id[AG_TAIL_ID];
	glob_t found;

	watch_folder(f, p->path);
	if (glob(p->path, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc && i < NAMES_MAX; i++) {
		const char *path = found.gl_pathv[i];
		struct ag_tail *t;

		if (!ag_tail_id_of(id, path))
			continue;
		t = find(f, id);
		if (t) {
			t->is_found = true;
			t->format = &p->format;
		} else {
			open_file(f, path, &p->format);
		}
		watch_folder(f, path);
	}
	globfree(&found);
}

/* Called for each file in the folders of the patterns, whatever its name. */
typedef void each_fn(
    struct ag_files *f, const struct ag_files_pattern *p, const char *path, const uint8_t *id);

static void each_in(
    struct ag_files *f, const struct ag_files_pattern *p, const char *dir, each_fn *fn)
{
	struct or_sys_names names;
	uint8_t id[AG_TAIL_ID];
	char path[PATH_MAX];

	if (or_sys_list(&names, dir, NULL))
		return;
	for (size_t i = 0; i < names.n && i < NAMES_MAX; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.names[i]) < PATH_MAX &&
		    ag_tail_id_of(id, path))
			fn(f, p, path, id);
	}
	or_sys_names_free(&names);
}

static void each_file(struct ag_files *f, each_fn *fn)
{
	for (size_t i = 0; i < f->config->n; i++) {
		const struct ag_files_pattern *p = &f->config->patterns[i];
		const char *slash = strrchr(p->path, '/');
		char dirs[PATH_MAX];
		glob_t found;

		snprintf(dirs, sizeof(dirs), "%.*s", slash ? (int)(slash - p->path) : 1,
		    slash ? p->path : ".");
		if (glob(*dirs ? dirs : "/", 0, NULL, &found) != 0)
			continue;
		for (size_t d = 0; d < found.gl_pathc; d++)
			each_in(f, p, found.gl_pathv[d], fn);
		globfree(&found);
	}
}

static bool has_place(const struct ag_files *f, const uint8_t *id)
{
	struct ag_spool_place place;

	for (size_t i = 0; ag_spool_place_get(&place, f->opt.spool, i); i++) {
		if (memcmp(place.id, id, AG_TAIL_ID) == 0)
			return true;
	}
	return false;
}

/* A file that was being read when the agent ended, under whatever name it is now. */
static void find_renamed(
    struct ag_files *f, const struct ag_files_pattern *p, const char *path, const uint8_t *id)
{
	if (has_place(f, id) && !find(f, id))
		open_file(f, path, &p->format);
}

/* Places of files that are nowhere are kept as long as there is room: a volume may come later. */
static void forget_lost(struct ag_files *f)
{
	struct ag_spool_place place;
	size_t n = 0;

	while (ag_spool_place_get(&place, f->opt.spool, n))
		n++;
	if (n <= AG_SPOOL_PLACES_MAX / 2 || f->n_tails == AG_FILES_OPEN_MAX)
		return;
	while (n-- > 0) { /* forgetting moves the last one, which has been looked at */
		if (ag_spool_place_get(&place, f->opt.spool, n) && !find(f, place.id))
			ag_spool_place_forget(f->opt.spool, place.id);
	}
}

/* A file that no pattern finds any more, and that has not grown for a while: the rest, and away. */
static bool end_rotated(struct ag_files *f, struct ag_tail *t, int64_t now_ns)
{
	if (t->is_found) {
		t->gone_ns = 0;
		return false;
	}
	if (!t->gone_ns)
		t->gone_ns = now_ns;
	if (!t->is_at_end || now_ns - t->gone_ns < f->opt.rotate_ns)
		return false;
	for (;;) {
		enum step s = step(f, t, true);

		if (s == BLOCKED)
			return false;
		if (s == NOTHING)
			break;
	}
	or_metric_add(f->metrics.rotated, 1);
	OR_LOG(OR_LOG_INFO, "file.ended", or_log_text("path", t->path),
	    or_log_u64("bytes", t->offset));
	ag_spool_place_forget(f->opt.spool, t->id);
	ag_tail_free(t);
	return true;
}

static void free_config(struct ag_files_config **at)
{
	struct ag_files_config *c = *at;

	*at = c->older;
	ag_files_config_done(c);
	or_mem_free(c);
}

static bool is_read_by(const struct ag_files *f, const struct ag_files_config *c)
{
	for (size_t i = 0; i < f->n_tails; i++) {
		for (size_t p = 0; p < c->n; p++) {
			if (f->tails[i]->format == &c->patterns[p].format)
				return true;
		}
	}
	return false;
}

/* What was said before a reload, and is no file's any more. */
static void free_older(struct ag_files *f)
{
	struct ag_files_config **at = &f->config->older;

	while (*at) {
		if (is_read_by(f, *at))
			at = &(*at)->older;
		else
			free_config(at);
	}
}

static void sweep(struct ag_files *f)
{
	int64_t now_ns = or_loop_now_ns(f->opt.loop);
	size_t kept = 0;

	for (size_t i = 0; i < f->n_tails; i++)
		f->tails[i]->is_found = false;
	for (size_t i = 0; i < f->config->n; i++)
		look_for(f, &f->config->patterns[i]);
	if (!f->has_swept) {
		each_file(f, find_renamed);
		forget_lost(f);
	}
	for (size_t i = 0; i < f->n_tails; i++) {
		if (!end_rotated(f, f->tails[i], now_ns))
			f->tails[kept++] = f->tails[i];
	}
	f->n_tails = kept;
	free_older(f);
	f->has_swept = true;
	f->wants_sweep = false;
	f->swept_ns = now_ns;
}

/* ---- turns */

static bool has_rotated(const struct ag_files *f)
{
	for (size_t i = 0; i < f->n_tails; i++) {
		if (f->tails[i]->gone_ns)
			return true;
	}
	return false;
}

/* The worst of all steps; *more: a file has more than a turn may take. */
static enum step read_all(struct ag_files *f, bool *more)
{
	enum step result = NOTHING;

	*more = false;
	for (size_t i = 0; i < f->n_tails; i++) {
		enum step s = SOME;
		int n = 0;

		for (; n < STEPS_A_TURN && s == SOME; n++)
			s = step(f, f->tails[i], false);
		if (s == BLOCKED)
			return BLOCKED;
		*more = *more || s == SOME;
		if (n > 1 || s == SOME)
			result = SOME;
	}
	return result;
}

static bool is_sweep_due(const struct ag_files *f, int64_t since_ns)
{
	if (f->wants_sweep || has_rotated(f))
		return since_ns >= SOON_NS;
	return since_ns >= (f->is_quiet ? f->opt.sweep_ns : AMONG_NS);
}

/* How long nobody needs to look: until the next sweep, or until what waits for its next line has
 * waited long enough. */
static int64_t rest_ns(const struct ag_files *f, int64_t now_ns)
{
	int64_t rest = f->wants_sweep   ? SOON_NS
		       : has_rotated(f) ? f->opt.rotate_ns / 4 + 1
					: f->opt.sweep_ns;

	for (size_t i = 0; i < f->n_tails; i++) {
		int64_t due = f->tails[i]->due_ns;

		if (due && due - now_ns < rest)
			rest = due > now_ns ? due - now_ns : 0;
	}
	return rest;
}

static void on_tick(void *arg)
{
	struct ag_files *f = arg;
	int64_t now_ns = or_loop_now_ns(f->opt.loop);
	bool was_quiet = f->is_quiet, more;
	enum step s;

	f->timer = NULL;
	if (!f->has_swept || is_sweep_due(f, now_ns - f->swept_ns))
		sweep(f);
	s = read_all(f, &more);
	f->is_quiet = s == NOTHING;
	if (s == BLOCKED) {
		schedule(f, WAIT_NS);
	} else if (s == SOME) {
		schedule(f, more ? 0 : BUSY_NS);
	} else if (!was_quiet) { /* what came while it was not armed is seen by another look */
		or_notice_arm(f->notice);
		schedule(f, 0);
	} else {
		schedule(f, rest_ns(f, now_ns));
	}
}

static void schedule(struct ag_files *f, int64_t after_ns)
{
	or_loop_timer_cancel(f->timer);
	f->timer = or_loop_timer_start(f->opt.loop, after_ns, on_tick, f);
}

static void on_notice(void *arg)
{
	struct ag_files *f = arg;

	f->is_quiet = false;
	f->wants_sweep = true;
	schedule(f, BUSY_NS); /* others may write there too */
}

/* ---- beginning and end */

static double read_open(void *arg)
{
	return (double)((const struct ag_files *)arg)->n_tails;
}

static void make_metrics(struct ag_files *f)
{
	struct or_metric_registry *reg = f->opt.registry;
	struct metrics *m = &f->metrics;

	m->bytes = or_metric_counter_get(
	    reg, "outrider_files_bytes_total", "Bytes of log files that were taken.", NULL);
	m->rotated = or_metric_counter_get(reg, "outrider_files_rotated_total",
	    "Log files that were read to their end after no pattern found them any more.", NULL);
	m->truncated = or_metric_counter_get(reg, "outrider_files_emptied_total",
	    "Log files that were emptied or replaced in place, and read from their beginning.",
	    NULL);
	m->cut = or_metric_counter_get(reg, "outrider_files_long_line_truncated_total",
	    "Lines that were longer than may be, and cut.", NULL);
	m->misfits = or_metric_counter_get(reg, "outrider_files_misfit_lines_total",
	    "Lines that were not of their file's format, and taken as they are.", NULL);
	or_metric_gauge_read(
	    reg, "outrider_files_open", "Log files that are being read.", NULL, read_open, f);
}

enum or_code ag_files_new(struct ag_files **out, const struct ag_files_opt *opt, struct or_err *err)
{
	struct ag_files *f = or_mem_new(sizeof(*f));
	enum or_code rc;

	f->opt = *opt;
	f->opt.rotate_ns = opt->rotate_ns ? opt->rotate_ns : ROTATE_NS;
	f->opt.sweep_ns = opt->sweep_ns ? opt->sweep_ns : SWEEP_NS;
	ag_tail_reader_init(&f->reader, opt->redact);
	or_buf_init(&f->request, AG_BATCH_REQUEST_MAX + REQUEST_ROOM);
	f->config = or_mem_new(sizeof(*f->config));
	rc = ag_files_config_init(f->config, opt->list, err);
	if (!rc)
		rc = or_notice_new(&f->notice, opt->loop, on_notice, f, err);
	if (rc) {
		ag_files_free(f);
		return rc;
	}
	make_metrics(f);
	f->wants_sweep = true;
	schedule(f, 0);
	*out = f;
	return OR_OK;
}

enum or_code ag_files_reload(struct ag_files *f, const struct or_json *list, struct or_err *err)
{
	struct ag_files_config *next = or_mem_new(sizeof(*next));
	enum or_code rc = ag_files_config_init(next, list, err);

	if (rc) {
		or_mem_free(next);
		return rc;
	}
	next->older = f->config;
	f->config = next;
	f->has_swept = false; /* renamed files of the new folders are looked for */
	f->is_over = false;
	schedule(f, 0);
	return OR_OK;
}

void ag_files_free(struct ag_files *f)
{
	if (!f)
		return;
	or_loop_timer_cancel(f->timer);
	or_notice_free(f->notice);
	for (size_t i = 0; i < f->n_tails; i++)
		ag_tail_free(f->tails[i]);
	while (f->config)
		free_config(&f->config);
	ag_tail_reader_done(&f->reader);
	or_buf_done(&f->request);
	or_mem_free(f);
}

bool ag_files_is_idle(const struct ag_files *f)
{
	return f->is_quiet;
}
