/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/cgroup.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PROC_TEXT_MAX (1 << 20)

struct tap_cgroup {
	char *dir;
	uint64_t id;
	int procs;
};

/* The next line of *rest, without its end; false when there is none. */
static bool take_line(struct or_slice *line, struct or_slice *rest)
{
	size_t n = or_str_find(*rest, '\n', 0);

	if (rest->n == 0)
		return false;
	*line = or_slice(rest->p, n);
	*rest = or_slice_from(*rest, n < rest->n ? n + 1 : n);
	return true;
}

static struct or_slice take_word(struct or_slice *rest)
{
	size_t n = or_str_find(*rest, ' ', 0);
	struct or_slice word = or_slice(rest->p, n);

	*rest = or_slice_from(*rest, n < rest->n ? n + 1 : n);
	return word;
}

/* proc_pid_mountinfo(5): id parent major:minor root mountpoint options… - type source options */
static bool is_cgroup2(struct or_slice line, struct or_slice *root, struct or_slice *point)
{
	struct or_slice word;

	for (int i = 0; i < 3; i++)
		take_word(&line);
	*root = take_word(&line);
	*point = take_word(&line);
	while (line.n) {
		word = take_word(&line);
		if (or_slice_is(word, "-"))
			return or_slice_is(take_word(&line), "cgroup2");
	}
	return false;
}

/* The first mount of cgroup2; slices of text. */
static enum or_code find_mount(
    struct or_buf *text, struct or_slice *root, struct or_slice *point, struct or_err *err)
{
	struct or_slice rest, line;
	enum or_code rc = or_sys_read_file(text, "/proc/self/mountinfo", err);

	if (rc != OR_OK)
		return rc;
	rest = or_buf_slice(text);
	while (take_line(&line, &rest))
		if (is_cgroup2(line, root, point))
			return OR_OK;
	return or_err_set(err, OR_ABSENT,
	    "no cgroup2 is mounted (mount -t cgroup2 none /sys/fs/cgroup/unified gives one)");
}

enum or_code tap_cgroup_mount(struct or_buf *out, struct or_err *err)
{
	struct or_slice root, point;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, PROC_TEXT_MAX);
	rc = find_mount(&text, &root, &point, err);
	if (rc == OR_OK)
		or_buf_put_slice(out, point);
	or_buf_done(&text);
	return rc;
}

/* The path behind "0::" in /proc/PID/cgroup. */
static enum or_code find_path(
    struct or_buf *text, struct or_slice *path, pid_t pid, struct or_err *err)
{
	char name[64] = "/proc/self/cgroup";
	struct or_slice rest, line;
	enum or_code rc;

	if (pid)
		snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	rc = or_sys_read_file(text, name, err);
	if (rc != OR_OK)
		return rc;
	rest = or_buf_slice(text);
	while (take_line(&line, &rest)) {
		if (!or_str_has_prefix(line, "0::"))
			continue;
		*path = or_slice_from(line, 3);
		return OR_OK;
	}
	return or_err_set(err, OR_ABSENT, "%s has no line of cgroup2", name);
}

/* Puts the directory of a cgroup together: the mount may show a part of the hierarchy only. */
static enum or_code put_dir(struct or_buf *out, struct or_slice point, struct or_slice root,
    struct or_slice path, struct or_err *err)
{
	if (root.n > 1 && path.n >= root.n && memcmp(path.p, root.p, root.n) == 0)
		path = or_slice_from(path, root.n);
	if (or_str_has_prefix(path, "/.."))
		return or_err_set(err, OR_ABSENT,
		    "cgroup %.*s lies outside of what is mounted at %.*s", OR_SLICE_FMT(path),
		    OR_SLICE_FMT(point));
	or_buf_put_slice(out, point);
	if (!or_slice_is(path, "/"))
		or_buf_put_slice(out, path);
	return OR_OK;
}

enum or_code tap_cgroup_of(struct or_buf *out, pid_t pid, struct or_err *err)
{
	struct or_slice root, point, path = OR_SLICE_NONE;
	struct or_buf mounts, groups;
	enum or_code rc;

	or_buf_init(&mounts, PROC_TEXT_MAX);
	or_buf_init(&groups, PROC_TEXT_MAX);
	rc = find_mount(&mounts, &root, &point, err);
	if (rc == OR_OK)
		rc = find_path(&groups, &path, pid, err);
	if (rc == OR_OK)
		rc = put_dir(out, point, root, path, err);
	or_buf_done(&mounts);
	or_buf_done(&groups);
	return rc;
}

