/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/dora/dora.h"

#include "base/mem.h"
#include "base/str.h"
#include "collector/catalogue/facts.h"

#include <stdlib.h>

#define TEXT   co_facts_text
#define NUMBER co_facts_number

/* ---- facts */

static struct or_slice attribute(const struct wire_audit *r, const char *key)
{
	for (size_t i = 0; i < r->n_attributes; i++) {
		if (or_slice_is(r->attributes[i].key, key))
			return r->attributes[i].value;
	}
	return OR_SLICE_NONE;
}

static struct or_slice or_empty(struct or_slice s)
{
	return s.n ? s : OR_SLICE_LIT("");
}

enum or_code co_dora_take(
    struct or_db *db, const struct wire_audit *r, const char *id, struct or_err *err)
{
	struct or_slice committed = attribute(r, "committed");
	int64_t committed_ns = 0;
	struct co_facts_value row[] = {TEXT(r->product), TEXT(or_empty(attribute(r, "version"))),
	    TEXT(or_empty(attribute(r, "commit"))),
	    NUMBER(or_slice_is(attribute(r, "modified"), "true")), TEXT(OR_SLICE_NONE),
	    NUMBER((int64_t)r->time_ns), TEXT(or_slice_str(id)), NUMBER(CO_DORA_SIGHTS_MAX)};

	if (r->kind != WIRE_KIND_PIPELINE || !or_slice_is(r->action, "start") ||
	    !or_slice_is(r->reason, "version_started"))
		return OR_OK;
	if (committed.n && or_str_time_parse(&committed_ns, committed) == OR_OK)
		row[4] = NUMBER(committed_ns);
	return co_facts_run(db,
	    "INSERT INTO sight SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 1"
	    " WHERE (SELECT count(*) FROM sight WHERE product = ?1) < ?8 ON CONFLICT DO UPDATE SET"
	    " starts = starts + 1, record = iif(?6 < first_ns, ?7, record),"
	    " first_ns = min(first_ns, ?6)",
	    row, OR_LEN(row), err);
}

/* ---- figures */

/* What one answer is made of. */
struct figures {
	struct or_jsonw *w;
	struct or_db *db;
	struct or_slice product;
	int64_t *to_start; /* of deployments with a commit time, then lead times, ns */
	size_t n_to_start, n_deployments;
	int64_t first_ns; /* the first deployment */
	char first_record[64];
	struct or_err *err;
};

static void put_absent(struct or_jsonw *w, const char *key, const char *why)
{
	or_jsonw_key(w, key);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "absent", why);
	or_jsonw_end(w);
}

static void put_deployment(struct figures *f, struct or_db_stmt *row)
{
	int64_t committed = or_db_column_i64(row, 3), first = or_db_column_i64(row, 4);
	bool modified = or_db_column_i64(row, 2) != 0;
	struct or_slice record = or_db_column_slice(row, 5);
	size_t n = record.n < sizeof(f->first_record) ? record.n : 0;

	/* Newest first: the last row is the first deployment. */
	f->n_deployments++;
	f->first_ns = first;
	if (n)
		memcpy(f->first_record, record.p, n);
	f->first_record[n] = '\0';
	if (committed && !modified && first >= committed)
		f->to_start[f->n_to_start++] = first - committed;
	if (f->n_deployments > CO_DORA_SHOWN)
		return;
	or_jsonw_object(f->w);
	co_facts_put_text(f->w, "version", row, 0);
	co_facts_put_text(f->w, "commit", row, 1);
	or_jsonw_kv_bool(f->w, "modified", modified);
	co_facts_put_time(f->w, "committed", committed);
	co_facts_put_time(f->w, "first_seen", first);
	or_jsonw_kv_str(f->w, "record", record);
	or_jsonw_kv_i64(f->w, "starts", or_db_column_i64(row, 6));
	if (committed && !modified && first >= committed)
		or_jsonw_kv_i64(f->w, "to_start_ns", first - committed);
	else
		or_jsonw_kv_text(f->w, "to_start_absent",
		    modified     ? "it was started with changes that are in no commit"
		    : !committed ? "its commit is not known"
				 : "it was started before its commit, by the clocks");
	or_jsonw_end(f->w);
}

