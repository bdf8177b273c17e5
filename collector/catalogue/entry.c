/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/catalogue/entry.h"

#include "base/str.h"
#include "collector/catalogue/facts.h"

enum { PATH_MAX_BYTES = 1024, TEXT_MAX = 64 * 1024, COLUMN_DEPTH = 32 };

#define TEXT   co_facts_text
#define NUMBER co_facts_number

/* What one put works with. */
struct put {
	struct or_db *db;
	const struct co_entry *entry;
	const struct dp_document *document;
	struct or_db_stmt *term, *column;
	size_t n_terms;
	struct or_err *err;
};

static struct or_slice fold(struct or_buf *out, struct or_slice text)
{
	or_buf_clear(out);
	for (size_t i = 0; i < text.n && i < TEXT_MAX; i++) {
		uint8_t c = text.p[i];

		or_buf_put_byte(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
	}
	return or_buf_slice(out);
}

static enum or_code put_term(struct put *p, const char *kind, struct or_slice text)
{
	struct or_buf folded;
	enum or_code rc;

	if (!text.n || p->n_terms++ >= CO_ENTRY_TERMS_MAX)
		return OR_OK;
	or_buf_init(&folded, TEXT_MAX);
	or_db_bind_text(p->term, 1, p->entry->product);
	or_db_bind_text(p->term, 2, or_slice_str(kind));
	or_db_bind_text(p->term, 3, text);
	or_db_bind_text(p->term, 4, fold(&folded, text));
	rc = or_db_run(p->term, p->err);
	or_buf_done(&folded);
	return rc;
}

static enum or_code put_tags(struct put *p, const struct or_slice *tags, size_t n)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n && !rc; i++)
		rc = put_term(p, "tag", tags[i]);
	return rc;
}

static enum or_code put_columns(struct put *p, const struct dp_contract *c, struct or_buf *path,
    const struct dp_column *columns, size_t n, int depth);

static enum or_code put_column(struct put *p, const struct dp_contract *c, struct or_buf *path,
    const struct dp_column *column, int depth)
{
	size_t before = path->n;
	enum or_code rc = OR_OK;

	/* The items of a list have no name of their own. */
	if (column->name.n) {
		or_buf_put_byte(path, '.');
		or_buf_put_slice(path, column->name);
		or_db_bind_text(p->column, 1, p->entry->product);
		or_db_bind_text(p->column, 2, c->id);
		or_db_bind_text(p->column, 3, or_buf_slice(path));
		or_db_bind_text(p->column, 4, column->logical_type);
		or_db_bind_text(p->column, 5, column->classification);
		or_db_bind_text(p->column, 6, column->description);
		rc = or_db_run(p->column, p->err);
		if (!rc)
			rc = put_term(p, "column", or_buf_slice(path));
	}
	if (!rc)
		rc = put_tags(p, column->tags, column->n_tags);
	if (!rc)
		rc = put_term(p, "description", column->description);
	if (!rc && depth < COLUMN_DEPTH)
		rc = put_columns(p, c, path, column->columns, column->n_columns, depth + 1);
	or_buf_cut(path, before);
	path->full = false;
	return rc;
}

static enum or_code put_columns(struct put *p, const struct dp_contract *c, struct or_buf *path,
    const struct dp_column *columns, size_t n, int depth)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n && !rc; i++)
		rc = put_column(p, c, path, &columns[i], depth);
	return rc;
}

static enum or_code put_contract(struct put *p, const struct dp_contract *c)
{
	const struct co_facts_value row[] = {TEXT(p->entry->product), TEXT(c->id),
	    TEXT(c->version.p ? c->version : OR_SLICE_LIT("-")), TEXT(c->name), TEXT(c->status),
	    TEXT(or_slice_str(dp_contract_class_name(c->class))), NUMBER(p->entry->now_ns)};
	struct or_buf path;
	enum or_code rc = co_facts_run(p->db,
	    "INSERT INTO contract (product, id, version, name, status, class, first_ns)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET"
	    " name = excluded.name, status = excluded.status, class = excluded.class",
	    row, OR_LEN(row), p->err);