enum or_code tap_cgroup_read_id(uint64_t *out, const char *dir, struct or_err *err)
{
	struct statfs fs;
	struct stat st;

	if (statfs(dir, &fs) < 0 || stat(dir, &st) < 0)
		return errno == ENOENT ? or_err_set(err, OR_ABSENT, "no cgroup %s", dir)
				       : or_err_sys(err, "cgroup %s", dir);
	if (fs.f_type != CGROUP2_SUPER_MAGIC || !S_ISDIR(st.st_mode))
		return or_err_set(err, OR_INVAL, "%s is not a directory of cgroup2", dir);
	*out = st.st_ino;
	return OR_OK;
}

static enum or_code make_dir(const char *dir, struct or_err *err)
{
	if (mkdir(dir, 0755) == 0)
		return OR_OK;
	if (errno == EEXIST)
		return or_err_set(err, OR_EXISTS, "cgroup %s is there already", dir);
	if (errno == EACCES || errno == EPERM || errno == EROFS)
		return or_err_set(err, OR_DENIED,
		    "cgroup %s may not be made: %s (as an ordinary user, start through "
		    "systemd-run --user --scope -p Delegate=yes)",
		    dir, strerror(errno));
	return or_err_sys(err, "make cgroup %s", dir);
}

static enum or_code fill(struct tap_cgroup *cg, struct or_err *err)
{
	struct or_buf procs;
	enum or_code rc = tap_cgroup_read_id(&cg->id, cg->dir, err);

	if (rc != OR_OK)
		return rc;
	or_buf_init(&procs, PROC_TEXT_MAX);
	or_buf_printf(&procs, "%s/cgroup.procs", cg->dir);
	rc = or_sys_open(&cg->procs, or_buf_text(&procs), O_WRONLY, 0, err);
	or_buf_done(&procs);
	return rc;
}

static enum or_code new_at(struct tap_cgroup **out, const char *dir, struct or_err *err)
{
	enum or_code rc = make_dir(dir, err);
	struct tap_cgroup *cg;

	if (rc != OR_OK)
		return rc;
	cg = or_mem_new(sizeof(*cg));
	cg->dir = or_mem_strdup(dir);
	cg->procs = -1;
	rc = fill(cg, err);
	if (rc != OR_OK) {
		rmdir(dir);
		tap_cgroup_free(cg);
		return rc;
	}
	*out = cg;
	return OR_OK;
}

enum or_code tap_cgroup_new(
    struct tap_cgroup **out, const char *parent, const char *name, struct or_err *err)
{
	enum or_code rc = OR_OK;
	struct or_buf dir;

	if (!name[0] || name[0] == '.' || strchr(name, '/'))
		return or_err_set(err, OR_INVAL, "'%s' is no name for a cgroup", name);
	or_buf_init(&dir, PROC_TEXT_MAX);
	if (parent)
		or_buf_put_str(&dir, parent);
	else
		rc = tap_cgroup_of(&dir, 0, err);
	if (rc == OR_OK) {
		or_buf_printf(&dir, "/%s", name);
		rc = new_at(out, or_buf_text(&dir), err);
	}
	or_buf_done(&dir);
	return rc;
}

enum or_code tap_cgroup_remove(struct tap_cgroup *cg, struct or_err *err)
{
	if (rmdir(cg->dir) == 0 || errno == ENOENT)
		return OR_OK;
	if (errno == EBUSY)
		return or_err_set(err, OR_BUSY, "processes are still in cgroup %s", cg->dir);
	return or_err_sys(err, "remove cgroup %s", cg->dir);
}

void tap_cgroup_free(struct tap_cgroup *cg)
{
	if (!cg)
		return;
	or_sys_close(cg->procs);
	or_mem_free(cg->dir);
	or_mem_free(cg);
}

const char *tap_cgroup_dir(const struct tap_cgroup *cg)
{
	return cg->dir;
}

uint64_t tap_cgroup_id(const struct tap_cgroup *cg)
{
	return cg->id;
}

enum or_code tap_cgroup_add(struct tap_cgroup *cg, pid_t pid, struct or_err *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);

	if (write(cg->procs, text, (size_t)n) == n)
		return OR_OK;
	if (errno == ESRCH)
		return or_err_set(err, OR_ABSENT, "no process %d", pid);
	return or_err_sys(err, "move process %d into cgroup %s", pid, cg->dir);
}

int tap_cgroup_entrance(const struct tap_cgroup *cg)
{
	return cg->procs;
}

int tap_cgroup_enter(int entrance)
{
	return write(entrance, "0", 1) == 1 ? 0 : errno;
}
