/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/exec/exec.h"

#include "base/str.h"
#include "ebpf/object.h"
#include "ebpf/text.h"

static const struct tap_hook hooks[] = {
    {.name = "tp_btf/sched_process_exec", .progs = {"exec_start"}, .must = 1},
};

/* A cut argument block lacks its last NUL: one is put behind it. */
static void put_args(struct tap_exec *e, struct or_slice args)
{
	size_t n = args.n;

	memcpy(e->args_buf, args.p, n);
	if (n && e->args_buf[n - 1] != '\0')
		e->args_buf[n++] = '\0';
	e->args = or_slice(e->args_buf, n);
}

static enum or_code decode(struct tap_event *out, struct or_slice raw)
{
	const size_t head = offsetof(struct tap_raw_exec, bytes);
	struct or_slice path, name, args, rest;
	struct tap_raw_exec r;

	if (raw.n < head || raw.n > sizeof(r))
		return OR_PARSE;
	memcpy(&r, raw.p, head);
	rest = or_slice_from(raw, head);
	if (!tap_text_take(&path, &rest, r.path_n) || !tap_text_take(&name, &rest, r.name_n) ||
	    !tap_text_take(&args, &rest, r.args_n) || rest.n != 0 || args.n > TAP_EXEC_ARGS)
		return OR_PARSE;
	if (!tap_text_path(out->exec.path, sizeof(out->exec.path), path, out->flags) ||
	    !tap_text_copy(out->exec.name, sizeof(out->exec.name), name))
		return OR_PARSE;
	put_args(&out->exec, args);
	return OR_OK;
}

bool tap_exec_arg(struct or_slice *arg, struct or_slice *rest)
{
	size_t n;

	if (rest->n == 0)
		return false;
	n = or_str_find(*rest, '\0', 0);
	*arg = or_slice(rest->p, n);
	*rest = or_slice_from(*rest, n < rest->n ? n + 1 : n);
	return true;
}

static void json(struct or_jsonw *w, const struct tap_event *ev)
{
	struct or_slice rest = ev->exec.args, arg;

	or_jsonw_kv_text(w, "path", ev->exec.path);
	or_jsonw_kv_text(w, "name", ev->exec.name);
	or_jsonw_key(w, "args");
	or_jsonw_array(w);
	while (tap_exec_arg(&arg, &rest))
		or_jsonw_str(w, arg);
	or_jsonw_end(w);
}

const struct tap_probe tap_exec_probe = {
    .kind = TAP_EXEC,
    .name = "exec",
    .object = &tap_object_exec,
    .ring_bytes = 64 * 1024,
    .hooks = hooks,
    .n_hooks = OR_LEN(hooks),
    .decode = decode,
    .json = json,
};
