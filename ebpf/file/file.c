/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/file/file.h"

#include "ebpf/object.h"
#include "ebpf/text.h"

static const struct tap_hook hooks[] = {
    {.name = "fexit/security_file_open", .progs = {"file_object"}, .must = 1},
    {
	.name = "tracepoint/syscalls/sys_*_open*",
	.progs = {"file_answer_openat", "file_ask_openat", "file_answer_openat2",
	    "file_ask_openat2", "file_answer_open", "file_ask_open", "file_answer_creat",
	    "file_ask_creat"},
	.must = 4,
	.needs_tracefs = true,
    },
};

/* The kernel's own numbering of devices inside of itself: include/linux/kdev_t.h. */
enum { MINOR_BITS = 20, MINOR_MASK = (1 << MINOR_BITS) - 1 };

static bool take_path(struct tap_event *out, struct or_slice raw)
{
	struct tap_file *f = &out->file;

	if (out->flags & TAP_PATH_ASKED)
		return tap_text_copy(f->path, sizeof(f->path), raw);
	return tap_text_path(f->path, sizeof(f->path), raw, out->flags);
}

static enum or_code decode(struct tap_event *out, struct or_slice raw)
{
	const size_t head = offsetof(struct tap_raw_file, bytes);
	struct tap_file *f = &out->file;
	struct tap_raw_file r;

	if (raw.n < head || raw.n > sizeof(r))
		return OR_PARSE;
	memcpy(&r, raw.p, head);
	if (raw.n - head != r.path_n)
		return OR_PARSE;
	if (!take_path(out, or_slice_from(raw, head)))
		return OR_PARSE;
	f->error = r.error;
	f->open_flags = r.open_flags;
	f->mode = r.mode;
	f->inode = r.inode;
	f->dev_major = r.device >> MINOR_BITS;
	f->dev_minor = r.device & MINOR_MASK;
	return OR_OK;
}

static void json(struct or_jsonw *w, const struct tap_event *ev)
{
	or_jsonw_kv_text(w, "path", ev->file.path);
	or_jsonw_kv_u64(w, "error", ev->file.error);
	or_jsonw_kv_u64(w, "open_flags", ev->file.open_flags);
	or_jsonw_kv_u64(w, "mode", ev->file.mode);
	tap_probe_json_id(w, "inode", ev->file.inode);
	or_jsonw_kv_u64(w, "dev_major", ev->file.dev_major);
	or_jsonw_kv_u64(w, "dev_minor", ev->file.dev_minor);
}

const struct tap_probe tap_file_probe = {
    .kind = TAP_FILE,
    .name = "file",
    .object = &tap_object_file,
    .ring_bytes = 256 * 1024,
    .hooks = hooks,
    .n_hooks = OR_LEN(hooks),
    .decode = decode,
    .json = json,
};
