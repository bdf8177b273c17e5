/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/text.h"

#include "ebpf/raw.h"

bool tap_text_take(struct or_slice *part, struct or_slice *rest, size_t n)
{
	if (n > rest->n)
		return false;
	*part = or_slice(rest->p, n);
	*rest = or_slice_from(*rest, n);
	return true;
}

bool tap_text_copy(char *out, size_t room, struct or_slice raw)
{
	if (raw.n > room || room == 0)
		return false;
	if (raw.n == 0) {
		out[0] = '\0';
		return true;
	}
	if (memchr(raw.p, '\0', raw.n) != raw.p + raw.n - 1)
		return false;
	memcpy(out, raw.p, raw.n);
	return true;
}

/* The last name of raw (which ends in NUL) without its NUL; raw is shortened by it. */
static struct or_slice take_last(struct or_slice *raw)
{
	size_t end = raw->n - 1, begin = end;

	while (begin > 0 && raw->p[begin - 1] != '\0')
		begin--;
	raw->n = begin;
	return or_slice(raw->p + begin, end - begin);
}

bool tap_text_path(char *out, size_t room, struct or_slice raw, uint32_t flags)
{
	const char *front = flags & TAP_CUT_PATH ? "..." : "";
	bool separate = !(flags & TAP_PATH_DETACHED);
	size_t at = strlen(front);
	struct or_slice name;

	if (raw.n && raw.p[raw.n - 1] != '\0')
		return false;
	if (at + raw.n + 2 > room)
		return false;
	memcpy(out, front, at);
	if (raw.n == 0 && separate)
		out[at++] = '/';
	while (raw.n) {
		name = take_last(&raw);
		/* Only what is in no file tree has names without rules: a pipe's is empty. */
		if (separate && (name.n == 0 || memchr(name.p, '/', name.n)))
			return false;
		if (separate)
			out[at++] = '/';
		memcpy(out + at, name.p, name.n);
		at += name.n;
		separate = true;
	}
	out[at] = '\0';
	return true;
}
