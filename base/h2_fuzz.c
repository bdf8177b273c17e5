/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's bytes. The first byte chooses the size of the pieces, when requests are answered, and
 * whether the preface is put in front. Whatever comes, each request is answered or closed, once,
 * and nothing is held in the end.
 */
#include "base/h2.h"

#include <stdlib.h>

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { HELD_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
	struct or_h2_req *held[HELD_MAX];
	size_t n_held;
	size_t n_given, n_ended;
	bool later;
};

static void answer(struct peer *p, struct or_h2_req *req)
{
	static const struct or_http_field field = {
	    {(const uint8_t *)"content-type", 12}, {(const uint8_t *)"a/b", 3}};
	struct or_h2_answer a = {.status = or_h2_req_fault(req) ? 413 : 200,
	    .fields = &field,
	    .n_fields = 1,
	    .body = or_h2_req_body(req),
	    .trailers = &field,
	    .n_trailers = or_h2_req_msg(req)->n_fields % 2};

	p->n_ended++;
	or_h2_req_answer(req, &a);
}

static void on_close(void *arg, enum or_code why)
{
	struct or_h2_req **place = arg;

	if (why != OR_CLOSED || !*place)
		abort();
	*place = NULL;
}

static void on_request(void *arg, struct or_h2_req *req)
{
	struct peer *p = arg;

	p->n_given++;
	if (!p->later || p->n_held == HELD_MAX) {
		answer(p, req);
		return;
	}
	p->held[p->n_held] = req;
	or_h2_req_attach(req, on_close, &p->held[p->n_held++]);
}

static void on_ready(void *arg)
{
	(void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct or_h2_ops ops = {.on_request = on_request, .on_ready = on_ready};
	static const struct or_h2_opt opt = {
	    .max_streams = 16, .max_head = 2048, .max_body = 4096, .max_bodies = 16384};
	struct or_h2_room *room = or_h2_room_new(&opt);
	struct peer peer = {.later = size && (data[0] & 0x40)};
	struct or_h2 *h2 = or_h2_new(room, &ops, &peer, 0);
	size_t piece = size && (data[0] & 0x3f) ? data[0] & 0x3f : 65536;
	struct or_slice in = or_slice(data, size);
	struct or_buf out;
	enum or_code rc = OR_OK;

	or_buf_init(&out, 64 * OR_MIB);
	if (size && (data[0] & 0x80))
		rc = or_h2_put(h2, OR_SLICE_LIT(MAGIC), 0);
	in = size ? or_slice_from(in, 1) : in;
	for (int64_t now = 0; in.n && !rc; now += OR_NS_PER_S) {
		size_t n = in.n < piece ? in.n : piece;

		rc = or_h2_put(h2, or_slice(in.p, n), now);
		or_h2_expire(h2, now);
		or_h2_take(h2, &out, out.n + 1024);
		in = or_slice_from(in, n);
	}
	or_h2_leave(h2);
	for (size_t i = 0; i < peer.n_held; i++) {
		if (peer.held[i])
			answer(&peer, peer.held[i]);
		peer.held[i] = NULL;
	}
	or_h2_take(h2, &out, SIZE_MAX);
	if (peer.n_ended > peer.n_given)
		abort();
	or_h2_free(h2);
	or_h2_room_free(room);
	or_buf_done(&out);
	return 0;
}
