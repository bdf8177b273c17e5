/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include "base/opt_doc.h"
#include "base/opt_show.h"
#include "base/opt_value.h"

#include <unistd.h>

#define AT(field) offsetof(struct ag_config, field)

static const struct or_opt opts[] = {
    {.name = "product",
	.type = OR_OPT_STR,
	.flags = OR_OPT_REQUIRED,
	.offset = AT(product),
	.help = "The product's descriptor (ODPS); its contracts lie beside it."},
    {.name = "state",
	.type = OR_OPT_STR,
	.flags = OR_OPT_REQUIRED,
	.offset = AT(state),
	.help = "The agent's own directory: its key, its spool, the last good bundle."},
    {.name = "workload",
	.type = OR_OPT_STR,
	.offset = AT(workload),
	.help = "The workload's name in records; the host's name where it is not given."},
    {.name = "role",
	.type = OR_OPT_ENUM,
	.offset = AT(role),
	.choices = "gate|tap",
	.def = "gate",
	.help = "gate guards the product and ships records; tap, a process of its own that the "
		"supervisor starts, watches the workload through eBPF."},
    {.name = "log.level",
	.type = OR_OPT_ENUM,
	.flags = OR_OPT_RELOAD,
	.offset = AT(log_level),
	.choices = "debug|info|warn|error",
	.def = "info",
	.help = "What is worth a log line."},
    {.name = "ready-fd",
	.type = OR_OPT_U64,
	.offset = AT(ready_fd),
	.max = 1023,
	.help = "A descriptor to which a line is written once the gate serves; 0 for none."},
    {.name = "collector.url",
	.type = OR_OPT_STR,
	.offset = AT(collector.url),
	.help = "Where records are shipped to; without it they stay in the spool."},
    {.name = "collector.join-token-file",
	.type = OR_OPT_STR,
	.offset = AT(collector.join_token_file),
	.help = "A file with the one-time token that the agent enrols with."},
    {.name = "kafka.brokers",
	.type = OR_OPT_STR,
	.offset = AT(kafka.brokers),
	.help = "Kafka's brokers, host:port by commas; records and telemetry are then shipped over "
		"Kafka, and collector.url is asked for the certificate and told of the product."},
    {.name = "kafka.client-id",
	.type = OR_OPT_STR,
	.offset = AT(kafka.client_id),
	.def = "outrider-agent",
	.help = "What the brokers' logs call the agent."},
    {.name = "kafka.security",
	.type = OR_OPT_ENUM,
	.offset = AT(kafka.security),
	.choices = OR_BUS_KAFKA_SECURITIES,
	.def = "plaintext",
	.help = "How brokers are spoken to."},
    {.name = "kafka.mechanism",
	.type = OR_OPT_ENUM,
	.offset = AT(kafka.mechanism),
	.choices = OR_BUS_KAFKA_MECHANISMS,
	.def = "scram-sha-512",
	.help = "How user name and password are proven, with kafka.security sasl_…"},
    {.name = "kafka.username",
	.type = OR_OPT_STR,
	.offset = AT(kafka.username),
	.help = "The user that may write to the topics."},
    {.name = "kafka.password-file",
	.type = OR_OPT_STR,
	.offset = AT(kafka.password_file),
	.help = "A file with that user's password."},
    {.name = "kafka.ca-file",
	.type = OR_OPT_STR,
	.offset = AT(kafka.ca_file),
	.help = "PEM file of who may certify brokers; the system's where it is not given."},
    {.name = "kafka.cert-file",
	.type = OR_OPT_STR,
	.offset = AT(kafka.cert_file),
	.help = "PEM file of our certificate, where brokers ask for one."},
    {.name = "kafka.key-file",
	.type = OR_OPT_STR,
	.offset = AT(kafka.key_file),
	.help = "PEM file of that certificate's key."},
    {.name = "gate.listen",
	.type = OR_OPT_ADDR,
	.offset = AT(gate.listen),
	.def = "127.0.0.1:8080",
	.help = "Where the gate answers for the workload; port 0 is any."},
    {.name = "gate.upstream",
	.type = OR_OPT_ADDR,
	.flags = OR_OPT_REQUIRED,
	.offset = AT(gate.upstream),
	.help = "Where the workload itself listens, on loopback."},
    {.name = "gate.cert-file",
	.type = OR_OPT_STR,
	.offset = AT(gate.cert_file),
	.help = "PEM file of the gate's certificate, the leaf first; the gate then speaks TLS "
		"alone. It is "
		"taken again when it changes."},
    {.name = "gate.key-file",
	.type = OR_OPT_STR,
	.offset = AT(gate.key_file),
	.help = "PEM file of that certificate's key."},
    {.name = "gate.trust-domains",
	.type = OR_OPT_TREE,
	.offset = AT(gate.trust_domains),
	.help = "SPIFFE trust domains whose X.509-SVIDs say which workload asks: a list of "
		"{trust_domain, roots}; roots is a PEM file that is taken again when it changes."},
    {.name = "gate.asks-cert",
	.type = OR_OPT_BOOL,
	.offset = AT(gate.asks_cert),
	.help =
	    "Whether clients are asked for a certificate without trust domains, for tokens that "
	    "are bound to one (RFC 8705)."},
    {.name = "gate.upstream-host",
	.type = OR_OPT_STR,
	.offset = AT(gate.upstream_host),
	.help = "The name or address in the workload's certificate; the workload is then spoken to "
		"over "
		"TLS."},
    {.name = "gate.upstream-ca-file",
	.type = OR_OPT_STR,
	.offset = AT(gate.upstream_ca_file),
	.help = "PEM file of who may certify the workload; the system's where it is not given."},
    {.name = "gate.upstream-cert-file",
	.type = OR_OPT_STR,
	.offset = AT(gate.upstream_cert_file),
	.help = "PEM file of the certificate that the gate shows the workload."},
    {.name = "gate.upstream-key-file",
	.type = OR_OPT_STR,
	.offset = AT(gate.upstream_key_file),
	.help = "PEM file of that certificate's key."},
    {.name = "gate.tunnel-idle",
	.type = OR_OPT_DURATION,
	.offset = AT(gate.tunnel_idle_ns),
	.min = OR_NS_PER_S,
	.max = 24 * 3600 * OR_NS_PER_S,
	.def = "5m",
	.help = "How long an upgraded connection (WebSocket) may be without a byte."},
    {.name = "gate.audience",
	.type = OR_OPT_STR,
	.offset = AT(gate.audience),
	.help = "The audience that tokens must name; the product's id where it is not given."},
    {.name = "gate.mask-key-file",
	.type = OR_OPT_STR,
	.offset = AT(gate.mask_key_file),
	.help = "The key of the mask hash, 16 bytes or more; gates that share it give the same "
		"hashes. One of this agent's own where it is not given."},
    {.name = "gate.break-glass-keys",
	.type = OR_OPT_LIST,
	.offset = AT(gate.break_glass_keys),
	.max = 8,
	.help = "PEM files of the public keys that may sign break-glass grants; bundle.keys where "
		"none are given."},
    {.name = "postgres.listen",
	.type = OR_OPT_ADDR,
	.offset = AT(postgres.listen),
	.help = "Where the gate for PostgreSQL answers, like 127.0.0.1:6432; port 0 is any. "
		"There is none where it is not given."},
    {.name = "postgres.upstream",
	.type = OR_OPT_ADDR,
	.offset = AT(postgres.upstream),
	.help = "Where the database server listens."},
    {.name = "postgres.cert-file",
	.type = OR_OPT_STR,
	.offset = AT(postgres.cert_file),
	.help = "PEM file of the certificate that database clients see; SSLRequest is answered "
		"N where it is not given. Taken anew when it changes."},
    {.name = "postgres.key-file",
	.type = OR_OPT_STR,
	.offset = AT(postgres.key_file),
	.help = "PEM file of that certificate's key."},
    {.name = "postgres.requires-tls",
	.type = OR_OPT_BOOL,
	.offset = AT(postgres.requires_tls),
	.help = "Whether database clients are refused that do not use TLS."},
    {.name = "postgres.trust-domains",
	.type = OR_OPT_TREE,
	.offset = AT(postgres.trust_domains),
	.help = "SPIFFE trust domains whose certificates say which workload connects: a list of "
		"{trust_domain, roots}, as gate.trust-domains."},
    {.name = "postgres.upstream-host",
	.type = OR_OPT_STR,
	.offset = AT(postgres.upstream_host),
	.help = "The name or address in the database server's certificate; it is then spoken to "
		"over TLS, and never otherwise."},
    {.name = "postgres.upstream-ca-file",
	.type = OR_OPT_STR,
	.offset = AT(postgres.upstream_ca_file),
	.help = "PEM file of who may certify the database server; the system's where it is not "
		"given."},
    {.name = "postgres.upstream-cert-file",
	.type = OR_OPT_STR,
	.offset = AT(postgres.upstream_cert_file),
	.help = "PEM file of the certificate that the gate shows the database server."},
    {.name = "postgres.upstream-key-file",
	.type = OR_OPT_STR,
	.offset = AT(postgres.upstream_key_file),
	.help = "PEM file of that certificate's key."},
    {.name = "postgres.issuer",
	.type = OR_OPT_STR,
	.offset = AT(postgres.issuer),
	.def = "postgres",
	.help = "What stands before a database user's name in principals: "
		"User::\"<issuer>#<user>\"."},
    {.name = "postgres.users",
	.type = OR_OPT_STR,
	.offset = AT(postgres.users),
	.help = "A file that says who database users are, in claims: a map of user to {claims: "
		"{iss, sub, groups, …}}. Taken anew when it changes."},
    {.name = "postgres.connect",
	.type = OR_OPT_DURATION,
	.offset = AT(postgres.connect_ns),
	.min = 100 * OR_NS_PER_MS,
	.max = 3600 * OR_NS_PER_S,
	.def = "10s",
	.help = "How long a client may take for its startup packet, and the database server for "
		"a connection."},
    {.name = "postgres.idle",
	.type = OR_OPT_DURATION,
	.offset = AT(postgres.idle_ns),
	.min = OR_NS_PER_S,
	.max = 30 * 86400 * OR_NS_PER_S,
	.def = "12h",
	.help = "After how long without a byte either way a session is ended."},
    {.name = "decide.listen",
	.type = OR_OPT_ADDR,
	.offset = AT(decide.listen),
	.def = "127.0.0.1:8181",
	.help = "Where proxies and the workload ask for decisions, on loopback; port 0 is any."},
    {.name = "decide.grpc-listen",
	.type = OR_OPT_ADDR,
	.offset = AT(decide.grpc_listen),
	.help = "Where Envoy asks over gRPC (ext_authz), on loopback, 127.0.0.1:9191 by custom; "
		"nobody listens where it is not given."},
    {.name = "bundle.file",
	.type = OR_OPT_STR,
	.flags = OR_OPT_REQUIRED,
	.offset = AT(bundle.file),
	.help = "The signed policy bundle; taken again when it changes."},
    {.name = "bundle.keys",
	.type = OR_OPT_LIST,
	.flags = OR_OPT_REQUIRED,
	.offset = AT(bundle.keys),
	.min = 1,
	.max = 8,
	.help = "PEM files of the public keys that may sign bundles for this product."},
    {.name = "bundle.min-revision",
	.type = OR_OPT_U64,
	.offset = AT(bundle.min_revision),
	.help = "The lowest revision that is taken, besides those already seen."},
    {.name = "source.commit",
	.type = OR_OPT_STR,
	.offset = AT(source.commit),
	.max = 64,
	.help = "The git commit that the running version was built from; told to the collector."},
    {.name = "source.committed",
	.type = OR_OPT_STR,
	.offset = AT(source.committed),
	.help = "When that was committed (RFC 3339); where lead time begins."},
    {.name = "source.modified",
	.type = OR_OPT_BOOL,
	.offset = AT(source.modified),
	.help = "The product's folder had changes that are in no commit."},
    {.name = "issuers",
	.type = OR_OPT_TREE,
	.offset = AT(issuers),
	.help =
	    "Who may issue tokens: a list of {issuer, jwks, discovery, ca, audience, algs, "
	    "subject_claim, groups_claim, principal, skew, access_token, cache, stale}; jwks is a "
	    "file or a URL, discovery true or the document's URL, principal user or workload."},
    {.name = "admin.listen",
	.type = OR_OPT_ADDR,
	.offset = AT(admin.listen),
	.def = "127.0.0.1:9465",
	.help = "Health, metrics and status, on loopback; port 0 is any."},
    {.name = "capture.listen",
	.type = OR_OPT_ADDR,
	.offset = AT(capture.listen),
	.def = "127.0.0.1:4318",
	.help = "Where the workload's OTLP and OpenLineage are taken, on loopback; port 0 is any."},
    {.name = "capture.grpc-listen",
	.type = OR_OPT_ADDR,
	.offset = AT(capture.grpc_listen),
	.help = "Where OTLP is taken over gRPC, on loopback, 127.0.0.1:4317 by custom; nobody "
		"listens where it is not given."},
    {.name = "capture.quota",
	.type = OR_OPT_BYTES,
	.offset = AT(capture.quota),
	.min = 16 * OR_MIB,
	.max = 1LL << 40,
	.def = "64MiB",
	.help = "Disk for telemetry that is not shipped yet; beyond it the intake says 503."},
    {.name = "capture.rate",
	.type = OR_OPT_U64,
	.flags = OR_OPT_RELOAD,
	.offset = AT(capture.rate),
	.max = 1000000,
	.help =
	    "Requests a second that the intake takes, and as many at once; beyond it, it says 429 "
	    "(to OpenLineage 503). 0: as many as come."},
    {.name = "capture.redact",
	.type = OR_OPT_LIST,
	.flags = OR_OPT_RELOAD,
	.offset = AT(capture.redact),
	.def = "card,iban,mail,token",
	.help =
	    "What is taken out of logs, metrics and spans before they touch the disk: card, iban, "
	    "mail, token; an empty list: nothing."},
    {.name = "capture.redact_patterns",
	.type = OR_OPT_TREE,
	.flags = OR_OPT_RELOAD,
	.offset = AT(capture.redact_patterns),
	.help = "Patterns of one's own to take out: a list of {name, regex}, POSIX extended."},
    {.name = "capture.files",
	.type = OR_OPT_TREE,
	.flags = OR_OPT_RELOAD,
	.offset = AT(capture.files),
	.help =
	    "Log files to read, through their rotation: a list of {path, format, multiline, "
	    "parse}, "
	    "where path is a file or a pattern (*, ?, []), format is plain, cri or docker, "
	    "multiline "
	    "says which lines are one record: {preset: java, python or go}, {start: REGEX} or "
	    "{indent: true}, with max_lines, max_bytes and flush; and parse, what a record says: "
	    "none, severity, json or logfmt."},
    {.name = "capture.syslog",
	.type = OR_OPT_TREE,
	.offset = AT(capture.syslog),
	.help = "Where syslog messages (RFC 5424, RFC 3164) are taken, on loopback: a list of "
		"{listen}, which is udp://IP:PORT, tcp://IP:PORT, unix:///PATH (datagrams) or "
		"unix-stream:///PATH."},
    {.name = "capture.scrape",
	.type = OR_OPT_TREE,
	.flags = OR_OPT_RELOAD,
	.offset = AT(capture.scrape),
	.help = "Exporters to fetch metrics from: a list of {url, job, interval, timeout, labels, "
		"body_size_limit, metric_relabel_configs}."},
    {.name = "spool.quota",
	.type = OR_OPT_BYTES,
	.offset = AT(spool.quota),
	.min = OR_MIB,
	.max = 1LL << 40,
	.def = "256MiB",
	.help = "Disk for records that are not shipped yet; beyond it requests get 503."},
    {.name = "spool.segment",
	.type = OR_OPT_BYTES,
	.offset = AT(spool.segment),
	.min = 64 * OR_KIB,
	.max = 64 * OR_MIB,
	.def = "8MiB",
	.help = "The size of one spool file."},
    {.name = "spool.sync",
	.type = OR_OPT_DURATION,
	.offset = AT(spool.sync_ns),
	.min = OR_NS_PER_MS,
	.max = OR_NS_PER_S,
	.def = "50ms",
	.help = "The longest that an asynchronous record waits for fsync."},
    {.name = "tap.window",
	.type = OR_OPT_DURATION,
	.offset = AT(tap.window_ns),
	.min = 100 * OR_NS_PER_MS,
	.max = 3600 * OR_NS_PER_S,
	.def = "60s",
	.help = "How long what the workload does again is counted before a record tells it."},
    {.name = "tap.ignore",
	.type = OR_OPT_LIST,
	.offset = AT(tap.ignore),
	.max = 64,
	.def = "/usr/lib/,/usr/lib32/,/usr/lib64/,/usr/local/lib/,/lib/,/lib64/,/etc/ld.so.,"
	       "/usr/share/locale/,/usr/share/zoneinfo/,/etc/locale,/dev/null,/dev/urandom,"
	       "*.so,*.so.*,*.pyc,*/lib/python3*,*/node_modules/*",
	.help = "Files that begin so, or match where there is a *, may be opened for reading "
		"without a record: what every program loads."},
    {.name = "tap.args",
	.type = OR_OPT_BOOL,
	.offset = AT(tap.args),
	.def = "false",
	.help = "Whether records of process starts hold the arguments, which may be secrets."},
    {.name = "tap.lineage",
	.type = OR_OPT_BOOL,
	.offset = AT(tap.lineage),
	.def = "false",
	.help = "Whether the workload's own connections to PostgreSQL, Kafka and S3 that are not "
		"encrypted are read, for OpenLineage events of the data sets it reads and writes."},
    {.name = "tap.rate",
	.type = OR_OPT_U64,
	.offset = AT(tap.rate),
	.min = 1,
	.max = 100000,
	.def = "50",
	.help = "Records a second of each kind of observed behaviour, ten seconds' worth at once; "
		"what is above is counted."},
    {.name = "tap.quota",
	.type = OR_OPT_BYTES,
	.offset = AT(tap.quota),
	.min = 64 * OR_KIB,
	.max = 1LL << 40,
	.def = "64MiB",
	.help = "No observed behaviour is recorded while the spool holds more than this, or more "
		"than half of its quota: the rest is for decisions."},
    {.name = "tap.fd",
	.type = OR_OPT_U64,
	.offset = AT(tap.fd),
	.max = 1023,
	.help = "The socket between agent and tap, from the supervisor; 0 where there is no tap."},
    {.name = "tap.cgroup",
	.type = OR_OPT_STR,
	.offset = AT(tap.cgroup),
	.help = "The directory of the workload's cgroup, from the supervisor."},
    {.name = "tap.absent",
	.type = OR_OPT_STR,
	.offset = AT(tap.absent),
	.help = "Why nothing can be watched, where the supervisor knows."},
    {.name = "tap.restarts",
	.type = OR_OPT_U64,
	.offset = AT(tap.restarts),
	.max = UINT32_MAX,
	.help = "How often the supervisor had to start the tap again."},
    {.name = "tap.ended",
	.type = OR_OPT_STR,
	.offset = AT(tap.ended),
	.help = "How the tap before this one ended."},
};