static enum or_code put_deployments(struct figures *f)
{
	const struct co_facts_value id = TEXT(f->product);
	struct or_db_stmt *row;
	bool has_row;
	enum or_code rc = co_facts_prepare(&row, f->db,
	    "SELECT version, commit_id, modified, committed_ns, first_ns, record, starts"
	    " FROM sight WHERE product = ?1 ORDER BY first_ns DESC, record",
	    &id, 1, f->err);

	if (rc)
		return rc;
	or_jsonw_key(f->w, "deployments");
	or_jsonw_object(f->w);
	or_jsonw_key(f->w, "newest");
	or_jsonw_array(f->w);
	while ((rc = or_db_step(row, &has_row, f->err)) == OR_OK && has_row)
		put_deployment(f, row);
	or_jsonw_end(f->w);
	or_jsonw_kv_u64(f->w, "count", f->n_deployments);
	or_jsonw_end(f->w);
	or_db_stmt_free(row);
	return rc;
}

/* ---- runs */

/* The first COMPLETE run of a commit: of those that name it, else of those that name none and ended
 * after the version was first started and before the next one was. */
static const char lead_sql[] =
    "SELECT version, commit_id, committed_ns, record, r_ns,"
    " (SELECT id FROM run r WHERE r.product = ?1 AND r.end_ = 'COMPLETE' AND r.time_ns = r_ns"
    "  LIMIT 1) FROM (SELECT s.*, (SELECT min(r.time_ns) FROM run r WHERE r.product = ?1"
    "  AND r.end_ = 'COMPLETE' AND (r.commit_id = s.commit_id OR (r.commit_id = ''"
    "   AND r.time_ns >= s.first_ns AND r.time_ns < coalesce((SELECT min(n.first_ns) FROM sight n"
    "    WHERE n.product = ?1 AND n.first_ns > s.first_ns), 9223372036854775807)))) AS r_ns"
    " FROM sight s WHERE s.product = ?1 AND s.modified = 0 AND s.committed_ns IS NOT NULL)"
    " WHERE r_ns >= committed_ns ORDER BY r_ns - committed_ns LIMIT ?2";

static void put_lead_row(struct figures *f, struct or_db_stmt *row, int64_t ns)
{
	or_jsonw_object(f->w);
	or_jsonw_kv_i64(f->w, "ns", ns);
	co_facts_put_text(f->w, "version", row, 0);
	co_facts_put_text(f->w, "commit", row, 1);
	co_facts_put_time(f->w, "committed", or_db_column_i64(row, 2));
	co_facts_put_text(f->w, "start_record", row, 3);
	co_facts_put_time(f->w, "complete", or_db_column_i64(row, 4));
	co_facts_put_text(f->w, "run", row, 5);
	or_jsonw_end(f->w);
}

/* Rows come by rising lead time. */
static enum or_code put_lead_rows(struct figures *f, struct or_db_stmt *row)
{
	size_t n = 0;
	bool has_row;
	enum or_code rc;

	or_jsonw_key(f->w, "lead_time");
	or_jsonw_object(f->w);
	or_jsonw_key(f->w, "from");
	or_jsonw_array(f->w);
	while ((rc = or_db_step(row, &has_row, f->err)) == OR_OK && has_row) {
		f->to_start[n] = or_db_column_i64(row, 4) - or_db_column_i64(row, 2);
		if (n < CO_DORA_SHOWN)
			put_lead_row(f, row, f->to_start[n]);
		n++;
	}
	or_jsonw_end(f->w);
	if (n) {
		or_jsonw_kv_i64(f->w, "median_ns", f->to_start[(n - 1) / 2]);
		or_jsonw_kv_i64(f->w, "p90_ns", f->to_start[(n * 9 + 9) / 10 - 1]);
		or_jsonw_kv_u64(f->w, "of", n);
	} else {
		or_jsonw_kv_text(f->w, "absent",
		    "no COMPLETE run belongs to a version whose commit time is known");
	}
	or_jsonw_end(f->w);
	return rc;
}

