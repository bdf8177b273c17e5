/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/config.h"

#include "base/jsonw.h"
#include "base/opt_doc.h"
#include "base/str.h"

#define AT(member) .offset = offsetof(struct co_config, member)
#define DAY        (86400 * OR_NS_PER_S)

static const struct or_opt opts[] = {
    {.name = "state",
	.type = OR_OPT_STR,
	AT(state),
	.flags = OR_OPT_REQUIRED,
	.min = 1,
	.max = 1024,
	.help = "The directory that holds the log, the keys and who is enrolled."},
    {.name = "listen",
	.type = OR_OPT_ADDR,
	AT(listen),
	.def = "127.0.0.1:8470",
	.help = "Where the API and ingest answer; port 0 takes one that is free."},
    {.name = "name",
	.type = OR_OPT_STR,
	AT(name),
	.min = 1,
	.max = 128,
	.def = "outrider",
	.help = "What the log's origin begins with; fixed when the state is made."},
    {.name = "shards",
	.type = OR_OPT_U64,
	AT(shards),
	.min = 1,
	.max = 64,
	.def = "1",
	.help = "How many logs products are spread over; fixed when the state is made."},
    {.name = "segment.size",
	.type = OR_OPT_BYTES,
	AT(segment_size_bytes),
	.min = 1 << 20,
	.max = 1 << 30,
	.def = "16MiB",
	.help = "Size at which a log goes on in a new file."},
    {.name = "seal.rows",
	.type = OR_OPT_U64,
	AT(seal_rows),
	.min = 1024,
	.max = 1 << 20,
	.def = "262144",
	.help = "Leaves of one part: what is sealed into columns at a time."},
    {.name = "seal.age",
	.type = OR_OPT_DURATION,
	AT(seal_age_ns),
	.min = OR_NS_PER_S,
	.max = 30 * DAY,
	.def = "1h",
	.help = "After how long fewer leaves are sealed."},
    {.name = "certificate.life",
	.type = OR_OPT_DURATION,
	AT(cert_life_ns),
	.min = 3600 * OR_NS_PER_S,
	.max = 400 * DAY,
	.def = "30d",
	.help = "How long an agent's certificate is valid."},
    {.name = "state-wait",
	.type = OR_OPT_DURATION,
	AT(lock_wait_ns),
	.min = 0,
	.max = 600 * OR_NS_PER_S,
	.def = "10s",
	.help = "How long to wait at the start for another collector to let go of the state."},
    {.name = "telemetry.keep",
	.type = OR_OPT_DURATION,
	AT(telemetry_keep_ns),
	.min = 0,
	.max = 36500 * DAY,
	.def = "30d",
	.help = "How long logs, metrics, spans and lineage events are kept; 0s: for good."},
    {.name = "http.connections",
	.type = OR_OPT_U64,
	AT(http_connections),
	.min = 8,
	.max = 65536,
	.def = "1024",
	.help = "How many connections are served at once."},
    {.name = "ingest.pending",
	.type = OR_OPT_BYTES,
	AT(ingest_pending_bytes),
	.min = 16 << 20,
	.max = 4LL << 30,
	.def = "64MiB",
	.help = "Bytes of batches that may be read or wait for their commit."},
    {.name = "query.running",
	.type = OR_OPT_U64,
	AT(query_running),
	.min = 1,
	.max = 1024,
	.def = "8",
	.help = "How many queries run at once."},
    {.name = "kafka.brokers",
	.type = OR_OPT_STR,
	AT(kafka.brokers),
	.help = "Kafka's brokers, host:port by commas: records are then read from topic "
		"outrider.audit too, which must have as many partitions as there are shards, and "
		"telemetry from otlp_logs, otlp_metrics, otlp_spans and openlineage."},
    {.name = "kafka.group",
	.type = OR_OPT_STR,
	AT(kafka_group),
	.min = 1,
	.max = 255,
	.def = "outrider-collector",
	.help = "The group under which Kafka shows how far the collector is."},
    {.name = "kafka.client-id",
	.type = OR_OPT_STR,
	AT(kafka.client_id),
	.def = "outrider-collector",
	.help = "What the brokers' logs call the collector."},
    {.name = "kafka.security",
	.type = OR_OPT_ENUM,
	AT(kafka.security),
	.choices = OR_BUS_KAFKA_SECURITIES,
	.def = "plaintext",
	.help = "How brokers are spoken to."},
    {.name = "kafka.mechanism",
	.type = OR_OPT_ENUM,
	AT(kafka.mechanism),
	.choices = OR_BUS_KAFKA_MECHANISMS,
	.def = "scram-sha-512",
	.help = "How user name and password are proven, with kafka.security sasl_…"},
    {.name = "kafka.username",
	.type = OR_OPT_STR,
	AT(kafka.username),
	.help = "The user that may read the topics."},
    {.name = "kafka.password-file",
	.type = OR_OPT_STR,
	AT(kafka.password_file),
	.help = "A file with that user's password."},
    {.name = "kafka.ca-file",
	.type = OR_OPT_STR,
	AT(kafka.ca_file),
	.help = "PEM file of who may certify brokers; the system's where it is not given."},
    {.name = "kafka.cert-file",
	.type = OR_OPT_STR,
	AT(kafka.cert_file),
	.help = "PEM file of our certificate, where brokers ask for one."},
    {.name = "kafka.key-file",
	.type = OR_OPT_STR,
	AT(kafka.key_file),
	.help = "PEM file of that certificate's key."},
    {.name = "alert.rules",
	.type = OR_OPT_STR,
	AT(alert_rules),
	.max = 1024,
	.def = "",
	.help =
	    "The file of alert rules and receivers; read again when it changes, and on SIGHUP."},
    {.name = "alert.ca-file",
	.type = OR_OPT_STR,
	AT(alert_ca_file),
	.help = "PEM file of who may certify https receivers; the system's where it is not given."},
    {.name = "log.level",
	.type = OR_OPT_ENUM,
	AT(log_level),
	.choices = "debug|info|warn|error",
	.def = "info",
	.help = "The least important events that are logged."},
};

