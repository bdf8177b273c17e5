/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/conn/conn.h"

#include "ebpf/object.h"

#include <arpa/inet.h>
#include <stdio.h>

static const struct tap_hook hooks[] = {
    {.name = "tp_btf/inet_sock_set_state", .progs = {"conn_state"}, .must = 1},
};

static const char *const outcomes[TAP_CONN_OUTCOMES] = {
    [TAP_CONN_MADE] = "made",
    [TAP_CONN_FAILED] = "failed",
    [TAP_CONN_ABANDONED] = "abandoned",
    [TAP_CONN_UNKNOWN] = "unknown",
};

static enum or_code decode(struct tap_event *out, struct or_slice raw)
{
	struct tap_conn *c = &out->conn;
	struct tap_raw_conn r;

	if (raw.n != sizeof(r))
		return OR_PARSE;
	memcpy(&r, raw.p, sizeof(r));
	if (r.outcome >= TAP_CONN_OUTCOMES || r.took_ns > INT64_MAX)
		return OR_PARSE;
	if (r.family != TAP_CONN_INET && r.family != TAP_CONN_INET6)
		return OR_PARSE;
	*c = (struct tap_conn){
	    .outcome = (enum tap_conn_outcome)r.outcome,
	    .error = r.error,
	    .took_ns = r.took_ns,
	    .v6 = r.family == TAP_CONN_INET6,
	    .local_port = r.local_port,
	    .peer_port = r.peer_port,
	};
	memcpy(c->local, r.local, sizeof(c->local));
	memcpy(c->peer, r.peer, sizeof(c->peer));
	return OR_OK;
}

void tap_conn_address(char out[TAP_CONN_ADDRESS], const struct tap_conn *c, bool local)
{
	unsigned int port = local ? c->local_port : c->peer_port;
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(c->v6 ? AF_INET6 : AF_INET, local ? c->local : c->peer, text, sizeof(text));
	snprintf(
	    out, TAP_CONN_ADDRESS, "%s%s%s:%u", c->v6 ? "[" : "", text, c->v6 ? "]" : "", port);
}

static void json(struct or_jsonw *w, const struct tap_event *ev)
{
	char text[TAP_CONN_ADDRESS];

	tap_conn_address(text, &ev->conn, false);
	or_jsonw_kv_text(w, "peer", text);
	tap_conn_address(text, &ev->conn, true);
	or_jsonw_kv_text(w, "local", text);
	or_jsonw_kv_text(w, "outcome", outcomes[ev->conn.outcome]);
	or_jsonw_kv_u64(w, "error", ev->conn.error);
	or_jsonw_kv_u64(w, "took_ns", ev->conn.took_ns);
}

const struct tap_probe tap_conn_probe = {
    .kind = TAP_CONN,
    .name = "conn",
    .object = &tap_object_conn,
    .ring_bytes = 64 * 1024,
    .hooks = hooks,
    .n_hooks = OR_LEN(hooks),
    .decode = decode,
    .json = json,
};
