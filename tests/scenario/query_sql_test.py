#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random queries on random records: ours give what SQLite gives for the same question in SQL, and
DuckDB where Python has it. Records lie in sealed parts, in the unsealed tail and in both, in several
shards.

OUTRIDER_SQL_QUERIES says how many (2,000), OUTRIDER_SQL_SEED which; with OUTRIDER_SQL_DUCKDB=1 the
clients' environment gets DuckDB from PyPI, and where it cannot be had that is said."""
import ipaddress
import json
import os
import random
import re
import sqlite3
import subprocess
import sys

from audit_pb import Tool
from telemetry import clients_python
from world import check, main

try:
    import duckdb
except ImportError:
    duckdb = None

QUERIES = int(os.environ.get("OUTRIDER_SQL_QUERIES", "2000"))
SEED = int(os.environ.get("OUTRIDER_SQL_SEED", "1"))
PER_SET = 500  # queries on the same records
NOW = 1764000000 * 10**9
SECOND = 10**9

PEOPLE = ["alice", "bob", "carol", "dave", 'eve "q"', "zoë", "back\\slash", "a.b+c", ""]
ACTIONS = ["read", "write", "delete", "describe", ""]
TABLES = ["orders", "orders/api", "stock", "users", "x*y", "100%", "a_b", ""]
PEERS = ["10.0.0.1", "10.1.2.3:4444", "10.1.3.4", "192.0.2.7:99", "2001:db8::7",
         "[2001:db8:1::7]:443", "::ffff:10.1.2.9", "", "unix"]
METHODS = ["GET", "POST", "PUT", ""]
STATUSES = [0, 200, 201, 301, 403, 404, 500, 503]
KINDS = ["access", "policy", "identity"]
DECISIONS = ["", "allow", "deny", "error", "would_allow", "would_deny"]

# The language's field to the column and its type: text, name (of an enumeration), number, time,
# list. A name is compared with names that exist only.
FIELDS = {
    "product": "text", "action": "text", "principal": "text", "principal.type": "text",
    "principal.id": "text", "principal.issuer": "text", "resource": "text", "resource.type": "text",
    "resource.id": "text", "reason": "text", "port": "text", "request.method": "text",
    "request.path": "text", "peer": "text", "attributes.k": "text", "attributes.n": "text",
    "kind": "name", "decision": "name", "request.status": "number", "request.bytes_in": "number",
    "request.bytes_out": "number", "request.duration_ns": "number", "seq": "number",
    "bundle.revision": "number", "time": "time", "policies": "list", "trace_id": "id",
}
TEXTS = [f for f, t in FIELDS.items() if t == "text"]
NUMBERS = [f for f, t in FIELDS.items() if t == "number"]


def column(field):
    return '"' + field + '"'


def entity(kind, name):
    if not kind and not name:
        return ""
    return kind + '::"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def make_record(rng, i):
    kind, person = rng.choice(["User", "User", "Workload", ""]), rng.choice(PEOPLE)
    record = {
        "time": NOW + i * 10**6 - rng.randrange(0, 50000) * 1000 - 3600 * SECOND, "seq": i + 1,
        "product": rng.choice(["orders", "stock"]), "port": rng.choice(["", "api", "totals"]),
        "kind": rng.choice(KINDS), "decision": rng.choice(DECISIONS), "principal.type": kind,
        "principal.id": person, "principal.issuer": rng.choice(["", "", "https://idp.example"]),
        "action": rng.choice(ACTIONS), "resource.type": rng.choice(["Table", ""]),
        "resource.id": rng.choice(TABLES), "reason": rng.choice(["", "no_permit", "no permit"]),
        "bundle.revision": rng.randrange(4), "request.method": rng.choice(METHODS),
        "request.path": rng.choice(["", "/a", "/a/17", "/orders/" + str(rng.randrange(30))]),
        "request.status": rng.choice(STATUSES), "request.bytes_in": rng.randrange(50),
        "request.bytes_out": rng.choice([0, rng.randrange(1000), rng.randrange(10**9)]),
        "request.duration_ns": rng.randrange(1 << rng.randrange(1, 34)), "peer": rng.choice(PEERS),
        "trace_id": f"{rng.randrange(1, 400):032x}", "span_id": f"{i + 1:016x}",
        "policies": rng.sample(["p1", "p2", "a.b"], rng.randrange(3)),
    }
    attributes = {k: rng.choice(["v", "w", "zoë"]) for k in ("k", "n") if rng.random() < 0.5}
    return dict(record, attributes=attributes)


