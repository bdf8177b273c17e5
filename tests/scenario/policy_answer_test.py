# SPDX-License-Identifier: Apache-2.0
"""Policies asked from the command line: authorize, explain, filter, list, test, check,
verify, diff. Exit codes say yes and no."""
import json
import os
import sqlite3

from world import ORDERS, World, check, check_has, main

CONTEXT = '{"method": "GET", "path": "/orders", "query": [], "client": "127.0.0.1"}'
ALICE = [{"uid": {"type": "User", "id": "alice"}, "attrs": {"clearance": 2, "domain": "sales"},
          "parents": [{"type": "Group", "id": "https://issuer.example#analysts"}]}]
ROWS = """
@id("own") @mask("customer_email:email, card:last-4")
permit (principal is User, action, resource is Row in Product::"orders")
when { principal has country && resource has country && resource.country == principal.country };
@id("big")
permit (principal in Group::"auditors", action, resource) when { resource.total_cents >= 1000 };
@id("cancelled")
forbid (principal, action, resource) when { resource.status == "cancelled" };
"""
BOB = [{"uid": {"type": "User", "id": "bob"}, "attrs": {"country": "A'T"},
        "parents": [{"type": "Group", "id": "auditors"}]}]


def write(w, name, content):
    path = os.path.join(w.dir, name)
    with open(path, "w") as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return path


def orders(w, verb, *args, code=0):
    """The policies of the example, asked about alice."""
    entities = write(w, "alice.json", ALICE)
    return w.cli("policy", verb, "--product", f"{ORDERS}/dataproduct.yaml", "--entities", entities,
                 "--principal", 'User::"alice"', "--context", CONTEXT, *args, check_code=code)


def a_request_is_decided():
    with World() as w:
        port = ("--resource", 'Port::"orders/orders"')
        r = orders(w, "authorize", "--action", "read", *port)
        check(r.out.splitlines()[0] == "allow", r)
        check_has(r.out, "by    analysts-read-within-clearance  orders.cedar:5")
        r = json.loads(orders(w, "authorize", "--action", "read", *port, "--json").out)
        check(r["decision"] == "allow" and r["reasons"] == [
            "analysts-read-within-clearance", "owners-read-and-write"], r)
        request = write(w, "request.json", {
            "principal": {"type": "User", "id": "bob"}, "action": "read",
            "resource": 'Port::"orders/orders"', "context": json.loads(CONTEXT),
            "entities": [{**BOB[0], "attrs": {}}]})
        r = w.cli("policy", "authorize", "--product", f"{ORDERS}/dataproduct.yaml", "--request",
                  request, check_code=1)
        check(r.out.startswith("deny: by a forbid"), r)
        policy = write(w, "p.cedar", 'permit (principal, action in Action::"all", resource);')
        schema = write(w, "s.cedarschema", "entity U; action all; action read in [all] "
                       "appliesTo {principal: U, resource: U};")
        w.cli("policy", "authorize", "--policy", policy, "--schema", schema, "--principal",
              'U::"a"', "--action", "read", "--resource", 'U::"b"')
        orders(w, "authorize", "--action", "red", *port, code=2)
        orders(w, "authorize", "--action", "read", "--resource", "orders", code=2)


def an_answer_says_why():
    with World() as w:
        r = orders(w, "explain", "--action", "delete", "--resource", 'Port::"orders/orders"')
        check_has(r.out, "principal.domain = \"sales\"")
        denied = CONTEXT.replace("127.0.0.1", "192.0.2.1")
        r = orders(w, "explain", "--action", "delete", "--resource", 'Port::"orders/orders"',
                   "--context", denied, "--json", code=1)
        policies = json.loads(r.out)["policies"]
        check([(p["policy"], p["role"]) for p in policies] ==
              [("delete-on-this-machine-only", "reason")], policies)
        check_has(json.dumps(policies), "context.client.isLoopback()")
        r = w.cli("policy", "explain", "--product", f"{ORDERS}/dataproduct.yaml", "--principal",
                  'User::"eve"', "--action", "read", "--resource", 'Port::"orders/totals"',
                  "--context", CONTEXT, check_code=1)
        check_has(r.out, "what came closest:\n  permit owners-read-and-write")
        check_has(r.out, "settled by principal has domain")


