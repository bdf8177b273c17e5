/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/scope.h"

#include "base/sys.h"
#include "ebpf/cgroup.h"
#include "ebpf/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

struct ancestors {
	uint64_t id[TAP_SCOPE_DEPTH]; /* from the root down to the caller's own cgroup, then 0 */
};

static enum or_code run(struct ancestors *out, struct bpf_object *obj, struct or_err *err)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, "scope_self");
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "ancestors");
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	OR_ASSERT(prog && map);
	if (bpf_object__load(obj) < 0 || bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
		return or_err_set(err, errno == EPERM ? OR_DENIED : OR_UNSUPPORTED,
		    "asking the kernel for this process's cgroup: %s", strerror(errno));
	for (uint32_t i = 0; i < TAP_SCOPE_DEPTH; i++)
		if (bpf_map_lookup_elem(bpf_map__fd(map), &i, &out->id[i]) < 0)
			return or_err_sys(err, "read the ids of cgroups");
	return OR_OK;
}

static enum or_code read_ancestors(struct ancestors *out, struct or_err *err)
{
	struct bpf_object *obj;
	enum or_code rc;

	if (tap_object_scope.n == 0)
		return or_err_set(err, OR_UNSUPPORTED, "this build has no eBPF programs");
	obj = bpf_object__open_mem(tap_object_scope.p, tap_object_scope.n, NULL);
	if (!obj)
		return or_err_sys(err, "open the program that finds cgroups");
	rc = run(out, obj, err);
	bpf_object__close(obj);
	return rc;
}

/* The level of the cgroup with that id, or -1. */
static int level_of(const struct ancestors *a, uint64_t id)
{
	for (int i = 0; i < TAP_SCOPE_DEPTH; i++)
		if (id && a->id[i] == id)
			return i;
	return -1;
}

/* Walks up from *fd, which is replaced, until an ancestor is met; its level plus the steps, or -1
 * where the way leaves cgroup2. */
static int climb(int *fd, const struct ancestors *a)
{
	struct statfs fs;
	struct stat st;
	int level, up;

	for (int steps = 0; steps < TAP_SCOPE_DEPTH; steps++) {
		if (fstatfs(*fd, &fs) < 0 || fstat(*fd, &st) < 0 ||
		    fs.f_type != CGROUP2_SUPER_MAGIC)
			return -1;
		level = level_of(a, st.st_ino);
		if (level >= 0)
			return level + steps;
		up = openat(*fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -1;
		or_sys_close(*fd);
		*fd = up;
	}
	return -1;
}

enum or_code tap_scope_find(struct tap_raw_filter *out, const char *dir, struct or_err *err)
{
	struct ancestors a;
	uint64_t id;
	enum or_code rc = tap_cgroup_read_id(&id, dir, err);
	int fd, level;

	if (rc == OR_OK)
		rc = read_ancestors(&a, err);
	if (rc == OR_OK)
		rc = or_sys_open(&fd, dir, O_PATH | O_DIRECTORY, 0, err);
	if (rc != OR_OK)
		return rc;
	level = climb(&fd, &a);
	or_sys_close(fd);
	if (level < 0)
		return or_err_set(err, OR_ABSENT,
		    "cgroup %s lies below none of this process's cgroups, so its depth is not "
		    "known",
		    dir);
	*out = (struct tap_raw_filter){.cgroup = id, .level = (uint32_t)level, .on = 1};
	return OR_OK;
}
