/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/syslog/framing.h"

enum { DIGITS_MAX = 7 };

/* MSG-LEN SP; *n: bytes of it. 0 where it is not whole yet. */
static enum ag_framing_result read_count(size_t *count, size_t *n, struct or_slice in)
{
	size_t i = 0, v = 0;

	for (; i < in.n && i < DIGITS_MAX && in.p[i] >= '0' && in.p[i] <= '9'; i++)
		v = 10 * v + in.p[i] - '0';
	if (i == in.n && i < DIGITS_MAX)
		return AG_FRAMING_MORE;
	if (i == 0 || in.p[0] == '0' || i == in.n || in.p[i] != ' ' || v > AG_FRAMING_COUNT_MAX)
		return AG_FRAMING_BAD;
	*count = v;
	*n = i + 1;
	return AG_FRAMING_MESSAGE;
}

static enum ag_framing_result next_counted(
    struct ag_framing *f, struct or_slice *out, bool *is_cut, struct or_slice *in)
{
	size_t count, n, keep;
	enum ag_framing_result r;

	/* Some senders put a line feed behind a message all the same. */
	while (in->n && (in->p[0] == '\n' || in->p[0] == '\r'))
		*in = or_slice_from(*in, 1);
	if (!in->n)
		return AG_FRAMING_MORE;
	r = read_count(&count, &n, *in);
	if (r != AG_FRAMING_MESSAGE)
		return r;
	keep = count < AG_FRAMING_MAX ? count : AG_FRAMING_MAX;
	if (in->n - n < keep)
		return AG_FRAMING_MORE;
	*out = or_slice(in->p + n, keep);
	*in = or_slice_from(*in, n + keep);
	f->rest = count - keep;
	*is_cut = f->rest > 0;
	return AG_FRAMING_MESSAGE;
}

static size_t find_end(struct or_slice in)
{
	size_t i = 0;

	while (i < in.n && in.p[i] != '\n' && in.p[i])
		i++;
	return i;
}

static enum ag_framing_result next_line(
    struct ag_framing *f, struct or_slice *out, bool *is_cut, struct or_slice *in, bool is_end)
{
	size_t end = find_end(*in);

	if (f->is_skipping) {
		f->is_skipping = end == in->n;
		*in = or_slice_from(*in, end == in->n ? end : end + 1);
		end = find_end(*in);
	}
	if (end == in->n && in->n <= AG_FRAMING_MAX && !(is_end && in->n))
		return AG_FRAMING_MORE;
	*is_cut = end > AG_FRAMING_MAX;
	*out = or_slice(in->p, *is_cut ? AG_FRAMING_MAX : end);
	f->is_skipping = end == in->n && *is_cut;
	*in = or_slice_from(*in, end == in->n ? end : end + 1);
	return AG_FRAMING_MESSAGE;
}

enum ag_framing_result ag_framing_next(
    struct ag_framing *f, struct or_slice *out, bool *is_cut, struct or_slice *in, bool is_end)
{
	*is_cut = false;
	if (f->rest) {
		size_t n = f->rest < in->n ? f->rest : in->n;

		*in = or_slice_from(*in, n);
		f->rest -= n;
		if (f->rest)
			return AG_FRAMING_MORE;
	}
	if (!in->n)
		return AG_FRAMING_MORE;
	if (f->kind == AG_FRAMING_UNKNOWN) {
		size_t count, n;
		enum ag_framing_result r = read_count(&count, &n, *in);

		if (r == AG_FRAMING_MESSAGE && n == in->n)
			r = AG_FRAMING_MORE;
		if (r == AG_FRAMING_MORE && !is_end)
			return r;
		f->kind = r == AG_FRAMING_MESSAGE && in->p[n] == '<' ? AG_FRAMING_COUNTED
								     : AG_FRAMING_LINES;
	}
	return f->kind == AG_FRAMING_COUNTED ? next_counted(f, out, is_cut, in)
					     : next_line(f, out, is_cut, in, is_end);
}
