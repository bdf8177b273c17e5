/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/catalogue/search.h"

#include "base/str.h"
#include "collector/catalogue/facts.h"

enum { SQL_MAX = 8 * 1024, WORD_MAX = 256 };

#define TEXT   co_facts_text
#define NUMBER co_facts_number

static const char *const kinds[] = {"id", "name", "description", "domain", "owner", "team", "tag",
    "port", "contract", "column", NULL};

struct search {
	struct or_jsonw *w;
	struct or_db *db;
	struct co_facts_value words[2 * CO_SEARCH_WORDS_MAX]; /* folded word, kind or NULL */
	size_t n_words;
	struct or_buf folded[CO_SEARCH_WORDS_MAX];
	struct or_err *err;
};

/* ---- the query */

/* "tag:orders" has a kind; what stands before a ':' must be one where it is all letters. */
static enum or_code take_kind(struct search *s, struct or_slice *word, struct or_slice *kind)
{
	size_t colon = or_str_find(*word, ':', 0);
	struct or_slice before = or_slice(word->p, colon);
	const char *nearest;

	*kind = OR_SLICE_NONE;
	if (colon == word->n || colon == 0)
		return OR_OK;
	for (size_t i = 0; kinds[i]; i++) {
		if (or_slice_is(before, kinds[i])) {
			*kind = or_slice_str(kinds[i]);
			*word = or_slice_from(*word, colon + 1);
			return OR_OK;
		}
	}
	nearest = or_str_nearest(before, kinds);
	return or_err_set(s->err, OR_INVAL,
	    "\"%.*s:\" is nothing to look among%s%s%s; it may be id, name, description, domain, "
	    "owner, team, tag, port, contract or column",
	    OR_SLICE_FMT(before), nearest ? "; did you mean \"" : "", nearest ? nearest : "",
	    nearest ? ":\"" : "");
}

static enum or_code take_word(struct search *s, struct or_slice word)
{
	struct or_buf *folded = &s->folded[s->n_words];
	struct or_slice kind;
	enum or_code rc;

	if (s->n_words == CO_SEARCH_WORDS_MAX)
		return or_err_set(s->err, OR_INVAL, "more than %d words", CO_SEARCH_WORDS_MAX);
	if (word.n > WORD_MAX)
		return or_err_set(s->err, OR_INVAL, "a word of more than %d bytes", WORD_MAX);
	rc = take_kind(s, &word, &kind);
	if (rc)
		return rc;
	or_buf_init(folded, WORD_MAX);
	for (size_t i = 0; i < word.n; i++)
		or_buf_put_byte(folded,
		    word.p[i] >= 'A' && word.p[i] <= 'Z' ? (uint8_t)(word.p[i] + 32) : word.p[i]);
	s->words[2 * s->n_words] = TEXT(folded->n ? or_buf_slice(folded) : OR_SLICE_LIT(""));
	s->words[2 * s->n_words + 1] = TEXT(kind);
	s->n_words++;
	return OR_OK;
}

static enum or_code take_query(struct search *s, struct or_slice query)
{
	enum or_code rc = OR_OK;
	size_t at = 0;

	while (at < query.n && !rc) {
		size_t end = or_str_find(query, ' ', at);

		if (end > at)
			rc = take_word(s, or_slice(query.p + at, end - at));
		at = end + 1;
	}
	return rc;
}

/* The condition that word i is found in a term t. */
static void put_found(struct or_buf *sql, size_t i)
{
	or_buf_printf(sql, "(instr(t.folded, ?%zu) AND t.kind = coalesce(?%zu, t.kind))", 2 * i + 1,
	    2 * i + 2);
}

/* ---- one product */

static void put_array(struct or_jsonw *w, const char *key)
{
	or_jsonw_key(w, key);
	or_jsonw_array(w);
}