static enum or_code put_failures(struct figures *f, int64_t runs, int64_t failed)
{
	const struct co_facts_value values[] = {TEXT(f->product), NUMBER(CO_DORA_SHOWN)};
	struct or_db_stmt *row;
	bool has_row;
	enum or_code rc = co_facts_prepare(&row, f->db,
	    "SELECT id, end_, job, time_ns FROM run WHERE product = ?1 AND end_ <> 'COMPLETE'"
	    " ORDER BY time_ns DESC LIMIT ?2",
	    values, OR_LEN(values), f->err);

	if (rc)
		return rc;
	or_jsonw_key(f->w, "failures");
	or_jsonw_object(f->w);
	or_jsonw_kv_i64(f->w, "count", failed);
	or_jsonw_kv_i64(f->w, "runs", runs);
	or_jsonw_key(f->w, "newest");
	or_jsonw_array(f->w);
	while ((rc = or_db_step(row, &has_row, f->err)) == OR_OK && has_row) {
		or_jsonw_object(f->w);
		co_facts_put_text(f->w, "run", row, 0);
		co_facts_put_text(f->w, "end", row, 1);
		co_facts_put_text(f->w, "job", row, 2);
		co_facts_put_time(f->w, "time", or_db_column_i64(row, 3));
		or_jsonw_end(f->w);
	}
	or_jsonw_end(f->w);
	or_jsonw_end(f->w);
	or_db_stmt_free(row);
	return rc;
}

static enum or_code put_runs(struct figures *f)
{
	static const char none[] = "no run of this product was reported (OpenLineage)";
	const struct co_facts_value values[] = {TEXT(f->product), NUMBER(CO_DORA_SIGHTS_MAX)};
	struct or_db_stmt *row;
	int64_t counts[2] = {0};
	bool has_row;
	enum or_code rc = co_facts_get(counts, 2, &has_row, f->db,
	    "SELECT count(*), sum(end_ <> 'COMPLETE') FROM run WHERE product = ?1", values, 1,
	    f->err);