	or_buf_init(&path, PATH_MAX_BYTES);
	if (!rc)
		rc = put_term(p, "contract", c->name.n ? c->name : c->id);
	for (size_t i = 0; i < c->n_tables && !rc; i++) {
		or_buf_clear(&path);
		or_buf_put_slice(&path, c->tables[i].name);
		rc = put_term(p, "description", c->tables[i].description);
		if (!rc)
			rc = put_columns(
			    p, c, &path, c->tables[i].columns, c->tables[i].n_columns, 0);
	}
	or_buf_done(&path);
	return rc;
}

static enum or_code put_ports(
    struct put *p, const char *direction, const struct dp_port *ports, size_t n)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct dp_port *port = &ports[i];
		const struct dp_contract *c = dp_folder_contract(&p->document->folder, port);
		const struct co_facts_value row[] = {TEXT(p->entry->product),
		    TEXT(or_slice_str(direction)), TEXT(port->name), NUMBER((int64_t)i),
		    TEXT(port->version), TEXT(port->type), TEXT(port->description),
		    TEXT(port->contract_id), TEXT(c ? c->version : OR_SLICE_NONE),
		    TEXT(or_slice_str(c ? dp_contract_class_name(c->class) : NULL))};

		rc = co_facts_run(p->db,
		    "INSERT INTO port VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
		    " ON CONFLICT DO NOTHING",
		    row, OR_LEN(row), p->err);
		if (!rc)
			rc = put_term(p, "port", port->name);
		if (!rc)
			rc = put_term(p, "description", port->description);
	}
	return rc;
}

static struct or_slice highest_class(const struct dp_folder *f)
{
	const struct dp_contract *highest = NULL;

	for (size_t i = 0; i < f->n_contracts; i++) {
		if (!highest || f->contracts[i]->class > highest->class)
			highest = f->contracts[i];
	}
	return or_slice_str(highest ? dp_contract_class_name(highest->class) : NULL);
}

static enum or_code put_product(struct put *p)
{
	const struct dp_product *d = p->document->folder.product;
	const struct dp_source *s = &p->document->source;
	int64_t committed = 0;
	struct or_jsonw w;
	struct or_buf tags;
	enum or_code rc;

	if (s->committed.n && or_str_time_parse(&committed, s->committed))
		committed = 0;
	or_buf_init(&tags, TEXT_MAX);
	or_jsonw_init(&w, &tags, 0);
	or_jsonw_array(&w);
	for (size_t i = 0; i < d->n_tags; i++)
		or_jsonw_str(&w, d->tags[i]);
	or_jsonw_end(&w);
	{
		const struct co_facts_value row[] = {TEXT(d->id), TEXT(d->name), TEXT(d->domain),
		    TEXT(d->owner), TEXT(d->team), TEXT(d->version), TEXT(d->status),
		    TEXT(d->description),
		    TEXT(or_buf_ok(&tags) ? or_buf_slice(&tags) : OR_SLICE_LIT("[]")),
		    TEXT(highest_class(&p->document->folder)), TEXT(s->commit), NUMBER(committed),
		    NUMBER(s->modified), TEXT(p->entry->sha256), TEXT(p->entry->agent),
		    NUMBER(p->entry->sent_ns), NUMBER(p->entry->now_ns)};

		rc = co_facts_run(p->db,
		    "INSERT INTO product VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		    " ?12, ?13, ?14, ?15, ?16, ?17, ?17) ON CONFLICT DO UPDATE SET"
		    " name = ?2, domain = ?3, owner = ?4, team = ?5, version = ?6, status = ?7,"
		    " description = ?8, tags = ?9, class = ?10, commit_id = ?11,"
		    " committed_ns = ?12, modified = ?13, sha256 = ?14, agent = ?15,"
		    " sent_ns = ?16, changed_ns = ?17",
		    row, OR_LEN(row), p->err);
	}
	or_buf_done(&tags);
	return rc;
}

static enum or_code put_terms(struct put *p)
{
	const struct dp_product *d = p->document->folder.product;
	const struct {
		const char *kind;
		struct or_slice text;
	} terms[] = {{"id", d->id}, {"name", d->name}, {"domain", d->domain}, {"owner", d->owner},
	    {"team", d->team}, {"description", d->description}};
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < OR_LEN(terms) && !rc; i++)
		rc = put_term(p, terms[i].kind, terms[i].text);
	return rc ? rc : put_tags(p, d->tags, d->n_tags);
}

