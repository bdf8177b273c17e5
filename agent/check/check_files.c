/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/files.h"
#include "agent/capture/redact/redact.h"
#include "agent/capture/scrape/scrape.h"
#include "agent/check/check.h"
#include "agent/folder.h"
#include "agent/gate/issuers.h"
#include "agent/gate/proxy/certs.h"
#include "base/str.h"
#include "base/sys.h"
#include "policy/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 64 * 1024, KEYS_MAX = 8, SERIES_MAX = 256 };

#define SOON_NS (24LL * 3600 * OR_NS_PER_S)

/* -- files of others -- */

static void check_product(struct ag_check *c)
{
	struct dp_folder folder;
	struct or_err err;

	if (ag_folder_read(&folder, c->config->product, c->arena, &err)) {
		ag_check_say(c, AG_CHECK_FAIL, "product", "%s", err.msg);
		return;
	}
	c->product = or_arena_strdup(c->arena, folder.product->id);
	ag_check_say(c, AG_CHECK_GOOD, "product", "%s (%s)", c->product, c->config->product);
}

/* A file with a secret; one that others can read is said. */
static void check_secret(struct ag_check *c, const char *what, const char *path)
{
	struct stat st;
	int fd;

	if (!path)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		ag_check_say(
		    c, AG_CHECK_FAIL, what, "%s cannot be read: %s", path, strerror(errno));
	} else if (st.st_mode & 077) {
		ag_check_say(c, AG_CHECK_WARN, what,
		    "%s can be read by others than its owner: chmod 600 %s", path, path);
	} else {
		ag_check_say(c, AG_CHECK_GOOD, what, "%s", path);
	}
	if (fd >= 0)
		close(fd);
}

static void check_certs(
    struct ag_check *c, const char *what, const struct ag_certs_opt *opt, const char *shown)
{
	struct ag_certs *certs;
	struct or_err err;

	if (ag_certs_open(&certs, c->loop, opt, &err)) {
		ag_check_say(c, AG_CHECK_FAIL, what, "%s", err.msg);
		return;
	}
	ag_certs_close(certs);
	ag_check_say(c, AG_CHECK_GOOD, what, "%s", shown);
}

static void check_tls(struct ag_check *c)
{
	const struct ag_config *f = c->config;

	if (f->gate.cert_file || f->gate.key_file) {
		struct ag_certs_opt opt = {
		    .server = true, .cert_file = f->gate.cert_file, .key_file = f->gate.key_file};

		check_certs(c, "gate certificate", &opt, f->gate.cert_file);
		check_secret(c, "gate key", f->gate.key_file);
	}
	if (f->gate.upstream_host) {
		struct ag_certs_opt opt = {.cert_file = f->gate.upstream_cert_file,
		    .key_file = f->gate.upstream_key_file,
		    .ca_file = f->gate.upstream_ca_file};

		check_certs(c, "upstream TLS", &opt, f->gate.upstream_host);
	}
	check_secret(c, "mask key", f->gate.mask_key_file);
	check_secret(c, "kafka password", f->kafka.password_file);
	check_secret(c, "kafka key", f->kafka.key_file);
}

static void check_issuers(struct ag_check *c)
{
	struct ag_issuers_opt opt = {.config = c->config->issuers,
	    .audience = c->config->gate.audience ? c->config->gate.audience : "check",
	    .cache_max = 16};
	struct ag_issuers *issuers;
	struct or_err err;

	if (!opt.config) {
		ag_check_say(c, AG_CHECK_WARN, "issuers",
		    "none: every token is refused; name them under issuers");
	} else if (ag_issuers_new(&issuers, c->loop, &opt, &err)) {
		ag_check_say(c, AG_CHECK_FAIL, "issuers", "%s", err.msg);
	} else {
		ag_check_say(c, AG_CHECK_GOOD, "issuers", "%zu", opt.config->array.n);
		ag_issuers_free(issuers);
	}
}

/* -- the bundle -- */

struct keys {
	struct or_crypto_key *key[KEYS_MAX];
	struct or_buf id[KEYS_MAX];
	size_t n;
};

static enum or_code read_key(struct keys *k, const char *path, struct or_err *err)
{
	const struct or_crypto_key *key;
	struct or_buf pem, *id;
	enum or_code rc;

