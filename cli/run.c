/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/bundle.h"
#include "cli/port.h"
#include "cli/revision.h"
#include "cli/supervise.h"
#include "cli/tap.h"
#include "cli/term.h"
#include "product/product.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONFIG_MAX = 1024 * 1024, COMMAND_MAX = 63 };

struct run {
	/* from the command line */
	const char *state_dir, *collector, *product_path, *listen, *bundle, *audience, *port;
	struct ctl_args_list trust, issuers;
	bool no_tap;

	struct ctl_state state;
	struct ctl_api api;
	const struct dp_product *product;
	const char *dir;  /* of this agent */
	const char *name; /* of its directory: the product's id, made fit for a path */
	const char *upstream;
	const char *intake; /* of the agent: "127.0.0.1:4318" */
	uint16_t upstream_port;
};

/* An id is any text; as a file name everything unusual is percent-encoded. */
static const char *path_name(struct run *r, struct or_slice id)
{
	struct or_buf b;
	const char *name;

	or_buf_init(&b, PATH_MAX);
	ctl_api_escape(&b, id);
	name = or_arena_strdup(r->state.arena, or_buf_slice(&b));
	or_buf_done(&b);
	if (name[0] == '.')
		name = or_arena_printf(r->state.arena, "%%2E%s", name + 1);
	return name;
}

static enum or_code load_product(struct run *r, struct or_err *err)
{
	struct or_arena *a = r->state.arena;
	struct dp_diags diags;
	struct or_slice text;
	char absolute[PATH_MAX];
	enum or_code rc;

	if (!realpath(r->product_path, absolute))
		return or_err_sys(
		    err, "the product's descriptor (--product FILE) %s", r->product_path);
	r->product_path = or_arena_strdup(a, or_slice_str(absolute));
	rc = ctl_state_read(&text, &r->state, r->product_path, err);
	if (rc)
		return rc;
	dp_diag_init(&diags, r->product_path, a);
	rc = dp_product_parse(&r->product, text, a, &diags, err);
	if (rc)
		return rc;
	r->name = path_name(r, r->product->id);
	r->dir = ctl_state_path(&r->state, "agents/%s", r->name);
	return or_sys_mkdir(r->dir, 0700, err);
}

static enum or_code choose_intake(struct run *r, uint16_t gate, struct or_err *err)
{
	enum or_code rc = OR_OK;
	uint16_t port = 0;

	while (rc == OR_OK && (port == 0 || port == gate || port == r->upstream_port))
		rc = ctl_port_free(&port, err);
	r->intake = or_arena_printf(r->state.arena, "127.0.0.1:%u", port);
	return rc;
}

/* --listen and --port, else what the product says, else the defaults; port 0 is chosen here, so
 * that a restarted agent gets the same one. */
static enum or_code choose_addresses(struct run *r, struct or_err *err)
{
	struct dp_settings s = dp_product_setting(r->product, NULL);
	struct or_arena *a = r->state.arena;
	struct or_slice host;
	uint64_t port = 0;
	uint16_t gate;
	enum or_code rc = OR_OK;

	if (!r->listen)
		r->listen = s.listener.p ? or_arena_strdup(a, s.listener) : "127.0.0.1:8080";
	if (or_opt_addr(&host, &gate, or_slice_str(r->listen)))
		return or_err_set(err, OR_INVAL, "--listen %s: expected ADDRESS:PORT", r->listen);
	if (gate == 0) {
		rc = ctl_port_free(&gate, err);
		if (rc)
			return rc;
		r->listen = or_arena_printf(a, "%.*s:%u", OR_SLICE_FMT(host), gate);
	}
	if (r->port && (or_str_u64(&port, or_slice_str(r->port)) || port > UINT16_MAX))
		return or_err_set(err, OR_INVAL, "--port %s: expected 0 to 65535", r->port);
	r->upstream_port = (uint16_t)port;
	while (rc == OR_OK && (r->upstream_port == 0 || r->upstream_port == gate))
		rc = ctl_port_free(&r->upstream_port, err);
	r->upstream = or_arena_printf(a, "127.0.0.1:%u", r->upstream_port);
	return rc ? rc : choose_intake(r, gate, err);
}

/* The file holds a one-time token until the agent has used it; an agent that is enrolled already
 * does not look at it. */
static enum or_code write_join_token(struct run *r, const char *path, struct or_err *err)
{
	struct or_buf body, answer;
	const struct or_json *j;
	struct or_slice token;
	struct or_jsonw w;
	enum or_code rc;

