/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/look/look.h"

#include "base/mem.h"
#include "base/sys.h"
#include "ebpf/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LISTS = 2, CHUNK = 32768 };

static const char *const programs[LISTS] = {"look_exec", "look_file"};

struct tap_look {
	struct bpf_object *object;
	struct bpf_link *links[LISTS];
	struct bpf_map *filter;
};

static enum or_code refuse(struct or_err *err, const char *what)
{
	return or_err_set(err, errno == EPERM || errno == EACCES ? OR_DENIED : OR_UNSUPPORTED,
	    "%s: %s", what, strerror(errno));
}

static enum or_code attach(struct tap_look *look, struct or_err *err)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(look->object, "ring");

	look->filter = bpf_object__find_map_by_name(look->object, "filter");
	OR_ASSERT(ring && look->filter);
	/* It is part of every program's head and not used here: records come by reading. */
	if (bpf_map__set_max_entries(ring, (uint32_t)sysconf(_SC_PAGESIZE)) < 0 ||
	    bpf_object__load(look->object) < 0)
		return refuse(err, "iterators");
	for (size_t i = 0; i < LISTS; i++) {
		struct bpf_program *prog =
		    bpf_object__find_program_by_name(look->object, programs[i]);

		OR_ASSERT(prog);
		look->links[i] = bpf_program__attach_iter(prog, NULL);
		if (!look->links[i])
			return refuse(err, "iterators");
	}
	return OR_OK;
}

enum or_code tap_look_open(struct tap_look **out, struct or_err *err)
{
	struct tap_look *look;
	enum or_code rc;

	if (tap_object_look.n == 0)
		return or_err_set(err, OR_UNSUPPORTED, "this build has no eBPF programs");
	look = or_mem_new(sizeof(*look));
	look->object = bpf_object__open_mem(tap_object_look.p, tap_object_look.n, NULL);
	rc = look->object ? attach(look, err) : refuse(err, "iterators");
	if (rc != OR_OK) {
		tap_look_close(look);
		return rc;
	}
	*out = look;
	return OR_OK;
}

void tap_look_close(struct tap_look *look)
{
	if (!look)
		return;
	for (size_t i = 0; i < LISTS; i++)
		bpf_link__destroy(look->links[i]);
	bpf_object__close(look->object);
	or_mem_free(look);
}

enum or_code tap_look_watch(
    struct tap_look *look, const struct tap_raw_filter *filter, struct or_err *err)
{
	uint32_t zero = 0;

	if (bpf_map__update_elem(
		look->filter, &zero, sizeof(zero), filter, sizeof(*filter), BPF_ANY) < 0)
		return or_err_sys(err, "set the filter of the iterators");
	return OR_OK;
}

/* Hands over the whole records at the front; returns the bytes that are done with. */
static size_t split(const uint8_t *p, size_t n, size_t *left, tap_look_fn *fn, void *arg)
{
	struct tap_raw_head head;
	size_t at = 0;

	while (*left && n - at >= sizeof(head)) {
		memcpy(&head, p + at, sizeof(head));
		if (head.size < sizeof(head) || head.size > n - at)
			break;
		fn(arg, or_slice(p + at, head.size));
		at += head.size;
		--*left;
	}
	return at;
}

static enum or_code read_all(int fd, size_t max, tap_look_fn *fn, void *arg, struct or_err *err)
{
	uint8_t *buf = or_mem_array(2, CHUNK);
	size_t n = 0, done;
	ssize_t got = 0;

	while (max) {
		got = read(fd, buf + n, 2 * (size_t)CHUNK - n);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
		done = split(buf, n, &max, fn, arg);
		memmove(buf, buf + done, n - done);
		n -= done;
		if (n == 2 * (size_t)CHUNK) /* no record is so large */
			break;
	}
	or_mem_free(buf);
	return got < 0 ? or_err_sys(err, "read what runs") : OR_OK;
}

enum or_code tap_look_run(struct tap_look *look, enum tap_kind kind, size_t max, tap_look_fn *fn,
    void *arg, struct or_err *err)
{
	enum or_code rc;
	int fd;

	OR_ASSERT(kind == TAP_EXEC || kind == TAP_FILE);
	fd = bpf_iter_create(bpf_link__fd(look->links[kind == TAP_FILE]));
	if (fd < 0)
		return or_err_sys(err, "start an iterator");
	rc = read_all(fd, max, fn, arg, err);
	or_sys_close(fd);
	return rc;
}
