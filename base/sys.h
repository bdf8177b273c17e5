/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: the one seam between our durable data and the system, where tests inject faults.
 *
 * Thread: any (fsync belongs on the slow thread). Writes are complete or an error; EINTR is
 * retried. All functions return OR_IO with errno in err->sys unless said otherwise; "No space left"
 * and quota errors return OR_FULL. Files are opened O_CLOEXEC.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* flags and mode as open(2), *fd is the caller's to close. OR_ABSENT: no such file. OR_EXISTS:
 * O_EXCL and it is there. */
OR_NODISCARD enum or_code or_sys_open(
    int *fd, const char *path, int flags, mode_t mode, struct or_err *err);
void or_sys_close(int fd); /* -1 does nothing */

/* Appends all of s at the file's position; *written (may be NULL) says, on failure too, how many
 * bytes went in. */
OR_NODISCARD enum or_code or_sys_write(
    int fd, struct or_slice s, size_t *written, struct or_err *err);
OR_NODISCARD enum or_code or_sys_pwrite(
    int fd, struct or_slice s, uint64_t offset, struct or_err *err);
/* Reads up to n bytes; *got is smaller at the end of the file only. */
OR_NODISCARD enum or_code or_sys_pread(
    int fd, void *p, size_t n, uint64_t offset, size_t *got, struct or_err *err);
OR_NODISCARD enum or_code or_sys_fdatasync(int fd, struct or_err *err);
OR_NODISCARD enum or_code or_sys_truncate(int fd, uint64_t size, struct or_err *err);
OR_NODISCARD enum or_code or_sys_size(uint64_t *out, int fd, struct or_err *err);

/* Also OR_ABSENT. */
OR_NODISCARD enum or_code or_sys_rename(const char *from, const char *to, struct or_err *err);
/* An absent file is no error. */
OR_NODISCARD enum or_code or_sys_unlink(const char *path, struct or_err *err);
/* Makes the directory and those above it; one that is there is no error. */
OR_NODISCARD enum or_code or_sys_mkdir(const char *path, mode_t mode, struct or_err *err);
OR_NODISCARD enum or_code or_sys_sync_dir(const char *path, struct or_err *err);

/* A lock on the whole file until it is closed. Waits up to wait_ns (0: not at all) for another
 * process to let go: one that was killed holds its locks until its last fsync has ended.
 * OR_BUSY: it still holds it. */
OR_NODISCARD enum or_code or_sys_lock(int fd, int64_t wait_ns, struct or_err *err);

/* How long a process that starts waits for one that just ended. */
#define OR_SYS_LOCK_WAIT_NS (10 * OR_NS_PER_S)

/* The whole file, appended to out (whose maximum bounds it: OR_FULL). OR_ABSENT. */
OR_NODISCARD enum or_code or_sys_read_file(
    struct or_buf *out, const char *path, struct or_err *err);
/* Through a temporary file, fsync and rename: readers see the old or the new, never a mixture. */
OR_NODISCARD enum or_code or_sys_write_file(
    const char *path, struct or_slice s, mode_t mode, struct or_err *err);

/* Names in a directory, sorted, without "." and ".."; each call allocates (or_sys_names_free). */
struct or_sys_names {
	char **names;
	size_t n;
};
OR_NODISCARD enum or_code or_sys_list(
    struct or_sys_names *out, const char *dir, struct or_err *err);
void or_sys_names_free(struct or_sys_names *names);

/* Tests only: called before each call of that kind, on the caller's thread; a non-zero result is
 * its errno, and a write then stops after *limit bytes (0 unless set; at least one is missing).
 * NULL takes the hook away. */
enum or_sys_op {
	OR_SYS_OPEN,
	OR_SYS_WRITE,
	OR_SYS_SYNC,
	OR_SYS_TRUNCATE,
	OR_SYS_RENAME,
	OR_SYS_UNLINK,
	OR_SYS_MKDIR,
};
typedef int or_sys_fault_fn(void *arg, enum or_sys_op op, size_t *limit);
void or_sys_fault_set(or_sys_fault_fn *fn, void *arg);

/* No core dump of this process from now on (nor of its children): one would hold keys and tokens.
 */
void or_sys_no_core(void);

#endif
