/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/frames.h"

#include "base/str.h"

enum { LENGTH_SELF = 4 };

void ag_frames_init(struct ag_frames *f, const struct ag_frames_opt *opt)
{
	*f = (struct ag_frames){.opt = *opt};
	or_buf_init(&f->kept, AG_FRAMES_KEEP_MAX);
}

void ag_frames_done(struct ag_frames *f)
{
	or_buf_done(&f->kept);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The head is there. */
static enum or_code begin(struct ag_frames *f)
{
	const uint8_t *p = f->head + 1;
	uint32_t n = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];

	if (n < LENGTH_SELF || n > AG_FRAMES_LENGTH_MAX || !f->head[0] ||
	    (f->opt.allowed && !strchr(f->opt.allowed, f->head[0])))
		return OR_PARSE;
	f->length = f->left = n - LENGTH_SELF;
	f->keeps = strchr(f->opt.wanted, f->head[0]) != NULL;
	return OR_OK;
}

static void tell(struct ag_frames *f, struct or_slice body)
{
	if (f->keeps)
		f->opt.fn(f->opt.arg, f->head[0], body, f->length);
	or_buf_done(&f->kept);
	f->n_head = 0;
}

/* Of a message that is here whole nothing is copied. */
static size_t pass(struct ag_frames *f, struct or_slice in)
{
	size_t n = smaller(in.n, f->left);
	size_t room = AG_FRAMES_KEEP_MAX - f->kept.n;

	f->left -= (uint32_t)n;
	if (f->left == 0 && f->kept.n == 0) {
		tell(f, or_slice(in.p, smaller(n, AG_FRAMES_KEEP_MAX)));
		return n;
	}
	if (f->keeps)
		or_buf_put(&f->kept, in.p, smaller(n, room));
	if (f->left == 0)
		tell(f, or_buf_slice(&f->kept));
	return n;
}

enum or_code ag_frames_feed(struct ag_frames *f, struct or_slice in)
{
	while (in.n) {
		size_t n;

		if (f->n_head < sizeof(f->head)) {
			n = smaller(sizeof(f->head) - f->n_head, in.n);
			memcpy(f->head + f->n_head, in.p, n);
			f->n_head += n;
			in = or_slice_from(in, n);
			if (f->n_head < sizeof(f->head))
				break;
			if (begin(f))
				return OR_PARSE;
			if (f->left == 0)
				tell(f, OR_SLICE_NONE);
			continue;
		}
		in = or_slice_from(in, pass(f, in));
	}
	return OR_OK;
}

bool ag_frames_text(struct or_slice *out, struct or_slice *rest)
{
	size_t end = or_str_find(*rest, 0, 0);
	bool whole = end < rest->n;

	*out = or_slice(rest->p, end);
	*rest = or_slice_from(*rest, whole ? end + 1 : end);
	return whole;
}