def rows_are_filtered():
    with World() as w:
        policy, entities = write(w, "rows.cedar", ROWS), write(w, "bob.json", BOB)
        base = ("policy", "filter", "--product", f"{ORDERS}/dataproduct.yaml", "--policy", policy,
                "--entities", entities, "--principal", 'User::"bob"', "--action", "read",
                "--table", "orders", "--json")
        r = json.loads(w.cli(*base, "--dialect", "sqlite").out)
        check(r["rows"] == "some" and "A'T" not in r["sql"], r)
        check([m["kind"] for m in r["masks"]] == ["last-4", "email"], r)
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE orders (id, country TEXT, total_cents INTEGER, status TEXT)")
        db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", [
            (1, "A'T", 1, "paid"), (2, "DE", 1, "paid"), (3, "DE", 1000, "paid"),
            (4, "A'T", 1000, "cancelled"), (5, None, 5000, "paid"), (6, "A'T", None, "paid"),
            (7, "A'T", 1, None), (8, "a't", None, "paid")])
        found = [i for (i,) in db.execute(f"SELECT id FROM orders WHERE {r['sql']}", r["params"])]
        check(found == [1, 3, 5, 6], found)
        skip = json.loads(w.cli(*base, "--dialect", "sqlite", "--on-forbid-error", "skip").out)
        found = [i for (i,) in db.execute(f"SELECT id FROM orders WHERE {skip['sql']}",
                                          skip["params"])]
        check(found == [1, 3, 5, 6, 7], found)
        check(json.loads(w.cli(*base, "--dialect", "ucast").out)["ucast"]["type"] == "compound",
              "ucast")
        write(w, "rows.cedar", ROWS + 'forbid (principal, action, resource) '
              'when { ip(resource.status).isLoopback() };')
        r = json.loads(w.cli(*base, check_code=1).out)
        check(r["rows"] == "refused" and "sql" not in r, r)
        check_has(r["why"], "rows.cedar#policy3")


def what_may_be_read_is_listed():
    with World() as w:
        r = orders(w, "list", "--action", "read", "--type", "Port")
        check(r.out == 'Port::"orders/orders"\nPort::"orders/totals"\n', r)
        r = w.cli("policy", "list", "--product", f"{ORDERS}/dataproduct.yaml", "--principal",
                  'User::"eve"', "--action", "read", "--context", CONTEXT, check_code=1)
        check(r.out == "", r)


def cases_run_like_tests():
    with World() as w:
        base = ("policy", "test", "--product", f"{ORDERS}/dataproduct.yaml")
        good = f"{ORDERS}/policy/cases.yaml"
        r = w.cli(*base, good)
        check(r.out.endswith("5 passed, 0 failed\n") and "\033" not in r.out, r)
        check(w.cli(*base, "--tap", good).out.splitlines()[::6] == ["TAP version 13", "1..5"], "TAP")
        with open(good) as f:
            bad = f.read().replace("expect: allow", "expect: deny").replace(
                "masks: {}", "masks: {email: redact}")
        r = w.cli(*base, write(w, "bad.yaml", bad), check_code=1)
        check_has(r.out, "  FAIL  an analyst with clearance reads confidential orders\n"
                         "          expected deny, got allow by analysts-read-within-clearance\n"
                         "          mask of email: expected redact, got none\n")
        check_has(r.out, "3 passed, 2 failed")
        r = json.loads(w.cli(*base, "--json", write(w, "bad.yaml", bad), check_code=1).out)
        check([c["ok"] for c in r["cases"]] == [False, True, False, True, True], r)
        r = w.cli(*base, write(w, "odd.yaml", bad.replace("expect:", "expects:")), check_code=2)
        check_has(r.err, "case 1: there is no key expects")
        policy, entities = write(w, "rows.cedar", ROWS), write(w, "bob.json", BOB)
        case = {"name": "rows", "principal": 'User::"bob"', "action": "read",
                "filter": {"table": "orders", "dialect": "sqlite", "rows": "some",
                           "params": ["A'T", 1000, "cancelled"]}}
        args = (*base, "--policy", policy, "--entities", entities)
        w.cli(*args, write(w, "filter.json", {"cases": [case]}))
        case["filter"]["rows"], case["filter"]["params"][1] = "all", 1001
        r = w.cli(*args, write(w, "filter.json", {"cases": [case]}), check_code=1)
        check_has(r.out, "filter: expected all of the rows, got some")
        check_has(r.out, 'filter: other parameters; got "A\'T", 1000, "cancelled"')


