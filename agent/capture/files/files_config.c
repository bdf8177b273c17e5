/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/files_config.h"

#include "base/mem.h"
#include "base/str.h"

#include <limits.h>

static enum or_code read_format(
    enum ag_line_format *out, const struct or_json *j, struct or_err *err)
{
	static const char *const names[] = {"plain", "cri", "docker"};
	const struct or_json *v = or_json_get(j, "format");

	*out = AG_LINE_PLAIN;
	if (!v)
		return OR_OK;
	for (size_t i = 0; v->type == OR_JSON_STR && i < OR_LEN(names); i++) {
		if (or_slice_is(v->s, names[i])) {
			*out = (enum ag_line_format)i;
			return OR_OK;
		}
	}
	return or_err_set(err, OR_INVAL, "format: expected plain, cri or docker");
}

static enum or_code check_keys(const struct or_json *j, struct or_err *err)
{
	static const char *const names[] = {"path", "format", "multiline", "parse", NULL};

	for (size_t i = 0; i < j->object.n; i++) {
		struct or_slice key = j->object.members[i].key;
		bool is_known = false;

		for (size_t n = 0; names[n]; n++)
			is_known = is_known || or_slice_is(key, names[n]);
		if (!is_known)
			return or_err_set(err, OR_INVAL,
			    "unknown key \"%.*s\": there are path, format, multiline and parse",
			    OR_SLICE_FMT(key));
	}
	return OR_OK;
}

static enum or_code read_parse(
    enum ag_decode_kind *out, const struct or_json *j, struct or_err *err)
{
	const struct or_json *v = or_json_get(j, "parse");

	*out = AG_DECODE_NONE;
	if (v && (v->type != OR_JSON_STR || ag_decode_kind_of(out, v->s)))
		return or_err_set(err, OR_INVAL, "parse: expected none, severity, json or logfmt");
	return OR_OK;
}

static enum or_code read_pattern(
    struct ag_files_pattern *p, const struct or_json *j, struct or_err *err)
{
	struct or_slice path = or_json_get_str(j, "path");
	enum or_code rc;

	if (j->type != OR_JSON_OBJECT || !path.n || path.n >= PATH_MAX - NAME_MAX)
		return or_err_set(err, OR_INVAL, "expected a map with path, a file or a pattern");
	rc = check_keys(j, err);
	if (rc == OR_OK)
		rc = read_format(&p->format.line, j, err);
	if (rc == OR_OK)
		rc = read_parse(&p->format.decode, j, err);
	if (rc == OR_OK) {
		rc = ag_event_rule_init(&p->format.event, or_json_get(j, "multiline"), err);
		if (rc)
			or_err_wrap(err, rc, "multiline");
	}
	if (rc == OR_OK)
		p->path = or_mem_dup(path);
	return rc;
}

enum or_code ag_files_config_init(
    struct ag_files_config *out, const struct or_json *list, struct or_err *err)
{
	enum or_code rc = OR_OK;

	*out = (struct ag_files_config){0};
	if (!list)
		return OR_OK;
	if (list->type != OR_JSON_ARRAY || list->array.n > AG_FILES_PATTERNS_MAX)
		return or_err_set(
		    err, OR_INVAL, "expected a list of up to %d maps", AG_FILES_PATTERNS_MAX);
	for (size_t i = 0; i < list->array.n && rc == OR_OK; i++) {
		rc = read_pattern(&out->patterns[i], list->array.items[i], err);
		if (rc)
			or_err_wrap(err, rc, "number %zu", i + 1);
		else
			out->n++;
	}
	if (rc)
		ag_files_config_done(out);
	return rc;
}

void ag_files_config_done(struct ag_files_config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		or_mem_free(c->patterns[i].path);
		ag_event_rule_done(&c->patterns[i].format.event);
	}
	c->n = 0;
}
