/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static or_sys_fault_fn *fault_fn;
static void *fault_arg;

void or_sys_fault_set(or_sys_fault_fn *fn, void *arg)
{
	fault_fn = fn;
	fault_arg = arg;
}

/* True: the call is to fail, with errno set. */
static bool has_fault(enum or_sys_op op, size_t *limit)
{
	int injected;

	*limit = 0;
	injected = fault_fn ? fault_fn(fault_arg, op, limit) : 0;
	if (injected)
		errno = injected;
	return injected != 0;
}

static enum or_code fail(struct or_err *err, const char *what, const char *path)
{
	int sys = errno;
	enum or_code rc = or_err_sys(err, "%s%s%s", what, path ? " " : "", path ? path : "");

	if (sys == ENOSPC || sys == EDQUOT)
		rc = OR_FULL;
	else if (sys == ENOENT)
		rc = OR_ABSENT;
	else if (sys == EEXIST)
		rc = OR_EXISTS;
	if (err)
		err->code = rc;
	return rc;
}

enum or_code or_sys_open(int *fd, const char *path, int flags, mode_t mode, struct or_err *err)
{
	size_t limit;
	int got = -1;

	if (!has_fault(OR_SYS_OPEN, &limit)) {
		do
			got = open(path, flags | O_CLOEXEC, mode);
		while (got < 0 && errno == EINTR);
	}
	if (got < 0)
		return fail(err, "opening", path);
	*fd = got;
	return OR_OK;
}