static struct or_opt_set set_of(struct or_opt_table *table, struct co_config *c)
{
	*table = (struct or_opt_table){
	    .opts = opts, .n_opts = OR_LEN(opts), .target = c, .size = sizeof(*c)};
	return (struct or_opt_set){.tables = table, .n_tables = 1};
}

static enum or_code read_fd(int *out, const char *text, struct or_err *err)
{
	uint64_t n;

	if (or_str_u64(&n, or_slice_str(text)) || n > INT32_MAX)
		return or_err_set(
		    err, OR_INVAL, "--ready-fd takes the number of an open file descriptor");
	*out = (int)n;
	return OR_OK;
}

/* Takes what is no option out of the arguments: --print-config, --reference, --ready-fd N. */
static enum or_code take_own(
    struct co_config *c, char **to, int *n_to, int argc, char *const *argv, struct or_err *err)
{
	static const char ready[] = "--ready-fd";
	enum or_code rc = OR_OK;

	*n_to = 0;
	for (int i = 0; i < argc && rc == OR_OK; i++) {
		struct or_slice arg = or_slice_str(argv[i]);

		if (or_slice_is(arg, "--print-config"))
			c->print = true;
		else if (or_slice_is(arg, "--reference"))
			c->reference = true;
		else if (or_slice_is(arg, ready))
			rc = read_fd(&c->ready_fd, i + 1 < argc ? argv[++i] : NULL, err);
		else if (or_str_has_prefix(arg, "--ready-fd="))
			rc = read_fd(&c->ready_fd, argv[i] + sizeof(ready), err);
		else
			to[(*n_to)++] = argv[i];
	}
	return rc;
}

enum or_code co_config_load(struct co_config *out, int argc, char *const *argv, char *const *env,
    struct or_arena *a, struct or_err *err)
{
	struct co_config c = {.ready_fd = -1};
	struct or_opt_table table;
	struct or_opt_set set = set_of(&table, &c);
	struct or_opt_seen seen = {0};
	char **rest = or_arena_array(a, (size_t)argc + 1, sizeof(*rest));
	struct or_opt_src src = {.file = CO_CONFIG_FILE, .may_lack = true, .env = env};
	enum or_code rc;

	if (!rest)
		return or_err_set(err, OR_FULL, "too many arguments");
	rc = take_own(&c, rest, &src.argc, argc, argv, err);
	src.argv = rest;
	if (rc == OR_OK && !c.reference)
		rc = or_opt_load(&set, &src, a, &seen, err);
	if (rc == OR_OK && !seen.help && !c.reference && seen.rest < src.argc)
		rc = or_err_set(
		    err, OR_INVAL, "unexpected word \"%s\"; see --help", rest[seen.rest]);
	if (rc)
		return rc;
	c.help = seen.help;
	*out = c;
	return OR_OK;
}

