/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP alone: the parser on one request, and client and server in one process over loopback with
 * 32 calls in flight (so the figure has both sides' CPU). One JSON line per case.
 */
#include "base/http_client.h"
#include "base/http_parse.h"
#include "base/http_server.h"

#include <stdio.h>
#include <time.h>

#define N_PARSED  1000000
#define N_CALLS   200000
#define IN_FLIGHT 32

static const char request[] =
    "GET /orders/2026?page=2&size=50 HTTP/1.1\r\nHost: orders.example\r\nAccept: */*\r\n"
    "User-Agent: bench/1.0\r\nAccept-Encoding: gzip, br\r\nAuthorization: Bearer "
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.c2ln\r\n"
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_parse(void)
{
	struct or_http_parse *p = or_http_parse_new(&(struct or_http_parse_opt){0});
	double before = cpu_s();

	for (int i = 0; i < N_PARSED; i++) {
		struct or_slice body;
		size_t used;
		enum or_http_parse_event event;

		event = or_http_parse_feed(p, or_slice_str(request), &used, &body);
		OR_ASSERT(event == OR_HTTP_PARSE_HEAD && used == sizeof(request) - 1);
		event = or_http_parse_feed(p, OR_SLICE_NONE, &used, &body);
		OR_ASSERT(event == OR_HTTP_PARSE_END);
		or_http_parse_next(p);
	}
	printf("{\"bench\":\"http\",\"case\":\"parse\",\"ns_per_request\":%.0f,\"bytes\":%zu}\n",
	    (cpu_s() - before) * 1e9 / N_PARSED, sizeof(request) - 1);
	or_http_parse_free(p);
}

struct rig {
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_http_client *client;
	int started, ended;
};

static void on_request(void *arg, struct or_http_req *req)
{
	static const uint8_t body[1024];

	(void)arg;
	or_http_req_respond(req, 200, "application/octet-stream", or_slice(body, sizeof(body)));
}

static void start_call(struct rig *rig);

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct rig *rig = arg;

	OR_ASSERT(answer->status == 200 && answer->body.n == 1024);
	rig->ended++;
	if (rig->started < N_CALLS)
		start_call(rig);
	else if (rig->ended == N_CALLS)
		or_loop_stop(rig->loop);
}

static void start_call(struct rig *rig)
{
	struct or_http_client_req req = {
	    .origin = or_http_server_address(rig->server), .target = OR_SLICE_LIT("/orders")};
	struct or_http_client_call *call;
	enum or_code rc;

	rig->started++;
	rc = or_http_client_fetch(&call, rig->client, &req, 4096, on_answer, rig, NULL);
	OR_ASSERT(rc == OR_OK);
}

static void bench_calls(void)
{
	struct or_http_server_opt opt = {.listen = "127.0.0.1:0", .on_request = on_request};
	struct rig rig = {0};
	enum or_code rc = or_loop_new(&rig.loop, NULL, NULL);
	double before;

	OR_ASSERT(rc == OR_OK);
	rc = or_http_server_new(&rig.server, rig.loop, &opt, NULL);
	OR_ASSERT(rc == OR_OK);
	rig.client =
	    or_http_client_new(rig.loop, &(struct or_http_client_opt){.max_idle = IN_FLIGHT});
	before = cpu_s();
	for (int i = 0; i < IN_FLIGHT; i++)
		start_call(&rig);
	or_loop_run(rig.loop);
	printf("{\"bench\":\"http\",\"case\":\"call\",\"cpu_us_per_call\":%.1f,\"calls\":%d}\n",
	    (cpu_s() - before) * 1e6 / N_CALLS, N_CALLS);
	or_http_client_free(rig.client);
	or_http_server_free(rig.server);
	or_loop_free(rig.loop);
}

int main(void)
{
	bench_parse();
	bench_calls();
	return 0;
}