static struct or_opt_table table_for(struct ag_config *target)
{
	return (struct or_opt_table){
	    .opts = opts, .n_opts = OR_LEN(opts), .target = target, .size = sizeof(*target)};
}

enum or_code ag_config_load(struct ag_config *out, struct or_opt_seen *seen, int argc, char **argv,
    struct or_arena *a, struct or_err *err)
{
	struct ag_config config = {0};
	struct or_opt_table table = table_for(&config);
	struct or_opt_set set = {.tables = &table, .n_tables = 1};
	struct or_opt_src src = {.env = environ, .argv = argv, .argc = argc};
	enum or_code rc = or_opt_load(&set, &src, a, seen, err);

	if (rc)
		return rc;
	if (!seen->help && seen->rest < argc)
		return or_err_set(err, OR_INVAL, "unexpected word \"%s\"", argv[seen->rest]);
	*out = config;
	return OR_OK;
}

void ag_config_show(
    struct or_buf *out, const struct ag_config *config, const struct or_opt_seen *seen, bool json)
{
	struct ag_config copy = *config;
	struct or_opt_table table = table_for(&copy);
	struct or_opt_set set = {.tables = &table, .n_tables = 1};

	if (json)
		or_opt_show_json(out, &set, seen);
	else
		or_opt_show_yaml(out, &set, seen);
}

