/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/template.h"

#include "base/str.h"

enum { NAME_SHOWN = 60 };

struct piece {
	struct or_slice text; /* to put as it is */
	struct or_slice name; /* behind it; p == NULL at the end */
};

static size_t find_pair(struct or_slice s, uint8_t c, size_t from)
{
	for (size_t i = from; i + 1 < s.n; i++) {
		if (s.p[i] == c && s.p[i + 1] == c)
			return i;
	}
	return s.n;
}

/* Takes the next piece off *rest. OR_PARSE: the braces do not close. */
static enum or_code next(struct piece *out, struct or_slice *rest)
{
	size_t open = find_pair(*rest, '{', 0), close;

	*out = (struct piece){.text = or_slice(rest->p, open)};
	if (open == rest->n) {
		*rest = OR_SLICE_NONE;
		return OR_OK;
	}
	close = find_pair(*rest, '}', open + 2);
	if (close == rest->n)
		return OR_PARSE;
	out->name = or_str_trim(or_slice(rest->p + open + 2, close - open - 2));
	*rest = or_slice_from(*rest, close + 2);
	return OR_OK;
}

static bool is_known(struct or_slice name, const char *const *names)
{
	for (; *names; names++) {
		if (or_slice_is(name, *names))
			return true;
	}
	return false;
}

enum or_code co_template_check(struct or_slice text, const char *const *names, struct or_err *err)
{
	struct piece p;

	while (text.n) {
		const char *nearest;

		if (next(&p, &text))
			return or_err_set(err, OR_INVAL, "{{ without }}");
		if (!p.name.p || is_known(p.name, names))
			continue;
		nearest = or_str_nearest(p.name, names);
		return or_err_set(err, OR_INVAL, "{{%.*s}} is no label of this rule%s%s%s",
		    p.name.n < NAME_SHOWN ? (int)p.name.n : NAME_SHOWN, (const char *)p.name.p,
		    nearest ? "; did you mean \"" : "", nearest ? nearest : "",
		    nearest ? "\"?" : "");
	}
	return OR_OK;
}

void co_template_expand(struct or_buf *out, struct or_slice text, struct co_label_set values)
{
	struct piece p;

	while (text.n && next(&p, &text) == OR_OK) {
		or_buf_put_slice(out, p.text);
		if (p.name.p)
			or_buf_put_slice(out, co_label_get(values, p.name));
	}
}
