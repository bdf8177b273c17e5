/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/catalogue/facts.h"

#include "base/str.h"

/* folded: lower case, so that words are found in any. */
static const char first_schema[] =
    "CREATE TABLE product ("
    " id TEXT PRIMARY KEY, name TEXT, domain TEXT, owner TEXT, team TEXT, version TEXT,"
    " status TEXT, description TEXT, tags TEXT, class TEXT,"
    " commit_id TEXT, committed_ns INTEGER, modified INTEGER,"
    " sha256 TEXT NOT NULL, agent TEXT NOT NULL, sent_ns INTEGER NOT NULL,"
    " first_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE port ("
    " product TEXT NOT NULL, direction TEXT NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL,"
    " version TEXT, type TEXT, description TEXT, contract TEXT, contract_version TEXT, class TEXT,"
    " PRIMARY KEY (product, direction, name)) WITHOUT ROWID;"
    "CREATE TABLE contract ("
    " product TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, name TEXT, status TEXT,"
    " class TEXT, first_ns INTEGER NOT NULL,"
    " PRIMARY KEY (product, id, version)) WITHOUT ROWID;"
    "CREATE TABLE column_ ("
    " product TEXT NOT NULL, contract TEXT NOT NULL, path TEXT NOT NULL, type TEXT, class TEXT,"
    " description TEXT, PRIMARY KEY (product, contract, path)) WITHOUT ROWID;"
    "CREATE TABLE term ("
    " product TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, folded TEXT NOT NULL);"
    "CREATE INDEX term_product ON term (product);"
    "CREATE TABLE reader ("
    " product TEXT NOT NULL, port TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,"
    " issuer TEXT NOT NULL, domain TEXT, reads INTEGER NOT NULL,"
    " first_ns INTEGER NOT NULL, first_record TEXT NOT NULL,"
    " last_ns INTEGER NOT NULL, last_record TEXT NOT NULL,"
    " PRIMARY KEY (product, port, type, id, issuer)) WITHOUT ROWID;"
    "CREATE TABLE access ("
    " product TEXT PRIMARY KEY, reads INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " unnamed INTEGER NOT NULL, last_ns INTEGER NOT NULL, last_record TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE place (shard INTEGER PRIMARY KEY, next INTEGER NOT NULL,"
    " damaged INTEGER NOT NULL);"
    "CREATE TABLE sight ("
    " product TEXT NOT NULL, version TEXT NOT NULL, commit_id TEXT NOT NULL,"
    " modified INTEGER NOT NULL, committed_ns INTEGER, first_ns INTEGER NOT NULL,"
    " record TEXT NOT NULL, starts INTEGER NOT NULL,"
    " PRIMARY KEY (product, version, commit_id, modified)) WITHOUT ROWID;";

/* What ended how: end_ is COMPLETE, FAIL or ABORT. */
static const char run_schema[] =
    "CREATE TABLE run ("
    " product TEXT NOT NULL, id TEXT NOT NULL, end_ TEXT NOT NULL, job TEXT NOT NULL,"
    " time_ns INTEGER NOT NULL, commit_id TEXT NOT NULL,"
    " PRIMARY KEY (product, id, end_)) WITHOUT ROWID;"
    "CREATE INDEX run_time ON run (product, end_, time_ns);";

static const char *const migrations[] = {first_schema, run_schema};

enum or_code co_facts_open(struct or_db **out, const char *path, struct or_err *err)
{
	const struct or_db_opt opt = {.path = path,
	    .migrations = migrations,
	    .n_migrations = OR_LEN(migrations),
	    .max_bytes = CO_FACTS_MAX};
	enum or_code rc = or_db_open(out, &opt, err);

	if (rc == OR_CORRUPT)
		or_err_wrap(err, rc, "the catalogue is damaged; move it away, it is made anew");
	return rc;
}

enum or_code co_facts_prepare(struct or_db_stmt **out, struct or_db *db, const char *sql,
    const struct co_facts_value *values, size_t n, struct or_err *err)
{
	struct or_db_stmt *s;
	enum or_code rc = or_db_prepare(&s, db, sql, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (values[i].is_number)
			or_db_bind_i64(s, (int)i + 1, values[i].number);
		else
			or_db_bind_text(s, (int)i + 1, values[i].text);
	}
	*out = s;
	return OR_OK;
}

enum or_code co_facts_run(struct or_db *db, const char *sql, const struct co_facts_value *values,
    size_t n, struct or_err *err)
{
	struct or_db_stmt *s;
	enum or_code rc = co_facts_prepare(&s, db, sql, values, n, err);

	if (rc)
		return rc;
	rc = or_db_run(s, err);
	or_db_stmt_free(s);
	return rc;
}

enum or_code co_facts_get(int64_t *out, size_t n_out, bool *has_row, struct or_db *db,
    const char *sql, const struct co_facts_value *values, size_t n, struct or_err *err)
{
	struct or_db_stmt *s;
	bool has;
	enum or_code rc = co_facts_prepare(&s, db, sql, values, n, err);

	if (rc)
		return rc;
	rc = or_db_step(s, &has, err);
	if (!rc) {
		*has_row = has;
		for (size_t i = 0; i < n_out && has; i++)
			out[i] = or_db_column_i64(s, (int)i);
	}
	or_db_stmt_free(s);
	return rc;
}

void co_facts_put_time(struct or_jsonw *w, const char *key, int64_t unix_ns)
{
	struct or_buf text;

	or_jsonw_key(w, key);
	if (!unix_ns) {
		or_jsonw_null(w);
		return;
	}
	or_buf_init(&text, 64);
	or_str_time(&text, unix_ns);
	or_jsonw_str(w, or_buf_slice(&text));
	or_buf_done(&text);
}

void co_facts_put_text(struct or_jsonw *w, const char *key, struct or_db_stmt *row, int column)
{
	struct or_slice text = or_db_column_slice(row, column);

	or_jsonw_key(w, key);
	if (text.p)
		or_jsonw_str(w, text);
	else
		or_jsonw_null(w);
}