def policies_are_checked():
    with World() as w:
        check_has(w.cli("policy", "check", "--product", f"{ORDERS}/dataproduct.yaml").out,
                  "4 policies: valid")
        schema = f"{ORDERS}/policy/schema.cedarschema"
        path = write(w, "bad.cedar", "permit (principal is User, action == Action::\"read\", "
                     "resource) when { principal.shoe > 1 };\n")
        r = w.cli("policy", "check", "--policy", path, "--schema", schema, check_code=1)
        check_has(r.err, "bad.cedar:1:71: error: User has no attribute `shoe`")
        path = write(w, "bad.cedar", '@mask("x:blur") permit (principal, action, resource);\n')
        r = w.cli("policy", "check", "--policy", path, check_code=1)
        check_has(r.err, "unknown kind of mask")
        path = write(w, "bad.cedar", "permit (principal, action resource);\n")
        check_has(w.cli("policy", "check", "--policy", path, check_code=1).err, "bad.cedar:1:27")


def bundles_are_verified_and_compared():
    with World() as w:
        key, old, new = (os.path.join(w.dir, n) for n in ("k", "old.bundle", "new.bundle"))
        w.cli("key", "new", "--out", key)
        build = ("policy", "build", "--product", f"{ORDERS}/dataproduct.yaml", "--key", key)
        w.cli(*build, "--out", old, "--revision", "1")
        r = w.cli("policy", "verify", "--trust", f"{key}.pub", old)
        check(r.out.startswith("valid: product orders, revision 1, 4 policies"), r)
        w.cli("key", "new", "--out", f"{key}2")
        w.cli("policy", "verify", "--trust", f"{key}2.pub", old, check_code=1)
        with open(old, "rb") as f:
            data = f.read()
        with open(new, "wb") as f:
            f.write(data[:300] + bytes([data[300] ^ 1]) + data[301:])
        w.cli("policy", "verify", "--trust", f"{key}.pub", new, check_code=1)
        folder = os.path.join(w.dir, "policy")
        os.mkdir(folder)
        for name in ("orders.cedar", "schema.cedarschema"):
            with open(f"{ORDERS}/policy/{name}") as f:
                write(w, f"policy/{name}", f.read().replace("resource.level >= 2",
                                                            "resource.level >= 3"))
        w.cli(*build, "--out", new, "--revision", "2", "--policy", folder)
        ask = {"principal": 'User::"o"', "action": "read", "resource": 'Port::"orders/orders"',
               "context": json.loads(CONTEXT), "entities": [
                   {"uid": {"type": "User", "id": "o"}, "attrs": {"domain": "sales"},
                    "parents": []}]}
        other = {**ask, "resource": 'Port::"orders/totals"'}
        unfit = {**ask, "context": {}}
        requests = write(w, "requests.jsonl",
                         "\n".join(json.dumps(r) for r in (other, ask, unfit)) + "\n")
        diff = ("policy", "diff", "--product", f"{ORDERS}/dataproduct.yaml", "--trust",
                f"{key}.pub", "--requests", requests)
        r = w.cli(*diff, old, new, check_code=1)
        check(r.out == '2: User::"o" read Port::"orders/orders" \n    deny → allow\n'
              "1 of 3 requests change\n", r)
        r = json.loads(w.cli(*diff, "--json", new, old, check_code=1).out)
        check([(c["line"], c["before"], c["after"]) for c in r["changes"]] ==
              [(2, "allow", "deny")], r)
        w.cli(*diff, old, old)
        w.cli(*diff, new, folder)


if __name__ == "__main__":
    main(a_request_is_decided, an_answer_says_why, rows_are_filtered, what_may_be_read_is_listed,
         cases_run_like_tests, policies_are_checked, bundles_are_verified_and_compared)
