/* SPDX-License-Identifier: Apache-2.0 */
#include "product/contract.h"

#include "product/folder.h"
#include "tests/support/support.h"

#include <stdio.h>

#define HEAD    "apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.0.0\nstatus: active\n"
#define COLUMN  HEAD "schema:\n- name: t\n  properties:\n  - name: a\n"
#define QUALITY HEAD "schema:\n- name: t\n  quality:\n  - "
#define SERVER  HEAD "servers:\n- server: s\n"

struct doc {
	struct or_arena *arena;
	struct dp_diags diags;
	struct or_buf report;
	struct or_err err;
	const struct dp_contract *c;
};

static enum or_code load(struct doc *d, const char *text)
{
	enum or_code rc;

	memset(d, 0, sizeof(*d));
	d->arena = or_arena_new(4U << 20);
	or_buf_init(&d->report, 1U << 16);
	dp_diag_init(&d->diags, "c.odcs.yaml", d->arena);
	rc = dp_contract_parse(&d->c, or_slice_str(text), d->arena, &d->diags, &d->err);
	dp_diag_print(&d->report, &d->diags);
	return rc;
}

static void done(struct doc *d)
{
	or_buf_done(&d->report);
	or_arena_free(d->arena);
}

static void load__fills_tables_and_columns(void **state)
{
	struct doc d;
	const struct dp_table *t;

	(void)state;
	ASSERT_OK(
	    load(&d, HEAD "name: Orders\nschema:\n"
			  "- name: orders\n"
			  "  physicalName: orders_v1\n"
			  "  properties:\n"
			  "  - name: id\n"
			  "    logicalType: integer\n"
			  "    primaryKey: true\n"
			  "    required: true\n"
			  "    tags: [key]\n"
			  "  - name: customer\n"
			  "    logicalType: object\n"
			  "    properties:\n"
			  "    - {name: email, logicalType: string, classification: Confidential}\n"
			  "  - name: lines\n"
			  "    logicalType: array\n"
			  "    items:\n"
			  "      logicalType: object\n"
			  "      properties:\n"
			  "      - {name: sku, classification: internal}\n"),
	    &d.err);
	ASSERT_SLICE(d.c->name, "Orders");
	assert_int_equal(d.c->n_tables, 1);
	t = &d.c->tables[0];
	ASSERT_SLICE(t->physical_name, "orders_v1");
	assert_int_equal(t->n_columns, 3);
	assert_true(t->columns[0].primary_key && t->columns[0].required);
	ASSERT_SLICE(t->columns[0].tags[0], "key");
	ASSERT_SLICE(t->columns[1].columns[0].name, "email");
	assert_null(t->columns[2].columns[0].name.p);
	ASSERT_SLICE(t->columns[2].columns[0].columns[0].classification, "internal");
	assert_true(d.c->classified);
	assert_int_equal(d.c->class, DP_CLASS_CONFIDENTIAL);
	ASSERT_SLICE(d.c->class_word, "Confidential");
	done(&d);
}

static void class__is_the_highest_and_decides_the_audit_mode(void **state)
{
	static const struct {
		const char *columns;
		bool classified;
		enum dp_class class;
		enum dp_audit audit;
	} cases[] = {
	    {"", false, DP_CLASS_INTERNAL, DP_AUDIT_ASYNC},
	    {"    classification: public\n", true, DP_CLASS_PUBLIC, DP_AUDIT_ASYNC},
	    {"    classification: INTERNAL\n", true, DP_CLASS_INTERNAL, DP_AUDIT_ASYNC},
	    {"    classification: confidential\n", true, DP_CLASS_CONFIDENTIAL, DP_AUDIT_STRICT},
	    {"    classification: restricted\n", true, DP_CLASS_RESTRICTED, DP_AUDIT_STRICT},
	    {"    classification: geheim\n", true, DP_CLASS_RESTRICTED, DP_AUDIT_STRICT},
	    {"    classification: internal\n  - {name: b, classification: public}\n", true,
		DP_CLASS_INTERNAL, DP_AUDIT_ASYNC},
	    {"    classification: public\n  - {name: b, classification: restricted}\n", true,
		DP_CLASS_RESTRICTED, DP_AUDIT_STRICT},
	};
	struct dp_settings unsaid = {0}, said = {.audit = DP_AUDIT_ASYNC};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		char text[512];
		struct doc d;

		snprintf(text, sizeof(text), "%s%s", COLUMN, cases[i].columns);
		ASSERT_OK(load(&d, text), &d.err);
		assert_int_equal(d.c->classified, cases[i].classified);
		assert_int_equal(d.c->class, cases[i].class);
		assert_int_equal(dp_contract_audit(&unsaid, d.c), cases[i].audit);
		assert_int_equal(dp_contract_audit(&said, d.c), DP_AUDIT_ASYNC);
		done(&d);
	}
	assert_int_equal(dp_contract_audit(&unsaid, NULL), DP_AUDIT_STRICT);
	assert_string_equal(dp_contract_class_name(DP_CLASS_CONFIDENTIAL), "confidential");
}

