/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is in a ring: it is refused, or gives an event whose texts end inside of it. */
#include "base/json.h"
#include "ebpf/event.h"
#include "ebpf/exec/exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t room)
{
	OR_ASSERT(strnlen(text, room) < room);
}

static void check_exec(const struct tap_exec *e)
{
	struct or_slice rest = e->args, arg;
	size_t total = 0;

	check_text(e->path, sizeof(e->path));
	check_text(e->name, sizeof(e->name));
	OR_ASSERT(rest.n <= sizeof(e->args_buf));
	while (tap_exec_arg(&arg, &rest))
		total += arg.n + 1;
	OR_ASSERT(total == e->args.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a;
	static struct tap_event ev;
	const struct or_json *tree;
	struct or_buf text;

	if (tap_event_decode(&ev, or_slice(data, size)) != OR_OK)
		return 0;
	check_text(ev.comm, sizeof(ev.comm));
	if (ev.kind == TAP_EXEC)
		check_exec(&ev.exec);
	if (ev.kind == TAP_FILE)
		check_text(ev.file.path, sizeof(ev.file.path));
	a = or_arena_new(1 << 20);
	or_buf_init(&text, 1 << 20);
	tap_event_json(&text, &ev);
	OR_ASSERT(or_buf_ok(&text));
	OR_ASSERT(or_json_parse(&tree, or_buf_slice(&text), a, NULL) == OR_OK);
	or_buf_done(&text);
	or_arena_free(a);
	return 0;
}
