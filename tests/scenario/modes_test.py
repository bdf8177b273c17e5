# SPDX-License-Identifier: Apache-2.0
"""Modes of products and policies, and break-glass: what is let through and what is recorded. A grant
allows what policy denies, for one principal of one product and for a while; each use is in the trail
with the grant's id and reason and raises an alert by the rule that ships with the example."""
import http.server
import json
import os
import shutil
import threading

from world import ISSUER, ORDERS, World, check, check_has, main, wait_for

PORTS = '''customProperties:
  - {property: outrider.mode, value: %s}
'''

TRIALS = '''
@id("everybody-reads") permit (principal, action == Action::"read", resource);
@id("trial-forbid") @mode("shadow")
forbid (principal == User::"https://issuer.example#bob", action, resource);
@id("trial-permit") @mode("shadow") permit (principal, action == Action::"write", resource);
@id("watched") @mode("observe")
forbid (principal == User::"https://issuer.example#carol", action, resource);
'''


def product(w, mode=None, policy=None):
    directory = w.path("product")
    shutil.copytree(ORDERS, directory)
    path = os.path.join(directory, "dataproduct.yaml")
    if mode:
        with open(path) as f:
            text = f.read()
        check(text.count("customProperties:\n") == 1, "the example's own settings")
        with open(path, "w") as f:
            f.write(text.replace("customProperties:\n", PORTS % mode))
    if policy:
        with open(os.path.join(directory, "policy", "orders.cedar"), "w") as f:
            f.write(policy)
        cases = os.path.join(directory, "policy", "cases.yaml")
        if os.path.exists(cases):
            os.remove(cases)
    return path


def start(w, *args, **how):
    described = product(w, **how)
    w.up(*args)
    w.bundle(1, product=described)
    w.run_orders(product=described)


def records(w, query="kind=access since=1h"):
    w.shipped()
    rows = [r["record"] for r in w.audit(query)]
    return sorted((r for r in rows if r.get("phase") != "outcome"), key=lambda r: r["seq"])


def attributes(record):
    found = record.get("attributes", {})
    return found if isinstance(found, dict) else {a["key"]: a["value"] for a in found}


def a_product_in_shadow_lets_through_and_records():
    with World() as w:
        start(w, mode="shadow")
        check(w.get("/orders", w.token("bob", clearance=1)).status == 200, "a read that policy forbids")
        check(w.get("/orders", w.token("alice", clearance=2)).status == 200, "one that it allows")
        check(w.get("/totals").status == 200, "nobody")
        check(w.get("/totals", "a.b.c").status == 200, "a token that does not verify")
        rows = records(w)
        check([r["decision"] for r in rows] == ["would_deny", "allow", "would_deny", "would_deny"], rows)
        check(rows[0]["reason"] == "policy_forbid" and rows[0]["policies"] == ["confidential-needs-clearance"], rows[0])
        check(rows[2]["reason"] == "token_missing" and not rows[2].get("principal"), rows[2])


def a_product_that_observes_decides_nothing():
    with World() as w:
        start(w, mode="observe")
        check(w.get("/orders", w.token("bob", clearance=1)).status == 200, "who would be denied")
        check(w.get("/orders").status == 200, "nobody")
        rows = records(w)
        check([(r["decision"], r["reason"]) for r in rows] == [("allow", "observed")] * 2, rows)
        check(ISSUER + "#bob" in rows[0]["principal"], rows[0])
        check(attributes(rows[1])["identity"] == "token_missing", rows[1])


def policies_in_their_trial_decide_nothing():
    with World() as w:
        start(w, policy=TRIALS)
        check(w.get("/totals", w.token("alice")).status == 200, "alice")
        check(w.get("/totals", w.token("bob")).status == 200, "bob, whom the trial would deny")
        check(w.get("/totals", w.token("carol")).status == 200, "carol, who is only watched")
        check(w.get("/totals", w.token("alice"), method="POST", body="x").status == 403, "a write")
        alice, bob, carol, write = records(w)
        check(alice["decision"] == "allow" and not attributes(alice), alice)
        check(bob["decision"] == "would_deny" and attributes(bob)["shadow"] == "deny: trial-forbid", bob)
        check(carol["decision"] == "allow" and attributes(carol)["observe"] == "forbid: watched", carol)
        check(write["decision"] == "deny" and attributes(write)["shadow"] == "allow: trial-permit", write)
        refused = w.path("bad.cedar")
        with open(os.path.join(w.path("product"), "policy", "orders.cedar"), "a") as f:
            f.write('@mode("shadwo") permit (principal, action, resource);\n')
        said = w.cli("policy", "build", "--product", os.path.join(w.path("product"), "dataproduct.yaml"), "--key",
                     w.path("bundle.key"), "--revision", "2", "--out", refused, check_code=None)
        check(said.code != 0 and not os.path.exists(refused), "a mode that is none")
        check_has(said.err, "expected enforce, shadow or observe")