def as_row(record, shard, index):
    """What is absent is '' or 0; a list that is empty is one of ''."""
    row = {f: record.get(f, "") for f in FIELDS if f != "policies"}
    row["principal"] = entity(record["principal.type"], record["principal.id"])
    row["resource"] = entity(record["resource.type"], record["resource.id"])
    for key in ("k", "n"):
        row["attributes." + key] = record["attributes"].get(key, "")
    policies = record["policies"] or [""]
    row["p1"], row["p2"] = policies[0], policies[1] if len(policies) > 1 else None
    return dict(row, shard=shard, idx=index)


# ---- questions

def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def sql_text(text):
    return "'" + text.replace("'", "''") + "'"


def is_word(text):
    return bool(text) and all(c.isalnum() or c in "._-:/@#+%" for c in text)


def like(pattern):
    out = "".join("\\" + c if c in "%_\\" else "%" if c == "*" else c for c in pattern)
    return f"LIKE {sql_text(out)} ESCAPE '\\'"


def peers_in(net):
    """The addresses among PEERS that lie in net, by Python's own library."""
    net, found = ipaddress.ip_network(net), []
    for peer in PEERS:
        text = re.sub(r"^\[(.*)\](:\d+)?$", r"\1", peer)
        text = re.sub(r"^([\d.]+):\d+$", r"\1", text)
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address in net:
            found.append(peer)
    return found


