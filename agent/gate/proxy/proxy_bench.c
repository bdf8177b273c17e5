/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate costs: an app that answers 1 KiB, the gate in front of it (verified token, policy
 * of the example product, one audit record a request, mode async), each a process of its own, and
 * wrk. One JSON line per case; CPU is the measured process's own. Run in the project's folder:
 *
 *   bench_agent_gate_proxy [SECONDS]
 */
#include "agent/gate/proxy/proxy.h"

#include "agent/folder.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ISSUER "https://issuer.example"
#define MUST(call)                                                                                 \
	do {                                                                                       \
		struct or_err *err_ = &bench_err;                                                  \
		if (call) {                                                                        \
			fprintf(stderr, "bench: %s: %s\n", #call, err_->msg);                      \
			exit(3);                                                                   \
		}                                                                                  \
	} while (0)

static struct or_err bench_err;

struct gate {
	char dir[256], bundle_file[512], public_key[512], spool_dir[512];
	const char *keys[1];
	struct or_arena *lasting;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *key, *signer;
	struct dp_folder folder;
	struct ag_bundle *bundle;
	struct ag_identity *identity;
	struct ag_decide *decide;
	struct ag_spool *spool;
	struct ag_record *record;
	struct or_buf token;
};

/* What a child tells its parent once it is ready. */
struct ready {
	uint16_t port;
	char token[2048];
};

static struct or_slice read_all(struct gate *g, const char *path)
{
	struct or_buf b;
	struct or_slice s;

	or_buf_init(&b, OR_MIB);
	MUST(or_sys_read_file(&b, path, &bench_err));
	s = or_arena_dup(g->lasting, or_buf_slice(&b));
	or_buf_done(&b);
	return s;
}

static void write_bundle(struct gate *g)
{
	struct pol_bundle_policy file = {
	    .name = "orders.cedar", .text = read_all(g, "examples/orders/policy/orders.cedar")};
	int64_t now_ns = (int64_t)time(NULL) * OR_NS_PER_S;
	struct pol_bundle_source src = {.product = "orders",
	    .revision = 1,
	    .not_before_ns = now_ns - 60 * OR_NS_PER_S,
	    .not_after_ns = now_ns + 3600 * OR_NS_PER_S,
	    .schema = read_all(g, "examples/orders/policy/schema.cedarschema"),
	    .policies = &file,
	    .n_policies = 1};
	struct or_buf bytes, id, pem;

	or_buf_init(&bytes, OR_MIB);
	or_buf_init(&id, 64);
	or_buf_init(&pem, 4096);
	MUST(pol_bundle_key_id(&id, g->signer));
	MUST(pol_bundle_build(&bytes, &src, g->signer, or_buf_slice(&id), NULL, &bench_err));
	MUST(or_sys_write_file(g->bundle_file, or_buf_slice(&bytes), 0600, &bench_err));
	MUST(or_crypto_key_to_pem(&pem, g->signer, false));
	MUST(or_sys_write_file(g->public_key, or_buf_slice(&pem), 0600, &bench_err));
	or_buf_done(&bytes);
	or_buf_done(&id);
	or_buf_done(&pem);
}

static void make_token(struct gate *g)
{
	char claims[256];
	struct or_buf signature;

	snprintf(claims, sizeof(claims),
	    "{\"iss\":\"" ISSUER "\",\"aud\":\"orders\",\"exp\":%lld,\"sub\":\"alice\","
	    "\"groups\":[\"analysts\"],\"clearance\":2}",
	    (long long)time(NULL) + 3600);
	or_buf_init(&g->token, 2048);
	or_buf_init(&signature, OR_CRYPTO_SIG_MAX);
	or_str_base64url_encode(&g->token, OR_SLICE_LIT("{\"alg\":\"EdDSA\",\"kid\":\"k\"}"));
	or_buf_put_byte(&g->token, '.');
	or_str_base64url_encode(&g->token, or_slice_str(claims));
	MUST(or_crypto_sign(&signature, g->key, OR_CRYPTO_EDDSA, or_buf_slice(&g->token)));
	or_buf_put_byte(&g->token, '.');
	or_str_base64url_encode(&g->token, or_buf_slice(&signature));
	or_buf_done(&signature);
}

static void open_identity(struct gate *g)
{
	static const struct ag_identity_issuer issuer = {.issuer = ISSUER, .audience = "orders"};
	struct or_buf raw, text;
	struct ag_jwks *set;

	or_buf_init(&raw, 64);
	or_buf_init(&text, 1024);
	MUST(or_crypto_key_public(&raw, g->key));
	or_buf_put_str(
	    &text, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"");
	or_str_base64url_encode(&text, or_buf_slice(&raw));
	or_buf_put_str(&text, "\"}]}");
	MUST(ag_identity_new(&g->identity, &issuer, 1, 4096, &bench_err));
	MUST(ag_jwks_parse(&set, or_buf_slice(&text), &bench_err));
	ag_identity_keys_put(g->identity, 0, set);
	or_buf_done(&raw);
	or_buf_done(&text);
}

static void open_gate(struct gate *g)
{
	static const uint8_t agent_id[WIRE_AUDIT_AGENT_LEN] = {1};
	struct ag_bundle_opt bundle = {.product = "orders", .keys = {.n = 1}};
	struct ag_decide_opt decide = {.folder = &g->folder};
	struct ag_spool_opt spool = {.quota_bytes = 16384 * OR_MIB};
	struct ag_record_opt record = {.agent_id = agent_id, .product = "orders"};

	g->lasting = or_arena_new(0);
	snprintf(g->bundle_file, sizeof(g->bundle_file), "%s/bundle", g->dir);
	snprintf(g->public_key, sizeof(g->public_key), "%s/key.pub", g->dir);
	snprintf(g->spool_dir, sizeof(g->spool_dir), "%s/spool", g->dir);
	g->keys[0] = g->public_key;
	MUST(or_loop_new(&g->loop, NULL, &bench_err));
	MUST(or_slow_new(&g->slow, g->loop, 64, &bench_err));
	MUST(or_crypto_key_new(&g->key, OR_CRYPTO_ED25519, &bench_err));
	MUST(or_crypto_key_new(&g->signer, OR_CRYPTO_ED25519, &bench_err));
	MUST(
	    ag_folder_read(&g->folder, "examples/orders/dataproduct.yaml", g->lasting, &bench_err));
	open_identity(g);
	make_token(g);
	write_bundle(g);
	bundle.file = g->bundle_file;
	bundle.state_dir = g->dir;
	bundle.keys.items = g->keys;
	MUST(ag_bundle_new(&g->bundle, g->loop, &bundle, &bench_err));
	decide.bundle = g->bundle;
	decide.identity = g->identity;
	MUST(ag_decide_new(&g->decide, &decide, &bench_err));
	spool.dir = g->spool_dir;
	spool.loop = g->loop;
	spool.slow = g->slow;
	MUST(ag_spool_open(&g->spool, &spool, &bench_err));
	record.spool = g->spool;
	record.loop = g->loop;
	MUST(ag_record_new(&g->record, &record, &bench_err));
}

/* -- the processes -- */

static void tell(int fd, const struct ready *ready)
{
	if (write(fd, ready, sizeof(*ready)) != (ssize_t)sizeof(*ready))
		exit(3);
}

static void run_gate(const char *dir, uint16_t app_port, int fd)
{
	struct gate g = {0};
	struct ready ready = {0};
	struct ag_proxy *proxy;
	struct ag_proxy_opt opt = {.listen = "127.0.0.1:0"};
	char upstream[32];

	snprintf(g.dir, sizeof(g.dir), "%s", dir);
	open_gate(&g);
	snprintf(upstream, sizeof(upstream), "127.0.0.1:%u", app_port);
	opt.upstream = upstream;
	opt.decide = g.decide;
	opt.record = g.record;
	MUST(ag_proxy_new(&proxy, g.loop, &opt, &bench_err));
	ready.port = ag_proxy_port(proxy);
	snprintf(ready.token, sizeof(ready.token), "%s", or_buf_text(&g.token));
	tell(fd, &ready);
	or_loop_run(g.loop);
}

static void on_app(void *arg, struct or_http_req *req)
{
	static const uint8_t body[1024];

	(void)arg;
	or_http_req_respond(req, 200, "application/octet-stream", or_slice(body, sizeof(body)));
}

static void run_app(const char *dir, uint16_t port, int fd)
{
	struct or_http_server_opt opt = {.listen = "127.0.0.1:0", .on_request = on_app};
	struct ready ready = {0};
	struct or_http_server *server;
	struct or_loop *loop;

	(void)dir;
	(void)port;
	MUST(or_loop_new(&loop, NULL, &bench_err));
	MUST(or_http_server_new(&server, loop, &opt, &bench_err));
	ready.port = or_http_server_port(server);
	tell(fd, &ready);
	or_loop_run(loop);
}

static pid_t start(
    void (*run)(const char *, uint16_t, int), const char *dir, uint16_t port, struct ready *ready)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		exit(3);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(dir, port, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], ready, sizeof(*ready)) != (ssize_t)sizeof(*ready)) {
		fprintf(stderr, "bench: a process did not start\n");
		exit(3);
	}
	close(fds[0]);
	return pid;
}

