/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/openlineage.h"

#include "base/str.h"

struct reader {
	struct wire_openlineage e;
	struct or_arena *a;
	struct or_err *err;
};

static enum or_code fail(struct reader *r, const char *where, const char *what)
{
	return or_err_set(r->err, OR_PARSE, "%s: %s", where, what);
}

static enum or_code read_text(
    struct reader *r, struct or_slice *out, const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get(j, key);

	if (!v)
		return fail(r, key, "it is required");
	if (v->type != OR_JSON_STR || v->s.n == 0)
		return fail(r, key, "expected text");
	*out = v->s;
	return OR_OK;
}

/* A URI or a reference to one (real producers give "my-producer"): no blanks, no controls. */
static bool is_uri(struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

static enum or_code read_uri(
    struct reader *r, struct or_slice *out, const struct or_json *j, const char *key)
{
	enum or_code rc = read_text(r, out, j, key);

	return rc || is_uri(*out) ? rc : fail(r, key, "expected a URI");
}

static enum or_code read_name(
    struct reader *r, struct wire_openlineage_name *out, const struct or_json *j, const char *what)
{
	enum or_code rc;

	if (!j || j->type != OR_JSON_OBJECT)
		return fail(r, what, "expected an object");
	rc = read_text(r, &out->namespace, j, "namespace");
	if (rc == OR_OK)
		rc = read_text(r, &out->name, j, "name");
	return rc ? or_err_wrap(r->err, rc, "%s", what) : OR_OK;
}

/* Every facet says who made it and by which schema. */
static enum or_code check_facets(struct reader *r, const struct or_json *owner, const char *key)
{
	const struct or_json *facets = or_json_get(owner, key);
	struct or_slice uri;

	if (!facets || facets->type == OR_JSON_NULL)
		return OR_OK;
	if (facets->type != OR_JSON_OBJECT)
		return fail(r, key, "expected an object");
	for (size_t i = 0; i < facets->object.n; i++) {
		const struct or_json_member *m = &facets->object.members[i];
		enum or_code rc;

		if (m->value->type != OR_JSON_OBJECT)
			return or_err_set(r->err, OR_PARSE, "%s.%.*s: expected an object", key,
			    OR_SLICE_FMT(m->key));
		rc = read_uri(r, &uri, m->value, "_producer");
		if (rc == OR_OK)
			rc = read_uri(r, &uri, m->value, "_schemaURL");
		if (rc)
			return or_err_wrap(r->err, rc, "%s.%.*s", key, OR_SLICE_FMT(m->key));
	}
	return OR_OK;
}

static enum or_code read_datasets(struct reader *r, const struct wire_openlineage_name **out,
    size_t *n, const struct or_json *event, const char *key, const char *own_facets)
{
	const struct or_json *list = or_json_get(event, key);
	struct wire_openlineage_name *names;
	enum or_code rc = OR_OK;

	if (!list || list->type == OR_JSON_NULL)
		return OR_OK;
	if (list->type != OR_JSON_ARRAY)
		return fail(r, key, "expected a list");
	if (list->array.n > WIRE_OPENLINEAGE_DATASETS_MAX)
		return or_err_set(
		    r->err, OR_FULL, "%s: more than %d", key, WIRE_OPENLINEAGE_DATASETS_MAX);
	names = or_arena_array(r->a, list->array.n, sizeof(*names));
	if (!names)
		return or_err_set(r->err, OR_FULL, "%s: no room left", key);
	for (size_t i = 0; i < list->array.n && !rc; i++) {
		const struct or_json *dataset = list->array.items[i];

		rc = read_name(r, &names[i], dataset, key);
		if (rc == OR_OK)
			rc = check_facets(r, dataset, "facets");
		if (rc == OR_OK)
			rc = check_facets(r, dataset, own_facets);
	}
	*out = names;
	*n = list->array.n;
	return rc;
}

static enum or_code read_run(struct reader *r, const struct or_json *run)
{
	enum or_code rc;

	if (run->type != OR_JSON_OBJECT)
		return fail(r, "run", "expected an object");
	rc = read_text(r, &r->e.run_id, run, "runId");
	return rc ? rc : check_facets(r, run, "facets");
}

static enum or_code read_job(struct reader *r, const struct or_json *event)
{
	const struct or_json *job = or_json_get(event, "job");
	enum or_code rc = read_name(r, &r->e.job, job, "job");

	if (rc == OR_OK)
		rc = check_facets(r, job, "facets");
	if (rc == OR_OK)
		rc = read_datasets(r, &r->e.inputs, &r->e.n_inputs, event, "inputs", "inputFacets");
	if (rc == OR_OK)
		rc = read_datasets(
		    r, &r->e.outputs, &r->e.n_outputs, event, "outputs", "outputFacets");
	r->e.version = or_json_get_str(
	    or_json_get(or_json_get(job, "facets"), "sourceCodeLocation"), "version");
	return rc;
}

static enum or_code read_dataset(struct reader *r, const struct or_json *event)
{
	const struct or_json *dataset = or_json_get(event, "dataset");
	struct wire_openlineage_name *name = or_arena_alloc(r->a, sizeof(*name));
	enum or_code rc;

	if (!name)
		return or_err_set(r->err, OR_FULL, "dataset: no room left");
	rc = read_name(r, name, dataset, "dataset");
	r->e.outputs = name;
	r->e.n_outputs = 1;
	return rc ? rc : check_facets(r, dataset, "facets");
}

static enum or_code read_type(struct reader *r, const struct or_json *event)
{
	static const char *const types[] = {
	    "START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"};
	const struct or_json *type = or_json_get(event, "eventType");

	if (!type)
		return OR_OK;
	for (size_t i = 0; type->type == OR_JSON_STR && i < OR_LEN(types); i++) {
		if (or_slice_is(type->s, types[i])) {
			r->e.event_type = type->s;
			return OR_OK;
		}
	}
	return fail(r, "eventType", "expected START, RUNNING, COMPLETE, ABORT, FAIL or OTHER");
}

static enum or_code read_common(struct reader *r, const struct or_json *event)
{
	struct or_slice text;
	enum or_code rc = read_text(r, &text, event, "eventTime");

	if (rc)
		return rc;
	if (or_str_time_parse(&r->e.time_ns, text))
		return fail(
		    r, "eventTime", "expected a time with its offset, as 2026-11-24T11:18:28.123Z");
	rc = read_uri(r, &r->e.producer, event, "producer");
	return rc ? rc : read_uri(r, &text, event, "schemaURL");
}

enum or_code wire_openlineage_read(struct wire_openlineage *out, const struct or_json *event,
    struct or_arena *a, struct or_err *err)
{
	struct reader r = {.a = a, .err = err};
	enum or_code rc;

	if (event->type != OR_JSON_OBJECT)
		return or_err_set(
		    err, OR_PARSE, "an event is an object, not %s", or_json_type_name(event->type));
	rc = read_common(&r, event);
	if (rc)
		return rc;
	if (or_json_get(event, "run")) {
		r.e.kind = WIRE_OPENLINEAGE_RUN;
		rc = read_type(&r, event);
		if (rc == OR_OK)
			rc = read_run(&r, or_json_get(event, "run"));
		if (rc == OR_OK)
			rc = read_job(&r, event);
	} else if (or_json_get(event, "job")) {
		r.e.kind = WIRE_OPENLINEAGE_JOB;
		rc = read_job(&r, event);
	} else if (or_json_get(event, "dataset")) {
		r.e.kind = WIRE_OPENLINEAGE_DATASET;
		rc = read_dataset(&r, event);
	} else {
		rc = fail(&r, "event", "it has neither run and job, nor job, nor dataset");
	}
	if (rc == OR_OK)
		*out = r.e;
	return rc;
}

enum or_code wire_openlineage_parse(
    struct wire_openlineage *out, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	const struct or_json *event;
	enum or_code rc = or_json_parse_nul(&event, text, a, err);

	return rc ? rc : wire_openlineage_read(out, event, a, err);
}