/* Puts an array of objects with the rows' first n columns as text under their names. */
static enum or_code put_rows(struct search *s, const char *key, const char *sql,
    const struct co_facts_value *values, size_t n_values, const char *const *names)
{
	struct or_db_stmt *row;
	bool has_row;
	enum or_code rc = co_facts_prepare(&row, s->db, sql, values, n_values, s->err);

	if (rc)
		return rc;
	put_array(s->w, key);
	while ((rc = or_db_step(row, &has_row, s->err)) == OR_OK && has_row) {
		or_jsonw_object(s->w);
		for (int i = 0; names[i]; i++)
			co_facts_put_text(s->w, names[i], row, i);
		or_jsonw_end(s->w);
	}
	or_jsonw_end(s->w);
	or_db_stmt_free(row);
	return rc;
}

static enum or_code put_readers(struct search *s, const struct co_facts_value *id)
{
	struct or_db_stmt *row;
	bool has_row;
	enum or_code rc = co_facts_prepare(&row, s->db,
	    "SELECT type, id, issuer, domain, sum(reads), max(last_ns), last_record"
	    " FROM reader WHERE product = ?1 GROUP BY type, id, issuer"
	    " ORDER BY sum(reads) DESC, id LIMIT ?2",
	    id, 2, s->err);

	if (rc)
		return rc;
	put_array(s->w, "read_by");
	while ((rc = or_db_step(row, &has_row, s->err)) == OR_OK && has_row) {
		or_jsonw_object(s->w);
		co_facts_put_text(s->w, "type", row, 0);
		co_facts_put_text(s->w, "id", row, 1);
		co_facts_put_text(s->w, "issuer", row, 2);
		co_facts_put_text(s->w, "domain", row, 3);
		or_jsonw_kv_i64(s->w, "reads", or_db_column_i64(row, 4));
		co_facts_put_time(s->w, "last", or_db_column_i64(row, 5));
		co_facts_put_text(s->w, "record", row, 6);
		or_jsonw_end(s->w);
	}
	or_jsonw_end(s->w);
	or_db_stmt_free(row);
	return rc;
}

/* In which things the words were found. */
static enum or_code put_matches(struct search *s, struct or_slice product)
{
	static const char *const names[] = {"in", "text", NULL};
	struct co_facts_value values[2 * CO_SEARCH_WORDS_MAX + 2];
	size_t n = 2 * s->n_words;
	struct or_buf sql;
	enum or_code rc;

	memcpy(values, s->words, sizeof(s->words));
	values[n] = TEXT(product);
	values[n + 1] = NUMBER(CO_SEARCH_LISTED);
	or_buf_init(&sql, SQL_MAX);
	or_buf_printf(&sql,
	    "SELECT DISTINCT t.kind, t.text FROM term t WHERE t.product = ?%zu AND (0", n + 1);
	for (size_t i = 0; i < s->n_words; i++) {
		or_buf_put_str(&sql, " OR ");
		put_found(&sql, i);
	}
	or_buf_printf(&sql, ") LIMIT ?%zu", n + 2);
	rc = put_rows(s, "found_in", or_buf_text(&sql), values, n + 2, names);
	or_buf_done(&sql);
	return rc;
}

static void put_fields(struct search *s, struct or_db_stmt *row)
{
	static const char *const names[] = {"id", "name", "domain", "owner", "team", "version",
	    "status", "description", "class", "commit", NULL};
	struct or_slice tags = or_db_column_slice(row, 10);

	for (int i = 0; names[i]; i++)
		co_facts_put_text(s->w, names[i], row, i);
	or_jsonw_key(s->w, "tags");
	or_jsonw_raw(s->w, tags.p ? tags : OR_SLICE_LIT("[]"));
	co_facts_put_time(s->w, "committed", or_db_column_i64(row, 11));
	or_jsonw_kv_bool(s->w, "modified", or_db_column_i64(row, 12) != 0);
	co_facts_put_text(s->w, "document", row, 13);
	co_facts_put_text(s->w, "agent", row, 14);
	co_facts_put_time(s->w, "first_seen", or_db_column_i64(row, 15));
	co_facts_put_time(s->w, "changed", or_db_column_i64(row, 16));
	or_jsonw_kv_i64(s->w, "readers", or_db_column_i64(row, 17));
	or_jsonw_kv_i64(s->w, "reads", or_db_column_i64(row, 18));
	co_facts_put_time(s->w, "last_read", or_db_column_i64(row, 19));
	co_facts_put_text(s->w, "last_read_record", row, 20);
	co_facts_put_time(s->w, "last_complete", or_db_column_i64(row, 21));
}

