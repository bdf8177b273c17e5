/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/sql/sql.h"

#include "base/str.h"
#include "ebpf/sql/sql_impl.h"

enum tap_sql_dialect tap_sql_dialect_find(struct or_slice name)
{
	static const struct {
		const char *name;
		enum tap_sql_dialect dialect;
	} names[] = {{"postgres", TAP_SQL_POSTGRES}, {"postgresql", TAP_SQL_POSTGRES},
	    {"greenplum", TAP_SQL_POSTGRES}, {"materialize", TAP_SQL_POSTGRES},
	    {"redshift", TAP_SQL_REDSHIFT}, {"mysql", TAP_SQL_MYSQL}, {"mariadb", TAP_SQL_MYSQL},
	    {"mssql", TAP_SQL_MSSQL}, {"tsql", TAP_SQL_MSSQL}, {"oracle", TAP_SQL_ORACLE},
	    {"snowflake", TAP_SQL_SNOWFLAKE}, {"bigquery", TAP_SQL_BIGQUERY},
	    {"hive", TAP_SQL_HIVE}, {"spark", TAP_SQL_SPARK}, {"sparksql", TAP_SQL_SPARK},
	    {"databricks", TAP_SQL_SPARK}, {"duckdb", TAP_SQL_DUCKDB}};

	for (size_t i = 0; i < OR_LEN(names); i++)
		if (or_str_eq_nocase(name, or_slice_str(names[i].name)))
			return names[i].dialect;
	return TAP_SQL_ANSI;
}

static const struct tap_sql_name *find(
    const struct tap_sql_names *names, const struct tap_sql_name *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (tap_sql_name_eq(&names->items[i], name))
			return &names->items[i];
	return NULL;
}

static void take_out(struct tap_sql_names *names, const struct tap_sql_name *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->n; i++)
		if (!tap_sql_name_eq(&names->items[i], name))
			names->items[kept++] = names->items[i];
	names->n = kept;
}

static void rename_in(
    struct tap_sql_names *names, const struct tap_sql_name *from, const struct tap_sql_name *to)
{
	for (size_t i = 0; i < names->n; i++)
		if (tap_sql_name_eq(&names->items[i], from))
			names->items[i] = *to;
}

/* What one statement said becomes part of the whole. */
static void keep(
    struct tap_sql_parser *p, struct tap_sql_facts *facts, const struct tap_sql_names *reads)
{
	for (size_t i = 0; i < reads->n; i++) {
		tap_sql_name_add(p, &facts->in, &reads->items[i]);
		if (p->opt->whole && find(&p->writes, &reads->items[i]))
			tap_sql_name_add(p, &facts->loops, &reads->items[i]);
	}
	for (size_t i = 0; i < p->writes.n; i++)
		tap_sql_name_add(p, &facts->out, &p->writes.items[i]);
	for (size_t i = 0; i < p->dropped.n; i++) {
		/* What was both made and read goes with tap_sql_finish. */
		if (!find(&facts->in, &p->dropped.items[i]))
			take_out(&facts->out, &p->dropped.items[i]);
	}
	for (size_t i = 0; i + 1 < p->renamed.n; i += 2) {
		rename_in(&facts->in, &p->renamed.items[i], &p->renamed.items[i + 1]);
		rename_in(&facts->out, &p->renamed.items[i], &p->renamed.items[i + 1]);
	}
}

static void read_statement(struct tap_sql_parser *p, struct tap_sql_facts *facts)
{
	struct tap_sql_names reads = {NULL, 0, 0};
	const size_t begin = p->at;

	p->ctes = NULL;
	p->froms = NULL;
	p->depth = p->brackets = p->n_ctes = p->n_froms = 0;
	p->failed = p->hold = false;
	p->reads = &reads;
	p->writes = p->dropped = p->renamed = reads;
	tap_sql_stmt_read(p);
	if (p->at == begin && tap_sql_is_punct(tap_sql_now(p), ';')) {
		p->at++; /* an empty one */
		return;
	}
	facts->statements++;
	if (tap_sql_is_punct(tap_sql_now(p), ')'))
		p->failed = true;
	if (p->failed)
		facts->failed++;
	else
		keep(p, facts, &reads);
	while (tap_sql_now(p)->kind != TAP_SQL_END && !tap_sql_is_punct(tap_sql_now(p), ';'))
		p->at++;
	tap_sql_take_punct(p, ';');
}

enum or_code tap_sql_read(struct tap_sql_facts *facts, struct tap_sql_use *use, struct or_slice sql,
    const struct tap_sql_opt *opt, struct or_arena *arena)
{
	struct tap_sql_opt mine = *opt;
	struct tap_sql_parser p = {.opt = &mine, .use = use, .arena = arena};
	struct tap_sql_token *tokens;
	enum or_code rc;

	if (sql.n > TAP_SQL_BYTES_MAX) {
		sql.n = TAP_SQL_BYTES_MAX;
		mine.cut = true;
	}
	rc = tap_sql_lex_all(&tokens, &p.n, sql, &mine, arena);
	if (rc == OR_PARSE) {
		facts->statements++;
		facts->failed++;
		return OR_OK;
	}
	if (rc != OR_OK)
		return rc;
	p.tokens = tokens;
	while (tap_sql_now(&p)->kind != TAP_SQL_END)
		read_statement(&p, facts);
	facts->more |= p.full;
	return p.full && or_arena_is_full(arena) ? OR_FULL : OR_OK;
}

void tap_sql_finish(struct tap_sql_facts *facts)
{
	size_t kept = 0;

	for (size_t i = 0; i < facts->in.n; i++) {
		const struct tap_sql_name name = facts->in.items[i];

		if (find(&facts->out, &name) && !find(&facts->loops, &name))
			take_out(&facts->out, &name);
		else
			facts->in.items[kept++] = name;
	}
	facts->in.n = kept;
}