	if (rc)
		return rc;
	if (!counts[0]) {
		put_absent(f->w, "lead_time", none);
		put_absent(f->w, "failures", none);
		return OR_OK;
	}
	rc = co_facts_prepare(&row, f->db, lead_sql, values, OR_LEN(values), f->err);
	if (rc)
		return rc;
	rc = put_lead_rows(f, row);
	or_db_stmt_free(row);
	return rc ? rc : put_failures(f, counts[0], counts[1]);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The lower median and the nearest-rank 90th percentile. */
static void put_to_start(struct figures *f)
{
	if (!f->n_to_start) {
		put_absent(f->w, "commit_to_start",
		    f->n_deployments ? "no deployment has a commit time"
				     : "no start of this product was recorded");
		return;
	}
	qsort(f->to_start, f->n_to_start, sizeof(*f->to_start), by_value);
	or_jsonw_key(f->w, "commit_to_start");
	or_jsonw_object(f->w);
	or_jsonw_kv_i64(f->w, "median_ns", f->to_start[(f->n_to_start - 1) / 2]);
	or_jsonw_kv_i64(f->w, "p90_ns", f->to_start[(f->n_to_start * 9 + 9) / 10 - 1]);
	or_jsonw_kv_u64(f->w, "of", f->n_to_start);
	or_jsonw_kv_u64(f->w, "without_commit_time", f->n_deployments - f->n_to_start);
	or_jsonw_end(f->w);
}

static void put_first_read(struct figures *f, struct or_db_stmt *row)
{
	int64_t at = or_db_column_i64(row, 4);

	or_jsonw_key(f->w, "first_read_elsewhere");
	or_jsonw_object(f->w);
	if (f->first_ns && at >= f->first_ns)
		or_jsonw_kv_i64(f->w, "ns", at - f->first_ns);
	else
		or_jsonw_kv_text(f->w, "ns_absent", "no start was recorded before it");
	if (f->first_ns) {
		co_facts_put_time(f->w, "first_seen", f->first_ns);
		or_jsonw_kv_text(f->w, "first_seen_record", f->first_record);
	}
	co_facts_put_time(f->w, "read", at);
	co_facts_put_text(f->w, "record", row, 5);
	co_facts_put_text(f->w, "principal", row, 0);
	co_facts_put_text(f->w, "issuer", row, 1);
	co_facts_put_text(f->w, "domain", row, 2);
	co_facts_put_text(f->w, "product_domain", row, 3);
	or_jsonw_end(f->w);
}

static enum or_code put_adoption(struct figures *f)
{
	const struct co_facts_value id = TEXT(f->product);
	struct or_db_stmt *row;
	int64_t unknown[2] = {0};
	bool has_row, ignored;
	enum or_code rc = co_facts_prepare(&row, f->db,
	    "SELECT r.id, r.issuer, r.domain, p.domain, r.first_ns, r.first_record"
	    " FROM reader r JOIN product p ON p.id = r.product"
	    " WHERE r.product = ?1 AND r.domain <> p.domain ORDER BY r.first_ns LIMIT 1",
	    &id, 1, f->err);

	if (rc)
		return rc;
	rc = or_db_step(row, &has_row, f->err);
	if (!rc && has_row)
		put_first_read(f, row);
	or_db_stmt_free(row);
	if (!rc)
		rc = co_facts_get(unknown, 2, &ignored, f->db,
		    "SELECT (SELECT count(*) FROM reader WHERE product = ?1 AND domain IS NULL),"
		    " (SELECT count(*) FROM product WHERE id = ?1 AND domain IS NOT NULL)",
		    &id, 1, f->err);
	if (!rc && !has_row)
		put_absent(f->w, "first_read_elsewhere",
		    unknown[1] ? "no allowed read by a principal of another domain was recorded"
			       : "the product's own domain is not known");
	if (!rc)
		or_jsonw_kv_i64(f->w, "readers_without_domain", unknown[0]);
	return rc;
}

static enum or_code is_known(struct figures *f)
{
	const struct co_facts_value id = TEXT(f->product);
	int64_t counts[2];
	bool has_row;
	enum or_code rc = co_facts_get(counts, 2, &has_row, f->db,
	    "SELECT (SELECT count(*) FROM product WHERE id = ?1),"
	    " (SELECT count(*) FROM sight WHERE product = ?1)",
	    &id, 1, f->err);

	if (rc || counts[0] || counts[1])
		return rc;
	return or_err_set(f->err, OR_ABSENT,
	    "no agent has told of a product \"%.*s\"; `outrider products` lists those that are "
	    "known",
	    OR_SLICE_FMT(f->product));
}

enum or_code co_dora_put(
    struct or_jsonw *w, struct or_db *db, struct or_slice product, struct or_err *err)
{
	struct figures f = {.w = w, .db = db, .product = product, .err = err};
	enum or_code rc = is_known(&f);

	if (rc)
		return rc;
	f.to_start = or_mem_array(CO_DORA_SIGHTS_MAX, sizeof(*f.to_start));
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "product", product);
	rc = put_deployments(&f);
	if (!rc) {
		put_to_start(&f);
		rc = put_runs(&f);
	}
	if (!rc)
		rc = put_adoption(&f);
	or_jsonw_end(w);
	or_mem_free(f.to_start);
	return rc;
}