	or_buf_init(&pem, KEY_FILE_MAX);
	rc = or_sys_read_file(&pem, path, err);
	if (rc == OR_OK)
		rc = or_crypto_key_from_pem(&k->key[k->n], or_buf_slice(&pem), err);
	or_buf_done(&pem);
	if (rc)
		return or_err_wrap(err, rc, "%s", path);
	id = &k->id[k->n];
	or_buf_init(id, 64);
	key = k->key[k->n++];
	if (pol_bundle_key_id(id, key))
		return or_err_set(err, OR_INVAL, "%s: bundles are signed with Ed25519 keys", path);
	return OR_OK;
}

static void open_bundle(struct ag_check *c, const struct keys *k)
{
	struct pol_bundle_key pins[KEYS_MAX];
	struct pol_bundle_pins how = {.keys = pins,
	    .n_keys = k->n,
	    .product = c->product,
	    .min_revision = c->config->bundle.min_revision,
	    .now_ns = or_loop_wall_ns(c->loop)};
	struct pol_bundle *bundle;
	struct or_buf bytes;
	struct or_err err;
	enum or_code rc;
	int64_t left_ns;

	for (size_t i = 0; i < k->n; i++)
		pins[i] = (struct pol_bundle_key){or_buf_slice(&k->id[i]), k->key[i]};
	or_buf_init(&bytes, POL_BUNDLE_MAX);
	rc = or_sys_read_file(&bytes, c->config->bundle.file, &err);
	if (rc == OR_OK)
		rc = pol_bundle_open(&bundle, or_buf_slice(&bytes), &how, NULL, &err);
	or_buf_done(&bytes);
	if (rc) {
		ag_check_say(c, AG_CHECK_FAIL, "bundle",
		    "%s: %s; until there is a valid one everything is denied",
		    c->config->bundle.file, err.msg);
		return;
	}
	left_ns = pol_bundle_not_after_ns(bundle) - how.now_ns;
	ag_check_say(c, left_ns < SOON_NS ? AG_CHECK_WARN : AG_CHECK_GOOD, "bundle",
	    "revision %llu, valid for %lld more hours%s",
	    (unsigned long long)pol_bundle_revision(bundle),
	    (long long)(left_ns / (3600 * OR_NS_PER_S)),
	    left_ns < SOON_NS ? ": sign a new one (outrider policy build)" : "");
	pol_bundle_unref(bundle);
}

static void check_bundle(struct ag_check *c)
{
	const struct or_opt_list *files = &c->config->bundle.keys;
	struct keys k = {0};
	struct or_err err;
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < files->n && i < KEYS_MAX && rc == OR_OK; i++)
		rc = read_key(&k, files->items[i], &err);
	if (rc)
		ag_check_say(c, AG_CHECK_FAIL, "bundle keys", "%s", err.msg);
	else if (c->product)
		open_bundle(c, &k);
	for (size_t i = 0; i < k.n; i++) {
		or_crypto_key_free(k.key[i]);
		or_buf_done(&k.id[i]);
	}
}

/* -- the state directory -- */

/* A shared lock that is let go at once: whoever starts meanwhile waits for a moment. */
static bool is_held(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return held;
}

