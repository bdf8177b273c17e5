/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source_part.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "tlog/part.h"
#include "tlog/tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { NAME_LEN = 55 }; /* 20, 20 and 8 digits, '-' between them, ".part" */

struct walk {
	const char *dir;
	uint64_t *index;
	uint64_t size;
	ctl_source_leaf_fn *fn;
	ctl_source_damage_fn *damage;
	void *arg;
};

static bool parse_name(const char *name, uint64_t *first, uint64_t *end)
{
	struct or_slice s = or_slice_str(name);

	return s.n == NAME_LEN && or_str_has_suffix(s, ".part") && s.p[20] == '-' &&
	       or_str_u64(first, or_slice(s.p, 20)) == OR_OK &&
	       or_str_u64(end, or_slice(s.p + 21, 20)) == OR_OK && *first < *end;
}

/* The longest part that begins at a leaf; NULL: none does. One that lies within it has been
 * compacted into it. */
static const char *find_part(const struct or_sys_names *names, uint64_t index)
{
	const char *best = NULL;
	uint64_t first, end, longest = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (parse_name(names->names[i], &first, &end) && first == index && end > longest) {
			best = names->names[i];
			longest = end;
		}
	}
	return best;
}

static enum or_code fetch(void *arg, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	const int *fd = arg;
	size_t got = 0;
	enum or_code rc = or_sys_pread(*fd, to, n, offset, &got, err);

	return !rc && got < n
		   ? or_err_set(err, OR_CORRUPT, "it ends at offset %" PRIu64, offset + got)
		   : rc;
}

/* The same piece spoils many leaves; it is told with the first of them. */
static void tell(const struct walk *w, const char *msg, uint64_t *told)
{
	const char *at = strstr(msg, "offset ");
	uint64_t offset = 0;
	char text[OR_ERR_MSG_MAX + 32];

	for (at = at ? at + 7 : ""; *at >= '0' && *at <= '9'; at++)
		offset = offset * 10 + (uint64_t)(*at - '0');
	if (*told == offset + 1)
		return;
	*told = offset + 1;
	snprintf(text, sizeof(text), "leaf %" PRIu64 ": %s", *w->index, msg);
	w->damage(w->arg, text);
}

static void walk_rows(struct walk *w, struct tl_part *part, const char *name)
{
	uint32_t rows = tl_part_rows(part);
	struct tl_part_leaf_walk *rw = tl_part_leaf_walk_new(part, 0, rows);
	uint64_t first = *w->index, told = 0;
	struct tl_tree tree;
	struct tl_hash root;
	char where[NAME_MAX + 64], text[NAME_MAX + 128];

	tl_tree_init(&tree);
	for (uint32_t i = 0; i < rows && *w->index < w->size; i++) {
		struct tl_segment_entry e = {.end = false};
		struct tl_hash hash;
		struct or_err err;

		if (tl_part_leaf_walk_next(rw, &e, &err)) {
			tell(w, err.msg, &told);
			e.leaf = OR_SLICE_NONE;
		}
		tl_hash_leaf(&hash, e.leaf);
		tl_tree_append(&tree, &hash, NULL, NULL);
		snprintf(where, sizeof(where), "%s, row %" PRIu32, name, i);
		w->fn(w->arg, e.leaf, NULL, where);
		++*w->index;
	}
	tl_part_leaf_walk_free(rw);
	tl_tree_root(&root, &tree);
	if (!told && tree.size == rows && !tl_hash_eq(&root, tl_part_root(part))) {
		snprintf(text, sizeof(text),
		    "leaves %" PRIu64 " to %" PRIu64
		    ": %s: they do not give the root in its footer",
		    first, *w->index - 1, name);
		w->damage(w->arg, text);
	}
}

static enum or_code walk_part(struct walk *w, const char *name, struct or_err *err)
{
	struct tl_part_source source = {.fetch = fetch, .name = name};
	struct tl_part *part = NULL;
	char path[PATH_MAX];
	uint64_t told = 0;
	enum or_code rc;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	source.arg = &fd;
	rc = or_sys_open(&fd, path, O_RDONLY, 0, err);
	if (!rc)
		rc = or_sys_size(&source.size, fd, err);
	if (!rc)
		rc = tl_part_open(&part, &source, err);
	if (!rc && tl_part_first(part) != *w->index)
		rc = or_err_set(
		    err, OR_CORRUPT, "%s: it holds other leaves than its name says", name);
	if (rc == OR_OK)
		walk_rows(w, part, name);
	tl_part_close(part);
	or_sys_close(fd);
	if (rc == OR_CORRUPT) {
		tell(w, err->msg, &told);
		*w->index = w->size; /* what is behind it shows as missing */
		rc = OR_OK;
	}
	return rc;
}

enum or_code ctl_source_part_walk(const char *dir, uint64_t *index, uint64_t size,
    ctl_source_leaf_fn *fn, ctl_source_damage_fn *damage, void *arg, struct or_err *err)
{
	struct walk w = {dir, index, size, fn, damage, arg};
	struct or_sys_names names;
	const char *name;
	enum or_code rc = or_sys_list(&names, dir, err);

	if (rc)
		return rc == OR_ABSENT ? OR_OK : rc;
	while (*index < size && !rc && (name = find_part(&names, *index)))
		rc = walk_part(&w, name, err);
	or_sys_names_free(&names);
	return rc;
}