class Question:
    """A random query, and the same in SQL."""

    def __init__(self, rng, rows):
        self.rng, self.rows = rng, rows
        self.where, self.ours = [], []
        self.sorts, self.keys, self.measures = [], [], []
        self.dedup, self.having, self.limit, self.having_ours = [], None, 1000, ""
        self.make()

    # -- tests

    def sample(self, field):
        """A value that some record has, or nearly."""
        value = str(self.rng.choice(self.rows)[field])
        if value and self.rng.random() < 0.2:
            value = value[:-1] if self.rng.random() < 0.5 else value + "x"
        return value

    def pattern(self, value):
        at = self.rng.randrange(len(value) + 1)
        shape = self.rng.randrange(4)
        if shape == 0:
            return value[:at] + "*"
        if shape == 1:
            return "*" + value[at:]
        if shape == 2:
            return value[:at // 2] + "*" + value[at:]
        return "*" + value[at // 2:at] + "*"

    def regex(self, value):
        at, end = sorted(self.rng.randrange(len(value) + 1) for _ in range(2))
        piece = re.sub(r"([^\w])", lambda m: m[0] if ord(m[0]) > 127 else "\\" + m[0],
                       value[at:end]).replace("\\ ", " ").replace("\\/", "/")
        return self.rng.choice([
            piece, "^" + piece, piece + "$", "^" + piece + "$", f"({piece}|^b)", f"^(?:{piece})*$",
            piece + "[a-e]+", f"{piece}.?{piece}", "^[^a-m]", r"^\w+$", r"\d{2,3}", r"^.{3,5}$",
            "^$", "[aeiou][^aeiou]+$", "(a|e)+.*(r|l)",
            "(?i)" + (piece.upper() if piece.isascii() else piece), r"\bapi\b"])

    def text_test(self, field, col):
        """(operand, SQL) of one text value."""
        value = self.sample(field) if field not in ("policies",) else self.rng.choice(
            ["p1", "p2", "a.b", "p", ""])
        kind = self.rng.randrange(4)
        if field == "peer" and kind == 0:
            net = self.rng.choice(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/23", "192.0.2.7/32",
                                   "2001:db8::/32", "2001:db8::/47", "0.0.0.0/0"])
            found = ", ".join(map(sql_text, peers_in(net)))
            return f"cidr({net})", f"{col} IN ({found})" if found else "1=0"
        if kind == 1 and is_word(self.pattern(value).replace("*", "a")):
            pattern = self.pattern(value)
            if is_word(pattern.replace("*", "a")):
                return pattern, f"{col} {like(pattern)}"
        word = is_word(value) and "*" not in value and value not in ("and", "or", "not", "in", "by")
        return (value if word and self.rng.random() < 0.5 else quote(value),
                f"{col} = {sql_text(value)}")

    def over_list(self, sql):
        """Of a list: any of its elements."""
        return "(" + sql("p1") + " OR (p2 IS NOT NULL AND " + sql("p2") + "))"

    def test_text(self, field):
        negate = self.rng.random() < 0.3
        is_list = FIELDS[field] == "list"
        if self.rng.random() < 0.25:
            source = self.rng.choice(["p1", "a.b", ""]) if is_list else self.sample(field)
            expression = self.regex(source)
            body = expression.replace('"', '\\"') if '\\"' not in expression else expression

            def match(col):
                return f"regexp_matches({col}, {sql_text(expression)})"
            ours = f'{field} {"!~" if negate else "~"} "{body}"'
            sql = self.over_list(match) if is_list else match(column(field))
        elif self.rng.random() < 0.25:
            tests = [self.text_test(field, "{}") for _ in range(self.rng.randrange(1, 4))]

            def match(col):
                return "(" + " OR ".join(t.replace("{}", col) for _, t in tests) + ")"
            ours = f"{field} in ({', '.join(o for o, _ in tests)})"
            ours = "not " + ours if negate else ours
            sql = self.over_list(match) if is_list else match(column(field))
        else:
            operand, test = self.text_test(field, "{}")

            def match(col):
                return test.replace("{}", col)
            ours = f"{field}{'!=' if negate else '='}{operand}"
            sql = self.over_list(match) if is_list else match(column(field))
        return ours, f"NOT ({sql})" if negate else f"({sql})"

    def test_number(self, field):
        col, value = column(field), self.rng.choice(self.rows)[field]
        shape = self.rng.randrange(6)
        as_text = f"CASE WHEN {col} = 0 THEN '' ELSE CAST({col} AS VARCHAR) END"
        if shape == 0:
            pattern = self.pattern(str(value))
            return f"{field}={pattern}", f"({as_text}) {like(pattern)}"
        if shape == 1:
            digit = str(self.rng.randrange(10))
            return f'{field} ~ "^{digit}"', f"regexp_matches({as_text}, '^{digit}')"
        if shape == 2:
            many = [value, self.rng.randrange(600), 0]
            return (f"{field} in ({', '.join(map(str, many))})",
                    f"{col} IN ({', '.join(map(str, many))})")
        op = self.rng.choice(["=", "!=", "<", "<=", ">", ">="])
        if field.endswith("_ns") and self.rng.random() < 0.3:
            return f"{field}{op}{value // 10**6}ms", f"{col} {op} {value // 10**6 * 10**6}"
        return f"{field}{op}{value}", f"{col} {op} {value}"

    def test_time(self):
        op = self.rng.choice(["<", "<=", ">", ">=", "=", "!="])
        value = self.rng.choice(self.rows)["time"]
        return f"time{op}{rfc3339(value)}", f'"time" {op} {value}'

    def test_name(self, field):
        names = [n for n in (KINDS if field == "kind" else DECISIONS) if n]
        value = self.rng.choice(names)
        if self.rng.random() < 0.2:
            return f"{field}=*{value[1:]}", f"{column(field)} {like('*' + value[1:])}"
        op = self.rng.choice(["=", "!="])
        return f"{field}{op}{value}", f"{column(field)} {op} '{value}'"

    def test(self):
        dice = self.rng.random()
        if dice < 0.5:
            return self.test_text(self.rng.choice(TEXTS + ["policies"]))
        if dice < 0.75:
            return self.test_number(self.rng.choice(NUMBERS))
        if dice < 0.9:
            return self.test_name(self.rng.choice(["kind", "decision"]))
        if dice < 0.95:
            value = self.sample("trace_id")
            return f"trace_id={quote(value)}", f"trace_id = {sql_text(value)}"
        return self.test_time()

    def tree(self, depth):
        if depth == 0 or self.rng.random() < 0.4:
            return self.test()
        a, b = self.tree(depth - 1), self.tree(depth - 1)
        op = self.rng.choice(["and", "or"])
        sep = " " if op == "and" and self.rng.random() < 0.5 else f" {op} "
        ours, sql = f"({a[0]}{sep}{b[0]})", f"({a[1]} {op.upper()} {b[1]})"
        if self.rng.random() < 0.2:
            return "not " + ours, f"(NOT {sql})"
        return ours, sql

    def filter(self):
        parts, sqls = [], []
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):
            ours, sql = self.tree(2)
            parts.append(ours)
            sqls.append(sql)
        return " ".join(parts), sqls

    # -- stages

    def key(self):
        if self.rng.random() < 0.2 and not any(k[0] == "time" for k in self.keys):
            name, ns = self.rng.choice([("10ms", 10**7), ("250ms", 25 * 10**7), ("minute", 60 * SECOND),
                                        ("7s", 7 * SECOND), ("day", 86400 * SECOND)])
            return name, ("time", f'"time" - "time" % {ns}')
        field = self.rng.choice(TEXTS + NUMBERS + ["kind", "decision"])
        return field, (field, column(field))

    def measure(self):
        """(ours, full name, SQL for SQLite, SQL for DuckDB)"""
        kind = self.rng.choice(["count", "distinct", "sum", "min", "max", "avg", "quantile"])
        if kind == "count":
            return "count", "count", "COUNT(*)", "COUNT(*)"
        field = self.rng.choice(NUMBERS + (TEXTS if kind == "distinct" else []))
        col = column(field)
        if kind == "distinct":
            sql = f"COUNT(DISTINCT {col})"
            return f"distinct {field}", f"distinct({field})", sql, sql
        if kind == "avg":
            return (f"avg({field})", f"avg({field})", f"SUM({col}) / COUNT(*)",
                    f"SUM({col}) // COUNT(*)")
        if kind == "quantile":
            millionths = self.rng.choice([0, 1000000, 500000, 900000, 990000, 333333])
            p = f"{millionths / 1000000:.6f}".rstrip("0")
            p = p + "0" if p.endswith(".") else p
            duck = (f"list_sort(list({col}))[greatest(1, "
                    f"(COUNT(*) * {millionths} + 999999) // 1000000)]")
            return (f"quantile({p}, {field})", f"quantile({p},{field})",
                    f"quantile({col}, {millionths})", duck)
        sql = f"{kind.upper()}({col})"
        return f"{kind} {field}", f"{kind}({field})", sql, sql

    def groups(self):
        text, names = [], set()
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            m = self.measure()
            if m[1] in names:
                continue
            names.add(m[1])
            alias = f"m{len(self.measures)}"
            self.measures.append((alias, m))
            text.append(f"{m[0]} as {alias}")
        by = []
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):
            ours, key = self.key()
            if key[0] not in [k[0] for k in self.keys]:
                self.keys.append(key)
                by.append(ours)
        self.ours.append(", ".join(text) + (" by " + ", ".join(by) if by else ""))
        if self.rng.random() < 0.3:
            alias = self.rng.choice(self.measures)[0]
            op, n = self.rng.choice(["<", "<=", ">", ">=", "=", "!="]), self.rng.randrange(60)
            self.having = f"{alias} {op} {n}"
            self.ours.append(f"where {alias} {op} {n}")
        if self.rng.random() < 0.4:
            names = [a for a, _ in self.measures] + [k[0] for k in self.keys]
            self.sorts = [(n, self.rng.random() < 0.5)
                          for n in self.rng.sample(names, self.rng.randrange(1, len(names) + 1))][:4]
            self.ours.append("sort " + ", ".join(n + (" desc" if d else "") for n, d in self.sorts))
        if self.rng.random() < 0.5:
            self.limit = self.rng.randrange(1, 20)
            self.ours.append(f"limit {self.limit}")

    def records(self):
        if self.rng.random() < 0.25:
            self.dedup = self.rng.sample(TEXTS + ["decision", "request.status", "trace_id"],
                                         self.rng.randrange(1, 3))
            self.ours.append("dedup " + ", ".join(self.dedup))
        if self.rng.random() < 0.3:
            self.sorts = [(f, self.rng.random() < 0.5) for f in self.rng.sample(
                TEXTS + NUMBERS + ["decision", "time", "trace_id"], self.rng.randrange(1, 4))]
            self.ours.append("sort " + ", ".join(f + (" desc" if d else "") for f, d in self.sorts))
        self.limit = self.rng.randrange(1, 200)
        self.ours.append(f"fields seq | limit {self.limit}")

    def make(self):
        ours, self.where = self.filter()
        if self.rng.random() < 0.25:
            at = self.rng.choice(self.rows)["time"]
            ours += f" since={rfc3339(at)}"
            self.where.append(f'"time" >= {at}')
        if self.rng.random() < 0.15:
            at = self.rng.choice(self.rows)["time"]
            ours += f" until={rfc3339(at)}"
            self.where.append(f'"time" < {at}')
        if self.rng.random() < 0.15:
            more, sql = self.tree(1)
            self.ours.append("where " + more)
            self.where.append(sql)
        self.is_groups = self.rng.random() < 0.5
        if self.is_groups:
            self.groups()
        else:
            self.records()
        self.query = (ours + "".join(" | " + stage for stage in self.ours)).strip()

    # -- the same in SQL

    def sql(self, engine):
        where = " AND ".join(self.where) or "1=1"
        if self.is_groups:
            items = [f"{m[2 if engine == 'sqlite' else 3]} AS {a}" for a, m in self.measures]
            items += [f'{sql} AS {column("k_" + name)}' for name, sql in self.keys]
            group = " GROUP BY " + ", ".join(sql for _, sql in self.keys) if self.keys else ""
            inner = f"SELECT {', '.join(items)} FROM t WHERE {where}{group} HAVING COUNT(*) > 0"
            return f"SELECT * FROM ({inner}) AS g" + (f" WHERE {self.having}" if self.having else "")
        newest = '"time" DESC, shard DESC, idx DESC'
        order = ", ".join([column(f) + (" DESC" if d else "") for f, d in self.sorts] + [newest])
        source = f"(SELECT * FROM t WHERE {where}) AS f"
        if self.dedup:
            by = ", ".join(map(column, self.dedup))
            source = (f"(SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {by} ORDER BY "
                      f"{newest}) AS nth FROM {source}) AS n WHERE nth = 1) AS d")
        return f"SELECT seq FROM {source} ORDER BY {order} LIMIT {self.limit}"

    def expect(self, rows):
        """What ours must give, from the rows of the SQL."""
        if not self.is_groups:
            return [r[0] for r in rows]
        names = [a for a, _ in self.measures]
        out = []
        for row in rows:
            values = dict(zip(names + [k[0] for k in self.keys], row))
            out.append(values)
        out.sort(key=lambda v: key_json(v, self.keys).encode())
        for name, descending in reversed(self.sorts or [(names[0], True)]):
            out.sort(key=lambda v, n=name: v[n].encode() if isinstance(v[n], str) else v[n],
                     reverse=descending)
        return [as_json(v, self.keys) for v in out[:self.limit]]


