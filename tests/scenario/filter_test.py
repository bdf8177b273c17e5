# SPDX-License-Identifier: Apache-2.0
"""Row filters of a running gate: in real SQLite (and PostgreSQL, where it is installed) a filter
lets exactly those rows through that /v1/decide allows one by one, UCAST selects the same, masks come
with them, and what no condition can say is denied. Every answer is in the audit trail."""
import json
import os
import random
import shutil
import sqlite3
import textwrap
import urllib.request

from filter_postgres_slow_test import Postgres, programs
from world import ORDERS, World, check, check_has, main

SCHEMA = '''
entity Domain;
entity Product in [Domain];
entity Port in [Product, Domain] = {
  name: String, version: String, domain: String, classification: String, level: Long,
};
entity Group;
entity User in [Group] = { clearance?: Long, country?: String };
entity Row in [Port, Product, Domain] = {
  id?: Long, owner?: String, country?: String, amount?: Long, open?: Bool, note?: String, tags?: Set<String>,
};
action read, write appliesTo {
  principal: [User],
  resource: [Row],
  context: { method: String, path: String, query: Set<String>, client?: ipaddr, purpose?: String },
};
'''

POLICY = '''
@id("own-country") @mask("note:redact")
permit (principal is User, action == Action::"read", resource is Row in Port::"orders/orders")
when { principal has country && resource has country && resource.country == principal.country };

@id("small-amounts")
permit (principal in Group::"https://issuer.example#analysts", action == Action::"read", resource is Row)
when { resource has amount && resource.amount < 100 && principal has clearance && principal.clearance * 10 > resource.amount };

@id("open-or-mine")
permit (principal is User, action == Action::"read", resource is Row)
when { resource has open && resource.open && resource has owner && resource.owner like "a*" };

@id("never-frozen")
forbid (principal, action, resource is Row)
when { resource has note && resource.note == "frozen" };

@id("tagged")
permit (principal is User, action == Action::"write", resource is Row)
when { resource has tags && resource.tags.contains("mine") };
'''

CONTRACT = '''
apiVersion: v3.1.0
kind: DataContract
id: orders-v1
name: Orders
version: 1.2.0
status: active
domain: sales
schema:
  - name: orders
    logicalType: object
    physicalName: sales_orders
    properties:
      - {name: id, logicalType: integer, required: true, classification: internal}
      - {name: owner, logicalType: string, classification: internal}
      - {name: country, logicalType: string, classification: internal}
      - {name: amount, logicalType: integer, classification: internal}
      - {name: open, logicalType: boolean, classification: internal}
      - {name: note, logicalType: string, classification: confidential}
      - {name: tags, logicalType: array, items: {logicalType: string}}
'''

COLUMNS = ("id", "owner", "country", "amount", "open", "note")


def product(w):
    directory = w.path("product")
    shutil.copytree(ORDERS, directory)
    shutil.rmtree(os.path.join(directory, "policy"))
    os.makedirs(os.path.join(directory, "policy"))
    for name, text in (("policy/rows.cedar", POLICY), ("policy/schema.cedarschema", SCHEMA),
                       ("orders.odcs.yaml", CONTRACT)):
        with open(os.path.join(directory, name), "w") as f:
            f.write(textwrap.dedent(text).lstrip())
    return os.path.join(directory, "dataproduct.yaml")


def random_rows(n):
    dice = random.Random(7)
    texts = ("anna", "A", "bo", "", "NL", "nl", "NL ", "frozen", "Frozen", "a%_", None)
    return [{"id": i, "owner": dice.choice(texts), "country": dice.choice(("NL", "nl", "BE", "NL ", None)),
             "amount": dice.choice((-2**63, -1, 0, 9, 10, 19, 20, 99, 100, 2**63 - 1, None)),
             "open": dice.choice((True, False, None)), "note": dice.choice(texts)} for i in range(n)]


class Asker:
    def __init__(self, w):
        self.origin = "http://" + w.endpoint("agents/orders")["decide"]

    def post(self, path, body, **headers):
        request = urllib.request.Request(self.origin + path, json.dumps(body).encode(),
                                         {k.replace("_", "-"): v for k, v in headers.items()})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def filter(self, token, **more):
        return self.post("/v1/filter", {"input": {"token": token, "table": "orders", **more}})["result"]

    def allowed(self, token, rows):
        """The ids of the rows that are allowed one by one."""
        found = set()
        for at in range(0, len(rows), 256):
            part = rows[at:at + 256]
            answer = self.post("/v1/data/outrider/allow", {"inputs": [
                {"token": token, "masks": True, "table": "orders", "row": row} for row in part]})
            found |= {row["id"] for row, r in zip(part, answer["responses"]) if r["result"]}
        return found


def in_sqlite(rows, filtered):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE sales_orders (id INTEGER, owner TEXT COLLATE NOCASE, country TEXT COLLATE RTRIM, "
               "amount INTEGER, open INTEGER, note TEXT)")
    db.executemany("INSERT INTO sales_orders VALUES (?, ?, ?, ?, ?, ?)", [[row[c] for c in COLUMNS] for row in rows])
    found = db.execute(f"SELECT id FROM sales_orders WHERE {filtered['sql']}", filtered["params"])
    return {row[0] for row in found}


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, (bool, int)) else "'" + value.replace("'", "''") + "'"