static enum or_code clear(struct put *p)
{
	static const char *const tables[] = {"DELETE FROM port WHERE product = ?1",
	    "DELETE FROM column_ WHERE product = ?1", "DELETE FROM term WHERE product = ?1"};
	const struct co_facts_value id = TEXT(p->entry->product);
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < OR_LEN(tables) && !rc; i++)
		rc = co_facts_run(p->db, tables[i], &id, 1, p->err);
	return rc;
}

static enum or_code replace(struct put *p)
{
	const struct dp_folder *f = &p->document->folder;
	enum or_code rc = clear(p);

	if (!rc)
		rc = or_db_prepare(
		    &p->term, p->db, "INSERT INTO term VALUES (?1, ?2, ?3, ?4)", p->err);
	if (!rc)
		rc = or_db_prepare(&p->column, p->db,
		    "INSERT OR IGNORE INTO column_ VALUES (?1, ?2, ?3, ?4, ?5, ?6)", p->err);
	if (!rc)
		rc = put_product(p);
	if (!rc)
		rc = put_terms(p);
	if (!rc)
		rc = put_ports(p, "out", f->product->outputs, f->product->n_outputs);
	if (!rc)
		rc = put_ports(p, "in", f->product->inputs, f->product->n_inputs);
	for (size_t i = 0; i < f->n_contracts && !rc; i++)
		rc = put_contract(p, f->contracts[i]);
	or_db_stmt_free(p->term);
	or_db_stmt_free(p->column);
	return rc;
}

/* What is there already. *same: this document. */
static enum or_code compare(struct put *p, bool *same)
{
	const struct co_facts_value id_and_hash[] = {
	    TEXT(p->entry->product), TEXT(p->entry->sha256)};
	int64_t row[2], count = 0;
	bool known;
	enum or_code rc = co_facts_get(row, 2, &known, p->db,
	    "SELECT sent_ns, sha256 = ?2 FROM product WHERE id = ?1", id_and_hash, 2, p->err);

	if (!rc && !known)
		rc = co_facts_get(
		    &count, 1, &known, p->db, "SELECT count(*), 0 FROM product", NULL, 0, p->err);
	else if (!rc && p->entry->sent_ns < row[0])
		return or_err_set(p->err, OR_STALE,
		    "a document that was signed later is there; is the agent's clock right?");
	else if (!rc)
		*same = row[1] != 0;
	if (!rc && count >= CO_ENTRY_PRODUCTS_MAX)
		return or_err_set(p->err, OR_FULL, "the catalogue holds %d products, no more",
		    CO_ENTRY_PRODUCTS_MAX);
	return rc;
}

static enum or_code put_all(struct put *p, bool *is_new)
{
	const struct co_facts_value times[] = {
	    TEXT(p->entry->product), NUMBER(p->entry->sent_ns), TEXT(p->entry->agent)};
	bool same = false;
	enum or_code rc = compare(p, &same);

	if (rc)
		return rc;
	*is_new = !same;
	if (!same)
		return replace(p);
	return co_facts_run(p->db, "UPDATE product SET sent_ns = ?2, agent = ?3 WHERE id = ?1",
	    times, OR_LEN(times), p->err);
}

enum or_code co_entry_put(bool *is_new, struct or_db *db, const struct co_entry *entry,
    const struct dp_document *document, struct or_err *err)
{
	struct put p = {.db = db, .entry = entry, .document = document, .err = err};
	bool changed = false;
	enum or_code rc;

	if (!or_slice_eq(document->folder.product->id, entry->product))
		return or_err_set(err, OR_INVAL, "the document is about product \"%.*s\"",
		    OR_SLICE_FMT(document->folder.product->id));
	rc = or_db_begin(db, err);
	if (rc)
		return rc;
	rc = put_all(&p, &changed);
	if (!rc)
		rc = or_db_commit(db, err);
	if (rc)
		or_db_rollback(db);
	else
		*is_new = changed;
	return rc;
}