static double cpu_s(pid_t pid)
{
	struct timespec t = {0};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct figures {
	double p50_us, p99_us, per_s, requests, failed;
};

/* "1.23ms" of wrk's latency table. */
static double to_us(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (strncmp(end, "ms", 2) == 0)
		return v * 1000;
	return strncmp(end, "us", 2) == 0 ? v : v * 1e6;
}

static struct figures wrk(const struct ready *at, int connections, int seconds)
{
	struct figures f = {0};
	char command[3072], line[512], value[64];
	FILE *out;

	snprintf(command, sizeof(command),
	    "wrk -t1 -c%d -d%ds --latency -H 'Authorization: Bearer %s' "
	    "http://127.0.0.1:%u/totals 2>/dev/null",
	    connections, seconds, at->token, at->port);
	out = popen(command, "r");
	while (out && fgets(line, sizeof(line), out)) {
		if (sscanf(line, " 50%% %63s", value) == 1)
			f.p50_us = to_us(value);
		if (sscanf(line, " 99%% %63s", value) == 1)
			f.p99_us = to_us(value);
		(void)sscanf(line, " %lf requests in", &f.requests);
		(void)sscanf(line, " Non-2xx or 3xx responses: %lf", &f.failed);
		(void)sscanf(line, "Requests/sec: %lf", &f.per_s);
	}
	if (!out || pclose(out) != 0 || f.requests < 1) {
		fprintf(stderr, "bench: wrk did not run (package wrk)\n");
		exit(3);
	}
	return f;
}

static void measure(const char *name, const struct ready *at, pid_t pid, int seconds)
{
	struct figures one, many;
	double before;

	(void)wrk(at, 32, 1); /* warm */
	one = wrk(at, 1, seconds);
	before = cpu_s(pid);
	many = wrk(at, 32, seconds);
	printf("{\"bench\":\"gate\",\"case\":\"%s\",\"cpu_us_per_request\":%.1f,\"req_per_s\":%.0f,"
	       "\"p50_us_c1\":%.0f,\"p99_us_c32\":%.0f,\"failed\":%.0f}\n",
	    name, (cpu_s(pid) - before) * 1e6 / many.requests, many.per_s, one.p50_us, many.p99_us,
	    one.failed + many.failed);
	fflush(stdout);
}

/* The decision core alone: a warm token, policy, the record's struct. */
static void measure_decide(const char *dir)
{
	static const uint8_t id[16] = {1};
	struct gate g = {0};
	struct or_arena *a = or_arena_new(256 * OR_KIB);
	struct ag_decide_ask ask = {.front = WIRE_FRONT_PROXY,
	    .method = OR_SLICE_LIT("GET"),
	    .path = OR_SLICE_LIT("/totals"),
	    .peer = OR_SLICE_LIT("127.0.0.1:4000"),
	    .client_ip = OR_SLICE_LIT("127.0.0.1"),
	    .trace_id = or_slice(id, 16),
	    .span_id = or_slice(id, 8)};
	const int n = 200000;
	double before;

	snprintf(g.dir, sizeof(g.dir), "%s", dir);
	open_gate(&g);
	ask.token = or_buf_slice(&g.token);
	ask.now_ns = (int64_t)time(NULL) * OR_NS_PER_S;
	before = cpu_s(getpid());
	for (int i = 0; i < n; i++) {
		struct ag_decide_result r;

		or_arena_clear(a);
		MUST(ag_decide_run(&r, g.decide, &ask, a) || r.verdict != AG_DECIDE_ALLOW);
	}
	printf("{\"bench\":\"gate\",\"case\":\"decide\",\"per_s\":%.0f}\n",
	    n / (cpu_s(getpid()) - before));
	or_arena_free(a);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/outrider-bench-XXXXXX", gate_dir[64], decide_dir[64], command[128];
	struct ready app, gate;
	uint64_t seconds = 5;
	pid_t app_pid, gate_pid;

	if (argc > 1 && or_str_u64(&seconds, or_slice_str(argv[1])))
		return 2;
	if (!mkdtemp(dir))
		return 3;
	snprintf(gate_dir, sizeof(gate_dir), "%s/gate", dir);
	snprintf(decide_dir, sizeof(decide_dir), "%s/decide", dir);
	MUST(or_sys_mkdir(gate_dir, 0700, &bench_err));
	MUST(or_sys_mkdir(decide_dir, 0700, &bench_err));
	app_pid = start(run_app, dir, 0, &app);
	gate_pid = start(run_gate, gate_dir, app.port, &gate);
	measure("backend", &app, app_pid, (int)seconds);
	measure("outrider", &gate, gate_pid, (int)seconds);
	kill(gate_pid, SIGKILL);
	kill(app_pid, SIGKILL);
	waitpid(gate_pid, NULL, 0);
	waitpid(app_pid, NULL, 0);
	measure_decide(decide_dir);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) != 0;
}
