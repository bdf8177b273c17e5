# SPDX-License-Identifier: Apache-2.0
"""Who is not who they say: agents of other products, revoked ones, keys that were taken back, text
that wants to be more than text."""
import base64
import http.client
import json
import os
import re
import subprocess

from world import BIN, World, check, check_has, main, wait_for


def collector(w, method, path, body=None, headers=None, admin=False):
    host, port = w.collector_listen.rsplit(":", 1)
    headers = dict(headers or {})
    if admin:
        with open(os.path.join(w.state, "collector/admin.token")) as f:
            headers["Authorization"] = "Bearer " + f.read().strip()
    c = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        c.request(method, path, body=body, headers=headers)
        r = c.getresponse()
        return r.status, json.loads(r.read() or b"{}")
    finally:
        c.close()


def forge(w, product):
    """Posts one record under the key of the agent of orders."""
    p = subprocess.run([os.path.join(BIN, "enrol-forge-tool"),
                        os.path.join(w.state, "agents/orders"), product],
                       stdout=subprocess.PIPE, text=True, timeout=20, check=True)
    frame, batch = p.stdout.split()
    return collector(w, "POST", "/v1/ingest/outrider.audit", base64.b64decode(batch),
                     {"Outrider-Frame": frame})


def letters(w):
    """The heads of the dead letters."""
    found = []
    for folder, _, names in os.walk(os.path.join(w.state, "collector")):
        for name in sorted(names):
            if name.endswith(".letter"):
                with open(os.path.join(folder, name), "rb") as f:
                    found.append(json.loads(f.readline()))
    return found


def an_agent_speaks_for_its_own_products_alone():
    with World() as w:
        w.up()
        w.run_orders()
        token = w.token("bob", clearance=1)
        check(w.get("/totals?limit=1", token).status == 200, "bob")
        w.shipped()
        check_has(w.cli("doctor").out, "connected")

        status, body = forge(w, "payments")
        check(status == 403 and body["error"] == "product", (status, body))
        check_has(body["message"], '"payments"')
        wait_for("a dead letter", lambda: len(letters(w)) == 1)
        check(letters(w)[0]["reason"] == "product", letters(w))
        check_has(letters(w)[0]["detail"], '"payments"')
        check_has(w.cli("doctor", check_code=1).out, "1 frames were refused and kept")
        check(w.audit("principal.id=forged") == [], "a forged record was stored")
        check(w.audit("product=payments") == [], "a record of another product was stored")
        check(w.get("/totals?limit=1", token).status == 200, "the real agent goes on")
        w.shipped()
        check_has(w.cli("verify").out, "complete and unchanged")


def a_revoked_agent_is_heard_no_more():
    with World() as w:
        w.up()
        w.run_orders()
        token = w.token("bob", clearance=1)
        check(w.get("/totals?limit=1", token).status == 200, "before")
        w.shipped()
        _, body = collector(w, "GET", "/v1/agents", admin=True)
        agent = next(a["agent_id"] for a in body["agents"] if a["products"] == ["orders"])
        path = f"/v1/agents/{agent}/revoke"
        check(collector(w, "POST", path)[0] == 401, "anybody may revoke")
        check(collector(w, "POST", path, admin=True)[0] == 200, "revoke")
        status, body = forge(w, "orders")
        check(status == 403 and body["error"] == "revoked", (status, body))
        # What it sees from now on stays in its spool, and that is said.
        check(w.get("/totals?limit=1", token).status == 200, "after")
        wait_for("the doctor to see it",
                 lambda: "spooling" in w.cli("doctor", check_code=1).out)
        check(len(w.audit("port=totals")) == 1, "a record of a revoked agent was stored")
        # Its certificate gets it no other one, and its id no other key.
        status, body = collector(w, "POST", "/v1/join-tokens", admin=True,
                                 body=json.dumps({"products": ["orders"], "ttl": "10m"}))
        check(status == 200, body)
        rows = w.audit("kind=admin action=revoke")
        check(len(rows) == 1 and agent in rows[0]["record"]["resource"], rows)


def keys_rotate_and_go():
    with World() as w:
        w.up()
        old, new = w.issuer(), w.issuer("issuer2")
        w.run_orders()
        jwks = os.path.join(old, "jwks.json")
        with open(jwks) as f:
            first = json.load(f)["keys"]
        with open(os.path.join(new, "jwks.json")) as f:
            second = json.load(f)["keys"]

        def publish(keys):
            with open(jwks + ".new", "w") as f:
                json.dump({"keys": keys}, f)
            os.replace(jwks + ".new", jwks)

        ask = lambda token: w.get("/totals?limit=1", token).status
        a, b = w.token("bob", clearance=1), w.token("bob", issuer="issuer2", clearance=1)
        check(ask(a) == 200 and ask(b) == 401, "before")
        publish(first + second)
        wait_for("the new key", lambda: ask(b) == 200)
        check(ask(a) == 200, "the old token goes on")
        publish(second)
        # It is in the cache of verdicts, for a minute: that must not help.
        wait_for("the old key to be gone", lambda: ask(a) == 401, deadline=10)
        check(ask(b) == 200, "the new one stays")
        # A set that is none changes nothing.
        with open(jwks, "w") as f:
            f.write('{"keys": [')
        wait_for("the refusal of the set", lambda: "issuer.keys_refused" in open(
            os.path.join(w.state, "agents/orders/agent.log")).read())
        check(ask(b) == 200 and ask(a) == 401, "the last set stays")
        check(ask(w.token("bob", issuer="issuer2", aud="payments", clearance=1)) == 401,
              "a token of another audience")
        check(ask(b[:-8] + "AAAAAAAA") == 401, "another signature")
        w.shipped()
        reasons = {r["record"]["reason"] for r in w.audit("request.status=401")}
        check({"key_unknown", "token_audience", "token_signature"} <= reasons, reasons)