static const struct {
	const char *text;
	const char *line; /* NULL: valid */
} cases[] = {
    {COLUMN "    logicalType: text\n", ":10: schema[0].properties[0].logicalType: expected one of"},
    {COLUMN "    isNullable: true\n", ":10: schema[0].properties[0].isNullable: unknown field"},
    {COLUMN "    clasification: x\n",
	"clasification: unknown field; did you mean \"classification"},
    {HEAD "schema:\n- properties:\n  - logicalType: string\n",
	":8: schema[0].properties[0].name: required"},
    {COLUMN "    logicalTypeOptions: {format: x}\n",
	"logicalTypeOptions.format: not allowed here, as logicalType is not given"},
    {COLUMN "    logicalType: string\n    logicalTypeOptions: {maxLength: -1}\n",
	"logicalTypeOptions.maxLength: expected 0 or more"},
    {COLUMN "    logicalType: string\n    logicalTypeOptions: {maxLength: 3.0}\n", NULL},
    {COLUMN "    logicalType: string\n    logicalTypeOptions: {maxLength: 3.5}\n",
	"maxLength: expected an integer, found a number"},
    {COLUMN "    logicalType: integer\n    logicalTypeOptions: {multipleOf: 0}\n",
	"multipleOf: expected more than 0"},
    {COLUMN "    logicalType: string\n    items: {logicalType: string}\n", "items: unknown field"},
    {COLUMN "    logicalType: array\n    items: {logicalType: string}\n", NULL},
    {COLUMN "    logicalType: boolean\n    logicalTypeOptions: {free: 1}\n", NULL},
    {COLUMN "    id: a b\n", "id: expected letters, digits, '_' and '-' only, found \"a b\""},
    {COLUMN "    relationships: [{to: b.c}]\n", NULL},
    {COLUMN "    relationships: [{to: 'https://x.yaml#/schema/b/properties/c'}]\n", NULL},
    {COLUMN "    relationships: [{to: 'ftp://x.yaml#/schema/b/properties/c'}]\n",
	"relationships[0].to: expected table.column"},
    {COLUMN "    relationships: [{to: 'x.yml#schema/b/properties/c'}]\n",
	"relationships[0].to: expected table.column"},
    {COLUMN "    relationships: [{to: 'https://x/y.yaml#schema/b/properties/c'}]\n", NULL},
    {COLUMN "    relationships: [{to: 'b'}]\n", "relationships[0].to: expected table.column"},
    {COLUMN "    relationships: [{to: b.c, from: a.b}]\n", "relationships[0].from: unknown field"},
    {HEAD "schema:\n- name: t\n  relationships: [{from: a.b, to: [c.d]}]\n",
	"relationships[0].to: from and to must both"},
    {HEAD "schema:\n- name: t\n  relationships: [{from: [], to: [c.d]}]\n",
	"relationships[0].from: expected at least 1 entries"},
    {QUALITY "{type: library, metric: rowCount, mustBe: 0}\n", NULL},
    {QUALITY "{metric: rowCount, mustBe: 0}\n", NULL},
    {QUALITY "{type: library, mustBe: 0}\n", ":9: schema[0].quality[0].metric: required"},
    {QUALITY "{type: library, metric: rowCount}\n", "quality[0]: an operator is required"},
    {QUALITY "{type: library, metric: rowCount, mustBe: 0, mustNotBe: 1}\n",
	"quality[0].mustNotBe: a check has one operator only"},
    {QUALITY "{type: sql, query: q, mustBeBetween: [1, 1.0]}\n",
	"mustBeBetween: entries 0 and 1 are the same"},
    {QUALITY "{type: sql, mustBe: 1}\n", "quality[0].query: required"},
    {QUALITY "{type: text, mustBe: 1}\n", "quality[0].mustBe: unknown field"},
    {QUALITY "{type: custom, engine: e, implementation: {a: 1}}\n", NULL},
    {QUALITY "{type: custom, engine: e, implementation: 5}\n",
	"implementation: expected a string or an object, found an integer"},
    {SERVER "  type: kafka\n  host: h\n", NULL},
    {SERVER "  type: kafka\n  host: h\n  port: 5\n", ":10: servers[0].port: unknown field"},
    {SERVER "  type: kafak\n", ":8: servers[0].type: \"kafak\" is not one of its values; did you "
			       "mean \"kafka\"?"},
    {SERVER "  type: postgres\n  host: h\n  port: '5432'\n  database: d\n  schema: s\n",
	"servers[0].port: expected an integer, found a string"},
    {SERVER "  type: sftp\n  location: https://x\n", "location: expected a URL that starts with"},
    {SERVER "  type: sftp\n  location: sftp://x\n", NULL}, {HEAD "team: [{username: a}]\n", NULL},
    {HEAD "team: {members: [{username: a}]}\n", NULL},
    {HEAD "team: [{name: a}]\n", ":6: team[0].username: required"},
    {HEAD "team: ann\n", ":6: team: expected a list or an object, found a string"},
    {HEAD "description: {more: is, allowed: here}\n", NULL},
    {HEAD "slaProperties: [{property: p, value: [1]}]\n", "slaProperties[0].value: expected a str"},
    {HEAD "team: [{username: a, dateIn: 2026-13-01}]\n", NULL}, /* a warning only */
};