static void put_name(struct or_buf *list, const char *name)
{
	or_buf_put_str(list, list->n ? ", " : "");
	or_buf_put_str(list, name);
}

void ag_config_merge(struct ag_config *out, const struct ag_config *now,
    const struct ag_config *next, struct or_buf *taken, struct or_buf *left)
{
	*out = *now;
	for (size_t i = 0; i < OR_LEN(opts); i++) {
		bool reloads = opts[i].flags & OR_OPT_RELOAD;

		if (!or_opt_value_is_same(&opts[i], now, next))
			put_name(reloads ? taken : left, opts[i].name);
		if (reloads)
			or_opt_value_copy(&opts[i], out, next);
	}
}

const char *ag_config_origin(const struct or_opt_seen *seen, const char *message)
{
	size_t n = strcspn(message, ":");

	for (size_t i = 0; i < OR_LEN(opts); i++) {
		if (or_slice_is(or_slice(message, n), opts[i].name))
			return seen->from[0][i];
	}
	return NULL;
}

static void document(struct or_buf *out, void (*how)(struct or_buf *, const struct or_opt_set *))
{
	struct ag_config config = {0};
	struct or_opt_table table = table_for(&config);
	struct or_opt_set set = {.tables = &table, .n_tables = 1};

	how(out, &set);
}

void ag_config_help(struct or_buf *out)
{
	document(out, or_opt_doc_help);
}

void ag_config_reference(struct or_buf *out)
{
	or_buf_put_str(out,
	    "# outrider-agent: configuration\n\n"
	    "`outrider-agent --reference` prints this page; a test compares the two.\n\n"
	    "A key is written nested at its dots in the YAML file that `--config` names, as\n"
	    "`--KEY VALUE` on the command line, and as `OUTRIDER_KEY` in the environment, in "
	    "capitals and\nwith `_` for dots and dashes (`OUTRIDER_GATE_LISTEN`). The command "
	    "line wins over the environment,\nthe environment over the file.\n\n");
	document(out, or_opt_doc_markdown);
}
