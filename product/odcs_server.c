/* SPDX-License-Identifier: Apache-2.0 */
#include "product/odcs_server.h"

#include "base/str.h"

static bool is_sftp(struct or_slice s)
{
	return or_str_has_prefix(s, "sftp://");
}

static const struct dp_rule sftp_location = {
    .types = DP_RULE_STR,
    .matches = is_sftp,
    .like = "a URL that starts with sftp://",
    .format = DP_RULE_URI,
};

static const struct dp_field api[] = {
    {"location", true, &dp_rule_uri},
    {NULL, false, NULL},
};
static const struct dp_field athena[] = {
    {"stagingDir", true, &dp_rule_uri},
    {"schema", true, &dp_rule_str},
    {"catalog", false, &dp_rule_str},
    {"regionName", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field azure[] = {
    {"location", true, &dp_rule_uri},
    {"format", true, &dp_rule_str},
    {"delimiter", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field bigquery[] = {
    {"project", true, &dp_rule_str},
    {"dataset", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field sql[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"database", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field databricks[] = {
    {"host", false, &dp_rule_str},
    {"catalog", true, &dp_rule_str},
    {"schema", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field denodo[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"database", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field dremio[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"schema", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field duckdb[] = {
    {"database", true, &dp_rule_str},
    {"schema", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field glue[] = {
    {"account", true, &dp_rule_str},
    {"database", true, &dp_rule_str},
    {"location", false, &dp_rule_uri},
    {"format", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field sql_with_schema[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"database", true, &dp_rule_str},
    {"schema", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field db2[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"database", true, &dp_rule_str},
    {"schema", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field sql_any_port[] = {
    {"host", true, &dp_rule_str},
    {"port", false, &dp_rule_int},
    {"database", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field kafka[] = {
    {"host", true, &dp_rule_str},
    {"format", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field kinesis[] = {
    {"region", false, &dp_rule_str},
    {"format", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field local[] = {
    {"path", true, &dp_rule_str},
    {"format", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field oracle[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"serviceName", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field presto[] = {
    {"host", true, &dp_rule_str},
    {"catalog", false, &dp_rule_str},
    {"schema", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field pubsub[] = {
    {"project", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field redshift[] = {
    {"host", false, &dp_rule_str},
    {"database", true, &dp_rule_str},
    {"schema", true, &dp_rule_str},
    {"region", false, &dp_rule_str},
    {"account", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field s3[] = {
    {"location", true, &dp_rule_uri},
    {"endpointUrl", false, &dp_rule_uri},
    {"format", false, &dp_rule_str},
    {"delimiter", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field sftp[] = {
    {"location", true, &sftp_location},
    {"format", false, &dp_rule_str},
    {"delimiter", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field snowflake[] = {
    {"host", false, &dp_rule_str},
    {"port", false, &dp_rule_int},
    {"account", true, &dp_rule_str},
    {"database", true, &dp_rule_str},
    {"schema", true, &dp_rule_str},
    {"warehouse", false, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field sqlserver[] = {
    {"host", true, &dp_rule_str},
    {"port", false, &dp_rule_int},
    {"database", true, &dp_rule_str},
    {"schema", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field trino[] = {
    {"host", true, &dp_rule_str},
    {"port", true, &dp_rule_int},
    {"catalog", true, &dp_rule_str},
    {"schema", true, &dp_rule_str},
    {NULL, false, NULL},
};
static const struct dp_field custom[] = {
    {"account", false, &dp_rule_str},
    {"catalog", false, &dp_rule_str},
    {"database", false, &dp_rule_str},
    {"dataset", false, &dp_rule_str},
    {"delimiter", false, &dp_rule_str},
    {"endpointUrl", false, &dp_rule_uri},
    {"format", false, &dp_rule_str},
    {"host", false, &dp_rule_str},
    {"location", false, &dp_rule_uri},
    {"path", false, &dp_rule_str},
    {"port", false, &dp_rule_int},
    {"project", false, &dp_rule_str},
    {"region", false, &dp_rule_str},
    {"regionName", false, &dp_rule_str},
    {"schema", false, &dp_rule_str},
    {"serviceName", false, &dp_rule_str},
    {"stagingDir", false, &dp_rule_str},
    {"warehouse", false, &dp_rule_str},
    {"stream", false, &dp_rule_str},
    {NULL, false, NULL},
};

const char *const dp_odcs_server_types[] = {"api", "athena", "azure", "bigquery", "clickhouse",
    "databricks", "denodo", "dremio", "duckdb", "glue", "cloudsql", "db2", "hive", "impala",
    "informix", "kafka", "kinesis", "local", "mysql", "oracle", "postgresql", "postgres", "presto",
    "pubsub", "redshift", "s3", "sftp", "snowflake", "sqlserver", "synapse", "trino", "vertica",
    "zen", "custom", NULL};

/* in the order of the names */
/* in the order of the names */
static const struct dp_shape shapes[] = {
    {.fields = api},             /* api */
    {.fields = athena},          /* athena */
    {.fields = azure},           /* azure */
    {.fields = bigquery},        /* bigquery */
    {.fields = sql},             /* clickhouse */
    {.fields = databricks},      /* databricks */
    {.fields = denodo},          /* denodo */
    {.fields = dremio},          /* dremio */
    {.fields = duckdb},          /* duckdb */
    {.fields = glue},            /* glue */
    {.fields = sql_with_schema}, /* cloudsql */
    {.fields = db2},             /* db2 */
    {.fields = sql_any_port},    /* hive */
    {.fields = sql_any_port},    /* impala */
    {.fields = sql_any_port},    /* informix */
    {.fields = kafka},           /* kafka */
    {.fields = kinesis},         /* kinesis */
    {.fields = local},           /* local */
    {.fields = sql},             /* mysql */
    {.fields = oracle},          /* oracle */
    {.fields = sql_with_schema}, /* postgresql */
    {.fields = sql_with_schema}, /* postgres */
    {.fields = presto},          /* presto */
    {.fields = pubsub},          /* pubsub */
    {.fields = redshift},        /* redshift */
    {.fields = s3},              /* s3 */
    {.fields = sftp},            /* sftp */
    {.fields = snowflake},       /* snowflake */
    {.fields = sqlserver},       /* sqlserver */
    {.fields = sql},             /* synapse */
    {.fields = trino},           /* trino */
    {.fields = sql_with_schema}, /* vertica */
    {.fields = sql_any_port},    /* zen */
    {.fields = custom},          /* custom */
};
_Static_assert(OR_LEN(shapes) + 1 == OR_LEN(dp_odcs_server_types), "one shape per type");

const struct dp_shape *dp_odcs_server_find(struct or_slice type)
{
	for (size_t i = 0; dp_odcs_server_types[i]; i++) {
		if (or_slice_is(type, dp_odcs_server_types[i]))
			return &shapes[i];
	}
	return NULL;
}
