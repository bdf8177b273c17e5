/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/node.h"

#include "base/json.h"
#include "base/log.h"
#include "base/net.h"
#include "base/sys.h"

#include "tests/support/fetch.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct co_config config;
	struct co_node *node;
	bool drained;
	struct or_err err;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	or_log_init(&(struct or_log_opt){.fd = 2, .level = OR_LOG_ERROR, .role = "test"});
	f->dir = support_tmpdir_new();
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	f->config = (struct co_config){.state = f->dir,
	    .listen = "127.0.0.1:0",
	    .name = "test",
	    .shards = 1,
	    .cert_life_ns = 86400 * OR_NS_PER_S,
	    .http_connections = 64,
	    .ingest_pending_bytes = 16 << 20,
	    .query_running = 2};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	co_node_close(f->node);
	or_loop_free(f->loop);
	support_tmpdir_remove(f->dir);
	or_log_done();
	test_free(f);
	return 0;
}

static void open_node(struct fixture *f)
{
	ASSERT_OK(co_node_open(&f->node, f->loop, &f->config, &f->err), &f->err);
}

static void close_node(struct fixture *f)
{
	co_node_close(f->node);
	f->node = NULL;
}

static void assert_refused(struct fixture *f, enum or_code code, const char *message)
{
	struct co_node *node = NULL;

	ASSERT_CODE(co_node_open(&node, f->loop, &f->config, &f->err), code);
	assert_null(node);
	ASSERT_HAS(f->err.msg, message);
}

static void state__holds_secrets_that_only_its_owner_reads(void **state)
{
	static const char *const secrets[] = {"admin.token", "keys/checkpoint.pem",
	    "keys/enrolment.pem", "keys/agent.pem", "enrol/agents.json"};
	struct fixture *f = *state;
	struct stat st;

	open_node(f);
	close_node(f);
	for (size_t i = 0; i < OR_LEN(secrets); i++) {
		assert_int_equal(stat(support_path(f->dir, secrets[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void endpoint__says_where_it_is_while_it_runs(void **state)
{
	struct fixture *f = *state;
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j;
	struct or_buf text;

	or_buf_init(&text, 4096);
	open_node(f);
	ASSERT_OK(or_sys_read_file(&text, support_path(f->dir, "endpoint"), &f->err), &f->err);
	ASSERT_OK(or_json_parse(&j, or_buf_slice(&text), a, &f->err), &f->err);
	ASSERT_SLICE(or_json_get_str(j, "url"), co_node_url(f->node));
	assert_int_equal(or_json_get_type(j, "pid", OR_JSON_INT)->i, getpid());
	close_node(f);
	assert_int_equal(access(support_path(f->dir, "endpoint"), F_OK), -1);
	or_buf_done(&text);
	or_arena_free(a);
}

static void state__has_one_collector(void **state)
{
	struct fixture *f = *state;

	open_node(f);
	assert_refused(f, OR_BUSY, "another outrider-collector uses");
	/* The one that was refused took nothing away. */
	assert_int_equal(access(support_path(f->dir, "endpoint"), F_OK), 0);
}

static void open__names_a_port_that_is_taken(void **state)
{
	struct fixture *f = *state;
	struct or_net_addr addr;
	char listen[OR_NET_TEXT_MAX];
	int fd;

	ASSERT_OK(or_net_parse(&addr, "127.0.0.1:0", &f->err), &f->err);
	ASSERT_OK(or_net_listen(&fd, &addr, &f->err), &f->err);
	ASSERT_OK(or_net_local(&addr, fd, &f->err), &f->err);
	or_net_text(listen, &addr);
	f->config.listen = listen;
	assert_refused(f, OR_BUSY, listen);
	assert_int_equal(access(support_path(f->dir, "endpoint"), F_OK), -1);
	or_sys_close(fd);
	open_node(f); /* and it can be tried again */
}

static void open__refuses_to_change_what_is_fixed(void **state)
{
	struct fixture *f = *state;

	open_node(f);
	close_node(f);
	f->config.shards = 2;
	assert_refused(f, OR_INVAL, "has another number of shards than the configuration");
	f->config.shards = 1;
	f->config.name = "other";
	assert_refused(f, OR_INVAL, "has another name than the configuration");
	f->config.name = "test";
	ASSERT_OK(or_sys_write_file(
		      support_path(f->dir, "shards.json"), OR_SLICE_LIT("{}"), 0600, &f->err),
	    &f->err);
	assert_refused(f, OR_CORRUPT, "shards.json has no shards or no name");
}

static void open__refuses_a_name_that_no_origin_can_have(void **state)
{
	struct fixture *f = *state;

	f->config.name = "a b";
	assert_refused(f, OR_INVAL, "name");
}

static void open__misses_a_key_that_was_there(void **state)
{
	static const char *const files[] = {
	    "keys/checkpoint.pem", "keys/enrolment.pem", "keys/agent.pem", "collector_id"};
	struct fixture *f = *state;
	struct or_buf kept;

	open_node(f);
	close_node(f);
	or_buf_init(&kept, 65536);
	for (size_t i = 0; i < OR_LEN(files); i++) {
		const char *path = support_path(f->dir, files[i]);

		or_buf_clear(&kept);
		ASSERT_OK(or_sys_read_file(&kept, path, &f->err), &f->err);
		ASSERT_OK(or_sys_unlink(path, &f->err), &f->err);
		assert_refused(f, OR_ABSENT, files[i]);
		ASSERT_OK(or_sys_write_file(
			      support_path(f->dir, files[i]), or_buf_slice(&kept), 0600, &f->err),
		    &f->err);
	}
	or_buf_done(&kept);
	open_node(f);
}

static void on_drained(void *arg)
{
	struct fixture *f = arg;

	f->drained = true;
}

static void drain__ends_by_itself(void **state)
{
	struct fixture *f = *state;
	struct or_http_client *client = or_http_client_new(f->loop, NULL);
	struct support_answer a = {0};
	struct or_http_client_req req = {.target = OR_SLICE_LIT("/healthz")};

	open_node(f);
	req.origin = co_node_url(f->node) + strlen("http://");
	support_fetch(&a, f->loop, client, &req);
	assert_int_equal(a.status, 200);
	co_node_drain(f->node, on_drained, f);
	while (!f->drained)
		or_loop_turn(f->loop, false);
	support_answer_done(&a);
	or_http_client_free(client);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(state__holds_secrets_that_only_its_owner_reads),
	    T(endpoint__says_where_it_is_while_it_runs),
	    T(state__has_one_collector),
	    T(open__names_a_port_that_is_taken),
	    T(open__refuses_to_change_what_is_fixed),
	    T(open__refuses_a_name_that_no_origin_can_have),
	    T(open__misses_a_key_that_was_there),
	    T(drain__ends_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