def in_postgresql(db, rows, filtered):
    values = ", ".join("(" + ", ".join(literal(row[c]) for c in COLUMNS) + ")" for row in rows)
    lines = db.sql("DROP TABLE IF EXISTS sales_orders; CREATE TABLE sales_orders (id bigint, owner text, country text, "
                   f"amount bigint, open boolean, note text); INSERT INTO sales_orders VALUES {values};"
                   f"PREPARE q AS SELECT id FROM sales_orders WHERE {filtered['sql']};"
                   f"EXECUTE q{'(' if filtered['params'] else ''}{', '.join(literal(p) for p in filtered['params'])}"
                   f"{')' if filtered['params'] else ''};")
    return {int(line) for line in lines}


def holds(node, row):
    """UCAST as an interpreter without null has it: what is absent matches nothing."""
    if node["type"] == "compound":
        parts = [holds(n, row) for n in node["value"]]
        return {"and": all, "or": any, "not": lambda p: not p[0]}[node["operator"]](parts)
    have, want = row[node["field"].split(".", 1)[1]], node["value"]
    if node["operator"] in ("eq", "ne") and (have is None or want is None):
        return (have is want) == (node["operator"] == "eq")
    if have is None:
        return False
    return {"eq": lambda: have == want, "ne": lambda: have != want, "lt": lambda: have < want, "lte": lambda: have <= want,
            "gt": lambda: have > want, "gte": lambda: have >= want, "in": lambda: have in want,
            "nin": lambda: have not in want, "startswith": lambda: have.startswith(want),
            "endswith": lambda: have.endswith(want), "contains": lambda: want in have}[node["operator"]]()


def selects_what_is_allowed(w, asker, rows, db):
    sizes = []
    for sub, claims in (("alice", {"clearance": 2, "country": "NL"}), ("bob", {"clearance": 10}),
                        ("carol", {"country": "nl"}), ("dan", {}), ("eve", {"clearance": 1, "country": ""})):
        token = w.token(sub, **claims)
        wanted = asker.allowed(token, rows)
        sizes.append(len(wanted))
        filtered = asker.filter(token, dialect="sqlite")
        check(filtered["allow"] and filtered["rows"] == "some", f"{sub}: {filtered}")
        check(filtered["table"] == "sales_orders", f"{filtered}")
        got = in_sqlite(rows, filtered)
        check(got == wanted, f"{sub} in SQLite: {sorted(got ^ wanted)} differ by {filtered['sql']}")
        condition = asker.filter(token, dialect="ucast")["ucast"]
        got = {row["id"] for row in rows if holds(condition, row)}
        check(got == wanted, f"{sub} by UCAST: {sorted(got ^ wanted)} differ")
        if db:
            got = in_postgresql(db, rows, asker.filter(token, dialect="postgresql"))
            check(got == wanted, f"{sub} in PostgreSQL: {sorted(got ^ wanted)} differ")
    check(len(set(sizes)) > 3, f"the same for all: {sizes}")
    print(f"rows allowed of {len(rows)}: {sizes}" + ("" if db else "; PostgreSQL is not installed"))


def obligations_and_refusals(w, asker):
    alice = w.token("alice", clearance=2, country="NL")
    check(asker.filter(alice)["masks"] == [{"column": "note", "kind": "redact"}], "the mask of a permit that may hold")
    refused = asker.filter(alice, method="POST")
    check(refused["allow"] is False and refused["reason"] == "filter_unsupported" and "sql" not in refused, refused)
    check_has(refused["message"], "tagged")
    check(asker.filter("a.b.c")["reason"] == "unauthenticated", "a token that does not verify")
    compiled = asker.post("/v1/compile/outrider/orders", {"input": {}, "unknowns": ["input.orders"]},
                          Accept="application/vnd.opa.sql.sqlite+json", Authorization="Bearer " + alice)["result"]
    check(compiled["query"].startswith("WHERE ") and compiled["query"][6:] == asker.filter(alice, dialect="sqlite")["sql"],
          compiled)
    check(compiled["masks"] == {"sales_orders": {"note": {"replace": {"value": None}}}}, compiled)
    w.shipped()
    rows = [r["record"] for r in w.audit("front=decide decision=allow since=1h") if r["record"].get("obligations")]
    check(any(r["obligations"][0] == "filter:orders" for r in rows), f"not in the trail: {rows[:2]}")


def a_filter_gives_the_rows_that_are_allowed():
    with World() as w:
        w.up()
        described = product(w)
        w.bundle(1, product=described)
        w.run_orders(product=described)
        rows, asker = random_rows(150), Asker(w)
        path = programs()
        if path:
            with Postgres(path) as db:
                selects_what_is_allowed(w, asker, rows, db)
        else:
            selects_what_is_allowed(w, asker, rows, None)
        obligations_and_refusals(w, asker)


if __name__ == "__main__":
    main(a_filter_gives_the_rows_that_are_allowed)