def rfc3339(ns):
    import datetime
    seconds, rest = divmod(ns, SECOND)
    text = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest // 1000:06d}Z"


def as_json(values, keys):
    """A row as ours has it: what is absent is null, a time RFC 3339."""
    out = dict(values)
    for name, _ in keys:
        out[name] = rfc3339(out[name]) if name == "time" else out[name] or None
    return out


def key_json(values, keys):
    shown = as_json(values, keys)
    return json.dumps({name: shown[name] for name, _ in keys}, ensure_ascii=False,
                      separators=(",", ":"))


class Quantile:
    def __init__(self):
        self.values = []

    def step(self, value, millionths):
        self.values.append(value)
        self.millionths = millionths

    def finalize(self):
        self.values.sort()
        rank = -(-len(self.values) * self.millionths // 1000000)
        return self.values[max(rank, 1) - 1] if self.values else None


def open_engines(rows):
    names = list(rows[0])
    kinds = {n: "BIGINT" if isinstance(rows[0][n], int) else "VARCHAR" for n in names}
    table = f"CREATE TABLE t ({', '.join(column(n) + ' ' + kinds[n] for n in names)})"
    data = [[r[n] for n in names] for r in rows]
    marks = ", ".join("?" * len(names))
    lite = sqlite3.connect(":memory:")
    lite.execute("PRAGMA case_sensitive_like = ON")
    lite.create_aggregate("quantile", 2, Quantile)
    cache = {}

    def matches(text, expression):
        if expression not in cache:
            cache[expression] = re.compile(expression, re.ASCII)
        return bool(cache[expression].search(text))
    lite.create_function("regexp_matches", 2, matches, deterministic=True)
    lite.execute(table)
    lite.executemany(f"INSERT INTO t VALUES ({marks})", data)
    engines = {"sqlite": lite}
    if duckdb:
        duck = duckdb.connect(":memory:", config={"threads": 1})
        duck.execute(table)
        duck.executemany(f"INSERT INTO t VALUES ({marks})", data)
        engines["duckdb"] = duck
    return engines


def fill(tool, rng, seed):
    """Shard 0: sealed, of several parts; 1: half sealed; 2: a tail; 3: little of both."""
    rows, sealed = [], {0: 500, 1: 200, 3: 20}
    sizes = {0: 500, 1: 400, 2: 250, 3: 30}
    order = [s for s, n in sizes.items() for _ in range(n)]
    rng.shuffle(order)
    counts = {s: 0 for s in sizes}
    for i, shard in enumerate(order):
        record = make_record(rng, i)
        rows.append(as_row(record, shard, counts[shard]))
        tool.put(shard, record)
        counts[shard] += 1
        if counts[shard] == sealed.get(shard) or (shard == 0 and counts[0] in (100, 350)):
            tool.seal(shard)
    return rows


def run_set(seed, n):
    rng = random.Random(seed)
    found = 0
    with Tool(NOW) as tool:
        rows = fill(tool, rng, seed)
        engines = open_engines(rows)
        for _ in range(n):
            q = Question(rng, rows)
            ours = tool.ask(q.query)
            check(isinstance(ours, list), f"seed {seed}: {q.query}\n{ours}")
            if not q.is_groups:
                ours = [r["record"]["seq"] for r in ours]
            for name, engine in engines.items():
                theirs = q.expect(engine.execute(q.sql(name)).fetchall())
                check(ours == theirs, f"seed {seed}, {name}: {q.query}\n{q.sql(name)}\n"
                                      f"ours   {ours[:5]}\ntheirs {theirs[:5]}")
            found += bool(ours)
    check(found > n // 3, f"{found} of {n} queries find something")


def go_on_with_duckdb():
    """Starts again in the clients' environment."""
    python = clients_python()
    if not python or os.path.realpath(sys.prefix) == os.path.realpath(
            os.path.dirname(os.path.dirname(python))):
        print("DuckDB is not to be had: SQLite alone is compared", flush=True)
        return
    done = subprocess.run([python, "-m", "pip", "install", "-q", "duckdb"], timeout=300)
    if done.returncode:
        print("DuckDB is not to be had: SQLite alone is compared", flush=True)
        return
    os.execv(python, [python, *sys.argv])


def ours_is_what_sql_says():
    print(f"{QUERIES} queries against SQLite" + (" and DuckDB" if duckdb else ""), flush=True)
    for at in range(0, QUERIES, PER_SET):
        run_set(SEED * 1000003 + at, min(PER_SET, QUERIES - at))


if __name__ == "__main__":
    if os.environ.get("OUTRIDER_SQL_DUCKDB") == "1" and not duckdb:
        go_on_with_duckdb()
    main(ours_is_what_sql_says)
