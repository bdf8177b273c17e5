/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/dead.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

/* A flood of junk must not stand in the log's way on the slow thread: few letters at a time. */
enum { WRITING_MAX = 4, LETTER_MAX = 16 * 1024 * 1024 };

struct co_dead {
	char *dir;
	struct or_slow *slow;
	uint64_t quota;
	uint64_t bytes; /* on disk and on their way there */
	size_t writing;
	uint64_t count;
	uint64_t dropped;
};

struct letter {
	struct co_dead *dead;
	char path[PATH_MAX];
	struct or_buf bytes;
	enum or_code rc;
};

static enum or_code add_size(struct co_dead *d, const char *name, struct or_err *err)
{
	char path[PATH_MAX];
	enum or_code rc;
	uint64_t size;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	rc = or_sys_open(&fd, path, O_RDONLY, 0, err);
	if (!rc)
		rc = or_sys_size(&size, fd, err);
	or_sys_close(fd);
	if (!rc)
		d->bytes += size;
	return rc;
}

enum or_code co_dead_open(
    struct co_dead **out, const char *dir, uint64_t quota, struct or_slow *slow, struct or_err *err)
{
	struct co_dead *d = or_mem_new(sizeof(*d));
	struct or_sys_names names = {0};
	enum or_code rc = or_sys_mkdir(dir, 0750, err);

	*d = (struct co_dead){.dir = or_mem_strdup(dir), .slow = slow, .quota = quota};
	if (!rc)
		rc = or_sys_list(&names, dir, err);
	for (size_t i = 0; i < names.n && !rc; i++)
		rc = add_size(d, names.names[i], err);
	or_sys_names_free(&names);
	if (rc) {
		co_dead_close(d);
		return or_err_wrap(err, rc, "the dead-letter folder");
	}
	*out = d;
	return OR_OK;
}

void co_dead_close(struct co_dead *d)
{
	if (!d)
		return;
	or_mem_free(d->dir);
	or_mem_free(d);
}

static void on_work(void *arg)
{
	struct letter *l = arg;

	l->rc = or_sys_write_file(l->path, or_buf_slice(&l->bytes), 0640, NULL);
}

static void on_done(void *arg)
{
	struct letter *l = arg;

	l->dead->writing--;
	if (l->rc) {
		l->dead->bytes -= l->bytes.n;
		l->dead->count--;
		l->dead->dropped++;
	}
	or_buf_done(&l->bytes);
	or_mem_free(l);
}

static void write_head(struct or_buf *out, const struct co_ingest_request *request,
    const char *reason, const char *detail, int64_t now_ns)
{
	struct or_jsonw w;
	struct or_buf time;

	or_buf_init(&time, 64);
	or_str_time(&time, now_ns);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_str(&w, "time", or_buf_slice(&time));
	or_jsonw_kv_str(&w, "topic", request->topic);
	or_jsonw_kv_text(&w, "reason", reason);
	or_jsonw_kv_text(&w, "detail", detail);
	or_jsonw_kv_str(&w, "peer", request->peer);
	or_jsonw_kv_u64(&w, "frame_bytes", request->frame.n);
	or_jsonw_kv_u64(&w, "batch_bytes", request->batch.n);
	or_jsonw_end(&w);
	or_buf_put_byte(out, '\n');
	or_buf_done(&time);
}

void co_dead_put(struct co_dead *d, const struct co_ingest_request *request, bool signed_by_agent,
    const char *reason, const char *detail, int64_t now_ns)
{
	uint64_t quota = signed_by_agent ? d->quota : d->quota / 4;
	struct letter *l = or_mem_new(sizeof(*l));

	l->dead = d;
	or_buf_init(&l->bytes, LETTER_MAX);
	snprintf(l->path, sizeof(l->path), "%s/%019" PRId64 "-%06" PRIu64 ".letter", d->dir, now_ns,
	    d->count + d->dropped);
	write_head(&l->bytes, request, reason, detail, now_ns);
	or_buf_put_slice(&l->bytes, request->frame);
	or_buf_put_slice(&l->bytes, request->batch);
	if (!or_buf_ok(&l->bytes) || d->writing == WRITING_MAX || d->bytes + l->bytes.n > quota ||
	    or_slow_submit(d->slow, on_work, on_done, l)) {
		d->dropped++;
		or_buf_done(&l->bytes);
		or_mem_free(l);
		return;
	}
	d->count++;
	d->writing++;
	d->bytes += l->bytes.n;
}

uint64_t co_dead_letters(const struct co_dead *d)
{
	return d->count;
}

uint64_t co_dead_dropped(const struct co_dead *d)
{
	return d->dropped;
}