static void load__judges_as_the_standard_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct doc d;
		enum or_code rc = load(&d, cases[i].text);

		if ((rc == OR_OK) != !cases[i].line)
			fail_msg("case %zu: %s", i, or_buf_text(&d.report));
		if (cases[i].line)
			ASSERT_HAS(or_buf_text(&d.report), cases[i].line);
		done(&d);
	}
}

static void load__bounds_the_columns(void **state)
{
	struct or_buf text;
	struct doc d;

	(void)state;
	or_buf_init(&text, 4U << 20);
	or_buf_put_str(&text, HEAD "schema:\n- name: t\n  properties:\n");
	for (int i = 0; i <= DP_CONTRACT_COLUMNS_MAX; i++)
		or_buf_printf(&text, "  - {name: c%d}\n", i);
	memset(&d, 0, sizeof(d));
	d.arena = or_arena_new(256U << 20);
	dp_diag_init(&d.diags, "c.odcs.yaml", d.arena);
	ASSERT_CODE(
	    dp_contract_parse(&d.c, or_buf_slice(&text), d.arena, &d.diags, &d.err), OR_INVAL);
	ASSERT_HAS(d.err.msg, "schema: more than 65536 columns");
	or_buf_done(&text);
	or_arena_free(d.arena);
}

static const char product_text[] = "apiVersion: v1.0.0\nkind: DataProduct\nid: p\nstatus: active\n"
				   "outputPorts:\n"
				   "- {name: a, version: '1', contractId: c1}\n"
				   "- {name: b, version: '1', contractId: c2}\n"
				   "- {name: c, version: '1'}\n";

static void folder__joins_ports_and_contracts(void **state)
{
	struct or_arena *a = or_arena_new(1U << 20);
	const struct dp_file product = {"p/dataproduct.yaml", or_slice_str(product_text)};
	const struct dp_file contracts[] = {
	    {"p/a.odcs.yaml", OR_SLICE_LIT(COLUMN "    classification: confidential\n")},
	    {"p/b.odcs.yaml", OR_SLICE_LIT(COLUMN)},
	    {"p/c.odcs.yaml", OR_SLICE_LIT(COLUMN "    wrong: 1\n")},
	};
	struct dp_folder f = {0};
	struct or_buf report;
	struct or_err err = {0};

	(void)state;
	or_buf_init(&report, 1U << 16);
	ASSERT_OK(dp_folder_load(&f, &product, contracts, 1, a, &report, &err), &err);
	ASSERT_SLICE(f.product->id, "p");
	assert_int_equal(
	    dp_folder_contract(&f, &f.product->outputs[0])->class, DP_CLASS_CONFIDENTIAL);
	assert_null(dp_folder_contract(&f, &f.product->outputs[1]));
	assert_null(dp_folder_contract(&f, &f.product->outputs[2]));
	assert_string_equal(or_buf_text(&report),
	    "p/dataproduct.yaml:7: warning: outputPorts[1].contractId: no *.odcs.yaml file beside "
	    "it has the id \"c2\"\n");
	ASSERT_CODE(dp_folder_load(&f, &product, contracts, 2, a, NULL, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "p/b.odcs.yaml:3: id: another contract beside it has the same id");
	ASSERT_CODE(dp_folder_load(&f, &product, contracts + 2, 1, a, NULL, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "p/c.odcs.yaml:10: schema[0].properties[0].wrong: unknown field");
	or_buf_done(&report);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(load__fills_tables_and_columns),
	    cmocka_unit_test(class__is_the_highest_and_decides_the_audit_mode),
	    cmocka_unit_test(load__judges_as_the_standard_does),
	    cmocka_unit_test(load__bounds_the_columns),
	    cmocka_unit_test(folder__joins_ports_and_contracts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