void co_config_help(struct or_buf *out)
{
	struct co_config c = {0};
	struct or_opt_table table;
	struct or_opt_set set = set_of(&table, &c);

	or_buf_put_str(out,
	    "usage: outrider-collector --state DIR [flags]\n\n"
	    "Stores what agents ship in a provable log, and answers queries about it.\n"
	    "Each flag is also a key of the configuration file (--config FILE, "
	    "else\n" CO_CONFIG_FILE ") and a variable: --log.level is OUTRIDER_LOG_LEVEL.\n\n");
	or_opt_doc_help(out, &set);
	or_buf_put_str(out,
	    "\n  --print-config   show the configuration in force as YAML, and end\n"
	    "  --ready-fd N     write \"ready\" to that file descriptor once requests are "
	    "served\n");
}

void co_config_reference(struct or_buf *out)
{
	struct co_config c = {0};
	struct or_opt_table table;
	struct or_opt_set set = set_of(&table, &c);

	or_buf_put_str(out,
	    "# outrider-collector: configuration\n\n"
	    "`outrider-collector --reference` prints this page; a test compares the two.\n\n"
	    "A key is written nested at its dots in the YAML file (`--config FILE`, else\n"
	    "`" CO_CONFIG_FILE "`), as `--KEY VALUE` on the command line, and as "
	    "`OUTRIDER_KEY` in the\nenvironment, in capitals and with `_` for dots and dashes "
	    "(`OUTRIDER_LOG_LEVEL`). The command line\nwins over the environment, the environment "
	    "over the file. `--print-config` shows what is in force.\n\n");
	or_opt_doc_markdown(out, &set);
}

/* Nanoseconds in the largest unit that has no remainder. */
static void put_duration(struct or_buf *out, int64_t ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"d", DAY}, {"h", 3600 * OR_NS_PER_S}, {"m", 60 * OR_NS_PER_S},
	    {"s", OR_NS_PER_S}, {"ms", OR_NS_PER_MS}};

	for (size_t i = 0; i < OR_LEN(units); i++) {
		if (ns % units[i].ns == 0 || i + 1 == OR_LEN(units)) {
			or_buf_put_i64(out, ns / units[i].ns);
			or_buf_put_str(out, units[i].unit);
			return;
		}
	}
}

static void put_choice(struct or_buf *out, const char *choices, int index)
{
	struct or_slice rest = or_slice_str(choices);

	for (; index > 0; index--)
		rest = or_slice_from(rest, or_str_find(rest, '|', 0) + 1);
	or_buf_put_slice(out, or_slice(rest.p, or_str_find(rest, '|', 0)));
}

static void put_value(struct or_buf *out, const struct or_opt *opt, const struct co_config *c)
{
	const uint8_t *at = (const uint8_t *)c + opt->offset;
	struct or_jsonw w;
	const char *text;
	int64_t i;
	int e;

	switch (opt->type) {
	case OR_OPT_STR:
	case OR_OPT_ADDR:
		memcpy(&text, at, sizeof(text));
		or_jsonw_init(&w, out, 0);
		or_jsonw_text(&w, text);
		return;
	case OR_OPT_DURATION:
		memcpy(&i, at, sizeof(i));
		put_duration(out, i);
		return;
	case OR_OPT_U64:
	case OR_OPT_BYTES:
		memcpy(&i, at, sizeof(i));
		or_buf_put_i64(out, i);
		return;
	case OR_OPT_ENUM:
		memcpy(&e, at, sizeof(e));
		put_choice(out, opt->choices, e);
		return;
	case OR_OPT_BOOL:
	case OR_OPT_I64:
	case OR_OPT_PORT:
	case OR_OPT_LIST:
	case OR_OPT_TREE: break; /* the table has none */
	}
	OR_ASSERT(false);
}

/* True for a text that is not given and has no default. */
static bool is_absent(const struct or_opt *opt, const struct co_config *c)
{
	const char *text;

	if (opt->type != OR_OPT_STR)
		return false;
	memcpy(&text, (const uint8_t *)c + opt->offset, sizeof(text));
	return !text;
}

void co_config_print(struct or_buf *out, const struct co_config *c)
{
	struct or_slice map = OR_SLICE_NONE; /* the one that is open */

	for (size_t i = 0; i < OR_LEN(opts); i++) {
		struct or_slice name = or_slice_str(opts[i].name);
		size_t dot = or_str_find(name, '.', 0);
		struct or_slice first = or_slice(name.p, dot);

		if (is_absent(&opts[i], c))
			continue;
		if (dot < name.n && !or_slice_eq(first, map))
			or_buf_printf(out, "%.*s:\n", OR_SLICE_FMT(first));
		map = dot < name.n ? first : OR_SLICE_NONE;
		or_buf_printf(out, map.n ? "  %s: " : "%s: ", opts[i].name + (map.n ? dot + 1 : 0));
		put_value(out, &opts[i], c);
		or_buf_put_byte(out, '\n');
	}
}
