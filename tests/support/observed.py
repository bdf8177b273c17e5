# SPDX-License-Identifier: Apache-2.0
"""A workload that does what a test says under the kernel's eyes, and the lineage observed of it."""
import json
import os
import sys

from world import Failed, check, wait_for

WORKLOAD = r'''
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
if os.path.exists(sys.argv[1]):
    exec(open(sys.argv[1]).read(), {"__name__": "act"})
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''


def run(w, act):
    for name, text in (("workload.py", WORKLOAD), ("act.py", act)):
        with open(w.path(name), "w") as f:
            f.write(text)
    os.environ["OUTRIDER_TAP_LINEAGE"] = "true"
    try:
        w.run_orders(command=[sys.executable, w.path("workload.py"), w.path("act.py")])
    finally:
        del os.environ["OUTRIDER_TAP_LINEAGE"]
    state = w.agent_admin("/v1/status").json()["tap"]
    if state["tier"] != "T1" or "lineage" in state["why"]:
        print(f"skip: the kernel's view is {state['tier']}: {state['why']}")
        return False
    return True


def graph(w):
    done = w.cli("lineage", "--json", "orders", check_code=None)
    return json.loads(done.out) if done.code == 0 else {"nodes": [], "edges": [], "findings": []}


def edges(w):
    """(read or write, data set) of everything that was observed."""
    found = set()
    for e in graph(w)["edges"]:
        if e["observed"]:
            read = e["from"].startswith("dataset:")
            found.add(("read", e["from"][8:]) if read else ("write", e["to"][8:]))
    return found


def expect(w, want):
    try:
        wait_for("the edges", lambda: edges(w) >= want)
    except Failed as e:
        raise Failed(f"{e}: missing {sorted(want - edges(w))}, found {sorted(edges(w))}") from e
    check(edges(w) == want, f"more than the true edges: {sorted(edges(w) - want)}")