	or_buf_init(&body, 4096);
	or_buf_init(&answer, 64 * OR_KIB);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "products");
	or_jsonw_array(&w);
	or_jsonw_str(&w, r->product->id);
	or_jsonw_end(&w);
	or_jsonw_kv_text(&w, "ttl", "10m");
	or_jsonw_end(&w);
	rc = ctl_api_post(&answer, &r->api, "/v1/join-tokens", or_buf_slice(&body), err);
	if (rc == OR_OK)
		rc = or_json_parse(&j, or_buf_slice(&answer), r->state.arena, err);
	token = rc == OR_OK ? or_json_get_str(j, "token") : OR_SLICE_NONE;
	if (rc == OR_OK && !token.n)
		rc = or_err_set(err, OR_PARSE, "the collector's answer holds no join token");
	if (rc == OR_OK)
		rc = or_sys_write_file(path, token, 0600, err);
	or_buf_done(&body);
	or_buf_done(&answer);
	return rc;
}

/* "ISSUER=JWKS-FILE": issuers hold '=' rarely, files too; the last one counts. Makes the file's
 * path absolute. */
static enum or_code resolve_issuer(struct run *r, const char **value, struct or_err *err)
{
	const char *equals = strrchr(*value, '=');
	char absolute[PATH_MAX];

	if (!equals || equals == *value)
		return or_err_set(err, OR_INVAL, "--issuer %s: expected ISSUER=JWKS-FILE", *value);
	if (!realpath(equals + 1, absolute))
		return or_err_sys(err, "--issuer %s", *value);
	*value =
	    or_arena_printf(r->state.arena, "%.*s=%s", (int)(equals - *value), *value, absolute);
	return OR_OK;
}

