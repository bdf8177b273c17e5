/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maskers for a test in another language: a line {format, masks, doc} on standard input, doc in
 * base64, is answered by a line {fault, out}. Every document is masked whole, byte by byte and in
 * pieces of seven; where these differ the fault is "pieces".
 */
#include "agent/gate/mask/mask_csv.h"
#include "agent/gate/mask/mask_json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES (16U * 1024 * 1024)

struct job {
	struct or_slice format;
	struct or_slice doc;
	struct ag_mask_plan *plan;
};

static enum ag_mask_fault run_json(const struct job *job, size_t piece, struct or_buf *out)
{
	struct ag_mask_json *m = ag_mask_json_new(job->plan, or_slice_is(job->format, "ndjson"));
	enum ag_mask_fault fault = AG_MASK_FINE;

	for (size_t at = 0, used; at < job->doc.n && !fault; at += used) {
		size_t n = job->doc.n - at < piece ? job->doc.n - at : piece;

		fault = ag_mask_json_feed(m, or_slice(job->doc.p + at, n), &used, out, SIZE_MAX);
	}
	if (!fault)
		fault = ag_mask_json_end(m, out);
	ag_mask_json_free(m);
	return fault;
}

static enum ag_mask_fault run_csv(const struct job *job, size_t piece, struct or_buf *out)
{
	struct ag_mask_csv *m = ag_mask_csv_new(job->plan);
	enum ag_mask_fault fault = AG_MASK_FINE;

	for (size_t at = 0, used; at < job->doc.n && !fault; at += used) {
		size_t n = job->doc.n - at < piece ? job->doc.n - at : piece;

		fault = ag_mask_csv_feed(m, or_slice(job->doc.p + at, n), &used, out, SIZE_MAX);
	}
	if (!fault)
		fault = ag_mask_csv_end(m, out);
	ag_mask_csv_free(m);
	return fault;
}

static enum ag_mask_fault run(const struct job *job, size_t piece, struct or_buf *out)
{
	or_buf_clear(out);
	return or_slice_is(job->format, "csv") ? run_csv(job, piece, out)
					       : run_json(job, piece, out);
}

static const char *run_all(const struct job *job, struct or_buf *out)
{
	static const size_t pieces[] = {1, 7};
	enum ag_mask_fault whole = run(job, SIZE_MAX, out);
	const char *name = ag_mask_fault_name(whole);
	struct or_buf other;

	or_buf_init(&other, 2 * LINE_MAX_BYTES);
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		enum ag_mask_fault fault = run(job, pieces[i], &other);

		if (fault != whole ||
		    (!whole && !or_slice_eq(or_buf_slice(out), or_buf_slice(&other))))
			name = "pieces";
	}
	or_buf_done(&other);
	return name;
}

static void answer(const struct job *job)
{
	struct or_buf out, base64, line;
	struct or_jsonw w;
	const char *fault;

	or_buf_init(&out, 2 * LINE_MAX_BYTES);
	or_buf_init(&base64, 4 * LINE_MAX_BYTES);
	or_buf_init(&line, 4 * LINE_MAX_BYTES);
	fault = run_all(job, &out);
	or_str_base64_encode(&base64, or_buf_slice(&out));
	or_jsonw_init(&w, &line, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "fault", fault);
	or_jsonw_kv_str(&w, "out", or_buf_slice(&base64));
	or_jsonw_end(&w);
	puts(or_buf_text(&line));
	fflush(stdout);
	or_buf_done(&line);
	or_buf_done(&base64);
	or_buf_done(&out);
}

/* The masks as an annotation says them, by a policy that has it. */
static enum or_code read_masks(struct pol_masks *masks, struct pol_set **set, struct or_slice text,
    struct or_arena *a, struct or_err *err)
{
	const char *policy = or_arena_printf(
	    a, "@mask(\"%.*s\") permit(principal, action, resource);", OR_SLICE_FMT(text));
	enum or_code rc =
	    pol_set_parse(set, POL_IDS_ANNOTATED, "masks", or_slice_str(policy), NULL, err);
	const struct pol_policy *one;

	if (rc)
		return rc;
	one = pol_set_at(*set, 0);
	return pol_mask_collect(masks, a, &one, 1, err);
}

static enum or_code do_line(struct or_slice line, struct or_err *err)
{
	struct or_arena *a = or_arena_new(64 * OR_MIB);
	struct pol_set *set = NULL;
	struct pol_masks masks = {0};
	struct job job = {0};
	const struct or_json *j;
	struct or_buf doc;
	enum or_code rc = or_json_parse(&j, line, a, err);

	or_buf_init(&doc, LINE_MAX_BYTES);
	if (rc == OR_OK)
		rc = or_str_base64_decode(&doc, or_json_get_str(j, "doc"));
	if (rc == OR_OK)
		rc = read_masks(&masks, &set, or_json_get_str(j, "masks"), a, err);
	if (rc == OR_OK)
		rc = ag_mask_plan_new(&job.plan, &masks, OR_SLICE_LIT("the key of tests"), err);
	if (rc == OR_OK) {
		job.format = or_json_get_str(j, "format");
		job.doc = or_buf_slice(&doc);
		answer(&job);
	}
	ag_mask_plan_free(job.plan);
	pol_set_free(set);
	or_buf_done(&doc);
	or_arena_free(a);
	return rc;
}

int main(void)
{
	struct or_buf line;
	struct or_err err = {0};
	enum or_code rc = OR_OK;
	int c;

	or_buf_init(&line, LINE_MAX_BYTES);
	while (rc == OR_OK && (c = getchar()) != EOF) {
		if (c != '\n') {
			or_buf_put_byte(&line, (uint8_t)c);
			continue;
		}
		rc = do_line(or_buf_slice(&line), &err);
		or_buf_clear(&line);
	}
	or_buf_done(&line);
	if (rc)
		fprintf(stderr, "%s: %s\n", or_err_name(rc), err.msg);
	return rc ? 1 : 0;
}