void or_sys_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Until all is in or the system refuses; returns the bytes that went in. */
static size_t write_some(int fd, struct or_slice s, int64_t offset)
{
	size_t done = 0;

	while (done < s.n) {
		ssize_t n = offset < 0 ? write(fd, s.p + done, s.n - done)
				       : pwrite(fd, s.p + done, s.n - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* offset < 0: at the file's position. */
static enum or_code write_all(
    int fd, struct or_slice s, int64_t offset, size_t *written, struct or_err *err)
{
	size_t limit, done, end = s.n;
	bool is_faulty = has_fault(OR_SYS_WRITE, &limit);
	int injected = errno;

	/* A write that is made to fail is never a whole one. */
	if (is_faulty && s.n)
		end = limit < s.n ? limit : s.n - 1;
	done = write_some(fd, or_slice(s.p, end), offset);
	if (written)
		*written = done;
	if (is_faulty)
		errno = injected;
	return is_faulty || done < s.n ? fail(err, "writing", NULL) : OR_OK;
}

enum or_code or_sys_write(int fd, struct or_slice s, size_t *written, struct or_err *err)
{
	return write_all(fd, s, -1, written, err);
}

enum or_code or_sys_pwrite(int fd, struct or_slice s, uint64_t offset, struct or_err *err)
{
	OR_ASSERT(offset <= INT64_MAX - s.n);
	return write_all(fd, s, (int64_t)offset, NULL, err);
}

enum or_code or_sys_pread(
    int fd, void *p, size_t n, uint64_t offset, size_t *got, struct or_err *err)
{
	size_t done = 0;

	OR_ASSERT(offset <= INT64_MAX - n);
	while (done < n) {
		ssize_t r = pread(fd, (uint8_t *)p + done, n - done, (off_t)(offset + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fail(err, "reading", NULL);
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*got = done;
	return OR_OK;
}

enum or_code or_sys_fdatasync(int fd, struct or_err *err)
{
	size_t limit;

	if (has_fault(OR_SYS_SYNC, &limit) || fdatasync(fd) != 0)
		return fail(err, "fdatasync", NULL);
	return OR_OK;
}

enum or_code or_sys_truncate(int fd, uint64_t size, struct or_err *err)
{
	size_t limit;

	if (has_fault(OR_SYS_TRUNCATE, &limit) || ftruncate(fd, (off_t)size) != 0)
		return fail(err, "truncating", NULL);
	return OR_OK;
}

enum or_code or_sys_size(uint64_t *out, int fd, struct or_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(err, "fstat", NULL);
	*out = (uint64_t)st.st_size;
	return OR_OK;
}

enum or_code or_sys_rename(const char *from, const char *to, struct or_err *err)
{
	size_t limit;

	if (has_fault(OR_SYS_RENAME, &limit) || rename(from, to) != 0)
		return fail(err, "renaming", from);
	return OR_OK;
}

enum or_code or_sys_unlink(const char *path, struct or_err *err)
{
	size_t limit;

	if (has_fault(OR_SYS_UNLINK, &limit) || (unlink(path) != 0 && errno != ENOENT))
		return fail(err, "removing", path);
	return OR_OK;
}

static enum or_code make_one(const char *path, mode_t mode, struct or_err *err)
{
	struct stat st;
	size_t limit;

	if (stat(path, &st) == 0) {
		errno = ENOTDIR;
		return S_ISDIR(st.st_mode) ? OR_OK : fail(err, "making the directory", path);
	}
	if (has_fault(OR_SYS_MKDIR, &limit) || (mkdir(path, mode) != 0 && errno != EEXIST))
		return fail(err, "making the directory", path);
	return OR_OK;
}

enum or_code or_sys_mkdir(const char *path, mode_t mode, struct or_err *err)
{
	size_t n = strlen(path);
	char part[PATH_MAX];

	if (n == 0 || n >= sizeof(part))
		return or_err_set(err, OR_INVAL, "a path of %zu bytes", n);
	for (size_t i = 1; i <= n; i++) {
		enum or_code rc;

		if (path[i] != '/' && path[i] != 0)
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		rc = make_one(part, mode, err);
		if (rc)
			return rc;
	}
	return OR_OK;
}

enum or_code or_sys_sync_dir(const char *path, struct or_err *err)
{
	size_t limit;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && !has_fault(OR_SYS_SYNC, &limit) && fsync(fd) == 0;
	enum or_code rc = ok ? OR_OK : fail(err, "syncing the directory", path);

	or_sys_close(fd);
	return rc;
}

enum or_code or_sys_lock(int fd, int64_t wait_ns, struct or_err *err)
{
	static const int64_t step_ns = 20 * OR_NS_PER_MS;
	const struct timespec step = {.tv_nsec = step_ns};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(err, "locking", NULL);
		if (wait_ns <= 0)
			return or_err_set(err, OR_BUSY, "another process holds the lock");
		nanosleep(&step, NULL);
		wait_ns -= step_ns;
	}
	return OR_OK;
}

enum or_code or_sys_read_file(struct or_buf *out, const char *path, struct or_err *err)
{
	enum { STEP = 16384 };
	size_t start = out->n, got;
	int fd = -1;
	enum or_code rc = or_sys_open(&fd, path, O_RDONLY, 0, err);

	while (rc == OR_OK) {
		size_t room = out->max - out->n < STEP ? out->max - out->n : STEP;
		uint8_t one;
		uint8_t *to = room ? or_buf_reserve(out, room) : &one;

		if (!to || (room == 0 && out->full)) {
			rc = or_err_set(err, OR_FULL, "reading %s: the buffer is full", path);
			break;
		}
		/* A full buffer asks for one byte more: there must be none. */
		rc = or_sys_pread(fd, to, room ? room : 1, out->n - start, &got, err);
		if (rc)
			or_err_wrap(err, rc, "%s", path);
		if (rc || got == 0)
			break;
		if (room == 0) {
			rc = or_err_set(
			    err, OR_FULL, "%s is larger than %zu bytes", path, out->max - start);
			break;
		}
		or_buf_commit(out, got);
	}
	or_sys_close(fd);
	if (rc && out->p)
		or_buf_cut(out, start);
	return rc;
}

static enum or_code write_synced(
    const char *path, struct or_slice s, mode_t mode, struct or_err *err)
{
	int fd = -1;
	enum or_code rc = or_sys_open(&fd, path, O_WRONLY | O_CREAT | O_TRUNC, mode, err);

	if (rc)
		return rc;
	rc = or_sys_write(fd, s, NULL, err);
	if (rc == OR_OK)
		rc = or_sys_fdatasync(fd, err);
	or_sys_close(fd);
	return rc ? or_err_wrap(err, rc, "%s", path) : OR_OK;
}

enum or_code or_sys_write_file(const char *path, struct or_slice s, mode_t mode, struct or_err *err)
{
	char tmp[PATH_MAX], dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	enum or_code rc;

	/* The process's own name for it: two writers never share one, and a crash leaves few. */
	if (snprintf(tmp, sizeof(tmp), "%s.%d.tmp", path, (int)getpid()) >= (int)sizeof(tmp))
		return or_err_set(err, OR_INVAL, "too long a path");
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	else
		snprintf(dir, sizeof(dir), ".");
	rc = write_synced(tmp, s, mode, err);
	if (rc == OR_OK)
		rc = or_sys_rename(tmp, path, err);
	if (rc) {
		unlink(tmp);
		return rc;
	}
	return or_sys_sync_dir(dir, err);
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

enum or_code or_sys_list(struct or_sys_names *out, const char *dir, struct or_err *err)
{
	struct or_sys_names list = {0};
	struct dirent *e;
	DIR *d = opendir(dir);
	size_t cap = 0;

	if (!d)
		return fail(err, "listing", dir);
	while (errno = 0, (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (list.n == cap) {
			cap = cap ? cap * 2 : 16;
			list.names = or_mem_resize(list.names, cap * sizeof(char *));
		}
		list.names[list.n++] = or_mem_strdup(e->d_name);
	}
	if (errno) {
		enum or_code rc = fail(err, "listing", dir);

		closedir(d);
		or_sys_names_free(&list);
		return rc;
	}
	closedir(d);
	if (list.n)
		qsort(list.names, list.n, sizeof(char *), compare_names);
	*out = list;
	return OR_OK;
}

void or_sys_names_free(struct or_sys_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		or_mem_free(names->names[i]);
	or_mem_free(names->names);
	*names = (struct or_sys_names){0};
}

void or_sys_no_core(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
}