static enum or_code put_product(struct search *s, struct or_db_stmt *row)
{
	static const char *const port_names[] = {"name", "direction", "version", "type",
	    "description", "contract", "contract_version", "class", NULL};
	static const char *const contract_names[] = {
	    "id", "version", "name", "status", "class", NULL};
	struct or_slice id = or_db_column_slice(row, 0);
	const struct co_facts_value values[] = {TEXT(id), NUMBER(CO_SEARCH_LISTED)};
	enum or_code rc;

	or_jsonw_object(s->w);
	put_fields(s, row);
	rc = put_rows(s, "ports",
	    "SELECT name, direction, version, type, description, contract, contract_version, class"
	    " FROM port WHERE product = ?1 ORDER BY direction DESC, place",
	    values, 1, port_names);
	if (!rc)
		rc = put_rows(s, "contracts",
		    "SELECT id, version, name, status, class FROM contract WHERE product = ?1"
		    " ORDER BY id, first_ns, version",
		    values, 1, contract_names);
	if (!rc)
		rc = put_readers(s, values);
	if (!rc && s->n_words)
		rc = put_matches(s, id);
	or_jsonw_end(s->w);
	return rc;
}

/* ---- all of them */

static void put_sql(struct search *s, struct or_buf *sql)
{
	or_buf_put_str(sql,
	    "SELECT p.id, p.name, p.domain, p.owner, p.team, p.version, p.status, p.description,"
	    " p.class, p.commit_id, p.tags, p.committed_ns, p.modified, p.sha256, p.agent,"
	    " p.first_ns, p.changed_ns,"
	    " (SELECT count(*) FROM (SELECT DISTINCT type, id, issuer FROM reader r"
	    "  WHERE r.product = p.id)) AS readers,"
	    " coalesce(a.reads, 0), a.last_ns, a.last_record,"
	    " (SELECT max(time_ns) FROM run r WHERE r.product = p.id AND r.end_ = 'COMPLETE')"
	    " FROM product p LEFT JOIN access a ON a.product = p.id WHERE 1");
	for (size_t i = 0; i < s->n_words; i++) {
		or_buf_put_str(sql, " AND p.id IN (SELECT t.product FROM term t WHERE ");
		put_found(sql, i);
		or_buf_put_str(sql, ")");
	}
	or_buf_put_str(sql, " ORDER BY readers DESC, lower(coalesce(p.name, p.id)), p.id");
}

static enum or_code put_all(struct search *s)
{
	uint64_t matched = 0;
	int64_t known = 0;
	struct or_db_stmt *row;
	struct or_buf sql;
	bool has_row;
	enum or_code rc;

	or_buf_init(&sql, SQL_MAX);
	put_sql(s, &sql);
	rc = co_facts_prepare(&row, s->db, or_buf_text(&sql), s->words, 2 * s->n_words, s->err);
	or_buf_done(&sql);
	if (rc)
		return rc;
	or_jsonw_object(s->w);
	put_array(s->w, "products");
	while ((rc = or_db_step(row, &has_row, s->err)) == OR_OK && has_row) {
		if (matched++ < CO_SEARCH_SHOWN)
			rc = put_product(s, row);
		if (rc)
			break;
	}
	or_db_stmt_free(row);
	or_jsonw_end(s->w);
	or_jsonw_kv_u64(s->w, "matched", matched);
	if (!rc)
		rc = co_facts_get(
		    &known, 1, &has_row, s->db, "SELECT count(*) FROM product", NULL, 0, s->err);
	or_jsonw_kv_i64(s->w, "known", known);
	or_jsonw_end(s->w);
	return rc;
}

enum or_code co_search_put(
    struct or_jsonw *w, struct or_db *db, struct or_slice query, struct or_err *err)
{
	struct search s = {.w = w, .db = db, .err = err};
	enum or_code rc = take_query(&s, query);

	if (!rc)
		rc = put_all(&s);
	for (size_t i = 0; i < s.n_words; i++)
		or_buf_done(&s.folded[i]);
	return rc;
}