static uint64_t bytes_in(const char *dir)
{
	struct or_sys_names names;
	uint64_t sum = 0;

	if (or_sys_list(&names, dir, NULL))
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		char path[PATH_MAX];
		struct stat st;

		if (snprintf(path, sizeof(path), "%s/%s", dir, names.names[i]) < PATH_MAX &&
		    stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	or_sys_names_free(&names);
	return sum;
}

/* The nearest directory that is there: the state directory is made at the start. */
static void nearest(char out[PATH_MAX], const char *path)
{
	snprintf(out, PATH_MAX, "%s", path);
	while (access(out, F_OK) != 0) {
		char *slash = strrchr(out, '/');

		if (!slash || slash == out) {
			snprintf(out, PATH_MAX, "%s", slash ? "/" : ".");
			return;
		}
		*slash = 0;
	}
}

static void check_disk(struct ag_check *c, const char *dir)
{
	const struct ag_config *f = c->config;
	char spool[PATH_MAX], telemetry[PATH_MAX];
	uint64_t used, quota = f->spool.quota + f->capture.quota, free_bytes;
	struct statvfs vfs;

	snprintf(spool, sizeof(spool), "%s/spool", f->state);
	snprintf(telemetry, sizeof(telemetry), "%s/telemetry", f->state);
	used = bytes_in(spool) + bytes_in(telemetry);
	if (statvfs(dir, &vfs)) {
		ag_check_say(c, AG_CHECK_FAIL, "disk", "%s: %s", dir, strerror(errno));
		return;
	}
	free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (used + free_bytes < quota)
		ag_check_say(c, AG_CHECK_WARN, "disk",
		    "%llu MiB are free, the quotas allow %llu MiB more: lower spool.quota and "
		    "capture.quota, or make room",
		    (unsigned long long)(free_bytes >> 20),
		    (unsigned long long)((quota - used) >> 20));
	else
		ag_check_say(c, AG_CHECK_GOOD, "disk",
		    "%llu MiB free, spools hold %llu of %llu MiB",
		    (unsigned long long)(free_bytes >> 20), (unsigned long long)(used >> 20),
		    (unsigned long long)(quota >> 20));
}

static void check_state(struct ag_check *c)
{
	char dir[PATH_MAX], lock[PATH_MAX];
	const char *state = c->config->state;
	struct stat st;

	nearest(dir, state);
	snprintf(lock, sizeof(lock), "%s/spool/lock", state);
	c->has_running = is_held(lock);
	if (access(dir, W_OK | X_OK) != 0)
		ag_check_say(c, AG_CHECK_FAIL, "state",
		    "%s: %s: the agent's user must be able to write there", dir, strerror(errno));
	else if (stat(state, &st) == 0 && !S_ISDIR(st.st_mode))
		ag_check_say(c, AG_CHECK_FAIL, "state", "%s is no directory", state);
	else
		ag_check_say(c, AG_CHECK_GOOD, "state", "%s%s", state,
		    c->has_running            ? ", an agent runs with it"
		    : strcmp(dir, state) != 0 ? " (is made at the start)"
					      : "");
	check_disk(c, dir);
}

/* -- telemetry -- */

static enum or_code take_nothing(void *arg, struct or_slice request, uint64_t points)
{
	(void)arg;
	(void)request;
	(void)points;
	return OR_OK;
}

static void judge(struct ag_check *c, const char *what, enum or_code rc, const struct or_err *err)
{
	if (rc)
		ag_check_say(c, AG_CHECK_FAIL, what, "%s", err->msg);
	else
		ag_check_say(c, AG_CHECK_GOOD, what, "valid");
}

/* What they would refuse at the start; nothing of it begins, as the loop does not turn. */
static void check_capture(struct ag_check *c)
{
	const struct ag_config *f = c->config;
	struct or_metric_registry *reg = or_metric_registry_new(SERIES_MAX);
	struct or_http_client *client = or_http_client_new(c->loop, NULL);
	struct ag_redact_opt redact = {
	    .kinds = f->capture.redact, .patterns = f->capture.redact_patterns};
	struct ag_files_opt files = {
	    .loop = c->loop, .list = f->capture.files, .product = "check", .registry = reg};
	struct ag_scrape_opt scrape = {.loop = c->loop,
	    .client = client,
	    .targets = f->capture.scrape,
	    .product = "check",
	    .registry = reg,
	    .take = take_nothing,
	    .request_max = OR_MIB};
	struct ag_redact *made_redact = NULL;
	struct ag_files *made_files = NULL;
	struct ag_scrape *made_scrape = NULL;
	struct or_err err;

	judge(c, "capture.redact", ag_redact_new(&made_redact, &redact, &err), &err);
	if (files.list)
		judge(c, "capture.files", ag_files_new(&made_files, &files, &err), &err);
	if (scrape.targets)
		judge(c, "capture.scrape", ag_scrape_new(&made_scrape, &scrape, &err), &err);
	ag_redact_free(made_redact);
	ag_files_free(made_files);
	ag_scrape_free(made_scrape);
	or_http_client_free(client);
	or_metric_registry_free(reg);
}

void ag_check_files_run(struct ag_check *c)
{
	check_product(c);
	check_state(c);
	check_bundle(c);
	check_issuers(c);
	check_tls(c);
	check_secret(c, "join token", c->config->collector.join_token_file);
	check_capture(c);
}