class Receiver:
    """A webhook receiver that keeps what it is sent."""

    def __enter__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()

    def rules(self, path):
        """The example's own, told to this receiver."""
        with open(f"{ORDERS}/alerts.yaml") as f:
            text = f.read()
        check(text.count("http://127.0.0.1:9095/alerts") == 1, "the example's receiver")
        with open(path, "w") as f:
            f.write(text.replace("127.0.0.1:9095", "127.0.0.1:%d" % self.server.server_address[1]))
        return path


def grant(w, *more, product="orders", sub="bob", key="bundle.key"):
    return w.cli("gate", "break-glass", "--product", product, "--principal", f"{ISSUER}#{sub}", "--key", w.path(key),
                 "--reason", "INC-4711: refunds", *more).out.strip()


def change(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def a_grant_breaks_the_glass():
    with World() as w, Receiver() as receiver:
        start(w, "--alerts", receiver.rules(w.path("alerts.yaml")))
        bob, carol = w.token("bob", clearance=1), w.token("carol", clearance=1)
        w.cli("key", "new", "--out", w.path("other.key"))
        agent = w.agent_admin("/v1/status").json()["agent_id"]

        def get(token, text):
            return w.get("/orders", token, headers={"X-Outrider-Break-Glass": text}).status

        check(w.get("/orders", bob).status == 403, "without a grant")
        right = grant(w, "--for", "10m", "--agent", agent, "--action", "read")
        check(get(bob, right) == 200, "with one")
        short = grant(w, "--for", "1s")
        wait_for("a grant to expire", lambda: get(bob, short) == 403)
        for token, text, fault in (
                (carol, right, "principal"), (bob, grant(w, product="totals"), "product"),
                (bob, grant(w, "--agent", "00000000-0000-4000-8000-000000000000"), "agent"),
                (bob, grant(w, "--action", "write"), "action"), (bob, grant(w, key="other.key"), "signature"),
                (bob, change(right, 20), "signature"), (bob, "obg1.e30", "malformed"), (bob, "x", "malformed")):
            check(get(token, text) == 403, f"{fault}: {text}")
            last = records(w)[-1]
            check(last["decision"] == "deny" and last["reason"] == "policy_forbid", last)
            check(attributes(last)["break_glass_refused"] == fault, f"{fault}: {last}")
        used = [r for r in records(w) if r["reason"] == "break_glass"]
        check(used[0]["decision"] == "allow" and ISSUER + "#bob" in used[0]["principal"], used)
        told = attributes(used[0])
        check(told["break_glass_reason"] == "INC-4711: refunds" and told["break_glass_over"] == "policy_forbid", told)
        check(len(told["break_glass"]) == 16 and used[0]["policies"] == ["confidential-needs-clearance"], used[0])
        expired = [r for r in records(w) if attributes(r).get("break_glass_refused") == "expired"]
        check(expired and expired[0]["decision"] == "deny", "an expired grant is in the trail")
        found = wait_for("the alert", lambda: [a for p in receiver.posts for a in p["alerts"]
                                               if a["labels"]["alertname"] == "BreakGlass"])
        check(found[0]["labels"]["severity"] == "critical", found)
        check_has(found[0]["annotations"]["summary"], ISSUER + "#bob")
        w.cli("gate", "break-glass", "--product", "orders", check_code=2)
        said = w.cli("gate", "break-glass", "--product", "orders", "--principal", "p", "--reason", "r", "--key",
                     w.path("bundle.key"), "--for", "25h", check_code=None)
        check(said.code != 0 and not said.out, "a grant for more than a day")


main(a_product_in_shadow_lets_through_and_records, a_product_that_observes_decides_nothing,
     policies_in_their_trial_decide_nothing, a_grant_breaks_the_glass)
