/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/line.h"

#include "base/json.h"
#include "base/str.h"

/* Takes the word up to a blank from the front of *in. False: there is no blank. */
static bool take_word(struct or_slice *out, struct or_slice *in)
{
	size_t end = or_str_find(*in, ' ', 0);

	if (end == in->n)
		return false;
	*out = or_slice(in->p, end);
	*in = or_slice_from(*in, end + 1);
	return true;
}

static bool read_stream(enum ag_line_stream *out, struct or_slice word)
{
	if (or_slice_is(word, "stdout"))
		*out = AG_LINE_STDOUT;
	else if (or_slice_is(word, "stderr"))
		*out = AG_LINE_STDERR;
	else
		return false;
	return true;
}

/* Tags are separated by ':'; the first one says whether it is a part, or all. */
static bool read_tags(struct ag_line *out, struct or_slice tags)
{
	struct or_slice first = or_slice(tags.p, or_str_find(tags, ':', 0));

	out->is_part = or_slice_is(first, "P");
	return out->is_part || or_slice_is(first, "F");
}

static bool read_cri(struct ag_line *out, struct or_slice in)
{
	struct or_slice time, stream, tags;

	if (!take_word(&time, &in) || !take_word(&stream, &in) ||
	    or_str_time_parse(&out->time_ns, time) || !read_stream(&out->stream, stream))
		return false;
	if (!take_word(&tags, &in)) { /* an empty text, its blank trimmed */
		tags = in;
		in = OR_SLICE_NONE;
	}
	out->text = in;
	return read_tags(out, tags);
}

static bool read_docker(struct ag_line *out, struct or_slice in, struct or_arena *a)
{
	const struct or_json *j, *log;

	or_arena_clear(a);
	if (or_json_parse(&j, in, a, NULL) || j->type != OR_JSON_OBJECT)
		return false;
	log = or_json_get_type(j, "log", OR_JSON_STR);
	if (!log || !read_stream(&out->stream, or_json_get_str(j, "stream")) ||
	    or_str_time_parse(&out->time_ns, or_json_get_str(j, "time")))
		return false;
	out->text = log->s;
	out->is_part = !log->s.n || log->s.p[log->s.n - 1] != '\n';
	if (!out->is_part)
		out->text.n--;
	return true;
}

void ag_line_read(
    struct ag_line *out, enum ag_line_format format, struct or_slice line, struct or_arena *a)
{
	struct ag_line l = {0};
	bool ok = true;

	if (format == AG_LINE_CRI)
		ok = read_cri(&l, line);
	else if (format == AG_LINE_DOCKER)
		ok = read_docker(&l, line, a);
	else
		l.text = line;
	*out = ok ? l : (struct ag_line){.text = line, .is_misfit = true};
}