EVIL = "eve\x1b[31m\x9b2J\n  reason    policy_permit\u202etimrep\u2028x"
# What may not reach a terminal: controls but for line breaks, C1, and what turns text around.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def text_stays_text():
    with World() as w:
        w.up()
        w.run_orders()
        token = w.token(EVIL, clearance=1)
        check(w.get("/orders", token).status == 403, "eve")
        # The same trace id as hers, from somebody else.
        w.shipped()
        row = w.audit("decision=deny kind=access")[0]
        trace = row["record"]["trace_id"]
        parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        check(w.get("/totals?limit=1", w.token("bob", clearance=1), headers=parent).status == 200,
              "bob")
        check(w.get("/totals/%1b%5b31m", token).status == 400, "a control in a path")
        check(w.get("/totals?%1b%5b31m=%c2%9b", token).status == 200, "one in a query")
        check(w.get("/totals", token, headers={"X-Outrider-Purpose": "\x9b31m"}).status == 400,
              "a purpose that is no UTF-8")
        unlisted = w.get("/totals", token, headers={
            "X-Outrider-Purpose": "fraud\x9b31m".encode().decode("latin-1")})
        check(unlisted.status == 403, unlisted)
        w.shipped()
        for args in (["audit", "since=1h"], ["audit", "--json", "since=1h"],
                     ["why", row["id"]], ["why", trace], ["why", "--json", trace],
                     ["audit", "since=1h | count by principal.id, request.path"]):
            out = w.cli(*args).out
            found = UNSAFE.search(out)
            check(not found, f"{args}: {found and ascii(out[max(0, found.start() - 40):][:120])}")
        why = w.cli("why", row["id"]).out
        reasons = [x for x in why.splitlines() if x.strip().startswith("reason")]
        check(len(reasons) == 1 and "policy_forbid" in reasons[0], f"a forged line: {why}")
        table = w.cli("audit", "decision=deny since=1h").out
        check(not any(x.strip().startswith("reason") for x in table.splitlines()), table)
        check("bob" in w.cli("why", trace).out and "eve" in w.cli("why", trace).out,
              "why of a trace shows everybody who used its id")
        unlisted = w.audit("reason=purpose_unknown")
        check(len(unlisted) == 1, unlisted)


def secrets_stay_where_they_are():
    with World() as w:
        w.up()
        run = w.run_orders()
        token = w.token("bob", clearance=1)
        check(w.get("/totals?limit=1", token).status == 200, "bob")
        check(w.get("/totals?limit=1", token + "x").status == 401, "a token that is none")
        w.shipped()
        secrets = {"a bearer token": token, "its signature": token.rsplit(".", 1)[1]}
        with open(os.path.join(w.state, "collector/admin.token")) as f:
            secrets["the admin token"] = f.read().strip()
        for path in (w.path("bundle.key"), os.path.join(w.state, "agents/orders/agent.pem")):
            with open(path) as f:
                secrets[path] = f.read().splitlines()[1]
        pids = [run.pid, w.endpoint("agents/orders")["pid"], w.endpoint("collector")["pid"]]
        shown = {f"/v1/status": w.agent_admin("/v1/status").body,
                 "/metrics": w.agent_admin("/metrics").body,
                 "audit": w.cli("audit", "--json", "since=1h").out,
                 "doctor": w.cli("doctor").out}
        for pid in pids:
            for name in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{name}") as f:
                    shown[f"{name} of {pid}"] = f.read()
        for pid in pids[1:]:
            with open(f"/proc/{pid}/limits") as f:
                line = next(x for x in f if x.startswith("Max core file size"))
            check(line.split()[4:6] == ["0", "0"], line)
        for folder, dirs, names in os.walk(w.state):
            check(os.stat(folder).st_mode & 0o027 == 0, f"{folder}: others may look in")
            for name in names:
                path = os.path.join(folder, name)
                mode = os.stat(path).st_mode & 0o777
                secret = name.endswith((".pem", ".token", ".key")) or "join" in name
                check(not secret or mode & 0o077 == 0, f"{path}: mode {mode:o}")
                if name.endswith(".log") or "/spool/" in path or "/shards/" in path:
                    with open(path, errors="replace") as f:
                        shown[path] = f.read()
        for what, text in shown.items():
            for name, secret in secrets.items():
                check(secret not in text, f"{what} shows {name}")
        print(f"     {len(secrets)} secrets, {len(shown)} places")


if __name__ == "__main__":
    main(an_agent_speaks_for_its_own_products_alone, a_revoked_agent_is_heard_no_more,
         keys_rotate_and_go, text_stays_text, secrets_stay_where_they_are)