static void put_issuers(struct run *r, struct or_jsonw *w)
{
	or_jsonw_key(w, "issuers");
	or_jsonw_array(w);
	for (size_t i = 0; i < r->issuers.n; i++) {
		struct or_slice value = or_slice_str(r->issuers.values[i]);
		const char *equals = strrchr(r->issuers.values[i], '=');

		or_jsonw_object(w);
		or_jsonw_kv_str(
		    w, "issuer", or_slice(value.p, (size_t)(equals - r->issuers.values[i])));
		or_jsonw_kv_text(w, "jwks", equals + 1);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

static void put_section(struct or_jsonw *w, const char *name)
{
	or_jsonw_key(w, name);
	or_jsonw_object(w);
}

/* Where the product's folder is at. */
static void put_source(struct run *r, struct or_jsonw *w)
{
	const char *slash = strrchr(r->product_path, '/');
	struct ctl_revision revision;

	ctl_revision_get(&revision,
	    or_arena_printf(
		r->state.arena, "%.*s/", (int)(slash - r->product_path), r->product_path),
	    r->state.arena);
	if (!revision.commit)
		return;
	put_section(w, "source");
	or_jsonw_kv_text(w, "commit", revision.commit);
	if (revision.committed)
		or_jsonw_kv_text(w, "committed", revision.committed);
	or_jsonw_kv_bool(w, "modified", revision.modified);
	or_jsonw_end(w);
}

/* JSON is YAML: the configuration is written as a person would find it, and quoted rightly. */
static void put_config(struct run *r, struct or_jsonw *w, const char *join_token)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "product", r->product_path);
	or_jsonw_kv_text(w, "state", r->dir);
	put_section(w, "collector");
	or_jsonw_kv_text(w, "url", r->api.url);
	or_jsonw_kv_text(w, "join-token-file", join_token);
	or_jsonw_end(w);
	put_section(w, "gate");
	or_jsonw_kv_text(w, "listen", r->listen);
	or_jsonw_kv_text(w, "upstream", r->upstream);
	if (r->audience)
		or_jsonw_kv_text(w, "audience", r->audience);
	or_jsonw_end(w);
	put_section(w, "bundle");
	or_jsonw_kv_text(w, "file", r->bundle);
	or_jsonw_key(w, "keys");
	or_jsonw_array(w);
	for (size_t i = 0; i < r->trust.n; i++)
		or_jsonw_text(w, r->trust.values[i]);
	or_jsonw_end(w);
	or_jsonw_end(w);
	put_source(r, w);
	put_issuers(r, w);
	put_section(w, "decide");
	or_jsonw_kv_text(w, "listen", "127.0.0.1:0");
	or_jsonw_end(w);
	put_section(w, "admin");
	or_jsonw_kv_text(w, "listen", "127.0.0.1:0");
	or_jsonw_end(w);
	put_section(w, "capture");
	or_jsonw_kv_text(w, "listen", r->intake);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static enum or_code write_config(
    struct run *r, const char *path, const char *join_token, struct or_err *err)
{
	struct or_buf text;
	struct or_jsonw w;
	enum or_code rc;

	or_buf_init(&text, CONFIG_MAX);
	or_jsonw_init(&w, &text, 2);
	put_config(r, &w, join_token);
	or_buf_put_byte(&text, '\n');
	rc = or_sys_write_file(path, or_buf_slice(&text), 0600, err);
	or_buf_done(&text);
	return rc;
}

static enum or_code absolute_path(struct run *r, const char **path, struct or_err *err)
{
	char absolute[PATH_MAX];

	if (!realpath(*path, absolute))
		return or_err_sys(err, "%s", *path);
	*path = or_arena_strdup(r->state.arena, or_slice_str(absolute));
	return OR_OK;
}

/* What is not given is made for development: a bundle of the policies beside the descriptor,
 * signed with a key of this machine, and the issuer of `outrider token`. */
static enum or_code fill_in(struct run *r, struct or_err *err)
{
	const char *jwks = ctl_state_path(&r->state, "issuer/jwks.json");
	enum or_code rc = OR_OK;

	if (!r->bundle)
		rc = ctl_bundle_develop(&r->bundle, &r->trust.values[r->trust.n++], &r->state,
		    r->product_path, r->dir, err);
	else if (r->trust.n == 0)
		return or_err_set(err, OR_INVAL,
		    "--bundle needs --trust: the public key that it must be signed with");
	if (rc == OR_OK)
		rc = absolute_path(r, &r->bundle, err);
	for (size_t i = 0; i < r->trust.n && rc == OR_OK; i++)
		rc = absolute_path(r, &r->trust.values[i], err);
	for (size_t i = 0; i < r->issuers.n && rc == OR_OK; i++)
		rc = resolve_issuer(r, &r->issuers.values[i], err);
	if (rc == OR_OK && r->issuers.n == 0) {
		const struct or_json *issuer = NULL;
		struct or_slice text;

		if (ctl_state_read(&text, &r->state,
			ctl_state_path(&r->state, "issuer/issuer.json"), NULL) == OR_OK)
			rc = or_json_parse(&issuer, text, r->state.arena, err);
		if (rc == OR_OK && !or_json_get_str(issuer, "issuer").n)
			return or_err_set(err, OR_INVAL,
			    "nobody may issue tokens: give --issuer ISSUER=JWKS-FILE, or make a "
			    "development issuer with: outrider token issuer new --issuer URL");
		r->issuers.values[r->issuers.n++] = or_arena_printf(r->state.arena, "%.*s=%s",
		    OR_SLICE_FMT(or_json_get_str(issuer, "issuer")), jwks);
	}
	return rc;
}

/* The agent goes on with its last good bundle, or denies everything: a person should know. */
static void warn_of_bundle(struct run *r)
{
	struct or_err err;

	if (ctl_bundle_check(r->bundle, r->trust.values, r->trust.n,
		or_arena_strdup(r->state.arena, r->product->id), &err))
		fprintf(stderr,
		    "outrider run: the bundle is refused, so the last good one decides, or "
		    "everything "
		    "is denied: %s\n",
		    err.msg);
}

static void on_ready(void *arg, pid_t agent, pid_t workload)
{
	struct run *r = arg;

	ctl_term_printf(CTL_TERM_GOOD, "%.*s is guarded", OR_SLICE_FMT(r->product->id));
	printf(" at http://%s (workload pid %d on port %u, agent pid %d)\n", r->listen,
	    (int)workload, r->upstream_port, (int)agent);
	fflush(stdout);
}

static enum or_code prepare(struct run *r, const char *config, struct or_err *err)
{
	const char *join_token = or_arena_printf(r->state.arena, "%s/join-token", r->dir);
	enum or_code rc = choose_addresses(r, err);

	if (rc == OR_OK)
		rc = fill_in(r, err);
	if (rc == OR_OK)
		warn_of_bundle(r);
	if (rc == OR_OK)
		rc = ctl_api_open(&r->api, &r->state, r->collector, err);
	if (rc == OR_OK)
		rc = write_join_token(r, join_token, err);
	if (rc == OR_OK)
		rc = write_config(r, config, join_token, err);
	return rc;
}

/* What the workload needs to be a good neighbour, in the names that its libraries know. */
static void put_env(struct run *r, const char **env)
{
	struct or_arena *a = r->state.arena;

	*env++ = or_arena_printf(a, "PORT=%u", r->upstream_port);
	*env++ = or_arena_printf(a, "OTEL_EXPORTER_OTLP_ENDPOINT=http://%s", r->intake);
	*env++ = "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf";
	*env++ = or_arena_printf(a, "OTEL_SERVICE_NAME=%.*s", OR_SLICE_FMT(r->product->id));
	*env++ = or_arena_printf(a, "OPENLINEAGE_URL=http://%s", r->intake);
}

static enum or_code run_children(struct run *r, const char *const *command,
    const struct ctl_tap_opt *with, int *code, struct or_err *err)
{
	const char *agent[] = {
	    with->program, "--config", with->config, "--tap.fd", CTL_PROC_PASSED_FD, NULL};
	struct ctl_supervise_opt opt = {.agent = {.argv = agent,
					    .log_path = with->log,
					    .own_group = true, /* it ends after the workload */
					    .wants_ready = true},
	    .workload = {.argv = command},
	    .intake = r->intake,
	    .service = or_arena_strdup(r->state.arena, r->product->id),
	    .agent_log = with->log,
	    .on_ready = on_ready,
	    .arg = r};
	enum or_code rc = ctl_tap_new(&opt.tap, with, err);

	if (rc)
		return rc;
	put_env(r, opt.workload.env);
	opt.agent.pass_fd = ctl_tap_agent_fd(opt.tap);
	rc = ctl_supervise(code, &opt, err);
	ctl_tap_free(opt.tap);
	return rc;
}

static enum or_code run(struct run *r, const char *const *command, int *code, struct or_err *err)
{
	char program[PATH_MAX];
	const char *log, *config;
	enum or_code rc = load_product(r, err);

	if (rc)
		return rc;
	config = or_arena_printf(r->state.arena, "%s/outrider-agent.yaml", r->dir);
	log = or_arena_printf(r->state.arena, "%s/agent.log", r->dir);
	rc = prepare(r, config, err);
	if (rc)
		return rc;
	ctl_proc_find(program, sizeof(program), "outrider-agent");
	return run_children(
	    r, command, &(struct ctl_tap_opt){program, config, log, r->no_tap}, code, err);
}

static int run_words(struct run *r, char **words, size_t n)
{
	const char *command[COMMAND_MAX + 1] = {NULL};
	struct or_err err;
	int code;

	for (size_t i = 0; i < n; i++)
		command[i] = words[i];
	if (ctl_state_open(&r->state, r->state_dir, &err))
		return ctl_term_fail("run", &err);
	if (run(r, command, &code, &err))
		code = ctl_term_fail("run", &err);
	ctl_state_close(&r->state);
	return code;
}

static const char about[] =
    "Runs a data product's workload with its agent beside it. It gets its port\n"
    "in PORT and must listen on 127.0.0.1; requests come through the gate. What it\n"
    "writes to stdout and stderr is kept as logs; OTEL_EXPORTER_OTLP_ENDPOINT and\n"
    "OPENLINEAGE_URL say where its telemetry and lineage are taken.\n"
    "Ends with the workload's exit code.";

int ctl_run_main(int argc, char **argv)
{
	struct run r = {.product_path = "dataproduct.yaml"};
	const struct ctl_args_flag flags[] = {
	    {.name = "product",
		.metavar = "FILE",
		.value = &r.product_path,
		.help = "the descriptor (default ./dataproduct.yaml)"},
	    {.name = "bundle",
		.metavar = "FILE",
		.value = &r.bundle,
		.help = "the signed policy bundle (default: built from policy/ for development)"},
	    {.name = "trust",
		.metavar = "FILE",
		.list = &r.trust,
		.help = "a public key (PEM) that may sign the bundle; may come several times"},
	    {.name = "issuer",
		.metavar = "ISS=JWKS",
		.list = &r.issuers,
		.help = "who may issue tokens, and the file of its keys; may come several times"},
	    {.name = "audience",
		.metavar = "NAME",
		.value = &r.audience,
		.help = "the audience tokens must name (default: the product's id)"},
	    {.name = "listen",
		.metavar = "ADDR:PORT",
		.value = &r.listen,
		.help = "where the gate answers (default: the product's, else 127.0.0.1:8080)"},
	    {.name = "port",
		.metavar = "PORT",
		.value = &r.port,
		.help = "the workload's PORT (default: a free one)"},
	    {.name = "no-tap", .help = "do not watch the workload through eBPF", .on = &r.no_tap},
	    {.name = "collector",
		.metavar = "URL",
		.value = &r.collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &r.state_dir,
		.help = "where everything is kept"},
	};
	const struct ctl_args spec = {.usage = "outrider run [flags] -- COMMAND [ARGUMENT…]",
	    .about = about,
	    .examples = "  outrider run --product examples/orders/dataproduct.yaml -- "
			"python3 examples/orders/serve.py",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	    .stop_at_word = true};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words == 0 || n_words > COMMAND_MAX)
		return ctl_args_misuse(&spec, "which command? Give it behind --");
	return run_words(&r, argv, n_words);
}
